// A way, in its thread: what it uses, when it goes on with the next, and what is said of the ends of peers.
#include "../os/os.h"
#include "chan/inside.h"

// Its descriptor is one for both ways: the other one may still wait for it.
static void leave_gather(struct spore_chan *c, struct spore__installed *i, enum spore__way way)
{
	struct spore__wiring *p = c->port;
	struct spore__transport *t = i->t;
	if (p->gather < 0)
		return;
	pthread_mutex_lock(&p->lock);
	bool was = i->gathered != 0;
	i->gathered &= ~(1U << way);
	if (i->gathered != 0 && t->ops->leave != NULL && t->ops->leave(t, way)) {
		(void)spore__io_gather_add(p->gather, t->ops->fd(t), t->ops->events(t));
	} else if (was) {
		i->gathered = 0;
		spore__io_gather_remove(p->gather, t->ops->fd(t));
	}
	pthread_mutex_unlock(&p->lock);
	spore__way_tell_of(c, t);
}

static void drop(struct spore_chan *c, enum spore__way way)
{
	struct spore__side *w = &c->ways[way];
	if (w->use == NULL)
		return;
	struct spore__transport *t = w->use->t;
	w->swapped = atomic_load(&w->use->swaps) || atomic_load(&w->use->moved);
	w->hushed = SPORE_ECLOSED;
	spore__way_not_now(w);
	if (way == SPORE__RECEIVE) {
		c->empty = 0;
		pthread_mutex_lock(&c->port->lock); // nobody counts it twice, or not at all
		atomic_fetch_add_explicit(&w->dropped, atomic_load_explicit(&t->dropped, memory_order_relaxed),
		                          memory_order_relaxed);
		c->port->received = NULL;
		pthread_mutex_unlock(&c->port->lock);
	}
	leave_gather(c, w->use, way);
	if (way != SPORE__SEND || !spore__sending_keep(c)) {
		if (way == SPORE__SEND && w->part != SPORE__PART_DONE) {
			(void)t->ops->flush(t); // what was queued was sent, too
			atomic_fetch_add_explicit(&w->lost, t->ops->lost(t), memory_order_relaxed);
		}
		spore__installed_unref(w->use);
	}
	w->use = NULL;
	w->said = false;
	w->part = SPORE__PART_NOT;
}

// WAY is going to drop what it uses, since that is over. When both have, the port is wired to nothing: what it was wired to, for the caller.
// SWAPS: its peer is to be swapped; no longer, when that was called off meanwhile. Who calls it off later finds that this way has left.
static struct spore__installed *leave(struct spore_chan *c, enum spore__way way, bool *swaps)
{
	struct spore__wiring *p = c->port;
	pthread_mutex_lock(&p->lock);
	*swaps = *swaps && atomic_load(&c->ways[way].use->swaps);
	c->ways[way].use->left |= 1U << way;
	struct spore__installed *last = p->latest;
	unsigned left = last != NULL ? last->left : 0;
	for (int k = 0; k < 2; k++)
		left |= (unsigned)p->never[k] << k;
	if (last != NULL && left == 3) {
		p->latest = NULL;
		p->swapped = atomic_load(&last->swaps) ? last->serial : 0;
	} else {
		last = NULL;
	}
	pthread_mutex_unlock(&p->lock);
	return last;
}

// Goes on with NEXT, which may be NULL, after what ended with E.
static void go_on(struct spore_chan *c, enum spore__way way, struct spore__installed *next, enum spore_err e)
{
	struct spore__side *w = &c->ways[way];
	bool was_known = w->use != NULL && !w->said && !w->returned;
	drop(c, way);
	w->use = next;
	if (way == SPORE__RECEIVE) {
		pthread_mutex_lock(&c->port->lock);
		c->port->received = next;
		pthread_mutex_unlock(&c->port->lock);
	}
	w->finished = w->refinish;
	if (was_known)
		*(w->swapped ? &w->hushed : &w->owed) = e;
	w->returned = next != NULL && w->had && !(w->swapped && c->port->stateless);
	if (next != NULL) {
		atomic_store_explicit(&w->number, next->number, memory_order_relaxed);
		w->had = true;
		w->swapped = false;
	}
	spore__way_ready(w);
}

enum spore_err spore__way_say(struct spore__side *w)
{
	enum spore_err e = w->owed;
	w->owed = SPORE_OK;
	if (e == SPORE_OK && w->returned) {
		w->returned = false;
		e = SPORE_ERETURNED;
	}
	if (e != SPORE_OK)
		spore__way_ready(w);
	return e;
}

// What there is beside a channel; with the port's lock. Returns the generation of that.
static uint64_t hear_news(struct spore_chan *c, enum spore__way way)
{
	const struct spore__wiring *p = c->port;
	struct spore__side *w = &c->ways[way];
	w->err = p->ended;
	w->quiet = way == SPORE__RECEIVE && atomic_load(&p->quiet);
	spore__io_wake_hear(w->wake);
	return atomic_load_explicit(&c->generation, memory_order_relaxed);
}

// With the port's lock: is the sending way to finish what it uses before it goes on?
static bool is_to_part(const struct spore_chan *c)
{
	const struct spore__side *w = &c->ways[SPORE__SEND];
	const struct spore__installed *latest = c->port->latest;
	return w->use != NULL && latest != NULL && w->use != latest && atomic_load(&w->use->moved) &&
	       w->part <= SPORE__PART_WAITS;
}

// With the port's lock: each that was moved is finished, also when nothing was sent over it.
static struct spore__installed *next_to_send(const struct spore_chan *c)
{
	const struct spore__wiring *p = c->port;
	const struct spore__installed *use = c->ways[SPORE__SEND].use;
	struct spore__installed *next = use != NULL && use->after != NULL ? use->after : p->unseen;
	while (next != NULL && (next == use || (next->left & 1U << SPORE__SEND) != 0))
		next = next->after;
	return next != NULL && p->latest != NULL ? next : p->latest;
}

bool spore__sending_is_moved(struct spore_chan *c)
{
	const struct spore__installed *use = c->ways[SPORE__SEND].use;
	pthread_mutex_lock(&c->port->lock);
	bool moved = c->port->unseen != NULL || (use != NULL && atomic_load(&use->moved));
	pthread_mutex_unlock(&c->port->lock);
	return moved;
}

// With the port's lock, of what is received next: is it another one than the latest, and is its end waited for?
static void judge_age(struct spore_chan *c, const struct spore__installed *next)
{
	struct spore__side *w = &c->ways[SPORE__RECEIVE];
	w->stale = next != c->port->latest;
	w->patient = w->stale && next != NULL && c->port->latest != NULL && atomic_load(&next->moved);
}

bool spore__sending_is_replaced(struct spore_chan *c)
{
	struct spore__wiring *p = c->port;
	struct spore__side *w = &c->ways[SPORE__SEND];
	if (!spore__way_is_new(c, SPORE__SEND))
		return false;
	pthread_mutex_lock(&p->sending);
	pthread_mutex_lock(&p->lock);
	bool replaced = w->use != p->latest || (w->use == NULL && w->swapped && p->in_vain);
	if (is_to_part(c)) { // what was begun is completed here
		w->part = SPORE__PART_WAITS;
		spore__way_not_now(w);
		atomic_store(&p->behind, true);
		replaced = false;
	}
	if (!replaced)
		atomic_store_explicit(&w->generation, hear_news(c, SPORE__SEND), memory_order_release);
	pthread_mutex_unlock(&p->lock);
	pthread_mutex_unlock(&p->sending);
	return replaced;
}

void spore__way_update(struct spore_chan *c, enum spore__way way)
{
	struct spore__wiring *p = c->port;
	struct spore__side *w = &c->ways[way];
	bool receives = way == SPORE__RECEIVE;
	pthread_mutex_lock(&p->lock);
	uint64_t generation = hear_news(c, way);
	// What arrived over a transport before is received first.
	// Nor is a channel gone back to that this way has found to be over.
	bool stays = receives ? w->use != NULL : w->use == p->latest;
	if (!receives && w->use == NULL && p->latest != NULL)
		stays = (p->latest->left & 1U << way) != 0;
	if (!receives && is_to_part(c)) {
		w->part = SPORE__PART_WAITS;
		stays = true;
	}
	struct spore__installed *next = w->use;
	if (!stays)
		next = receives ? spore__installed_pop(p) : spore__installed_ref(next_to_send(c));
	if (receives)
		judge_age(c, next);
	bool parts = !receives && next != NULL && next != p->latest && p->latest != NULL;
	bool left = p->latest == NULL || (p->latest->left & 1U << way) != 0;
	bool in_vain = next == NULL && left && p->in_vain;
	struct spore__installed *unseen = receives ? NULL : p->unseen;
	if (!receives)
		p->unseen = NULL; // it is in use, or behind what is
	pthread_mutex_unlock(&p->lock);
	if (stays) {
		spore__way_ready(w);
	} else {
		go_on(c, way, next, SPORE_ECLOSED);
		w->part = parts ? SPORE__PART_WAITS : SPORE__PART_NOT;
		spore__way_ready(w);
	}
	if (in_vain && w->swapped) { // nobody came after the one that was to be swapped
		w->swapped = false;
		w->owed = w->hushed;
	}
	atomic_store_explicit(&w->generation, generation, memory_order_release);
	spore__installed_unref(unseen);
}

enum spore_err spore__way_usable(struct spore_chan *c, enum spore__way way)
{
	struct spore__side *w = &c->ways[way];
	if (c->port != NULL && c->port->never[way])
		return SPORE_EUNSUPPORTED;
	if (c->port != NULL && way == SPORE__SEND)
		return spore__sending_usable(c);
	if (spore__way_is_new(c, way))
		spore__way_update(c, way);
	enum spore_err e = spore__way_say(w);
	if (e != SPORE_OK)
		return e;
	if (w->quiet && w->lent == 0)
		return SPORE_EEND;
	if (w->use != NULL)
		return SPORE_OK;
	return spore__way_unwired(w);
}

static bool ends(enum spore_err e)
{
	return e == SPORE_ECLOSED || e == SPORE_EMALFORMED || e == SPORE_EEND;
}

// Everything that arrived over the transport before is received.
static enum spore_err switch_over(struct spore_chan *c, enum spore_err e)
{
	struct spore__side *w = &c->ways[SPORE__RECEIVE];
	if (w->lent > 0)
		return SPORE_EBUSY;
	pthread_mutex_lock(&c->port->lock);
	struct spore__installed *next = spore__installed_pop(c->port);
	judge_age(c, next);
	w->stale &= next != NULL;
	pthread_mutex_unlock(&c->port->lock);
	go_on(c, SPORE__RECEIVE, next, ends(e) ? e : SPORE_ECLOSED);
	return spore__way_say(w);
}

enum spore_err spore__way_judge(struct spore_chan *c, enum spore__way way, enum spore_err e)
{
	struct spore__side *w = &c->ways[way];
	if (w->use == NULL || e == SPORE_ERETURNED || (w->quiet && e == SPORE_EEND))
		return e;
	if (way == SPORE__RECEIVE && w->stale && (ends(e) || (e == SPORE_EAGAIN && !w->patient)))
		return switch_over(c, e);
	if (!ends(e))
		return e;
	struct spore__transport *t = w->use->t;
	if (e == SPORE_EMALFORMED) {
		t->ops->hang_up(t);
		if (c->tell_broken != NULL && !w->said && !atomic_load(&c->gone))
			c->tell_broken(c->name, w->use->peer, t->ops);
	}
	if (c->port != NULL) {
		bool swaps = spore__way_swaps(c, way, e), said = w->said;
		if (w->lent == 0 && !w->loan) {
			struct spore__installed *last = leave(c, way, &swaps);
			drop(c, way);
			w->swapped |= swaps;
			w->hushed = e;
			spore__installed_unref(last);
			return swaps || said ? SPORE_ENOTWIRED : e;
		}
		w->said = said || !swaps;
		return swaps || said ? SPORE_EBUSY : e; // what is lent is to be given back first
	}
	if (e != SPORE_EEND)
		atomic_store(&c->gone, true);
	if (way == SPORE__SEND)
		atomic_store_explicit(&w->lost, t->ops->lost(t), memory_order_relaxed);
	return e;
}
