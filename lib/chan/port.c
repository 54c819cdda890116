#include "chan/port.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../os/os.h"
#include "background.h"
#include "chan/bell.h"
#include "chan/framing.h"
#include "chan/inside.h"
#include "chan/pub.h"
#include "connection.h"
#include "stop.h"

enum { BRIEF_MS = 100 };

struct client {
	struct client *next;
	struct spore_chan *chan;
};

struct spore_port {
	int control;
	int wake[2]; // spore__io_wake: readable while there are clients, or the port has ended
	int gather;  // -1
	struct client *clients, *last;
	bool ended;
	bool bytes;
	bool stopped; // that the program was asked to stop was said
};

// A port in the order of opening. One that was closed stays until the hold has said so: what it says before that is about that one, and not
// about another of the same name.
struct opened {
	struct opened *next;
	char name[SPORE__CONTROL_NAME + 1];
	struct spore_chan *chan;            // NULL: closed, or it serves
	struct spore_port *server;          // likewise
	struct spore__transport *publisher; // of `chan`, which publishes; NULL: it does not
	bool held;                          // ... once this instance is the only one: `chan` has nothing so far
	enum spore_slow slow;               // of a subscriber, what it said
	bool last;                          // likewise
	bool handed;                        // over, at the end of the program
	bool moved;                         // what it was wired to may have to be left
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;   // of all below
static pthread_mutex_t ending = PTHREAD_MUTEX_INITIALIZER; // no channel goes while this is held
static struct opened *all;
static bool hears;        // a thread does
static atomic_bool moved; // some of them

// ---- what the hold says

static struct opened **find(const struct spore__control_word *name)
{
	struct opened **o = &all;
	while (*o != NULL && (strlen((*o)->name) != name->len || memcmp((*o)->name, name->s, name->len) != 0))
		o = &(*o)->next;
	return o;
}

static void end(struct opened *o, enum spore_err why)
{
	if (o->chan != NULL)
		spore__chan_end(o->chan, why);
	if (o->server != NULL && !o->server->ended) {
		o->server->ended = true;
		if (o->server->gather >= 0)
			spore__io_gather_remove(o->server->gather, o->server->control);
		spore__io_wake_ring(o->server->wake);
	}
}

struct broken {
	const char *port, *peer, *transport;
};

static void put_broken(struct spore__msgpack_writer *w, const void *arg)
{
	const struct broken *b = arg;
	spore__control_put_broken(w, b->port, b->peer, b->transport);
}

// The program learns it from its call. A person looks for it in the task's log, or at the wire.
static void tell_broken(const char *port, const char *peer, const struct spore__transport_ops *transport)
{
	char why[100];
	bool plain = transport->framing != NULL && transport->framing->plain;
	if (plain)
		(void)snprintf(why, sizeof why, "what it sent is not in the framing %s; its channel was closed",
		               transport->name);
	else
		(void)snprintf(why, sizeof why, "it broke the rules of the channel, which was closed");
	spore__connection_complain(peer != NULL ? peer : "a peer", why);
	const struct broken b = {port, peer, transport->name};
	if (port != NULL && peer != NULL && peer[0] != '\0')
		spore__connection_say(put_broken, &b, NULL);
}

// A publisher has cut off a subscriber, which may be stopped and tell nobody.
static void tell_slow(const char *port, const char *peer)
{
	const struct broken b = {port, peer, "slow"};
	spore__connection_complain(peer, "it did not receive in time what was published, and was cut off");
	spore__connection_say(put_broken, &b, NULL);
}

static void watch(struct spore__transport *t)
{
	if (t->ops == &spore__ring_ops)
		spore__bell_watch(&((struct spore__ring *)t)->bell);
}

struct published {
	const char *port;
	uint64_t serial;
};

static void put_memory(struct spore__msgpack_writer *w, const void *arg)
{
	const struct published *p = arg;
	spore__control_put_memory(w, p->port, p->serial);
}

// The hold keeps it for the instance that takes over.
static void tell_memory(const char *port, uint64_t serial, int memory)
{
	const struct published p = {port, serial}, none = {port, 0};
	spore__connection_say_with(put_memory, &p, &none, &memory, 1);
}

static void add_client(struct spore_port *p, const char *port, struct spore__channel_end *channel, const char *peer)
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
	watch(client->chan->ways[SPORE__SEND].use->t);
	spore__chan_set_peer(client->chan, peer);
	spore__chan_tell_broken(client->chan, port, tell_broken);
	if (p->bytes)
		spore__chan_set_bytes(client->chan);
	if (p->clients == NULL)
		p->clients = client;
	else
		p->last->next = client;
	p->last = client;
	spore__io_wake_ring(p->wake);
}

static enum spore_slow slow_of(const struct opened *o, const struct spore__control_message *m)
{
	static const char *const words[] = {"block", "drop-oldest", "disconnect"};
	struct spore__msgpack_reader r;
	struct spore__msgpack_value v;
	if (spore__msgpack_find(&m->fields, "slow", &r) && spore__msgpack_read(&r, &v) == SPORE__MSGPACK_OK)
		for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
			if (spore__msgpack_is(&v, words[i]))
				return (enum spore_slow)i;
	return o->slow;
}

static bool is_set(const struct spore__msgpack_reader *fields, const char *key)
{
	struct spore__msgpack_reader r;
	const char *text;
	uint32_t len;
	return spore__msgpack_find(fields, key, &r) && spore__msgpack_read_str(&r, &text, &len) == SPORE__MSGPACK_OK &&
	       len == 4 && memcmp(text, "true", 4) == 0;
}

static void move(struct opened *o, struct spore__transport *t, const char *peer, uint64_t serial, bool redeliver)
{
	spore__chan_install_moved(o->chan, t, peer, serial, redeliver);
	o->moved = true;
	atomic_store(&moved, true);
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
	bool again = ops == &spore__publication_ops && channel.count == ops->fds + 1; // what another instance had
	if (ops == NULL || (ops->fds != channel.count && !again) || o == NULL) {
		for (unsigned i = 0; i < m->descriptors; i++)
			close(fds[i]);
		return;
	}
	channel.transport = ops->name;
	channel.slow = slow_of(o, m);
	channel.last = o->last;
	memcpy(channel.fds, fds, m->descriptors * sizeof fds[0]);
	if (spore__msgpack_find(&m->fields, "peer", &r) &&
	    spore__msgpack_read_str(&r, &text, &len) == SPORE__MSGPACK_OK && len < sizeof peer)
		memcpy(peer, text, len);
	struct spore__transport *t;
	if (o->server != NULL) {
		add_client(o->server, o->name, &channel, peer);
	} else if (o->chan == NULL || (o->publisher != NULL) != (ops == &spore__publication_ops && channel.role == 0)) {
		spore__channel_end_close(&channel);
	} else if (o->publisher != NULL) {
		spore__pub_add_named(o->publisher, &channel, m->serial, peer[0] != '\0' ? peer : NULL);
	} else if (spore__channel_end_open(&channel, &t) == SPORE_OK) {
		watch(t);
		if (ops == &spore__publication_ops && !again)
			(void)spore__sub_tell(t, o->name, m->serial, tell_memory);
		bool redeliver = is_set(&m->fields, "redeliver");
		if (ops == &spore__ring_ops && is_set(&m->fields, "early"))
			spore__chan_install_early(o->chan, t, peer, m->serial, redeliver);
		else if (is_set(&m->fields, "moves"))
			move(o, t, peer, m->serial, redeliver);
		else
			spore__chan_install(o->chan, t, peer, m->serial, redeliver);
	}
}

void spore__port_hear(const struct spore__control_message *m, const int *fds)
{
	pthread_mutex_lock(&lock);
	struct opened **at = find(&m->port), *o = *at;
	if (m->type == SPORE__CONTROL_CHANNEL) {
		hear_channel(o, m, fds);
	} else if (o != NULL && m->type == SPORE__CONTROL_UNWIRED) {
		if (o->publisher != NULL)
			spore__pub_remove(o->publisher, m->serial);
		else if (o->chan != NULL)
			spore__chan_unwire(o->chan, m->serial);
	} else if (o != NULL && m->type == SPORE__CONTROL_SWAP) {
		if (o->chan != NULL)
			spore__chan_swap(o->chan, m->serial, m->swap);
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

void spore__port_quiet_all(void)
{
	pthread_mutex_lock(&lock);
	for (struct opened *o = all; o != NULL; o = o->next)
		if (o->chan != NULL)
			spore__chan_quiet(o->chan);
	pthread_mutex_unlock(&lock);
}

// With the lock: what CHAN sends from now on is published. False: no memory.
static bool install_publisher(struct opened *o)
{
	o->held = false;
	spore__pub_begin(o->publisher);
	spore__chan_install(o->chan, o->publisher, NULL, 0, false);
	if (o->chan->port->latest != NULL)
		return true;
	o->publisher = NULL;
	return false;
}

void spore__port_is_alone(void)
{
	pthread_mutex_lock(&lock);
	for (struct opened *o = all; o != NULL; o = o->next)
		if (o->held && !install_publisher(o))
			spore__chan_end(o->chan, SPORE_ENOMEM);
	pthread_mutex_unlock(&lock);
}

bool spore__port_is_swapped(void)
{
	return spore__connection_is_swapped();
}

static struct spore_chan *next_moved(void)
{
	pthread_mutex_lock(&lock);
	struct opened *o = all;
	while (o != NULL && (o->chan == NULL || !o->moved))
		o = o->next;
	if (o != NULL)
		o->moved = false;
	pthread_mutex_unlock(&lock);
	return o != NULL ? o->chan : NULL;
}

// Who sends leaves what was moved in its next call; but it may make none. Where another thread is at it, or closes a channel, that one looks
// once more.
void spore__port_leave_moved(void)
{
	struct spore_chan *c;
	while (atomic_load(&moved) && pthread_mutex_trylock(&ending) == 0) {
		atomic_store(&moved, false);
		while ((c = next_moved()) != NULL)
			spore__sending_nudge(c);
		pthread_mutex_unlock(&ending);
	}
}

static void hear(void)
{
	(void)spore__connection_heard_stop();
	if (spore__connection_is_over())
		spore__port_end_all();
}

static void hear_all(void)
{
	spore__connection_hear_all();
	if (spore__connection_is_over())
		spore__port_end_all();
}

// A program that sends, computes or sleeps looks at nothing here for as long as it likes. But that its peer is gone, or another one has come, is to be
// known to its next call, and what it is told must not pile up in its hold. Where no thread can be had a call that waits hears it.
static void *keep_hearing(void *unused)
{
	// Who waits in a call was woken too, and hears it now: one of the two would only be in the other's way.
	const struct timespec pause = {.tv_nsec = 1000000};
	struct pollfd peers = {.fd = spore__bell_watch_fd(), .events = POLLIN};
	(void)unused;
	while (spore__connection_wait(peers.fd)) {
		if (peers.fd >= 0 && !spore__bell_watched())
			peers.fd = -1;
		if (spore__chan_listens())
			(void)nanosleep(&pause, NULL);
		hear_all();
		spore__port_leave_moved();
	}
	hear_all(); // the socket may be lost
	// The program may go on for long, and so may its channels.
	while (peers.fd >= 0 && (poll(&peers, 1, -1) > 0 || errno == EINTR) && spore__bell_watched())
		;
	return NULL;
}

static void hear_from_now_on(void)
{
	enum { STACK = 256 * 1024 };
	pthread_mutex_lock(&lock);
	if (!hears) {
		(void)spore__bell_watch_fd(); // before the first channel comes
		hears = spore__background_start(keep_hearing, STACK) == 0;
	}
	pthread_mutex_unlock(&lock);
}

// ---- opening

struct request {
	const char *port, *kind, *shape;
	const char *options[9];
};

static void put_open(struct spore__msgpack_writer *w, const void *arg)
{
	const struct request *r = arg;
	spore__control_put_open(w, r->port, r->kind, r->shape, r->options);
}

static void put_close(struct spore__msgpack_writer *w, const void *arg)
{
	spore__control_put_close(w, arg);
}

static void put_options(struct request *r, const struct spore_chan_options *options, const struct opened *o, bool gives)
{
	static const char *const words[] = {"block", "drop-oldest", "disconnect"};
	const char **to = r->options;
	if (options != NULL && options->protocol != NULL) {
		*to++ = "protocol";
		*to++ = options->protocol;
	}
	if (gives) {
		*to++ = "descriptors";
		*to++ = "2";
	}
	if (strcmp(r->shape, "subscribe") == 0) {
		*to++ = "slow";
		*to++ = words[o->slow];
		*to++ = "last";
		*to++ = o->last ? "true" : "false";
	}
}

// With the lock. Nobody is told that this instance is the only one between the look and the entry.
static enum spore_err begin(struct opened *o)
{
	if (o->publisher == NULL)
		return SPORE_OK;
	o->held = spore__connection_is_beside();
	return o->held || install_publisher(o) ? SPORE_OK : SPORE_ENOMEM;
}

// What is of this name from now on is in LIKE, and the hold knows. Its publisher is taken, unless the name was taken before.
static enum spore_err enter(const char *port, const char *shape, const struct spore_chan_options *options,
                            struct opened *like)
{
	bool bytes = options != NULL && options->bytes;
	struct request r = {.port = port, .kind = bytes ? "bytes" : "messages", .shape = shape}, bare = r;
	struct opened *o = calloc(1, sizeof *o), **at = &all;
	int fds[2];
	if (o == NULL)
		return SPORE_ENOMEM;
	*o = *like;
	put_options(&r, options, o, o->publisher != NULL);
	put_options(&bare, options, o, false);
	strcpy(o->name, port);
	if (o->chan != NULL && bytes)
		spore__chan_set_bytes(o->chan);
	if (o->server != NULL)
		o->server->bytes = bytes;
	if (o->publisher != NULL)
		spore__pub_descriptors(o->publisher, fds);
	pthread_mutex_lock(&lock);
	for (; *at != NULL; at = &(*at)->next) {
		if (strcmp((*at)->name, port) == 0 && ((*at)->chan != NULL || (*at)->server != NULL)) {
			pthread_mutex_unlock(&lock);
			free(o);
			return SPORE_EEXISTS;
		}
	}
	enum spore_err e = begin(o);
	bool publishes = like->publisher != NULL;
	like->publisher = NULL;
	if (e == SPORE_OK)
		*at = o;
	pthread_mutex_unlock(&lock);
	if (e != SPORE_OK) {
		free(o);
		return e;
	}
	hear_from_now_on();
	spore__connection_say_with(put_open, &r, &bare, fds, publishes ? 2 : 0);
	hear();
	return SPORE_OK;
}

// As the node and the manifest have it; what has another name could never be wired. Those of standard input and output are the hold's.
static bool is_name(const char *port)
{
	enum { LONGEST = 63 };
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	static const char *const standard[] = {"stdin", "stdout", "stderr", "stdio"};
	size_t len = port != NULL ? strlen(port) : 0;
	if (len == 0 || len > LONGEST || strspn(port, allowed) != len || port[0] == '-' || port[0] == '_')
		return false;
	for (size_t i = 0; i < sizeof standard / sizeof standard[0]; i++)
		if (strcmp(port, standard[i]) == 0)
			return false;
	return true;
}

static enum spore_err check(const char *port, const struct spore_chan_options *options)
{
	if (!is_name(port))
		return SPORE_EINVALID;
	if (options != NULL && options->protocol != NULL && strlen(options->protocol) > SPORE__CONTROL_NAME)
		return SPORE_EINVALID;
	if (options != NULL && (options->slow < SPORE_SLOW_BLOCK || options->slow > SPORE_SLOW_DISCONNECT))
		return SPORE_EINVALID;
	return spore__connection_fd() >= 0 ? SPORE_OK : SPORE_ENOTFOUND;
}

static void drop_publisher(struct spore__transport *t)
{
	if (t != NULL)
		t->ops->destroy(t);
}

enum spore_err spore_chan_open(const char *port, const struct spore_chan_options *options, struct spore_chan **c)
{
	static const char *const words[] = {"", "connect", "", "publish", "subscribe"};
	enum spore_shape shape = options != NULL && options->shape != 0 ? options->shape : SPORE_CONNECT;
	bool bytes = options != NULL && options->bytes;
	bool exists = shape == SPORE_CONNECT || (!bytes && (shape == SPORE_PUBLISH || shape == SPORE_SUBSCRIBE));
	enum spore_err e = exists ? check(port, options) : SPORE_EINVALID;
	if (e == SPORE_OK && shape == SPORE_SUBSCRIBE && !spore__io_shares_memory())
		e = SPORE_EUNSUPPORTED;
	struct spore_chan *opened;
	struct opened like = {0};
	if (e == SPORE_OK && shape == SPORE_PUBLISH)
		e = spore__pub_create(NULL, hear, &like.publisher);
	if (e == SPORE_OK && like.publisher != NULL && !spore__pub_tell_cut(like.publisher, port, tell_slow)) {
		drop_publisher(like.publisher);
		e = SPORE_ENOMEM;
	}
	if (e != SPORE_OK)
		return e;
	e = spore__chan_create_port(&opened);
	if (e != SPORE_OK) {
		drop_publisher(like.publisher);
		return e;
	}
	like.chan = opened;
	like.slow = options != NULL ? options->slow : SPORE_SLOW_BLOCK;
	like.last = options != NULL && options->last;
	if (shape == SPORE_PUBLISH)
		spore__chan_never(opened, SPORE__RECEIVE);
	if (shape == SPORE_SUBSCRIBE)
		spore__chan_never(opened, SPORE__SEND);
	spore__chan_listen(opened, spore__connection_fd(), hear, hear_all, options != NULL && options->stateless);
	spore__chan_tell_broken(opened, port, tell_broken);
	e = enter(port, words[shape], options, &like);
	if (e == SPORE_OK) {
		*c = opened;
		return e;
	}
	drop_publisher(like.publisher);
	spore_chan_close(opened);
	return e;
}

// The name of what was CHAN's or SERVER's, which the hold is told; false when it was nobody's.
static void leave(const struct spore_chan *chan, const struct spore_port *server)
{
	char name[SPORE__CONTROL_NAME + 1] = "";
	struct spore__transport *held = NULL;
	pthread_mutex_lock(&lock);
	for (struct opened *o = all; o != NULL; o = o->next) {
		if ((chan != NULL && o->chan == chan) || (server != NULL && o->server == server)) {
			held = o->held ? o->publisher : NULL;
			o->chan = NULL;
			o->server = NULL;
			o->publisher = NULL;
			o->held = false;
			strcpy(name, o->name);
		}
	}
	pthread_mutex_unlock(&lock);
	if (name[0] != '\0')
		spore__connection_say(put_close, name, NULL);
	drop_publisher(held);
}

void spore__port_forget(struct spore_chan *c)
{
	pthread_mutex_lock(&ending);
	leave(c, NULL);
	pthread_mutex_unlock(&ending);
	spore__port_leave_moved();
}

static struct spore_chan *next_to_hand_over(void)
{
	struct opened *o;
	if (!spore__lock_within(&lock, BRIEF_MS))
		return NULL;
	for (o = all; o != NULL && (o->chan == NULL || o->handed); o = o->next)
		;
	if (o != NULL)
		o->handed = true;
	pthread_mutex_unlock(&lock);
	return o != NULL ? o->chan : NULL;
}

// A program that ends without closing its ports: what a closing would have seen to. None of the locks is waited for without end, since the
// program may have been ended by a handler of a signal, in the middle of anything.
__attribute__((destructor)) static void hand_over_at_exit(void)
{
	struct spore_chan *c;
	if (!spore__lock_within(&ending, BRIEF_MS))
		return;
	spore__connection_hear_last(BRIEF_MS);
	while ((c = next_to_hand_over()) != NULL)
		spore__sending_exit(c, spore__port_is_swapped());
	pthread_mutex_unlock(&ending);
}

void spore__port_after_fork(void)
{
	spore__ring_spare_after_fork();
	spore__bell_watch_after_fork();
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
	memcpy(&lock, &fresh, sizeof lock); // perhaps another thread of the parent held it
	memcpy(&ending, &fresh, sizeof ending);
	all = NULL; // the parent's
	atomic_store(&moved, false);
	hears = false;
}

// ---- serving

static void free_port(struct spore_port *p)
{
	for (struct client *client; (client = p->clients) != NULL;) {
		p->clients = client->next;
		spore_chan_close(client->chan);
		free(client);
	}
	spore__io_wake_close(p->wake);
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
	if (spore__io_wake(p->wake) != 0) {
		free_port(p);
		return SPORE_ESYSTEM;
	}
	if (p->gather >= 0) {
		(void)spore__io_gather_add(p->gather, p->control, POLLIN);
		(void)spore__io_gather_add(p->gather, p->wake[0], POLLIN);
	}
	struct opened like = {.server = p};
	e = enter(port, "serve", options, &like);
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
	pthread_mutex_lock(&lock);
	struct client *client = p->clients;
	enum spore_err e = client != NULL ? SPORE_OK : p->ended ? SPORE_ECLOSED : SPORE_EAGAIN;
	if (client != NULL) {
		p->clients = client->next;
		*c = client->chan;
		free(client);
	}
	if (p->clients == NULL && !p->ended)
		spore__io_wake_hear(p->wake);
	pthread_mutex_unlock(&lock);
	return e;
}

enum spore_err spore_port_accept(struct spore_port *p, int timeout_ms, struct spore_chan **c)
{
	int64_t deadline = timeout_ms < 0 ? -1 : spore__bell_now() + (int64_t)timeout_ms * 1000000;
	for (;;) {
		hear();
		enum spore_err e = take_client(p, c);
		if (e != SPORE_OK && timeout_ms != SPORE_NOW && !p->stopped && spore__stop_is_asked()) {
			p->stopped = true;
			return SPORE_ECANCELLED;
		}
		if (e != SPORE_EAGAIN || timeout_ms == SPORE_NOW)
			return e;
		struct pollfd polled[2] = {{.fd = p->control, .events = POLLIN}, {.fd = p->wake[0], .events = POLLIN}};
		spore__chan_listening(true);
		int n = spore__bell_poll(polled, 2, deadline);
		spore__chan_listening(false);
		if (n < 0)
			return errno == EINTR ? SPORE_ECANCELLED : SPORE_ESYSTEM;
		if (n == 0)
			return SPORE_ETIMEOUT;
	}
}

void spore__port_polled(const struct spore_port *p, int fds[2])
{
	fds[0] = p->ended ? -1 : p->control;
	fds[1] = p->wake[0];
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
