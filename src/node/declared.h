// What tasks declare of their ports beside what their programs open: a port that is open otherwise than it is declared is not wired.
#ifndef SPORE_NODE_DECLARED_H
#define SPORE_NODE_DECLARED_H

#include <stdbool.h>
#include <stddef.h>

#include "task/spec.h"

struct spore__port;
struct spore__task;
struct spore__tasks;

// False: no memory, *OUT is NULL. PORTS may be NULL.
bool spore__declared_copy(const spore__texts ports, spore__texts *out);
void spore__declared_free(spore__texts ports); // may be NULL

// Was P opened with another kind, shape or protocol than its task declares? True: WHY, both of them and the remedy. Of an instance that is
// being replaced it is not known what was declared: false.
bool spore__port_contradicts(const struct spore__port *p, char *why, size_t size);
// TASK declares something else now: its wires are looked at again.
void spore__declared_changed(struct spore__tasks *t, const struct spore__task *task);

#endif
