// Processes between the ends of a wire, a bridge or a fault's relay, that an earlier node started: no signal tells this one of their end. Each
// keeps a record in the folder of a hold and a lock on it. Its end is waited for, where the platform can do that for a process that is nobody's
// child; else the lock is looked at, ever more seldom. When nobody has the lock, its channel is made anew.
#ifndef SPORE_NODE_ADOPTED_H
#define SPORE_NODE_ADOPTED_H

#include <limits.h>
#include <stdbool.h>

struct spore__joint;
struct spore__tasks;

// J was made by an earlier node, and something should be between its ends.
void spore__adopted_watch(struct spore__tasks *t, struct spore__joint *j);
// J is about to be freed.
void spore__adopted_forget(struct spore__joint *j);
// The folder of the hold at SIDE of J. False: it is none, or its path is too long.
bool spore__adopted_folder(const struct spore__tasks *t, const struct spore__joint *j, int side, char out[PATH_MAX]);

#endif
