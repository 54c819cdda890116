// Reads the logs of tasks. Started by `spore logs`, which has checked which options there are.
#include <limits.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/err.h"
#include "logs/show.h"
#include "logs/when.h"

static uint64_t now(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static uint64_t parse_time(const char *option, const char *text)
{
	uint64_t ns;
	if (!spore__when_parse(text, now(), &ns))
		spore__die(SPORE__EXIT_USAGE,
		           "examples: 10m, 2h30m, 2026-01-31, 2026-01-31T12:30:00Z, 12:30, @1700000000",
		           "logs: --%s: %s: this is no time", option, text);
	return ns;
}

static int64_t parse_count(const char *text)
{
	char *end;
	long long n = strtoll(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > INT_MAX)
		spore__die(SPORE__EXIT_USAGE, "it is how many records are shown: 0, 1, 2, ...",
		           "logs: --lines: %s: this is no number", text);
	return n;
}

static unsigned parse_level(const char *text)
{
	unsigned level = spore__level_parse(text, strlen(text));
	if (level == 0)
		spore__die(SPORE__EXIT_USAGE, "the levels are debug, info, warn and error",
		           "logs: --level: %s: there is no such level", text);
	return level;
}

// "stdout" means what comes from the program there: a terminal too.
static unsigned parse_streams(const char *text)
{
	static const struct {
		const char *word;
		unsigned streams;
	} words[] = {
	    {"stdout", 1U << SPORE__STREAM_STDOUT | 1U << SPORE__STREAM_TTY},
	    {"stderr", 1U << SPORE__STREAM_STDERR},
	    {"records", 1U << SPORE__STREAM_RECORDS},
	    {"events", 1U << SPORE__STREAM_EVENTS},
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i].word, text) == 0)
			return words[i].streams;
	spore__die(SPORE__EXIT_USAGE, "the streams are stdout, stderr, records and events",
	           "logs: --stream: %s: there is no such stream", text);
}

// A text in which nothing is special is found much faster as such.
static void parse_grep(struct spore__log_print *p, const char *text)
{
	static regex_t regex;
	char why[200];
	if (text[strcspn(text, ".[]()*+?{}|^$\\")] == '\0') {
		p->literal = text;
		return;
	}
	int err = regcomp(&regex, text, REG_EXTENDED | REG_NOSUB);
	if (err != 0) {
		(void)regerror(err, &regex, why, sizeof why);
		spore__die(SPORE__EXIT_USAGE, "it is a POSIX extended regular expression", "logs: --grep: %s: %s", text,
		           why);
	}
	p->grep = &regex;
}

// NAME=VALUE or NAME; false: there is no such option.
static bool parse_option(struct spore__show *show, const char *option, const char *value)
{
	struct spore__log_print *p = &show->print;
	if (strcmp(option, "follow") == 0)
		show->follow = true;
	else if (strcmp(option, "json") == 0)
		p->json = true;
	else if (strcmp(option, "raw") == 0)
		p->raw = true;
	else if (strcmp(option, "times") == 0)
		p->times = true;
	else if (value == NULL)
		return false;
	else if (strcmp(option, "lines") == 0)
		show->last = parse_count(value);
	else if (strcmp(option, "since") == 0)
		p->since = parse_time(option, value);
	else if (strcmp(option, "until") == 0)
		p->until = parse_time(option, value);
	else if (strcmp(option, "level") == 0)
		p->level = parse_level(value);
	else if (strcmp(option, "grep") == 0)
		parse_grep(p, value);
	else if (strcmp(option, "stream") == 0)
		p->streams |= parse_streams(value);
	else
		return false;
	return true;
}

static void parse(struct spore__show *show, char **argv)
{
	size_t i = 1;
	for (; argv[i] != NULL && strncmp(argv[i], "--", 2) == 0 && argv[i][2] != '\0'; i++) {
		char *value = strchr(argv[i], '=');
		if (value != NULL)
			*value++ = '\0';
		if (!parse_option(show, argv[i] + 2, value))
			spore__die(SPORE__EXIT_USAGE, "spore help logs", "logs: %s: there is no such option", argv[i]);
	}
	if (argv[i] != NULL && strcmp(argv[i], "--") == 0)
		i++;
	show->names = argv + i;
	if (show->print.json && show->print.raw)
		spore__die(SPORE__EXIT_USAGE, "use one of them", "logs: --json and --raw: both at once make no sense");
}

int main(int argc, char **argv)
{
	struct spore__show show = {.last = -1, .print = {.until = UINT64_MAX}};
	struct rlimit files;
	(void)argc;
	(void)signal(SIGPIPE, SIG_IGN); // whoever read may have seen enough: that is no failure
	parse(&show, argv);
	if (show.print.streams == 0)
		show.print.streams = (1U << SPORE__STREAMS) - 1;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max; // followed logs are kept open
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	show.print.terminal = isatty(STDOUT_FILENO) && !show.print.raw && !show.print.json;
	show.print.colors = show.print.terminal && (no_color == NULL || no_color[0] == '\0') &&
	                    (term == NULL || strcmp(term, "dumb") != 0);
	char *state = spore__dirs_state();
	show.state = state;
	spore__show_run(&show);
	spore__log_print_finish(&show.print);
	free(state);
	return SPORE__EXIT_OK;
}
