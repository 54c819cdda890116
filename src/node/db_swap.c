#include "node/db_swap.h"

struct listing {
	spore__db_swap_row *row;
	void *arg;
};

static bool take(void *arg, sqlite3_stmt *s)
{
	const struct listing *l = arg;
	l->row(l->arg, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2));
	return true;
}

int spore__db_swaps_load(struct spore__db *db, spore__db_swap_row *row, void *arg)
{
	struct listing l = {row, arg};
	return spore__db_run(db, "SELECT task, old, step FROM swaps", NULL, 0, take, &l);
}

int spore__db_swaps_put(struct spore__db *db, int64_t task, int64_t old, int64_t step)
{
	const struct spore__db_value values[] = {spore__db_int(task), spore__db_int(old), spore__db_int(step)};
	return spore__db_run(db, "INSERT OR REPLACE INTO swaps(task, old, step) VALUES(?1, ?2, ?3)", values, 3, NULL,
	                     NULL);
}

int spore__db_swaps_write(struct spore__db *db, const struct spore__task *task)
{
	return task->swap == SPORE__SWAP_NONE ? spore__db_swaps_remove(db, task->id)
	                                      : spore__db_swaps_put(db, task->id, task->swap_old, (int64_t)task->swap);
}

int spore__db_swaps_remove(struct spore__db *db, int64_t task)
{
	const struct spore__db_value value = spore__db_int(task);
	return spore__db_run(db, "DELETE FROM swaps WHERE task=?1", &value, 1, NULL, NULL);
}
