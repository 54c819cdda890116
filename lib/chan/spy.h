// A reader beside the two ends of a ring. It has the memory alone, and that for reading, so neither end can be disturbed by it, or knows
// of it. What an end overwrites before it was seen is counted as missed. Neither is the memory trusted: an end that writes nonsense there
// ends the looking on in its direction, and nothing more.
//
//	struct spore__spy *s;
//	spore__spy_open(memory, 1 << 20, &s);
//	for (;; sleep a little)
//		while (spore__spy_next(s, 0, &m) == SPORE_OK)
//			use(m.data, m.kept);
//
// A message can be seen until the sender uses its place again; a spy that was overtaken goes on with the oldest that is left. In cells that is a
// round of the ring later, so that looking every millisecond is enough for some hundred thousand small messages a second; in the heap (messages
// over SPORE__RING_INLINE bytes) it may be the next message.
#ifndef SPORE_LIB_CHAN_SPY_H
#define SPORE_LIB_CHAN_SPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spore/spore.h"

struct spore__spy;

struct spore__spied {
	const unsigned char *data; // the spy's own copy, until the next call
	uint64_t len;
	uint64_t kept; // bytes of it that are in `data`
};

// Takes MEMORY over in every case. Of a message at most LIMIT bytes are kept. Begins behind what was sent before. Errors as of opening an
// end.
enum spore_err spore__spy_open(int memory, uint64_t limit, struct spore__spy **s);
void spore__spy_close(struct spore__spy *s); // NULL is fine

// The next message that the end with the role DIRECTION has sent. SPORE_EAGAIN: none. SPORE_EEND: it finished. SPORE_EMALFORMED: nonsense.
// SPORE_ENOMEM: no memory for it; it counts as missed.
enum spore_err spore__spy_next(struct spore__spy *s, int direction, struct spore__spied *m);
// Messages in this direction that were sent since it looks on, and not seen.
uint64_t spore__spy_missed(const struct spore__spy *s, int direction);

// What the ends have counted since the channel was made; nothing says that they count right.
enum { SPORE__SPY_LATENCIES = 64 };
struct spore__spy_counts {
	uint64_t sent, bytes; // messages, bytes of them
	uint64_t depth;       // messages that the receiver has not released yet, or has not said so
	uint32_t latencies[SPORE__SPY_LATENCIES];
	uint64_t cells, used; // of the ring; of those not released yet
	uint64_t released;    // in all
	bool sender_sleeps, receiver_sleeps;
};
void spore__spy_count(struct spore__spy *s, int direction, struct spore__spy_counts *c);
// The nanoseconds under which so many of 1000 messages between two counts arrived; 0: none was timed. BEFORE may be NULL.
uint64_t spore__spy_latency(const struct spore__spy_counts *before, const struct spore__spy_counts *now,
                            unsigned per_mille);

#endif
