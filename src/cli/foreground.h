// `spore run` is the hold of its task: it starts the program in its own process group and terminal, waits, and ends as it ends.
#ifndef SPORE_CLI_FOREGROUND_H
#define SPORE_CLI_FOREGROUND_H

#include <stdbool.h>
#include <sys/types.h>

#include "source/launch.h"

// A program that runs in the foreground.
struct spore__foreground {
	pid_t pid;
	int control;                     // our end, -1: none
	bool interrupted;                // we got the terminal's SIGINT too
	struct spore__control_end *hold; // what it said on the control descriptor; NULL without one
};

// Sets up the signals; once, before the first start. They are blocked but while waiting.
void spore__foreground_init(void);

// Starts the program with the caller's environment and its own; dies with status 126 when it cannot be executed.
void spore__foreground_start(struct spore__foreground *f, const struct spore__launch *start);

// Waits until the program has ended (true, *STATUS as waitpid gives it) or DEADLINE_MS passed (-1: none; false). Forwards signals
// sent to spore alone, stops with the program and continues with it, prints its log records.
bool spore__foreground_wait(struct spore__foreground *f, int deadline_ms, int *status);

// Asks it to stop: the stop message, SIGTERM, after GRACE_MS SIGKILL. Returns its status.
int spore__foreground_stop(struct spore__foreground *f, int grace_ms);

// Ends spore as the program ended: its exit status, or 128+N; dies of the same SIGINT when the terminal sent it to both, so that
// a shell's loop ends too.
_Noreturn void spore__foreground_end(const struct spore__foreground *f, int status);

// True when SIGINT, SIGTERM or SIGHUP came and no program was there to take it.
bool spore__foreground_asked_to_end(void);

#endif
