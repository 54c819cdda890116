// The subscribers of a publisher: who they are, what they have released, and who has to be woken.
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../os/os.h"
#include "chan/bell.h"
#include "chan/pub_inside.h"
#include "pass.h"

enum {
	LOOKS = 128,          // before a wait sleeps
	HEAR_NS = 1000000,    // between two looks at what a hold says that knows no notice
	SWEEP_NS = 500000000, // between two looks at who is gone
};

static struct spore__pub *pub(struct spore__transport *t)
{
	return (struct spore__pub *)t;
}

// ---- subscribers

static void find_safe(struct spore__pub *p)
{
	p->safe = UINT64_MAX;
	for (size_t i = 0; i < p->count; i++)
		if (p->taken[i].slow != SPORE_SLOW_DROP && p->taken[i].released < p->safe)
			p->safe = p->taken[i].released;
}

static void leave(struct spore__pub *p, size_t i)
{
	struct spore__pub_taken *s = &p->taken[i];
	if (p->gather >= 0)
		spore__io_gather_remove(p->gather, s->sock);
	close(s->sock);
	spore__cursor_unmap(s->cursor);
	free(s->peer);
	*s = p->taken[--p->count];
	atomic_store_explicit(&p->said_count, p->count, memory_order_relaxed);
}

// Those that are gone; takes what was rung.
static void sweep(struct spore__pub *p)
{
	size_t before = p->count;
	for (size_t i = 0; i < p->count; i++)
		p->polled[i] = (struct pollfd){.fd = p->taken[i].sock, .events = POLLIN};
	if (p->count == 0 || poll(p->polled, (nfds_t)p->count, 0) <= 0)
		return;
	for (size_t i = p->count; i > 0; i--) // the last one takes the place of one that leaves
		if (p->polled[i - 1].revents != 0 && !spore__pub_listen(p->taken[i - 1].sock))
			leave(p, i - 1);
	if (p->count != before)
		find_safe(p);
}

static bool make_space(struct spore__pub *p)
{
	enum { FIRST = 4 };
	if (p->count < p->room)
		return true;
	size_t room = p->room == 0 ? FIRST : p->room * 2;
	struct spore__pub_taken *taken = realloc(p->taken, room * sizeof *taken);
	if (taken == NULL)
		return false;
	p->taken = taken;
	struct pollfd *polled = realloc(p->polled, (room + SPORE__END_EXTRA) * sizeof *polled);
	if (polled == NULL)
		return false;
	p->polled = polled;
	p->room = room;
	return true;
}

// What the hold does when there is one. Too many descriptors may be under way; that passes.
static void give(const struct spore__pub *p, struct spore__pub_taken *s)
{
	int e = errno;
	s->owed = spore__pass_send(s->sock, "m", 1, &p->readable, 1) < 0;
	errno = e;
}

// What the subscriber has said before it is in its cursor, or it has not got the memory yet.
static void greet(struct spore__pub *p, struct spore__pub_taken *s)
{
	uint64_t released = atomic_load_explicit(&s->cursor->released, memory_order_acquire);
	if (released > p->head)
		released = p->head;
	s->released = released > p->tail ? released : p->tail;
	atomic_store_explicit(&s->cursor->from, s->released, memory_order_relaxed);
	atomic_store_explicit(&s->cursor->number, p->number, memory_order_relaxed);
	atomic_store_explicit(&s->cursor->last, p->latest, memory_order_relaxed);
	atomic_store_explicit(&s->cursor->taken, 1, memory_order_release);
	if (p->notice == NULL || atomic_load_explicit(p->notice, memory_order_relaxed) == 0)
		give(p, s);
	else
		(void)spore__io_send(s->sock, "t", 1); // from now on it is rung for
}

static void take(struct spore__pub *p, struct spore__pub_change *c)
{
	struct spore__pub_taken s = {.sock = c->end.fds[1], .slow = c->end.slow, .serial = c->serial, .peer = c->peer};
	if (c->end.role != 0 || c->end.count != spore__publication_ops.fds || !make_space(p) ||
	    spore__io_adopt(s.sock) != 0 || spore__cursor_map(c->end.fds[0], SPORE__IO_WRITE, &s.cursor) != SPORE_OK) {
		spore__channel_end_close(&c->end);
		return;
	}
	close(c->end.fds[0]);
	if (p->gather >= 0)
		(void)spore__io_gather_add(p->gather, s.sock, POLLIN);
	c->peer = NULL;
	greet(p, &s);
	p->taken[p->count++] = s;
	atomic_store_explicit(&p->said_count, p->count, memory_order_relaxed);
}

static void let_go(struct spore__pub *p, uint64_t serial)
{
	for (size_t i = p->count; i > 0; i--)
		if (p->taken[i - 1].serial == serial)
			leave(p, i - 1);
}

void spore__pub_leave_all(struct spore__pub *p)
{
	while (p->count > 0)
		leave(p, p->count - 1);
	for (struct spore__pub_change *c = p->changes, *next; c != NULL; c = next) {
		next = c->next;
		spore__channel_end_close(&c->end);
		free(c->peer);
		free(c);
	}
}

static void make_changes(struct spore__pub *p)
{
	pthread_mutex_lock(&p->lock);
	struct spore__pub_change *first = p->changes;
	p->changes = NULL;
	p->last_change = &p->changes;
	atomic_store_explicit(&p->said_new, 0, memory_order_relaxed);
	atomic_store_explicit(&p->changed, false, memory_order_relaxed);
	pthread_mutex_unlock(&p->lock);
	if (first == NULL)
		return;
	sweep(p);
	for (struct spore__pub_change *c = first, *next; c != NULL; c = next) {
		next = c->next;
		if (c->end.count > 0)
			take(p, c);
		else
			let_go(p, c->serial);
		free(c->peer);
		free(c);
	}
	find_safe(p);
}

// Is there something to hear?
static bool is_noticed(struct spore__pub *p)
{
	uint32_t now = p->notice != NULL ? atomic_load_explicit(p->notice, memory_order_relaxed) : 0;
	if (now != 0)
		return now != p->noticed;
	int64_t ns = spore__bell_now();
	if (ns - p->heard < HEAR_NS)
		return false;
	p->heard = ns;
	return true;
}

static void look(struct spore__pub *p)
{
	if (p->hear != NULL && is_noticed(p)) {
		if (p->notice != NULL)
			p->noticed = atomic_load_explicit(p->notice, memory_order_acquire);
		p->hear();
	}
	if (atomic_load_explicit(&p->changed, memory_order_acquire))
		make_changes(p);
}

void spore__pub_welcome(struct spore__pub *p)
{
	uint32_t now = p->notice != NULL ? atomic_load_explicit(p->notice, memory_order_relaxed) : 0;
	if ((now != 0 && now != p->noticed) || atomic_load_explicit(&p->changed, memory_order_relaxed)) {
		spore__pub_publish(p);
		look(p);
	}
}

void spore__pub_begin(struct spore__transport *t)
{
	make_changes(pub(t));
}

static void change(struct spore__transport *t, const struct spore__channel_end *end, uint64_t serial, const char *peer)
{
	struct spore__pub *p = pub(t);
	struct spore__pub_change *c = calloc(1, sizeof *c);
	if (c == NULL) { // a subscriber finds that it is not taken; one that goes is seen to be gone
		struct spore__channel_end lost = *end;
		spore__channel_end_close(&lost);
		return;
	}
	c->end = *end;
	c->serial = serial;
	c->peer = peer != NULL ? strdup(peer) : NULL; // without memory it is not told of
	pthread_mutex_lock(&p->lock);
	*p->last_change = c;
	p->last_change = &c->next;
	atomic_store_explicit(&p->changed, true, memory_order_release);
	// Perhaps the sending thread has just looked: the subscriber looks at what it published then.
	if (c->end.count > 0) {
		atomic_fetch_add_explicit(&p->said_new, 1, memory_order_relaxed);
		(void)spore__io_send(c->end.fds[1], "t", 1);
	}
	pthread_mutex_unlock(&p->lock);
}

void spore__pub_add_named(struct spore__transport *t, struct spore__channel_end *end, uint64_t serial, const char *peer)
{
	change(t, end, serial, peer);
	end->count = 0;
}

void spore__pub_add(struct spore__transport *t, struct spore__channel_end *end, uint64_t serial)
{
	spore__pub_add_named(t, end, serial, NULL);
}

bool spore__pub_tell_cut(struct spore__transport *t, const char *port, void (*tell)(const char *port, const char *peer))
{
	struct spore__pub *p = pub(t);
	p->port = strdup(port);
	p->tell_cut = tell;
	return p->port != NULL;
}

void spore__pub_remove(struct spore__transport *t, uint64_t serial)
{
	const struct spore__channel_end none = {.count = 0};
	change(t, &none, serial, NULL);
}

// Those that are to be taken hear of the next message as well, and a program may wait for them before it publishes one.
size_t spore__pub_count(const struct spore__transport *t)
{
	const struct spore__pub *p = (const struct spore__pub *)t;
	return atomic_load_explicit(&p->said_count, memory_order_relaxed) +
	       atomic_load_explicit(&p->said_new, memory_order_relaxed);
}

void spore__pub_descriptors(const struct spore__transport *t, int fds[2])
{
	fds[0] = ((const struct spore__pub *)t)->readable;
	fds[1] = ((const struct spore__pub *)t)->notice_memory;
}

// ---- waking

static bool ring(const struct spore__pub_taken *s)
{
	int e = errno;
	bool there = spore__io_send(s->sock, "", 1) >= 0 || errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ||
	             errno == ENOBUFS || errno == ENOMEM;
	errno = e;
	return there;
}

void spore__pub_wake(struct spore__pub *p)
{
	// A subscriber that is not known yet makes this processor fence before it sleeps.
	atomic_signal_fence(memory_order_seq_cst);
	look(p);
	if (p->count == 0)
		return;
	int64_t now = spore__bell_now();
	if (now - p->swept > SWEEP_NS) { // one that does not sleep is not rung for, and so not missed
		p->swept = now;
		sweep(p);
	}
	atomic_thread_fence(memory_order_seq_cst);
	size_t before = p->count;
	for (size_t i = p->count; i > 0; i--) {
		struct spore__pub_taken *s = &p->taken[i - 1];
		uint32_t number = atomic_load_explicit(&s->cursor->sleep, memory_order_relaxed);
		uint64_t dropped = atomic_load_explicit(&s->cursor->dropped, memory_order_relaxed);
		if (dropped > s->dropped) {
			atomic_fetch_add_explicit(&p->base.dropped, dropped - s->dropped, memory_order_relaxed);
			s->dropped = dropped;
		}
		if (s->owed)
			give(p, s);
		if ((number & 1) != 0 && number != s->rung) {
			s->rung = number;
			if (!ring(s))
				leave(p, i - 1);
		}
	}
	if (p->count != before)
		find_safe(p);
}

void spore__pub_refresh(struct spore__pub *p, uint64_t need)
{
	for (size_t i = p->count; i > 0; i--) {
		struct spore__pub_taken *s = &p->taken[i - 1];
		if (s->slow == SPORE_SLOW_DROP)
			continue;
		uint64_t released = atomic_load_explicit(&s->cursor->released, memory_order_acquire);
		bool nonsense = released != SPORE__PUB_NOWHERE && released > p->at;
		if (!nonsense && released != SPORE__PUB_NOWHERE && released > s->released)
			s->released = released;
		bool late = s->slow == SPORE_SLOW_DISCONNECT && s->released < need;
		if (late && p->tell_cut != NULL && s->peer != NULL)
			p->tell_cut(p->port, s->peer);
		if (nonsense || late)
			leave(p, i - 1);
	}
	find_safe(p);
}

// ---- waiting: for the slowest of those that block

static bool is_changed(struct spore__pub *p)
{
	if (atomic_load_explicit(&p->changed, memory_order_relaxed) || p->need <= p->safe)
		return true;
	for (size_t i = 0; i < p->count; i++) {
		const struct spore__pub_taken *s = &p->taken[i];
		uint64_t released = atomic_load_explicit(&s->cursor->released, memory_order_relaxed);
		if (s->slow != SPORE_SLOW_DROP && s->released < p->need &&
		    (released == SPORE__PUB_NOWHERE || released < p->need))
			return false;
	}
	return true;
}

static void say_waits(struct spore__pub *p, uint32_t number)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->taken[i].slow == SPORE_SLOW_BLOCK)
			atomic_store_explicit(&p->taken[i].cursor->waits, number, memory_order_seq_cst);
	atomic_thread_fence(memory_order_seq_cst);
}

static enum spore_err sleep_until(struct spore__pub *p, int64_t deadline, struct pollfd *extra, unsigned count)
{
	struct pollfd few[SPORE__END_EXTRA], *polled = p->count > 0 ? p->polled : few;
	size_t n = 0;
	for (; n < p->count; n++)
		polled[n] = (struct pollfd){.fd = p->taken[n].sock, .events = POLLIN};
	for (unsigned i = 0; i < count; i++)
		polled[n + i] = extra[i];
	int ready = spore__bell_poll(polled, (unsigned)n + count, deadline);
	if (ready < 0)
		return errno == EINTR ? SPORE_ECANCELLED : SPORE_ESYSTEM;
	for (unsigned i = 0; i < count; i++)
		extra[i].revents = polled[n + i].revents;
	return ready == 0 ? SPORE_ETIMEOUT : SPORE_OK;
}

enum spore_err spore__pub_wait(struct spore__transport *t, enum spore__way way, int64_t deadline, struct pollfd *extra,
                               unsigned count)
{
	struct spore__pub *p = pub(t);
	(void)way;
	for (int i = 0; i < LOOKS && t->spin > 0; i++)
		if (is_changed(p))
			return SPORE_OK;
	(void)sched_yield();
	p->waits += 1 + (p->waits & 1);
	say_waits(p, p->waits);
	enum spore_err e = SPORE_OK;
	if (!is_changed(p)) {
		atomic_fetch_add_explicit(&t->slept, 1, memory_order_relaxed);
		e = sleep_until(p, deadline, extra, count);
	}
	say_waits(p, ++p->waits);
	sweep(p);
	look(p);
	return e;
}

bool spore__pub_arm(struct spore__transport *t, enum spore__way way)
{
	struct spore__pub *p = pub(t);
	(void)way;
	sweep(p);
	look(p);
	p->waits += 1 + (p->waits & 1);
	say_waits(p, p->waits);
	return !is_changed(p);
}
