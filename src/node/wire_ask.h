// Calls about wires from within: what they ask for (wire_ask.c), and whether it may be (wire_refuse.c).
#ifndef SPORE_NODE_WIRE_ASK_H
#define SPORE_NODE_WIRE_ASK_H

#include <limits.h>

#include "node/tasks.h"
#include "rpc/service.h"

// The end SIDE of a wish.
struct spore__wish_end {
	const struct spore__wish *wish;
	int side;
};

struct spore__asking {
	struct spore__tasks *t;
	struct spore__rpc_call *call;
	char from[PATH_MAX], system[SPORE__NAME_MAX + 1];
	bool exists; // both ends have to be there
	// Of the system's tasks those that go on as they are: names.
	struct spore__msgpack_reader same;
	uint32_t same_count;
	struct spore__wish *wishes;
	size_t count;
	bool *kept;                   // of each: the wire is there as it is
	struct spore__wish_end *ends; // of all, sorted by their tasks; 2 * count
};

// SHOWN, [SYSTEM/]TASK[@REPLICA].PORT, becomes the end SIDE of WISH. False: it is answered.
bool spore__end_take(struct spore__asking *a, const char *shown, int side, struct spore__wish *wish);
// The wishes of the parameter `wires`. False: it is answered. To be finished in either case.
bool spore__wishes_take(struct spore__asking *a);
void spore__wishes_finish(struct spore__asking *a);
int spore__wish_ends_compare(const void *a, const void *b); // by their tasks
// Is TASK of SYSTEM as it will be with these wires?
bool spore__asking_keeps(const struct spore__asking *a, const char *system, const char *task);
// Is it about to be started anew by who asks, with another specification?
bool spore__asking_replaces(const struct spore__asking *a, const char *system, const char *task);
// May there be the wire of the wish at INDEX, beside the other wishes and the wires that are not marked? False: WHY. Of two wishes that
// exclude each other it is the later one, unless that one is kept.
bool spore__wish_is_allowed(struct spore__asking *a, size_t index, char *why, size_t size);
// Answers why there is no wire of WISH, of whose ENDS (1 or 2) the first are named (wire_unwired.c).
void spore__wish_say_unwired(struct spore__asking *a, const struct spore__wish *wish, int ends);
// Does it name a port that a program at work has not opened, and nobody declares? WHY says so: it may come yet.
bool spore__wish_is_doubtful(struct spore__asking *a, const struct spore__wish *wish, char *why, size_t size);

#endif
