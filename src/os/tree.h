// All processes that were started below this one, however often they fork or change session: found, signalled, ended, and known to be
// gone. For a process with one thread that reaps every child (wait for any). Nothing here waits; at most /proc is read.
//
// Linux: the caller is made the subreaper of all of them. Plain POSIX: only the process group is known, and who leaves it is lost.
// Other holds and the node are left alone wherever they were started: they belong to no task (Linux).
#ifndef SPORE_OS_TREE_H
#define SPORE_OS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct spore__tree {
	const char *how; // "cgroup", "subreaper", "group"
	bool
	    told; // SIGCHLD comes when the last of them ends; else spore__tree_is_empty has to be asked again and again
	pid_t group; // the program's process group, set by the caller; 0: none
};

void spore__tree_init(struct spore__tree *t);

// Is none of them alive? Reap what has ended first.
bool spore__tree_is_empty(const struct spore__tree *t);

// SIG to each.
void spore__tree_signal(const struct spore__tree *t, int sig);

// SIGKILL to each. Has to be called until spore__tree_is_empty; soon again when it returns true, which says that some run away: they fork
// and end faster than they are found. May then take some 10 ms.
bool spore__tree_kill(const struct spore__tree *t);

// Names those alive, "PID NAME, ...", cut off at SIZE.
void spore__tree_name(const struct spore__tree *t, char *out, size_t size);

// Starts a program that shall not be of the tree: ARGV with the caller's environment, standard descriptors on /dev/null, none
// other. Nobody has to wait for it. 0, or -1 with errno; whether it could be executed is not told.
int spore__tree_start_outside(const char *const *argv);

#endif
