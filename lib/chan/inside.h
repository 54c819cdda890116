// What chan.c (sending, receiving) and chan_wire.c (what is installed, and when a way goes on with it) share.
#ifndef SPORE_LIB_CHAN_INSIDE_H
#define SPORE_LIB_CHAN_INSIDE_H

#include <pthread.h>
#include <stdalign.h>

#include "chan/chan.h"

// A transport while somebody uses it: each way does, and the port keeps the latest for the ways that have not seen it yet.
struct spore__installed {
	struct spore__transport *t;
	atomic_uint refs;
	char *peer;                    // may be NULL
	struct spore__installed *next; // wiring.queue
};

struct spore__side {
	// Whose send or copy can be called at once, if nothing was wired anew: `use`, which is there, nothing is lent, and the way is not
	// finished. Else NULL.
	alignas(128) struct spore__transport *now;
	uint64_t generation; // of the port that this way has seen
	_Atomic uint64_t messages, bytes, lost;
	_Atomic uint64_t dropped;     // receiving: over the transports before
	struct spore__installed *use; // may be NULL: not wired
	bool stale;    // receiving: `use` is not the latest; once what arrived over it is received another is taken
	bool had;      // something was wired before
	bool finished; // sending: spore_chan_finish was called
	bool loan;     // sending
	size_t loan_size;
	unsigned lent;      // receiving: messages
	enum spore_err err; // for good
	int wake[2];        // of a port: readable when its generation is another; -1
};

struct spore__wiring {      // of a port
	int control;        // -1: none
	void (*hear)(void); // when it is readable
	int gather;         // -1
	pthread_mutex_t lock;
	struct spore__installed *latest; // may be NULL
	struct spore__installed *queue;  // those that the receiving way has not taken yet, the oldest first
	enum spore_err ended;            // SPORE_OK: not
	bool never[2];                   // it does not go these ways
	atomic_bool gathers[2];          // these ways wait on `gather`
};

struct spore_chan {
	struct spore__side ways[2];
	alignas(128) _Atomic uint64_t generation; // of the port; 0 without
	struct spore__wiring *port;               // NULL: over one transport
	atomic_bool gone;                         // ... whose peer is gone
};

// What may be used now. SPORE_ENOTWIRED: nothing. SPORE_ERETURNED: a peer has come, say it. SPORE_ECLOSED: none will come.
enum spore_err spore__way_usable(struct spore_chan *c, enum spore__way way);
// What E, which the transport said, means for this way: what the caller is told. SPORE_OK: try again.
enum spore_err spore__way_judge(struct spore_chan *c, enum spore__way way, enum spore_err e);
// A pipe whose ends do not wait; false, and both -1 or open, when it cannot be had.
bool spore__chan_open_wake(int wake[2]);
// Has the port been wired anew?
static inline bool spore__way_is_new(const struct spore_chan *c, enum spore__way way)
{
	return atomic_load_explicit(&c->generation, memory_order_acquire) != c->ways[way].generation;
}

// After a change of what `now` depends on.
static inline void spore__way_ready(struct spore__side *w)
{
	w->now = w->use != NULL && !w->finished && !w->loan && w->lent == 0 ? w->use->t : NULL;
}

#endif
