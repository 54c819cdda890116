// The other end of a port, for what speaks to its program. What goes wrong is reported and ends the process.
#ifndef SPORE_LOOK_JOIN_H
#define SPORE_LOOK_JOIN_H

#include "look/link.h"
#include "look/look.h"
#include "spore/chan.h"

struct spore__joint {
	const struct spore__look *look;
	struct spore__link link;
	struct spore_chan *chan;
	int64_t id; // of the port
};

// Joins the port that is the first operand. RECEIVES: we do, and nothing else.
void spore__look_join(struct spore__joint *j, const struct spore__look *look, bool receives);
// Returns STATUS.
int spore__look_leave(struct spore__joint *j, int status);

#endif
