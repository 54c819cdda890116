// Comments: what they say to people, and what they say to spore.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stubs/parse.h"

static const struct {
	const char *word;
	size_t offset;
} words[] = {
    {"in", offsetof(struct spore__stub_notes, in)},       {"out", offsetof(struct spore__stub_notes, out)},
    {"inout", offsetof(struct spore__stub_notes, inout)}, {"text", offsetof(struct spore__stub_notes, text)},
    {"bytes", offsetof(struct spore__stub_notes, bytes)}, {"one", offsetof(struct spore__stub_notes, one)},
    {"given", offsetof(struct spore__stub_notes, given)}, {"lent", offsetof(struct spore__stub_notes, lent)},
    {"null", offsetof(struct spore__stub_notes, null)},   {"skip", offsetof(struct spore__stub_notes, skip)},
    {"value", offsetof(struct spore__stub_notes, value)},
};

static bool take_word(struct spore__stub_notes *notes, const char *word)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strcmp(words[i].word, word) == 0) {
			*(bool *)((char *)notes + words[i].offset) = true;
			return true;
		}
	}
	bool length = strncmp(word, "len=", 4) == 0;
	if (!length && strncmp(word, "method=", 7) != 0)
		return false;
	const char *value = strchr(word, '=') + 1;
	char **slot = length ? &notes->length : &notes->method;
	if (*value == '\0' || strpbrk(value, "\"\\") != NULL)
		return false;
	free(*slot);
	*slot = spore__xstrdup(value);
	return true;
}

// Of one line behind "spore:".
static bool take_line(struct spore__stub_reader *r, CXCursor cursor, const char *at, size_t len,
                      struct spore__stub_notes *notes)
{
	bool ok = true;
	char *line = spore__xstrndup(at, len), *save = NULL;
	char *end = strstr(line, "*/");
	if (end != NULL)
		*end = '\0';
	for (char *word = strtok_r(line, " \t\r,", &save); ok && word != NULL; word = strtok_r(NULL, " \t\r,", &save)) {
		ok = take_word(notes, word);
		if (!ok)
			spore__stub_refuse(r, cursor,
			                   "known are in, out, inout, len=NAME, text, bytes, value, one, given, lent, "
			                   "null, skip, method=NAME",
			                   "%s: 'spore: %s' is not known", r->what, word);
	}
	free(line);
	return ok;
}

bool spore__stub_notes_read(struct spore__stub_reader *r, CXCursor cursor, const char *comment,
                            struct spore__stub_notes *notes)
{
	bool ok = true;
	for (const char *at = comment; ok && at != NULL && (at = strstr(at, "spore:")) != NULL;) {
		at += strlen("spore:");
		ok = take_line(r, cursor, at, strcspn(at, "\n"), notes);
	}
	return ok;
}

static void place(CXSourceLocation l, unsigned *line, unsigned *offset)
{
	clang_getFileLocation(l, NULL, line, NULL, offset);
}

// Where it stands in the file, also when it begins with a macro, as bool is one.
static CXSourceRange range_of(const struct spore__stub_reader *r, CXCursor cursor)
{
	CXSourceRange extent = clang_getCursorExtent(cursor);
	CXFile from_file, to_file;
	unsigned from, to;
	clang_getFileLocation(clang_getRangeStart(extent), &from_file, NULL, NULL, &from);
	clang_getFileLocation(clang_getRangeEnd(extent), &to_file, NULL, NULL, &to);
	return clang_getRange(clang_getLocationForOffset(r->unit, from_file, from),
	                      clang_getLocationForOffset(r->unit, to_file, to));
}

// Behind an item of its line, unless a comma or semicolon is between and the next item is in that line too; else before one.
static struct spore__stub_item *belongs(struct spore__stub_item *items, size_t count, unsigned offset, unsigned line,
                                        bool parted)
{
	struct spore__stub_item *before = NULL, *next = NULL;
	for (size_t i = 0; i < count; i++) {
		if (items[i].from <= offset && offset <= items[i].to)
			return &items[i];
		if (items[i].to <= offset)
			before = &items[i];
		else if (next == NULL)
			next = &items[i];
	}
	if (before != NULL && before->line != line)
		before = NULL;
	if (before != NULL && parted && next != NULL && next->line == line)
		return next;
	return before != NULL ? before : next;
}

void spore__stub_notes_find(struct spore__stub_reader *r, CXCursor whole, struct spore__stub_item *items, size_t count)
{
	CXToken *tokens = NULL;
	unsigned n = 0;
	bool parted = false;
	clang_tokenize(r->unit, range_of(r, whole), &tokens, &n);
	for (unsigned i = 0; i < n; i++) {
		char *text = spore__stub_string(clang_getTokenSpelling(r->unit, tokens[i]));
		if (clang_getTokenKind(tokens[i]) == CXToken_Comment) {
			unsigned line, offset;
			place(clang_getTokenLocation(r->unit, tokens[i]), &line, &offset);
			struct spore__stub_item *item = belongs(items, count, offset, line, parted);
			if (item != NULL && strstr(text, "spore:") != NULL)
				(void)spore__stub_notes_read(r, item->cursor, text, &item->notes);
			else if (item != NULL && item->help == NULL)
				item->help = spore__stub_help(text);
		} else {
			parted = strcmp(text, ",") == 0 || strcmp(text, ";") == 0;
		}
		free(text);
	}
	if (tokens != NULL)
		clang_disposeTokens(r->unit, tokens, n);
}

// One line of a comment without what makes it one; empty for a line that is for spore or for another tool.
static void bare(const char **from, size_t *len)
{
	while (*len > 0 && (isspace((unsigned char)**from) || strchr("/*!<", **from) != NULL))
		(*from)++, (*len)--;
	while (*len > 0 &&
	       (isspace((unsigned char)(*from)[*len - 1]) || (*from)[*len - 1] == '/' || (*from)[*len - 1] == '*'))
		(*len)--;
	if (*len >= 6 && strncmp(*from, "spore:", 6) == 0)
		*len = 0;
}

char *spore__stub_help(const char *comment)
{
	struct spore__buf out = {0};
	for (const char *at = comment; at != NULL && *at != '\0';) {
		size_t whole = strcspn(at, "\n"), len = whole;
		const char *from = at;
		bare(&from, &len);
		if (len > 0 && (*from == '@' || *from == '\\')) // of the parameters
			break;
		if (len > 0) {
			if (out.len > 0)
				spore__buf_char(&out, ' ');
			spore__buf_add(&out, from, len);
		}
		at += whole + (at[whole] == '\n');
	}
	while (out.len > 0 && out.data[out.len - 1] == '.')
		out.data[--out.len] = '\0';
	if (out.len == 0) {
		spore__buf_finish(&out);
		return NULL;
	}
	return spore__buf_take(&out);
}
