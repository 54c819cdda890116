// `up` in the foreground: shows the logs until it is interrupted, then stops the system; with --watch it builds again what changes.
#ifndef SPORE_SYSTEM_FOLLOW_H
#define SPORE_SYSTEM_FOLLOW_H

#include <signal.h>
#include <sys/types.h>

#include "system/run.h"

struct spore__follow {
	char since[64]; // what was written before is not shown
	sigset_t signals, before;
	pid_t logs, waiter, ready, stopper, applier; // 0: not there
	int applied;                                 // status of the last applier
	bool stopping, killing;
	int interrupted; // the signal that did
};

// Remembers the time in F, zeroed before.
void spore__follow_begin(struct spore__follow *f);

// Returns the exit status: 128+N after signal N, or 0 or 1 when all tasks ended by themselves, 1 when one of them failed.
int spore__follow(struct spore__follow *f, struct spore__run *r, const struct spore__options *o);

#endif
