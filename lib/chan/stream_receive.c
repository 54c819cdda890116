// Messages that come on a stream: told apart, put together, lent or copied.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../os/os.h"
#include "chan/stream_inside.h"

enum { LENT = 1024 }; // messages read in place at a time

static struct spore__stream *stream(struct spore__transport *t)
{
	return (struct spore__stream *)t;
}

// Reads into the space at TO. SPORE_EAGAIN, SPORE_ECLOSED, SPORE_EEND: end of file.
static enum spore_err pull(struct spore__stream *s, unsigned char *to, size_t size, size_t *got)
{
	ssize_t n;
	while ((n = spore__io_receive(s->fd, to, size)) < 0 && errno == EINTR)
		;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return SPORE_EAGAIN;
	if (n <= 0)
		return n == 0 ? SPORE_EEND : SPORE_ECLOSED;
	*got = (size_t)n;
	return SPORE_OK;
}

// Space behind what was received, which begins the buffer then.
static bool make_space(struct spore__stream *s)
{
	memmove(s->in, s->in + s->in_from, s->in_len - s->in_from);
	s->in_len -= s->in_from;
	s->in_from = 0;
	if (s->in_len < s->in_size)
		return true;
	unsigned char *in = realloc(s->in, s->in_size * 2);
	if (in == NULL)
		return false;
	s->in = in;
	s->in_size *= 2;
	return true;
}

static enum spore_err take_head(struct spore__stream *s)
{
	struct spore__framed m = {.looked = s->looked};
	enum spore_err e;
	while ((e = s->framing->take(s->in + s->in_from, s->in_len - s->in_from, s->in_end, &m)) == SPORE_EAGAIN) {
		size_t n = 0;
		s->looked = m.looked;
		if (!make_space(s))
			return SPORE_ENOMEM;
		e = pull(s, s->in + s->in_len, s->in_size - s->in_len, &n);
		if (e == SPORE_EEND)
			s->in_end = true;
		else if (e != SPORE_OK)
			return e;
		s->in_len += n;
	}
	s->looked = 0;
	if (e != SPORE_OK)
		return e;
	s->in_from += m.head;
	s->head = true;
	s->len = m.len;
	s->in_tail = m.tail;
	s->got = 0;
	return SPORE_OK;
}

// All of the current message was taken.
static void taken(struct spore__stream *s)
{
	s->head = false;
	s->in_from += s->in_tail;
	if (s->in_from < s->in_len || s->in_size <= SPORE__STREAM_SPARE)
		return;
	unsigned char *in = realloc(s->in, SPORE__STREAM_IN);
	s->in_from = s->in_len = 0;
	if (in == NULL)
		return;
	s->in = in;
	s->in_size = SPORE__STREAM_IN;
}

// Gets on with the current message at TO, up to UPTO bytes of it.
static enum spore_err fill(struct spore__stream *s, unsigned char *to, size_t upto)
{
	while (s->got < upto) {
		size_t left = upto - s->got, n = s->in_len - s->in_from;
		enum spore_err e = SPORE_OK;
		if (n > 0) {
			n = n < left ? n : left;
			memcpy(to + s->got, s->in + s->in_from, n);
			s->in_from += n;
		} else if (left >= SPORE__STREAM_IN) {
			e = pull(s, to + s->got, left, &n);
		} else {
			e = pull(s, s->in, s->in_size, &n);
			if (e != SPORE_OK)
				return e == SPORE_EEND ? SPORE_ECLOSED : e;
			s->in_from = 0;
			s->in_len = n;
			continue;
		}
		if (e != SPORE_OK)
			return e == SPORE_EEND ? SPORE_ECLOSED : e; // in the middle of it
		s->got += n;
	}
	return SPORE_OK;
}

static enum spore_err ended(struct spore__stream *s, enum spore_err e)
{
	if (e == SPORE_ECLOSED || e == SPORE_EEND || e == SPORE_EMALFORMED)
		s->in_err = e;
	return e;
}

static size_t lesser(size_t a, size_t b)
{
	return a < b ? a : b;
}

// All that has come of the current message, and what comes of it, is thrown away.
static enum spore_err pass_over(struct spore__stream *s)
{
	while (s->got < s->len) {
		size_t n = s->in_len - s->in_from;
		if (n == 0) {
			enum spore_err e = pull(s, s->in, s->in_size, &n);
			if (e != SPORE_OK)
				return e == SPORE_EEND ? SPORE_ECLOSED : e; // in the middle of it
			s->in_from = 0;
			s->in_len = n;
		}
		n = lesser(n, s->len - s->got);
		s->in_from += n;
		s->got += n;
	}
	taken(s);
	s->skips = false;
	return SPORE_OK;
}

static enum spore_err current(struct spore__stream *s)
{
	enum spore_err e = s->in_err;
	if (e == SPORE_OK && s->skips)
		e = ended(s, pass_over(s));
	if (e == SPORE_OK && !s->head)
		e = ended(s, take_head(s));
	return e;
}

// A buffer of its own for the current message. It grows with what arrives, since a length alone may be a lie.
static enum spore_err gather(struct spore__stream *s)
{
	if (s->whole == NULL) {
		s->whole = s->spare != NULL && s->spare->size >= lesser(s->len, SPORE__STREAM_SPARE)
		               ? s->spare
		               : spore__stream_buffer_create(lesser(s->len, SPORE__STREAM_SPARE));
		if (s->whole == NULL)
			return SPORE_ENOMEM;
		if (s->whole == s->spare)
			s->spare = NULL;
	}
	for (;;) {
		enum spore_err e = ended(s, fill(s, s->whole->bytes, lesser(s->whole->size, s->len)));
		if (e != SPORE_OK || s->got == s->len)
			return e;
		size_t size = lesser(2 * s->whole->size, s->len);
		struct spore__stream_buffer *larger = realloc(s->whole, sizeof *larger + size);
		if (larger == NULL)
			return SPORE_ENOMEM;
		larger->size = size;
		s->whole = larger;
	}
}

static void put_aside(struct spore__stream *s, struct spore__stream_buffer *b)
{
	if (b->size > SPORE__STREAM_SPARE || s->spare != NULL)
		free(b);
	else
		s->spare = b;
}

enum spore_err spore__stream_read(struct spore__transport *t, const void **data, size_t *len)
{
	struct spore__stream *s = stream(t);
	enum spore_err e = s->lent_count < LENT ? current(s) : SPORE_EBUSY;
	if (e == SPORE_OK)
		e = gather(s);
	if (e != SPORE_OK)
		return e;
	struct spore__stream_buffer *b = s->whole;
	s->whole = NULL;
	b->next = NULL;
	if (s->lent == NULL)
		s->lent = b;
	else
		s->lent_last->next = b;
	s->lent_last = b;
	s->lent_count++;
	taken(s);
	*data = b->bytes;
	*len = s->len;
	atomic_store_explicit(&s->want_in, false, memory_order_relaxed);
	return SPORE_OK;
}

enum spore_err spore__stream_copy(struct spore__transport *t, void *buffer, size_t size, size_t *len)
{
	struct spore__stream *s = stream(t);
	enum spore_err e = current(s);
	if (e != SPORE_OK)
		return e;
	*len = s->len;
	if (s->len > size)
		return SPORE_ETOOBIG;
	if (s->whole != NULL) {
		e = gather(s);
		if (e != SPORE_OK)
			return e;
		memcpy(buffer, s->whole->bytes, s->len);
		put_aside(s, s->whole);
		s->whole = NULL;
	} else {
		e = ended(s, fill(s, buffer, s->len));
		if (e != SPORE_OK)
			return e == SPORE_EAGAIN && s->got > 0 ? SPORE_EBUSY : e;
	}
	taken(s);
	atomic_store_explicit(&s->want_in, false, memory_order_relaxed);
	return SPORE_OK;
}

void spore__stream_release(struct spore__transport *t)
{
	struct spore__stream *s = stream(t);
	struct spore__stream_buffer *b = s->lent;
	if (b == NULL)
		return;
	s->lent = b->next;
	s->lent_count--;
	put_aside(s, b);
}

enum spore_err spore__stream_skip(struct spore__transport *t, size_t *len)
{
	struct spore__stream *s = stream(t);
	enum spore_err e = current(s);
	if (e != SPORE_OK)
		return e;
	if (s->whole != NULL)
		put_aside(s, s->whole);
	s->whole = NULL;
	s->skips = true;
	*len = s->len;
	(void)ended(s, pass_over(s));
	atomic_store_explicit(&s->want_in, false, memory_order_relaxed);
	return SPORE_OK;
}

enum spore_err spore__stream_keep_received(struct spore__stream *s, const void *buffer)
{
	if (!s->head || s->whole != NULL || s->got == 0)
		return SPORE_OK;
	s->whole =
	    spore__stream_buffer_create(s->got > SPORE__STREAM_SPARE ? s->got : lesser(s->len, SPORE__STREAM_SPARE));
	if (s->whole == NULL)
		return ended(s, SPORE_ECLOSED); // half of it was taken
	memcpy(s->whole->bytes, buffer, s->got);
	return SPORE_OK;
}
