// Making an end of a channel, what it consists of, and closing it.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../os/os.h"
#include "chan/inside.h"
#include "chan/port.h"

enum {
	// A process that ends closes its descriptors one after the other: the next channel may be here before the bell of this one is closed, some
	// microseconds later. Or somebody else has that end, and keeps it.
	CLOSING_MS = 1000,
};

// ---- installed transports

struct spore__installed *spore__installed_create(struct spore__transport *t, const char *peer)
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
	struct spore__installed *i = c != NULL ? spore__installed_create(t, NULL) : NULL;
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
		for (struct spore__installed *i; (i = spore__installed_pop(c->port)) != NULL;)
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

// ---- before it is used

void spore__chan_listen(struct spore_chan *c, int fd, void (*hear)(void), void (*hear_all)(void), bool stateless)
{
	c->port->control = fd;
	c->port->hear = hear;
	c->port->hear_all = hear_all;
	c->port->stateless = stateless;
	if (c->port->gather >= 0)
		(void)spore__io_gather_add(c->port->gather, fd, POLLIN);
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
