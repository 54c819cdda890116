#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/declared.h"
#include "node/lend.h"
#include "node/task.h"

const char *spore__task_state_word(enum spore__task_state state)
{
	static const char *const words[] = {"defined",  "waiting", "scheduled", "starting", "running",
	                                    "stopping", "ended",   "stopped",   "failed",   "removed"};
	_Static_assert(sizeof words / sizeof words[0] == SPORE__TASK_REMOVED + 1, "each state has a word");
	return words[state];
}

static int compare(const struct spore__task *task, const char *system, const char *name, int64_t replica)
{
	int order = strcmp(task->system->name, system);
	if (order == 0)
		order = strcmp(task->name, name);
	return order != 0 ? order : task->replica < replica ? -1 : task->replica > replica;
}

// The index of the first task that is not before this one.
static size_t place_of(const struct spore__table *t, const char *system, const char *name, int64_t replica)
{
	size_t low = 0, high = t->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare(t->tasks[middle], system, name, replica) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t system_place(const struct spore__table *t, const char *name)
{
	size_t low = 0, high = t->system_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(t->systems[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

// Room for one more at index AT of the list.
static bool make_room(void ***list, size_t *count, size_t *cap, size_t at)
{
	if (*count == *cap) {
		size_t more = *cap == 0 ? 16 : *cap * 2;
		void **larger = realloc(*list, more * sizeof **list);
		if (larger == NULL)
			return false;
		*list = larger;
		*cap = more;
	}
	memmove(*list + at + 1, *list + at, (*count - at) * sizeof **list);
	++*count;
	return true;
}

static void take_out(void **list, size_t *count, size_t at)
{
	--*count;
	memmove(list + at, list + at + 1, (*count - at) * sizeof *list);
}

struct spore__system *spore__table_system(const struct spore__table *t, const char *name)
{
	size_t at = system_place(t, name);
	return at < t->system_count && strcmp(t->systems[at]->name, name) == 0 ? t->systems[at] : NULL;
}

struct spore__system *spore__table_add_system(struct spore__table *t, const char *name)
{
	struct spore__system *s = spore__table_system(t, name);
	if (s != NULL)
		return s;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	(void)snprintf(s->name, sizeof s->name, "%s", name);
	size_t at = system_place(t, name);
	if (!make_room((void ***)&t->systems, &t->system_count, &t->system_cap, at)) {
		free(s);
		return NULL;
	}
	t->systems[at] = s;
	return s;
}

static void free_system(struct spore__system *s)
{
	free(s->manifest);
	free(s);
}

void spore__table_remove_system(struct spore__table *t, struct spore__system *s)
{
	take_out((void **)t->systems, &t->system_count, system_place(t, s->name));
	free_system(s);
}

size_t spore__table_range(const struct spore__table *t, const char *system, const char *name, size_t *count)
{
	size_t from = place_of(t, system, name != NULL ? name : "", 0), to = from;
	while (to < t->count && strcmp(t->tasks[to]->system->name, system) == 0 &&
	       (name == NULL || strcmp(t->tasks[to]->name, name) == 0))
		to++;
	*count = to - from;
	return from;
}

struct spore__task *spore__table_find(const struct spore__table *t, const char *system, const char *name,
                                      int64_t replica)
{
	size_t at = place_of(t, system, name, replica);
	return at < t->count && compare(t->tasks[at], system, name, replica) == 0 ? t->tasks[at] : NULL;
}

size_t spore__table_behind(const struct spore__table *t, const char *system, const char *name, int64_t replica)
{
	size_t at = place_of(t, system, name, replica);
	return at < t->count && compare(t->tasks[at], system, name, replica) == 0 ? at + 1 : at;
}

struct spore__task *spore__table_add(struct spore__table *t, const char *system, const char *name, int64_t replica)
{
	struct spore__system *s = spore__table_add_system(t, system);
	size_t len = strlen(name) + 1;
	struct spore__task *task = s != NULL ? calloc(1, sizeof *task + len) : NULL;
	if (task == NULL)
		return NULL;
	size_t at = place_of(t, system, name, replica);
	if (!make_room((void ***)&t->tasks, &t->count, &t->cap, at)) {
		free(task);
		return NULL;
	}
	memcpy(task->name, name, len);
	task->replica = replica;
	task->system = s;
	task->refs = 1;
	s->tasks++;
	t->tasks[at] = task;
	return task;
}

void spore__table_remove(struct spore__table *t, struct spore__task *task)
{
	assert(!spore__task_is_active(task)); // its hold would speak of what is freed
	take_out((void **)t->tasks, &t->count, place_of(t, task->system->name, task->name, task->replica));
	task->system->tasks--;
	task->state = SPORE__TASK_REMOVED;
	spore__task_unref(task);
}

static void free_task(struct spore__task *task)
{
	for (size_t i = 0; i < task->after_count; i++)
		free(task->after[i].task);
	free(task->after);
	free(task->schedule);
	free(task->every);
	free(task->source);
	spore__declared_free(task->ports);
	free(task->why);
	free(task->tried);
	spore__lend_end(task);
	free(task->said);
	free(task);
}

void spore__task_unref(struct spore__task *task)
{
	if (--task->refs == 0)
		free_task(task);
}

void spore__table_finish(struct spore__table *t)
{
	for (size_t i = 0; i < t->count; i++)
		spore__task_unref(t->tasks[i]);
	for (size_t i = 0; i < t->system_count; i++)
		free_system(t->systems[i]);
	free(t->tasks);
	free(t->systems);
	*t = (struct spore__table){0};
}

void spore__task_full_name(const struct spore__task *task, char out[SPORE__FULL_NAME])
{
	const char *system = task->system->name, *slash = system[0] != '\0' ? "/" : "";
	if (task->replica > 0)
		(void)snprintf(out, SPORE__FULL_NAME, "%s%s%s@%" PRId64, system, slash, task->name, task->replica);
	else
		(void)snprintf(out, SPORE__FULL_NAME, "%s%s%s", system, slash, task->name);
}

void spore__task_hold_name(const struct spore__task *task, int64_t generation, struct spore__hold_name *name)
{
	(void)snprintf(name->system, sizeof name->system, "%s", task->system->name);
	(void)snprintf(name->task, sizeof name->task, "%s", task->name);
	name->replica = task->replica;
	name->generation = generation;
}

bool spore__task_is_busy(const struct spore__task *task)
{
	return spore__task_is_active(task) || task->queued || task->gated ||
	       (task->wanted && task->schedule == NULL && task->due_ms != 0);
}

bool spore__task_is_active(const struct spore__task *task)
{
	return task->hold != NULL || task->old != NULL;
}

enum spore__task_state spore__task_resting_state(const struct spore__task *task)
{
	if (task->wanted && !task->done)
		return task->schedule != NULL && !task->gated && !task->queued && task->next_at != 0
		           ? SPORE__TASK_SCHEDULED
		           : SPORE__TASK_WAITING;
	if (task->wanted)
		return task->failed || task->launch_failed ? SPORE__TASK_FAILED : SPORE__TASK_ENDED;
	return task->generation == 0 ? SPORE__TASK_DEFINED : SPORE__TASK_STOPPED;
}
