// The wires of stdin and stdout: they are in the specification that a hold is started with, since they have to be there before the program.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/hold.h"
#include "node/tasks.h"
#include "node/wire_ask.h"
#include "node/wires.h"

static bool fits(const struct spore__wire_end *e, int64_t replica)
{
	return e->replica == 0 || e->replica == replica;
}

static const struct spore__wire_end *other_end(const struct spore__wire_end *e)
{
	return &e->wire->ends[e == &e->wire->ends[0]];
}

// What is wired to PORT of the task. NULL: nothing.
static const struct spore__wire_end *wired_to(const struct spore__wires *w, const struct spore__spec *spec,
                                              const char *port)
{
	const char *system = spec->system != NULL ? spec->system : "";
	const struct spore__plug *p = spore__plug_find((struct spore__wires *)w, system, spec->task, port, false);
	for (const struct spore__wire_end *e = p != NULL ? p->ends : NULL; e != NULL; e = e->next)
		if (fits(e, spec->replica))
			return other_end(e);
	return NULL;
}

// NAME: of the port at the other end, "" where there is none. Where it can be tapped the other end may become another one.
static bool set(const struct spore__wires *w, const struct spore__spec *spec, const char *port,
                char name[SPORE__PORT_NAME], char **direct, bool *tap, bool *changed)
{
	const struct spore__wire_end *other = wired_to(w, spec, port);
	bool tapped = other != NULL && other->wire->tap;
	name[0] = '\0';
	if (other != NULL)
		spore__wire_end_name(other, name);
	const char *wanted = tapped ? "" : name;
	*changed |= tapped != *tap || strcmp(*direct != NULL ? *direct : "", wanted) != 0;
	*tap = tapped;
	free(*direct);
	*direct = wanted[0] != '\0' ? strdup(wanted) : NULL;
	return *direct != NULL || wanted[0] == '\0';
}

bool spore__plain_wires(struct spore__tasks *t, struct spore__spec *spec, bool *changed, char *why, size_t size)
{
	const struct spore__wires *w = &t->wires;
	char in[SPORE__PORT_NAME], out[SPORE__PORT_NAME], both[SPORE__PORT_NAME];
	bool other = false;
	if (!set(w, spec, "stdin", in, &spec->wire_stdin, &spec->tap_stdin, &other) ||
	    !set(w, spec, "stdout", out, &spec->wire_stdout, &spec->tap_stdout, &other) ||
	    !set(w, spec, "stdio", both, &spec->wire_stdio, &spec->tap_stdio, &other)) {
		(void)snprintf(why, size, "out of memory");
		return false;
	}
	if (changed != NULL)
		*changed = other;
	const char *reads = in[0] != '\0' ? in : both, *any = reads[0] != '\0' ? reads : out;
	if (both[0] != '\0' && (in[0] != '\0' || out[0] != '\0'))
		(void)snprintf(why, size, "its stdio is wired to %s, and its %s to %s: one of the two", both,
		               in[0] != '\0' ? "stdin" : "stdout", in[0] != '\0' ? in : out);
	else if (spec->tty && any[0] != '\0')
		(void)snprintf(why, size,
		               "its stdin and stdout are a terminal, and one is wired to %s: leave out 'tty'", any);
	else if (spec->stdin_from != SPORE__STDIN_NULL && reads[0] != '\0')
		(void)snprintf(why, size, "its stdin is wired to %s: leave out 'stdin'", reads);
	else
		return true;
	return false;
}

bool spore__plain_is_wired(const struct spore__spec *s)
{
	return s->wire_stdin != NULL || s->wire_stdout != NULL || s->wire_stdio != NULL || s->tap_stdin ||
	       s->tap_stdout || s->tap_stdio;
}

unsigned spore__plain_bit(const char *port)
{
	static const char *const ports[] = {"stdin", "stdout", "stdio"};
	for (unsigned i = 0; i < sizeof ports / sizeof ports[0]; i++)
		if (strcmp(port, ports[i]) == 0)
			return 1U << i;
	return 0;
}

bool spore__plain_is_stdio(const char *port)
{
	return spore__plain_bit(port) != 0;
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

// Can the port of TASK, which runs, be wired otherwise? It was started so. That it is not open now may be because what came is still being read.
static bool is_pumped(const struct spore__task *task, const char *port)
{
	return task->hold != NULL && (task->hold->pumped & spore__plain_bit(port)) != 0;
}

// ---- what a start waits for

// Nobody at the other end runs, or will. STATE of the first of them. False: somebody does.
static bool has_ended(struct spore__tasks *t, const struct spore__wire_end *e, const char **state)
{
	size_t count, first = spore__table_range(&t->table, e->plug->system, e->plug->task, &count);
	*state = NULL;
	for (size_t i = first; i < first + count; i++) {
		const struct spore__task *task = t->table.tasks[i];
		if (!fits(e, task->replica))
			continue;
		if (task->state != SPORE__TASK_ENDED && task->state != SPORE__TASK_FAILED &&
		    task->state != SPORE__TASK_STOPPED && task->state != SPORE__TASK_DEFINED)
			return false;
		*state = spore__task_state_word(task->state);
	}
	return true;
}

// The port of TASK at its end E, which has no channel. NULL: there is none.
static const struct spore__port *lonely_port(const struct spore__task *task, const struct spore__wire_end *e)
{
	for (const struct spore__port *p = e->plug->ports; p != NULL; p = p->next)
		if (p->hold == task->hold)
			return p->joint_count == 0 ? p : NULL;
	return NULL;
}

static bool why_at(const struct spore__task *task, const struct spore__wire_end *e, char *why, size_t size)
{
	struct spore__tasks *t = task->hold->tasks;
	const struct spore__wire_end *other = other_end(e);
	const struct spore__port *p = lonely_port(task, e);
	const struct spore__plug *plug = other->plug;
	const char *state;
	char name[SPORE__PORT_NAME], peer[SPORE__PORT_NAME];
	if (p == NULL)
		return false;
	spore__wire_end_name(other, name);
	(void)snprintf(peer, sizeof peer, "%s%s%s", plug->system, plug->system[0] != '\0' ? "/" : "", plug->task);
	if (!has_ended(t, other, &state)) {
		if (spore__wire_is_unfit(e->wire, why, size))
			return true;
		if (!spore__wire_leaves(t, e->wire, e == &e->wire->ends[1], p))
			return false;
		(void)snprintf(why, size,
		               "%s is wired to %s, which has no channel for it; give both tasks as many replicas",
		               e->plug->port, name);
	} else if (state == NULL) {
		(void)snprintf(why, size, "%s is wired to %s, and there is no task %s", e->plug->port, name, peer);
	} else {
		(void)snprintf(why, size, "%s is wired to %s, and %s is %s; 'spore start %s' runs it%s", e->plug->port,
		               name, peer, state, peer, strcmp(state, "ended") == 0 ? " again" : "");
	}
	return true;
}

bool spore__plain_why(const struct spore__task *task, char *why, size_t size)
{
	static const char *const ports[] = {"stdin", "stdout", "stdio"};
	if (task->hold == NULL || task->phase != SPORE__PHASE_WAITING || task->stopping)
		return false;
	for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
		const struct spore__plug *p =
		    spore__plug_find(&task->hold->tasks->wires, task->system->name, task->name, ports[i], false);
		for (const struct spore__wire_end *e = p != NULL ? p->ends : NULL; e != NULL; e = e->next)
			if (fits(e, task->replica) && why_at(task, e, why, size))
				return true;
	}
	return false;
}

// ----

bool spore__plain_is_active(struct spore__tasks *t, const struct spore__wish *wish, char *why, size_t size)
{
	for (int i = 0; i < 2; i++) {
		const char *system = wish->ends[i].system, *name = wish->ends[i].task, *port = wish->ends[i].port;
		const char *slash = system[0] != '\0' ? "/" : "";
		const struct spore__task *task;
		size_t at = 0;
		while (spore__plain_is_stdio(port) &&
		       (task = next_active(t, system, name, wish->ends[i].replica, &at)) != NULL) {
			if (is_pumped(task, port))
				continue;
			(void)snprintf(
			    why, size,
			    "%s%s%s runs, and a program that runs cannot be given another %s; first 'spore stop "
			    "%s%s%s', and start it again then. With 'tap: true' (--tap) it is started so that it can",
			    system, slash, name, port, system, slash, name);
			return true;
		}
	}
	return false;
}

void spore__plain_renew(const struct spore__asking *asking, const struct spore__wire *wire, bool write)
{
	struct spore__tasks *t = asking->t;
	for (int i = 0; i < 2; i++) {
		const struct spore__wire_end *e = &wire->ends[i];
		struct spore__task *task;
		size_t at = 0;
		while (spore__plain_is_stdio(e->plug->port) &&
		       (task = next_active(t, e->plug->system, e->plug->task, e->replica, &at)) != NULL)
			if (task->stopping || task->removing || !task->wanted || is_pumped(task, e->plug->port) ||
			    spore__asking_replaces(asking, e->plug->system, e->plug->task))
				continue;
			else if (write)
				spore__task_intend(t, task, SPORE__INTENT_REPLACE);
			else
				spore__task_replace(t, task);
	}
}

bool spore__plain_has_lost(const struct spore__task *task)
{
	const struct spore__hold *hold = task->hold;
	if (hold == NULL || !hold->outdated || task->phase == SPORE__PHASE_WAITING)
		return false;
	for (const struct spore__port *p = hold->ports; p != NULL; p = p->next_of_hold)
		if (spore__plain_is_stdio(p->name) && !p->pumped && p->joint_count == 0)
			return true;
	return false;
}

void spore__plain_stays(struct spore__task *task)
{
	struct spore__hold *hold = task->hold;
	if (hold == NULL || !hold->outdated)
		return;
	hold->outdated = false;
	for (struct spore__port *p = hold->ports; p != NULL; p = p->next_of_hold)
		if (p->plug != NULL)
			spore__plug_is_dirty(&hold->tasks->wires, p->plug);
}

void spore__plain_outdate(const struct spore__asking *asking)
{
	struct spore__table *table = &asking->t->table;
	size_t count, first = spore__table_range(table, asking->system, NULL, &count);
	for (size_t i = first; i < first + count; i++) {
		const struct spore__task *task = table->tasks[i];
		if (task->hold != NULL && spore__asking_replaces(asking, asking->system, task->name))
			task->hold->outdated = true;
	}
}
