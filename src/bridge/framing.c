#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "bridge/codec.h"
#include "spore/chan.h"

enum {
	LSP_HEAD = 4096, // bytes of heads
	LSP_HEADS = 16,
	HEAD_ROOM = 40, // bytes of a head, at most
	VARINT = 5,
};

// ---- LSP: heads as of HTTP, of which Content-Length is needed

static enum spore_err take_length(const char *text, size_t len, size_t *n)
{
	size_t at = 0;
	*n = 0;
	while (at < len && (text[at] == ' ' || text[at] == '\t'))
		at++;
	size_t digits = 0;
	for (; at < len && text[at] >= '0' && text[at] <= '9'; at++, digits++) {
		*n = *n * 10 + (size_t)(text[at] - '0');
		if (*n > SPORE_CHAN_LARGEST)
			return SPORE_ETOOBIG;
	}
	while (at < len && (text[at] == ' ' || text[at] == '\t'))
		at++;
	return digits > 0 && at == len ? SPORE_OK : SPORE_EMALFORMED;
}

// One line of LEN bytes. *KNOWN: the length was there already.
static enum spore_err take_head(const char *line, size_t len, struct spore__framed *m, bool *known)
{
	static const char name[] = "Content-Length";
	const char *colon = memchr(line, ':', len);
	if (colon == NULL || colon == line)
		return SPORE_EMALFORMED;
	if ((size_t)(colon - line) != sizeof name - 1 || strncasecmp(line, name, sizeof name - 1) != 0)
		return SPORE_OK;
	if (*known)
		return SPORE_EMALFORMED; // which of the two is meant the two sides could see differently
	*known = true;
	return take_length(colon + 1, len - (size_t)(colon - line) - 1, &m->len);
}

static enum spore_err take_lsp(const unsigned char *bytes, size_t n, bool end, struct spore__framed *m)
{
	const char *text = (const char *)bytes;
	size_t at = 0;
	bool known = false;
	for (unsigned heads = 0; heads <= LSP_HEADS; heads++) {
		size_t left = n - at < LSP_HEAD - at ? n - at : LSP_HEAD - at;
		const char *newline = left > 0 ? memchr(text + at, '\n', left) : NULL;
		if (newline == NULL && left == LSP_HEAD - at)
			return SPORE_ETOOBIG;
		if (newline == NULL)
			return !end ? SPORE_EAGAIN : n == 0 ? SPORE_EEND : SPORE_ECLOSED;
		size_t len = (size_t)(newline - text) - at;
		if (len > 0 && text[at + len - 1] == '\r')
			len--;
		if (len == 0) {
			m->head = (size_t)(newline - text) + 1;
			m->tail = 0;
			return known ? SPORE_OK : SPORE_EMALFORMED;
		}
		enum spore_err e = take_head(text + at, len, m, &known);
		if (e != SPORE_OK)
			return e;
		at = (size_t)(newline - text) + 1;
	}
	return SPORE_ETOOBIG;
}

static size_t put_lsp(unsigned char *to, size_t len)
{
	return (size_t)snprintf((char *)to, HEAD_ROOM, "Content-Length: %zu\r\n\r\n", len);
}

// ---- varint

static enum spore_err take_varint(const unsigned char *bytes, size_t n, bool end, struct spore__framed *m)
{
	uint64_t len = 0;
	for (size_t at = 0; at < VARINT; at++) {
		if (at == n)
			return !end ? SPORE_EAGAIN : n == 0 ? SPORE_EEND : SPORE_ECLOSED;
		len |= (uint64_t)(bytes[at] & 0x7f) << (7 * at);
		if ((bytes[at] & 0x80) != 0)
			continue;
		if (len > SPORE_CHAN_LARGEST)
			return SPORE_ETOOBIG;
		if (at > 0 && bytes[at] == 0)
			return SPORE_EMALFORMED; // longer than it has to be
		m->head = at + 1;
		m->len = (size_t)len;
		m->tail = 0;
		return SPORE_OK;
	}
	return SPORE_ETOOBIG;
}

static size_t put_varint(unsigned char *to, size_t len)
{
	size_t n = 0;
	for (; len >= 0x80; len >>= 7)
		to[n++] = (unsigned char)(0x80 | (len & 0x7f));
	to[n++] = (unsigned char)len;
	return n;
}

// ---- lines, as long as the end allows

static enum spore_err take_text(const unsigned char *bytes, size_t n, bool end, struct spore__framed *m)
{
	const unsigned char *newline = n > m->looked ? memchr(bytes + m->looked, '\n', n - m->looked) : NULL;
	m->looked = n;
	m->head = 0;
	m->tail = newline != NULL;
	m->len = newline != NULL ? (size_t)(newline - bytes) : n;
	if (newline != NULL || (end && n > 0))
		return SPORE_OK;
	return end ? SPORE_EEND : SPORE_EAGAIN;
}

static size_t put_none(unsigned char *to, size_t len)
{
	(void)to;
	(void)len;
	return 0;
}

const struct spore__framing spore__framing_text = {
    .name = "lines",
    .plain = true,
    .limit = SPORE_CHAN_LARGEST,
    .head = put_none,
    .tail = 1,
    .last = '\n',
    .take = take_text,
};

const struct spore__framing spore__framing_lsp = {
    .name = "lsp",
    .plain = true,
    .limit = SPORE_CHAN_LARGEST,
    .head = put_lsp,
    .take = take_lsp,
};

const struct spore__framing spore__framing_varint = {
    .name = "varint",
    .plain = true,
    .limit = SPORE_CHAN_LARGEST,
    .head = put_varint,
    .take = take_varint,
};

// ---- in

void spore__codec_frame(struct spore__codec_end *e, const struct spore__framing *framing)
{
	e->framing = framing;
	e->framed = (struct spore__framed){0};
}

static enum spore_err cut_off(struct spore__codec_end *e, const void *bytes, size_t len, enum spore_err err)
{
	static const char *const whys[] = {"the message is larger than the limit", "this is no beginning of a message"};
	bool large = err == SPORE_ETOOBIG;
	enum { SHOWN = 4096 };
	if (e->ops->cut_off != NULL)
		e->ops->cut_off(e, whys[!large]);
	e->sink->refused(e, bytes, len < SHOWN ? len : SHOWN, whys[!large]);
	return spore__codec_fail(e, large ? SPORE_ETOOBIG : SPORE_EMALFORMED, "%s", whys[!large]);
}

static enum spore_err feed_framed(struct spore__codec_end *e, const unsigned char *bytes, size_t len, bool end,
                                  size_t *used)
{
	for (*used = 0; !e->pause && !e->over;) {
		const unsigned char *at = bytes + *used;
		size_t left = len - *used, took;
		struct spore__framed *m = &e->framed;
		enum spore_err err = e->framing->take(at, left, end, m);
		if (err == SPORE_EAGAIN && left > e->limits->message + HEAD_ROOM + LSP_HEAD)
			err = SPORE_ETOOBIG; // of a framing that wants to see all of it
		if (err == SPORE_EAGAIN || err == SPORE_EEND)
			return SPORE_OK;
		if (err == SPORE_ECLOSED) {
			e->sink->refused(e, at, left, "the stream ends within a message");
			return spore__codec_fail(e, err, "the stream ends within a message");
		}
		if (err == SPORE_OK && m->len > e->limits->message)
			err = SPORE_ETOOBIG;
		if (err != SPORE_OK)
			return cut_off(e, at, left, err);
		if (left - m->head < m->len + m->tail) {
			if (!end)
				return SPORE_OK;
			e->sink->refused(e, at, left, "the stream ends within a message");
			return spore__codec_fail(e, SPORE_ECLOSED, "the stream ends within a message");
		}
		size_t whole = m->head + m->len + m->tail, head = m->head, content = m->len;
		e->framed = (struct spore__framed){0};
		err = e->ops->feed(e, at + head, content, &took);
		*used += whole;
		if (err != SPORE_OK)
			return err;
	}
	return SPORE_OK;
}

enum spore_err spore__codec_feed(struct spore__codec_end *e, const void *bytes, size_t len, size_t *used)
{
	return e->framing != NULL ? feed_framed(e, bytes, len, false, used) : e->ops->feed(e, bytes, len, used);
}

enum spore_err spore__codec_feed_end(struct spore__codec_end *e, const void *bytes, size_t len)
{
	size_t used = 0;
	enum spore_err err = SPORE_OK;
	if (e->framing != NULL) {
		err = feed_framed(e, bytes, len, true, &used);
	} else if (len > 0) {
		e->sink->refused(e, bytes, len, "the stream ends within a message");
		err = spore__codec_fail(e, SPORE_ECLOSED, "the stream ends within a message");
	}
	enum spore_err ended = e->ops->end != NULL ? e->ops->end(e) : SPORE_OK;
	return err != SPORE_OK ? err : ended;
}

// ---- out

// Bytes that are left free for the head of a message; what is not used is closed up afterwards.
static size_t head_room(const struct spore__framing *f)
{
	return f == NULL || f == &spore__framing_text                     ? 0
	       : f == &spore__framing_u32be || f == &spore__framing_u32le ? 4
	                                                                  : HEAD_ROOM;
}

size_t spore__codec_begin(struct spore__codec_end *e)
{
	static const char zeros[HEAD_ROOM];
	size_t begun = e->out.len;
	spore__buf_add(&e->out, zeros, head_room(e->framing));
	return begun;
}

void spore__codec_commit(struct spore__codec_end *e, size_t begun)
{
	unsigned char head[HEAD_ROOM];
	if (e->framing == NULL)
		return;
	size_t room = head_room(e->framing), len = e->out.len - begun - room;
	size_t n = e->framing->head(head, len);
	char *at = e->out.data + begun;
	if (n < room)
		memmove(at + n, at + room, len + 1);
	memcpy(at, head, n);
	e->out.len -= room - n;
	if (e->framing->tail > 0)
		spore__buf_char(&e->out, e->framing->last);
}

void spore__codec_abandon(struct spore__codec_end *e, size_t begun)
{
	e->out.len = begun;
}

const void *spore__codec_take(const struct spore__codec_end *e, size_t *len)
{
	const unsigned char *p = (const unsigned char *)e->out.data;
	if (e->out.len < 4)
		return NULL;
	*len = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
	return p + 4;
}

void spore__codec_taken(struct spore__codec_end *e, size_t len)
{
	e->out.len -= 4 + len;
	memmove(e->out.data, e->out.data + 4 + len, e->out.len);
}
