#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/std.h"
#include "cli/help.h"

static size_t option_count(const struct spore__command *c)
{
	size_t n = 0;
	while (c->options != NULL && c->options[n].name != NULL)
		n++;
	return n;
}

static size_t index_of(const struct spore__args *args, const char *name)
{
	size_t n = option_count(args->command);
	for (size_t i = 0; i < n; i++)
		if (strcmp(args->command->options[i].name, name) == 0)
			return i;
	abort(); // the command asks for an option that its own table lacks
}

bool spore__args_has(const struct spore__args *args, const char *name)
{
	size_t option = index_of(args, name);
	for (size_t i = 0; i < args->given_count; i++)
		if (args->given[i].option == option)
			return true;
	return false;
}

const char *spore__args_value(const struct spore__args *args, const char *name)
{
	size_t option = index_of(args, name);
	for (size_t i = args->given_count; i > 0; i--)
		if (args->given[i - 1].option == option)
			return args->given[i - 1].value;
	return NULL;
}

const char *spore__args_nth(const struct spore__args *args, const char *name, size_t nth)
{
	size_t option = index_of(args, name);
	for (size_t i = 0; i < args->given_count; i++)
		if (args->given[i].option == option && nth-- == 0)
			return args->given[i].value;
	return NULL;
}

static const char *nearest_command(const char *typed, const struct spore__command *const *commands)
{
	struct spore__strs names = {0};
	for (size_t i = 0; commands[i] != NULL; i++)
		spore__strs_add(&names, commands[i]->name);
	return names.count > 0 ? spore__nearest(typed, (const char *const *)names.items) : NULL;
}

static const char *nearest_option(const char *typed, const struct spore__command *c)
{
	struct spore__strs names = {0};
	for (size_t i = 0; i < option_count(c); i++)
		spore__strs_add(&names, c->options[i].name);
	return names.count > 0 ? spore__nearest(typed, (const char *const *)names.items) : NULL;
}

// Messages begin with "spore: " already: "spore store gc" is told as "store gc".
static const char *told(const char *path)
{
	static const char front[] = "spore ";
	return strncmp(path, front, sizeof front - 1) == 0 ? path + sizeof front - 1 : path;
}

static _Noreturn void help(const char *path, const struct spore__command *c)
{
	spore__help_print(path, c);
	exit(spore__std_end(SPORE__EXIT_OK));
}

static _Noreturn void unknown_option(const char *path, const struct spore__command *c, const char *typed, size_t len)
{
	char *word = spore__xstrndup(typed, len);
	const char *near = nearest_option(word + strspn(word, "-"), c);
	char *remedy =
	    near != NULL ? spore__xasprintf("did you mean --%s?", near) : spore__xasprintf("see %s --help", path);
	spore__die(SPORE__EXIT_USAGE, remedy, "%s: unknown option '%s'", told(path), word);
}

struct parser {
	const char *path; // "spore store gc"
	const struct spore__command *c;
	struct spore__args *args;
	int argc, at;
	char *const *argv;
	size_t operands;
	char **operand_list;
};

static void set(struct parser *p, size_t i, const char *value)
{
	p->args->given[p->args->given_count].option = i;
	p->args->given[p->args->given_count++].value = value;
}

static const char *next_word(struct parser *p, const char *option)
{
	if (p->at + 1 >= p->argc) {
		char *remedy = spore__xasprintf("see %s --help", p->path);
		spore__die(SPORE__EXIT_USAGE, remedy, "%s: option %s needs a value", told(p->path), option);
	}
	return p->argv[++p->at];
}

static _Noreturn void takes_no_value(const char *path, const struct spore__option *o)
{
	char *remedy = spore__xasprintf("give --%s alone", o->name);
	spore__die(SPORE__EXIT_USAGE, remedy, "%s: option --%s takes no value", told(path), o->name);
}

static void long_option(struct parser *p, const char *word)
{
	const char *name = word + 2;
	size_t len = strcspn(name, "=");
	const char *value = name[len] == '=' ? name + len + 1 : NULL;
	if (len == 4 && memcmp(name, "help", 4) == 0)
		help(p->path, p->c);
	for (size_t i = 0; i < option_count(p->c); i++) {
		const struct spore__option *o = &p->c->options[i];
		if (strlen(o->name) != len || memcmp(o->name, name, len) != 0)
			continue;
		if (o->value == NULL && value != NULL)
			takes_no_value(p->path, o);
		set(p, i, o->value == NULL ? NULL : value != NULL ? value : next_word(p, word));
		return;
	}
	unknown_option(p->path, p->c, word, len + 2);
}

static void short_options(struct parser *p, const char *word)
{
	for (const char *letter = word + 1; *letter != '\0'; letter++) {
		size_t i = 0, n = option_count(p->c);
		while (i < n && p->c->options[i].letter != *letter)
			i++;
		if (i == n && *letter == 'h')
			help(p->path, p->c);
		if (i == n) {
			const char one[] = {'-', *letter, '\0'};
			unknown_option(p->path, p->c, one, 2);
		}
		if (p->c->options[i].value == NULL) {
			set(p, i, NULL);
			continue;
		}
		set(p, i, letter[1] != '\0' ? letter + 1 : next_word(p, word));
		return;
	}
}

static void parse(struct parser *p)
{
	bool options = true;
	for (; p->at < p->argc; p->at++) {
		char *word = p->argv[p->at];
		if (options && strcmp(word, "--") == 0) {
			options = false;
		} else if (options && word[0] == '-' && word[1] == '-') {
			long_option(p, word);
		} else if (options && word[0] == '-' && word[1] != '\0') {
			short_options(p, word);
		} else {
			p->operand_list[p->operands++] = word;
			options = options && !p->c->operands_end_options;
		}
	}
	p->operand_list[p->operands] = NULL;
	const char *wrong = p->operands < p->c->min_operands   ? "an operand is missing"
	                    : p->operands > p->c->max_operands ? "too many operands"
	                                                       : NULL;
	if (wrong != NULL) {
		char *remedy = spore__xasprintf("usage: %s [OPTION...]%s%s", p->path,
		                                p->c->operands[0] != '\0' ? " " : "", p->c->operands);
		spore__die(SPORE__EXIT_USAGE, remedy, "%s: %s", told(p->path), wrong);
	}
}

static int run_command(const char *path, const struct spore__command *c, int argc, char *const argv[])
{
	struct spore__args args = {.command = c};
	size_t most = 1; // options given: each letter of the words may be one
	for (int i = 0; i < argc; i++)
		most += strlen(argv[i]);
	args.given = spore__xcalloc(most, sizeof *args.given);
	char **operands = spore__xcalloc((size_t)argc + 1, sizeof *operands);
	struct parser p = {.path = path, .c = c, .args = &args, .argc = argc, .argv = argv, .operand_list = operands};
	parse(&p);
	args.operands = operands;
	args.operand_count = p.operands;
	int status = c->run(&args);
	free(operands);
	free(args.given);
	return status;
}

static _Noreturn void unknown_command(const char *path, const struct spore__command *const *commands, const char *name)
{
	const char *near = nearest_command(name, commands);
	struct stat file;
	char *remedy = near != NULL             ? spore__xasprintf("did you mean '%s %s'?", path, near)
	               : stat(name, &file) == 0 ? spore__xasprintf("to run it: spore run %s", name)
	                                        : spore__xasprintf("see %s --help", path);
	if (commands == spore__commands)
		spore__die(SPORE__EXIT_USAGE, remedy, "unknown command '%s'", name);
	spore__die(SPORE__EXIT_USAGE, remedy, "%s: unknown command '%s'", told(path), name);
}

const struct spore__command *spore__command_find(const char *path, const struct spore__command *const *commands,
                                                 const char *name)
{
	for (size_t i = 0; commands[i] != NULL; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	unknown_command(path, commands, name);
}

static int dispatch(const char *path, const struct spore__command *const *commands, int argc, char *const argv[]);

// Picks the one of GROUP's commands that argv[0] names.
static int dispatch_below(const char *path, const struct spore__command *group, int argc, char *const argv[])
{
	if (argc == 0) {
		char *remedy = spore__xasprintf("see %s --help", path);
		spore__die(SPORE__EXIT_USAGE, remedy, "%s: which of its commands?", told(path));
	}
	if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)
		help(path, group);
	if (argv[0][0] == '-' && argv[0][1] != '\0') {
		char *remedy = spore__xasprintf("options come after the command: %s COMMAND %s", path, argv[0]);
		spore__die(SPORE__EXIT_USAGE, remedy, "%s: unknown option '%s'", told(path), argv[0]);
	}
	return dispatch(path, group->commands, argc, argv);
}

// Picks the command that argv[0] names, and its subcommand.
static int dispatch(const char *path, const struct spore__command *const *commands, int argc, char *const argv[])
{
	const struct spore__command *c = spore__command_find(path, commands, argv[0]);
	char *full = spore__xasprintf("%s %s", path, c->name);
	int status = c->commands == NULL ? run_command(full, c, argc - 1, argv + 1)
	                                 : dispatch_below(full, c, argc - 1, argv + 1);
	free(full);
	return status;
}

static _Noreturn void unknown_first_option(const char *option)
{
	static const char *const known[] = {"help", "version", NULL};
	const char *near = spore__nearest(option + strspn(option, "-"), known);
	char *remedy = near != NULL ? spore__xasprintf("did you mean --%s?", near)
	                            : spore__xstrdup("options of a command come after its name: spore run --opt FILE");
	spore__die(SPORE__EXIT_USAGE, remedy, "unknown option '%s'", option);
}

int spore__command_main(int argc, char *const argv[])
{
	const char *first = argc > 1 ? argv[1] : "--help";
	spore__std_begin();
	if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
		spore__help_overview();
	else if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0)
		spore__help_version();
	else if (first[0] == '-' && first[1] != '\0')
		unknown_first_option(first);
	else
		return spore__std_end(dispatch("spore", spore__commands, argc - 1, argv + 1));
	return spore__std_end(SPORE__EXIT_OK);
}
