// The wires of stdin and stdout: they are in the specification that a hold is started with, since they have to be there before the program.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/hold.h"
#include "node/tasks.h"
#include "node/wires.h"

static bool fits(const struct spore__wire_end *e, int64_t replica)
{
	return e->replica == 0 || e->replica == replica;
}

static const struct spore__wire_end *other_end(const struct spore__wire_end *e)
{
	return &e->wire->ends[e == &e->wire->ends[0]];
}

static bool set(struct spore__wires *w, const struct spore__spec *spec, const char *port, char **out, bool *changed)
{
	const char *system = spec->system != NULL ? spec->system : "";
	const struct spore__plug *p = spore__plug_find(w, system, spec->task, port, false);
	char name[SPORE__PORT_NAME] = "";
	for (const struct spore__wire_end *e = p != NULL ? p->ends : NULL; e != NULL; e = e->next)
		if (fits(e, spec->replica)) {
			spore__wire_end_name(other_end(e), name);
			break;
		}
	*changed |= strcmp(*out != NULL ? *out : "", name) != 0;
	free(*out);
	*out = name[0] != '\0' ? strdup(name) : NULL;
	return *out != NULL || name[0] == '\0';
}

bool spore__plain_wires(struct spore__tasks *t, struct spore__spec *spec, bool *changed, char *why, size_t size)
{
	struct spore__wires *w = &t->wires;
	bool other = false;
	if (!set(w, spec, "stdin", &spec->wire_stdin, &other) || !set(w, spec, "stdout", &spec->wire_stdout, &other) ||
	    !set(w, spec, "stdio", &spec->wire_stdio, &other)) {
		(void)snprintf(why, size, "out of memory");
		return false;
	}
	if (changed != NULL)
		*changed = other;
	const char *in = spec->wire_stdin != NULL ? spec->wire_stdin : spec->wire_stdio;
	const char *any = in != NULL ? in : spec->wire_stdout;
	if (spec->wire_stdio != NULL && (spec->wire_stdin != NULL || spec->wire_stdout != NULL))
		(void)snprintf(why, size, "its stdio is wired to %s, and its %s to %s: one of the two",
		               spec->wire_stdio, spec->wire_stdin != NULL ? "stdin" : "stdout",
		               spec->wire_stdin != NULL ? spec->wire_stdin : spec->wire_stdout);
	else if (spec->tty && any != NULL)
		(void)snprintf(why, size,
		               "its stdin and stdout are a terminal, and one is wired to %s: leave out 'tty'", any);
	else if (spec->stdin_from != SPORE__STDIN_NULL && in != NULL)
		(void)snprintf(why, size, "its stdin is wired to %s: leave out 'stdin'", in);
	else
		return true;
	return false;
}

bool spore__plain_is_stdio(const char *port)
{
	return strcmp(port, "stdin") == 0 || strcmp(port, "stdout") == 0 || strcmp(port, "stdio") == 0;
}

// The next task from *AT on that runs and has this end. NULL: none.
static struct spore__task *next_active(struct spore__tasks *t, const char *system, const char *task, int64_t replica,
                                       size_t *at)
{
	size_t count, first = spore__table_range(&t->table, system, task, &count);
	for (; *at < count; ++*at) {
		struct spore__task *found = t->table.tasks[first + *at];
		if (spore__task_is_active(found) && (replica == 0 || found->replica == replica)) {
			++*at;
			return found;
		}
	}
	return NULL;
}

bool spore__plain_is_active(struct spore__tasks *t, const struct spore__wish *wish, char *why, size_t size)
{
	for (int i = 0; i < 2; i++) {
		size_t at = 0;
		const char *slash = wish->ends[i].system[0] != '\0' ? "/" : "";
		if (!spore__plain_is_stdio(wish->ends[i].port) ||
		    next_active(t, wish->ends[i].system, wish->ends[i].task, wish->ends[i].replica, &at) == NULL)
			continue;
		(void)snprintf(
		    why, size,
		    "%s%s%s runs, and a program that runs cannot be given another %s; first 'spore stop %s%s%s', "
		    "and start it again then",
		    wish->ends[i].system, slash, wish->ends[i].task, wish->ends[i].port, wish->ends[i].system, slash,
		    wish->ends[i].task);
		return true;
	}
	return false;
}

void spore__plain_renew(struct spore__tasks *t, const struct spore__wire *wire)
{
	for (int i = 0; i < 2; i++) {
		const struct spore__wire_end *e = &wire->ends[i];
		struct spore__task *task;
		size_t at = 0;
		while (spore__plain_is_stdio(e->plug->port) &&
		       (task = next_active(t, e->plug->system, e->plug->task, e->replica, &at)) != NULL)
			if (!task->stopping && !task->removing && task->wanted)
				spore__task_replace(t, task);
	}
}
