// Channels in shared memory (docs/design/channels.md). What is marked "peer" below may be changed by a hostile peer at any time, the rest of
// the mapping too: it is read once, checked, then used.
#ifndef SPORE_LIB_CHAN_RING_H
#define SPORE_LIB_CHAN_RING_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "chan/bell.h"
#include "chan/transport.h"

#define SPORE__RING_COOKIE UINT64_C(0x31676e69722d7073) // "sp-ring1"

enum {
	SPORE__RING_LAYOUT = 2,
	SPORE__RING_PAGE = 4096,
	SPORE__RING_CELL = 64,
	SPORE__RING_HEAD = 8,
	SPORE__RING_INLINE = 4 * SPORE__RING_CELL - SPORE__RING_HEAD, // bytes of a message that stays in the cells
	SPORE__RING_PACK_CELLS = 64,
	SPORE__RING_PACK = SPORE__RING_PACK_CELLS * SPORE__RING_CELL - SPORE__RING_HEAD, // bytes of a pack
	SPORE__RING_PACKED = 1016,                                                       // ... and of a message in one
	SPORE__RING_ALIGN = 64,
	SPORE__RING_HEAP_FIRST = 64 * 1024,  // of the heap is used at first
	SPORE__RING_KEPT = 32 * 1024 * 1024, // bytes of free slabs; more is spare
	SPORE__RING_SPARE_NS = 1000000000,   // after which the system has back what was spare, and not used
	SPORE__RING_SLABS = 64,
	SPORE__RING_FLYING = 4,                      // large messages that can be under way whatever their size
	SPORE__RING_FLYING_BYTES = 16 * 1024 * 1024, // ... and more up to this
	// From this size on the slab that was released last is worth a look at the receiver's line: it is in the caches.
	SPORE__RING_WARM = 1024 * 1024,
	SPORE__RING_WINDOWS = 16,
	SPORE__RING_LENT = 1024,       // messages read in place at a time
	SPORE__RING_LOOK_NS = 1000000, // between two looks of a sender whether its receiver is still there
	SPORE__RING_OFTEN = 64,        // cells between two sleeps, below which sleeping is frequent
};

// ---- the memory

struct spore__ring_header { // written by the maker; copied once when the channel is opened
	uint64_t cookie;
	uint32_t layout;
	uint32_t cells;
	uint32_t heap;
	uint32_t reserved;
	uint64_t large;
};

enum spore__ring_fence {
	SPORE__RING_UNSAID = 0, // the peer fences
	SPORE__RING_FENCE = 1,  // likewise
	SPORE__RING_NONE = 2,   // whoever wrote this makes the peer's processor fence before it sleeps
};

struct spore__ring_says { // a line that changes when its writer goes to sleep, or changes its mind
	// In the low half enum spore__ring_fence. The high half is odd when it sleeps, or is about to, and another number each time.
	alignas(128) _Atomic uint64_t state;
};

static inline bool spore__ring_sleeps(uint64_t state)
{
	return (state >> 32 & 1) != 0;
}

struct spore__ring_lines {                      // of one direction
	struct spore__ring_says sender;         // written by the sender
	struct spore__ring_says receiver;       // written by the receiver
	alignas(128) _Atomic uint64_t released; // written by the receiver: cells that it has done with
};

static_assert(sizeof(struct spore__ring_header) == 32, "layout");
static_assert(sizeof(struct spore__ring_lines) == 384, "layout");

// What the receiver has done with, exactly; the sender looks at it once the receiver is gone. `released` above is for room, and behind.
struct spore__ring_done { // of one direction, written by the receiver
	alignas(128) _Atomic uint64_t
	    place;                 // cells (their low 48 bits), and messages of the pack that begins there (low 16)
	_Atomic uint32_t reads_on; // 1: it has hung up, and still takes everything that was sent
};
static_assert(sizeof(struct spore__ring_done) == 128, "layout");

enum {
	SPORE__RING_DONE_AT = 1280,   // offset of what is done of direction 0; that of 1 follows
	SPORE__RING_LINES = 512,      // offset of the lines of direction 0; those of 1 follow
	SPORE__RING_COUNTS_AT = 2048, // offset of the counts of direction 0; those of 1 follow
	SPORE__RING_SAMPLE = 256,     // of so many cells one record is timed: that which crosses into the next
	SPORE__RING_STAMPS = 32,      // that can be under way
	SPORE__RING_LATENCIES = 64,   // two for each power of two of nanoseconds
};

// What is for those who look on (spy.h): each part is written by one end only, which never reads it; the ends themselves use none of it, but for
// a stamp of a record that is timed.
struct spore__ring_stamp {
	_Atomic uint64_t at; // position of the record; UINT64_MAX: being written
	_Atomic uint64_t ns; // when it was published, by the monotonic clock
};
struct spore__ring_sent {
	alignas(128) _Atomic uint64_t
	    place; // messages (high half) in the cells below the position (low half), the low bits of both
	_Atomic uint64_t rounds; // how often the messages there began anew
	_Atomic uint64_t bytes;
	_Atomic uint64_t taken; // position + 1 of the next record when the heap or the large area was changed last
	alignas(128) struct spore__ring_stamp stamps[SPORE__RING_STAMPS];
};
struct spore__ring_received {
	alignas(128) _Atomic uint32_t latencies[SPORE__RING_LATENCIES];
};
struct spore__ring_counts {                   // of one direction
	struct spore__ring_sent sent;         // written by the sender
	struct spore__ring_received received; // written by the receiver
};
static_assert(sizeof(struct spore__ring_counts) == 896, "layout");
static_assert(SPORE__RING_COUNTS_AT + 2 * sizeof(struct spore__ring_counts) <= SPORE__RING_PAGE, "layout");
static_assert(SPORE__RING_LINES + 2 * sizeof(struct spore__ring_lines) <= SPORE__RING_DONE_AT, "layout");
static_assert(SPORE__RING_DONE_AT + 2 * sizeof(struct spore__ring_done) <= SPORE__RING_COUNTS_AT, "layout");

static inline struct spore__ring_done *spore__ring_done_of(unsigned char *map, int direction)
{
	return (struct spore__ring_done *)(void *)(map + SPORE__RING_DONE_AT) + direction;
}

static inline struct spore__ring_counts *spore__ring_counts_of(unsigned char *map, int direction)
{
	return (struct spore__ring_counts *)(void *)(map + SPORE__RING_COUNTS_AT) + direction;
}

// Is the record timed that begins at AT?
static inline bool spore__ring_is_timed(uint64_t at, uint32_t cells)
{
	return ((at ^ (at + cells)) & ~(uint64_t)(SPORE__RING_SAMPLE - 1)) != 0;
}

static inline uint32_t spore__ring_stamp_of(uint64_t at)
{
	return (uint32_t)(at / SPORE__RING_SAMPLE) % SPORE__RING_STAMPS;
}

// The class of a latency: 2 * log2, plus one in the upper half.
static inline unsigned spore__ring_latency_class(uint64_t ns)
{
	unsigned log = 0;
	for (uint64_t n = ns; n > 1; n >>= 1)
		log++;
	if (log == 0)
		return 0;
	unsigned class = 2 * log + (unsigned)(ns >> (log - 1) & 1);
	return class < SPORE__RING_LATENCIES ? class : SPORE__RING_LATENCIES - 1;
}

// The head of a record, written last by the sender: number (low half), kind (3 bits), value (29 bits).
enum spore__ring_kind {
	SPORE__RING_MESSAGE = 1, // value: bytes, at most SPORE__RING_INLINE, which follow
	SPORE__RING_HEAP = 2,    // in the heap: a uint64_t offset and length follow
	SPORE__RING_LARGE = 3,   // likewise in the large area
	SPORE__RING_PACKED_KIND =
	    4,                // value: bytes that follow, messages each with a head of 8 bytes, its length, padded to 8
	SPORE__RING_SKIP = 5, // value: cells up to the end of the ring, in which nothing is
	SPORE__RING_FINISH = 6,
	SPORE__RING_RUN =
	    7, // a pack of messages of one length, of 1 byte at least: it comes first, and they have no heads
};

// Where the messages of a run begin, behind its head and their length. Those that fill about a cell have the first one to themselves: the
// receiver looks at it all the time, and the sender would have to get it back before each of the first few.
static inline uint32_t spore__ring_run_begin(uint64_t each)
{
	return each >= SPORE__RING_CELL / 2 ? SPORE__RING_CELL - SPORE__RING_HEAD : SPORE__RING_HEAD;
}

static inline uint32_t spore__ring_number(uint64_t at) // never 0
{
	return (uint32_t)(at * 2 + 1);
}

static inline uint64_t spore__ring_head(uint64_t at, enum spore__ring_kind kind, uint32_t value)
{
	return spore__ring_number(at) | (uint64_t)((uint32_t)kind << 29 | value) << 32;
}

static inline uint32_t spore__ring_cells(size_t bytes) // of a record with so many bytes behind its head
{
	return (uint32_t)((bytes + SPORE__RING_HEAD + SPORE__RING_CELL - 1) / SPORE__RING_CELL);
}

static inline _Atomic uint64_t *spore__ring_head_at(unsigned char *cells, uint32_t slot)
{
	return (_Atomic uint64_t *)(void *)(cells + (size_t)slot * SPORE__RING_CELL);
}

// The line of a cell that is going to be written soon is fetched, and taken from the peer's cache, beside the work that comes before.
static inline void spore__ring_soon_written(const void *at)
{
#if defined(__x86_64__) || defined(__i386__)
	__asm__ volatile("prefetchw %0" ::"m"(*(const char *)at)); // does nothing where there is no such instruction
#else
	__builtin_prefetch(at, 1);
#endif
}

enum {
	SPORE__RING_AHEAD = 12,  // cells
	SPORE__RING_STREAK = 16, // cells without an empty one, after which the sender is taken to be ahead
	SPORE__RING_BRIEF = 128, // looks before the clock is looked at
	SPORE__RING_VAIN = 4,    // waits in which spinning was no use, before it is left out
};

// ---- an end

struct spore__ring_record { // that is being published
	uint32_t cells;
	uint32_t messages;
	uint64_t bytes; // of them
};

struct spore__ring_far {   // what the sender took for a record whose message does not lie in the cells
	uint64_t end;      // position behind the record
	uint32_t heap_end; // where the heap's head was behind it
	int32_t slab;      // -1: it is in the heap
};

// What a slot of the sender's holds: how many messages the record has that begins there, and whether its head is another than one that this
// end wrote as such.
enum {
	SPORE__RING_SLOT_MESSAGES = 0x7fff,
	SPORE__RING_SLOT_DIRTY = 0x8000,
};

struct spore__ring_slab {
	uint64_t offset; // in the large area
	uint64_t len;
	unsigned char *at;
	bool used;
};

struct spore__ring_sleeper {           // how one way waits
	struct spore__ring_says *says; // this end's
	uint32_t number;               // what it says
	bool fences;                   // what it says of fences: the peer does
	bool orders;                   // spore__io_barrier works, so that the peer need not
	uint32_t in_vain;              // waits in a row for which spinning was no use
	uint32_t turn;
	// The last call said SPORE_EAGAIN, and its thread may be polling. As long as this is so, the thread of the other way may look at and
	// change `number` and what is below, so they are touched with the bell's lock; else the own thread alone does so, without.
	atomic_bool armed;
	uint64_t heard; // the bell, when it was armed
	uint64_t seen;  // then: what was released (sending), the position (receiving)
};

static inline void spore__ring_say(const struct spore__ring_sleeper *s, memory_order order)
{
	uint64_t fence = s->fences ? SPORE__RING_FENCE : SPORE__RING_NONE;
	atomic_store_explicit(&s->says->state, (uint64_t)s->number << 32 | fence, order);
}

struct spore__ring_ringing { // whom this end wakes
	uint64_t
	    calm; // what the peer said when it was awake and needed no fence: as long as it is this, nothing is due
	uint32_t rung;  // the number of its sleep for which it was rung
	int64_t looked; // when it was seen whether it is there at all
};

struct spore__ring_sender {
	unsigned char *cells;
	struct spore__ring_lines *lines; // released, receiver: peer
	struct spore__ring_sent *counts; // written only
	uint16_t *slots;                 // enum above
	uint64_t at;                     // the next cell
	uint64_t soon;         // a record of one message that ends before needs no look at anything else; 0: none
	uint64_t place, bytes; // what counts say
	uint32_t mask;
	bool ahead; // the receiver is so far behind that lines may be taken from it
	struct spore__ring_ringing ringing;
	enum spore_err err;
	// a pack that is being filled
	uint32_t pack_bytes;
	uint32_t pack_limit; // bytes for which there is room
	uint32_t pack_each;  // the length of all its messages; 0: each says its own
	uint64_t pack_sum;   // messages (high half) and their bytes (low half)
	unsigned char *pack; // behind its head
	uint32_t pack_first; // the length of its first message
	bool pack_mixed;     // there are others
	uint32_t run;        // the length of all messages of the pack before; 0: they differed
	// what is seldom used
	uint64_t rounds;               // what counts say
	uint64_t released;             // as last seen
	uint64_t limit;                // cells up to here may be used without another look at released
	struct spore__ring_done *done; // peer
	struct spore__ring_far *far;   // ring of as many as there are cells
	uint64_t far_first, far_next;
	struct spore__ring_sleeper sleeper;
	// the heap
	unsigned char *heap;
	uint64_t heap_offset; // in the memory
	uint32_t heap_size;
	uint32_t heap_active; // bytes that there is memory for
	uint32_t heap_head;
	uint32_t heap_tail;
	uint32_t heap_records;
	// the large area
	uint64_t large_offset;
	uint64_t large_size;
	uint64_t large_free; // bytes of free slabs
	struct spore__ring_slab slabs[SPORE__RING_SLABS];
	uint64_t slabs_free;   // a bit for each that is, and not spare
	uint64_t spared;       // likewise, and it was; it may have been given back
	uint64_t flying_bytes; // of those that are not
	uint32_t flying;
	uint32_t slab_count;
	// the loan
	enum spore__ring_kind loan_kind; // 0: none
	uint64_t loan_offset;
	int loan_slab;
	uint32_t loan_before; // the heap's head
};

struct spore__ring_window { // of the large area, mapped
	uint64_t offset;
	uint64_t len;
	unsigned char *at;
	uint32_t lent;
	uint64_t used; // when
};

struct spore__ring_lent {
	uint32_t cells; // released with it
	uint32_t heap;  // bytes
	int32_t window; // -1: none
};

struct spore__ring_receiver {
	unsigned char *cells;              // peer
	struct spore__ring_lines *lines;   // sender: peer
	struct spore__ring_counts *counts; // sent: peer
	uint64_t at;                       // of the next record
	uint64_t soon;                     // a record that ends before needs no look at anything else; 0: none
	uint64_t released;
	struct spore__ring_done *done; // written only
	uint64_t pack_done;            // messages that were released of the record at `released`
	uint64_t published;
	uint64_t empty_at; // where there was none last
	uint32_t mask;
	struct spore__ring_ringing ringing;
	enum spore_err err;
	bool wide; // the last message took more than one cell
	// the pack that is being read
	uint32_t pack_left;        // bytes; 0: none
	uint32_t pack_each;        // the length of all its messages, checked; 0: each says its own
	const unsigned char *pack; // peer
	uint32_t pack_cells;
	uint64_t heap_unpublished; // bytes
	struct spore__ring_sleeper sleeper;
	uint64_t slept_at;   // position
	unsigned char *heap; // peer
	uint32_t heap_size;
	uint64_t large_offset;
	uint64_t large_size;
	struct spore__ring_window windows[SPORE__RING_WINDOWS];
	uint64_t mapped;   // bytes
	uint8_t known[16]; // windows by where they are (ring_loan.h)
	uint64_t turn;
	struct spore__ring_lent lent[SPORE__RING_LENT];
	uint64_t lent_first, lent_next;
};

struct spore__ring_spared { // with the lock of ring_spare.c
	struct spore__ring *next;
	uint64_t slabs; // a bit for each
	int64_t since;
};

struct spore__ring {
	struct spore__transport base;
	int memory;
	unsigned char *map; // header, lines, cells, heaps
	size_t map_len;
	struct spore__bell bell;
	struct spore__ring *left; // reads what the peer did not, once it is gone; may be NULL (ring_left.c)
	uint32_t
	    unfenced; // what a peer says for which this end leaves the fence out: SPORE__RING_NONE, or nothing that there is
	struct spore__ring_spared spare;
	alignas(128) struct spore__ring_sender send;
	alignas(128) struct spore__ring_receiver receive;
};

// Where what is in the memory.
struct spore__ring_shape {
	uint32_t cells;
	uint32_t heap;
	uint64_t large;
	uint64_t cells_at[2], heap_at[2], large_at[2];
	uint64_t size;
};
// Checks the memory, which need not be trusted.
enum spore_err spore__ring_shape_of(int memory, struct spore__ring_shape *s);

// ---- ring_send.c, ring_receive.c: members of the ops

enum spore_err spore__ring_send(struct spore__transport *t, const void *data, size_t len, bool more);
enum spore_err spore__ring_loan(struct spore__transport *t, size_t size, void **data);
enum spore_err spore__ring_commit(struct spore__transport *t, size_t len);
void spore__ring_abandon(struct spore__transport *t);
enum spore_err spore__ring_flush(struct spore__transport *t);
// Of a pack that is begun.
void spore__ring_publish_pack(struct spore__ring *r);
enum spore_err spore__ring_finish(struct spore__transport *t);
uint64_t spore__ring_lost(struct spore__transport *t);
// Has the receiver hung up, and takes what was sent nevertheless?
bool spore__ring_reads_on(struct spore__ring *r);
// Has the receiver released anything since the last look?
bool spore__ring_room(struct spore__ring *r);

enum spore_err spore__ring_read(struct spore__transport *t, const void **data, size_t *len);
enum spore_err spore__ring_copy(struct spore__transport *t, void *buffer, size_t size, size_t *len);
enum spore_err spore__ring_skip(struct spore__transport *t, size_t *len);
void spore__ring_release(struct spore__transport *t);
// As read and release, but nobody is told.
enum spore_err spore__ring_take(struct spore__ring *r, const void **data, size_t *len);
// Where the receiver is by what it says, if this end has a record there; else what it has released. SKIP: messages of a pack that begins there,
// which it has done with.
uint64_t spore__ring_place(const struct spore__ring *r, uint32_t *skip);
// HEAD, found at v->at, is that of a good pack or run, which is read from now on.
bool spore__ring_open_pack(struct spore__ring_receiver *v, uint64_t head);
// Tells the sender all that was released.
void spore__ring_publish_released(struct spore__ring *r);

static inline void spore__ring_say_done(struct spore__ring_receiver *v)
{
	atomic_store_explicit(&v->done->place, v->released << 16 | v->pack_done, memory_order_relaxed);
}

// The sender need not fence any more for a receiver that sleeps seldom.
void spore__ring_leave_fences(struct spore__ring *r);
// The receiving way of R is not used yet, and what is sent to it is to ring. What was rung before stays so.
void spore__ring_lie_down(struct spore__ring *r);
// The call for which WAY was armed was made again, and had something to do.
void spore__ring_disarm(struct spore__ring *r, enum spore__way way);

// ---- ring_left.c: members of the ops

enum spore_err spore__ring_left(struct spore__transport *t, const void **data, size_t *len);
bool spore__ring_gone(const struct spore__transport *t);
void spore__ring_left_finish(struct spore__ring *r);

void spore__ring_wake_slowly(struct spore__ring *r, const struct spore__ring_says *peer,
                             struct spore__ring_ringing *ringing);

// Rings when the peer sleeps, after something was published for it.
static inline void spore__ring_wake(struct spore__ring *r, const struct spore__ring_says *peer,
                                    struct spore__ring_ringing *ringing)
{
	atomic_signal_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&peer->state, memory_order_relaxed) != ringing->calm)
		spore__ring_wake_slowly(r, peer, ringing);
}

// Before anything is written to the heap or the large area, or taken from it.
static inline void spore__ring_take_room(struct spore__ring_sender *s)
{
	atomic_store_explicit(&s->counts->taken, s->at + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

// ---- ring_heap.c: the sender's memory

// Finds room for SIZE bytes. SPORE_EAGAIN, SPORE_ENOMEM, SPORE_ETOOBIG.
enum spore_err spore__ring_heap_take(struct spore__ring *r, size_t size, uint32_t *offset);
// One that is free, or a new one.
enum spore_err spore__ring_slab_take(struct spore__ring *r, size_t size, int *slab);
void spore__ring_slab_give(struct spore__ring *r, int slab);

// More than LEN bytes beside them would be ahead of the receiver without being any faster: what is used again soon is in the caches, and mapped
// at the other end, which has a window for each.
static inline bool spore__ring_enough_flying(const struct spore__ring_sender *s, uint64_t len)
{
	return s->flying >= SPORE__RING_FLYING &&
	       (s->flying >= SPORE__RING_WINDOWS || s->flying_bytes + len > SPORE__RING_FLYING_BYTES);
}

static inline void spore__ring_slab_use(struct spore__ring_sender *s, int slab)
{
	s->flying++;
	s->flying_bytes += s->slabs[slab].len;
	s->slabs[slab].used = true;
	s->slabs_free &= ~(UINT64_C(1) << slab);
	s->large_free -= s->slabs[slab].len;
}

void spore__ring_slabs_finish(struct spore__ring *r);

// ---- ring_spare.c

// SLAB, of the sender's, is given back to the system when nothing of R is spared, or taken back, for SPORE__RING_SPARE_NS. False: it cannot be spared.
bool spore__ring_spare(struct spore__ring *r, int slab);
// A bit for each slab that was spared, and is still there: the sender's again.
uint64_t spore__ring_unspare(struct spore__ring *r);
void spore__ring_spare_after_fork(void);

#endif
