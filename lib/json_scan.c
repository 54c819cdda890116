#include "json_scan.h"

#include <stdlib.h>

#include "json.h"

enum {
	PAIRS = 16,  // so many keys are compared each with each
	PROBES = 64, // ... and so many of one place of the table, when somebody wants it to be slow
	TABLE = 512,
};

void spore__json_keys_finish(struct spore__json_keys *k)
{
	if (k->items != k->few)
		free(k->items);
	spore__json_keys_init(k);
}

bool spore__json_keys_grow(struct spore__json_keys *k)
{
	struct spore__json_key *items = k->items == k->few ? NULL : k->items;
	items = realloc(items, k->cap * 2 * sizeof *items);
	if (items == NULL)
		return false;
	if (k->items == k->few)
		memcpy(items, k->few, sizeof k->few);
	k->items = items;
	k->cap *= 2;
	return true;
}

static bool same(const struct spore__json_key *a, const struct spore__json_key *b, const unsigned char *written)
{
	return a->hash == b->hash && a->len == b->len && memcmp(written + a->at, written + b->at, a->len) == 0;
}

static enum spore_err found(const struct spore__json_key *a, const struct spore__json_key *b, size_t *offset)
{
	*offset = a->offset > b->offset ? a->offset : b->offset;
	return SPORE_EMALFORMED;
}

static enum spore_err compare_pairs(const struct spore__json_key *keys, size_t count, const unsigned char *written,
                                    size_t *offset)
{
	for (size_t i = 1; i < count; i++)
		for (size_t before = 0; before < i; before++)
			if (keys[before].hash == keys[i].hash && same(&keys[before], &keys[i], written))
				return found(&keys[before], &keys[i], offset);
	return SPORE_OK;
}

static int compare_keys(const unsigned char *written, const struct spore__json_key *a, const struct spore__json_key *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(written + a->at, written + b->at, a->len);
}

static void sift(struct spore__json_key *keys, size_t root, size_t count, const unsigned char *written)
{
	for (size_t child; (child = 2 * root + 1) < count; root = child) {
		if (child + 1 < count && compare_keys(written, &keys[child], &keys[child + 1]) < 0)
			child++;
		if (compare_keys(written, &keys[root], &keys[child]) >= 0)
			return;
		struct spore__json_key k = keys[root];
		keys[root] = keys[child];
		keys[child] = k;
	}
}

// For keys that were chosen to have one hash: as many steps for any (qsort would want the bytes in a global).
static enum spore_err compare_sorted(struct spore__json_key *keys, size_t count, const unsigned char *written,
                                     size_t *offset)
{
	for (size_t i = count / 2; i-- > 0;)
		sift(keys, i, count, written);
	for (size_t n = count; n-- > 1;) {
		struct spore__json_key k = keys[0];
		keys[0] = keys[n];
		keys[n] = k;
		sift(keys, 0, n, written);
	}
	for (size_t i = 1; i < count; i++)
		if (compare_keys(written, &keys[i - 1], &keys[i]) == 0)
			return found(&keys[i - 1], &keys[i], offset);
	return SPORE_OK;
}

// SPORE_EAGAIN: too many had one place.
static enum spore_err compare_hashed(const struct spore__json_key *keys, size_t count, uint32_t *table, size_t size,
                                     const unsigned char *written, size_t *offset)
{
	memset(table, 0, size * sizeof *table);
	for (size_t i = 0; i < count; i++) {
		size_t place = keys[i].hash & (size - 1), probes = 0;
		for (; table[place] != 0; place = (place + 1) & (size - 1)) {
			const struct spore__json_key *before = &keys[table[place] - 1];
			if (same(before, &keys[i], written))
				return found(before, &keys[i], offset);
			if (++probes > PROBES)
				return SPORE_EAGAIN;
		}
		table[place] = (uint32_t)i + 1;
	}
	return SPORE_OK;
}

enum spore_err spore__json_keys_compare(struct spore__json_keys *k, size_t base, const unsigned char *written,
                                        size_t *offset)
{
	struct spore__json_key *keys = k->items + base;
	size_t count = k->count - base, size = TABLE;
	uint32_t few[TABLE], *table = few;
	k->count = base;
	if (count <= PAIRS)
		return compare_pairs(keys, count, written, offset);
	while (size < 2 * count)
		size *= 2;
	if (size > TABLE && (table = malloc(size * sizeof *table)) == NULL)
		return SPORE_ENOMEM;
	enum spore_err e = compare_hashed(keys, count, table, size, written, offset);
	if (table != few)
		free(table);
	return e == SPORE_EAGAIN ? compare_sorted(keys, count, written, offset) : e;
}

static size_t sequence(const unsigned char *s, size_t left)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
	if (len == 0 || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	bool out = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	           (s[0] == 0xf4 && s[1] > 0x8f);
	return out ? 0 : len;
}

bool spore__json_is_utf8(const void *bytes, size_t len, size_t *where)
{
	const unsigned char *start = bytes, *p = start, *end = p + len;
	while (p < end) {
		uint64_t v;
		if (end - p >= 8) {
			memcpy(&v, p, sizeof v);
			if ((v & UINT64_C(0x8080808080808080)) == 0) {
				p += 8;
				continue;
			}
		}
		size_t n = sequence(p, (size_t)(end - p));
		if (n == 0) {
			if (where != NULL)
				*where = (size_t)(p - start);
			return false;
		}
		p += n;
	}
	return true;
}
