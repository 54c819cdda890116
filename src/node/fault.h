// Faults on purpose: a wire that delays, drops or is cut, to test what is at its ends. They are part of the wish. A wire that delays or drops is
// made of two channels with a process between them (src/look/relay.c), which ends with either. So is one from what publishes to a plain end, whether or
// not it has a fault (spore__joint_relays); any other without a fault knows nothing of all this.
#ifndef SPORE_NODE_FAULT_H
#define SPORE_NODE_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "chan/transport.h"
#include "task/port.h"

struct spore__joint;
struct spore__port;
struct spore__tasks;
struct spore__wire;

enum { SPORE__FAULT_TEXT = 96, SPORE__FAULT_DELAY_MAX = 600000000, SPORE__FAULT_MILLION = 1000000 };

struct spore__fault { // zeroed: none
	int64_t delay_us;
	int64_t drop_ppm; // of a million messages
	int64_t seed;
	bool cut;
};

// "cut", or "delay=50ms drop=1%"; "" for none.
void spore__fault_text(const struct spore__fault *f, char out[SPORE__FAULT_TEXT]);
bool spore__fault_relays(const struct spore__fault *f);

// May WIRE, whose ends have these faces, have the fault F? BRIDGED: a bridge comes between them. False: WHY, with both names.
bool spore__fault_fits(const struct spore__wire *wire, const struct spore__fault *f, const struct spore__face faces[2],
                       bool bridged, char *why, size_t size);
// Can the open ports P and Q be joined with the fault that WIRE has? It may have been given when nobody knew what they would be like.
bool spore__fault_allows(const struct spore__wire *wire, const struct spore__port *p, const struct spore__port *q,
                         bool bridged);

// Makes the ends of J, the left one first, of channels with a process between them. False: WHY, errno.
bool spore__fault_make(struct spore__tasks *t, struct spore__joint *j, struct spore__channel_end ends[2], char *why,
                       size_t size);
// J was made by an earlier node: is its process there still? Then *PID is it, or 0 when that is not known.
bool spore__fault_is_there(struct spore__tasks *t, struct spore__joint *j, pid_t *pid);
// The process of J has ended, and J goes with it, so that its wire is joined again.
void spore__fault_over(struct spore__tasks *t, struct spore__joint *j);
// The fault of WIRE is another one: its channels become others. What is under way arrives first; a cut one is over for the programs. Where they do
// not get on with what is under way, changes wait.
void spore__fault_change(struct spore__tasks *t, struct spore__wire *wire);
// J is about to end, and its wire to be joined again: the process between, if there is one, delivers at once what it has. It ends once both
// ends have been received to their end.
void spore__fault_part(struct spore__tasks *t, const struct spore__joint *j);
// A child of the node's has ended: when it was one of those, or a bridge, its channel is made anew. STATUS as of waitpid.
void spore__fault_child(struct spore__tasks *t, pid_t pid, int status);

#endif
