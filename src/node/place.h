// Where the node is: its folders, the lock that makes it the only one, its socket and the record of its address. Nothing
// is allocated after spore__place_find.
#ifndef SPORE_NODE_PLACE_H
#define SPORE_NODE_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "node/client.h"

struct spore__place {
	char state[PATH_MAX - 64];
	char runtime[PATH_MAX - 64];
	char socket[108]; // the address; empty while there is none
	dev_t device;     // of the socket's file
	ino_t inode;
	int lock; // -1
};

// Every function: 0, or -1 with what is wrong and what helps in PROBLEM.

// Finds the state and runtime folders, makes the state folder, refuses network file systems.
int spore__place_find(struct spore__place *p, struct spore__node_problem *problem);

// Takes the lock in the state folder. It belongs to this process alone: not to children, and until it ends. 1: another
// node has it, *HOLDER is its process (0 when it lives in another container).
int spore__place_lock(struct spore__place *p, pid_t *holder, struct spore__node_problem *problem);
void spore__place_unlock(struct spore__place *p);

// Is the lock still the one that others would find? False after the state folder was removed under the node.
bool spore__place_is_locked(const struct spore__place *p);

// Makes the runtime folder (when it cannot be made, one in the temporary folder instead), checks that it is ours alone,
// binds the socket, listens and records the address. Returns the descriptor, the caller's.
int spore__place_bind(struct spore__place *p, struct spore__node_problem *problem);

// Is the socket that was bound last still there, under its name?
bool spore__place_is_bound(const struct spore__place *p);

// Nobody listens at the socket that was bound last: it is removed, and is bound no more.
void spore__place_unbind(struct spore__place *p);

// Removes socket and record, when they are still ours.
void spore__place_leave(struct spore__place *p);

#endif
