// What chan.c (waiting, state), chan_send.c, chan_receive.c, chan_make.c (making, closing), chan_wire.c (what is installed), chan_way.c (when a way
// goes on with it) and chan_swap.c (what is taken along to the next) share.
#ifndef SPORE_LIB_CHAN_INSIDE_H
#define SPORE_LIB_CHAN_INSIDE_H

#include <pthread.h>
#include <stdalign.h>

#include "chan/chan.h"
#include "chan/ring.h"

// A transport while somebody uses it: each way does, and the port keeps the latest for the ways that have not seen it yet.
struct spore__installed {
	struct spore__transport *t;
	atomic_uint refs;
	char *peer;                    // may be NULL
	struct spore__installed *next; // wiring.queue
	uint64_t serial;
	uint64_t number;   // of all that were installed in this port, in their order; 0 of a channel over one transport
	bool redeliver;    // what its peer had not released when it went is sent to the next
	atomic_bool swaps; // likewise, and the peer's end is not told
	atomic_bool moved; // the peer goes on over the next one: this is finished, and received to its end
	struct spore__installed *after; // ... that one; else NULL; with the port's lock
	unsigned left;                  // a bit for each way that found it to be over; with the port's lock
	unsigned gathered; // a bit for each way that waits for it on the port's `gather`; with the port's lock
};

// A channel that is over, with messages for the next one.
struct spore__left {
	struct spore__installed *from;
	const void *pending; // a message that could not be sent yet; may be NULL
	size_t pending_len;
	int64_t until;  // its peer's end, which is still open, is waited for so long; 0: it is not
	int end, timer; // members of what the port is polled by: that end was closed, or the time is over; -1
	struct spore__left *next;
};

enum spore__part { // of a way that sends, from one that was moved
	SPORE__PART_NOT = 0,
	SPORE__PART_WAITS, // until it is finished
	SPORE__PART_DONE,
	SPORE__PART_GONE, // its peer went before
};

struct spore__side {
	// Whose send or copy can be called at once, if nothing was wired anew: `use`, which is there, nothing is lent, and the way is neither
	// finished nor of a port of bytes. Else NULL.
	alignas(128) struct spore__transport *_Atomic now;
	struct spore__transport *_Atomic
	    near; // `now` when it is a ring (ring_near.h), else NULL; of a port that sends: only where `now` is not
	struct spore__ring *lender;  // was near when it lent what is lent now (ring_loan.h), and is afterwards
	_Atomic uint64_t generation; // of the port that this way has seen
	atomic_bool busy;            // sending: a call is on its way, or a loan out
	_Atomic uint64_t messages, bytes, lost;
	_Atomic uint64_t dropped;     // receiving: over the transports before
	struct spore__installed *use; // may be NULL: not wired
	_Atomic uint64_t number;      // of the one that is or was used last
	bool stale;   // receiving: `use` is not the latest; once what arrived over it is received another is taken
	bool patient; // ... its end is waited for
	enum spore__part part;
	bool finishes; // ... which has finished it
	bool had;      // something was wired before
	bool said;     // that `use` is over; it is kept since something of it is lent
	bool finished; // sending: spore_chan_finish was called
	bool loan;     // sending
	bool parts;    // receiving: a port of bytes
	size_t loan_size;
	unsigned lent;         // receiving: messages
	enum spore_err err;    // for good
	int wake[2];           // spore__io_wake, of a port: readable when its generation is another; -1
	bool swapped;          // what was used before was swapped
	enum spore_err hushed; // ... how it ended, which is said when nobody comes after it
	bool stopped;          // that the program was asked to stop was said
	bool waits;            // the call that is made now would
	bool quiet;            // receiving: nothing more is received
	// What the next calls say, in this order: how the peer before ended (SPORE_OK: nothing), and that another one has come. Of the sending way with
	// port->sending, as below.
	enum spore_err owed;
	bool returned;
	// Sending, of a port. Whoever changes these, `use`, `now` or `generation` holds port->sending.
	bool refinish;            // what is next is finished once `left` was sent
	struct spore__left *left; // the oldest messages first
	bool awaits;              // the end of the first one's peer: there is nothing to be done before
	bool handing;             // somebody does in place of the sender what is due: calls wait for that
	void *loan_at;
};

struct spore__wiring {      // of a port
	int control;        // -1: none
	void (*hear)(void); // when it is readable
	int gather;         // -1
	pthread_mutex_t lock;
	struct spore__installed *latest;         // may be NULL
	struct spore__installed *queue;          // those that the receiving way has not taken yet, the oldest first
	const struct spore__installed *received; // what it uses, for who counts; NULL: none
	// Whose peer has not opened its port yet. It counts from the first ring of its bell on, and is as if it had never been when that ends before.
	// Changed with the lock. NULL: none
	struct spore__installed *_Atomic early;
	// With the lock: of those that were moved one after the other, the first that the sending way has not seen, which may use none yet; and
	// what the last of them goes on over, not owned. NULL: none
	struct spore__installed *unseen, *unseen_end;
	enum spore_err ended;   // SPORE_OK: not
	bool never[2];          // it does not go these ways
	bool gathers[2];        // these ways wait on `gather`; with the lock
	void (*hear_all)(void); // as hear, and what another thread hears at this moment too
	bool stateless;         // a peer that was swapped is not reported
	uint64_t
	    swapped; // with the lock: the serial of one that both ways have left while its peer was to be swapped; 0: none
	// With the lock: nobody came, or will, after a peer that was to be swapped; ways that left it say how it ended.
	bool in_vain;
	atomic_bool quiet; // receiving is over: SPORE_EEND
	// chan_swap.c
	pthread_mutex_t sending;
	bool barrier;       // spore__io_barrier works
	int closing_ms;     // how long the end of a peer is waited for
	atomic_bool behind; // the sending way has something to send first
	uint64_t helped;    // of the receiving way: the generation in which it did so
	_Atomic uint64_t redelivered;
};

struct spore_chan {
	struct spore__side ways[2];
	alignas(128) _Atomic uint64_t generation; // of the port; 0 without
	struct spore__wiring *port;               // NULL: over one transport
	atomic_bool gone;                         // ... whose peer is gone
	bool bytes;                               // of a port of bytes
	const unsigned char *rest;                // ... of a chunk that is lent, of which a part was received
	size_t rest_len;                          //
	unsigned empty;                           // ... chunks that came in a row and had nothing in them
	char *name;                               // of its port; NULL: not known
	// See spore__chan_tell_broken; NULL: nobody is told.
	void (*tell_broken)(const char *name, const char *peer, const struct spore__transport_ops *transport);
};

// What may be used now. SPORE_ENOTWIRED: nothing. SPORE_ERETURNED: a peer has come, say it. SPORE_ECLOSED: none will come.
enum spore_err spore__way_usable(struct spore_chan *c, enum spore__way way);
// What E, which the transport said, means for this way: what the caller is told. SPORE_OK: try again.
enum spore_err spore__way_judge(struct spore_chan *c, enum spore__way way, enum spore_err e);
// The program takes stop requests, and was asked: a call that would wait says so, once.
bool spore__way_stops(struct spore__side *w);
// What is said of a port that is wired to nothing.
enum spore_err spore__way_unwired(const struct spore__side *w);
// After a wait on T, or what prepared for one: who polls is told by the port itself of what T could not tell.
void spore__way_tell_of(struct spore_chan *c, struct spore__transport *t);
// Has the peer of `early` come, it is installed; is it gone, it is dropped.
void spore__early_look(struct spore_chan *c);
bool spore__early_has_come(const struct spore__wiring *p); // with the lock
int spore__early_fd(struct spore__wiring *p);              // to be polled; -1: none
// In a call that sends: is the port wired to something else than `use` by now? Other news, as a stop request, are taken note of.
bool spore__sending_is_replaced(struct spore_chan *c);
// Has the port been wired anew, or got other news?
static inline bool spore__way_is_new(const struct spore_chan *c, enum spore__way way)
{
	return atomic_load_explicit(&c->generation, memory_order_acquire) !=
	       atomic_load_explicit(&c->ways[way].generation, memory_order_acquire);
}

// After a change of what `now` depends on.
static inline void spore__way_ready(struct spore__side *w)
{
	bool ready = w->use != NULL && !w->parts && !w->finished && !w->loan && w->lent == 0 && !w->quiet &&
	             w->owed == SPORE_OK && !w->returned && w->left == NULL && !w->handing &&
	             w->part == SPORE__PART_NOT;
	struct spore__transport *t = ready ? w->use->t : NULL;
	w->lender = NULL;
	// `now` last: whoever sends finds by it that all is done which another thread did in its place.
	atomic_store_explicit(&w->near, t != NULL && t->ops == &spore__ring_ops ? t : NULL, memory_order_release);
	atomic_store_explicit(&w->now, t, memory_order_release);
}

// Of a message of LEN bytes.
static inline void spore__way_count(struct spore__side *w, size_t len)
{
	// One thread writes: no need for an atomic addition.
	uint64_t messages = atomic_load_explicit(&w->messages, memory_order_relaxed) + 1;
	uint64_t bytes = atomic_load_explicit(&w->bytes, memory_order_relaxed) + len;
	atomic_store_explicit(&w->messages, messages, memory_order_relaxed);
	atomic_store_explicit(&w->bytes, bytes, memory_order_relaxed);
}

// What can be used at once. To be looked at after spore__way_is_new.
static inline struct spore__transport *spore__way_now(const struct spore__side *w)
{
	return atomic_load_explicit(&w->now, memory_order_acquire);
}

static inline void spore__way_not_now(struct spore__side *w)
{
	w->lender = NULL;
	atomic_store_explicit(&w->now, NULL, memory_order_release);
	atomic_store_explicit(&w->near, NULL, memory_order_release);
}

// Until the loan is given back; meanwhile nobody changes what `now` depends on, unless by spore__way_not_now.
static inline void spore__way_lend(struct spore__side *w)
{
	struct spore__transport *t = atomic_load_explicit(&w->near, memory_order_relaxed);
	spore__way_not_now(w);
	w->lender = (struct spore__ring *)t;
}

static inline void spore__way_lent(struct spore__side *w)
{
	struct spore__transport *t = &w->lender->base;
	w->lender = NULL;
	atomic_store_explicit(&w->now, t, memory_order_release);
	atomic_store_explicit(&w->near, t, memory_order_release);
}

// T is its own when it succeeds; PEER, which may be NULL, is copied.
struct spore__installed *spore__installed_create(struct spore__transport *t, const char *peer);
struct spore__installed *spore__installed_ref(struct spore__installed *i);
void spore__installed_unref(struct spore__installed *i);
// With the port's lock: the next for the receiving way, which is the caller's.
static inline struct spore__installed *spore__installed_pop(struct spore__wiring *p)
{
	struct spore__installed *i = p->queue;
	if (i != NULL)
		p->queue = i->next;
	return i;
}
// Goes on with what the port is wired to now; of the sending way with port->sending.
void spore__way_update(struct spore_chan *c, enum spore__way way);
// What of `owed` and `returned` is said now.
enum spore_err spore__way_say(struct spore__side *w);

// ---- chan_part.c

// With port->sending, where the sending way WAITS: finishes what it uses, and goes on with the latest. True: not yet.
bool spore__sending_part(struct spore_chan *c);
// With port->sending: is there one to be finished that the sending way has not left? (chan_way.c)
bool spore__sending_is_moved(struct spore_chan *c);

// ---- chan_swap.c

// Whoever did not see the mark of this call, and does what it has to do, is done with it. In a call that sends, before it looks at more than `now`,
// `near` and what they are for.
void spore__sending_settled(struct spore_chan *c);
// As spore__way_usable for the sending way of a port: what was left over is sent first.
enum spore_err spore__sending_usable(struct spore_chan *c);
// Takes over `use`, whose messages are to be sent to the next. False: they are not, and it is the caller's.
bool spore__sending_keep(struct spore_chan *c);
// Before a receiving way sleeps: does what the sending way has to do, when nobody is sending. True: not all of it yet.
bool spore__sending_help(struct spore_chan *c);
// As far as that goes at once, from any thread that is in no call that sends: a program that makes no calls is not to keep what its peer waits for.
void spore__sending_nudge(struct spore_chan *c);
// Where it `awaits`: sleeps until that is over, DEADLINE, or one of P (COUNT, and room for one more) is ready. As ops->wait of a transport.
enum spore_err spore__sending_await(struct spore_chan *c, int64_t deadline, struct pollfd *p, unsigned count);
void spore__sending_catch_up(struct spore_chan *c);
// Before C is closed: what it keeps for a peer that was swapped goes to the next one; the end of the one before is waited for. LINGERS: waits up to
// two seconds, once in the life of the process, until the peer has received everything, since nobody else could send it again.
void spore__sending_hand_over(struct spore_chan *c, bool lingers);
// The same at the end of a program that did not close C, unless another thread is in a call that sends. Whoever calls later waits for it.
void spore__sending_exit(struct spore_chan *c, bool lingers);
// A call that said E, which ends the channel: is it being swapped? Then nothing is said of that.
bool spore__way_swaps(struct spore_chan *c, enum spore__way way, enum spore_err e);
void spore__left_drop(struct spore_chan *c); // they are lost

static inline void spore__sending_fence(const struct spore__wiring *p)
{
	if (p->barrier)
		atomic_signal_fence(memory_order_seq_cst);
	else
		atomic_thread_fence(memory_order_seq_cst);
}

// Each call that sends is between these two.
static inline void spore__sending_enter(struct spore_chan *c)
{
	if (c->port == NULL)
		return;
	atomic_store_explicit(&c->ways[SPORE__SEND].busy, true, memory_order_relaxed);
	spore__sending_fence(c->port);
}

static inline void spore__sending_leave(struct spore_chan *c)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	if (c->port == NULL || w->loan)
		return;
	atomic_store_explicit(&w->busy, false, memory_order_release);
	spore__sending_fence(c->port);
	if (spore__way_is_new(c, SPORE__SEND) || atomic_load_explicit(&c->port->behind, memory_order_relaxed))
		spore__sending_catch_up(c);
}

#endif
