#include "chan/port.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../os/os.h"
#include "chan/bell.h"
#include "chan/inside.h"
#include "connection.h"

struct client {
	struct client *next;
	struct spore_chan *chan;
};

struct spore_port {
	int control;
	int wake[2]; // readable while there are clients, or the port has ended
	int gather;  // -1
	struct client *clients, *last;
	bool ended;
};

// A port in the order of opening. One that was closed stays until the hold has said so: what it says before that is about that one, and not
// about another of the same name.
struct opened {
	struct opened *next;
	char name[SPORE__CONTROL_NAME + 1];
	struct spore_chan *chan;   // NULL: closed, or it serves
	struct spore_port *server; // likewise
	uint64_t serial;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of all below
static struct opened *all;

// ---- what the hold says

static struct opened **find(const struct spore__control_word *name)
{
	struct opened **o = &all;
	while (*o != NULL && (strlen((*o)->name) != name->len || memcmp((*o)->name, name->s, name->len) != 0))
		o = &(*o)->next;
	return o;
}

static void wake(struct spore_port *p)
{
	(void)!write(p->wake[1], "", 1);
}

static void end(struct opened *o, enum spore_err why)
{
	if (o->chan != NULL)
		spore__chan_end(o->chan, why);
	if (o->server != NULL && !o->server->ended) {
		o->server->ended = true;
		if (o->server->gather >= 0)
			spore__io_gather_remove(o->server->gather, o->server->control);
		wake(o->server);
	}
}

static void add_client(struct spore_port *p, struct spore__channel_end *channel, const char *peer)
{
	struct client *client = calloc(1, sizeof *client);
	if (client == NULL) {
		spore__channel_end_close(channel);
		return;
	}
	if (spore__chan_create(channel, &client->chan) != SPORE_OK) {
		free(client);
		return;
	}
	spore__chan_set_peer(client->chan, peer);
	if (p->clients == NULL)
		p->clients = client;
	else
		p->last->next = client;
	p->last = client;
	wake(p);
}

// Descriptors that nobody wants are closed: the peer sees it.
static void hear_channel(struct opened *o, const struct spore__control_message *m, const int *fds)
{
	const struct spore__transport_ops *ops = spore__transport_find(m->kind.s, m->kind.len);
	struct spore__channel_end channel = {.role = (int)m->role, .count = (int)m->descriptors};
	struct spore__msgpack_reader r;
	const char *text;
	uint32_t len;
	char peer[SPORE__CONTROL_NAME + 1] = "";
	if (ops == NULL || ops->fds != channel.count || o == NULL) {
		for (unsigned i = 0; i < m->descriptors; i++)
			close(fds[i]);
		return;
	}
	channel.transport = ops->name;
	memcpy(channel.fds, fds, m->descriptors * sizeof fds[0]);
	if (spore__msgpack_find(&m->fields, "peer", &r) &&
	    spore__msgpack_read_str(&r, &text, &len) == SPORE__MSGPACK_OK && len < sizeof peer)
		memcpy(peer, text, len);
	struct spore__transport *t;
	if (o->server != NULL) {
		add_client(o->server, &channel, peer);
	} else if (o->chan == NULL) {
		spore__channel_end_close(&channel);
	} else if (spore__channel_end_open(&channel, &t) == SPORE_OK) {
		o->serial = m->serial;
		spore__chan_install(o->chan, t, peer);
	}
}

void spore__port_hear(const struct spore__control_message *m, const int *fds)
{
	pthread_mutex_lock(&lock);
	struct opened **at = find(&m->port), *o = *at;
	if (m->type == SPORE__CONTROL_CHANNEL) {
		hear_channel(o, m, fds);
	} else if (o != NULL && m->type == SPORE__CONTROL_UNWIRED) {
		if (o->chan != NULL && o->serial == m->serial)
			spore__chan_unwire(o->chan);
	} else if (o != NULL && m->type == SPORE__CONTROL_CLOSED) {
		if (o->chan == NULL && o->server == NULL) {
			*at = o->next;
			free(o);
		} else {
			bool known = m->number > SPORE_OK && m->number <= SPORE_ENOTWIRED;
			end(o, known ? (enum spore_err)m->number : SPORE_ECLOSED);
		}
	}
	pthread_mutex_unlock(&lock);
}

void spore__port_end_all(void)
{
	pthread_mutex_lock(&lock);
	for (struct opened *o = all; o != NULL; o = o->next)
		end(o, SPORE_ECLOSED);
	pthread_mutex_unlock(&lock);
}

static void hear(void)
{
	if (spore__connection_heard_stop())
		spore__port_end_all();
}

// ---- opening

struct request {
	const char *port, *shape;
	const char *options[7];
};

static void put_open(struct spore__msgpack_writer *w, const void *arg)
{
	const struct request *r = arg;
	spore__control_put_open(w, r->port, "messages", r->shape, r->options);
}

static void put_close(struct spore__msgpack_writer *w, const void *arg)
{
	spore__control_put_close(w, arg);
}

// CHAN or SERVER is of this name from now on, and the hold knows.
static enum spore_err enter(const char *port, const char *shape, const struct spore_chan_options *options,
                            struct spore_chan *chan, struct spore_port *server)
{
	struct request r = {.port = port, .shape = shape};
	struct opened *o = calloc(1, sizeof *o), **at = &all;
	if (o == NULL)
		return SPORE_ENOMEM;
	if (options != NULL && options->protocol != NULL) {
		r.options[0] = "protocol";
		r.options[1] = options->protocol;
	}
	strcpy(o->name, port);
	o->chan = chan;
	o->server = server;
	pthread_mutex_lock(&lock);
	for (; *at != NULL; at = &(*at)->next) {
		if (strcmp((*at)->name, port) == 0 && ((*at)->chan != NULL || (*at)->server != NULL)) {
			pthread_mutex_unlock(&lock);
			free(o);
			return SPORE_EEXISTS;
		}
	}
	*at = o;
	pthread_mutex_unlock(&lock);
	spore__connection_say(put_open, &r, NULL);
	hear();
	return SPORE_OK;
}

static enum spore_err check(const char *port, const struct spore_chan_options *options)
{
	size_t len = port != NULL ? strlen(port) : 0;
	if (len == 0 || len > SPORE__CONTROL_NAME)
		return SPORE_EINVALID;
	if (options != NULL && options->protocol != NULL && strlen(options->protocol) > SPORE__CONTROL_NAME)
		return SPORE_EINVALID;
	return spore__connection_fd() >= 0 ? SPORE_OK : SPORE_ENOTFOUND;
}

enum spore_err spore_chan_open(const char *port, const struct spore_chan_options *options, struct spore_chan **c)
{
	enum spore_shape shape = options != NULL && options->shape != 0 ? options->shape : SPORE_CONNECT;
	enum spore_err e = shape != SPORE_SERVE ? check(port, options) : SPORE_EINVALID;
	if (e == SPORE_OK && shape != SPORE_CONNECT)
		e = SPORE_EUNSUPPORTED;
	struct spore_chan *opened;
	if (e == SPORE_OK)
		e = spore__chan_create_port(&opened);
	if (e != SPORE_OK)
		return e;
	spore__chan_listen(opened, spore__connection_fd(), hear);
	e = enter(port, "connect", options, opened, NULL);
	if (e == SPORE_OK)
		*c = opened;
	else
		spore_chan_close(opened);
	return e;
}

// The name of what was CHAN's or SERVER's, which the hold is told; false when it was nobody's.
static void leave(const struct spore_chan *chan, const struct spore_port *server)
{
	char name[SPORE__CONTROL_NAME + 1] = "";
	pthread_mutex_lock(&lock);
	for (struct opened *o = all; o != NULL; o = o->next) {
		if ((chan != NULL && o->chan == chan) || (server != NULL && o->server == server)) {
			o->chan = NULL;
			o->server = NULL;
			strcpy(name, o->name);
		}
	}
	pthread_mutex_unlock(&lock);
	if (name[0] != '\0')
		spore__connection_say(put_close, name, NULL);
}

void spore__port_forget(struct spore_chan *c)
{
	leave(c, NULL);
}

void spore__port_after_fork(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
	memcpy(&lock, &fresh, sizeof lock); // perhaps another thread of the parent held it
	all = NULL;                         // the parent's
}

// ---- serving

static void free_port(struct spore_port *p)
{
	for (struct client *client; (client = p->clients) != NULL;) {
		p->clients = client->next;
		spore_chan_close(client->chan);
		free(client);
	}
	for (int i = 0; i < 2; i++) {
		if (p->wake[i] >= 0)
			close(p->wake[i]);
	}
	if (p->gather >= 0)
		close(p->gather);
	free(p);
}

enum spore_err spore_port_open(const char *port, const struct spore_chan_options *options, struct spore_port **out)
{
	enum spore_err e = check(port, options);
	if (e != SPORE_OK)
		return e;
	struct spore_port *p = calloc(1, sizeof *p);
	if (p == NULL)
		return SPORE_ENOMEM;
	p->control = spore__connection_fd();
	p->gather = spore__io_gather();
	if (!spore__chan_open_wake(p->wake)) {
		free_port(p);
		return SPORE_ESYSTEM;
	}
	if (p->gather >= 0) {
		(void)spore__io_gather_add(p->gather, p->control, POLLIN);
		(void)spore__io_gather_add(p->gather, p->wake[0], POLLIN);
	}
	e = enter(port, "serve", options, NULL, p);
	if (e != SPORE_OK) {
		free_port(p);
		return e;
	}
	*out = p;
	return SPORE_OK;
}

// SPORE_EAGAIN: no client.
static enum spore_err take_client(struct spore_port *p, struct spore_chan **c)
{
	char woken[64];
	pthread_mutex_lock(&lock);
	struct client *client = p->clients;
	enum spore_err e = client != NULL ? SPORE_OK : p->ended ? SPORE_ECLOSED : SPORE_EAGAIN;
	if (client != NULL) {
		p->clients = client->next;
		*c = client->chan;
		free(client);
	}
	if (p->clients == NULL && !p->ended) {
		while (read(p->wake[0], woken, sizeof woken) > 0)
			;
	}
	pthread_mutex_unlock(&lock);
	return e;
}

enum spore_err spore_port_accept(struct spore_port *p, int timeout_ms, struct spore_chan **c)
{
	int64_t deadline = timeout_ms < 0 ? -1 : spore__bell_now() + (int64_t)timeout_ms * 1000000;
	for (;;) {
		hear();
		enum spore_err e = take_client(p, c);
		if (e != SPORE_EAGAIN || timeout_ms == SPORE_NOW)
			return e;
		struct pollfd polled[2] = {{.fd = p->control, .events = POLLIN}, {.fd = p->wake[0], .events = POLLIN}};
		int n = spore__bell_poll(polled, 2, deadline);
		if (n < 0)
			return errno == EINTR ? SPORE_ECANCELLED : SPORE_ESYSTEM;
		if (n == 0)
			return SPORE_ETIMEOUT;
	}
}

int spore_port_fd(const struct spore_port *p)
{
	return p->gather;
}

void spore_port_close(struct spore_port *p)
{
	if (p == NULL)
		return;
	leave(NULL, p);
	free_port(p);
}
