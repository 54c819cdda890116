// Reading records of a publication whose publisher need not be trusted, and overwrites them at any time.
#ifndef SPORE_LIB_CHAN_PUB_RECORD_H
#define SPORE_LIB_CHAN_PUB_RECORD_H

#include "chan/pub.h"

struct spore__pub_found {
	enum spore__pub_kind kind;
	uint64_t number; // of messages before it
	uint64_t end;    // the next record
	uint64_t offset; // of the message, in the memory
	uint64_t len;
};

static inline bool spore__pub_is_message(const struct spore__pub_found *f)
{
	return f->kind == SPORE__PUB_MESSAGE || f->kind == SPORE__PUB_FAR;
}

static inline const struct spore__pub_says *spore__pub_says_of(const unsigned char *map)
{
	return (const struct spore__pub_says *)(const void *)(map + SPORE__PUB_SAYS_AT);
}

// The INDEX-th word of the record at AT, which is aligned as records are.
static inline uint64_t spore__pub_word(const unsigned char *map, const struct spore__pub_shape *s, uint64_t at,
                                       unsigned index)
{
	const unsigned char *record = map + SPORE__PUB_PAGE + (at & (s->log - 1));
	return atomic_load_explicit((const _Atomic uint64_t *)(const void *)record + index, memory_order_relaxed);
}

// Was what has been copied of the record at AT still that?
static inline bool spore__pub_is_whole(const unsigned char *map, uint64_t at)
{
	atomic_thread_fence(memory_order_acquire);
	return at >= atomic_load_explicit(&spore__pub_says_of(map)->tail, memory_order_relaxed);
}

// Reads the head of the record at AT, which is aligned and ends before HEAD. False: nonsense, unless it was overwritten.
static inline bool spore__pub_parse(const unsigned char *map, const struct spore__pub_shape *s, uint64_t at,
                                    uint64_t head, struct spore__pub_found *f)
{
	uint64_t to_end = s->log - (at & (s->log - 1)), most = head - at < to_end ? head - at : to_end;
	uint64_t what = spore__pub_word(map, s, at, 1), len = what & ((UINT64_C(1) << 56) - 1);
	*f = (struct spore__pub_found){.kind = (enum spore__pub_kind)(what >> 56),
	                               .number = spore__pub_word(map, s, at, 0)};
	uint64_t size = f->kind == SPORE__PUB_SKIP ? to_end : len <= most ? spore__pub_size(len) : UINT64_MAX;
	if (size > most)
		return false;
	f->end = at + size;
	f->offset = SPORE__PUB_PAGE + (at & (s->log - 1)) + SPORE__PUB_HEAD;
	f->len = len;
	if (f->kind != SPORE__PUB_FAR)
		return f->kind == SPORE__PUB_MESSAGE || f->kind == SPORE__PUB_SKIP || f->kind == SPORE__PUB_FINISH;
	uint64_t offset = len == 2 * sizeof(uint64_t) ? spore__pub_word(map, s, at, 2) : UINT64_MAX;
	f->len = len == 2 * sizeof(uint64_t) ? spore__pub_word(map, s, at, 3) : 0;
	f->offset = s->large_at + offset;
	return f->len <= SPORE_CHAN_LARGEST && offset <= s->large && f->len <= s->large - offset;
}

struct spore__pub_last {
	bool any;    // there is one, and the following is of it
	uint64_t at; // else: where it was looked for
	struct spore__pub_found found;
};

// The last message between LATEST, as the publisher has said it (SPORE__PUB_NOWHERE: none yet), and HEAD, which was looked at after that. They may
// lie apart, and for good: the publisher makes the head known first, and may end before it has said the other. SPORE_EAGAIN: it was
// overwritten meanwhile. SPORE_EMALFORMED: nonsense.
enum spore_err spore__pub_find_last(const unsigned char *map, const struct spore__pub_shape *s, uint64_t latest,
                                    uint64_t head, struct spore__pub_last *last);

#endif
