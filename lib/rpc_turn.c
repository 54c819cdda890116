// Turning a conversation: who reads, what is due, and how it waits.
#include <poll.h>
#include <string.h>

#include "chan/bell.h"
#include "os/os.h"
#include "rpc_inside.h"

enum {
	NOW_AND_THEN = 64,
	TICK = 10000000, // ns between two looks at deadlines
};

// The deadline of the call whose handler a thread runs. Not a thread-local variable: tcc, which links the first start of programs, knows none.
static pthread_key_t inherited;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool have_inherited;

static void make_inherited(void)
{
	have_inherited = pthread_key_create(&inherited, NULL) == 0;
}

static atomic_uint inheriting; // handlers whose calls have a deadline to inherit

bool spore__rpc_inherits(void)
{
	return atomic_load_explicit(&inheriting, memory_order_relaxed) > 0;
}

const int64_t *spore__rpc_inherit(const int64_t *deadline)
{
	(void)pthread_once(&once, make_inherited);
	const int64_t *before = have_inherited ? pthread_getspecific(inherited) : NULL;
	if (have_inherited)
		(void)pthread_setspecific(inherited, deadline);
	if (deadline != NULL && before == NULL)
		atomic_fetch_add_explicit(&inheriting, 1, memory_order_relaxed);
	else if (deadline == NULL && before != NULL)
		atomic_fetch_sub_explicit(&inheriting, 1, memory_order_relaxed);
	return before;
}

static int64_t inherited_deadline(void)
{
	(void)pthread_once(&once, make_inherited);
	const int64_t *deadline = have_inherited ? pthread_getspecific(inherited) : NULL;
	return deadline != NULL ? *deadline : SPORE__RPC_NEVER;
}

int64_t spore__rpc_deadline(int timeout_ms)
{
	if (timeout_ms == SPORE_INHERIT)
		return inherited_deadline();
	if (timeout_ms < 0)
		return SPORE__RPC_NEVER;
	return timeout_ms == SPORE_NOW ? 0 : spore__bell_now() + (int64_t)timeout_ms * 1000000;
}

void spore__rpc_note_deadline(struct spore_rpc *r, int64_t deadline)
{
	int64_t next = atomic_load_explicit(&r->next_due, memory_order_relaxed);
	while (deadline < next) {
		if (atomic_compare_exchange_weak(&r->next_due, &next, deadline)) {
			spore__rpc_poke(r); // it sleeps until the one before
			return;
		}
	}
}

// ---- the thread that reads, and those that wait for it

bool spore__rpc_enter(struct spore_rpc *r, bool *nested)
{
	uintptr_t none = 0, me = spore__rpc_self();
	*nested = atomic_load_explicit(&r->reader, memory_order_relaxed) == me;
	return *nested || atomic_compare_exchange_strong(&r->reader, &none, me);
}

void spore__rpc_leave(struct spore_rpc *r, bool nested)
{
	if (nested)
		return;
	atomic_store_explicit(&r->reader, 0, memory_order_release);
	spore__rpc_fence(r);
	if (atomic_load_explicit(&r->waiters, memory_order_relaxed) > 0)
		spore__rpc_wake_waiters(r);
}

void spore__rpc_wake_waiters(struct spore_rpc *r)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load(&r->waiters) == 0)
		return;
	pthread_mutex_lock(&r->lock);
	(void)pthread_cond_broadcast(&r->woken);
	pthread_mutex_unlock(&r->lock);
}

enum spore_err spore__rpc_follow(struct spore_rpc *r, int64_t deadline, bool (*until)(void *arg), void *arg)
{
	int e = 0;
	const struct timespec at = {.tv_sec = (time_t)(deadline / 1000000000),
	                            .tv_nsec = (long)(deadline % 1000000000)};
	pthread_mutex_lock(&r->lock);
	atomic_fetch_add(&r->waiters, 1);
	spore__rpc_barrier(r); // it is known to the one that leaves, or that one has left
	while (e == 0 && !until(arg) && atomic_load(&r->reader) != 0)
		e = deadline == SPORE__RPC_NEVER ? pthread_cond_wait(&r->woken, &r->lock)
		                                 : pthread_cond_timedwait(&r->woken, &r->lock, &at);
	atomic_fetch_sub(&r->waiters, 1);
	pthread_mutex_unlock(&r->lock);
	return e == 0 ? SPORE_OK : SPORE_ETIMEOUT;
}

// ---- turning

static void expire(struct spore_rpc *r, int64_t now)
{
	// Notes that come meanwhile are earlier, or found by the next look.
	atomic_store(&r->next_due, SPORE__RPC_NEVER);
	int64_t asks = spore__rpc_asks_expire(r, now), calls = spore__rpc_calls_expire(r, now);
	int64_t next = asks < calls ? asks : calls;
	if (next != SPORE__RPC_NEVER)
		spore__rpc_note_deadline(r, next < now + TICK ? now + TICK : next);
}

void spore__rpc_attend(struct spore_rpc *r)
{
	if (atomic_load_explicit(&r->attention, memory_order_relaxed))
		(void)atomic_exchange(&r->attention, false);
	if (atomic_load_explicit(&r->queued, memory_order_relaxed) > 0)
		spore__rpc_flush(r);
	int64_t due = atomic_load_explicit(&r->next_due, memory_order_relaxed);
	bool refusals =
	    atomic_load_explicit(&r->refusals, memory_order_relaxed) && atomic_exchange(&r->refusals, false);
	if (due != SPORE__RPC_NEVER || refusals) {
		int64_t now = spore__bell_now();
		if (refusals || now >= due)
			expire(r, now);
	}
	if (r->parked != NULL)
		spore__rpc_run_parked(r);
}

static bool has_attention(const struct spore_rpc *r)
{
	spore__rpc_fence(r);
	return atomic_load_explicit(&r->attention, memory_order_relaxed);
}

bool spore__rpc_arm(struct spore_rpc *r)
{
	atomic_store_explicit(&r->asleep, true, memory_order_relaxed); // until the next turn
	return !has_attention(r) && (r->bytes || spore__chan_arm(r->chan));
}

enum { MORE = 2 };

// Something is queued, so room is waited for as well.
static enum spore_err poll_both(struct spore_rpc *r, int64_t deadline, struct pollfd *more, unsigned count)
{
	enum { RETRY_NS = 5000000 };
	struct pollfd p[MORE + 2];
	int fd = spore_chan_fd(r->chan);
	if (fd < 0) { // plain POSIX
		int64_t soon = spore__bell_now() + RETRY_NS;
		enum spore_err e =
		    spore__chan_pause(r->chan, deadline < 0 || soon < deadline ? soon : deadline, more, count);
		return e == SPORE_ETIMEOUT && (deadline < 0 || soon < deadline) ? SPORE_OK : e;
	}
	if (!spore__chan_arm(r->chan))
		return SPORE_OK;
	memcpy(p, more, count * sizeof p[0]);
	p[count] = (struct pollfd){.fd = fd, .events = (short)(spore_chan_events(r->chan) | POLLIN)};
	int n = spore__bell_poll(p, count + 1, deadline);
	for (unsigned i = 0; i < count && n > 0; i++)
		more[i].revents = p[i].revents;
	return n > 0 ? SPORE_OK : n == 0 ? SPORE_ETIMEOUT : SPORE_ECANCELLED;
}

// Waits for something to do. SPORE_OK, SPORE_ETIMEOUT, SPORE_ECANCELLED.
static enum spore_err rest(struct spore_rpc *r, int64_t deadline, struct pollfd *more, unsigned count)
{
	struct pollfd p[MORE + 1];
	enum spore_err e = SPORE_OK;
	int64_t due = atomic_load_explicit(&r->next_due, memory_order_relaxed);
	if (due < deadline)
		deadline = due;
	int64_t until = deadline == SPORE__RPC_NEVER ? -1 : deadline;
	for (unsigned i = 0; i < count; i++)
		p[i] = more[i];
	p[count] = (struct pollfd){.fd = r->wake[0], .events = POLLIN};
	atomic_store_explicit(&r->asleep, true, memory_order_relaxed);
	if (!has_attention(r)) {
		if (atomic_load_explicit(&r->queued, memory_order_relaxed) > 0)
			e = poll_both(r, until, p, count + 1);
		else
			e = spore__chan_pause(r->chan, until, p, count + 1);
		for (unsigned i = 0; i < count; i++)
			more[i].revents = p[i].revents;
		if (p[count].revents != 0)
			spore__io_wake_hear(r->wake);
	}
	atomic_store_explicit(&r->asleep, false, memory_order_relaxed);
	return e;
}

static bool any_ready(const struct pollfd *p, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (p[i].revents != 0)
			return true;
	return false;
}

static bool is_over_time(int64_t deadline)
{
	return deadline != SPORE__RPC_NEVER && spore__bell_now() >= deadline;
}

enum spore_err spore__rpc_read(struct spore_rpc *r, int64_t deadline, bool (*until)(void *arg), void *arg,
                               struct pollfd *more, unsigned count)
{
	unsigned handled = 0;
	bool over = false;
	for (;;) {
		// Once something was handled a turn is not to wait for more.
		enum spore_err e = spore__rpc_take(r, deadline != 0 && (until != NULL || handled == 0));
		if (e == SPORE_OK) {
			if (until != NULL && until(arg))
				return SPORE_OK;
			if (++handled % NOW_AND_THEN != 0 &&
			    (until != NULL || r->bytes || spore__chan_has_next(r->chan)))
				continue;
			spore__rpc_attend(r);
			if (until == NULL)
				return SPORE_OK;
			if (deadline != 0 && is_over_time(deadline))
				return SPORE_ETIMEOUT;
			continue;
		}
		spore__rpc_attend(r);
		if (until != NULL ? until(arg) : handled > 0)
			return SPORE_OK;
		if (e != SPORE_EAGAIN && e != SPORE_ENOTWIRED)
			return e;
		if (deadline == 0) {
			if (spore__rpc_arm(r))
				return e;
			continue;
		}
		if (over)
			return e == SPORE_ENOTWIRED ? e : SPORE_ETIMEOUT;
		enum spore_err slept = rest(r, deadline, more, count);
		if (slept == SPORE_ECANCELLED || slept == SPORE_ESYSTEM)
			return slept;
		if (any_ready(more, count))
			return SPORE_OK;
		over = is_over_time(deadline); // a peer may wake this end up for nothing again and again
	}
}

enum spore_err spore_rpc_turn(struct spore_rpc *r, int timeout_ms)
{
	bool nested;
	if (!spore__rpc_enter(r, &nested))
		return SPORE_EBUSY;
	if (atomic_load_explicit(&r->asleep, memory_order_relaxed)) { // after a poll
		atomic_store_explicit(&r->asleep, false, memory_order_relaxed);
		spore__io_wake_hear(r->wake);
	}
	enum spore_err e = spore__rpc_read(r, spore__rpc_deadline(timeout_ms), NULL, NULL, NULL, 0);
	if (r->owns_gather && r->gathered != spore_chan_events(r->chan)) {
		r->gathered = spore_chan_events(r->chan);
		(void)spore__io_gather_add(r->gather, spore_chan_fd(r->chan), r->gathered);
	}
	spore__rpc_leave(r, nested);
	return e;
}

enum spore_err spore_rpc_run(struct spore_rpc *r)
{
	enum { LOOK = 256 }; // turns
	struct pollfd stop = {.fd = spore_stop_fd(), .events = POLLIN};
	enum spore_err e = SPORE_OK;
	bool nested;
	if (!spore__rpc_enter(r, &nested))
		return SPORE_EBUSY;
	for (unsigned turns = 0; e == SPORE_OK || e == SPORE_ECANCELLED; turns++) {
		if ((turns % LOOK == 0 || stop.revents != 0 || e == SPORE_ECANCELLED) && spore_stop_requested()) {
			e = SPORE_OK;
			break;
		}
		stop.revents = 0;
		e = spore__rpc_read(r, SPORE__RPC_NEVER, NULL, NULL, &stop, 1);
	}
	spore__rpc_leave(r, nested);
	return e;
}
