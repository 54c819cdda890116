// Names of tasks as people write them: [SYSTEM/]TASK[@REPLICA]. Looks at the table only.
#ifndef SPORE_NODE_NAMES_H
#define SPORE_NODE_NAMES_H

#include "node/task.h"

struct spore__name {
	char system[SPORE__NAME_MAX + 1];
	char task[SPORE__NAME_MAX + 1];
	int64_t replica; // 0: none was said
	bool has_system;
};

bool spore__name_parse(const char *text, struct spore__name *name);

// The system whose manifest lies in the folder FROM or the nearest above it; NULL: none. FROM "": none.
struct spore__system *spore__names_system_of(const struct spore__table *t, const char *from);

// The tasks that TEXT means, seen from the folder FROM ("": nowhere): *COUNT of them, at least one, from the index *FIRST of the table. SPORE_EINVALID,
// SPORE_ENOTFOUND: WHY says why not, and names the candidates or the nearest name.
enum spore_err spore__names_find(const struct spore__table *t, const char *text, const char *from, size_t *first,
                                 size_t *count, char *why, size_t size);

#endif
