#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "look/graph.h"
#include "node/wires_client.h"
#include "system/command.h"
#include "task/folder.h"
#include "task/hold_protocol.h"

static const char *keep(struct spore__graph *g, const char *text)
{
	if (text == NULL)
		return NULL;
	spore__strs_add(&g->texts, text);
	return g->texts.items[g->texts.count - 1];
}

static const char *keep_some(struct spore__graph *g, const char *text)
{
	return text[0] != '\0' ? keep(g, text) : NULL;
}

static struct spore__graph_task *add_task(struct spore__graph *g, const char *name)
{
	g->tasks = spore__xrealloc(g->tasks, (g->count + 1) * sizeof *g->tasks);
	struct spore__graph_task *t = &g->tasks[g->count++];
	*t = (struct spore__graph_task){.name = keep(g, name)};
	return t;
}

static struct spore__graph_task *find_task(struct spore__graph *g, const char *name)
{
	for (size_t i = 0; i < g->count; i++)
		if (strcmp(g->tasks[i].name, name) == 0)
			return &g->tasks[i];
	return NULL;
}

static void add_after(struct spore__graph *g, struct spore__graph_task *t, const char *task, const char *condition)
{
	t->after = spore__xrealloc(t->after, (t->after_count + 1) * sizeof *t->after);
	t->after[t->after_count++] = (struct spore__graph_after){keep(g, task), keep(g, condition)};
}

static struct spore__graph_port *add_port(struct spore__graph_task *t, const struct spore__graph_port *port)
{
	t->ports = spore__xrealloc(t->ports, (t->port_count + 1) * sizeof *t->ports);
	t->ports[t->port_count] = *port;
	return &t->ports[t->port_count++];
}

static struct spore__graph_wire *add_wire(struct spore__graph *g, const struct spore__graph_wire *wire)
{
	g->wires = spore__xrealloc(g->wires, (g->wire_count + 1) * sizeof *g->wires);
	g->wires[g->wire_count] = *wire;
	return &g->wires[g->wire_count++];
}

// What was asked for beside the ends.
static void take_asked(struct spore__graph *g, struct spore__graph_wire *w, const char *slow, bool redeliver, bool tap)
{
	char asked[SPORE__WIRE_OPTIONS];
	spore__wire_options(slow, redeliver, tap, asked);
	w->slow = slow != NULL ? keep_some(g, slow) : NULL;
	w->redeliver = redeliver;
	w->tap = tap;
	w->asked = keep_some(g, asked);
}

// ---- of a manifest

static void take_task(struct spore__graph *g, const struct spore__manifest_task *from)
{
	struct spore__graph_task *t = add_task(g, from->name);
	t->source = keep(g, from->source);
	t->every = keep(g, from->spec.every);
	t->replicas = from->replicas;
	for (size_t i = 0; i < from->after_count; i++)
		add_after(g, t, from->after[i].task, from->after[i].condition);
	for (char **p = from->spec.profiles; p != NULL && *p != NULL; p++)
		spore__strs_add(&t->profiles, *p);
	for (size_t i = 0; i < from->port_count; i++) {
		const struct spore__manifest_port *p = &from->ports[i];
		(void)add_port(t, &(struct spore__graph_port){
		                      .name = keep(g, p->name),
		                      .kind = p->kind != NULL ? p->kind : "bytes",
		                      .shape = p->shape != NULL ? p->shape : "connect",
		                      .protocol = keep(g, p->protocol),
		                  });
	}
}

static struct spore__graph_end take_end(struct spore__graph *g, const struct spore__manifest_end *e)
{
	return (struct spore__graph_end){keep(g, e->task), keep(g, e->port), keep(g, e->protocol)};
}

void spore__graph_of_manifest(struct spore__graph *g, const struct spore__manifest *m)
{
	size_t *order = spore__system_order(m);
	g->system = keep(g, m->name);
	g->manifest = keep(g, m->path);
	for (size_t i = 0; i < m->count; i++)
		take_task(g, &m->tasks[order[i]]);
	free(order);
	for (size_t i = 0; i < m->wire_count; i++) {
		const struct spore__manifest_wire *w = &m->wires[i];
		struct spore__graph_wire wire = {
		    .ends = {take_end(g, &w->from), take_end(g, &w->to)},
		    .duplex = w->duplex,
		    .declared = true,
		};
		take_asked(g, &wire, w->slow, w->redeliver, w->tap);
		(void)add_wire(g, &wire);
	}
}

// ---- of the node

// A name of the node's as the graph has it: without the system that it is of, and without a replica. Into OUT.
static void short_name(const struct spore__graph *g, const char *name, char *out, size_t size)
{
	size_t len = strlen(g->system);
	if (len > 0 && strncmp(name, g->system, len) == 0 && name[len] == '/')
		name += len + 1;
	(void)snprintf(out, size, "%.*s", (int)strcspn(name, "@"), name);
}

// The worse of two states, for the eye.
static int gravity(const char *state)
{
	static const char *const order[] = {"removed",   "defined",  "ended",    "stopped", "running",
	                                    "scheduled", "stopping", "starting", "waiting", "failed"};
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
		if (strcmp(order[i], state) == 0)
			return (int)i;
	return -1;
}

struct states {
	const char *words[10];
	int64_t counts[10];
	size_t count;
};

static void count_state(struct states *s, const char *state)
{
	size_t i = 0;
	while (i < s->count && strcmp(s->words[i], state) != 0)
		i++;
	if (i == sizeof s->words / sizeof s->words[0])
		return;
	s->counts[i] = i == s->count ? 1 : s->counts[i] + 1;
	s->words[i] = state;
	s->count += i == s->count;
}

static const char *states_text(struct spore__graph *g, const struct states *s, bool replicas)
{
	struct spore__buf out = {0};
	for (size_t i = 0; i < s->count; i++) {
		spore__buf_str(&out, i > 0 ? ", " : "");
		if (replicas)
			spore__buf_printf(&out, "%" PRId64 " ", s->counts[i]);
		spore__buf_str(&out, s->words[i]);
	}
	spore__strs_take(&g->texts, spore__buf_take(&out));
	return g->texts.items[g->texts.count - 1];
}

// The replicas FIRST to END of one task.
static void take_replicas(struct spore__graph *g, const struct spore__task_info *first,
                          const struct spore__task_info *end)
{
	char name[SPORE__HOLD_NAME];
	struct states states = {0};
	const struct spore__task_info *worst = first;
	short_name(g, first->name, name, sizeof name);
	struct spore__graph_task *t = find_task(g, name);
	if (t == NULL) {
		t = add_task(g, name);
		t->source = keep_some(g, first->source);
		t->every = keep_some(g, first->every);
	}
	for (const struct spore__task_info *i = first; i < end; i++) {
		count_state(&states, i->state);
		if (gravity(i->state) > gravity(worst->state))
			worst = i;
	}
	t->seen = end - first;
	if (first->replica > 0 && g->manifest == NULL)
		t->replicas = t->seen;
	t->state = states_text(g, &states, first->replica > 0);
	t->word = keep(g, worst->state);
	t->why = keep_some(g, worst->why[0] != '\0' ? worst->why : worst->hold.why);
}

static bool is_same_task(const struct spore__task_info *a, const struct spore__task_info *b)
{
	return strcmp(a->system, b->system) == 0 && strcmp(a->task, b->task) == 0;
}

static enum spore_err take_tasks(struct spore__graph *g, struct spore__tasks *t)
{
	struct spore__task_list list;
	enum spore_err err = spore__tasks_list(t, g->system[0] != '\0' ? g->system : NULL, true, &list);
	for (size_t i = 0, end; err == SPORE_OK && i < list.count; i = end) {
		for (end = i + 1; end < list.count && is_same_task(&list.items[i], &list.items[end]);)
			end++;
		take_replicas(g, &list.items[i], &list.items[end]);
	}
	g->running = list.count > 0;
	spore__task_list_finish(&list);
	return err;
}

// What a task that no manifest tells of comes after, and the ports that it declares.
static enum spore_err take_spec(struct spore__graph *g, struct spore__tasks *t, size_t index)
{
	struct spore__msgpack_writer w = {0};
	struct spore__msgpack_reader at;
	struct spore__spec spec;
	char name[SPORE__HOLD_NAME];
	const char *own = g->tasks[index].name;
	(void)snprintf(name, sizeof name, "%s%s%s%s", strchr(own, '/') == NULL ? g->system : "",
	               g->system[0] != '\0' && strchr(own, '/') == NULL ? "/" : "", own,
	               g->tasks[index].replicas > 0 ? "@1" : "");
	spore__tasks_put_name(&w, name, 0);
	enum spore_err err = spore__tasks_call(t, "tasks.inspect", &w, true, SPORE__TASKS_PATIENCE_MS);
	if (err != SPORE_OK)
		return err == SPORE_ENOTFOUND ? SPORE_OK : err; // it has just gone
	spore__spec_init(&spec);
	if (!spore__msgpack_find(&t->rpc.m.result, "spec", &at) || spore__spec_decode(at, &spec, NULL, 0) != SPORE_OK) {
		spore__spec_finish(&spec);
		return SPORE_OK;
	}
	for (char **p = spec.after; p != NULL && *p != NULL; p++) {
		char task[SPORE__NAME_MAX + 1], full[SPORE__HOLD_NAME];
		size_t len = strcspn(*p, " ");
		(void)snprintf(task, sizeof task, "%.*s", (int)len, *p);
		(void)snprintf(full, sizeof full, "%.*s%s", (int)(strrchr(own, '/') ? strrchr(own, '/') + 1 - own : 0),
		               own, task);
		add_after(g, &g->tasks[index], full, *p + len + ((*p)[len] == ' '));
	}
	spore__spec_finish(&spec);
	return SPORE_OK;
}

static const char *word(struct spore__graph *g, const struct spore__msgpack_reader *map, const char *key)
{
	struct spore__msgpack_reader at;
	const char *s = "";
	char text[SPORE__HOLD_WORD + SPORE__HOLD_NAME];
	uint32_t len = 0;
	if (spore__msgpack_find(map, key, &at))
		(void)spore__msgpack_read_str(&at, &s, &len);
	(void)snprintf(text, sizeof text, "%.*s", (int)len, s);
	return keep_some(g, text);
}

static bool take_port(void *arg, const struct spore__msgpack_reader *map)
{
	struct spore__graph *g = arg;
	char task[SPORE__HOLD_NAME], without[SPORE__HOLD_NAME];
	struct spore__msgpack_reader at;
	const char *name = word(g, map, "name"), *dot = name != NULL ? strrchr(name, '.') : NULL;
	struct spore__graph_port port = {
	    .kind = word(g, map, "kind"), .shape = word(g, map, "shape"), .protocol = word(g, map, "protocol")};
	if (dot == NULL)
		return true;
	(void)snprintf(without, sizeof without, "%.*s", (int)(dot - name), name);
	short_name(g, without, task, sizeof task);
	struct spore__graph_task *t = find_task(g, task);
	if (spore__msgpack_find(map, "open", &at))
		(void)spore__msgpack_read_bool(&at, &port.open);
	if (spore__msgpack_find(map, "channels", &at))
		(void)spore__msgpack_read_int(&at, &port.channels);
	port.name = dot + 1;
	struct spore__graph_port *known = NULL;
	for (size_t i = 0; t != NULL && i < t->port_count; i++)
		if (strcmp(t->ports[i].name, port.name) == 0)
			known = &t->ports[i];
	if (t == NULL || (known != NULL && !port.open))
		return true;
	port.channels += known != NULL && known->open ? known->channels : 0; // of another replica
	if (known != NULL)
		*known = port;
	else
		(void)add_port(t, &port);
	return true;
}

static void take_node_end(struct spore__graph *g, const char *port, const char *protocol, struct spore__graph_end *e)
{
	char task[SPORE__HOLD_NAME], without[SPORE__HOLD_NAME];
	const char *dot = strrchr(port, '.');
	(void)snprintf(without, sizeof without, "%.*s", (int)(dot != NULL ? dot - port : 0), port);
	short_name(g, without, task, sizeof task);
	*e = (struct spore__graph_end){keep(g, task), keep(g, dot != NULL ? dot + 1 : ""), keep_some(g, protocol)};
	if (find_task(g, task) == NULL)
		(void)add_task(g, task); // of another system
}

static bool is_same_end(const struct spore__graph_end *a, const struct spore__graph_end *b)
{
	return strcmp(a->task, b->task) == 0 && strcmp(a->port, b->port) == 0;
}

static struct spore__graph_wire *find_wire(struct spore__graph *g, const struct spore__graph_wire *w)
{
	for (size_t i = 0; i < g->wire_count; i++)
		if (g->wires[i].state == NULL && is_same_end(&g->wires[i].ends[0], &w->ends[0]) &&
		    is_same_end(&g->wires[i].ends[1], &w->ends[1]))
			return &g->wires[i];
	return NULL;
}

static enum spore_err take_wires(struct spore__graph *g, struct spore__tasks *t, bool measures)
{
	struct spore__wire_list list;
	enum spore_err err = spore__wires_list(t, &list);
	for (size_t i = 0; err == SPORE_OK && i < list.count; i++) {
		const struct spore__wire_info *info = &list.items[i];
		struct spore__graph_wire w = {.duplex = info->duplex, .channels = info->channels};
		if (g->system[0] != '\0' && !spore__wire_is_of(info, g->system))
			continue;
		take_node_end(g, info->from, info->from_protocol, &w.ends[0]);
		take_node_end(g, info->to, info->to_protocol, &w.ends[1]);
		w.state = keep(g, info->state);
		w.transport = keep_some(g, info->transport);
		char reason[SPORE__WIRE_REASON];
		spore__wire_reason(info, reason);
		w.why = keep_some(g, info->why);
		w.fault = keep_some(g, info->fault);
		w.broken = keep_some(g, info->broken);
		w.reason = keep_some(g, reason);
		take_asked(g, &w, info->slow, info->redeliver, info->tap);
		struct spore__graph_wire *known = find_wire(g, &w);
		w.declared = known != NULL && known->declared;
		if (measures) {
			w.flow = spore__xmalloc(sizeof *w.flow);
			spore__measure_begin(t, info, w.flow);
		}
		if (known != NULL)
			*known = w;
		else
			(void)add_wire(g, &w);
	}
	spore__wire_list_finish(&list);
	return err;
}

int spore__graph_of_node(struct spore__graph *g, struct spore__tasks *t, bool measures)
{
	if (g->system == NULL)
		g->system = "";
	enum spore_err err = take_tasks(g, t);
	if (err == SPORE_OK && g->running)
		err = take_wires(g, t, measures);
	if (err == SPORE_OK && g->running)
		err = spore__ports_each(t, take_port, g);
	for (size_t i = 0; err == SPORE_OK && g->manifest == NULL && i < g->count; i++)
		if (g->tasks[i].seen > 0)
			err = take_spec(g, t, i);
	return err == SPORE_OK ? 0 : spore__tasks_failed(t, err);
}

void spore__graph_measure(struct spore__graph *g)
{
	for (size_t i = 0; i < g->wire_count; i++)
		if (g->wires[i].flow != NULL)
			spore__measure_again(g->wires[i].flow);
}

void spore__graph_finish(struct spore__graph *g)
{
	for (size_t i = 0; i < g->count; i++) {
		free(g->tasks[i].after);
		free(g->tasks[i].ports);
		spore__strs_finish(&g->tasks[i].profiles);
	}
	for (size_t i = 0; i < g->wire_count; i++) {
		if (g->wires[i].flow != NULL)
			spore__measure_finish(g->wires[i].flow);
		free(g->wires[i].flow);
	}
	free(g->tasks);
	free(g->wires);
	spore__strs_finish(&g->texts);
	*g = (struct spore__graph){0};
}
