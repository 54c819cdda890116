#include "node/waits.h"

#include <stdlib.h>
#include <string.h>

#include "node/hold.h"
#include "node/task_params.h"

struct spore__wait *spore__wait_create(struct spore__tasks *t, struct spore__rpc_call *call, enum spore__wait_kind kind,
                                       size_t cap)
{
	struct spore__wait *w = calloc(1, sizeof *w + cap * sizeof w->items[0]);
	if (w == NULL) {
		spore__rpc_call_fail(call, SPORE_ENOMEM, "out of memory");
		return NULL;
	}
	w->tasks = t;
	w->call = call;
	w->kind = kind;
	w->cap = cap;
	return w;
}

void spore__wait_add(struct spore__wait *w, struct spore__task *task, int64_t before)
{
	struct spore__waited *item = &w->items[w->count++];
	item->task = task;
	item->before = before;
	task->refs++;
	spore__task_full_name(task, item->name);
}

void spore__wait_limit(struct spore__wait *w, int64_t timeout_ms)
{
	if (timeout_ms < 0)
		return;
	w->deadline_ms = uv_now(w->tasks->loop) + (uint64_t)timeout_ms;
	spore__tasks_wake_at(w->tasks, w->deadline_ms);
}

void spore__wait_discard(struct spore__wait *w)
{
	for (size_t i = 0; i < w->count; i++)
		spore__task_unref(w->items[i].task);
	spore__msgpack_writer_finish(&w->changed);
	free(w->artifact);
	free(w->not_swapped);
	free(w->system);
	free(w);
}

void spore__wait_refuse(struct spore__wait *w)
{
	spore__fail_unwritten(w->call, w->tasks);
	spore__wait_discard(w);
}

static void on_gone(struct spore__rpc_call *call, void *arg)
{
	struct spore__wait *w = arg;
	(void)call;
	w->gone = true; // freed later, since this may come from within the answer to another one
	w->tasks->unsettled = true;
}

void spore__wait_begin(struct spore__wait *w)
{
	spore__rpc_call_watch(w->call, on_gone, w);
	w->next = w->tasks->waits;
	w->tasks->waits = w;
	w->tasks->unsettled = true;
}

// ---- what they wait for

static bool is_over(const struct spore__task *task)
{
	return !spore__task_is_active(task) && !task->queued && !task->gated && !task->relaunch;
}

// 1: it has reached it. -1: it will not, as things are. 0: not yet.
static int has_reached(const struct spore__task *task, enum spore__until until)
{
	bool over = is_over(task) && task->due_ms == 0;
	bool completed = task->wanted && task->done && !task->failed && !task->launch_failed && task->generation > 0;
	if (until == SPORE__UNTIL_ENDED)
		return is_over(task) && !(task->wanted && !task->done && task->schedule == NULL) ? 1 : 0;
	if (completed || (task->schedule != NULL && task->wanted && !spore__task_is_active(task)))
		return 1;
	if (over || task->removing || (task->gated && task->vain) || task->state == SPORE__TASK_REMOVED)
		return -1;
	switch (until) {
	case SPORE__UNTIL_STARTED:
		return task->run > 0 && (task->state == SPORE__TASK_STARTING || task->state == SPORE__TASK_RUNNING);
	case SPORE__UNTIL_HEALTHY:
		return task->state == SPORE__TASK_RUNNING && task->healthy;
	default:
		return task->state == SPORE__TASK_RUNNING;
	}
}

static int item_reached(const struct spore__wait *w, const struct spore__waited *item)
{
	const struct spore__task *task = item->task;
	switch (w->kind) {
	case SPORE__WAIT_STARTED:
	case SPORE__WAIT_BEGUN:
		return !task->queued || task->state == SPORE__TASK_REMOVED;
	case SPORE__WAIT_REPLACED:
		if (task->swap != SPORE__SWAP_NONE)
			return 0;
		if (task->old != NULL && task->hold != NULL)
			return task->state == SPORE__TASK_RUNNING && task->old->stop_sent ? 1 : 0;
		return task->queued ? 0 : 1;
	case SPORE__WAIT_SWAPPED:
		if (task->swap != SPORE__SWAP_NONE)
			return 0;
		if (task->hold == NULL)
			return is_over(task) ? -1 : 0; // another one is to be started
		if (task->hold->name.generation <= item->before)
			return -1;
		return task->state == SPORE__TASK_RUNNING ? 1 : 0;
	case SPORE__WAIT_STOPPED:
		return is_over(task);
	case SPORE__WAIT_RESTARTED:
		if (task->run > item->before && !task->stopping)
			return 1;
		return is_over(task) && task->due_ms == 0 ? -1 : 0;
	case SPORE__WAIT_REMOVED:
		return task->state == SPORE__TASK_REMOVED;
	default:
		return has_reached(task, w->until);
	}
}

// ---- answers

static void put_str(struct spore__msgpack_writer *w, const char *key, const char *value)
{
	spore__msgpack_str(w, key);
	spore__msgpack_str(w, value);
}

static bool survivors_of(const struct spore__task *task, struct spore__hold_state *s)
{
	return task->said != NULL && task->hold != NULL && task->hold->survivors &&
	       spore__state_decode(spore__msgpack_reader(task->said, task->said_len), s) == SPORE_OK &&
	       s->survivors[0] != '\0';
}

static const char *why_of(const struct spore__task *task, struct spore__hold_state *s)
{
	if (task->why != NULL)
		return task->why;
	if (spore__plain_why(task, s->why, sizeof s->why))
		return s->why;
	if (task->said != NULL &&
	    spore__state_decode(spore__msgpack_reader(task->said, task->said_len), s) == SPORE_OK && s->why[0] != '\0')
		return s->why;
	return spore__task_state_word(task->state);
}

static void put_names(const struct spore__wait *w, struct spore__msgpack_writer *out, bool reached)
{
	uint32_t n = 0;
	for (size_t i = 0; i < w->count; i++)
		n += (item_reached(w, &w->items[i]) == 1) == reached;
	spore__msgpack_array(out, n);
	for (size_t i = 0; i < w->count; i++)
		if ((item_reached(w, &w->items[i]) == 1) == reached)
			spore__msgpack_str(out, w->items[i].name);
}

static void put_waiting(const struct spore__wait *w, struct spore__msgpack_writer *out)
{
	struct spore__hold_state s;
	uint32_t n = 0;
	for (size_t i = 0; i < w->count; i++)
		n += item_reached(w, &w->items[i]) != 1;
	spore__msgpack_str(out, "waiting");
	spore__msgpack_array(out, n);
	for (size_t i = 0; i < w->count; i++) {
		if (item_reached(w, &w->items[i]) == 1)
			continue;
		spore__msgpack_map(out, 2);
		put_str(out, "name", w->items[i].name);
		put_str(out, "why", why_of(w->items[i].task, &s));
	}
}

static void put_survivors(const struct spore__wait *w, struct spore__msgpack_writer *out)
{
	struct spore__hold_state s;
	uint32_t n = 0;
	for (size_t i = 0; i < w->count; i++)
		n += survivors_of(w->items[i].task, &s);
	spore__msgpack_str(out, "survivors");
	spore__msgpack_array(out, n);
	for (size_t i = 0; i < w->count; i++) {
		if (!survivors_of(w->items[i].task, &s))
			continue;
		spore__msgpack_map(out, 2);
		put_str(out, "name", w->items[i].name);
		put_str(out, "processes", s.survivors);
	}
}

// Will the next generation be started?
static bool is_to_come(const struct spore__task *task)
{
	return task->relaunch || (task->hold == NULL && task->wanted && !task->done);
}

static void answer_started(struct spore__wait *w)
{
	const struct spore__task *task = w->items[0].task;
	struct spore__hold_state s;
	if (task->state == SPORE__TASK_REMOVED || task->launch_failed) {
		spore__rpc_call_fail(w->call, SPORE_ESYSTEM, "%s: %s", w->items[0].name,
		                     task->why != NULL ? task->why : "it was removed");
		return;
	}
	if (w->kind == SPORE__WAIT_REPLACED &&
	    (task->hold == NULL || task->hold->name.generation < w->items[0].before)) {
		spore__rpc_call_fail(w->call, SPORE_ECANCELLED,
		                     "%s: the new one ended before it was ready (%s); the old one %s", w->items[0].name,
		                     task->tried != NULL ? task->tried : why_of(task, &s),
		                     task->hold != NULL ? "stays" : "ended too");
		return;
	}
	struct spore__msgpack_writer *out = spore__rpc_call_result(w->call);
	spore__msgpack_map(out, 4 + (w->artifact != NULL) + (w->not_swapped != NULL));
	if (w->artifact != NULL)
		put_str(out, "artifact", w->artifact);
	if (w->not_swapped != NULL)
		put_str(out, "not_swapped", w->not_swapped);
	put_str(out, "name", w->items[0].name);
	spore__msgpack_str(out, "generation");
	spore__msgpack_int(out, task->generation + is_to_come(task));
	spore__msgpack_str(out, "changed");
	if (w->changed.len > 0)
		spore__msgpack_raw(out, w->changed.data, w->changed.len);
	else
		spore__msgpack_array(out, 0);
	put_str(out, "state", spore__task_state_word(task->state));
	spore__rpc_call_done(w->call);
}

// Without whole map heads: the counts are those of the calls below.
static void answer_lists(struct spore__wait *w, const char *key, bool survivors)
{
	struct spore__msgpack_writer *out = spore__rpc_call_result(w->call);
	spore__msgpack_map(out, survivors ? 3 : 2);
	spore__msgpack_str(out, key);
	put_names(w, out, true);
	if (survivors)
		put_survivors(w, out);
	put_waiting(w, out);
	spore__rpc_call_done(w->call);
}

static void answer_swapped(struct spore__wait *w)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct spore__task *task = w->items[i].task;
		struct spore__hold_state s;
		if (item_reached(w, &w->items[i]) >= 0)
			continue;
		char *how =
		    task->hold == NULL && task->why == NULL && task->wanted ? spore__task_how_it_ended(task) : NULL;
		spore__rpc_call_fail(w->call, SPORE_ECANCELLED, "%s: not swapped: %s; %s", w->items[i].name,
		                     how != NULL           ? how
		                     : task->tried != NULL ? task->tried
		                                           : why_of(task, &s),
		                     task->hold != NULL ? "the one before runs on, and no message was lost"
		                                        : "the one before has ended too; 'spore inspect' says more");
		free(how);
		return;
	}
	answer_lists(w, "swapped", false);
}

static void answer_until(struct spore__wait *w, bool reached)
{
	struct spore__msgpack_writer *out = spore__rpc_call_result(w->call);
	spore__msgpack_map(out, 2);
	spore__msgpack_str(out, "reached");
	spore__msgpack_bool(out, reached);
	put_waiting(w, out);
	spore__rpc_call_done(w->call);
}

static void answer(struct spore__wait *w, bool reached)
{
	static const char *const keys[] = {
	    [SPORE__WAIT_BEGUN] = "started",
	    [SPORE__WAIT_STOPPED] = "stopped",
	    [SPORE__WAIT_RESTARTED] = "restarted",
	    [SPORE__WAIT_REMOVED] = "removed",
	};
	if (w->kind == SPORE__WAIT_STARTED || w->kind == SPORE__WAIT_REPLACED)
		answer_started(w);
	else if (w->kind == SPORE__WAIT_SWAPPED)
		answer_swapped(w);
	else if (w->kind == SPORE__WAIT_UNTIL)
		answer_until(w, reached);
	else
		answer_lists(w, keys[w->kind], w->kind == SPORE__WAIT_STOPPED);
}

// ---- events

static int by_change(const void *a, const void *b)
{
	const struct spore__task *const *x = a, *const *y = b;
	return (*x)->changed < (*y)->changed ? -1 : (*x)->changed > (*y)->changed;
}

static void put_removed(struct spore__msgpack_writer *w, const char *name)
{
	spore__msgpack_map(w, 2);
	put_str(w, "name", name);
	put_str(w, "state", spore__task_state_word(SPORE__TASK_REMOVED));
}

// All changes after SINCE in order, as far as they fit; what is left out comes with the next call.
static void answer_events(struct spore__wait *w)
{
	struct spore__tasks *t = w->tasks;
	struct spore__msgpack_writer rows = {0};
	const struct spore__task **tasks = malloc((t->table.count + 1) * sizeof(struct spore__task *));
	uint64_t oldest = t->removed_count > SPORE__REMOVED_KEPT
	                      ? t->removed[t->removed_count % SPORE__REMOVED_KEPT].change
	                      : t->first_change;
	bool anew = w->since < oldest || w->since > t->change;
	uint64_t since = anew ? 0 : w->since, next = t->change;
	size_t n = 0;
	uint32_t count = 0;
	if (tasks == NULL) {
		spore__rpc_call_fail(w->call, SPORE_ENOMEM, "out of memory");
		return;
	}
	for (size_t i = 0; i < t->table.count; i++)
		if (t->table.tasks[i]->changed > since)
			tasks[n++] = t->table.tasks[i];
	qsort(tasks, n, sizeof(struct spore__task *), by_change);
	for (size_t i = 0; i < n; i++) {
		if (rows.len > SPORE__RPC_MAX_MESSAGE / 2) {
			next = tasks[i - 1]->changed;
			break;
		}
		spore__task_view(tasks[i], &rows);
		count++;
	}
	unsigned kept = t->removed_count < SPORE__REMOVED_KEPT ? t->removed_count : SPORE__REMOVED_KEPT;
	for (unsigned i = t->removed_count - kept; !anew && i < t->removed_count; i++) {
		unsigned at = i % SPORE__REMOVED_KEPT;
		if (t->removed[at].change > since && t->removed[at].change <= next && t->removed[at].name != NULL) {
			put_removed(&rows, t->removed[at].name);
			count++;
		}
	}
	free(tasks);
	struct spore__msgpack_writer *out = spore__rpc_call_result(w->call);
	spore__msgpack_map(out, 3);
	spore__msgpack_str(out, "next");
	spore__msgpack_uint(out, next);
	spore__msgpack_str(out, "anew");
	spore__msgpack_bool(out, anew);
	spore__msgpack_str(out, "tasks");
	spore__msgpack_array(out, count);
	spore__msgpack_raw(out, rows.data, rows.len);
	if (rows.err != 0)
		out->err = rows.err;
	spore__msgpack_writer_finish(&rows);
	spore__rpc_call_done(w->call);
}

// ---- turns

// 1: all have. -1: one cannot, or the time is over, or what is left of it will not end. 0: wait.
static int look(struct spore__wait *w, uint64_t now)
{
	struct spore__hold_state s;
	bool late = w->deadline_ms != 0 && w->deadline_ms <= now, all = true, stuck = w->count > 0, never = false;
	if (w->kind == SPORE__WAIT_EVENTS)
		return late || w->tasks->change > w->since || w->since > w->tasks->change ? 1 : 0;
	for (size_t i = 0; i < w->count && (all || !never || stuck); i++) {
		int reached = item_reached(w, &w->items[i]);
		all = all && reached == 1;
		never = never || reached < 0;
		stuck = stuck && (reached == 1 || survivors_of(w->items[i].task, &s));
		if (w->kind != SPORE__WAIT_UNTIL && reached == 0 && !survivors_of(w->items[i].task, &s))
			return late ? -1 : 0; // the others do not matter yet
	}
	const struct spore__system *system =
	    w->system != NULL ? spore__table_system(&w->tasks->table, w->system) : NULL;
	if (all && (system == NULL || !system->ending))
		return 1;
	if (late || (w->kind == SPORE__WAIT_STOPPED && stuck) || (w->kind != SPORE__WAIT_STOPPED && never))
		return -1;
	return 0;
}

void spore__waits_settle(struct spore__tasks *t)
{
	uint64_t now = uv_now(t->loop);
	for (struct spore__wait **at = &t->waits; *at != NULL;) {
		struct spore__wait *w = *at;
		int result = w->gone ? 1 : look(w, now);
		if (result == 0) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		if (w->gone)
			spore__rpc_call_fail(w->call, SPORE_ECANCELLED, "the caller is gone");
		else if (w->kind == SPORE__WAIT_EVENTS)
			answer_events(w);
		else
			answer(w, result == 1);
		spore__wait_discard(w);
	}
}

uint64_t spore__waits_due(const struct spore__tasks *t)
{
	uint64_t next = 0;
	for (const struct spore__wait *w = t->waits; w != NULL; w = w->next)
		next = w->deadline_ms != 0 && (next == 0 || w->deadline_ms < next) ? w->deadline_ms : next;
	return next;
}
