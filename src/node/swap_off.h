// Programs that were told that their peer is being swapped, and whose channel with it is over: its end is none to them, so they wait for the
// one that takes over. When that one does not come after all they are told that too, and see the end.
#ifndef SPORE_NODE_SWAP_OFF_H
#define SPORE_NODE_SWAP_OFF_H

#include "node/wires.h"

// The channel SERIAL of P, whose program was told, has lost its other end, at PEER.
void spore__swap_off_awaits(struct spore__port *p, uint64_t serial, const struct spore__hold *peer);
// ... at nobody knows whom: whoever is wired.
void spore__swap_off_lost(struct spore__port *p, uint64_t serial);
// P was heard of: its program was told, of the channel SERIAL, by an earlier node or while this one was not connected.
void spore__swap_off_found(struct spore__port *p, uint64_t serial);
void spore__swap_off_joined(struct spore__port *p); // it has one again, or goes
bool spore__swap_off_is_for(const struct spore__tasks *t,
                            const struct spore__task *task); // is it TASK that one of them waits for?
// What follows from how things are, once per turn of the loop.
void spore__swap_off_settle(struct spore__tasks *t);

#endif
