// The methods that list wires and ports: docs/design/wires.md.
#include <stdlib.h>
#include <string.h>

#include "node/hold.h"
#include "node/methods.h"
#include "node/task_params.h"

enum { ROOM = SPORE__RPC_MAX_MESSAGE / 2, WHY = 2048 }; // of the entries of one answer

static struct spore__tasks *tasks_of(const struct spore__rpc_call *call)
{
	return &((struct spore__node *)spore__rpc_call_data(call))->tasks;
}

static int compare_ends(const struct spore__wire_end *a, const struct spore__wire_end *b)
{
	int c = strcmp(a->plug->system, b->plug->system);
	c = c != 0 ? c : strcmp(a->plug->task, b->plug->task);
	c = c != 0 ? c : (a->replica > b->replica) - (a->replica < b->replica);
	return c != 0 ? c : strcmp(a->plug->port, b->plug->port);
}

static int compare_wires(const void *a, const void *b)
{
	const struct spore__wire *x = *(struct spore__wire *const *)a, *y = *(struct spore__wire *const *)b;
	int c = compare_ends(&x->ends[0], &y->ends[0]);
	return c != 0 ? c : compare_ends(&x->ends[1], &y->ends[1]);
}

static void answer_rows(struct spore__rpc_call *call, const char *key, struct spore__msgpack_writer *rows,
                        uint32_t count, bool more)
{
	struct spore__msgpack_writer *w = spore__rpc_call_result(call);
	spore__msgpack_map(w, 2);
	spore__msgpack_str(w, key);
	spore__msgpack_array(w, count);
	spore__msgpack_raw(w, rows->data, rows->len);
	spore__msgpack_str(w, "more");
	spore__msgpack_bool(w, more);
	if (rows->err != 0)
		w->err = rows->err;
	spore__msgpack_writer_finish(rows);
	spore__rpc_call_done(call);
}

static void list(struct spore__rpc_call *call)
{
	struct spore__tasks *t = tasks_of(call);
	struct spore__msgpack_writer rows = {0};
	int64_t skip;
	size_t n = 0;
	uint32_t count = 0;
	if (!spore__param_int(call, 0, "skip", 0, INT32_MAX, 0, &skip))
		return;
	struct spore__wire **all = malloc((t->wires.count + 1) * sizeof(struct spore__wire *));
	if (all == NULL) {
		spore__rpc_call_fail(call, SPORE_ENOMEM, "out of memory");
		return;
	}
	for (struct spore__wire *wire = t->wires.first; wire != NULL; wire = wire->next)
		all[n++] = wire;
	qsort(all, n, sizeof(struct spore__wire *), compare_wires);
	size_t at = (size_t)skip;
	for (; at < n && rows.len < ROOM; at++, count++)
		spore__wire_view(t, all[at], &rows);
	free(all);
	answer_rows(call, "wires", &rows, count, at < n);
}

static void put_text(struct spore__msgpack_writer *w, const char *key, const char *value)
{
	spore__msgpack_str(w, key);
	spore__msgpack_str(w, value);
}

static void put_port(struct spore__msgpack_writer *w, const struct spore__hold *hold, const char *port,
                     const char *const words[3], bool open, size_t channels)
{
	char name[SPORE__PORT_NAME + SPORE__HOLD_WORD];
	spore__hold_port_name(hold, port, name, sizeof name);
	spore__msgpack_map(w, 6);
	put_text(w, "name", name);
	put_text(w, "kind", words[0]);
	put_text(w, "shape", words[1]);
	put_text(w, "protocol", words[2]);
	spore__msgpack_str(w, "open");
	spore__msgpack_bool(w, open);
	spore__msgpack_str(w, "channels");
	spore__msgpack_uint(w, channels);
}

static bool is_open(const struct spore__hold *hold, const char *name)
{
	const struct spore__port *p = hold->ports;
	while (p != NULL && strcmp(p->name, name) != 0)
		p = p->next_of_hold;
	return p != NULL;
}

// What TASK has open, then what it declares.
static uint32_t put_ports(struct spore__tasks *t, struct spore__task *task, struct spore__msgpack_writer *w)
{
	struct spore__hold *const holds[] = {task->old, task->hold};
	struct spore__hold none = {0};
	struct spore__spec spec;
	struct spore__declared d;
	char why[WHY];
	uint32_t count = 0;
	spore__task_hold_name(task, task->generation, &none.name);
	for (size_t i = 0; i < 2; i++)
		for (const struct spore__port *p = holds[i] != NULL ? holds[i]->ports : NULL; p != NULL;
		     p = p->next_of_hold) {
			const char *const words[3] = {p->kind, p->shape, p->protocol};
			put_port(w, holds[i], p->name, words, true, p->joint_count);
			count++;
		}
	bool known = spore__task_read_spec(t, task, &spec, why, sizeof why);
	for (char **p = known ? spec.ports : NULL; p != NULL && *p != NULL; p++) {
		if (!spore__declared_parse(*p, &d) || (task->hold != NULL && is_open(task->hold, d.name)) ||
		    (task->old != NULL && is_open(task->old, d.name)))
			continue;
		const char *const words[3] = {d.kind, d.shape, d.protocol};
		put_port(w, &none, d.name, words, false, 0);
		count++;
	}
	spore__spec_finish(&spec);
	return count;
}

static void ports(struct spore__rpc_call *call)
{
	struct spore__tasks *t = tasks_of(call);
	struct spore__msgpack_writer rows = {0};
	int64_t skip;
	uint32_t count = 0;
	if (!spore__param_int(call, 0, "skip", 0, INT32_MAX, 0, &skip))
		return;
	size_t at = (size_t)skip;
	for (; at < t->table.count && rows.len < ROOM; at++)
		count += put_ports(t, t->table.tasks[at], &rows);
	struct spore__msgpack_writer *w = spore__rpc_call_result(call);
	spore__msgpack_map(w, 2);
	spore__msgpack_str(w, "ports");
	spore__msgpack_array(w, count);
	spore__msgpack_raw(w, rows.data, rows.len);
	spore__msgpack_str(w, "next");
	if (at < t->table.count)
		spore__msgpack_uint(w, at);
	else
		spore__msgpack_nil(w);
	if (rows.err != 0)
		w->err = rows.err;
	spore__msgpack_writer_finish(&rows);
	spore__rpc_call_done(call);
}

static const struct spore__rpc_field list_params[] = {
    {"skip", "int", "how many were read before", true},
    {0},
};
static const struct spore__rpc_field list_result[] = {
    {"wires", "array",
     "of maps: from, to, duplex, slow, redeliver, tap, from_protocol, to_protocol, system, transport, state (waiting, "
     "wiring, wired), channels, why, fault",
     false},
    {"more", "bool", "there are more: call again with skip", false},
    {0},
};
static const struct spore__rpc_field ports_params[] = {
    {"skip", "int", "the next of the answer before", true},
    {0},
};
static const struct spore__rpc_field ports_result[] = {
    {"ports", "array", "of maps: name, kind, shape, protocol, open, channels", false},
    {"next", "int", "there are more: call again with this as skip; nil: there are none", true},
    {0},
};
static const enum spore_err errors[] = {SPORE_EINVALID, SPORE_ENOMEM, SPORE_OK};

const struct spore__rpc_method spore__wire_list_methods[] = {
    {"wires.list", list, "the wires, what carries them, and what they wait for", list_params, list_result, errors},
    {"ports.list", ports, "the ports that are open, and those that tasks declare", ports_params, ports_result, errors},
    {0},
};
