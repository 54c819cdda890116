#include "json.h"

#include "json_number.h"
#include "json_scan.h"

enum {
	HEAD = 5,   // bytes before the content of a string, array or map, at most
	SLACK = 16, // bytes that a short string may be written with too many
	SHORT = 16,
};

struct level {
	size_t head;    // where the one byte that is reserved for it lies; the others are moved when there are many
	size_t keys;    // of an object: its first key
	uint32_t count; // values, or pairs
	bool map;
};

struct reader {
	const unsigned char *start, *end;
	struct spore__msgpack_writer *w;
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
	unsigned char *to = spore__json_room(r->w, HEAD + most + SLACK);
	if (to == NULL)
		return no_memory(r);
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
	*at = r->w->len + head;
	r->w->len += head + *len;
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
			unsigned char *to = spore__json_room(r->w, 1 + SLACK);
			if (to == NULL)
				return no_memory(r);
			*len = (size_t)__builtin_ctz(quotes);
			to[0] = (unsigned char)(0xa0 | *len);
			_mm_storeu_si128((__m128i *)(void *)(to + 1), v);
			*at = r->w->len + 1;
			r->w->len += 1 + *len;
			return p + 2 + *len;
		}
	}
#endif
	return long_string(r, p, at, len);
}

// ---- the rest

static inline const unsigned char *take_number(struct reader *r, const unsigned char *p)
{
	unsigned digit = (unsigned)*p - '0';
	if (digit < 10 && r->end - p > 1 && (unsigned)p[1] - '0' >= 10 && p[1] != '.' && (p[1] | 0x20) != 'e') {
		unsigned char *to = spore__json_room(r->w, 1);
		if (to == NULL)
			return no_memory(r);
		*to = (unsigned char)digit;
		r->w->len++;
		return p + 1;
	}
	struct spore__json_number n;
	p = spore__json_number(p, r->end, &n);
	switch (n.kind) {
	case SPORE__JSON_NUMBER_INT:
		spore__msgpack_int(r->w, n.i);
		break;
	case SPORE__JSON_NUMBER_UINT:
		spore__msgpack_uint(r->w, n.u);
		break;
	case SPORE__JSON_NUMBER_FLOAT:
		spore__msgpack_float(r->w, n.f);
		break;
	case SPORE__JSON_NUMBER_BAD:
		return fail(r, p, n.why);
	}
	return r->w->err == 0 ? p : no_memory(r);
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
		spore__msgpack_raw(r->w, &words[i].byte, 1);
		return r->w->err == 0 ? p + words[i].len : no_memory(r);
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
	if (!spore__json_keys_add(&r->keys, r->w->data, at, len, offset))
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
		if (spore__json_room(r->w, more) == NULL)
			return false;
		unsigned char *at = r->w->data + l->head;
		memmove(at + 1 + more, at + 1, r->w->len - l->head - 1);
		at[0] = (unsigned char)((l->map ? 0xde : 0xdc) + (more == 4));
		for (size_t i = 0; i < more; i++)
			at[1 + i] = (unsigned char)(l->count >> (8 * (more - 1 - i)));
		r->w->len += more;
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
		enum spore_err e = spore__json_keys_close(&r->keys, l->keys, r->w->data, &offset);
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
	if (spore__json_room(r->w, 1) == NULL)
		return no_memory(r);
	r->levels[r->depth++] = (struct level){.head = r->w->len++, .keys = r->keys.count, .map = map};
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
	const unsigned char *done = spore__json_room(w, len + SLACK) != NULL ? take_all(&r, r.start) : no_memory(&r);
	spore__json_keys_finish(&r.keys);
	if (done != NULL)
		return SPORE_OK;
	return error->why == NULL ? SPORE_ENOMEM : error->why == too_deep ? SPORE_ETOODEEP : SPORE_EMALFORMED;
}
