#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../os/os.h"
#include "chan/inside.h"
#include "chan/port.h"
#include "chan/pub.h"

enum {
	QUEUED = 4, // channels that are over, for one who may still receive what came
	QUEUED_SWAPS =
	    64, // ... of publishers that were swapped, and of those that were moved, since nobody sends again what is there
	// A process that ends closes its descriptors one after the other: the next channel may be here before the bell of this one is closed, some
	// microseconds later. Or somebody else has that end, and keeps it.
	CLOSING_MS = 1000,
};

// ---- installed transports

static struct spore__installed *wrap(struct spore__transport *t, const char *peer)
{
	struct spore__installed *i = calloc(1, sizeof *i);
	if (i == NULL)
		return NULL;
	i->t = t;
	i->peer = peer != NULL ? strdup(peer) : NULL;
	atomic_store(&i->refs, 1);
	return i;
}

struct spore__installed *spore__installed_ref(struct spore__installed *i)
{
	if (i != NULL)
		atomic_fetch_add(&i->refs, 1);
	return i;
}

void spore__installed_unref(struct spore__installed *i)
{
	while (i != NULL && atomic_fetch_sub(&i->refs, 1) == 1) {
		struct spore__installed *after = i->after;
		i->t->ops->destroy(i->t);
		free(i->peer);
		free(i);
		i = after;
	}
}

static struct spore__installed *pop(struct spore__wiring *p)
{
	struct spore__installed *i = p->queue;
	if (i != NULL)
		p->queue = i->next;
	return i;
}

// ---- creating, closing

static struct spore_chan *new_chan(void)
{
	struct spore_chan *c = aligned_alloc(alignof(struct spore_chan), sizeof *c);
	if (c == NULL)
		return NULL;
	memset(c, 0, sizeof *c);
	for (int i = 0; i < 2; i++)
		c->ways[i].wake[0] = c->ways[i].wake[1] = -1;
	return c;
}

enum spore_err spore__chan_create(struct spore__channel_end *end, struct spore_chan **out)
{
	struct spore__transport *t;
	enum spore_err e = spore__channel_end_open(end, &t);
	if (e != SPORE_OK)
		return e;
	e = spore__chan_create_over(t, out);
	if (e != SPORE_OK)
		t->ops->destroy(t);
	return e;
}

enum spore_err spore__chan_create_over(struct spore__transport *t, struct spore_chan **out)
{
	struct spore_chan *c = new_chan();
	struct spore__installed *i = c != NULL ? wrap(t, NULL) : NULL;
	if (i == NULL) {
		free(c);
		return SPORE_ENOMEM;
	}
	c->ways[SPORE__SEND].use = i;
	c->ways[SPORE__RECEIVE].use = spore__installed_ref(i);
	for (int k = 0; k < 2; k++)
		spore__way_ready(&c->ways[k]);
	*out = c;
	return SPORE_OK;
}

void spore_chan_close(struct spore_chan *c)
{
	if (c == NULL)
		return;
	int e = errno;
	if (c->port != NULL) {
		spore__sending_hand_over(c, spore__port_is_swapped());
		spore__port_forget(c);
	}
	for (int i = 0; i < 2; i++) {
		spore__installed_unref(c->ways[i].use);
		spore__io_wake_close(c->ways[i].wake);
	}
	if (c->port != NULL) {
		spore__left_drop(c);
		spore__installed_unref(c->port->latest);
		spore__installed_unref(c->port->unseen);
		spore__installed_unref(atomic_load(&c->port->early));
		for (struct spore__installed *i; (i = pop(c->port)) != NULL;)
			spore__installed_unref(i);
		if (c->port->gather >= 0)
			close(c->port->gather);
		(void)pthread_mutex_destroy(&c->port->lock);
		(void)pthread_mutex_destroy(&c->port->sending);
		free(c->port);
	}
	free(c->name);
	free(c);
	errno = e;
}

enum spore_err spore__chan_create_port(struct spore_chan **out)
{
	struct spore_chan *c = new_chan();
	if (c == NULL)
		return SPORE_ENOMEM;
	c->port = calloc(1, sizeof *c->port);
	if (c->port == NULL || pthread_mutex_init(&c->port->lock, NULL) != 0) {
		free(c->port);
		free(c);
		return SPORE_ENOMEM;
	}
	(void)pthread_mutex_init(&c->port->sending, NULL); // which does not fail where the one before did not
	c->port->barrier = spore__io_barrier_join();
	c->port->closing_ms = CLOSING_MS;
	c->port->control = -1;
	c->port->gather = spore__io_gather();
	if (spore__io_wake(c->ways[0].wake) != 0 || spore__io_wake(c->ways[1].wake) != 0) {
		spore_chan_close(c);
		return SPORE_ESYSTEM;
	}
	*out = c;
	return SPORE_OK;
}

// ---- wiring, from any thread

void spore__chan_listen(struct spore_chan *c, int fd, void (*hear)(void), void (*hear_all)(void), bool stateless)
{
	c->port->control = fd;
	c->port->hear = hear;
	c->port->hear_all = hear_all;
	c->port->stateless = stateless;
	if (c->port->gather >= 0)
		(void)spore__io_gather_add(c->port->gather, fd, POLLIN);
}

static void tell_ways(struct spore_chan *c)
{
	atomic_fetch_add_explicit(&c->generation, 1, memory_order_release);
	for (int i = 0; i < 2; i++)
		spore__io_wake_ring(c->ways[i].wake);
}

void spore__way_tell_of(struct spore_chan *c, struct spore__transport *t)
{
	if (!atomic_load_explicit(&t->untold, memory_order_relaxed))
		return;
	atomic_store_explicit(&t->untold, false, memory_order_relaxed);
	pthread_mutex_lock(&c->port->lock);
	tell_ways(c); // each looks for what is new, finds nothing, and tries again
	pthread_mutex_unlock(&c->port->lock);
}

// What was there before, for whoever has given the lock back.
struct replaced {
	struct spore__installed *latest, *queued;
};

static unsigned most_queued(const struct spore__installed *oldest)
{
	bool swaps = oldest->t->ops == &spore__publication_ops && atomic_load(&oldest->swaps);
	return swaps || atomic_load(&oldest->moved) ? QUEUED_SWAPS : QUEUED;
}

// With the lock; LATEST (may be NULL) is taken.
static struct replaced change_to(struct spore_chan *c, struct spore__installed *latest)
{
	struct spore__wiring *p = c->port;
	struct replaced old = {.latest = p->latest};
	struct spore__installed **at = &p->queue;
	unsigned queued = 0;
	p->latest = latest;
	p->in_vain &= latest == NULL;
	if (latest != NULL)
		latest->number = atomic_load_explicit(&c->generation, memory_order_relaxed) + 1;
	for (; *at != NULL; at = &(*at)->next)
		queued++;
	*at = spore__installed_ref(latest);
	if (p->queue != NULL && queued >= most_queued(p->queue))
		old.queued = pop(p); // nobody receives
	tell_ways(c);
	if (old.latest != NULL && old.latest->t->ops->reads_on != NULL && !p->never[SPORE__RECEIVE] &&
	    old.queued != old.latest)
		old.latest->t->ops->reads_on(old.latest->t);
	if (old.latest != NULL && !atomic_load(&old.latest->moved))
		old.latest->t->ops->hang_up(old.latest->t);
	return old;
}

static void drop_replaced(struct replaced old)
{
	spore__installed_unref(old.latest);
	spore__installed_unref(old.queued);
}

static struct spore__installed *wrap_for(struct spore__transport *t, const char *peer, uint64_t serial, bool redeliver)
{
	struct spore__installed *i = wrap(t, peer);
	if (i == NULL) {
		t->ops->destroy(t); // the peer sees it closed
		return NULL;
	}
	i->serial = serial;
	i->redeliver = redeliver;
	return i;
}

// ---- a peer that has not come yet

// With the lock: it is nobody's any more.
static struct spore__installed *take_early(struct spore__wiring *p)
{
	struct spore__installed *i = atomic_exchange(&p->early, NULL);
	if (i != NULL && p->gather >= 0)
		spore__io_gather_remove(p->gather, i->t->ops->fd(i->t));
	return i;
}

static short early_says(const struct spore__wiring *p)
{
	const struct spore__installed *i = atomic_load(&p->early);
	struct pollfd bell = {.fd = i != NULL ? i->t->ops->fd(i->t) : -1, .events = POLLIN};
	return poll(&bell, 1, 0) > 0 ? bell.revents : 0;
}

bool spore__early_has_come(const struct spore__wiring *p)
{
	return (early_says(p) & POLLIN) != 0;
}

// With the lock: has its peer come, it is installed, is it gone, it is dropped. What is to be dropped afterwards.
static struct replaced settle_early(struct spore_chan *c)
{
	struct replaced old = {0};
	if (atomic_load_explicit(&c->port->early, memory_order_relaxed) == NULL)
		return old;
	short says = early_says(c->port);
	if ((says & POLLIN) != 0)
		return change_to(c, take_early(c->port));
	if (says != 0)
		old.latest = take_early(c->port);
	return old;
}

void spore__chan_install_early(struct spore_chan *c, struct spore__transport *t, const char *peer, uint64_t serial,
                               bool redeliver)
{
	struct spore__wiring *p = c->port;
	struct spore__installed *i = wrap_for(t, peer, serial, redeliver);
	int e = errno;
	if (i == NULL)
		return;
	spore__ring_lie_down((struct spore__ring *)t); // so that what is sent rings
	pthread_mutex_lock(&p->lock);
	struct replaced old = settle_early(c);
	struct spore__installed *early = take_early(p);
	atomic_store(&p->early, i);
	if (p->gather >= 0)
		(void)spore__io_gather_add(p->gather, t->ops->fd(t), POLLIN);
	tell_ways(c); // who waits looks at its bell as well from now on
	pthread_mutex_unlock(&p->lock);
	drop_replaced(old);
	spore__installed_unref(early);
	errno = e;
}

void spore__early_look(struct spore_chan *c)
{
	struct spore__wiring *p = c->port;
	int e = errno;
	if (p == NULL || atomic_load_explicit(&p->early, memory_order_relaxed) == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	struct replaced old = settle_early(c);
	pthread_mutex_unlock(&p->lock);
	drop_replaced(old);
	errno = e;
}

int spore__early_fd(struct spore__wiring *p)
{
	if (atomic_load_explicit(&p->early, memory_order_relaxed) == NULL)
		return -1;
	pthread_mutex_lock(&p->lock); // another thread may drop it
	const struct spore__installed *i = atomic_load(&p->early);
	int fd = i != NULL ? i->t->ops->fd(i->t) : -1;
	pthread_mutex_unlock(&p->lock);
	return fd;
}

// ----

// With the lock: the latest is moved, and goes on over I. What is to be dropped afterwards.
static struct spore__installed *follow(struct spore__wiring *p, struct spore__installed *i)
{
	struct spore__installed *unseen = NULL;
	if (p->unseen == NULL || p->unseen_end != p->latest) {
		unseen = p->unseen;
		p->unseen = spore__installed_ref(p->latest);
	}
	p->unseen_end = i;
	p->latest->after = spore__installed_ref(i);
	atomic_store(&p->latest->moved, true);
	return unseen;
}

static void install(struct spore_chan *c, struct spore__transport *t, const char *peer, uint64_t serial, bool redeliver,
                    bool moves)
{
	struct spore__installed *i = wrap_for(t, peer, serial, redeliver);
	int e = errno;
	if (i == NULL)
		return;
	pthread_mutex_lock(&c->port->lock);
	struct replaced early = settle_early(c);
	struct spore__installed *unseen = moves && c->port->latest != NULL ? follow(c->port, i) : NULL;
	struct replaced old = change_to(c, i);
	pthread_mutex_unlock(&c->port->lock);
	spore__installed_unref(unseen);
	drop_replaced(early);
	drop_replaced(old);
	errno = e;
}

void spore__chan_install(struct spore_chan *c, struct spore__transport *t, const char *peer, uint64_t serial,
                         bool redeliver)
{
	install(c, t, peer, serial, redeliver, false);
}

void spore__chan_install_moved(struct spore_chan *c, struct spore__transport *t, const char *peer, uint64_t serial,
                               bool redeliver)
{
	install(c, t, peer, serial, redeliver, true);
}

void spore__chan_swap(struct spore_chan *c, uint64_t serial, bool on)
{
	struct spore__wiring *p = c->port;
	struct replaced old = {0};
	int e = errno;
	pthread_mutex_lock(&p->lock);
	struct spore__installed *i = p->latest;
	if (i != NULL && i->serial == serial) {
		bool was = atomic_exchange(&i->swaps, on);
		atomic_thread_fence(memory_order_seq_cst);
		if (was && !on && i->t->ops->gone != NULL && i->t->ops->gone(i->t)) {
			// The one that was to come does not, and the end may have been taken for a part of that.
			p->in_vain = true;
			old = change_to(c, NULL);
		} else if (was && !on && i->left != 0) { // it finished, and lives on
			p->in_vain = true;
			tell_ways(c);
		}
	} else if (i == NULL && !on && p->swapped != 0 && p->swapped == serial) {
		p->in_vain = true;
		p->swapped = 0;
		tell_ways(c);
	}
	pthread_mutex_unlock(&p->lock);
	drop_replaced(old);
	errno = e;
}

void spore__chan_quiet(struct spore_chan *c)
{
	pthread_mutex_lock(&c->port->lock);
	atomic_store(&c->port->quiet, true);
	tell_ways(c);
	pthread_mutex_unlock(&c->port->lock);
}

void spore__chan_unwire(struct spore_chan *c, uint64_t serial)
{
	struct spore__wiring *p = c->port;
	struct spore__installed *early = NULL;
	struct replaced old = {0};
	int e = errno;
	pthread_mutex_lock(&p->lock);
	struct replaced before = settle_early(c);
	if (atomic_load(&p->early) != NULL && atomic_load(&p->early)->serial == serial)
		early = take_early(p);
	else if (p->latest != NULL && p->latest->serial == serial)
		old = change_to(c, NULL);
	pthread_mutex_unlock(&p->lock);
	drop_replaced(before);
	drop_replaced(old);
	spore__installed_unref(early);
	errno = e;
}

void spore__chan_end(struct spore_chan *c, enum spore_err why)
{
	struct spore__wiring *p = c->port;
	int e = errno;
	pthread_mutex_lock(&p->lock);
	if (p->ended == SPORE_OK) {
		p->ended = why;
		if (p->gather >= 0)
			spore__io_gather_remove(p->gather, p->control);
		tell_ways(c);
	}
	pthread_mutex_unlock(&p->lock);
	errno = e;
}

void spore__chan_never(struct spore_chan *c, enum spore__way way)
{
	c->port->never[way] = true;
}

void spore__chan_set_peer(struct spore_chan *c, const char *peer)
{
	c->ways[SPORE__RECEIVE].use->peer = strdup(peer);
}

void spore__chan_tell_broken(struct spore_chan *c, const char *name,
                             void (*tell)(const char *name, const char *peer,
                                          const struct spore__transport_ops *transport))
{
	c->name = strdup(name);
	c->tell_broken = tell;
}

// ---- a way, in its thread

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
		atomic_fetch_add_explicit(&w->dropped, atomic_exchange_explicit(&t->dropped, 0, memory_order_relaxed),
		                          memory_order_relaxed);
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
		next = receives ? pop(p) : spore__installed_ref(next_to_send(c));
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
	struct spore__installed *next = pop(c->port);
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
