// The broker: which ports are to be wired (in the database), which are open (as the holds say), and the channels between them. A channel
// is made here and passed on; the node keeps none of its descriptors and no part in it. What is wired is known again from the holds after a
// restart, by the serials of channels. Everything runs on the loop's thread.
//
// again.c what could not be done at once, bridged.c bridges, fault.c faults on purpose, move.c how a channel is exchanged for another, adopted.c
// what of both an earlier node left, wires.c the wires and where their ends are plugged in, plain.c those of stdin and stdout, ports.c what holds
// say, join.c channels, ahead.c those that are made ahead, wire_view.c what a wire waits for, db_wires.c their rows; the calls: wire_ask.c what
// they ask for, wire_refuse.c what may not be, wire_methods.c, and wire_lists.c.
#ifndef SPORE_NODE_WIRES_H
#define SPORE_NODE_WIRES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "node/ahead.h"
#include "node/fault.h"
#include "node/pause.h"
#include "node/spare.h"
#include "task/hold_protocol.h"
#include "task/port.h"

enum {
	SPORE__PORT_NAME = 2 * SPORE__NAME_MAX + 32 + SPORE__NAME_MAX + 2, // [SYSTEM/]TASK[@REPLICA].PORT
	SPORE__LISTENS = 256,
};

// In place of the transport: the sender is a subscriber that was too slow.
#define SPORE__BROKEN_SLOW "slow"
// ... or sent what the bridge cannot read.
#define SPORE__BROKEN_UNREAD "unread"

struct spore__adopted;
struct spore__asking;
struct spore__hold;
struct spore__spec;
struct spore__task;
struct spore__tasks;
struct spore__wire;

// A port of a task by its name, as long as something is plugged into it: wires, or open ports of the task's instances.
struct spore__plug {
	struct spore__plug *next; // of its bucket
	uint32_t hash;
	struct spore__wire_end *ends; // end.next
	struct spore__port *ports;    // port.next
	char system[SPORE__NAME_MAX + 1], task[SPORE__NAME_MAX + 1], port[SPORE__NAME_MAX + 1];
	bool seen;                              // a port was open here
	bool connects;                          // ... which connected
	char protocol[SPORE__PROTOCOL_MAX + 1]; // ... and what it spoke
};

struct spore__wire_end {
	struct spore__plug *plug;
	struct spore__wire *wire;
	struct spore__wire_end *next;
	int64_t replica; // 0: each
	char protocol[SPORE__PROTOCOL_MAX + 1];
};

// The process between the replicas of its two ends came to nothing.
struct spore__wire_pause {
	int64_t replicas[2];
	struct spore__pause pause;
	char what[64];
};

// What was sent over it broke the rules: said until that task runs anew. The hold says it again to another node, as long as the port is open.
struct spore__wire_broken {
	struct spore__wire_broken *next; // of another replica, or the other side: it was before
	int side;                        // of the sender
	char from[SPORE__PORT_NAME], to[SPORE__PORT_NAME];
	char transport[16];
	int64_t replica, generation, run; // of the sender's instance
	int64_t last;                     // ... which may also be this one, whose start had not been heard of
};

struct spore__wire {
	struct spore__wire *previous, *next;
	int64_t id;                      // of its row
	uint64_t number;                 // lower than of those that were made later
	struct spore__wire_end ends[2];  // from, to
	bool duplex;                     // it was written <>
	char slow[16];                   // of a subscriber; "": as it says itself
	bool redeliver;                  // what a peer that died had not released is sent again to the next
	bool lossless;                   // no bridge in which anything is lost
	char listens[SPORE__LISTENS];    // of a listener at its left end: "ADDRESS (PROTOCOL)"; "": there is none
	bool tap;                        // a stdin or stdout at its ends gets a pump, which can be looked into
	char owner[SPORE__NAME_MAX + 1]; // the system whose manifest has it; "": none
	struct spore__fault fault;       // on purpose
	bool unsaved;                    // its row is still to be written
	bool changes;                    // its fault, once processes that made it before have ended
	// By the call that goes on: it is to go, another one is there in its place, it has just come.
	bool marked, replaced, fresh;
	bool dirty;
	struct spore__wire *next_dirty;
	struct spore__hold *blocked; // that has to answer or read first; NULL: none
	struct spore__wire *next_blocked;
	struct spore__wire_broken *broken; // the last first; one of each replica and side
	char trouble[160];                 // why the last channel could not be made...
	uint64_t retry_at;                 // ... and when it is tried again, of the loop's clock
	struct spore__wire_pause *pauses;  // ... but not before that is over: of the channels whose process failed
	size_t pause_count;
	uint64_t lost;               // in processes that made its faults, while this node runs
	struct spore__ahead *ahead;  // a channel that waits for one of its ports; NULL: none
	bool wishes;                 // for one
	struct spore__pause unahead; // the last one was refused: none before that is over
};

// A port that is open at a hold.
struct spore__port {
	struct spore__plug *plug; // NULL: its name is none that can be wired
	struct spore__port *next; // of the plug
	struct spore__hold *hold;
	struct spore__port *next_of_hold;
	uint64_t id; // of the hold
	char name[SPORE__HOLD_WORD + 1], kind[32], shape[32], protocol[SPORE__PROTOCOL_MAX + 1];
	char framing[16]; // of a plain end, else ""
	char slow[16];    // what a subscriber wants
	bool plain;       // the program behind it speaks no libspore
	enum spore__port_as as;
	bool pumped;               // its stdin or stdout, which can be wired otherwise while it runs
	bool renews;               // it is opened anew when its channel has been taken away, and read to its end
	bool leaving;              // ... and until then it takes no other
	struct spore__pause pause; // its hold could not pass a channel on
	struct spore__task
	    *awaits;      // a peer that was swapped: there was no other channel since (swap_off.h); NULL: none
	uint64_t awaited; // ... the serial of the one that is over
	struct spore__port *next_awaits;
	unsigned transports; // bits by the order of spore__channel_kinds
	bool swaps;          // the program can be told that its peer is swapped
	bool early;          // ... and can have a channel whose peer has not come yet
	bool beside;         // ... and publishes nothing before the instance in whose place it was started is gone
	bool moves;          // ... and one that takes the place of another to the same peer
	bool resumes;        // ... and goes on with a subscription of another instance
	uint64_t moved;      // the channel that was taken away for another to the same peer, by its serial; 0: none
	// The subscription of another instance that its hold has for it as long as that is not alone (lend.h), by the serial; 0: none. The publisher,
	// and what it does while this one is slow; may be "".
	uint64_t inherits;
	char lent_by[SPORE__PORT_NAME + SPORE__HOLD_WORD], lent_slow[16];
	int lend_fd;    // where its own is being sent: the end of that for the other hold; -1: it is not
	uint64_t lends; // ... the serial
	struct spore__joint **joints;
	size_t joint_count, joint_cap;
};

// A channel that was made.
struct spore__joint {
	uint64_t serial;
	struct spore__port *ports[2]; // NULL: gone, or not heard of yet; then it is among the halves
	bool said[2];                 // the hold has said that it passed it on
	bool told[2];                 // the program of that port, that its peer is being swapped
	unsigned owes[2];             // answers to that (or that it is off) which its hold has not given yet
	const char *transport;        // static; "bridge"; "": made by an earlier node
	struct spore__wire *wire;     // NULL: not known yet
	pid_t relay; // the process between its ends, which makes a fault or is a bridge; 0: none, or of an earlier node
	bool bridged;                   // a bridge
	bool moves;                     // both programs are being told that another takes its place (move.c)
	bool cuts;                      // the process between was told that it is cut
	uint64_t since_ms;              // of the loop's clock
	bool adopted;                   // that process was started by an earlier node: no signal tells of its end...
	struct spore__adopted *watched; // ... but this does; NULL: not
	struct spore__joint *next_half;
};

struct spore__wires {
	struct spore__plug **buckets;
	size_t bucket_count, plug_count;
	struct spore__wire *first, *last;
	size_t count;
	uint64_t numbered;
	struct spore__wire *dirty, **dirty_end; // in the order in which they became so
	struct spore__joint *halves;
	struct spore__port *awaits;      // port.next_awaits
	struct spore__parting *partings; // fault.c
	uint64_t serial;                 // the latest
	bool sweep;                      // some of the halves may be over
	bool adopt;   // the database was lost, and not all holds have been heard since: what is wired is wanted
	bool unsaved; // some of them are
	uv_timer_t retry, look; // look: at what was adopted (adopted.h)
	uint64_t look_ms;       // until then
	uint64_t retry_at;      // of the loop's clock; 0: there is nothing to try again
	struct spore__pause failing;
	bool crowded; // a hold has no room, and nothing to say that would tell of it
	struct spore__spare spare;
	struct spore__aheads aheads;
};

int spore__wires_init(struct spore__tasks *t); // reads them; an error of libuv's
// What follows from what changed, once per turn of the loop.
void spore__wires_settle(struct spore__tasks *t);

// ---- wires.c

// NULL: no memory, or none where MAKE is false.
struct spore__plug *spore__plug_find(struct spore__wires *w, const char *system, const char *task, const char *port,
                                     bool make);
void spore__plug_unused(struct spore__wires *w, struct spore__plug *p); // frees it when nothing is plugged in

// What a wire is to be.
struct spore__wish {
	struct {
		char system[SPORE__NAME_MAX + 1], task[SPORE__NAME_MAX + 1], port[SPORE__NAME_MAX + 1],
		    protocol[SPORE__PROTOCOL_MAX + 1];
		int64_t replica;
	} ends[2];
	bool duplex;
	char slow[16];
	bool redeliver, lossless, tap;
	char listens[SPORE__LISTENS];
	char owner[SPORE__NAME_MAX + 1];
};
// The one between these ports, in this order. NULL: none.
struct spore__wire *spore__wire_find(struct spore__wires *w, const struct spore__wish *wish);
// In memory only. NULL: no memory.
struct spore__wire *spore__wire_add(struct spore__tasks *t, const struct spore__wish *wish);
// Takes it away from both ends, in memory only.
void spore__wire_remove(struct spore__tasks *t, struct spore__wire *wire);
void spore__wire_is_dirty(struct spore__wires *w, struct spore__wire *wire);
void spore__plug_is_dirty(struct spore__wires *w, struct spore__plug *p); // each of its wires
void spore__wire_end_name(const struct spore__wire_end *e, char out[SPORE__PORT_NAME]);
// Writes those that are not in the database yet, in the transaction that is begun; the second is called when that is over, GOOD or not.
int spore__wires_save(struct spore__tasks *t);
void spore__wires_saved(struct spore__tasks *t, bool good);
// The wires of the system are not wanted any more, or those without owner at a task that is gone (TASK not NULL): first their rows, in the
// transaction that is begun with it; when that is committed they themselves.
void spore__wires_unwrite(struct spore__tasks *t, const char *system, const char *task);
void spore__wires_forget(struct spore__tasks *t, const char *system, const char *task);
// How many tasks have that end: one for each replica.
int64_t spore__wire_end_count(const struct spore__tasks *t, const struct spore__wire_end *e);
// Is P, on SIDE, one of more replicas than there are at the other end, and has no channel?
bool spore__wire_leaves(const struct spore__tasks *t, const struct spore__wire *wire, int side,
                        const struct spore__port *p);
// Of several wires at a port that has one channel the first that was made has it, whether or not its other end is there. That one, for another WIRE
// at P. NULL: there is none, or P has any number of channels.
const struct spore__wire *spore__wire_elder(const struct spore__wire *wire, const struct spore__port *p);
bool spore__wire_fits_replica(const struct spore__wire_end *e, const struct spore__port *p);

// ---- ports.c: a hold said it

void spore__ports_hello(struct spore__hold *hold, const struct spore__hold_message *m);
void spore__ports_begin(struct spore__hold *hold, const struct spore__hold_message *m);
void spore__ports_open(struct spore__hold *hold, const struct spore__hold_message *m);
// P has the channel SERIAL, which was made before.
void spore__ports_relearn(struct spore__port *p, uint64_t serial);
void spore__ports_close(struct spore__hold *hold, const struct spore__hold_message *m);
void spore__ports_wired(struct spore__hold *hold, const struct spore__hold_message *m);
void spore__ports_over(struct spore__hold *hold, const struct spore__hold_message *m);
void spore__ports_swap(struct spore__hold *hold, const struct spore__hold_message *m);
void spore__ports_ended(struct spore__hold *hold, const struct spore__hold_message *m);
void spore__ports_broken(struct spore__hold *hold, const struct spore__hold_message *m);
// The process between the ends of J has ended since what the port on SIDE sent broke the rules.
void spore__joint_broken(struct spore__tasks *t, const struct spore__joint *j, int side);
// That what was sent over WIRE broke its rules, and the instance that did so is the last one still: the last time, or the one before that
// (B->next). NULL: none, or none more.
const struct spore__wire_broken *spore__wire_broken(const struct spore__tasks *t, const struct spore__wire *wire,
                                                    const struct spore__wire_broken *b);
// Those of the replica and side are over. TRANSPORT: only of that one; NULL: any.
void spore__wire_forget_broken(struct spore__wire *wire, int side, int64_t replica, const char *transport);
void spore__ports_lost(struct spore__hold *hold);    // it is not connected any more
void spore__ports_flushed(struct spore__hold *hold); // it has taken what was written

// ---- join.c

// Both have been heard of: the wire of it. False: no memory, nothing happened.
bool spore__joint_attach(struct spore__port *p, struct spore__joint *j, int side);
// J has lost the port on SIDE, which goes: over for the other end, unless it may only not have been heard of.
void spore__joint_detach(struct spore__wires *w, struct spore__joint *j, int side);
// The end of J that is at FROM is at TO now.
void spore__joint_move(struct spore__port *from, struct spore__port *to, struct spore__joint *j);
void spore__joint_end(struct spore__tasks *t, struct spore__joint *j, bool unwire); // tells both ends
// Likewise, for another channel between the same two: who sends to a port that reads the old one to its end is told to leave that.
void spore__joint_change(struct spore__tasks *t, struct spore__joint *j);
struct spore__joint *spore__joint_of(const struct spore__port *p, uint64_t serial);
void spore__wire_settle(struct spore__tasks *t, struct spore__wire *wire);
const char *spore__joint_transport(const struct spore__port *a, const struct spore__port *b); // the best; "": none
// Is there to be a process (spore-look relay) between its ends?
bool spore__joint_relays(const struct spore__joint *j);
// What happens when SUBSCRIBER, at WIRE (NULL: not known), is slow: as the wire says, else as it says itself.
const char *spore__wire_slow(const struct spore__wire *wire, const struct spore__port *subscriber);
// The same of what is at the right end of J; NULL: nothing is published to it.
const char *spore__joint_slow(const struct spore__joint *j);
// The port at the other end of WIRE that P, on SIDE, is to be joined to: of the replica with the same number, else the one with the fewest channels.
// NULL: none.
struct spore__port *spore__wire_partner(const struct spore__wire *wire, int side, const struct spore__port *p);
bool spore__port_is_going(const struct spore__port *p); // it takes no other channel
// A channel of TRANSPORT, one between plain ends too.
enum spore_err spore__joint_make(struct spore__wires *w, const char *transport, struct spore__channel_end ends[2]);
unsigned spore__channel_bit(const char *feature, size_t len); // 0: none that this node can make

// ---- move.c: another channel between the same two ports, which are open

// Begins that for J, so that nothing is lost that is on its way in it. False: it cannot be done, and nothing was.
bool spore__move_begin(struct spore__tasks *t, struct spore__joint *j);
// A hold has said that its program was told. When both have, or NOW, J is ended, and its wire is joined again.
void spore__move_heard(struct spore__tasks *t, struct spore__joint *j);
void spore__move_now(struct spore__tasks *t, struct spore__joint *j);
// P and Q are joined: in place of a channel that they had?
bool spore__move_ends(struct spore__port *p, struct spore__port *q);

// ---- again.c

// WIRE waits until HOLD has answered or read what it was sent. It waits for none so far.
void spore__wire_block(struct spore__wires *w, struct spore__wire *wire, struct spore__hold *hold);
void spore__wire_unblock(struct spore__wires *w, struct spore__hold *hold, size_t count);
void spore__wire_is_free(struct spore__wire *wire); // it waits for no hold any more
// Something could not be done at all: when to try again, later each time until some wire gets its channel.
uint64_t spore__wires_failed(struct spore__wires *w);
void spore__wire_retry_at(struct spore__wire *wire, uint64_t at_ms); // or sooner; it says its trouble
void spore__wires_retry_at(struct spore__wires *w, uint64_t at_ms);  // those that are due then
// The process between the ends of J is gone (FAILED: not because an end is), J is about to: its wire is joined again, but not at once where that
// would go on for ever.
void spore__joint_failed(struct spore__tasks *t, const struct spore__joint *j, bool failed);
// Are the ports P and Q (from, to) not to be joined yet, since that was so? WIRE says it then.
bool spore__wire_pauses(struct spore__tasks *t, struct spore__wire *wire, const struct spore__port *p,
                        const struct spore__port *q);
void spore__wire_end_pauses(struct spore__wire *wire);

// ---- plain.c: stdin and stdout

bool spore__plain_is_stdio(const char *port); // stdin, stdout, stdio
unsigned spore__plain_bit(const char *port);  // of struct spore__hold's `pumped`; 0: none of them
bool spore__plain_is_wired(const struct spore__spec *spec);
// Puts what its stdin and stdout are wired to into SPEC; *CHANGED (may be NULL) when it was something else. False: WHY.
bool spore__plain_wires(struct spore__tasks *t, struct spore__spec *spec, bool *changed, char *why, size_t size);
// TASK waits to be started until there is something at the other end of its stdin or stdout, and there will be nothing by itself: WHY says what helps.
bool spore__plain_why(const struct spore__task *task, char *why, size_t size);
// Does a task run whose stdin or stdout it is about? WHY says so, with the remedy.
bool spore__plain_is_active(struct spore__tasks *t, const struct spore__wish *wish, char *why, size_t size);
// The stdin or stdout of tasks that run is wired otherwise: they are started anew, where who asks does not replace them anyway. WRITE: that is only
// written (spore__task_intend).
void spore__plain_renew(const struct spore__asking *asking, const struct spore__wire *wire, bool write);
// What who asks is about to replace: its stdin and stdout get no other channel, which would be one of the program before.
void spore__plain_outdate(const struct spore__asking *asking);
// TASK runs, was to be replaced by someone who did not come to it, and what its stdin or stdout was joined with has been taken away since: a program
// that runs is given no other.
bool spore__plain_has_lost(const struct spore__task *task);
void spore__plain_stays(struct spore__task *task); // it is not to be replaced after all

// ---- wire_view.c

// Are both its ports open, and WHY can they not be joined as they are?
bool spore__wire_is_unfit(const struct spore__wire *wire, char *why, size_t size);
void spore__wire_view(struct spore__tasks *t, const struct spore__wire *wire, struct spore__msgpack_writer *w);
size_t spore__wire_joints(const struct spore__wire *wire, size_t *unsaid, const char **transport);
// Face of the port where E is plugged in, from what is open, else declared in SPEC (may be NULL). NAME is filled.
void spore__wire_face(const struct spore__wire_end *e, const struct spore__spec *spec, struct spore__declared *room,
                      char name[SPORE__PORT_NAME], struct spore__face *face);

#endif
