#include <stdlib.h>
#include <string.h>

#include "chan/ring_loan.h"
#include "chan/wait.h"

// A message was begun, from memory of the caller's: goes on until it is sent, or the transport has a copy of the rest.
static enum spore_err complete(struct spore_chan *c, struct spore__timer *t)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	const struct spore__transport_ops *ops = w->use->t->ops;
	enum spore_err e = SPORE_EBUSY;
	while (e == SPORE_EBUSY && t->ms != SPORE_NOW && !t->over &&
	       spore__wait_within(c, SPORE__SEND, t) == SPORE_OK && !spore__sending_is_replaced(c))
		e = ops->flush(w->use->t);
	return e == SPORE_EBUSY ? ops->keep(w->use->t, SPORE__SEND, NULL) : e;
}

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

// For the peer of now this end has finished; its channel is over for sending once it is gone.
static enum spore_err behind_the_end(struct spore_chan *c)
{
	const struct spore__transport *t = c->ways[SPORE__SEND].use->t;
	return t->ops->gone != NULL && t->ops->gone(t) ? spore__way_judge(c, SPORE__SEND, SPORE_ECLOSED)
	                                               : SPORE_ECLOSED;
}

static enum spore_err send_slowly(struct spore_chan *c, const struct sending *s, int timeout_ms)
{
	struct spore__timer timer = {.ms = timeout_ms};
	struct spore__side *w = &c->ways[SPORE__SEND];
	w->waits = timeout_ms != SPORE_NOW;
	for (;;) {
		enum spore_err e = spore__way_usable(c, SPORE__SEND);
		if (e == SPORE_OK && w->finished)
			return s->step == STEP_FINISH ? SPORE_OK : behind_the_end(c);
		if (e == SPORE_OK) {
			e = try_to(w->use->t, s);
			if (e == SPORE_EBUSY)
				e = complete(c, &timer);
			if (e != SPORE_OK)
				e = spore__way_judge(c, SPORE__SEND, e);
		}
		if (e != SPORE_EAGAIN && e != SPORE_ENOTWIRED)
			return e;
		e = spore__wait_after(c, SPORE__SEND, e, &timer);
		if (e != SPORE_OK)
			return e;
	}
}

static enum spore_err may_send(const struct spore__side *w, size_t len)
{
	if (w->loan)
		return SPORE_EBUSY;
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
		spore__way_count(w, len);
	return e;
}

static __attribute__((noinline)) enum spore_err send_over(struct spore_chan *c, struct spore__transport *t,
                                                          enum step step, const void *data, size_t len, int timeout_ms)
{
	enum spore_err e = t->ops->send(t, data, len, step == STEP_QUEUE);
	if (e == SPORE_EBUSY) {
		struct spore__timer timer = {.ms = timeout_ms};
		e = complete(c, &timer);
	}
	if (e != SPORE_OK && e != SPORE_EAGAIN)
		e = spore__way_judge(c, SPORE__SEND, e);
	if (e == SPORE_EAGAIN || e == SPORE_ENOTWIRED)
		return send_at_length(c, step, data, len, timeout_ms);
	if (e == SPORE_OK)
		spore__way_count(&c->ways[SPORE__SEND], len);
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
	spore__way_count(w, len);
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

// What a peer that went had not received is lost, unless another one takes its place.
static enum spore_err flushed(struct spore_chan *c, enum spore_err e)
{
	const struct spore__side *w = &c->ways[SPORE__SEND];
	struct spore__transport *t = w->use->t;
	if (e == SPORE_OK && !w->finished && t->ops->gone != NULL && t->ops->gone(t) && t->ops->lost(t) > 0)
		e = SPORE_ECLOSED;
	if (e != SPORE_OK)
		e = spore__way_judge(c, SPORE__SEND, e);
	return e == SPORE_ENOTWIRED ? SPORE_OK : e;
}

static enum spore_err flush(struct spore_chan *c, int timeout_ms)
{
	struct spore__timer timer = {.ms = timeout_ms};
	struct spore__side *w = &c->ways[SPORE__SEND];
	spore__sending_settled(c);
	if (w->loan)
		return w->use->t->ops->flush(w->use->t);
	if (w->use == NULL && !spore__way_is_new(c, SPORE__SEND))
		return SPORE_OK; // nothing was queued
	enum spore_err e = SPORE_OK;
	if (c->port != NULL && (spore__way_is_new(c, SPORE__SEND) || spore__way_now(w) == NULL))
		e = spore__sending_usable(c);
	if (e != SPORE_OK || w->use == NULL)
		return e == SPORE_ENOTWIRED || e == w->err ? SPORE_OK : e;
	for (;;) {
		e = w->use->t->ops->flush(w->use->t);
		if (e != SPORE_EBUSY)
			return flushed(c, e);
		if (spore__sending_is_replaced(c))
			return is_over(c);
		e = spore__wait_after(c, SPORE__SEND, SPORE_EAGAIN, &timer);
		if (e != SPORE_OK)
			return e;
	}
}

// Of a port of bytes: what is empty is not sent, but what was queued is published.
static __attribute__((noinline)) enum spore_err send_nothing(struct spore_chan *c, enum step step)
{
	spore__sending_enter(c);
	spore__sending_settled(c);
	const struct spore__side *w = &c->ways[SPORE__SEND];
	enum spore_err e = may_send(w, 0);
	if (e == SPORE_OK && w->finished && !spore__way_is_new(c, SPORE__SEND))
		e = SPORE_ECLOSED;
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
	if (use != NULL && atomic_load(&use->moved))
		return false; // it is sent there
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
	spore__way_count(w, len);
	spore__ring_wake(r, &r->send.lines->receiver, &r->send.ringing);
	return true;
}

static __attribute__((noinline)) enum spore_err commit(struct spore_chan *c, size_t len, int timeout_ms)
{
	struct spore__timer timer = {.ms = timeout_ms};
	struct spore__side *w = &c->ways[SPORE__SEND];
	if (!w->loan || len > w->loan_size)
		return SPORE_EINVALID;
	if (loan_is_left(c))
		return send_loan(c, len, timeout_ms);
	w->loan = false;
	spore__way_ready(w);
	if (spore__sending_is_replaced(c)) { // it was lent by a channel that is no more
		w->use->t->ops->abandon(w->use->t);
		return is_over(c);
	}
	enum spore_err e = w->use->t->ops->commit(w->use->t, len);
	if (e == SPORE_EBUSY)
		e = complete(c, &timer);
	if (e != SPORE_OK)
		return spore__way_judge(c, SPORE__SEND, e);
	spore__way_count(w, len);
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
	enum spore_err e = may_send(w, 0);
	if (e == SPORE_OK)
		e = send_slowly(c, &s, timeout_ms);
	if (e == SPORE_OK) {
		w->finished = true;
		spore__way_not_now(w);
	}
	spore__sending_leave(c);
	return e;
}
