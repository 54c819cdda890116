// What passes over a wire, as the ends have counted it.
#ifndef SPORE_LOOK_MEASURE_H
#define SPORE_LOOK_MEASURE_H

#include "chan/pub.h"
#include "chan/spy.h"
#include "node/wires_client.h"
#include "pump/window.h"

enum { SPORE__MEASURED = 16 }; // channels of a wire that are looked at

enum { SPORE__FORWARD = 0, SPORE__BACKWARD = 1 }; // from left to right, and the other way

struct spore__measured {
	uint64_t dropped[2]; // by a process between, when it was looked at first
	bool between;        // ... which there is
	size_t count;
	bool pumped;                                         // bytes were counted, and no messages
	struct spore__window_view views[SPORE__MEASURED];    // of a pump, else zeroed
	struct spore__spy *spies[SPORE__MEASURED];           // NULL: it is a subscription, or a pump's
	struct spore__cursor *cursors[SPORE__MEASURED];      // ... of this subscriber
	struct spore__published *published[SPORE__MEASURED]; // ... and what it subscribes to; NULL: cannot be seen
	uint64_t serials[SPORE__MEASURED];                   // of the channels
	uint64_t overrun[SPORE__MEASURED];                   // messages that it has lost
	unsigned forward[SPORE__MEASURED];                   // the direction of the spy that is SPORE__FORWARD
	struct spore__spy_counts before[SPORE__MEASURED][2], now[SPORE__MEASURED][2];
	int64_t before_ns, now_ns;
};

// The memory of a publisher.
struct spore__published {
	struct spore__pub_shape shape;
	unsigned char *map;
};

// Of all channels together, in one direction.
struct spore__flow {
	uint64_t messages, bytes, depth;
	uint64_t dropped;  // on purpose, or by slow subscribers
	double rate;       // messages per second between the two readings
	double byte_rate;  // ... bytes
	uint64_t p50, p99; // ns; 0: none was timed
	uint64_t moved;    // cells that were released between the two readings
	bool full;         // some sender waits, and there is next to no room
};

// Finds the channels of W, if they can be looked at, and reads for the first time.
void spore__measure_begin(struct spore__tasks *t, const struct spore__wire_info *w, struct spore__measured *m);
void spore__measure_again(struct spore__measured *m);
void spore__measure_flow(const struct spore__measured *m, unsigned way, struct spore__flow *f);
void spore__measure_finish(struct spore__measured *m);

#endif
