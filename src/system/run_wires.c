// The wires of a system: what the node is asked about them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "system/node.h"
#include "system/run.h"

// NULL: none, which is not the same as nothing said.
static void put_text(struct spore__msgpack_writer *w, const char *key, const char *value)
{
	spore__msgpack_str(w, key);
	spore__msgpack_str(w, value != NULL ? value : "");
}

static void put_end(struct spore__msgpack_writer *w, const char *key, const struct spore__manifest_end *e)
{
	char name[2 * SPORE__NAME_MAX + 2];
	(void)snprintf(name, sizeof name, "%s.%s", e->task, e->port);
	put_text(w, key, name);
}

static void put_listens(struct spore__msgpack_writer *w, const struct spore__manifest_wire *wire)
{
	char *text = wire->from.listen != NULL ? spore__xasprintf("%s (%s)", wire->from.listen, wire->from.port) : NULL;
	put_text(w, "listens", text);
	free(text);
}

static void put_wires(struct spore__msgpack_writer *w, const struct spore__manifest *m)
{
	spore__msgpack_str(w, "wires");
	spore__msgpack_array(w, (uint32_t)m->wire_count);
	for (size_t i = 0; i < m->wire_count; i++) {
		const struct spore__manifest_wire *wire = &m->wires[i];
		spore__msgpack_map(w, 10);
		put_end(w, "from", &wire->from);
		put_end(w, "to", &wire->to);
		spore__msgpack_str(w, "duplex");
		spore__msgpack_bool(w, wire->duplex);
		spore__msgpack_str(w, "redeliver");
		spore__msgpack_bool(w, wire->redeliver);
		spore__msgpack_str(w, "lossless");
		spore__msgpack_bool(w, wire->lossless);
		spore__msgpack_str(w, "tap");
		spore__msgpack_bool(w, wire->tap);
		put_listens(w, wire);
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

enum spore_err spore__wires_ask(struct spore__tasks *t, const struct spore__manifest *m, const struct spore__strs *same,
                                bool dry)
{
	struct spore__msgpack_writer w = {0};
	spore__msgpack_map(&w, 5);
	put_wires(&w, m);
	put_text(&w, "system", m->name);
	spore__msgpack_str(&w, "only");
	spore__msgpack_bool(&w, true);
	spore__msgpack_str(&w, "dry");
	spore__msgpack_bool(&w, dry);
	spore__msgpack_str(&w, "same");
	spore__msgpack_array(&w, (uint32_t)same->count);
	for (size_t i = 0; i < same->count; i++)
		spore__msgpack_str(&w, same->items[i]);
	return spore__tasks_call(t, "wires.add", &w, true, SPORE__TASKS_PATIENCE_MS);
}

size_t spore__wires_doubts(const struct spore__tasks *t, const char *key,
                           void (*fn)(void *arg, size_t wire, const char *why), void *arg)
{
	struct spore__msgpack_reader list, at;
	uint32_t count = 0;
	size_t told = 0;
	if (!spore__msgpack_find(&t->rpc.m.result, key, &list) ||
	    spore__msgpack_read_array(&list, &count) != SPORE__MSGPACK_OK)
		return 0;
	for (; count > 0; count--) {
		int64_t wire = -1;
		if (spore__msgpack_find(&list, "wire", &at))
			(void)spore__msgpack_read_int(&at, &wire);
		char *why = spore__answer_text(&list, "why");
		if (wire >= 0) {
			fn(arg, (size_t)wire, why);
			told++;
		}
		free(why);
		if (spore__msgpack_skip(&list) != SPORE__MSGPACK_OK)
			break;
	}
	return told;
}

static bool goes_on(const struct spore__run_item *item)
{
	return item->action == SPORE__ACTION_UNCHANGED ||
	       (item->action == SPORE__ACTION_UPDATE && !spore__strs_has(&item->changed, "ports"));
}

// Tasks that go on as they are.
static void list_same(const struct spore__run *r, struct spore__strs *out)
{
	for (size_t i = 0; i < r->m.count; i++) {
		bool same = true; // as one that is not selected
		for (size_t k = 0; k < r->count; k++)
			same = same && (r->items[k].task != &r->m.tasks[i] || goes_on(&r->items[k]));
		if (same)
			spore__strs_add(out, r->m.tasks[i].name);
	}
}

struct telling {
	struct spore__run *r;
	const char *note;
};

// Each once.
static void tell(void *arg, size_t wire, const char *why)
{
	struct telling *t = arg;
	if (wire >= t->r->m.wire_count)
		return;
	yaml_mark_t mark = t->r->m.wires[wire].mark;
	char *text = spore__xasprintf("%s:%zu:%zu: %swires: %s", spore__system_shown(t->r->m.path), mark.line + 1,
	                              mark.column + 1, t->note, why);
	if (!spore__strs_has(&t->r->told, text))
		spore__report(NULL, "%s", text);
	spore__strs_take(&t->r->told, text);
}

void spore__run_doubt_wires(struct spore__run *r)
{
	struct spore__strs all = {0};
	struct telling note = {r, "note: "};
	if (r->m.wire_count == 0)
		return;
	for (size_t i = 0; i < r->m.count; i++)
		spore__strs_add(&all, r->m.tasks[i].name);
	if (spore__wires_ask(&r->node, &r->m, &all, true) == SPORE_OK) {
		(void)spore__wires_doubts(&r->node, "refused", tell, &note);
		(void)spore__wires_doubts(&r->node, "doubtful", tell, &note);
	}
	spore__strs_finish(&all);
}

int spore__run_wire(struct spore__run *r, bool dry)
{
	struct spore__strs same = {0};
	list_same(r, &same);
	enum spore_err err = spore__wires_ask(&r->node, &r->m, &same, dry);
	spore__strs_finish(&same);
	if (err != SPORE_OK)
		return spore__tasks_failed(&r->node, err);
	if (!dry)
		return 0;
	finish(r);
	spore__answer_texts(&r->node.rpc.m.result, "added", &r->wired);
	spore__answer_texts(&r->node.rpc.m.result, "changed", &r->rewired);
	spore__answer_texts(&r->node.rpc.m.result, "removed", &r->unwired);
	struct telling refused = {r, ""}, doubtful = {r, "note: "};
	(void)spore__wires_doubts(&r->node, "doubtful", tell, &doubtful);
	return spore__wires_doubts(&r->node, "refused", tell, &refused) > 0 ? SPORE__EXIT_SPORE : 0;
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

// The bridge of the wire that is SHOWN as the node, or spore__run_wire_all, does. NULL: it has none.
static const struct spore__manifest_wire *bridged(const struct spore__run *r, const char *shown)
{
	for (size_t i = 0; i < r->m.wire_count; i++) {
		const struct spore__manifest_wire *wire = &r->m.wires[i];
		char text[4 * SPORE__PLAN_CHAIN + 4 * SPORE__NAME_MAX];
		if (wire->bridge[0] == '\0' && wire->from.listen == NULL)
			continue;
		(void)snprintf(text, sizeof text, "%s/%s.%s %s %s/%s.%s", r->m.name, wire->from.task, wire->from.port,
		               wire->duplex ? "<>" : "->", r->m.name, wire->to.task, wire->to.port);
		if (strcmp(text, shown) == 0)
			return wire;
	}
	return NULL;
}

static void print(const struct spore__run *r, const char *what, const struct spore__strs *wires)
{
	for (size_t i = 0; i < wires->count; i++) {
		const struct spore__manifest_wire *wire = bridged(r, wires->items[i]);
		printf("%-9s  %s\n", what, wires->items[i]);
		if (wire != NULL && wire->from.listen != NULL)
			printf("%-9s    listens at %s (%s)\n", "", wire->from.listen, wire->from.port);
		if (wire != NULL && wire->bridge[0] != '\0')
			printf("%-9s    by the bridge %s%s%s\n", "", wire->bridge,
			       wire->losses != NULL ? "; what is lost: " : ", in which nothing is lost",
			       wire->losses != NULL ? wire->losses : "");
	}
}

void spore__run_print_wires(const struct spore__run *r)
{
	print(r, "unwire", &r->unwired);
	print(r, "rewire", &r->rewired);
	print(r, "wire", &r->wired);
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
	spore__json_open(j, "bridges", '[');
	for (size_t i = 0; i < r->m.wire_count; i++) {
		const struct spore__manifest_wire *wire = &r->m.wires[i];
		char end[2 * SPORE__NAME_MAX + 2];
		if (wire->bridge[0] == '\0' && wire->from.listen == NULL)
			continue;
		spore__json_open(j, NULL, '{');
		(void)snprintf(end, sizeof end, "%s.%s", wire->from.task, wire->from.port);
		spore__json_str(j, "from", end);
		(void)snprintf(end, sizeof end, "%s.%s", wire->to.task, wire->to.port);
		spore__json_str(j, "to", end);
		if (wire->from.listen != NULL)
			spore__json_str(j, "listens", wire->from.listen);
		spore__json_str(j, "bridge", wire->bridge);
		spore__json_str(j, "losses", wire->losses != NULL ? wire->losses : "");
		spore__json_close(j, '}');
	}
	spore__json_close(j, ']');
}
