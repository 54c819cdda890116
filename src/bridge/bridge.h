// The middle of a bridge, sans I/O: ends of two sides, whose calls it correlates. Every request is answered exactly once in the protocol of its caller,
// whatever becomes of the callee; what cannot be translated is parked, counted, and said.
//
// Left is the side that calls, right the side that serves; where both protocols are symmetric either may call. There may be many ends on the left (the
// clients of a listener), of which each may call the one on the right, or, with sessions, each its own.
#ifndef SPORE_BRIDGE_BRIDGE_H
#define SPORE_BRIDGE_BRIDGE_H

#include "bridge/codec.h"

enum spore__bridge_side { SPORE__BRIDGE_LEFT, SPORE__BRIDGE_RIGHT };

struct spore__bridge;

// A message that was not translated.
struct spore__bridge_parked {
	struct spore__bridge_parked *next; // private
	uint64_t number;                   // from 1
	int64_t wall_ms;                   // when
	enum spore__bridge_side side;      // from which it came
	bool raw; // BYTES are as they came; else [kind, id, method, value] in MessagePack of what was decoded of them
	const char *protocol; // of the end that it came from
	char *why;            // a sentence without a full stop
	size_t len;           // of bytes, of which at most SPORE__BRIDGE_PARKED_BYTES are kept
	size_t kept;
	unsigned char bytes[];
};

enum {
	SPORE__BRIDGE_PARKED = 64,              // so many are kept, the latest
	SPORE__BRIDGE_PARKED_BYTES = 64 * 1024, // of each
	SPORE__BRIDGE_HIGH = 256 * 1024,        // bytes that wait to be sent, beyond which the other side is not read
};

struct spore__bridge_counts {
	uint64_t messages[2]; // decoded, of each side
	uint64_t refused[2];  // ... and those that were no message
	uint64_t parked;
	uint64_t dropped;  // notifications, progress and cancels that an end has no words for
	uint64_t late;     // answers that nobody waited for any more
	uint64_t busy;     // calls refused
	uint64_t timeouts; // calls whose deadline passed
};

// One end, in a bridge.
struct spore__bridge_end {
	struct spore__bridge *bridge;
	struct spore__bridge_end *next; // of the same side
	struct spore__codec_end *codec;
	enum spore__bridge_side side;
	unsigned unanswered; // calls that its peer made
	unsigned awaited;    // calls that were made to its peer
	bool patient; // set by the owner: when too many calls are unanswered it is not read, instead of being told BUSY
	bool gone;
	char *session;                 // right: of which conversation it is; else NULL
	void *host;                    // the owner's
	struct spore__bridge_call *by; // private: calls that its peer made, the oldest first
	struct spore__bridge_call **by_last;
	struct spore__bridge_call *to; // private: calls that were made to its peer, likewise
	struct spore__bridge_call **to_last;
};

struct spore__bridge_host {
	// The conversation SESSION (NULL: none) of the left needs an end on the right: spore__bridge_add within. NULL there: there is one right end for all.
	struct spore__bridge_end *(*open)(void *owner, const char *session);
	// ... needs it no more.
	void (*close)(void *owner, struct spore__bridge_end *right);
	// Another connection than the one that is fed has something to send. May be NULL.
	void (*written)(void *owner, struct spore__codec_end *connection);
	void (*parked)(void *owner, const struct spore__bridge_parked *p); // may be NULL
	// For who keeps a journal of the calls under way; both may be NULL. END's peer has made a call, by ID: a token for it, at least 0, or -1 for none.
	int (*called)(void *owner, const struct spore__bridge_end *end, struct spore__span id);
	// ... and it was answered, or END is gone.
	void (*answered)(void *owner, int token);
};

// FILTER: one way, from the left to the right, and nothing is correlated: ids stay as they are.
struct spore__bridge *spore__bridge_create(const struct spore__bridge_host *host, void *owner, bool filter);
void spore__bridge_destroy(struct spore__bridge *b); // with its ends

// An end for SPEC (spore__codec_create, whose errors it has). A protocol without calls needs the option `method` to call. It is the bridge's:
// spore__bridge_remove.
enum spore_err spore__bridge_add(struct spore__bridge *b, enum spore__bridge_side side, const char *spec,
                                 const struct spore__codec_limits *limits, struct spore__bridge_end **end, char *why,
                                 size_t why_size);
// A connection to HUB, whose codec has hubs. The caller's: spore__codec_destroy, before the hub is removed.
enum spore_err spore__bridge_connect(struct spore__bridge_end *hub, const char *spec, struct spore__codec_end **e,
                                     char *why, size_t why_size);
// The peer of END is gone: its calls are given up, those that were made to it are answered with an error that says WHY (a sentence). Its codec is
// destroyed. Not from within a callback.
void spore__bridge_remove(struct spore__bridge_end *end, const char *why);

// A call of END's peer, which a bridge before this one took: it is answered with an error.
void spore__bridge_fail(struct spore__bridge_end *end, struct spore__span id, int64_t code, const char *why);
// How often numbers of calls were used; a bridge in place of another begins behind, so that no late answer is taken for that of another call.
uint16_t spore__bridge_uses(const struct spore__bridge *b);
void spore__bridge_set_uses(struct spore__bridge *b, uint16_t uses); // before any call

// The time, of any clock that only grows; to be told before anything is fed. Ends what is overdue. Returns when it wants to be told again.
int64_t spore__bridge_tick(struct spore__bridge *b, int64_t now_ms);

// As spore__codec_feed for END or, of a hub, its CONNECTION (else NULL), until no more should be read.
enum spore_err spore__bridge_feed(struct spore__bridge_end *end, struct spore__codec_end *connection, const void *bytes,
                                  size_t len, size_t *used);
// False: END should not be read now, since those whom its messages go to do not take what they are sent, or it has too many calls.
bool spore__bridge_may_read(const struct spore__bridge_end *end);

const struct spore__bridge_counts *spore__bridge_counts(const struct spore__bridge *b);
// The first end of a side that is there; more by `next`, where those that are gone are skipped by the caller.
struct spore__bridge_end *spore__bridge_first(const struct spore__bridge *b, enum spore__bridge_side side);
// The oldest that is kept; more by `next`.
const struct spore__bridge_parked *spore__bridge_parked(const struct spore__bridge *b);
// Tries message NUMBER again, which is parked no more when it is translated. SPORE_ENOTFOUND, SPORE_ECLOSED (no end of that side is there), SPORE_ETOOBIG
// (only its beginning was kept), SPORE_EINVALID: it was parked again.
enum spore_err spore__bridge_resend(struct spore__bridge *b, uint64_t number);

// What is lost between two protocols, of calls from the one to the other and of their answers.
void spore__bridge_losses(const struct spore__codec_ops *left, const struct spore__codec_ops *right, unsigned *calls,
                          unsigned *answers);

#endif
