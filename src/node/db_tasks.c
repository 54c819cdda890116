#include "node/db_tasks.h"

#include <string.h>

#include "node/tasks.h"

struct listing {
	union {
		spore__db_task_row *task;
		spore__db_system_row *system;
		spore__db_end_row *end;
		spore__db_spec_row *spec;
	};
	void *arg;
	bool found;
};

static bool take_task(void *arg, sqlite3_stmt *s)
{
	const struct listing *l = arg;
	const struct spore__db_task row = {
	    .id = sqlite3_column_int64(s, 0),
	    .system = (const char *)sqlite3_column_text(s, 1),
	    .task = (const char *)sqlite3_column_text(s, 2),
	    .replica = sqlite3_column_int64(s, 3),
	    .wanted = sqlite3_column_int(s, 4) != 0,
	    .done = sqlite3_column_int(s, 5) != 0,
	    .generation = sqlite3_column_int64(s, 6),
	    .last_run = sqlite3_column_int64(s, 7),
	    .next_at = sqlite3_column_int64(s, 8),
	    .state = sqlite3_column_blob(s, 9),
	    .state_len = (size_t)sqlite3_column_bytes(s, 9),
	    .spec = sqlite3_column_blob(s, 10),
	    .spec_len = (size_t)sqlite3_column_bytes(s, 10),
	    .replaced = sqlite3_column_int64(s, 11),
	    .removed = sqlite3_column_int64(s, 12),
	};
	return row.system == NULL || row.task == NULL || row.spec == NULL || l->task(l->arg, &row);
}

int spore__db_tasks_load(struct spore__db *db, spore__db_task_row *row, void *arg)
{
	struct listing l = {.task = row, .arg = arg};
	return spore__db_run(
	    db,
	    "SELECT id, system, tasks.task, replica, wanted, done, generation, last_run, next_at, state, spec,"
	    " coalesce(leaving.replaced, 0), coalesce(leaving.removed, 0)"
	    " FROM tasks LEFT JOIN leaving ON leaving.task = id ORDER BY system, tasks.task, replica",
	    NULL, 0, take_task, &l);
}

static bool take_id(void *arg, sqlite3_stmt *s)
{
	*(int64_t *)arg = sqlite3_column_int64(s, 0);
	return true;
}

int spore__db_tasks_put(struct spore__db *db, struct spore__task *task, const void *spec, size_t len, bool keep)
{
	static const char keeping[] = "UPDATE tasks SET previous=spec WHERE id=?1";
	static const char sql[] =
	    "INSERT INTO tasks(id, system, task, replica, wanted, done, generation, last_run, next_at, state, spec)"
	    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
	    " ON CONFLICT(system, task, replica) DO UPDATE SET spec=excluded.spec, wanted=excluded.wanted, "
	    "done=excluded.done"
	    " RETURNING id";
	const struct spore__db_value values[] = {
	    task->id != 0 ? spore__db_int(task->id) : spore__db_blob(NULL, 0),
	    spore__db_text(task->system->name),
	    spore__db_text(task->name),
	    spore__db_int(task->replica),
	    spore__db_int(task->wanted),
	    spore__db_int(task->done),
	    spore__db_int(task->generation),
	    spore__db_int(task->last_run),
	    spore__db_int(task->next_at),
	    spore__db_blob(task->said, task->said_len),
	    spore__db_blob(spec, len),
	};
	int rc = keep ? spore__db_run(db, keeping, values, 1, NULL, NULL) : SQLITE_OK;
	return rc == SQLITE_OK ? spore__db_run(db, sql, values, sizeof values / sizeof values[0], take_id, &task->id)
	                       : rc;
}

static int remove_leaving(struct spore__db *db, int64_t id)
{
	const struct spore__db_value value = spore__db_int(id);
	return spore__db_run(db, "DELETE FROM leaving WHERE task=?1", &value, 1, NULL, NULL);
}

static int put_leaving(struct spore__db *db, const struct spore__task *task)
{
	bool replaced = task->relaunch && task->stopping;
	const struct spore__db_value values[] = {
	    spore__db_int(task->id),
	    spore__db_int(replaced ? task->generation : 0),
	    spore__db_int(task->removing ? 1 + task->remove_logs : 0),
	};
	return replaced || task->removing
	           ? spore__db_run(db, "INSERT OR REPLACE INTO leaving(task, replaced, removed) VALUES(?1, ?2, ?3)",
	                           values, sizeof values / sizeof values[0], NULL, NULL)
	           : remove_leaving(db, task->id);
}

int spore__db_tasks_update(struct spore__db *db, const struct spore__task *task)
{
	// What a hold says while it runs is in its folder, so it is written here only when it has ended.
	const struct spore__db_value values[] = {
	    spore__db_int(task->id),
	    spore__db_int(task->wanted),
	    spore__db_int(task->done),
	    spore__db_int(task->generation),
	    spore__db_int(task->last_run),
	    spore__db_int(task->next_at),
	    spore__task_is_active(task) ? spore__db_blob(NULL, 0) : spore__db_blob(task->said, task->said_len),
	};
	int rc = spore__db_run(db,
	                       "UPDATE tasks SET wanted=?2, done=?3, generation=?4, last_run=?5, next_at=?6, state=?7"
	                       " WHERE id=?1",
	                       values, sizeof values / sizeof values[0], NULL, NULL);
	return rc == SQLITE_OK ? put_leaving(db, task) : rc;
}

static bool take_spec(void *arg, sqlite3_stmt *s)
{
	struct listing *l = arg;
	const void *spec = sqlite3_column_blob(s, 0);
	l->found = spec != NULL;
	if (spec != NULL)
		l->spec(l->arg, spec, (size_t)sqlite3_column_bytes(s, 0));
	return true;
}

int spore__db_tasks_spec(struct spore__db *db, int64_t id, bool previous, spore__db_spec_row *row, void *arg)
{
	struct listing l = {.spec = row, .arg = arg};
	const struct spore__db_value value = spore__db_int(id);
	int rc = spore__db_run(
	    db, previous ? "SELECT previous FROM tasks WHERE id=?1" : "SELECT spec FROM tasks WHERE id=?1", &value, 1,
	    take_spec, &l);
	return rc == SQLITE_OK && !l.found ? SQLITE_DONE : rc;
}

int spore__db_tasks_remove(struct spore__db *db, int64_t id)
{
	const struct spore__db_value value = spore__db_int(id);
	int rc = spore__db_run(db, "DELETE FROM ends WHERE task=?1", &value, 1, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = remove_leaving(db, id);
	return rc == SQLITE_OK ? spore__db_run(db, "DELETE FROM tasks WHERE id=?1", &value, 1, NULL, NULL) : rc;
}

int spore__db_tasks_end(struct spore__db *db, int64_t id, int64_t generation, int64_t run, const void *state,
                        size_t len)
{
	const struct spore__db_value values[] = {spore__db_int(id), spore__db_int(generation), spore__db_int(run),
	                                         spore__db_blob(state, len)};
	const struct spore__db_value bounds[] = {spore__db_int(id), spore__db_int(SPORE__ENDS_KEPT)};
	int rc = spore__db_run(db, "INSERT INTO ends(task, generation, run, state) VALUES(?1, ?2, ?3, ?4)", values, 4,
	                       NULL, NULL);
	return rc != SQLITE_OK
	           ? rc
	           : spore__db_run(db,
	                           "DELETE FROM ends WHERE task=?1 AND id <="
	                           " (SELECT id FROM ends WHERE task=?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
	                           bounds, 2, NULL, NULL);
}

static bool take_end(void *arg, sqlite3_stmt *s)
{
	const struct listing *l = arg;
	const void *state = sqlite3_column_blob(s, 2);
	return state == NULL || l->end(l->arg, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), state,
	                               (size_t)sqlite3_column_bytes(s, 2));
}

int spore__db_tasks_ends(struct spore__db *db, int64_t id, spore__db_end_row *row, void *arg)
{
	struct listing l = {.end = row, .arg = arg};
	const struct spore__db_value value = spore__db_int(id);
	return spore__db_run(db, "SELECT generation, run, state FROM ends WHERE task=?1 ORDER BY id DESC", &value, 1,
	                     take_end, &l);
}

static bool take_system(void *arg, sqlite3_stmt *s)
{
	const struct listing *l = arg;
	const char *name = (const char *)sqlite3_column_text(s, 0);
	return name == NULL || l->system(l->arg, name, (const char *)sqlite3_column_text(s, 1),
	                                 sqlite3_column_type(s, 2) != SQLITE_NULL, sqlite3_column_int(s, 2) != 0);
}

int spore__db_systems_load(struct spore__db *db, spore__db_system_row *row, void *arg)
{
	struct listing l = {.system = row, .arg = arg};
	return spore__db_run(db,
	                     "SELECT name, manifest, ending.logs FROM systems LEFT JOIN ending ON ending.system = name",
	                     NULL, 0, take_system, &l);
}

int spore__db_systems_stay(struct spore__db *db, const char *name)
{
	const struct spore__db_value value = spore__db_text(name);
	return spore__db_run(db, "DELETE FROM ending WHERE system=?1", &value, 1, NULL, NULL);
}

int spore__db_systems_put(struct spore__db *db, const char *name, const char *manifest)
{
	const struct spore__db_value values[] = {spore__db_text(name), spore__db_text(manifest)};
	int rc =
	    spore__db_run(db, "INSERT OR REPLACE INTO systems(name, manifest) VALUES(?1, ?2)", values, 2, NULL, NULL);
	return rc == SQLITE_OK ? spore__db_systems_stay(db, name) : rc;
}

int spore__db_systems_end(struct spore__db *db, const char *name, bool logs)
{
	const struct spore__db_value values[] = {spore__db_text(name), spore__db_int(logs)};
	// One of which nobody has said whose it is has no row so far.
	int rc = spore__db_run(db, "INSERT OR IGNORE INTO systems(name) VALUES(?1)", values, 1, NULL, NULL);
	return rc == SQLITE_OK ? spore__db_run(db, "INSERT OR REPLACE INTO ending(system, logs) VALUES(?1, ?2)", values,
	                                       2, NULL, NULL)
	                       : rc;
}

int spore__db_systems_remove(struct spore__db *db, const char *name)
{
	const struct spore__db_value value = spore__db_text(name);
	int rc = spore__db_run(db, "DELETE FROM systems WHERE name=?1", &value, 1, NULL, NULL);
	return rc == SQLITE_OK ? spore__db_systems_stay(db, name) : rc;
}
