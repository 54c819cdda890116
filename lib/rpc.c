#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chan/bell.h"
#include "chan/inside.h"
#include "os/os.h"
#include "rpc_inside.h"

enum {
	IN_FLIGHT = 128,
	MOST_IN_FLIGHT = 1 << 20,
	OUTGOING = 4 << 20,
	LARGEST = 64 << 20,
	FIRST = 512,      // bytes of a buffer
	CHUNK = 64 << 10, // bytes that are read of a stream at once
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

const int64_t *spore__rpc_inherit(const int64_t *deadline)
{
	(void)pthread_once(&once, make_inherited);
	const int64_t *before = have_inherited ? pthread_getspecific(inherited) : NULL;
	if (have_inherited)
		(void)pthread_setspecific(inherited, deadline);
	return before;
}

static int64_t inherited_deadline(void)
{
	(void)pthread_once(&once, make_inherited);
	const int64_t *deadline = have_inherited ? pthread_getspecific(inherited) : NULL;
	return deadline != NULL ? *deadline : SPORE__RPC_NEVER;
}

uintptr_t spore__rpc_self(void)
{
	return (uintptr_t)pthread_self();
}

bool spore__rpc_buffer_reserve(struct spore__rpc_buffer *b, size_t size)
{
	if (size <= b->cap)
		return true;
	size_t cap = b->cap < FIRST ? FIRST : b->cap * 2;
	if (cap < size)
		cap = size;
	unsigned char *data = realloc(b->data, cap);
	if (data == NULL)
		return false;
	*b = (struct spore__rpc_buffer){data, cap};
	return true;
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
	(void)atomic_exchange(&r->reader, 0);
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
	while (e == 0 && !until(arg) && atomic_load(&r->reader) != 0)
		e = deadline == SPORE__RPC_NEVER ? pthread_cond_wait(&r->woken, &r->lock)
		                                 : pthread_cond_timedwait(&r->woken, &r->lock, &at);
	atomic_fetch_sub(&r->waiters, 1);
	pthread_mutex_unlock(&r->lock);
	return e == 0 ? SPORE_OK : SPORE_ETIMEOUT;
}

// ---- what a peer's end means

static void tell_peer(struct spore_rpc *r, enum spore_err why)
{
	r->greeted = why == SPORE_OK;
	if (r->options.peer != NULL)
		r->options.peer(r, why, r->options.data);
}

static void greet(struct spore_rpc *r)
{
	if (!r->greeted)
		tell_peer(r, SPORE_OK);
}

// The peer says no more (SPORE_EEND; it may still listen), or is gone.
static void lose(struct spore_rpc *r, enum spore_err e)
{
	uint64_t number = spore__chan_number(r->chan, SPORE__RECEIVE);
	r->stream_at = r->stream_len = 0;
	r->scan = (struct spore__msgpack_scan){0};
	r->due_at = SPORE__RPC_NEVER;
	r->crowd = 0;
	if (!r->port)
		atomic_store(&r->over, (int)e);
	if (e != SPORE_EEND)
		spore__rpc_calls_end(r, number);
	spore__rpc_asks_end(r, r->port ? number : UINT64_MAX, e);
	if (r->greeted)
		tell_peer(r, e);
}

static void returned(struct spore_rpc *r)
{
	uint64_t number = spore__chan_number(r->chan, SPORE__RECEIVE);
	r->number = number;
	r->stream_at = r->stream_len = 0;
	r->scan = (struct spore__msgpack_scan){0};
	r->due_at = SPORE__RPC_NEVER;
	spore__rpc_calls_end(r, number - 1);
	spore__rpc_asks_end(r, number - 1, SPORE_ERETURNED);
	if (r->greeted)
		tell_peer(r, SPORE_ECLOSED);
	greet(r);
}

// The peer broke the rules.
static void cut_off(struct spore_rpc *r, enum spore_err e)
{
	r->skip = spore__chan_number(r->chan, SPORE__RECEIVE);
	spore__chan_hang_up(r->chan);
	lose(r, e);
}

// What the channel said, and what this says then.
static enum spore_err judge(struct spore_rpc *r, enum spore_err e)
{
	enum { ENDS = 3 }; // in a row: it is for good
	switch (e) {
	case SPORE_EAGAIN:
	case SPORE_ENOTWIRED:
		r->ends = 0;
		return e;
	case SPORE_ERETURNED:
		r->ends = 0;
		returned(r);
		return SPORE_OK;
	case SPORE_ENOMEM:
	case SPORE_ECANCELLED:
		return e;
	default:
		lose(r, e);
		if (r->port && ++r->ends == ENDS) {
			atomic_store(&r->over, (int)e);
			spore__rpc_asks_end(r, UINT64_MAX, e);
		}
		return SPORE_OK;
	}
}

// ---- messages

// A message that is longer than allowed: who called is told, as far as that can be seen.
static enum spore_err skip_large(struct spore_rpc *r)
{
	unsigned char head[32];
	const void *data;
	size_t len;
	uint32_t count;
	int64_t kind, id;
	enum spore_err e = spore_chan_read(r->chan, &data, &len, SPORE_NOW);
	if (e != SPORE_OK)
		return e;
	memcpy(head, data, sizeof head < len ? sizeof head : len);
	spore_chan_release(r->chan);
	struct spore__msgpack_reader at = spore__msgpack_reader(head, sizeof head < len ? sizeof head : len);
	// A count beyond what is there is no hindrance to a look at the first two.
	if (spore__msgpack_read_array(&at, &count) == SPORE__MSGPACK_OK &&
	    spore__msgpack_read_int(&at, &kind) == SPORE__MSGPACK_OK &&
	    spore__msgpack_read_int(&at, &id) == SPORE__MSGPACK_OK && id >= 0 && id <= UINT32_MAX) {
		if (kind == SPORE__RPC_REQUEST)
			(void)spore__rpc_refuse(r, spore__chan_number(r->chan, SPORE__RECEIVE), (uint32_t)id,
			                        SPORE_ETOOBIG, "the message is too long");
		else if (kind == SPORE__RPC_RESPONSE)
			spore__rpc_answer_refused(r, (uint32_t)id, SPORE_ETOOBIG);
	}
	return SPORE_ETOOBIG;
}

static enum spore_err receive_message(struct spore_rpc *r, bool briefly)
{
	size_t need = FIRST;
	for (;;) {
		if (r->in.cap < need && !spore__rpc_buffer_reserve(&r->in, need))
			return SPORE_ENOMEM;
		enum spore_err e = spore__chan_take(r->chan, r->in.data, r->in.cap, &r->in_len, briefly);
		if (e != SPORE_ETOOBIG)
			return e;
		if (r->in_len > r->options.largest)
			return skip_large(r);
		need = r->in_len;
	}
}

// The next message of a stream is copied into r->in. SPORE_EAGAIN: it is not whole.
static enum spore_err cut_message(struct spore_rpc *r)
{
	const unsigned char *from = r->stream.data + r->stream_at;
	enum spore__msgpack_err m =
	    spore__msgpack_scan(&r->scan, from, r->stream_len - r->stream_at, r->options.largest);
	if (m == SPORE__MSGPACK_MORE)
		return SPORE_EAGAIN;
	if (m != SPORE__MSGPACK_OK) {
		cut_off(r, m == SPORE__MSGPACK_LARGE ? SPORE_ETOOBIG : SPORE_EMALFORMED);
		return SPORE_ETOOBIG; // what is there is not looked at any more
	}
	r->in_len = r->scan.offset;
	r->scan = (struct spore__msgpack_scan){0};
	if (!spore__rpc_buffer_reserve(&r->in, r->in_len > FIRST ? r->in_len : FIRST))
		return SPORE_ENOMEM;
	memcpy(r->in.data, from, r->in_len);
	r->stream_at += r->in_len;
	return SPORE_OK;
}

static enum spore_err receive_bytes(struct spore_rpc *r)
{
	for (;;) {
		enum spore_err e = r->stream_at < r->stream_len ? cut_message(r) : SPORE_EAGAIN;
		if (e != SPORE_EAGAIN)
			return e;
		size_t left = r->stream_len - r->stream_at, got;
		if (left > 0 && r->stream_at > 0)
			memmove(r->stream.data, r->stream.data + r->stream_at, left);
		r->stream_at = 0;
		r->stream_len = left;
		if (!spore__rpc_buffer_reserve(&r->stream, left + CHUNK))
			return SPORE_ENOMEM;
		e = spore_chan_recv(r->chan, r->stream.data + left, r->stream.cap - left, &got, SPORE_NOW);
		if (e != SPORE_OK)
			return e;
		if (r->skip == 0 || r->skip != spore__chan_number(r->chan, SPORE__RECEIVE))
			r->stream_len += got;
	}
}

static bool is(const struct spore__rpc_message *m, const char *name)
{
	return strlen(name) == m->method_len && memcmp(name, m->method, m->method_len) == 0;
}

// A notification that begins with "$/".
static void handle_reserved(struct spore_rpc *r, const struct spore__rpc_message *m)
{
	struct spore__msgpack_value id, ms;
	bool item = is(m, "$/item");
	if (item || is(m, "$/progress")) {
		spore__rpc_part(r, m, !item);
		return;
	}
	if (!spore__rpc_param(&m->params, 0, "id", &id) || id.type != SPORE__MSGPACK_INT || id.i < 0 ||
	    id.i > UINT32_MAX)
		return;
	if (is(m, "$/cancel"))
		spore__rpc_cancelled_by_peer(r, (uint32_t)id.i);
	else if (is(m, "$/deadline") && spore__rpc_param(&m->params, 1, "ms", &ms) && ms.type == SPORE__MSGPACK_INT)
		spore__rpc_deadline_by_peer(r, (uint32_t)id.i, ms.i);
}

static void handle(struct spore_rpc *r)
{
	struct spore__rpc_message m;
	enum spore_err e = spore__rpc_parse(r->in.data, r->in_len, &m);
	if (e != SPORE_OK && m.kind == SPORE__RPC_REQUEST)
		(void)spore__rpc_refuse(r, r->number, m.id, SPORE_EMALFORMED, "this is no request");
	else if (e != SPORE_OK)
		cut_off(r, SPORE_EMALFORMED);
	else if (m.kind == SPORE__RPC_RESPONSE)
		spore__rpc_answered(r, &m);
	else if (m.kind == SPORE__RPC_NOTIFICATION && m.method_len > 2 && memcmp(m.method, "$/", 2) == 0)
		handle_reserved(r, &m);
	else
		spore__rpc_called(r, &m);
	if (r->crowd > SPORE__RPC_CROWD)
		cut_off(r, SPORE_ECLOSED);
}

enum spore_err spore__rpc_take(struct spore_rpc *r, bool briefly)
{
	int over = atomic_load_explicit(&r->over, memory_order_relaxed);
	if (over != SPORE_OK)
		return (enum spore_err)over;
	enum spore_err e = r->bytes ? receive_bytes(r) : receive_message(r, briefly);
	if (e == SPORE_ETOOBIG)
		return SPORE_OK;
	if (e != SPORE_OK)
		return judge(r, e);
	uint64_t number = spore__chan_number(r->chan, SPORE__RECEIVE);
	r->ends = 0;
	if (number != r->number || !r->greeted) {
		r->number = number;
		greet(r);
	}
	if (r->skip == 0 || number != r->skip)
		handle(r);
	return SPORE_OK;
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
	if (!r->barrier)
		atomic_thread_fence(memory_order_seq_cst);
	atomic_signal_fence(memory_order_seq_cst); // who pokes makes every processor fence
	return atomic_load_explicit(&r->attention, memory_order_relaxed);
}

bool spore__rpc_arm(struct spore_rpc *r)
{
	atomic_store_explicit(&r->asleep, true, memory_order_relaxed); // until the next turn
	return !has_attention(r) && (r->bytes || spore__chan_arm(r->chan));
}

static void drain_wake(struct spore_rpc *r)
{
	char woken[64];
	while (read(r->wake[0], woken, sizeof woken) > 0)
		;
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
			drain_wake(r);
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
	for (;;) {
		// Once something was handled a turn is not to wait for more.
		enum spore_err e = spore__rpc_take(r, deadline != 0 && (until != NULL || handled == 0));
		if (e == SPORE_OK) {
			if (until != NULL && until(arg))
				return SPORE_OK;
			if (++handled % NOW_AND_THEN != 0)
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
		enum spore_err slept = rest(r, deadline, more, count);
		if (slept == SPORE_ECANCELLED || slept == SPORE_ESYSTEM)
			return slept;
		if (slept == SPORE_ETIMEOUT && is_over_time(deadline))
			return e == SPORE_ENOTWIRED ? e : SPORE_ETIMEOUT;
		if (any_ready(more, count))
			return SPORE_OK;
	}
}

enum spore_err spore_rpc_turn(struct spore_rpc *r, int timeout_ms)
{
	bool nested;
	if (!spore__rpc_enter(r, &nested))
		return SPORE_EBUSY;
	if (atomic_load_explicit(&r->asleep, memory_order_relaxed)) { // after a poll
		atomic_store_explicit(&r->asleep, false, memory_order_relaxed);
		drain_wake(r);
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

int spore_rpc_fd(const struct spore_rpc *r)
{
	return r->gather;
}

short spore_rpc_events(const struct spore_rpc *r)
{
	(void)r;
	return POLLIN;
}

int spore_rpc_timeout(const struct spore_rpc *r)
{
	int64_t due = atomic_load(&r->next_due);
	if (due == SPORE__RPC_NEVER)
		return -1;
	int64_t left = due - spore__bell_now();
	if (left <= 0)
		return 0;
	left = (left + 999999) / 1000000;
	return left < INT32_MAX ? (int)left : INT32_MAX;
}

// ---- creating, closing

void spore__rpc_unref(struct spore_rpc *r)
{
	if (atomic_fetch_sub(&r->refs, 1) != 1)
		return;
	spore__rpc_drop_parcels(r);
	spore__rpc_asks_finish(r);
	spore__rpc_calls_finish(r);
	for (int i = 0; i < 2; i++) {
		if (r->wake[i] >= 0)
			close(r->wake[i]);
	}
	free(r->table);
	free(r->in.data);
	free(r->stream.data);
	(void)pthread_cond_destroy(&r->woken);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

static bool init_waiting(struct spore_rpc *r)
{
	pthread_condattr_t attr;
	if (pthread_condattr_init(&attr) != 0)
		return false;
	bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 && pthread_cond_init(&r->woken, &attr) == 0;
	(void)pthread_condattr_destroy(&attr);
	if (ok && pthread_mutex_init(&r->lock, NULL) != 0) {
		(void)pthread_cond_destroy(&r->woken);
		ok = false;
	}
	return ok;
}

static struct spore_rpc *new_rpc(const struct spore_rpc_options *options)
{
	struct spore_rpc *r = aligned_alloc(alignof(struct spore_rpc), sizeof *r);
	if (r == NULL)
		return NULL;
	memset(r, 0, sizeof *r);
	if (options != NULL)
		r->options = *options;
	struct spore_rpc_options *o = &r->options;
	o->in_flight = o->in_flight == 0 ? IN_FLIGHT : o->in_flight;
	o->outgoing = o->outgoing == 0 ? OUTGOING : o->outgoing;
	o->largest = o->largest == 0 ? LARGEST : o->largest;
	r->wake[0] = r->wake[1] = r->gather = -1;
	r->queue_end = &r->queue;
	r->due_at = SPORE__RPC_NEVER;
	atomic_store(&r->next_due, SPORE__RPC_NEVER);
	atomic_store(&r->refs, 1);
	if (!init_waiting(r)) {
		free(r);
		return NULL;
	}
	return r;
}

// Where there is such a thing, one descriptor for all that is waited for.
static void gather(struct spore_rpc *r)
{
	if (r->port) {
		r->gather = spore_chan_fd(r->chan);
	} else {
		r->gather = spore__io_gather();
		if (r->gather < 0) {
			r->gather = spore_chan_fd(r->chan);
			return;
		}
		r->owns_gather = true;
		r->gathered = spore_chan_events(r->chan);
		(void)spore__io_gather_add(r->gather, spore_chan_fd(r->chan), r->gathered);
	}
	if (r->gather >= 0)
		(void)spore__io_gather_add(r->gather, r->wake[0], POLLIN);
}

enum spore_err spore_rpc_create(struct spore_chan *c, const struct spore_rpc_options *options, struct spore_rpc **out)
{
	if (options != NULL && options->in_flight > MOST_IN_FLIGHT) {
		spore_chan_close(c);
		return SPORE_EINVALID;
	}
	struct spore_rpc *r = new_rpc(options);
	if (r == NULL) {
		spore_chan_close(c);
		return SPORE_ENOMEM;
	}
	r->chan = c;
	r->bytes = spore__chan_is_bytes(c);
	r->port = spore__chan_is_port(c);
	r->barrier = spore__io_barrier_join();
	bool ok = spore__rpc_table_init(r) && spore__rpc_asks_init(r) && spore__rpc_calls_init(r);
	bool wakes = ok && spore__chan_open_wake(r->wake);
	if (!wakes) {
		spore_rpc_close(r);
		return ok ? SPORE_ESYSTEM : SPORE_ENOMEM;
	}
	gather(r);
	*out = r;
	return SPORE_OK;
}

enum spore_err spore_rpc_open(const char *port, const struct spore_rpc_options *options, struct spore_rpc **r)
{
	// A peer that is swapped goes on with the calls that were sent to the one before.
	bool bytes = options != NULL && options->bytes;
	const struct spore_chan_options how = {
	    .protocol = bytes ? "msgpack-rpc" : "rpc", .bytes = bytes, .stateless = true};
	struct spore_chan *c;
	if (options != NULL && options->in_flight > MOST_IN_FLIGHT)
		return SPORE_EINVALID;
	enum spore_err e = spore_chan_open(port, &how, &c);
	return e == SPORE_OK ? spore_rpc_create(c, options, r) : e;
}

void spore_rpc_close(struct spore_rpc *r)
{
	enum { SOON_MS = 200 };
	bool nested;
	if (r == NULL)
		return;
	(void)spore__rpc_enter(r, &nested);
	r->options.peer = NULL;
	atomic_store(&r->over, SPORE_ECLOSED);
	spore__rpc_drop_parked(r);
	spore__rpc_flush(r);
	atomic_store(&r->closed, true);
	spore__rpc_stop_sending(r);
	spore__rpc_calls_end(r, UINT64_MAX);
	spore__rpc_asks_end(r, UINT64_MAX, SPORE_ECLOSED);
	if (r->queue == NULL && spore_chan_finish(r->chan, SPORE_NOW) == SPORE_OK)
		(void)spore_chan_flush(r->chan, SOON_MS);
	if (r->owns_gather)
		close(r->gather);
	spore_chan_close(r->chan);
	spore__rpc_leave(r, nested);
	spore__rpc_unref(r);
}

// ---- looking

const struct spore_chan *spore_rpc_chan(const struct spore_rpc *r)
{
	return r->chan;
}

void *spore_rpc_data(const struct spore_rpc *r)
{
	return r->options.data;
}

void spore_rpc_stats(const struct spore_rpc *r, struct spore_rpc_stats *stats)
{
	*stats = (struct spore_rpc_stats){
	    .asked = atomic_load_explicit(&r->asked, memory_order_relaxed),
	    .called = atomic_load_explicit(&r->called, memory_order_relaxed),
	    .asks = atomic_load_explicit(&r->stat_asks, memory_order_relaxed),
	    .calls = atomic_load_explicit(&r->stat_calls, memory_order_relaxed),
	    .busy = atomic_load_explicit(&r->stat_busy, memory_order_relaxed),
	    .late = atomic_load_explicit(&r->stat_late, memory_order_relaxed),
	    .queued = atomic_load_explicit(&r->queued, memory_order_relaxed),
	};
}
