// Small scanners for the files of build systems: enough to read what they declare, no more.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/build.h"

const char *const spore__text_extras[] = {
    "doc",      "docs",      "documentation", "test",   "tests",   "testing", "unittest", "unittests", "example",
    "examples", "benchmark", "benchmarks",    "sample", "samples", "fuzzing", "fuzzers",  NULL};

char *spore__text_file(const char *dir, const char *name)
{
	char *path = spore__fs_join(dir, name);
	struct spore__buf text = {0};
	char *result = NULL;
	if (spore__fs_is_file(path) && spore__fs_read(path, &text) == 0)
		result = spore__buf_take(&text);
	spore__buf_finish(&text);
	free(path);
	return result;
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

// The length of the text up to the bracket that closes it, quotes skipped.
static size_t balanced(const char *text)
{
	int depth = 1;
	char quote = '\0';
	size_t i = 0;
	for (; text[i] != '\0'; i++) {
		char c = text[i];
		if (quote != '\0') {
			if (c == '\\' && text[i + 1] != '\0')
				i++;
			else if (c == quote)
				quote = '\0';
		} else if (c == '"' || c == '\'') {
			quote = c;
		} else if (c == '(') {
			depth++;
		} else if (c == ')' && --depth == 0) {
			break;
		}
	}
	return i;
}

char *spore__text_call(const char *text, const char *function, size_t *at)
{
	size_t len = strlen(function);
	for (size_t i = *at; text[i] != '\0'; i++) {
		if (text[i] == '#') {
			i += strcspn(text + i, "\n");
			if (text[i] == '\0')
				break;
			continue;
		}
		if ((i > 0 && is_name(text[i - 1])) || strncasecmp(text + i, function, len) != 0)
			continue;
		size_t open = i + len + strspn(text + i + len, " \t");
		if (text[open] != '(')
			continue;
		size_t args = balanced(text + open + 1);
		*at = open + 1; // calls inside of the arguments are found as well
		return spore__xstrndup(text + open + 1, args);
	}
	*at = strlen(text);
	return NULL;
}

char *spore__text_word(const char *args, size_t *at)
{
	size_t i = *at + strspn(args + *at, " \t\r\n,[]");
	if (args[i] == '\0')
		return NULL;
	size_t len;
	if (args[i] == '"' || args[i] == '\'') {
		char quote[2] = {args[i], '\0'};
		i++;
		len = strcspn(args + i, quote);
		*at = i + len + (args[i + len] != '\0');
	} else {
		len = strcspn(args + i, " \t\r\n,[]");
		*at = i + len;
	}
	return spore__xstrndup(args + i, len);
}

bool spore__text_has_word(const char *name, const char *const *words)
{
	for (const char *p = name; *p != '\0';) {
		size_t len = strcspn(p, "-_");
		for (size_t i = 0; words[i] != NULL; i++)
			if (strlen(words[i]) == len && strncasecmp(words[i], p, len) == 0)
				return true;
		p += len + (p[len] != '\0');
	}
	return false;
}

bool spore__text_conditional(const char *text, size_t at)
{
	int depth = 0;
	for (size_t i = 0; i < at && text[i] != '\0';) {
		size_t start = i + strspn(text + i, " \t");
		if (strncasecmp(text + start, "if", 2) == 0 && strchr(" (", text[start + 2]) != NULL &&
		    text[start + 2] != '\0')
			depth++;
		else if (strncasecmp(text + start, "endif", 5) == 0)
			depth--;
		i = start + strcspn(text + start, "\n");
		i += text[i] == '\n';
	}
	return depth > 0;
}
