#include "look/link.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "os/os.h"
#include "pass.h"

static void split(struct spore__link *l, const char *name, char task[SPORE__HOLD_NAME])
{
	const char *dot = strrchr(name, '.');
	if (dot == NULL || dot == name || dot[1] == '\0' || strlen(dot + 1) >= sizeof l->port ||
	    (size_t)(dot - name) >= SPORE__HOLD_NAME)
		spore__die(SPORE__EXIT_USAGE,
		           "a port is TASK.PORT, as camera.frames; 'spore wires' shows those that are wired",
		           "%s: %s: this is no name of a port", l->what, name);
	memcpy(task, name, (size_t)(dot - name));
	task[dot - name] = '\0';
	memcpy(l->port, dot + 1, strlen(dot + 1) + 1);
}

void spore__link_open(struct spore__link *l, const char *what, const char *name)
{
	char task[SPORE__HOLD_NAME];
	struct spore__msgpack_writer w = {0};
	*l = (struct spore__link){.what = what, .fd = -1, .id = -1};
	split(l, name, task);
	int status = spore__held_open(&l->held, what, task);
	if (status != 0)
		exit(status);
	l->fd = spore__folder_connect(l->held.dir);
	if (l->fd < 0)
		spore__die(SPORE__EXIT_FAILED, "'spore start' starts it", "%s: %s: %s", what, l->held.name,
		           errno == ENOENT || errno == ECONNREFUSED ? "it does not run" : strerror(errno));
	l->in = spore__xmalloc(SPORE__HOLD_FRAME);
	spore__hold_put_hello_memory(&w);
	spore__link_say(l, &w, NULL, 0);
}

bool spore__link_begin(struct spore__link *l, const char *what, const char *folder, const char *name, const char *port)
{
	struct spore__msgpack_writer w = {0};
	*l = (struct spore__link){.what = what, .fd = -1, .id = -1};
	spore__spec_init(&l->held.spec);
	(void)snprintf(l->held.name, sizeof l->held.name, "%s", name);
	(void)snprintf(l->port, sizeof l->port, "%s", port);
	l->held.dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	l->fd = l->held.dir >= 0 ? spore__folder_connect(l->held.dir) : -1;
	if (l->fd < 0) {
		spore__link_close(l);
		return false;
	}
	l->in = spore__xmalloc(SPORE__HOLD_FRAME);
	spore__hold_put_hello_memory(&w);
	spore__link_say(l, &w, NULL, 0);
	return true;
}

void spore__link_close(struct spore__link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	for (unsigned i = 0; i < l->fd_count; i++)
		close(l->fds[i]);
	free(l->in);
	free(l->ports);
	spore__held_finish(&l->held);
}

void spore__link_say(struct spore__link *l, struct spore__msgpack_writer *w, const int *fds, unsigned count)
{
	if (w->err != 0)
		spore__die(SPORE__EXIT_SPORE, NULL, "%s: out of memory", l->what);
	for (size_t sent = 0; sent < w->len;) {
		ssize_t n = spore__pass_send(l->fd, w->data + sent, w->len - sent, fds, count);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ETOOMANYREFS)) {
			const struct timespec moment = {.tv_nsec = 1000000};
			(void)nanosleep(&moment, NULL);
			continue;
		}
		if (n < 0 && errno != EINTR)
			break; // that it is gone is seen by reading
		if (n > 0) {
			sent += (size_t)n;
			count = 0;
		}
	}
	spore__msgpack_writer_finish(w);
}

bool spore__link_take(struct spore__link *l, const struct spore__hold_message *m, int *fds)
{
	unsigned count = m->descriptors;
	if (count > l->fd_count)
		return false;
	memcpy(fds, l->fds, count * sizeof fds[0]);
	l->fd_count -= count;
	memmove(l->fds, l->fds + count, l->fd_count * sizeof l->fds[0]);
	return true;
}

static bool is(const struct spore__hold_word *word, const char *text)
{
	return word->len == strlen(text) && memcmp(word->s, text, word->len) == 0;
}

static void take_protocol(struct spore__link *l, const struct spore__hold_message *m)
{
	struct spore__msgpack_reader at;
	const char *text;
	uint32_t len;
	l->protocol[0] = '\0';
	if (!spore__msgpack_find(&m->map, "protocol", &at) ||
	    spore__msgpack_read_str(&at, &text, &len) != SPORE__MSGPACK_OK || len > SPORE__PROTOCOL_MAX)
		return;
	memcpy(l->protocol, text, len);
	l->protocol[len] = '\0';
}

// A FIFO or socket always has a pump.
static void note_options(struct spore__link *l, const struct spore__hold_message *m)
{
	struct spore__msgpack_reader at;
	const char *s = "";
	uint32_t len = 0;
	l->pumped = spore__msgpack_find(&m->map, "pump", &at) || spore__msgpack_find(&m->map, "as", &at);
	l->plain = spore__msgpack_find(&m->map, "framing", &at);
	if (l->plain)
		(void)spore__msgpack_read_str(&at, &s, &len);
	(void)snprintf(l->framing, sizeof l->framing, "%.*s", (int)len, s);
}

static void note_taken(struct spore__link *l, const struct spore__hold_message *m)
{
	struct spore__msgpack_reader r = m->held;
	uint32_t count = 0;
	int64_t serial = 0;
	if (spore__msgpack_read_array(&r, &count) == SPORE__MSGPACK_OK && count > 0)
		(void)spore__msgpack_read_int(&r, &serial);
	l->taken = (uint64_t)serial;
}

static void note_port(struct spore__link *l, const struct spore__hold_message *m)
{
	l->ports = spore__xrealloc(l->ports, (l->port_count + 1) * sizeof *l->ports);
	struct spore__link_port *p = &l->ports[l->port_count++];
	p->id = m->number;
	(void)snprintf(p->name, sizeof p->name, "%.*s", (int)m->port.len, m->port.s);
}

static void forget_port(struct spore__link *l, int64_t id)
{
	for (size_t i = 0; i < l->port_count; i++)
		if (l->ports[i].id == id) {
			l->ports[i] = l->ports[--l->port_count];
			return;
		}
}

// False: it is not for the caller.
static bool note(struct spore__link *l, const struct spore__hold_message *m)
{
	switch (m->type) {
	case SPORE__HOLD_HELLO:
		if (!m->memory || m->number != SPORE__HOLD_MAJOR)
			spore__die(SPORE__EXIT_FAILED, "restart the task: 'spore restart' makes a hold of today",
			           "%s: %s: its hold is of an older version, which lets nobody look on", l->what,
			           l->held.name);
		return false;
	case SPORE__HOLD_REFUSE:
		spore__die(SPORE__EXIT_FAILED, NULL, "%s: %s: its hold refuses: %.*s", l->what, l->held.name,
		           (int)m->len, (const char *)m->bytes);
	case SPORE__HOLD_STATE:
		(void)spore__state_decode(m->map, &l->state);
		return false;
	case SPORE__HOLD_PORTS:
		l->id = -1;
		l->port_count = 0;
		l->unsaid = m->serial;
		l->told = m->serial == 0;
		return true;
	case SPORE__HOLD_OPEN: {
		bool ours = is(&m->port, l->port);
		note_port(l, m);
		if (l->unsaid > 0 && --l->unsaid == 0)
			l->told = true;
		if (ours) {
			l->id = m->number;
			l->serves = is(&m->shape, "serve");
			l->publishes = is(&m->shape, "publish");
			l->subscribes = is(&m->shape, "subscribe");
			l->bytes = is(&m->kind, "bytes");
			take_protocol(l, m);
			note_options(l, m);
			note_taken(l, m);
		}
		return ours;
	}
	case SPORE__HOLD_CLOSE:
		forget_port(l, m->number);
		if (m->number != l->id)
			return false;
		l->id = -1;
		return true;
	case SPORE__HOLD_WIRED:
		if (m->number == l->id)
			l->taken = m->serial;
		return m->number == l->id;
	case SPORE__HOLD_CHANNEL:
	case SPORE__HOLD_OVER:
		return m->number == l->id || m->type == SPORE__HOLD_CHANNEL;
	default:
		return false;
	}
}

enum spore__link_heard spore__link_next(struct spore__link *l, struct spore__hold_message *m)
{
	for (;;) {
		l->in_len -= l->used;
		memmove(l->in, l->in + l->used, l->in_len);
		l->used = 0;
		enum spore_err e = spore__hold_decode(l->in, l->in_len, m, &l->used);
		if (e == SPORE_OK) {
			if (note(l, m))
				return SPORE__LINK_MESSAGE;
			continue;
		}
		l->used = 0;
		if (e != SPORE_EAGAIN)
			spore__die(SPORE__EXIT_SPORE, NULL, "%s: %s: its hold says what cannot be understood", l->what,
			           l->held.name);
		unsigned came = 0, room = sizeof l->fds / sizeof l->fds[0] - l->fd_count;
		ssize_t n = spore__pass_receive(l->fd, l->in + l->in_len, SPORE__HOLD_FRAME - l->in_len,
		                                l->fds + l->fd_count, room, &came);
		l->fd_count += n > 0 ? came : 0;
		if (n > 0)
			l->in_len += (size_t)n;
		else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return SPORE__LINK_NOTHING;
		else if (n == 0 || errno != EINTR)
			return SPORE__LINK_GONE;
	}
}

_Noreturn void spore__link_gone(const struct spore__link *l)
{
	spore__die(SPORE__EXIT_FAILED, "'spore ps' says what became of it", "%s: %s has ended", l->what, l->held.name);
}

bool spore__link_wait(struct spore__link *l, int64_t us)
{
	struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
	struct pollfd said = {.fd = l->fd, .events = POLLIN};
	return spore__os_poll(&said, 1, us >= 0 ? &t : NULL, NULL) != 0;
}
