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
	// Written by calls and not through the mapping, where a full disk would be a signal.
	size_t len = (size_t)st->st_size, n = strlen(from);
	char *bytes = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
	int r = bytes == MAP_FAILED ? -1 : 0;
	for (const char *at = bytes; r == 0 && (at = memmem(at, len - (size_t)(at - bytes), from, n)) != NULL;
	     at += n) {
		ssize_t written = pwrite(fd, to, n, (off_t)(at - bytes));
		if (written >= 0 && (size_t)written < n)
			errno = ENOSPC;
		r = written == (ssize_t)n ? 0 : -1;
	}
	int saved = errno;
	if (bytes != MAP_FAILED)
		(void)munmap(bytes, len);
	close(fd);
	errno = saved;
	return r;
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
