#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../os/os.h"
#include "chan/inside.h"
#include "chan/port.h"

enum { QUEUED = 4 }; // channels that are over, for one who may still receive what came

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

static struct spore__installed *ref(struct spore__installed *i)
{
	if (i != NULL)
		atomic_fetch_add(&i->refs, 1);
	return i;
}

static void unref(struct spore__installed *i)
{
	if (i == NULL || atomic_fetch_sub(&i->refs, 1) != 1)
		return;
	i->t->ops->destroy(i->t);
	free(i->peer);
	free(i);
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
	c->ways[SPORE__RECEIVE].use = ref(i);
	for (int k = 0; k < 2; k++)
		spore__way_ready(&c->ways[k]);
	*out = c;
	return SPORE_OK;
}

bool spore__chan_open_wake(int wake[2])
{
	if (pipe(wake) != 0) {
		wake[0] = wake[1] = -1;
		return false;
	}
	for (int i = 0; i < 2; i++) {
		if (fcntl(wake[i], F_SETFD, FD_CLOEXEC) != 0 || fcntl(wake[i], F_SETFL, O_NONBLOCK) != 0)
			return false;
	}
	return true;
}

void spore_chan_close(struct spore_chan *c)
{
	if (c == NULL)
		return;
	int e = errno;
	if (c->port != NULL)
		spore__port_forget(c);
	for (int i = 0; i < 2; i++) {
		struct spore__side *w = &c->ways[i];
		unref(w->use);
		if (w->wake[0] >= 0) {
			close(w->wake[0]);
			close(w->wake[1]);
		}
	}
	if (c->port != NULL) {
		unref(c->port->latest);
		for (struct spore__installed *i; (i = pop(c->port)) != NULL;)
			unref(i);
		if (c->port->gather >= 0)
			close(c->port->gather);
		(void)pthread_mutex_destroy(&c->port->lock);
		free(c->port);
	}
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
	c->port->control = -1;
	c->port->gather = spore__io_gather();
	if (!spore__chan_open_wake(c->ways[0].wake) || !spore__chan_open_wake(c->ways[1].wake)) {
		spore_chan_close(c);
		return SPORE_ESYSTEM;
	}
	*out = c;
	return SPORE_OK;
}

// ---- wiring, from any thread

void spore__chan_listen(struct spore_chan *c, int fd, void (*hear)(void))
{
	c->port->control = fd;
	c->port->hear = hear;
	if (c->port->gather >= 0)
		(void)spore__io_gather_add(c->port->gather, fd, POLLIN);
}

static void tell_ways(struct spore_chan *c)
{
	atomic_fetch_add_explicit(&c->generation, 1, memory_order_release);
	for (int i = 0; i < 2; i++)
		(void)!write(c->ways[i].wake[1], "", 1);
}

static void change(struct spore_chan *c, struct spore__installed *latest)
{
	struct spore__wiring *p = c->port;
	int e = errno;
	pthread_mutex_lock(&p->lock);
	struct spore__installed *old = p->latest, **at = &p->queue, *most = NULL;
	unsigned queued = 0;
	p->latest = latest;
	for (; *at != NULL; at = &(*at)->next)
		queued++;
	*at = ref(latest);
	if (queued == QUEUED)
		most = pop(p); // nobody receives
	tell_ways(c);
	if (old != NULL)
		old->t->ops->hang_up(old->t);
	pthread_mutex_unlock(&p->lock);
	unref(old);
	unref(most);
	errno = e;
}

void spore__chan_install(struct spore_chan *c, struct spore__transport *t, const char *peer)
{
	struct spore__installed *i = wrap(t, peer);
	if (i == NULL)
		t->ops->destroy(t); // the peer sees it closed
	else
		change(c, i);
}

void spore__chan_unwire(struct spore_chan *c)
{
	change(c, NULL);
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

// ---- a way, in its thread

static void drop(struct spore_chan *c, enum spore__way way)
{
	struct spore__side *w = &c->ways[way];
	if (w->use == NULL)
		return;
	struct spore__transport *t = w->use->t;
	if (way == SPORE__SEND)
		atomic_fetch_add_explicit(&w->lost, t->ops->lost(t), memory_order_relaxed);
	else
		atomic_fetch_add_explicit(&w->dropped, atomic_exchange_explicit(&t->dropped, 0, memory_order_relaxed),
		                          memory_order_relaxed);
	if (c->port->gather >= 0 && atomic_load(&c->port->gathers[way]))
		spore__io_gather_remove(c->port->gather, t->ops->fd(t));
	unref(w->use);
	w->use = NULL;
	w->now = NULL;
}

// Goes on with NEXT, which may be NULL. SPORE_ERETURNED, or SPORE_OK when there is nothing to say.
static enum spore_err go_on(struct spore_chan *c, enum spore__way way, struct spore__installed *next)
{
	struct spore__side *w = &c->ways[way];
	drop(c, way);
	w->use = next;
	w->finished = false;
	spore__way_ready(w);
	if (next == NULL)
		return SPORE_OK;
	bool returned = w->had;
	w->had = true;
	return returned ? SPORE_ERETURNED : SPORE_OK;
}

static enum spore_err update(struct spore_chan *c, enum spore__way way)
{
	struct spore__wiring *p = c->port;
	struct spore__side *w = &c->ways[way];
	bool receives = way == SPORE__RECEIVE;
	char woken[16];
	pthread_mutex_lock(&p->lock);
	w->generation = atomic_load_explicit(&c->generation, memory_order_relaxed);
	w->err = p->ended;
	while (read(w->wake[0], woken, sizeof woken) > 0)
		;
	// What arrived over a transport before is received first.
	bool stays = receives ? w->use != NULL : w->use == p->latest;
	struct spore__installed *next = w->use;
	if (!stays)
		next = receives ? pop(p) : ref(p->latest);
	w->stale = receives && next != p->latest;
	pthread_mutex_unlock(&p->lock);
	return stays ? SPORE_OK : go_on(c, way, next);
}

enum spore_err spore__way_usable(struct spore_chan *c, enum spore__way way)
{
	struct spore__side *w = &c->ways[way];
	if (c->port != NULL && c->port->never[way])
		return SPORE_EUNSUPPORTED;
	if (!w->loan && spore__way_is_new(c, way)) {
		enum spore_err e = update(c, way);
		if (e != SPORE_OK)
			return e;
	}
	if (w->use != NULL)
		return SPORE_OK;
	return w->err != SPORE_OK ? w->err : SPORE_ENOTWIRED;
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
	w->stale = next != NULL && next != c->port->latest;
	pthread_mutex_unlock(&c->port->lock);
	enum spore_err r = go_on(c, SPORE__RECEIVE, next);
	if (r != SPORE_OK || next != NULL)
		return r;
	return ends(e) ? e : SPORE_ECLOSED;
}

enum spore_err spore__way_judge(struct spore_chan *c, enum spore__way way, enum spore_err e)
{
	struct spore__side *w = &c->ways[way];
	if (w->use == NULL || e == SPORE_ERETURNED)
		return e;
	if (way == SPORE__RECEIVE && w->stale && (ends(e) || e == SPORE_EAGAIN))
		return switch_over(c, e);
	if (!ends(e))
		return e;
	struct spore__transport *t = w->use->t;
	if (e == SPORE_EMALFORMED)
		t->ops->hang_up(t);
	if (c->port != NULL) {
		if (w->lent == 0 && !w->loan)
			drop(c, way);
		return e;
	}
	if (e != SPORE_EEND)
		atomic_store(&c->gone, true);
	if (way == SPORE__SEND)
		atomic_store_explicit(&w->lost, t->ops->lost(t), memory_order_relaxed);
	return e;
}
