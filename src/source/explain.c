#include "source/explain.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/diagnose.h"
#include "source/missing.h"

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

static bool parse_diagnostic(char *line, struct spore__diagnostic *d)
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

static char *install_command(const struct spore__strs *packages)
{
	struct spore__buf out = {0};
	spore__buf_str(&out, "sudo apt-get install");
	for (size_t i = 0; i < packages->count; i++)
		spore__buf_printf(&out, " %s", packages->items[i]);
	return spore__buf_take(&out);
}

void spore__explain_packages(struct spore__job *b, const struct spore__strs *names)
{
	struct spore__needs needs = {0};
	struct spore__strs packages = {0};
	struct spore__buf list = {0};
	for (size_t i = 0; i < names->count; i++) {
		spore__needs_check(&needs, "package", names->items[i]);
		if (!spore__missing_has("package", names->items[i]))
			spore__buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", names->items[i]);
	}
	spore__missing_packages(&needs, "", &packages);
	(void)spore__job_fail(
	    b,
	    spore__xasprintf("%s: pkg-config does not know %s", b->typed,
	                     list.len > 0 ? list.data : "one of its packages"),
	    packages.count > 0
	        ? install_command(&packages)
	        : spore__xstrdup("install the development package that has it, or correct the name in the file"));
	spore__buf_finish(&list);
	spore__strs_finish(&packages);
	spore__needs_finish(&needs);
}

static bool pc_has_folder(const char *path, const char *folder)
{
	struct spore__buf text = {0};
	bool found = false;
	if (spore__fs_read(path, &text) == 0 && text.data != NULL) {
		const char *cflags = strstr(text.data, "Cflags:");
		char *needle = spore__xasprintf("/%s", folder);
		const char *at = cflags == NULL ? NULL : strstr(cflags, needle);
		size_t len = strlen(needle);
		found = at != NULL && (isspace((unsigned char)at[len]) || at[len] == '\0');
		free(needle);
	}
	spore__buf_finish(&text);
	return found;
}

// The pkg-config package whose folder below /usr/include has HEADER; malloc'ed, or NULL.
static char *package_of_header(const char *header)
{
	static const char *const pc_dirs[] = {"/usr/lib/x86_64-linux-gnu/pkgconfig",
	                                      "/usr/lib/aarch64-linux-gnu/pkgconfig", "/usr/lib/pkgconfig",
	                                      "/usr/share/pkgconfig", "/usr/local/lib/pkgconfig"};
	struct spore__strs folders = {0};
	char *found = NULL;
	(void)spore__fs_list("/usr/include", &folders);
	for (size_t i = 0; found == NULL && i < folders.count; i++) {
		char *path = spore__xasprintf("/usr/include/%s/%s", folders.items[i], header);
		bool here = spore__fs_is_file(path);
		free(path);
		for (size_t k = 0; here && found == NULL && k < sizeof pc_dirs / sizeof *pc_dirs; k++) {
			struct spore__strs files = {0};
			(void)spore__fs_list(pc_dirs[k], &files);
			for (size_t f = 0; found == NULL && f < files.count; f++) {
				char *pc = spore__fs_join(pc_dirs[k], files.items[f]);
				size_t len = strlen(files.items[f]);
				if (len > 3 && pc_has_folder(pc, folders.items[i]))
					found = spore__xstrndup(files.items[f], len - 3);
				free(pc);
			}
			spore__strs_finish(&files);
		}
	}
	spore__strs_finish(&folders);
	return found;
}

static char *quoted_after(const char *text, const char *phrase)
{
	const char *at = strstr(text, phrase);
	if (at == NULL)
		return NULL;
	at += strlen(phrase);
	at += strspn(at, " `'");
	size_t len = strcspn(at, "'`;:\n ");
	return len == 0 ? NULL : spore__xstrndup(at, len);
}

static char *remedy_for_header(const char *header)
{
	char *package = package_of_header(header);
	if (package != NULL) {
		char *r = spore__xasprintf("add this comment to the file: // spore: pkg-config %s", package);
		free(package);
		return r;
	}
	struct spore__needs needs = {0};
	struct spore__strs packages = {0};
	spore__needs_add(&needs, "header", header);
	spore__missing_packages(&needs, "", &packages);
	char *r =
	    packages.count > 0
	        ? install_command(&packages)
	        : spore__xasprintf(
	              "install the package that has %s, or name its folder in the file: // spore: cflags -IFOLDER",
	              header);
	spore__strs_finish(&packages);
	spore__needs_finish(&needs);
	return r;
}

// A header FOO.h of ours with a FOO.c beside it that was not named explains more than a search in the system.
static char *unnamed_source(const struct spore__directives *d, const char *dir)
{
	for (size_t i = 0; i < d->local_includes.count; i++) {
		const char *header = d->local_includes.items[i];
		size_t len = strlen(header);
		if (len < 3 || strcmp(header + len - 2, ".h") != 0)
			continue;
		char *source = spore__xasprintf("%.*s.c", (int)(len - 2), header);
		char *path = spore__fs_join(dir, source);
		bool there = spore__fs_is_file(path) && !spore__strs_has(&d->sources, source);
		free(path);
		if (there)
			return source;
		free(source);
	}
	return NULL;
}

static char *remedy_for_symbol(const struct spore__directives *d, const char *dir, const char *symbol)
{
	char *source = unnamed_source(d, dir);
	if (source != NULL) {
		char *r = spore__xasprintf("name the file that defines it in a comment: // spore: sources %s", source);
		free(source);
		return r;
	}
	struct spore__strs symbols = {0}, libs = {0};
	spore__strs_add(&symbols, symbol);
	spore__symbols_libraries(&symbols, &libs);
	char *r = libs.count > 0 ? spore__xasprintf("add this comment to the file: // spore: libs -l%s", libs.items[0])
	                         : NULL;
	spore__strs_finish(&symbols);
	spore__strs_finish(&libs);
	if (r != NULL)
		return r;
	return spore__xstrdup(
	    "name the library or file that defines it: // spore: libs -lNAME, or // spore: sources FILE.c");
}

static char *remedy_for(const struct spore__job *b, const struct spore__directives *d, const char *dir)
{
	const char *said = b->output.data;
	char *header = NULL, *symbol = NULL, *library = NULL, *remedy = NULL;
	const char *fatal = strstr(said, "fatal error:");
	if (fatal != NULL && strstr(fatal, "No such file or directory") != NULL)
		header = quoted_after(fatal, "fatal error:");
	if (header == NULL && fatal != NULL && strstr(fatal, "file not found") != NULL)
		header = quoted_after(fatal, "fatal error:"); // clang
	if (header != NULL)
		remedy = remedy_for_header(header);
	else if ((library = quoted_after(said, "cannot find -l")) != NULL) {
		struct spore__needs needs = {0};
		struct spore__strs packages = {0};
		spore__needs_add(&needs, "library", library);
		spore__missing_packages(&needs, "", &packages);
		if (packages.count > 0)
			remedy = install_command(&packages);
		spore__strs_finish(&packages);
		spore__needs_finish(&needs);
	} else if ((symbol = quoted_after(said, "undefined reference to")) != NULL) {
		remedy = remedy_for_symbol(d, dir, symbol);
	} else if (strstr(said, "File too large") != NULL) {
		remedy = spore__xstrdup("raise the limit of the size of files (ulimit -f)");
	} else if (strstr(said, "Permission denied") != NULL) {
		remedy = spore__xstrdup(
		    "the compiler may read the system and the source's own folder; put the file into it, name its "
		    "folder with // spore: cflags -IFOLDER, or use --no-sandbox");
	}
	free(header);
	free(symbol);
	free(library);
	return remedy;
}

void spore__explain_compile(struct spore__job *b, const struct spore__directives *d, const char *dir, int status)
{
	spore__buf_str(&b->output, "");
	const char *text = b->output.data;
	struct spore__diagnostic diagnostic;
	unsigned errors = 0;
	char *first = NULL;
	while (spore__diagnostic_next(&text, &diagnostic)) {
		if (strcmp(diagnostic.severity, "error") == 0 && errors++ == 0)
			first = spore__xasprintf("%s:%ld: %s", diagnostic.file, diagnostic.line, diagnostic.message);
		spore__diagnostic_finish(&diagnostic);
	}
	bool full =
	    strstr(b->output.data, "No space left on device") != NULL || (first == NULL && spore__job_disk_full(b));
	char *error;
	if (full)
		error = spore__xasprintf("%s: does not compile: the disk is full", b->typed);
	else if (first != NULL && errors == 1)
		error = spore__xasprintf("%s: does not compile: %s", b->typed, first);
	else if (first != NULL)
		error = spore__xasprintf("%s: does not compile: %u errors, the first: %s", b->typed, errors, first);
	else if (strstr(b->output.data, "File too large") != NULL)
		error = spore__xasprintf("%s: does not compile: a file is larger than the limit", b->typed);
	else if (status > 128)
		error = spore__xasprintf("%s: does not compile: the compiler was ended by signal %d", b->typed,
		                         status - 128);
	else if (strstr(b->output.data, "undefined reference to") != NULL ||
	         strstr(b->output.data, "cannot find -l") != NULL)
		error = spore__xasprintf("%s: does not link", b->typed);
	else
		error = spore__xasprintf("%s: does not compile: the compiler ended with status %d", b->typed, status);
	(void)spore__job_fail(b, error,
	                      full ? spore__xstrdup("free some space there (spore store gc), then try again")
	                           : remedy_for(b, d, dir));
	free(first);
}
