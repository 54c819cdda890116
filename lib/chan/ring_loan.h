// As ring_near.h, for what is lent: by the sender to be filled, by the receiver to be read. A large message takes no more steps than a small one.
#ifndef SPORE_LIB_CHAN_RING_LOAN_H
#define SPORE_LIB_CHAN_RING_LOAN_H

#include "chan/ring_near.h"

// ---- sending

// Room in the part of the heap that there is memory for.
static inline bool spore__ring_heap_near(struct spore__ring_sender *s, size_t wanted, uint32_t *offset)
{
	uint32_t size = (uint32_t)((wanted + SPORE__RING_ALIGN - 1) & ~(size_t)(SPORE__RING_ALIGN - 1));
	bool behind = s->heap_records > 0 && s->heap_head < s->heap_tail; // of the tail, and must not reach it
	if (s->heap_records == 0)
		s->heap_head = s->heap_tail = 0; // where the pages are warm
	if (behind ? s->heap_tail - s->heap_head <= size : s->heap_active - s->heap_head < size)
		return false;
	*offset = s->heap_head;
	s->heap_head += size;
	return true;
}

// The first slab that is known to be free, if it is of about this size.
static inline bool spore__ring_slab_near(struct spore__ring_sender *s, size_t size, int *index)
{
	if (s->slabs_free == 0 || spore__ring_enough_flying(s, size))
		return false;
	int i = __builtin_ctzll(s->slabs_free);
	uint64_t len = s->slabs[i].len;
	if (len < size || len - size > size / 8)
		return false;
	spore__ring_slab_use(s, i);
	*index = i;
	return true;
}

// A message in the cells. All of them may be written, whatever is committed then.
static inline void *spore__ring_loan_cells(struct spore__ring_sender *s, uint32_t cells)
{
	uint32_t slot = (uint32_t)s->at & s->mask;
	spore__ring_mark_dirty(s, slot, cells);
	s->loan_kind = SPORE__RING_MESSAGE;
	return s->cells + (size_t)slot * SPORE__RING_CELL + SPORE__RING_HEAD;
}

static inline bool spore__ring_loan_near(struct spore__ring *r, size_t size, void **data)
{
	struct spore__ring_sender *s = &r->send;
	uint64_t cells = size <= SPORE__RING_INLINE ? spore__ring_cells(size) : 1;
	if (s->at + cells >= s->soon || atomic_load_explicit(&r->bell.gone, memory_order_relaxed))
		return false;
	if (size <= SPORE__RING_INLINE) {
		*data = spore__ring_loan_cells(s, (uint32_t)cells);
		return true;
	}
	if (size <= s->heap_size / 4) {
		uint32_t offset, before = s->heap_head;
		if (!spore__ring_heap_near(s, size, &offset))
			return false;
		s->loan_before = before;
		s->loan_offset = offset;
		s->loan_slab = -1;
		s->loan_kind = SPORE__RING_HEAP;
		*data = s->heap + offset;
	} else {
		if (size >= SPORE__RING_WARM || !spore__ring_slab_near(s, size, &s->loan_slab))
			return false;
		s->loan_offset = s->slabs[s->loan_slab].offset;
		s->loan_kind = SPORE__RING_LARGE;
		*data = s->slabs[s->loan_slab].at;
	}
	spore__ring_take_room(s);
	return true;
}

// Nothing else may be due but spore__ring_wake.
static inline bool spore__ring_commit_near(struct spore__ring *r, size_t len)
{
	struct spore__ring_sender *s = &r->send;
	uint64_t at = s->at;
	bool inside = s->loan_kind == SPORE__RING_MESSAGE;
	uint32_t cells = inside ? spore__ring_cells(len) : 1, slot = (uint32_t)at & s->mask;
	if (at + cells >= s->soon || atomic_load_explicit(&r->bell.gone, memory_order_acquire))
		return false;
	_Atomic uint64_t *cell = spore__ring_head_at(s->cells, slot);
	spore__ring_soon_written(spore__ring_head_at(s->cells, (slot + SPORE__RING_AHEAD) & s->mask));
	if (!inside) {
		const uint64_t where[2] = {s->loan_offset, len};
		memcpy((unsigned char *)cell + SPORE__RING_HEAD, where, sizeof where);
		s->heap_records += s->loan_kind == SPORE__RING_HEAP;
		s->far[s->far_next++ & s->mask] =
		    (struct spore__ring_far){.end = at + 1, .heap_end = s->heap_head, .slab = s->loan_slab};
	}
	spore__ring_mark(s, slot, cells, 1);
	s->at = at + cells;
	atomic_store_explicit(cell, spore__ring_head(at, s->loan_kind, inside ? (uint32_t)len : 0),
	                      memory_order_release);
	spore__ring_count(s, s->place + (UINT64_C(1) << 32) + cells, 1, len);
	s->loan_kind = 0;
	return true;
}

// ---- receiving

// What the record says of a message in the heap or the large area, copied: the peer may change it.
static inline bool spore__ring_where(const struct spore__ring_receiver *v, enum spore__ring_kind kind,
                                     const unsigned char *cell, uint64_t where[2])
{
	const _Atomic uint64_t *words = (const _Atomic uint64_t *)(const void *)(cell + SPORE__RING_HEAD);
	for (int i = 0; i < 2; i++)
		where[i] = atomic_load_explicit(&words[i], memory_order_relaxed);
	uint64_t size = kind == SPORE__RING_HEAP ? v->heap_size : v->large_size;
	uint64_t align = kind == SPORE__RING_HEAP ? SPORE__RING_ALIGN : SPORE__RING_PAGE;
	return where[0] <= size && where[1] <= size - where[0] && where[1] <= SPORE_CHAN_LARGEST &&
	       where[0] % align == 0;
}

static inline bool spore__ring_window_has(const struct spore__ring_window *w, const uint64_t where[2])
{
	return w->at != NULL && where[0] >= w->offset && where[0] - w->offset <= w->len &&
	       where[1] <= w->len - (where[0] - w->offset);
}

// A window that was used for this place before: its number plus one.
static inline uint8_t *spore__ring_known_window(struct spore__ring_receiver *v, uint64_t offset)
{
	return &v->known[(offset / SPORE__RING_PAGE * UINT64_C(0x9e3779b97f4a7c15)) >> 60];
}

// A message that is near, perhaps after a short wait. Nothing is lent.
static inline bool spore__ring_read_near(struct spore__ring *r, const void **data, size_t *len, bool wait)
{
	struct spore__ring_receiver *v = &r->receive;
	uint64_t at = v->at;
	uint32_t number = spore__ring_number(at);
	_Atomic uint64_t *cell = spore__ring_head_at(v->cells, (uint32_t)at & v->mask);
	if (v->pack_left > 0)
		return false;
	uint64_t head = atomic_load_explicit(cell, memory_order_acquire);
	if ((uint32_t)head != number && !(wait && spore__ring_spin_briefly(r, cell, number, &head)))
		return false;
	enum spore__ring_kind kind = (enum spore__ring_kind)(head >> 61);
	struct spore__ring_lent lent = {.cells = 1, .window = -1};
	uint64_t where[2];
	if (kind == SPORE__RING_MESSAGE) {
		*len = (uint32_t)(head >> 32) & ((1U << 29) - 1);
		lent.cells = *len <= SPORE__RING_INLINE ? spore__ring_cells(*len) : 1;
		*data = (const unsigned char *)cell + SPORE__RING_HEAD;
		if (*len > SPORE__RING_INLINE)
			return false;
	} else if (kind != SPORE__RING_HEAP && kind != SPORE__RING_LARGE) {
		return false;
	} else if (!spore__ring_where(v, kind, (const unsigned char *)cell, where)) {
		return false;
	} else if (kind == SPORE__RING_HEAP) {
		lent.heap = (uint32_t)where[1];
		*data = v->heap + where[0];
		*len = where[1];
	} else {
		int known = *spore__ring_known_window(v, where[0]) - 1;
		struct spore__ring_window *w = &v->windows[known >= 0 ? known : 0];
		if (where[1] == 0 || known < 0 || !spore__ring_window_has(w, where))
			return false;
		lent.window = known;
		*data = w->at + (where[0] - w->offset);
		*len = where[1];
	}
	if (at + lent.cells >= v->soon)
		return false;
	if (at - v->empty_at > SPORE__RING_STREAK) // few are under way when they are large
		__builtin_prefetch(spore__ring_head_at(v->cells, (uint32_t)(at + 4) & v->mask));
	if (lent.window >= 0) {
		v->windows[lent.window].used = ++v->turn;
		v->windows[lent.window].lent++;
	}
	v->lent[v->lent_next++ % SPORE__RING_LENT] = lent;
	v->at = at + lent.cells;
	return true;
}

// The oldest that is lent. The sender is told at once where it may need the memory: of a large message, and when nothing more is there.
static inline void spore__ring_give_back(struct spore__ring *r, const struct spore__ring_lent *lent)
{
	struct spore__ring_receiver *v = &r->receive;
	v->released += lent->cells;
	v->pack_done = lent->cells > 0 ? 0 : v->pack_done + 1;
	spore__ring_say_done(v);
	v->heap_unpublished += lent->heap;
	if (v->released - v->published > v->mask / 4 || v->heap_unpublished >= v->heap_size / 8 || lent->window >= 0 ||
	    v->err == SPORE_EEND || (v->released != v->published && !spore__ring_any(r)))
		spore__ring_publish_released(r);
}

static inline void spore__ring_release_near(struct spore__ring *r)
{
	struct spore__ring_receiver *v = &r->receive;
	if (v->lent_first == v->lent_next)
		return;
	const struct spore__ring_lent lent = v->lent[v->lent_first++ % SPORE__RING_LENT];
	if (lent.window >= 0)
		v->windows[lent.window].lent--;
	spore__ring_give_back(r, &lent);
}

#endif
