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
	struct spore__wish *wishes;
	size_t count;
};

// The wishes of the parameter `wires`. False: it is answered. To be freed in either case.
bool spore__wishes_take(struct spore__asking *a);
// May there be such a wire, beside those that are not marked? False: WHY.
bool spore__wish_is_allowed(struct spore__asking *a, const struct spore__wish *wish, char *why, size_t size);

#endif
