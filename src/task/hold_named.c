// Named ports of a program that knows nothing of spore: FIFOs and Unix sockets in the folder SPORE_PORTS of its task. Each is a port of the hold's own,
// as a wired stdin or stdout is; between it and the channel that the node sends a spore-pump carries the bytes. All descriptors of a pump are kept
// here as well, so it can be killed and started again, and neither side's restart is seen by the other:
//
//	a FIFO that is read      the end to be written stays open until what it was wired to has ended for good and all was taken
//	a FIFO that is written   both ends stay open until nobody reads the channel any more, or the task has ended for good
//	a socket                 listens as long as there is the task; of its connections one at a time has the channel
//	a listener               is the program's own socket: it is connected to as long as there is a channel
//
// A FIFO is opened by the hold when the first channel has come: until then opening it waits, so that nothing is written that nobody will read.
#include "task/hold_named.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/os.h"
#include "task/elsewhere.h"
#include "task/hold_own.h"

static const struct {
	unsigned count;
	const char *features[3];
} kinds[] = {
    [SPORE__AS_FIFO_IN] = {2, {"pipe-1", "stream-1"}},
    [SPORE__AS_FIFO_OUT] = {2, {"pipe-1", "stream-1"}},
    [SPORE__AS_SOCKET] = {3, {"pipes-1", "pipe-1", "stream-1"}},
    [SPORE__AS_LISTENER] = {3, {"pipes-1", "pipe-1", "stream-1"}},
};

static void close_channel(struct spore__hold_named *p)
{
	if (p->out == p->in)
		p->out = -1;
	spore__named_close_fd(&p->in);
	spore__named_close_fd(&p->out);
	for (int i = 0; i < 4; i++)
		spore__named_close_fd(&p->mid[i]);
}

static void close_all(struct spore__hold_named *p)
{
	close_channel(p);
	spore__named_close_fd(&p->fifo[0]);
	spore__named_close_fd(&p->fifo[1]);
	spore__named_close_fd(&p->connection);
}

static struct spore__hold_named *find(struct spore__hold *h, int64_t id)
{
	for (size_t i = 0; i < h->named_count; i++)
		if (h->named[i].id != 0 && h->named[i].id == (uint64_t)id)
			return &h->named[i];
	return NULL;
}

static bool reads(const struct spore__hold_named *p)
{
	return p->as != SPORE__AS_FIFO_OUT;
}

// ---- to the node

static struct spore__own_port describe_port(const struct spore__hold_named *p)
{
	return (struct spore__own_port){.name = p->name,
	                                .framing = p->framing,
	                                .protocol = p->protocol,
	                                .as = spore__port_as_word(p->as),
	                                .renews = reads(p),
	                                .features = kinds[p->as].features,
	                                .feature_count = kinds[p->as].count};
}

static void say_open(struct spore__hold *h, struct spore__hold_named *p)
{
	const struct spore__own_port port = describe_port(p);
	spore__own_say_open(h, &port, &p->id, &p->serial);
}

static void say_close(struct spore__hold *h, struct spore__hold_named *p)
{
	spore__own_say_close(h, &p->id, &p->serial);
}

size_t spore__hold_named_said(const struct spore__hold *h)
{
	size_t count = 0;
	for (size_t i = 0; i < h->named_count; i++)
		count += h->named[i].id != 0;
	return count;
}

// ALL: also a channel that is not the node's.
void spore__hold_named_put(const struct spore__hold *h, bool all, struct spore__msgpack_writer *w)
{
	for (size_t i = 0; i < h->named_count; i++) {
		const struct spore__hold_named *p = &h->named[i];
		const struct spore__own_port port = describe_port(p);
		if (p->id != 0)
			spore__own_put(&port, p->id, all || p->serial < SPORE__HOLD_JOINED ? p->serial : 0, w);
	}
}

bool spore__hold_named_has(const struct spore__hold *h, const char *port)
{
	for (size_t i = 0; i < h->named_count; i++)
		if (strcmp(h->named[i].name, port) == 0)
			return true;
	return false;
}

struct spore__hold_window *spore__hold_named_window(struct spore__hold *h, uint64_t id)
{
	struct spore__hold_named *p = find(h, (int64_t)id);
	return p != NULL ? &p->window : NULL;
}

// ---- pumps

static bool wants_pump(const struct spore__hold_named *p)
{
	switch (p->as) {
	case SPORE__AS_FIFO_IN:
		return p->in >= 0 && p->fifo[1] >= 0;
	case SPORE__AS_FIFO_OUT:
		return p->out >= 0 && p->fifo[0] >= 0;
	case SPORE__AS_SOCKET:
	case SPORE__AS_LISTENER:
		return p->connection >= 0 && (p->in >= 0 || p->out >= 0);
	case SPORE__AS_NONE:
		break;
	}
	return false;
}

// The descriptors among the arguments of the pump.
static size_t describe(const struct spore__hold_named *p, int fds[SPORE__HOLD_PUMP_FDS], const char **how)
{
	size_t n = 0;
	*how = p->as == SPORE__AS_FIFO_IN ? "in" : p->as == SPORE__AS_FIFO_OUT ? "out" : "socket";
	if (spore__named_is_socket(p))
		fds[n++] = p->connection;
	else if (p->as == SPORE__AS_FIFO_OUT)
		fds[n++] = p->fifo[0];
	if (p->as != SPORE__AS_FIFO_OUT)
		fds[n++] = p->in;
	if (p->as != SPORE__AS_FIFO_IN)
		fds[n++] = p->out;
	if (p->as == SPORE__AS_FIFO_IN)
		fds[n++] = p->fifo[1];
	for (int i = 0; i < 4 && spore__named_is_socket(p); i++)
		fds[n++] = p->mid[i];
	fds[n++] = p->window.fd;
	return n;
}

void spore__named_pump_start(struct spore__hold *h, struct spore__hold_named *p)
{
	char path[PATH_MAX];
	int fds[SPORE__HOLD_PUMP_FDS];
	struct spore__hold_pumping pumping = {.port = p->name, .fds = fds};
	if (p->pump.pid == 0)
		spore__named_renew(h, p);
	if (!wants_pump(p) || !spore__named_path(h, p, path))
		return;
	pumping.count = describe(p, fds, &pumping.how);
	pumping.path = p->as == SPORE__AS_FIFO_IN ? path : NULL;
	spore__hold_pump_start(h, &p->pump, &pumping);
}

void spore__hold_named_retry(struct spore__hold *h)
{
	for (size_t i = 0; i < h->named_count; i++)
		spore__named_pump_start(h, &h->named[i]);
}

static void take_declared(struct spore__hold *h, size_t room)
{
	struct spore__declared d;
	for (char *const *text = h->spec.ports; *text != NULL && h->named_count < room; text++) {
		enum spore__port_as as = spore__declared_parse(*text, &d) ? spore__port_as_of(d.as) : SPORE__AS_NONE;
		if (as == SPORE__AS_NONE)
			continue;
		struct spore__hold_named *p = &h->named[h->named_count++];
		*p = (struct spore__hold_named){.as = as,
		                                .in = -1,
		                                .out = -1,
		                                .fifo = {-1, -1},
		                                .listener = {.fd = -1},
		                                .connection = -1,
		                                .mid = {-1, -1, -1, -1}};
		spore__hold_window_open(&p->window);
		memcpy(p->name, d.name, sizeof p->name);
		memcpy(p->framing, d.framing, sizeof p->framing);
		memcpy(p->protocol, d.protocol, sizeof p->protocol);
	}
}

void spore__hold_named_open(struct spore__hold *h)
{
	size_t room = 0;
	while (h->spec.ports != NULL && h->spec.ports[room] != NULL)
		room++;
	room = room < SPORE__NAMED_MAX ? room : SPORE__NAMED_MAX;
	h->named = room > 0 ? calloc(room, sizeof *h->named) : NULL;
	if (h->named != NULL)
		take_declared(h, room);
	if (h->named_count == 0)
		return;
	if (!spore__named_make_folder(h)) {
		spore__hold_event(h, SPORE_ERROR, "port", NULL, "the folder of its ports cannot be made: %s",
		                  strerror(errno));
		for (size_t i = 0; i < h->named_count; i++)
			spore__hold_window_close(h, &h->named[i].window);
		h->ports_folder[0] = '\0';
		h->named_count = 0;
		return;
	}
	for (size_t i = 0; i < h->named_count; i++) {
		if (spore__named_make(h, &h->named[i]))
			h->named[i].id = ++h->ports.last_id;
		else
			spore__hold_event(h, SPORE_ERROR, "port", NULL, "port %s: %s cannot be made: %s",
			                  h->named[i].name, spore__port_as_word(h->named[i].as), strerror(errno));
	}
}

void spore__hold_named_close(struct spore__hold *h)
{
	char path[PATH_MAX];
	for (size_t i = 0; i < h->named_count; i++) {
		struct spore__hold_named *p = &h->named[i];
		say_close(h, p);
		// The others pass on what is still there, then end of file, and end by themselves.
		if (p->as == SPORE__AS_FIFO_IN) {
			spore__hold_pump_kill(&p->pump);
			spore__hold_window_finish(&p->window, SPORE__WINDOW_IN);
		} else {
			spore__named_pump_start(h, p);
		}
		spore__hold_io_close(h, &p->listener);
		close_all(p);
		spore__hold_window_close(h, &p->window);
		if (spore__named_path(h, p, path))
			(void)unlink(path);
	}
	if (h->ports_folder[0] != '\0')
		(void)rmdir(h->ports_folder);
	spore__elsewhere_remove(h->dir, SPORE__ELSEWHERE_PORTS);
	free(h->named);
	h->named = NULL;
	h->named_count = 0;
	h->ports_folder[0] = '\0';
}

// ---- what the node sends

// Which of its descriptors is to be read, and which to be written. False: they are none for this port.
static bool sort(const struct spore__hold_named *p, const struct spore__hold_message *m, const int *fds, int *in,
                 int *out)
{
	*in = *out = -1;
	if (spore__own_is(&m->kind, "stream") && m->descriptors == 1) {
		// What it cannot take is not waited for by the other side.
		if (!spore__named_is_socket(p))
			(void)shutdown(fds[0], p->as == SPORE__AS_FIFO_IN ? SHUT_WR : SHUT_RD);
		*in = p->as != SPORE__AS_FIFO_OUT ? fds[0] : -1;
		*out = p->as != SPORE__AS_FIFO_IN ? fds[0] : -1;
	} else if (spore__own_is(&m->kind, "pipes") && m->descriptors == 2 && spore__named_is_socket(p)) {
		*in = fds[0];
		*out = fds[1];
	} else if (spore__own_is(&m->kind, "pipe") && m->descriptors == 1) {
		bool reads =
		    p->as == SPORE__AS_FIFO_IN || (spore__named_is_socket(p) && spore__own_can(fds[0], O_WRONLY));
		*(reads ? in : out) = fds[0];
	}
	return (*in >= 0 || *out >= 0) && (*in < 0 || spore__own_can(*in, O_WRONLY)) &&
	       (*out < 0 || spore__own_can(*out, O_RDONLY));
}

static bool make_mid(struct spore__hold_named *p)
{
	if (!spore__named_is_socket(p) || p->in != p->out)
		return true;
	if (spore__os_pipe(p->mid) != 0 || spore__os_pipe(p->mid + 2) != 0)
		return false;
	for (int i = 0; i < 4; i++)
		if (fcntl(p->mid[i], F_SETFL, O_NONBLOCK) != 0)
			return false;
	return true;
}

// What its channel, which has come, needs beside itself. What is wrong is said once, until it goes well.
static bool open_rest(struct spore__hold *h, struct spore__hold_named *p)
{
	bool good = spore__named_open_side(h, p) && make_mid(p);
	if (!good && !p->refused)
		spore__hold_event(h, SPORE_ERROR, "port", NULL, "port %s: its %s cannot be opened: %s", p->name,
		                  spore__named_is_socket(p) ? "pipes" : "FIFO", strerror(errno));
	p->refused = !good;
	return good;
}

// The channel is over, and nothing of it is left. The next one is for another id where this one may be read still when it is sent, so that
// it reaches nobody then.
static void is_through(struct spore__hold *h, struct spore__hold_named *p, bool taken)
{
	close_channel(p);
	spore__named_look(h, p);
	if (taken && reads(p))
		say_close(h, p);
	if (p->id == 0)
		say_open(h, p);
	p->serial = 0;
}

bool spore__hold_named_channel(struct spore__hold *h, const struct spore__hold_message *m, const int *fds)
{
	struct spore__hold_named *p = find(h, m->number);
	int in, out;
	if (p == NULL)
		return false;
	bool good = sort(p, m, fds, &in, &out);
	if (good) {
		// A node sends it only when the one before is over, or was taken away.
		spore__hold_pump_kill(&p->pump);
		close_channel(p);
		spore__named_close_fd(&p->connection);
		p->in = in;
		p->out = out;
		p->serial = m->serial;
		good = open_rest(h, p);
		if (!good)
			close_channel(p);
	} else {
		for (unsigned i = 0; i < m->descriptors; i++)
			close(fds[i]);
	}
	if (!good)
		p->serial = 0;
	spore__hold_ports_tell(h, good ? SPORE__HOLD_WIRED : SPORE__HOLD_OVER, p->id, m->serial);
	spore__named_look(h, p);
	spore__named_pump_start(h, p);
	return true;
}

// Is there something in the channel that nobody has taken?
static bool is_left(const struct spore__hold_named *p)
{
	int n = 0;
	return p->in >= 0 && ioctl(p->in, FIONREAD, &n) == 0 && n > 0;
}

// The other side is gone. What is in the channel, and its end, are for the program; until it has them there is no room for another.
static void read_out(struct spore__hold *h, struct spore__hold_named *p)
{
	p->serial = 0;
	if (reads(p) && (p->pump.pid != 0 || is_left(p)))
		say_close(h, p);
	else if (reads(p))
		is_through(h, p, true);
}

// Who writes goes on as soon as the port has another channel.
static void take_away(struct spore__hold *h, struct spore__hold_named *p)
{
	spore__hold_pump_kill(&p->pump);
	spore__named_close_fd(&p->connection);
	is_through(h, p, true);
}

bool spore__hold_named_over(struct spore__hold *h, const struct spore__hold_message *m)
{
	struct spore__hold_named *p = find(h, m->number);
	if (p != NULL && (p->serial == m->serial || p->serial == 0))
		read_out(h, p);
	return p != NULL;
}

bool spore__hold_named_unwire(struct spore__hold *h, const struct spore__hold_message *m)
{
	struct spore__hold_named *p = find(h, m->number);
	if (p == NULL || (p->serial != m->serial && p->serial != 0))
		return p != NULL;
	// Who reads reads to the end, which the other side makes.
	if (p->as == SPORE__AS_FIFO_IN)
		read_out(h, p);
	else
		take_away(h, p);
	return true;
}

bool spore__hold_named_is_free(struct spore__hold *h, const struct spore__hold_message *m)
{
	const struct spore__hold_named *p = find(h, m->number);
	return p != NULL && p->serial == 0;
}

// What it sent is for the program; one that only looked leaves the port as it was.
bool spore__hold_named_left(struct spore__hold *h, uint64_t id, uint64_t serial)
{
	struct spore__hold_named *p = find(h, (int64_t)id);
	if (p == NULL || p->serial != serial)
		return p != NULL;
	if (reads(p))
		read_out(h, p);
	else
		take_away(h, p);
	return true;
}

// ---- a pump ended

static void channel_ended(struct spore__hold *h, struct spore__hold_named *p)
{
	// Nobody takes, or sends, any more: the program finds that when it writes, or reads on. One who took for a while leaves it as it was.
	if (reads(p) || p->serial < SPORE__HOLD_JOINED) {
		spore__named_close_fd(&p->fifo[0]);
		spore__named_close_fd(&p->fifo[1]);
	}
	spore__named_close_fd(&p->connection);
	is_through(h, p, p->id == 0);
}

static void connection_ended(struct spore__hold *h, struct spore__hold_named *p)
{
	spore__named_close_fd(&p->connection);
	if (p->id == 0 && !is_left(p))
		is_through(h, p, p->id == 0);
	else
		spore__named_look(h, p);
}

bool spore__hold_named_reaped(struct spore__hold *h, pid_t pid, int status)
{
	struct spore__hold_named *p = NULL;
	for (size_t i = 0; i < h->named_count && p == NULL; i++)
		if (h->named[i].pump.pid == pid)
			p = &h->named[i];
	if (p == NULL || pid <= 0)
		return false;
	switch (spore__hold_pump_ended(h, &p->pump, status, p->name)) {
	case SPORE__PUMPED_END:
	case SPORE__PUMPED_GONE:
		channel_ended(h, p);
		break;
	case SPORE__PUMPED_CLOSED:
		connection_ended(h, p);
		break;
	case SPORE__PUMPED_AGAIN:
		spore__named_pump_start(h, p);
		break;
	case SPORE__PUMPED_LATER:
		break;
	}
	return true;
}
