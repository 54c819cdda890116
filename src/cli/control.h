// The hold's side of the control protocol (docs/control-protocol.md) for a program in the foreground: prints its log records
// on standard error and asks it to stop.
#ifndef SPORE_CLI_CONTROL_H
#define SPORE_CLI_CONTROL_H

#include <stdbool.h>

struct spore__control_end;

// FD is our end; it stays the caller's. NAME is the task's.
struct spore__control_end *spore__control_create(int fd, const char *name);
// Shows what is still there to be read, when the descriptor is open. NULL is fine.
void spore__control_destroy(struct spore__control_end *h);
// Reads and shows what there is, without waiting, 64 KiB at most: a program that never pauses must not keep its caller from signals.
// False at the end of file or after a malformed message: close the descriptor then.
bool spore__control_read(struct spore__control_end *h);
// Sends the stop request; false when the program does not listen, so that a signal is needed.
bool spore__control_stop(struct spore__control_end *h);

#endif
