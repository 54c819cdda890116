// Two instances of a task: a new one that is tried beside the old one, which ends once the new one is ready, and stays when it does not become so.
#ifndef SPORE_NODE_BESIDE_H
#define SPORE_NODE_BESIDE_H

#include "node/tasks.h"

// The old hold of a task said BYTES, which were understood as S. False: it has ended, and there is no other one.
bool spore__beside_heard(struct spore__tasks *t, struct spore__hold *hold, const struct spore__hold_state *s,
                         const void *bytes, size_t len);
// Is the new one ready? One that is so as soon as it runs has to have lived for a second: that it could be started says nothing. Wakes the node when
// it is to be asked again.
bool spore__beside_is_ready(struct spore__tasks *t, struct spore__task *task);
// Has the new one ended once, whether or not it is started again?
bool spore__beside_has_failed(const struct spore__task *task);
// What follows for a task that is replaced without a swap, once per turn of the loop.
void spore__beside_settle(struct spore__tasks *t, struct spore__task *task);

#endif
