// memmem is in POSIX.1-2024 and in every C library that spore meets.
#define _GNU_SOURCE
#include "source/relocate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

static void replace(char *bytes, size_t len, const char *from, const char *to)
{
	size_t n = strlen(from);
	for (char *at = bytes; (at = memmem(at, len - (size_t)(at - bytes), from, n)) != NULL; at += n)
		memcpy(at, to, n);
}

void spore__relocate_text(char *text, const char *from, const char *to)
{
	replace(text, strlen(text), from, to);
}

static int relocate_file(const char *path, const struct stat *st, const char *from, const char *to)
{
	if (st->st_size == 0)
		return 0;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == EACCES && chmod(path, (st->st_mode & 07777) | 0600) == 0)
		fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -1;
	size_t len = (size_t)st->st_size;
	char *bytes = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int saved = errno;
	close(fd);
	errno = saved;
	if (bytes == MAP_FAILED)
		return -1;
	replace(bytes, len, from, to);
	return munmap(bytes, len);
}

static int relocate_link(const char *path, const char *from, const char *to)
{
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof target - 1);
	if (len < 0)
		return -1;
	target[len] = '\0';
	if (strstr(target, from) == NULL)
		return 0;
	spore__relocate_text(target, from, to);
	return unlink(path) == 0 ? symlink(target, path) : -1;
}

int spore__relocate(const char *dir, const char *from, const char *to, char **where)
{
	struct spore__strs names = {0};
	int r = spore__fs_list(dir, &names);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		char *path = spore__fs_join(dir, names.items[i]);
		struct stat st;
		r = lstat(path, &st);
		if (r == 0 && S_ISDIR(st.st_mode))
			r = spore__relocate(path, from, to, where);
		else if (r == 0 && S_ISLNK(st.st_mode))
			r = relocate_link(path, from, to);
		else if (r == 0 && S_ISREG(st.st_mode))
			r = relocate_file(path, &st, from, to);
		if (r != 0 && *where == NULL)
			*where = path;
		else
			free(path);
	}
	spore__strs_finish(&names);
	return r;
}
