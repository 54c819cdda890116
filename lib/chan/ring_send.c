#include <string.h>

#include "chan/ring.h"

static struct spore__ring *ring(struct spore__transport *t)
{
	return (struct spore__ring *)t;
}

// ---- what the receiver has released

static void retire(struct spore__ring *r, uint64_t released)
{
	struct spore__ring_sender *s = &r->send;
	while (s->tail < released) {
		struct spore__ring_record *record = &s->records[s->tail & s->mask];
		if (record->cells > released - s->tail)
			break;
		s->unreleased -= record->messages;
		if (record->heap) {
			s->heap_tail = record->heap_end;
			s->heap_records--;
		}
		if (record->slab >= 0)
			spore__ring_slab_give(r, record->slab);
		s->tail += record->cells;
	}
}

bool spore__ring_room(struct spore__ring *r)
{
	return atomic_load_explicit(&r->send.lines->released, memory_order_acquire) != r->send.released;
}

// What the receiver has released since. LISTEN: when that is nothing, see whether it is still there.
static enum spore_err refresh(struct spore__ring *r, bool listen)
{
	struct spore__ring_sender *s = &r->send;
	uint64_t released = atomic_load_explicit(&s->lines->released, memory_order_acquire);
	if (released == s->released) {
		if (listen && s->at != s->tail && !atomic_load_explicit(&r->bell.gone, memory_order_relaxed))
			spore__bell_listen(&r->bell);
		if (atomic_load_explicit(&r->bell.gone, memory_order_acquire))
			s->err = SPORE_ECLOSED;
	} else if (released < s->released || released > s->at) {
		s->err = SPORE_EMALFORMED;
	} else {
		s->released = released;
		retire(r, released);
	}
	// One cell stays free, so that the head behind a record can be cleared.
	uint64_t end = s->tail + s->mask, next = s->at + (s->mask + 1) / 8;
	s->limit = next < end ? next : end;
	return s->err;
}

// ---- for those who look on

// Before the head is written; the clock is read for one record in many.
static void stamp(struct spore__ring_sender *s, uint64_t at)
{
	struct spore__ring_stamp *p = &s->counts->stamps[spore__ring_stamp_of(at)];
	atomic_store_explicit(&p->at, UINT64_MAX, memory_order_relaxed);
	atomic_store_explicit(&p->ns, (uint64_t)spore__bell_now(), memory_order_release);
	atomic_store_explicit(&p->at, at, memory_order_release);
}

// After the head was written, and before anything else is at the next position.
static inline void count(struct spore__ring_sender *s, uint32_t messages, uint64_t bytes)
{
	struct spore__ring_sent *c = s->counts;
	s->messages += messages;
	if ((uint32_t)s->messages < messages)
		atomic_store_explicit(&c->rounds, s->messages >> 32, memory_order_relaxed);
	atomic_store_explicit(&c->place, s->messages << 32 | (uint32_t)s->at, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&c->bytes, atomic_load_explicit(&c->bytes, memory_order_relaxed) + bytes,
	                      memory_order_relaxed);
}

// ---- records

// BYTES are those of its messages.
static void publish(struct spore__ring *r, uint64_t head, struct spore__ring_record record, uint64_t bytes)
{
	struct spore__ring_sender *s = &r->send;
	uint32_t slot = (uint32_t)s->at & s->mask, behind = (slot + record.cells) & s->mask;
	for (uint32_t i = 1; i < record.cells; i++)
		s->dirty[slot + i] = true;
	s->dirty[slot] = false;
	if (s->dirty[behind]) {
		atomic_store_explicit(spore__ring_head_at(s->cells, behind), 0, memory_order_relaxed);
		s->dirty[behind] = false;
	}
	s->records[slot] = record;
	s->unreleased += record.messages;
	if (spore__ring_is_timed(s->at, record.cells))
		stamp(s, s->at);
	s->at += record.cells;
	atomic_store_explicit(spore__ring_head_at(s->cells, slot), head, memory_order_release);
	count(s, record.messages, bytes);
}

static unsigned char *body(struct spore__ring_sender *s)
{
	return s->cells + (s->at & s->mask) * SPORE__RING_CELL + SPORE__RING_HEAD;
}

// Makes sure that CELLS in one piece are free at s->at.
static enum spore_err room_slowly(struct spore__ring *r, uint32_t cells)
{
	struct spore__ring_sender *s = &r->send;
	uint32_t to_end = s->mask + 1 - ((uint32_t)s->at & s->mask);
	uint32_t wanted = cells > to_end ? to_end + cells : cells;
	enum spore_err e = refresh(r, true);
	if (e != SPORE_OK)
		return e;
	uint64_t end = s->tail + s->mask;
	if (end - s->at < wanted)
		return SPORE_EAGAIN;
	if (cells > to_end)
		publish(r, spore__ring_head(s->at, SPORE__RING_SKIP, to_end),
		        (struct spore__ring_record){.cells = to_end, .slab = -1}, 0);
	if (s->limit < s->at + cells)
		s->limit = s->at + cells;
	return SPORE_OK;
}

static inline enum spore_err room(struct spore__ring *r, uint32_t cells)
{
	struct spore__ring_sender *s = &r->send;
	if (s->at + cells <= s->limit && cells <= s->mask + 1 - ((uint32_t)s->at & s->mask))
		return SPORE_OK;
	return room_slowly(r, cells);
}

// ---- packs

static void publish_pack(struct spore__ring *r)
{
	struct spore__ring_sender *s = &r->send;
	uint32_t bytes = s->pack_bytes, content = s->pack_content;
	s->pack_bytes = s->pack_content = 0;
	s->pack_limit = 0;
	publish(
	    r, spore__ring_head(s->at, SPORE__RING_PACKED_KIND, bytes),
	    (struct spore__ring_record){.cells = spore__ring_cells(bytes), .messages = s->pack_messages, .slab = -1},
	    content);
	s->pack_messages = 0;
}

// Makes room for SIZE more bytes in the pack, and for as many more as is easy.
static enum spore_err widen_pack(struct spore__ring *r, uint32_t size)
{
	struct spore__ring_sender *s = &r->send;
	uint32_t to_end = s->mask + 1 - ((uint32_t)s->at & s->mask);
	if (s->pack_bytes > 0 &&
	    (s->pack_bytes + size > SPORE__RING_PACK || spore__ring_cells(s->pack_bytes + size) > to_end))
		publish_pack(r);
	enum spore_err e = room(r, spore__ring_cells(s->pack_bytes + size));
	if (e != SPORE_OK) {
		if (e == SPORE_EAGAIN && s->pack_bytes > 0) {
			publish_pack(r);
			spore__ring_wake(r, &s->lines->receiver, &s->rung);
		}
		return e;
	}
	to_end = s->mask + 1 - ((uint32_t)s->at & s->mask);
	uint64_t cells = s->limit - s->at < to_end ? s->limit - s->at : to_end;
	cells = cells < SPORE__RING_PACK_CELLS ? cells : SPORE__RING_PACK_CELLS;
	s->pack_limit = (uint32_t)cells * SPORE__RING_CELL - SPORE__RING_HEAD;
	return SPORE_OK;
}

static inline enum spore_err append(struct spore__ring *r, const void *data, size_t len)
{
	struct spore__ring_sender *s = &r->send;
	uint32_t size = SPORE__RING_HEAD + (uint32_t)((len + 7) & ~(size_t)7);
	if (s->pack_bytes + size > s->pack_limit) {
		enum spore_err e = widen_pack(r, size);
		if (e != SPORE_OK)
			return e;
	}
	unsigned char *to = body(s) + s->pack_bytes;
	const uint64_t head = len;
	memcpy(to, &head, sizeof head);
	if (len > 0)
		memcpy(to + SPORE__RING_HEAD, data, len);
	uint32_t slot = (uint32_t)s->at + s->pack_bytes / SPORE__RING_CELL;
	spore__ring_soon_written(spore__ring_head_at(s->cells, (slot + SPORE__RING_AHEAD) & s->mask));
	s->pack_bytes += size;
	s->pack_content += (uint32_t)len;
	s->pack_messages++;
	return SPORE_OK;
}

enum spore_err spore__ring_flush(struct spore__transport *t)
{
	struct spore__ring *r = ring(t);
	if (r->send.pack_bytes > 0)
		publish_pack(r);
	spore__ring_wake(r, &r->send.lines->receiver, &r->send.rung);
	return SPORE_OK;
}

// ---- messages

static void publish_message(struct spore__ring *r, size_t len)
{
	publish(r, spore__ring_head(r->send.at, SPORE__RING_MESSAGE, (uint32_t)len),
	        (struct spore__ring_record){.cells = spore__ring_cells(len), .messages = 1, .slab = -1}, len);
}

static void publish_far(struct spore__ring *r, enum spore__ring_kind kind, uint64_t offset, uint64_t len, int slab)
{
	struct spore__ring_sender *s = &r->send;
	const uint64_t where[2] = {offset, len};
	memcpy(body(s), where, sizeof where);
	if (kind == SPORE__RING_HEAP)
		s->heap_records++;
	publish(r, spore__ring_head(s->at, kind, 0),
	        (struct spore__ring_record){.cells = 1,
	                                    .messages = 1,
	                                    .heap = kind == SPORE__RING_HEAP,
	                                    .heap_end = s->heap_head,
	                                    .slab = (int16_t)slab},
	        len);
}

enum spore_err spore__ring_loan(struct spore__transport *t, size_t size, void **data)
{
	struct spore__ring *r = ring(t);
	struct spore__ring_sender *s = &r->send;
	if (s->err != SPORE_OK)
		return s->err;
	if (size > s->large_size && size > s->heap_size / 4)
		return SPORE_ETOOBIG;
	if (s->pack_bytes > 0)
		publish_pack(r);
	s->loan_slab = -1;
	enum spore_err e = room(r, size <= SPORE__RING_INLINE ? spore__ring_cells(size) : 1);
	if (e == SPORE_OK && size <= SPORE__RING_INLINE) {
		s->loan_kind = SPORE__RING_MESSAGE;
		*data = body(s);
	} else if (e == SPORE_OK && size <= s->heap_size / 4) {
		uint32_t offset;
		s->loan_before = s->heap_head;
		e = spore__ring_heap_take(r, size, &offset);
		if (e == SPORE_EAGAIN && (e = refresh(r, false)) == SPORE_OK) {
			s->loan_before = s->heap_head;
			e = spore__ring_heap_take(r, size, &offset);
		}
		if (e == SPORE_OK) {
			spore__ring_take_room(s);
			s->loan_kind = SPORE__RING_HEAP;
			s->loan_offset = offset;
			*data = s->heap + offset;
		}
	} else if (e == SPORE_OK) {
		// What was given back is used first: its pages are there.
		if ((e = refresh(r, false)) == SPORE_OK)
			e = spore__ring_slab_take(r, size, &s->loan_slab);
		if (e == SPORE_OK) {
			spore__ring_take_room(s);
			s->loan_kind = SPORE__RING_LARGE;
			s->loan_offset = s->slabs[s->loan_slab].offset;
			*data = s->slabs[s->loan_slab].at;
		}
	}
	if (e == SPORE_EAGAIN) // of what was queued the peer may not know yet
		spore__ring_wake(r, &s->lines->receiver, &s->rung);
	return e;
}

enum spore_err spore__ring_commit(struct spore__transport *t, size_t len)
{
	struct spore__ring *r = ring(t);
	struct spore__ring_sender *s = &r->send;
	if (atomic_load_explicit(&r->bell.gone, memory_order_acquire))
		s->err = SPORE_ECLOSED;
	if (s->err != SPORE_OK) {
		spore__ring_abandon(t);
		return s->err;
	}
	if (s->loan_kind == SPORE__RING_MESSAGE)
		publish_message(r, len);
	else
		publish_far(r, s->loan_kind, s->loan_offset, len, s->loan_slab);
	s->loan_kind = 0;
	spore__ring_wake(r, &s->lines->receiver, &s->rung);
	return SPORE_OK;
}

void spore__ring_abandon(struct spore__transport *t)
{
	struct spore__ring *r = ring(t);
	if (r->send.loan_kind == SPORE__RING_HEAP)
		r->send.heap_head = r->send.loan_before;
	else if (r->send.loan_kind == SPORE__RING_LARGE)
		spore__ring_slab_give(r, r->send.loan_slab);
	r->send.loan_kind = 0;
}

enum spore_err spore__ring_send(struct spore__transport *t, const void *data, size_t len, bool more)
{
	struct spore__ring *r = ring(t);
	struct spore__ring_sender *s = &r->send;
	enum spore_err e = s->err;
	if (atomic_load_explicit(&r->bell.gone, memory_order_relaxed) && e == SPORE_OK)
		e = s->err = SPORE_ECLOSED;
	if (e != SPORE_OK)
		return e;
	if (len <= SPORE__RING_PACKED && (more || s->pack_bytes > 0)) {
		e = append(r, data, len);
		if (e == SPORE_OK && !more)
			(void)spore__ring_flush(t);
		return e;
	}
	if (len <= SPORE__RING_INLINE) {
		e = room(r, spore__ring_cells(len));
		if (e != SPORE_OK)
			return e;
		if (len > 0)
			memcpy(body(s), data, len);
		publish_message(r, len);
		spore__ring_wake(r, &s->lines->receiver, &s->rung);
		return SPORE_OK;
	}
	void *to;
	e = spore__ring_loan(t, len, &to);
	if (e != SPORE_OK)
		return e;
	memcpy(to, data, len);
	return spore__ring_commit(t, len);
}

enum spore_err spore__ring_finish(struct spore__transport *t)
{
	struct spore__ring *r = ring(t);
	struct spore__ring_sender *s = &r->send;
	if (s->err != SPORE_OK)
		return s->err;
	if (s->pack_bytes > 0)
		publish_pack(r);
	enum spore_err e = room(r, 1);
	if (e == SPORE_OK) {
		publish(r, spore__ring_head(s->at, SPORE__RING_FINISH, 0),
		        (struct spore__ring_record){.cells = 1, .slab = -1}, 0);
		s->err = SPORE_ECLOSED;
	}
	if (e == SPORE_OK || e == SPORE_EAGAIN)
		spore__ring_wake(r, &s->lines->receiver, &s->rung);
	return e;
}

uint64_t spore__ring_lost(struct spore__transport *t)
{
	(void)refresh(ring(t), false);
	return ring(t)->send.unreleased;
}
