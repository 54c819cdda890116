// What both directions of json.h have in common: looking through strings many bytes at a time, and keys that are there twice. Private to them.
#ifndef SPORE_LIB_JSON_SCAN_H
#define SPORE_LIB_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "msgpack.h"
#include "spore/spore.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// The first byte from P on that JSON does not write as it is ('"', '\\', a control character), END when there is none. *HIGH gets a bit where one
// before it is not ASCII.
static inline const unsigned char *spore__json_plain(const unsigned char *p, const unsigned char *end, uint64_t *high)
{
#if defined(__SSE2__)
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i stop = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)),
		                            _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
		unsigned stops = (unsigned)_mm_movemask_epi8(stop), tops = (unsigned)_mm_movemask_epi8(v);
		if (stops != 0) {
			*high |= tops & (stops - 1) & ~stops;
			return p + __builtin_ctz(stops);
		}
		*high |= tops;
	}
#else
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	for (; end - p >= 8; p += 8) {
		uint64_t v;
		memcpy(&v, p, sizeof v);
		uint64_t q = v ^ (ones * '"'), s = v ^ (ones * '\\');
		// Each of the three may also say yes for a byte above one that is meant, so the bytes are looked at then.
		if ((((q - ones) & ~q) | ((s - ones) & ~s) | ((v - ones * 0x20) & ~v)) & tops)
			break;
		*high |= v & tops;
	}
#endif
	for (; p < end && *p != '"' && *p != '\\' && *p >= 0x20; p++)
		*high |= *p & 0x80;
	return p;
}

// A key of an object that is not closed yet. Those of one object are behind each other, since an object in it gives its own back when it closes.
struct spore__json_key {
	uint32_t hash;
	uint32_t len;
	size_t at;     // where it lies in what was written
	size_t offset; // where it was read
};

enum { SPORE__JSON_FEW_KEYS = 64 };

struct spore__json_keys {
	struct spore__json_key *items; // `few`, or malloc'ed
	size_t count, cap;
	struct spore__json_key few[SPORE__JSON_FEW_KEYS];
};

static inline void spore__json_keys_init(struct spore__json_keys *k)
{
	k->items = k->few;
	k->count = 0;
	k->cap = SPORE__JSON_FEW_KEYS;
}
void spore__json_keys_finish(struct spore__json_keys *k);
bool spore__json_keys_grow(struct spore__json_keys *k); // false: no memory

static inline uint32_t spore__json_hash(const unsigned char *p, size_t len)
{
	uint64_t first = 0, last = 0;
	if (len >= 8) {
		memcpy(&first, p, 8);
		memcpy(&last, p + len - 8, 8);
	} else if (len >= 4) {
		uint32_t a, b;
		memcpy(&a, p, 4);
		memcpy(&b, p + len - 4, 4);
		first = (uint64_t)a << 32 | b;
	} else if (len > 0) {
		first = (uint64_t)p[0] << 16 | (uint64_t)p[len / 2] << 8 | p[len - 1];
	}
	uint64_t h = (first ^ (last * UINT64_C(0x9e3779b97f4a7c15)) ^ len) * UINT64_C(0xff51afd7ed558ccd);
	return (uint32_t)(h >> 32);
}

// What is known of the hashes of one object's keys: without two that are alike there is nothing to compare.
struct spore__json_seen {
	uint64_t bits;
	uint64_t alike; // not 0: some were
};

// The LEN bytes at AT of what was written are a key, read at OFFSET. False: no memory.
static inline bool spore__json_keys_add(struct spore__json_keys *k, struct spore__json_seen *seen, uint32_t hash,
                                        size_t at, size_t len, size_t offset)
{
	uint64_t bit = UINT64_C(1) << (hash & 63);
	if (k->count == k->cap && !spore__json_keys_grow(k))
		return false;
	seen->alike |= seen->bits & bit;
	seen->bits |= bit;
	k->items[k->count++] = (struct spore__json_key){.hash = hash, .len = (uint32_t)len, .at = at, .offset = offset};
	return true;
}

enum spore_err spore__json_keys_compare(struct spore__json_keys *k, size_t base, const unsigned char *written,
                                        size_t *offset);

// Is none of the keys from BASE on there twice? They are given back. SPORE_EMALFORMED with *OFFSET of the second, SPORE_ENOMEM.
static inline enum spore_err spore__json_keys_close(struct spore__json_keys *k, size_t base,
                                                    const struct spore__json_seen *seen, const unsigned char *written,
                                                    size_t *offset)
{
	if (seen->alike != 0)
		return spore__json_keys_compare(k, base, written, offset);
	k->count = base;
	return SPORE_OK;
}

#endif
