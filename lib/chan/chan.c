#include <errno.h>

#include "../os/os.h"
#include "chan/bell.h"
#include "chan/wait.h"
#include "stop.h"

// ---- waiting

int64_t spore__wait_deadline(struct spore__timer *t)
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

enum spore_err spore__wait_arm(struct spore_chan *c, enum spore__way way, enum spore_err e)
{
	const struct spore__side *w = &c->ways[way];
	if (c->port != NULL && c->port->hear != NULL)
		c->port->hear();
	spore__early_look(c);
	if (spore__way_is_new(c, way))
		return SPORE_OK;
	bool wait = w->use == NULL || w->use->t->ops->arm(w->use->t, way) || w->awaits;
	if (c->port != NULL)
		gather(c, way);
	if (c->port != NULL && w->use != NULL)
		spore__way_tell_of(c, w->use->t);
	return wait ? e : SPORE_OK;
}

enum { OWN_EXTRA = 3 };

static atomic_uint listening; // calls that wait

bool spore__chan_listens(void)
{
	return atomic_load_explicit(&listening, memory_order_relaxed) > 0;
}

void spore__chan_listening(bool begins)
{
	if (begins)
		atomic_fetch_add_explicit(&listening, 1, memory_order_relaxed);
	else
		atomic_fetch_sub_explicit(&listening, 1, memory_order_relaxed);
}

enum spore_err spore__wait_once(struct spore_chan *c, enum spore__way way, int64_t deadline, struct pollfd *more,
                                unsigned count)
{
	struct spore__wiring *p = c->port;
	struct spore__side *w = &c->ways[way];
	if (p == NULL)
		return w->use->t->ops->wait(w->use->t, way, deadline, more, count);
	struct pollfd extra[SPORE__END_EXTRA] = {{.fd = w->wake[0], .events = POLLIN},
	                                         {.fd = p->control, .events = POLLIN},
	                                         {.fd = spore__early_fd(p), .events = POLLIN}};
	for (unsigned i = 0; i < count; i++)
		extra[OWN_EXTRA + i] = more[i];
	if (w->err != SPORE_OK)
		extra[1].fd = -1; // nothing more will be said there
	enum spore_err e = SPORE_OK;
	spore__chan_listening(true);
	if (w->awaits) {
		e = spore__sending_await(c, deadline, extra, OWN_EXTRA);
	} else if (w->use != NULL) {
		e = w->use->t->ops->wait(w->use->t, way, deadline, extra, OWN_EXTRA + count);
		spore__way_tell_of(c, w->use->t);
	} else {
		int n = spore__bell_poll(extra, OWN_EXTRA + count, deadline);
		if (n <= 0)
			e = n == 0 ? SPORE_ETIMEOUT : errno == EINTR ? SPORE_ECANCELLED : SPORE_ESYSTEM;
	}
	if (extra[1].revents != 0 && p->hear != NULL)
		p->hear();
	spore__chan_listening(false);
	if (extra[2].revents != 0)
		spore__early_look(c);
	return e;
}

bool spore__way_stops(struct spore__side *w)
{
	bool stops = !w->stopped && spore__stop_is_asked();
	w->stopped = w->stopped || stops;
	return stops;
}

enum spore_err spore__way_unwired(const struct spore__side *w)
{
	bool by_stop = w->waits && w->err == SPORE_ECLOSED && !w->stopped && spore__stop_is_asked();
	return w->err == SPORE_OK || by_stop ? SPORE_ENOTWIRED : w->err;
}

// A peer may wake this end up for nothing, faster than it falls asleep.
static enum spore_err wait_within(struct spore_chan *c, enum spore__way way, struct spore__timer *t,
                                  struct pollfd *more, unsigned count)
{
	enum spore_err e = spore__wait_once(c, way, spore__wait_deadline(t), more, count);
	t->over = e == SPORE_ETIMEOUT || (e == SPORE_OK && t->ms > 0 && spore__bell_now() >= t->deadline);
	return e == SPORE_ETIMEOUT ? SPORE_OK : e;
}

enum spore_err spore__wait_within(struct spore_chan *c, enum spore__way way, struct spore__timer *t)
{
	return wait_within(c, way, t, NULL, 0);
}

enum spore_err spore__wait_after(struct spore_chan *c, enum spore__way way, enum spore_err e, struct spore__timer *t)
{
	if (t->ms == SPORE_NOW)
		return t->unarmed ? e : spore__wait_arm(c, way, e);
	if (t->over)
		return e == SPORE_EAGAIN ? SPORE_ETIMEOUT : e;
	struct spore__side *w = &c->ways[way];
	if (spore__way_stops(w))
		return SPORE_ECANCELLED;
	// A port is woken by what is heard of the hold.
	struct pollfd stop = {.fd = -1, .events = POLLIN};
	if (c->port == NULL && !w->stopped && spore__stop_is_listening())
		stop.fd = spore_stop_fd();
	e = wait_within(c, way, t, &stop, stop.fd >= 0 ? 1 : 0);
	if (e == SPORE_ECANCELLED)
		(void)spore__way_stops(w); // it was the signal
	return e;
}

// ---- polling, state

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
	p[n++] = (struct pollfd){.fd = spore__early_fd(c->port), .events = POLLIN};
	if (use != NULL)
		p[n++] = (struct pollfd){.fd = use->t->ops->fd(use->t), .events = use->t->ops->events(use->t)};
	return n;
}

void spore_chan_stats(const struct spore_chan *c, struct spore_chan_stats *stats)
{
	const struct spore__side *send = &c->ways[SPORE__SEND], *receive = &c->ways[SPORE__RECEIVE];
	const struct spore__installed *i = NULL;
	bool gone = atomic_load(&c->gone);
	*stats = (struct spore_chan_stats){.transport = ""};
	if (c->port == NULL) {
		i = receive->use; // which stays
	} else {
		pthread_mutex_lock(&c->port->lock);
		i = c->port->latest;
		if (i == NULL && spore__early_has_come(c->port))
			i = atomic_load(&c->port->early);
		gone = i == NULL && c->port->ended != SPORE_OK;
	}
	// In this order: that it is to be swapped was said before it went.
	if (i != NULL && i->t->ops->gone != NULL && i->t->ops->gone(i->t) && !atomic_load(&i->swaps))
		gone = true;
	stats->state = gone ? SPORE_CHAN_GONE : i != NULL ? SPORE_CHAN_WIRED : SPORE_CHAN_UNWIRED;
	if (i != NULL) {
		stats->transport = i->t->ops->name;
		stats->slept = atomic_load_explicit(&i->t->slept, memory_order_relaxed);
		if (i->t->ops->subscribers != NULL)
			stats->subscribers = i->t->ops->subscribers(i->t);
	}
	if (c->port != NULL && !c->port->never[SPORE__RECEIVE])
		i = c->port->received; // which may be an earlier one, of which is received what is left
	if (i != NULL)
		stats->dropped = atomic_load_explicit(&i->t->dropped, memory_order_relaxed);
	stats->dropped += atomic_load_explicit(&receive->dropped, memory_order_relaxed);
	if (c->port != NULL)
		pthread_mutex_unlock(&c->port->lock);
	stats->sent = atomic_load_explicit(&send->messages, memory_order_relaxed);
	stats->sent_bytes = atomic_load_explicit(&send->bytes, memory_order_relaxed);
	stats->received = atomic_load_explicit(&receive->messages, memory_order_relaxed);
	stats->received_bytes = atomic_load_explicit(&receive->bytes, memory_order_relaxed);
	stats->lost = atomic_load_explicit(&send->lost, memory_order_relaxed);
	if (c->port != NULL)
		stats->redelivered = atomic_load_explicit(&c->port->redelivered, memory_order_relaxed);
}

const char *spore_chan_peer(const struct spore_chan *c)
{
	const struct spore__installed *i = c->ways[SPORE__RECEIVE].use;
	return i != NULL && i->peer != NULL ? i->peer : "";
}
