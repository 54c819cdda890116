// A program that was started in the place of another publishes nothing before that one is gone and each of its subscribers has its channel
// with the new one, so that they get all of both. Its hold says that it waits for that (hold.beside), also to a node that comes later.
#ifndef SPORE_NODE_ALONE_H
#define SPORE_NODE_ALONE_H

#include "node/tasks.h"

// Tells the program of TASK when it is so, once per turn of the loop.
void spore__alone_settle(struct spore__tasks *t, struct spore__task *task);
// Is it still to be told?
bool spore__alone_waits(const struct spore__task *task);
// A hold has said what ports there are.
void spore__alone_look(struct spore__tasks *t);

#endif
