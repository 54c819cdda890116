// A connection of a hold, as hold_peers.c and hold_obey.c share it.
#ifndef SPORE_TASK_HOLD_PEER_H
#define SPORE_TASK_HOLD_PEER_H

#include "task/hold.h"

void spore__peer_drop(struct spore__hold *h, struct spore__hold_peer *p); // frees it
// Each is false when P is to be dropped by its caller.
bool spore__peer_flush(struct spore__hold *h, struct spore__hold_peer *p); // sends what the socket takes
bool spore__peer_refuse(struct spore__hold *h, struct spore__hold_peer *p, enum spore_err code, const char *why);
bool spore__peer_obey(struct spore__hold *h, struct spore__hold_peer *p, const struct spore__hold_message *m);

#endif
