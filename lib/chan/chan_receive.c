#include <string.h>

#include "chan/bell.h"
#include "chan/ring_loan.h"
#include "chan/wait.h"

// While this thread does what the sending one is behind with: there may be room for more of it.
static enum spore_err pause_briefly(struct spore_chan *c, enum spore_err e, struct spore__timer *t)
{
	enum { BRIEF_NS = 10000000 };
	int64_t until = spore__wait_deadline(t), brief = spore__bell_now() + BRIEF_NS;
	if (until >= 0 && until <= brief)
		return spore__wait_after(c, SPORE__RECEIVE, e, t);
	e = spore__wait_once(c, SPORE__RECEIVE, brief, NULL, 0);
	return e == SPORE_ETIMEOUT ? SPORE_OK : e;
}

// After a try to receive that said E, not SPORE_OK. SPORE_OK: try again.
static enum spore_err after(struct spore_chan *c, enum spore_err e, struct spore__timer *timer)
{
	e = spore__way_judge(c, SPORE__RECEIVE, e);
	if (e != SPORE_EAGAIN && e != SPORE_ENOTWIRED)
		return e;
	if (c->port != NULL && spore__sending_help(c) && timer->ms != SPORE_NOW)
		return spore__way_stops(&c->ways[SPORE__RECEIVE]) ? SPORE_ECANCELLED : pause_briefly(c, e, timer);
	return spore__wait_after(c, SPORE__RECEIVE, e, timer);
}

// A message has come in part, into memory of the caller's.
static enum spore_err go_on_copying(struct spore_chan *c, void *buffer, size_t size, size_t *len,
                                    struct spore__timer *timer)
{
	struct spore__transport *t = c->ways[SPORE__RECEIVE].use->t;
	enum spore_err e = SPORE_EBUSY;
	while (e == SPORE_EBUSY) {
		enum spore_err r = SPORE_EAGAIN;
		if (timer->ms != SPORE_NOW)
			r = timer->over ? SPORE_ETIMEOUT : spore__wait_within(c, SPORE__RECEIVE, timer);
		if (r != SPORE_OK) {
			e = t->ops->keep(t, SPORE__RECEIVE, buffer);
			timer->over = true;
			return e == SPORE_OK && r == SPORE_ETIMEOUT ? SPORE_EAGAIN : e == SPORE_OK ? r : e;
		}
		// Takes note of that only, since this transport is gone on with; else every wait would end at once.
		if (spore__way_is_new(c, SPORE__RECEIVE))
			spore__way_update(c, SPORE__RECEIVE);
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

static enum spore_err receive_slowly(struct spore_chan *c, void *buffer, size_t size, size_t *len,
                                     struct spore__timer timer, enum spore_err e)
{
	struct spore__side *w = &c->ways[SPORE__RECEIVE];
	if (c->bytes)
		return receive_bytes(c, buffer, size, len, timer.ms);
	if (w->lent > 0)
		return SPORE_EBUSY;
	w->waits = timer.ms != SPORE_NOW;
	for (;; e = SPORE_ENOTWIRED) {
		if (e == SPORE_ENOTWIRED) { // not tried yet
			e = spore__way_usable(c, SPORE__RECEIVE);
			if (e == SPORE_OK)
				e = w->use->t->ops->copy(w->use->t, buffer, size, len);
		}
		if (e == SPORE_EBUSY)
			e = go_on_copying(c, buffer, size, len, &timer);
		if (e == SPORE_OK) {
			spore__way_count(w, *len);
			return e;
		}
		e = after(c, e, &timer);
		if (e != SPORE_OK)
			return e;
	}
}

static __attribute__((noinline)) enum spore_err receive(struct spore_chan *c, void *buffer, size_t size, size_t *len,
                                                        struct spore__timer timer)
{
	struct spore__side *w = &c->ways[SPORE__RECEIVE];
	struct spore__transport *t = spore__way_now(w);
	if (t == NULL || spore__way_is_new(c, SPORE__RECEIVE))
		return receive_slowly(c, buffer, size, len, timer, SPORE_ENOTWIRED);
	enum spore_err e = t->ops->copy(t, buffer, size, len);
	if (e != SPORE_OK)
		return receive_slowly(c, buffer, size, len, timer, e);
	spore__way_count(w, *len);
	return SPORE_OK;
}

enum spore_err spore_chan_recv(struct spore_chan *c, void *buffer, size_t size, size_t *len, int timeout_ms)
{
	struct spore__side *w = &c->ways[SPORE__RECEIVE];
	struct spore__ring *r = (struct spore__ring *)atomic_load_explicit(&w->near, memory_order_acquire);
	if (r == NULL || spore__way_is_new(c, SPORE__RECEIVE) ||
	    !spore__ring_copy_near(r, buffer, size, len, timeout_ms != SPORE_NOW, true))
		return receive(c, buffer, size, len, (struct spore__timer){.ms = timeout_ms});
	spore__way_count(w, *len);
	return SPORE_OK;
}

enum spore_err spore__chan_take(struct spore_chan *c, void *buffer, size_t size, size_t *len, bool briefly)
{
	struct spore__side *w = &c->ways[SPORE__RECEIVE];
	struct spore__ring *r = (struct spore__ring *)atomic_load_explicit(&w->near, memory_order_acquire);
	if (r == NULL || spore__way_is_new(c, SPORE__RECEIVE) ||
	    !spore__ring_copy_near(r, buffer, size, len, briefly, false))
		return receive(c, buffer, size, len, (struct spore__timer){.ms = SPORE_NOW, .unarmed = true});
	spore__way_count(w, *len);
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
	enum spore_err e = spore__wait_once(c, SPORE__RECEIVE, sooner ? soon : deadline, more, count);
	return sooner && e == SPORE_ETIMEOUT ? SPORE_OK : e;
}

bool spore__chan_arm(struct spore_chan *c)
{
	return spore__wait_arm(c, SPORE__RECEIVE, SPORE_EAGAIN) == SPORE_EAGAIN;
}

enum spore_err spore_chan_read(struct spore_chan *c, const void **data, size_t *len, int timeout_ms)
{
	struct spore__side *w = &c->ways[SPORE__RECEIVE];
	struct spore__ring *r = (struct spore__ring *)atomic_load_explicit(&w->near, memory_order_acquire);
	if (r != NULL && !spore__way_is_new(c, SPORE__RECEIVE) &&
	    spore__ring_read_near(r, data, len, timeout_ms != SPORE_NOW)) {
		w->lent = 1;
		spore__way_lend(w);
		spore__way_count(w, *len);
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
	struct spore__timer timer = {.ms = timeout_ms};
	struct spore__side *w = &c->ways[SPORE__RECEIVE];
	w->waits = timeout_ms != SPORE_NOW;
	for (;;) {
		enum spore_err e = spore__way_usable(c, SPORE__RECEIVE);
		if (e == SPORE_OK)
			e = c->empty < EMPTY_MOST ? w->use->t->ops->read(w->use->t, data, len) : SPORE_EMALFORMED;
		if (e == SPORE_OK) {
			w->lent++;
			spore__way_not_now(w);
			if (*len > 0 || !c->bytes) {
				c->empty = 0;
				spore__way_count(w, *len);
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

enum spore_err spore_chan_skip(struct spore_chan *c, int timeout_ms)
{
	struct spore__timer timer = {.ms = timeout_ms};
	struct spore__side *w = &c->ways[SPORE__RECEIVE];
	if (c->rest_len > 0) {
		c->rest_len = 0;
		spore_chan_release(c);
		return SPORE_OK;
	}
	if (w->lent > 0)
		return SPORE_EBUSY;
	w->waits = timeout_ms != SPORE_NOW;
	for (;;) {
		size_t len = 0;
		enum spore_err e = spore__way_usable(c, SPORE__RECEIVE);
		if (e == SPORE_OK)
			e = w->use->t->ops->skip(w->use->t, &len);
		if (e == SPORE_OK) {
			spore__way_count(w, len);
			return e;
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
