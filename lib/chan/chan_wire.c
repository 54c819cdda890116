// What a port is wired to: whoever hears of it says it here, from any thread. The ways go on with it by themselves (chan_way.c).
#include <errno.h>
#include <poll.h>

#include "../os/os.h"
#include "chan/inside.h"
#include "chan/pub.h"

enum {
	QUEUED = 4, // channels that are over, for one who may still receive what came
	QUEUED_SWAPS =
	    64, // ... of publishers that were swapped, and of those that were moved, since nobody sends again what is there
};

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
		old.queued = spore__installed_pop(p); // nobody receives
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
	struct spore__installed *i = spore__installed_create(t, peer);
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

// ---- another peer, or none

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
