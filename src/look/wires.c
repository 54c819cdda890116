// The wires with what passes over them.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "look/look.h"
#include "look/measure.h"
#include "show/text.h"

enum { INTERVAL_MS = 200, PAUSE_MS = 800, COLUMNS = 10, WIDEST = 400 };

static const char *const heads[COLUMNS] = {"FROM",  "TO",   "TRANSPORT", "STATE", "MESSAGES",
                                           "BYTES", "RATE", "DEPTH",     "P50",   "P99"};

static void sleep_ms(long ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	(void)nanosleep(&t, NULL);
}

static void latency(uint64_t ns, char *out, size_t size)
{
	if (ns == 0)
		(void)snprintf(out, size, "-");
	else if (ns < 1000)
		(void)snprintf(out, size, "%" PRIu64 "ns", ns);
	else if (ns < 1000000)
		(void)snprintf(out, size, "%.3gus", (double)ns / 1e3);
	else if (ns < 1000000000)
		(void)snprintf(out, size, "%.3gms", (double)ns / 1e6);
	else
		(void)snprintf(out, size, "%.3gs", (double)ns / 1e9);
}

static void cells_of(const struct spore__wire_info *w, const struct spore__measured *m, char cells[COLUMNS][WIDEST])
{
	struct spore__flow f[2];
	for (unsigned way = 0; way < 2; way++)
		spore__measure_flow(m, way, &f[way]);
	for (size_t c = 4; c < COLUMNS; c++)
		(void)snprintf(cells[c], WIDEST, "-");
	(void)snprintf(cells[0], WIDEST, "%s", w->from);
	(void)snprintf(cells[1], WIDEST, "%s", w->to);
	(void)snprintf(cells[2], WIDEST, "%s", w->transport[0] != '\0' ? w->transport : "-");
	(void)snprintf(cells[3], WIDEST, "%s", w->state);
	if (m->count == 0)
		return;
	(void)snprintf(cells[4], WIDEST, "%" PRIu64, f[0].messages + f[1].messages);
	spore__bytes_text((double)(f[0].bytes + f[1].bytes), cells[5], WIDEST);
	(void)snprintf(cells[6], WIDEST, "%.0f/s", f[0].rate + f[1].rate);
	(void)snprintf(cells[7], WIDEST, "%" PRIu64, f[0].depth + f[1].depth);
	latency(f[0].p50 > f[1].p50 ? f[0].p50 : f[1].p50, cells[8], WIDEST);
	latency(f[0].p99 > f[1].p99 ? f[0].p99 : f[1].p99, cells[9], WIDEST);
}

static void put_table(struct spore__buf *out, const struct spore__wire_list *list, const struct spore__measured *m)
{
	char(*cells)[COLUMNS][WIDEST] = spore__xmalloc((list->count + 1) * sizeof *cells);
	size_t widths[COLUMNS] = {0};
	for (size_t c = 0; c < COLUMNS; c++)
		(void)snprintf(cells[0][c], WIDEST, "%s", heads[c]);
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

static void put_flow(struct spore__json *j, const char *key, const struct spore__measured *m, unsigned way)
{
	struct spore__flow f;
	spore__measure_flow(m, way, &f);
	spore__json_open(j, key, '{');
	spore__json_int(j, "messages", (int64_t)f.messages);
	spore__json_int(j, "bytes", (int64_t)f.bytes);
	spore__json_float(j, "rate", f.rate);
	spore__json_int(j, "depth", (int64_t)f.depth);
	spore__json_bool(j, "full", f.full);
	for (int i = 0; i < 2; i++) {
		uint64_t ns = i == 0 ? f.p50 : f.p99;
		if (ns != 0)
			spore__json_int(j, i == 0 ? "p50_ns" : "p99_ns", (int64_t)ns);
		else
			spore__json_null(j, i == 0 ? "p50_ns" : "p99_ns");
	}
	spore__json_close(j, '}');
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
		spore__json_str(&j, "why", w->why);
		spore__json_int(&j, "channels", w->channels);
		spore__json_int(&j, "measured", (int64_t)m[i].count);
		if (m[i].count > 0) {
			put_flow(&j, "forward", &m[i], SPORE__FORWARD);
			put_flow(&j, "backward", &m[i], SPORE__BACKWARD);
		}
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
	if (err != SPORE_OK) {
		spore__wire_list_finish(&list);
		return spore__tasks_failed(t, err);
	}
	some.items = spore__xmalloc((list.count + 1) * sizeof *some.items);
	struct spore__measured *m = spore__xmalloc((list.count + 1) * sizeof *m);
	for (size_t i = 0; i < list.count; i++)
		if (is_asked_for(look, &list.items[i]))
			some.items[some.count++] = list.items[i];
	for (size_t i = 0; i < some.count; i++)
		spore__measure_begin(t, &some.items[i], &m[i]);
	sleep_ms(INTERVAL_MS);
	for (size_t i = 0; i < some.count; i++)
		spore__measure_again(&m[i]);
	if (clears)
		spore__buf_str(&out, "\033[H\033[J");
	if (look->json)
		put_json(&out, &some, m);
	else
		put_table(&out, &some, m);
	bool written = fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
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
		sleep_ms(PAUSE_MS);
	spore__tasks_close(&t);
	return status > 0 ? status : SPORE__EXIT_OK;
}
