#include <string.h>
#include <sys/mman.h>

#include "../os/os.h"
#include "chan/ring_loan.h"

enum {
	MAPPED = 64 * 1024 * 1024, // bytes of windows that nobody uses
};

struct found {
	const unsigned char *data;
	uint64_t len;
	uint32_t frame; // bytes in the pack; 0: not in one
	bool skipped;   // nobody is going to look at it
	struct spore__ring_lent lent;
};

static struct spore__ring *ring(struct spore__transport *t)
{
	return (struct spore__ring *)t;
}

// Up to the end of the ring, a record that is timed, or a quarter that the sender is told of; nothing while it is armed.
static void set_soon(struct spore__ring_receiver *v)
{
	uint64_t end = (v->at | v->mask) + 2, timed = (v->at | (SPORE__RING_SAMPLE - 1)) + 1;
	uint64_t quarter = v->published + v->mask / 4 + 1, soon = end < timed ? end : timed;
	bool armed = atomic_load_explicit(&v->sleeper.armed, memory_order_relaxed);
	v->soon = v->err != SPORE_OK || armed ? 0 : quarter < soon ? quarter : soon;
}

void spore__ring_publish_released(struct spore__ring *r)
{
	struct spore__ring_receiver *v = &r->receive;
	v->published = v->released;
	v->heap_unpublished = 0;
	atomic_store_explicit(&v->lines->released, v->released, memory_order_release);
	set_soon(v);
	spore__ring_wake(r, &v->lines->sender, &v->ringing);
}

// ---- windows

static void unmap(struct spore__ring_receiver *v, struct spore__ring_window *w)
{
	if (w->at != NULL)
		(void)munmap(w->at, w->len);
	v->mapped -= w->len;
	*w = (struct spore__ring_window){0};
}

static struct spore__ring_window *oldest(struct spore__ring_receiver *v, bool mapped)
{
	struct spore__ring_window *best = NULL;
	for (int i = 0; i < SPORE__RING_WINDOWS; i++) {
		struct spore__ring_window *w = &v->windows[i];
		if (w->lent == 0 && (!mapped || w->at != NULL) && (best == NULL || w->used < best->used))
			best = w;
	}
	return best;
}

static enum spore_err find_window(struct spore__ring *r, const uint64_t where[2], int32_t *index)
{
	struct spore__ring_receiver *v = &r->receive;
	uint8_t *known = spore__ring_known_window(v, where[0]);
	v->turn++;
	for (int i = 0; i < SPORE__RING_WINDOWS; i++) {
		struct spore__ring_window *w = &v->windows[i];
		if (spore__ring_window_has(w, where)) {
			w->used = v->turn;
			*index = i;
			*known = (uint8_t)(i + 1);
			return SPORE_OK;
		}
	}
	struct spore__ring_window *w = oldest(v, false);
	if (w == NULL)
		return SPORE_EBUSY;
	unmap(v, w);
	uint64_t offset = where[0], size = (where[1] + SPORE__RING_PAGE - 1) & ~(uint64_t)(SPORE__RING_PAGE - 1);
	for (struct spore__ring_window *o; v->mapped + size > MAPPED && (o = oldest(v, true)) != NULL;)
		unmap(v, o);
	// A sender puts memory there before it sends; a hole would take ours.
	if (!spore__io_memory_present(r->memory, v->large_offset + offset, size))
		return SPORE_EMALFORMED;
	unsigned char *at = spore__io_map(r->memory, v->large_offset + offset, size, SPORE__IO_READ | SPORE__IO_NOW);
	if (at == NULL)
		return SPORE_ENOMEM;
	*w = (struct spore__ring_window){.offset = offset, .len = size, .at = at, .used = v->turn};
	v->mapped += size;
	*index = (int32_t)(w - v->windows);
	*known = (uint8_t)(*index + 1);
	return SPORE_OK;
}

// ---- records

static enum spore_err find_far(struct spore__ring *r, enum spore__ring_kind kind, struct found *f)
{
	struct spore__ring_receiver *v = &r->receive;
	uint64_t where[2];
	if (!spore__ring_where(v, kind, v->cells + (v->at & v->mask) * SPORE__RING_CELL, where))
		return SPORE_EMALFORMED;
	f->len = where[1];
	f->lent.cells = 1;
	if (kind == SPORE__RING_HEAP) {
		f->lent.heap = (uint32_t)where[1];
		f->data = v->heap + where[0];
		return SPORE_OK;
	}
	if (where[1] == 0 || f->skipped) { // of a loan of which nothing was committed, or there is no need to map it
		f->data = v->cells;
		f->lent.heap = v->heap_size / 8; // the sender is told
		return SPORE_OK;
	}
	enum spore_err e = find_window(r, where, &f->lent.window);
	if (e == SPORE_OK)
		f->data = v->windows[f->lent.window].at + (where[0] - v->windows[f->lent.window].offset);
	return e;
}

static enum spore_err find_packed(struct spore__ring_receiver *v, struct found *f)
{
	const unsigned char *at = v->pack;
	uint32_t left = v->pack_left;
	uint64_t len = v->pack_each;
	if (len == 0) {
		if (left < SPORE__RING_HEAD)
			return SPORE_EMALFORMED;
		len = spore__ring_packed_length(at);
		if (len > left - SPORE__RING_HEAD)
			return SPORE_EMALFORMED;
		at += SPORE__RING_HEAD;
	}
	f->data = at;
	f->len = len;
	f->frame = spore__ring_packed_size(v->pack_each, len);
	if (f->frame >= left) // the last one
		f->lent.cells = v->pack_cells;
	return SPORE_OK;
}

struct pack {
	uint32_t bytes;
	uint32_t cells; // 0: it is none
	uint32_t each;
};

// Of a good head of a pack or run at v->at.
static struct pack look_at_pack(const struct spore__ring_receiver *v, uint64_t head)
{
	struct pack p = {.bytes = (uint32_t)(head >> 32) & ((1U << 29) - 1)};
	uint32_t slot = (uint32_t)v->at & v->mask, to_end = v->mask + 1 - slot, cells = spore__ring_cells(p.bytes);
	if (p.bytes == 0 || p.bytes > SPORE__RING_PACK || p.bytes % 8 != 0 || cells > to_end)
		return p;
	if (head >> 61 == SPORE__RING_RUN) {
		uint64_t each =
		    spore__ring_packed_length(v->cells + (size_t)slot * SPORE__RING_CELL + SPORE__RING_HEAD);
		uint32_t begin = spore__ring_run_begin(each);
		if (each == 0 || each > SPORE__RING_PACKED || p.bytes <= begin ||
		    (p.bytes - begin) % spore__ring_padded(each) != 0)
			return p;
		p.each = (uint32_t)each;
	}
	p.cells = cells;
	return p;
}

static void begin_pack(struct spore__ring_receiver *v, struct pack p)
{
	uint32_t before = p.each > 0 ? spore__ring_run_begin(p.each) : 0;
	v->pack = v->cells + (size_t)((uint32_t)v->at & v->mask) * SPORE__RING_CELL + SPORE__RING_HEAD + before;
	v->pack_left = p.bytes - before;
	v->pack_cells = p.cells;
	v->pack_each = p.each;
	for (uint32_t i = 1; i < p.cells && i <= SPORE__RING_AHEAD; i++)
		__builtin_prefetch(v->pack + (size_t)i * SPORE__RING_CELL);
}

bool spore__ring_open_pack(struct spore__ring_receiver *v, uint64_t head)
{
	uint32_t kind = (uint32_t)(head >> 61);
	if (!spore__ring_is_next(v, head) || v->soon == 0 ||
	    (kind != SPORE__RING_PACKED_KIND && kind != SPORE__RING_RUN))
		return false;
	struct pack p = look_at_pack(v, head);
	if (p.cells == 0)
		return false;
	begin_pack(v, p);
	return true;
}

// The record of HEAD, which is checked; SPORE_EAGAIN: it was none of a message, look at the next.
static enum spore_err find_record(struct spore__ring *r, uint64_t head, struct found *f)
{
	struct spore__ring_receiver *v = &r->receive;
	uint32_t kind = (uint32_t)(head >> 61), value = (uint32_t)(head >> 32) & ((1U << 29) - 1);
	uint32_t slot = (uint32_t)v->at & v->mask, to_end = v->mask + 1 - slot, cells = 1;
	struct pack pack = {0};
	if (kind == SPORE__RING_MESSAGE && value <= SPORE__RING_INLINE)
		cells = spore__ring_cells(value);
	else if (kind == SPORE__RING_PACKED_KIND || kind == SPORE__RING_RUN)
		cells = (pack = look_at_pack(v, head)).cells;
	else if (kind == SPORE__RING_SKIP && value == to_end)
		cells = to_end;
	else if (kind != SPORE__RING_HEAP && kind != SPORE__RING_LARGE && kind != SPORE__RING_FINISH)
		return SPORE_EMALFORMED;
	if (cells == 0 || cells > to_end || v->at - v->released > v->mask + 1 - cells)
		return SPORE_EMALFORMED;
	switch (kind) {
	case SPORE__RING_MESSAGE:
		f->data = v->cells + (size_t)slot * SPORE__RING_CELL + SPORE__RING_HEAD;
		f->len = value;
		f->lent.cells = cells;
		return SPORE_OK;
	case SPORE__RING_PACKED_KIND:
	case SPORE__RING_RUN:
		begin_pack(v, pack);
		return find_packed(v, f);
	case SPORE__RING_SKIP:
		v->at += cells;
		// Goes back with the message before it, or by itself.
		if (v->lent_first == v->lent_next) {
			v->released += cells;
			spore__ring_say_done(v);
		} else {
			v->lent[(v->lent_next - 1) % SPORE__RING_LENT].cells += cells;
		}
		return SPORE_EAGAIN;
	case SPORE__RING_FINISH:
		return SPORE_EEND;
	default:
		return find_far(r, (enum spore__ring_kind)kind, f);
	}
}

static enum spore_err nothing(struct spore__ring *r, bool gone)
{
	struct spore__ring_receiver *v = &r->receive;
	v->empty_at = v->at;
	if (v->released != v->published)
		spore__ring_publish_released(r);
	return gone ? SPORE_ECLOSED : SPORE_EAGAIN;
}

// DROPS: the message is thrown away.
static enum spore_err find(struct spore__ring *r, struct found *f, bool drops)
{
	struct spore__ring_receiver *v = &r->receive;
	enum spore_err e = v->err;
	*f = (struct found){.skipped = drops, .lent.window = -1};
	if (e != SPORE_OK)
		return e;
	if (v->lent_next - v->lent_first == SPORE__RING_LENT)
		return SPORE_EBUSY;
	if (v->pack_left > 0) {
		e = find_packed(v, f);
	} else {
		// Whoever is gone published nothing after the bell was looked at.
		bool gone = atomic_load_explicit(&r->bell.gone, memory_order_acquire);
		e = SPORE_EAGAIN;
		for (unsigned skips = 0; e == SPORE_EAGAIN; skips++) {
			uint64_t head = spore__ring_next_head(v);
			if (!spore__ring_is_next(v, head)) {
				e = nothing(r, gone);
				break;
			}
			e = skips < 2 ? find_record(r, head, f) : SPORE_EMALFORMED;
		}
	}
	if (e == SPORE_EMALFORMED || e == SPORE_ECLOSED || e == SPORE_EEND) {
		v->err = e;
		v->soon = v->pack_left = 0;
		spore__ring_disarm(r, SPORE__RECEIVE);
	}
	if (e == SPORE_EEND && v->released != v->published)
		spore__ring_publish_released(r); // nothing will come that would make it do so
	return e;
}

// After a record that was not near.
static void look_ahead(struct spore__ring *r)
{
	struct spore__ring_receiver *v = &r->receive;
	spore__ring_disarm(r, SPORE__RECEIVE);
	set_soon(v);
	// Busy enough to take it upon itself when it sleeps.
	if (v->sleeper.fences && v->at - v->slept_at >= SPORE__RING_OFTEN && v->sleeper.orders)
		spore__ring_leave_fences(r);
}

// The record at v->at is one that the sender timed, if that was not too long ago.
static void note_latency(struct spore__ring_receiver *v)
{
	const struct spore__ring_stamp *p = &v->counts->sent.stamps[spore__ring_stamp_of(v->at)];
	uint64_t at = atomic_load_explicit(&p->at, memory_order_acquire);
	uint64_t ns = atomic_load_explicit(&p->ns, memory_order_acquire);
	uint64_t now = (uint64_t)spore__bell_now();
	if (at != v->at || atomic_load_explicit(&p->at, memory_order_relaxed) != at || now < ns)
		return;
	_Atomic uint32_t *n = &v->counts->received.latencies[spore__ring_latency_class(now - ns)];
	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1, memory_order_relaxed);
}

static void take(struct spore__ring *r, const struct found *f)
{
	struct spore__ring_receiver *v = &r->receive;
	if (spore__ring_is_timed(v->at, f->lent.cells))
		note_latency(v);
	if (f->frame > 0) {
		v->pack += f->frame;
		v->pack_left = f->lent.cells > 0 ? 0 : v->pack_left - f->frame;
	}
	v->at += f->lent.cells;
	look_ahead(r);
}

enum spore_err spore__ring_read(struct spore__transport *t, const void **data, size_t *len)
{
	struct spore__ring *r = ring(t);
	struct spore__ring_receiver *v = &r->receive;
	struct found f;
	enum spore_err e = find(r, &f, false);
	if (e != SPORE_OK)
		return e;
	take(r, &f);
	if (f.lent.window >= 0)
		v->windows[f.lent.window].lent++;
	v->lent[v->lent_next++ % SPORE__RING_LENT] = f.lent;
	*data = f.data;
	*len = f.len;
	return SPORE_OK;
}

void spore__ring_release(struct spore__transport *t)
{
	spore__ring_release_near(ring(t));
}

enum spore_err spore__ring_take(struct spore__ring *r, const void **data, size_t *len)
{
	struct spore__ring_receiver *v = &r->receive;
	struct found f;
	enum spore_err e = find(r, &f, false);
	if (e != SPORE_OK)
		return e;
	take(r, &f);
	v->released += f.lent.cells;
	v->published = v->released;
	*data = f.data;
	*len = f.len;
	return SPORE_OK;
}

static __attribute__((noinline)) enum spore_err copy_slowly(struct spore__ring *r, void *buffer, size_t size,
                                                            size_t *len)
{
	struct found f;
	enum spore_err e = find(r, &f, false);
	if (e != SPORE_OK)
		return e;
	*len = f.len;
	if (f.len > size)
		return SPORE_ETOOBIG;
	if (f.len > 0)
		memcpy(buffer, f.data, f.len);
	take(r, &f);
	spore__ring_give_back(r, &f.lent);
	return SPORE_OK;
}

enum spore_err spore__ring_copy(struct spore__transport *t, void *buffer, size_t size, size_t *len)
{
	struct spore__ring_receiver *v = &ring(t)->receive;
	if (spore__ring_copy_near(ring(t), buffer, size, len, false, false) ||
	    (v->pack_left == 0 && spore__ring_open_pack(v, spore__ring_next_head(v)) &&
	     spore__ring_copy_packed(ring(t), buffer, size, len, false)))
		return SPORE_OK;
	return copy_slowly(ring(t), buffer, size, len);
}

enum spore_err spore__ring_skip(struct spore__transport *t, size_t *len)
{
	struct spore__ring *r = ring(t);
	struct found f;
	enum spore_err e = find(r, &f, true);
	if (e != SPORE_OK)
		return e;
	*len = f.len;
	take(r, &f);
	spore__ring_give_back(r, &f.lent);
	return SPORE_OK;
}
