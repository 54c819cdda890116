// The place that is written to is handed from step to step ("TO"), and each step leaves LEFT bytes of room behind it; so what is small needs no look at
// how much there is.
#include <assert.h>
#include <errno.h>
#include <math.h>

#include "json.h"
#include "json_number.h"
#include "json_scan.h"

enum {
	INT53 = 53,
	LEFT = 128, // a key and a value that are short, with what is around them and all that is closed behind them
	SHORT = 16, // bytes of a string that are looked at together
};

static_assert(LEFT >= 2 * SHORT + SPORE__JSON_FLOAT_TEXT + SPORE__JSON_DEPTH,
              "brackets are closed without a look at the room");

struct level {
	uint32_t left; // values, or pairs
	bool map;
	size_t keys; // its first key
	struct spore__json_seen seen;
};

struct writer {
	const unsigned char *start, *end; // of what is read
	struct spore__msgpack_writer *w;
	const unsigned char *limit; // of what is written
	unsigned losses;
	unsigned depth;
	enum spore_err err;
	struct level levels[SPORE__JSON_DEPTH];
	struct spore__json_keys keys;
	struct spore__json_error *error;
};

static unsigned char *fail(struct writer *j, const unsigned char *where, enum spore_err e, const char *why)
{
	j->error->offset = (size_t)(where - j->start);
	j->error->why = why;
	j->err = e;
	return NULL;
}

static unsigned char *no_memory(struct writer *j)
{
	j->err = SPORE_ENOMEM;
	return NULL;
}

static unsigned char *grow(struct writer *j, const unsigned char *to, size_t len)
{
	j->w->len = (size_t)(to - j->w->data);
	unsigned char *at = spore__msgpack_room(j->w, len);
	if (at == NULL)
		return no_memory(j);
	j->limit = j->w->data + j->w->cap;
	return at;
}

// Where TO is then, with room for LEN bytes and LEFT more.
static inline unsigned char *room(struct writer *j, unsigned char *to, size_t len)
{
	return (size_t)(j->limit - to) >= len + LEFT ? to : grow(j, to, len + LEFT);
}

static unsigned char *put_escaped(unsigned char *to, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	static const char known[0x20] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
	*to++ = '\\';
	if (c >= 0x20) {
		*to++ = c;
	} else if (known[c] != 0) {
		*to++ = (unsigned char)known[c];
	} else {
		memcpy(to, "u00", 3);
		to[3] = (unsigned char)digits[c >> 4];
		to[4] = (unsigned char)digits[c & 15];
		to += 5;
	}
	return to;
}

static unsigned char *put_base64(struct writer *j, unsigned char *to, const unsigned char *p, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	to = room(j, to, 2 + (len + 2) / 3 * 4);
	if (to == NULL)
		return NULL;
	*to++ = '"';
	for (; len >= 3; p += 3, len -= 3, to += 4) {
		uint32_t n = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
		to[0] = (unsigned char)digits[n >> 18];
		to[1] = (unsigned char)digits[n >> 12 & 63];
		to[2] = (unsigned char)digits[n >> 6 & 63];
		to[3] = (unsigned char)digits[n & 63];
	}
	if (len > 0) {
		uint32_t n = (uint32_t)p[0] << 16 | (len > 1 ? (uint32_t)p[1] << 8 : 0);
		to[0] = (unsigned char)digits[n >> 18];
		to[1] = (unsigned char)digits[n >> 12 & 63];
		to[2] = len > 1 ? (unsigned char)digits[n >> 6 & 63] : '=';
		to[3] = '=';
		to += 4;
	}
	*to++ = '"';
	return to;
}

// The bytes from P on are copied to TO up to the first that JSON does not write as it is. READABLE: up to where bytes may be read, and as many be
// written. Returns where that is, END when there is none.
static const unsigned char *copy_plain(unsigned char **to, const unsigned char *p, const unsigned char *end,
                                       const unsigned char *readable, uint64_t *high)
{
	unsigned char *at = *to;
#if defined(__SSE2__)
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
	while (p < end && readable - p >= SHORT) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i stop = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)),
		                            _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
		unsigned stops = (unsigned)_mm_movemask_epi8(stop), tops = (unsigned)_mm_movemask_epi8(v);
		_mm_storeu_si128((__m128i *)(void *)at, v);
		if (end - p < SHORT)
			stops |= 1U << (end - p);
		if (stops != 0) {
			unsigned n = (unsigned)__builtin_ctz(stops);
			*high |= tops & ((1U << n) - 1);
			*to = at + n;
			return p + n;
		}
		*high |= tops;
		p += SHORT;
		at += SHORT;
	}
#endif
	const unsigned char *stop = spore__json_plain(p, end, high);
	memcpy(at, p, (size_t)(stop - p));
	*to = at + (stop - p);
	return stop;
}

static unsigned char *long_string(struct writer *j, unsigned char *to, const unsigned char *p, size_t len)
{
	const unsigned char *const content = p, *const end = p + len;
	uint64_t high = 0;
	to = room(j, to, len);
	if (to == NULL)
		return NULL;
	const size_t before = (size_t)(to - j->w->data);
	*to++ = '"';
	while ((p = copy_plain(&to, p, end, j->end, &high)) < end) {
		to = room(j, put_escaped(to, *p), (size_t)(end - p));
		if (to == NULL)
			return NULL;
		p++;
	}
	if (high != 0 && !spore__json_is_utf8(content, len, NULL)) {
		j->losses |= SPORE__JSON_UTF8;
		return put_base64(j, j->w->data + before, content, len);
	}
	*to++ = '"';
	return to;
}

static inline unsigned char *put_string(struct writer *j, unsigned char *to, const unsigned char *p, size_t len)
{
#if defined(__SSE2__)
	// Most are short, ASCII, and without escapes.
	if (len < SHORT && j->end - p >= SHORT) {
		const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		// The highest bit of a byte says: it is not ASCII, or compared equal.
		__m128i others =
		    _mm_or_si128(_mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, slash), _mm_cmpeq_epi8(v, quote)), v),
		                 _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
		if (((unsigned)_mm_movemask_epi8(others) & ((1U << len) - 1)) == 0) {
			to[0] = '"';
			_mm_storeu_si128((__m128i *)(void *)(to + 1), v);
			to[1 + len] = '"';
			return to + 2 + len;
		}
	}
#endif
	return long_string(j, to, p, len);
}

static inline unsigned char *put_uint(struct writer *j, unsigned char *to, uint64_t u)
{
	if (u > (UINT64_C(1) << INT53))
		j->losses |= SPORE__JSON_INT53;
	return to + spore__json_uint_text(u, (char *)to);
}

static unsigned char *put_int(struct writer *j, unsigned char *to, int64_t i)
{
	if (i >= 0)
		return put_uint(j, to, (uint64_t)i);
	*to = '-';
	return put_uint(j, to + 1, 0 - (uint64_t)i);
}

static inline unsigned char *put_word(unsigned char *to, const char *word, size_t len)
{
	memcpy(to, word, len);
	return to + len;
}

static unsigned char *put_float(struct writer *j, unsigned char *to, double f)
{
	if (isfinite(f))
		return to + spore__json_float_text(f, (char *)to);
	j->losses |= SPORE__JSON_FLOAT;
	return put_word(to, "null", 4);
}

// A value that holds no others.
static unsigned char *put_single(struct writer *j, unsigned char *to, const struct spore__msgpack_value *v)
{
	switch (v->type) {
	case SPORE__MSGPACK_NIL:
		return put_word(to, "null", 4);
	case SPORE__MSGPACK_BOOL:
		return v->boolean ? put_word(to, "true", 4) : put_word(to, "false", 5);
	case SPORE__MSGPACK_INT:
		return put_int(j, to, v->i);
	case SPORE__MSGPACK_UINT:
		return put_uint(j, to, v->u);
	case SPORE__MSGPACK_FLOAT:
		return put_float(j, to, v->f);
	case SPORE__MSGPACK_STR:
		return put_string(j, to, v->s.bytes, v->s.len);
	case SPORE__MSGPACK_EXT:
		j->losses |= SPORE__JSON_EXT;
		return put_base64(j, to, v->s.bytes, v->s.len);
	case SPORE__MSGPACK_BIN:
		j->losses |= SPORE__JSON_BYTES;
		return put_base64(j, to, v->s.bytes, v->s.len);
	case SPORE__MSGPACK_ARRAY:
	case SPORE__MSGPACK_MAP:
		break;
	}
	return NULL;
}

static const unsigned char *malformed(struct writer *j, const unsigned char *p, enum spore__msgpack_err e)
{
	(void)fail(j, p, SPORE_EMALFORMED,
	           e == SPORE__MSGPACK_MORE ? "the bytes end within a value"
	                                    : "the byte 0xc1 is nothing in MessagePack");
	return NULL;
}

// The value at P, of an array or map the head, into V. Returns the byte behind it.
static const unsigned char *read_other(struct writer *j, const unsigned char *p, struct spore__msgpack_value *v)
{
	struct spore__msgpack_reader r = {.at = p, .end = j->end};
	enum spore__msgpack_err e = spore__msgpack_read(&r, v);
	return e == SPORE__MSGPACK_OK ? r.at : malformed(j, p, e);
}

// As read_other, which is asked for what is less common.
static inline const unsigned char *read_value(struct writer *j, const unsigned char *p, struct spore__msgpack_value *v)
{
	size_t left = (size_t)(j->end - p);
	if (left < 9)
		return read_other(j, p, v);
	if (*p >= 0x80 && *p < 0xa0) {
		v->type = *p < 0x90 ? SPORE__MSGPACK_MAP : SPORE__MSGPACK_ARRAY;
		v->count = *p & 0x0f;
		return left > 2 * (size_t)v->count ? p + 1 : read_other(j, p, v);
	}
	if (*p == 0xcb) {
		uint64_t bits = 0;
		for (int i = 1; i <= 8; i++)
			bits = bits << 8 | p[i];
		v->type = SPORE__MSGPACK_FLOAT;
		memcpy(&v->f, &bits, sizeof v->f);
		return p + 9;
	}
	if (*p == 0xcc || *p == 0xcd) {
		v->type = SPORE__MSGPACK_INT;
		v->i = *p == 0xcc ? p[1] : p[1] << 8 | p[2];
		return p + 2 + (*p & 1);
	}
	if (*p == 0xc2 || *p == 0xc3) {
		v->type = SPORE__MSGPACK_BOOL;
		v->boolean = *p == 0xc3;
		return p + 1;
	}
	return read_other(j, p, v);
}

// Is the value at P a string of less than 256 bytes, which is all there? *CONTENT, *LEN. Others are read by read_other.
static inline bool is_string(const unsigned char *p, const unsigned char *end, const unsigned char **content,
                             size_t *len)
{
	if (end - p < 2)
		return false;
	if ((*p & 0xe0) == 0xa0) {
		*len = *p & 0x1f;
		*content = p + 1;
	} else if (*p == 0xd9) {
		*len = p[1];
		*content = p + 2;
	} else {
		return false;
	}
	return (size_t)(end - *content) >= *len;
}

// A key that is no short string. It is a string in JSON whatever it was.
static unsigned char *put_other_key(struct writer *j, unsigned char *to, const unsigned char **p)
{
	const unsigned char *where = *p;
	struct spore__msgpack_value v;
	*p = read_other(j, where, &v);
	if (*p == NULL)
		return NULL;
	if (v.type == SPORE__MSGPACK_ARRAY || v.type == SPORE__MSGPACK_MAP)
		return fail(j, where, SPORE_EUNSUPPORTED, "a key that is an array or a map cannot be said in JSON");
	bool text = v.type == SPORE__MSGPACK_STR;
	bool quoted = text || v.type == SPORE__MSGPACK_BIN || v.type == SPORE__MSGPACK_EXT;
	if (!text)
		j->losses |= SPORE__JSON_KEYS;
	if (!quoted)
		*to++ = '"';
	to = put_single(j, to, &v);
	if (to != NULL && !quoted)
		*to++ = '"';
	return to;
}

static inline unsigned char *put_key(struct writer *j, unsigned char *to, const unsigned char **p, struct level *l)
{
	const unsigned char *content = NULL, *where = *p;
	size_t len, before = (size_t)(to - j->w->data);
	uint32_t hash;
	if (is_string(where, j->end, &content, &len)) {
		*p = content + len;
		to = put_string(j, to, content, len);
	} else {
		to = put_other_key(j, to, p);
		len = 0;
	}
	if (to == NULL)
		return NULL;
	size_t written = (size_t)(to - j->w->data) - before;
	// That of what is between the quotes.
	hash = written == len + 2 ? spore__json_hash(content, len) : spore__json_hash(to - written + 1, written - 2);
	if (!spore__json_keys_add(&j->keys, &l->seen, hash, before, written, (size_t)(where - j->start)))
		return no_memory(j);
	*to++ = ':';
	return to;
}

// An array or a map whose head was read at WHERE. *L: the level that its values are of.
static unsigned char *open_level(struct writer *j, unsigned char *to, const struct spore__msgpack_value *v,
                                 const unsigned char *where, struct level **l)
{
	bool map = v->type == SPORE__MSGPACK_MAP;
	if (j->depth == SPORE__JSON_DEPTH)
		return fail(j, where, SPORE_ETOODEEP, "arrays and maps are in each other too deeply");
	if (v->count == 0)
		return put_word(to, map ? "{}" : "[]", 2);
	*l = &j->levels[j->depth++];
	**l = (struct level){.left = v->count, .map = map, .keys = j->keys.count};
	*to++ = map ? '{' : '[';
	return to;
}

// Closes what has all its values, in the place of the comma that is behind the last one. *L: what goes on then.
static unsigned char *close_levels(struct writer *j, unsigned char *to, struct level **l)
{
	size_t offset;
	for (; j->depth > 0 && (*l)->left == 0; --*l) {
		enum spore_err e = (*l)->map
		                       ? spore__json_keys_close(&j->keys, (*l)->keys, &(*l)->seen, j->w->data, &offset)
		                       : SPORE_OK;
		if (e == SPORE_EMALFORMED)
			return fail(j, j->start + offset, e, "this key is there twice");
		if (e != SPORE_OK)
			return no_memory(j);
		to[-1] = (*l)->map ? '}' : ']';
		*to++ = ',';
		if (--j->depth == 0)
			break;
	}
	return to;
}

// Each value has a comma behind it at first.
static unsigned char *put_all(struct writer *j, unsigned char *to, const unsigned char *p)
{
	struct level *l = NULL;
	do {
		const unsigned char *content, *where;
		size_t len;
		to = room(j, to, 0);
		if (to == NULL)
			return NULL;
		if (l != NULL) {
			l->left--;
			if (l->map && (to = put_key(j, to, &p, l)) == NULL)
				return NULL;
		}
		where = p;
		if (p < j->end && *p < 0x80) {
			to = put_uint(j, to, *p++);
		} else if (is_string(p, j->end, &content, &len)) {
			p = content + len;
			to = put_string(j, to, content, len);
		} else {
			struct spore__msgpack_value v;
			p = read_value(j, p, &v);
			if (p == NULL)
				return NULL;
			if (v.type == SPORE__MSGPACK_ARRAY || v.type == SPORE__MSGPACK_MAP) {
				to = open_level(j, to, &v, where, &l);
				if (to != NULL && v.count > 0)
					continue;
			} else {
				to = put_single(j, to, &v);
			}
		}
		if (to == NULL)
			return NULL;
		*to++ = ',';
		if (l != NULL && l->left == 0 && (to = close_levels(j, to, &l)) == NULL)
			return NULL;
	} while (j->depth > 0);
	return p == j->end ? to - 1 : fail(j, p, SPORE_EMALFORMED, "something follows the value");
}

enum spore_err spore__json_from_msgpack(const void *bytes, size_t len, struct spore__msgpack_writer *w,
                                        unsigned *losses, struct spore__json_error *error)
{
	struct writer j;
	j.start = bytes;
	j.end = j.start + len;
	j.w = w;
	j.losses = 0;
	j.depth = 0;
	j.err = SPORE_OK;
	j.error = error;
	spore__json_keys_init(&j.keys);
	unsigned char *to = spore__msgpack_room(w, len + len / 4 + LEFT);
	if (to != NULL) {
		j.limit = w->data + w->cap;
		to = put_all(&j, to, j.start);
	} else {
		j.err = SPORE_ENOMEM;
	}
	if (to != NULL)
		w->len = (size_t)(to - w->data);
	spore__json_keys_finish(&j.keys);
	*losses |= j.losses;
	return j.err;
}
