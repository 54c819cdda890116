// Which programs a build gave, and which of them is the one to run.
#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/build.h"

enum { DEPTH_MAX = 8 };

static const char *const folders[] = {"bin", "sbin", "games", "usr/bin", "usr/sbin", "usr/games", "", NULL};
static const char *const last_folders[] = {"libexec", NULL};

// Folders of a build tree whose programs serve the build itself.
static const char *const helper_folders[] = {
    ".git",      "CMakeFiles", "meson-private", "autom4te.cache", "test",       "tests", "testing",
    "testsuite", "t",          "example",       "examples",       "doc",        "docs",  "debian",
    "demo",      "demos",      "fuzz",          "benchmark",      "benchmarks", ".deps", "subprojects",
    NULL};
static const char *const helper_words[] = {"test",     "tests",    "unittest",  "unittests", "example",
                                           "examples", "conftest", "benchmark", NULL};

static bool in_list(const char *name, const char *const *list)
{
	for (size_t i = 0; list[i] != NULL; i++)
		if (strcasecmp(name, list[i]) == 0)
			return true;
	return false;
}

static size_t read_start(const char *path, void *bytes, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, bytes, len);
	close(fd);
	return n < 0 ? 0 : (size_t)n;
}

bool spore__programs_is_elf(const char *path)
{
	unsigned char start[4096] = {0};
	size_t len = read_start(path, start, sizeof start);
	if (len < sizeof(Elf64_Ehdr) || memcmp(start, ELFMAG, SELFMAG) != 0)
		return false;
	if (start[EI_CLASS] != ELFCLASS64) {
		Elf32_Ehdr small;
		memcpy(&small, start, sizeof small);
		return small.e_type == ET_EXEC || (small.e_type == ET_DYN && small.e_entry != 0);
	}
	Elf64_Ehdr head;
	memcpy(&head, start, sizeof head);
	if (head.e_type == ET_EXEC)
		return true;
	if (head.e_type != ET_DYN)
		return false;
	for (size_t i = 0; i < head.e_phnum; i++) {
		Elf64_Phdr segment;
		size_t at = head.e_phoff + i * sizeof segment;
		if (at > len - sizeof segment)
			break;
		memcpy(&segment, start + at, sizeof segment);
		if (segment.p_type == PT_INTERP)
			return true;
	}
	return head.e_entry != 0 && strstr(spore__fs_base(path), ".so") == NULL; // static-pie
}

static bool is_script(const char *path)
{
	char start[2];
	return read_start(path, start, sizeof start) == 2 && memcmp(start, "#!", 2) == 0;
}

static void find_in(const char *prefix, const char *sub, struct spore__strs *programs)
{
	char *dir = *sub == '\0' ? spore__xstrdup(prefix) : spore__fs_join(prefix, sub);
	struct spore__strs names = {0};
	(void)spore__fs_list(dir, &names);
	for (size_t i = 0; i < names.count; i++) {
		char *path = spore__fs_join(dir, names.items[i]);
		if (spore__fs_is_executable(path) && (spore__programs_is_elf(path) || is_script(path)))
			spore__strs_take(programs, *sub == '\0' ? spore__xstrdup(names.items[i])
			                                        : spore__fs_join(sub, names.items[i]));
		free(path);
	}
	spore__strs_finish(&names);
	free(dir);
}

// The name in small letters without what says a version or a collection: "lua5.4" and "Lua" are "lua".
static char *plain_name(const char *name)
{
	static const char *const suffixes[] = {"-utils", "-tools", "-src", "-ng", "-project", NULL};
	char *plain = spore__xstrdup(name);
	for (char *p = plain; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	size_t len = strlen(plain);
	while (len > 1 && (isdigit((unsigned char)plain[len - 1]) || strchr(".-_", plain[len - 1]) != NULL))
		plain[--len] = '\0';
	for (size_t i = 0; suffixes[i] != NULL; i++) {
		size_t suffix = strlen(suffixes[i]);
		if (len > suffix && strcmp(plain + len - suffix, suffixes[i]) == 0)
			plain[len -= suffix] = '\0';
	}
	return plain;
}

static bool same_name(const char *a, const char *b)
{
	char *x = plain_name(a), *y = plain_name(b);
	const char *p = x, *q = y; // mini_httpd is mini-httpd
	while (*p != '\0' && (*p == *q || (strchr("-_", *p) != NULL && strchr("-_", *q) != NULL && *q != '\0'))) {
		p++;
		q++;
	}
	bool same = *p == '\0' && *q == '\0';
	free(x);
	free(y);
	return same;
}

static size_t find_named(const struct spore__strs *programs, const char *name)
{
	if (name == NULL)
		return SIZE_MAX;
	for (size_t i = 0; i < programs->count; i++)
		if (strcmp(programs->items[i], name) == 0 || strcasecmp(spore__fs_base(programs->items[i]), name) == 0)
			return i;
	for (size_t i = 0; i < programs->count; i++)
		if (same_name(spore__fs_base(programs->items[i]), name))
			return i;
	return SIZE_MAX;
}

// The only program of its own; others are links to it or scripts around it.
static size_t find_only(const char *prefix, const struct spore__strs *programs)
{
	size_t found = SIZE_MAX;
	for (size_t i = 0; i < programs->count; i++) {
		char *path = spore__fs_join(prefix, programs->items[i]);
		struct stat st;
		bool own = lstat(path, &st) == 0 && S_ISREG(st.st_mode) && spore__programs_is_elf(path);
		free(path);
		if (!own)
			continue;
		if (found != SIZE_MAX)
			return SIZE_MAX;
		found = i;
	}
	return programs->count == 1 ? 0 : found;
}

void spore__programs_find(const struct spore__build *b, struct spore__strs *programs, bool *known)
{
	for (size_t i = 0; folders[i] != NULL; i++)
		find_in(b->f->prefix, folders[i], programs);
	for (size_t i = 0; programs->count == 0 && last_folders[i] != NULL; i++)
		find_in(b->f->prefix, last_folders[i], programs);
	size_t main = find_named(programs, b->recipe->main);
	if (b->recipe->main == NULL) {
		main = find_named(programs, b->f->name);
		if (main == SIZE_MAX)
			main = find_named(programs, b->project);
		if (main == SIZE_MAX)
			main = find_only(b->f->prefix, programs);
	}
	*known = main != SIZE_MAX;
	if (!*known || main == 0)
		return;
	char *first = programs->items[main];
	memmove(programs->items + 1, programs->items, main * sizeof *programs->items);
	programs->items[0] = first;
}

// Walks the build tree. TO, where the programs are copied to, and FOUND, which gets their names, may be NULL.
static size_t collect(const struct spore__build *b, const char *sub, int depth, const char *to,
                      struct spore__strs *found_names)
{
	char *dir = *sub == '\0' ? spore__xstrdup(b->tree) : spore__fs_join(b->tree, sub);
	char *source_dir = *sub == '\0' ? spore__fs_join(b->f->src, b->strategy->sub)
	                                : spore__xasprintf("%s/%s/%s", b->f->src, b->strategy->sub, sub);
	bool libtool = strcmp(spore__fs_base(sub), ".libs") == 0;
	struct spore__strs names = {0};
	size_t found = 0;
	(void)spore__fs_list(dir, &names);
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.items[i];
		char *path = spore__fs_join(dir, name);
		char *source = spore__fs_join(source_dir, name);
		struct stat st;
		if (lstat(path, &st) != 0) {
			// gone
		} else if (S_ISDIR(st.st_mode)) {
			char *below = *sub == '\0' ? spore__xstrdup(name) : spore__fs_join(sub, name);
			if (depth < DEPTH_MAX && !in_list(name, helper_folders))
				found += collect(b, below, depth + 1, to, found_names);
			free(below);
		} else if (S_ISREG(st.st_mode) && (st.st_mode & 0100) != 0 && !spore__fs_is_file(source) &&
		           !spore__text_has_word(name, helper_words) && strstr(name, ".so") == NULL &&
		           (!libtool || strncmp(name, "lt-", 3) != 0) && spore__programs_is_elf(path)) {
			char *target = to != NULL ? spore__fs_join(to, name) : NULL;
			found += to == NULL || spore__mirror_copy(path, target) == 0;
			if (found_names != NULL)
				spore__strs_add(found_names, name);
			free(target);
		}
		free(source);
		free(path);
	}
	spore__strs_finish(&names);
	free(source_dir);
	free(dir);
	return found;
}

size_t spore__programs_in_tree(const struct spore__build *b)
{
	return collect(b, "", 0, NULL, NULL);
}

// What makes sources for the build itself is called like this.
static bool is_maker(const char *name)
{
	static const char *const makers[] = {"mk", "make", "gen", "build", "conf", "host", "chk", "check", "try", NULL};
	for (size_t i = 0; makers[i] != NULL; i++)
		if (strncmp(name, makers[i], strlen(makers[i])) == 0)
			return true;
	return false;
}

bool spore__programs_main_in_tree(const struct spore__build *b, bool sure)
{
	struct spore__strs names = {0};
	(void)collect(b, "", 0, NULL, &names);
	bool found = find_named(&names, b->f->name) != SIZE_MAX || find_named(&names, b->project) != SIZE_MAX;
	for (size_t i = 0; !sure && !found && i < names.count; i++)
		found = !is_maker(names.items[i]);
	spore__strs_finish(&names);
	return found;
}

// Of what was taken from the tree: the makers go when there is something else, and the compiler's name for a program
// without one gives way to the project's.
static void tidy(const struct spore__build *b, const char *bin, const struct spore__strs *names)
{
	bool named = find_named(names, b->f->name) != SIZE_MAX, others = false;
	for (size_t i = 0; i < names->count; i++)
		others = others || !is_maker(names->items[i]);
	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->items[i];
		char *path = spore__fs_join(bin, name), *better = spore__fs_join(bin, b->f->name);
		if (strcmp(name, "a.out") == 0 && !named)
			(void)rename(path, better);
		else if (others && is_maker(name) && !same_name(name, b->f->name))
			(void)unlink(path);
		free(better);
		free(path);
	}
}

size_t spore__programs_collect(struct spore__build *b)
{
	char *bin = spore__fs_join(b->f->prefix, "bin");
	struct spore__strs names = {0};
	size_t found = collect(b, "", 0, bin, &names);
	tidy(b, bin, &names);
	spore__strs_finish(&names);
	free(bin);
	return found;
}
