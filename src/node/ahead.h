// Channels that are made before both of their ports are open: where one port of a wire waits, its end is sent to its program, which takes it for
// nothing so far, and the other one to the hold of the task that has the other port. When that is opened its program gets its end at once, and
// rings; the node only hears of it. So the way from the program over its hold to the node and over the other hold is not in the way.
//
// Each is either taken (the hold lists it with the open port) or withdrawn (the hold has said that it is not kept): until then nothing else is made
// for its wire.
#ifndef SPORE_NODE_AHEAD_H
#define SPORE_NODE_AHEAD_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct spore__hold;
struct spore__port;
struct spore__tasks;
struct spore__wire;
struct spore__wires;

struct spore__ahead;
struct spore__aheads {
	struct spore__ahead *first; // ahead.next
	unsigned count;
	uv_timer_t timer; // runs while some wires wish for one
	uv_timer_t look;  // ... while it is not known whether others do
};

int spore__aheads_init(struct spore__tasks *t); // an error of libuv's
// WIRE was looked at, and has no channel to be made. True: one is kept for it, and nothing else can be made before that is taken or withdrawn.
bool spore__ahead_settle(struct spore__tasks *t, struct spore__wire *wire);
// WIRE is joined as far as it can be: is one to be made ready for it?
void spore__ahead_wish(struct spore__tasks *t, struct spore__wire *wire);
void spore__ahead_hold_known(struct spore__tasks *t); // one of them has said what ports there are
// The hold has passed it on. False: it is none of these. WAITING: the port at its other end; NULL: that is gone.
bool spore__ahead_take(struct spore__wires *w, uint64_t serial, struct spore__port **waiting);
// HOLD keeps it no more, or its end of it was not passed on.
void spore__ahead_over(struct spore__wires *w, struct spore__hold *hold, uint64_t serial);
void spore__ahead_port_lost(struct spore__wires *w, const struct spore__port *p);
void spore__ahead_hold_lost(struct spore__wires *w, const struct spore__hold *hold);
void spore__ahead_wire_lost(struct spore__wires *w, const struct spore__wire *wire);

#endif
