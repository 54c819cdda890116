// Connections: the node's, and those of viewers; what they ask for is in hold_obey.c. Nobody is waited for: one that does not read gets the latest
// state once it does, and is dropped when it does not for long.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/os.h"
#include "pass.h"
#include "task/hold_peer.h"

enum {
	READ_AT_ONCE = 64 * 1024,
	PATIENCE_MS = 10000, // without progress
	ACCEPT_AT_ONCE = 16,
	PORTS_UNSENT = 64 * 1024,
	IN_FIRST = 1024,
	IN_IDLE = 4096, // a larger buffer is given back when it is empty
};

void spore__peer_drop(struct spore__hold *h, struct spore__hold_peer *p)
{
	bool node = p->node, leaving = p->leaving, viewer = p->viewer;
	for (size_t i = 0; i < SPORE__HOLD_PEERS; i++)
		if (h->peers[i] == p)
			h->peers[i] = NULL;
	spore__hold_io_close(h, &p->io);
	spore__msgpack_writer_finish(&p->out);
	spore__passed_close(&p->passed);
	if (p->gives)
		close(p->gift);
	if (p->watches != NULL)
		spore__hold_window_unwatch(p->watches);
	for (unsigned i = 0; i < p->joined_count; i++)
		spore__hold_ports_left(h, p->joined[i].id, p->joined[i].serial);
	free(p->in);
	free(p);
	h->listener.paused = false;
	if (viewer)
		spore__hold_viewers_left(h);
	if (!node)
		return;
	h->left |= leaving;
	if (--h->nodes == 0)
		spore__hold_node_lost(h);
}

// ---- sending

static bool has_more(const struct spore__hold_peer *p)
{
	return p->out_sent < p->out.len || p->state_due || p->ports_due;
}

static bool is_behind(const struct spore__hold *h, const struct spore__hold_peer *p)
{
	return p->viewer && !p->closing && p->seen < h->view.total;
}

static short wanted_events(const struct spore__hold *h, const struct spore__hold_peer *p)
{
	return !p->node && spore__hold_viewers_stalled(h) ? 0 : POLLIN;
}

static void put_state(struct spore__hold *h, struct spore__hold_peer *p)
{
	unsigned char bytes[4096];
	struct spore__msgpack_writer w;
	p->state_due = false;
	spore__msgpack_writer_fixed(&w, bytes, sizeof bytes);
	spore__state_encode(&h->state, &w);
	spore__hold_put_map(&p->out, SPORE__HOLD_STATE, w.data, w.len);
}

// The state stands behind what was written before it changed.
static void put_next(struct spore__hold *h, struct spore__hold_peer *p)
{
	p->out.len = p->out_sent = 0;
	if (is_behind(h, p) && !(p->state_due && p->seen >= p->state_at))
		spore__hold_viewers_put(h, p);
	else if (p->state_due)
		put_state(h, p);
	else if (p->ports_due) {
		p->ports_due = false;
		spore__hold_ports_put(h, p->looks, &p->out);
	}
}

// The descriptor goes with its byte, which is the first that is sent then.
static ssize_t send_some(struct spore__hold_peer *p)
{
	const unsigned char *bytes = p->out.data + p->out_sent;
	size_t len = p->out.len - p->out_sent;
	if (!p->gives)
		return spore__pass_send(p->io.fd, bytes, len, NULL, 0);
	if (p->out_sent < p->gift_at)
		return spore__pass_send(p->io.fd, bytes, p->gift_at - p->out_sent, NULL, 0);
	ssize_t n = spore__pass_send(p->io.fd, bytes, len, &p->gift, 1);
	if (n > 0) {
		p->gives = false;
		close(p->gift);
	}
	return n;
}

bool spore__peer_flush(struct spore__hold *h, struct spore__hold_peer *p)
{
	while (has_more(p) || is_behind(h, p)) {
		if (p->out_sent == p->out.len) {
			put_next(h, p);
			if (p->out.err != 0)
				return false;
		}
		ssize_t n = send_some(p);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			p->io.events = wanted_events(h, p) | POLLOUT;
			if (h->timers[SPORE__TIMER_PEERS] == 0)
				spore__hold_timer(h, SPORE__TIMER_PEERS, PATIENCE_MS);
			return true;
		}
		if (n < 0)
			return false;
		p->out_sent += (size_t)n;
		p->since = spore__hold_now_ms();
	}
	spore__msgpack_writer_finish(&p->out);
	p->out_sent = 0;
	p->io.events = wanted_events(h, p);
	return !p->closing;
}

void spore__hold_peers_tell(struct spore__hold *h)
{
	for (size_t i = 0; i < SPORE__HOLD_PEERS; i++) {
		struct spore__hold_peer *p = h->peers[i];
		if (p == NULL || p->closing)
			continue;
		if (!has_more(p))
			p->since = spore__hold_now_ms();
		if (!p->state_due)
			p->state_at = h->view.total;
		p->state_due = true;
		if (!spore__peer_flush(h, p))
			spore__peer_drop(h, p);
	}
}

static void say(struct spore__hold *h, const struct spore__msgpack_writer *w, bool lookers)
{
	for (size_t i = 0; i < SPORE__HOLD_PEERS; i++) {
		struct spore__hold_peer *p = h->peers[i];
		if (p == NULL || !p->ports || p->closing || p->gone || (lookers && !p->looks))
			continue;
		if (!has_more(p))
			p->since = spore__hold_now_ms();
		// One that does not read gets all of them when it does.
		p->ports_due |= w->err != 0 || p->out.len - p->out_sent > PORTS_UNSENT;
		if (!p->ports_due)
			spore__msgpack_raw(&p->out, w->data, w->len);
		if (p->out.err != 0 || ((p->io.events & POLLOUT) == 0 && !spore__peer_flush(h, p)))
			p->gone = true; // dropped later, since it may be the one that asked
	}
}

void spore__hold_peers_say(struct spore__hold *h, const struct spore__msgpack_writer *w)
{
	say(h, w, false);
}

void spore__hold_peers_say_lookers(struct spore__hold *h, const struct spore__msgpack_writer *w)
{
	say(h, w, true);
}

void spore__hold_peers_push(struct spore__hold *h)
{
	for (size_t i = 0; i < SPORE__HOLD_PEERS; i++) {
		struct spore__hold_peer *p = h->peers[i];
		if (p != NULL && p->viewer && !p->gone && (p->io.events & POLLOUT) == 0 && !spore__peer_flush(h, p))
			p->gone = true;
	}
}

void spore__hold_peers_unwatch(struct spore__hold *h, const struct spore__hold_window *w)
{
	for (size_t i = 0; i < SPORE__HOLD_PEERS; i++)
		if (h->peers[i] != NULL && h->peers[i]->watches == w)
			h->peers[i]->watches = NULL;
}

void spore__hold_peers_sweep(struct spore__hold *h)
{
	for (size_t i = 0; i < SPORE__HOLD_PEERS; i++)
		if (h->peers[i] != NULL && h->peers[i]->gone)
			spore__peer_drop(h, h->peers[i]);
}

void spore__hold_peers_late(struct spore__hold *h)
{
	int64_t now = spore__hold_now_ms(), next = -1;
	for (size_t i = 0; i < SPORE__HOLD_PEERS; i++) {
		struct spore__hold_peer *p = h->peers[i];
		// Somebody may have stopped his terminal; he loses output, and nothing else is lost by that.
		if (p == NULL || !has_more(p) || p->viewer)
			continue;
		int64_t left = p->since + PATIENCE_MS - now;
		if (left <= 0)
			spore__peer_drop(h, p);
		else if (next < 0 || left < next)
			next = left;
	}
	spore__hold_timer(h, SPORE__TIMER_PEERS, next);
}

bool spore__hold_peers_done(const struct spore__hold *h)
{
	for (size_t i = 0; i < SPORE__HOLD_PEERS; i++)
		if (h->peers[i] != NULL && !h->peers[i]->gone && (has_more(h->peers[i]) || is_behind(h, h->peers[i])))
			return false;
	return true;
}

bool spore__peer_refuse(struct spore__hold *h, struct spore__hold_peer *p, enum spore_err code, const char *why)
{
	if (p->out.len == p->out_sent)
		p->out.len = p->out_sent = 0;
	spore__hold_put_refuse(&p->out, code, why);
	p->state_due = false;
	p->closing = true;
	return spore__peer_flush(h, p);
}

// ---- receiving

static bool make_space(struct spore__hold_peer *p)
{
	if (p->in_len < p->in_cap)
		return true;
	size_t cap = p->in_cap == 0 ? IN_FIRST : p->in_cap * 2;
	unsigned char *in = cap <= SPORE__HOLD_FRAME ? realloc(p->in, cap) : NULL;
	if (in == NULL)
		return false;
	p->in = in;
	p->in_cap = cap;
	return true;
}

// Each whole message in what was received. False: P is to be dropped.
static bool take_messages(struct spore__hold *h, struct spore__hold_peer *p)
{
	size_t at = 0, used;
	struct spore__hold_message m;
	enum spore_err e;
	while (!p->closing && (p->node || !spore__hold_viewers_stalled(h)) &&
	       (e = spore__hold_decode(p->in + at, p->in_len - at, &m, &used)) != SPORE_EAGAIN) {
		if (e != SPORE_OK)
			return spore__peer_refuse(h, p, e,
			                          e == SPORE_ETOOBIG ? "a frame over 1 MiB" : "a malformed message");
		if (!spore__peer_obey(h, p, &m))
			return false;
		at += used;
	}
	if (p->closing)
		at = p->in_len;
	p->in_len -= at;
	if (at > 0)
		memmove(p->in, p->in + at, p->in_len); // else there may be no buffer
	if (p->in_len == 0)
		spore__passed_close(&p->passed); // they were of a message that this version does not know
	if (p->in_len == 0 && p->in_cap > IN_IDLE) {
		free(p->in);
		p->in = NULL;
		p->in_cap = 0;
	}
	return true;
}

void spore__hold_peers_resume(struct spore__hold *h)
{
	for (size_t i = 0; i < SPORE__HOLD_PEERS; i++) {
		struct spore__hold_peer *p = h->peers[i];
		if (p == NULL || p->gone || p->node)
			continue;
		if (!take_messages(h, p))
			p->gone = true;
		// It may have filled up again: then nothing more is read, or what waits here would grow.
		p->io.events = (short)((p->io.events & POLLOUT) | wanted_events(h, p));
	}
}

static ssize_t receive(struct spore__hold_peer *p)
{
	ssize_t n = spore__passed_receive(&p->passed, p->io.fd, p->in + p->in_len, p->in_cap - p->in_len);
	if (!p->node && !p->looks)
		spore__passed_close(&p->passed);
	return n;
}

static void peer_ready(struct spore__hold *h, struct spore__hold_io *io, short revents)
{
	struct spore__hold_peer *p = NULL;
	for (size_t i = 0; i < SPORE__HOLD_PEERS && p == NULL; i++)
		if (h->peers[i] != NULL && &h->peers[i]->io == io)
			p = h->peers[i];
	if (p == NULL)
		return;
	if ((revents & POLLOUT) != 0 && !spore__peer_flush(h, p)) {
		spore__peer_drop(h, p);
		return;
	}
	for (size_t sum = 0; (revents & (POLLIN | POLLHUP | POLLERR)) != 0 && sum < READ_AT_ONCE && !p->gone;) {
		ssize_t n = make_space(p) ? receive(p) : 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0) {
			spore__peer_drop(h, p);
			return;
		}
		sum += (size_t)n;
		p->in_len += (size_t)n;
		if (!take_messages(h, p)) {
			spore__peer_drop(h, p);
			return;
		}
		if (wanted_events(h, p) == 0) {
			p->io.events &= (short)~POLLIN;
			break;
		}
	}
}

// ---- coming

static void turn_away(int fd)
{
	unsigned char bytes[128];
	struct spore__msgpack_writer w;
	char why[64];
	(void)snprintf(why, sizeof why, "this hold has %d connections already", SPORE__HOLD_PEERS);
	spore__msgpack_writer_fixed(&w, bytes, sizeof bytes);
	spore__hold_put_refuse(&w, SPORE_EBUSY, why);
	(void)send(fd, w.data, w.len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static struct spore__hold_peer *add(struct spore__hold *h, int fd)
{
	size_t i = 0;
	while (i < SPORE__HOLD_PEERS && h->peers[i] != NULL)
		i++;
	if (i == SPORE__HOLD_PEERS)
		turn_away(fd);
	struct spore__hold_peer *p = i < SPORE__HOLD_PEERS ? calloc(1, sizeof *p) : NULL;
	if (p == NULL || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
	    !spore__hold_io_open(h, &p->io, fd, POLLIN, peer_ready)) {
		free(p);
		close(fd);
		return NULL;
	}
	h->peers[i] = p;
	p->since = spore__hold_now_ms();
	if (h->beside)
		spore__hold_put_hello_beside(&p->out);
	else
		spore__hold_put_hello_swap(&p->out);
	put_state(h, p);
	if (p->out.err == 0 && spore__peer_flush(h, p))
		return p;
	spore__peer_drop(h, p);
	return NULL;
}

static void accept_peers(struct spore__hold *h, struct spore__hold_io *io, short revents)
{
	(void)revents;
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		uid_t uid;
		int fd = accept(io->fd, NULL, NULL);
		if (fd < 0) {
			// Out of descriptors: whoever waits does so until one is free again.
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
				io->paused = true;
				spore__hold_timer(h, SPORE__TIMER_ACCEPT, PATIENCE_MS / 10);
			}
			return;
		}
		if (spore__os_peer_uid(fd, &uid) != 0 || (uid != geteuid() && uid != 0)) {
			close(fd);
			continue;
		}
		(void)add(h, fd);
	}
}

void spore__hold_peers_accept(struct spore__hold *h)
{
	h->listener.paused = false;
}

void spore__hold_peers_listen(struct spore__hold *h, int fd)
{
	spore__hold_io_close(h, &h->listener);
	if (!spore__hold_io_open(h, &h->listener, fd, POLLIN, accept_peers))
		close(fd);
}

void spore__hold_peers_open(struct spore__hold *h, int inherited)
{
	int fd = spore__folder_listen(h->dir);
	if (fd < 0)
		spore__hold_complain(h, "nobody can connect to it: %s", strerror(errno));
	else
		spore__hold_peers_listen(h, fd);
	if (inherited < 0)
		return;
	struct spore__hold_peer *p = add(h, inherited);
	if (p == NULL) {
		spore__hold_node_lost(h); // it was killed while it started this hold
		return;
	}
	p->node = true; // who else starts holds?
	h->nodes = 1;
}
