// The copy in which builds inside the source tree work. What the build itself adds or changes stays; a file is copied
// again only when it changed in the sources.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/build.h"

// State of one walk. Lines are "SIZE MODE SEC NSEC PATH" in the order of the walk.
struct sync {
	const char *from, *to;
	struct spore__strs old; // of the last time
	size_t old_at;
	struct spore__buf list;
};

static int copy_link(const char *from, const char *to)
{
	char target[4096];
	ssize_t len = readlink(from, target, sizeof target - 1);
	if (len < 0)
		return -1;
	target[len] = '\0';
	if (symlink(target, to) == 0)
		return 0;
	if (errno != EEXIST || spore__fs_remove_tree(to) != 0)
		return -1;
	return symlink(target, to);
}

static int copy_entry(const char *from, const char *to, const struct stat *st)
{
	if (S_ISLNK(st->st_mode))
		return copy_link(from, to);
	struct stat there;
	if (lstat(to, &there) == 0 && !S_ISREG(there.st_mode) && spore__fs_remove_tree(to) != 0)
		return -1;
	mode_t mode = (st->st_mode & 0777) | 0600;
	if (spore__fs_copy_file(from, to, mode) != 0 && (unlink(to) != 0 || spore__fs_copy_file(from, to, mode) != 0))
		return -1;
	const struct timespec times[2] = {st->st_mtim, st->st_mtim};
	if (chmod(to, mode) != 0)
		return -1;
	return utimensat(AT_FDCWD, to, times, 0);
}

static const char *path_of_line(const char *line)
{
	for (int words = 0; words < 4 && line != NULL; words++) {
		line = strchr(line, ' ');
		line = line == NULL ? NULL : line + 1;
	}
	return line == NULL ? "" : line;
}

// The order of the walk, which sorts each folder: '/' sorts before any other byte.
static int compare_paths(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	int x = *a == '\0' ? -1 : *a == '/' ? 0 : (unsigned char)*a;
	int y = *b == '\0' ? -1 : *b == '/' ? 0 : (unsigned char)*b;
	return x - y;
}

static int remove_gone(struct sync *s, const char *line)
{
	char *to = spore__fs_join(s->to, path_of_line(line));
	int r = spore__fs_remove_tree(to);
	free(to);
	return r;
}

// Was this very state of the file copied the last time? Removes what the old list has before it.
static int known(struct sync *s, const char *line, bool *same)
{
	*same = false;
	for (; s->old_at < s->old.count; s->old_at++) {
		const char *old = s->old.items[s->old_at];
		int order = compare_paths(path_of_line(old), path_of_line(line));
		if (order > 0)
			return 0;
		if (order == 0) {
			*same = strcmp(old, line) == 0;
			s->old_at++;
			return 0;
		}
		if (remove_gone(s, old) != 0)
			return -1;
	}
	return 0;
}

static int sync_file(struct sync *s, const char *from, const char *path, const struct stat *st)
{
	char *line = spore__xasprintf("%jd %o %jd %ld %s", (intmax_t)st->st_size, (unsigned)st->st_mode,
	                              (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec, path);
	char *to = spore__fs_join(s->to, path);
	bool same;
	int r = known(s, line, &same);
	if (r == 0 && !same)
		r = copy_entry(from, to, st);
	if (strchr(path, '\n') == NULL) // such a file is copied each time
		spore__buf_printf(&s->list, "%s\n", line);
	free(to);
	free(line);
	return r;
}

static int sync_folder(struct sync *s, const char *sub);

static int sync_entry(struct sync *s, const char *sub, const char *name)
{
	char *path = *sub == '\0' ? spore__xstrdup(name) : spore__fs_join(sub, name);
	char *from = spore__fs_join(s->from, path);
	struct stat st;
	int r = lstat(from, &st);
	if (r == 0 && S_ISDIR(st.st_mode))
		r = strcmp(name, ".git") == 0 ? 0 : sync_folder(s, path);
	else if (r == 0 && (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode)))
		r = sync_file(s, from, path, &st);
	free(from);
	free(path);
	return r;
}

static int sync_folder(struct sync *s, const char *sub)
{
	struct spore__strs names = {0};
	char *from = *sub == '\0' ? spore__xstrdup(s->from) : spore__fs_join(s->from, sub);
	char *to = *sub == '\0' ? spore__xstrdup(s->to) : spore__fs_join(s->to, sub);
	int r = spore__fs_list(from, &names);
	if (r == 0 && !spore__fs_is_dir(to)) {
		(void)unlink(to); // a file that became a folder
		r = spore__fs_mkdirs(to, 0700);
	}
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = sync_entry(s, sub, names.items[i]);
	free(to);
	free(from);
	spore__strs_finish(&names);
	return r;
}

static void read_list(const char *list, struct spore__strs *lines)
{
	struct spore__buf text = {0};
	if (spore__fs_read(list, &text) == 0 && text.data != NULL)
		for (char *line = text.data, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
			*end = '\0';
			spore__strs_add(lines, line);
		}
	spore__buf_finish(&text);
}

int spore__mirror_sync(const char *from, const char *to, const char *list)
{
	struct sync s = {.from = from, .to = to};
	if (spore__fs_is_dir(to))
		read_list(list, &s.old);
	// Without the list everything is copied again, so an interrupted copy is made good.
	int r = unlink(list) == 0 || errno == ENOENT ? sync_folder(&s, "") : -1;
	for (; r == 0 && s.old_at < s.old.count; s.old_at++)
		r = remove_gone(&s, s.old.items[s.old_at]);
	if (r == 0)
		r = spore__fs_write_atomic(list, s.list.data != NULL ? s.list.data : "", s.list.len, 0600);
	int saved = errno;
	spore__buf_finish(&s.list);
	spore__strs_finish(&s.old);
	errno = saved;
	return r;
}

int spore__mirror_copy(const char *from, const char *to)
{
	struct stat st;
	if (lstat(from, &st) != 0 || spore__fs_mkdir_for(to) != 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		return copy_entry(from, to, &st);
	struct sync s = {.from = from, .to = to};
	int r = sync_folder(&s, "");
	int saved = errno;
	spore__buf_finish(&s.list);
	errno = saved;
	return r;
}
