// Tasks and systems in the node's database. Each function: SQLITE_OK, else as src/node/db.h says.
#ifndef SPORE_NODE_DB_TASKS_H
#define SPORE_NODE_DB_TASKS_H

#include "node/db.h"
#include "node/task.h"

// A task as its row says. What is pointed to lives until the callback returns. False ends it.
struct spore__db_task {
	int64_t id;
	const char *system, *task;
	int64_t replica;
	bool wanted, done;
	int64_t generation, last_run, next_at;
	int64_t replaced;         // holds up to that generation are to be; 0: none
	int64_t removed;          // 1: it is to be forgotten, 2: its logs too
	const void *state, *spec; // encoded; state may be NULL
	size_t state_len, spec_len;
};
typedef bool spore__db_task_row(void *arg, const struct spore__db_task *row);
// MANIFEST may be NULL. ENDING: it is to be forgotten when its tasks are, whose LOGS go too.
typedef bool spore__db_system_row(void *arg, const char *name, const char *manifest, bool ending, bool logs);
typedef bool spore__db_end_row(void *arg, int64_t generation, int64_t run, const void *state, size_t len);
typedef void spore__db_spec_row(void *arg, const void *spec, size_t len);

int spore__db_tasks_load(struct spore__db *db, spore__db_task_row *row, void *arg);

// Writes the row of TASK with SPEC; task->id is set when it had none (0). KEEP: the specification so far is the one before.
int spore__db_tasks_put(struct spore__db *db, struct spore__task *task, const void *spec, size_t len, bool keep);
// All but the specification.
int spore__db_tasks_update(struct spore__db *db, const struct spore__task *task);
// The specification, or the one before it. SQLITE_DONE: there is none.
int spore__db_tasks_spec(struct spore__db *db, int64_t id, bool previous, spore__db_spec_row *row, void *arg);
int spore__db_tasks_remove(struct spore__db *db, int64_t id); // with its history

// Adds a run that ended to the history, the oldest of which goes; and reads it, the latest first.
int spore__db_tasks_end(struct spore__db *db, int64_t id, int64_t generation, int64_t run, const void *state,
                        size_t len);
int spore__db_tasks_ends(struct spore__db *db, int64_t id, spore__db_end_row *row, void *arg);

int spore__db_systems_load(struct spore__db *db, spore__db_system_row *row, void *arg);
int spore__db_systems_put(struct spore__db *db, const char *name, const char *manifest); // it does not end (any more)
int spore__db_systems_end(struct spore__db *db, const char *name, bool logs);
int spore__db_systems_stay(struct spore__db *db, const char *name); // it does not end any more
int spore__db_systems_remove(struct spore__db *db, const char *name);

#endif
