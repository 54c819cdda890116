#include "source/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "os/os.h"

#define FORMAT "spore-store 1\n"
enum { CANDIDATES_MAX = 32 };

static const char *const folders[] = {"artifacts", "meta", "candidates", "index", "work", "stage", "logs"};

static _Noreturn void cannot_use(const char *root)
{
	int why = errno;
	const char *remedy = why == ENOSPC || why == EDQUOT
	                         ? "free some space on that disk, then try again"
	                         : "make that folder writable for you, or name another one in SPORE_STORE";
	spore__die(SPORE__EXIT_SPORE, remedy, "cannot use the store %s: %s", root, strerror(why));
}

static void create(const char *root, const char *format_path)
{
	if (spore__fs_mkdirs(root, 0700) != 0)
		cannot_use(root);
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		char *dir = spore__fs_join(root, folders[i]);
		if (spore__fs_mkdirs(dir, 0700) != 0)
			cannot_use(dir);
		free(dir);
	}
	if (spore__fs_write_atomic(format_path, FORMAT, strlen(FORMAT), 0600) != 0)
		cannot_use(root);
}

void spore__store_open(struct spore__store *s)
{
	if (sodium_init() < 0)
		spore__die(SPORE__EXIT_SPORE, "check that /dev/urandom can be read", "libsodium does not start");
	s->root = spore__dirs_store();
	char *format_path = spore__fs_join(s->root, "format");
	struct spore__buf format = {0};
	if (spore__fs_read(format_path, &format) != 0) {
		if (errno != ENOENT)
			cannot_use(s->root);
		create(s->root, format_path);
	} else if (format.data == NULL || strcmp(format.data, FORMAT) != 0) {
		spore__die(SPORE__EXIT_SPORE, "use the spore that made it, or name another folder in SPORE_STORE",
		           "cannot use the store %s: it has another format", s->root);
	}
	spore__buf_finish(&format);
	free(format_path);
	// It goes into artifacts (their prefix), and what executes below it is in use: both by the real path.
	char *real = realpath(s->root, NULL);
	if (real == NULL)
		cannot_use(s->root);
	free(s->root);
	s->root = real;
	s->hashes = spore__hashcache_create(s->root);
}

void spore__store_finish(struct spore__store *s)
{
	spore__hashcache_destroy(s->hashes);
	free(s->root);
	*s = (struct spore__store){0};
}

char *spore__store_path(const struct spore__store *s, const char *kind, const char *name)
{
	return spore__xasprintf("%s/%s/%s", s->root, kind, name);
}

// Held for the moments in which an artifact comes or goes.
static int lock_store(const struct spore__store *s)
{
	char *path = spore__fs_join(s->root, "lock");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	free(path);
	if (fd >= 0 && spore__os_lock(fd, true, true) != 0) {
		int saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

// Locks the new folder DIR itself: a file for it would be one more to create and to delete in each build. The descriptor; -1
// with errno, ENOENT when the garbage collector took it for one that was left behind.
static int lock_new_folder(const char *dir)
{
	struct stat here, held;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (spore__os_lock(fd, true, true) == 0 && fstat(fd, &held) == 0 && stat(dir, &here) == 0) {
		if (here.st_ino == held.st_ino && here.st_dev == held.st_dev)
			return fd;
		errno = ENOENT;
	}
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

char *spore__store_stage(const struct spore__store *s, int *lock_fd)
{
	static unsigned number;
	char name[64];
	do {
		(void)snprintf(name, sizeof name, "%ld.%u", (long)getpid(), number++);
		char *dir = spore__store_path(s, "stage", name);
		// A process of this number that was killed may have left its own.
		bool made = spore__fs_remove_tree(dir) == 0 && mkdir(dir, 0700) == 0;
		*lock_fd = made ? lock_new_folder(dir) : -1;
		if (*lock_fd >= 0)
			return dir;
		int saved = errno;
		free(dir);
		errno = saved;
		if (!made)
			return NULL;
	} while (errno == ENOENT);
	return NULL;
}

// Ours alone: others may write beside it.
static bool is_private(const char *dir)
{
	struct stat st;
	return (mkdir(dir, 0700) == 0 || errno == EEXIST) && lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid() && (st.st_mode & 077) == 0;
}

// Tools write their traces through a mapping: where there is no room that is a signal.
static bool has_room(const char *dir)
{
	enum { LEAST = 8 << 20 };
	struct statvfs st;
	return statvfs(dir, &st) == 0 && (uint64_t)st.f_bavail * st.f_frsize >= LEAST;
}

char *spore__store_scratch_folder(const struct spore__store *s)
{
	const char *memory = spore__os_memory_folder();
	if (memory != NULL && has_room(memory)) {
		char *dir = spore__xasprintf("%s/spore-%lu", memory, (unsigned long)geteuid());
		if (is_private(dir))
			return dir;
		free(dir);
	}
	return spore__fs_join(s->root, "stage");
}

char *spore__store_scratch(const struct spore__store *s)
{
	static unsigned number;
	char *dir = spore__store_scratch_folder(s);
	char *path = spore__xasprintf("%s/%ld.%u.trace", dir, (long)getpid(), number++);
	free(dir);
	return path;
}

// What one entry adds to the hash of its tree.
static int hash_entry(struct spore__hasher *h, const char *path, const char *name, const struct stat *st)
{
	spore__hasher_str(h, name);
	if (S_ISLNK(st->st_mode)) {
		char target[4096];
		ssize_t len = readlink(path, target, sizeof target);
		if (len < 0)
			return -1;
		spore__hasher_str(h, "link");
		spore__hasher_field(h, target, (size_t)len);
		return 0;
	}
	if (!S_ISREG(st->st_mode)) {
		spore__hasher_str(h, "other");
		return 0;
	}
	struct spore__buf content = {0};
	int r = spore__fs_read(path, &content);
	spore__hasher_str(h, (st->st_mode & 0111) != 0 ? "program" : "file");
	spore__hasher_field(h, content.data != NULL ? content.data : "", content.len);
	spore__buf_finish(&content);
	return r;
}

static int hash_tree(struct spore__hasher *h, const char *dir, int64_t *size)
{
	struct spore__strs names = {0};
	int r = spore__fs_list(dir, &names);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		char *path = spore__fs_join(dir, names.items[i]);
		struct stat st;
		r = lstat(path, &st);
		if (r == 0 && S_ISDIR(st.st_mode)) {
			spore__hasher_str(h, names.items[i]);
			spore__hasher_str(h, "enter");
			r = hash_tree(h, path, size);
			spore__hasher_str(h, "leave");
		} else if (r == 0) {
			r = hash_entry(h, path, names.items[i], &st);
			*size += st.st_size;
		}
		free(path);
	}
	spore__strs_finish(&names);
	return r;
}

int spore__store_tree_hash(struct spore__store *s, const char *dir, struct spore__hash *out, int64_t *size)
{
	(void)s;
	struct spore__hasher h;
	*size = 0;
	spore__hasher_init(&h);
	int r = hash_tree(&h, dir, size);
	spore__hasher_finish(&h, out);
	return r;
}

static int make_read_only(const char *dir)
{
	struct spore__strs names = {0};
	int r = spore__fs_list(dir, &names);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		char *path = spore__fs_join(dir, names.items[i]);
		struct stat st;
		r = lstat(path, &st);
		if (r == 0 && S_ISDIR(st.st_mode))
			r = make_read_only(path);
		else if (r == 0 && S_ISREG(st.st_mode))
			r = chmod(path, (st.st_mode & 0111) != 0 ? 0555 : 0444);
		free(path);
	}
	spore__strs_finish(&names);
	return r;
}

int spore__store_add_candidate(const struct spore__store *s, const char *candidates, const char *id)
{
	struct spore__strs ids = {0};
	int lock = lock_store(s);
	if (lock < 0)
		return -1;
	spore__store_candidates(s, candidates, &ids);
	struct spore__buf text = {0};
	// The newest last; the oldest fall off.
	for (size_t i = ids.count < CANDIDATES_MAX ? ids.count : CANDIDATES_MAX - 1; i > 0; i--)
		if (strcmp(ids.items[i - 1], id) != 0)
			spore__buf_printf(&text, "%s\n", ids.items[i - 1]);
	spore__buf_printf(&text, "%s\n", id);
	char *path = spore__store_path(s, "candidates", candidates);
	int r = spore__fs_write_atomic(path, text.data, text.len, 0600);
	int saved = errno;
	free(path);
	spore__buf_finish(&text);
	spore__strs_finish(&ids);
	close(lock);
	errno = saved;
	return r;
}

void spore__store_candidates(const struct spore__store *s, const char *candidates, struct spore__strs *ids)
{
	char *path = spore__store_path(s, "candidates", candidates);
	struct spore__buf text = {0};
	struct spore__strs lines = {0};
	if (spore__fs_read(path, &text) == 0 && text.data != NULL)
		for (char *line = strtok(text.data, "\n"); line != NULL; line = strtok(NULL, "\n"))
			if (strchr(line, '/') == NULL)
				spore__strs_add(&lines, line);
	for (size_t i = lines.count; i > 0; i--)
		spore__strs_add(ids, lines.items[i - 1]);
	spore__strs_finish(&lines);
	spore__buf_finish(&text);
	free(path);
}

static int install(const struct spore__store *s, struct spore__meta *m, const char *files)
{
	char *meta_path = spore__store_path(s, "meta", m->id);
	char *artifact = spore__store_path(s, "artifacts", m->id);
	struct spore__buf text = {0};
	int r = 0;
	if (access(meta_path, F_OK) == 0) {
		r = spore__fs_remove_tree(files); // made by another meanwhile, of the same inputs
		goto done;
	}
	// Left by one that was killed before it wrote the meta file. FILES may already be there: a folder's prefix.
	if (strcmp(artifact, files) != 0 && (spore__fs_remove_tree(artifact) != 0 || rename(files, artifact) != 0)) {
		r = -1;
		goto done;
	}
	spore__meta_write(m, &text);
	r = spore__fs_write_atomic(meta_path, text.data, text.len, 0600);
done:;
	int saved = errno;
	spore__buf_finish(&text);
	free(meta_path);
	free(artifact);
	errno = saved;
	return r;
}

int spore__store_commit(struct spore__store *s, struct spore__meta *m, const char *files)
{
	struct spore__hash tree;
	if (make_read_only(files) != 0 || spore__store_tree_hash(s, files, &tree, &m->size) != 0)
		return -1;
	free(m->tree);
	m->tree = spore__xmalloc(SPORE__HASH_HEX + 1);
	spore__hash_hex(&tree, m->tree);
	m->created = (int64_t)time(NULL);
	int lock = lock_store(s);
	if (lock < 0)
		return -1;
	int r = install(s, m, files);
	int saved = errno;
	close(lock);
	errno = saved;
	return r;
}

bool spore__store_whole(struct spore__store *s, const struct spore__meta *m)
{
	char *dir = spore__store_path(s, "artifacts", m->id);
	struct spore__hash tree;
	int64_t size;
	char hex[SPORE__HASH_HEX + 1] = "";
	if (spore__store_tree_hash(s, dir, &tree, &size) == 0)
		spore__hash_hex(&tree, hex);
	free(dir);
	return m->tree != NULL && strcmp(hex, m->tree) == 0;
}

int spore__store_discard(const struct spore__store *s, const char *id)
{
	char *meta = spore__store_path(s, "meta", id);
	char *artifact = spore__store_path(s, "artifacts", id);
	int stage_lock = -1;
	char *stage = spore__store_stage(s, &stage_lock);
	char *aside = stage == NULL ? NULL : spore__fs_join(stage, "discarded");
	int lock = lock_store(s);
	int r = -1;
	if (lock >= 0 && aside != NULL && (unlink(meta) == 0 || errno == ENOENT))
		r = rename(artifact, aside) == 0 || errno == ENOENT ? 0 : -1;
	int saved = errno;
	if (lock >= 0)
		close(lock);
	if (stage != NULL)
		(void)spore__fs_remove_tree(stage);
	if (stage_lock >= 0)
		close(stage_lock);
	free(aside);
	free(stage);
	free(artifact);
	free(meta);
	errno = saved;
	return r;
}

int spore__store_remove(const struct spore__store *s, const char *id)
{
	char *meta_path = spore__store_path(s, "meta", id);
	char *artifact = spore__store_path(s, "artifacts", id);
	int r = -1, meta = -1;
	int lock = lock_store(s);
	if (lock < 0)
		goto done;
	meta = open(meta_path, O_RDWR | O_CLOEXEC);
	if (meta >= 0 && spore__os_lock(meta, true, false) != 0) {
		errno = EBUSY;
		goto done;
	}
	if (spore__os_in_use(artifact)) {
		errno = EBUSY;
		goto done;
	}
	// The meta file first: what has none is no artifact, whenever this is cut short.
	if (unlink(meta_path) != 0 && errno != ENOENT)
		goto done;
	r = spore__fs_remove_tree(artifact);
done:;
	int saved = errno;
	if (meta >= 0)
		close(meta);
	if (lock >= 0)
		close(lock);
	free(meta_path);
	free(artifact);
	errno = saved;
	return r;
}
