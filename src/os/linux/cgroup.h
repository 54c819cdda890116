// A cgroup v2 leaf for the processes of a tree, where one can be made: to end all in it at once, which needs no controller, and to limit
// what they use together, which does. Private to src/os/linux.
//
// A base is a cgroup of this user's: that which the process is in, or one above it. Below it are
//     spore-tasks/              with the controllers, and no process of its own
//     spore-tasks/spore-hold-N  the leaf of the process N
//     spore-self                spore's own processes where they were in the base, in which none may stay that has controllers
#ifndef SPORE_OS_LINUX_CGROUP_H
#define SPORE_OS_LINUX_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/tree.h"

enum {
	SPORE__CGROUP_ALL = 1 << SPORE__TREE_MEMORY | 1 << SPORE__TREE_PROCESSES | 1 << SPORE__TREE_CPU,
	SPORE__CGROUP_PATH = PATH_MAX - 64,
};

#define SPORE__CGROUP_TASKS "spore-tasks"
#define SPORE__CGROUP_SELF "spore-self"
#define SPORE__CGROUP_LEAF "spore-hold-"

struct spore__cgroup_place {
	// Where this process is.
	char mount[256];              // of cgroup2
	char own[SPORE__CGROUP_PATH]; // the folder of its cgroup, without what spore has made below a base
	bool inside;                  // ... and it is in a leaf
	bool climb;                   // a base may be above `own`
	bool systemd;                 // which could give it one
	unsigned v1;                  // controllers that cgroup v1 has
	// Where leaves are made.
	char base[SPORE__CGROUP_PATH];     // "": nowhere
	unsigned controllers;              // that its leaves have: bits 1 << enum spore__tree_limit
	char why[SPORE__TREE_LIMITS][192]; // they have not this one
};

// cgroup_place.c

// Finds out where this process is. False, with `why`, when there is no cgroup v2.
bool spore__cgroup_where(struct spore__cgroup_place *p);
// Chooses the base and makes its folder for leaves. Processes that OWN says are spore's are moved out of the way.
void spore__cgroup_choose(struct spore__cgroup_place *p, bool (*own)(long pid));
// The parent of FOLDER below the mount, in place. False when it is the mount itself.
bool spore__cgroup_up(const struct spore__cgroup_place *p, char *folder);
// Into the base itself, or beside its leaves when it has controllers. PID 0: the caller.
bool spore__cgroup_put_outside(const struct spore__cgroup_place *p, long pid);
bool spore__cgroup_write(int dir, const char *name, const char *text); // errno

// cgroup_limit.c

// 0, or -1 with errno.
int spore__cgroup_limit(int leaf, enum spore__tree_limit what, int64_t value);
void spore__cgroup_use(int leaf, struct spore__tree_use *use);

// cgroup.c

// Makes a leaf of this process, but never below the leaf of another: its folder, -1 when none can be made. ENTRY is the file to write "0"
// into, for who wants to be in it. *KILLS: all in it can be ended at once (Linux 5.14). Without it and without controllers there is none.
int spore__cgroup_make(int *entry, bool *kills, bool (*own)(long pid));
// Another one in its place, whose counters begin anew.
int spore__cgroup_make_anew(int *entry);
const char *spore__cgroup_path(void); // of the leaf
const char *spore__cgroup_why(enum spore__tree_limit what);
// Removes it; fails silently while somebody is in it.
void spore__cgroup_remove(void);
// SIGKILL to all that are in the leaf LEAF, but for those EXEMPT says, which are moved out of it before.
void spore__cgroup_kill(int leaf, bool (*exempt)(long pid));
// Moves this process out of the leaf of a tree that it may have been started in, and out of the base.
void spore__cgroup_leave(bool (*own)(long pid));
// Ends what is in the leaves of processes of which LIVES is not true, and removes them.
void spore__cgroup_sweep(bool (*lives)(long pid));

#endif
