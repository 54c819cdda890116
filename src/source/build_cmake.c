// CMake: https://cmake.org/cmake/help/latest/manual/cmake.1.html
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/build.h"
#include "source/missing.h"
#include "source/packages.h"

static const char *const tools[] = {"cmake", NULL};

static bool detect(const char *dir, char **file)
{
	char *path = spore__fs_join(dir, "CMakeLists.txt");
	bool is = spore__fs_is_file(path);
	free(path);
	if (is)
		*file = spore__xstrdup("CMakeLists.txt");
	return is;
}

static void add_options_off(const char *text, struct spore__strs *argv)
{
	static const char *const functions[] = {"option", "cmake_dependent_option", NULL};
	char *args;
	for (size_t f = 0; functions[f] != NULL; f++)
		for (size_t at = 0; (args = spore__text_call(text, functions[f], &at)) != NULL; free(args)) {
			size_t word = 0;
			char *name = spore__text_word(args, &word);
			if (name != NULL && strchr(name, '$') == NULL && spore__text_has_word(name, spore__text_extras))
				spore__strs_addf(argv, "-D%s=OFF", name);
			free(name);
		}
}

static void find_project(struct spore__build *b)
{
	char *text = spore__text_file(b->dir, "CMakeLists.txt");
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
	char *ninja = spore__fs_find_program("ninja", NULL);
	struct spore__strs argv = {0};
	const char *const words[] = {"cmake",
	                             "-S",
	                             b->dir,
	                             "-B",
	                             b->tree,
	                             "-G",
	                             ninja != NULL ? "Ninja" : "Unix Makefiles",
	                             "-DCMAKE_BUILD_TYPE=Release",
	                             "-DCMAKE_INSTALL_LIBDIR=lib",
	                             "-DCMAKE_POLICY_VERSION_MINIMUM=3.5",
	                             "-DBUILD_TESTING=OFF",
	                             "-DFETCHCONTENT_FULLY_DISCONNECTED=ON",
	                             "-DCMAKE_COMPILE_WARNING_AS_ERROR=OFF",
	                             "--no-warn-unused-cli",
	                             NULL};
	for (size_t i = 0; words[i] != NULL; i++)
		spore__strs_add(&argv, words[i]);
	spore__strs_addf(&argv, "-DCMAKE_INSTALL_PREFIX=%s", b->f->prefix);
	spore__strs_addf(&argv, "-DCMAKE_INSTALL_RPATH=%s/lib", b->f->prefix);
	char *text = spore__text_file(b->dir, "CMakeLists.txt");
	if (text != NULL)
		add_options_off(text, &argv);
	free(text);
	spore__rules_add(b, &argv);
	for (size_t i = 0; i < b->recipe->options.count; i++)
		spore__strs_add(&argv, b->recipe->options.items[i]);
	bool ok = spore__build_runs(b, b->dir, &argv);
	spore__strs_finish(&argv);
	free(ninja);
	return ok;
}

static bool has(const char *dir, const char *name)
{
	char *path = spore__fs_join(dir, name);
	bool is = spore__fs_is_file(path);
	free(path);
	return is;
}

static bool reconfigures(const struct spore__build *b)
{
	return !has(b->tree, "CMakeCache.txt") || (!has(b->tree, "build.ninja") && !has(b->tree, "Makefile"));
}

static bool compile(struct spore__build *b)
{
	if (b->project == NULL)
		find_project(b);
	char *jobs = spore__xasprintf("-j%u", b->f->jobs);
	const char *keep = !b->keep_going ? NULL : has(b->tree, "build.ninja") ? "-k0" : "-k";
	const char *const argv[] = {"cmake", "--build", b->tree, jobs, keep != NULL ? "--" : NULL, keep, NULL};
	bool ok = spore__build_run(b, b->tree, argv);
	free(jobs);
	return ok;
}

static bool install(struct spore__build *b)
{
	if (!has(b->tree, "cmake_install.cmake"))
		return true;
	const char *const argv[] = {"cmake", "--install", b->tree, NULL};
	return spore__build_run(b, b->tree, argv);
}

static void dig_modules(const char *text, const char *function, struct spore__needs *needs)
{
	char *args;
	for (size_t at = 0; (args = spore__text_call(text, function, &at)) != NULL; free(args)) {
		if (strstr(args, "REQUIRED") == NULL || spore__text_conditional(text, at))
			continue;
		size_t word = 0;
		free(spore__text_word(args, &word)); // the variable
		for (char *name; (name = spore__text_word(args, &word)) != NULL; free(name)) {
			bool keyword = true;
			for (const char *p = name; *p != '\0' && keyword; p++)
				keyword = isupper((unsigned char)*p) || *p == '_';
			name[strcspn(name, "<>=")] = '\0';
			if (!keyword && *name != '\0' && !isdigit((unsigned char)*name) && strchr(name, '$') == NULL)
				spore__needs_check(needs, "package", name);
		}
	}
}

static void dig(const struct spore__build *b, struct spore__needs *needs)
{
	char *text = spore__text_file(b->dir, "CMakeLists.txt");
	if (text == NULL)
		return;
	dig_modules(text, "pkg_check_modules", needs);
	dig_modules(text, "pkg_search_module", needs);
	char *args;
	for (size_t at = 0; (args = spore__text_call(text, "find_package", &at)) != NULL; free(args)) {
		size_t word = 0;
		char *name = spore__text_word(args, &word);
		const char *package =
		    name != NULL && strstr(args, "REQUIRED") != NULL && !spore__text_conditional(text, at)
		        ? spore__packages_cmake(name)
		        : NULL;
		if (package != NULL)
			spore__needs_check(needs, "package", package);
		free(name);
	}
	free(text);
}

const struct spore__build_ops spore__build_cmake = {
    .name = "cmake",
    .tools = tools,
    .detect = detect,
    .configure = configure,
    .reconfigures = reconfigures,
    .compile = compile,
    .install = install,
    .dig = dig,
};
