#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "system/command.h"

static void print_task(const struct spore__manifest_task *t)
{
	const char *comma = "";
	printf("  %s", t->name);
	for (size_t i = 0; i < t->after_count; i++)
		printf("%s%s %s", i == 0 ? "  after " : ", ", t->after[i].task, t->after[i].condition);
	if (t->replicas > 0 || t->spec.every != NULL || t->spec.profiles != NULL)
		printf("  (");
	if (t->replicas > 0) {
		printf("%" PRId64 " replicas", t->replicas);
		comma = ", ";
	}
	if (t->spec.every != NULL) {
		printf("%severy %s", comma, t->spec.every);
		comma = ", ";
	}
	for (char **p = t->spec.profiles; p != NULL && *p != NULL; p++, comma = ", ")
		printf("%sprofile %s", comma, *p);
	puts(*comma != '\0' ? ")" : "");
}

static void print_end(const struct spore__manifest_end *e)
{
	printf("%s.%s", e->task, e->port);
	if (e->protocol != NULL)
		printf(" (%s)", e->protocol);
}

static void print_text(const struct spore__manifest *m, const size_t *order)
{
	puts(m->name);
	for (size_t i = 0; i < m->count; i++)
		print_task(&m->tasks[order[i]]);
	if (m->wire_count > 0)
		puts("wires:");
	for (size_t i = 0; i < m->wire_count; i++) {
		printf("  ");
		print_end(&m->wires[i].from);
		printf(" %s ", m->wires[i].duplex ? "<>" : "->");
		print_end(&m->wires[i].to);
		puts("");
	}
}

// Names have no characters that would have to be quoted.
static void print_dot(const struct spore__manifest *m, const size_t *order)
{
	printf("digraph \"%s\" {\n\trankdir=LR;\n\tnode [shape=box];\n", m->name);
	for (size_t i = 0; i < m->count; i++) {
		const struct spore__manifest_task *t = &m->tasks[order[i]];
		printf("\t\"%s\"%s;\n", t->name, t->spec.profiles != NULL ? " [style=dashed]" : "");
		for (size_t k = 0; k < t->after_count; k++)
			printf("\t\"%s\" -> \"%s\" [label=\"%s\", style=dashed];\n", t->after[k].task, t->name,
			       t->after[k].condition);
	}
	for (size_t i = 0; i < m->wire_count; i++) {
		const struct spore__manifest_wire *w = &m->wires[i];
		printf("\t\"%s\" -> \"%s\" [taillabel=\"%s\", headlabel=\"%s\"%s];\n", w->from.task, w->to.task,
		       w->from.port, w->to.port, w->duplex ? ", dir=both" : "");
	}
	puts("}");
}

// Numbers as identifiers: Mermaid takes some words and dashes in them for its own.
static size_t number_of(const struct spore__manifest *m, const char *task)
{
	return (size_t)(spore__manifest_task(m, task) - m->tasks);
}

static void print_mermaid(const struct spore__manifest *m, const size_t *order)
{
	puts("flowchart LR");
	for (size_t i = 0; i < m->count; i++)
		printf("    t%zu[\"%s\"]\n", order[i], m->tasks[order[i]].name);
	for (size_t i = 0; i < m->count; i++)
		for (size_t k = 0; k < m->tasks[i].after_count; k++)
			printf("    t%zu -. \"%s\" .-> t%zu\n", number_of(m, m->tasks[i].after[k].task),
			       m->tasks[i].after[k].condition, i);
	for (size_t i = 0; i < m->wire_count; i++) {
		const struct spore__manifest_wire *w = &m->wires[i];
		printf("    t%zu %s|\"%s to %s\"| t%zu\n", number_of(m, w->from.task), w->duplex ? "<-->" : "-->",
		       w->from.port, w->to.port, number_of(m, w->to.task));
	}
}

static void json_end(struct spore__json *j, const char *key, const struct spore__manifest_end *e)
{
	spore__json_open(j, key, '{');
	spore__json_str(j, "task", e->task);
	spore__json_str(j, "port", e->port);
	if (e->protocol != NULL)
		spore__json_str(j, "protocol", e->protocol);
	spore__json_close(j, '}');
}

static void json_task(struct spore__json *j, const struct spore__manifest_task *t)
{
	spore__json_open(j, NULL, '{');
	spore__json_str(j, "name", t->name);
	spore__json_str(j, "source", t->source);
	spore__json_int(j, "replicas", t->replicas > 0 ? t->replicas : 1);
	spore__json_open(j, "after", '{');
	for (size_t i = 0; i < t->after_count; i++)
		spore__json_str(j, t->after[i].task, t->after[i].condition);
	spore__json_close(j, '}');
	spore__json_open(j, "profiles", '[');
	for (char **p = t->spec.profiles; p != NULL && *p != NULL; p++)
		spore__json_str(j, NULL, *p);
	spore__json_close(j, ']');
	spore__json_open(j, "ports", '[');
	for (size_t i = 0; i < t->port_count; i++) {
		spore__json_open(j, NULL, '{');
		spore__json_str(j, "name", t->ports[i].name);
		spore__json_str(j, "kind", t->ports[i].kind != NULL ? t->ports[i].kind : "bytes");
		spore__json_str(j, "shape", t->ports[i].shape != NULL ? t->ports[i].shape : "connect");
		spore__json_str(j, "protocol", t->ports[i].protocol);
		spore__json_close(j, '}');
	}
	spore__json_close(j, ']');
	spore__json_close(j, '}');
}

static void print_json(const struct spore__manifest *m, const size_t *order)
{
	struct spore__buf out = {0};
	struct spore__json j = {.out = &out};
	spore__json_open(&j, NULL, '{');
	spore__json_str(&j, "system", m->name);
	spore__json_str(&j, "manifest", m->path);
	spore__json_open(&j, "tasks", '[');
	for (size_t i = 0; i < m->count; i++)
		json_task(&j, &m->tasks[order[i]]);
	spore__json_close(&j, ']');
	spore__json_open(&j, "wires", '[');
	for (size_t i = 0; i < m->wire_count; i++) {
		spore__json_open(&j, NULL, '{');
		json_end(&j, "from", &m->wires[i].from);
		json_end(&j, "to", &m->wires[i].to);
		spore__json_bool(&j, "duplex", m->wires[i].duplex);
		spore__json_close(&j, '}');
	}
	spore__json_close(&j, ']');
	spore__json_close(&j, '}');
	puts(out.data);
	spore__buf_finish(&out);
}

int spore__system_graph(const struct spore__options *o)
{
	struct spore__manifest m;
	if (o->dot + o->mermaid + o->json > 1)
		spore__die(SPORE__EXIT_USAGE, "give one of them",
		           "graph: --dot, --mermaid and --json exclude each other");
	int status = spore__system_load(o->operands.count > 0 ? o->operands.items[0] : NULL, &m);
	if (status == 0) {
		size_t *order = spore__system_order(&m);
		if (o->dot)
			print_dot(&m, order);
		else if (o->mermaid)
			print_mermaid(&m, order);
		else if (o->json)
			print_json(&m, order);
		else
			print_text(&m, order);
		free(order);
	}
	spore__manifest_finish(&m);
	return status;
}
