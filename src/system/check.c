#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "system/command.h"
#include "system/run.h"
#include "system/schema.h"

static void print_json(const struct spore__manifest *m)
{
	struct spore__buf out = {0};
	struct spore__json j = {.out = &out};
	spore__json_open(&j, NULL, '{');
	spore__json_str(&j, "file", m->path);
	spore__json_str(&j, "system", m->name);
	spore__json_bool(&j, "ok", m->yaml.errors == 0);
	spore__json_open(&j, "findings", '[');
	for (size_t i = 0; i < m->yaml.count; i++) {
		const struct spore__finding *f = &m->yaml.findings[i];
		spore__json_open(&j, NULL, '{');
		spore__json_int(&j, "line", (int64_t)f->line);
		spore__json_int(&j, "column", (int64_t)f->column);
		spore__json_str(&j, "level", f->note ? "note" : "error");
		spore__json_str(&j, "text", f->text);
		spore__json_close(&j, '}');
	}
	spore__json_close(&j, ']');
	spore__json_open(&j, "bridges", '[');
	for (size_t i = 0; i < m->wire_count; i++) {
		const struct spore__manifest_wire *w = &m->wires[i];
		if (w->bridge[0] == '\0')
			continue;
		spore__json_open(&j, NULL, '{');
		spore__json_int(&j, "line", (int64_t)w->mark.line + 1);
		spore__json_str(&j, "bridge", w->bridge);
		spore__json_str(&j, "losses", w->losses != NULL ? w->losses : "");
		spore__json_close(&j, '}');
	}
	spore__json_close(&j, ']');
	spore__json_close(&j, '}');
	puts(out.data);
	spore__buf_finish(&out);
}

static void print(const struct spore__manifest *m)
{
	const char *shown = spore__system_shown(m->path);
	for (size_t i = 0; i < m->yaml.count; i++) {
		const struct spore__finding *f = &m->yaml.findings[i];
		printf("%s:%zu:%zu: %s%s\n", shown, f->line, f->column, f->note ? "note: " : "", f->text);
	}
	if (m->yaml.errors > m->yaml.count)
		printf("%s: and more\n", shown);
	for (size_t i = 0; i < m->wire_count && m->yaml.errors == 0; i++) {
		const struct spore__manifest_wire *w = &m->wires[i];
		if (w->from.listen != NULL)
			printf("%s:%zu:%zu: wires: the task %s listens at %s (%s) for %s.%s\n", shown, w->mark.line + 1,
			       w->mark.column + 1, w->from.task, w->from.listen, w->from.port, w->to.task, w->to.port);
		if (w->bridge[0] != '\0')
			printf("%s:%zu:%zu: wires: %s.%s and %s.%s by the bridge %s%s%s\n", shown, w->mark.line + 1,
			       w->mark.column + 1, w->from.task, w->from.port, w->to.task, w->to.port, w->bridge,
			       w->losses != NULL ? "; what is lost: " : ", in which nothing is lost",
			       w->losses != NULL ? w->losses : "");
	}
	if (m->yaml.errors == 0)
		printf("%s: no mistakes, %zu task%s\n", shown, m->count, m->count == 1 ? "" : "s");
}

static void note(void *arg, size_t wire, const char *why)
{
	struct spore__manifest *m = arg;
	if (wire < m->wire_count)
		spore__yaml_note(&m->yaml, m->wires[wire].mark, "wires: as it runs now, %s", why);
}

// The programs of the system that run may have other ports than the manifest thinks; it may be about to change them.
static void compare(struct spore__manifest *m)
{
	struct spore__tasks t;
	struct spore__strs same = {0};
	if (m->wire_count == 0 || spore__tasks_open(&t, "check", false) != 0)
		return;
	for (size_t i = 0; i < m->count; i++)
		spore__strs_add(&same, m->tasks[i].name);
	if (spore__wires_ask(&t, m, &same, true) == SPORE_OK) {
		(void)spore__wires_doubts(&t, "refused", note, m);
		(void)spore__wires_doubts(&t, "doubtful", note, m);
		spore__yaml_sort(&m->yaml);
	}
	spore__strs_finish(&same);
	spore__tasks_close(&t);
}

int spore__system_check(const struct spore__options *o)
{
	struct spore__manifest m;
	if (o->schema) {
		struct spore__buf out = {0};
		spore__schema_json(&out);
		puts(out.data);
		spore__buf_finish(&out);
		return SPORE__EXIT_OK;
	}
	int status = spore__system_read(o->operands.count > 0 ? o->operands.items[0] : NULL, &m);
	if (status == 0) {
		if (m.yaml.errors == 0)
			compare(&m);
		if (o->json)
			print_json(&m);
		else
			print(&m);
		status = m.yaml.errors > 0 ? SPORE__EXIT_FAILED : SPORE__EXIT_OK;
	}
	spore__manifest_finish(&m);
	return status;
}
