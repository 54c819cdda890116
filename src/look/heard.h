// Who looks on at what is published: one more subscriber, which nobody waits for.
#ifndef SPORE_LOOK_HEARD_H
#define SPORE_LOOK_HEARD_H

#include <stddef.h>

#include "chan/spy.h"
#include "look/link.h"

struct spore__heard;

// Subscribes at the port of L, which publishes and is open. Of a message at most LIMIT bytes are kept. NULL: it was closed meanwhile; what goes
// wrong otherwise ends the process.
struct spore__heard *spore__heard_open(struct spore__link *l, size_t limit);
void spore__heard_close(struct spore__heard *h); // NULL is fine

// The next message. SPORE_EAGAIN: none. Any other error: none will come any more.
enum spore_err spore__heard_next(struct spore__heard *h, struct spore__spied *m);
uint64_t spore__heard_missed(const struct spore__heard *h); // messages that it was too slow for

#endif
