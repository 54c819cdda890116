// The hold of one task, for commands that talk to it directly.
#ifndef SPORE_CLI_HELD_H
#define SPORE_CLI_HELD_H

#include <limits.h>

#include "task/folder.h"
#include "task/spec.h"

struct spore__held {
	char name[SPORE__HOLD_NAME]; // the full name
	char folder[PATH_MAX];       // of its hold, present or last
	int dir;                     // ... opened, close-on-exec
	struct spore__spec spec;     // what it runs
};

// Asks the node for the one task that NAME means here and opens its hold's folder. 0, or the exit status after a report (as WHAT), with
// nothing to be finished.
int spore__held_open(struct spore__held *h, const char *what, const char *name);
void spore__held_finish(struct spore__held *h);

#endif
