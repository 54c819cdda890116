// Makefiles without a configure step.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/build.h"
#include "source/diagnose.h"

static const char *const tools[] = {"make", NULL};
static const char *const names[] = {
    "GNUmakefile",    "makefile",       "Makefile",     "Makefile.linux", "makefile.linux",
    "Makefile.unix",  "makefile.unix",  "Makefile.gcc", "makefile.gcc",   "Makefile.gnu",
    "Makefile.posix", "Makefile.Linux", "makefile.std", "unix.mak",       NULL};

// Asked for when the default target makes no program.
static const char *const targets[] = {"all",       "linux", "generic", "generic_gcc",  "unix",    "posix",
                                      "linux-gnu", "gcc",   "gnu",     "linux-x86_64", "default", NULL};

static bool detect(const char *dir, char **file)
{
	for (size_t i = 0; names[i] != NULL; i++) {
		char *path = spore__fs_join(dir, names[i]);
		bool is = spore__fs_is_file(path);
		free(path);
		if (is) {
			*file = spore__xstrdup(names[i]);
			return true;
		}
	}
	return false;
}

bool spore__make(struct spore__build *b, const char *file, const char *target, const struct spore__strs *variables)
{
	struct spore__strs argv = {0};
	spore__strs_add(&argv, "make");
	spore__strs_addf(&argv, "-j%u", b->strategy->amends.has[SPORE__AMEND_SERIAL] ? 1 : b->f->jobs);
	bool keep = b->strategy->amends.has[SPORE__AMEND_KEEP];
	if (b->keep_going || keep)
		spore__strs_add(&argv, "-k");
	if (file != NULL) {
		spore__strs_add(&argv, "-f");
		spore__strs_add(&argv, file);
	}
	if (target != NULL)
		spore__strs_add(&argv, target);
	for (size_t i = 0; variables != NULL && i < variables->count; i++)
		spore__strs_add(&argv, variables->items[i]);
	bool ok = spore__build_runs(b, b->dir, &argv);
	spore__strs_finish(&argv);
	return ok ||
	       (keep && b->why == NULL && !spore__diagnose_compiler(&b->end) && spore__programs_main_in_tree(b, false));
}

bool spore__make_install(struct spore__build *b, const char *file, const struct spore__strs *variables)
{
	bool serial = b->strategy->amends.has[SPORE__AMEND_SERIAL];
	b->strategy->amends.has[SPORE__AMEND_SERIAL] = true; // hand-written install rules race
	bool ok = spore__make(b, file, "install", variables);
	b->strategy->amends.has[SPORE__AMEND_SERIAL] = serial;
	return ok || (b->end.tail.data != NULL && strstr(b->end.tail.data, "No rule to make target 'install'") != NULL);
}

// Where below the prefix a path of the system belongs; NULL: it is none to install to.
static const char *below_prefix(const char *value)
{
	static const struct {
		const char *from, *to;
	} places[] = {{"/usr/local", ""}, {"/usr", ""},     {"/opt", ""},      {"/etc", "/etc"},
	              {"/var", "/var"},   {"/bin", "/bin"}, {"/sbin", "/sbin"}};
	static char path[1024];
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		size_t len = strlen(places[i].from);
		if (strncmp(value, places[i].from, len) != 0 || (value[len] != '/' && value[len] != '\0'))
			continue;
		if (strlen(value) + 16 > sizeof path)
			return NULL;
		strcpy(path, places[i].to);
		strcat(path, value + len);
		return path;
	}
	return NULL;
}

// A place to look for what is there already, and not to install to?
static bool is_search_path(const char *value)
{
	struct stat st;
	if (stat(value, &st) == 0 && !S_ISDIR(st.st_mode))
		return true; // a program: SHELL = /bin/sh
	bool of_system = strncmp(value, "/usr/local", 10) != 0;
	return of_system &&
	       (strstr(value, "/include") != NULL || strstr(value, "/lib") != NULL || strstr(value, "/X11") != NULL);
}

static void add_assignment(const struct spore__build *b, const char *line, size_t len, struct spore__strs *variables)
{
	size_t name_len = 0;
	while (name_len < len && (isalnum((unsigned char)line[name_len]) || line[name_len] == '_'))
		name_len++;
	size_t at = name_len;
	at += strspn(line + at, " \t");
	while (at < len && strchr(":?", line[at]) != NULL)
		at++;
	if (name_len == 0 || at >= len || line[at] != '=')
		return;
	at++;
	at += strspn(line + at, " \t");
	size_t value_len = at < len ? strcspn(line + at, " \t\r\n#") : 0;
	if (value_len == 0 || at + value_len > len)
		return;
	char *name = spore__xstrndup(line, name_len);
	char *value = spore__xstrndup(line + at, value_len);
	const char *below = strcasecmp(name, "prefix") != 0 && strcmp(name, "DESTDIR") != 0 && !is_search_path(value)
	                        ? below_prefix(value)
	                        : NULL;
	if (below != NULL && strchr(value, '$') == NULL && strchr(value, ':') == NULL)
		spore__strs_addf(variables, "%s=%s%s", name, b->f->prefix, below);
	free(value);
	free(name);
}

void spore__make_variables(const struct spore__build *b, const char *text, struct spore__strs *variables)
{
	spore__strs_addf(variables, "PREFIX=%s", b->f->prefix);
	spore__strs_addf(variables, "prefix=%s", b->f->prefix);
	for (const char *line = text; line != NULL && *line != '\0';) {
		size_t len = strcspn(line, "\n");
		add_assignment(b, line, len, variables);
		line += len + (line[len] != '\0');
	}
}

bool spore__make_has_target(const char *text, const char *target)
{
	size_t len = strlen(target);
	for (const char *p = text; (p = strstr(p, target)) != NULL; p += len) {
		bool starts = p == text || p[-1] == '\n' || p[-1] == ' ' || p[-1] == '\t';
		const char *line = p;
		while (line > text && line[-1] != '\n')
			line--;
		const char *end =
		    p + len + strspn(p + len, " \tabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
		if (starts && *line != '\t' && *line != '#' && strchr(" \t:", p[len]) != NULL && p[len] != '\0' &&
		    *end == ':' && end[1] != '=')
			return true;
	}
	return false;
}

static const char *file_argument(const struct spore__build *b)
{
	const char *file = b->strategy->file;
	return strcmp(file, "GNUmakefile") == 0 || strcmp(file, "makefile") == 0 || strcmp(file, "Makefile") == 0
	           ? NULL
	           : file;
}

static bool compile(struct spore__build *b)
{
	char *text = spore__text_file(b->dir, b->strategy->file);
	struct spore__strs variables = {0};
	struct spore__amends *amends = &b->strategy->amends;
	spore__make_variables(b, text, &variables);
	spore__rules_add(b, &variables);
	bool ok = spore__make(b, file_argument(b), amends->target, &variables);
	bool made = spore__programs_in_tree(b) > 0;
	// A default target that only tells what targets there are, or needs to be told the system.
	bool asks = !made && amends->target == NULL && text != NULL &&
	            (ok || strstr(b->end.tail.data != NULL ? b->end.tail.data : "", ": error:") == NULL);
	for (size_t i = 0; asks && !made && targets[i] != NULL; i++) {
		if (!spore__make_has_target(text, targets[i]))
			continue;
		ok = spore__make(b, file_argument(b), targets[i], &variables);
		made = spore__programs_in_tree(b) > 0;
		if (ok || made || strstr(b->end.tail.data != NULL ? b->end.tail.data : "", ": error:") != NULL) {
			amends->target = spore__xstrdup(targets[i]);
			break;
		}
	}
	spore__strs_finish(&variables);
	free(text);
	return ok;
}

static bool install(struct spore__build *b)
{
	char *text = spore__text_file(b->dir, b->strategy->file);
	struct spore__strs variables = {0};
	spore__make_variables(b, text, &variables);
	spore__rules_add(b, &variables);
	bool ok = spore__make_install(b, file_argument(b), &variables);
	spore__strs_finish(&variables);
	free(text);
	return ok;
}

const struct spore__build_ops spore__build_make = {
    .name = "make",
    .in_tree = true,
    .tools = tools,
    .detect = detect,
    .compile = compile,
    .install = install,
};
