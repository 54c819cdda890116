// spore-system: systems of tasks from a manifest. The command line starts it; its arguments are those that src/cli/become.c makes:
//
//	spore-system check|plan|up|down|rollback|ports [--OPTION[=VALUE]...] -- [OPERAND...]
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/std.h"
#include "system/command.h"
#include "system/value.h"

static void take_profiles(struct spore__options *o, const char *value)
{
	for (const char *p = value; *p != '\0';) {
		size_t len = strcspn(p, ",");
		if (len > 0)
			spore__strs_take(&o->profiles, spore__xstrndup(p, len));
		p += len + (p[len] == ',');
	}
}

static bool take_flag(struct spore__options *o, const char *name)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
	    {"json", &o->json},   {"schema", &o->schema}, {"detach", &o->detach}, {"wait", &o->wait},
	    {"watch", &o->watch}, {"swap", &o->swap},     {"logs", &o->logs},
	};
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (strcmp(flags[i].name, name) == 0) {
			*flags[i].flag = true;
			return true;
		}
	return false;
}

static void take_option(struct spore__options *o, const char *word)
{
	if (strncmp(word, "--profile=", 10) == 0) {
		take_profiles(o, word + 10);
	} else if (strncmp(word, "--timeout=", 10) == 0) {
		if (!spore__value_duration(word + 10, &o->timeout_ms))
			spore__die(SPORE__EXIT_USAGE, "give a number and a unit, such as 30s or 2m",
			           "--timeout: '%s' is no duration", word + 10);
	} else if (!take_flag(o, word + 2)) {
		spore__die(SPORE__EXIT_USAGE, "start it as spore", "spore-system: unknown option '%s'", word);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct spore__options *o);
	} commands[] = {
	    {"check", spore__system_check}, {"plan", spore__system_plan},         {"up", spore__system_up},
	    {"down", spore__system_down},   {"rollback", spore__system_rollback}, {"ports", spore__system_ports},
	};
	struct spore__options o = {.timeout_ms = -1};
	int i = 2;
	for (; i < argc && strcmp(argv[i], "--") != 0; i++)
		take_option(&o, argv[i]);
	for (i++; i < argc; i++)
		spore__strs_add(&o.operands, argv[i]);
	for (size_t c = 0; argc > 1 && c < sizeof commands / sizeof *commands; c++) {
		if (strcmp(commands[c].name, argv[1]) == 0)
			return spore__std_end(commands[c].run(&o));
	}
	spore__die(SPORE__EXIT_USAGE, "start it as spore", "spore-system: it is given no command that it knows");
}
