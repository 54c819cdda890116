#include <sys/mman.h>

#include "../os/os.h"
#include "chan/ring_loan.h"

// More of the heap is used when a message finds no room in what is in use.
static bool grow(struct spore__ring *r, uint32_t size)
{
	struct spore__ring_sender *s = &r->send;
	uint64_t active = s->heap_active > 0 ? s->heap_active : SPORE__RING_HEAP_FIRST;
	while (active - s->heap_head < size && active < s->heap_size)
		active *= 2;
	if (active > s->heap_size || active - s->heap_head < size ||
	    spore__io_memory_reserve(r->memory, s->heap_offset + s->heap_active, active - s->heap_active) != 0)
		return false;
	s->heap_active = (uint32_t)active;
	return true;
}

enum spore_err spore__ring_heap_take(struct spore__ring *r, size_t wanted, uint32_t *offset)
{
	struct spore__ring_sender *s = &r->send;
	uint32_t size = (uint32_t)((wanted + SPORE__RING_ALIGN - 1) & ~(size_t)(SPORE__RING_ALIGN - 1));
	if (spore__ring_heap_near(s, wanted, offset))
		return SPORE_OK;
	if (s->heap_records > 0 && s->heap_head < s->heap_tail)
		return SPORE_EAGAIN;
	if (s->heap_tail > size)
		s->heap_head = 0;
	else if (!grow(r, size))
		return s->heap_records > 0 ? SPORE_EAGAIN : SPORE_ENOMEM;
	*offset = s->heap_head;
	s->heap_head += size;
	return SPORE_OK;
}

// ---- slabs, in the order of their offsets

static void drop(struct spore__ring *r, uint32_t index)
{
	struct spore__ring_sender *s = &r->send;
	struct spore__ring_slab *slab = &s->slabs[index];
	(void)munmap(slab->at, slab->len);
	spore__ring_take_room(s);
	(void)spore__io_memory_release(r->memory, s->large_offset + slab->offset, slab->len);
	s->large_free -= slab->len;
	s->slabs_free &= ~(UINT64_C(1) << index);
	slab->at = NULL;
	slab->len = 0;
}

// Those that are spare, and were not given back yet, are free again; room for the others has to be made anew.
static void take_back(struct spore__ring *r)
{
	struct spore__ring_sender *s = &r->send;
	uint64_t there = s->spared != 0 ? spore__ring_unspare(r) : 0;
	for (uint32_t i = 0; s->spared != 0; s->spared &= ~(UINT64_C(1) << i), i++) {
		struct spore__ring_slab *slab = &s->slabs[i];
		if ((there >> i & 1) != 0) {
			s->slabs_free |= UINT64_C(1) << i;
			s->large_free += slab->len;
		} else if ((s->spared >> i & 1) != 0) {
			*slab = (struct spore__ring_slab){0};
		}
	}
}

static void put_aside(struct spore__ring *r, uint32_t index)
{
	struct spore__ring_sender *s = &r->send;
	spore__ring_take_room(s); // it may be gone at any time from now on
	if (!spore__ring_spare(r, (int)index)) {
		drop(r, index);
		return;
	}
	s->spared |= UINT64_C(1) << index;
	s->slabs_free &= ~(UINT64_C(1) << index);
	s->large_free -= s->slabs[index].len;
}

// Of what is free no more than is kept stays so, the smaller ones: DO_WITH is called for the others.
static void keep_within(struct spore__ring *r, void (*do_with)(struct spore__ring *r, uint32_t index))
{
	const struct spore__ring_sender *s = &r->send;
	while (s->large_free > SPORE__RING_KEPT) {
		uint32_t largest = 0;
		uint64_t len = 0;
		for (uint32_t i = 0; i < s->slab_count; i++) {
			if ((s->slabs_free >> i & 1) != 0 && s->slabs[i].len > len) {
				largest = i;
				len = s->slabs[i].len;
			}
		}
		do_with(r, largest);
	}
}

// An index stands in records, so a slab stays where it is in the table; an empty entry has no length.
static int empty_entry(struct spore__ring_sender *s)
{
	for (uint32_t i = 0; i < s->slab_count; i++) {
		if (s->slabs[i].len == 0)
			return (int)i;
	}
	return s->slab_count < SPORE__RING_SLABS ? (int)s->slab_count++ : -1;
}

// The lowest offset at which LEN bytes overlap no slab; large_size when there is none.
static uint64_t lowest_gap(const struct spore__ring_sender *s, uint64_t len)
{
	uint64_t offset = 0;
	for (bool moved = true; moved;) {
		moved = false;
		for (uint32_t i = 0; i < s->slab_count; i++) {
			const struct spore__ring_slab *b = &s->slabs[i];
			if (b->len > 0 && offset < b->offset + b->len && b->offset < offset + len) {
				offset = b->offset + b->len;
				moved = true;
			}
		}
	}
	return s->large_size >= len && offset <= s->large_size - len ? offset : s->large_size;
}

// Sizes in steps of an eighth, so that slabs serve messages of similar sizes.
static uint64_t round_up(uint64_t size)
{
	uint64_t step = SPORE__RING_PAGE;
	while (step * 16 <= size)
		step *= 2;
	return (size + step - 1) & ~(step - 1);
}

static int find_free(const struct spore__ring_sender *s, uint64_t len)
{
	int best = -1;
	for (uint32_t i = 0; i < s->slab_count; i++) {
		const struct spore__ring_slab *b = &s->slabs[i];
		if ((s->slabs_free >> i & 1) != 0 && b->len >= len && b->len / 4 <= len &&
		    (best < 0 || b->len < s->slabs[best].len))
			best = (int)i;
	}
	return best;
}

// All that is free is given back. Is anything in use?
static bool drop_free(struct spore__ring *r)
{
	const struct spore__ring_sender *s = &r->send;
	bool used = false;
	take_back(r);
	for (uint32_t i = 0; i < s->slab_count; i++) {
		used = used || s->slabs[i].used;
		if (s->slabs[i].len > 0 && !s->slabs[i].used)
			drop(r, i);
	}
	return used;
}

static enum spore_err fill_entry(struct spore__ring *r, struct spore__ring_slab *slab, uint64_t offset, uint64_t len)
{
	struct spore__ring_sender *s = &r->send;
	if (spore__io_memory_reserve(r->memory, s->large_offset + offset, len) == 0)
		slab->at = spore__io_map(r->memory, s->large_offset + offset, len, SPORE__IO_WRITE | SPORE__IO_NOW);
	if (slab->at == NULL) {
		(void)spore__io_memory_release(r->memory, s->large_offset + offset, len);
		return SPORE_ENOMEM;
	}
	// As a rule the mapping has done so.
	if (!spore__io_memory_present(r->memory, s->large_offset + offset, len))
		spore__io_touch(slab->at, len);
	slab->offset = offset;
	slab->len = len;
	return SPORE_OK;
}

static enum spore_err make(struct spore__ring *r, uint64_t len, int *index)
{
	struct spore__ring_sender *s = &r->send;
	uint64_t offset = lowest_gap(s, len);
	int entry = offset < s->large_size ? empty_entry(s) : -1;
	if (entry < 0) { // in pieces: without those that are free
		bool used = drop_free(r);
		offset = lowest_gap(s, len);
		entry = offset < s->large_size ? empty_entry(s) : -1;
		if (entry < 0)
			return used ? SPORE_EAGAIN : SPORE_ETOOBIG;
	}
	if (fill_entry(r, &s->slabs[entry], offset, len) != SPORE_OK) {
		(void)drop_free(r); // perhaps it is these that are in the way
		if (fill_entry(r, &s->slabs[entry], offset, len) != SPORE_OK)
			return SPORE_ENOMEM;
	}
	s->large_free += len;
	s->slabs_free |= UINT64_C(1) << entry;
	*index = entry;
	return SPORE_OK;
}

enum spore_err spore__ring_slab_take(struct spore__ring *r, size_t size, int *index)
{
	enum spore_err e = SPORE_OK;
	uint64_t len = round_up(size);
	if (spore__ring_enough_flying(&r->send, len))
		return SPORE_EAGAIN;
	*index = find_free(&r->send, len);
	if (*index < 0) {
		take_back(r);
		*index = find_free(&r->send, len);
	}
	if (*index < 0) {
		keep_within(r, drop); // what is of other sizes
		e = make(r, len, index);
	}
	if (e == SPORE_OK)
		spore__ring_slab_use(&r->send, *index);
	keep_within(r, put_aside);
	return e;
}

void spore__ring_slab_give(struct spore__ring *r, int index)
{
	struct spore__ring_sender *s = &r->send;
	s->slabs[index].used = false;
	s->flying--;
	s->flying_bytes -= s->slabs[index].len;
	s->slabs_free |= UINT64_C(1) << index;
	s->large_free += s->slabs[index].len;
	keep_within(r, put_aside);
}

void spore__ring_slabs_finish(struct spore__ring *r)
{
	take_back(r);
	for (uint32_t i = 0; i < r->send.slab_count; i++) {
		if (r->send.slabs[i].at != NULL)
			(void)munmap(r->send.slabs[i].at, r->send.slabs[i].len);
	}
}
