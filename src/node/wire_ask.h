// Calls about wires from within: what they ask for (wire_ask.c), and whether it may be (wire_refuse.c).
#ifndef SPORE_NODE_WIRE_ASK_H
#define SPORE_NODE_WIRE_ASK_H

#include <limits.h>

#include "node/tasks.h"
#include "rpc/service.h"

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
};

// SHOWN, [SYSTEM/]TASK[@REPLICA].PORT, becomes the end SIDE of WISH. False: it is answered.
bool spore__end_take(struct spore__asking *a, const char *shown, int side, struct spore__wish *wish);
// The wishes of the parameter `wires`. False: it is answered. To be freed in either case.
bool spore__wishes_take(struct spore__asking *a);
// Is TASK of SYSTEM as it will be with these wires?
bool spore__asking_keeps(const struct spore__asking *a, const char *system, const char *task);
// May there be such a wire, beside those that are not marked? False: WHY.
bool spore__wish_is_allowed(struct spore__asking *a, const struct spore__wish *wish, char *why, size_t size);
// Does it name a port that a program at work has not opened, and nobody declares? WHY says so: it may come yet.
bool spore__wish_is_doubtful(struct spore__asking *a, const struct spore__wish *wish, char *why, size_t size);

#endif
