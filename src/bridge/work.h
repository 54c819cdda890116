// What the inner process of a bridge knows; for its own files.
#ifndef SPORE_BRIDGE_WORK_H
#define SPORE_BRIDGE_WORK_H

#include "bridge/between.h"
#include "bridge/bridge.h"
#include "bridge/dead.h"

struct spore__work_side {
	struct spore__bridge_end *end; // NULL: it was removed
	const struct spore__bridge_start_end *start;
	int in, out;
	struct spore__buf waits, sends; // read and not used; made and not written
	size_t looked;                  // so much of `waits` is no message yet
	size_t sent;                    // so much of `sends` is written
	size_t skip;                    // answers to calls of a process before this one, of a protocol without ids
	uint64_t counted;               // messages before this process
	bool calls;                     // its peer calls: it is the bridge's left side
	bool is_socket;
	bool paused;    // what it sent had to wait
	bool read_over; // nothing more comes
	bool told;      // ... and it said so, and did not just vanish
	bool failed;    // what came cannot be read any more
	bool finishing; // nothing more is made for it
	bool shut;      // nothing more is written
	bool broken;    // ... since nobody reads
};

struct spore__work_parked {
	uint64_t file, bridge; // the numbers that a message has in the file and in the bridge
};

struct spore__work {
	const struct spore__bridge_life *life;
	struct spore__bridge *bridge;
	struct spore__work_side sides[2];
	struct spore__work_parked parked[SPORE__BRIDGE_PARKED];
	size_t parked_count;
	int64_t leave_ms; // then it ends, whatever is left; 0: not yet
	int status;       // -1: it goes on
};

#endif
