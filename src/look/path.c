#include "look/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

// [SYSTEM/]TASK[@REPLICA][.PORT], cut in its parts.
struct place {
	char task[600];
	const char *replica, *port; // "": none
	char rest[300];
};

static void cut(const char *name, struct place *p)
{
	(void)snprintf(p->task, sizeof p->task, "%s", name);
	char *dot = strrchr(p->task, '.');
	(void)snprintf(p->rest, sizeof p->rest, "%s", dot != NULL ? dot + 1 : "");
	if (dot != NULL)
		*dot = '\0';
	char *at = strrchr(p->task, '@');
	p->replica = at != NULL ? at + 1 : "";
	p->port = p->rest;
	if (at != NULL)
		*at = '\0';
}

bool spore__path_is_at(const char *port, const char *asked)
{
	struct place p, a;
	cut(port, &p);
	cut(asked, &a);
	return strcmp(p.task, a.task) == 0 && (a.port[0] == '\0' || strcmp(a.port, p.port) == 0) &&
	       (a.replica[0] == '\0' || p.replica[0] == '\0' || strcmp(a.replica, p.replica) == 0);
}

void spore__path_narrow(const char *port, const char *asked, char *out, size_t size)
{
	struct place p, a;
	cut(port, &p);
	cut(asked, &a);
	const char *replica = a.replica[0] != '\0' ? a.replica : p.replica;
	(void)snprintf(out, size, "%s%s%s.%s", p.task, replica[0] != '\0' ? "@" : "", replica, p.port);
}

// The replicas of a task are one.
struct name {
	const char *s;
	size_t len;
};

// One way over a wire.
struct step {
	const char *port; // where it comes to
	size_t from, to;  // tasks
	bool begins, ends;
	bool taken;
	size_t before; // the step by which its task was reached; NONE: it begins
};

enum { NONE = -1 };

struct search {
	struct name *names;
	size_t name_count;
	struct step *steps;
	size_t step_count;
	size_t *queue; // of steps
	size_t queued;
};

static struct name task_of(const char *port)
{
	const char *dot = strrchr(port, '.'), *at = strchr(port, '@');
	size_t len = dot != NULL ? (size_t)(dot - port) : strlen(port);
	return (struct name){.s = port, .len = at != NULL && (size_t)(at - port) < len ? (size_t)(at - port) : len};
}

static int compare(const void *left, const void *right)
{
	const struct name *a = left, *b = right;
	int order = memcmp(a->s, b->s, a->len < b->len ? a->len : b->len);
	return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static size_t index_of(const struct search *s, const char *port)
{
	struct name name = task_of(port);
	const struct name *found = bsearch(&name, s->names, s->name_count, sizeof name, compare);
	return (size_t)(found - s->names);
}

static void add_step(struct search *s, const char *left, const char *right, const char *from, const char *to)
{
	s->steps[s->step_count++] = (struct step){.port = right,
	                                          .from = index_of(s, left),
	                                          .to = index_of(s, right),
	                                          .begins = spore__path_is_at(left, from),
	                                          .ends = spore__path_is_at(right, to),
	                                          .before = (size_t)NONE};
}

static void begin(struct search *s, const struct spore__wire_list *list, const char *from, const char *to)
{
	size_t ends = 2 * list->count + 1, kept = 0;
	s->names = spore__xcalloc(ends, sizeof s->names[0]);
	s->steps = spore__xcalloc(ends, sizeof s->steps[0]);
	s->queue = spore__xcalloc(ends, sizeof s->queue[0]);
	for (size_t i = 0; i < list->count; i++) {
		s->names[s->name_count++] = task_of(list->items[i].from);
		s->names[s->name_count++] = task_of(list->items[i].to);
	}
	qsort(s->names, s->name_count, sizeof s->names[0], compare);
	for (size_t i = 0; i < s->name_count; i++)
		if (kept == 0 || compare(&s->names[kept - 1], &s->names[i]) != 0)
			s->names[kept++] = s->names[i];
	s->name_count = kept;
	for (size_t i = 0; i < list->count; i++) {
		const struct spore__wire_info *w = &list->items[i];
		add_step(s, w->from, w->to, from, to);
		if (w->duplex)
			add_step(s, w->to, w->from, from, to);
	}
}

static void take(struct search *s, size_t step, size_t before)
{
	s->steps[step].taken = true;
	s->steps[step].before = before;
	s->queue[s->queued++] = step;
}

// Breadth first. The last step; NONE: there is no way.
static size_t search(struct search *s)
{
	for (size_t i = 0; i < s->step_count; i++)
		if (s->steps[i].begins)
			take(s, i, (size_t)NONE);
	for (size_t first = 0; first < s->queued; first++) {
		const struct step *reached = &s->steps[s->queue[first]];
		if (reached->ends)
			return s->queue[first];
		for (size_t i = 0; i < s->step_count; i++)
			if (!s->steps[i].taken && s->steps[i].from == reached->to)
				take(s, i, s->queue[first]);
	}
	return (size_t)NONE;
}

static char *stop_at(const char *port)
{
	struct name task = task_of(port);
	return spore__xstrndup(task.s, task.len);
}

static void gather(const struct search *s, size_t last, const char *from, const char *to, struct spore__path *path)
{
	size_t i = last, at;
	path->count = 2;
	while ((i = s->steps[i].before) != (size_t)NONE)
		path->count++;
	path->stops = spore__xcalloc(path->count, sizeof *path->stops);
	at = path->count - 1;
	path->stops[at] = spore__xstrdup(to);
	for (i = s->steps[last].before; i != (size_t)NONE; i = s->steps[i].before)
		path->stops[--at] = stop_at(s->steps[i].port);
	path->stops[0] = spore__xstrdup(from);
}

void spore__path_find(const struct spore__wire_list *list, const char *from, const char *to, struct spore__path *path)
{
	struct search s = {0};
	*path = (struct spore__path){0};
	begin(&s, list, from, to);
	size_t last = search(&s);
	if (last != (size_t)NONE)
		gather(&s, last, from, to, path);
	free(s.names);
	free(s.steps);
	free(s.queue);
}

void spore__path_finish(struct spore__path *path)
{
	for (size_t i = 0; i < path->count; i++)
		free(path->stops[i]);
	free(path->stops);
	*path = (struct spore__path){0};
}
