// A folder of C or C++ files without a build system: each file is compiled to an object, those with main become programs
// linked with all the others. Built to be as quick as ninja when little changed.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/build.h"
#include "source/build_calls.h"
#include "source/diagnose.h"
#include "source/objects.h"

enum { DEPTH_MAX = 6, LINK_ROUNDS = 3 };

#define LIST "link" // in the build tree

static const char *const skipped[] = {"test",  "tests",      "example", "examples", "doc",  "docs", "debian",
                                      "bench", "benchmarks", "win32",   "windows",  ".git", NULL};

// What is in the folder.
struct scan {
	struct spore__objects *objects;
	size_t cap;
	struct spore__strs headers; // files, so that a new one that hides another is noticed
	struct spore__strs folders; // with headers
};

enum kind { OTHER, C, CXX, HEADER };

static enum kind kind_of(const char *name)
{
	static const struct {
		const char *ending;
		enum kind kind;
	} endings[] = {{".c", C},      {".cc", CXX},    {".cpp", CXX},    {".cxx", CXX},
	               {".h", HEADER}, {".hh", HEADER}, {".hpp", HEADER}, {".inc", HEADER}};
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot != NULL && dot != name && i < sizeof endings / sizeof *endings; i++)
		if (strcmp(dot, endings[i].ending) == 0)
			return endings[i].kind;
	return OTHER;
}

static bool is_skipped(const char *name)
{
	for (size_t i = 0; skipped[i] != NULL; i++)
		if (strcmp(skipped[i], name) == 0)
			return true;
	return *name == '.';
}

static bool any_source(const char *dir, int depth)
{
	struct spore__strs names = {0};
	bool found = false;
	(void)spore__fs_list(dir, &names);
	for (size_t i = 0; !found && i < names.count; i++)
		found = kind_of(names.items[i]) == C || kind_of(names.items[i]) == CXX;
	for (size_t i = 0; !found && depth < DEPTH_MAX && i < names.count; i++) {
		char *path = spore__fs_join(dir, names.items[i]);
		found = !is_skipped(names.items[i]) && kind_of(names.items[i]) == OTHER && spore__fs_is_dir(path) &&
		        any_source(path, depth + 1);
		free(path);
	}
	spore__strs_finish(&names);
	return found;
}

static bool detect(const char *dir, char **file)
{
	if (!any_source(dir, 0))
		return false;
	*file = spore__xstrdup("*.c");
	return true;
}

static char *object_path(const struct spore__build *b, const char *source)
{
	char *path = spore__xasprintf("%s/o/%s.o", b->tree, source);
	for (char *p = path + strlen(b->tree) + 3; *p != '\0'; p++)
		if (*p == '/')
			*p = '+';
	return path;
}

static void scan_folder(struct scan *s, const struct spore__build *b, const char *sub, int depth);

static void scan_entry(struct scan *s, const struct spore__build *b, const char *sub, int dirfd, const char *name,
                       int depth)
{
	char *path = *sub == '\0' ? spore__xstrdup(name) : spore__xasprintf("%s/%s", sub, name);
	enum kind kind = kind_of(name);
	struct spore__objects *o = s->objects;
	if (kind == HEADER) {
		spore__strs_add(&s->headers, path);
		if (!spore__strs_has(&s->folders, *sub == '\0' ? "." : sub))
			spore__strs_add(&s->folders, *sub == '\0' ? "." : sub);
	} else if (kind == OTHER) {
		char *full = spore__fs_join(b->dir, path);
		if (depth < DEPTH_MAX && !is_skipped(name) && spore__fs_is_dir(full))
			scan_folder(s, b, path, depth + 1);
		free(full);
	} else {
		struct spore__object object = {.cxx = kind == CXX};
		if (fstatat(dirfd, name, &object.st, 0) == 0 && S_ISREG(object.st.st_mode)) {
			object.source = spore__xstrdup(path);
			object.path = object_path(b, path);
			if (o->count == s->cap) {
				s->cap = s->cap == 0 ? 64 : s->cap * 2;
				o->items = spore__xrealloc(o->items, s->cap * sizeof *o->items);
			}
			o->items[o->count++] = object;
			o->any_cxx = o->any_cxx || object.cxx;
		}
	}
	free(path);
}

static void scan_folder(struct scan *s, const struct spore__build *b, const char *sub, int depth)
{
	char *dir = *sub == '\0' ? spore__xstrdup(b->dir) : spore__fs_join(b->dir, sub);
	struct spore__strs names = {0};
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)spore__fs_list(dir, &names);
	for (size_t i = 0; i < names.count; i++)
		scan_entry(s, b, sub, fd, names.items[i], depth);
	if (fd >= 0)
		close(fd);
	spore__strs_finish(&names);
	free(dir);
}

static int compare_objects(const void *a, const void *b)
{
	return strcmp(((const struct spore__object *)a)->source, ((const struct spore__object *)b)->source);
}

static void scan(struct spore__build *b, struct spore__objects *o)
{
	struct scan s = {.objects = o};
	scan_folder(&s, b, "", 0);
	if (o->count > 0)
		qsort(o->items, o->count, sizeof *o->items, compare_objects);
	spore__strs_add(&o->flags, "-O2");
	spore__strs_add(&o->flags, "-pipe");
	spore__strs_add(&o->flags, "-pthread");
	for (size_t i = 0; i < s.folders.count; i++)
		spore__strs_addf(&o->flags, "-I%s", s.folders.items[i]);
	for (size_t i = 0; i < b->recipe->options.count; i++)
		spore__strs_add(&o->flags, b->recipe->options.items[i]);
	for (size_t i = 0; i < s.headers.count; i++) // not flags: no dash, so they only void the notes
		spore__strs_addf(&o->flags, "./%s", s.headers.items[i]);
	spore__strs_finish(&s.headers);
	spore__strs_finish(&s.folders);
}

// In the build tree.
static char *program_path(const struct spore__build *b, const struct spore__object *object, size_t mains)
{
	if (mains == 1)
		return spore__xasprintf("bin/%s", b->f->name);
	const char *base = spore__fs_base(object->source);
	return spore__xasprintf("bin/%.*s", (int)(strrchr(base, '.') - base), base);
}

// The names of the objects in the build tree, quoted for the linker's @file. The linker gets it unopened (-Wl,): the compiler
// would resolve each name part by part, and the program's each time, a tenth of the time of linking many.
static void list_object(const struct spore__build *b, struct spore__buf *list, const char *path)
{
	for (const char *p = path + strlen(b->tree) + 1; *p != '\0'; p++) {
		if (strchr(" \\'\"\t", *p) != NULL)
			spore__buf_char(list, '\\');
		spore__buf_char(list, *p);
	}
	spore__buf_char(list, '\n');
}

static bool write_list(const struct spore__build *b, const struct spore__objects *o,
                       const struct spore__folder_calls *c, const struct spore__object *main)
{
	struct spore__buf list = {0};
	for (size_t i = 0; i < o->count; i++) {
		const struct spore__object *object = &o->items[i];
		if (object->has_main && object != main)
			continue;
		list_object(b, &list, object->path);
		for (size_t k = 0; k < c->count; k++) // what a file asks for goes where the file goes
			if (strcmp(c->items[k].source, object->source) == 0)
				list_object(b, &list, c->items[k].object);
	}
	for (size_t k = 0; k < c->count; k++)
		if (*c->items[k].source == '\0')
			list_object(b, &list, c->items[k].object);
	char *path = spore__fs_join(b->tree, LIST);
	int r = spore__fs_write_atomic(path, list.data != NULL ? list.data : "", list.len, 0600);
	int saved = errno;
	free(path);
	spore__buf_finish(&list);
	errno = saved;
	return r == 0;
}

static bool link_once(struct spore__build *b, const struct spore__objects *o, bool calls, const char *program)
{
	struct spore__strs argv = {0};
	char *compiler = spore__build_tool(b, o->any_cxx ? "c++" : "cc");
	spore__strs_add(&argv, compiler != NULL ? compiler : "/usr/bin/cc");
	spore__strs_add(&argv, "-pthread");
	spore__strs_add(&argv, "-o");
	spore__strs_add(&argv, program);
	spore__strs_add(&argv, "-Wl,@" LIST);
	for (size_t i = 0; i < b->strategy->amends.libs.count; i++)
		spore__strs_addf(&argv, "-l%s", b->strategy->amends.libs.items[i]);
	if (calls)
		spore__strs_add(&argv, "-lspore");
	spore__strs_add(&argv, "-lm");
	bool ok = spore__tool_run(b, b->tree, (const char *const *)argv.items);
	spore__strs_finish(&argv);
	free(compiler);
	return ok;
}

// Libraries that turn out to be missing are added here, where that costs another link and no compilation.
static bool link_program(struct spore__build *b, const struct spore__objects *o, const struct spore__folder_calls *c,
                         const struct spore__object *main, const char *program)
{
	if (!write_list(b, o, c, main))
		return spore__build_fail(b, "cannot write to %s: %s", b->tree, strerror(errno));
	bool ok = false;
	for (int round = 0; !ok && round < LINK_ROUNDS; round++) {
		ok = link_once(b, o, c->count > 0, program);
		if (ok || b->end.tail.data == NULL || strstr(b->end.tail.data, "multiple definition") != NULL)
			break;
		struct spore__amends *amends = &b->strategy->amends;
		size_t before = amends->libs.count;
		(void)spore__diagnose_amend(b->end.tail.data, amends);
		if (amends->libs.count == before)
			break;
	}
	return ok;
}

// Is every program there, and made of the same objects?
static bool linked(const struct spore__build *b, const char *shape)
{
	char *old = spore__text_file(b->tree, "linked");
	bool same = old != NULL && strcmp(old, shape) == 0;
	free(old);
	return same;
}

static char *shape_of(const struct spore__build *b, const struct spore__objects *o)
{
	struct spore__buf shape = {0};
	spore__buf_printf(&shape, "%s\n", b->f->name);
	for (size_t i = 0; i < o->count; i++)
		spore__buf_printf(&shape, "%d %s\n", o->items[i].has_main, o->items[i].source);
	return spore__buf_take(&shape);
}

// A program that serves needs no main of its own.
static void find_served(const struct spore__objects *o, const struct spore__folder_calls *c)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->items[i].has_main)
			return;
	for (size_t i = 0; i < o->count; i++)
		if (spore__folder_calls_serves(c, o->items[i].source)) {
			o->items[i].has_main = true;
			return;
		}
}

static bool link_all(struct spore__build *b, const struct spore__objects *o, const struct spore__folder_calls *c)
{
	size_t mains = 0;
	char *bin = spore__fs_join(b->tree, "bin"), *note = spore__fs_join(b->tree, "linked");
	char *shape = shape_of(b, o);
	for (size_t i = 0; i < o->count; i++)
		mains += o->items[i].has_main;
	bool ok = mains > 0 || spore__build_fail(b, "none of its %zu files defines main", o->count);
	(void)unlink(note);
	if (ok && spore__fs_empty(bin, 0700) != 0)
		ok = spore__build_fail(b, "cannot write to %s: %s", bin, strerror(errno));
	for (size_t i = 0; ok && i < o->count; i++) {
		if (!o->items[i].has_main)
			continue;
		char *program = program_path(b, &o->items[i], mains);
		ok = link_program(b, o, c, &o->items[i], program);
		free(program);
	}
	if (ok)
		(void)spore__fs_write_atomic(note, shape, strlen(shape), 0600); // without it, it is linked again
	free(shape);
	free(note);
	free(bin);
	return ok;
}

static bool compile(struct spore__build *b)
{
	struct spore__objects o = {0};
	char *dir = spore__fs_join(b->tree, "o");
	bool ok = spore__fs_mkdirs(dir, 0700) == 0;
	free(dir);
	if (!ok)
		return spore__build_fail(b, "cannot write to %s: %s", b->tree, strerror(errno));
	scan(b, &o);
	spore__objects_load(&o, b);
	size_t compiled;
	struct spore__folder_calls calls = {0};
	ok = spore__folder_calls_find(&calls, b, &o) && spore__folder_calls_build(&calls, b, &o) &&
	     spore__objects_compile(&o, b, &compiled);
	if (ok) {
		find_served(&o, &calls);
		char *shape = shape_of(b, &o);
		if (compiled > 0 || calls.changed || !linked(b, shape))
			ok = link_all(b, &o, &calls);
		free(shape);
	}
	spore__folder_calls_finish(&calls);
	spore__objects_finish(&o);
	return ok;
}

static bool install(struct spore__build *b)
{
	char *from = spore__fs_join(b->tree, "bin"), *to = spore__fs_join(b->f->prefix, "bin");
	bool ok =
	    spore__mirror_copy(from, to) == 0 || spore__build_fail(b, "cannot copy to %s: %s", to, strerror(errno));
	free(from);
	free(to);
	return ok;
}

const struct spore__build_ops spore__build_c = {
    .name = "c",
    .detect = detect,
    .compile = compile,
    .install = install,
};
