// The program spore-hold without its command line.
#ifndef SPORE_TASK_HOLD_MAIN_H
#define SPORE_TASK_HOLD_MAIN_H

#include <stdbool.h>
#include <stdint.h>

// Carries out the specification in FOLDER, its first instance with the number RUN; INHERITED is a connection of the node's, -1: none;
// BEFORE is the folder of the hold that it takes the place of, NULL: of none. BESIDE: an instance runs in whose place this one is started.
// Returns the exit status once the task has ended for good, or at once when there is nothing to carry out.
int spore__hold_main(const char *folder, int64_t run, const char *before, bool beside, int inherited);

#endif
