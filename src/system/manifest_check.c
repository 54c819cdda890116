// What only the whole manifest can tell: names that refer to each other, circles, keys that do not go together.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "system/manifest_private.h"
#include "task/port.h"

enum { FULL = 2 * SPORE__NAME_MAX + 2 }; // TASK.PORT

static const char *nearest_task(const struct spore__manifest *m, const char *name)
{
	struct spore__strs names = {0};
	const char *near = NULL;
	for (size_t i = 0; i < m->count; i++)
		spore__strs_add(&names, m->tasks[i].name);
	if (names.count > 0)
		near = spore__nearest(name, (const char *const *)names.items);
	struct spore__manifest_task *task = near != NULL ? spore__manifest_task(m, near) : NULL;
	spore__strs_finish(&names);
	return task != NULL ? task->name : NULL;
}

static bool known_task(struct spore__manifest *m, yaml_mark_t mark, const char *what, const char *name)
{
	if (spore__manifest_task(m, name) != NULL)
		return true;
	const char *near = nearest_task(m, name);
	return spore__yaml_wrong(&m->yaml, mark, "%s: there is no task \"%.80s\"%s%s%s", what, name,
	                         near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
	                         near != NULL ? "\"?" : "");
}

static void check_after(struct spore__manifest *m, struct spore__manifest_task *task)
{
	for (size_t i = 0; i < task->after_count; i++) {
		struct spore__manifest_after *a = &task->after[i];
		if (strcmp(a->task, task->name) == 0) {
			(void)spore__yaml_wrong(&m->yaml, a->mark, "after: %s cannot come after itself", task->name);
			continue;
		}
		if (!known_task(m, a->mark, "after", a->task))
			continue;
		const struct spore__spec *other = &spore__manifest_task(m, a->task)->spec;
		if (strcmp(a->condition, "completed") == 0 && other->restart == SPORE__RESTART_ALWAYS)
			(void)spore__yaml_wrong(&m->yaml, a->mark,
			                        "after: %s never completes, because of its restart: always", a->task);
		if (strcmp(a->condition, "healthy") == 0 && other->alive == SPORE__ALIVE_NONE)
			(void)spore__yaml_wrong(&m->yaml, a->mark,
			                        "after: %s has no alive:, which says when it is healthy; write ready",
			                        a->task);
	}
}

enum { NEW, OPEN, DONE };

// Depth first, with a path of its own: a manifest may have many tasks in a row.
struct walk {
	struct spore__manifest *m;
	unsigned char *seen;
	size_t *path, *next;
	size_t depth;
};

static void tell_circle(struct walk *w, size_t from, yaml_mark_t mark)
{
	struct spore__buf text = {0};
	size_t start = 0;
	while (w->path[start] != from)
		start++;
	for (size_t i = start; i < w->depth && text.len < 400; i++)
		spore__buf_printf(&text, "%s after ", w->m->tasks[w->path[i]].name);
	spore__buf_str(&text, w->m->tasks[from].name);
	(void)spore__yaml_wrong(&w->m->yaml, mark, "after: these wait for each other: %s", text.data);
	spore__buf_finish(&text);
}

static void walk_from(struct walk *w, size_t root)
{
	if (w->seen[root] != NEW)
		return;
	w->path[0] = root;
	w->next[0] = 0;
	w->depth = 1;
	w->seen[root] = OPEN;
	while (w->depth > 0) {
		size_t at = w->path[w->depth - 1];
		const struct spore__manifest_task *task = &w->m->tasks[at];
		if (w->next[w->depth - 1] == task->after_count) {
			w->seen[at] = DONE;
			w->depth--;
			continue;
		}
		const struct spore__manifest_after *a = &task->after[w->next[w->depth - 1]++];
		const struct spore__manifest_task *other = spore__manifest_task(w->m, a->task);
		size_t to = other != NULL ? (size_t)(other - w->m->tasks) : at;
		if (to == at)
			continue; // told by check_after
		if (w->seen[to] == OPEN) {
			tell_circle(w, to, a->mark);
		} else if (w->seen[to] == NEW) {
			w->seen[to] = OPEN;
			w->path[w->depth] = to;
			w->next[w->depth++] = 0;
		}
	}
}

static void check_circles(struct spore__manifest *m)
{
	struct walk w = {.m = m};
	w.seen = spore__xcalloc(m->count + 1, 1);
	w.path = spore__xcalloc(m->count + 1, sizeof *w.path);
	w.next = spore__xcalloc(m->count + 1, sizeof *w.next);
	for (size_t i = 0; i < m->count; i++)
		walk_from(&w, i);
	free(w.seen);
	free(w.path);
	free(w.next);
}

static void check_together(struct spore__manifest *m, const struct spore__manifest_task *task)
{
	const struct spore__spec *s = &task->spec;
	if (s->every != NULL && s->restart == SPORE__RESTART_ALWAYS)
		(void)spore__yaml_wrong(&m->yaml, task->every_mark,
		                        "%s: every and restart: always do not go together: remove one of them",
		                        task->name);
	for (size_t i = 0; s->confine && i < task->port_count; i++)
		if (task->ports[i].as != NULL && spore__port_as_of(task->ports[i].as) > SPORE__AS_FIFO_OUT)
			(void)spore__yaml_wrong(&m->yaml, task->mark,
			                        "%s: a confined task has no sockets of this machine, and its port "
			                        "%s is one: take fifo-in and fifo-out",
			                        task->name, task->ports[i].name);
	if (s->tty && s->stdin_from != SPORE__STDIN_NULL)
		(void)spore__yaml_wrong(&m->yaml, task->mark,
		                        "%s: its stdin is its terminal (tty: true): remove stdin or tty", task->name);
}

static const struct spore__manifest_port *port_of(struct spore__manifest *m, const struct spore__manifest_end *e)
{
	const struct spore__manifest_task *task = spore__manifest_task(m, e->task);
	for (size_t i = 0; task != NULL && i < task->port_count; i++)
		if (strcmp(task->ports[i].name, e->port) == 0)
			return &task->ports[i];
	return NULL;
}

static void face_of(struct spore__manifest *m, const struct spore__manifest_end *e, char name[FULL],
                    struct spore__face *face)
{
	const struct spore__manifest_port *p = port_of(m, e);
	const struct spore__manifest_task *task = spore__manifest_task(m, e->task);
	(void)snprintf(name, FULL, "%s.%s", e->task, e->port);
	*face = (struct spore__face){
	    .name = name,
	    .kind = p != NULL && p->kind != NULL ? p->kind : "",
	    .shape = p != NULL ? spore__manifest_port_shape(p) : "",
	    .protocol = p != NULL && p->protocol != NULL ? p->protocol : "",
	    .wished = e->protocol != NULL ? e->protocol : "",
	    .framing = p != NULL && p->framing != NULL ? p->framing : "",
	    .as = p != NULL && p->as != NULL ? spore__port_as_of(p->as) : SPORE__AS_NONE,
	    .count = task != NULL && task->replicas > 0 ? task->replicas : 1,
	};
	face->plain = spore__port_is_standard(e->port) || face->as != SPORE__AS_NONE;
	if (face->plain) {
		face->kind = "bytes";
		face->shape = "connect";
	}
}

static bool same_end(const struct spore__manifest_end *a, const struct spore__manifest_end *b)
{
	return strcmp(a->task, b->task) == 0 && strcmp(a->port, b->port) == 0;
}

// NULL: neither end of W has to do with E.
static const struct spore__manifest_end *overlapping(const struct spore__manifest_wire *w,
                                                     const struct spore__manifest_end *e)
{
	const struct spore__manifest_end *const ends[] = {&w->from, &w->to};
	for (int i = 0; i < 2; i++)
		if (strcmp(ends[i]->task, e->task) == 0 && spore__ports_overlap(ends[i]->port, e->port))
			return ends[i];
	return NULL;
}

// The wires of each task, in their order: what is compared with each other is that of one task.
struct at_task {
	const char *task;
	size_t wire;
};

static int compare_at_task(const void *a, const void *b)
{
	const struct at_task *x = a, *y = b;
	int order = strcmp(x->task, y->task);
	return order != 0 ? order : (x->wire > y->wire) - (x->wire < y->wire);
}

static struct at_task *sort_by_task(const struct spore__manifest *m)
{
	struct at_task *all = spore__xcalloc(2 * m->wire_count + 1, sizeof *all);
	for (size_t i = 0; i < m->wire_count; i++) {
		all[2 * i] = (struct at_task){m->wires[i].from.task, i};
		all[2 * i + 1] = (struct at_task){m->wires[i].to.task, i};
	}
	qsort(all, 2 * m->wire_count, sizeof *all, compare_at_task);
	return all;
}

static const struct at_task *first_at_task(const struct spore__manifest *m, const struct at_task *all, const char *task)
{
	size_t low = 0, high = 2 * m->wire_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(all[middle].task, task) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return &all[low];
}

// A port that has one channel, as far as the manifest says so, has one wire.
static bool check_rivals(struct spore__manifest *m, const struct at_task *all, size_t index,
                         const struct spore__manifest_end *e, const struct spore__face *face)
{
	const struct spore__manifest_wire *w = &m->wires[index];
	// The wire itself is among those of its task.
	for (const struct at_task *at = first_at_task(m, all, e->task); at->wire < index; at++) {
		const struct spore__manifest_wire *other = &m->wires[at->wire];
		if (same_end(&other->from, &w->from) && same_end(&other->to, &w->to))
			return spore__yaml_wrong(&m->yaml, w->mark,
			                         "wires: %s.%s and %s.%s are wired already, in line %zu", w->from.task,
			                         w->from.port, w->to.task, w->to.port, other->mark.line + 1);
		const struct spore__manifest_end *own =
		    spore__shape_is_single(spore__shape_of(face->shape)) ? overlapping(other, e) : NULL;
		if (own != NULL && !same_end(own, e))
			return spore__yaml_wrong(&m->yaml, w->mark,
			                         "wires: stdio is stdin and stdout: %s.%s and %s.%s cannot both be "
			                         "wired; the other is in line %zu",
			                         e->task, e->port, own->task, own->port, other->mark.line + 1);
		if (own != NULL)
			return spore__yaml_wrong(
			    &m->yaml, w->mark,
			    "wires: %s.%s has one channel only (its shape is %s), and is wired already, in line %zu",
			    e->task, e->port, face->shape, other->mark.line + 1);
	}
	return true;
}

// Neither of two whose stdin and stdout are joined starts before the other one is there.
static bool check_order(struct spore__manifest *m, const struct spore__manifest_wire *w)
{
	const struct spore__manifest_end *ends[] = {&w->from, &w->to};
	for (int i = 0; i < 2; i++) {
		const struct spore__manifest_task *task = spore__manifest_task(m, ends[i]->task);
		for (size_t k = 0; task != NULL && k < task->after_count; k++)
			if (strcmp(task->after[k].task, ends[1 - i]->task) == 0)
				return spore__yaml_wrong(&m->yaml, w->mark,
				                         "wires: %s.%s and %s.%s start together, and %s comes after "
				                         "%s: leave out that 'after'",
				                         w->from.task, w->from.port, w->to.task, w->to.port,
				                         ends[i]->task, ends[1 - i]->task);
	}
	return true;
}

static void note_bridge(struct spore__manifest_wire *w, const struct spore__plan *plan, const char *left,
                        const char *right)
{
	char losses[SPORE__PLAN_TEXT];
	if (!plan->bridged)
		return;
	spore__plan_chain(plan, w->bridge);
	spore__plan_losses(plan, left, right, losses);
	if (losses[0] != '\0')
		w->losses = spore__xstrdup(losses);
	// They are part of the wish, so that the node has the same plan whatever the programs say.
	for (int i = 0; i < 2; i++) {
		char **protocol = i == 0 ? &w->from.protocol : &w->to.protocol;
		if (*protocol == NULL)
			*protocol = spore__xstrdup(plan->specs[i]);
	}
}

// What is lost on the whole way from those who come to it.
static void note_listener(struct spore__manifest *m, struct spore__manifest_wire *w, const struct spore__face *to)
{
	char losses[SPORE__PLAN_TEXT], why[SPORE__PLAN_TEXT];
	struct spore__plan plan;
	char *name = spore__xasprintf("listen %s", w->from.listen);
	free(w->losses);
	w->losses = NULL;
	w->bridge[0] = '\0';
	if (!spore__plan_listener(name, w->from.speaks, to, w->lossless, &plan, why, sizeof why)) {
		(void)spore__yaml_wrong(&m->yaml, w->mark, "wires: %s", why);
	} else if (plan.bridged) {
		spore__plan_chain(&plan, w->bridge);
		spore__plan_losses(&plan, name, to->name, losses);
		w->losses = losses[0] != '\0' ? spore__xstrdup(losses) : NULL;
	}
	free(name);
}

// Where a shape is none that was written, that is said too.
static void tell_misfit(struct spore__manifest *m, const struct spore__manifest_wire *w, const char *why)
{
	const struct spore__manifest_end *const ends[] = {&w->from, &w->to};
	struct spore__buf text = {0};
	spore__buf_str(&text, why);
	for (int i = 0; i < 2; i++) {
		const struct spore__manifest_port *p = port_of(m, ends[i]);
		if (p != NULL && p->shape == NULL && p->as == NULL && !spore__port_is_standard(p->name))
			spore__buf_printf(&text, "; ports: %s.%s says no shape, which is connect", ends[i]->task,
			                  p->name);
	}
	(void)spore__yaml_wrong(&m->yaml, w->mark, "wires: %s", text.data);
	spore__buf_finish(&text);
}

static void check_fit(struct spore__manifest *m, const struct at_task *all, size_t index)
{
	struct spore__manifest_wire *w = &m->wires[index];
	struct spore__face from, to;
	struct spore__plan plan;
	char left[FULL], right[FULL], why[SPORE__PLAN_TEXT];
	face_of(m, &w->from, left, &from);
	face_of(m, &w->to, right, &to);
	w->from.single = spore__shape_is_single(spore__shape_of(from.shape));
	w->to.single = spore__shape_is_single(spore__shape_of(to.shape));
	if (spore__manifest_task(m, w->from.task) == NULL || spore__manifest_task(m, w->to.task) == NULL)
		return;
	if (same_end(&w->from, &w->to))
		(void)spore__yaml_wrong(&m->yaml, w->mark, "wires: %s cannot be wired to itself", left);
	else if (!spore__plan_wire(&from, &to, w->duplex, w->lossless, &plan, why, sizeof why))
		tell_misfit(m, w, why);
	else if (!spore__replicas_fit(&from, &to, why, sizeof why))
		(void)spore__yaml_wrong(&m->yaml, w->mark, "wires: %s", why);
	else if (!spore__options_fit(&from, &to,
	                             &(struct spore__wire_says){w->slow != NULL, w->redeliver, w->tap, plan.bridged},
	                             why, sizeof why))
		(void)spore__yaml_wrong(&m->yaml, w->mark, "wires: %s", why);
	else if (spore__port_is_standard(w->from.port) && spore__port_is_standard(w->to.port) && !check_order(m, w))
		return;
	else if (check_rivals(m, all, index, &w->from, &from) && check_rivals(m, all, index, &w->to, &to)) {
		note_bridge(w, &plan, left, right);
		if (w->from.listen != NULL)
			note_listener(m, w, &to);
	}
}

// Is its program known to be without libspore?
static bool is_plain(const struct spore__manifest_task *task)
{
	bool is_system = task->source != NULL && strncmp(task->source, "path:", 5) == 0;
	return (task->script || is_system) && !task->spec.control;
}

// The ports of TASK that it says it has as something (PLAIN), or all that it names.
static void list_own(const struct spore__manifest_task *task, bool plain, struct spore__strs *out)
{
	for (size_t i = 0; i < task->port_count; i++)
		if (plain ? task->ports[i].as != NULL : !spore__port_is_standard(task->ports[i].name))
			spore__strs_add(out, task->ports[i].name);
}

static void tell_missing(struct spore__manifest *m, const struct spore__manifest_wire *w,
                         const struct spore__manifest_end *e, const char *near)
{
	struct spore__buf remedy = {0};
	if (port_of(m, e) != NULL)
		spore__buf_str(&remedy, "say what it has it as (as: fifo-in, fifo-out, socket or listener)");
	else if (near != NULL)
		spore__buf_printf(&remedy, "did you mean %s.%s?", e->task, near);
	else
		spore__buf_str(&remedy,
		               "it has stdin, stdout, stdio, and what 'ports:' names with 'as'; what speaks the "
		               "control protocol says 'control: true'");
	(void)spore__yaml_wrong(&m->yaml, w->mark,
	                        "wires: %s.%s and %s.%s: the program of %s does not link libspore, and so has no port "
	                        "%s; %s",
	                        w->from.task, w->from.port, w->to.task, w->to.port, e->task, e->port, remedy.data);
	spore__buf_finish(&remedy);
}

static void note_unnamed(struct spore__manifest *m, const struct spore__manifest_wire *w,
                         const struct spore__manifest_end *e, const struct spore__strs *has, const char *near)
{
	struct spore__buf text = {0};
	for (size_t i = 0; i < has->count; i++)
		spore__buf_printf(&text, "%s%s", i > 0 ? ", " : "", has->items[i]);
	spore__yaml_note(&m->yaml, w->mark,
	                 "wires: %s.%s is not among the 'ports:' of its task (%s), and waits for ever when its program "
	                 "does not open it%s%s%s",
	                 e->task, e->port, text.data, near != NULL ? "; did you mean " : "", near != NULL ? near : "",
	                 near != NULL ? "?" : "");
	spore__buf_finish(&text);
}

// A program without libspore has the ports that it says it has as something, and no others.
static bool check_there(struct spore__manifest *m, const struct spore__manifest_wire *w,
                        const struct spore__manifest_end *e)
{
	const struct spore__manifest_task *task = spore__manifest_task(m, e->task);
	const struct spore__manifest_port *p = port_of(m, e);
	struct spore__strs has = {0};
	bool plain = is_plain(task);
	if (spore__port_is_standard(e->port) || (p != NULL && (p->as != NULL || !plain)))
		return true;
	list_own(task, plain, &has);
	const char *near = has.count > 0 ? spore__nearest(e->port, (const char *const *)has.items) : NULL;
	if (plain)
		tell_missing(m, w, e, near);
	else if (has.count > 0)
		note_unnamed(m, w, e, &has, near);
	spore__strs_finish(&has);
	return !plain;
}

static bool check_wire_end(struct spore__manifest *m, const struct spore__manifest_wire *w,
                           const struct spore__manifest_end *e, bool reads, bool writes)
{
	if (!known_task(m, w->mark, "wires", e->task))
		return false;
	if ((reads && (strcmp(e->port, "stdout") == 0 || strcmp(e->port, "stderr") == 0)) ||
	    (writes && strcmp(e->port, "stdin") == 0))
		return spore__yaml_wrong(&m->yaml, w->mark,
		                         "wires: %s.%s cannot %s; the left of -> writes, the right reads", e->task,
		                         e->port, reads ? "read" : "write");
	return check_there(m, w, e);
}

void spore__manifest_check(struct spore__manifest *m, const struct spore__manifest_world *world)
{
	for (size_t i = 0; i < m->count; i++) {
		check_after(m, &m->tasks[i]);
		check_together(m, &m->tasks[i]);
		if (world->files)
			spore__manifest_check_source(m, &m->tasks[i]);
	}
	check_circles(m);
	struct at_task *all = sort_by_task(m);
	for (size_t i = 0; i < m->wire_count; i++) {
		const struct spore__manifest_wire *w = &m->wires[i];
		bool left = check_wire_end(m, w, &w->from, w->duplex, true);
		bool right = check_wire_end(m, w, &w->to, true, w->duplex);
		if (left && right)
			check_fit(m, all, i);
	}
	free(all);
	for (size_t i = 0; i < m->count; i++) {
		struct spore__manifest_task *task = &m->tasks[i];
		struct spore__strs after = {0};
		for (size_t k = 0; k < task->after_count; k++)
			spore__strs_addf(&after, "%s %s", task->after[k].task, task->after[k].condition);
		task->spec.after = after.items;
		struct spore__strs ports = {0};
		spore__manifest_list_ports(task, &ports);
		task->spec.ports = ports.items;
	}
}
