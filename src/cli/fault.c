#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/command.h"
#include "node/tasks_client.h"
#include "system/value.h"

static const struct spore__option options[] = {{0}};

static const struct spore__example examples[] = {
    {"spore fault camera.frames delay=50ms", "each message takes 50 milliseconds longer"},
    {"spore fault camera.frames detect.in drop=1% seed=7",
     "on one wire one of a hundred is lost, each time the same ones"},
    {"spore fault camera.frames cut", "the programs see their peers gone"},
    {"spore fault camera.frames off", "as if nothing had been"},
    {0},
};

struct wanted {
	const char *port, *peer; // PEER: NULL: all wires
	int64_t delay_us, drop_ppm, seed;
	bool cut, off, any;
};

static _Noreturn void wrong(const char *text, const char *remedy)
{
	spore__die(SPORE__EXIT_USAGE, remedy, "fault: '%s' is none", text);
}

static void take_delay(struct wanted *w, const char *text, const char *value)
{
	int64_t ms, n;
	size_t len = strlen(value);
	char digits[24];
	if (len > 2 && len < sizeof digits && strcmp(value + len - 2, "us") == 0) {
		memcpy(digits, value, len - 2);
		digits[len - 2] = '\0';
		if (spore__value_int(digits, &n) && n > 0 && n <= INT64_C(600000000)) {
			w->delay_us = n;
			return;
		}
	} else if (spore__value_duration(value, &ms) && ms > 0 && ms <= 600000) {
		w->delay_us = ms * 1000;
		return;
	}
	wrong(text, "a delay is from 1us to 10m, such as delay=50ms");
}

static void take_drop(struct wanted *w, const char *text, const char *value)
{
	char *end;
	double n = strtod(value, &end);
	bool percent = strcmp(end, "%") == 0;
	double ppm = n * (percent ? 10000 : 1000000);
	if (end == value || (!percent && (*end != '\0' || n >= 1)) || !(ppm >= 1) || ppm > 1000000)
		wrong(
		    text,
		    "of all messages it drops so many: of a hundred with the sign, as drop=1%, or a fraction below 1, "
		    "as drop=0.01");
	w->drop_ppm = (int64_t)(ppm + 0.5);
}

static void take(struct wanted *w, const char *text)
{
	if (strcmp(text, "cut") == 0)
		w->cut = true;
	else if (strcmp(text, "off") == 0)
		w->off = true;
	else if (strncmp(text, "delay=", 6) == 0)
		take_delay(w, text, text + 6);
	else if (strncmp(text, "drop=", 5) == 0)
		take_drop(w, text, text + 5);
	else if (strncmp(text, "seed=", 5) == 0) {
		if (!spore__value_int(text + 5, &w->seed) || w->seed < 0)
			wrong(text, "a seed is a number, such as seed=7");
	} else if (strchr(text, '=') == NULL && strchr(text, '.') != NULL && w->peer == NULL && !w->any) {
		w->peer = text;
		return;
	} else
		wrong(text, "the faults are delay=TIME, drop=N%, seed=N with it, cut, and off");
	w->any = true;
}

static void put_params(struct spore__msgpack_writer *m, const struct wanted *w)
{
	char folder[PATH_MAX];
	const struct {
		const char *key;
		int64_t value;
	} numbers[] = {{"delay_us", w->delay_us}, {"drop_ppm", w->drop_ppm}, {"seed", w->seed}};
	spore__msgpack_map(m, 7);
	spore__msgpack_str(m, "port");
	spore__msgpack_str(m, w->port);
	spore__msgpack_str(m, "peer");
	spore__msgpack_str(m, w->peer != NULL ? w->peer : "");
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		spore__msgpack_str(m, numbers[i].key);
		spore__msgpack_int(m, numbers[i].value);
	}
	spore__msgpack_str(m, "cut");
	spore__msgpack_bool(m, w->cut);
	spore__msgpack_str(m, "from");
	spore__msgpack_str(m, getcwd(folder, sizeof folder) != NULL ? folder : "");
}

static int run(const struct spore__args *args)
{
	struct spore__tasks t;
	struct spore__msgpack_writer m = {0};
	struct wanted w = {.port = args->operands[0]};
	for (size_t i = 1; i < args->operand_count; i++)
		take(&w, args->operands[i]);
	bool relays = w.delay_us > 0 || w.drop_ppm > 0;
	if (!w.any || w.cut + w.off + relays != 1)
		spore__die(SPORE__EXIT_USAGE, "spore fault A.PORT delay=50ms drop=1%, or cut, or off",
		           "fault: say which: delay and drop go together, cut and off go alone");
	int status = spore__tasks_open(&t, "fault", true);
	if (status != 0)
		return status;
	put_params(&m, &w);
	enum spore_err err = spore__tasks_call(&t, "wires.fault", &m, true, SPORE__TASKS_PATIENCE_MS);
	status = err == SPORE_OK ? SPORE__EXIT_OK : spore__tasks_failed(&t, err);
	spore__tasks_close(&t);
	return status;
}

const struct spore__command spore__command_fault = {
    .name = "fault",
    .operands = "A.PORT [B.PORT] FAULT...",
    .summary = "delay or drop what passes over wires, or cut them, on purpose",
    .text =
        "For testing how programs take it: all wires at A.PORT, or the one to B.PORT, until *off*, whatever is started "
        "again meanwhile. _delay=50ms_: each message takes so much longer, in order, in both directions. _drop=1%_ "
        "(or _drop=0.01_): so many are lost, chosen at random, with _seed=7_ the same ones for each new channel. "
        "_cut_: the programs see their "
        "peers gone until *off*. A new fault takes "
        "the place of the one before.\n\n"
        "While a wire delays or drops a process of its own is between its ends, so its channels are made anew when the "
        "fault begins or changes: what is under way arrives first, and the programs are told as when a peer returns "
        "(a plain program that reads sees an end of file, and what is held back of one that writes is lost). Wires "
        "without a fault cost nothing. *spore wires* and *spore graph* show faults, with *--stats* how many messages "
        "were dropped, "
        "which the senders are not told. Not for publish and subscribe, nor for stdin and stdout; between two programs "
        "without libspore a wire can only be cut.",
    .options = options,
    .examples = examples,
    .min_operands = 2,
    .max_operands = (size_t)-1,
    .completes = SPORE__COMPLETES_PORT,
    .second = SPORE__COMPLETES_PORT,
    .run = run,
};
