// When a task is replaced, what its stdin and stdout are wired with goes from its old hold to the next one, as it stays within one hold over
// restarts: nothing that is in a pipe is lost, and nobody at the other ends notices more than a pause. The node says to the old hold that it
// will be so (`hand`), and to the new one, when it starts it, where the old one is. That keeps the ends after its task has ended, until the new
// one has them or the node says that none will come. The node has no descriptor of it, so it may be killed meanwhile; and a new hold that is
// killed before it has them leaves them to the next.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pass.h"
#include "task/hold.h"

enum {
	PATIENCE_MS = 2000, // of the new one
	ROOM = 16 * 1024,   // for what the old one says until then: its hello, its state, the ends
};

// ---- the old one

void spore__hold_heir_hand(struct spore__hold *h, bool on)
{
	if (on && !h->hands && !h->keeps) {
		spore__hold_wired_stay(h);
		spore__hold_pumped_stay(h);
	}
	h->hands = on;
	if (!on && h->keeps)
		spore__hold_let_go(h);
}

static size_t collect(struct spore__hold *h, struct spore__hold_end ends[SPORE__HOLD_ENDS_MAX])
{
	size_t count = spore__hold_wired_leave(h, ends);
	return count + spore__hold_pumped_leave(h, ends + count);
}

bool spore__hold_heir_keeps(struct spore__hold *h)
{
	struct spore__hold_end ends[SPORE__HOLD_ENDS_MAX];
	h->keeps = h->hands && collect(h, ends) > 0;
	return h->keeps;
}

static void put_flag(struct spore__msgpack_writer *w, const char *key, bool value)
{
	spore__msgpack_str(w, key);
	spore__msgpack_bool(w, value);
}

static void put_end(struct spore__msgpack_writer *w, const struct spore__hold_end *e)
{
	spore__msgpack_map(w, 9);
	spore__msgpack_str(w, "port");
	spore__msgpack_str(w, e->port);
	spore__msgpack_str(w, "peer");
	spore__msgpack_strn(w, e->peer, e->peer_len);
	spore__msgpack_str(w, "serial");
	spore__msgpack_uint(w, e->serial);
	spore__msgpack_str(w, "has");
	spore__msgpack_uint(w, e->has);
	spore__msgpack_str(w, "used");
	spore__msgpack_uint(w, e->used);
	put_flag(w, "pump", e->pump);
	put_flag(w, "closed", e->closed);
	put_flag(w, "ended", e->ended);
	put_flag(w, "unwired", e->unwired);
}

bool spore__hold_heir_give(struct spore__hold *h, const struct spore__hold_peer *p)
{
	struct spore__hold_end ends[SPORE__HOLD_ENDS_MAX];
	struct spore__msgpack_writer list = {0}, w = {0};
	int fds[SPORE__HOLD_ENDS_MAX * SPORE__HOLD_END_FDS];
	unsigned fd_count = 0;
	size_t count = h->keeps ? collect(h, ends) : 0;
	spore__msgpack_array(&list, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		put_end(&list, &ends[i]);
		for (unsigned k = 0; k < SPORE__HOLD_END_FDS; k++)
			if ((ends[i].has & 1U << k) != 0)
				fds[fd_count++] = ends[i].fds[k];
	}
	spore__hold_put_ends(&w, fd_count, list.data, list.len);
	// A new connection takes it at once; and one that does not is none of a hold that waits for it.
	bool given = list.err == 0 && w.err == 0 && p->out_sent == p->out.len &&
	             spore__pass_send(p->io.fd, w.data, w.len, fds, fd_count) == (ssize_t)w.len;
	h->given |= given && count > 0;
	spore__msgpack_writer_finish(&list);
	spore__msgpack_writer_finish(&w);
	return given;
}

// ---- the new one

struct inheriting {
	int fd;
	unsigned char bytes[ROOM];
	size_t len;
	struct spore__passed passed;
};

static bool take_number(struct spore__msgpack_reader map, const char *key, uint64_t *out)
{
	struct spore__msgpack_reader at;
	int64_t n = -1;
	if (!spore__msgpack_find(&map, key, &at) || spore__msgpack_read_int(&at, &n) != SPORE__MSGPACK_OK || n < 0)
		return false;
	*out = (uint64_t)n;
	return true;
}

static bool take_flag(struct spore__msgpack_reader map, const char *key)
{
	struct spore__msgpack_reader at;
	bool value = false;
	return spore__msgpack_find(&map, key, &at) && spore__msgpack_read_bool(&at, &value) == SPORE__MSGPACK_OK &&
	       value;
}

static bool take_text(struct spore__msgpack_reader map, const char *key, const char **s, uint32_t *len)
{
	struct spore__msgpack_reader at;
	return spore__msgpack_find(&map, key, &at) && spore__msgpack_read_str(&at, s, len) == SPORE__MSGPACK_OK;
}

// MAP describes it; its descriptors are the next of those from *FDS on, LEFT of them.
static bool read_end(struct spore__msgpack_reader map, struct spore__hold_end *e, const int **fds, unsigned *left)
{
	uint64_t has, used;
	const char *port;
	uint32_t len;
	*e = (struct spore__hold_end){.pump = take_flag(map, "pump"),
	                              .closed = take_flag(map, "closed"),
	                              .ended = take_flag(map, "ended"),
	                              .unwired = take_flag(map, "unwired")};
	if (!take_text(map, "port", &port, &len) || len >= sizeof e->port ||
	    !take_text(map, "peer", &e->peer, &e->peer_len) || !take_number(map, "serial", &e->serial) ||
	    !take_number(map, "has", &has) || !take_number(map, "used", &used))
		return false;
	memcpy(e->port, port, len);
	e->has = (unsigned)has;
	e->used = (unsigned)used;
	for (unsigned i = 0; i < SPORE__HOLD_END_FDS; i++) {
		e->fds[i] = -1;
		if ((e->has & 1U << i) == 0)
			continue;
		if (*left == 0)
			return false;
		--*left;
		e->fds[i] = *(*fds)++;
	}
	return true;
}

// Those that are not for this one, since its wires are others, are closed: for whoever is at the other end that is the end.
static void take_ends(struct spore__hold *h, const struct spore__hold_message *m, const int *fds)
{
	struct spore__msgpack_reader list = m->list;
	uint32_t count = 0;
	unsigned left = m->descriptors;
	(void)spore__msgpack_read_array(&list, &count);
	for (; count > 0; count--) {
		struct spore__hold_end e;
		if (!read_end(list, &e, &fds, &left) || spore__msgpack_skip(&list) != SPORE__MSGPACK_OK)
			break;
		if (e.pump ? spore__hold_pumped_inherit(h, &e) : spore__hold_wired_inherit(h, &e))
			continue;
		for (unsigned i = 0; i < SPORE__HOLD_END_FDS; i++)
			if (e.fds[i] >= 0)
				close(e.fds[i]);
	}
	while (left-- > 0)
		close(*fds++);
}

// 1: it has answered, and what it has left is taken; 0: it has not yet; -1: it will not.
static int take_messages(struct spore__hold *h, struct inheriting *in)
{
	struct spore__hold_message m;
	size_t used;
	enum spore_err e;
	while ((e = spore__hold_decode(in->bytes, in->len, &m, &used)) == SPORE_OK) {
		int fds[SPORE__HOLD_DESCRIPTORS];
		if (m.type == SPORE__HOLD_REFUSE)
			return -1;
		if (m.type == SPORE__HOLD_ENDS) {
			if (m.descriptors > 0 && spore__passed_take(&in->passed, fds, m.descriptors) != SPORE_OK)
				return -1;
			take_ends(h, &m, fds);
			return 1;
		}
		in->len -= used;
		memmove(in->bytes, in->bytes + used, in->len);
	}
	return e == SPORE_EAGAIN ? 0 : -1;
}

static int hear(struct spore__hold *h, struct inheriting *in)
{
	int64_t until = spore__hold_now_ms() + PATIENCE_MS;
	for (int answered = 0; answered == 0;) {
		struct pollfd p = {.fd = in->fd, .events = POLLIN};
		int64_t left = until - spore__hold_now_ms();
		if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
			return -1;
		ssize_t n = spore__passed_receive(&in->passed, in->fd, in->bytes + in->len, ROOM - in->len);
		if (n == 0)
			return 1; // it has ended meanwhile, with nothing that was to be kept
		if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		in->len += n > 0 ? (size_t)n : 0;
		answered = n > 0 ? take_messages(h, in) : 0;
		if (answered != 0)
			return answered;
	}
	return -1;
}

void spore__hold_heir_inherit(struct spore__hold *h, const char *folder)
{
	struct inheriting in = {.fd = -1};
	struct spore__msgpack_writer w = {0};
	int dir = h->wired_count + h->pumped_count > 0 ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	in.fd = dir >= 0 ? spore__folder_connect(dir) : -1;
	if (dir >= 0)
		close(dir);
	if (in.fd < 0)
		return; // it has ended
	spore__hold_put_hello(&w);
	spore__hold_put(&w, SPORE__HOLD_INHERIT);
	bool good = w.err == 0 && spore__pass_send(in.fd, w.data, w.len, NULL, 0) == (ssize_t)w.len;
	int answered = good ? hear(h, &in) : -1;
	if (answered < 0)
		spore__hold_event(h, SPORE_WARN, "inherit", NULL,
		                  "the hold before does not hand over what its stdin or stdout was wired with");
	w.len = 0;
	spore__hold_put_hand(&w, false);
	if (w.err == 0)
		(void)spore__pass_send(in.fd, w.data, w.len, NULL, 0);
	spore__msgpack_writer_finish(&w);
	spore__passed_close(&in.passed);
	close(in.fd);
}
