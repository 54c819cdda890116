// A stdin or stdout that is wired with `tap: true`: a port of the hold's own, as those of hold_wired.c are, but the program gets pipes that never
// change, and a spore-pump carries the bytes between them and the channel. So who looks on can see them, and the channel may be taken away and be
// another one while the program runs. All descriptors of a pump are kept here as well.
//
// That the channel ended says nothing to the program yet: it may have been unwired, and the node's word of that be on the way. So the node is asked,
// and answers after all that it said before.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/os.h"
#include "task/hold_own.h"
#include "task/hold_pumped.h"
#include "task/port.h"

enum { IN = SPORE__WINDOW_IN, OUT = SPORE__WINDOW_OUT };

// By enum spore__hold_wired_kind. The transports as the program's hello has them, the best first.
static const struct kind {
	const char *port, *features[2];
	bool reads, writes;
} kinds[] = {
    [SPORE__WIRED_STDIN] = {"stdin", {"pipe-1", "stream-1"}, true, false},
    [SPORE__WIRED_STDOUT] = {"stdout", {"pipe-1", "stream-1"}, false, true},
    [SPORE__WIRED_STDIO] = {"stdio", {"pipes-1", "stream-1"}, true, true},
};

const char *spore__pumped_port(const struct spore__hold_pumped *p)
{
	return kinds[p->kind].port;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static bool has(const struct spore__hold_pumped *p, int way)
{
	return way == IN ? kinds[p->kind].reads : kinds[p->kind].writes;
}

// The channel in one direction; that of a socket is there twice.
static void close_channel(struct spore__hold_pumped *p, int way)
{
	spore__hold_pump_kill(&p->pumps[way]);
	if (p->channel[way] >= 0 && way == OUT)
		(void)shutdown(p->channel[OUT], SHUT_WR); // the other one is the same socket
	close_fd(&p->channel[way]);
}

// What the program has of it goes on to its end.
static void close_pipe(struct spore__hold_pumped *p, int way)
{
	close_fd(&p->theirs[way]);
	close_fd(&p->ours[way]);
}

// ---- to the node

// As the node is told of it, with what is declared in D.
static struct spore__own_port describe(const struct spore__hold *h, const struct spore__hold_pumped *p,
                                       struct spore__declared *d)
{
	const struct kind *k = &kinds[p->kind];
	bool declared = spore__declared_find(h->spec.ports, k->port, d);
	return (struct spore__own_port){.name = k->port,
	                                .framing = declared ? d->framing : "",
	                                .protocol = declared ? d->protocol : "",
	                                .pump = true,
	                                .renews = k->reads,
	                                .features = k->features,
	                                .feature_count = 2};
}

static void say_open(struct spore__hold *h, struct spore__hold_pumped *p)
{
	struct spore__declared d;
	const struct spore__own_port port = describe(h, p, &d);
	spore__own_say_open(h, &port, &p->id, &p->serial);
}

static void say_close(struct spore__hold *h, struct spore__hold_pumped *p)
{
	spore__own_say_close(h, &p->id, &p->serial);
}

size_t spore__hold_pumped_said(const struct spore__hold *h)
{
	size_t count = 0;
	for (size_t i = 0; i < h->pumped_count; i++)
		count += h->pumped[i].id != 0;
	return count;
}

// ALL: also a channel that is not the node's.
void spore__hold_pumped_put(const struct spore__hold *h, bool all, struct spore__msgpack_writer *w)
{
	for (size_t i = 0; i < h->pumped_count; i++) {
		const struct spore__hold_pumped *p = &h->pumped[i];
		struct spore__declared d;
		const struct spore__own_port port = describe(h, p, &d);
		if (p->id != 0)
			spore__own_put(&port, p->id, all || p->serial < SPORE__HOLD_JOINED ? p->serial : 0, w);
	}
}

bool spore__hold_pumped_has(const struct spore__hold *h, const char *port)
{
	for (size_t i = 0; i < h->pumped_count; i++)
		if (strcmp(kinds[h->pumped[i].kind].port, port) == 0)
			return true;
	return false;
}

struct spore__hold_window *spore__hold_pumped_window(struct spore__hold *h, uint64_t id)
{
	for (size_t i = 0; i < h->pumped_count; i++)
		if (h->pumped[i].id != 0 && h->pumped[i].id == id)
			return &h->pumped[i].window;
	return NULL;
}

// ---- beginning and end

static void add(struct spore__hold *h, enum spore__hold_wired_kind kind)
{
	struct spore__hold_pumped *p = &h->pumped[h->pumped_count++];
	*p = (struct spore__hold_pumped){
	    .kind = kind, .id = ++h->ports.last_id, .channel = {-1, -1}, .theirs = {-1, -1}, .ours = {-1, -1}};
	spore__hold_window_open(&p->window);
}

void spore__hold_pumped_open(struct spore__hold *h)
{
	if (h->spec.tap_stdin)
		add(h, SPORE__WIRED_STDIN);
	if (h->spec.tap_stdout)
		add(h, SPORE__WIRED_STDOUT);
	if (h->spec.tap_stdio)
		add(h, SPORE__WIRED_STDIO);
}

// ---- pumps

void spore__pumped_start(struct spore__hold *h, struct spore__hold_pumped *p, int way)
{
	enum { FDS = 3 };
	const int fds[FDS] = {way == IN ? p->channel[IN] : p->ours[OUT], way == IN ? p->ours[IN] : p->channel[OUT],
	                      p->window.fd};
	const struct spore__hold_pumping pumping = {
	    .port = kinds[p->kind].port, .how = way == IN ? "into" : "out", .fds = fds, .count = FDS};
	// Two at one pipe would mix what is in it.
	bool elsewhere = h->keeps || h->given;
	if (p->channel[way] >= 0 && p->ours[way] >= 0 && !p->ended && !elsewhere)
		spore__hold_pump_start(h, &p->pumps[way], &pumping);
}

void spore__hold_pumped_retry(struct spore__hold *h)
{
	for (size_t i = 0; i < h->pumped_count; i++)
		for (int way = IN; way <= OUT; way++)
			spore__pumped_start(h, &h->pumped[i], way);
}

// The next channel may come. It is for another id, so that one that the node sent too early reaches nobody.
static void is_through(struct spore__hold *h, struct spore__hold_pumped *p)
{
	close_channel(p, IN);
	p->ended = p->unwired = false;
	say_close(h, p);
	say_open(h, p);
}

void spore__hold_pumped_close(struct spore__hold *h)
{
	for (size_t i = 0; i < h->pumped_count; i++) {
		struct spore__hold_pumped *p = &h->pumped[i];
		say_close(h, p);
		// That pump passes on what is still there, then end of file, and ends by itself.
		spore__pumped_start(h, p, OUT);
		p->pumps[OUT].pid = 0;
		spore__hold_pump_kill(&p->pumps[IN]);
		for (int way = IN; way <= OUT; way++) {
			close_fd(&p->channel[way]);
			close_pipe(p, way);
		}
		spore__hold_window_finish(&p->window, SPORE__WINDOW_IN);
		spore__hold_window_close(h, &p->window);
	}
	h->pumped_count = 0;
}

// All that came in has been passed on.
static void pass_end(struct spore__hold *h, struct spore__hold_pumped *p)
{
	if (!p->unwired)
		close_fd(&p->ours[IN]);
	p->ended = false;
	if (p->serial == 0)
		is_through(h, p);
	else
		close_channel(p, IN); // that it is over will be said yet
}

// Who is the other end for a while is heard by itself when it goes.
static void ask(struct spore__hold *h, const struct spore__hold_pumped *p)
{
	struct spore__msgpack_writer w = {0};
	if (p->serial >= SPORE__HOLD_JOINED)
		return;
	spore__hold_put_serial(&w, SPORE__HOLD_ENDED, p->id, p->serial);
	spore__hold_peers_say(h, &w);
	spore__msgpack_writer_finish(&w);
}

void spore__hold_pumped_ask(struct spore__hold *h)
{
	for (size_t i = 0; i < h->pumped_count; i++)
		if (h->pumped[i].ended)
			ask(h, &h->pumped[i]);
}

void spore__hold_pumped_answered(struct spore__hold *h, const struct spore__hold_message *m)
{
	for (size_t i = 0; i < h->pumped_count; i++) {
		struct spore__hold_pumped *p = &h->pumped[i];
		if (p->ended && p->id == (uint64_t)m->number && p->serial == m->serial)
			pass_end(h, p);
	}
}

void spore__hold_pumped_unanswered(struct spore__hold *h)
{
	for (size_t i = 0; i < h->pumped_count; i++)
		if (h->pumped[i].ended && h->pumped[i].serial < SPORE__HOLD_JOINED)
			pass_end(h, &h->pumped[i]);
}

static void in_ended(struct spore__hold *h, struct spore__hold_pumped *p)
{
	if (p->serial == 0) {
		pass_end(h, p);
		return;
	}
	p->ended = true;
	ask(h, p);
	spore__hold_timer(h, SPORE__TIMER_PUMPED, SPORE__PUMPED_UNANSWERED_MS);
}

// Nobody takes any more: the program finds that when it writes. One who was the other end for a while leaves it as it was.
static void out_ended(struct spore__hold_pumped *p)
{
	close_channel(p, OUT);
	if (p->serial < SPORE__HOLD_JOINED)
		close_pipe(p, OUT);
}

bool spore__hold_pumped_reaped(struct spore__hold *h, pid_t pid, int status)
{
	for (size_t i = 0; i < h->pumped_count; i++)
		for (int way = IN; way <= OUT; way++) {
			struct spore__hold_pumped *p = &h->pumped[i];
			if (pid <= 0 || p->pumps[way].pid != pid)
				continue;
			enum spore__hold_pump_outcome end =
			    spore__hold_pump_ended(h, &p->pumps[way], status, kinds[p->kind].port);
			if (end == SPORE__PUMPED_AGAIN)
				spore__pumped_start(h, p, way);
			else if (end != SPORE__PUMPED_LATER && way == IN)
				in_ended(h, p);
			else if (end != SPORE__PUMPED_LATER)
				out_ended(p);
			return true;
		}
	return false;
}

// ---- what the node sends

static struct spore__hold_pumped *find(struct spore__hold *h, int64_t id)
{
	for (size_t i = 0; i < h->pumped_count; i++)
		if (h->pumped[i].id != 0 && h->pumped[i].id == (uint64_t)id)
			return &h->pumped[i];
	return NULL;
}

// The descriptors become those of CHANNEL. False: they are none for this port, and stay open.
static bool sort(const struct spore__hold_pumped *p, const struct spore__hold_message *m, const int *fds,
                 int channel[2])
{
	bool both = p->kind == SPORE__WIRED_STDIO, stream = spore__own_is(&m->kind, "stream");
	channel[IN] = channel[OUT] = -1;
	if (m->descriptors != (both && !stream ? 2 : 1) ||
	    (!stream && !spore__own_is(&m->kind, both ? "pipes" : "pipe")))
		return false;
	if (has(p, IN) && !spore__own_can(fds[0], O_WRONLY))
		return false;
	if (has(p, OUT) && !spore__own_can(fds[m->descriptors - 1], O_RDONLY))
		return false;
	// What it cannot take is not waited for by the other side.
	if (stream && !both)
		(void)shutdown(fds[0], has(p, IN) ? SHUT_WR : SHUT_RD);
	channel[IN] = has(p, IN) ? fds[0] : -1;
	channel[OUT] = has(p, OUT) ? fds[m->descriptors - 1] : -1;
	if (stream && both && (channel[OUT] = fcntl(fds[0], F_DUPFD_CLOEXEC, 3)) < 0)
		return false;
	return true;
}

// The pipes of the program, where it has none or the last were read to their end.
static bool make_pipes(struct spore__hold_pumped *p)
{
	for (int way = IN; way <= OUT; way++) {
		int ends[2];
		if (!has(p, way) || p->ours[way] >= 0)
			continue;
		close_pipe(p, way);
		if (spore__os_pipe(ends) != 0)
			return false;
		p->theirs[way] = ends[way == IN ? 0 : 1];
		p->ours[way] = ends[way == IN ? 1 : 0];
		p->used[way] = false;
		if (fcntl(p->ours[way], F_SETFL, O_NONBLOCK) != 0)
			return false;
	}
	return true;
}

bool spore__hold_pumped_channel(struct spore__hold *h, const struct spore__hold_message *m, const int *fds)
{
	struct spore__hold_pumped *p = find(h, m->number);
	int channel[2];
	if (p == NULL)
		return false;
	bool good = sort(p, m, fds, channel);
	if (good) {
		// A node sends it only when the one before is over, or was taken away.
		for (int way = IN; way <= OUT; way++) {
			close_channel(p, way);
			p->channel[way] = channel[way];
		}
		p->ended = p->unwired = false;
		p->serial = m->serial;
		good = make_pipes(p);
	} else {
		for (unsigned i = 0; i < m->descriptors; i++)
			close(fds[i]);
	}
	if (!good) {
		close_channel(p, IN);
		close_channel(p, OUT);
		p->serial = 0;
	}
	spore__hold_ports_tell(h, good ? SPORE__HOLD_WIRED : SPORE__HOLD_OVER, p->id, m->serial);
	for (int way = IN; way <= OUT; way++)
		spore__pumped_start(h, p, way);
	if (good)
		spore__hold_happens(h, SPORE__ON_WIRED);
	return true;
}

// The node has taken the channel SERIAL away. False: it is another one.
static bool take_away(struct spore__hold_pumped *p, uint64_t serial)
{
	if (p->serial != serial && p->serial != 0)
		return false;
	p->serial = 0;
	return true;
}

// Until what is in the channel has been passed on there is no room for another.
static void finish_in(struct spore__hold *h, struct spore__hold_pumped *p)
{
	if (!has(p, IN))
		return;
	if (p->ended)
		pass_end(h, p);
	else if (p->channel[IN] >= 0)
		say_close(h, p);
	else
		is_through(h, p);
}

bool spore__hold_pumped_over(struct spore__hold *h, const struct spore__hold_message *m)
{
	struct spore__hold_pumped *p = find(h, m->number);
	if (p == NULL || !take_away(p, m->serial))
		return p != NULL;
	if (p->channel[OUT] >= 0) {
		close_channel(p, OUT);
		close_pipe(p, OUT);
	}
	finish_in(h, p);
	return true;
}

void spore__pumped_unwire(struct spore__hold *h, struct spore__hold_pumped *p, uint64_t serial)
{
	if (!take_away(p, serial))
		return;
	// The program goes on as soon as the port is wired again.
	close_channel(p, OUT);
	p->unwired = true;
	finish_in(h, p);
}

bool spore__hold_pumped_unwire(struct spore__hold *h, const struct spore__hold_message *m)
{
	struct spore__hold_pumped *p = find(h, m->number);
	if (p != NULL)
		spore__pumped_unwire(h, p, m->serial);
	return p != NULL;
}

// One who was the other end for a while leaves it as it was.
bool spore__hold_pumped_left(struct spore__hold *h, uint64_t id, uint64_t serial)
{
	struct spore__hold_pumped *p = find(h, (int64_t)id);
	if (p != NULL)
		spore__pumped_unwire(h, p, serial);
	return p != NULL;
}

bool spore__hold_pumped_is_free(struct spore__hold *h, const struct spore__hold_message *m)
{
	const struct spore__hold_pumped *p = find(h, m->number);
	return p != NULL && p->serial == 0;
}

// ---- what the program gets

// Is there nothing left to read, nor will be?
static bool is_dead(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return fd >= 0 && poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLIN)) == POLLHUP;
}

bool spore__hold_pumped_ready(struct spore__hold *h)
{
	for (size_t i = 0; i < h->pumped_count; i++) {
		struct spore__hold_pumped *p = &h->pumped[i];
		if (p->used[IN] && is_dead(p->theirs[IN]))
			close_pipe(p, IN);
		bool good = true;
		for (int way = IN; way <= OUT; way++)
			good &= !has(p, way) || p->theirs[way] >= 0;
		if (good)
			continue;
		(void)snprintf(h->state.why, sizeof h->state.why, "%s is wired, and what is at its other end %s",
		               kinds[p->kind].port,
		               p->used[IN] || p->used[OUT] ? "has ended: it waits for the next" : "is not there yet");
		h->dirty = true;
		return false;
	}
	return true;
}

bool spore__hold_pumped_end(struct spore__hold *h, int which, int *fd)
{
	for (size_t i = 0; i < h->pumped_count; i++) {
		struct spore__hold_pumped *p = &h->pumped[i];
		if (p->theirs[which] < 0)
			continue;
		p->used[which] = true;
		*fd = fcntl(p->theirs[which], F_DUPFD_CLOEXEC, 3);
		return true;
	}
	return false;
}
