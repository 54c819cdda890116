#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/os.h"

enum { READ_MAX = 1 << 30 };

int spore__fs_mkdirs(const char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0)
		return 0;
	if (errno == EEXIST) {
		if (spore__fs_is_dir(path))
			return 0;
		errno = ENOTDIR;
		return -1;
	}
	if (errno != ENOENT)
		return -1;
	char *parent = spore__fs_dir(path);
	int r = strcmp(parent, path) == 0 ? -1 : spore__fs_mkdirs(parent, mode);
	free(parent);
	if (r != 0)
		return -1;
	return mkdir(path, mode) == 0 || errno == EEXIST ? 0 : -1;
}

int spore__fs_mkdir_for(const char *file)
{
	char *dir = spore__fs_dir(file);
	int r = spore__fs_mkdirs(dir, 0700);
	free(dir);
	return r;
}

int spore__fs_read_fd(int fd, struct spore__buf *out)
{
	char chunk[65536];
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (out->len + (size_t)n > READ_MAX) {
			errno = EFBIG;
			return -1;
		}
		spore__buf_add(out, chunk, (size_t)n);
	}
}

int spore__fs_read(const char *path, struct spore__buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int r = spore__fs_read_fd(fd, out);
	int saved = errno;
	close(fd);
	errno = saved;
	return r;
}

int spore__fs_write_all(int fd, const void *bytes, size_t len)
{
	for (const char *p = bytes; len > 0;) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int spore__fs_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode)
{
	char *part = spore__xasprintf("%s.%ld.part", path, (long)getpid());
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	int r = fd < 0 ? -1 : spore__fs_write_all(fd, bytes, len);
	int saved = errno;
	if (fd >= 0 && close(fd) != 0 && r == 0) {
		r = -1;
		saved = errno;
	}
	if (r == 0 && rename(part, path) != 0) {
		r = -1;
		saved = errno;
	}
	if (r != 0 && fd >= 0)
		(void)unlink(part);
	free(part);
	errno = saved;
	return r;
}

static int remove_at(int dirfd, const char *name)
{
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM && errno != EACCES)
		return -1;
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0)
		fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	(void)fchmod(fd, 0700); // a build may have left it without permission to write
	DIR *d = fdopendir(fd);
	if (d == NULL) {
		close(fd);
		return -1;
	}
	int r = 0;
	for (struct dirent *e; r == 0 && (e = readdir(d)) != NULL;)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = remove_at(fd, e->d_name);
	int saved = errno;
	closedir(d);
	errno = saved;
	return r != 0 ? r : unlinkat(dirfd, name, AT_REMOVEDIR);
}

int spore__fs_remove_tree(const char *path)
{
	return remove_at(AT_FDCWD, path);
}

int spore__fs_empty(const char *dir, mode_t mode)
{
	struct spore__strs names = {0};
	int r = spore__fs_list(dir, &names);
	if (r != 0 && errno == ENOENT)
		r = spore__fs_mkdirs(dir, mode);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		char *path = spore__fs_join(dir, names.items[i]);
		r = spore__fs_remove_tree(path);
		free(path);
	}
	int saved = errno;
	spore__strs_finish(&names);
	errno = saved;
	return r;
}

static int copy_by_hand(int in, int out)
{
	char chunk[65536];
	for (;;) {
		ssize_t n = read(in, chunk, sizeof chunk);
		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || spore__fs_write_all(out, chunk, (size_t)n) != 0)
			return -1;
	}
}

int spore__fs_copy_file(const char *from, const char *to, mode_t mode)
{
	struct stat st;
	int r = -1, out = -1;
	int in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return -1;
	if (fstat(in, &st) != 0)
		goto done;
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (out < 0)
		goto done;
	r = spore__os_copy(in, out, st.st_size);
	if (r != 0 && errno == ENOTSUP)
		r = copy_by_hand(in, out);
done:;
	int saved = errno;
	close(in);
	if (out >= 0 && close(out) != 0 && r == 0) {
		r = -1;
		saved = errno;
	}
	errno = saved;
	return r;
}

bool spore__fs_is_dir(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool spore__fs_is_file(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool spore__fs_is_executable(const char *path)
{
	return spore__fs_is_file(path) && access(path, X_OK) == 0;
}

char *spore__fs_find_program(const char *name, const char *path)
{
	if (strchr(name, '/') != NULL)
		return spore__fs_is_executable(name) ? spore__xstrdup(name) : NULL;
	if (path == NULL)
		path = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";
	for (const char *p = path; *p != '\0';) {
		size_t len = strcspn(p, ":");
		char *full = spore__xasprintf("%.*s/%s", len > 0 ? (int)len : 1, len > 0 ? p : ".", name);
		if (spore__fs_is_executable(full))
			return full;
		free(full);
		p += len + (p[len] == ':');
	}
	return NULL;
}

const char *spore__fs_base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash == NULL ? path : slash + 1;
}

char *spore__fs_dir(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (slash == NULL)
		return spore__xstrdup(".");
	return slash == path ? spore__xstrdup("/") : spore__xstrndup(path, (size_t)(slash - path));
}

char *spore__fs_join(const char *dir, const char *name)
{
	size_t len = strlen(dir), name_len = strlen(name);
	size_t slash = len > 0 && dir[len - 1] == '/' ? 0 : 1;
	char *path = spore__xmalloc(len + slash + name_len + 1);
	memcpy(path, dir, len);
	path[len] = '/';
	memcpy(path + len + slash, name, name_len + 1);
	return path;
}

int spore__fs_list(const char *dir, struct spore__strs *names)
{
	DIR *d = opendir(dir);
	if (d == NULL)
		return -1;
	errno = 0;
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			spore__strs_add(names, e->d_name);
	int saved = errno;
	closedir(d);
	errno = saved;
	spore__strs_sort(names);
	return saved == 0 ? 0 : -1;
}

void spore__escape(struct spore__buf *out, const char *s)
{
	static const char hex[] = "0123456789ABCDEF";
	const char *plain = s;
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		if (c > ' ' && c != '%' && c != 0x7f)
			continue;
		const char code[3] = {'%', hex[c >> 4], hex[c & 15]};
		spore__buf_add(out, plain, (size_t)(s - plain));
		spore__buf_add(out, code, sizeof code);
		plain = s + 1;
	}
	spore__buf_add(out, plain, (size_t)(s - plain));
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool spore__unescape(char *s)
{
	char *out = s;
	for (; *s != '\0'; s++) {
		if (*s != '%') {
			*out++ = *s;
			continue;
		}
		int high = hex_value(s[1]);
		int low = high < 0 ? -1 : hex_value(s[2]);
		if (low < 0)
			return false;
		*out++ = (char)(high * 16 + low);
		s += 2;
	}
	*out = '\0';
	return true;
}
