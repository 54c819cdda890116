#include "msgpack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static inline uint64_t big_endian(const unsigned char *p, size_t width)
{
	uint64_t n = 0;
	for (size_t i = 0; i < width; i++)
		n = n << 8 | p[i];
	return n;
}

static void set_unsigned(struct spore__msgpack_value *v, uint64_t n)
{
	if (n > INT64_MAX) {
		v->type = SPORE__MSGPACK_UINT;
		v->u = n;
	} else {
		v->type = SPORE__MSGPACK_INT;
		v->i = (int64_t)n;
	}
}

static void set_signed(struct spore__msgpack_value *v, uint64_t n, size_t width)
{
	unsigned shift = (unsigned)(64 - 8 * width);
	v->type = SPORE__MSGPACK_INT;
	v->i = (int64_t)(n << shift) >> shift;
}

static void set_float(struct spore__msgpack_value *v, uint64_t n, size_t width)
{
	v->type = SPORE__MSGPACK_FLOAT;
	if (width == 4) {
		uint32_t bits = (uint32_t)n;
		float f;
		memcpy(&f, &bits, sizeof f);
		v->f = (double)f;
	} else {
		memcpy(&v->f, &n, sizeof v->f);
	}
}

// What the first byte says: the width of the number behind it, and what that number is.
enum behind {
	BEHIND_UNUSED,
	BEHIND_NOTHING, // the byte is all
	BEHIND_UINT,
	BEHIND_INT,
	BEHIND_FLOAT,
	BEHIND_LENGTH, // of bytes that follow
	BEHIND_COUNT,  // of values that follow
	BEHIND_FIXEXT, // no number: 2^width bytes
};

static const struct {
	unsigned char behind, width, type;
} formats[] = {
    [0xc0 - 0xc0] = {BEHIND_NOTHING, 0, SPORE__MSGPACK_NIL},
    [0xc1 - 0xc0] = {BEHIND_UNUSED, 0, 0},
    [0xc2 - 0xc0] = {BEHIND_NOTHING, 0, SPORE__MSGPACK_BOOL},
    [0xc3 - 0xc0] = {BEHIND_NOTHING, 0, SPORE__MSGPACK_BOOL},
    [0xc4 - 0xc0] = {BEHIND_LENGTH, 1, SPORE__MSGPACK_BIN},
    [0xc5 - 0xc0] = {BEHIND_LENGTH, 2, SPORE__MSGPACK_BIN},
    [0xc6 - 0xc0] = {BEHIND_LENGTH, 4, SPORE__MSGPACK_BIN},
    [0xc7 - 0xc0] = {BEHIND_LENGTH, 1, SPORE__MSGPACK_EXT},
    [0xc8 - 0xc0] = {BEHIND_LENGTH, 2, SPORE__MSGPACK_EXT},
    [0xc9 - 0xc0] = {BEHIND_LENGTH, 4, SPORE__MSGPACK_EXT},
    [0xca - 0xc0] = {BEHIND_FLOAT, 4, 0},
    [0xcb - 0xc0] = {BEHIND_FLOAT, 8, 0},
    [0xcc - 0xc0] = {BEHIND_UINT, 1, 0},
    [0xcd - 0xc0] = {BEHIND_UINT, 2, 0},
    [0xce - 0xc0] = {BEHIND_UINT, 4, 0},
    [0xcf - 0xc0] = {BEHIND_UINT, 8, 0},
    [0xd0 - 0xc0] = {BEHIND_INT, 1, 0},
    [0xd1 - 0xc0] = {BEHIND_INT, 2, 0},
    [0xd2 - 0xc0] = {BEHIND_INT, 4, 0},
    [0xd3 - 0xc0] = {BEHIND_INT, 8, 0},
    [0xd4 - 0xc0] = {BEHIND_FIXEXT, 0, SPORE__MSGPACK_EXT},
    [0xd5 - 0xc0] = {BEHIND_FIXEXT, 1, SPORE__MSGPACK_EXT},
    [0xd6 - 0xc0] = {BEHIND_FIXEXT, 2, SPORE__MSGPACK_EXT},
    [0xd7 - 0xc0] = {BEHIND_FIXEXT, 3, SPORE__MSGPACK_EXT},
    [0xd8 - 0xc0] = {BEHIND_FIXEXT, 4, SPORE__MSGPACK_EXT},
    [0xd9 - 0xc0] = {BEHIND_LENGTH, 1, SPORE__MSGPACK_STR},
    [0xda - 0xc0] = {BEHIND_LENGTH, 2, SPORE__MSGPACK_STR},
    [0xdb - 0xc0] = {BEHIND_LENGTH, 4, SPORE__MSGPACK_STR},
    [0xdc - 0xc0] = {BEHIND_COUNT, 2, SPORE__MSGPACK_ARRAY},
    [0xdd - 0xc0] = {BEHIND_COUNT, 4, SPORE__MSGPACK_ARRAY},
    [0xde - 0xc0] = {BEHIND_COUNT, 2, SPORE__MSGPACK_MAP},
    [0xdf - 0xc0] = {BEHIND_COUNT, 4, SPORE__MSGPACK_MAP},
};

// Decodes the value's head at P, of which AVAIL bytes are there. *HEAD: the bytes before payload; payload (strings and
// the like) is v->s.len bytes more and need not be there yet.
static enum spore__msgpack_err decode(const unsigned char *p, size_t avail, struct spore__msgpack_value *v,
                                      size_t *head)
{
	if (avail == 0)
		return SPORE__MSGPACK_MORE;
	unsigned b = p[0];
	*head = 1;
	if (b < 0x80 || b >= 0xe0) {
		set_signed(v, b, 1);
		return SPORE__MSGPACK_OK;
	}
	if (b < 0xa0) {
		v->type = b < 0x90 ? SPORE__MSGPACK_MAP : SPORE__MSGPACK_ARRAY;
		v->count = b & 0x0f;
		return SPORE__MSGPACK_OK;
	}
	if (b < 0xc0) {
		v->type = SPORE__MSGPACK_STR;
		v->s.bytes = p + 1;
		v->s.len = b & 0x1f;
		return SPORE__MSGPACK_OK;
	}
	unsigned behind = formats[b - 0xc0].behind;
	size_t width = formats[b - 0xc0].width;
	if (behind == BEHIND_UNUSED)
		return SPORE__MSGPACK_MALFORMED;
	v->type = (enum spore__msgpack_type)formats[b - 0xc0].type;
	size_t number = behind == BEHIND_FIXEXT ? 0 : width;
	*head = 1 + number + (v->type == SPORE__MSGPACK_EXT ? 1 : 0);
	if (avail < *head)
		return SPORE__MSGPACK_MORE;
	uint64_t n = big_endian(p + 1, number);
	switch ((enum behind)behind) {
	case BEHIND_UINT:
		set_unsigned(v, n);
		break;
	case BEHIND_INT:
		set_signed(v, n, width);
		break;
	case BEHIND_FLOAT:
		set_float(v, n, width);
		break;
	case BEHIND_COUNT:
		v->count = (uint32_t)n;
		break;
	case BEHIND_LENGTH:
	case BEHIND_FIXEXT:
		v->s.bytes = p + *head;
		v->s.len = behind == BEHIND_FIXEXT ? 1U << width : (uint32_t)n;
		v->s.ext = v->type == SPORE__MSGPACK_EXT ? (int8_t)p[*head - 1] : 0;
		break;
	case BEHIND_NOTHING:
	case BEHIND_UNUSED:
		if (v->type == SPORE__MSGPACK_BOOL)
			v->boolean = b == 0xc3;
		break;
	}
	return SPORE__MSGPACK_OK;
}

const unsigned char spore__msgpack_leaf_sizes[] = {
    [0xc0 - 0xc0] = 1, [0xc2 - 0xc0] = 1,  [0xc3 - 0xc0] = 1,  [0xca - 0xc0] = 5, [0xcb - 0xc0] = 9,
    [0xcc - 0xc0] = 2, [0xcd - 0xc0] = 3,  [0xce - 0xc0] = 5,  [0xcf - 0xc0] = 9, [0xd0 - 0xc0] = 2,
    [0xd1 - 0xc0] = 3, [0xd2 - 0xc0] = 5,  [0xd3 - 0xc0] = 9,  [0xd4 - 0xc0] = 3, [0xd5 - 0xc0] = 4,
    [0xd6 - 0xc0] = 6, [0xd7 - 0xc0] = 10, [0xd8 - 0xc0] = 18, [0xdf - 0xc0] = 0,
};

static size_t payload(const struct spore__msgpack_value *v)
{
	bool bytes = v->type == SPORE__MSGPACK_STR || v->type == SPORE__MSGPACK_BIN || v->type == SPORE__MSGPACK_EXT;
	return bytes ? v->s.len : 0;
}

static uint64_t children(const struct spore__msgpack_value *v)
{
	return v->type == SPORE__MSGPACK_ARRAY ? v->count : v->type == SPORE__MSGPACK_MAP ? 2 * (uint64_t)v->count : 0;
}

struct spore__msgpack_reader spore__msgpack_reader(const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	return (struct spore__msgpack_reader){.at = p, .end = p + len};
}

enum spore__msgpack_err spore__msgpack_read(struct spore__msgpack_reader *r, struct spore__msgpack_value *v)
{
	size_t avail = (size_t)(r->end - r->at), head;
	if (avail > 0 && (*r->at < 0x80 || *r->at >= 0xe0)) { // as most are
		v->type = SPORE__MSGPACK_INT;
		v->i = (int8_t)*r->at++;
		return SPORE__MSGPACK_OK;
	}
	struct spore__msgpack_value value;
	enum spore__msgpack_err err = decode(r->at, avail, &value, &head);
	if (err != SPORE__MSGPACK_OK)
		return err;
	avail -= head;
	if (payload(&value) > avail || children(&value) > avail)
		return SPORE__MSGPACK_MORE;
	r->at += head + payload(&value);
	*v = value;
	return SPORE__MSGPACK_OK;
}

// A value that is all in its first byte: small integers, nil, booleans. Most are.
static bool is_one_byte(unsigned char b)
{
	return b < 0x80 || b >= 0xe0 || b == 0xc0 || b == 0xc2 || b == 0xc3;
}

// A value without children has ended. True: so has the outermost.
static inline bool leaf_ends(struct spore__msgpack_scan *s)
{
	while (s->depth > 0 && --s->left[s->depth - 1] == 0)
		s->depth--;
	return s->depth == 0;
}

enum spore__msgpack_err spore__msgpack_scan(struct spore__msgpack_scan *s, const void *bytes, size_t len, size_t limit)
{
	const unsigned char *p = bytes;
	const size_t here = len < limit ? len : limit;
	for (;;) {
		size_t size = s->offset < here ? spore__msgpack_leaf_size(p[s->offset]) : 0;
		if (size > 0 && size <= here - s->offset) {
			s->offset += size;
			if (leaf_ends(s))
				return SPORE__MSGPACK_OK;
			continue;
		}
		struct spore__msgpack_value v = {0};
		size_t head;
		size_t avail = s->offset < len ? len - s->offset : 0;
		if (s->offset >= limit)
			return SPORE__MSGPACK_LARGE;
		enum spore__msgpack_err err = decode(avail > 0 ? p + s->offset : NULL, avail, &v, &head);
		if (err != SPORE__MSGPACK_OK)
			return err;
		if (head > limit - s->offset || payload(&v) > limit - s->offset - head ||
		    children(&v) > limit - s->offset - head)
			return SPORE__MSGPACK_LARGE;
		if (children(&v) > 0 && s->depth == SPORE__MSGPACK_DEPTH)
			return SPORE__MSGPACK_DEEP;
		if (payload(&v) > avail - head)
			return SPORE__MSGPACK_MORE; // the head is read again: a few bytes
		s->offset += head + payload(&v);
		if (children(&v) > 0) {
			s->left[s->depth++] = children(&v);
			continue;
		}
		if (leaf_ends(s))
			return SPORE__MSGPACK_OK;
	}
}

enum spore__msgpack_err spore__msgpack_skip(struct spore__msgpack_reader *r)
{
	if (r->at < r->end && is_one_byte(*r->at)) {
		r->at++;
		return SPORE__MSGPACK_OK;
	}
	struct spore__msgpack_scan s; // `left` is written before it is read
	s.offset = 0;
	s.depth = 0;
	enum spore__msgpack_err err = spore__msgpack_scan(&s, r->at, (size_t)(r->end - r->at), SIZE_MAX);
	if (err == SPORE__MSGPACK_OK)
		r->at += s.offset;
	return err;
}

static enum spore__msgpack_err read_typed(struct spore__msgpack_reader *r, enum spore__msgpack_type type,
                                          struct spore__msgpack_value *v)
{
	struct spore__msgpack_reader before = *r;
	enum spore__msgpack_err err = spore__msgpack_read(r, v);
	if (err == SPORE__MSGPACK_OK && v->type != type) {
		*r = before;
		err = SPORE__MSGPACK_TYPE;
	}
	return err;
}

// At P, with its bytes; no unsigned one of 64 bits.
static inline int64_t integer(const unsigned char *p)
{
	switch (*p) {
	case 0xcc:
		return p[1];
	case 0xcd:
		return (int64_t)big_endian(p + 1, 2);
	case 0xce:
		return (int64_t)big_endian(p + 1, 4);
	case 0xd0:
		return (int8_t)p[1];
	case 0xd1:
		return (int16_t)big_endian(p + 1, 2);
	case 0xd2:
		return (int32_t)big_endian(p + 1, 4);
	default:
		return (int64_t)big_endian(p + 1, 8);
	}
}

enum spore__msgpack_err spore__msgpack_read_int(struct spore__msgpack_reader *r, int64_t *i)
{
	enum { UINT8 = 0xcc, UINT32 = 0xce, INT8 = 0xd0, INT64 = 0xd3 };
	const unsigned char *p = r->at;
	size_t avail = (size_t)(r->end - p);
	if (avail > 0 && (*p < 0x80 || *p >= 0xe0)) { // as most are
		r->at++;
		*i = (int8_t)*p;
		return SPORE__MSGPACK_OK;
	}
	if (avail > 0 && ((*p >= UINT8 && *p <= UINT32) || (*p >= INT8 && *p <= INT64))) {
		size_t width = (size_t)1 << (*p & 3);
		if (avail <= width)
			return SPORE__MSGPACK_MORE;
		r->at += 1 + width;
		*i = integer(p);
		return SPORE__MSGPACK_OK;
	}
	struct spore__msgpack_value v = {0};
	enum spore__msgpack_err err = read_typed(r, SPORE__MSGPACK_INT, &v);
	if (err == SPORE__MSGPACK_OK)
		*i = v.i;
	return err;
}

enum spore__msgpack_err spore__msgpack_read_str(struct spore__msgpack_reader *r, const char **s, uint32_t *len)
{
	struct spore__msgpack_value v = {0};
	enum spore__msgpack_err err = read_typed(r, SPORE__MSGPACK_STR, &v);
	if (err == SPORE__MSGPACK_OK) {
		*s = (const char *)v.s.bytes;
		*len = v.s.len;
	}
	return err;
}

enum spore__msgpack_err spore__msgpack_read_array(struct spore__msgpack_reader *r, uint32_t *count)
{
	struct spore__msgpack_value v = {0};
	enum spore__msgpack_err err = read_typed(r, SPORE__MSGPACK_ARRAY, &v);
	if (err == SPORE__MSGPACK_OK)
		*count = v.count;
	return err;
}

enum spore__msgpack_err spore__msgpack_read_map(struct spore__msgpack_reader *r, uint32_t *count)
{
	struct spore__msgpack_value v = {0};
	enum spore__msgpack_err err = read_typed(r, SPORE__MSGPACK_MAP, &v);
	if (err == SPORE__MSGPACK_OK)
		*count = v.count;
	return err;
}

enum spore__msgpack_err spore__msgpack_read_bool(struct spore__msgpack_reader *r, bool *b)
{
	struct spore__msgpack_value v = {0};
	enum spore__msgpack_err err = read_typed(r, SPORE__MSGPACK_BOOL, &v);
	if (err == SPORE__MSGPACK_OK)
		*b = v.boolean;
	return err;
}

bool spore__msgpack_read_flag(struct spore__msgpack_reader *r, uint32_t left, bool *flag)
{
	struct spore__msgpack_value v;
	if (left == 0)
		return true;
	if (spore__msgpack_read(r, &v) != SPORE__MSGPACK_OK)
		return false;
	*flag = v.type == SPORE__MSGPACK_BOOL && v.boolean;
	return true;
}

// Is it one value without others in it, or one of a few such? False: it is to be looked at closely.
static inline bool is_flat(const unsigned char *p, size_t len)
{
	enum { MAP = 0x80, ARRAY = 0x90, MANY = 0xe0, FEW = 0x0f };
	unsigned left = 1;
	if (len > 0 && (*p & MANY) == MAP) {
		left = (*p & FEW) << (*p < ARRAY);
		p++;
		len--;
	}
	for (; left > 0 && len > 0; left--) {
		size_t size = spore__msgpack_leaf_size(*p);
		if (size == 0 || size > len)
			return false;
		p += size;
		len -= size;
	}
	return left == 0 && len == 0;
}

enum spore__msgpack_err spore__msgpack_check(const void *bytes, size_t len)
{
	if (is_flat(bytes, len))
		return SPORE__MSGPACK_OK;
	struct spore__msgpack_reader r = spore__msgpack_reader(bytes, len);
	enum spore__msgpack_err err = spore__msgpack_skip(&r);
	return err == SPORE__MSGPACK_OK && r.at != r.end ? SPORE__MSGPACK_MALFORMED : err;
}

enum spore__msgpack_err spore__msgpack_check_within(const void *bytes, size_t len)
{
	if (is_flat(bytes, len))
		return SPORE__MSGPACK_OK;
	struct spore__msgpack_scan s;
	s.offset = 0;
	s.depth = 1;
	s.left[0] = 1;
	enum spore__msgpack_err err = spore__msgpack_scan(&s, bytes, len, SIZE_MAX);
	return err == SPORE__MSGPACK_OK && s.offset != len ? SPORE__MSGPACK_MALFORMED : err;
}

bool spore__msgpack_find(const struct spore__msgpack_reader *r, const char *key, struct spore__msgpack_reader *value)
{
	struct spore__msgpack_reader at = *r;
	uint32_t pairs;
	if (spore__msgpack_read_map(&at, &pairs) != SPORE__MSGPACK_OK)
		return false;
	for (uint32_t i = 0; i < pairs; i++) {
		struct spore__msgpack_reader before = at;
		struct spore__msgpack_value k;
		if (spore__msgpack_read(&at, &k) != SPORE__MSGPACK_OK)
			return false;
		if (spore__msgpack_is(&k, key)) {
			*value = at;
			return true;
		}
		at = before;
		if (spore__msgpack_skip(&at) != SPORE__MSGPACK_OK || spore__msgpack_skip(&at) != SPORE__MSGPACK_OK)
			return false;
	}
	return false;
}

bool spore__msgpack_is(const struct spore__msgpack_value *v, const char *s)
{
	if (v->type != SPORE__MSGPACK_STR || (v->s.len > 0 && v->s.bytes[0] != (unsigned char)s[0]))
		return false; // as most are that are compared with a list of keys
	return v->s.len == strlen(s) && memcmp(v->s.bytes, s, v->s.len) == 0;
}

void spore__msgpack_writer_fixed(struct spore__msgpack_writer *w, void *buffer, size_t size)
{
	*w = (struct spore__msgpack_writer){.data = buffer, .cap = size, .fixed = true};
}

void spore__msgpack_writer_borrowed(struct spore__msgpack_writer *w, void *buffer, size_t size)
{
	*w = (struct spore__msgpack_writer){.data = buffer, .cap = size, .borrowed = true};
}

void spore__msgpack_writer_finish(struct spore__msgpack_writer *w)
{
	if (!w->fixed && !w->borrowed)
		free(w->data);
	*w = (struct spore__msgpack_writer){0};
}

unsigned char *spore__msgpack_room(struct spore__msgpack_writer *w, size_t len)
{
	if (w->err != 0)
		return NULL;
	if (len > w->cap - w->len) {
		size_t cap = w->cap < 128 ? 256 : w->cap * 2;
		if (w->fixed) {
			w->err = ENOSPC;
			return NULL;
		}
		if (len > SIZE_MAX / 4 - w->len) {
			w->err = ENOMEM;
			return NULL;
		}
		if (cap < w->len + len)
			cap = w->len + len;
		unsigned char *data = realloc(w->borrowed ? NULL : w->data, cap);
		if (data == NULL) {
			w->err = ENOMEM;
			return NULL;
		}
		if (w->borrowed && w->len > 0)
			memcpy(data, w->data, w->len);
		w->borrowed = false;
		w->data = data;
		w->cap = cap;
	}
	return w->data + w->len;
}

static inline unsigned char *reserve(struct spore__msgpack_writer *w, size_t len)
{
	bool near = w->err == 0 && len <= w->cap - w->len;
	unsigned char *at = near ? w->data + w->len : spore__msgpack_room(w, len);
	if (at != NULL)
		w->len += len;
	return at;
}

void spore__msgpack_reserve(struct spore__msgpack_writer *w, size_t len)
{
	if (reserve(w, len) != NULL)
		w->len -= len;
}

static inline void put(struct spore__msgpack_writer *w, unsigned char first, uint64_t n, size_t width)
{
	unsigned char *at = reserve(w, 1 + width);
	if (at == NULL)
		return;
	at[0] = first;
	for (size_t i = 0; i < width; i++)
		at[1 + i] = (unsigned char)(n >> (8 * (width - 1 - i)));
}

void spore__msgpack_raw(struct spore__msgpack_writer *w, const void *bytes, size_t len)
{
	unsigned char *at = len > 0 ? reserve(w, len) : NULL;
	if (at != NULL)
		memcpy(at, bytes, len);
}

void spore__msgpack_nil(struct spore__msgpack_writer *w)
{
	put(w, 0xc0, 0, 0);
}

void spore__msgpack_bool(struct spore__msgpack_writer *w, bool b)
{
	put(w, b ? 0xc3 : 0xc2, 0, 0);
}

void spore__msgpack_uint(struct spore__msgpack_writer *w, uint64_t u)
{
	if (u < 0x80)
		put(w, (unsigned char)u, 0, 0);
	else if (u <= UINT8_MAX)
		put(w, 0xcc, u, 1);
	else if (u <= UINT16_MAX)
		put(w, 0xcd, u, 2);
	else if (u <= UINT32_MAX)
		put(w, 0xce, u, 4);
	else
		put(w, 0xcf, u, 8);
}

void spore__msgpack_int(struct spore__msgpack_writer *w, int64_t i)
{
	if (i >= 0)
		spore__msgpack_uint(w, (uint64_t)i);
	else if (i >= -32)
		put(w, (unsigned char)i, 0, 0);
	else if (i >= INT8_MIN)
		put(w, 0xd0, (uint64_t)i, 1);
	else if (i >= INT16_MIN)
		put(w, 0xd1, (uint64_t)i, 2);
	else if (i >= INT32_MIN)
		put(w, 0xd2, (uint64_t)i, 4);
	else
		put(w, 0xd3, (uint64_t)i, 8);
}

void spore__msgpack_float(struct spore__msgpack_writer *w, double f)
{
	uint64_t bits;
	memcpy(&bits, &f, sizeof bits);
	put(w, 0xcb, bits, 8);
}

void spore__msgpack_str(struct spore__msgpack_writer *w, const char *s)
{
	size_t len;
	if (s == NULL)
		spore__msgpack_nil(w);
	else if ((len = strlen(s)) > UINT32_MAX)
		w->err = w->err != 0 ? w->err : EMSGSIZE;
	else
		spore__msgpack_strn(w, s, (uint32_t)len);
}

void spore__msgpack_strn(struct spore__msgpack_writer *w, const char *s, uint32_t len)
{
	if (len < 32)
		put(w, (unsigned char)(0xa0 | len), 0, 0);
	else if (len <= UINT8_MAX)
		put(w, 0xd9, len, 1);
	else if (len <= UINT16_MAX)
		put(w, 0xda, len, 2);
	else
		put(w, 0xdb, len, 4);
	spore__msgpack_raw(w, s, len);
}

void spore__msgpack_bin(struct spore__msgpack_writer *w, const void *bytes, uint32_t len)
{
	if (len <= UINT8_MAX)
		put(w, 0xc4, len, 1);
	else if (len <= UINT16_MAX)
		put(w, 0xc5, len, 2);
	else
		put(w, 0xc6, len, 4);
	spore__msgpack_raw(w, bytes, len);
}

void spore__msgpack_ext(struct spore__msgpack_writer *w, int8_t type, const void *bytes, uint32_t len)
{
	static const unsigned char fixed[] = {[1] = 0xd4, [2] = 0xd5, [4] = 0xd6, [8] = 0xd7, [16] = 0xd8};
	if (len < sizeof fixed && fixed[len] != 0)
		put(w, fixed[len], 0, 0);
	else if (len <= UINT8_MAX)
		put(w, 0xc7, len, 1);
	else if (len <= UINT16_MAX)
		put(w, 0xc8, len, 2);
	else
		put(w, 0xc9, len, 4);
	spore__msgpack_raw(w, &type, 1);
	spore__msgpack_raw(w, bytes, len);
}

void spore__msgpack_array(struct spore__msgpack_writer *w, uint32_t count)
{
	if (count < 16)
		put(w, (unsigned char)(0x90 | count), 0, 0);
	else if (count <= UINT16_MAX)
		put(w, 0xdc, count, 2);
	else
		put(w, 0xdd, count, 4);
}

void spore__msgpack_map(struct spore__msgpack_writer *w, uint32_t count)
{
	if (count < 16)
		put(w, (unsigned char)(0x80 | count), 0, 0);
	else if (count <= UINT16_MAX)
		put(w, 0xde, count, 2);
	else
		put(w, 0xdf, count, 4);
}
