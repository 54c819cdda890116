// Swapping a task that subscribes: what its old instance has of each subscription goes to the hold of the new one before the old one is asked to
// stop, and is given to that program when it is alone (docs/design/wires.md, "What subscribes"). The node only brings the two holds together.
#ifndef SPORE_NODE_LEND_H
#define SPORE_NODE_LEND_H

#include "node/wires.h"

struct spore__hold_message;
struct spore__task;

// Can what P, which subscribes, has go to another instance, or come from one?
bool spore__lend_may(const struct spore__port *p);
size_t spore__lend_count(const struct spore__hold *hold); // subscriptions of its program
// Can the ports of NEW go on with what those of OLD have? False: WHY says why not.
bool spore__lend_fits(const struct spore__hold *old, const struct spore__hold *new, char *why, size_t size);
// Asks for what has not been lent to the new one of TASK yet, and for a spare of what has. A port of which it is waited for; NULL: none.
const struct spore__port *spore__lend_settle(struct spore__tasks *t, struct spore__task *task);
bool spore__lend_goes_on(const struct spore__task *task); // there are spares for the next new one, which is to come
void spore__lend_end(struct spore__task *task);           // nobody will want the spares
void spore__lend_heard(struct spore__hold *hold, const struct spore__hold_message *m); // HOLD answered
void spore__lend_drop(struct spore__port *p);                                          // P goes
// HOLD was told that it is alone: what it was lent is at its ports.
void spore__lend_alone(struct spore__tasks *t, struct spore__hold *hold);
// P subscribes, and gets nothing else before its hold is alone.
bool spore__lend_waits(const struct spore__port *p);
// May the other end of J, at a port of PLUG, be with an instance of TASK that is not alone yet?
bool spore__lend_may_return(const struct spore__task *task, const struct spore__plug *plug,
                            const struct spore__joint *j);

#endif
