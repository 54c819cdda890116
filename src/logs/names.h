// Which logs names mean: the node says, and without a node the folders of logs do.
#ifndef SPORE_LOGS_NAMES_H
#define SPORE_LOGS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "task/folder.h"

struct spore__log_name {
	struct spore__hold_name name; // generation 0
	char *folder;                 // which may not exist yet
};

struct spore__log_names {
	struct spore__log_name *items;
	size_t count, cap;
	struct spore__strs unknown; // names that mean nothing so far, as they were given
	char *why, *remedy;         // of the first of them; the remedy may be NULL
};

void spore__log_names_finish(struct spore__log_names *n);

// Resolves NAMES (NULL-terminated; none: all that there are, see tasks.resolve) into N, anew. STATE is the state folder. START: a node is
// started when there is none; after it did not answer once it is not asked again.
void spore__log_names_resolve(struct spore__log_names *n, const char *state, char *const *names, bool start);

#endif
