// The methods that change what is wanted of tasks which are known: start_methods.c has those that define them.
#include <stdlib.h>

#include "node/hold.h"
#include "node/methods.h"
#include "node/order.h"
#include "node/task_params.h"
#include "node/waits.h"

static struct spore__tasks *tasks_of(const struct spore__rpc_call *call)
{
	return &((struct spore__node *)spore__rpc_call_data(call))->tasks;
}

// Answered when all of S have come to where KIND says. NULL: it is answered already.
static struct spore__wait *wait_for(struct spore__tasks *t, struct spore__rpc_call *call, enum spore__wait_kind kind,
                                    const struct spore__selection *s)
{
	struct spore__wait *w = spore__wait_create(t, call, kind, s->count);
	for (size_t i = 0; w != NULL && i < s->count; i++)
		spore__wait_add(w, s->tasks[i], s->tasks[i]->last_run);
	return w;
}

// Likewise; what is wanted of all of S is written first.
static struct spore__wait *intend(struct spore__tasks *t, struct spore__rpc_call *call, enum spore__wait_kind kind,
                                  const struct spore__selection *s, enum spore__intent intent)
{
	struct spore__wait *w = wait_for(t, call, kind, s);
	if (w == NULL || spore__tasks_intend(t, s->tasks, s->count, intent))
		return w;
	spore__wait_refuse(w);
	return NULL;
}

static void begin(struct spore__rpc_call *call)
{
	struct spore__tasks *t = tasks_of(call);
	struct spore__selection all, begun = {0};
	if (!spore__selection_take(t, call, false, &all))
		return;
	// What they come after is started too, unless it has done its work.
	for (size_t i = 0; i < all.count; i++) {
		const struct spore__task *task = all.tasks[i];
		for (size_t k = 0; k < task->after_count; k++) {
			size_t count,
			    first = spore__table_range(&t->table, task->system->name, task->after[k].task, &count);
			for (size_t n = first; n < first + count; n++) {
				struct spore__task *other = t->table.tasks[n];
				bool completed =
				    other->wanted && other->done && !other->failed && !other->launch_failed;
				if (!spore__task_is_busy(other) && !completed)
					(void)spore__selection_add(&all, other);
			}
		}
	}
	for (size_t i = 0; i < all.count; i++)
		all.tasks[i]->visited = false;
	for (size_t i = 0; i < all.count; i++)
		if (!spore__task_is_busy(all.tasks[i]) || all.tasks[i]->stopping)
			(void)spore__selection_add(&begun, all.tasks[i]);
	free(all.tasks);
	struct spore__wait *w = intend(t, call, SPORE__WAIT_BEGUN, &begun, SPORE__INTENT_START);
	for (size_t i = 0; w != NULL && i < begun.count; i++)
		spore__task_begin(t, begun.tasks[i]);
	spore__selection_finish(&begun);
	if (w != NULL)
		spore__wait_begin(w);
}

static void stop(struct spore__rpc_call *call)
{
	struct spore__tasks *t = tasks_of(call);
	struct spore__selection s;
	int64_t grace_ms, timeout_ms;
	bool kill;
	if (!spore__param_int(call, 2, "grace_ms", 0, 86400000, -1, &grace_ms) ||
	    !spore__param_bool(call, 3, "kill", &kill) || !spore__param_timeout(call, 4, &timeout_ms) ||
	    !spore__selection_take(t, call, false, &s))
		return;
	struct spore__wait *w = intend(t, call, SPORE__WAIT_STOPPED, &s, SPORE__INTENT_STOP);
	for (size_t i = 0; w != NULL && i < s.count; i++)
		spore__task_stop(t, s.tasks[i], grace_ms, kill);
	spore__selection_finish(&s);
	if (w == NULL)
		return;
	spore__wait_limit(w, timeout_ms);
	spore__wait_begin(w);
}

// Does one of them come after another one? Then they stop and start in order.
static bool is_ordered(const struct spore__selection *s)
{
	for (size_t i = 0; i < s->count; i++)
		for (size_t k = 0; s->tasks[i]->after_count > 0 && k < s->count; k++)
			if (s->tasks[k]->system == s->tasks[i]->system &&
			    spore__order_comes_after(s->tasks[i], s->tasks[k]->name))
				return true;
	return false;
}

// How each of S is started again: by another hold, by the one that runs, or by none so far.
static enum spore__intent again_by(const struct spore__task *task, bool ordered)
{
	if (spore__task_is_active(task) && (ordered || task->old != NULL || task->stopping))
		return SPORE__INTENT_REPLACE;
	return task->hold != NULL || spore__task_is_busy(task) ? SPORE__INTENT_KEEP : SPORE__INTENT_START;
}

static void restart(struct spore__rpc_call *call)
{
	struct spore__tasks *t = tasks_of(call);
	struct spore__selection s;
	int64_t timeout_ms;
	if (!spore__param_timeout(call, 2, &timeout_ms) || !spore__selection_take(t, call, false, &s))
		return;
	struct spore__wait *w = wait_for(t, call, SPORE__WAIT_RESTARTED, &s);
	bool ordered = is_ordered(&s);
	for (size_t i = 0; w != NULL && i < s.count; i++)
		if (again_by(s.tasks[i], ordered) != SPORE__INTENT_KEEP)
			spore__task_intend(t, s.tasks[i], again_by(s.tasks[i], ordered));
	if (w != NULL && !spore__tasks_commit(t)) {
		spore__wait_refuse(w);
		w = NULL;
	}
	for (size_t i = 0; w != NULL && i < s.count; i++) {
		struct spore__task *task = s.tasks[i];
		enum spore__intent by = again_by(task, ordered);
		if (by == SPORE__INTENT_REPLACE)
			spore__task_replace(t, task);
		else if (by == SPORE__INTENT_START)
			spore__task_begin(t, task);
		else if (task->hold != NULL)
			spore__hold_send_restart(task->hold);
	}
	spore__selection_finish(&s);
	if (w == NULL)
		return;
	spore__wait_limit(w, timeout_ms);
	spore__wait_begin(w);
}

static void put_name(struct spore__msgpack_writer *w, const struct spore__task *task)
{
	char name[SPORE__FULL_NAME];
	spore__task_full_name(task, name);
	spore__msgpack_str(w, name);
}

static void send_signal(struct spore__rpc_call *call)
{
	struct spore__tasks *t = tasks_of(call);
	struct spore__selection s;
	int64_t number;
	uint32_t count = 0;
	if (!spore__param_int(call, 2, "signal", 1, 64, 0, &number))
		return;
	if (number == 0) {
		spore__rpc_call_fail(call, SPORE_EINVALID, "the parameter 'signal' is missing");
		return;
	}
	if (!spore__selection_take(t, call, false, &s))
		return;
	for (size_t i = 0; i < s.count; i++) {
		count += s.tasks[i]->hold != NULL;
		if (s.tasks[i]->hold != NULL)
			spore__hold_send_signal(s.tasks[i]->hold, number);
	}
	struct spore__msgpack_writer *w = spore__rpc_call_result(call);
	spore__msgpack_map(w, 1);
	spore__msgpack_str(w, "signalled");
	spore__msgpack_array(w, count);
	for (size_t i = 0; i < s.count; i++)
		if (s.tasks[i]->hold != NULL)
			put_name(w, s.tasks[i]);
	spore__selection_finish(&s);
	spore__rpc_call_done(call);
}

static void remove_tasks(struct spore__rpc_call *call)
{
	struct spore__tasks *t = tasks_of(call);
	struct spore__selection s;
	int64_t timeout_ms;
	bool logs;
	if (!spore__param_bool(call, 2, "logs", &logs) || !spore__param_timeout(call, 3, &timeout_ms) ||
	    !spore__selection_take(t, call, false, &s))
		return;
	struct spore__wait *w =
	    intend(t, call, SPORE__WAIT_REMOVED, &s, logs ? SPORE__INTENT_REMOVE_LOGS : SPORE__INTENT_REMOVE);
	for (size_t i = 0; w != NULL && i < s.count; i++)
		spore__task_remove(t, s.tasks[i], logs);
	spore__selection_finish(&s);
	if (w == NULL)
		return;
	spore__wait_limit(w, timeout_ms);
	spore__wait_begin(w);
}

static void wait_until(struct spore__rpc_call *call)
{
	static const char *const words[] = {"started", "ready", "healthy", "ended", NULL};
	struct spore__tasks *t = tasks_of(call);
	struct spore__selection s;
	int64_t timeout_ms;
	int until;
	if (!spore__param_word(call, 2, "until", words, SPORE__UNTIL_READY, &until) ||
	    !spore__param_timeout(call, 3, &timeout_ms) || !spore__selection_take(t, call, false, &s))
		return;
	struct spore__wait *w = wait_for(t, call, SPORE__WAIT_UNTIL, &s);
	spore__selection_finish(&s);
	if (w == NULL)
		return;
	w->until = (enum spore__until)until;
	spore__wait_limit(w, timeout_ms);
	spore__wait_begin(w);
}

// ---- what $/describe says

#define NAMES                                                                                                          \
	{                                                                                                              \
		"names", "array", "names of tasks: [SYSTEM/]TASK[@REPLICA]", false                                     \
	}
#define FROM                                                                                                           \
	{                                                                                                              \
		"from", "str", "the caller's folder, whose system is meant where none is said", true                   \
	}
#define TIMEOUT                                                                                                        \
	{                                                                                                              \
		"timeout_ms", "int", "answer after so long in any case", true                                          \
	}
#define WAITING                                                                                                        \
	{                                                                                                              \
		"waiting", "array", "of maps: name, why; those that are not there yet", false                          \
	}

static const struct spore__rpc_field names_params[] = {NAMES, FROM, {0}};
static const struct spore__rpc_field begin_result[] = {
    {"started", "array", "names of those that are started, or wait for others", false}, WAITING, {0}};
static const struct spore__rpc_field stop_params[] = {
    NAMES,
    FROM,
    {"grace_ms", "int", "until SIGKILL, in place of what the specification says", true},
    {"kill", "bool", "SIGKILL at once", true},
    TIMEOUT,
    {0}};
static const struct spore__rpc_field stop_result[] = {
    {"stopped", "array", "names of those that are", false},
    {"survivors", "array", "of maps: name, processes; what could not be ended", false},
    WAITING,
    {0}};
static const struct spore__rpc_field restart_params[] = {NAMES, FROM, TIMEOUT, {0}};
static const struct spore__rpc_field restart_result[] = {
    {"restarted", "array", "names of those that are", false}, WAITING, {0}};
static const struct spore__rpc_field signal_params[] = {NAMES, FROM, {"signal", "int", "its number", false}, {0}};
static const struct spore__rpc_field signal_result[] = {{"signalled", "array", "names of those that run", false}, {0}};
static const struct spore__rpc_field remove_params[] = {
    NAMES, FROM, {"logs", "bool", "their logs too", true}, TIMEOUT, {0}};
static const struct spore__rpc_field remove_result[] = {
    {"removed", "array", "names of those that are", false}, WAITING, {0}};
static const struct spore__rpc_field wait_params[] = {
    NAMES, FROM, {"until", "str", "started, ready (else), healthy or ended", true}, TIMEOUT, {0}};
static const struct spore__rpc_field wait_result[] = {
    {"reached", "bool", "false: one cannot, or the time is over", false}, WAITING, {0}};

static const enum spore_err names_errors[] = {SPORE_EINVALID, SPORE_ENOTFOUND, SPORE_ENOMEM, SPORE_OK};
static const enum spore_err change_errors[] = {SPORE_EINVALID, SPORE_ENOTFOUND, SPORE_ENOMEM, SPORE_ESYSTEM, SPORE_OK};

const struct spore__rpc_method spore__task_methods[] = {
    {"tasks.begin", begin, "start defined tasks that do not run, and what they come after", names_params, begin_result,
     change_errors},
    {"tasks.stop", stop, "stop tasks; answered when all their processes are dead, or the survivors named", stop_params,
     stop_result, change_errors},
    {"tasks.restart", restart, "stop tasks and start them again", restart_params, restart_result, change_errors},
    {"tasks.signal", send_signal, "send a signal to the process groups of tasks", signal_params, signal_result,
     names_errors},
    {"tasks.remove", remove_tasks, "stop tasks and forget them", remove_params, remove_result, change_errors},
    {"tasks.wait", wait_until, "wait until tasks have come so far", wait_params, wait_result, names_errors},
    {0},
};
