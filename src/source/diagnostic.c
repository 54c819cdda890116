#include "source/diagnostic.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { EXCERPT_LINES = 60 };

// Copies a line without the colour sequences (ECMA-48 SGR and EL) that compilers add.
static char *plain_line(const char *line, size_t len)
{
	struct spore__buf out = {0};
	for (size_t i = 0; i < len;) {
		if (line[i] == '\033' && i + 1 < len && line[i + 1] == '[') {
			i += 2;
			while (i < len && !isalpha((unsigned char)line[i]))
				i++;
			i++;
		} else {
			spore__buf_char(&out, line[i++]);
		}
	}
	return spore__buf_take(&out);
}

static bool number_before_colon(char **at, long *value)
{
	char *end;
	if (!isdigit((unsigned char)**at))
		return false;
	*value = strtol(*at, &end, 10);
	if (*end != ':')
		return false;
	*at = end + 1;
	return true;
}

static bool parse_place(const char *line, struct spore__diagnostic *d)
{
	static const char *const severities[] = {"fatal error", "error", "warning", "note"};
	for (char *colon = strchr(line, ':'); colon != NULL; colon = strchr(colon + 1, ':')) {
		char *at = colon + 1;
		long row = 0, column = 0;
		if (!number_before_colon(&at, &row))
			continue;
		(void)number_before_colon(&at, &column);
		at += strspn(at, " ");
		for (size_t i = 0; i < sizeof severities / sizeof *severities; i++) {
			size_t len = strlen(severities[i]);
			if (strncmp(at, severities[i], len) != 0 || at[len] != ':')
				continue;
			*d = (struct spore__diagnostic){
			    .file = spore__xstrndup(line, (size_t)(colon - line)),
			    .line = row,
			    .column = column,
			    .severity = spore__xstrdup(i == 0 ? "error" : severities[i]),
			    .message = spore__xstrdup(at + len + 1 + strspn(at + len + 1, " ")),
			};
			return true;
		}
	}
	return false;
}

// "/usr/bin/ld: main.c:(.text+0x5): undefined reference to `f'", with debug information "main.c:3: undefined ..."
static bool parse_linker(const char *line, struct spore__diagnostic *d)
{
	static const char *const says[] = {"undefined reference to ", "multiple definition of ", "cannot find -l",
	                                   "undefined symbol: "};
	const char *at = NULL;
	for (size_t i = 0; at == NULL && i < sizeof says / sizeof *says; i++)
		at = strstr(line, says[i]);
	if (at == NULL || at - line < 2 || at[-1] != ' ')
		return false;
	const char *tool = strstr(line, "ld: ");
	const char *file = tool != NULL && tool < at ? tool + 4 : line;
	size_t len = strcspn(file, ":");
	*d = (struct spore__diagnostic){
	    .file = file + len < at ? spore__xstrndup(file, len) : NULL,
	    .line = file + len < at ? strtol(file + len + 1, NULL, 10) : 0,
	    .severity = spore__xstrdup("error"),
	    .message = spore__xstrdup(at),
	    .linker = true,
	};
	return true;
}

// "gcc: error: unrecognized command-line option", "cc1: fatal error: ..."
static bool parse_tool(const char *line, struct spore__diagnostic *d)
{
	static const char *const tools[] = {
	    "gcc: ", "g++: ", "cc: ", "c++: ", "clang: ", "clang++: ", "cc1: ", "cc1plus: "};
	for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
		const char *at = line + strlen(tools[i]);
		if (strncmp(line, tools[i], strlen(tools[i])) != 0)
			continue;
		at += strncmp(at, "fatal ", 6) == 0 ? 6 : 0;
		if (strncmp(at, "error: ", 7) != 0)
			return false;
		*d = (struct spore__diagnostic){.severity = spore__xstrdup("error"), .message = spore__xstrdup(at + 7)};
		return true;
	}
	return false;
}

static bool parse_diagnostic(const char *line, struct spore__diagnostic *d)
{
	return parse_place(line, d) || parse_tool(line, d) || parse_linker(line, d);
}

bool spore__diagnostic_next(const char **text, struct spore__diagnostic *d)
{
	while (*text != NULL && **text != '\0') {
		size_t len = strcspn(*text, "\n");
		char *line = plain_line(*text, len);
		*text += len + ((*text)[len] == '\n');
		bool found = parse_diagnostic(line, d);
		free(line);
		if (found)
			return true;
	}
	return false;
}

void spore__diagnostic_finish(struct spore__diagnostic *d)
{
	free(d->file);
	free(d->severity);
	free(d->message);
	*d = (struct spore__diagnostic){0};
}

// "    3 | 	return x;" and the line below it with the mark.
static bool shows_source(const char *line)
{
	const char *p = line + strspn(line, " ");
	p += strspn(p, "0123456789");
	return p != line && strncmp(p + strspn(p, " +"), "|", 1) == 0;
}

void spore__diagnostic_excerpt(const char *log, struct spore__buf *out)
{
	bool wanted = false; // what is below belongs to an error that was taken
	size_t lines = 0, left = 0;
	for (const char *at = log; *at != '\0';) {
		size_t len = strcspn(at, "\n");
		char *line = spore__xasprintf("%.*s\n", (int)len, at);
		char *plain = plain_line(line, len);
		struct spore__diagnostic d = {0};
		bool found = parse_diagnostic(plain, &d);
		if (found) // several attempts meet the same ones
			wanted =
			    strcmp(d.severity, "error") == 0 && (out->data == NULL || strstr(out->data, line) == NULL);
		if (wanted && (found || shows_source(plain)) && lines < EXCERPT_LINES) {
			spore__buf_str(out, line);
			lines++;
		} else if (wanted && found) {
			left++;
		} else {
			wanted = wanted && shows_source(plain);
		}
		spore__diagnostic_finish(&d);
		free(plain);
		free(line);
		at += len + (at[len] == '\n');
	}
	if (left > 0)
		spore__buf_printf(out, "... and %zu more\n", left);
}
