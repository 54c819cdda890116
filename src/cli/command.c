#include "cli/command.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/nearest.h"
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
	return args->counts[index_of(args, name)] > 0;
}

const char *spore__args_value(const struct spore__args *args, const char *name)
{
	return args->values[index_of(args, name)];
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

static _Noreturn void unknown_option(const char *path, const struct spore__command *c, const char *typed, size_t len)
{
	char *word = spore__xstrndup(typed, len);
	const char *near = nearest_option(word + strspn(word, "-"), c);
	char *remedy =
	    near != NULL ? spore__xasprintf("did you mean --%s?", near) : spore__xasprintf("see %s --help", path);
	spore__die(SPORE__EXIT_USAGE, remedy, "%s: unknown option '%s'", path, word);
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
	p->args->counts[i]++;
	if (value != NULL)
		p->args->values[i] = value;
}

static const char *next_word(struct parser *p, const char *option)
{
	if (p->at + 1 >= p->argc) {
		char *remedy = spore__xasprintf("see %s --help", p->path);
		spore__die(SPORE__EXIT_USAGE, remedy, "%s: option %s needs a value", p->path, option);
	}
	return p->argv[++p->at];
}

static void long_option(struct parser *p, const char *word)
{
	const char *name = word + 2;
	size_t len = strcspn(name, "=");
	const char *value = name[len] == '=' ? name + len + 1 : NULL;
	if (len == 4 && memcmp(name, "help", 4) == 0) {
		spore__help_print(p->path, p->c);
		exit(SPORE__EXIT_OK);
	}
	for (size_t i = 0; i < option_count(p->c); i++) {
		const struct spore__option *o = &p->c->options[i];
		if (strlen(o->name) != len || memcmp(o->name, name, len) != 0)
			continue;
		if (o->value == NULL && value != NULL)
			spore__die(SPORE__EXIT_USAGE, NULL, "%s: option --%s takes no value", p->path, o->name);
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
		if (i == n && *letter == 'h') {
			spore__help_print(p->path, p->c);
			exit(SPORE__EXIT_OK);
		}
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
		spore__die(SPORE__EXIT_USAGE, remedy, "%s: %s", p->path, wrong);
	}
}

static int run_command(const char *path, const struct spore__command *c, int argc, char *const argv[])
{
	size_t n = option_count(c);
	struct spore__args args = {.command = c};
	args.values = spore__xcalloc(n + 1, sizeof *args.values);
	args.counts = spore__xcalloc(n + 1, sizeof *args.counts);
	char **operands = spore__xcalloc((size_t)argc + 1, sizeof *operands);
	struct parser p = {.path = path, .c = c, .args = &args, .argc = argc, .argv = argv, .operand_list = operands};
	parse(&p);
	args.operands = operands;
	args.operand_count = p.operands;
	int status = c->run(&args);
	free(operands);
	free(args.counts);
	free(args.values);
	return status;
}

static const struct spore__command *find(const struct spore__command *const *commands, const char *name)
{
	for (size_t i = 0; commands[i] != NULL; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

// Picks the command that argv[0] names, and its subcommand.
static int dispatch(const char *path, const struct spore__command *const *commands, int argc, char *const argv[])
{
	const struct spore__command *c = find(commands, argv[0]);
	if (c == NULL) {
		const char *near = nearest_command(argv[0], commands);
		char *remedy = near != NULL ? spore__xasprintf("did you mean '%s %s'?", path, near)
		                            : spore__xasprintf("see %s --help", path);
		spore__die(SPORE__EXIT_USAGE, remedy, "%s: unknown command '%s'", path, argv[0]);
	}
	char *full = spore__xasprintf("%s %s", path, c->name);
	int status;
	if (c->commands == NULL) {
		status = run_command(full, c, argc - 1, argv + 1);
	} else if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		spore__help_print(full, c);
		status = SPORE__EXIT_OK;
	} else if (argc > 1) {
		status = dispatch(full, c->commands, argc - 1, argv + 1);
	} else {
		char *remedy = spore__xasprintf("see %s --help", full);
		spore__die(SPORE__EXIT_USAGE, remedy, "%s: which of its commands?", full);
	}
	free(full);
	return status;
}

int spore__command_main(int argc, char *const argv[])
{
	const char *first = argc > 1 ? argv[1] : "--help";
	if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0) {
		spore__help_overview();
		return SPORE__EXIT_OK;
	}
	if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0) {
		spore__help_version();
		return SPORE__EXIT_OK;
	}
	if (first[0] == '-')
		spore__die(SPORE__EXIT_USAGE, "options of a command come after its name: spore run --opt FILE",
		           "spore: unknown option '%s'", first);
	return dispatch("spore", spore__commands, argc - 1, argv + 1);
}
