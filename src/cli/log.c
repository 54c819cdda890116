#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/json.h"
#include "cli/command.h"

static const struct spore__option options[] = {
    {"level", 'l', "LEVEL", "debug, info (else), warn or error", SPORE__COMPLETES_WORDS, "debug info warn error"},
    {0},
};

static const struct spore__example examples[] = {
    {"spore log 'backup done' files=120 took=3s", "in a script that runs as a task"},
    {"spore log --level warn 'disk is nearly full' free=2%", "a warning with a field"},
    {0},
};

static const char *level_of(const struct spore__args *args)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	const char *level = spore__args_value(args, "level");
	for (size_t i = 0; level != NULL && i < sizeof levels / sizeof levels[0]; i++)
		if (strcmp(level, levels[i]) == 0)
			return level;
	if (level != NULL)
		spore__die(SPORE__EXIT_USAGE, "debug, info, warn or error", "log: --level %s: not a level", level);
	return "info";
}

static void put_fields(struct spore__json *j, struct spore__buf *plain, char *const *fields)
{
	for (; *fields != NULL; fields++) {
		const char *value = strchr(*fields, '=');
		char key[64];
		if (value == NULL || value == *fields || (size_t)(value - *fields) >= sizeof key)
			spore__die(SPORE__EXIT_USAGE, "a text with spaces is one argument: quote it",
			           "log: %s: not KEY=VALUE", *fields);
		(void)snprintf(key, sizeof key, "%.*s", (int)(value - *fields), *fields);
		spore__json_str(j, key, value + 1);
		spore__buf_printf(plain, " %s", *fields);
	}
}

static int run(const struct spore__args *args)
{
	struct spore__buf line = {0}, plain = {0};
	struct spore__json j = {.out = &line};
	const char *level = level_of(args), *text = args->operands[0];
	spore__json_open(&j, NULL, '{');
	spore__json_str(&j, "level", level);
	spore__json_str(&j, "msg", text);
	spore__buf_printf(&plain, "%s: %s", level, text);
	put_fields(&j, &plain, args->operands + 1);
	spore__json_close(&j, '}');
	// What reads the log of a task understands a line of JSON; a person at a terminal need not.
	struct spore__buf *out = getenv("SPORE_TASK") != NULL ? &line : &plain;
	spore__buf_printf(out, "\n");
	if (spore__fs_write_all(STDERR_FILENO, out->data, out->len) != 0)
		return SPORE__EXIT_SPORE; // there is nowhere to say why
	spore__buf_finish(&line);
	spore__buf_finish(&plain);
	return SPORE__EXIT_OK;
}

const struct spore__command spore__command_log = {
    .name = "log",
    .operands = "TEXT [KEY=VALUE...]",
    .summary = "in a script: log a record with a level and fields",
    .text =
        "In a task the record goes to standard error as one line of JSON, which *spore logs* shows as level, message "
        "and fields. Elsewhere it is a line of text.",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = (size_t)-1,
    .run = run,
};
