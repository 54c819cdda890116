// Finds the ways in which a folder could be built, best first.
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/build.h"

enum { BELOW_MAX = 3 }; // how many folders down a build file is looked for

struct list {
	struct spore__strategy *items;
	size_t count;
};

// Folders that hold the program when there is nothing at the top.
static const char *const usual[] = {"src", "source", "unix", "build/unix", "code", "linux", NULL};
static const char *const unusual[] = {"debian", "doc", "docs",  "test",    "tests",   "examples", "example", "contrib",
                                      ".git",   ".pc", "po",    "man",     "win32",   "windows",  "macos",   "msdos",
                                      "vms",    "os2", "amiga", ".github", "scripts", NULL};

static void add(struct list *l, const struct spore__build_ops *ops, const char *sub, const char *file)
{
	l->items = spore__xrealloc(l->items, (l->count + 1) * sizeof *l->items);
	l->items[l->count++] =
	    (struct spore__strategy){.ops = ops, .sub = spore__xstrdup(sub), .file = spore__xstrdup(file)};
}

static bool names(const char *const *list, const char *name)
{
	for (size_t i = 0; list[i] != NULL; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static bool is_folder(const struct spore__folder *f, const char *sub)
{
	char *path = spore__fs_join(f->src, sub);
	struct stat st;
	bool is = lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
	free(path);
	return is;
}

// Makefiles in a folder may want to be called from the top: they say so in their own text.
static void add_from_top(struct list *l, const char *dir, const char *sub, const char *file)
{
	if (*sub == '\0')
		return;
	char *text = spore__text_file(dir, file);
	char *call = spore__xasprintf("-f %s/%s", sub, file);
	char *path = spore__fs_join(sub, file);
	if (text != NULL && strstr(text, call) != NULL)
		add(l, &spore__build_make, "", path);
	free(path);
	free(call);
	free(text);
}

static size_t add_folder(struct list *l, const struct spore__folder *f, const char *sub, bool c_too)
{
	char *dir = *sub == '\0' ? spore__xstrdup(f->src) : spore__fs_join(f->src, sub);
	size_t before = l->count;
	for (size_t i = 0; spore__build_systems[i] != NULL; i++) {
		const struct spore__build_ops *ops = spore__build_systems[i];
		char *file = NULL;
		if ((c_too || ops != &spore__build_c) && ops->detect(dir, &file)) {
			if (ops == &spore__build_make)
				add_from_top(l, dir, sub, file);
			add(l, ops, sub, file);
			if (ops == &spore__build_autotools && strcmp(file, "configure") == 0)
				l->items[l->count - 1].amends.has[SPORE__AMEND_REGENERATE] =
				    spore__autotools_outdated(f->src);
		}
		free(file);
	}
	free(dir);
	return l->count - before;
}

// Calls itself for the folders below SUB when there is nothing in those of its own.
static void add_below(struct list *l, const struct spore__folder *f, const char *sub, int depth)
{
	char *dir = spore__fs_join(f->src, sub);
	struct spore__strs entries = {0};
	(void)spore__fs_list(dir, &entries);
	free(dir);
	for (size_t i = 0; i < entries.count;) {
		char *path = *sub == '\0' ? spore__xstrdup(entries.items[i]) : spore__fs_join(sub, entries.items[i]);
		free(entries.items[i]);
		entries.items[i++] = path;
	}
	for (size_t i = 0; usual[i] != NULL; i++) {
		char *path = *sub == '\0' ? spore__xstrdup(usual[i]) : spore__fs_join(sub, usual[i]);
		(void)add_folder(l, f, path, false);
		free(path);
	}
	for (int round = 0; l->count == 0 && round < (depth < BELOW_MAX ? 2 : 1); round++)
		for (size_t i = 0; i < entries.count; i++) {
			const char *name = spore__fs_base(entries.items[i]);
			if (names(unusual, name))
				continue;
			if (round == 0)
				(void)add_folder(l, f, entries.items[i], false);
			else if (is_folder(f, entries.items[i]))
				add_below(l, f, entries.items[i], depth + 1);
		}
	spore__strs_finish(&entries);
}

size_t spore__detect(const struct spore__folder *f, const struct spore__recipe *recipe,
                     struct spore__strategy **strategies)
{
	struct list l = {0};
	const char *sub = recipe->dir != NULL ? recipe->dir : "";
	if (recipe->build.count > 0 || recipe->outputs.count > 0 || recipe->install.count > 0) {
		add(&l, &spore__build_recipe, sub, "spore.yaml");
	} else if (recipe->system != NULL) {
		const struct spore__build_ops *ops = spore__build_system(recipe->system);
		char *dir = spore__fs_join(f->src, sub), *file = NULL;
		if (ops->detect(dir, &file))
			add(&l, ops, sub, file);
		free(file);
		free(dir);
	} else {
		(void)add_folder(&l, f, sub, false);
		if (l.count == 0 && recipe->dir == NULL)
			add_below(&l, f, "", 1);
		char *dir = spore__fs_join(f->src, sub), *file = NULL;
		if (l.count == 0 && spore__build_c.detect(dir, &file))
			add(&l, &spore__build_c, sub, file);
		free(file);
		free(dir);
	}
	*strategies = l.items;
	return l.count;
}
