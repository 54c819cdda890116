#include "bridge/host.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "bridge/line.h"
#include "chan/chan.h"

enum {
	LATER_MS = 10000, // a connection that says no more, but whose answers are awaited, is kept so long at least
	STUCK_MS = 60000, // ... and one that takes nothing
	LINES = 4096,
};

static int64_t now_ms(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void spore__host_init(struct spore__host *h, const struct spore__host_options *o)
{
	*h = (struct spore__host){.options = o, .listener = -1, .starter = -1, .local = true};
	h->now_ms = now_ms();
	h->bridge = spore__bridge_create(&spore__host_callbacks, h, o->filter);
	(void)spore__bridge_tick(h->bridge, h->now_ms);
}

struct spore__bridge_end *spore__host_end(struct spore__host *h, struct spore__bridge *b, enum spore__bridge_side side,
                                          const char *spec)
{
	struct spore__bridge_end *end;
	char why[320];
	enum spore_err e = spore__bridge_add(b, side, spec, &h->options->limits, &end, why, sizeof why);
	if (e != SPORE_OK)
		spore__die(SPORE__EXIT_USAGE, "spore bridge --list shows the protocols and their options", "bridge: %s",
		           why);
	end->codec->local = h->local;
	return end;
}

struct spore__host_line *spore__host_add(struct spore__host *h, struct spore__bridge_end *end, int in, int out,
                                         struct spore_chan *chan)
{
	struct spore__host_line *l = spore__xcalloc(1, sizeof *l), **at = &h->lines;
	*l = (struct spore__host_line){.host = h,
	                               .end = end,
	                               .codec = end->codec,
	                               .in = in,
	                               .out = out,
	                               .chan = chan,
	                               .socket = chan == NULL && in == out,
	                               .heard_ms = h->now_ms,
	                               .sent_ms = h->now_ms};
	if (chan != NULL) {
		l->port = spore__chan_is_port(chan);
		spore__codec_frame(end->codec, &spore__framing_u32le);
	}
	end->host = l;
	while (*at != NULL)
		at = &(*at)->next;
	*at = l;
	return l;
}

// ---- what the bridge asks

// An end that makes its connections as it needs them.
static struct spore__bridge_end *open_hub(struct spore__host *h, struct spore__bridge *b)
{
	struct spore__bridge_end *end = spore__host_end(h, b, SPORE__BRIDGE_RIGHT, h->options->from);
	end->codec->connects = true;
	(void)spore__host_add(h, end, -1, -1, NULL);
	return end;
}

static bool is_hub(const struct spore__host_line *l)
{
	return l->codec == l->end->codec && l->codec->connects;
}

// Over IN and OUT, the same socket; -1: it cannot be had, which it says by its end.
static void add_connection(struct spore__host *h, struct spore__host_line *hub, int in, int out)
{
	char why[320];
	struct spore__codec_end *connection;
	if (spore__bridge_connect(hub->end, h->options->from, &connection, why, sizeof why) != SPORE_OK) {
		if (in >= 0)
			close(in);
		return;
	}
	(void)connection->ops->tick(connection, h->now_ms);
	if (in < 0) {
		spore__codec_destroy(connection);
		return;
	}
	(void)spore__line_nonblock(in);
	struct spore__host_line *l = spore__host_add(h, hub->end, in, out, NULL);
	hub->end->host = hub;
	l->codec = connection;
}

// False: it cannot be reached, which is said once.
static bool connect_hub(struct spore__host *h, struct spore__host_line *hub)
{
	int in = -1, out = -1;
	char why[256];
	bool reached = spore__starter_open(h->starter, &in, &out, why, sizeof why) == 0;
	if (!reached && !h->unreachable)
		spore__report("what is to be said fails until it can be reached", "bridge: %s: %s", h->options->connect,
		              why);
	h->unreachable = !reached;
	add_connection(h, hub, in, out);
	return reached;
}

// Each waits, so when one cannot be had the others that are wanted now are not tried.
static void connect_hubs(struct spore__host *h)
{
	bool reached = true;
	for (struct spore__host_line *l = h->lines; l != NULL; l = l->next)
		while (is_hub(l) && l->codec->wants > 0) {
			l->codec->wants--;
			if (reached)
				reached = connect_hub(h, l);
			else
				add_connection(h, l, -1, -1);
		}
}

bool spore__host_connects(const struct spore__host_options *o)
{
	char name[32];
	(void)snprintf(name, sizeof name, "%.*s", (int)(strcspn(o->from, ",") % sizeof name), o->from);
	const struct spore__codec_ops *ops = spore__codec_find(name);
	return o->connect != NULL && strncmp(o->connect, "channel:", 8) != 0 && ops != NULL && ops->connects;
}

void spore__host_connect(struct spore__host *h)
{
	int in, out;
	char why[256];
	if (spore__starter_open(h->starter, &in, &out, why, sizeof why) != 0)
		spore__die(SPORE__EXIT_SPORE, NULL, "bridge: %s: %s", h->options->connect, why);
	struct spore__host_line *hub = open_hub(h, h->bridge)->host;
	add_connection(h, hub, in, out);
}

// Its peer will be asked nothing more.
static void finish_right(struct spore__host_line *l)
{
	if (is_hub(l))
		(void)l->codec->ops->end(l->codec);
	else
		spore__line_finish(l);
}

static struct spore__bridge_end *open_right(struct spore__host *h, struct spore__bridge *b, const char *session)
{
	int in, out;
	if (spore__host_connects(h->options)) {
		struct spore__bridge_end *hub = open_hub(h, b);
		hub->session = session != NULL ? spore__xstrdup(session) : NULL;
		return hub;
	}
	char why[256];
	if (h->starter < 0 || spore__starter_open(h->starter, &in, &out, why, sizeof why) != 0) {
		spore__report(NULL, "bridge: %s: %s",
		              h->options->command != NULL ? h->options->command[0] : h->options->connect,
		              h->starter < 0 ? "there is only one" : why);
		return NULL;
	}
	(void)spore__line_nonblock(in);
	(void)spore__line_nonblock(out);
	struct spore__bridge_end *end = spore__host_end(h, b, SPORE__BRIDGE_RIGHT, h->options->from);
	end->session = session != NULL ? spore__xstrdup(session) : NULL;
	(void)spore__host_add(h, end, in, out, NULL);
	return end;
}

static struct spore__bridge_end *on_open(void *owner, const char *session)
{
	struct spore__host *h = owner;
	return open_right(h, h->bridge, session);
}

static void on_close(void *owner, struct spore__bridge_end *right)
{
	(void)owner;
	struct spore__host_line *l = right->host;
	if (is_hub(l))
		finish_right(l);
	else
		l->broken = true;
}

static void on_parked(void *owner, const struct spore__bridge_parked *p)
{
	struct spore__host *h = owner;
	char shown[80];
	size_t n = 0;
	const struct spore__bridge_counts *counts = spore__bridge_counts(h->bridge);
	h->failed = true;
	if (h->said++ >= SPORE__HOST_SAID)
		return;
	for (; n < p->kept && n < sizeof shown - 1 && p->raw; n++)
		shown[n] = (char)(p->bytes[n] >= 0x20 && p->bytes[n] < 0x7f ? p->bytes[n] : '.');
	shown[n] = '\0';
	spore__report(h->said == SPORE__HOST_SAID ? "more of them are not shown" : NULL,
	              "bridge: %s, message %llu: %s%s%s", p->protocol,
	              (unsigned long long)counts->messages[p->side] + counts->refused[p->side], p->why,
	              n > 0 ? ": " : "", shown);
}

// With `open` the bridge asks for an end on the right for each conversation; else there is one.
const struct spore__bridge_host spore__host_callbacks = {.parked = on_parked};
static const struct spore__bridge_host callbacks_each = {.open = on_open, .close = on_close, .parked = on_parked};

// ---- clients

static bool shares(const struct spore__host *h)
{
	return h->hub != NULL || !h->options->each;
}

static void add_client(struct spore__host *h, int fd)
{
	const int on = 1;
	char why[320];
	struct spore__codec_end *connection = NULL;
	(void)spore__line_nonblock(fd);
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	struct spore__bridge_end *end = h->hub;
	if (end != NULL) {
		if (spore__bridge_connect(end, h->options->to, &connection, why, sizeof why) != SPORE_OK) {
			close(fd);
			return;
		}
	} else {
		struct spore__bridge *b =
		    shares(h) ? h->bridge : spore__bridge_create(&spore__host_callbacks, h, false);
		(void)spore__bridge_tick(b, h->now_ms);
		if (!shares(h) && open_right(h, b, NULL) == NULL) {
			spore__bridge_destroy(b);
			close(fd);
			return;
		}
		end = spore__host_end(h, b, SPORE__BRIDGE_LEFT, h->options->to);
	}
	struct spore__host_line *l = spore__host_add(h, end, fd, fd, NULL);
	l->client = true;
	h->clients++;
	if (connection != NULL) {
		end->host = NULL;
		l->codec = connection;
	}
}

static void accept_clients(struct spore__host *h)
{
	while (h->clients < h->options->clients) {
		int fd = accept(h->listener, NULL, NULL);
		if (fd < 0)
			return;
		add_client(h, fd);
	}
}

// ---- ends of lines

static const char *why_gone(const struct spore__host *h)
{
	return h->options->command != NULL ? "the program has ended" : "the connection has ended";
}

static struct spore__host_line *line_of(struct spore__bridge_end *end)
{
	return end != NULL ? end->host : NULL;
}

// A connection of a hub.
static void remove_line(struct spore__host *h, struct spore__host_line *l)
{
	struct spore__host_line **at = &h->lines;
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	spore__codec_destroy(l->codec);
	spore__line_destroy(l);
}

// L's peer is gone.
static void drop(struct spore__host *h, struct spore__host_line *l)
{
	struct spore__host_line **at = &h->lines;
	struct spore__bridge *b = l->end->bridge;
	bool right = l->end->side == SPORE__BRIDGE_RIGHT, connection = l->codec != l->end->codec;
	if (right && connection) {
		remove_line(h, l);
		return;
	}
	for (struct spore__host_line *other = h->lines, *next; is_hub(l) && other != NULL; other = next) {
		next = other->next;
		if (other != l && other->end == l->end)
			remove_line(h, other);
	}
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	h->clients -= l->client;
	if (connection) {
		spore__codec_destroy(l->codec);
	} else {
		spore__bridge_remove(l->end, right ? why_gone(h) : "the client is gone");
	}
	spore__line_destroy(l);
	if (b == h->bridge)
		return;
	// A client and a right end of its own: what is left of them ends too.
	struct spore__host_line *other =
	    line_of(spore__bridge_first(b, right ? SPORE__BRIDGE_LEFT : SPORE__BRIDGE_RIGHT));
	if (other == NULL)
		spore__bridge_destroy(b);
	else if (right)
		other->codec->over = true;
	else
		finish_right(other);
}

// All that came of L was heard, or it cannot go on. Is it over?
static bool is_over(struct spore__host *h, struct spore__host_line *l)
{
	bool empty = l->codec->out.len == 0, connection = l->codec != l->end->codec;
	if (l->broken || (l->codec->over && empty))
		return true;
	if (l->hung && l->codec->full) // said no more, perhaps
		return empty && h->now_ms - (l->sent_ms > l->heard_ms ? l->sent_ms : l->heard_ms) >= LATER_MS;
	if (!spore__line_heard_all(l))
		return false;
	if (l->end->side == SPORE__BRIDGE_RIGHT)
		return true;
	if (connection)
		return empty && h->now_ms - l->heard_ms >= LATER_MS;
	return l->client && empty && l->end->unanswered == 0;
}

// Times of those who come from elsewhere.
static bool is_late(const struct spore__host *h, const struct spore__host_line *l)
{
	const struct spore__host_options *o = h->options;
	if (!l->client)
		return false;
	if (!l->said && h->now_ms - l->heard_ms >= o->first_ms && l->end->awaited == 0 && l->codec->out.len == 0)
		return true;
	if (l->part_ms > 0 && !l->hungry && h->now_ms - l->part_ms >= o->part_ms)
		return true;
	if (l->blocked && l->codec->out.len > 2 * o->limits.message)
		return true;
	if (l->blocked && h->now_ms - (l->sent_ms > l->heard_ms ? l->sent_ms : l->heard_ms) >= STUCK_MS)
		return true;
	return o->idle_ms > 0 && l->end->unanswered == 0 && l->end->awaited == 0 && l->codec->out.len == 0 &&
	       h->now_ms - l->heard_ms >= o->idle_ms && h->now_ms - l->sent_ms >= o->idle_ms;
}

// The program behind a port has gone: what it was asked for gets an error, and the next one hears nothing of it.
static void renew(struct spore__host *h, struct spore__host_line *l)
{
	struct spore__bridge *b = l->end->bridge;
	enum spore__bridge_side side = l->end->side;
	spore__bridge_remove(l->end, "the program has ended");
	l->end = spore__host_end(h, b, side, h->options->from);
	l->codec = l->end->codec;
	l->end->host = l;
	spore__codec_frame(l->codec, &spore__framing_u32le);
	l->have = l->gone = 0;
	l->hungry = l->renewed = false;
}

static void settle(struct spore__host *h)
{
	for (bool again = true; again;) {
		again = false;
		for (struct spore__host_line *l = h->lines, *next; l != NULL; l = next) {
			next = l->next;
			again |= spore__line_feed(l) && spore__bridge_may_read(l->end);
			if (l->renewed) {
				renew(h, l);
				again = true;
			}
			spore__line_flush(l);
		}
		for (struct spore__host_line *l = h->lines; l != NULL; l = l->next)
			if (is_over(h, l) || is_late(h, l)) {
				drop(h, l);
				again = true;
				break;
			}
	}
}

// The one on the left that is not a client says no more: when it has all its answers, neither does the right.
static void pass_end_on(struct spore__host *h)
{
	struct spore__host_line *left = line_of(spore__bridge_first(h->bridge, SPORE__BRIDGE_LEFT));
	struct spore__host_line *right = line_of(spore__bridge_first(h->bridge, SPORE__BRIDGE_RIGHT));
	if (h->listener < 0 && left != NULL && right != NULL && spore__line_heard_all(left) &&
	    (h->options->filter || left->end->unanswered == 0))
		finish_right(right);
}

static bool is_done(const struct spore__host *h)
{
	struct spore__bridge_end *left = spore__bridge_first(h->bridge, SPORE__BRIDGE_LEFT);
	struct spore__bridge_end *right = spore__bridge_first(h->bridge, SPORE__BRIDGE_RIGHT);
	bool unsent = false;
	if (h->listener >= 0 && h->options->each)
		return false;
	for (const struct spore__host_line *l = h->lines; l != NULL; l = l->next)
		unsent |= l->codec->out.len > 0;
	if (h->listener >= 0)
		return right == NULL && !unsent;
	if (left == NULL) // nobody hears what the right says
		return true;
	if (h->options->filter)
		return right == NULL || (spore__line_heard_all(line_of(left)) && !unsent);
	return right == NULL && !unsent;
}

static int64_t tick(struct spore__host *h)
{
	int64_t next = spore__bridge_tick(h->bridge, h->now_ms);
	for (struct spore__host_line *l = h->lines; l != NULL; l = l->next) {
		int64_t due = INT64_MAX;
		if (l->end->bridge != h->bridge && l->client)
			due = spore__bridge_tick(l->end->bridge, h->now_ms);
		else if ((l->codec != l->end->codec || is_hub(l)) && l->codec->ops->tick != NULL)
			due = l->codec->ops->tick(l->codec, h->now_ms);
		next = due < next ? due : next;
		if (l->client && next > h->now_ms + 1000)
			next = h->now_ms + 1000; // its times
	}
	return next;
}

static void wait_for_more(struct spore__host *h, int64_t next)
{
	static struct pollfd polls[LINES];
	static struct spore__host_line *lines[LINES];
	static int counts[LINES];
	int n = 0, watched = 0;
	int64_t left = next == INT64_MAX ? -1 : next > h->now_ms ? next - h->now_ms : 0;
	if (h->listener >= 0 && h->clients < h->options->clients)
		polls[n++] = (struct pollfd){.fd = h->listener, .events = POLLIN};
	const int begin = n;
	for (struct spore__host_line *l = h->lines; l != NULL && n < LINES - SPORE__LINE_POLLS; l = l->next) {
		lines[watched] = l;
		counts[watched] = spore__line_polls(l, polls + n);
		n += counts[watched++];
	}
	int ready = poll(polls, (nfds_t)n, left > 60000 ? 60000 : (int)left);
	h->now_ms = now_ms();
	if (ready <= 0)
		return;
	for (int i = 0, at = begin; i < watched; at += counts[i++])
		spore__line_ready(lines[i], polls + at, counts[i]);
	if (begin == 1 && polls[0].revents != 0)
		accept_clients(h);
}

int spore__host_run(struct spore__host *h)
{
	if (h->options->each && h->hub != NULL) {
		spore__bridge_destroy(h->bridge);
		h->bridge = spore__bridge_create(&callbacks_each, h, false);
		h->hub = spore__host_end(h, h->bridge, SPORE__BRIDGE_LEFT, h->options->to);
	}
	for (;;) {
		(void)tick(h);
		settle(h);
		connect_hubs(h);
		pass_end_on(h);
		int64_t next = tick(h); // with the deadlines of what came
		settle(h);
		connect_hubs(h);
		settle(h);
		if (is_done(h))
			break;
		wait_for_more(h, next);
	}
	bool failed = h->failed;
	while (h->lines != NULL)
		drop(h, h->lines);
	spore__bridge_destroy(h->bridge);
	return failed && h->options->filter ? SPORE__EXIT_FAILED : SPORE__EXIT_OK;
}
