// A bridge between the two ends of a wire: two processes. The outer one (guard.c) was started by the node with the descriptors of both ends; it
// keeps them, and reads none of their bytes. The inner one (inner.c) translates, confined: what parses bytes of strangers can open nothing and
// start nothing. When it is killed or crashes, the outer one starts another, which goes on where that one was (journal.h).
#ifndef SPORE_BRIDGE_BETWEEN_H
#define SPORE_BRIDGE_BETWEEN_H

#include <stdbool.h>

#include "bridge/journal.h"
#include "bridge/start.h"

struct spore__bridge_life {
	struct spore__bridge_start start;
	int in[2], out[2]; // of each end; -1: it is not read, or written
	int dead;          // messages that cannot be translated (dead.h); -1: they are counted only
	int outer;         // end of file: the outer process is gone
	int asks;          // to the outer process: '0' or '1': close what is written to that end
	struct spore__bridge_record *record;
	struct spore__journal *journal;
	bool again;   // there was an inner process before
	bool crashed; // ... which was not killed, but ended by what it did
};

enum {
	SPORE__BRIDGE_DONE = 0,   // both ends have ended
	SPORE__BRIDGE_BROKEN = 1, // one of them cannot be gone on with; standard error says why
	SPORE__BRIDGE_CANNOT = 2, // it cannot be, now or later
	SPORE__BRIDGE_UNREAD =
	    3, // what the left end sent is not its protocol, so both have ended; and one: the right end
	SPORE__BRIDGE_LAST = SPORE__BRIDGE_UNREAD + 1,
};

// The inner process: its status. What it has to say goes to standard error, a line each.
int spore__bridge_translate(const struct spore__bridge_life *life);
// The outer one: the program's main, after `between`.
int spore__bridge_guard(void);

#endif
