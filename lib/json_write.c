#include <errno.h>
#include <math.h>

#include "json.h"
#include "json_number.h"
#include "json_scan.h"

enum { INT53 = 53, SLACK = 16 };

struct level {
	uint32_t left; // values, or pairs
	bool map, key; // KEY: the next value is one
	size_t keys;   // its first key
};

struct writer {
	const unsigned char *start;
	struct spore__msgpack_reader r;
	struct spore__msgpack_writer *w;
	unsigned losses;
	unsigned depth;
	struct level levels[SPORE__JSON_DEPTH];
	struct spore__json_keys keys;
	struct spore__json_error *error;
};

static enum spore_err fail(const struct writer *j, const unsigned char *where, enum spore_err e, const char *why)
{
	j->error->offset = (size_t)(where - j->start);
	j->error->why = why;
	return e;
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

static bool put_base64(struct spore__msgpack_writer *w, const unsigned char *p, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char *start = spore__json_room(w, 2 + (len + 2) / 3 * 4), *to = start;
	if (to == NULL)
		return false;
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
	w->len += (size_t)(to - start);
	return true;
}

static bool long_string(struct writer *j, const unsigned char *p, size_t len)
{
	const unsigned char *const content = p, *const end = p + len;
	const size_t before = j->w->len;
	uint64_t high = 0;
	const unsigned char *stop = spore__json_plain(p, end, &high);
	unsigned char *to = spore__json_room(j->w, len + 2);
	if (to == NULL)
		return false;
	*to = '"';
	memcpy(to + 1, p, (size_t)(stop - p));
	j->w->len += 1 + (size_t)(stop - p);
	while (stop < end) {
		p = stop + 1;
		const unsigned char escaped = *stop;
		stop = spore__json_plain(p, end, &high);
		// For this one, for what is plain behind it, and for the quote.
		to = spore__json_room(j->w, 6 + (size_t)(stop - p) + 1);
		if (to == NULL)
			return false;
		unsigned char *behind = put_escaped(to, escaped);
		memcpy(behind, p, (size_t)(stop - p));
		j->w->len += (size_t)(behind - to) + (size_t)(stop - p);
	}
	if (high != 0 && !spore__json_is_utf8(content, len, NULL)) {
		j->w->len = before;
		j->losses |= SPORE__JSON_UTF8;
		return put_base64(j->w, content, len);
	}
	to = spore__json_room(j->w, 1);
	if (to == NULL)
		return false;
	*to = '"';
	j->w->len++;
	return true;
}

static inline bool put_string(struct writer *j, const unsigned char *p, size_t len)
{
#if defined(__SSE2__)
	// Most are short, ASCII, and without escapes.
	if (len < 16 && j->r.end - p >= 16) {
		const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		unsigned others = (unsigned)_mm_movemask_epi8(
		                      _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, slash), _mm_cmpeq_epi8(v, quote)),
		                                   _mm_cmpeq_epi8(_mm_min_epu8(v, control), v))) |
		                  (unsigned)_mm_movemask_epi8(v);
		if ((others & ((1U << len) - 1)) == 0) {
			unsigned char *to = spore__json_room(j->w, 2 + SLACK);
			if (to == NULL)
				return false;
			to[0] = '"';
			_mm_storeu_si128((__m128i *)(void *)(to + 1), v);
			to[1 + len] = '"';
			j->w->len += 2 + len;
			return true;
		}
	}
#endif
	return long_string(j, p, len);
}

static inline bool put_uint(struct writer *j, uint64_t u, bool negative)
{
	unsigned char *to = spore__json_room(j->w, 24);
	if (to == NULL)
		return false;
	if (u > (UINT64_C(1) << INT53))
		j->losses |= SPORE__JSON_INT53;
	*to = '-';
	j->w->len += spore__json_uint_text(u, (char *)to + negative) + negative;
	return true;
}

static bool put_int(struct writer *j, int64_t i)
{
	return i < 0 ? put_uint(j, 0 - (uint64_t)i, true) : put_uint(j, (uint64_t)i, false);
}

static bool put_float(struct writer *j, double f)
{
	char *to = (char *)spore__json_room(j->w, SPORE__JSON_FLOAT_TEXT);
	if (to == NULL)
		return false;
	if (isfinite(f)) {
		j->w->len += spore__json_float_text(f, to);
	} else {
		j->losses |= SPORE__JSON_FLOAT;
		memcpy(to, "null", 4);
		j->w->len += 4;
	}
	return true;
}

static bool put_word(struct writer *j, const char *word, size_t len)
{
	spore__msgpack_raw(j->w, word, len);
	return j->w->err == 0;
}

// A value that holds no others.
static bool put_single(struct writer *j, const struct spore__msgpack_value *v)
{
	switch (v->type) {
	case SPORE__MSGPACK_NIL:
		return put_word(j, "null", 4);
	case SPORE__MSGPACK_BOOL:
		return v->boolean ? put_word(j, "true", 4) : put_word(j, "false", 5);
	case SPORE__MSGPACK_INT:
		return put_int(j, v->i);
	case SPORE__MSGPACK_UINT:
		return put_uint(j, v->u, false);
	case SPORE__MSGPACK_FLOAT:
		return put_float(j, v->f);
	case SPORE__MSGPACK_STR:
		return put_string(j, v->s.bytes, v->s.len);
	case SPORE__MSGPACK_EXT:
		j->losses |= SPORE__JSON_EXT;
		return put_base64(j->w, v->s.bytes, v->s.len);
	case SPORE__MSGPACK_BIN:
		j->losses |= SPORE__JSON_BYTES;
		return put_base64(j->w, v->s.bytes, v->s.len);
	case SPORE__MSGPACK_ARRAY:
	case SPORE__MSGPACK_MAP:
		break;
	}
	return false;
}

static inline bool put_byte(struct writer *j, unsigned char c)
{
	unsigned char *to = spore__json_room(j->w, 1);
	if (to == NULL)
		return false;
	*to = c;
	j->w->len++;
	return true;
}

static enum spore_err put_key(struct writer *j, const struct spore__msgpack_value *v, const unsigned char *where)
{
	size_t before = j->w->len;
	bool text = v->type == SPORE__MSGPACK_STR;
	if (v->type == SPORE__MSGPACK_ARRAY || v->type == SPORE__MSGPACK_MAP)
		return fail(j, where, SPORE_EUNSUPPORTED, "a key that is an array or a map cannot be said in JSON");
	if (!text)
		j->losses |= SPORE__JSON_KEYS;
	bool quoted = text || v->type == SPORE__MSGPACK_BIN || v->type == SPORE__MSGPACK_EXT;
	if ((!quoted && !put_byte(j, '"')) || !put_single(j, v) || (!quoted && !put_byte(j, '"')))
		return SPORE_ENOMEM;
	if (!spore__json_keys_add(&j->keys, j->w->data, before, j->w->len - before, (size_t)(where - j->start)))
		return SPORE_ENOMEM;
	return put_byte(j, ':') ? SPORE_OK : SPORE_ENOMEM;
}

static enum spore_err open_level(struct writer *j, const struct spore__msgpack_value *v, const unsigned char *where)
{
	bool map = v->type == SPORE__MSGPACK_MAP;
	if (j->depth == SPORE__JSON_DEPTH)
		return fail(j, where, SPORE_ETOODEEP, "arrays and maps are in each other too deeply");
	j->levels[j->depth++] = (struct level){.left = v->count, .map = map, .key = map, .keys = j->keys.count};
	return put_byte(j, map ? '{' : '[') ? SPORE_OK : SPORE_ENOMEM;
}

// Closes what has all its values. *COMMA: another value follows.
static enum spore_err behind_value(struct writer *j, bool *comma)
{
	size_t offset;
	for (; j->depth > 0; j->depth--) {
		struct level *l = &j->levels[j->depth - 1];
		if (l->left > 0)
			return *comma && !put_byte(j, ',') ? SPORE_ENOMEM : SPORE_OK;
		enum spore_err e = l->map ? spore__json_keys_close(&j->keys, l->keys, j->w->data, &offset) : SPORE_OK;
		if (e == SPORE_EMALFORMED)
			return fail(j, j->start + offset, e, "this key is there twice");
		if (e != SPORE_OK || !put_byte(j, l->map ? '}' : ']'))
			return SPORE_ENOMEM;
		*comma = true;
	}
	return SPORE_OK;
}

// As spore__msgpack_read, which is asked for what is less common.
static inline enum spore__msgpack_err read_value(struct spore__msgpack_reader *r, struct spore__msgpack_value *v)
{
	size_t left = (size_t)(r->end - r->at);
	unsigned first = left > 0 ? *r->at : 0xc1;
	if (first < 0x80) {
		v->type = SPORE__MSGPACK_INT;
		v->i = first;
		r->at++;
		return SPORE__MSGPACK_OK;
	}
	size_t head = first == 0xd9 ? 2 : 1, len = first == 0xd9 && left > 1 ? r->at[1] : first & 0x1f;
	if (((first & 0xe0) == 0xa0 || first == 0xd9) && left >= head + len) {
		v->type = SPORE__MSGPACK_STR;
		v->s.bytes = r->at + head;
		v->s.len = (uint32_t)len;
		r->at += head + len;
		return SPORE__MSGPACK_OK;
	}
	return spore__msgpack_read(r, v);
}

static enum spore_err malformed(const struct writer *j, enum spore__msgpack_err e)
{
	return fail(j, j->r.at, SPORE_EMALFORMED,
	            e == SPORE__MSGPACK_MORE ? "the bytes end within a value"
	                                     : "the byte 0xc1 is nothing in MessagePack");
}

static enum spore_err put_all(struct writer *j)
{
	do {
		struct spore__msgpack_value v;
		const unsigned char *where = j->r.at;
		struct level *l = j->depth > 0 ? &j->levels[j->depth - 1] : NULL;
		bool comma = true;
		enum spore__msgpack_err read = read_value(&j->r, &v);
		enum spore_err e = SPORE_OK;
		if (read != SPORE__MSGPACK_OK)
			return malformed(j, read);
		if (l != NULL && l->key) {
			l->key = false;
			e = put_key(j, &v, where);
			if (e != SPORE_OK)
				return e;
			continue;
		}
		if (l != NULL) {
			l->left--;
			l->key = l->map;
		}
		if (v.type == SPORE__MSGPACK_ARRAY || v.type == SPORE__MSGPACK_MAP) {
			comma = false;
			e = open_level(j, &v, where);
		} else if (!put_single(j, &v)) {
			e = SPORE_ENOMEM;
		}
		if (e == SPORE_OK)
			e = behind_value(j, &comma);
		if (e != SPORE_OK)
			return e;
	} while (j->depth > 0);
	return j->r.at == j->r.end ? SPORE_OK : fail(j, j->r.at, SPORE_EMALFORMED, "something follows the value");
}

enum spore_err spore__json_from_msgpack(const void *bytes, size_t len, struct spore__msgpack_writer *w,
                                        unsigned *losses, struct spore__json_error *error)
{
	struct writer j;
	j.start = bytes;
	j.r = spore__msgpack_reader(bytes, len);
	j.w = w;
	j.losses = 0;
	j.depth = 0;
	j.error = error;
	spore__json_keys_init(&j.keys);
	enum spore_err e = spore__json_room(w, len + len / 8 + SLACK) != NULL ? put_all(&j) : SPORE_ENOMEM;
	spore__json_keys_finish(&j.keys);
	*losses |= j.losses;
	return e;
}
