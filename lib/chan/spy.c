#include "chan/spy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../os/os.h"
#include "chan/ring.h"

enum {
	TURNS = 8,             // records without a message that one call looks at
	FAR_FIRST = 64 * 1024, // of the copy
};

struct way {
	unsigned char *cells;
	struct spore__ring_lines *lines;
	struct spore__ring_counts *counts;
	struct spore__ring_done *done;
	uint32_t mask;
	uint64_t heap_at, heap_size, large_at, large_size; // in the memory
	uint64_t at;                                       // the next record; the low 32 bits count
	uint64_t accounted;                                // messages before it, seen or missed; likewise
	uint64_t missed;
	enum spore_err err;
	// the pack that is being read
	uint32_t pack_at, pack_end;
	uint32_t pack_each; // the length of all its messages; 0: each says its own
	unsigned char record[SPORE__RING_PACK_CELLS * SPORE__RING_CELL]; // the copy of it
};

struct spore__spy {
	int memory;
	unsigned char *map;
	size_t map_len;
	uint64_t limit;
	unsigned char *far; // malloc'ed: the copy of what does not lie in cells
	uint64_t far_size;
	struct way ways[2];
};

// ---- the sender's place: the low bits of a position where a record begins or will, and of how many messages were sent before

static uint64_t place(const struct way *w)
{
	atomic_thread_fence(memory_order_acquire); // after what was copied
	return atomic_load_explicit(&w->counts->sent.place, memory_order_acquire);
}

// How many cells it is ahead; where it has not said yet what was seen already, less than 0.
static int32_t ahead(const struct way *w)
{
	return (int32_t)((uint32_t)place(w) - (uint32_t)w->at);
}

static bool unreleased(const struct way *w)
{
	uint32_t released = (uint32_t)atomic_load_explicit(&w->lines->released, memory_order_relaxed);
	return (int32_t)(released - (uint32_t)w->at) <= 0;
}

// Was what lay in the cells of the record at w->at, and has been copied, still that? A sender that says position P writes no further than
// SPORE__RING_PACK_CELLS behind P before it says another, and nowhere in a record that the receiver has not released.
static bool is_whole(const struct way *w)
{
	return (int64_t)ahead(w) + SPORE__RING_PACK_CELLS < (int64_t)w->mask + 1 || unreleased(w);
}

// The same of what lay in the heap: nothing was taken from it for a later record, or this one was not released.
static bool is_whole_far(const struct way *w)
{
	atomic_thread_fence(memory_order_acquire);
	return (uint32_t)atomic_load_explicit(&w->counts->sent.taken, memory_order_relaxed) == (uint32_t)(w->at + 1) ||
	       unreleased(w);
}

// The length of all messages in a run of BYTES; 0: nonsense.
static uint32_t each_of(const unsigned char *body, uint32_t bytes)
{
	uint64_t each;
	memcpy(&each, body, sizeof each);
	uint32_t begin = spore__ring_run_begin(each);
	return bytes > begin && each <= bytes - begin ? (uint32_t)each : 0;
}

// How many cells the record of HEAD has; 0: nonsense.
static uint32_t cells_of(const struct way *w, uint32_t kind, uint32_t value)
{
	uint32_t to_end = w->mask + 1 - ((uint32_t)w->at & w->mask), cells = 1;
	if (kind == SPORE__RING_MESSAGE && value <= SPORE__RING_INLINE)
		cells = spore__ring_cells(value);
	else if ((kind == SPORE__RING_PACKED_KIND || kind == SPORE__RING_RUN) && value <= SPORE__RING_PACK &&
	         value > 0 && value % 8 == 0)
		cells = spore__ring_cells(value);
	else if (kind == SPORE__RING_SKIP && value == to_end)
		cells = to_end;
	else if (kind != SPORE__RING_HEAP && kind != SPORE__RING_LARGE && kind != SPORE__RING_FINISH)
		return 0;
	return cells <= to_end ? cells : 0;
}

static uint64_t packed(const struct way *w, uint32_t slot, uint32_t bytes)
{
	uint64_t count = 0;
	const unsigned char *p = w->cells + (size_t)slot * SPORE__RING_CELL + SPORE__RING_HEAD;
	for (uint64_t at = 0, len; at + SPORE__RING_HEAD <= bytes;
	     at += SPORE__RING_HEAD + ((len + 7) & ~(uint64_t)7)) {
		memcpy(&len, p + at, sizeof len);
		if (len > bytes)
			break;
		count++;
	}
	return count;
}

static uint64_t in_run(const struct way *w, uint32_t slot, uint32_t bytes)
{
	uint32_t each = each_of(w->cells + (size_t)slot * SPORE__RING_CELL + SPORE__RING_HEAD, bytes);
	return each > 0 ? (bytes - spore__ring_run_begin(each)) / ((each + 7) & ~(uint32_t)7) : 0;
}

// The messages from *AT, which becomes where it ends: at UNTIL, or where there is no record. They may be overwritten meanwhile, which makes them a
// few less.
static uint64_t walk(const struct way *w, uint64_t *at, uint64_t until)
{
	uint64_t count = 0;
	struct way there = {.mask = w->mask, .at = *at};
	for (uint32_t i = 0; i <= w->mask && there.at != until; i++) {
		uint32_t slot = (uint32_t)there.at & w->mask;
		uint64_t head = atomic_load_explicit(spore__ring_head_at(w->cells, slot), memory_order_acquire);
		uint32_t kind = (uint32_t)(head >> 61), value = (uint32_t)(head >> 32) & ((1U << 29) - 1);
		uint32_t cells = cells_of(&there, kind, value);
		if ((uint32_t)head != spore__ring_number(there.at) || cells == 0)
			break;
		if (kind == SPORE__RING_PACKED_KIND)
			count += packed(w, slot, value);
		else if (kind == SPORE__RING_RUN)
			count += in_run(w, slot, value);
		else
			count += kind != SPORE__RING_SKIP && kind != SPORE__RING_FINISH;
		there.at += cells;
	}
	*at = there.at;
	return count;
}

// The oldest record before P, the sender's place, that will be there for a while; *MESSAGES: how many there are from it up to P. P: none.
static uint64_t oldest_left(const struct way *w, uint64_t p, uint32_t *messages)
{
	const uint64_t ring = (uint64_t)w->mask + 1, gone = ring - ring / 8; // so far behind P
	uint32_t far = (uint32_t)p - (uint32_t)w->at, tries = 4;
	uint64_t until = w->at + far, at = w->at;
	if (gone <= SPORE__RING_PACK_CELLS)
		return until;
	if (far > gone - SPORE__RING_PACK_CELLS)
		at = until - (gone - SPORE__RING_PACK_CELLS);
	for (; at < until && tries > 0; at++) {
		_Atomic uint64_t *head = spore__ring_head_at(w->cells, (uint32_t)at & w->mask);
		uint64_t end = at;
		if ((uint32_t)atomic_load_explicit(head, memory_order_acquire) != spore__ring_number(at))
			continue;
		tries--; // the bytes of a message may look like a head
		uint64_t count = walk(w, &end, until);
		if (end == until && (uint32_t)place(w) - (uint32_t)at + SPORE__RING_PACK_CELLS < ring) {
			*messages = (uint32_t)count;
			return at;
		}
	}
	return until;
}

// Goes on with the oldest that is left. What lies between is missed.
static enum spore_err skip_ahead(struct way *w)
{
	uint64_t p = place(w);
	uint32_t cells = (uint32_t)p - (uint32_t)w->at, messages = (uint32_t)(p >> 32) - (uint32_t)w->accounted,
	         left = 0;
	if (cells == 0 || cells > INT32_MAX)
		return SPORE_EAGAIN; // it is about to say so
	uint64_t at = oldest_left(w, p, &left);
	if (at == w->at || left > messages) { // no progress, or nonsense
		at = w->at + cells;
		left = 0;
	}
	w->missed += messages - left;
	w->accounted += messages - left;
	w->at = at;
	w->pack_end = 0;
	return SPORE_OK;
}

// ---- opening

static void init_way(struct spore__spy *s, const struct spore__ring_shape *shape, int direction)
{
	struct way *w = &s->ways[direction];
	w->cells = s->map + shape->cells_at[direction];
	w->lines = (struct spore__ring_lines *)(void *)(s->map + SPORE__RING_LINES) + direction;
	w->counts = spore__ring_counts_of(s->map, direction);
	w->done = spore__ring_done_of(s->map, direction);
	w->mask = shape->cells - 1;
	w->heap_at = shape->heap_at[direction];
	w->heap_size = shape->heap;
	w->large_at = shape->large_at[direction];
	w->large_size = shape->large;
	uint64_t p = place(w);
	w->at = (uint32_t)p;
	w->accounted = p >> 32;
}

enum spore_err spore__spy_open(int memory, uint64_t limit, struct spore__spy **out)
{
	struct spore__ring_shape shape;
	enum spore_err e = spore__ring_shape_of(memory, &shape);
	struct spore__spy *s = e == SPORE_OK ? calloc(1, sizeof *s) : NULL;
	if (s != NULL) {
		s->map_len = shape.heap_at[0];
		s->map = spore__io_map(memory, 0, s->map_len, SPORE__IO_READ);
	}
	if (s == NULL || s->map == NULL) {
		free(s);
		close(memory);
		return e != SPORE_OK ? e : SPORE_ENOMEM;
	}
	s->memory = memory;
	s->limit = limit < SPORE_CHAN_LARGEST ? limit : SPORE_CHAN_LARGEST;
	for (int d = 0; d < 2; d++)
		init_way(s, &shape, d);
	*out = s;
	return SPORE_OK;
}

void spore__spy_close(struct spore__spy *s)
{
	if (s == NULL)
		return;
	(void)munmap(s->map, s->map_len);
	close(s->memory);
	free(s->far);
	free(s);
}

// ---- records

static bool make_room(struct spore__spy *s, uint64_t size)
{
	if (s->far_size >= size && s->far != NULL)
		return true;
	uint64_t room = FAR_FIRST;
	while (room < size)
		room *= 2;
	free(s->far);
	s->far = malloc((size_t)room);
	s->far_size = s->far != NULL ? room : 0;
	return s->far != NULL;
}

// By reading: touching a page of a mapping that nobody has put there would make the memory larger.
static bool read_far(struct spore__spy *s, uint64_t offset, uint64_t len)
{
	for (uint64_t done = 0; done < len;) {
		ssize_t n = pread(s->memory, s->far + done, (size_t)(len - done), (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (uint64_t)n;
	}
	return true;
}

static void account(struct way *w, bool seen)
{
	w->accounted++;
	w->missed += !seen;
}

// The record, of which the head alone lies in cells, is copied already. SPORE_EBUSY: it was overwritten.
static enum spore_err next_far(struct spore__spy *s, struct way *w, bool large, struct spore__spied *m)
{
	uint64_t where[2];
	memcpy(where, w->record + SPORE__RING_HEAD, sizeof where);
	uint64_t size = large ? w->large_size : w->heap_size;
	if (where[0] > size || where[1] > size - where[0] || where[1] > SPORE_CHAN_LARGEST)
		return SPORE_EMALFORMED;
	uint64_t kept = where[1] < s->limit ? where[1] : s->limit;
	enum spore_err e = !make_room(s, kept)                                                 ? SPORE_ENOMEM
	                   : !read_far(s, (large ? w->large_at : w->heap_at) + where[0], kept) ? SPORE_ESYSTEM
	                   : !is_whole_far(w)                                                  ? SPORE_EBUSY
	                                                                                       : SPORE_OK;
	account(w, e == SPORE_OK);
	w->at++;
	*m = (struct spore__spied){.data = s->far, .len = where[1], .kept = kept};
	return e;
}

static enum spore_err next_packed(struct spore__spy *s, struct way *w, struct spore__spied *m)
{
	uint64_t len = w->pack_each;
	uint32_t left = w->pack_end - w->pack_at, head = len > 0 ? 0 : SPORE__RING_HEAD;
	const unsigned char *at = w->record + SPORE__RING_HEAD + w->pack_at;
	if (left < head)
		return SPORE_EMALFORMED;
	if (head > 0)
		memcpy(&len, at, sizeof len);
	if (len > left - head)
		return SPORE_EMALFORMED;
	*m = (struct spore__spied){.data = at + head, .len = len, .kept = len < s->limit ? len : s->limit};
	uint32_t frame = head + (((uint32_t)len + 7) & ~(uint32_t)7);
	account(w, true);
	w->pack_at += frame;
	if (frame >= left) {
		w->at += spore__ring_cells(w->pack_end);
		w->pack_end = 0;
	}
	return SPORE_OK;
}

// SPORE_EBUSY: look again, there was no message.
static enum spore_err next_record(struct spore__spy *s, struct way *w, struct spore__spied *m)
{
	uint32_t slot = (uint32_t)w->at & w->mask;
	_Atomic uint64_t *place = spore__ring_head_at(w->cells, slot);
	uint64_t head = atomic_load_explicit(place, memory_order_acquire);
	if ((uint32_t)head != spore__ring_number(w->at)) {
		if (ahead(w) <= 0)
			return SPORE_EAGAIN;
		// It was published before that was said.
		head = atomic_load_explicit(place, memory_order_acquire);
		if ((uint32_t)head != spore__ring_number(w->at)) {
			enum spore_err e = skip_ahead(w);
			return e == SPORE_OK ? SPORE_EBUSY : e;
		}
	}
	uint32_t kind = (uint32_t)(head >> 61), value = (uint32_t)(head >> 32) & ((1U << 29) - 1);
	uint32_t cells = cells_of(w, kind, value);
	if (kind != SPORE__RING_SKIP && cells > 0)
		memcpy(w->record, w->cells + (size_t)slot * SPORE__RING_CELL, (size_t)cells * SPORE__RING_CELL);
	if (!is_whole(w)) {
		enum spore_err e = skip_ahead(w);
		return e == SPORE_OK ? SPORE_EBUSY : e;
	}
	if (cells == 0)
		return SPORE_EMALFORMED;
	switch (kind) {
	case SPORE__RING_MESSAGE:
		*m = (struct spore__spied){
		    .data = w->record + SPORE__RING_HEAD, .len = value, .kept = value < s->limit ? value : s->limit};
		account(w, true);
		w->at += cells;
		return SPORE_OK;
	case SPORE__RING_PACKED_KIND:
		w->pack_at = 0;
		w->pack_end = value;
		w->pack_each = 0;
		return next_packed(s, w, m);
	case SPORE__RING_RUN:
		w->pack_end = value;
		w->pack_each = each_of(w->record + SPORE__RING_HEAD, value);
		w->pack_at = spore__ring_run_begin(w->pack_each);
		return w->pack_each > 0 ? next_packed(s, w, m) : SPORE_EMALFORMED;
	case SPORE__RING_SKIP:
		w->at += cells;
		return SPORE_EBUSY;
	case SPORE__RING_FINISH:
		return SPORE_EEND;
	default:
		return next_far(s, w, kind == SPORE__RING_LARGE, m);
	}
}

enum spore_err spore__spy_next(struct spore__spy *s, int direction, struct spore__spied *m)
{
	struct way *w = &s->ways[direction];
	if (w->err != SPORE_OK)
		return w->err;
	enum spore_err e = SPORE_EBUSY;
	if (w->pack_end > 0)
		e = next_packed(s, w, m);
	for (int i = 0; i < TURNS && e == SPORE_EBUSY; i++)
		e = next_record(s, w, m);
	if (e == SPORE_EEND || e == SPORE_EMALFORMED || e == SPORE_ESYSTEM)
		w->err = e;
	return e == SPORE_EBUSY ? SPORE_EAGAIN : e;
}

uint64_t spore__spy_missed(const struct spore__spy *s, int direction)
{
	return s->ways[direction].missed;
}

// ---- counts

void spore__spy_count(struct spore__spy *s, int direction, struct spore__spy_counts *c)
{
	const struct way *w = &s->ways[direction];
	*c = (struct spore__spy_counts){.cells = (uint64_t)w->mask + 1};
	uint64_t done = atomic_load_explicit(&w->done->place, memory_order_acquire);
	c->released = done >> 16;
	uint64_t at = c->released;
	c->depth = walk(w, &at, UINT64_MAX);
	c->depth -= c->depth > (done & 0xffff) ? done & 0xffff : c->depth;
	uint64_t p = place(w);
	c->sent = atomic_load_explicit(&w->counts->sent.rounds, memory_order_relaxed) << 32 | p >> 32;
	c->bytes = atomic_load_explicit(&w->counts->sent.bytes, memory_order_relaxed);
	int32_t used = (int32_t)((uint32_t)p - (uint32_t)c->released);
	c->used = used > 0 ? (uint64_t)used : 0;
	for (int i = 0; i < SPORE__SPY_LATENCIES; i++)
		c->latencies[i] = atomic_load_explicit(&w->counts->received.latencies[i], memory_order_relaxed);
	c->sender_sleeps = spore__ring_sleeps(atomic_load_explicit(&w->lines->sender.state, memory_order_relaxed));
	c->receiver_sleeps = spore__ring_sleeps(atomic_load_explicit(&w->lines->receiver.state, memory_order_relaxed));
}

static_assert((int)SPORE__SPY_LATENCIES == (int)SPORE__RING_LATENCIES, "one for each");

uint64_t spore__spy_latency(const struct spore__spy_counts *before, const struct spore__spy_counts *now,
                            unsigned per_mille)
{
	uint64_t sum = 0, at = 0, counts[SPORE__SPY_LATENCIES];
	for (unsigned i = 0; i < SPORE__SPY_LATENCIES; i++)
		sum += counts[i] = (uint32_t)(now->latencies[i] - (before != NULL ? before->latencies[i] : 0));
	if (sum == 0)
		return 0;
	uint64_t wanted = (sum * per_mille + 999) / 1000;
	for (unsigned i = 0; i < SPORE__SPY_LATENCIES; i++) {
		at += counts[i];
		if (at >= wanted && at > 0) // the upper end of the class
			return i < 2 ? 2 : (UINT64_C(1) << (i / 2)) + ((UINT64_C(1) << (i / 2)) >> 1) * (i % 2 + 1);
	}
	return 0;
}
