// Linked into a spore-build of the tests: system calls that take room on a disk fail as on a full one. SPORE_TEST_FULL="FROM COUNT":
// the calls numbered FROM and on fail, COUNT of them (0: all from then on). SPORE_TEST_CALLS=FILE gets a byte for each call.
// SPORE_TEST_GATE=FIFO: what the fast compiler made is not listed before somebody has opened and closed that for writing.
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
int __real_ftruncate(int fd, off_t len);
int __wrap_ftruncate(int fd, off_t len);
int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_symlink(const char *target, const char *path);
int __wrap_symlink(const char *target, const char *path);
ssize_t __real_copy_file_range(int in, off_t *at_in, int out, off_t *at_out, size_t len, unsigned flags);
ssize_t __wrap_copy_file_range(int in, off_t *at_in, int out, off_t *at_out, size_t len, unsigned flags);

static bool full(void)
{
	static long calls, from = -1, count;
	if (from < 0) {
		char *end = NULL;
		const char *text = getenv("SPORE_TEST_FULL");
		from = text != NULL ? strtol(text, &end, 10) : 0;
		count = text != NULL ? strtol(end, NULL, 10) : 0;
	}
	const char *log = getenv("SPORE_TEST_CALLS");
	int fd = log != NULL ? open(log, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
	if (fd >= 0) {
		if (__real_write(fd, "x", 1) != 1)
			abort();
		close(fd);
	}
	calls++;
	if (from == 0 || calls < from || (count > 0 && calls >= from + count))
		return false;
	errno = ENOSPC;
	return true;
}

ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
	struct stat st;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && full()) {
		// A part may still fit.
		return len > 1 ? __real_write(fd, bytes, len / 2) : -1;
	}
	return __real_write(fd, bytes, len);
}

int __wrap_ftruncate(int fd, off_t len)
{
	return full() ? -1 : __real_ftruncate(fd, len);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
	return full() ? -1 : __real_mkdir(path, mode);
}

static void wait_at_gate(const char *path)
{
	const char *gate = getenv("SPORE_TEST_GATE"), *name = strrchr(path, '/');
	int fd = gate != NULL && name != NULL && strcmp(name, "/fast") == 0 ? open(gate, O_RDONLY | O_CLOEXEC) : -1;
	char byte;
	while (fd >= 0 && read(fd, &byte, 1) > 0)
		;
	if (fd >= 0)
		close(fd);
}

int __wrap_rename(const char *from, const char *to)
{
	wait_at_gate(to);
	return full() ? -1 : __real_rename(from, to);
}

int __wrap_symlink(const char *target, const char *path)
{
	return full() ? -1 : __real_symlink(target, path);
}

ssize_t __wrap_copy_file_range(int in, off_t *at_in, int out, off_t *at_out, size_t len, unsigned flags)
{
	return full() ? -1 : __real_copy_file_range(in, at_in, out, at_out, len, flags);
}
