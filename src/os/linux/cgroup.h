// A cgroup v2 leaf for the processes of a tree, where one can be made: no controller is needed to end all in it at once. Private to
// src/os/linux.
#ifndef SPORE_OS_LINUX_CGROUP_H
#define SPORE_OS_LINUX_CGROUP_H

#include <stdbool.h>

// Makes a leaf of this process below the cgroup that it is in, but never below the leaf of another: its folder, -1 when none can be made.
// ENTRY is the file to write "0" into, for who wants to be in it.
int spore__cgroup_make(int *entry);
// Removes it; fails silently while somebody is in it.
void spore__cgroup_remove(void);
// SIGKILL to all that are in the leaf LEAF, but for those EXEMPT says, which are moved out of it before.
void spore__cgroup_kill(int leaf, bool (*exempt)(long pid));
// Moves this process out of the leaf of a tree that it may have been started in.
void spore__cgroup_leave(void);
// Ends what is in the leaves of processes that are gone, and removes them.
void spore__cgroup_sweep(void);

#endif
