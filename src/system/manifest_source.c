// Is the source of a task one that can be run? What only its build can tell is left to that.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/script.h"
#include "system/manifest_private.h"

enum { DEEPEST = 8 };

// Does a file of that name tell of a build, or need one? Rather too often than too seldom.
static bool is_promising(const char *name)
{
	static const char *const words[] = {"make", "meson", "config", "build", ".mak", "autogen", "bootstrap"};
	static const char *const endings[] = {".c", ".cc", ".cpp", ".cxx", ".c++", ".cp"};
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot != NULL && i < sizeof endings / sizeof endings[0]; i++)
		if (strcasecmp(dot, endings[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		for (const char *p = name; *p != '\0'; p++)
			if (strncasecmp(p, words[i], strlen(words[i])) == 0)
				return true;
	return false;
}

// Calls itself for the folders below.
static bool has_promising(const char *dir, int depth)
{
	struct spore__strs names = {0};
	bool found = spore__fs_list(dir, &names) != 0 || depth == DEEPEST; // then it is the build that tells
	for (size_t i = 0; !found && i < names.count; i++)
		found = is_promising(names.items[i]);
	for (size_t i = 0; !found && i < names.count; i++) {
		char *path = spore__fs_join(dir, names.items[i]);
		found = strcmp(names.items[i], ".git") != 0 && spore__fs_is_dir(path) && has_promising(path, depth + 1);
		free(path);
	}
	spore__strs_finish(&names);
	return found;
}

static void check_path(struct spore__manifest *m, const struct spore__manifest_task *task)
{
	struct spore__strs interpreter = {0};
	enum spore__source_kind kind;
	char *error = NULL, *remedy = NULL;
	if (spore__script_kind(task->source, task->source, &kind, &interpreter, &error, &remedy) != 0)
		(void)spore__yaml_wrong(&m->yaml, task->source_mark, "source: %s%s%s", error,
		                        remedy != NULL ? "; " : "", remedy != NULL ? remedy : "");
	else if (spore__fs_is_dir(task->source) && !task->has_recipe && !has_promising(task->source, 0))
		(void)spore__yaml_wrong(
		    &m->yaml, task->source_mark,
		    "source: %s: no way to build it was found (no Meson, CMake, configure, Makefile "
		    "or C files); write how into its spore.yaml (recipe:)",
		    task->source);
	spore__strs_finish(&interpreter);
	free(error);
	free(remedy);
}

void spore__manifest_check_source(struct spore__manifest *m, const struct spore__manifest_task *task)
{
	if (task->source == NULL)
		return;
	if (strncmp(task->source, "path:", 5) != 0) {
		if (access(task->source, F_OK) != 0)
			(void)spore__yaml_wrong(&m->yaml, task->source_mark, "source: %s: %s", task->source,
			                        strerror(errno));
		else
			check_path(m, task);
		return;
	}
	char *program = spore__fs_find_program(task->source + 5, getenv("PATH"));
	if (program == NULL)
		(void)spore__yaml_wrong(&m->yaml, task->source_mark, "source: there is no program %s on PATH",
		                        task->source + 5);
	free(program);
}
