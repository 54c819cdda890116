// What is most frequent, in few steps, and where it is called: chan_send.c and chan_receive.c know a ring when they see one, and go on here
// instead of through the transport's ops. Whatever is not near is said by false, and is left to ring_send.c and ring_receive.c.
#ifndef SPORE_LIB_CHAN_RING_NEAR_H
#define SPORE_LIB_CHAN_RING_NEAR_H

#include <string.h>

#include "chan/ring.h"

// What is called for each message, where a call and what it saves of registers would take as long as a third of all the rest.
#define SPORE__RING_INLINE_ALWAYS static inline __attribute__((always_inline))

enum { SPORE__RING_SHORT = 64 }; // bytes of a message that is copied in a few steps

// Between two looks at a line that another processor is about to write.
static inline void spore__ring_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#endif
}

// Of at most SPORE__RING_SHORT bytes. A call of memcpy, which has to look at the length, takes longer than all the rest. What overlaps is
// written twice.
static inline void spore__ring_copy_short(unsigned char *to, const unsigned char *from, size_t len)
{
	if (len >= 32) {
		memcpy(to, from, 32);
		memcpy(to + len - 32, from + len - 32, 32);
	} else if (len >= 16) {
		memcpy(to, from, 16);
		memcpy(to + len - 16, from + len - 16, 16);
	} else if (len >= 8) {
		memcpy(to, from, 8);
		memcpy(to + len - 8, from + len - 8, 8);
	} else if (len >= 4) {
		memcpy(to, from, 4);
		memcpy(to + len - 4, from + len - 4, 4);
	} else if (len > 0) {
		unsigned char middle = from[len / 2], last = from[len - 1];
		to[0] = from[0];
		to[len / 2] = middle;
		to[len - 1] = last;
	}
}

// SHORT_ONLY: it is known to be short.
static inline void spore__ring_copy_bytes(void *to, const void *from, size_t len, bool short_only)
{
	if (short_only || len <= SPORE__RING_SHORT)
		spore__ring_copy_short(to, from, len);
	else
		memcpy(to, from, len);
}

// ---- sending

// After the head was written, and before anything else is at the next position.
static inline void spore__ring_count(struct spore__ring_sender *s, uint64_t place, uint32_t messages, uint64_t bytes)
{
	struct spore__ring_sent *c = s->counts;
	if (__builtin_expect(place >> 32 < messages, 0))
		atomic_store_explicit(&c->rounds, ++s->rounds, memory_order_relaxed);
	s->place = place;
	s->bytes += bytes;
	atomic_store_explicit(&c->place, place, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&c->bytes, s->bytes, memory_order_relaxed);
}

// All cells but the first.
static inline void spore__ring_mark_dirty(struct spore__ring_sender *s, uint32_t slot, uint32_t cells)
{
	static const uint16_t four[4] = {SPORE__RING_SLOT_DIRTY, SPORE__RING_SLOT_DIRTY, SPORE__RING_SLOT_DIRTY,
	                                 SPORE__RING_SLOT_DIRTY};
	uint32_t i = 1;
	for (; i + 4 <= cells; i += 4)
		memcpy(&s->slots[slot + i], four, sizeof four);
	for (; i < cells; i++)
		s->slots[slot + i] = SPORE__RING_SLOT_DIRTY;
}

// What the slots of a record that begins at SLOT hold. The head behind it is cleared when it could be taken for one.
static inline void spore__ring_mark(struct spore__ring_sender *s, uint32_t slot, uint32_t cells, uint32_t messages)
{
	uint16_t *slots = s->slots;
	uint32_t behind = (slot + cells) & s->mask;
	spore__ring_mark_dirty(s, slot, cells);
	slots[slot] = (uint16_t)messages;
	if (__builtin_expect(slots[behind] & SPORE__RING_SLOT_DIRTY, 0)) {
		atomic_store_explicit(spore__ring_head_at(s->cells, behind), 0, memory_order_relaxed);
		slots[behind] = 0;
	}
}

// A message that stays in the cells, and for which nothing else is due but spore__ring_wake.
static inline bool spore__ring_send_near(struct spore__ring *r, const void *data, size_t len, bool short_only)
{
	struct spore__ring_sender *s = &r->send;
	uint64_t at = s->at, cells = (len + SPORE__RING_HEAD + SPORE__RING_CELL - 1) / SPORE__RING_CELL;
	if ((!short_only && len > SPORE__RING_INLINE) || at + cells >= s->soon ||
	    atomic_load_explicit(&r->bell.gone, memory_order_relaxed))
		return false;
	uint32_t slot = (uint32_t)at & s->mask;
	unsigned char *to = s->cells + (size_t)slot * SPORE__RING_CELL;
	if (cells > 1)
		spore__ring_soon_written(to + SPORE__RING_CELL); // beside the first
	if (s->ahead) {
		spore__ring_soon_written(s->cells + (size_t)((slot + SPORE__RING_AHEAD) & s->mask) * SPORE__RING_CELL);
		if (cells > 1)
			spore__ring_soon_written(s->cells +
			                         (size_t)((slot + 1 + SPORE__RING_AHEAD) & s->mask) * SPORE__RING_CELL);
	}
	spore__ring_copy_bytes(to + SPORE__RING_HEAD, data, len, short_only);
	spore__ring_mark(s, slot, (uint32_t)cells, 1);
	s->at = at + cells;
	atomic_store_explicit((_Atomic uint64_t *)(void *)to, spore__ring_head(at, SPORE__RING_MESSAGE, (uint32_t)len),
	                      memory_order_release);
	spore__ring_count(s, s->place + (UINT64_C(1) << 32) + cells, 1, len);
	return true;
}

static inline uint32_t spore__ring_padded(size_t len)
{
	return (uint32_t)((len + 7) & ~(size_t)7);
}

// Of a message in the pack that is begun, whose messages are EACH bytes long, or of any length (0).
static inline uint32_t spore__ring_packed_size(uint32_t each, size_t len)
{
	return (each > 0 ? 0 : SPORE__RING_HEAD) + spore__ring_padded(len);
}

// There is room for it, and it is of the length that those in a run have.
SPORE__RING_INLINE_ALWAYS void spore__ring_pack(struct spore__ring_sender *s, const void *data, size_t len,
                                                bool short_only)
{
	unsigned char *to = s->pack + s->pack_bytes;
	// At the end of the ring this is of no use, and does no harm: something is mapped behind it.
	spore__ring_soon_written(to + SPORE__RING_AHEAD * SPORE__RING_CELL);
	s->pack_bytes += spore__ring_packed_size(s->pack_each, len);
	if (s->pack_each == 0) {
		const uint64_t head = len;
		s->pack_sum += (UINT64_C(1) << 32) + len;
		memcpy(to, &head, sizeof head);
		to += SPORE__RING_HEAD;
		if (len != s->pack_first)
			s->pack_mixed = true;
	}
	spore__ring_copy_bytes(to, data, len, short_only);
}

static inline bool spore__ring_pack_takes(const struct spore__ring_sender *s, size_t len)
{
	return (s->pack_each == 0 || len == s->pack_each) &&
	       s->pack_bytes + spore__ring_packed_size(s->pack_each, len) <= s->pack_limit;
}

// A run that begins as the one before, and for which there is room in any case.
static inline bool spore__ring_begin_run_near(struct spore__ring_sender *s, size_t len)
{
	uint64_t at = s->at;
	if (s->soon == 0 || len == 0 || len != s->run || at + SPORE__RING_PACK_CELLS > s->limit ||
	    ((uint32_t)at & s->mask) + SPORE__RING_PACK_CELLS > s->mask)
		return false;
	s->pack = s->cells + (size_t)((uint32_t)at & s->mask) * SPORE__RING_CELL + SPORE__RING_HEAD;
	s->pack_each = s->pack_first = (uint32_t)len;
	s->pack_bytes = spore__ring_run_begin(len);
	s->pack_limit = SPORE__RING_PACK;
	s->soon = 0;
	return true;
}

// As spore__ring_send_near, for a pack.
SPORE__RING_INLINE_ALWAYS bool spore__ring_queue_near(struct spore__ring *r, const void *data, size_t len,
                                                      bool short_only)
{
	struct spore__ring_sender *s = &r->send;
	if ((!short_only && len > SPORE__RING_PACKED) || atomic_load_explicit(&r->bell.gone, memory_order_relaxed) ||
	    (!spore__ring_pack_takes(s, len) && !spore__ring_begin_run_near(s, len)))
		return false;
	spore__ring_pack(s, data, len, short_only);
	return true;
}

// ---- receiving

static inline uint64_t spore__ring_next_head(const struct spore__ring_receiver *v)
{
	return atomic_load_explicit(spore__ring_head_at(v->cells, (uint32_t)v->at & v->mask), memory_order_acquire);
}

static inline bool spore__ring_is_next(const struct spore__ring_receiver *v, uint64_t head)
{
	return (uint32_t)head == spore__ring_number(v->at);
}

// Is there a record?
static inline bool spore__ring_any(const struct spore__ring *r)
{
	return r->receive.pack_left > 0 || spore__ring_is_next(&r->receive, spore__ring_next_head(&r->receive));
}

// A copy: the peer may change it.
static inline uint64_t spore__ring_packed_length(const unsigned char *at)
{
	return atomic_load_explicit((const _Atomic uint64_t *)(const void *)at, memory_order_relaxed);
}

// The next in a pack. With the last one its record is done with, unless something is due then.
SPORE__RING_INLINE_ALWAYS bool spore__ring_copy_packed(struct spore__ring *r, void *buffer, size_t size, size_t *len,
                                                       bool short_only)
{
	struct spore__ring_receiver *v = &r->receive;
	const unsigned char *at = v->pack;
	uint32_t left = v->pack_left; // 8 at least
	uint64_t bytes = v->pack_each;
	if (bytes == 0) {
		bytes = spore__ring_packed_length(at);
		if (bytes > left - SPORE__RING_HEAD)
			return false;
		at += SPORE__RING_HEAD;
	}
	if (bytes > size || (short_only && bytes > SPORE__RING_SHORT))
		return false;
	uint32_t frame = spore__ring_packed_size(v->pack_each, bytes);
	if (frame >= left && v->at + v->pack_cells >= v->soon)
		return false;
	if (left > SPORE__RING_AHEAD * SPORE__RING_CELL)
		__builtin_prefetch(v->pack + SPORE__RING_AHEAD * SPORE__RING_CELL);
	spore__ring_copy_bytes(buffer, at, bytes, short_only);
	*len = bytes;
	if (frame < left) {
		v->pack += frame;
		v->pack_left = left - frame;
		v->pack_done++;
	} else {
		v->pack_left = 0;
		v->pack_done = 0;
		v->at = v->released = v->at + v->pack_cells;
	}
	spore__ring_say_done(v);
	return true;
}

// As a rule an answer comes soon, and then there are few steps between its arrival and its use.
SPORE__RING_INLINE_ALWAYS bool spore__ring_spin_briefly(struct spore__ring *r, _Atomic uint64_t *at, uint32_t number,
                                                        uint64_t *head)
{
	struct spore__ring_receiver *v = &r->receive;
	if (v->sleeper.in_vain >= SPORE__RING_VAIN || r->base.spin == 0)
		return false;
	v->empty_at = v->at;
	for (unsigned i = 0; i < SPORE__RING_BRIEF; i++) {
		spore__ring_relax();
		if (v->wide)
			__builtin_prefetch((const char *)at + SPORE__RING_CELL); // it comes beside the first
		*head = atomic_load_explicit(at, memory_order_acquire);
		if ((uint32_t)*head == number) {
			v->sleeper.in_vain = 0;
			return true;
		}
	}
	return false;
}

// A message that is near, perhaps after a short wait. It lies in the cells and is not timed; nothing is lent, so everything before v->at is
// released. The sender is told by the longer path, which has its turn before a quarter of the ring is behind, and when there is nothing more.
SPORE__RING_INLINE_ALWAYS bool spore__ring_copy_near(struct spore__ring *r, void *buffer, size_t size, size_t *len,
                                                     bool wait, bool short_only)
{
	struct spore__ring_receiver *v = &r->receive;
	if (v->pack_left > 0)
		return spore__ring_copy_packed(r, buffer, size, len, short_only);
	uint64_t at = v->at;
	uint32_t slot = (uint32_t)at & v->mask, number = spore__ring_number(at);
	_Atomic uint64_t *cell = spore__ring_head_at(v->cells, slot);
	uint64_t head = atomic_load_explicit(cell, memory_order_acquire);
	if ((uint32_t)head != number && !(wait && spore__ring_spin_briefly(r, cell, number, &head)))
		return false;
	if (head >> 61 == SPORE__RING_RUN)
		return spore__ring_open_pack(v, head) && spore__ring_copy_packed(r, buffer, size, len, short_only);
	uint32_t bytes = (uint32_t)(head >> 32) - ((uint32_t)SPORE__RING_MESSAGE << 29);
	uint64_t cells = ((uint64_t)bytes + SPORE__RING_HEAD + SPORE__RING_CELL - 1) / SPORE__RING_CELL;
	if (bytes > (short_only ? SPORE__RING_SHORT : SPORE__RING_INLINE))
		return false;
	if (bytes > size || at + cells >= v->soon)
		return false;
	// Behind a sender that is far ahead; one that is near would lose the line.
	if (at - v->empty_at > SPORE__RING_STREAK) {
		__builtin_prefetch(v->cells + (size_t)((slot + SPORE__RING_AHEAD) & v->mask) * SPORE__RING_CELL);
		if (cells > 1)
			__builtin_prefetch(v->cells +
			                   (size_t)((slot + 1 + SPORE__RING_AHEAD) & v->mask) * SPORE__RING_CELL);
	}
	spore__ring_copy_bytes(buffer, (const unsigned char *)cell + SPORE__RING_HEAD, bytes, short_only);
	*len = bytes;
	v->wide = cells > 1;
	v->at = v->released = at + cells;
	spore__ring_say_done(v);
	return true;
}

#endif
