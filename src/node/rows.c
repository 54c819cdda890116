// What is wanted of tasks, and what became of them, on its way to the database.
//
// What is wanted is written before it is done, since what follows from it (a stop that is sent, a hold that is started) outlives this node, and the
// next one has to know why. Where it cannot be written nothing was done, and nothing has to be taken back.
#include <stdlib.h>
#include <string.h>

#include "node/db_swap.h"
#include "node/db_tasks.h"
#include "node/log.h"
#include "node/tasks.h"

void spore__task_intend(struct spore__tasks *t, struct spore__task *task, enum spore__intent intent)
{
	struct spore__task as = *task; // what it will be
	bool starts = intent == SPORE__INTENT_START || intent == SPORE__INTENT_REPLACE;
	if (task->id == 0)
		return;
	as.removing = intent >= SPORE__INTENT_REMOVE;
	as.remove_logs = intent == SPORE__INTENT_REMOVE_LOGS;
	if (intent != SPORE__INTENT_KEEP) {
		as.wanted = starts;
		as.done = false;
		as.stopping = as.stopping || intent == SPORE__INTENT_REPLACE;
		as.relaunch = starts && as.stopping && spore__task_is_active(task);
		as.next_at = starts ? as.next_at : 0;
	}
	task->intended = task->dirty;
	if (spore__db_begin(t->db) == SQLITE_OK)
		(void)spore__db_tasks_update(t->db, &as); // what goes wrong is told by the commit
}

bool spore__tasks_intend(struct spore__tasks *t, struct spore__task *const *tasks, size_t count,
                         enum spore__intent intent)
{
	bool good;
	do {
		for (size_t i = 0; i < count; i++)
			spore__task_intend(t, tasks[i], intent);
		good = spore__tasks_commit(t);
	} while (!good && intent >= SPORE__INTENT_STOP &&
	         spore__db_give_room(t->db)); // who stops a task may be after room
	return good;
}

// ---- what happened

// A run that ended, to be recorded.
struct spore__past {
	struct spore__past *next;
	struct spore__task *task; // with a reference
	int64_t generation, run;
	uint32_t len;
	unsigned char said[]; // `len`
};

void spore__task_is_dirty(struct spore__tasks *t, struct spore__task *task)
{
	t->unsettled = true;
	if (task->dirty)
		return;
	task->dirty = true;
	task->refs++;
	task->next_dirty = t->dirty;
	t->dirty = task;
}

static void free_first_end(struct spore__tasks *t)
{
	struct spore__past *end = t->ends;
	t->ends = end->next;
	t->ends_end = end->next != NULL ? t->ends_end : &t->ends;
	t->end_count--;
	spore__task_unref(end->task);
	free(end);
}

void spore__task_record_end(struct spore__tasks *t, struct spore__task *task, int64_t generation)
{
	enum { MAX = 1024 }; // while nothing can be written
	struct spore__past *end = task->said != NULL ? malloc(sizeof *end + task->said_len) : NULL;
	if (end == NULL)
		return; // without memory it is not in the history
	*end = (struct spore__past){.task = task, .generation = generation, .run = task->run, .len = task->said_len};
	memcpy(end->said, task->said, task->said_len);
	task->refs++;
	*t->ends_end = end;
	t->ends_end = &end->next;
	t->unsettled = true;
	if (++t->end_count > MAX)
		free_first_end(t);
}

static void write_rows(struct spore__tasks *t)
{
	if ((t->dirty != NULL || t->ends != NULL) && spore__db_begin(t->db) != SQLITE_OK)
		return;
	for (const struct spore__task *task = t->dirty; task != NULL; task = task->next_dirty) {
		if (task->id != 0 && !task->intended)
			(void)spore__db_tasks_update(t->db, task);
		if (task->id != 0 && task->swap_moved)
			(void)spore__db_swaps_write(t->db, task);
	}
	for (const struct spore__past *end = t->ends; end != NULL; end = end->next)
		if (end->task->id != 0)
			(void)spore__db_tasks_end(t->db, end->task->id, end->generation, end->run, end->said, end->len);
	(void)spore__wires_save(t);
}

static void rows_are_clean(struct spore__tasks *t)
{
	for (struct spore__task *task = t->dirty, *next; task != NULL; task = next) {
		next = task->next_dirty;
		task->dirty = task->swap_moved = task->intended = false;
		spore__task_unref(task);
	}
	t->dirty = NULL;
	while (t->ends != NULL)
		free_first_end(t);
}

bool spore__tasks_commit(struct spore__tasks *t)
{
	enum { AGAIN_MS = 1000, TRIES = 5 };
	write_rows(t);
	if (!t->db->batch)
		return true;
	bool good = spore__db_commit(t->db) == SQLITE_OK;
	spore__wires_saved(t, good);
	if (good) {
		if (t->write_tries > 0)
			spore__node_log("the state is written again");
		rows_are_clean(t);
		t->write_at = 0;
		t->write_tries = 0;
		return true;
	}
	if (t->write_tries == 0)
		spore__node_log("the state cannot be written: %s", t->db->error);
	for (struct spore__task *task = t->dirty; task != NULL; task = task->next_dirty)
		task->intended = false;
	t->write_at = uv_now(t->loop) + ((uint64_t)AGAIN_MS << t->write_tries);
	t->write_tries += t->write_tries < TRIES;
	spore__tasks_wake_at(t, t->write_at);
	return false;
}

void spore__tasks_write(struct spore__tasks *t)
{
	if (t->write_at == 0)
		(void)spore__tasks_commit(t);
}
