#include <string.h>

#include "chan/ring_loan.h"

static struct spore__ring *ring(struct spore__transport *t)
{
	return (struct spore__ring *)t;
}

// ---- what the receiver has released

static void retire(struct spore__ring *r, uint64_t released)
{
	struct spore__ring_sender *s = &r->send;
	for (; s->far_first != s->far_next; s->far_first++) {
		const struct spore__ring_far *f = &s->far[s->far_first & s->mask];
		if (f->end > released)
			break;
		if (f->slab >= 0) {
			spore__ring_slab_give(r, f->slab);
		} else {
			s->heap_tail = f->heap_end;
			s->heap_records--;
		}
	}
}

bool spore__ring_room(struct spore__ring *r)
{
	return atomic_load_explicit(&r->send.lines->released, memory_order_acquire) != r->send.released;
}

// Up to the next limit, record that is timed, or end of the ring.
static void set_soon(struct spore__ring_sender *s)
{
	uint64_t end = (s->at | s->mask) + 2, timed = (s->at | (SPORE__RING_SAMPLE - 1)) + 1, soon = s->limit + 1;
	soon = end < soon ? end : soon;
	s->soon = s->err != SPORE_OK || s->pack_bytes > 0 ? 0 : timed < soon ? timed : soon;
}

// From now on every call says E.
static enum spore_err end(struct spore__ring_sender *s, enum spore_err e)
{
	s->err = e;
	s->soon = s->pack_limit = 0;
	return e;
}

// Is the receiver still there? Where there is room that is seen now and then: it is a call of the system.
static void look(struct spore__ring *r, bool now)
{
	struct spore__ring_sender *s = &r->send;
	if (s->at == s->released || atomic_load_explicit(&r->bell.gone, memory_order_relaxed))
		return;
	int64_t time = spore__bell_now();
	if (!now && time - s->ringing.looked < SPORE__RING_LOOK_NS)
		return;
	s->ringing.looked = time;
	spore__bell_look(&r->bell);
}

// What the receiver has released since. LISTEN: when that is nothing, see whether it is still there.
static enum spore_err refresh(struct spore__ring *r, bool listen)
{
	struct spore__ring_sender *s = &r->send;
	uint64_t released = atomic_load_explicit(&s->lines->released, memory_order_acquire);
	if (released == s->released) {
		if (listen)
			look(r, false);
		if (atomic_load_explicit(&r->bell.gone, memory_order_acquire))
			(void)end(s, SPORE_ECLOSED);
	} else if (released < s->released || released > s->at) {
		(void)end(s, SPORE_EMALFORMED);
	} else {
		s->released = released;
		spore__ring_disarm(r, SPORE__SEND);
		retire(r, released);
	}
	// One cell stays free, so that the head behind a record can be cleared.
	uint64_t last = s->released + s->mask, next = s->at + (s->mask + 1) / 8;
	s->limit = next < last ? next : last;
	s->ahead = s->at - s->released > 2 * (uint64_t)SPORE__RING_AHEAD;
	set_soon(s);
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

// ---- records

static void publish(struct spore__ring *r, uint64_t head, struct spore__ring_record record)
{
	struct spore__ring_sender *s = &r->send;
	uint32_t slot = (uint32_t)s->at & s->mask;
	spore__ring_mark(s, slot, record.cells, record.messages);
	if (spore__ring_is_timed(s->at, record.cells))
		stamp(s, s->at);
	s->at += record.cells;
	atomic_store_explicit(spore__ring_head_at(s->cells, slot), head, memory_order_release);
	spore__ring_count(s, ((s->place >> 32) + record.messages) << 32 | (uint32_t)s->at, record.messages,
	                  record.bytes);
	set_soon(s);
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
	if (s->released + s->mask - s->at < wanted) {
		look(r, true);
		return atomic_load_explicit(&r->bell.gone, memory_order_acquire) ? end(s, SPORE_ECLOSED) : SPORE_EAGAIN;
	}
	if (cells > to_end)
		publish(r, spore__ring_head(s->at, SPORE__RING_SKIP, to_end),
		        (struct spore__ring_record){.cells = to_end});
	if (s->limit < s->at + cells)
		s->limit = s->at + cells;
	set_soon(s);
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

void spore__ring_publish_pack(struct spore__ring *r)
{
	struct spore__ring_sender *s = &r->send;
	uint32_t bytes = s->pack_bytes;
	struct spore__ring_record record = {.cells = spore__ring_cells(bytes)};
	enum spore__ring_kind kind = SPORE__RING_PACKED_KIND;
	if (s->pack_each > 0) {
		const uint64_t each = s->pack_each;
		memcpy(s->pack, &each, sizeof each);
		kind = SPORE__RING_RUN;
		record.messages = (bytes - spore__ring_run_begin(each)) / spore__ring_padded(each);
		record.bytes = record.messages * each;
	} else {
		record.messages = (uint32_t)(s->pack_sum >> 32);
		record.bytes = (uint32_t)s->pack_sum;
	}
	s->run = s->pack_mixed ? 0 : s->pack_first;
	s->pack_bytes = s->pack_limit = s->pack_each = 0;
	s->pack_sum = 0;
	publish(r, spore__ring_head(s->at, kind, bytes), record);
}

// Where messages have been of one length they are taken to go on so: then their heads are left out.
static void begin_pack(struct spore__ring_sender *s, uint32_t each, size_t len)
{
	s->pack_each = each;
	s->pack_first = (uint32_t)len;
	s->pack_mixed = false;
	s->pack_bytes = each > 0 ? spore__ring_run_begin(each) : 0;
}

static bool fits(uint32_t bytes, uint32_t to_end)
{
	return bytes <= SPORE__RING_PACK && spore__ring_cells(bytes) <= to_end;
}

// Makes room for another message in the pack, or in a new one, and for as many more as is easy.
static enum spore_err widen_pack(struct spore__ring *r, size_t len)
{
	struct spore__ring_sender *s = &r->send;
	uint32_t to_end = s->mask + 1 - ((uint32_t)s->at & s->mask);
	if (s->pack_bytes > 0 && ((s->pack_each > 0 && s->pack_each != len) ||
	                          !fits(s->pack_bytes + spore__ring_packed_size(s->pack_each, len), to_end)))
		spore__ring_publish_pack(r);
	bool begins = s->pack_bytes == 0;
	uint32_t each = begins ? (len == s->run ? s->run : 0) : s->pack_each;
	uint32_t before = !begins ? s->pack_bytes : each > 0 ? spore__ring_run_begin(each) : 0;
	enum spore_err e = room(r, spore__ring_cells(before + spore__ring_packed_size(each, len)));
	if (e == SPORE_EAGAIN) {
		// Of what was published without it the receiver may not know yet, and it has to make room.
		if (s->pack_bytes > 0)
			spore__ring_publish_pack(r);
		spore__ring_wake(r, &s->lines->receiver, &s->ringing);
	}
	if (e != SPORE_OK)
		return e;
	to_end = s->mask + 1 - ((uint32_t)s->at & s->mask);
	uint64_t cells = s->limit - s->at < to_end ? s->limit - s->at : to_end;
	cells = cells < SPORE__RING_PACK_CELLS ? cells : SPORE__RING_PACK_CELLS;
	s->pack_limit = (uint32_t)cells * SPORE__RING_CELL - SPORE__RING_HEAD;
	s->pack = body(s);
	if (begins)
		begin_pack(s, each, len);
	return SPORE_OK;
}

static enum spore_err append(struct spore__ring *r, const void *data, size_t len)
{
	struct spore__ring_sender *s = &r->send;
	enum spore_err e = spore__ring_pack_takes(s, len) ? SPORE_OK : widen_pack(r, len);
	if (e != SPORE_OK)
		return e;
	spore__ring_pack(s, data, len, false);
	s->soon = 0;
	return SPORE_OK;
}

enum spore_err spore__ring_flush(struct spore__transport *t)
{
	struct spore__ring *r = ring(t);
	if (r->send.pack_bytes > 0)
		spore__ring_publish_pack(r);
	spore__ring_wake(r, &r->send.lines->receiver, &r->send.ringing);
	return SPORE_OK;
}

// ---- messages

static void publish_message(struct spore__ring *r, size_t len)
{
	publish(r, spore__ring_head(r->send.at, SPORE__RING_MESSAGE, (uint32_t)len),
	        (struct spore__ring_record){.cells = spore__ring_cells(len), .messages = 1, .bytes = len});
}

static void publish_far(struct spore__ring *r, enum spore__ring_kind kind, uint64_t offset, uint64_t len, int slab)
{
	struct spore__ring_sender *s = &r->send;
	const uint64_t where[2] = {offset, len};
	memcpy(body(s), where, sizeof where);
	if (kind == SPORE__RING_HEAP)
		s->heap_records++;
	s->far[s->far_next++ & s->mask] =
	    (struct spore__ring_far){.end = s->at + 1, .heap_end = s->heap_head, .slab = slab};
	publish(r, spore__ring_head(s->at, kind, 0),
	        (struct spore__ring_record){.cells = 1, .messages = 1, .bytes = len});
}

enum spore_err spore__ring_loan(struct spore__transport *t, size_t size, void **data)
{
	struct spore__ring *r = ring(t);
	struct spore__ring_sender *s = &r->send;
	if (spore__ring_loan_near(r, size, data))
		return SPORE_OK;
	if (s->err != SPORE_OK)
		return s->err;
	if (atomic_load_explicit(&r->bell.gone, memory_order_relaxed))
		return end(s, SPORE_ECLOSED);
	if (size > s->large_size && size > s->heap_size / 4)
		return SPORE_ETOOBIG;
	if (s->pack_bytes > 0)
		spore__ring_publish_pack(r);
	s->loan_slab = -1;
	enum spore_err e = room(r, size <= SPORE__RING_INLINE ? spore__ring_cells(size) : 1);
	if (e == SPORE_OK && size <= SPORE__RING_INLINE) {
		*data = spore__ring_loan_cells(s, spore__ring_cells(size));
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
		spore__ring_wake(r, &s->lines->receiver, &s->ringing);
	return e;
}

enum spore_err spore__ring_commit(struct spore__transport *t, size_t len)
{
	struct spore__ring *r = ring(t);
	struct spore__ring_sender *s = &r->send;
	if (atomic_load_explicit(&r->bell.gone, memory_order_acquire))
		(void)end(s, SPORE_ECLOSED);
	if (s->err != SPORE_OK) {
		spore__ring_abandon(t);
		return s->err;
	}
	if (s->loan_kind == SPORE__RING_MESSAGE)
		publish_message(r, len);
	else
		publish_far(r, s->loan_kind, s->loan_offset, len, s->loan_slab);
	s->loan_kind = 0;
	spore__ring_wake(r, &s->lines->receiver, &s->ringing);
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

static __attribute__((noinline)) enum spore_err send_slowly(struct spore__ring *r, const void *data, size_t len,
                                                            bool more)
{
	struct spore__ring_sender *s = &r->send;
	enum spore_err e = s->err;
	if (atomic_load_explicit(&r->bell.gone, memory_order_relaxed) && e == SPORE_OK)
		e = end(s, SPORE_ECLOSED);
	if (e != SPORE_OK)
		return e;
	if (len <= SPORE__RING_PACKED && (more || s->pack_bytes > 0)) {
		e = append(r, data, len);
		if (e == SPORE_OK && !more)
			(void)spore__ring_flush(&r->base);
		return e;
	}
	if (len <= SPORE__RING_INLINE) {
		e = room(r, spore__ring_cells(len));
		if (e == SPORE_EAGAIN) // as widen_pack
			spore__ring_wake(r, &s->lines->receiver, &s->ringing);
		if (e != SPORE_OK)
			return e;
		if (len > 0)
			memcpy(body(s), data, len);
		publish_message(r, len);
		spore__ring_wake(r, &s->lines->receiver, &s->ringing);
		return SPORE_OK;
	}
	void *to;
	e = spore__ring_loan(&r->base, len, &to);
	if (e != SPORE_OK)
		return e;
	memcpy(to, data, len);
	return spore__ring_commit(&r->base, len);
}

enum spore_err spore__ring_send(struct spore__transport *t, const void *data, size_t len, bool more)
{
	struct spore__ring *r = ring(t);
	if (more ? !spore__ring_queue_near(r, data, len, false) : !spore__ring_send_near(r, data, len, false))
		return send_slowly(r, data, len, more);
	if (!more)
		spore__ring_wake(r, &r->send.lines->receiver, &r->send.ringing);
	return SPORE_OK;
}

enum spore_err spore__ring_finish(struct spore__transport *t)
{
	struct spore__ring *r = ring(t);
	struct spore__ring_sender *s = &r->send;
	if (s->err != SPORE_OK)
		return s->err;
	if (s->pack_bytes > 0)
		spore__ring_publish_pack(r);
	if (spore__ring_gone(t) && spore__ring_lost(t) > 0)
		return end(s, SPORE_ECLOSED);
	enum spore_err e = room(r, 1);
	if (e == SPORE_OK) {
		publish(r, spore__ring_head(s->at, SPORE__RING_FINISH, 0), (struct spore__ring_record){.cells = 1});
		(void)end(s, SPORE_ECLOSED);
		spore__ring_disarm(r, SPORE__SEND);
	}
	if (e == SPORE_OK || e == SPORE_EAGAIN)
		spore__ring_wake(r, &s->lines->receiver, &s->ringing);
	return e;
}

uint64_t spore__ring_place(const struct spore__ring *r, uint32_t *skip)
{
	const struct spore__ring_sender *s = &r->send;
	const uint64_t low = (UINT64_C(1) << 48) - 1;
	uint64_t said = atomic_load_explicit(&s->done->place, memory_order_acquire);
	uint64_t at = s->released + (((said >> 16) - s->released) & low);
	bool good = at == s->at || (at < s->at && (s->slots[at & s->mask] & SPORE__RING_SLOT_DIRTY) == 0);
	*skip = good ? (uint32_t)(said & 0xffff) : 0;
	return good ? at : s->released;
}

uint64_t spore__ring_lost(struct spore__transport *t)
{
	struct spore__ring_sender *s = &ring(t)->send;
	uint64_t lost = 0;
	uint32_t skip;
	(void)refresh(ring(t), false);
	if (spore__ring_reads_on(ring(t)))
		return 0;
	for (uint64_t at = spore__ring_place(ring(t), &skip); at < s->at; at++)
		lost += s->slots[at & s->mask] & SPORE__RING_SLOT_MESSAGES;
	return lost > skip ? lost - skip : 0;
}
