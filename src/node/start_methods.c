// tasks.start and tasks.rollback: what is wanted of a task is another specification.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/db_tasks.h"
#include "node/declared.h"
#include "node/hold.h"
#include "node/methods.h"
#include "node/names.h"
#include "node/order.h"
#include "node/task_params.h"
#include "node/waits.h"
#include "node/wires.h"

static struct spore__tasks *tasks_of(const struct spore__rpc_call *call)
{
	return &((struct spore__node *)spore__rpc_call_data(call))->tasks;
}

// ---- tasks.start

enum replace { REFUSE, IF_CHANGED, ALWAYS };
static const char *const replaces[] = {"refuse", "if-changed", "always", NULL};

struct start {
	struct spore__tasks *tasks;
	struct spore__rpc_call *call;
	struct spore__spec spec, old; // old: of the task so far
	enum replace replace;
	bool keep_old, dry, rollback, swap;
	bool swaps;               // that can be done
	struct spore__task *task; // NULL: there is none so far
	struct spore__msgpack_writer keys;
	uint32_t key_count;
	bool needs_new;   // a field differs that needs a new instance
	bool new_program; // another program
	struct spore__msgpack_reader twins;
	uint32_t twin_count;
	char not_swapped[1024];               // why, where that was asked for
	char *other_artifact, *other_program; // while a twin stands in for the specification's: what this named
};

static void note_change(void *arg, const struct spore__spec_field *field)
{
	struct start *s = arg;
	spore__msgpack_str(&s->keys, field->key);
	s->key_count++;
	s->needs_new = s->needs_new || !field->live;
	if (strcmp(field->key, "artifact") == 0 || (strcmp(field->key, "argv") == 0 && s->spec.artifact == NULL))
		s->new_program = true;
}

static void put_changed(const struct start *s, struct spore__msgpack_writer *w)
{
	spore__msgpack_array(w, s->key_count);
	spore__msgpack_raw(w, s->keys.data, s->keys.len);
	if (s->keys.err != 0)
		w->err = s->keys.err;
}

static void answer_now(struct start *s, int64_t generation, const char *state)
{
	char name[SPORE__FULL_NAME];
	struct spore__msgpack_writer *w = spore__rpc_call_result(s->call);
	spore__spec_name(&s->spec, name, sizeof name);
	bool hands = s->task != NULL && s->task->hold != NULL && s->task->hold->speaks_heirs;
	spore__msgpack_map(w, 5);
	spore__msgpack_str(w, "hands");
	spore__msgpack_bool(w, hands);
	spore__msgpack_str(w, "name");
	spore__msgpack_str(w, name);
	spore__msgpack_str(w, "generation");
	spore__msgpack_int(w, generation);
	spore__msgpack_str(w, "changed");
	put_changed(s, w);
	spore__msgpack_str(w, "state");
	spore__msgpack_str(w, state);
	spore__rpc_call_done(s->call);
}

static void answer_as_it_is(struct start *s)
{
	answer_now(s, s->task->generation, spore__task_state_word(s->task->state));
}

// Answered once the start was carried out.
static void answer_later(struct start *s, enum spore__wait_kind kind, int64_t before)
{
	struct spore__wait *w = spore__wait_create(s->tasks, s->call, kind, 1);
	if (w == NULL)
		return;
	spore__wait_add(w, s->task, before);
	put_changed(s, &w->changed);
	if (s->rollback && s->spec.artifact != NULL)
		w->artifact = strdup(s->spec.artifact);
	if (s->not_swapped[0] != '\0')
		w->not_swapped = strdup(s->not_swapped);
	spore__wait_begin(w);
}

// Writes the specification, and what is to become of the task with it. False: it was not written.
static bool save(struct start *s, enum spore__intent intent, bool keep)
{
	struct spore__msgpack_writer w = {0};
	int64_t id = s->task->id;
	spore__spec_encode(&s->spec, &w, false);
	bool good = w.err == 0;
	if (good && spore__db_begin(s->tasks->db) == SQLITE_OK)
		(void)spore__db_tasks_put(s->tasks->db, s->task, w.data, w.len, keep);
	spore__msgpack_writer_finish(&w);
	if (good)
		spore__task_intend(s->tasks, s->task, intent);
	if (good && s->task->system->ending)
		(void)spore__db_systems_stay(s->tasks->db, s->task->system->name);
	if (good && s->swaps)
		spore__swap_intend(s->tasks, s->task);
	good = good && spore__tasks_commit(s->tasks);
	s->task->id = good ? s->task->id : id;
	return good;
}

// The specification takes the place of the one before, and INTENT is what is to be done then; both are written. False: nothing was changed, and it
// is answered.
static bool take(struct start *s, enum spore__intent intent)
{
	const char *system = s->spec.system != NULL ? s->spec.system : "";
	char why[512];
	struct spore__dependency *after;
	size_t count;
	bool good =
	    spore__order_parse(s->spec.after, &after, &count, why, sizeof why) &&
	    spore__order_is_free_of_cycles(&s->tasks->table, system, s->spec.task, after, count, why, sizeof why);
	spore__order_free(after, count);
	bool fresh = s->task == NULL;
	if (good && fresh) {
		s->task = spore__table_add(&s->tasks->table, system, s->spec.task, s->spec.replica);
		good = s->task != NULL;
		(void)snprintf(why, sizeof why, "out of memory");
	}
	if (!good || !spore__task_take_spec(s->task, &s->spec, why, sizeof why)) {
		if (fresh && s->task != NULL)
			spore__table_remove(&s->tasks->table, s->task);
		spore__rpc_call_fail(s->call, SPORE_EINVALID, "%s", why);
		return false;
	}
	if (!save(s, intent, s->new_program && !fresh)) {
		if (fresh)
			spore__table_remove(&s->tasks->table, s->task);
		else
			(void)spore__task_take_spec(s->task, &s->old, why, sizeof why);
		spore__fail_unwritten(s->call, s->tasks);
		return false;
	}
	s->task->removing = s->task->system->ending = false;
	spore__task_touch(s->tasks, s->task);
	return true;
}

// Two at a time cannot have one end of a pipe.
static bool has_wired_stdio(const struct start *s)
{
	const struct spore__spec *specs[] = {&s->spec, &s->old};
	for (size_t i = 0; i < 2; i++)
		if (spore__plain_is_wired(specs[i]))
			return true;
	return false;
}

// The task gets a run with the new specification.
static void run_new(struct start *s)
{
	struct spore__task *task = s->task;
	bool active = task != NULL && spore__task_is_active(task);
	if (active && s->swap && task->swap != SPORE__SWAP_NONE) {
		(void)spore__swap_may(s->tasks, task, s->not_swapped, sizeof s->not_swapped);
		spore__rpc_call_fail(s->call, SPORE_EINVALID, "%s", s->not_swapped);
		return;
	}
	s->swaps = active && s->swap && task->state == SPORE__TASK_RUNNING &&
	           spore__swap_may(s->tasks, task, s->not_swapped, sizeof s->not_swapped);
	if (s->swaps && has_wired_stdio(s)) {
		s->swaps = false;
		(void)snprintf(s->not_swapped, sizeof s->not_swapped,
		               "%s: its stdin or stdout is to be wired otherwise", s->spec.task);
	}
	bool beside = s->swaps || (active && s->keep_old && !has_wired_stdio(s) && task->hold != NULL &&
	                           task->old == NULL && !task->stopping);
	bool starts = active || (task != NULL && task->wanted) || s->spec.enabled;
	if (!take(s, active && !beside ? SPORE__INTENT_REPLACE : starts ? SPORE__INTENT_START : SPORE__INTENT_KEEP))
		return;
	task = s->task;
	int64_t next = beside ? task->generation + 1 : 0;
	if (s->swaps)
		spore__swap_begin(s->tasks, task);
	else if (beside)
		spore__task_try(s->tasks, task);
	else if (active)
		spore__task_replace(s->tasks, task);
	else if (starts)
		spore__task_begin(s->tasks, task);
	else
		spore__task_set_state(s->tasks, task, spore__task_resting_state(task));
	answer_later(s, beside ? SPORE__WAIT_REPLACED : SPORE__WAIT_STARTED, next);
}

// It runs, will, or has done what it should.
static bool is_settled(const struct spore__task *task)
{
	return spore__task_is_busy(task) || (task->wanted && task->schedule != NULL) ||
	       (task->wanted && task->done && !task->failed && !task->launch_failed);
}

static void run_if_changed(struct start *s)
{
	struct spore__task *task = s->task;
	bool settled = is_settled(task), lost = spore__plain_has_lost(task);
	if (!s->needs_new && !lost)
		spore__plain_stays(task);
	if (s->needs_new || lost || (s->key_count > 0 && !settled)) {
		run_new(s);
	} else if (s->key_count > 0) {
		bool begins = task->gated || (s->spec.every != NULL && s->spec.every[0] != '\0' && task->wanted);
		if (!take(s, begins ? SPORE__INTENT_START : SPORE__INTENT_KEEP))
			return;
		if (task->hold != NULL)
			spore__hold_send_update(task->hold, &s->spec);
		spore__declared_changed(s->tasks, task);
		if (begins) {
			task->next_at = 0;
			spore__task_begin(s->tasks, task);
		}
		answer_later(s, SPORE__WAIT_STARTED, 0);
	} else if (settled || !s->spec.enabled) {
		answer_as_it_is(s);
	} else if (!spore__tasks_intend(s->tasks, &task, 1, SPORE__INTENT_START)) {
		spore__fail_unwritten(s->call, s->tasks);
	} else {
		spore__task_begin(s->tasks, task);
		answer_later(s, SPORE__WAIT_STARTED, 0);
	}
}

// What the same source became by another compiler is no other program: a task that runs it is left alone.
static bool has_twin(const struct start *s, const char *artifact)
{
	struct spore__msgpack_reader twins = s->twins;
	const char *id;
	uint32_t len;
	for (uint32_t i = 0; i < s->twin_count && spore__msgpack_read_str(&twins, &id, &len) == SPORE__MSGPACK_OK; i++)
		if (strlen(artifact) == len && memcmp(artifact, id, len) == 0)
			return true;
	return false;
}

static void exchange(char **a, char **b)
{
	char *was = *a;
	*a = *b;
	*b = was;
}

static void exchange_twin(struct start *s)
{
	exchange(&s->spec.artifact, &s->other_artifact);
	exchange(&s->spec.argv[0], &s->other_program);
}

// The twin that runs takes the place of the artifact in the specification. False: there is none, and nothing has changed.
static bool stand_in(struct start *s)
{
	const char *old = s->old.artifact, *program = s->spec.argv != NULL ? s->spec.argv[0] : NULL;
	if (s->spec.artifact == NULL || program == NULL || old == NULL || strcmp(s->spec.artifact, old) == 0 ||
	    !has_twin(s, old))
		return false;
	const char *id = strstr(program, s->spec.artifact);
	if (id == NULL)
		return false;
	size_t size = strlen(program) + strlen(old) + 1;
	s->other_artifact = strdup(old);
	s->other_program = malloc(size);
	if (s->other_artifact == NULL || s->other_program == NULL)
		return false;
	(void)snprintf(s->other_program, size, "%.*s%s%s", (int)(id - program), program, old,
	               id + strlen(s->spec.artifact));
	exchange_twin(s);
	return true;
}

static void compare(struct start *s)
{
	bool stands_in = s->replace == IF_CHANGED && is_settled(s->task) && stand_in(s);
	spore__spec_compare(&s->old, &s->spec, note_change, s);
	if (!stands_in || !s->needs_new)
		return;
	exchange_twin(s);
	s->keys.len = 0;
	s->key_count = 0;
	s->needs_new = s->new_program = false;
	spore__spec_compare(&s->old, &s->spec, note_change, s);
}

static void run_start(struct start *s)
{
	char why[512];
	if (!spore__plain_wires(s->tasks, &s->spec, NULL, why, sizeof why)) {
		spore__rpc_call_fail(s->call, SPORE_EINVALID, "%s: %s", s->spec.task, why);
		return;
	}
	s->task = spore__table_find(&s->tasks->table, s->spec.system != NULL ? s->spec.system : "", s->spec.task,
	                            s->spec.replica);
	if (s->task != NULL && spore__task_read_spec(s->tasks, s->task, &s->old, why, sizeof why))
		compare(s);
	else
		s->needs_new = true;
	if (s->dry && s->task == NULL)
		answer_now(s, 0, "absent");
	else if (s->dry)
		answer_as_it_is(s);
	else if (s->task != NULL && s->replace == REFUSE &&
	         (spore__task_is_busy(s->task) || (s->task->wanted && s->task->schedule != NULL)))
		spore__rpc_call_fail(s->call, SPORE_EEXISTS,
		                     "a task '%s' is there and %s; stop it, or give another name", s->spec.task,
		                     spore__task_state_word(s->task->state));
	else if (s->task != NULL && s->replace == IF_CHANGED)
		run_if_changed(s);
	else
		run_new(s);
}

static void start(struct spore__rpc_call *call)
{
	struct start s = {.tasks = tasks_of(call), .call = call};
	struct spore__msgpack_reader spec;
	char why[512];
	int replace;
	spore__spec_init(&s.old);
	if (!spore__rpc_param_at(spore__rpc_call_params(call), 0, "spec", &spec)) {
		spore__rpc_call_fail(call, SPORE_EINVALID, "the parameter 'spec' is missing");
		return;
	}
	// Behind the specification there may be other parameters.
	struct spore__msgpack_reader end = spec;
	(void)spore__msgpack_skip(&end);
	spec.end = end.at;
	if (!spore__param_word(call, 1, "replace", replaces, REFUSE, &replace) ||
	    !spore__param_bool(call, 2, "keep_old", &s.keep_old) || !spore__param_bool(call, 3, "dry", &s.dry))
		return;
	if (!spore__param_bool(call, 5, "swap", &s.swap))
		return;
	s.replace = (enum replace)replace;
	if (spore__rpc_param_at(spore__rpc_call_params(call), 4, "twins", &s.twins) &&
	    spore__msgpack_read_array(&s.twins, &s.twin_count) != SPORE__MSGPACK_OK) {
		spore__rpc_call_fail(call, SPORE_EINVALID, "the parameter 'twins' is no array");
		return;
	}
	enum spore_err err = spore__spec_decode(spec, &s.spec, why, sizeof why);
	if (err != SPORE_OK)
		spore__rpc_call_fail(call, err == SPORE_EMALFORMED ? SPORE_EINVALID : err, "the specification: %s",
		                     why);
	else
		run_start(&s);
	free(s.other_artifact);
	free(s.other_program);
	spore__spec_finish(&s.spec);
	spore__spec_finish(&s.old);
	spore__msgpack_writer_finish(&s.keys);
}

// ---- tasks.rollback

struct decoded {
	struct spore__spec *spec;
	bool good;
};

static void decode(void *arg, const void *bytes, size_t len)
{
	struct decoded *d = arg;
	d->good = spore__spec_decode(spore__msgpack_reader(bytes, len), d->spec, NULL, 0) == SPORE_OK;
}

static bool has_program(const struct spore__spec *spec)
{
	char path[PATH_MAX];
	if (spec->artifact == NULL || spec->store == NULL)
		return access(spec->argv[0], X_OK) == 0;
	return (size_t)snprintf(path, sizeof path, "%s/artifacts/%s", spec->store, spec->artifact) < sizeof path &&
	       access(path, F_OK) == 0;
}

static void rollback(struct spore__rpc_call *call)
{
	struct start s = {.tasks = tasks_of(call), .call = call, .replace = ALWAYS, .rollback = true};
	char name[SPORE__FULL_NAME], from[PATH_MAX], why[512];
	size_t first, count;
	spore__spec_init(&s.old);
	spore__spec_init(&s.spec);
	if (!spore__rpc_call_string(call, 0, "name", name, sizeof name) ||
	    !spore__param_text(call, 1, "from", from, sizeof from) ||
	    !spore__param_bool(call, 2, "keep_old", &s.keep_old))
		return;
	enum spore_err err = spore__names_find(&s.tasks->table, name, from, &first, &count, why, sizeof why);
	if (err != SPORE_OK) {
		spore__rpc_call_fail(call, err, "%s", why);
		return;
	}
	if (count > 1) {
		spore__rpc_call_fail(call, SPORE_EINVALID, "'%s' has %zu replicas: name one of them, as %s@1", name,
		                     count, name);
		return;
	}
	struct spore__task *task = s.tasks->table.tasks[first];
	struct decoded d = {.spec = &s.spec};
	int rc = spore__db_tasks_spec(s.tasks->db, task->id, true, decode, &d);
	if (rc == SQLITE_DONE)
		spore__rpc_call_fail(call, SPORE_ENOTFOUND, "%s: there was no other program before", name);
	else if (rc != SQLITE_OK)
		spore__rpc_call_fail(call, SPORE_ESYSTEM, "the state cannot be read: %s", s.tasks->db->error);
	else if (!d.good || !has_program(&s.spec))
		spore__rpc_call_fail(call, SPORE_ENOTFOUND, "%s: the program before, %s, is no longer there", name,
		                     d.good && s.spec.artifact != NULL ? s.spec.artifact : "of its own");
	else
		run_start(&s);
	spore__spec_finish(&s.spec);
	spore__spec_finish(&s.old);
	spore__msgpack_writer_finish(&s.keys);
}

// ---- what $/describe says

static const struct spore__rpc_field start_params[] = {
    {"spec", "map", "the specification", false},
    {"replace", "str", "what becomes of one that is there: refuse (when it runs), if-changed, always", true},
    {"keep_old", "bool", "the old one runs until the new one is ready", true},
    {"dry", "bool", "only say what would change", true},
    {"twins", "array",
     "artifacts of the same source by other compilers: with if-changed, no change where one of them runs", true},
    {"swap", "bool",
     "with keep_old: the new one takes over the channels of the old one (tasks.swap), where they are such", true},
    {0},
};
static const struct spore__rpc_field start_result[] = {
    {"name", "str", "its full name", false},
    {"generation", "int", "of its hold", false},
    {"changed", "array", "keys of the specification that differ from the one before", false},
    {"state", "str", "its state now; with dry also absent", false},
    {"not_swapped", "str", "why its channels were not handed over, although that was asked for", true},
    {"hands", "bool", "its hold leaves to the next one what its stdin and stdout are wired with", true},
    {0},
};
static const struct spore__rpc_field rollback_result[] = {
    {"name", "str", "its full name", false},
    {"artifact", "str", "the one that it has again", true},
    {"generation", "int", "of its hold", false},
    {"changed", "array", "keys of the specification that differ from the one before", false},
    {"state", "str", "its state now", false},
    {0},
};
static const struct spore__rpc_field rollback_params[] = {
    {"name", "str", "of one task", false},
    {"from", "str", "the caller's folder, whose system is meant where none is said", true},
    {"keep_old", "bool", "the present one runs until the other one is ready", true},
    {0},
};

static const enum spore_err start_errors[] = {SPORE_EINVALID, SPORE_EEXISTS, SPORE_ECANCELLED, SPORE_ETOOBIG,
                                              SPORE_ENOMEM,   SPORE_ESYSTEM, SPORE_OK};
static const enum spore_err rollback_errors[] = {SPORE_EINVALID, SPORE_ENOTFOUND, SPORE_ECANCELLED,
                                                 SPORE_ENOMEM,   SPORE_ESYSTEM,   SPORE_OK};

const struct spore__rpc_method spore__start_methods[] = {
    {"tasks.start", start, "define a task and start it", start_params, start_result, start_errors},
    {"tasks.rollback", rollback, "start a task with the program that it had before", rollback_params, rollback_result,
     rollback_errors},
    {0},
};
