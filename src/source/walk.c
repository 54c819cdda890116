#include "source/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/record.h"

#define RECORD_FORMAT "spore-copy"
enum {
	RECORD_VERSION = 1,
	OLD_TIME = 946684800, // 2000-01-01: older than anything that a build makes
};

static bool ends_with(const char *s, const char *end)
{
	size_t a = strlen(s), b = strlen(end);
	return a > b && strcmp(s + a - b, end) == 0;
}

static bool is_elf(int dirfd, const char *name)
{
	char magic[4] = "";
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, magic, sizeof magic);
	close(fd);
	return n == 4 && memcmp(magic, "\177ELF", 4) == 0;
}

static bool has(int dirfd, const char *folder, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	size_t n = strlen(folder) + 1 + strlen(name) + 1;
	if (n > sizeof path)
		return false;
	memcpy(path, folder, strlen(folder));
	path[strlen(folder)] = '/';
	memcpy(path + strlen(folder) + 1, name, strlen(name) + 1);
	return fstatat(dirfd, path, &st, 0) == 0;
}

static bool skip_folder(int dirfd, const char *name)
{
	static const char *const names[] = {".git", ".hg", ".svn", ".bzr", "_darcs", "CVS", ".libs", ".deps", ".spore"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return has(dirfd, name, "build.ninja") || has(dirfd, name, "CMakeCache.txt") ||
	       has(dirfd, name, "meson-private");
}

static bool beside(int dirfd, const char *name, const char *suffix)
{
	char other[NAME_MAX + 1];
	struct stat st;
	size_t len = strlen(name);
	if (len + strlen(suffix) > NAME_MAX)
		return false;
	memcpy(other, name, len);
	memcpy(other + len, suffix, strlen(suffix) + 1);
	return fstatat(dirfd, other, &st, 0) == 0;
}

// What a build or configure run in the user's own folder left: it must not decide ours.
static bool skip_file(int dirfd, const char *name, const struct stat *st)
{
	static const char *const names[] = {"config.status", "config.log", "config.cache", "CMakeCache.txt",
	                                    "stamp-h1",      ".ninja_log", ".ninja_deps"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	if (ends_with(name, ".o") || ends_with(name, ".lo") || ends_with(name, ".gcda") || ends_with(name, ".gcno"))
		return true;
	if ((strcmp(name, "Makefile") == 0 || strcmp(name, "config.h") == 0) && beside(dirfd, name, ".in") &&
	    beside(dirfd, "config", ".status"))
		return true;
	bool program = (st->st_mode & 0111) != 0 || ends_with(name, ".so");
	return program && is_elf(dirfd, name);
}

static struct spore__entry *add(struct spore__entry **list, size_t *count, const char *path, const struct stat *st)
{
	if ((*count & (*count - 1)) == 0)
		*list = spore__xrealloc(*list, (*count == 0 ? 1 : *count * 2) * sizeof **list);
	struct spore__entry *e = &(*list)[(*count)++];
	*e = (struct spore__entry){.path = spore__xstrdup(path), .st = *st};
	return e;
}

struct walker {
	struct spore__hashcache *hashes;
	const char *root;
	struct spore__walk *w;
};

static int walk_folder(struct walker *k, const char *rel, int depth);

static int hash_entry(struct walker *k, int dirfd, const char *name, struct spore__entry *e)
{
	if (S_ISLNK(e->st.st_mode)) {
		char target[PATH_MAX];
		ssize_t len = readlinkat(dirfd, name, target, sizeof target);
		if (len < 0)
			return -1;
		spore__hash_bytes(target, (size_t)len, &e->hash);
		return 0;
	}
	if (spore__hash_known(k->hashes, &e->st, &e->hash))
		return 0;
	char *path = spore__fs_join(k->root, e->path);
	int r = spore__hash_file(k->hashes, path, &e->hash, &e->st);
	free(path);
	return r;
}

static int visit(struct walker *k, int dirfd, const char *rel, const char *name, int depth)
{
	struct stat st;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -1;
	char *path = rel[0] == '\0' ? spore__xstrdup(name) : spore__fs_join(rel, name);
	int r = 0;
	if (S_ISDIR(st.st_mode)) {
		if (!skip_folder(dirfd, name))
			r = walk_folder(k, path, depth + 1);
	} else if ((S_ISREG(st.st_mode) && !skip_file(dirfd, name, &st)) || S_ISLNK(st.st_mode)) {
		r = hash_entry(k, dirfd, name, add(&k->w->files, &k->w->file_count, path, &st));
	}
	free(path);
	return r;
}

static int walk_folder(struct walker *k, const char *rel, int depth)
{
	enum { DEPTH_MAX = 128 };
	char *path = rel[0] == '\0' ? spore__xstrdup(k->root) : spore__fs_join(k->root, rel);
	struct spore__strs names = {0};
	struct stat st;
	int r = -1;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (depth > DEPTH_MAX)
		errno = ELOOP;
	else if (fd >= 0 && fstat(fd, &st) == 0)
		r = spore__fs_list(path, &names);
	if (r == 0)
		(void)add(&k->w->folders, &k->w->folder_count, rel, &st);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = visit(k, fd, rel, names.items[i], depth);
	int saved = errno;
	if (fd >= 0)
		close(fd);
	spore__strs_finish(&names);
	free(path);
	errno = saved;
	return r;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct spore__entry *)a)->path, ((const struct spore__entry *)b)->path);
}

int spore__walk_read(struct spore__hashcache *hashes, const char *dir, struct spore__walk *w, char **where)
{
	*w = (struct spore__walk){0};
	*where = NULL;
	struct walker k = {.hashes = hashes, .root = dir, .w = w};
	if (walk_folder(&k, "", 0) != 0) {
		int saved = errno;
		*where =
		    w->file_count > 0 ? spore__fs_join(dir, w->files[w->file_count - 1].path) : spore__xstrdup(dir);
		errno = saved;
		return -1;
	}
	if (w->file_count > 1)
		qsort(w->files, w->file_count, sizeof *w->files, by_path);
	return 0;
}

static void free_entries(struct spore__entry *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i].path);
	free(list);
}

void spore__walk_finish(struct spore__walk *w)
{
	free_entries(w->files, w->file_count);
	free_entries(w->folders, w->folder_count);
	*w = (struct spore__walk){0};
}

static const char *kind(const struct stat *st)
{
	return S_ISLNK(st->st_mode) ? "link" : (st->st_mode & 0111) != 0 ? "program" : "file";
}

void spore__walk_hash(const struct spore__walk *w, struct spore__hash *out)
{
	struct spore__hasher h;
	spore__hasher_init(&h);
	for (size_t i = 0; i < w->file_count; i++) {
		spore__hasher_str(&h, w->files[i].path);
		spore__hasher_str(&h, kind(&w->files[i].st));
		spore__hasher_field(&h, w->files[i].hash.bytes, sizeof w->files[i].hash.bytes);
	}
	spore__hasher_finish(&h, out);
}

// The record of what TO holds: lines `HASHKIND PATH` in the order of the walk.
struct copied {
	struct spore__strs words, paths;
};

static bool record_line(void *arg, const char *key, char *rest)
{
	struct copied *c = arg;
	if (!spore__unescape(rest))
		return false;
	spore__strs_add(&c->words, key);
	spore__strs_add(&c->paths, rest);
	return true;
}

static void word_of(const struct spore__entry *e, struct spore__buf *out)
{
	char hex[SPORE__HASH_HEX + 1];
	spore__hash_hex(&e->hash, hex);
	spore__buf_str(out, hex);
	spore__buf_str(out, kind(&e->st));
}

// The file may have changed since it was hashed.
static int check_copy(struct spore__hashcache *hashes, const char *copy, const struct spore__hash *expected)
{
	struct spore__hash hash;
	if (spore__hash_file(hashes, copy, &hash, NULL) != 0)
		return -1;
	errno = EAGAIN;
	return spore__hash_equal(&hash, expected) ? 0 : -1;
}

static int copy_entry(struct spore__hashcache *hashes, const struct spore__entry *e, const char *from, const char *to,
                      bool first)
{
	char *source = spore__fs_join(from, e->path), *target = spore__fs_join(to, e->path);
	int r = spore__fs_mkdir_for(target);
	if (r == 0)
		r = spore__fs_remove_tree(target);
	if (r == 0 && S_ISLNK(e->st.st_mode)) {
		char link[PATH_MAX];
		ssize_t len = readlink(source, link, sizeof link - 1);
		r = len < 0 ? -1 : 0;
		if (r == 0) {
			link[len] = '\0';
			r = symlink(link, target);
		}
	} else if (r == 0) {
		r = spore__fs_copy_file(source, target, (e->st.st_mode & 0111) != 0 ? 0755 : 0644);
		if (r == 0)
			r = check_copy(hashes, target, &e->hash);
		const struct timespec old[2] = {{.tv_sec = OLD_TIME}, {.tv_sec = OLD_TIME}};
		if (r == 0 && first)
			r = utimensat(AT_FDCWD, target, old, 0);
	}
	int saved = errno;
	free(source);
	free(target);
	errno = saved;
	return r;
}

static int remove_copy(const char *to, const char *rel)
{
	char *path = spore__fs_join(to, rel);
	int r = spore__fs_remove_tree(path);
	free(path);
	return r;
}

int spore__walk_sync(struct spore__hashcache *hashes, const struct spore__walk *w, const char *from, const char *to,
                     const char *record, size_t *changed)
{
	struct spore__buf text = {0}, now = {0};
	struct copied old = {0};
	*changed = 0;
	bool first = spore__fs_read(record, &text) != 0 || text.data == NULL ||
	             spore__record_parse(text.data, RECORD_FORMAT, RECORD_VERSION, record_line, &old) != 0;
	int r =
	    first ? spore__fs_remove_tree(to) : unlink(record); // cut short from here on, the next time is a first one
	if (r == 0)
		r = spore__fs_mkdirs(to, 0700);
	for (size_t i = 0; r == 0 && i < w->folder_count; i++) {
		char *folder = spore__fs_join(to, w->folders[i].path);
		r = spore__fs_mkdirs(folder, 0700);
		free(folder);
	}
	spore__record_begin(&now, RECORD_FORMAT, RECORD_VERSION);
	size_t k = 0;
	size_t old_count = first ? 0 : old.paths.count;
	for (size_t i = 0; r == 0 && i < w->file_count; i++) {
		struct spore__buf word = {0};
		word_of(&w->files[i], &word);
		while (r == 0 && k < old_count && strcmp(old.paths.items[k], w->files[i].path) < 0) {
			r = remove_copy(to, old.paths.items[k++]);
			++*changed;
		}
		bool there = k < old_count && strcmp(old.paths.items[k], w->files[i].path) == 0;
		if (r == 0 && (!there || strcmp(old.words.items[k], word.data) != 0)) {
			r = copy_entry(hashes, &w->files[i], from, to, first);
			++*changed;
		}
		k += there;
		spore__record_word(&now, word.data, w->files[i].path);
		spore__buf_finish(&word);
	}
	for (; r == 0 && k < old_count; k++, ++*changed)
		r = remove_copy(to, old.paths.items[k]);
	spore__record_end(&now);
	if (r == 0)
		r = spore__fs_write_atomic(record, now.data, now.len, 0600);
	int saved = errno;
	spore__buf_finish(&text);
	spore__buf_finish(&now);
	spore__strs_finish(&old.words);
	spore__strs_finish(&old.paths);
	errno = saved;
	return r;
}
