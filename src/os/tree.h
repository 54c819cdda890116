// All processes that were started below this one, however often they fork or change session: found, signalled, ended, and known to be
// gone. For a process with one thread that reaps every child (wait for any). Nothing here waits; at most /proc is read.
//
// Linux: the caller is made the subreaper of all of them, and they are put into a cgroup of their own where one can be made. Plain POSIX: only
// the process group is known, and who leaves it is lost.
// Other holds, the node and pumps (src/pump) are left alone wherever they were started: they belong to no task (Linux).
#ifndef SPORE_OS_TREE_H
#define SPORE_OS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// What can be limited for all of them together.
enum spore__tree_limit {
	SPORE__TREE_MEMORY,    // bytes, swap included; who takes more is ended, and all the others with it
	SPORE__TREE_PROCESSES, // and threads
	SPORE__TREE_CPU,       // thousandths of a processor
	SPORE__TREE_LIMITS,
};

// What they use, and have used since the cgroup was made. -1: it is not known.
struct spore__tree_use {
	int64_t memory, peak; // bytes
	int64_t processes;
	int64_t user_us, system_us;
	int64_t out_of_memory; // processes ended for want of memory
	int64_t forks_refused;
};

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
// When it is empty: without limits, and nothing used.
void spore__tree_renew(struct spore__tree *t);

// Limits all that are put into its cgroup. 0, or -1 with WHY that cannot be.
int spore__tree_limit(const struct spore__tree *t, enum spore__tree_limit what, int64_t value, char *why, size_t size);
// How it is treated beside others, -20 to 19, as `nice` does for one process. Nothing where there is no controller.
void spore__tree_nice(const struct spore__tree *t, int nice);
void spore__tree_use(const struct spore__tree *t, struct spore__tree_use *use);
// The folder of its cgroup, for others to look at; "": none.
const char *spore__tree_path(const struct spore__tree *t);
// The same by that folder; all -1 when it is gone.
void spore__tree_use_of(const char *path, struct spore__tree_use *use);

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
// other, and the limit OPEN_FILES (0: the caller's). Nobody has to wait for it. 0, or -1 with errno; whether it could be executed is not told.
int spore__tree_start_outside(const char *const *argv, uint64_t open_files);

// For a process that may have been started by a task's program and is not of the task: the node. It leaves the cgroup of the tree.
void spore__tree_leave(void);

// Ends what holds that are gone have left in their cgroups, and removes those. Not for a hold.
void spore__tree_sweep(void);

#endif
