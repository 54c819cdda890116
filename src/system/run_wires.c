// The wires of a system: what the node is asked about them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "system/node.h"
#include "system/run.h"

static void put_text(struct spore__msgpack_writer *w, const char *key, const char *value)
{
	spore__msgpack_str(w, key);
	spore__msgpack_str(w, value);
}

static void put_end(struct spore__msgpack_writer *w, const char *key, const struct spore__manifest_end *e)
{
	char name[2 * SPORE__NAME_MAX + 2];
	(void)snprintf(name, sizeof name, "%s.%s", e->task, e->port);
	put_text(w, key, name);
}

static void put_wires(struct spore__msgpack_writer *w, const struct spore__manifest *m)
{
	spore__msgpack_str(w, "wires");
	spore__msgpack_array(w, (uint32_t)m->wire_count);
	for (size_t i = 0; i < m->wire_count; i++) {
		const struct spore__manifest_wire *wire = &m->wires[i];
		spore__msgpack_map(w, 6);
		put_end(w, "from", &wire->from);
		put_end(w, "to", &wire->to);
		spore__msgpack_str(w, "duplex");
		spore__msgpack_bool(w, wire->duplex);
		put_text(w, "slow", wire->slow);
		put_text(w, "from_protocol", wire->from.protocol);
		put_text(w, "to_protocol", wire->to.protocol);
	}
}

static void finish(struct spore__run *r)
{
	spore__strs_finish(&r->wired);
	spore__strs_finish(&r->rewired);
	spore__strs_finish(&r->unwired);
}

int spore__run_wire(struct spore__run *r, bool dry)
{
	struct spore__msgpack_writer w = {0};
	spore__msgpack_map(&w, 4);
	put_wires(&w, &r->m);
	put_text(&w, "system", r->m.name);
	spore__msgpack_str(&w, "only");
	spore__msgpack_bool(&w, true);
	spore__msgpack_str(&w, "dry");
	spore__msgpack_bool(&w, dry);
	enum spore_err err = spore__tasks_call(&r->node, "wires.add", &w, true, SPORE__TASKS_PATIENCE_MS);
	if (err != SPORE_OK)
		return spore__tasks_failed(&r->node, err);
	if (dry) {
		finish(r);
		spore__answer_texts(&r->node.rpc.m.result, "added", &r->wired);
		spore__answer_texts(&r->node.rpc.m.result, "changed", &r->rewired);
		spore__answer_texts(&r->node.rpc.m.result, "removed", &r->unwired);
	}
	return 0;
}

void spore__run_wire_all(struct spore__run *r)
{
	finish(r);
	for (size_t i = 0; i < r->m.wire_count; i++) {
		const struct spore__manifest_wire *wire = &r->m.wires[i];
		spore__strs_addf(&r->wired, "%s/%s.%s %s %s/%s.%s", r->m.name, wire->from.task, wire->from.port,
		                 wire->duplex ? "<>" : "->", r->m.name, wire->to.task, wire->to.port);
	}
}

static void print(const char *what, const struct spore__strs *wires)
{
	for (size_t i = 0; i < wires->count; i++)
		printf("%-9s  %s\n", what, wires->items[i]);
}

void spore__run_print_wires(const struct spore__run *r)
{
	print("unwire", &r->unwired);
	print("rewire", &r->rewired);
	print("wire", &r->wired);
}

static void put_json(struct spore__json *j, const char *key, const struct spore__strs *wires)
{
	spore__json_open(j, key, '[');
	for (size_t i = 0; i < wires->count; i++)
		spore__json_str(j, NULL, wires->items[i]);
	spore__json_close(j, ']');
}

void spore__run_json_wires(const struct spore__run *r, struct spore__json *j)
{
	put_json(j, "wired", &r->wired);
	put_json(j, "rewired", &r->rewired);
	put_json(j, "unwired", &r->unwired);
}
