#include "spore/value.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "msgpack.h"

// The public structs are those of the codec under other names.
#define SAME(a, x, b, y)                                                                                               \
	static_assert(offsetof(struct a, x) == offsetof(struct b, y) &&                                                \
	                  sizeof(((struct a *)NULL)->x) == sizeof(((struct b *)NULL)->y),                              \
	              #x)
SAME(spore_value, type, spore__msgpack_value, type);
SAME(spore_value, i, spore__msgpack_value, i);
SAME(spore_value, f, spore__msgpack_value, f);
SAME(spore_value, count, spore__msgpack_value, count);
SAME(spore_value, str.data, spore__msgpack_value, s.bytes);
SAME(spore_value, str.len, spore__msgpack_value, s.len);
SAME(spore_value, str.ext, spore__msgpack_value, s.ext);
SAME(spore_reader, at, spore__msgpack_reader, at);
SAME(spore_reader, end, spore__msgpack_reader, end);
SAME(spore_writer, data, spore__msgpack_writer, data);
SAME(spore_writer, len, spore__msgpack_writer, len);
SAME(spore_writer, cap, spore__msgpack_writer, cap);
SAME(spore_writer, fixed, spore__msgpack_writer, fixed);
SAME(spore_writer, borrowed, spore__msgpack_writer, borrowed);
SAME(spore_writer, err, spore__msgpack_writer, err);
static_assert(sizeof(struct spore_value) == sizeof(struct spore__msgpack_value), "value");
static_assert(sizeof(struct spore_reader) == sizeof(struct spore__msgpack_reader), "reader");
static_assert(sizeof(struct spore_writer) == sizeof(struct spore__msgpack_writer), "writer");
static_assert((int)SPORE_VALUE_EXT == (int)SPORE__MSGPACK_EXT && (int)SPORE_VALUE_MAP == (int)SPORE__MSGPACK_MAP &&
                  (int)SPORE_VALUE_STR == (int)SPORE__MSGPACK_STR &&
                  (int)SPORE_VALUE_FLOAT == (int)SPORE__MSGPACK_FLOAT,
              "types");
static_assert(SPORE_VALUE_DEPTH == SPORE__MSGPACK_DEPTH, "depth");

static struct spore__msgpack_reader *reader(struct spore_reader *r)
{
	return (struct spore__msgpack_reader *)r;
}

static struct spore__msgpack_writer *writer(struct spore_writer *w)
{
	return (struct spore__msgpack_writer *)w;
}

// ---- reading

struct spore_reader spore_reader(const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	return (struct spore_reader){.at = p, .end = len > 0 ? p + len : p};
}

bool spore_read(struct spore_reader *r, struct spore_value *v)
{
	if (r->at == r->end)
		return false;
	return spore__msgpack_read(reader(r), (struct spore__msgpack_value *)v) == SPORE__MSGPACK_OK;
}

bool spore_read_skip(struct spore_reader *r)
{
	if (r->at == r->end)
		return false;
	return spore__msgpack_skip(reader(r)) == SPORE__MSGPACK_OK;
}

// Reads a value of the type TYPE.
static bool read_typed(struct spore_reader *r, enum spore_value_type type, struct spore_value *v)
{
	struct spore_reader before = *r;
	*v = (struct spore_value){0};
	if (!spore_read(r, v))
		return false;
	if (v->type == type)
		return true;
	*r = before;
	return false;
}

bool spore_read_nil(struct spore_reader *r)
{
	struct spore_value v;
	return read_typed(r, SPORE_VALUE_NIL, &v);
}

bool spore_read_bool(struct spore_reader *r, bool *b)
{
	struct spore_value v;
	if (!read_typed(r, SPORE_VALUE_BOOL, &v))
		return false;
	*b = v.b;
	return true;
}

bool spore_read_int(struct spore_reader *r, int64_t *i)
{
	return r->at != r->end && spore__msgpack_read_int(reader(r), i) == SPORE__MSGPACK_OK;
}

bool spore_read_uint(struct spore_reader *r, uint64_t *u)
{
	struct spore_reader before = *r;
	struct spore_value v = {0};
	if (spore_read(r, &v)) {
		if (v.type == SPORE_VALUE_UINT || (v.type == SPORE_VALUE_INT && v.i >= 0)) {
			*u = v.type == SPORE_VALUE_UINT ? v.u : (uint64_t)v.i;
			return true;
		}
		*r = before;
	}
	return false;
}

bool spore_read_float(struct spore_reader *r, double *f)
{
	struct spore_reader before = *r;
	struct spore_value v = {0};
	if (!spore_read(r, &v))
		return false;
	switch (v.type) {
	case SPORE_VALUE_FLOAT:
		*f = v.f;
		return true;
	case SPORE_VALUE_INT:
		*f = (double)v.i;
		return true;
	case SPORE_VALUE_UINT:
		*f = (double)v.u;
		return true;
	case SPORE_VALUE_NIL:
	case SPORE_VALUE_BOOL:
	case SPORE_VALUE_STR:
	case SPORE_VALUE_BYTES:
	case SPORE_VALUE_ARRAY:
	case SPORE_VALUE_MAP:
	case SPORE_VALUE_EXT:
		break;
	}
	*r = before;
	return false;
}

bool spore_read_str(struct spore_reader *r, const char **s, size_t *len)
{
	struct spore_value v;
	if (!read_typed(r, SPORE_VALUE_STR, &v))
		return false;
	*s = v.str.data;
	*len = v.str.len;
	return true;
}

bool spore_read_bytes(struct spore_reader *r, const void **data, size_t *len)
{
	struct spore_value v;
	if (!read_typed(r, SPORE_VALUE_BYTES, &v) && !read_typed(r, SPORE_VALUE_STR, &v))
		return false;
	*data = v.str.data;
	*len = v.str.len;
	return true;
}

bool spore_read_array(struct spore_reader *r, uint32_t *count)
{
	struct spore_value v;
	if (!read_typed(r, SPORE_VALUE_ARRAY, &v))
		return false;
	*count = v.count;
	return true;
}

bool spore_read_map(struct spore_reader *r, uint32_t *count)
{
	struct spore_value v;
	if (!read_typed(r, SPORE_VALUE_MAP, &v))
		return false;
	*count = v.count;
	return true;
}

bool spore_reader_find(const struct spore_reader *r, const char *key, struct spore_reader *at)
{
	struct spore__msgpack_reader from = {r->at, r->end}, value;
	if (r->at == r->end || !spore__msgpack_find(&from, key, &value))
		return false;
	*at = (struct spore_reader){value.at, value.end};
	return true;
}

bool spore_value_is(const struct spore_value *v, const char *s)
{
	return v->type == SPORE_VALUE_STR && v->str.len == strlen(s) && memcmp(v->str.data, s, v->str.len) == 0;
}

enum spore_err spore_value_check(const void *bytes, size_t len)
{
	switch (spore__msgpack_check(bytes, len)) {
	case SPORE__MSGPACK_OK:
		return SPORE_OK;
	case SPORE__MSGPACK_MORE:
		return SPORE_EAGAIN;
	case SPORE__MSGPACK_DEEP:
		return SPORE_ETOODEEP;
	case SPORE__MSGPACK_MALFORMED:
	case SPORE__MSGPACK_LARGE:
	case SPORE__MSGPACK_TYPE:
		break;
	}
	return SPORE_EMALFORMED;
}

void spore_value_print(const struct spore_reader *r, char *out, size_t size)
{
	struct spore__msgpack_reader at = {r->at, r->end};
	if (size > 0)
		spore__msgpack_print(&at, out, size);
}

// ---- writing

void spore_writer_fixed(struct spore_writer *w, void *buffer, size_t size)
{
	spore__msgpack_writer_fixed(writer(w), buffer, size);
}

enum spore_err spore_writer_err(const struct spore_writer *w)
{
	return w->err == 0 ? SPORE_OK : w->err == ENOMEM ? SPORE_ENOMEM : SPORE_ETOOBIG;
}

void spore_writer_finish(struct spore_writer *w)
{
	spore__msgpack_writer_finish(writer(w));
}

enum spore_err spore_writer_loan(struct spore_writer *w, struct spore_chan *c, size_t size, int timeout_ms)
{
	void *data;
	enum spore_err e = spore_chan_loan(c, size, &data, timeout_ms);
	*w = (struct spore_writer){0};
	if (e == SPORE_OK)
		spore_writer_fixed(w, data, size);
	return e;
}

enum spore_err spore_writer_commit(struct spore_writer *w, struct spore_chan *c, int timeout_ms)
{
	enum spore_err e = spore_writer_err(w);
	if (e == SPORE_OK)
		e = spore_chan_commit(c, w->len, timeout_ms);
	else
		spore_chan_abandon(c);
	*w = (struct spore_writer){0};
	return e;
}

void spore_write_nil(struct spore_writer *w)
{
	spore__msgpack_nil(writer(w));
}

void spore_write_bool(struct spore_writer *w, bool b)
{
	spore__msgpack_bool(writer(w), b);
}

void spore_write_int(struct spore_writer *w, int64_t i)
{
	spore__msgpack_int(writer(w), i);
}

void spore_write_uint(struct spore_writer *w, uint64_t u)
{
	spore__msgpack_uint(writer(w), u);
}

void spore_write_float(struct spore_writer *w, double f)
{
	spore__msgpack_float(writer(w), f);
}

// Is LEN more than the format can say?
static bool too_long(struct spore_writer *w, size_t len)
{
	if (len <= UINT32_MAX)
		return false;
	if (w->err == 0)
		w->err = EMSGSIZE;
	return true;
}

void spore_write_str(struct spore_writer *w, const char *s)
{
	spore__msgpack_str(writer(w), s);
}

void spore_write_strn(struct spore_writer *w, const char *s, size_t len)
{
	if (!too_long(w, len))
		spore__msgpack_strn(writer(w), s, (uint32_t)len);
}

void spore_write_bytes(struct spore_writer *w, const void *data, size_t len)
{
	if (!too_long(w, len))
		spore__msgpack_bin(writer(w), data, (uint32_t)len);
}

void spore_write_ext(struct spore_writer *w, int8_t type, const void *data, size_t len)
{
	if (!too_long(w, len))
		spore__msgpack_ext(writer(w), type, data, (uint32_t)len);
}

void spore_write_array(struct spore_writer *w, uint32_t count)
{
	spore__msgpack_array(writer(w), count);
}

void spore_write_map(struct spore_writer *w, uint32_t count)
{
	spore__msgpack_map(writer(w), count);
}

void spore_write_raw(struct spore_writer *w, const void *values, size_t len)
{
	spore__msgpack_raw(writer(w), values, len);
}
