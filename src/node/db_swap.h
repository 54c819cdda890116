// The journal of swaps in node.db: how far each one is that is under way.
#ifndef SPORE_NODE_DB_SWAP_H
#define SPORE_NODE_DB_SWAP_H

#include "node/db.h"
#include "node/task.h"

// The task's row, the generation of the old hold, enum spore__swap_step.
typedef void spore__db_swap_row(void *arg, int64_t task, int64_t old, int64_t step);

int spore__db_swaps_load(struct spore__db *db, spore__db_swap_row *row,
                         void *arg); // calls no others of these meanwhile
int spore__db_swaps_put(struct spore__db *db, int64_t task, int64_t old, int64_t step);
int spore__db_swaps_write(struct spore__db *db, const struct spore__task *task); // how far that of TASK is
int spore__db_swaps_remove(struct spore__db *db, int64_t task);

#endif
