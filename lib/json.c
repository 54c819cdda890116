#include "json.h"

#include "json_number.h"
#include "json_scan.h"

enum {
	HEAD = 5,   // bytes before the content of a string, array or map, at most
	SHORT = 16, // bytes of a string that are looked at, and written, together
	LEFT =
	    64, // of room, which each step leaves behind what it writes: what is small needs no look at how much there is
};

struct level {
	size_t head;    // where the one byte that is reserved for it lies; the others are moved when there are many
	size_t keys;    // of an object: its first key
	uint32_t count; // values, or pairs
	bool map;
	struct spore__json_seen seen;
};

struct reader {
	const unsigned char *start, *end;
	struct spore__msgpack_writer *w;
	unsigned char *to; // of what is written
	const unsigned char *limit;
	struct spore__json_error *error;
	unsigned depth;
	struct level levels[SPORE__JSON_DEPTH];
	struct spore__json_keys keys;
};

// What a step says: where it went on, or NULL with the error here.
static const unsigned char *fail(const struct reader *r, const unsigned char *where, const char *why)
{
	r->error->offset = (size_t)(where - r->start);
	r->error->why = why;
	return NULL;
}

static const unsigned char *no_memory(const struct reader *r)
{
	return fail(r, r->start, NULL);
}

static bool grow(struct reader *r, size_t len)
{
	r->w->len = (size_t)(r->to - r->w->data);
	r->to = spore__msgpack_room(r->w, len);
	r->limit = r->w->data + r->w->cap;
	return r->to != NULL;
}

// Makes room for LEN bytes and LEFT more.
static inline bool room(struct reader *r, size_t len)
{
	return (size_t)(r->limit - r->to) >= len + LEFT || grow(r, len + LEFT);
}

static inline size_t written(const struct reader *r)
{
	return (size_t)(r->to - r->w->data);
}

static inline const unsigned char *skip_space(const unsigned char *p, const unsigned char *end)
{
	if (p<end && * p> ' ')
		return p;
	for (; p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'); p++) {
#if defined(__SSE2__)
		// Indentation.
		const __m128i space = _mm_set1_epi8(' ');
		while (end - p > 16 && p[1] == ' ') {
			unsigned others = ~(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(
			                      _mm_loadu_si128((const __m128i *)(const void *)(p + 1)), space)) &
			                  0xffff;
			p += others == 0 ? 16 : __builtin_ctz(others);
			if (others != 0)
				break;
		}
#endif
	}
	return p;
}

// ---- strings

static size_t put_head(unsigned char *to, size_t len)
{
	if (len < 32) {
		to[0] = (unsigned char)(0xa0 | len);
		return 1;
	}
	if (len <= UINT8_MAX) {
		to[0] = 0xd9;
		to[1] = (unsigned char)len;
		return 2;
	}
	if (len <= UINT16_MAX) {
		to[0] = 0xda;
		to[1] = (unsigned char)(len >> 8);
		to[2] = (unsigned char)len;
		return 3;
	}
	to[0] = 0xdb;
	for (int i = 0; i < 4; i++)
		to[1 + i] = (unsigned char)(len >> (24 - 8 * i));
	return HEAD;
}

static int hex4(const unsigned char *p, const unsigned char *end)
{
	int n = 0;
	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		unsigned c = p[i], lower = c | 0x20;
		unsigned digit = c - '0' < 10 ? c - '0' : lower - 'a' < 6 ? lower - 'a' + 10 : 16;
		if (digit == 16)
			return -1;
		n = n << 4 | (int)digit;
	}
	return n;
}

static size_t put_utf8(unsigned char *to, unsigned c)
{
	if (c < 0x80) {
		to[0] = (unsigned char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (unsigned char)(0xc0 | c >> 6);
		to[1] = (unsigned char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (unsigned char)(0xe0 | c >> 12);
		to[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (unsigned char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (unsigned char)(0xf0 | c >> 18);
	to[1] = (unsigned char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (unsigned char)(0x80 | (c & 0x3f));
	return 4;
}

// Behind "\u". A pair of surrogates is one character.
static const unsigned char *take_unicode(const struct reader *r, const unsigned char *p, unsigned char **to)
{
	int c = hex4(p, r->end);
	if (c < 0)
		return fail(r, p - 2, "\\u needs four hexadecimal digits");
	if (c >= 0xdc00 && c < 0xe000)
		return fail(r, p - 2, "a lone surrogate is no character");
	if (c >= 0xd800 && c < 0xdc00) {
		int low = r->end - p >= 6 && p[4] == '\\' && p[5] == 'u' ? hex4(p + 6, r->end) : -1;
		if (low < 0xdc00 || low >= 0xe000)
			return fail(r, p - 2, "a lone surrogate is no character");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		p += 6;
	}
	*to += put_utf8(*to, (unsigned)c);
	return p + 4;
}

static const unsigned char *take_escape(const struct reader *r, const unsigned char *p, unsigned char **to)
{
	static const unsigned char meant[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
	                                         ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
	if (r->end - p < 2)
		return fail(r, r->end, "the text ends within a string");
	if (p[1] == 'u')
		return take_unicode(r, p + 2, to);
	if (meant[p[1]] == 0)
		return fail(r, p, "there is no such escape");
	*(*to)++ = meant[p[1]];
	return p + 2;
}

// A string with escapes, whose first plain bytes end at P. There is room for all of it: its text is never longer than how it is written.
static const unsigned char *take_escaped(const struct reader *r, const unsigned char *content, const unsigned char *p,
                                         unsigned char *to, uint64_t *high, size_t *len)
{
	unsigned char *const first = to;
	memcpy(to, content, (size_t)(p - content));
	to += p - content;
	while (p < r->end && *p == '\\') {
		p = take_escape(r, p, &to);
		if (p == NULL)
			return NULL;
		const unsigned char *stop = spore__json_plain(p, r->end, high);
		memcpy(to, p, (size_t)(stop - p));
		to += stop - p;
		p = stop;
	}
	*len = (size_t)(to - first);
	return p;
}

// The string whose quote is at P; where its content was written goes to *AT, *LEN.
static const unsigned char *long_string(struct reader *r, const unsigned char *p, size_t *at, size_t *len)
{
	const unsigned char *content = p + 1, *stop;
	uint64_t high = 0;
	stop = spore__json_plain(content, r->end, &high);
	*len = (size_t)(stop - content);
	bool escaped = stop < r->end && *stop == '\\';
	size_t most = *len;
	if (escaped) { // up to the quote that ends it, as if each escape were a byte
		const unsigned char *quote = stop;
		while (quote < r->end && *quote != '"') {
			quote += *quote == '\\' ? 2 : 1;
			if (quote < r->end)
				quote = spore__json_plain(quote, r->end, &(uint64_t){0});
			if (quote < r->end && *quote < 0x20)
				break;
		}
		most = (size_t)((quote < r->end ? quote : r->end) - content);
	}
	if (most > UINT32_MAX)
		return fail(r, p, "the string is too long");
	if (!room(r, HEAD + most))
		return no_memory(r);
	unsigned char *to = r->to;
	if (escaped) {
		stop = take_escaped(r, content, stop, to + HEAD, &high, len);
		if (stop == NULL)
			return NULL;
	}
	if (stop >= r->end)
		return fail(r, r->end, "the text ends within a string");
	if (*stop != '"')
		return fail(r, stop, "a control character in a string has to be escaped");
	size_t where, head = put_head(to, *len);
	if (high != 0 && !spore__json_is_utf8(content, (size_t)(stop - content), &where))
		return fail(r, content + where, "this is not UTF-8");
	if (escaped)
		memmove(to + head, to + HEAD, *len);
	else
		memcpy(to + head, content, *len);
	*at = written(r) + head;
	r->to = to + head + *len;
	return stop + 1;
}

static inline const unsigned char *take_string(struct reader *r, const unsigned char *p, size_t *at, size_t *len)
{
#if defined(__SSE2__)
	// Most are short, ASCII, and without escapes.
	if (r->end - p > SHORT) {
		const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + 1));
		unsigned quotes = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, quote));
		unsigned others = (unsigned)_mm_movemask_epi8(_mm_or_si128(
		                      _mm_cmpeq_epi8(v, slash), _mm_cmpeq_epi8(_mm_min_epu8(v, control), v))) |
		                  (unsigned)_mm_movemask_epi8(v);
		unsigned before = quotes - 1;
		if (quotes != 0 && (others & before & ~quotes) == 0) {
			unsigned char *to = r->to;
			*len = (size_t)__builtin_ctz(quotes);
			to[0] = (unsigned char)(0xa0 | *len);
			_mm_storeu_si128((__m128i *)(void *)(to + 1), v);
			*at = written(r) + 1;
			r->to = to + 1 + *len;
			return p + 2 + *len;
		}
	}
#endif
	return long_string(r, p, at, len);
}

// ---- the rest

static inline void put_number(struct reader *r, unsigned char first, uint64_t n, int width)
{
	*r->to++ = first;
	for (int i = width - 1; i >= 0; i--)
		*r->to++ = (unsigned char)(n >> (8 * i));
}

static void put_uint(struct reader *r, uint64_t u)
{
	if (u < 0x80)
		*r->to++ = (unsigned char)u;
	else if (u <= UINT8_MAX)
		put_number(r, 0xcc, u, 1);
	else if (u <= UINT16_MAX)
		put_number(r, 0xcd, u, 2);
	else if (u <= UINT32_MAX)
		put_number(r, 0xce, u, 4);
	else
		put_number(r, 0xcf, u, 8);
}

static void put_int(struct reader *r, int64_t i)
{
	if (i >= 0)
		put_uint(r, (uint64_t)i);
	else if (i >= -32)
		*r->to++ = (unsigned char)i;
	else if (i >= INT8_MIN)
		put_number(r, 0xd0, (uint64_t)i, 1);
	else if (i >= INT16_MIN)
		put_number(r, 0xd1, (uint64_t)i, 2);
	else if (i >= INT32_MIN)
		put_number(r, 0xd2, (uint64_t)i, 4);
	else
		put_number(r, 0xd3, (uint64_t)i, 8);
}

static const unsigned char *any_number(struct reader *r, const unsigned char *p)
{
	struct spore__json_number n;
	uint64_t bits;
	p = spore__json_number(p, r->end, &n);
	switch (n.kind) {
	case SPORE__JSON_NUMBER_INT:
		put_int(r, n.i);
		break;
	case SPORE__JSON_NUMBER_UINT:
		put_uint(r, n.u);
		break;
	case SPORE__JSON_NUMBER_FLOAT:
		memcpy(&bits, &n.f, sizeof bits);
		put_number(r, 0xcb, bits, 8);
		break;
	case SPORE__JSON_NUMBER_BAD:
		return fail(r, p, n.why);
	}
	return p;
}

static inline const unsigned char *take_number(struct reader *r, const unsigned char *p)
{
	// Most are integers of few digits.
	const unsigned char *behind = p;
	unsigned u = 0, digit;
	for (; r->end - behind > 1 && behind - p < 4 && (digit = (unsigned)*behind - '0') < 10; behind++)
		u = u * 10 + digit;
	if (behind == p || (unsigned)*behind - '0' < 10 || *behind == '.' || (*behind | 0x20) == 'e' ||
	    (*p == '0' && behind > p + 1))
		return any_number(r, p);
	put_uint(r, u);
	return behind;
}

static const unsigned char *take_word(struct reader *r, const unsigned char *p)
{
	static const struct {
		const char *text;
		size_t len;
		unsigned char byte;
	} words[] = {{"null", 4, 0xc0}, {"false", 5, 0xc2}, {"true", 4, 0xc3}};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if ((size_t)(r->end - p) < words[i].len || memcmp(p, words[i].text, words[i].len) != 0)
			continue;
		*r->to++ = words[i].byte;
		return p + words[i].len;
	}
	return fail(r, p, p < r->end ? "a value was expected" : "the text ends where a value was expected");
}

static const unsigned char *take_key(struct reader *r, const unsigned char *p)
{
	size_t at, len, offset;
	p = skip_space(p, r->end);
	if (p == r->end || *p != '"')
		return fail(r, p, "a key in double quotes was expected");
	offset = (size_t)(p - r->start);
	p = take_string(r, p, &at, &len);
	if (p == NULL)
		return NULL;
	if (!spore__json_keys_add(&r->keys, &r->levels[r->depth - 1].seen, spore__json_hash(r->w->data + at, len), at,
	                          len, offset))
		return no_memory(r);
	p = skip_space(p, r->end);
	if (p == r->end || *p != ':')
		return fail(r, p, "a colon was expected");
	return p + 1;
}

// Its head is known now. One byte was left for it, which is enough for up to 15 values.
static bool put_count(struct reader *r, const struct level *l)
{
	size_t more = l->count < 16 ? 0 : l->count <= UINT16_MAX ? 2 : 4;
	if (more > 0) {
		if (!room(r, more))
			return false;
		unsigned char *at = r->w->data + l->head;
		memmove(at + 1 + more, at + 1, written(r) - l->head - 1);
		at[0] = (unsigned char)((l->map ? 0xde : 0xdc) + (more == 4));
		for (size_t i = 0; i < more; i++)
			at[1 + i] = (unsigned char)(l->count >> (8 * (more - 1 - i)));
		r->to += more;
		return true;
	}
	r->w->data[l->head] = (unsigned char)((l->map ? 0x80 : 0x90) | l->count);
	return true;
}

static const unsigned char *close_level(struct reader *r, const unsigned char *p)
{
	struct level *l = &r->levels[--r->depth];
	size_t offset;
	if (l->map) {
		enum spore_err e = spore__json_keys_close(&r->keys, l->keys, &l->seen, r->w->data, &offset);
		if (e == SPORE_ENOMEM)
			return no_memory(r);
		if (e != SPORE_OK)
			return fail(r, r->start + offset, "this key is there twice");
	}
	return put_count(r, l) ? p + 1 : no_memory(r);
}

static const char too_deep[] = "arrays and objects are in each other too deeply";

// *OPEN: its first value follows.
static const unsigned char *open_level(struct reader *r, const unsigned char *p, bool *open)
{
	bool map = *p == '{';
	if (r->depth == SPORE__JSON_DEPTH)
		return fail(r, p, too_deep);
	r->levels[r->depth++] = (struct level){.head = written(r), .keys = r->keys.count, .map = map};
	r->to++;
	p = skip_space(p + 1, r->end);
	*open = !(p < r->end && *p == (map ? '}' : ']'));
	if (!*open)
		return close_level(r, p);
	return map ? take_key(r, p) : p;
}

// Behind a value: closes what it was the last of. *MORE: another value follows.
static const unsigned char *behind_value(struct reader *r, const unsigned char *p, bool *more)
{
	for (*more = false; r->depth > 0;) {
		struct level *l = &r->levels[r->depth - 1];
		l->count++;
		p = skip_space(p, r->end);
		if (p == r->end)
			return fail(r, p, l->map ? "the text ends within an object" : "the text ends within an array");
		if (*p == ',') {
			*more = true;
			return l->map ? take_key(r, p + 1) : p + 1;
		}
		if (*p != (l->map ? '}' : ']'))
			return fail(r, p, l->map ? "a comma or } was expected" : "a comma or ] was expected");
		p = close_level(r, p);
		if (p == NULL)
			return NULL;
	}
	return p;
}

static const unsigned char *take_all(struct reader *r, const unsigned char *p)
{
	for (bool more = true; more;) {
		size_t at, len;
		if (!room(r, 0))
			return no_memory(r);
		p = skip_space(p, r->end);
		unsigned char c = p < r->end ? *p : 0;
		if (c == '"') {
			p = take_string(r, p, &at, &len);
		} else if (c == '{' || c == '[') {
			bool open;
			p = open_level(r, p, &open);
			if (p != NULL && open)
				continue;
		} else if (c == '-' || (unsigned)c - '0' < 10) {
			p = take_number(r, p);
		} else {
			p = take_word(r, p);
		}
		if (p != NULL)
			p = behind_value(r, p, &more);
		if (p == NULL)
			return NULL;
	}
	p = skip_space(p, r->end);
	return p == r->end ? p : fail(r, p, "something follows the value");
}

enum spore_err spore__json_to_msgpack(const void *text, size_t len, struct spore__msgpack_writer *w,
                                      struct spore__json_error *error)
{
	struct reader r;
	r.start = text;
	r.end = r.start + len;
	r.w = w;
	r.error = error;
	r.depth = 0;
	spore__json_keys_init(&r.keys);
	// A guess that is seldom too little.
	r.to = spore__msgpack_room(w, len + LEFT);
	r.limit = w->data + w->cap;
	const unsigned char *done = r.to != NULL ? take_all(&r, r.start) : no_memory(&r);
	spore__json_keys_finish(&r.keys);
	if (done != NULL) {
		w->len = written(&r);
		return SPORE_OK;
	}
	return error->why == NULL ? SPORE_ENOMEM : error->why == too_deep ? SPORE_ETOODEEP : SPORE_EMALFORMED;
}
