// Messages on a connected stream socket, told apart by a framing: that of libspore, or one that a program without it uses. See docs/design/channels.md.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../os/os.h"
#include "chan/bell.h"
#include "chan/stream_inside.h"

enum {
	OUT = 64 * 1024, // bytes that are queued before they are sent
	QUEUED = 4096,   // a message above is not queued
};

static struct spore__stream *stream(struct spore__transport *t)
{
	return (struct spore__stream *)t;
}

// ---- sending; under the lock

// LEFT: more is to be sent as soon as there is room. The sender may make no call for long, but who waits to receive can do it.
static void note_left(struct spore__stream *s, bool left)
{
	atomic_store_explicit(&s->pending, left, memory_order_relaxed);
	if (left && s->dozes) {
		s->dozes = false;
		spore__io_wake_ring(s->wake);
	}
}

static enum spore_err push(struct spore__stream *s)
{
	while (s->out_err == SPORE_OK && (s->out_len > s->out_from || s->rest_len + s->tail > 0)) {
		const struct iovec all[3] = {{.iov_base = s->out + s->out_from, .iov_len = s->out_len - s->out_from},
		                             {.iov_base = (void *)s->rest, .iov_len = s->rest_len},
		                             {.iov_base = (void *)&s->framing->last, .iov_len = s->tail}};
		struct iovec pieces[3];
		int count = 0;
		for (int i = 0; i < 3; i++)
			if (all[i].iov_len > 0)
				pieces[count++] = all[i];
		ssize_t n = spore__io_send_pieces(s->fd, pieces, count);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS))
			break;
		if (n < 0) {
			s->out_err = SPORE_ECLOSED;
			break;
		}
		size_t first = (size_t)n < all[0].iov_len ? (size_t)n : all[0].iov_len;
		size_t second = (size_t)n - first < s->rest_len ? (size_t)n - first : s->rest_len;
		s->out_from += first;
		if (second > 0) // else there may be none
			s->rest += second;
		s->rest_len -= second;
		s->tail -= (size_t)n - first - second;
	}
	if (s->out_from == s->out_len) {
		s->out_from = s->out_len = 0;
		if (s->out_size > OUT) {
			free(s->out);
			s->out = NULL;
			s->out_size = 0;
		}
	}
	bool left = s->out_len > 0 || s->rest_len + s->tail > 0;
	if (s->out_err == SPORE_OK && !left && s->finishing) {
		(void)shutdown(s->fd, SHUT_WR);
		s->out_err = SPORE_ECLOSED; // for what would come later
		s->finishing = false;
		s->finished = true;
		atomic_store_explicit(&s->pending, false, memory_order_relaxed);
	}
	if (s->finished)
		return SPORE_OK;
	note_left(s, left && s->out_err == SPORE_OK);
	return s->out_err != SPORE_OK ? s->out_err : left ? SPORE_EBUSY : SPORE_OK;
}

static bool reserve(struct spore__stream *s, size_t more)
{
	if (s->out_from > 0) {
		memmove(s->out, s->out + s->out_from, s->out_len - s->out_from);
		s->out_len -= s->out_from;
		s->out_from = 0;
	}
	if (more <= s->out_size - s->out_len)
		return true;
	size_t size = s->out_len + more > OUT ? s->out_len + more : OUT;
	unsigned char *out = realloc(s->out, size);
	if (out == NULL)
		return false;
	s->out = out;
	s->out_size = size;
	return true;
}

// Makes room for the head of a message: what was begun before has to be gone, or to be little.
static enum spore_err ready(struct spore__stream *s)
{
	enum spore_err e = s->out_err;
	if (e == SPORE_OK &&
	    (s->rest_len + s->tail > 0 || s->out_len - s->out_from > OUT - QUEUED - SPORE__FRAMING_HEAD)) {
		e = push(s);
		if (e == SPORE_EBUSY &&
		    (s->rest_len + s->tail > 0 || s->out_len - s->out_from > OUT - QUEUED - SPORE__FRAMING_HEAD))
			e = SPORE_EAGAIN;
		else if (e == SPORE_EBUSY)
			e = SPORE_OK;
	}
	if (e == SPORE_OK && !reserve(s, SPORE__FRAMING_HEAD + QUEUED + 1))
		e = SPORE_ENOMEM;
	return e;
}

static void put_head(struct spore__stream *s, size_t len)
{
	s->out_len += s->framing->head(s->out + s->out_len, len);
}

static void put_rest(struct spore__stream *s, const void *data, size_t len)
{
	s->rest = data;
	s->rest_len = len;
	s->tail = s->framing->tail;
}

// Sends a frame whose bytes are the caller's. Nothing was taken when it is SPORE_EAGAIN.
static enum spore_err begin(struct spore__stream *s, const void *data, size_t len)
{
	size_t before = s->out_len;
	put_head(s, len);
	size_t with = s->out_len;
	put_rest(s, data, len);
	enum spore_err e = push(s);
	if (e == SPORE_EBUSY && s->out_len == with && s->out_from <= before && s->rest_len == len &&
	    s->tail == s->framing->tail) {
		// Nothing of this one has left.
		s->out_len = before;
		s->rest_len = s->tail = 0;
		e = SPORE_EAGAIN;
		atomic_store_explicit(&s->pending, s->out_len > s->out_from, memory_order_relaxed);
	}
	return e;
}

static enum spore_err send_message(struct spore__transport *t, const void *data, size_t len, bool more)
{
	struct spore__stream *s = stream(t);
	if (len > s->framing->limit)
		return SPORE_ETOOBIG;
	enum spore_err e = s->framing->check(data, len);
	if (e != SPORE_OK)
		return e;
	pthread_mutex_lock(&s->lock);
	e = ready(s);
	if (e == SPORE_OK && more && len <= QUEUED) {
		put_head(s, len);
		if (len > 0)
			memcpy(s->out + s->out_len, data, len);
		s->out_len += len;
		memcpy(s->out + s->out_len, &s->framing->last, s->framing->tail);
		s->out_len += s->framing->tail;
	} else if (e == SPORE_OK) {
		e = begin(s, data, len);
	}
	if (e == SPORE_OK)
		atomic_store_explicit(&s->want_out, false, memory_order_relaxed);
	pthread_mutex_unlock(&s->lock);
	return e;
}

static enum spore_err flush(struct spore__transport *t)
{
	struct spore__stream *s = stream(t);
	pthread_mutex_lock(&s->lock);
	enum spore_err e = push(s);
	pthread_mutex_unlock(&s->lock);
	return e;
}

static enum spore_err loan(struct spore__transport *t, size_t size, void **data)
{
	struct spore__stream *s = stream(t);
	if (size > s->framing->limit)
		return SPORE_ETOOBIG;
	pthread_mutex_lock(&s->lock);
	enum spore_err e = ready(s);
	if (e == SPORE_OK && (s->loan == NULL || s->loan->size < size || s->loan->size > SPORE__STREAM_SPARE)) {
		free(s->loan);
		s->loan = spore__stream_buffer_create(size);
		if (s->loan == NULL)
			e = SPORE_ENOMEM;
	}
	if (e == SPORE_OK)
		*data = s->loan->bytes;
	pthread_mutex_unlock(&s->lock);
	return e;
}

static enum spore_err commit(struct spore__transport *t, size_t len)
{
	struct spore__stream *s = stream(t);
	pthread_mutex_lock(&s->lock);
	enum spore_err e = s->framing->check(s->loan->bytes, len);
	if (e == SPORE_OK)
		e = ready(s);
	if (e == SPORE_OK) {
		e = begin(s, s->loan->bytes, len);
		if (e == SPORE_EAGAIN) { // it cannot be taken back
			put_head(s, len);
			put_rest(s, s->loan->bytes, len);
			note_left(s, true);
			e = SPORE_EBUSY;
		}
	}
	pthread_mutex_unlock(&s->lock);
	return e;
}

static void abandon(struct spore__transport *t)
{
	(void)t; // the buffer is for the next
}

static enum spore_err finish(struct spore__transport *t)
{
	struct spore__stream *s = stream(t);
	pthread_mutex_lock(&s->lock);
	enum spore_err e = ready(s);
	if (e == SPORE_OK) {
		s->out_len += s->framing->finish(s->out + s->out_len);
		s->finishing = true;
		e = push(s);
	}
	pthread_mutex_unlock(&s->lock);
	return e;
}

static uint64_t lost(struct spore__transport *t)
{
	(void)t;
	return 0;
}

static enum spore_err keep_sending(struct spore__stream *s)
{
	enum spore_err e = SPORE_OK;
	pthread_mutex_lock(&s->lock);
	bool own = s->loan != NULL && s->rest >= s->loan->bytes && s->rest <= s->loan->bytes + s->loan->size;
	if (s->rest_len > 0 && !own) {
		if (reserve(s, s->rest_len + s->tail)) {
			memcpy(s->out + s->out_len, s->rest, s->rest_len);
			s->out_len += s->rest_len;
			memcpy(s->out + s->out_len, &s->framing->last, s->tail);
			s->out_len += s->tail;
		} else {
			s->out_err = e = SPORE_ECLOSED; // half of it has gone
			(void)shutdown(s->fd, SHUT_WR);
		}
		s->rest_len = s->tail = 0;
	}
	pthread_mutex_unlock(&s->lock);
	return e;
}

static enum spore_err keep(struct spore__transport *t, enum spore__way way, const void *buffer)
{
	return way == SPORE__SEND ? keep_sending(stream(t)) : spore__stream_keep_received(stream(t), buffer);
}

// ---- waiting

// What to poll for in the thread that waits to receive.
static short lie_down(struct spore__stream *s)
{
	pthread_mutex_lock(&s->lock);
	bool pending = atomic_load_explicit(&s->pending, memory_order_relaxed);
	if (s->wake[0] < 0)
		(void)spore__io_wake(s->wake);
	s->dozes = !pending && s->wake[0] >= 0;
	pthread_mutex_unlock(&s->lock);
	return pending ? POLLIN | POLLOUT : POLLIN;
}

static void get_up(struct spore__stream *s, const struct pollfd *wake)
{
	pthread_mutex_lock(&s->lock);
	s->dozes = false;
	pthread_mutex_unlock(&s->lock);
	if (wake->revents != 0)
		spore__io_wake_hear(s->wake);
}

static enum spore_err wait_for(struct spore__transport *t, enum spore__way way, int64_t deadline, struct pollfd *extra,
                               unsigned count)
{
	enum { OWN = 2 };
	struct spore__stream *s = stream(t);
	struct pollfd p[OWN + SPORE__END_EXTRA] = {{.fd = s->fd, .events = POLLOUT}, {.fd = -1, .events = POLLIN}};
	if (way == SPORE__RECEIVE) {
		p[0].events = lie_down(s);
		p[1].fd = s->wake[0];
	}
	for (unsigned i = 0; i < count; i++)
		p[OWN + i] = extra[i];
	atomic_fetch_add_explicit(&t->slept, 1, memory_order_relaxed);
	int n = spore__bell_poll(p, OWN + count, deadline);
	enum spore_err e = n > 0            ? SPORE_OK
	                   : n == 0         ? SPORE_ETIMEOUT
	                   : errno == EINTR ? SPORE_ECANCELLED
	                                    : SPORE_ESYSTEM;
	if (way == SPORE__RECEIVE)
		get_up(s, &p[1]);
	if (n < 0)
		return e;
	for (unsigned i = 0; i < count; i++)
		extra[i].revents = p[OWN + i].revents;
	if (way == SPORE__RECEIVE && (p[0].revents & POLLOUT) != 0)
		(void)flush(t);
	return e;
}

static bool arm(struct spore__transport *t, enum spore__way way)
{
	struct spore__stream *s = stream(t);
	atomic_store_explicit(way == SPORE__SEND ? &s->want_out : &s->want_in, true, memory_order_relaxed);
	if (way == SPORE__RECEIVE && atomic_load_explicit(&s->pending, memory_order_relaxed))
		(void)flush(t);
	return true;
}

static bool leave(struct spore__transport *t, enum spore__way way)
{
	struct spore__stream *s = stream(t);
	atomic_store_explicit(way == SPORE__SEND ? &s->want_out : &s->want_in, false, memory_order_relaxed);
	return atomic_load_explicit(way == SPORE__SEND ? &s->want_in : &s->want_out, memory_order_relaxed);
}

static int fd_of(const struct spore__transport *t)
{
	return ((const struct spore__stream *)t)->fd;
}

static short events_of(const struct spore__transport *t)
{
	const struct spore__stream *s = (const struct spore__stream *)t;
	bool out = atomic_load_explicit(&s->want_out, memory_order_relaxed);
	bool in = atomic_load_explicit(&s->want_in, memory_order_relaxed) || !out;
	out = out || atomic_load_explicit(&s->pending, memory_order_relaxed);
	return (short)((in ? POLLIN : 0) | (out ? POLLOUT : 0));
}

// ---- making, opening

static enum spore_err make(const struct spore__channel_sizes *sizes, struct spore__channel_end ends[2])
{
	int pair[2];
	(void)sizes;
	if (spore__io_pair(pair) != 0)
		return SPORE_ESYSTEM;
	for (int i = 0; i < 2; i++)
		ends[i] = (struct spore__channel_end){.role = i, .fds = {pair[i], -1, -1}};
	return SPORE_OK;
}

static enum spore_err open_framed(const struct spore__channel_end *end, const struct spore__framing *framing,
                                  struct spore__transport **t)
{
	if (spore__io_stream_adopt(end->fds[0]) != 0)
		return SPORE_EINVALID;
	struct spore__stream *s = calloc(1, sizeof *s);
	if (s == NULL)
		return SPORE_ENOMEM;
	s->in = malloc(SPORE__STREAM_IN);
	if (s->in == NULL || pthread_mutex_init(&s->lock, NULL) != 0) {
		free(s->in);
		free(s);
		return SPORE_ENOMEM;
	}
	s->framing = framing;
	s->in_size = SPORE__STREAM_IN;
	s->fd = end->fds[0];
	s->wake[0] = s->wake[1] = -1;
	*t = &s->base;
	return SPORE_OK;
}

static void hang_up(struct spore__transport *t)
{
	(void)shutdown(stream(t)->fd, SHUT_WR);
}

static void destroy(struct spore__transport *t)
{
	struct spore__stream *s = stream(t);
	(void)flush(t);
	close(s->fd);
	spore__io_wake_close(s->wake);
	for (struct spore__stream_buffer *b; (b = s->lent) != NULL;) {
		s->lent = b->next;
		free(b);
	}
	free(s->whole);
	free(s->spare);
	free(s->loan);
	free(s->out);
	free(s->in);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

// One per framing: the transport is called by it.
#define OPS(framing_name)                                                                                              \
	static enum spore_err open_##framing_name(const struct spore__channel_end *end, struct spore__transport **t)   \
	{                                                                                                              \
		return open_framed(end, &spore__framing_##framing_name, t);                                            \
	}                                                                                                              \
	const struct spore__transport_ops spore__##framing_name##_ops = {                                              \
	    .name = #framing_name,                                                                                     \
	    .fds = 1,                                                                                                  \
	    .needs_linux = false,                                                                                      \
	    .framing = &spore__framing_##framing_name,                                                                 \
	    .make = make,                                                                                              \
	    .open = open_##framing_name,                                                                               \
	    .destroy = destroy,                                                                                        \
	    .hang_up = hang_up,                                                                                        \
	    .send = send_message,                                                                                      \
	    .loan = loan,                                                                                              \
	    .commit = commit,                                                                                          \
	    .abandon = abandon,                                                                                        \
	    .flush = flush,                                                                                            \
	    .finish = finish,                                                                                          \
	    .lost = lost,                                                                                              \
	    .read = spore__stream_read,                                                                                \
	    .copy = spore__stream_copy,                                                                                \
	    .release = spore__stream_release,                                                                          \
	    .skip = spore__stream_skip,                                                                                \
	    .keep = keep,                                                                                              \
	    .wait = wait_for,                                                                                          \
	    .arm = arm,                                                                                                \
	    .leave = leave,                                                                                            \
	    .fd = fd_of,                                                                                               \
	    .events = events_of,                                                                                       \
	}

OPS(stream);
OPS(lines);
OPS(u32le);
OPS(u32be);
OPS(netstring);
OPS(bytes);
