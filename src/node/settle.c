// What follows from what is wanted and what happened, once per turn of the loop.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/beside.h"
#include "node/db_tasks.h"
#include "node/db_wires.h"
#include "node/hold.h"
#include "node/log.h"
#include "node/order.h"
#include "node/swap_off.h"
#include "node/waits.h"

static void note_removed(struct spore__tasks *t, const struct spore__task *task)
{
	char name[SPORE__FULL_NAME];
	size_t at = t->removed_count++ % SPORE__REMOVED_KEPT;
	spore__task_full_name(task, name);
	free(t->removed[at].name);
	t->removed[at].change = ++t->change;
	t->removed[at].name = strdup(name);
}

static void remove_logs(struct spore__tasks *t, const struct spore__task *task)
{
	struct spore__hold_name name;
	char path[2 * SPORE__HOLD_NAME], folder[SPORE__HOLD_NAME];
	spore__task_hold_name(task, 1, &name);
	spore__log_folder_format(&name, folder);
	(void)snprintf(path, sizeof path, "logs/%s/%s", name.system[0] != '\0' ? name.system : "_", folder);
	spore__gone_take(&t->gone, t->state_dir, path);
}

// Before its row goes: a folder without one would be a task that the database has lost.
static void remove_folders(struct spore__tasks *t, const struct spore__task *task)
{
	struct spore__hold_name name;
	for (int64_t g = task->generation; g > 0 && g > task->generation - SPORE__FOLDERS_KEPT; g--) {
		spore__task_hold_name(task, g, &name);
		spore__hold_remove_folder(t, &name);
	}
	if (task->remove_logs)
		remove_logs(t, task);
}

static void unwrite(struct spore__tasks *t, const struct spore__task *task)
{
	size_t count, first = spore__table_range(&t->table, task->system->name, task->name, &count);
	bool last = true;
	for (size_t i = first; i < first + count; i++)
		last &= t->table.tasks[i]->forgotten;
	if (task->id != 0)
		(void)spore__db_tasks_remove(t->db, task->id);
	if (last)
		spore__wires_unwrite(t, task->system->name, task->name);
}

static void forget(struct spore__tasks *t, struct spore__task *task)
{
	size_t others;
	note_removed(t, task);
	task->system->unsettled = t->unsettled = true;
	task->id = 0;
	(void)spore__table_range(&t->table, task->system->name, task->name, &others);
	if (others == 1)
		spore__wires_forget(t, task->system->name, task->name);
	spore__table_remove(&t->table, task);
}

// What is gone is forgotten once the database has taken that; until then it is there, as one that is to be removed.
static void forget_tasks(struct spore__tasks *t)
{
	if (!t->forgetting)
		return;
	t->forgetting = false;
	(void)spore__db_begin(t->db);
	for (size_t i = 0; i < t->table.count; i++)
		if (t->table.tasks[i]->forgotten)
			unwrite(t, t->table.tasks[i]);
	bool good = spore__tasks_commit(t);
	for (size_t i = t->table.count; i > 0; i--) {
		struct spore__task *task = t->table.tasks[i - 1];
		bool forgotten = task->forgotten;
		task->forgotten = false;
		if (forgotten && good)
			forget(t, task);
		else if (forgotten)
			spore__task_set_why(t, task, "to be forgotten: the state cannot be written: %s", t->db->error);
	}
}

static void forget_systems(struct spore__tasks *t)
{
	for (size_t i = t->table.system_count; i > 0; i--) {
		struct spore__system *s = t->table.systems[i - 1];
		if (!s->ending || s->tasks > 0 || t->write_at != 0)
			continue;
		if (spore__db_begin(t->db) == SQLITE_OK)
			spore__wires_unwrite(t, s->name, NULL);
		(void)spore__db_systems_remove(t->db, s->name);
		if (!spore__tasks_commit(t))
			continue;
		spore__wires_forget(t, s->name, NULL);
		spore__table_remove_system(&t->table, s);
	}
}

static bool all_gone(const struct spore__tasks *t, const struct spore__task *task)
{
	// The folder of a hold that has said that its task ended may still be in use by it.
	for (const struct spore__hold *h = t->holds; h != NULL; h = h->next)
		if (strcmp(h->name.task, task->name) == 0 && strcmp(h->name.system, task->system->name) == 0 &&
		    h->name.replica == task->replica)
			return false;
	return true;
}

static void send_stop(struct spore__task *task, struct spore__hold *hold)
{
	if (hold != NULL && hold->connected && !hold->stop_sent)
		spore__hold_send_stop(hold, task->stop_grace_ms, task->grace_ms, task->kill);
}

static bool is_unsent(const struct spore__task *task)
{
	return (task->hold != NULL && !task->hold->stop_sent) || (task->old != NULL && !task->old->stop_sent);
}

static void settle_task(struct spore__tasks *t, struct spore__task *task)
{
	char why[SPORE__FULL_NAME + 128];
	spore__swap_settle(t, task);
	spore__beside_settle(t, task);
	spore__heirs_tell(task, task->hold);
	spore__heirs_tell(task, task->old);
	if (task->stopping && is_unsent(task)) {
		const struct spore__task *first =
		    task->system->ordered && !task->kill ? spore__order_dependant(&t->table, task) : NULL;
		if (first == NULL) {
			spore__task_set_why(t, task, NULL);
			send_stop(task, task->hold);
			send_stop(task, task->old);
		} else {
			spore__task_set_why(t, task, "for %s to stop first", first->name);
		}
	}
	if (task->gated) {
		if (spore__order_waits(&t->table, task, why, sizeof why, &task->vain))
			spore__task_set_why(t, task, "%s", why);
		else
			spore__task_enqueue(t, task);
	}
	if (task->removing && t->write_at == 0 && !spore__task_is_active(task) && !task->queued && all_gone(t, task)) {
		if (t->burials++ < SPORE__BURIALS) {
			task->forgotten = t->forgetting = true;
			remove_folders(t, task);
		} else {
			task->system->unsettled = true; // in the next turn
		}
	}
}

static void settle_system(struct spore__tasks *t, struct spore__system *s)
{
	size_t count, first = spore__table_range(&t->table, s->name, NULL, &count);
	s->unsettled = s->ordered = false;
	for (size_t i = first; i < first + count; i++) {
		const struct spore__task *task = t->table.tasks[i];
		s->ordered |= task->stopping && task->after_count > 0 && spore__task_is_active(task);
	}
	for (size_t i = first + count; i > first; i--) // from the end, since one may go
		settle_task(t, t->table.tasks[i - 1]);
}

static void launch(struct spore__tasks *t, struct spore__task *task)
{
	char why[512] = "";
	bool temporary;
	task->launch_failed = !spore__hold_launch(t, task, why, sizeof why, &temporary);
	if (!task->launch_failed) {
		task->asked = false;
		task->phase = SPORE__PHASE_STARTING;
		task->run = 0;
		spore__task_set_state(t, task, SPORE__TASK_STARTING);
		spore__task_is_dirty(t, task);
		return;
	}
	spore__node_log("%s: cannot be started: %s", task->name, why);
	if (task->old != NULL) {
		spore__task_set_why(t, task, "it cannot be started: %s", why);
		spore__task_fall_back(t, task);
	} else if (temporary && !task->asked && task->schedule == NULL) {
		spore__task_set_state(t, task, SPORE__TASK_WAITING);
		spore__task_due_in(t, task, (uint64_t)200 << (task->lost < 7 ? task->lost++ : 7));
	} else {
		task->done = task->schedule == NULL;
		spore__task_set_state(t, task, spore__task_resting_state(task));
	}
	task->asked = false;
	spore__task_set_why(t, task, "it cannot be started: %s", why);
	spore__task_is_dirty(t, task);
}

static void launch_some(struct spore__tasks *t)
{
	for (int n = 0; n < SPORE__LAUNCHES && t->queue != NULL; n++) {
		struct spore__task *task = t->queue;
		t->queue = task->next_queued;
		if (t->queue == NULL)
			t->queue_end = &t->queue;
		task->queued = false;
		if (task->wanted && !task->removing && task->hold == NULL && task->state != SPORE__TASK_REMOVED)
			launch(t, task);
		else if (task->hold == NULL && task->state != SPORE__TASK_REMOVED)
			spore__task_set_state(t, task, spore__task_resting_state(task));
		spore__task_unref(task);
	}
}

static void on_more(uv_idle_t *more)
{
	struct spore__tasks *t = more->data;
	t->unsettled = true;
}

void spore__tasks_settle(struct spore__tasks *t)
{
	enum { ROUNDS = 4 };
	t->burials = 0;
	for (int round = 0; t->unsettled && round < ROUNDS; round++) {
		t->unsettled = false;
		if (t->lost)
			spore__holds_bury(t);
		for (size_t i = 0; i < t->table.system_count; i++)
			if (t->table.systems[i]->unsettled)
				settle_system(t, t->table.systems[i]);
		forget_tasks(t);
		forget_systems(t);
		if (round == 0)
			launch_some(t);
		spore__heirs_settle(t);
		spore__tasks_write(t); // before it is answered
	}
	if (t->queue != NULL || t->burials > SPORE__BURIALS)
		(void)uv_idle_start(&t->more, on_more);
	else
		(void)uv_idle_stop(&t->more);
	spore__waits_settle(t);
}

static bool is_rewired(const struct spore__tasks *t)
{
	return t->wires.sweep || t->wires.dirty != NULL;
}

static void on_settle(uv_prepare_t *settle)
{
	enum { ROUNDS = 4 };
	struct spore__tasks *t = settle->data;
	spore__wires_settle(t); // first, since programs wait for it
	if (t->unsettled)
		spore__tasks_settle(t);
	for (int round = 0; round < ROUNDS && is_rewired(t); round++) { // what is swapped waits for its wires
		spore__wires_settle(t);
		if (t->unsettled)
			spore__tasks_settle(t);
	}
	spore__swap_off_settle(t);
	if (is_rewired(t))
		(void)uv_idle_start(&t->more, on_more);
}

static int open_holds(struct spore__tasks *t, char *why, size_t size)
{
	t->state_dir = open(t->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->state_dir >= 0 && (mkdirat(t->state_dir, "holds", 0700) == 0 || errno == EEXIST))
		t->holds_dir = openat(t->state_dir, "holds", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->holds_dir >= 0)
		return 0;
	(void)snprintf(why, size, "%.300s/holds: %s", t->state, strerror(errno));
	return -1;
}

static bool load_task(void *arg, const struct spore__db_task *row)
{
	struct spore__tasks *t = arg;
	struct spore__spec spec;
	struct spore__hold_state s;
	char why[256] = "";
	struct spore__task *task = spore__table_add(&t->table, row->system, row->task, row->replica);
	if (task == NULL)
		return true; // without memory it stays in the database
	if (spore__spec_decode(spore__msgpack_reader(row->spec, row->spec_len), &spec, why, sizeof why) != SPORE_OK ||
	    !spore__task_take_spec(task, &spec, why, sizeof why))
		spore__node_log("%s: its specification in the database is damaged: %s", row->task, why);
	spore__spec_finish(&spec);
	task->id = row->id;
	task->wanted = row->wanted;
	task->done = row->done;
	task->generation = row->generation;
	task->last_run = row->last_run;
	task->next_at = row->next_at;
	task->replaced = row->replaced;
	task->removing = row->removed > 0 || task->system->ending;
	task->remove_logs = row->removed > 1 || (task->system->ending && task->system->ending_logs);
	task->wanted = task->wanted && !task->removing;
	if (row->state != NULL &&
	    spore__state_decode(spore__msgpack_reader(row->state, row->state_len), &s) == SPORE_OK)
		spore__task_keep_said(task, &s, row->state, row->state_len);
	task->state = spore__task_resting_state(task);
	spore__task_touch(t, task);
	return true;
}

static bool load_system(void *arg, const char *name, const char *manifest, bool ending, bool logs)
{
	struct spore__tasks *t = arg;
	struct spore__system *s = spore__table_add_system(&t->table, name);
	if (s != NULL && manifest != NULL && s->manifest == NULL)
		s->manifest = strdup(manifest);
	if (s != NULL) {
		s->ending = ending;
		s->ending_logs = logs;
	}
	return true;
}

// The database was begun anew: what is known goes into it, with the specifications that the folders have.
static void refill(void *arg)
{
	struct spore__tasks *t = arg;
	(void)spore__db_begin(t->db);
	for (struct spore__wire *wire = t->wires.first; wire != NULL; wire = wire->next)
		if (!wire->marked) // the call that goes on takes it away
			(void)spore__db_wires_put(t->db, wire);
	for (size_t i = 0; i < t->table.system_count; i++)
		if (t->table.systems[i]->manifest != NULL)
			(void)spore__db_systems_put(t->db, t->table.systems[i]->name, t->table.systems[i]->manifest);
	for (size_t i = 0; i < t->table.count; i++) {
		struct spore__task *task = t->table.tasks[i];
		struct spore__hold_name name;
		struct spore__spec spec;
		spore__task_hold_name(task, task->hold != NULL ? task->hold->name.generation : task->generation, &name);
		int dir = spore__hold_open_folder(t, &name);
		if (dir >= 0 && spore__folder_read_spec(dir, &spec) == 0) {
			spore__task_put_spec(t, task, &spec);
			(void)spore__db_tasks_update(t->db, task);
			spore__spec_finish(&spec);
		} else {
			spore__node_log("%s: its specification was lost with the database", task->name);
			task->id = 0;
		}
		if (dir >= 0)
			close(dir);
	}
	t->unsettled = true;
}

// What was wanted when the last node ended, and does not run.
static void resume(struct spore__tasks *t)
{
	for (size_t i = 0; i < t->table.count; i++) {
		struct spore__task *task = t->table.tasks[i];
		if (!task->wanted || task->done)
			continue;
		if (task->schedule != NULL) {
			spore__task_schedule(t, task);
			if (task->hold == NULL)
				spore__task_set_state(t, task, spore__task_resting_state(task));
		} else if (task->hold == NULL && task->due_ms == 0) {
			spore__task_want(t, task);
		}
	}
}

int spore__tasks_init(struct spore__tasks *t, uv_loop_t *loop, struct spore__db *db, const char *state,
                      const char *libexec, uint64_t open_files, char *why, size_t size)
{
	*t = (struct spore__tasks){.loop = loop, .db = db, .state = state, .open_files = open_files, .holds_dir = -1};
	t->queue_end = &t->queue;
	t->ends_end = &t->ends;
	// Numbers of another node's changes are not mistaken for ours.
	t->first_change = t->change = (uint64_t)(spore__wall_ns() / 1000);
	if ((size_t)snprintf(t->program, sizeof t->program, "%s/spore-hold", libexec) >= sizeof t->program ||
	    (size_t)snprintf(t->look, sizeof t->look, "%s/spore-look", libexec) >= sizeof t->look ||
	    (size_t)snprintf(t->bridge, sizeof t->bridge, "%s/spore-bridge", libexec) >= sizeof t->bridge) {
		(void)snprintf(why, size, "%.300s: the path is too long", libexec);
		return -1;
	}
	if (open_holds(t, why, size) != 0)
		return -1;
	if (spore__gone_init(&t->gone, loop, t->state_dir) != 0) {
		(void)snprintf(why, size, "%.300s/gone: %s", t->state, strerror(errno));
		return -1;
	}
	int err = uv_prepare_init(loop, &t->settle);
	if (err == 0)
		err = uv_idle_init(loop, &t->more);
	if (err == 0)
		err = uv_timer_init(loop, &t->timer);
	if (err == 0)
		err = spore__wires_init(t);
	if (err == 0)
		err = uv_prepare_start(&t->settle, on_settle);
	if (err != 0) {
		(void)snprintf(why, size, "%s", uv_strerror(err));
		return -1;
	}
	t->settle.data = t->more.data = t->timer.data = t;
	db->remade = refill;
	db->remade_arg = t;
	if (spore__db_systems_load(db, load_system, t) != SQLITE_OK ||
	    spore__db_tasks_load(db, load_task, t) != SQLITE_OK)
		spore__node_log("what is wanted cannot be read: %s", db->error);
	spore__holds_find(t);
	spore__swaps_resume(t);
	resume(t);
	t->unsettled = true;
	return 0;
}

void spore__tasks_leave(struct spore__tasks *t)
{
	(void)spore__tasks_commit(t);
	for (struct spore__hold *h = t->holds; h != NULL; h = h->next)
		spore__hold_send_leaving(h);
}
