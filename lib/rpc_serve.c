// Many clients of one port on one thread, which reads all of their conversations.
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "chan/bell.h"
#include "chan/port.h"
#include "os/os.h"
#include "rpc_inside.h"

enum {
	CLIENTS = 256,
	GRACE_MS = 1000,
	TURN = 64,        // messages of one client before the next has its turn
	SPIN_NS = 20000,  // before it sleeps, when a message may come soon
	SPIN_CLIENTS = 8, // ... while there are no more
	VAIN = 4,         // spins that were no use, before they are left out
	SELDOM = 32,      // then one of so many is made
	LOOK = 256,       // rounds between two looks at what else there is
	OTHERS = 3,       // descriptors: two of the port, the stop request
	RETRY_MS = 5,     // where a descriptor is missing
};

struct server {
	struct spore_rpc_options options;
	struct spore_port *port; // NULL: no more clients
	struct spore_rpc **clients;
	unsigned count, most;
	struct pollfd *polled; // OTHERS, then two of each client
	bool closed;           // nobody will connect any more
	int64_t until;         // draining; 0: not yet
	unsigned vain, turns;
};

static void drop_client(struct server *s, unsigned i)
{
	spore_rpc_close(s->clients[i]);
	s->clients[i] = s->clients[--s->count];
}

static void take_client(struct server *s, struct spore_chan *c)
{
	struct spore_rpc *r;
	bool nested;
	if (spore_rpc_create(c, &s->options, &r) != SPORE_OK)
		return; // the peer sees it closed
	(void)spore__rpc_enter(r, &nested);
	r->served = true;
	s->clients[s->count++] = r;
}

static void accept_clients(struct server *s)
{
	while (s->port != NULL && s->count < s->most) {
		struct spore_chan *c;
		enum spore_err e = spore_port_accept(s->port, SPORE_NOW, &c);
		if (e == SPORE_OK)
			take_client(s, c);
		else if (e == SPORE_ECLOSED) {
			spore_port_close(s->port);
			s->port = NULL;
			s->closed = true;
		}
		if (e != SPORE_OK)
			return;
	}
}

// True: something was handled.
static bool turn(struct server *s, unsigned i)
{
	struct spore_rpc *r = s->clients[i];
	enum spore_err e = SPORE_OK;
	unsigned handled = 0;
	while (handled < TURN && (e = spore__rpc_take(r, false)) == SPORE_OK)
		handled++;
	spore__rpc_attend(r);
	if (s->until != 0)
		spore__rpc_drop_parked(r);
	int over = atomic_load_explicit(&r->over, memory_order_relaxed);
	// Who has only finished gets what is still to be answered.
	bool owed = over == SPORE_EEND && (spore__rpc_open_calls(r) > 0 || atomic_load(&r->queued) > 0);
	if (over != SPORE_OK && !owed)
		drop_client(s, i);
	return handled > 0;
}

static bool turn_all(struct server *s)
{
	bool any = false;
	for (unsigned i = s->count; i-- > 0;)
		any = turn(s, i) || any;
	return any;
}

// As a rule the next call comes soon; where that was in vain several times it is all but left out.
static bool spin(struct server *s)
{
	if (s->count == 0 || s->count > SPIN_CLIENTS)
		return false;
	if (s->vain >= VAIN && ++s->turns % SELDOM != 0)
		return false;
	int64_t until = spore__bell_now() + SPIN_NS;
	do {
		for (int i = 0; i < 16; i++) {
			if (turn_all(s)) {
				s->vain = 0;
				return true;
			}
		}
	} while (spore__bell_now() < until);
	s->vain++;
	return false;
}

static int timeout_of(const struct server *s)
{
	int64_t due = s->until != 0 ? s->until : SPORE__RPC_NEVER;
	for (unsigned i = 0; i < s->count; i++) {
		int64_t next = atomic_load_explicit(&s->clients[i]->next_due, memory_order_relaxed);
		due = next < due ? next : due;
	}
	if (due == SPORE__RPC_NEVER)
		return -1;
	int64_t left = due - spore__bell_now();
	return left <= 0 ? 0 : left > (int64_t)INT32_MAX * 1000000 ? INT32_MAX : (int)((left + 999999) / 1000000);
}

static bool arm_all(struct server *s)
{
	bool armed = true;
	for (unsigned i = 0; i < s->count; i++)
		armed = spore__rpc_arm(s->clients[i]) && armed;
	return armed;
}

static void poll_all(struct server *s)
{
	struct pollfd *p = s->polled;
	int fds[2] = {-1, -1}, timeout = timeout_of(s);
	if (s->port != NULL && s->count < s->most)
		spore__port_polled(s->port, fds);
	p[0] = (struct pollfd){.fd = fds[0], .events = POLLIN};
	p[1] = (struct pollfd){.fd = fds[1], .events = POLLIN};
	p[2] = (struct pollfd){.fd = s->until == 0 ? spore_stop_fd() : -1, .events = POLLIN};
	for (unsigned i = 0; i < s->count; i++) {
		struct spore_rpc *r = s->clients[i];
		int fd = spore_chan_fd(r->chan);
		if (fd < 0)
			timeout = timeout < 0 || timeout > RETRY_MS ? RETRY_MS : timeout;
		p[OTHERS + 2 * i] = (struct pollfd){.fd = fd, .events = spore_chan_events(r->chan)};
		p[OTHERS + 2 * i + 1] = (struct pollfd){.fd = r->wake[0], .events = POLLIN};
	}
	(void)poll(p, OTHERS + 2 * s->count, timeout);
	for (unsigned i = 0; i < s->count; i++) {
		atomic_store_explicit(&s->clients[i]->asleep, false, memory_order_relaxed);
		if ((p[OTHERS + 2 * i + 1].revents & POLLIN) != 0)
			spore__io_wake_hear(s->clients[i]->wake);
	}
}

// What was asked is still answered, and nothing more begun.
static void begin_draining(struct server *s)
{
	unsigned grace = s->options.grace_ms == 0 ? GRACE_MS : s->options.grace_ms;
	s->until = spore__bell_now() + (int64_t)grace * 1000000;
	spore_port_close(s->port);
	s->port = NULL;
	for (unsigned i = 0; i < s->count; i++) {
		s->clients[i]->deferring++;
		atomic_store(&s->clients[i]->draining, true);
	}
}

static bool is_drained(const struct server *s)
{
	for (unsigned i = 0; i < s->count; i++) {
		if (spore__rpc_open_calls(s->clients[i]) > 0 || atomic_load(&s->clients[i]->queued) > 0)
			return spore__bell_now() >= s->until;
	}
	return true;
}

static void run(struct server *s)
{
	accept_clients(s);
	for (unsigned round = 0; !s->closed || s->count > 0; round++) {
		if (turn_all(s)) {
			if (round % LOOK != 0)
				continue;
		} else if (s->until == 0 && spin(s)) {
			continue;
		} else if (arm_all(s)) {
			poll_all(s);
		}
		accept_clients(s);
		if (s->until == 0 && spore_stop_requested())
			begin_draining(s);
		if (s->until != 0 && is_drained(s))
			return;
	}
}

static enum spore_err init(struct server *s, const struct spore_rpc_options *options)
{
	if (options != NULL)
		s->options = *options;
	s->most = s->options.clients == 0 ? CLIENTS : s->options.clients;
	s->clients = calloc(s->most, sizeof(struct spore_rpc *));
	s->polled = calloc(OTHERS + 2 * (size_t)s->most, sizeof s->polled[0]);
	return s->clients != NULL && s->polled != NULL ? SPORE_OK : SPORE_ENOMEM;
}

enum spore_err spore_rpc_serve(const char *port, const struct spore_rpc_options *options)
{
	struct server s = {0};
	enum spore_err e = init(&s, options);
	const struct spore_chan_options how = {.protocol = s.options.bytes ? "msgpack-rpc" : "rpc",
	                                       .bytes = s.options.bytes};
	if (e == SPORE_OK)
		e = spore_port_open(port, &how, &s.port);
	if (e == SPORE_OK) {
		spore_ready();
		run(&s);
		e = s.closed && s.until == 0 ? SPORE_ECLOSED : SPORE_OK;
	}
	while (s.count > 0)
		drop_client(&s, s.count - 1);
	spore_port_close(s.port);
	free(s.clients);
	free(s.polled);
	return e;
}
