// Parked messages that are to be sent again, and those at which an inner process crashed.
#ifndef SPORE_BRIDGE_RESEND_H
#define SPORE_BRIDGE_RESEND_H

#include "bridge/work.h"

// Those that `spore dead --resend` has marked in the file of the wire.
void spore__resend_due(struct spore__work *w);
// The message of SIDE in whose middle the process before this one crashed is parked, so that it does no harm again. False: where it ends cannot be
// told.
bool spore__resend_poison(struct spore__work *w, int side);

#endif
