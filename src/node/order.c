#include "node/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const conditions[] = {"started", "ready", "healthy", "completed"};
enum { CONDITIONS = sizeof conditions / sizeof conditions[0] };

void spore__order_free(struct spore__dependency *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i].task);
	free(list);
}

static bool parse_one(const char *text, struct spore__dependency *d, char *why, size_t size)
{
	char name[SPORE__NAME_MAX + 1];
	size_t len = strcspn(text, " "), i = 0;
	while (i < CONDITIONS && (text[len] != ' ' || strcmp(text + len + 1, conditions[i]) != 0))
		i++;
	(void)snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : 0), text);
	if (i == CONDITIONS || !spore__name_is_valid(name)) {
		(void)snprintf(why, size, "after: '%.100s' is not TASK and one of started, ready, healthy, completed",
		               text);
		return false;
	}
	d->condition = (enum spore__condition)i;
	d->task = strdup(name);
	if (d->task == NULL)
		(void)snprintf(why, size, "out of memory");
	return d->task != NULL;
}

bool spore__order_parse(const spore__texts after, struct spore__dependency **list, size_t *count, char *why,
                        size_t size)
{
	size_t n = 0;
	*list = NULL;
	*count = 0;
	while (after != NULL && after[n] != NULL)
		n++;
	if (n == 0)
		return true;
	*list = calloc(n, sizeof **list);
	if (*list == NULL) {
		(void)snprintf(why, size, "out of memory");
		return false;
	}
	for (; *count < n; ++*count)
		if (!parse_one(after[*count], &(*list)[*count], why, size)) {
			spore__order_free(*list, *count);
			*list = NULL;
			*count = 0;
			return false;
		}
	return true;
}

bool spore__order_comes_after(const struct spore__task *task, const char *name)
{
	for (size_t i = 0; i < task->after_count; i++)
		if (strcmp(task->after[i].task, name) == 0)
			return true;
	return false;
}

// Searches breadth first what comes before, so that the way that is named is a short one.
struct search {
	const struct spore__table *table;
	const char *system;
	struct step {
		struct spore__task *task;
		size_t from; // index of the step that comes after it
	} * steps;
	size_t count;
};

static void search_add(struct search *s, const char *name, size_t from)
{
	size_t count, first = spore__table_range(s->table, s->system, name, &count);
	for (size_t i = first; i < first + count; i++) {
		struct spore__task *task = s->table->tasks[i];
		if (!task->visited)
			s->steps[s->count++] = (struct step){task, from};
		task->visited = true;
	}
}

static void say_way(const struct search *s, size_t at, const char *name, char *why, size_t size)
{
	char way[400];
	const char *names[16];
	size_t len = 0, count = 0;
	for (size_t i = at; count < 16 && i != SIZE_MAX; i = s->steps[i].from)
		names[count++] = s->steps[i].task->name;
	way[0] = '\0';
	while (count > 0 && len < sizeof way)
		len += (size_t)snprintf(way + len, sizeof way - len, " after %s", names[--count]);
	(void)snprintf(why, size, "after: %s%s after %s: they would wait for each other for ever", name, way, name);
}

static bool is_named(const struct spore__table *t, size_t first, size_t count, const char *name)
{
	for (size_t i = first; i < first + count; i++)
		if (spore__order_comes_after(t->tasks[i], name))
			return true;
	return false;
}

bool spore__order_is_free_of_cycles(const struct spore__table *t, const char *system, const char *name,
                                    const struct spore__dependency *list, size_t count, char *why, size_t size)
{
	size_t tasks, first = spore__table_range(t, system, NULL, &tasks);
	struct search s = {.table = t, .system = system};
	bool good = true;
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].task, name) == 0) {
			(void)snprintf(why, size, "after: %s after itself: it would wait for ever", name);
			return false;
		}
	if (count == 0 || !is_named(t, first, tasks, name))
		return true;
	s.steps = malloc(tasks * sizeof *s.steps);
	if (s.steps == NULL) {
		(void)snprintf(why, size, "out of memory");
		return false;
	}
	for (size_t i = 0; i < count; i++)
		search_add(&s, list[i].task, SIZE_MAX);
	for (size_t at = 0; good && at < s.count; at++) {
		const struct spore__task *task = s.steps[at].task;
		good = !spore__order_comes_after(task, name);
		if (!good)
			say_way(&s, at, name, why, size);
		for (size_t k = 0; good && k < task->after_count; k++)
			search_add(&s, task->after[k].task, at);
	}
	for (size_t i = first; i < first + tasks; i++)
		t->tasks[i]->visited = false;
	free(s.steps);
	return good;
}

// Has this one reached CONDITION? Else *WHY is what it does instead.
static bool has_reached(const struct spore__task *d, enum spore__condition condition, const char **why, bool *vain)
{
	bool completed = d->wanted && d->done && !d->failed && !d->launch_failed && d->generation > 0;
	*why = "";
	*vain = (d->wanted && d->done && (d->failed || d->launch_failed)) || (!d->wanted && !d->stopping) ||
	        (d->gated && d->vain);
	if (d->wanted && d->done && (d->failed || d->launch_failed)) {
		*why = ", which has failed";
		return false;
	}
	if (!d->wanted && !d->stopping) {
		*why = ", which is not started";
		return false;
	}
	if (d->stopping || d->relaunch) {
		*why = ", which is being stopped";
		return false;
	}
	if (condition == SPORE__AFTER_COMPLETED)
		return completed;
	if (completed)
		return true;
	if (d->hold == NULL)
		return false;
	switch (condition) {
	case SPORE__AFTER_STARTED:
		return d->state == SPORE__TASK_RUNNING || (d->state == SPORE__TASK_STARTING && d->run > 0);
	case SPORE__AFTER_HEALTHY:
		return d->state == SPORE__TASK_RUNNING && d->healthy;
	default:
		return d->state == SPORE__TASK_RUNNING;
	}
}

bool spore__order_waits(const struct spore__table *t, const struct spore__task *task, char *why, size_t size,
                        bool *vain)
{
	static const char *const words[] = {"be started", "be ready", "be healthy", "complete"};
	for (size_t i = 0; i < task->after_count; i++) {
		const struct spore__dependency *d = &task->after[i];
		size_t count, first = spore__table_range(t, task->system->name, d->task, &count);
		if (count == 0) {
			*vain = true;
			(void)snprintf(why, size, "for %s, which is not defined", d->task);
			return true;
		}
		for (size_t k = first; k < first + count; k++) {
			const char *instead;
			char name[SPORE__FULL_NAME];
			if (has_reached(t->tasks[k], d->condition, &instead, vain))
				continue;
			spore__task_full_name(t->tasks[k], name);
			(void)snprintf(why, size, "for %s to %s%s", name, words[d->condition], instead);
			return true;
		}
	}
	return false;
}

const struct spore__task *spore__order_dependant(const struct spore__table *t, const struct spore__task *task)
{
	size_t count, first = spore__table_range(t, task->system->name, NULL, &count);
	for (size_t i = first; i < first + count; i++) {
		const struct spore__task *other = t->tasks[i];
		if (other != task && other->stopping && spore__task_is_active(other) &&
		    spore__order_comes_after(other, task->name))
			return other;
	}
	return NULL;
}
