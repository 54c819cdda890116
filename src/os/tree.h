// All processes that were started below this one, however often they fork or change session: found, signalled, ended, and known to be
// gone. For a process with one thread that reaps every child (wait for any). Nothing here waits; at most /proc is read.
//
// Linux: the caller is made the subreaper of all of them, and they are put into a cgroup of their own where one can be made. Plain POSIX: only
// the process group is known, and who leaves it is lost.
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
	int cgroup;  // its folder; -1: there is none
	int entry;   // of the cgroup, for struct spore__spawn; -1
	pid_t group; // the program's process group, set by the caller; 0: none
};

void spore__tree_init(struct spore__tree *t);
void spore__tree_finish(struct spore__tree *t); // when it is empty
// The cgroup is no use after all: nobody can be put into it.
void spore__tree_without_cgroup(struct spore__tree *t);

// Is none of them alive? Reap what has ended first.
bool spore__tree_is_empty(const struct spore__tree *t);

// SIG to each.
void spore__tree_signal(const struct spore__tree *t, int sig);

// SIGKILL to those that are known without a look: nearly always all of them.
void spore__tree_kill_known(const struct spore__tree *t);

// SIGKILL to each. Has to be called until spore__tree_is_empty; soon again when it returns true, which says that some run away: they fork
// and end faster than they are found. May then take some 10 ms.
bool spore__tree_kill(const struct spore__tree *t);

// Names those alive, "PID NAME, ...", cut off at SIZE.
void spore__tree_name(const struct spore__tree *t, char *out, size_t size);

// Starts a program that shall not be of the tree: ARGV with the caller's environment, standard descriptors on /dev/null, none
// other. Nobody has to wait for it. 0, or -1 with errno; whether it could be executed is not told.
int spore__tree_start_outside(const char *const *argv);

// For a process that may have been started by a task's program and is not of the task: the node. It leaves the cgroup of the tree.
void spore__tree_leave(void);

// Ends what holds that are gone have left in their cgroups, and removes those. Not for a hold.
void spore__tree_sweep(void);

#endif
