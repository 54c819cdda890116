// What codecs have in common: values as JSON and back, and how they fail.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/codec.h"

_Static_assert((int)SPORE__LOSS_INT53 == (int)SPORE__JSON_INT53 && (int)SPORE__LOSS_BYTES == (int)SPORE__JSON_BYTES &&
                   (int)SPORE__LOSS_FLOAT == (int)SPORE__JSON_FLOAT && (int)SPORE__LOSS_KEYS == (int)SPORE__JSON_KEYS &&
                   (int)SPORE__LOSS_EXT == (int)SPORE__JSON_EXT && (int)SPORE__LOSS_UTF8 == (int)SPORE__JSON_UTF8,
               "the bits of both are the same");

enum spore_err spore__codec_fail(struct spore__codec_end *e, enum spore_err err, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(e->why, sizeof e->why, fmt, ap);
	va_end(ap);
	return err;
}

// The writer grows the buffer itself, whose last byte is for the NUL behind it.
struct spore__msgpack_writer spore__codec_writer(struct spore__codec_end *e)
{
	return (struct spore__msgpack_writer){
	    .data = (unsigned char *)e->out.data, .len = e->out.len, .cap = e->out.cap > 0 ? e->out.cap - 1 : 0};
}

enum spore_err spore__codec_written(struct spore__codec_end *e, struct spore__msgpack_writer *w)
{
	size_t len = w->len;
	if (w->cap + 1 == e->out.cap && w->data == (unsigned char *)e->out.data)
		w->cap++;
	spore__msgpack_raw(w, "", 1);
	e->out.data = (char *)w->data;
	e->out.cap = w->cap;
	if (w->err != 0)
		return SPORE_ENOMEM;
	e->out.len = len;
	return SPORE_OK;
}

enum spore_err spore__codec_put_json(struct spore__codec_end *e, struct spore__span value)
{
	struct spore__json_error error = {0};
	struct spore__msgpack_writer w = spore__codec_writer(e);
	size_t before = w.len;
	enum spore_err err = spore__json_from_msgpack(value.bytes, value.len, &w, &e->lost, &error);
	if (err != SPORE_OK)
		w.len = before;
	enum spore_err written = spore__codec_written(e, &w);
	if (err == SPORE_OK || err == SPORE_ENOMEM)
		return err != SPORE_OK ? err : written;
	return spore__codec_fail(e, SPORE_EINVALID, "%s", error.why);
}

void spore__codec_put_text(struct spore__codec_end *e, struct spore__span text)
{
	struct spore__msgpack_writer w = {0};
	unsigned char few[512];
	spore__msgpack_writer_borrowed(&w, few, sizeof few);
	spore__msgpack_strn(&w, (const char *)text.bytes, (uint32_t)text.len);
	if (w.err != 0 || spore__codec_put_json(e, (struct spore__span){w.data, w.len}) != SPORE_OK)
		spore__buf_str(&e->out, "\"\"");
	spore__msgpack_writer_finish(&w);
}

enum spore_err spore__codec_get_json(struct spore__codec_end *e, const void *text, size_t len,
                                     struct spore__msgpack_writer *w)
{
	struct spore__json_error error = {0};
	enum spore_err err = spore__json_to_msgpack(text, len, w, &error);
	if (err == SPORE_OK || err == SPORE_ENOMEM)
		return err;
	return spore__codec_fail(e, err, "byte %zu: %s", error.offset, error.why);
}

struct spore__span spore__codec_value(struct spore__msgpack_reader *r)
{
	const unsigned char *from = r->at;
	(void)spore__msgpack_skip(r);
	return (struct spore__span){from, (size_t)(r->at - from)};
}
