// The methods about systems: tasks of one manifest.
#include <stdlib.h>
#include <string.h>

#include "node/db_tasks.h"
#include "node/methods.h"
#include "node/names.h"
#include "node/task_params.h"
#include "node/waits.h"

static struct spore__tasks *tasks_of(const struct spore__rpc_call *call)
{
	return &((struct spore__node *)spore__rpc_call_data(call))->tasks;
}

static bool take_system(struct spore__rpc_call *call, char out[SPORE__NAME_MAX + 1])
{
	if (!spore__rpc_call_string(call, 0, "system", out, SPORE__NAME_MAX + 1))
		return false;
	if (spore__name_is_valid(out))
		return true;
	spore__rpc_call_fail(call, SPORE_EINVALID, "system '%s': a name of letters, digits, _ and - is wanted", out);
	return false;
}

// The system of that name, which MANIFEST may have. NULL: it is answered.
static struct spore__system *find(struct spore__tasks *t, struct spore__rpc_call *call, const char *name,
                                  const char *manifest)
{
	struct spore__system *s = spore__table_add_system(&t->table, name);
	if (s == NULL)
		spore__rpc_call_fail(call, SPORE_ENOMEM, "out of memory");
	if (s == NULL || s->manifest == NULL || strcmp(s->manifest, manifest) == 0 || s->tasks == 0)
		return s;
	spore__rpc_call_fail(
	    call, SPORE_EEXISTS,
	    "a system '%s' is there, of %s; give this one another name (name: in its manifest), or end "
	    "that one with 'spore down' there",
	    name, s->manifest);
	return NULL;
}

// Marks the tasks that the list names. False: it is answered.
static bool mark_listed(struct spore__tasks *t, struct spore__rpc_call *call, const char *system)
{
	struct spore__msgpack_reader r;
	struct spore__msgpack_value v;
	struct spore__name name;
	char text[SPORE__FULL_NAME];
	uint32_t count;
	if (!spore__rpc_param_at(spore__rpc_call_params(call), 2, "tasks", &r))
		return true;
	bool good = spore__msgpack_read_array(&r, &count) == SPORE__MSGPACK_OK && count <= SPORE__NAMES_MAX;
	for (uint32_t i = 0; good && i < count; i++) {
		struct spore__msgpack_reader at = r;
		(void)spore__msgpack_skip(&r);
		good = spore__msgpack_read(&at, &v) == SPORE__MSGPACK_OK && spore__rpc_text(&v, text, sizeof text) &&
		       spore__name_parse(text, &name) && !name.has_system;
		struct spore__task *task = good ? spore__table_find(&t->table, system, name.task, name.replica) : NULL;
		if (task != NULL)
			task->visited = true;
	}
	if (!good)
		spore__rpc_call_fail(call, SPORE_EINVALID, "the parameter 'tasks' is a list of TASK or TASK@REPLICA");
	return good;
}

static void unmark(struct spore__tasks *t, const struct spore__system *s)
{
	size_t count, first = spore__table_range(&t->table, s->name, NULL, &count);
	for (size_t i = first; i < first + count; i++)
		t->table.tasks[i]->visited = false;
}

// A wait for the removal of those tasks of S that are not marked. NULL: it is answered.
static struct spore__wait *wait_for_unmarked(struct spore__tasks *t, struct spore__rpc_call *call,
                                             const struct spore__system *s)
{
	size_t count, first = spore__table_range(&t->table, s->name, NULL, &count);
	struct spore__wait *w = spore__wait_create(t, call, SPORE__WAIT_REMOVED, count);
	for (size_t i = first; i < first + count; i++)
		if (w != NULL && !t->table.tasks[i]->visited)
			spore__wait_add(w, t->table.tasks[i], 0);
	unmark(t, s);
	return w;
}

static void begin(struct spore__rpc_call *call)
{
	struct spore__tasks *t = tasks_of(call);
	char name[SPORE__NAME_MAX + 1], manifest[PATH_MAX];
	if (!take_system(call, name) || !spore__rpc_call_string(call, 1, "manifest", manifest, sizeof manifest))
		return;
	if (manifest[0] != '/') {
		spore__rpc_call_fail(call, SPORE_EINVALID, "%.300s: not an absolute path", manifest);
		return;
	}
	struct spore__system *s = find(t, call, name, manifest);
	if (s == NULL)
		return;
	if (!mark_listed(t, call, name)) {
		unmark(t, s);
		return;
	}
	struct spore__wait *w = wait_for_unmarked(t, call, s);
	if (w == NULL)
		return;
	char *copy = strdup(manifest);
	if (copy == NULL) {
		spore__rpc_call_fail(call, SPORE_ENOMEM, "out of memory");
		spore__wait_discard(w);
		return;
	}
	if (spore__db_begin(t->db) == SQLITE_OK)
		(void)spore__db_systems_put(t->db, name, manifest);
	for (size_t i = 0; i < w->count; i++)
		spore__task_intend(t, w->items[i].task, SPORE__INTENT_REMOVE);
	if (!spore__tasks_commit(t)) {
		free(copy);
		spore__wait_refuse(w);
		return;
	}
	free(s->manifest);
	s->manifest = copy;
	s->ending = false;
	for (size_t i = 0; i < w->count; i++)
		spore__task_remove(t, w->items[i].task, false);
	spore__wait_begin(w);
}

static void end(struct spore__rpc_call *call)
{
	struct spore__tasks *t = tasks_of(call);
	char name[SPORE__NAME_MAX + 1];
	int64_t timeout_ms;
	bool logs;
	if (!take_system(call, name) || !spore__param_bool(call, 1, "logs", &logs) ||
	    !spore__param_timeout(call, 2, &timeout_ms))
		return;
	struct spore__system *s = spore__table_system(&t->table, name);
	if (s == NULL) {
		spore__rpc_call_fail(call, SPORE_ENOTFOUND, "no system '%s'", name);
		return;
	}
	struct spore__wait *w = wait_for_unmarked(t, call, s);
	if (w == NULL)
		return;
	bool good;
	do {
		if (spore__db_begin(t->db) == SQLITE_OK)
			(void)spore__db_systems_end(t->db, name, logs);
		good = spore__tasks_commit(t);
	} while (!good && spore__db_give_room(t->db));
	if (!good) {
		spore__wait_refuse(w);
		return;
	}
	s->ending = s->unsettled = true;
	s->ending_logs = logs;
	for (size_t i = 0; i < w->count; i++)
		spore__task_remove(t, w->items[i].task, logs);
	w->system = strdup(name);
	spore__wait_limit(w, timeout_ms);
	spore__wait_begin(w);
}

static void list(struct spore__rpc_call *call)
{
	const struct spore__table *t = &tasks_of(call)->table;
	struct spore__msgpack_writer *w = spore__rpc_call_result(call);
	uint32_t systems = 0;
	for (size_t i = 0; i < t->system_count; i++)
		systems += t->systems[i]->name[0] != '\0';
	spore__msgpack_map(w, 1);
	spore__msgpack_str(w, "systems");
	spore__msgpack_array(w, systems);
	for (size_t i = 0; i < t->system_count; i++) {
		size_t count, first = spore__table_range(t, t->systems[i]->name, NULL, &count), running = 0;
		if (t->systems[i]->name[0] == '\0')
			continue;
		for (size_t k = first; k < first + count; k++)
			running += spore__task_is_active(t->tasks[k]);
		spore__msgpack_map(w, 4);
		spore__msgpack_str(w, "name");
		spore__msgpack_str(w, t->systems[i]->name);
		spore__msgpack_str(w, "manifest");
		spore__msgpack_str(w, t->systems[i]->manifest);
		spore__msgpack_str(w, "tasks");
		spore__msgpack_uint(w, count);
		spore__msgpack_str(w, "running");
		spore__msgpack_uint(w, running);
	}
	spore__rpc_call_done(call);
}

static const struct spore__rpc_field begin_params[] = {
    {"system", "str", "its name", false},
    {"manifest", "str", "absolute path", false},
    {"tasks", "array", "TASK or TASK@REPLICA: those that stay", true},
    {0},
};
static const struct spore__rpc_field end_params[] = {
    {"system", "str", "its name", false},
    {"logs", "bool", "remove the logs too", true},
    {"timeout_ms", "int", "answer after so long in any case", true},
    {0},
};
static const struct spore__rpc_field removed_result[] = {
    {"removed", "array", "names of the tasks that were stopped and removed", false},
    {"waiting", "array", "of maps: name, why; those that are not there yet", false},
    {0},
};
static const struct spore__rpc_field list_result[] = {
    {"systems", "array", "of maps: name, manifest, tasks, running", false},
    {0},
};
static const enum spore_err begin_errors[] = {SPORE_EINVALID, SPORE_EEXISTS, SPORE_ENOMEM, SPORE_ESYSTEM, SPORE_OK};
static const enum spore_err end_errors[] = {SPORE_EINVALID, SPORE_ENOTFOUND, SPORE_ENOMEM, SPORE_ESYSTEM, SPORE_OK};
static const enum spore_err plain_errors[] = {SPORE_ENOMEM, SPORE_OK};

const struct spore__rpc_method spore__system_methods[] = {
    {"systems.begin", begin, "claim a name for a manifest, and remove tasks that it does not have any more",
     begin_params, removed_result, begin_errors},
    {"systems.end", end, "stop the tasks of a system, dependants first, and forget it", end_params, removed_result,
     end_errors},
    {"systems.list", list, "the systems that are there", NULL, list_result, plain_errors},
    {0},
};
