// Autoconf's configure, shipped or made from configure.ac.
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/build.h"
#include "source/missing.h"
#include "source/packages.h"

static const char *const tools[] = {"make", NULL};

// What makes configure when it is not shipped, best first.
static const char *const bootstraps[] = {"autogen.sh", "bootstrap", "bootstrap.sh", "buildconf", "autogen", NULL};

static bool has(const char *dir, const char *name)
{
	char *path = spore__fs_join(dir, name);
	bool is = spore__fs_is_file(path);
	free(path);
	return is;
}

bool spore__autotools_made(const char *text)
{
	return strstr(text, "enerated by GNU Autoconf") != NULL || strstr(text, "enerated by Autoconf") != NULL ||
	       strstr(text, "enerated automatically using autoconf") != NULL;
}

static bool is_input(const char *name)
{
	size_t len = strlen(name);
	return strcmp(name, "configure.ac") == 0 || strcmp(name, "configure.in") == 0 ||
	       strcmp(name, "acinclude.m4") == 0 || (len >= 11 && strcmp(name + len - 11, "Makefile.am") == 0);
}

// quilt keeps what a patch changed, as it was before, in .pc/PATCH/.
static bool patched(const char *dir, bool (*wanted)(const char *name), int depth)
{
	struct spore__strs names = {0};
	bool found = false;
	(void)spore__fs_list(dir, &names);
	for (size_t i = 0; !found && i < names.count; i++) {
		char *path = spore__fs_join(dir, names.items[i]);
		found =
		    wanted(names.items[i]) || (depth < 5 && spore__fs_is_dir(path) && patched(path, wanted, depth + 1));
		free(path);
	}
	spore__strs_finish(&names);
	return found;
}

static bool is_output(const char *name)
{
	return strcmp(name, "configure") == 0 || strcmp(name, "Makefile.in") == 0;
}

bool spore__autotools_outdated(const char *src)
{
	char *pc = spore__fs_join(src, ".pc");
	char *tool = spore__fs_find_program("autoreconf", NULL);
	bool outdated = tool != NULL && patched(pc, is_input, 0) && !patched(pc, is_output, 0);
	free(tool);
	free(pc);
	return outdated;
}

static bool detect(const char *dir, char **file)
{
	char *text = spore__text_file(dir, "configure");
	bool is = text != NULL && spore__autotools_made(text);
	const char *input = has(dir, "configure.ac")   ? "configure.ac"
	                    : has(dir, "configure.in") ? "configure.in"
	                                               : NULL;
	if (is)
		*file = spore__xstrdup("configure");
	else if (text == NULL && input != NULL)
		*file = spore__xstrdup(input);
	else
		input = NULL;
	free(text);
	return is || input != NULL;
}

static bool autoreconf(struct spore__build *b)
{
	const char *const argv[] = {"autoreconf", "-fi", NULL};
	return spore__build_run(b, b->dir, argv);
}

static bool generate(struct spore__build *b)
{
	if (b->strategy->amends.has[SPORE__AMEND_REGENERATE])
		return autoreconf(b);
	if (has(b->dir, "configure"))
		return true;
	for (size_t i = 0; bootstraps[i] != NULL; i++) {
		if (!has(b->dir, bootstraps[i]))
			continue;
		char *script = spore__xasprintf("./%s", bootstraps[i]);
		char *path = spore__fs_join(b->dir, bootstraps[i]);
		bool direct = access(path, X_OK) == 0;
		const char *const argv[] = {direct ? script : "sh", direct ? NULL : script, NULL};
		bool ok = spore__build_run(b, b->dir, argv);
		free(path);
		free(script);
		if (ok && has(b->dir, "configure"))
			return true;
	}
	if (!autoreconf(b))
		return false;
	return has(b->dir, "configure") || spore__build_fail(b, "autoreconf made no configure");
}

// Each --disable-docs that configure knows, found in its own text.
static void add_options_off(const char *text, struct spore__strs *argv)
{
	static const char *const forms[] = {"--enable-", "--disable-", NULL};
	for (size_t f = 0; forms[f] != NULL; f++)
		for (const char *p = text; (p = strstr(p, forms[f])) != NULL;) {
			p += strlen(forms[f]);
			size_t len = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789-_");
			char *name = spore__xstrndup(p, len);
			char *option = spore__xasprintf("--disable-%s", name);
			bool extra = spore__text_has_word(name, spore__text_extras) || strcmp(name, "werror") == 0;
			if (extra && !spore__strs_has(argv, option))
				spore__strs_add(argv, option);
			free(option);
			free(name);
		}
}

static void find_project(struct spore__build *b)
{
	char *text = spore__text_file(b->dir, "configure");
	const char *at = text != NULL ? strstr(text, "\nPACKAGE_TARNAME='") : NULL;
	free(b->project);
	b->project = NULL;
	if (at != NULL) {
		at += strlen("\nPACKAGE_TARNAME='");
		b->project = spore__xstrndup(at, strcspn(at, "'\n"));
	}
	free(text);
}

static bool run_configure(struct spore__build *b, const struct spore__strs *options)
{
	char *path = spore__fs_join(b->dir, "configure");
	struct spore__strs argv = {0};
	if (access(path, X_OK) != 0)
		spore__strs_add(&argv, "sh");
	free(path);
	spore__strs_add(&argv, "./configure");
	spore__strs_addf(&argv, "--prefix=%s", b->f->prefix);
	for (size_t i = 0; i < options->count; i++)
		spore__strs_add(&argv, options->items[i]);
	spore__rules_add(b, &argv);
	for (size_t i = 0; i < b->recipe->options.count; i++)
		spore__strs_add(&argv, b->recipe->options.items[i]);
	bool ok = spore__build_runs(b, b->dir, &argv);
	spore__strs_finish(&argv);
	return ok;
}

static bool configure(struct spore__build *b)
{
	if (!generate(b))
		return false;
	find_project(b);
	struct spore__strs options = {0};
	char *text = spore__text_file(b->dir, "configure");
	if (text != NULL && !b->strategy->amends.has[SPORE__AMEND_PLAIN])
		add_options_off(text, &options);
	free(text);
	bool ok = run_configure(b, &options);
	spore__strs_finish(&options);
	return ok;
}

static bool newer(const struct spore__build *b, const char *file, const char *than)
{
	struct stat x, y;
	char *a = spore__fs_join(b->dir, file), *c = spore__fs_join(b->dir, than);
	bool is = stat(a, &x) == 0 && stat(c, &y) == 0 &&
	          (x.st_mtim.tv_sec > y.st_mtim.tv_sec ||
	           (x.st_mtim.tv_sec == y.st_mtim.tv_sec && x.st_mtim.tv_nsec > y.st_mtim.tv_nsec));
	free(a);
	free(c);
	return is;
}

static bool reconfigures(const struct spore__build *b)
{
	if (!has(b->dir, "config.status") || !has(b->dir, "Makefile"))
		return true;
	char *text = spore__text_file(b->dir, "Makefile");
	bool automake = text != NULL && strstr(text, "am__") != NULL; // its rules see to it
	free(text);
	if (automake)
		return false;
	return newer(b, "configure", "config.status") || newer(b, "Makefile.in", "Makefile") ||
	       newer(b, "config.h.in", "config.status");
}

static bool compile(struct spore__build *b)
{
	if (b->project == NULL)
		find_project(b);
	return spore__make(b, NULL, b->strategy->amends.target, NULL);
}

static bool install(struct spore__build *b)
{
	return spore__make_install(b, NULL, NULL);
}

// Does the call whose arguments begin at AT stand alone in the script, and not inside of a condition?
static bool always(const char *text, size_t at, const char *macro)
{
	size_t start = at;
	while (start > 0 && text[start - 1] != '\n')
		start--;
	int depth = 0;
	for (size_t i = 0; i < start; i += strcspn(text + i, "\n") + 1) {
		size_t word = i + strspn(text + i, " \t");
		depth += strncmp(text + word, "if ", 3) == 0 || strncmp(text + word, "case ", 5) == 0;
		depth -= strncmp(text + word, "fi", 2) == 0 && strchr(" \t\n;", text[word + 2]) != NULL;
		depth -= strncmp(text + word, "esac", 4) == 0;
	}
	return depth <= 0 && strncmp(text + start, macro, strlen(macro)) == 0;
}

// The arguments of a macro, split at its commas in place; at most MAX, the last one has the rest.
static size_t split_arguments(char *args, char *parts[], size_t max)
{
	size_t count = 1;
	unsigned depth = 0;
	parts[0] = args;
	for (char *p = args; *p != '\0'; p++) {
		depth += *p == '[' || *p == '(';
		depth -= (*p == ']' || *p == ')') && depth > 0;
		if (*p == ',' && depth == 0 && count < max) {
			*p = '\0';
			parts[count++] = p + 1;
		}
	}
	return count;
}

static void check_words(const char *kind, const char *words, struct spore__needs *needs)
{
	size_t word = 0;
	for (char *name; (name = spore__text_word(words, &word)) != NULL; free(name)) {
		bool version = strchr("<>=0123456789", *name) != NULL;
		if (!version && strpbrk(name, "$()") == NULL)
			spore__needs_check(needs, kind, name);
	}
}

// One of the libraries WORDS is enough.
static void check_any(const char *words, struct spore__needs *needs)
{
	size_t word = 0;
	char *known = NULL;
	bool there = false;
	for (char *name; (name = spore__text_word(words, &word)) != NULL; free(name)) {
		there = there || spore__missing_has("library", name);
		if (known == NULL && spore__packages_of("library", name) != NULL)
			known = spore__xstrdup(name);
	}
	if (!there && known != NULL)
		spore__needs_add(needs, "library", known);
	free(known);
}

// What configure.ac asks for and cannot do without, as far as it is plain to see.
static void dig_macros(const char *text, struct spore__needs *needs)
{
	static const struct {
		const char *macro, *kind;
		size_t names, otherwise; // which arguments
		bool bare_fails;         // without the argument `otherwise` it is an error
		bool any;                // one of the names is enough
	} macros[] = {
	    {"PKG_CHECK_MODULES", "package", 1, 3, true, false}, {"AC_CHECK_LIB", "library", 0, 3, false, false},
	    {"AC_CHECK_HEADER", "header", 0, 2, false, false},   {"AC_CHECK_HEADERS", "header", 0, 2, false, false},
	    {"AC_SEARCH_LIBS", "library", 1, 3, false, true},
	};
	for (size_t i = 0; i < sizeof macros / sizeof *macros; i++) {
		char *args;
		for (size_t at = 0; (args = spore__text_call(text, macros[i].macro, &at)) != NULL; free(args)) {
			char *parts[4];
			size_t count = split_arguments(args, parts, sizeof parts / sizeof *parts);
			bool has = count > macros[i].otherwise;
			bool fails =
			    has ? strstr(parts[macros[i].otherwise], "AC_MSG_ERROR") != NULL : macros[i].bare_fails;
			if (!fails || count <= macros[i].names || !always(text, at, macros[i].macro))
				continue;
			if (macros[i].any)
				check_any(parts[macros[i].names], needs);
			else
				check_words(macros[i].kind, parts[macros[i].names], needs);
		}
	}
}

static void dig(const struct spore__build *b, struct spore__needs *needs)
{
	char *text = spore__text_file(b->dir, "configure.ac");
	if (text == NULL)
		text = spore__text_file(b->dir, "configure.in");
	if (text != NULL)
		dig_macros(text, needs);
	free(text);
}

const struct spore__build_ops spore__build_autotools = {
    .name = "autotools",
    .in_tree = true,
    .tools = tools,
    .variants = 1u << SPORE__AMEND_REGENERATE,
    .detect = detect,
    .configure = configure,
    .reconfigures = reconfigures,
    .compile = compile,
    .install = install,
    .dig = dig,
};
