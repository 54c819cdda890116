#include <stdlib.h>
#include <string.h>

#include "msgpack.h"

void spore__mp_writer_init(struct spore__mp_writer *w, size_t limit)
{
	*w = (struct spore__mp_writer){.limit = limit, .grows = true};
}

void spore__mp_writer_init_fixed(struct spore__mp_writer *w, void *bytes, size_t size)
{
	*w = (struct spore__mp_writer){.data = bytes, .cap = size, .limit = size};
}

void spore__mp_writer_finish(struct spore__mp_writer *w)
{
	if (w->grows)
		free(w->data);
	*w = (struct spore__mp_writer){.grows = w->grows, .limit = w->limit};
}

void spore__mp_writer_reset(struct spore__mp_writer *w)
{
	w->len = 0;
	w->err = SPORE_OK;
}

static bool grow(struct spore__mp_writer *w, size_t need)
{
	size_t cap = w->cap > 0 ? w->cap : 256;
	while (cap < need)
		cap = cap > w->limit / 2 ? w->limit : cap * 2;
	uint8_t *data = realloc(w->data, cap);
	if (data == NULL) {
		w->err = SPORE_ENOMEM;
		return false;
	}
	w->data = data;
	w->cap = cap;
	return true;
}

void spore__mp_raw(struct spore__mp_writer *w, const void *bytes, size_t len)
{
	if (w->err != SPORE_OK || len == 0)
		return;
	if (len > w->limit || w->len > w->limit - len) {
		w->err = SPORE_ETOOBIG;
		return;
	}
	if (w->len + len > w->cap && !grow(w, w->len + len))
		return;
	memcpy(w->data + w->len, bytes, len);
	w->len += len;
}

// FORMAT, then NUMBER in WIDTH bytes, the highest first.
static void put(struct spore__mp_writer *w, unsigned format, uint64_t number, unsigned width)
{
	uint8_t bytes[9] = {(uint8_t)format};
	for (unsigned i = 0; i < width; i++)
		bytes[1 + i] = (uint8_t)(number >> (8 * (width - 1 - i)));
	spore__mp_raw(w, bytes, 1 + width);
}

void spore__mp_nil(struct spore__mp_writer *w)
{
	put(w, 0xc0, 0, 0);
}

void spore__mp_bool(struct spore__mp_writer *w, bool value)
{
	put(w, value ? 0xc3 : 0xc2, 0, 0);
}

void spore__mp_uint(struct spore__mp_writer *w, uint64_t value)
{
	if (value < 0x80)
		put(w, (unsigned)value, 0, 0);
	else if (value <= UINT8_MAX)
		put(w, 0xcc, value, 1);
	else if (value <= UINT16_MAX)
		put(w, 0xcd, value, 2);
	else if (value <= UINT32_MAX)
		put(w, 0xce, value, 4);
	else
		put(w, 0xcf, value, 8);
}

void spore__mp_int(struct spore__mp_writer *w, int64_t value)
{
	if (value >= 0)
		spore__mp_uint(w, (uint64_t)value);
	else if (value >= -32)
		put(w, (unsigned)(value + 256), 0, 0);
	else if (value >= INT8_MIN)
		put(w, 0xd0, (uint64_t)value, 1);
	else if (value >= INT16_MIN)
		put(w, 0xd1, (uint64_t)value, 2);
	else if (value >= INT32_MIN)
		put(w, 0xd2, (uint64_t)value, 4);
	else
		put(w, 0xd3, (uint64_t)value, 8);
}

void spore__mp_float(struct spore__mp_writer *w, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	put(w, 0xcb, bits, 8);
}

void spore__mp_str(struct spore__mp_writer *w, const char *text)
{
	if (text == NULL)
		spore__mp_nil(w);
	else
		spore__mp_strn(w, text, strlen(text));
}

static bool fits(struct spore__mp_writer *w, size_t len)
{
	if (len <= UINT32_MAX)
		return true;
	if (w->err == SPORE_OK)
		w->err = SPORE_ETOOBIG;
	return false;
}

void spore__mp_strn(struct spore__mp_writer *w, const char *data, size_t len)
{
	if (!fits(w, len))
		return;
	if (len < 32)
		put(w, 0xa0 | (unsigned)len, 0, 0);
	else if (len <= UINT8_MAX)
		put(w, 0xd9, len, 1);
	else if (len <= UINT16_MAX)
		put(w, 0xda, len, 2);
	else
		put(w, 0xdb, len, 4);
	spore__mp_raw(w, data, len);
}

void spore__mp_bin(struct spore__mp_writer *w, const void *data, size_t len)
{
	if (!fits(w, len))
		return;
	if (len <= UINT8_MAX)
		put(w, 0xc4, len, 1);
	else if (len <= UINT16_MAX)
		put(w, 0xc5, len, 2);
	else
		put(w, 0xc6, len, 4);
	spore__mp_raw(w, data, len);
}

void spore__mp_array(struct spore__mp_writer *w, uint32_t count)
{
	if (count < 16)
		put(w, 0x90 | count, 0, 0);
	else if (count <= UINT16_MAX)
		put(w, 0xdc, count, 2);
	else
		put(w, 0xdd, count, 4);
}

void spore__mp_map(struct spore__mp_writer *w, uint32_t pairs)
{
	if (pairs < 16)
		put(w, 0x80 | pairs, 0, 0);
	else if (pairs <= UINT16_MAX)
		put(w, 0xde, pairs, 2);
	else
		put(w, 0xdf, pairs, 4);
}

void spore__mp_ext(struct spore__mp_writer *w, int8_t type, const void *data, size_t len)
{
	if (!fits(w, len))
		return;
	unsigned fixed = len == 1 ? 0xd4 : len == 2 ? 0xd5 : len == 4 ? 0xd6 : len == 8 ? 0xd7 : len == 16 ? 0xd8 : 0;
	if (fixed != 0)
		put(w, fixed, 0, 0);
	else if (len <= UINT8_MAX)
		put(w, 0xc7, len, 1);
	else if (len <= UINT16_MAX)
		put(w, 0xc8, len, 2);
	else
		put(w, 0xc9, len, 4);
	spore__mp_raw(w, &type, 1);
	spore__mp_raw(w, data, len);
}
