#include "bridge/line.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "chan/chan.h"
#include "chan/framing.h"
#include "os/os.h"

enum {
	FIRST = 64 * 1024,
	KEPT = 1024 * 1024, // a buffer that is larger is given back when it is empty
};

int spore__line_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	return flags >= 0 ? fcntl(fd, F_SETFL, flags | O_NONBLOCK) : -1;
}

// That it does not wait is said of the open file, which a shell and others may share: another one of the same pipe is opened where that can be
// done. Files and terminals are left as they are.
int spore__line_own(int fd, bool write)
{
	struct stat st;
	char path[40];
	if (fstat(fd, &st) != 0 || !S_ISFIFO(st.st_mode))
		return fd;
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int own = open(path, (write ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);
	if (own < 0)
		return fd;
	close(fd);
	return own;
}

static bool is_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	return flags >= 0 && (flags & O_NONBLOCK) == 0;
}

// A connection to a hub that does not take its answers asks no more; the hub has no bytes of its own that would tell.
static bool may_read(const struct spore__host_line *l)
{
	return !l->codec->full && spore__bridge_may_read(l->end) &&
	       (l->codec == l->end->codec || l->codec->out.len - l->gone <= SPORE__BRIDGE_HIGH);
}

static bool wants(const struct spore__host_line *l)
{
	return !l->in_over && !l->broken && !l->hungry && !l->codec->over && may_read(l);
}

int spore__line_polls(struct spore__host_line *l, struct pollfd *p)
{
	int count = 0;
	if (l->chan != NULL) {
		return wants(l) || l->blocked ? (int)spore__chan_polls(l->chan, l->blocked, p) : 0;
	}
	short in = wants(l) ? POLLIN : 0, out = l->blocked ? POLLOUT : 0;
	if (l->in >= 0 && l->in == l->out) {
		bool waits = l->codec->full && !l->hung; // to be read, and may go away meanwhile
		if (in == 0 && out == 0 && !l->in_over && !waits)
			return 0; // that it hangs up is heard behind what it said
		if (waits)
			in = spore__os_hang_up();
		p[count++] = (struct pollfd){.fd = l->in, .events = (short)(in | out)};
		return count;
	}
	if (l->in >= 0 && in != 0)
		p[count++] = (struct pollfd){.fd = l->in, .events = in};
	if (l->out >= 0)
		p[count++] = (struct pollfd){.fd = l->out, .events = out}; // also to hear that nobody reads it any more
	return count;
}

static void make_room(struct spore__host_line *l, size_t more)
{
	if (l->cap - l->have >= more)
		return;
	size_t cap = l->cap == 0 ? FIRST : l->cap * 2;
	l->cap = cap < l->have + more ? l->have + more : cap;
	l->buffer = spore__xrealloc(l->buffer, l->cap);
}

static void read_some(struct spore__host_line *l)
{
	make_room(l, l->cap == 0 || l->cap - l->have < FIRST / 4 ? FIRST / 2 : 1);
	ssize_t n = read(l->in, l->buffer + l->have, l->cap - l->have);
	if (n > 0) {
		l->have += (size_t)n;
		l->hungry = true;
		l->heard_ms = l->host->now_ms;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		l->in_over = l->hungry = true;
	}
}

// Reading the port said E: its peer is gone, or has returned, or nobody will come any more. True: it is worth another try.
static bool port_said(struct spore__host_line *l, enum spore_err e)
{
	struct spore_chan_stats stats;
	if (e == SPORE_ERETURNED) {
		l->renewed |= !l->away; // else what waits has not been sent yet
		l->away = false;
		return true;
	}
	if (e != SPORE_ECLOSED && e != SPORE_EEND && e != SPORE_EMALFORMED && e != SPORE_ENOTWIRED)
		return false;
	spore_chan_stats(l->chan, &stats);
	if (stats.transport[0] == '\0') { // nor is it wired
		l->in_over = l->hungry = true;
		l->have = 0;
	} else if (e != SPORE_ENOTWIRED) {
		l->renewed |= !l->away;
		l->away = true;
		return true; // which says when it returns
	}
	return false;
}

// A message of a channel is copied first: its peer can still change it.
static void read_message(struct spore__host_line *l)
{
	const void *data;
	size_t len;
	enum spore_err e;
	do
		e = spore_chan_read(l->chan, &data, &len, SPORE_NOW);
	while (l->port && port_said(l, e) && !l->renewed);
	if (l->in_over || (l->port && l->renewed))
		return;
	if (e == SPORE_OK) {
		l->have = 0;
		make_room(l, len > 0 ? len : 1);
		memcpy(l->buffer, data, len);
		l->have = len;
		spore_chan_release(l->chan);
		l->hungry = true;
		l->heard_ms = l->host->now_ms;
	} else if (e != SPORE_EAGAIN && e != SPORE_ENOTWIRED && e != SPORE_ETIMEOUT && e != SPORE_ECANCELLED) {
		l->in_over = l->hungry = true;
		l->have = 0;
	}
}

void spore__line_ready(struct spore__host_line *l, const struct pollfd *p, int count)
{
	for (int i = 0; i < count; i++) {
		if (p[i].revents == 0)
			continue;
		l->blocked = false;
		if (l->chan != NULL)
			continue; // spore__line_feed looks
		l->hung |= p[i].fd == l->in && l->codec->full && (p[i].revents & spore__os_hang_up()) != 0;
		if (p[i].fd == l->in && (p[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && wants(l)) {
			read_some(l);
		} else if (p[i].fd == l->out && (p[i].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
			l->broken = true;
		}
	}
}

static enum spore_err feed_bytes(struct spore__host_line *l, size_t *used)
{
	struct spore__codec_end *connection = l->codec != l->end->codec ? l->codec : NULL;
	return spore__bridge_feed(l->end, connection, l->buffer, l->have, used);
}

static enum spore_err feed_message(struct spore__host_line *l, size_t *used)
{
	l->codec->pause = false;
	enum spore_err e = l->codec->ops->feed(l->codec, l->buffer, l->have, used);
	*used = l->have;
	return e == SPORE_ENOMEM ? e : SPORE_OK; // the next message has its own beginning
}

static void note_rest(struct spore__host_line *l, size_t used)
{
	l->said |= used > 0;
	l->have -= used;
	if (l->have > 0 && used > 0)
		memmove(l->buffer, l->buffer + used, l->have);
	if (l->have == 0)
		l->part_ms = 0;
	else if (used > 0 || l->part_ms == 0)
		l->part_ms = l->host->now_ms;
	if (l->have == 0 && l->cap > KEPT) {
		free(l->buffer);
		l->buffer = NULL;
		l->cap = 0;
	}
}

static void feed_once(struct spore__host_line *l)
{
	size_t used = 0;
	enum spore_err e = SPORE_OK;
	l->codec->pause = false;
	if (l->have > 0 || (l->chan != NULL && !l->in_over))
		e = l->chan != NULL ? feed_message(l, &used) : feed_bytes(l, &used);
	note_rest(l, used);
	l->hungry = l->codec->pause && (l->have > 0 || l->in_over);
	if (e == SPORE_OK && l->in_over && !l->hungry) {
		e = spore__codec_feed_end(l->codec, l->buffer, l->have);
		l->have = 0;
	}
	if (l->codec->ops->tick != NULL)
		(void)l->codec->ops->tick(l->codec, l->host->now_ms);
	if (e != SPORE_OK) { // what it has to say to that is sent first, and the answers of calls that it took before
		l->codec->over = l->end->side == SPORE__BRIDGE_RIGHT || l->codec->framing == NULL;
		l->in_over = true;
		l->hungry = false;
	}
}

bool spore__line_feed(struct spore__host_line *l)
{
	enum { AT_ONCE = 64 };
	for (int i = 0; i < AT_ONCE; i++) {
		if (l->chan != NULL && wants(l))
			read_message(l);
		if (l->renewed)
			return false;
		if (!l->hungry || l->broken || l->codec->over || !may_read(l))
			return false;
		feed_once(l);
		if (l->chan == NULL)
			return l->hungry;
	}
	return true;
}

bool spore__line_heard_all(const struct spore__host_line *l)
{
	return l->in_over && !l->hungry;
}

static void sent(struct spore__host_line *l, size_t n)
{
	struct spore__buf *out = &l->codec->out;
	l->sent_ms = l->host->now_ms;
	l->gone += n;
	if (l->gone == out->len) {
		l->gone = out->len = 0;
		if (out->cap > KEPT)
			spore__buf_finish(out);
	} else if (l->gone > out->len / 2) {
		memmove(out->data, out->data + l->gone, out->len - l->gone);
		out->len -= l->gone;
		l->gone = 0;
	}
}

static void flush_messages(struct spore__host_line *l)
{
	const struct spore__buf *out = &l->codec->out;
	bool told = false;
	while (out->len - l->gone >= SPORE__FRAMING_U32) {
		const unsigned char *p = (const unsigned char *)out->data + l->gone;
		size_t len = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
		enum spore_err e = spore_chan_queue(l->chan, p + SPORE__FRAMING_U32, len, SPORE_NOW);
		if (e == SPORE_ECANCELLED || (l->port && e == SPORE_ERETURNED))
			continue;
		if (l->port && e == SPORE_ECLOSED &&
		    !told) { // of the peer before; whether there is another one is said next
			told = true;
			continue;
		}
		if (e == SPORE_EAGAIN || e == SPORE_ENOTWIRED || (l->port && e == SPORE_ECLOSED)) {
			l->blocked = true;
			break;
		}
		if (e != SPORE_OK) {
			l->broken = true;
			return;
		}
		sent(l, SPORE__FRAMING_U32 + len);
	}
	enum spore_err e = spore_chan_flush(l->chan, SPORE_NOW);
	if (e == SPORE_EAGAIN)
		l->blocked = true;
	else if (!l->port && (e == SPORE_ECLOSED || e == SPORE_EMALFORMED))
		l->broken = true;
}

static void flush_bytes(struct spore__host_line *l)
{
	const struct spore__buf *out = &l->codec->out;
	bool blocking = !l->socket && is_blocking(l->out);
	while (out->len > l->gone) {
		size_t left = out->len - l->gone;
		struct pollfd p = {.fd = l->out, .events = POLLOUT};
		if (blocking) { // of a pipe that can be written to it takes this much without waiting
			left = left < 4096 ? left : 4096;
			if (poll(&p, 1, 0) == 0) {
				l->blocked = true;
				return;
			}
		}
		ssize_t n = write(l->out, out->data + l->gone, left);
		if (n >= 0) {
			sent(l, (size_t)n);
		} else if (errno == EAGAIN) {
			l->blocked = true;
			return;
		} else if (errno != EINTR) {
			l->broken = true;
			return;
		}
	}
}

void spore__line_flush(struct spore__host_line *l)
{
	if (l->blocked || l->broken || l->codec->out.len == 0)
		return;
	if (l->out_over || (l->chan == NULL && l->out < 0)) {
		l->codec->out.len = l->gone = 0;
		return;
	}
	if (l->away)
		l->blocked = true; // what is sent now would be lost
	else if (l->chan != NULL)
		flush_messages(l);
	else
		flush_bytes(l);
}

void spore__line_finish(struct spore__host_line *l)
{
	if (l->out_over || l->codec->out.len > 0)
		return;
	l->out_over = true;
	if (l->chan != NULL) {
		(void)spore_chan_finish(l->chan, SPORE_NOW);
	} else if (l->in == l->out) {
		(void)shutdown(l->out, SHUT_WR);
	} else {
		close(l->out);
		l->out = -1;
	}
}

void spore__line_destroy(struct spore__host_line *l)
{
	if (l->chan != NULL)
		spore_chan_close(l->chan);
	if (l->out >= 0 && l->out != l->in)
		close(l->out);
	if (l->in >= 0)
		close(l->in);
	free(l->buffer);
	free(l);
}
