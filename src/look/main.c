// Looks inside channels. Started by `spore tap` and others, which have checked which options there are.
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/std.h"
#include "look/look.h"

static const struct {
	const char *name;
	int (*run)(const struct spore__look *look);
} commands[] = {
    {"tap", spore__look_tap},   {"record", spore__look_tap},    {"cat", spore__look_cat},
    {"send", spore__look_send}, {"replay", spore__look_replay}, {"wires", spore__look_wires},
    {"why", spore__look_why},   {"graph", spore__look_graph},   {"relay", spore__look_relay},
    {"dead", spore__look_dead}, {"serve", spore__look_serve},   {"call", spore__look_call},
};

static int64_t parse_count(const char *what, const char *text)
{
	char *end;
	long long n = strtoll(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0')
		spore__die(SPORE__EXIT_USAGE, "it is how many messages are shown: 0, 1, 2, ...",
		           "%s: --count: %s: this is no number", what, text);
	return n;
}

static double parse_speed(const char *what, const char *text)
{
	char *end;
	double n = strtod(text, &end);
	if (strcmp(text, "max") == 0)
		return 0;
	if (text[0] == '\0' || *end != '\0' || !(n > 0) || n > 1e9)
		spore__die(SPORE__EXIT_USAGE, "2 is twice as fast, 0.5 half as fast, max without waiting",
		           "%s: --speed: %s: this is no speed", what, text);
	return n;
}

static int parse_timeout(const char *what, const char *text)
{
	enum { MOST = 1000000 };
	char *end;
	double s = strtod(text, &end);
	if (text[0] < '0' || text[0] > '9' || (*end != '\0' && strcmp(end, "s") != 0) || !(s <= MOST))
		spore__die(SPORE__EXIT_USAGE, "it is seconds: 5, 0.5 or 5s", "%s: --timeout: %s: this is no time", what,
		           text);
	return (int)(s * 1000);
}

static bool parse_framing(const char *what, const char *text)
{
	if (strcmp(text, "lines") != 0 && strcmp(text, "u32le") != 0)
		spore__die(SPORE__EXIT_USAGE, "the framings are lines and u32le",
		           "%s: --framing: %s: there is no such framing", what, text);
	return text[0] == 'u';
}

// Of serve: what is offered where. False: there is no such option.
static bool parse_offer(struct spore__look *look, const char *option, const char *value)
{
	static const char *const offers[][2] = {
	    {"http", "http"}, {"websocket", "websocket"}, {"resp", "resp"}, {"mcp", "mcp-http"}};
	if (strcmp(option, "as") == 0)
		look->as = value;
	else if (strcmp(option, "listen") == 0)
		look->listen = value;
	for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++)
		if (strcmp(option, offers[i][0]) == 0) {
			look->as = offers[i][1];
			look->listen = value;
		}
	return look->as == value || look->listen == value;
}

// NAME=VALUE or NAME; false: there is no such option.
static bool parse_option(struct spore__look *look, const char *option, const char *value)
{
	if (strcmp(option, "json") == 0)
		look->json = true;
	else if (strcmp(option, "raw") == 0)
		look->raw = true;
	else if (strcmp(option, "hex") == 0)
		look->hex = true;
	else if (strcmp(option, "stats") == 0)
		look->stats = true;
	else if (strcmp(option, "live") == 0)
		look->live = true;
	else if (strcmp(option, "dot") == 0)
		look->dot = true;
	else if (strcmp(option, "mermaid") == 0)
		look->mermaid = true;
	else if (strcmp(option, "received") == 0)
		look->received = true;
	else if (strcmp(option, "describe") == 0)
		look->describe = true;
	else if (strcmp(option, "names") == 0)
		look->names = true;
	else if (value == NULL)
		return false;
	else if (strcmp(option, "timeout") == 0)
		look->timeout_ms = parse_timeout(look->what, value);
	else if (strcmp(option, "count") == 0)
		look->count = parse_count(look->what, value);
	else if (strcmp(option, "speed") == 0)
		look->speed = parse_speed(look->what, value);
	else if (strcmp(option, "framing") == 0)
		look->u32le = parse_framing(look->what, value);
	else if (strcmp(option, "resend") == 0)
		look->resend = value;
	else if (strcmp(option, "drop") == 0)
		look->drop = value;
	else if (strcmp(option, "output") == 0)
		look->output = value;
	else
		return parse_offer(look, option, value);
	return true;
}

int main(int argc, char **argv)
{
	struct spore__look look = {.count = -1, .speed = 1, .timeout_ms = -1};
	int i = 2;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); // a limit of file sizes becomes an error with its name
	if (argc < 2)
		spore__die(SPORE__EXIT_USAGE, "spore help tap", "spore-look: it is started by spore");
	look.what = argv[1];
	for (; argv[i] != NULL && strncmp(argv[i], "--", 2) == 0 && argv[i][2] != '\0'; i++) {
		char *value = strchr(argv[i], '=');
		if (value != NULL)
			*value++ = '\0';
		if (!parse_option(&look, argv[i] + 2, value))
			spore__die(SPORE__EXIT_USAGE, NULL, "%s: %s: there is no such option", look.what, argv[i]);
	}
	if (argv[i] != NULL && strcmp(argv[i], "--") == 0)
		i++;
	look.operands = argv + i;
	if (look.json + look.raw + look.hex > 1)
		spore__die(SPORE__EXIT_USAGE, "use one of them", "%s: --json, --raw and --hex: they exclude each other",
		           look.what);
	if (argv[i] == NULL && !look.names && strcmp(look.what, "wires") != 0 && strcmp(look.what, "graph") != 0 &&
	    strcmp(look.what, "dead") != 0)
		spore__die(SPORE__EXIT_USAGE, NULL, "%s: which port?", look.what);
	for (size_t c = 0; c < sizeof commands / sizeof commands[0]; c++)
		if (strcmp(commands[c].name, look.what) == 0)
			return spore__std_end(commands[c].run(&look));
	spore__die(SPORE__EXIT_USAGE, NULL, "spore-look: %s: there is no such command", look.what);
}
