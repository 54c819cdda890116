// Ports and tasks by their names, and the way from one to another over wires.
#ifndef SPORE_LOOK_PATH_H
#define SPORE_LOOK_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "node/wires_client.h"

// Is PORT, as a wire has it, the port or at the task ASKED? A wire of all replicas is one of each.
bool spore__path_is_at(const char *port, const char *asked);
// PORT of the replica that ASKED names, where it names one.
void spore__path_narrow(const char *port, const char *asked, char *out, size_t size);

struct spore__path {
	char **stops; // malloc'ed, as each of them: FROM, the tasks between, TO
	size_t count; // 0: there is no way
};
// The fewest wires by which something gets from the port or task FROM to TO, which are named as the node names them. PATH is to be finished.
void spore__path_find(const struct spore__wire_list *list, const char *from, const char *to, struct spore__path *path);
void spore__path_finish(struct spore__path *path);

#endif
