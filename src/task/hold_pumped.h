// A stdin or stdout that can be tapped, for hold_pumped.c and hold_pumped_heir.c alone.
#ifndef SPORE_TASK_HOLD_PUMPED_H
#define SPORE_TASK_HOLD_PUMPED_H

#include "task/hold.h"

enum { SPORE__PUMPED_UNANSWERED_MS = 5000 }; // then the node is waited for no more

// "stdin", "stdout" or "stdio".
const char *spore__pumped_port(const struct spore__hold_pumped *p);
// Starts the pump of one direction, of enum spore__window_way, where there is something to carry.
void spore__pumped_start(struct spore__hold *h, struct spore__hold_pumped *p, int way);
// The channel SERIAL has been taken away; the port may be wired again.
void spore__pumped_unwire(struct spore__hold *h, struct spore__hold_pumped *p, uint64_t serial);

#endif
