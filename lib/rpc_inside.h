// What the files of a conversation share:
//	rpc.c                create, close
//	rpc_turn.c           who reads, what is due, how it waits
//	rpc_receive.c        what comes, and the peer's end
//	rpc_send.c           what goes out
//	rpc_ask*.c, rpc_answered.c   calls of this end (rpc_ask_inside.h)
//	rpc_call.c           calls of the peer: rpc_params.c what they are asked with, rpc_answer.c, rpc_cancel.c
//	rpc_serve.c          many conversations on one thread
//	rpc_describe.c       `$/describe`
//
// Threads. One thread reads (`reader`); it alone takes messages, gives out the slots of the peer's calls, and runs handlers and callbacks. Any
// thread sends: it takes `sending` when it is free, and otherwise leaves a parcel in `pending`, which the one that has it sends before it goes.
// Neither is ever waited for. What one thread does alone (a call that blocks and reads its own answer, a handler that answers at once) takes one
// locked instruction to read and one to send: who gives either up leaves the fence to the one that comes meanwhile (`barrier`). Slots are never
// freed while the conversation lives, so a late look at one is harmless: its tag has another id.
#ifndef SPORE_LIB_RPC_INSIDE_H
#define SPORE_LIB_RPC_INSIDE_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "chan/chan.h"
#include "msgpack.h"
#include "os/os.h"
#include "rpc_message.h"
#include "spore/rpc.h"

enum {
	SPORE__RPC_CHUNK = 64,      // slots that are made at once
	SPORE__RPC_SPARE = 64,      // slots of the peer's calls beyond the limit, for answers that are on their way out
	SPORE__RPC_NESTED = 32,     // handlers in each other
	SPORE__RPC_KEEP = 64 << 10, // bytes of a buffer that a slot keeps when it is free
	SPORE__RPC_HEADROOM = 40,   // before a request, for its `$/deadline`
	SPORE__RPC_NAME = 255,      // bytes of a method
	SPORE__RPC_CROWD = 4096,    // calls that are refused while the peer does not read, then it is cut off
};

#define SPORE__RPC_NEVER INT64_MAX // a deadline

struct spore__rpc_buffer {
	unsigned char *data;
	size_t cap;
};

// ---- what goes out

enum spore__rpc_purpose {
	SPORE__RPC_TO_ANY,  // a notification: for whoever is there
	SPORE__RPC_ASKS,    // a request: likewise, unless its call is over
	SPORE__RPC_ANSWERS, // a response: for the peer that called
	SPORE__RPC_FOR_ONE, // what belongs to a call: likewise
};

struct spore__rpc_out {
	enum spore__rpc_purpose purpose;
	const unsigned char *bytes;
	size_t split; // it is two messages, of which the first has so many bytes; 0: one
	size_t len;
	uint64_t number;           // the peer that it is for, as spore__chan_number
	struct spore_rpc_ask *ask; // of a request
	uint32_t id;               // of a request or response
};

struct spore__rpc_parcel { // the same with the bytes behind it
	struct spore__rpc_parcel *next;
	size_t size;
	struct spore__rpc_out out;
};

// ---- slots

// The state of an ask, in the low byte of its tag; the id is above it.
enum spore__ask_state {
	SPORE__ASK_FREE,
	SPORE__ASK_WRITING,   // the caller's: parameters
	SPORE__ASK_QUEUED,    // not handed to the channel yet
	SPORE__ASK_SENDING,   // on its way: who wants to change that waits for some instructions of the one that sends
	SPORE__ASK_SENT,      // in flight
	SPORE__ASK_TAKEN,     // the thread that reads has it: its answer, or a part
	SPORE__ASK_DONE,      // the caller's: answered
	SPORE__ASK_GIVEN_UP,  // the caller's: it has an error, the answer may still come
	SPORE__ASK_ABANDONED, // nobody's until the answer comes
};

struct spore_rpc_ask {
	struct spore_rpc *rpc;
	uint32_t index;
	_Atomic uint32_t next_free; // index + 1
	_Atomic uint64_t tag;
	_Atomic uint64_t number;          // the peer that it was sent to; UINT64_MAX: not yet
	_Atomic uintptr_t owner;          // the thread that waits for it
	_Atomic int64_t deadline;         // nanoseconds, of what is not waited for
	atomic_int refused;               // an enum spore_err: it could not be sent
	struct spore__msgpack_writer out; // parameters; then the answer
	size_t body;                      // where the parameters begin
	spore_rpc_answer *fn;
	void *arg;
	spore_rpc_part *item, *progress;
	void *item_arg, *progress_arg;
	unsigned parts; // calls of the two on the stack of the thread that reads
	bool answered;  // meanwhile
	bool pumped;    // the thread that reads is the one that waits for it
	bool notice;
	enum spore_err err;
	struct spore_reader result;
	struct spore_rpc_error error;
};

enum spore__call_state {
	SPORE__CALL_FREE,
	SPORE__CALL_PARKED, // it came, and is handled later
	SPORE__CALL_OPEN,
	SPORE__CALL_TELLING, // the thread that reads runs its on_cancel
	SPORE__CALL_ANSWERED,
};

enum spore__call_begun {
	SPORE__BEGUN_NOTHING,
	SPORE__BEGUN_RESULT,
	SPORE__BEGUN_FAILURE,
	SPORE__BEGUN_PART,
};

struct spore_rpc_call {
	struct spore_rpc *rpc;
	uint32_t index;
	struct spore_rpc_call *next_free;
	atomic_int state;
	uint32_t id; // the peer's
	bool notice;
	atomic_bool cancelled;
	atomic_bool told; // ... and its on_cancel knows
	uint64_t number;
	_Atomic int64_t deadline;
	struct spore__rpc_buffer in;
	struct spore__msgpack_reader params;
	const char *name;
	const struct spore_rpc_method *method; // NULL: `other`
	struct spore_rpc_call *next_parked;
	struct spore__msgpack_writer out;
	enum spore__call_begun begun;
	size_t body;    // where the value begins
	unsigned parts; // that were sent
	void (*_Atomic on_cancel)(struct spore_rpc_call *call, void *arg);
	void *on_cancel_arg;
};

// ---- a conversation

struct spore__rpc_entry {
	const struct spore_rpc_method *method; // NULL: none
	size_t len;                            // of its name
};

struct spore_rpc {
	struct spore_chan *chan;
	struct spore_rpc_options options;
	struct spore__rpc_entry *table; // by hash; open addressing
	uint32_t table_mask;
	bool bytes; // the channel is one of bytes
	bool port;  // ... a port's, which may be wired anew
	bool barrier;
	_Atomic int64_t
	    owed; // after the close: calls of the peer that are not answered; before: less those that other threads have answered
	atomic_bool closed;
	atomic_bool draining; // the last answers are waited for
	_Atomic uint64_t stat_busy, stat_late;

	// Of the thread that reads.
	alignas(64) _Atomic uintptr_t reader; // 0: none
	struct spore__rpc_buffer in;          // what is read next
	size_t in_len;                        // bytes of the message in it
	struct spore__rpc_buffer stream;      // of a port of bytes: what came
	size_t stream_at, stream_len;         // ... from here to there it was not handled yet
	struct spore__msgpack_scan scan;      // ... of the message that begins there
	uint64_t number;                      // the peer that was heard last
	uint64_t skip;                        // what comes from this peer is not looked at
	bool greeted;                         // `peer` was told of it
	unsigned ends;                        // that were said one after the other, while nothing came
	_Atomic uint64_t gone; // what was sent to this peer, less one, or one before has ended; UINT64_MAX: to all
	unsigned nested;       // handlers on the stack
	unsigned deferring;    // calls that come are parked
	unsigned crowd;        // calls that were refused while too much was queued
	struct spore_rpc_call *parked, **parked_end;
	struct spore_rpc_call **by_id; // where the peer's ids were last, by their low bits
	uint32_t by_id_mask;
	uint32_t due_id;          // `$/deadline` of the call that comes next
	int64_t due_at;           // SPORE__RPC_NEVER: none
	_Atomic int64_t next_due; // the earliest deadline
	atomic_int over;          // an enum spore_err: the conversation is

	// Who sleeps is woken by `wake`.
	atomic_bool attention; // look at what other threads left
	atomic_bool refusals;  // calls that could not be sent
	atomic_bool asleep;
	int wake[2]; // spore__io_wake
	int gather;  // of spore_rpc_fd; -1
	bool owns_gather;
	bool served;    // by spore_rpc_serve, whose thread reads it as long as it is open
	short gathered; // what it waits for of the channel
	atomic_uint waiters;
	pthread_mutex_t lock; // of threads that wait for another to read
	pthread_cond_t woken;

	alignas(64) atomic_bool sending;
	struct spore__rpc_parcel *_Atomic pending; // the last first
	// Of the one that sends.
	struct spore__rpc_parcel *queue, **queue_end;
	_Atomic uint64_t stat_asks;
	_Atomic size_t queued; // bytes in both
	atomic_bool unwired;   // nobody was there at the last try

	alignas(64) _Atomic uint64_t free_asks; // a count of changes above the index + 1
	_Atomic uint32_t used_asks;
	struct spore_rpc_ask *_Atomic *asks; // chunks
	unsigned id_bits;
	uint32_t first_id;

	_Atomic uint32_t used_calls;         // written by the thread that reads
	_Atomic uint64_t called, answered;   // likewise: calls of the peer, and those that it has answered itself
	_Atomic uint64_t answered_elsewhere; // by other threads
	struct spore_rpc_call *free_calls;   // of the thread that reads
	struct spore_rpc_call *_Atomic returned_calls; // by any
	struct spore_rpc_call **calls;                 // chunks
};

// ---- rpc_send.c

// Sends O or queues it. Never waits. SPORE_ENOMEM, SPORE_ETOOBIG, SPORE_ECLOSED (over one transport, for good): it was not. [any]
enum spore_err spore__rpc_send(struct spore_rpc *r, struct spore__rpc_out *o);
// Sends what was queued, as far as there is room. [any]
void spore__rpc_flush(struct spore_rpc *r);
// Takes the sending over for ever and drops what is queued.
void spore__rpc_stop_sending(struct spore_rpc *r);
void spore__rpc_drop_parcels(struct spore_rpc *r);
bool spore__rpc_is_full(const struct spore_rpc *r); // more is queued than the options say
// Has the thread that reads look at what was left for it.
void spore__rpc_poke(struct spore_rpc *r);
// An error as the response to ID of the peer NUMBER.
enum spore_err spore__rpc_refuse(struct spore_rpc *r, uint64_t number, uint32_t id, int64_t code, const char *text);
// `$/cancel` of the call ID, which was sent to the peer NUMBER.
void spore__rpc_send_cancel(struct spore_rpc *r, uint32_t id, uint64_t number);

// ---- rpc.c

void spore__rpc_destroy(struct spore_rpc *r); // once it is closed and nothing is owed
// The fence between a store and a look at what another thread left, of one that does so often: the other one calls spore__rpc_barrier between the two.
static inline void spore__rpc_fence(const struct spore_rpc *r)
{
	if (r->barrier)
		atomic_signal_fence(memory_order_seq_cst);
	else
		atomic_thread_fence(memory_order_seq_cst);
}
static inline void spore__rpc_barrier(const struct spore_rpc *r)
{
	if (r->barrier)
		(void)spore__io_barrier();
	atomic_thread_fence(memory_order_seq_cst);
}
// One more, of what one thread at a time counts.
static inline void spore__rpc_count(_Atomic uint64_t *n)
{
	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1, memory_order_relaxed);
}

// ---- rpc_turn.c

static inline uintptr_t spore__rpc_self(void) // this thread
{
	return (uintptr_t)pthread_self();
}
static inline bool spore__rpc_reads(const struct spore_rpc *r) // this thread does
{
	return atomic_load_explicit(&r->reader, memory_order_relaxed) == spore__rpc_self();
}
bool spore__rpc_enter(struct spore_rpc *r, bool *nested); // becomes the thread that reads. False: another one is
void spore__rpc_leave(struct spore_rpc *r, bool nested);
// Takes messages until UNTIL(ARG) is true (NULL: until something was handled), DEADLINE is over, or one of MORE is ready. For the thread that reads.
enum spore_err spore__rpc_read(struct spore_rpc *r, int64_t deadline, bool (*until)(void *arg), void *arg,
                               struct pollfd *more, unsigned count);
// What is due: deadlines, what other threads left, calls that were parked.
void spore__rpc_attend(struct spore_rpc *r);
bool spore__rpc_arm(
    struct spore_rpc *r); // prepares for a wait on the channel's descriptor and `wake`. False: look again first
int64_t spore__rpc_deadline(int timeout_ms); // nanoseconds; SPORE__RPC_NEVER
void spore__rpc_note_deadline(struct spore_rpc *r, int64_t deadline);
void spore__rpc_wake_waiters(struct spore_rpc *r); // when there are any
// Waits for another thread that reads to say something, at most until DEADLINE. UNTIL as above.
enum spore_err spore__rpc_follow(struct spore_rpc *r, int64_t deadline, bool (*until)(void *arg), void *arg);
// What calls of this thread inherit from now on; NULL: nothing. What it was before; DEADLINE is kept.
const int64_t *spore__rpc_inherit(const int64_t *deadline);
bool spore__rpc_inherits(void); // some thread does

// ---- rpc_receive.c

// Handles one message, without waiting or preparing to (BRIEFLY: as of spore__chan_take). SPORE_EAGAIN, SPORE_ENOTWIRED: there is none.
enum spore_err spore__rpc_take(struct spore_rpc *r, bool briefly);
bool spore__rpc_buffer_reserve(struct spore__rpc_buffer *b, size_t size);

// ---- rpc_ask_slot.c

bool spore__rpc_asks_init(struct spore_rpc *r);
void spore__rpc_asks_finish(struct spore_rpc *r);
unsigned spore__rpc_asked(const struct spore_rpc *r); // calls of this end that are not over

// ---- rpc_answered.c

// M, a response, is in r->in, which may be exchanged for another buffer.
void spore__rpc_answered(struct spore_rpc *r, const struct spore__rpc_message *m);
void spore__rpc_part(struct spore_rpc *r, const struct spore__rpc_message *m, bool progress);
// All in flight that were sent to the peer NUMBER or one before end with E; UINT64_MAX: all.
void spore__rpc_asks_end(struct spore_rpc *r, uint64_t number, enum spore_err e);
// Those that are over their time, or could not be sent. Returns the earliest deadline of the others.
int64_t spore__rpc_asks_expire(struct spore_rpc *r, int64_t now);
// The call ID of A is about to be sent to the peer NUMBER. SPORE_ECANCELLED: nobody waits for it any more. SPORE_EAGAIN: try it again later.
enum spore_err spore__rpc_ask_goes(struct spore_rpc_ask *a, uint32_t id, uint64_t number);
void spore__rpc_ask_went(struct spore_rpc_ask *a, uint32_t id, uint64_t number); // it was
void spore__rpc_ask_stays(struct spore_rpc_ask *a);                              // there was no room
void spore__rpc_ask_waits(struct spore_rpc_ask *a, uint32_t id);                 // it is queued, perhaps without a try
void spore__rpc_answer_refused(struct spore_rpc *r, uint32_t id, enum spore_err e); // in the thread that reads
void spore__rpc_ask_refused(struct spore_rpc_ask *a, uint32_t id, enum spore_err e);

// ---- rpc_call.c, rpc_cancel.c

static inline struct spore_rpc_call *spore__rpc_call_at(const struct spore_rpc *r, uint32_t index)
{
	return &r->calls[index / SPORE__RPC_CHUNK][index % SPORE__RPC_CHUNK];
}
void spore__rpc_call_free(struct spore_rpc_call *c); // its slot [any]
bool spore__rpc_table_init(struct spore_rpc *r);
bool spore__rpc_calls_init(struct spore_rpc *r);
void spore__rpc_calls_finish(struct spore_rpc *r);
// Calls of the peer that are not answered.
static inline unsigned spore__rpc_open_calls(const struct spore_rpc *r)
{
	uint64_t over = atomic_load_explicit(&r->answered_elsewhere, memory_order_acquire) +
	                atomic_load_explicit(&r->answered, memory_order_relaxed);
	return (unsigned)(atomic_load_explicit(&r->called, memory_order_relaxed) - over);
}
void spore__rpc_called(struct spore_rpc *r, const struct spore__rpc_message *m); // a request or notification in r->in
void spore__rpc_run_parked(struct spore_rpc *r);
void spore__rpc_drop_parked(struct spore_rpc *r);
void spore__rpc_cancelled_by_peer(struct spore_rpc *r, uint32_t id);
void spore__rpc_deadline_by_peer(struct spore_rpc *r, uint32_t id, int64_t ms);
// Nobody waits for those that came from the peer NUMBER or one before.
void spore__rpc_calls_end(struct spore_rpc *r, uint64_t number);
int64_t spore__rpc_calls_expire(struct spore_rpc *r, int64_t now);

// ---- rpc_describe.c

void spore__rpc_describe_self(const struct spore_rpc *r, struct spore__msgpack_writer *w);

#endif
