#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../os/os.h"
#include "chan/bell.h"
#include "chan/inside.h"
#include "chan/ring_loan.h"

// ---- waiting

struct timer {
	int ms;
	int64_t deadline; // 0: not looked at yet
	bool over;
	bool unarmed; // with SPORE_NOW: the descriptor is not polled next
};

static int64_t deadline_of(struct timer *t)
{
	if (t->ms < 0)
		return -1;
	if (t->deadline == 0)
		t->deadline = spore__bell_now() + (int64_t)t->ms * 1000000;
	return t->deadline;
}

static void gather(struct spore_chan *c, enum spore__way way)
{
	struct spore__wiring *p = c->port;
	const struct spore__side *w = &c->ways[way];
	if (p->gather < 0)
		return;
	pthread_mutex_lock(&p->lock); // the other way may be leaving it
	if (!p->gathers[way])
		(void)spore__io_gather_add(p->gather, w->wake[0], POLLIN);
	p->gathers[way] = true;
	if (w->use != NULL) {
		struct spore__transport *t = w->use->t;
		w->use->gathered |= 1U << way;
		(void)spore__io_gather_add(p->gather, t->ops->fd(t), t->ops->events(t));
	}
	pthread_mutex_unlock(&p->lock);
}

// The descriptor tells when another try is worth while. E, or SPORE_OK: it is so already.
static enum spore_err arm(struct spore_chan *c, enum spore__way way, enum spore_err e)
{
	const struct spore__side *w = &c->ways[way];
	if (c->port != NULL && c->port->hear != NULL)
		c->port->hear();
	if (spore__way_is_new(c, way))
		return SPORE_OK;
	bool wait = w->use == NULL || w->use->t->ops->arm(w->use->t, way) || w->awaits;
	if (c->port != NULL)
		gather(c, way);
	return wait ? e : SPORE_OK;
}

enum { OWN_EXTRA = 2 };

// ... or until one of MORE (COUNT of them) is ready.
static enum spore_err sleep_with(struct spore_chan *c, enum spore__way way, int64_t deadline, struct pollfd *more,
                                 unsigned count)
{
	struct spore__wiring *p = c->port;
	struct spore__side *w = &c->ways[way];
	if (p == NULL)
		return w->use->t->ops->wait(w->use->t, way, deadline, more, count);
	struct pollfd extra[SPORE__END_EXTRA] = {{.fd = w->wake[0], .events = POLLIN},
	                                         {.fd = p->control, .events = POLLIN}};
	for (unsigned i = 0; i < count; i++)
		extra[OWN_EXTRA + i] = more[i];
	if (w->err != SPORE_OK)
		extra[1].fd = -1; // nothing more will be said there
	enum spore_err e = SPORE_OK;
	if (w->awaits) {
		e = spore__sending_await(c, deadline, extra, OWN_EXTRA);
	} else if (w->use != NULL) {
		e = w->use->t->ops->wait(w->use->t, way, deadline, extra, OWN_EXTRA + count);
	} else {
		int n = spore__bell_poll(extra, OWN_EXTRA + count, deadline);
		if (n <= 0)
			e = n == 0 ? SPORE_ETIMEOUT : errno == EINTR ? SPORE_ECANCELLED : SPORE_ESYSTEM;
	}
	if (extra[1].revents != 0 && p->hear != NULL)
		p->hear();
	return e;
}

static enum spore_err sleep_on(struct spore_chan *c, enum spore__way way, int64_t deadline)
{
	return sleep_with(c, way, deadline, NULL, 0);
}

// SPORE_OK: another look, which is the last one if the timer is over. A peer may wake this end up for nothing, faster than it falls asleep.
static enum spore_err sleep_within(struct spore_chan *c, enum spore__way way, struct timer *t)
{
	enum spore_err e = sleep_on(c, way, deadline_of(t));
	t->over = e == SPORE_ETIMEOUT || (e == SPORE_OK && t->ms > 0 && spore__bell_now() >= t->deadline);
	return e == SPORE_ETIMEOUT ? SPORE_OK : e;
}

// After a try that said E (SPORE_EAGAIN or SPORE_ENOTWIRED). SPORE_OK: try again.
static enum spore_err pause_after(struct spore_chan *c, enum spore__way way, enum spore_err e, struct timer *t)
{
	if (t->ms == SPORE_NOW)
		return t->unarmed ? e : arm(c, way, e);
	if (t->over)
		return e == SPORE_EAGAIN ? SPORE_ETIMEOUT : e;
	return sleep_within(c, way, t);
}

// While this thread does what the sending one is behind with: there may be room for more of it.
static enum spore_err pause_briefly(struct spore_chan *c, enum spore_err e, struct timer *t)
{
	enum { BRIEF_NS = 10000000 };
	int64_t until = deadline_of(t), brief = spore__bell_now() + BRIEF_NS;
	if (until >= 0 && until <= brief)
		return pause_after(c, SPORE__RECEIVE, e, t);
	e = sleep_on(c, SPORE__RECEIVE, brief);
	return e == SPORE_ETIMEOUT ? SPORE_OK : e;
}

// A message was begun, from memory of the caller's: goes on until it is sent, or the transport has a copy of the rest.
static enum spore_err complete(struct spore_chan *c, struct timer *t)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	const struct spore__transport_ops *ops = w->use->t->ops;
	enum spore_err e = SPORE_EBUSY;
	while (e == SPORE_EBUSY && t->ms != SPORE_NOW && !t->over && sleep_within(c, SPORE__SEND, t) == SPORE_OK &&
	       !spore__way_is_new(c, SPORE__SEND))
		e = ops->flush(w->use->t);
	return e == SPORE_EBUSY ? ops->keep(w->use->t, SPORE__SEND, NULL) : e;
}

static inline void count(struct spore__side *w, size_t len)
{
	// One thread writes: no need for an atomic addition.
	uint64_t messages = atomic_load_explicit(&w->messages, memory_order_relaxed) + 1;
	uint64_t bytes = atomic_load_explicit(&w->bytes, memory_order_relaxed) + len;
	atomic_store_explicit(&w->messages, messages, memory_order_relaxed);
	atomic_store_explicit(&w->bytes, bytes, memory_order_relaxed);
}

// ---- sending

enum step {
	STEP_SEND,
	STEP_QUEUE,
	STEP_LOAN,
	STEP_COMMIT,
	STEP_FINISH,
};

struct sending {
	enum step step;
	const void *data;
	size_t len;
	void **loan;
};

static inline enum spore_err try_to(struct spore__transport *t, const struct sending *s)
{
	switch (s->step) {
	case STEP_SEND:
		return t->ops->send(t, s->data, s->len, false);
	case STEP_QUEUE:
		return t->ops->send(t, s->data, s->len, true);
	case STEP_LOAN:
		return t->ops->loan(t, s->len, s->loan);
	case STEP_COMMIT:
		return t->ops->commit(t, s->len);
	case STEP_FINISH:
		return t->ops->finish(t);
	}
	return SPORE_EINVALID;
}

static enum spore_err send_slowly(struct spore_chan *c, const struct sending *s, int timeout_ms)
{
	struct timer timer = {.ms = timeout_ms};
	struct spore__side *w = &c->ways[SPORE__SEND];
	for (;;) {
		enum spore_err e = spore__way_usable(c, SPORE__SEND);
		if (e == SPORE_OK) {
			e = try_to(w->use->t, s);
			if (e == SPORE_EBUSY)
				e = complete(c, &timer);
			if (e != SPORE_OK)
				e = spore__way_judge(c, SPORE__SEND, e);
		}
		if (e != SPORE_EAGAIN && e != SPORE_ENOTWIRED)
			return e;
		e = pause_after(c, SPORE__SEND, e, &timer);
		if (e != SPORE_OK)
			return e;
	}
}

static enum spore_err may_send(const struct spore__side *w, size_t len)
{
	if (w->loan)
		return SPORE_EBUSY;
	if (w->finished)
		return SPORE_ECLOSED;
	return len > SPORE_CHAN_LARGEST ? SPORE_ETOOBIG : SPORE_OK;
}

static enum spore_err send_at_length(struct spore_chan *c, enum step step, const void *data, size_t len, int timeout_ms)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	const struct sending s = {.step = step, .data = data, .len = len};
	spore__sending_settled(c);
	enum spore_err e = may_send(w, len);
	if (e == SPORE_OK)
		e = send_slowly(c, &s, timeout_ms);
	if (e == SPORE_OK)
		count(w, len);
	return e;
}

static __attribute__((noinline)) enum spore_err send_over(struct spore_chan *c, struct spore__transport *t,
                                                          enum step step, const void *data, size_t len, int timeout_ms)
{
	enum spore_err e = t->ops->send(t, data, len, step == STEP_QUEUE);
	if (e == SPORE_EBUSY) {
		struct timer timer = {.ms = timeout_ms};
		e = complete(c, &timer);
	}
	if (e != SPORE_OK && e != SPORE_EAGAIN)
		e = spore__way_judge(c, SPORE__SEND, e);
	if (e == SPORE_EAGAIN || e == SPORE_ENOTWIRED)
		return send_at_length(c, step, data, len, timeout_ms);
	if (e == SPORE_OK)
		count(&c->ways[SPORE__SEND], len);
	return e;
}

// What is most frequent, a short message over a ring. False: it has not been sent.
SPORE__RING_INLINE_ALWAYS bool send_near(struct spore__side *w, enum step step, const void *data, size_t len)
{
	struct spore__ring *r = (struct spore__ring *)atomic_load_explicit(&w->near, memory_order_acquire);
	if (r == NULL || len > SPORE__RING_SHORT)
		return false;
	if (step == STEP_QUEUE) {
		if (!spore__ring_queue_near(r, data, len, true))
			return false;
	} else if (!spore__ring_send_near(r, data, len, true)) {
		if (r->send.pack_bytes == 0 || !spore__ring_queue_near(r, data, len, true))
			return false;
		spore__ring_publish_pack(r); // with its last one
	}
	count(w, len);
	if (step != STEP_QUEUE)
		spore__ring_wake(r, &r->send.lines->receiver, &r->send.ringing);
	return true;
}

// As a rule one call is all.
static inline enum spore_err send_copy(struct spore_chan *c, enum step step, const void *data, size_t len,
                                       int timeout_ms)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	struct spore__transport *t = spore__way_is_new(c, SPORE__SEND) ? NULL : spore__way_now(w);
	if (t == NULL || len > SPORE_CHAN_LARGEST)
		return send_at_length(c, step, data, len, timeout_ms);
	return send_over(c, t, step, data, len, timeout_ms);
}

static __attribute__((noinline)) enum spore_err send_entered(struct spore_chan *c, enum step step, const void *data,
                                                             size_t len, int timeout_ms)
{
	spore__sending_enter(c);
	enum spore_err e = send_copy(c, step, data, len, timeout_ms);
	spore__sending_leave(c);
	return e;
}

static __attribute__((noinline)) enum spore_err send_of_port(struct spore_chan *c, enum step step, const void *data,
                                                             size_t len, int timeout_ms)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	spore__sending_enter(c);
	if (spore__way_is_new(c, SPORE__SEND) || spore__way_now(w) == NULL || !send_near(w, step, data, len))
		return send_entered(c, step, data, len, timeout_ms);
	spore__sending_leave(c);
	return SPORE_OK;
}

// What was begun was of a channel that is no more.
static enum spore_err is_over(struct spore_chan *c)
{
	enum spore_err e = spore__way_usable(c, SPORE__SEND);
	return e == SPORE_OK || e == SPORE_ENOTWIRED ? SPORE_ECLOSED : e;
}

static enum spore_err flush(struct spore_chan *c, int timeout_ms)
{
	struct timer timer = {.ms = timeout_ms};
	struct spore__side *w = &c->ways[SPORE__SEND];
	spore__sending_settled(c);
	if (w->use == NULL)
		return SPORE_OK; // nothing was queued
	for (;;) {
		enum spore_err e = w->use->t->ops->flush(w->use->t);
		if (e != SPORE_EBUSY)
			return e;
		if (spore__way_is_new(c, SPORE__SEND))
			return is_over(c);
		e = pause_after(c, SPORE__SEND, SPORE_EAGAIN, &timer);
		if (e != SPORE_OK)
			return e;
	}
}

// Of a port of bytes: what is empty is not sent, but what was queued is published.
static __attribute__((noinline)) enum spore_err send_nothing(struct spore_chan *c, enum step step)
{
	spore__sending_enter(c);
	spore__sending_settled(c);
	enum spore_err e = may_send(&c->ways[SPORE__SEND], 0);
	if (e == SPORE_OK && step == STEP_SEND)
		(void)flush(c, SPORE_NOW);
	spore__sending_leave(c);
	return e;
}

static inline enum spore_err send_step(struct spore_chan *c, enum step step, const void *data, size_t len,
                                       int timeout_ms)
{
	if (__builtin_expect(len == 0, 0) && c->bytes)
		return send_nothing(c, step);
	if (c->port != NULL)
		return send_of_port(c, step, data, len, timeout_ms);
	if (!send_near(&c->ways[SPORE__SEND], step, data, len))
		return send_entered(c, step, data, len, timeout_ms);
	return SPORE_OK;
}

enum spore_err spore_chan_send(struct spore_chan *c, const void *data, size_t len, int timeout_ms)
{
	return send_step(c, STEP_SEND, data, len, timeout_ms);
}

enum spore_err spore_chan_queue(struct spore_chan *c, const void *data, size_t len, int timeout_ms)
{
	return send_step(c, STEP_QUEUE, data, len, timeout_ms);
}

enum spore_err spore_chan_flush(struct spore_chan *c, int timeout_ms)
{
	spore__sending_enter(c);
	enum spore_err e = flush(c, timeout_ms);
	spore__sending_leave(c);
	return e;
}

static __attribute__((noinline)) enum spore_err loan_slowly(struct spore_chan *c, const struct sending *s,
                                                            int timeout_ms)
{
	spore__sending_settled(c);
	enum spore_err e = may_send(&c->ways[SPORE__SEND], s->len);
	return e == SPORE_OK ? send_slowly(c, s, timeout_ms) : e;
}

enum spore_err spore_chan_loan(struct spore_chan *c, size_t size, void **data, int timeout_ms)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	const struct sending s = {.step = STEP_LOAN, .len = size, .loan = data};
	spore__sending_enter(c);
	bool is_new = spore__way_is_new(c, SPORE__SEND) || spore__way_now(w) == NULL; // before `near`
	struct spore__ring *r = (struct spore__ring *)atomic_load_explicit(&w->near, memory_order_acquire);
	enum spore_err e = SPORE_OK;
	if (r == NULL || is_new || size > SPORE_CHAN_LARGEST || !spore__ring_loan_near(r, size, data))
		e = loan_slowly(c, &s, timeout_ms);
	if (e == SPORE_OK) {
		w->loan = true;
		w->loan_size = size;
		w->loan_at = *data;
		spore__way_lend(w);
	}
	spore__sending_leave(c);
	return e;
}

// The loan is of a channel whose peer is being swapped, and gone: what is in it is sent to the next one.
static bool loan_is_left(struct spore_chan *c)
{
	const struct spore__installed *use = c->ways[SPORE__SEND].use;
	return c->port != NULL && use->t->ops->gone != NULL &&
	       (spore__way_is_new(c, SPORE__SEND) || use->t->ops->gone(use->t)) &&
	       spore__way_swaps(c, SPORE__SEND, SPORE_ECLOSED);
}

static enum spore_err send_loan(struct spore_chan *c, size_t len, int timeout_ms)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	void *copy = malloc(len + 1);
	enum spore_err e = SPORE_ENOMEM;
	w->loan = false;
	if (copy != NULL)
		memcpy(copy, w->loan_at, len);
	w->use->t->ops->abandon(w->use->t);
	spore__way_ready(w);
	if (copy != NULL)
		e = send_copy(c, STEP_SEND, copy, len, timeout_ms);
	free(copy);
	return e;
}

static inline bool commit_near(struct spore_chan *c, size_t len)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	struct spore__ring *r = w->lender;
	if (r == NULL || len > w->loan_size || spore__way_is_new(c, SPORE__SEND) || !spore__ring_commit_near(r, len))
		return false;
	w->loan = false;
	spore__way_lent(w);
	count(w, len);
	spore__ring_wake(r, &r->send.lines->receiver, &r->send.ringing);
	return true;
}

static __attribute__((noinline)) enum spore_err commit(struct spore_chan *c, size_t len, int timeout_ms)
{
	struct timer timer = {.ms = timeout_ms};
	struct spore__side *w = &c->ways[SPORE__SEND];
	if (!w->loan || len > w->loan_size)
		return SPORE_EINVALID;
	if (loan_is_left(c))
		return send_loan(c, len, timeout_ms);
	w->loan = false;
	spore__way_ready(w);
	if (spore__way_is_new(c, SPORE__SEND)) { // it was lent by a channel that is no more
		w->use->t->ops->abandon(w->use->t);
		return is_over(c);
	}
	enum spore_err e = w->use->t->ops->commit(w->use->t, len);
	if (e == SPORE_EBUSY)
		e = complete(c, &timer);
	if (e != SPORE_OK)
		return spore__way_judge(c, SPORE__SEND, e);
	count(w, len);
	return e;
}

enum spore_err spore_chan_commit(struct spore_chan *c, size_t len, int timeout_ms)
{
	if (__builtin_expect(len == 0, 0) && c->bytes && c->ways[SPORE__SEND].loan) {
		spore_chan_abandon(c);
		return SPORE_OK;
	}
	spore__sending_enter(c);
	enum spore_err e = commit_near(c, len) ? SPORE_OK : commit(c, len, timeout_ms);
	spore__sending_leave(c);
	return e;
}

void spore_chan_abandon(struct spore_chan *c)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	if (!w->loan)
		return;
	w->use->t->ops->abandon(w->use->t);
	w->loan = false;
	spore__way_ready(w);
	spore__sending_leave(c);
}

enum spore_err spore_chan_finish(struct spore_chan *c, int timeout_ms)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	const struct sending s = {.step = STEP_FINISH};
	spore__sending_enter(c);
	spore__sending_settled(c);
	enum spore_err e = SPORE_OK;
	if (!w->finished) {
		e = may_send(w, 0);
		if (e == SPORE_OK)
			e = send_slowly(c, &s, timeout_ms);
		if (e == SPORE_OK) {
			w->finished = true;
			spore__way_not_now(w);
		}
	}
	spore__sending_leave(c);
	return e;
}

// ---- receiving

// After a try to receive that said E, not SPORE_OK. SPORE_OK: try again.
static enum spore_err after(struct spore_chan *c, enum spore_err e, struct timer *timer)
{
	e = spore__way_judge(c, SPORE__RECEIVE, e);
	if (e != SPORE_EAGAIN && e != SPORE_ENOTWIRED)
		return e;
	if (c->port != NULL && spore__sending_help(c) && timer->ms != SPORE_NOW)
		return pause_briefly(c, e, timer);
	return pause_after(c, SPORE__RECEIVE, e, timer);
}

// A message has come in part, into memory of the caller's.
static enum spore_err go_on_copying(struct spore_chan *c, void *buffer, size_t size, size_t *len, struct timer *timer)
{
	struct spore__transport *t = c->ways[SPORE__RECEIVE].use->t;
	enum spore_err e = SPORE_EBUSY;
	while (e == SPORE_EBUSY) {
		enum spore_err r = SPORE_EAGAIN;
		if (timer->ms != SPORE_NOW)
			r = timer->over ? SPORE_ETIMEOUT : sleep_within(c, SPORE__RECEIVE, timer);
		if (r != SPORE_OK) {
			e = t->ops->keep(t, SPORE__RECEIVE, buffer);
			timer->over = true;
			return e == SPORE_OK && r == SPORE_ETIMEOUT ? SPORE_EAGAIN : e == SPORE_OK ? r : e;
		}
		e = t->ops->copy(t, buffer, size, len);
	}
	return e;
}

// Chunks in a row with nothing in them. A port of bytes sends none; who does so without end is not to keep this end in a call.
enum { EMPTY_MOST = 1000 };

static enum spore_err lend(struct spore_chan *c, const void **data, size_t *len, int timeout_ms);

// A part of a chunk, which is lent until all of it was received.
static enum spore_err receive_bytes(struct spore_chan *c, void *buffer, size_t size, size_t *len, int timeout_ms)
{
	if (c->rest_len == 0 && c->ways[SPORE__RECEIVE].lent > 0)
		return SPORE_EBUSY;
	if (size == 0)
		return SPORE_EINVALID;
	if (c->rest_len == 0) {
		const void *data;
		size_t n;
		enum spore_err e = lend(c, &data, &n, timeout_ms);
		if (e != SPORE_OK)
			return e;
		c->rest = data;
		c->rest_len = n;
	}
	*len = size < c->rest_len ? size : c->rest_len;
	memcpy(buffer, c->rest, *len);
	c->rest += *len;
	c->rest_len -= *len;
	if (c->rest_len == 0)
		spore_chan_release(c);
	return SPORE_OK;
}

static enum spore_err receive_slowly(struct spore_chan *c, void *buffer, size_t size, size_t *len, struct timer timer,
                                     enum spore_err e)
{
	struct spore__side *w = &c->ways[SPORE__RECEIVE];
	if (c->bytes)
		return receive_bytes(c, buffer, size, len, timer.ms);
	if (w->lent > 0)
		return SPORE_EBUSY;
	for (;; e = SPORE_ENOTWIRED) {
		if (e == SPORE_ENOTWIRED) { // not tried yet
			e = spore__way_usable(c, SPORE__RECEIVE);
			if (e == SPORE_OK)
				e = w->use->t->ops->copy(w->use->t, buffer, size, len);
		}
		if (e == SPORE_EBUSY)
			e = go_on_copying(c, buffer, size, len, &timer);
		if (e == SPORE_OK) {
			count(w, *len);
			return e;
		}
		e = after(c, e, &timer);
		if (e != SPORE_OK)
			return e;
	}
}

static __attribute__((noinline)) enum spore_err receive(struct spore_chan *c, void *buffer, size_t size, size_t *len,
                                                        struct timer timer)
{
	struct spore__side *w = &c->ways[SPORE__RECEIVE];
	struct spore__transport *t = spore__way_now(w);
	if (t == NULL || spore__way_is_new(c, SPORE__RECEIVE))
		return receive_slowly(c, buffer, size, len, timer, SPORE_ENOTWIRED);
	enum spore_err e = t->ops->copy(t, buffer, size, len);
	if (e != SPORE_OK)
		return receive_slowly(c, buffer, size, len, timer, e);
	count(w, *len);
	return SPORE_OK;
}

enum spore_err spore_chan_recv(struct spore_chan *c, void *buffer, size_t size, size_t *len, int timeout_ms)
{
	struct spore__side *w = &c->ways[SPORE__RECEIVE];
	struct spore__ring *r = (struct spore__ring *)atomic_load_explicit(&w->near, memory_order_acquire);
	if (r == NULL || spore__way_is_new(c, SPORE__RECEIVE) ||
	    !spore__ring_copy_near(r, buffer, size, len, timeout_ms != SPORE_NOW, true))
		return receive(c, buffer, size, len, (struct timer){.ms = timeout_ms});
	count(w, *len);
	return SPORE_OK;
}

enum spore_err spore__chan_take(struct spore_chan *c, void *buffer, size_t size, size_t *len, bool briefly)
{
	struct spore__side *w = &c->ways[SPORE__RECEIVE];
	struct spore__ring *r = (struct spore__ring *)atomic_load_explicit(&w->near, memory_order_acquire);
	if (r == NULL || spore__way_is_new(c, SPORE__RECEIVE) ||
	    !spore__ring_copy_near(r, buffer, size, len, briefly, false))
		return receive(c, buffer, size, len, (struct timer){.ms = SPORE_NOW, .unarmed = true});
	count(w, *len);
	return SPORE_OK;
}

bool spore__chan_has_next(const struct spore_chan *c)
{
	const struct spore__side *w = &c->ways[SPORE__RECEIVE];
	const struct spore__ring *r = (const struct spore__ring *)atomic_load_explicit(&w->near, memory_order_acquire);
	return r == NULL || r->receive.pack_left > 0 ||
	       spore__ring_is_next(&r->receive, spore__ring_next_head(&r->receive));
}

enum spore_err spore__chan_pause(struct spore_chan *c, int64_t deadline, struct pollfd *more, unsigned count)
{
	enum { BRIEF_NS = 10000000 };
	bool brief = c->port != NULL && spore__sending_help(c);
	int64_t soon = brief ? spore__bell_now() + BRIEF_NS : 0;
	bool sooner = brief && (deadline < 0 || soon < deadline);
	enum spore_err e = sleep_with(c, SPORE__RECEIVE, sooner ? soon : deadline, more, count);
	return sooner && e == SPORE_ETIMEOUT ? SPORE_OK : e;
}

bool spore__chan_arm(struct spore_chan *c)
{
	return arm(c, SPORE__RECEIVE, SPORE_EAGAIN) == SPORE_EAGAIN;
}

uint64_t spore__chan_number(const struct spore_chan *c, enum spore__way way)
{
	return atomic_load_explicit(&c->ways[way].number, memory_order_relaxed);
}

bool spore__chan_is_bytes(const struct spore_chan *c)
{
	return c->bytes;
}

bool spore__chan_is_port(const struct spore_chan *c)
{
	return c->port != NULL;
}

void spore__chan_hang_up(struct spore_chan *c)
{
	const struct spore__installed *use = c->ways[SPORE__RECEIVE].use;
	if (use != NULL)
		use->t->ops->hang_up(use->t);
}

void spore__chan_set_bytes(struct spore_chan *c)
{
	struct spore__side *w = &c->ways[SPORE__RECEIVE];
	c->bytes = w->parts = true;
	spore__way_ready(w);
}

enum spore_err spore_chan_read(struct spore_chan *c, const void **data, size_t *len, int timeout_ms)
{
	struct spore__side *w = &c->ways[SPORE__RECEIVE];
	struct spore__ring *r = (struct spore__ring *)atomic_load_explicit(&w->near, memory_order_acquire);
	if (r != NULL && !spore__way_is_new(c, SPORE__RECEIVE) &&
	    spore__ring_read_near(r, data, len, timeout_ms != SPORE_NOW)) {
		w->lent = 1;
		spore__way_lend(w);
		count(w, *len);
		return SPORE_OK;
	}
	if (c->rest_len == 0)
		return lend(c, data, len, timeout_ms);
	*data = c->rest; // lent already
	*len = c->rest_len;
	c->rest_len = 0;
	return SPORE_OK;
}

static __attribute__((noinline)) enum spore_err lend(struct spore_chan *c, const void **data, size_t *len,
                                                     int timeout_ms)
{
	struct timer timer = {.ms = timeout_ms};
	struct spore__side *w = &c->ways[SPORE__RECEIVE];
	for (;;) {
		enum spore_err e = spore__way_usable(c, SPORE__RECEIVE);
		if (e == SPORE_OK)
			e = c->empty < EMPTY_MOST ? w->use->t->ops->read(w->use->t, data, len) : SPORE_EMALFORMED;
		if (e == SPORE_OK) {
			w->lent++;
			spore__way_not_now(w);
			if (*len > 0 || !c->bytes) {
				c->empty = 0;
				count(w, *len);
				return e;
			}
			c->empty++;
			spore_chan_release(c); // an empty chunk is nothing
			continue;
		}
		e = after(c, e, &timer);
		if (e != SPORE_OK)
			return e;
	}
}

void spore_chan_release(struct spore_chan *c)
{
	struct spore__side *w = &c->ways[SPORE__RECEIVE];
	if (w->lender != NULL) {
		struct spore__ring *r = w->lender;
		w->lent = 0;
		spore__way_lent(w);
		spore__ring_release_near(r);
		return;
	}
	// A chunk of which a part was received is lent to no one but spore_chan_recv, which gives it back with the rest.
	if (w->lent == 0 || c->rest_len > 0)
		return;
	w->lent--;
	spore__way_ready(w);
	w->use->t->ops->release(w->use->t);
}

// ---- polling, state

int spore_chan_fd(const struct spore_chan *c)
{
	if (c->port != NULL)
		return c->port->gather;
	const struct spore__transport *t = c->ways[SPORE__RECEIVE].use->t;
	return t->ops->fd(t);
}

short spore_chan_events(const struct spore_chan *c)
{
	if (c->port != NULL)
		return POLLIN;
	const struct spore__transport *t = c->ways[SPORE__RECEIVE].use->t;
	return t->ops->events(t);
}

unsigned spore__chan_polls(const struct spore_chan *c, bool sends, struct pollfd p[SPORE__CHAN_POLLS])
{
	const struct spore__wiring *port = c->port;
	const struct spore__installed *use = c->ways[SPORE__RECEIVE].use;
	unsigned n = 0;
	if (port == NULL || port->gather >= 0) {
		p[n++] = (struct pollfd){.fd = spore_chan_fd(c), .events = spore_chan_events(c)};
		return n;
	}
	p[n++] = (struct pollfd){.fd = c->ways[SPORE__RECEIVE].wake[0], .events = POLLIN};
	if (sends)
		p[n++] = (struct pollfd){.fd = c->ways[SPORE__SEND].wake[0], .events = POLLIN};
	if (c->ways[SPORE__RECEIVE].err == SPORE_OK)
		p[n++] = (struct pollfd){.fd = port->control, .events = POLLIN};
	if (use != NULL)
		p[n++] = (struct pollfd){.fd = use->t->ops->fd(use->t), .events = use->t->ops->events(use->t)};
	return n;
}

void spore_chan_stats(const struct spore_chan *c, struct spore_chan_stats *stats)
{
	const struct spore__side *send = &c->ways[SPORE__SEND], *receive = &c->ways[SPORE__RECEIVE];
	const struct spore__installed *i = receive->use;
	*stats = (struct spore_chan_stats){.transport = ""};
	stats->state = atomic_load(&c->gone) ? SPORE_CHAN_GONE : SPORE_CHAN_WIRED;
	if (c->port != NULL) {
		pthread_mutex_lock(&c->port->lock);
		i = c->port->latest;
		stats->state = i != NULL                    ? SPORE_CHAN_WIRED
		               : c->port->ended != SPORE_OK ? SPORE_CHAN_GONE
		                                            : SPORE_CHAN_UNWIRED;
	}
	if (i != NULL) {
		stats->transport = i->t->ops->name;
		stats->slept = atomic_load_explicit(&i->t->slept, memory_order_relaxed);
		stats->dropped = atomic_load_explicit(&i->t->dropped, memory_order_relaxed);
		if (i->t->ops->subscribers != NULL)
			stats->subscribers = i->t->ops->subscribers(i->t);
	}
	if (c->port != NULL)
		pthread_mutex_unlock(&c->port->lock);
	stats->sent = atomic_load_explicit(&send->messages, memory_order_relaxed);
	stats->sent_bytes = atomic_load_explicit(&send->bytes, memory_order_relaxed);
	stats->received = atomic_load_explicit(&receive->messages, memory_order_relaxed);
	stats->received_bytes = atomic_load_explicit(&receive->bytes, memory_order_relaxed);
	stats->lost = atomic_load_explicit(&send->lost, memory_order_relaxed);
	stats->dropped += atomic_load_explicit(&receive->dropped, memory_order_relaxed);
	if (c->port != NULL)
		stats->redelivered = atomic_load_explicit(&c->port->redelivered, memory_order_relaxed);
}

const char *spore_chan_peer(const struct spore_chan *c)
{
	const struct spore__installed *i = c->ways[SPORE__RECEIVE].use;
	return i != NULL && i->peer != NULL ? i->peer : "";
}
