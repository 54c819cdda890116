#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "look/flow.h"
#include "look/graph.h"

// ---- text

static int width_of_names(const struct spore__graph *g)
{
	size_t width = 0;
	for (size_t i = 0; i < g->count; i++)
		if (strlen(g->tasks[i].name) > width)
			width = strlen(g->tasks[i].name);
	return (int)width;
}

static int width_of_states(const struct spore__graph *g)
{
	size_t width = 1;
	for (size_t i = 0; i < g->count; i++)
		if (g->tasks[i].state != NULL && strlen(g->tasks[i].state) > width)
			width = strlen(g->tasks[i].state);
	return (int)width;
}

static void cut_spaces(struct spore__buf *out)
{
	while (out->len > 0 && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
}

static void put_task(const struct spore__graph *g, const struct spore__graph_task *t, struct spore__buf *out)
{
	const char *comma = "  (";
	if (g->running)
		spore__buf_printf(out, "  %-*s  %-*s", width_of_names(g), t->name, width_of_states(g),
		                  t->state != NULL ? t->state : "-");
	else
		spore__buf_printf(out, "  %s", t->name);
	for (size_t i = 0; i < t->after_count; i++)
		spore__buf_printf(out, "%s%s %s", i == 0 ? "  after " : ", ", t->after[i].task, t->after[i].condition);
	if (t->replicas > 0) {
		spore__buf_printf(out, "%s%" PRId64 " replicas", comma, t->replicas);
		comma = ", ";
	}
	if (t->every != NULL) {
		spore__buf_printf(out, "%severy %s", comma, t->every);
		comma = ", ";
	}
	for (size_t i = 0; i < t->profiles.count; i++, comma = ", ")
		spore__buf_printf(out, "%sprofile %s", comma, t->profiles.items[i]);
	spore__buf_str(out, *comma == ',' ? ")" : "");
	if (t->why != NULL)
		spore__buf_printf(out, "  %s", t->why);
	cut_spaces(out);
	spore__buf_char(out, '\n');
}

enum { WIRE, TRANSPORT, STATE, FLOW, WHY = FLOW + SPORE__FLOW_COLUMNS, COLUMNS };

static void put_end(const struct spore__graph_end *e, struct spore__buf *out)
{
	spore__buf_printf(out, "%s.%s", e->task, e->port);
	if (e->protocol != NULL)
		spore__buf_printf(out, " (%s)", e->protocol);
}

static void put_notes(const struct spore__graph_wire *w, struct spore__strs *row)
{
	struct spore__buf notes = {0};
	spore__buf_str(&notes, w->reason != NULL ? w->reason : "");
	if (w->asked != NULL)
		spore__buf_printf(&notes, "%swith %s", w->reason != NULL ? "; " : "", w->asked);
	spore__strs_take(row, spore__buf_take(&notes));
}

static void put_cells(const struct spore__graph *g, const struct spore__graph_wire *w, struct spore__strs *row)
{
	char flow[SPORE__FLOW_COLUMNS][SPORE__FLOW_CELL];
	struct spore__buf wire = {0};
	put_end(&w->ends[0], &wire);
	spore__buf_str(&wire, w->duplex ? " <> " : " -> ");
	put_end(&w->ends[1], &wire);
	spore__strs_take(row, spore__buf_take(&wire));
	if (!g->running) {
		put_notes(w, row);
		return;
	}
	spore__strs_add(row, w->transport != NULL ? w->transport : "-");
	spore__strs_add(row, w->state != NULL ? w->state : "not wired");
	if (w->flow != NULL)
		spore__flow_cells(w->flow, flow);
	for (size_t c = 0; c < SPORE__FLOW_COLUMNS; c++)
		spore__strs_add(row, w->flow != NULL ? flow[c] : "");
	put_notes(w, row);
}

static void put_wires(const struct spore__graph *g, struct spore__buf *out)
{
	struct spore__strs cells = {0};
	size_t widths[COLUMNS] = {0}, columns = g->running ? COLUMNS : 2; // that is the wire and what was asked for
	bool flows = false;
	for (size_t i = 0; i < g->wire_count; i++)
		flows |= g->wires[i].flow != NULL;
	if (flows) { // only then are there numbers that need a head
		spore__strs_add(&cells, "");
		spore__strs_add(&cells, "TRANSPORT");
		spore__strs_add(&cells, "STATE");
		for (size_t c = 0; c < SPORE__FLOW_COLUMNS; c++)
			spore__strs_add(&cells, spore__flow_heads[c]);
		spore__strs_add(&cells, "");
	}
	for (size_t i = 0; i < g->wire_count; i++)
		put_cells(g, &g->wires[i], &cells);
	for (size_t i = 0; i < cells.count; i++)
		if (strlen(cells.items[i]) > widths[i % columns])
			widths[i % columns] = strlen(cells.items[i]);
	for (size_t i = 0; i < cells.count; i++) {
		size_t c = i % columns;
		if (c == WIRE)
			spore__buf_str(out, "  ");
		if (c + 1 == columns)
			spore__buf_str(out, cells.items[i]);
		else if (widths[c] > 0)
			spore__buf_printf(out, c >= FLOW ? "%*s  " : "%-*s  ", (int)widths[c], cells.items[i]);
		if (c + 1 == columns) {
			cut_spaces(out);
			spore__buf_char(out, '\n');
		}
	}
	spore__strs_finish(&cells);
}

void spore__graph_text(const struct spore__graph *g, struct spore__buf *out)
{
	spore__buf_printf(out, "%s\n", g->system[0] != '\0' ? g->system : "tasks:");
	for (size_t i = 0; i < g->count; i++)
		put_task(g, &g->tasks[i], out);
	if (g->wire_count > 0)
		spore__buf_str(out, "wires:\n");
	put_wires(g, out);
}

// ---- Graphviz and Mermaid: names have no characters that would have to be quoted

// "ring", "ring, waiting, drop-oldest": each begins with BEFORE, all but the first with a comma.
static void put_words(const struct spore__graph_wire *w, const char *before, struct spore__buf *out)
{
	bool says_state = w->state != NULL && (w->transport == NULL || strcmp(w->state, "wired") != 0);
	const char *const words[] = {w->transport, says_state ? w->state : NULL, w->asked};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (words[i] != NULL) {
			spore__buf_printf(out, "%s%s", before, words[i]);
			before = ", ";
		}
}

// Of a state: green, amber, red, or grey.
static const char *colour_of(const char *word)
{
	static const struct {
		const char *word, *colour;
	} colours[] = {{"running", "#2e7d32"},   {"wired", "#2e7d32"},  {"starting", "#b26a00"},
	               {"stopping", "#b26a00"},  {"wiring", "#b26a00"}, {"waiting", "#b26a00"},
	               {"scheduled", "#1565c0"}, {"failed", "#c62828"}};
	for (size_t i = 0; i < sizeof colours / sizeof colours[0]; i++)
		if (strcmp(colours[i].word, word) == 0)
			return colours[i].colour;
	return "#757575";
}

void spore__graph_dot(const struct spore__graph *g, struct spore__buf *out)
{
	spore__buf_printf(out, "digraph \"%s\" {\n\trankdir=LR;\n\tnode [shape=box];\n",
	                  g->system[0] != '\0' ? g->system : "spore");
	for (size_t i = 0; i < g->count; i++) {
		const struct spore__graph_task *t = &g->tasks[i];
		spore__buf_printf(out, "\t\"%s\"", t->name);
		if (t->state != NULL)
			spore__buf_printf(out, " [label=\"%s\\n%s\", color=\"%s\"%s]", t->name, t->state,
			                  colour_of(t->word), t->profiles.count > 0 ? ", style=dashed" : "");
		else if (t->profiles.count > 0)
			spore__buf_str(out, " [style=dashed]");
		spore__buf_str(out, ";\n");
		for (size_t k = 0; k < t->after_count; k++)
			spore__buf_printf(out, "\t\"%s\" -> \"%s\" [label=\"%s\", style=dashed];\n", t->after[k].task,
			                  t->name, t->after[k].condition);
	}
	for (size_t i = 0; i < g->wire_count; i++) {
		const struct spore__graph_wire *w = &g->wires[i];
		spore__buf_printf(out, "\t\"%s\" -> \"%s\" [taillabel=\"%s\", headlabel=\"%s\"%s", w->ends[0].task,
		                  w->ends[1].task, w->ends[0].port, w->ends[1].port, w->duplex ? ", dir=both" : "");
		if (w->state != NULL || w->asked != NULL) {
			spore__buf_str(out, ", label=\"");
			put_words(w, "", out);
			spore__buf_char(out, '"');
		}
		if (w->state != NULL)
			spore__buf_printf(out, ", color=\"%s\"", colour_of(w->state));
		spore__buf_str(out, "];\n");
	}
	spore__buf_str(out, "}\n");
}

// Numbers as identifiers: Mermaid takes some words and dashes in them for its own.
static size_t number_of(const struct spore__graph *g, const char *task)
{
	size_t i = 0;
	while (i < g->count && strcmp(g->tasks[i].name, task) != 0)
		i++;
	return i;
}

void spore__graph_mermaid(const struct spore__graph *g, struct spore__buf *out)
{
	spore__buf_str(out, "flowchart LR\n");
	for (size_t i = 0; i < g->count; i++)
		spore__buf_printf(out, "    t%zu[\"%s%s%s\"]\n", i, g->tasks[i].name,
		                  g->tasks[i].state != NULL ? "<br>" : "",
		                  g->tasks[i].state != NULL ? g->tasks[i].state : "");
	for (size_t i = 0; i < g->count; i++)
		for (size_t k = 0; k < g->tasks[i].after_count; k++)
			if (number_of(g, g->tasks[i].after[k].task) < g->count)
				spore__buf_printf(out, "    t%zu -. \"%s\" .-> t%zu\n",
				                  number_of(g, g->tasks[i].after[k].task),
				                  g->tasks[i].after[k].condition, i);
	for (size_t i = 0; i < g->wire_count; i++) {
		const struct spore__graph_wire *w = &g->wires[i];
		spore__buf_printf(out, "    t%zu %s|\"%s to %s", number_of(g, w->ends[0].task),
		                  w->duplex ? "<-->" : "-->", w->ends[0].port, w->ends[1].port);
		put_words(w, ", ", out);
		spore__buf_printf(out, "\"| t%zu\n", number_of(g, w->ends[1].task));
	}
}
