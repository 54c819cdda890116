#include "source/remedy.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/diagnose.h"
#include "source/missing.h"
#include "source/packages.h"

#define ADD "add this comment to the file: // spore: "

char *spore__remedy_install(const struct spore__strs *packages)
{
	struct spore__buf out = {0};
	spore__buf_str(&out, "sudo apt-get install");
	for (size_t i = 0; i < packages->count; i++)
		spore__buf_printf(&out, " %s", packages->items[i]);
	return spore__buf_take(&out);
}

char *spore__remedy_compiler(const char *name)
{
	const char *package = spore__packages_of("tool", name);
	const char *dash = strrchr(name, '-');
	if (package == NULL && dash != NULL && isdigit((unsigned char)dash[1])) {
		char *plain =
		    spore__xstrndup(name, (size_t)(dash - name)); // gcc-11, clang-16: packages of their own names
		package = spore__packages_of("tool", plain) != NULL ? name : NULL;
		free(plain);
	}
	if (package != NULL)
		return spore__xasprintf("sudo apt-get install %s", package);
	return spore__xstrdup("correct its name in the file (// spore: cc NAME), or install it");
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

// Headers in quotation marks are the program's own.
static char *remedy_for_own_header(const char *header)
{
	return spore__xasprintf("put %s where the file names it, or name its folder: // spore: cflags -IFOLDER",
	                        header);
}

static char *remedy_for_header(const struct spore__directives *d, const char *header)
{
	char *package = package_of_header(header);
	if (package != NULL) {
		char *r = spore__xasprintf(ADD "pkg-config %s", package);
		free(package);
		return r;
	}
	const char *debian = spore__packages_of("header", header);
	if (debian == NULL && spore__strs_has(&d->local_includes, header))
		return remedy_for_own_header(header);
	if (debian == NULL)
		return spore__xasprintf(
		    "install the package that has %s, or name its folder in the file: // spore: cflags -IFOLDER",
		    header);
	char *directive = spore__packages_directive(header);
	bool there = directive == NULL || d->packages.count > 0 || d->libs.count > 0;
	char *r = there ? spore__xasprintf("sudo apt-get install %s", debian)
	                : spore__xasprintf("sudo apt-get install %s, then " ADD "%s", debian, directive);
	free(directive);
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

// Behind the parameters that open at P; NULL when they do not close.
static const char *behind_parameters(const char *p)
{
	int depth = 0;
	do
		depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
	while (*p++ != '\0' && depth > 0);
	return depth == 0 ? p : NULL;
}

// A line that begins as `int f(int x)`, and a brace behind it: a definition as most people write it.
static bool defines(const char *text, const char *symbol)
{
	size_t len = strlen(symbol);
	for (const char *p = text; (p = strstr(p, symbol)) != NULL; p += len) {
		const char *line = p, *open = p + len + strspn(p + len, " ");
		while (line > text && line[-1] != '\n')
			line--;
		if (*open != '(' || strchr(" \t#/*", *line) != NULL || strcspn(line, "={(") < (size_t)(p - line) ||
		    (p > line && (isalnum((unsigned char)p[-1]) || p[-1] == '_')))
			continue;
		const char *end = behind_parameters(open);
		if (end != NULL && end[strspn(end, " \t\r\n")] == '{')
			return true;
	}
	return false;
}

// The C file in DIR that defines SYMBOL; malloc'ed, or NULL.
static char *neighbour_with(const struct spore__directives *d, const char *dir, const char *symbol)
{
	enum { BYTES_MAX = 1 << 20 };
	struct spore__strs names = {0};
	char *found = NULL;
	(void)spore__fs_list(dir, &names);
	for (size_t i = 0; found == NULL && i < names.count; i++) {
		const char *dot = strrchr(names.items[i], '.');
		if (dot == NULL || dot[1] != 'c' || spore__strs_has(&d->sources, names.items[i]))
			continue;
		char *path = spore__fs_join(dir, names.items[i]);
		struct spore__buf text = {0};
		struct stat st;
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < BYTES_MAX &&
		    spore__fs_read(path, &text) == 0 && text.data != NULL && defines(text.data, symbol))
			found = spore__xstrdup(names.items[i]);
		spore__buf_finish(&text);
		free(path);
	}
	spore__strs_finish(&names);
	return found;
}

static bool is_openmp(const char *symbol)
{
	return strncmp(symbol, "omp_", 4) == 0 || strncmp(symbol, "GOMP_", 5) == 0 ||
	       strncmp(symbol, "__kmpc_", 7) == 0;
}

static char *remedy_for_symbols(const struct spore__directives *d, const char *dir, const char *said)
{
	struct spore__strs symbols = {0}, libs = {0};
	spore__diagnose_undefined(said, &symbols);
	const char *first = symbols.count > 0 ? symbols.items[0] : "main";
	char *source = unnamed_source(d, dir), *remedy = NULL;
	if (source == NULL)
		source = neighbour_with(d, dir, first);
	if (is_openmp(first)) {
		remedy = spore__xstrdup(ADD "cflags -fopenmp");
	} else if (strcmp(first, "main") == 0) {
		remedy =
		    spore__xstrdup("run the file that has main, and name this one there: // spore: sources FILE.c");
	} else if (source != NULL) {
		remedy = spore__xasprintf("name the file that defines it in a comment: // spore: sources %s", source);
	} else {
		spore__symbols_libraries(&symbols, &libs);
		struct spore__buf out = {0};
		for (size_t i = 0; i < libs.count; i++)
			spore__buf_printf(&out, " -l%s", libs.items[i]);
		remedy = libs.count > 0 ? spore__xasprintf(ADD "libs%s", out.data)
		                        : spore__xstrdup("name the library or file that defines it: // spore: libs "
		                                         "-lNAME, or // spore: sources FILE.c");
		spore__buf_finish(&out);
	}
	free(source);
	spore__strs_finish(&libs);
	spore__strs_finish(&symbols);
	return remedy;
}

static char *remedy_for_libraries(const char *said)
{
	static const char says[] = "cannot find -l";
	struct spore__needs needs = {0};
	struct spore__strs packages = {0};
	for (const char *p = said; (p = strstr(p, says)) != NULL;) {
		p += sizeof says - 1;
		char *name = spore__xstrndup(p, strcspn(p, ": \n"));
		spore__needs_add(&needs, "library", name);
		free(name);
	}
	spore__missing_packages(&needs, "", &packages);
	char *remedy = packages.count > 0 ? spore__remedy_install(&packages)
	                                  : spore__xstrdup("install the library, or correct its name in the file: // "
	                                                   "spore: libs -lNAME");
	spore__strs_finish(&packages);
	spore__needs_finish(&needs);
	return remedy;
}

char *spore__remedy_compile(const char *said, const struct spore__directives *d, const char *dir)
{
	const char *fatal = strstr(said, "fatal error:");
	char *header = NULL, *remedy = NULL;
	// gcc and clang
	if (fatal != NULL &&
	    (strstr(fatal, "No such file or directory") != NULL || strstr(fatal, "file not found") != NULL))
		header = quoted_after(fatal, "fatal error:");
	if (header != NULL)
		remedy = remedy_for_header(d, header);
	else if (strstr(said, "cannot find -l") != NULL)
		remedy = remedy_for_libraries(said);
	else if (strstr(said, "undefined reference to") != NULL)
		remedy = remedy_for_symbols(d, dir, said);
	else if (strstr(said, "File too large") != NULL)
		remedy = spore__xstrdup("raise the limit of the size of files (ulimit -f)");
	else if (strstr(said, "Permission denied") != NULL)
		remedy = spore__xstrdup(
		    "the compiler may read the system and the source's own folder; put the file into it, name its "
		    "folder with // spore: cflags -IFOLDER, or use --no-sandbox");
	free(header);
	return remedy;
}
