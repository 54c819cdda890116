// A small process between a builder and a command that it runs: whatever becomes of the builder, all that the command started
// ends with it. The signal for the death of a parent alone does not do: bubblewrap's inner process, when the outer one dies before
// it has asked for that signal, waits for ever.
#ifndef SPORE_SOURCE_GUARD_H
#define SPORE_SOURCE_GUARD_H

#include "os/os.h"

// Like spore__os_spawn with a process group of its own, led by the guard, whose number becomes *PID and whose status is the
// command's (128+N when signal N ended it). When the caller dies or closes *LINE, or the command ends, everything that descends
// from it is killed (plain POSIX: its process group). *LINE is the caller's to close, after the guard was waited for at the latest.
// 0, or -1 with errno. The caller must have one thread only.
int spore__guard_spawn(const struct spore__spawn *s, pid_t *pid, int *line);

#endif
