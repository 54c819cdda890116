// A stdin or stdout that is wired: a port that the hold itself has, for as long as it has its task. What it is wired with comes by the same
// messages as the channels of a program; the hold keeps a duplicate over restarts of the program, so that neither side's restart ends the
// other, and closes it when the task has ended for good: then end of file passes.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "task/hold_own.h"
#include "task/port.h"

// By enum spore__hold_wired_kind. The transports as the program's hello has them, the best first.
static const struct kind {
	const char *port, *transport, *features[2];
	unsigned descriptors;
} kinds[] = {
    [SPORE__WIRED_STDIN] = {"stdin", "pipe", {"pipe-1", "stream-1"}, 1},
    [SPORE__WIRED_STDOUT] = {"stdout", "pipe", {"pipe-1", "stream-1"}, 1},
    [SPORE__WIRED_STDIO] = {"stdio", "pipes", {"pipes-1", "stream-1"}, 2},
};

static void close_ends(struct spore__hold_wired *w)
{
	for (int i = 0; i < 2; i++) {
		if (w->fds[i] >= 0)
			close(w->fds[i]);
		w->fds[i] = -1;
	}
}

static void add(struct spore__hold *h, enum spore__hold_wired_kind kind, const char *peer)
{
	if (peer == NULL)
		return;
	h->wired[h->wired_count++] =
	    (struct spore__hold_wired){.kind = kind, .peer = peer, .id = ++h->ports.last_id, .fds = {-1, -1}};
}

void spore__hold_wired_open(struct spore__hold *h)
{
	add(h, SPORE__WIRED_STDIN, h->spec.wire_stdin);
	add(h, SPORE__WIRED_STDOUT, h->spec.wire_stdout);
	add(h, SPORE__WIRED_STDIO, h->spec.wire_stdio);
}

void spore__hold_wired_close(struct spore__hold *h)
{
	for (size_t i = 0; i < h->wired_count; i++) {
		close_ends(&h->wired[i]);
		spore__own_say_close(h, &h->wired[i].id, &h->wired[i].serial);
	}
	h->wired_count = 0;
}

void spore__hold_wired_put(const struct spore__hold *h, struct spore__msgpack_writer *w)
{
	for (size_t i = 0; i < h->wired_count; i++) {
		const struct spore__hold_wired *own = &h->wired[i];
		const struct kind *k = &kinds[own->kind];
		struct spore__declared d;
		bool declared = spore__declared_find(h->spec.ports, k->port, &d);
		const struct spore__own_port port = {.name = k->port,
		                                     .framing = declared ? d.framing : "",
		                                     .protocol = declared ? d.protocol : "",
		                                     .features = k->features,
		                                     .feature_count = 2};
		spore__own_put(&port, own->id, own->serial, w);
	}
}

bool spore__hold_wired_has(const struct spore__hold *h, const char *port)
{
	for (size_t i = 0; i < h->wired_count; i++)
		if (strcmp(kinds[h->wired[i].kind].port, port) == 0)
			return true;
	return false;
}

static struct spore__hold_wired *find(struct spore__hold *h, int64_t id)
{
	for (size_t i = 0; i < h->wired_count; i++)
		if (h->wired[i].id == (uint64_t)id)
			return &h->wired[i];
	return NULL;
}

// ---- the next hold

// Where the other end has ended for good, what is left is for a task that runs on and on. Any other is started again together with what is at
// its other end, and so reads all of it from the beginning.
void spore__hold_wired_stay(struct spore__hold *h)
{
	for (size_t i = 0; i < h->wired_count; i++)
		h->wired[i].stays = h->wired[i].serial != 0 || h->spec.restart == SPORE__RESTART_ALWAYS;
}

size_t spore__hold_wired_leave(const struct spore__hold *h, struct spore__hold_end *ends)
{
	size_t count = 0;
	for (size_t i = 0; i < h->wired_count; i++) {
		const struct spore__hold_wired *w = &h->wired[i];
		if (!w->stays || (w->fds[0] < 0 && w->fds[1] < 0))
			continue;
		struct spore__hold_end *e = &ends[count++];
		*e = (struct spore__hold_end){
		    .peer = w->peer, .peer_len = (uint32_t)strlen(w->peer), .serial = w->serial, .used = w->used};
		(void)snprintf(e->port, sizeof e->port, "%s", kinds[w->kind].port);
		for (unsigned k = 0; k < SPORE__HOLD_END_FDS; k++) {
			e->fds[k] = k < 2 ? w->fds[k] : -1;
			e->has |= e->fds[k] >= 0 ? 1U << k : 0;
		}
	}
	return count;
}

bool spore__hold_wired_inherit(struct spore__hold *h, const struct spore__hold_end *end)
{
	for (size_t i = 0; i < h->wired_count; i++) {
		struct spore__hold_wired *w = &h->wired[i];
		if (strcmp(kinds[w->kind].port, end->port) != 0 || strlen(w->peer) != end->peer_len ||
		    memcmp(w->peer, end->peer, end->peer_len) != 0 || (end->has & ~3U) != 0)
			continue;
		close_ends(w);
		memcpy(w->fds, end->fds, sizeof w->fds);
		w->serial = end->serial;
		w->used = end->used != 0;
		return true;
	}
	return false;
}

// ---- what the node sends

// A program expects descriptors that wait, and such as it can read or write.
static bool is_fit(int fd, int without)
{
	int flags = fcntl(fd, F_GETFL);
	return flags >= 0 && (flags & O_ACCMODE) != without && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0;
}

// Into IN and OUT, of which those that the port does not have are -1. False: they are none for this port.
static bool sort(const struct spore__hold_wired *w, const struct spore__hold_message *m, const int *fds, int ends[2])
{
	const struct kind *k = &kinds[w->kind];
	bool stream = m->kind.len == 6 && memcmp(m->kind.s, "stream", 6) == 0;
	if (!stream && (m->kind.len != strlen(k->transport) || memcmp(m->kind.s, k->transport, m->kind.len) != 0))
		return false;
	if (m->descriptors != (stream ? 1 : k->descriptors))
		return false;
	ends[0] = w->kind != SPORE__WIRED_STDOUT ? fds[0] : -1;
	ends[1] = w->kind == SPORE__WIRED_STDOUT ? fds[0] : -1;
	// What it cannot take is not waited for by the other side.
	if (stream && w->kind != SPORE__WIRED_STDIO)
		(void)shutdown(fds[0], w->kind == SPORE__WIRED_STDIN ? SHUT_WR : SHUT_RD);
	if (w->kind == SPORE__WIRED_STDIO)
		ends[1] = stream ? fcntl(fds[0], F_DUPFD_CLOEXEC, 3) : fds[1];
	return (ends[0] < 0 || is_fit(ends[0], O_WRONLY)) && (ends[1] < 0 || is_fit(ends[1], O_RDONLY)) &&
	       (w->kind != SPORE__WIRED_STDIO || ends[1] >= 0);
}

bool spore__hold_wired_channel(struct spore__hold *h, const struct spore__hold_message *m, const int *fds)
{
	struct spore__hold_wired *w = find(h, m->number);
	int ends[2] = {-1, -1};
	if (w == NULL)
		return false;
	bool good = sort(w, m, fds, ends);
	if (good) {
		// A program that has the old ones goes on with them to its end.
		close_ends(w);
		memcpy(w->fds, ends, sizeof ends);
		w->serial = m->serial;
		w->used = false;
		w->stays = true;
	} else {
		for (unsigned i = 0; i < m->descriptors; i++)
			close(fds[i]);
		if (ends[1] >= 0 && m->descriptors == 1 && ends[1] != fds[0])
			close(ends[1]);
	}
	spore__hold_ports_tell(h, good ? SPORE__HOLD_WIRED : SPORE__HOLD_OVER, w->id, m->serial);
	if (good)
		spore__hold_happens(h, SPORE__ON_WIRED);
	return true;
}

bool spore__hold_wired_over(struct spore__hold *h, const struct spore__hold_message *m)
{
	struct spore__hold_wired *w = find(h, m->number);
	// What is still in the pipe is for the program, also for its next instance.
	if (w != NULL && w->serial == m->serial)
		w->serial = 0;
	return w != NULL;
}

// ---- what the program gets

// Has the other side ended, with nothing left to read?
static bool is_dead(const struct spore__hold_wired *w)
{
	char byte;
	struct pollfd in = {.fd = w->fds[0], .events = POLLIN}, out = {.fd = w->fds[1], .events = POLLOUT};
	if (in.fd >= 0 && poll(&in, 1, 0) > 0) {
		if ((in.revents & (POLLHUP | POLLIN)) == POLLHUP)
			return true;
		if (recv(in.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
			return true;
	}
	return out.fd >= 0 && poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

bool spore__hold_wired_ready(struct spore__hold *h)
{
	for (size_t i = 0; i < h->wired_count; i++) {
		struct spore__hold_wired *w = &h->wired[i];
		const char *port = kinds[w->kind].port;
		bool ended = w->used && is_dead(w);
		if (ended)
			close_ends(w);
		if (w->fds[0] >= 0 || w->fds[1] >= 0)
			continue;
		(void)snprintf(h->state.why, sizeof h->state.why, "%s is wired to %.300s, which %s", port, w->peer,
		               ended || w->used ? "has ended: it waits for the next" : "is not there yet");
		h->dirty = true;
		return false;
	}
	return true;
}

bool spore__hold_wired_end(struct spore__hold *h, int which, int *fd)
{
	for (size_t i = 0; i < h->wired_count; i++) {
		struct spore__hold_wired *w = &h->wired[i];
		if (w->fds[which] < 0)
			continue;
		w->used = true;
		*fd = fcntl(w->fds[which], F_DUPFD_CLOEXEC, 3);
		return true;
	}
	return false;
}
