// Meson: https://mesonbuild.com/Commands.html
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/build.h"
#include "source/missing.h"
#include "source/packages.h"

static const char *const tools[] = {"meson", "ninja", NULL};

static bool detect(const char *dir, char **file)
{
	char *text = spore__text_file(dir, "meson.build");
	size_t at = 0;
	char *args = text != NULL ? spore__text_call(text, "project", &at) : NULL;
	bool is = args != NULL; // others are parts of a project
	if (is)
		*file = spore__xstrdup("meson.build");
	free(args);
	free(text);
	return is;
}

// option('build-tests', type: 'boolean', ...) becomes -Dbuild-tests=false; a feature becomes disabled.
static void add_options_off(const struct spore__build *b, struct spore__strs *argv)
{
	char *text = spore__text_file(b->dir, "meson_options.txt");
	if (text == NULL)
		text = spore__text_file(b->dir, "meson.options");
	char *args;
	for (size_t at = 0; text != NULL && (args = spore__text_call(text, "option", &at)) != NULL; free(args)) {
		size_t word = 0;
		char *name = spore__text_word(args, &word);
		if (name != NULL && spore__text_has_word(name, spore__text_extras)) {
			if (strstr(args, "'boolean'") != NULL)
				spore__strs_addf(argv, "-D%s=false", name);
			else if (strstr(args, "'feature'") != NULL)
				spore__strs_addf(argv, "-D%s=disabled", name);
		}
		free(name);
	}
	free(text);
}

static void find_project(struct spore__build *b)
{
	char *text = spore__text_file(b->dir, "meson.build");
	size_t at = 0, word = 0;
	char *args = text != NULL ? spore__text_call(text, "project", &at) : NULL;
	free(b->project);
	b->project = args != NULL ? spore__text_word(args, &word) : NULL;
	free(args);
	free(text);
}

static bool configure(struct spore__build *b)
{
	find_project(b);
	struct spore__strs argv = {0};
	const char *const words[] = {"meson",
	                             "setup",
	                             b->tree,
	                             b->dir,
	                             "--prefix",
	                             b->f->prefix,
	                             "--libdir=lib",
	                             "--buildtype=debugoptimized",
	                             "-Dwerror=false",
	                             "--wrap-mode=nodownload",
	                             NULL};
	for (size_t i = 0; words[i] != NULL; i++)
		spore__strs_add(&argv, words[i]);
	add_options_off(b, &argv);
	spore__rules_add(b, &argv);
	for (size_t i = 0; i < b->recipe->options.count; i++)
		spore__strs_add(&argv, b->recipe->options.items[i]);
	// Meson takes its own run paths out when it installs, but leaves those of the user.
	spore__strs_addf(&b->sandbox.env, "LDFLAGS=-Wl,-rpath,%s/lib", b->f->prefix);
	bool ok = spore__build_runs(b, b->dir, &argv);
	spore__strs_finish(&argv);
	return ok;
}

static bool reconfigures(const struct spore__build *b)
{
	char *ninja = spore__fs_join(b->tree, "build.ninja");
	bool missing = !spore__fs_is_file(ninja);
	free(ninja);
	return missing;
}

static bool compile(struct spore__build *b)
{
	if (b->project == NULL)
		find_project(b);
	char *jobs = spore__xasprintf("-j%u", b->f->jobs);
	const char *const argv[] = {"ninja", "-C", b->tree, jobs, b->keep_going ? "-k0" : NULL, NULL};
	bool ok = spore__build_run(b, b->tree, argv);
	free(jobs);
	return ok;
}

static bool install(struct spore__build *b)
{
	const char *const argv[] = {"meson", "install", "-C", b->tree, "--no-rebuild", "--quiet", NULL};
	return spore__build_run(b, b->tree, argv);
}

static void dig_calls(const char *text, const char *function, const char *kind, struct spore__needs *needs)
{
	char *args;
	for (size_t at = 0; (args = spore__text_call(text, function, &at)) != NULL; free(args)) {
		size_t start = strspn(args, " \t\r\n");
		if (args[start] != '\'' || spore__text_conditional(text, at))
			continue; // a variable, or not always
		size_t word = 0;
		char *name = spore__text_word(args, &word);
		const char *required = strstr(args, "required");
		const char *value = required == NULL ? "" : required + strlen("required") + strspn(required + 8, " :");
		bool optional = required != NULL && strncmp(value, "true", 4) != 0;
		bool known = strcmp(kind, "tool") != 0 || spore__packages_of(kind, name) != NULL;
		if (!optional && known && strstr(args, "fallback") == NULL && strstr(args, "disabler") == NULL &&
		    strcmp(name, "threads") != 0 && strcmp(name, "dl") != 0 && strcmp(name, "intl") != 0)
			spore__needs_check(needs, kind, name);
		free(name);
	}
}

static void dig_folder(const char *dir, int depth, struct spore__needs *needs)
{
	char *text = spore__text_file(dir, "meson.build");
	if (text == NULL)
		return;
	dig_calls(text, "dependency", "package", needs);
	dig_calls(text, "find_program", "tool", needs);
	char *args;
	for (size_t at = 0; depth < 4 && (args = spore__text_call(text, "subdir", &at)) != NULL; free(args)) {
		size_t word = 0;
		char *name = spore__text_word(args, &word);
		if (name != NULL && !spore__text_has_word(name, spore__text_extras)) {
			char *sub = spore__fs_join(dir, name);
			dig_folder(sub, depth + 1, needs);
			free(sub);
		}
		free(name);
	}
	free(text);
}

static void dig(const struct spore__build *b, struct spore__needs *needs)
{
	dig_folder(b->dir, 0, needs);
}

const struct spore__build_ops spore__build_meson = {
    .name = "meson",
    .tools = tools,
    .detect = detect,
    .configure = configure,
    .reconfigures = reconfigures,
    .compile = compile,
    .install = install,
    .dig = dig,
};
