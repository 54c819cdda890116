#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/become.h"
#include "cli/command.h"
#include "node/wires_client.h"

static const struct spore__option options[] = {
    {"stats", 's', NULL, "show what passes over them: messages, bytes, rate, depth and latency", 0, NULL},
    {"live", 0, NULL, "the same, again each second until Ctrl-C", 0, NULL},
    {"json", 0, NULL, "print JSON", 0, NULL},
    {"names", 0, NULL,
     "print only the names of the ports there are, nothing when no node runs, and no errors (for completion)", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore wires", "all of them, and what those that are not made wait for"},
    {"spore wires shop", "those at tasks of one system"},
    {"spore wires --live", "what passes, all the time"},
    {0},
};

enum { COLUMNS = 5 };
static const char *const heads[COLUMNS] = {"FROM", "TO", "TRANSPORT", "STATE", "WHY"};

static bool is_asked_for(const struct spore__args *args, const struct spore__wire_info *w)
{
	bool asked = args->operand_count == 0;
	for (size_t i = 0; i < args->operand_count && !asked; i++)
		asked = spore__wire_is_of(w, args->operands[i]);
	return asked;
}

static const char *reason(const struct spore__wire_info *w)
{
	static char text[SPORE__WIRE_REASON + SPORE__WIRE_OPTIONS];
	char asked[SPORE__WIRE_OPTIONS];
	spore__wire_reason(w, text);
	spore__wire_options(w->slow, w->redeliver, w->tap, asked);
	size_t len = strlen(text);
	if (asked[0] != '\0')
		(void)snprintf(text + len, sizeof text - len, "%s%s", len > 0 ? "; with " : "with ", asked);
	return text;
}

static const char *cell(const struct spore__wire_info *w, size_t column)
{
	const char *const texts[COLUMNS] = {w->from, w->to, w->transport, w->state, reason(w)};
	return column == 2 && w->transport[0] == '\0' ? "-" : texts[column];
}

static void put_line(struct spore__buf *out, const char *const cells[COLUMNS], const size_t widths[COLUMNS])
{
	for (size_t c = 0; c < COLUMNS; c++)
		spore__buf_printf(out, "%-*s", c + 1 < COLUMNS ? (int)widths[c] + 2 : 0, cells[c]);
	while (out->len > 0 && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	spore__buf_char(out, '\n');
}

static void print_table(const struct spore__args *args, const struct spore__wire_list *list)
{
	struct spore__buf out = {0};
	size_t widths[COLUMNS];
	const char *cells[COLUMNS];
	for (size_t c = 0; c < COLUMNS; c++)
		widths[c] = strlen(heads[c]);
	for (size_t i = 0; i < list->count; i++)
		for (size_t c = 0; c < COLUMNS && is_asked_for(args, &list->items[i]); c++)
			if (strlen(cell(&list->items[i], c)) > widths[c])
				widths[c] = strlen(cell(&list->items[i], c));
	put_line(&out, heads, widths);
	for (size_t i = 0; i < list->count; i++) {
		for (size_t c = 0; c < COLUMNS; c++)
			cells[c] = cell(&list->items[i], c);
		if (is_asked_for(args, &list->items[i]))
			put_line(&out, cells, widths);
	}
	(void)fputs(out.data, stdout);
	spore__buf_finish(&out);
}

static void print_json(const struct spore__args *args, const struct spore__wire_list *list)
{
	struct spore__buf out = {0};
	struct spore__json j = {.out = &out};
	spore__json_open(&j, NULL, '[');
	for (size_t i = 0; i < list->count; i++) {
		const struct spore__wire_info *w = &list->items[i];
		if (!is_asked_for(args, w))
			continue;
		spore__json_open(&j, NULL, '{');
		spore__json_str(&j, "from", w->from);
		spore__json_str(&j, "to", w->to);
		spore__json_bool(&j, "duplex", w->duplex);
		spore__json_str(&j, "from_protocol", w->from_protocol);
		spore__json_str(&j, "to_protocol", w->to_protocol);
		spore__json_str(&j, "system", w->system);
		spore__json_str(&j, "transport", w->transport);
		spore__json_str(&j, "state", w->state);
		spore__json_int(&j, "channels", w->channels);
		spore__json_str(&j, "slow", w->slow);
		spore__json_bool(&j, "redeliver", w->redeliver);
		spore__json_bool(&j, "tap", w->tap);
		spore__json_str(&j, "bridge", w->bridge);
		spore__json_str(&j, "losses", w->losses);
		spore__json_bool(&j, "lossless", w->lossless);
		spore__json_int(&j, "parked", w->parked);
		spore__json_str(&j, "listens", w->listens);
		spore__json_str(&j, "fault", w->fault);
		spore__json_str(&j, "why", w->why);
		spore__json_str(&j, "broken", w->broken);
		spore__json_close(&j, '}');
	}
	spore__json_close(&j, ']');
	puts(out.data);
	spore__buf_finish(&out);
}

static bool is_port_of(const struct spore__args *args, const char *port)
{
	bool asked = args->operand_count == 0;
	for (size_t i = 0; i < args->operand_count && !asked; i++)
		asked = spore__end_is_of(port, args->operands[i]);
	return asked;
}

static int names(const struct spore__args *args)
{
	struct spore__tasks t;
	struct spore__strs ports = {0};
	// Completion happens in the middle of a command line: not a word about failures.
	if (freopen("/dev/null", "w", stderr) == NULL || spore__tasks_open(&t, "wires", false) != 0)
		return SPORE__EXIT_OK;
	(void)spore__ports_names(&t, &ports);
	spore__strs_sort(&ports); // a port that both instances of a swap have is there twice
	for (size_t i = 0; i < ports.count; i++)
		if (is_port_of(args, ports.items[i]) && (i == 0 || strcmp(ports.items[i - 1], ports.items[i]) != 0))
			puts(ports.items[i]);
	spore__strs_finish(&ports);
	spore__tasks_close(&t);
	return SPORE__EXIT_OK;
}

static int run(const struct spore__args *args)
{
	struct spore__tasks t;
	struct spore__wire_list list = {0};
	if (spore__args_has(args, "names"))
		return names(args);
	if (spore__args_has(args, "stats") || spore__args_has(args, "live"))
		spore__command_become(args, "spore-look", "wires");
	int status = spore__tasks_open(&t, "wires", true);
	if (status != 0)
		return status;
	enum spore_err err = spore__wires_list(&t, &list);
	if (err != SPORE_OK)
		status = spore__tasks_failed(&t, err);
	else
		status = spore__wires_check_systems(&t, "wires", &list, args->operands);
	if (status != SPORE__EXIT_OK)
		; // it is said
	else if (spore__args_has(args, "json"))
		print_json(args, &list);
	else
		print_table(args, &list);
	spore__wire_list_finish(&list);
	spore__tasks_close(&t);
	return status;
}

const struct spore__command spore__command_wires = {
    .name = "wires",
    .operands = "[SYSTEM...]",
    .summary = "list what is wired, and what it waits for",
    .text =
        "A line per wire: the ports at its ends, what carries its messages (_ring_: shared memory; _stream_: a "
        "socket; _pump_: a process, for a stdin or stdout with _tap_; _bridge A > B_: a bridge, since they speak "
        "different protocols, and in the last column what is lost "
        "in "
        "it), its state, and why. _wired_: there are channels; _wiring_: they are on the way to the programs; "
        "_waiting_: one of the ports is not open, or the ports do not fit.\n\n"
        "*--stats* measures for 0.2 seconds, both directions together (*--json* has each): messages and bytes since "
        "the channels were made, messages per second, messages that were not received yet, those that were "
        "dropped (by a fault, *spore help fault*, or since their subscriber was slow), and of one message in "
        "about 200 how long it took to be received, the median and the 99th percentile. Measured can be channels of "
        "shared "
        "memory, and of programs without libspore what a process carries (_pump_, FIFOs and sockets): its bytes. What "
        "is published for a program without libspore "
        "is counted where it is dropped.",
    .options = options,
    .examples = examples,
    .max_operands = (size_t)-1,
    .run = run,
};
