#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/generate.h"

// Plain text of the table: nothing in it is a mark.
static void plain(struct spore__buf *out, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (strchr("\\*_<>#~|`", *p) != NULL)
			spore__buf_char(out, '\\');
		spore__buf_char(out, *p);
	}
}

// scdoc's first line, with the time in words of its own choosing; the name with its section in capitals is made by scdoc.
static void title(struct spore__buf *out, const char *name, const char *summary)
{
	spore__buf_printf(out, "%s(1) \"\" \"spore %s\"\n\n# NAME\n\n%s - ", name, SPORE__VERSION, name);
	plain(out, summary);
	spore__buf_str(out, "\n\n");
}

// "SOURCE [ARG...]": words of capitals are what the user replaces.
static void operands(struct spore__buf *out, const char *text)
{
	for (const char *p = text; *p != '\0';) {
		size_t len = 0;
		while (isupper((unsigned char)p[len]))
			len++;
		if (len > 0)
			spore__buf_printf(out, "_%.*s_", (int)len, p);
		else
			spore__buf_printf(out, "%s%.*s", strchr("\\*_<>#~|`", *p) != NULL ? "\\" : "", 1, p);
		p += len > 0 ? len : 1;
	}
}

static void synopsis(struct spore__buf *out, const char *path, const struct spore__command *c)
{
	spore__buf_printf(out, "*spore %s*%s", path, c->options != NULL ? " [_OPTION_...]" : "");
	if (c->operands[0] != '\0')
		spore__buf_char(out, ' ');
	operands(out, c->operands);
	spore__buf_str(out, "\n\n");
}

// As a sentence.
static void sentence(struct spore__buf *out, const char *text)
{
	spore__buf_char(out, (char)toupper((unsigned char)text[0]));
	plain(out, text + 1);
	spore__buf_char(out, '.');
}

static void options(struct spore__buf *out, const struct spore__command *c)
{
	for (const struct spore__option *o = c->options; o != NULL && o->name != NULL; o++) {
		if (o->letter != '\0')
			spore__buf_printf(out, "*-%c*, ", o->letter);
		spore__buf_printf(out, "*--%s*", o->name);
		if (o->value != NULL)
			spore__buf_printf(out, " _%s_", o->value);
		spore__buf_str(out, "\n\t");
		sentence(out, o->help);
		spore__buf_str(out, "\n\n");
	}
}

static void examples(struct spore__buf *out, const struct spore__command *c)
{
	for (const struct spore__example *e = c->examples; e != NULL && e->command != NULL; e++) {
		spore__buf_str(out, "*");
		plain(out, e->command);
		spore__buf_str(out, "*\n\t");
		sentence(out, e->does);
		spore__buf_str(out, "\n\n");
	}
}

static void subcommands(struct spore__buf *out, const char *path, const struct spore__command *c)
{
	for (size_t i = 0; c->commands[i] != NULL; i++) {
		const struct spore__command *sub = c->commands[i];
		char *longer = spore__xasprintf("%s %s", path, sub->name);
		spore__buf_printf(out, "## %s\n\n", sub->name);
		synopsis(out, longer, sub);
		sentence(out, sub->summary);
		spore__buf_str(out, "\n\n");
		if (sub->text != NULL)
			spore__buf_printf(out, "%s\n\n", sub->text);
		options(out, sub);
		examples(out, sub);
		free(longer);
	}
}

void spore__generate_man(struct spore__buf *out, const struct spore__command *c)
{
	char *name = spore__xasprintf("spore-%s", c->name);
	title(out, name, c->summary);
	free(name);
	spore__buf_str(out, "# SYNOPSIS\n\n");
	if (c->commands == NULL)
		synopsis(out, c->name, c);
	else
		spore__buf_printf(out, "*spore %s* _COMMAND_ [_OPTION_...]\n\n", c->name);
	if (c->text != NULL)
		spore__buf_printf(out, "# DESCRIPTION\n\n%s\n\n", c->text);
	if (c->commands != NULL) {
		spore__buf_str(out, "# COMMANDS\n\n");
		subcommands(out, c->name, c);
	}
	if (c->options != NULL && c->options[0].name != NULL) {
		spore__buf_str(out, "# OPTIONS\n\n");
		options(out, c);
	}
	if (c->examples != NULL) {
		spore__buf_str(out, "# EXAMPLES\n\n");
		examples(out, c);
	}
	spore__buf_str(out, "# SEE ALSO\n\n*spore*(1), *spore-sources*(7)\n");
}

void spore__generate_man_overview(struct spore__buf *out, const char *end)
{
	title(out, "spore", "run programs from their sources");
	spore__buf_str(out,
	               "# SYNOPSIS\n\n*spore* _COMMAND_ [_ARGUMENT_...]\n\n*spore* *--help*|*--version*\n\n"
	               "# DESCRIPTION\n\nspore builds what changed, keeps what it built, and starts it. "
	               "The options of a command come after its name; each command has *--help*.\n\n# COMMANDS\n\n");
	for (size_t i = 0; spore__commands[i] != NULL; i++) {
		spore__buf_printf(out, "*spore-%s*(1)\n\t", spore__commands[i]->name);
		sentence(out, spore__commands[i]->summary);
		spore__buf_str(out, "\n\n");
	}
	spore__buf_str(out, end);
}
