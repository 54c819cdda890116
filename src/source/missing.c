#include "source/missing.h"

#include <ctype.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/packages.h"

void spore__needs_add(struct spore__needs *n, const char *kind, const char *name)
{
	char *word = spore__xasprintf("%s %s", kind, name);
	if (*name != '\0' && strlen(name) < 128 && !spore__strs_has(&n->words, word))
		spore__strs_add(&n->words, word);
	free(word);
}

void spore__needs_check(struct spore__needs *n, const char *kind, const char *name)
{
	if (!spore__missing_has(kind, name))
		spore__needs_add(n, kind, name);
}

void spore__needs_finish(struct spore__needs *n)
{
	spore__strs_finish(&n->words);
}

static bool any(const char *pattern, const char *name)
{
	char *full = spore__xasprintf(pattern, name);
	glob_t found = {0};
	bool is = glob(full, 0, NULL, &found) == 0;
	globfree(&found);
	free(full);
	return is;
}

bool spore__missing_has(const char *kind, const char *name)
{
	if (strpbrk(name, "*?[{$") != NULL)
		return true; // no name
	if (strcmp(kind, "tool") == 0) {
		char *path = spore__fs_find_program(name, NULL);
		free(path);
		return path != NULL;
	}
	if (strcmp(kind, "file") == 0)
		return spore__fs_is_file(name);
	if (strcmp(kind, "header") == 0)
		return any("/usr/include/%s", name) || any("/usr/local/include/%s", name) ||
		       any("/usr/include/*-linux-gnu*/%s", name) || any("/usr/lib/gcc/*/*/include/%s", name);
	if (strcmp(kind, "library") == 0)
		return any("/usr/lib/*-linux-gnu*/lib%s.so", name) || any("/usr/lib/*-linux-gnu*/lib%s.a", name) ||
		       any("/usr/lib/lib%s.so", name) || any("/usr/local/lib/lib%s.*", name) ||
		       any("/usr/lib/gcc/*/*/lib%s.*", name);
	return any("/usr/lib/*/pkgconfig/%s.pc", name) || any("/usr/share/pkgconfig/%s.pc", name) ||
	       any("/usr/lib/pkgconfig/%s.pc", name) || any("/usr/local/lib/pkgconfig/%s.pc", name) ||
	       any("/usr/local/share/pkgconfig/%s.pc", name);
}

// How tools say that something is missing: the name stands between `before` and one of the bytes in `until`.
static const struct {
	const char *before, *until, *after, *kind;
} phrases[] = {
    {"fatal error: ", ":\n", ": No such file or directory", "header"},
    {"fatal error: '", "'\n", "' file not found", "header"},
    {"cannot find -l", ": \n", "", "library"},
    {"No package '", "'\n", "' found", "package"},
    {"Package '", "'\n", "'", "package"},
    {"Package ", " \n", " was not found", "package"},
    {"ERROR: Dependency \"", "\"\n", "\" not found", "package"},
    {"ERROR: Dependency '", "'\n", "' not found", "package"},
    {"ERROR: Dependency lookup for ", " \n", "", "package"},
    {"ERROR: Program '", "'\n", "' not found", "tool"},
    {"ERROR: Program(s) ['", "'\n", "'", "tool"},
    {"ERROR: C shared or static library '", "'\n", "' not found", "library"},
    {"ERROR: C header '", "'\n", "' not found", "header"},
    {"sh: 1: ", ":\n", ": not found", "tool"},
    {"sh: ", ":\n", ": not found", "tool"},
    {"make: ", ":\n", ": No such file or directory", "tool"},
    {"No rule to make target '/usr/", "'\n", "', needed by", "file"},
    {"Can't exec \"", "\"\n", "\"", "tool"},
};

static void read_phrases(const char *log, struct spore__needs *n)
{
	for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
		for (const char *p = log; (p = strstr(p, phrases[i].before)) != NULL;) {
			p += strlen(phrases[i].before);
			size_t len = strcspn(p, phrases[i].until);
			if (strncmp(p + len, phrases[i].after, strlen(phrases[i].after)) != 0)
				continue;
			bool file = strcmp(phrases[i].kind, "file") == 0;
			char *name = file ? spore__xasprintf("/usr/%.*s", (int)len, p) : spore__xstrndup(p, len);
			bool path = strcmp(phrases[i].kind, "tool") == 0 && strchr(name, '/') != NULL;
			if (strchr(name, ' ') == NULL && !path && !spore__missing_has(phrases[i].kind, name))
				spore__needs_add(n, phrases[i].kind, name);
			free(name);
		}
}

// "foo.sh: line 3: bison: command not found", "sh: 7: bison: not found": the name is the last word before.
static void read_commands(const char *log, const char *says, struct spore__needs *n)
{
	for (const char *p = log; (p = strstr(p, says)) != NULL; p += strlen(says)) {
		const char *start = p;
		while (start > log && strchr(": \n\t'`", start[-1]) == NULL)
			start--;
		char *name = spore__xstrndup(start, (size_t)(p - start));
		const char *line = start;
		while (line > log && line[-1] != '\n')
			line--;
		bool shell = memchr(line, ':', (size_t)(start - line)) != NULL;
		if (shell && strchr(name, '/') == NULL && !isdigit((unsigned char)*name))
			spore__needs_check(n, "tool", name);
		free(name);
	}
}

// "Could NOT find CURL (missing: ...)"
static void read_cmake(const char *log, struct spore__needs *n)
{
	static const char says[] = "Could NOT find ";
	for (const char *p = log; (p = strstr(p, says)) != NULL;) {
		p += sizeof says - 1;
		size_t len = strcspn(p, " \n,(");
		char *name = spore__xstrndup(p, len);
		const char *line = p;
		while (line > log && line[-1] != '\n')
			line--;
		bool error = strncmp(line, "-- ", 3) != 0; // those are told in passing
		const char *known = spore__packages_cmake(name);
		if (error && strcmp(name, "PkgConfig") == 0)
			spore__needs_check(n, "tool", "pkg-config");
		else if (error && known != NULL)
			spore__needs_check(n, "package", known);
		else if (error && len > 0)
			spore__needs_add(n, "CMake package", name);
		free(name);
	}
}

// Names that are words as well: only beside the word "library", "development" or "headers".
static bool is_ambiguous(const char *word)
{
	static const char *const words[] = {"audit", "check", "config",  "convert", "event", "file",  "form",
	                                    "fuse",  "git",   "history", "man",     "menu",  "mount", "node",
	                                    "panel", "patch", "source",  "which",   "make",  "attr",  NULL};
	for (size_t i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

static bool starts_name(const char *next)
{
	next += strspn(next, " ");
	return strncmp(next, "lib", 3) == 0 || strncmp(next, "dev", 3) == 0 || strncmp(next, "header", 6) == 0;
}

// The header, library or tool that the word of a message is the name of, when it is not there.
static void read_word(const char *word, const char *next, struct spore__needs *n)
{
	size_t len = strlen(word);
	bool header = len > 2 && strcmp(word + len - 2, ".h") == 0, library = strncmp(word, "-l", 2) == 0;
	if (header || library)
		spore__needs_check(n, header ? "header" : "library", library ? word + 2 : word);
	else if (len < 3 || (is_ambiguous(word) && !starts_name(next)))
		return;
	else if (strncmp(word, "lib", 3) == 0 && spore__packages_of("library", word + 3) != NULL)
		spore__needs_check(n, "library", word + 3);
	else if (spore__packages_of("package", word) != NULL)
		spore__needs_check(n, "package", word);
	else if (spore__packages_of("library", word) != NULL)
		spore__needs_check(n, "library", word);
	else if (spore__packages_of("tool", word) != NULL)
		spore__needs_check(n, "tool", word);
}

// "configure: error: can't find pcap.h", "configure: error: The ncurses library is required!"
static void read_error(const char *error, struct spore__needs *n)
{
	static const char around[] = " \t,;:!?()[]<>'\"`";
	const char *end = error + strcspn(error, "\n");
	for (const char *p = error; p < end;) {
		p += strspn(p, around);
		size_t len = strcspn(p, " \t,;:!?()[]<>'\"`\n");
		char *word = spore__xstrndup(p, len);
		while (len > 0 && word[len - 1] == '.')
			word[--len] = '\0';
		read_word(word, p + len, n);
		free(word);
		p += len > 0 ? len : 1;
		while (p < end && *p == '.')
			p++;
	}
}

// What configure looked for last in vain, when it gave up: "checking for deflate in -lz... no".
static void read_configure(const char *log, struct spore__needs *n)
{
	static const char says[] = "configure: error:";
	const char *error = strstr(log, says);
	if (error == NULL)
		return;
	read_error(error + sizeof says - 1, n);
	if (n->words.count > 0)
		return;
	const char *found = NULL; // the last check only: those before it were survived
	for (const char *p = log; (p = strstr(p, "checking ")) != NULL && p < error; p++) {
		const char *end = p + strcspn(p, "\n");
		bool no = strncmp(p, "checking for ", 13) == 0 && end - p > 6 && strncmp(end - 6, "... no", 6) == 0;
		found = no ? p + 13 : NULL;
	}
	if (found == NULL)
		return;
	char *text = spore__xstrndup(found, (size_t)(strstr(found, "... no") - found));
	char *library = strstr(text, " in -l");
	size_t len = strlen(text);
	if (library != NULL)
		spore__needs_check(n, "library", library + 6);
	else if (strchr(text, ' ') == NULL && len > 2 && strcmp(text + len - 2, ".h") == 0)
		spore__needs_check(n, "header", text);
	else if (strncmp(text, "library containing ", 19) == 0)
		spore__needs_add(n, "library with", text + 19);
	else if (strchr(text, ' ') == NULL && spore__packages_of("tool", text) != NULL)
		spore__needs_check(n, "tool", text);
	else if (strchr(text, ' ') == NULL && spore__packages_of("package", text) != NULL)
		spore__needs_check(n, "package", text);
	free(text);
}

void spore__missing_read(const char *log, struct spore__needs *n)
{
	read_phrases(log, n);
	read_commands(log, ": command not found", n);
	read_commands(log, ": not found", n);
	read_cmake(log, n);
	if (n->words.count == 0)
		read_configure(log, n);
}
