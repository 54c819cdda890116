#include "chan/framing.h"

#include <stdio.h>
#include <string.h>

#include "chan/frame.h"
#include "spore/chan.h"

static size_t put_le(unsigned char *to, size_t len)
{
	spore__frame_put(to, (uint32_t)len);
	return SPORE__FRAME_HEAD;
}

static size_t put_be(unsigned char *to, size_t len)
{
	for (int i = 0; i < SPORE__FRAME_HEAD; i++)
		to[i] = (unsigned char)(len >> (8 * (SPORE__FRAME_HEAD - 1 - i)));
	return SPORE__FRAME_HEAD;
}

static size_t put_none(unsigned char *to, size_t len)
{
	(void)to;
	(void)len;
	return 0;
}

static size_t finish_own(unsigned char *to)
{
	return put_le(to, SPORE__FRAME_FINISH);
}

static size_t finish_plain(unsigned char *to)
{
	(void)to;
	return 0;
}

static enum spore_err check_any(const void *data, size_t len)
{
	(void)data;
	(void)len;
	return SPORE_OK;
}

static enum spore_err check_line(const void *data, size_t len)
{
	return len > 0 && memchr(data, '\n', len) != NULL ? SPORE_EINVALID : SPORE_OK;
}

static enum spore_err take_sized(uint32_t len, struct spore__framed *m)
{
	if (len > SPORE_CHAN_LARGEST)
		return SPORE_EMALFORMED;
	m->head = SPORE__FRAME_HEAD;
	m->len = len;
	m->tail = 0;
	return SPORE_OK;
}

static enum spore_err take_own(const unsigned char *bytes, size_t n, bool end, struct spore__framed *m)
{
	if (n < SPORE__FRAME_HEAD)
		return end ? SPORE_ECLOSED : SPORE_EAGAIN;
	uint32_t len = spore__frame_get(bytes);
	return len == SPORE__FRAME_FINISH ? SPORE_EEND : take_sized(len, m);
}

static enum spore_err take_le(const unsigned char *bytes, size_t n, bool end, struct spore__framed *m)
{
	if (n < SPORE__FRAME_HEAD)
		return !end ? SPORE_EAGAIN : n == 0 ? SPORE_EEND : SPORE_ECLOSED;
	return take_sized(spore__frame_get(bytes), m);
}

static enum spore_err take_be(const unsigned char *bytes, size_t n, bool end, struct spore__framed *m)
{
	if (n < SPORE__FRAME_HEAD)
		return !end ? SPORE_EAGAIN : n == 0 ? SPORE_EEND : SPORE_ECLOSED;
	return take_sized((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3], m);
}

static size_t put_digits(unsigned char *to, size_t len)
{
	return (size_t)sprintf((char *)to, "%zu:", len);
}

// LENGTH:MESSAGE, with no needless zero before the length. All of it has to be there, since the comma is a part of its head.
static enum spore_err take_netstring(const unsigned char *bytes, size_t n, bool end, struct spore__framed *m)
{
	size_t at = 0, len = 0;
	for (; at < n && bytes[at] >= '0' && bytes[at] <= '9'; at++) {
		len = len * 10 + (size_t)(bytes[at] - '0');
		if (len > SPORE__FRAMING_LINE || (at > 0 && bytes[0] == '0'))
			return SPORE_EMALFORMED;
	}
	if (at < n && (bytes[at] != ':' || at == 0))
		return SPORE_EMALFORMED;
	m->head = at + 1;
	m->len = len;
	m->tail = 1;
	if (at == n || n - m->head < len + 1)
		return !end ? SPORE_EAGAIN : n == 0 ? SPORE_EEND : SPORE_ECLOSED;
	return bytes[m->head + len] == ',' ? SPORE_OK : SPORE_EMALFORMED;
}

static enum spore_err take_chunk(const unsigned char *bytes, size_t n, bool end, struct spore__framed *m)
{
	(void)bytes;
	m->head = m->tail = 0;
	m->len = n;
	return n > 0 ? SPORE_OK : end ? SPORE_EEND : SPORE_EAGAIN;
}

static enum spore_err take_line(const unsigned char *bytes, size_t n, bool end, struct spore__framed *m)
{
	const unsigned char *newline = n > m->looked ? memchr(bytes + m->looked, '\n', n - m->looked) : NULL;
	m->looked = n;
	m->head = 0;
	m->tail = newline != NULL;
	m->len = newline != NULL ? (size_t)(newline - bytes) : n;
	if (m->len > SPORE__FRAMING_LINE)
		return SPORE_EMALFORMED;
	if (newline != NULL || (end && n > 0))
		return SPORE_OK;
	return end ? SPORE_EEND : SPORE_EAGAIN;
}

const struct spore__framing spore__framing_stream = {
    .name = "stream",
    .limit = SPORE_CHAN_LARGEST,
    .head = put_le,
    .finish = finish_own,
    .check = check_any,
    .take = take_own,
};

const struct spore__framing spore__framing_lines = {
    .name = "lines",
    .plain = true,
    .limit = SPORE__FRAMING_LINE,
    .head = put_none,
    .finish = finish_plain,
    .tail = 1,
    .last = '\n',
    .check = check_line,
    .take = take_line,
};

const struct spore__framing spore__framing_u32le = {
    .name = "u32le",
    .plain = true,
    .limit = SPORE_CHAN_LARGEST,
    .head = put_le,
    .finish = finish_plain,
    .check = check_any,
    .take = take_le,
};

const struct spore__framing spore__framing_u32be = {
    .name = "u32be",
    .plain = true,
    .limit = SPORE_CHAN_LARGEST,
    .head = put_be,
    .finish = finish_plain,
    .check = check_any,
    .take = take_be,
};

const struct spore__framing spore__framing_netstring = {
    .name = "netstring",
    .plain = true,
    .limit = SPORE__FRAMING_LINE,
    .head = put_digits,
    .finish = finish_plain,
    .tail = 1,
    .last = ',',
    .check = check_any,
    .take = take_netstring,
};

const struct spore__framing spore__framing_bytes = {
    .name = "bytes",
    .plain = true,
    .chunks = true,
    .limit = SPORE_CHAN_LARGEST,
    .head = put_none,
    .finish = finish_plain,
    .check = check_any,
    .take = take_chunk,
};
