#include "system/expand.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "task/wanted.h"

bool spore__is_variable_name(const char *name, size_t len)
{
	if (len == 0 || isdigit((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			return false;
	return true;
}

// One ${...} at *TEXT, which moves behind it.
static bool expand_one(const char **text, spore__variable_fn *variable, void *arg, struct spore__buf *out, char **why)
{
	const char *begin = *text + 2, *end = strchr(begin, '}');
	if (end == NULL) {
		*why = spore__xasprintf("\"%.40s\" has no }; $${ is a plain ${", *text);
		return false;
	}
	size_t len = strcspn(begin, ":}");
	bool other = begin[len] == ':' && begin[len + 1] == '-';
	if (!spore__is_variable_name(begin, len) || (begin[len] == ':' && !other)) {
		*why = spore__xasprintf(
		    "\"%.*s\" is not understood: ${NAME} and ${NAME:-WORDS} are, and $${ is a plain ${",
		    (int)(end - *text < 40 ? end - *text + 1 : 40), *text);
		return false;
	}
	char *name = spore__xstrndup(begin, len);
	const char *value = variable(arg, name);
	bool ok = other || value != NULL;
	if (!ok)
		*why = spore__xasprintf("the variable %s is not set: set it, or write ${%s:-WORDS}", name, name);
	else if (value != NULL && (*value != '\0' || !other))
		spore__buf_str(out, value);
	else
		spore__buf_add(out, begin + len + 2, (size_t)(end - begin) - len - 2);
	free(name);
	*text = end + 1;
	return ok;
}

bool spore__expand(const char *text, spore__variable_fn *variable, void *arg, struct spore__buf *out, char **why)
{
	*why = NULL;
	while (*text != '\0') {
		if (strncmp(text, "$${", 3) == 0) {
			spore__buf_str(out, "${");
			text += 3;
		} else if (strncmp(text, "${", 2) == 0) {
			if (!expand_one(&text, variable, arg, out, why))
				return false;
		} else {
			spore__buf_char(out, *text++);
		}
	}
	return true;
}

const char *spore__env_find(const struct spore__strs *env, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = env->count; i > 0; i--)
		if (strncmp(env->items[i - 1], name, len) == 0 && env->items[i - 1][len] == '=')
			return env->items[i - 1] + len + 1;
	return NULL;
}

struct envfile {
	const char *file;
	size_t line;
	spore__variable_fn *variable;
	void *arg;
	struct spore__strs *out;
	char **why;
};

static const char *variable_of(void *arg, const char *name)
{
	struct envfile *f = arg;
	const char *value = spore__env_find(f->out, name);
	return value != NULL ? value : f->variable(f->arg, name);
}

static bool wrong(struct envfile *f, const char *why)
{
	*f->why = spore__xasprintf("%s:%zu: %s", f->file, f->line, why);
	return false;
}

static bool take_variable(struct envfile *f, const char **p, struct spore__buf *value)
{
	char *why;
	if (strncmp(*p, "$${", 3) == 0) {
		spore__buf_str(value, "${");
		*p += 3;
		return true;
	}
	if (expand_one(p, variable_of, f, value, &why))
		return true;
	(void)wrong(f, why);
	free(why);
	return false;
}

// A word of a shell; *P moves behind it.
static bool take_word(struct envfile *f, const char **at, struct spore__buf *value)
{
	const char *p = *at;
	char quote = '\0';
	for (; *p != '\0' && (quote != '\0' || (*p != ' ' && *p != '\t' && *p != '\r'));) {
		if (quote == *p && quote != '\0') {
			quote = '\0';
			p++;
		} else if (quote == '\0' && (*p == '\'' || *p == '"')) {
			quote = *p++;
		} else if (*p == '\\' && quote != '\'' && p[1] != '\0') {
			spore__buf_char(value, p[1]);
			p += 2;
		} else if (quote != '\'' && (strncmp(p, "${", 2) == 0 || strncmp(p, "$${", 3) == 0)) {
			if (!take_variable(f, &p, value))
				return false;
		} else {
			spore__buf_char(value, *p++);
		}
	}
	*at = p;
	return quote == '\0' || wrong(f, quote == '"' ? "a \" is not closed" : "a ' is not closed");
}

static bool take_line(struct envfile *f, const char *p)
{
	p += strspn(p, " \t\r");
	if (*p == '\0' || *p == '#')
		return true;
	if (strncmp(p, "export", 6) == 0 && (p[6] == ' ' || p[6] == '\t'))
		p += 7 + strspn(p + 7, " \t");
	size_t len = strcspn(p, "=");
	if (p[len] != '=' || !spore__is_variable_name(p, len))
		return wrong(f, "a line is NAME=VALUE, with a name of letters, digits and _");
	struct spore__buf pair = {0};
	spore__buf_add(&pair, p, len + 1);
	p += len + 1;
	bool ok = take_word(f, &p, &pair);
	const char *rest = p + strspn(p, " \t\r");
	if (ok && *rest != '\0' && *rest != '#')
		ok = wrong(f, "there is more after the value: write it in quotes when it has spaces");
	if (ok)
		spore__wanted_set_env(f->out, pair.data);
	spore__buf_finish(&pair);
	return ok;
}

bool spore__envfile_parse(const char *file, const char *text, size_t len, spore__variable_fn *variable, void *arg,
                          struct spore__strs *out, char **why)
{
	struct envfile f = {.file = file, .line = 1, .variable = variable, .arg = arg, .out = out, .why = why};
	*why = NULL;
	for (const char *end = text + len; text < end; f.line++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = newline != NULL ? (size_t)(newline - text) : (size_t)(end - text);
		if (memchr(text, '\0', n) != NULL)
			return wrong(&f, "a NUL character");
		char *line = spore__xstrndup(text, n);
		bool ok = take_line(&f, line);
		free(line);
		if (!ok)
			return false;
		text += n + (newline != NULL);
	}
	return true;
}
