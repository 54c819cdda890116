// The methods that only look at tasks.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/db_tasks.h"
#include "node/hold.h"
#include "node/methods.h"
#include "node/names.h"
#include "node/task_params.h"
#include "node/waits.h"

enum {
	ROOM = SPORE__RPC_MAX_MESSAGE / 2, // of the entries of one answer
};

static struct spore__tasks *tasks_of(const struct spore__rpc_call *call)
{
	return &((struct spore__node *)spore__rpc_call_data(call))->tasks;
}

static void put_str(struct spore__msgpack_writer *w, const char *key, const char *value)
{
	spore__msgpack_str(w, key);
	spore__msgpack_str(w, value);
}

static bool is_shown(const struct spore__task *task, bool all)
{
	if (all || spore__task_is_active(task))
		return true;
	return task->wanted && task->state != SPORE__TASK_ENDED;
}

// Where the list goes on behind AFTER, a full name.
static bool find_place(const struct spore__table *t, struct spore__rpc_call *call, const char *after, size_t *at)
{
	struct spore__name name;
	if (!spore__name_parse(after, &name)) {
		spore__rpc_call_fail(call, SPORE_EINVALID, "the parameter 'after' is no name of a task: %.200s", after);
		return false;
	}
	*at = spore__table_behind(t, name.system, name.task, name.replica);
	return true;
}

static void list(struct spore__rpc_call *call)
{
	const struct spore__table *t = &tasks_of(call)->table;
	struct spore__msgpack_writer rows = {0};
	char system[SPORE__NAME_MAX + 1], after[SPORE__FULL_NAME];
	int64_t limit;
	bool all, more = false;
	uint32_t count = 0;
	size_t at = 0, size = t->count;
	if (!spore__param_text(call, 0, "system", system, sizeof system) || !spore__param_bool(call, 1, "all", &all) ||
	    !spore__param_text(call, 2, "after", after, sizeof after) ||
	    !spore__param_int(call, 3, "limit", 1, INT32_MAX, INT32_MAX, &limit))
		return;
	if (system[0] != '\0')
		at = spore__table_range(t, system, NULL, &size);
	size_t end = at + size, behind = 0;
	if (after[0] != '\0' && !find_place(t, call, after, &behind))
		return;
	for (at = behind > at ? behind : at; at < end; at++) {
		if (!is_shown(t->tasks[at], all))
			continue;
		more = count >= limit || rows.len > ROOM;
		if (more)
			break;
		spore__task_view(t->tasks[at], &rows);
		count++;
	}
	struct spore__msgpack_writer *w = spore__rpc_call_result(call);
	spore__msgpack_map(w, 2);
	spore__msgpack_str(w, "tasks");
	spore__msgpack_array(w, count);
	spore__msgpack_raw(w, rows.data, rows.len);
	spore__msgpack_str(w, "more");
	spore__msgpack_bool(w, more);
	if (rows.err != 0)
		w->err = rows.err;
	spore__msgpack_writer_finish(&rows);
	spore__rpc_call_done(call);
}

static void put_folder(struct spore__msgpack_writer *w, const struct spore__tasks *t, const struct spore__task *task)
{
	struct spore__hold_name name;
	char path[PATH_MAX], hold[SPORE__HOLD_NAME];
	spore__task_hold_name(task, task->hold != NULL ? task->hold->name.generation : task->generation, &name);
	spore__hold_name_format(&name, hold);
	(void)snprintf(path, sizeof path, "%.3800s/holds/%s", t->state, hold);
	put_str(w, "folder", task->generation > 0 ? path : NULL);
	spore__log_folder_format(&name, hold);
	(void)snprintf(path, sizeof path, "%.3800s/logs/%s/%s", t->state, name.system[0] != '\0' ? name.system : "_",
	               hold);
	put_str(w, "log", path);
}

struct history {
	struct spore__msgpack_writer *w;
	uint32_t count;
};

static bool put_end(void *arg, int64_t generation, int64_t run, const void *state, size_t len)
{
	struct history *h = arg;
	spore__msgpack_map(h->w, 3);
	spore__msgpack_str(h->w, "generation");
	spore__msgpack_int(h->w, generation);
	spore__msgpack_str(h->w, "run");
	spore__msgpack_int(h->w, run);
	spore__msgpack_str(h->w, "state");
	spore__msgpack_raw(h->w, state, len);
	h->count++;
	return true;
}

static void inspect(struct spore__rpc_call *call)
{
	struct spore__tasks *t = tasks_of(call);
	struct spore__spec spec;
	struct spore__msgpack_writer ends = {0};
	struct history history = {.w = &ends};
	char name[SPORE__FULL_NAME], from[PATH_MAX], why[512];
	size_t first, count;
	if (!spore__rpc_call_string(call, 0, "name", name, sizeof name) ||
	    !spore__param_text(call, 1, "from", from, sizeof from))
		return;
	enum spore_err err = spore__names_find(&t->table, name, from, &first, &count, why, sizeof why);
	if (err == SPORE_OK && count > 1) {
		err = SPORE_EINVALID;
		(void)snprintf(why, sizeof why, "'%s' has %zu replicas: name one of them, as %s@1", name, count, name);
	}
	if (err != SPORE_OK) {
		spore__rpc_call_fail(call, err, "%s", why);
		return;
	}
	const struct spore__task *task = t->table.tasks[first];
	bool known = spore__task_read_spec(t, task, &spec, why, sizeof why);
	if (task->id != 0)
		(void)spore__db_tasks_ends(t->db, task->id, put_end, &history);
	struct spore__msgpack_writer *w = spore__rpc_call_result(call);
	spore__msgpack_map(w, 5);
	spore__msgpack_str(w, "task");
	spore__task_view(task, w);
	spore__msgpack_str(w, "spec");
	if (known)
		spore__spec_encode(&spec, w, true);
	else
		spore__msgpack_nil(w);
	put_folder(w, t, task);
	spore__msgpack_str(w, "history");
	spore__msgpack_array(w, history.count);
	spore__msgpack_raw(w, ends.data, ends.len);
	if (ends.err != 0)
		w->err = ends.err;
	spore__msgpack_writer_finish(&ends);
	spore__spec_finish(&spec);
	spore__rpc_call_done(call);
}

static void resolve(struct spore__rpc_call *call)
{
	struct spore__tasks *t = tasks_of(call);
	struct spore__selection s;
	char name[SPORE__FULL_NAME];
	if (!spore__selection_take(t, call, true, &s))
		return;
	struct spore__msgpack_writer *w = spore__rpc_call_result(call);
	spore__msgpack_map(w, 1);
	spore__msgpack_str(w, "tasks");
	spore__msgpack_array(w, (uint32_t)s.count);
	for (size_t i = 0; i < s.count; i++) {
		const struct spore__task *task = s.tasks[i];
		spore__task_full_name(task, name);
		spore__msgpack_map(w, 7);
		put_str(w, "name", name);
		put_str(w, "system", task->system->name);
		put_str(w, "task", task->name);
		spore__msgpack_str(w, "replica");
		spore__msgpack_int(w, task->replica);
		put_folder(w, t, task);
		put_str(w, "state", spore__task_state_word(task->state));
	}
	spore__selection_finish(&s);
	spore__rpc_call_done(call);
}

static void events(struct spore__rpc_call *call)
{
	struct spore__tasks *t = tasks_of(call);
	int64_t since, timeout_ms;
	if (!spore__param_int(call, 0, "since", 0, INT64_MAX, -1, &since) ||
	    !spore__param_timeout(call, 1, &timeout_ms))
		return;
	if (since < 0) {
		struct spore__msgpack_writer *w = spore__rpc_call_result(call);
		spore__msgpack_map(w, 3);
		spore__msgpack_str(w, "next");
		spore__msgpack_uint(w, t->change);
		spore__msgpack_str(w, "anew");
		spore__msgpack_bool(w, false);
		spore__msgpack_str(w, "tasks");
		spore__msgpack_array(w, 0);
		spore__rpc_call_done(call);
		return;
	}
	struct spore__wait *w = spore__wait_create(t, call, SPORE__WAIT_EVENTS, 0);
	if (w == NULL)
		return;
	w->since = (uint64_t)since;
	spore__wait_limit(w, timeout_ms);
	spore__wait_begin(w);
}

static const struct spore__rpc_field list_params[] = {
    {"system", "str", "only its tasks", true},
    {"all", "bool", "also those that neither run nor are wanted", true},
    {"after", "str", "a full name: those behind it", true},
    {"limit", "int", "so many at most", true},
    {0},
};
static const struct spore__rpc_field list_result[] = {
    {"tasks", "array", "maps, by system, task and replica", false},
    {"more", "bool", "there are more: ask for those after the last name", false},
    {0},
};
static const struct spore__rpc_field inspect_params[] = {
    {"name", "str", "of one task", false},
    {"from", "str", "the caller's folder, whose system is meant where none is said", true},
    {0},
};
static const struct spore__rpc_field inspect_result[] = {
    {"task", "map", "as in tasks.list", false},
    {"spec", "map", "its specification, with *** for secrets; nil: it was lost", true},
    {"folder", "str", "of its hold; nil: it was never started", true},
    {"log", "str", "the folder of its log", false},
    {"history", "array", "of maps: generation, run, state; the runs that ended, the latest first", false},
    {0},
};
static const struct spore__rpc_field resolve_params[] = {
    {"names", "array", "names of tasks; none: all of the system of `from`, else all", true},
    {"from", "str", "the caller's folder, whose system is meant where none is said", true},
    {0},
};
static const struct spore__rpc_field resolve_result[] = {
    {"tasks", "array", "of maps: name, system, task, replica, folder, log, state", false},
    {0},
};
static const struct spore__rpc_field events_params[] = {
    {"since", "int", "`next` of the answer before; without it `next` is answered at once", true},
    {"timeout_ms", "int", "answer after so long in any case", true},
    {0},
};
static const struct spore__rpc_field events_result[] = {
    {"next", "int", "for the next call", false},
    {"anew", "bool", "too much has changed since, or another node has: these are all tasks", false},
    {"tasks", "array", "maps as in tasks.list, in the order of their last change", false},
    {0},
};
static const enum spore_err errors[] = {SPORE_EINVALID, SPORE_ENOTFOUND, SPORE_ETOOBIG, SPORE_ENOMEM, SPORE_OK};

const struct spore__rpc_method spore__query_methods[] = {
    {"tasks.list", list, "the tasks and how they are", list_params, list_result, errors},
    {"tasks.inspect", inspect, "all that is known of a task", inspect_params, inspect_result, errors},
    {"tasks.resolve", resolve, "which tasks names mean, and where their files are", resolve_params, resolve_result,
     errors},
    {"tasks.events", events, "wait for the next change", events_params, events_result, errors},
    {0},
};
