// Swapping: another instance of a task starts beside the one that runs and takes over its channels. Peers are told before, so that the end of
// the old one is none to them, and what it had not received goes to the new one (lib/chan/chan_swap.c).
#ifndef SPORE_NODE_SWAP_H
#define SPORE_NODE_SWAP_H

#include "node/wires.h"

struct spore__task;

// How far it is, as written to the database. Up to TELLING it goes back when something fails, from STOPPING on it goes forward.
enum spore__swap_step {
	SPORE__SWAP_NONE = 0,
	SPORE__SWAP_STARTING = 1, // until the new one is ready and has the ports open that are wired
	SPORE__SWAP_TELLING = 2,  // until the programs at the other ends have been told
	SPORE__SWAP_STOPPING = 3, // until the old one has ended
	SPORE__SWAP_UNDOING = 4,  // until the new one has ended; the old one stays
};

// May TASK be swapped as it runs now? False: WHY says why not, with the remedy.
bool spore__swap_may(struct spore__tasks *t, struct spore__task *task, char *why, size_t size);
// Writes that, as spore__task_intend does, before it begins.
void spore__swap_intend(struct spore__tasks *t, const struct spore__task *task);
// Begins, with the specification that the task has in the database.
void spore__swap_begin(struct spore__tasks *t, struct spore__task *task);
// What follows from how things are, once per turn of the loop.
void spore__swap_settle(struct spore__tasks *t, struct spore__task *task);
// Something about the ports or channels of HOLD (may be NULL) is different.
void spore__swap_look(struct spore__hold *hold);
void spore__swap_look_beside(const struct spore__wire *wire); // ... of WIRE: what is swapped at its ends may go on
// May these two be joined? Not with one that is not ready, nor with one that is to end.
bool spore__swap_allows(const struct spore__port *p, const struct spore__port *q);
// When the node starts: goes on with those that were under way.
void spore__swaps_resume(struct spore__tasks *t);

#endif
