// One stream of bytes, or channel, of a bridge. Private to spore-bridge.
#ifndef SPORE_BRIDGE_LINE_H
#define SPORE_BRIDGE_LINE_H

#include <poll.h>

#include "bridge/host.h"

enum { SPORE__LINE_POLLS = 4 };

// What it waits for: none to SPORE__LINE_POLLS of P, which say so when they are ready.
int spore__line_polls(struct spore__host_line *l, struct pollfd *p);
void spore__line_ready(struct spore__host_line *l, const struct pollfd *p, int count);
// Hands what was read to its end, as long as that wants more. True: it is worth another try at once.
bool spore__line_feed(struct spore__host_line *l);
// Sends what its end has to say.
void spore__line_flush(struct spore__host_line *l);
// The peer is told that nothing more comes, when all has been sent.
void spore__line_finish(struct spore__host_line *l);
// All that came was handed on, and nothing more comes.
bool spore__line_heard_all(const struct spore__host_line *l);
void spore__line_destroy(struct spore__host_line *l); // its end is not touched, a connection's codec is
// A descriptor that does not wait, for one that others share; FD where there is none.
int spore__line_own(int fd, bool write);
int spore__line_nonblock(int fd);

#endif
