#include "cli/help.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum { WIDTH = 80 };

// Words of TEXT with INDENT before each line; the first line may have some columns used already.
static void wrap(const char *text, size_t indent, size_t column)
{
	while (*text != '\0') {
		text += strspn(text, " ");
		size_t len = strcspn(text, " \n");
		if (len > 0) {
			if (column > indent && column + 1 + len > WIDTH) {
				(void)printf("\n%*s", (int)indent, "");
				column = indent;
			} else if (column > indent) {
				(void)putchar(' ');
				column++;
			}
			(void)printf("%.*s", (int)len, text);
			column += len;
			text += len;
		}
		if (*text == '\n') {
			(void)printf("\n%*s", *(text + 1) == '\n' ? 0 : (int)indent, "");
			column = indent;
			text++;
		}
	}
	(void)putchar('\n');
}

// The manual's marks (*bold*, _underlined_) mean nothing on a terminal here.
static char *plain(const char *text)
{
	struct spore__buf out = {0};
	for (const char *p = text; *p != '\0'; p++) {
		bool bold = *p == '*';
		bool underline =
		    *p == '_' && (p == text || !isalnum((unsigned char)p[-1]) || !isalnum((unsigned char)p[1]));
		if (*p == '\\' && p[1] != '\0')
			spore__buf_char(&out, *++p);
		else if (!bold && !underline)
			spore__buf_char(&out, *p);
	}
	return spore__buf_take(&out);
}

static void print_options(const struct spore__command *c)
{
	enum { COLUMN = 26 };
	if (c->options == NULL || c->options[0].name == NULL)
		return;
	(void)printf("\nOptions:\n");
	for (const struct spore__option *o = c->options; o->name != NULL; o++) {
		char left[64];
		char letter[8] = "    ";
		if (o->letter != '\0')
			(void)snprintf(letter, sizeof letter, "-%c, ", o->letter);
		int len = snprintf(left, sizeof left, "  %s--%s%s%s", letter, o->name, o->value != NULL ? " " : "",
		                   o->value != NULL ? o->value : "");
		if (len > COLUMN - 1)
			(void)printf("%s\n%*s", left, COLUMN, "");
		else
			(void)printf("%-*s", COLUMN, left);
		wrap(o->help, COLUMN, COLUMN);
	}
}

static void print_commands(const struct spore__command *const *commands)
{
	enum { COLUMN = 13 };
	for (size_t i = 0; commands[i] != NULL; i++) {
		(void)printf("  %-*s", COLUMN - 2, commands[i]->name);
		wrap(commands[i]->summary, COLUMN, COLUMN);
	}
}

void spore__help_print(const char *path, const struct spore__command *c)
{
	const char *operands = c->commands != NULL ? "COMMAND [ARGUMENT...]" : c->operands;
	(void)printf("usage: %s%s%s%s\n\n", path, c->options != NULL ? " [OPTION...]" : "",
	             operands[0] != '\0' ? " " : "", operands);
	(void)printf("%s:", path);
	wrap(c->summary, 0, strlen(path) + 1);
	if (c->text != NULL) {
		char *text = plain(c->text);
		(void)putchar('\n');
		wrap(text, 0, 0);
		free(text);
	}
	if (c->commands != NULL) {
		(void)printf("\nCommands:\n");
		print_commands(c->commands);
	}
	print_options(c);
	if (c->examples != NULL) {
		(void)printf("\nExamples:\n");
		for (const struct spore__example *e = c->examples; e->command != NULL; e++) {
			(void)printf("  %s\n      ", e->command);
			wrap(e->does, 6, 6);
		}
	}
}

void spore__help_overview(void)
{
	(void)printf(
	    "usage: spore COMMAND [ARGUMENT...]\n\n"
	    "spore runs programs from their sources: it builds what changed, keeps what it built, and starts it.\n\n"
	    "Commands:\n");
	print_commands(spore__commands);
	(void)printf("\nTry first:\n"
	             "  spore run hello.c     build a C file when needed, and run it\n"
	             "  spore help run        what a command does, with examples\n");
}

void spore__help_version(void)
{
	(void)printf("spore %s\n", SPORE__VERSION);
}

static int run(const struct spore__args *args)
{
	if (args->operand_count == 0) {
		spore__help_overview();
		return SPORE__EXIT_OK;
	}
	const struct spore__command *found = spore__command_find("spore", spore__commands, args->operands[0]);
	char *path = spore__xasprintf("spore %s", found->name);
	if (args->operand_count > 1) {
		if (found->commands == NULL) {
			char *remedy = spore__xasprintf("see %s --help", path);
			spore__die(SPORE__EXIT_USAGE, remedy, "help: '%s' has no commands of its own", found->name);
		}
		found = spore__command_find(path, found->commands, args->operands[1]);
		char *longer = spore__xasprintf("%s %s", path, found->name);
		free(path);
		path = longer;
	}
	spore__help_print(path, found);
	free(path);
	return SPORE__EXIT_OK;
}

const struct spore__command spore__command_help = {
    .name = "help",
    .operands = "[COMMAND [SUBCOMMAND]]",
    .summary = "explain a command",
    .max_operands = 2,
    .completes = SPORE__COMPLETES_COMMAND,
    .run = run,
};
