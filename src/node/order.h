// What tasks come `after`, and in which order they stop. Looks at the table only.
#ifndef SPORE_NODE_ORDER_H
#define SPORE_NODE_ORDER_H

#include "node/task.h"

// The dependencies that AFTER ("TASK CONDITION", ...) says, malloc'ed. False: WHY says what is wrong.
bool spore__order_parse(const spore__texts after, struct spore__dependency **list, size_t *count, char *why,
                        size_t size);
void spore__order_free(struct spore__dependency *list, size_t count);

// May the task SYSTEM/NAME come after those of LIST? False when they come after it already, in some steps; WHY names them.
bool spore__order_is_free_of_cycles(const struct spore__table *t, const char *system, const char *name,
                                    const struct spore__dependency *list, size_t count, char *why, size_t size);

// Has TASK to wait for one that it comes after? Then WHY says for what, and *VAIN whether that is not even on its way.
bool spore__order_waits(const struct spore__table *t, const struct spore__task *task, char *why, size_t size,
                        bool *vain);

// Is there one to be stopped that comes after TASK and still runs? TASK is stopped after it then.
const struct spore__task *spore__order_dependant(const struct spore__table *t, const struct spore__task *task);

// Does TASK come after one called NAME of its system, directly?
bool spore__order_comes_after(const struct spore__task *task, const char *name);

#endif
