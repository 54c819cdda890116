#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/command.h"
#include "source/client.h"

static const struct spore__option json_only[] = {
    {"json", 0, NULL, "print JSON", 0, NULL},
    {0},
};

static const struct spore__option gc_options[] = {
    {"max-age", 0, "AGE", "remove what was not used for so long, such as 30d, 12h; 30d when neither limit is given", 0,
     NULL},
    {"max-size", 0, "SIZE", "then remove the longest unused until all take at most this, such as 2G, 500M", 0, NULL},
    {"dry-run", 'n', NULL, "only say what would be removed", 0, NULL},
    {"json", 0, NULL, "print JSON", 0, NULL},
    {0},
};

static _Noreturn void become(const struct spore__args *args, const char *command, struct spore__strs *argv)
{
	struct spore__strs all = {0};
	spore__strs_add(&all, command);
	if (spore__args_has(args, "json"))
		spore__strs_add(&all, "--json");
	for (size_t i = 0; argv != NULL && i < argv->count; i++)
		spore__strs_add(&all, argv->items[i]);
	spore__build_become(&all);
}

static int list(const struct spore__args *args)
{
	become(args, "ls", NULL);
}

static int verify(const struct spore__args *args)
{
	become(args, "verify", NULL);
}

// "30d", "2G": a number with one of UNITS, each FACTORS times the one before.
static int64_t quantity(const char *option, const char *text, const char *units, const int64_t *factors)
{
	char *end;
	errno = 0;
	int64_t n = strtoll(text, &end, 10);
	const char *unit = *end != '\0' ? strchr(units, *end) : units;
	if (end == text || n < 0 || errno != 0 || unit == NULL || (*end != '\0' && end[1] != '\0') ||
	    n > INT64_MAX / factors[unit - units])
		spore__die(SPORE__EXIT_USAGE, "give a whole number and a unit, such as 30d or 2G",
		           "store gc: --%s: '%s' is no %s", option, text,
		           strcmp(option, "max-age") == 0 ? "age" : "size");
	return n * factors[unit - units];
}

static int gc(const struct spore__args *args)
{
	static const int64_t seconds[] = {1, 60, 3600, 86400, 7 * 86400};
	static const int64_t bytes[] = {1, 1 << 10, 1 << 20, 1 << 30, INT64_C(1) << 40};
	const char *age = spore__args_value(args, "max-age"), *size = spore__args_value(args, "max-size");
	struct spore__strs argv = {0};
	if (age == NULL && size == NULL)
		age = "30d";
	if (age != NULL)
		spore__strs_addf(&argv, "--max-age=%" PRId64, quantity("max-age", age, "smhdw", seconds));
	if (size != NULL)
		spore__strs_addf(&argv, "--max-size=%" PRId64, quantity("max-size", size, "BKMGT", bytes));
	if (spore__args_has(args, "dry-run"))
		spore__strs_add(&argv, "--dry-run");
	become(args, "gc", &argv);
}

static const struct spore__command ls_command = {
    .name = "ls",
    .operands = "",
    .summary = "list the artifacts: what each is, from where, how large, used when",
    .options = json_only,
    .run = list,
};

static const struct spore__command gc_command = {
    .name = "gc",
    .operands = "",
    .summary = "remove artifacts by age and size, never what is in use",
    .options = gc_options,
    .run = gc,
};

static const struct spore__command verify_command = {
    .name = "verify",
    .operands = "",
    .summary = "find altered artifacts and take them away; status 1 when there were any",
    .options = json_only,
    .run = verify,
};

static const struct spore__command *const commands[] = {&ls_command, &gc_command, &verify_command, NULL};

const struct spore__command spore__command_store = {
    .name = "store",
    .operands = "",
    .summary = "look after the store of artifacts",
    .text = "The store holds what was built, each artifact under the hash of everything that went into it. It is a "
            "cache: what is "
            "removed is built again when it is needed.",
    .commands = commands,
};
