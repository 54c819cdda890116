#include "source/directive.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"

const struct spore__directive_key spore__directive_keys[] = {
    {"pkg-config", "NAME...", "libraries by their pkg-config names"},
    {"libs", "-lNAME...", "libraries, by name or as files beside the source"},
    {"cflags", "FLAG...", "flags for the compiler; -I is relative to the source"},
    {"std", "STANDARD", "the language standard, such as c11 or c++20"},
    {"cc", "COMPILER", "the compiler, such as clang"},
    {"lang", "c|c++", "the language, where the file's name does not tell"},
    {"sources", "FILE...", "further files of the program, relative to this one"},
    {"calls", "HEADER [via PORT]", "call the functions of a header, relative to this file, wherever they are"},
    {"serves", "HEADER [via PORT]", "let others call the functions of a header, which are in this program"},
    {0},
};

// Flags that name outputs, or make a compiler run other programs than its own.
static const char *const refused_flags[] = {
    "-o", "-c", "-S", "-E", "-M", "-x", "-B", "-specs", "--specs", "-wrapper", "-fplugin", "-save-temps", "-dump", "@",
};

struct parser {
	struct spore__directives *d;
	unsigned line;
	char **error, **remedy;
};

static bool refuse(struct parser *p, char *error, char *remedy)
{
	*p->error = spore__xasprintf("line %u: %s", p->line, error);
	*p->remedy = remedy;
	free(error);
	return false;
}

static bool one_word(struct parser *p, const char *key, const struct spore__strs *words, char **slot)
{
	if (words->count != 1)
		return refuse(p, spore__xasprintf("directive '%s' takes one word", key), NULL);
	if (*slot != NULL)
		return refuse(p, spore__xasprintf("directive '%s' is given twice", key), NULL);
	*slot = spore__xstrdup(words->items[0]);
	return true;
}

static bool add_cflags(struct parser *p, const struct spore__strs *words)
{
	for (size_t i = 0; i < words->count; i++) {
		const char *flag = words->items[i];
		for (size_t k = 0; k < sizeof refused_flags / sizeof *refused_flags; k++)
			if (strncmp(flag, refused_flags[k], strlen(refused_flags[k])) == 0)
				return refuse(p, spore__xasprintf("flag '%s' is not for a directive", flag),
				              spore__xstrdup("put the program in a folder with a spore.yaml recipe"));
		if (flag[0] != '-')
			return refuse(p, spore__xasprintf("'%s' is not a compiler flag", flag),
			              spore__xasprintf("name a file with: // spore: sources %s", flag));
		spore__strs_add(&p->d->cflags, flag);
	}
	return true;
}

static void add_libs(struct parser *p, const struct spore__strs *words)
{
	for (size_t i = 0; i < words->count; i++) {
		const char *w = words->items[i];
		bool plain = w[0] != '-' && strpbrk(w, "/.") == NULL;
		spore__strs_addf(&p->d->libs, "%s%s", plain ? "-l" : "", w);
	}
}

static bool is_port_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
	return len > 0 && name[len] == '\0';
}

// HEADER, HEADER via PORT, HEADER via port PORT. Without a port it is called as the header is.
static bool add_call(struct parser *p, bool serves, const struct spore__strs *words)
{
	struct spore__directives *d = p->d;
	const char *word = serves ? "serves" : "calls", *header = words->items[0];
	bool via = words->count >= 3 && strcmp(words->items[1], "via") == 0;
	size_t at = via && words->count == 4 && strcmp(words->items[2], "port") == 0 ? 3 : 2;
	if (words->count != 1 && !(via && words->count == at + 1))
		return refuse(p, spore__xasprintf("directive '%s' takes a header and a port", word),
		              spore__xasprintf("write it as: // spore: %s %s via PORT", word, header));
	const char *base = strrchr(header, '/') != NULL ? strrchr(header, '/') + 1 : header;
	char *port = via ? spore__xstrdup(words->items[at]) : spore__xstrndup(base, strcspn(base, "."));
	if (!is_port_name(port)) {
		char *error = spore__xasprintf("'%s' is no name of a port", port);
		free(port);
		return refuse(p, error, spore__xasprintf("write it as: // spore: %s %s via PORT", word, header));
	}
	d->calls = spore__xrealloc(d->calls, (d->call_count + 1) * sizeof *d->calls);
	d->calls[d->call_count++] =
	    (struct spore__call_directive){.serves = serves, .header = spore__xstrdup(header), .port = port};
	return true;
}

static bool apply(struct parser *p, const char *key, const struct spore__strs *words)
{
	struct spore__directives *d = p->d;
	struct spore__strs *list = strcmp(key, "pkg-config") == 0 ? &d->packages
	                           : strcmp(key, "sources") == 0  ? &d->sources
	                                                          : NULL;
	if (words->count == 0)
		return refuse(p, spore__xasprintf("directive '%s' needs a value", key), NULL);
	for (size_t i = 0; list != NULL && i < words->count; i++)
		spore__strs_add(list, words->items[i]);
	if (list != NULL)
		return true;
	if (strcmp(key, "cflags") == 0)
		return add_cflags(p, words);
	if (strcmp(key, "libs") == 0) {
		add_libs(p, words);
		return true;
	}
	if (strcmp(key, "calls") == 0 || strcmp(key, "serves") == 0)
		return add_call(p, *key == 's', words);
	if (strcmp(key, "std") == 0)
		return one_word(p, key, words, &d->standard);
	if (strcmp(key, "cc") == 0)
		return one_word(p, key, words, &d->compiler);
	if (!one_word(p, key, words, &d->language))
		return false;
	if (strcmp(d->language, "c") != 0 && strcmp(d->language, "c++") != 0)
		return refuse(p, spore__xasprintf("unknown language '%s'", d->language),
		              spore__xstrdup("known are c and c++"));
	return true;
}

// One line of a comment, without its // or /*.
static bool comment_line(struct parser *p, const char *text, size_t len)
{
	const char *end = text + len;
	while (text < end && (*text == ' ' || *text == '\t' || *text == '*' || *text == '/' || *text == '!'))
		text++;
	if (end - text < 6 || memcmp(text, "spore:", 6) != 0)
		return true;
	char *rest = spore__xstrndup(text + 6, (size_t)(end - text - 6));
	struct spore__strs words = {0};
	bool ok = spore__strs_split(&words, rest);
	if (!ok) {
		(void)refuse(p, spore__xstrdup("a quote is not closed"), NULL);
	} else if (words.count > 0) {
		char *key = words.items[0];
		bool known = false;
		struct spore__strs names = {0};
		for (const struct spore__directive_key *k = spore__directive_keys; k->name != NULL; k++) {
			known = known || strcmp(k->name, key) == 0;
			spore__strs_add(&names, k->name);
		}
		struct spore__strs values = {.items = words.items + 1, .count = words.count - 1};
		if (known) {
			ok = apply(p, key, &values);
		} else {
			const char *near = spore__nearest(key, (const char *const *)names.items);
			ok = refuse(
			    p, spore__xasprintf("unknown directive '%s'", key),
			    near != NULL
			        ? spore__xasprintf("did you mean '%s'?", near)
			        : spore__xstrdup(
			              "known are pkg-config, libs, cflags, std, cc, lang, sources, calls, serves"));
		}
		spore__strs_finish(&names);
	}
	spore__strs_finish(&words);
	free(rest);
	return ok;
}

// Behind a # at the start of a line.
static void include_line(struct parser *p, const char *s, const char *end)
{
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	if (end - s < 8 || memcmp(s, "include", 7) != 0)
		return;
	s += 7;
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	if (s == end || (*s != '"' && *s != '<'))
		return;
	char close = *s == '"' ? '"' : '>';
	const char *name = ++s;
	while (s < end && *s != close && *s != '\n')
		s++;
	if (s < end && *s == close)
		spore__strs_take(close == '"' ? &p->d->local_includes : &p->d->system_includes,
		                 spore__xstrndup(name, (size_t)(s - name)));
}

static const char *skip_quoted(const char *s, const char *end)
{
	char quote = *s++;
	while (s < end && *s != quote && *s != '\n')
		s += *s == '\\' && s + 1 < end ? 2 : 1;
	return s < end && *s == quote ? s + 1 : s;
}

// A comment that starts at S; returns behind it, NULL on a mistake in a directive.
static const char *comment(struct parser *p, const char *s, const char *end)
{
	bool block = s[1] == '*';
	s += 2;
	for (;;) {
		const char *line = s;
		while (s < end && *s != '\n' && !(block && *s == '*' && s + 1 < end && s[1] == '/'))
			s++;
		if (!comment_line(p, line, (size_t)(s - line)))
			return NULL;
		if (s == end || !block)
			return s;
		if (*s == '*')
			return s + 2;
		p->line++;
		s++;
	}
}

bool spore__directives_parse(const char *text, size_t len, struct spore__directives *d, char **error, char **remedy)
{
	*d = (struct spore__directives){0};
	*error = *remedy = NULL;
	struct parser p = {.d = d, .line = 1, .error = error, .remedy = remedy};
	const char *end = text + len;
	bool line_start = true;
	for (const char *s = text; s < end;) {
		if (*s == '\n') {
			p.line++;
			line_start = true;
			s++;
		} else if (*s == '/' && s + 1 < end && (s[1] == '/' || s[1] == '*')) {
			s = comment(&p, s, end);
			if (s == NULL)
				return false;
		} else if (*s == '"' || (*s == '\'' && (s == text || !isalnum((unsigned char)s[-1])))) {
			s = skip_quoted(s, end); // not the ' of 1'000 in C++
			line_start = false;
		} else if (*s == '#' && line_start) {
			include_line(&p, s + 1, end);
			while (s < end && *s != '\n' && !(*s == '/' && s + 1 < end && (s[1] == '/' || s[1] == '*')))
				s++;
		} else {
			line_start = line_start && isspace((unsigned char)*s);
			s++;
		}
	}
	return true;
}

void spore__directives_finish(struct spore__directives *d)
{
	spore__strs_finish(&d->packages);
	spore__strs_finish(&d->cflags);
	spore__strs_finish(&d->libs);
	spore__strs_finish(&d->sources);
	spore__strs_finish(&d->local_includes);
	spore__strs_finish(&d->system_includes);
	for (size_t i = 0; i < d->call_count; i++) {
		free(d->calls[i].header);
		free(d->calls[i].port);
	}
	free(d->calls);
	free(d->standard);
	free(d->compiler);
	free(d->language);
	*d = (struct spore__directives){0};
}
