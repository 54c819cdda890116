// The wires with what passes over them.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "look/flow.h"
#include "look/look.h"

enum { INTERVAL_MS = 200, PAUSE_MS = 800, OWN = 4, COLUMNS = OWN + SPORE__FLOW_COLUMNS, WIDEST = 400 };

static const char *const heads[OWN] = {"FROM", "TO", "TRANSPORT", "STATE"};

static void cells_of(const struct spore__wire_info *w, const struct spore__measured *m, char cells[COLUMNS][WIDEST])
{
	char flow[SPORE__FLOW_COLUMNS][SPORE__FLOW_CELL];
	spore__flow_cells(m, flow);
	(void)snprintf(cells[0], WIDEST, "%s", w->from);
	(void)snprintf(cells[1], WIDEST, "%s", w->to);
	(void)snprintf(cells[2], WIDEST, "%s", w->transport[0] != '\0' ? w->transport : "-");
	(void)snprintf(cells[3], WIDEST, "%s", w->state);
	for (size_t c = 0; c < SPORE__FLOW_COLUMNS; c++)
		(void)snprintf(cells[OWN + c], WIDEST, "%s", flow[c]);
}

static void put_table(struct spore__buf *out, const struct spore__wire_list *list, const struct spore__measured *m)
{
	char(*cells)[COLUMNS][WIDEST] = spore__xmalloc((list->count + 1) * sizeof *cells);
	size_t widths[COLUMNS] = {0};
	for (size_t c = 0; c < COLUMNS; c++)
		(void)snprintf(cells[0][c], WIDEST, "%s", c < OWN ? heads[c] : spore__flow_heads[c - OWN]);
	for (size_t i = 0; i < list->count; i++)
		cells_of(&list->items[i], &m[i], cells[i + 1]);
	for (size_t i = 0; i <= list->count; i++)
		for (size_t c = 0; c < COLUMNS; c++)
			widths[c] = strlen(cells[i][c]) > widths[c] ? strlen(cells[i][c]) : widths[c];
	for (size_t i = 0; i <= list->count; i++)
		for (size_t c = 0; c < COLUMNS; c++)
			spore__buf_printf(out, "%-*s%s", c + 1 < COLUMNS ? (int)widths[c] : 0, cells[i][c],
			                  c + 1 < COLUMNS ? "  " : "\n");
	free(cells);
}

static void put_json(struct spore__buf *out, const struct spore__wire_list *list, const struct spore__measured *m)
{
	struct spore__json j = {.out = out};
	spore__json_open(&j, NULL, '[');
	for (size_t i = 0; i < list->count; i++) {
		const struct spore__wire_info *w = &list->items[i];
		spore__json_open(&j, NULL, '{');
		spore__json_str(&j, "from", w->from);
		spore__json_str(&j, "to", w->to);
		spore__json_str(&j, "transport", w->transport);
		spore__json_str(&j, "state", w->state);
		spore__json_str(&j, "fault", w->fault);
		spore__json_str(&j, "why", w->why);
		spore__json_str(&j, "broken", w->broken);
		spore__json_int(&j, "channels", w->channels);
		spore__json_str(&j, "slow", w->slow);
		spore__json_bool(&j, "redeliver", w->redeliver);
		spore__json_bool(&j, "tap", w->tap);
		spore__flow_json(&j, &m[i]);
		spore__json_close(&j, '}');
	}
	spore__json_close(&j, ']');
	spore__buf_char(out, '\n');
}

static bool is_asked_for(const struct spore__look *look, const struct spore__wire_info *w)
{
	bool asked = look->operands[0] == NULL;
	for (size_t i = 0; look->operands[i] != NULL && !asked; i++)
		asked = spore__wire_is_of(w, look->operands[i]);
	return asked;
}

static int show(const struct spore__look *look, struct spore__tasks *t, bool clears)
{
	struct spore__wire_list list = {0}, some = {0};
	struct spore__buf out = {0};
	enum spore_err err = spore__wires_list(t, &list);
	int status = err != SPORE_OK ? spore__tasks_failed(t, err)
	                             : spore__wires_check_systems(t, "wires", &list, look->operands);
	if (status != SPORE__EXIT_OK) {
		spore__wire_list_finish(&list);
		return status;
	}
	some.items = spore__xmalloc((list.count + 1) * sizeof *some.items);
	struct spore__measured *m = spore__xmalloc((list.count + 1) * sizeof *m);
	for (size_t i = 0; i < list.count; i++)
		if (is_asked_for(look, &list.items[i]))
			some.items[some.count++] = list.items[i];
	for (size_t i = 0; i < some.count; i++)
		spore__measure_begin(t, &some.items[i], &m[i]);
	spore__flow_pause(INTERVAL_MS);
	for (size_t i = 0; i < some.count; i++)
		spore__measure_again(&m[i]);
	if (look->json)
		put_json(&out, &some, m);
	else
		put_table(&out, &some, m);
	bool written =
	    clears ? spore__flow_repaint(&out) : fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
	for (size_t i = 0; i < some.count; i++)
		spore__measure_finish(&m[i]);
	spore__buf_finish(&out);
	free(m);
	free(some.items);
	spore__wire_list_finish(&list);
	if (!written && errno != EPIPE)
		spore__die(SPORE__EXIT_SPORE, NULL, "wires: standard output cannot be written: %s", strerror(errno));
	return written ? 0 : -1;
}

int spore__look_wires(const struct spore__look *look)
{
	struct spore__tasks t;
	int status = spore__tasks_open(&t, "wires", true);
	if (status != 0)
		return status;
	while ((status = show(look, &t, look->live && !look->json && isatty(STDOUT_FILENO))) == 0 && look->live)
		spore__flow_pause(PAUSE_MS);
	spore__tasks_close(&t);
	return status > 0 ? status : SPORE__EXIT_OK;
}
