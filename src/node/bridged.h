// Bridges between the ends of wires whose ports speak different protocols (bridge/plan.h). A bridge is a process between two channels, as a fault's
// is: the node starts it with an end of each, one process per channel, and has no part in it afterwards. It goes on when the node is killed; the
// next one finds it by its record in the folder of a hold (bridge/record.h).
#ifndef SPORE_NODE_BRIDGED_H
#define SPORE_NODE_BRIDGED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "bridge/plan.h"
#include "chan/transport.h"

struct spore__hold;
struct spore__joint;
struct spore__port;
struct spore__tasks;
struct spore__wire;
struct spore__wire_end;

// What P is like, of an end E of a wire. Its words are P's and E's.
struct spore__face spore__bridged_face(const struct spore__port *p, const struct spore__wire_end *e);
// What is to be between the open ports P and Q of WIRE. False: they do not fit, and WHY says it.
bool spore__bridged_plan(const struct spore__wire *wire, const struct spore__port *p, const struct spore__port *q,
                         struct spore__plan *plan, char *why, size_t size);
// May P stand on the left of Q, by what they are and are called?
bool spore__bridged_stands(const struct spore__port *p, const struct spore__port *q);
// Can a bridge be joined to P? Then what carries its bytes; else NULL.
const char *spore__bridged_transport(const struct spore__port *p);
// Makes the ends of J, the left one first, with the bridge of PLAN between them. False: WHY, errno.
bool spore__bridged_make(struct spore__tasks *t, struct spore__joint *j, const struct spore__plan *plan,
                         struct spore__channel_end ends[2], char *why, size_t size);
// J was made by an earlier node: is its bridge there still?
void spore__bridged_found(struct spore__tasks *t, struct spore__joint *j);
// ... of J? Then j->relay is its process.
bool spore__bridged_is_there(struct spore__tasks *t, struct spore__joint *j);
// Another instance of the program of HOLD has begun: what was asked of the one before gets an error.
void spore__bridged_restarted(struct spore__hold *hold);

#endif
