// Preloaded into the tools of a build (LD_PRELOAD): records each file that they open or look for in the file named by
// SPORE_TRACE_FILE (source/trace.h), so that a build's inputs are known exactly, whatever the build system.
//
// A tool linked statically leaves no line; spore-build notices that (no tool was seen at all) and does not trust such a
// build's inputs.
// Both names of each function are defined here, so neither may stand for the other.
#undef _FILE_OFFSET_BITS
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "source/trace.h"

#define EXPORT __attribute__((visibility("default")))

static struct spore__trace_header *trace; // NULL: not traced
static uint64_t trace_room;

static void map_trace(const char *path)
{
	struct stat st;
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && (size_t)st.st_size > sizeof *trace) {
		void *map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map != MAP_FAILED && memcmp(map, SPORE__TRACE_MAGIC, 8) == 0) {
			trace = map;
			trace_room = (uint64_t)st.st_size - sizeof *trace;
		}
	}
	(void)syscall(SYS_close, fd);
}

static void record(char what, const char *path)
{
	if (trace == NULL || path == NULL || path[0] == '\0')
		return;
	int saved = errno;
	// A linker comes here thousands of times: no printf.
	char line[PATH_MAX * 2 + 4];
	size_t at = 0, len = strlen(path);
	line[at++] = what;
	line[at++] = ' ';
	if (path[0] != '/') {
		long cwd = syscall(SYS_getcwd, line + at, (size_t)PATH_MAX);
		at += cwd > 0 ? (size_t)cwd - 1 : 0; // its length, with the zero
		line[at++] = '/';
	}
	if (len < PATH_MAX) {
		memcpy(line + at, path, len);
		at += len;
		line[at++] = '\n';
		if (memchr(line, '\n', at) == line + at - 1)
			spore__trace_add(trace, trace_room, line, at);
		else
			spore__trace_add(trace, trace_room, SPORE__TRACE_INCOMPLETE,
			                 sizeof SPORE__TRACE_INCOMPLETE - 1);
	}
	errno = saved;
}

static int record_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size, (void)arg;
	if (info->dlpi_name != NULL && info->dlpi_name[0] == '/')
		record('x', info->dlpi_name);
	return 0;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("SPORE_TRACE_FILE");
	if (path == NULL)
		return;
	map_trace(path);
	char exe[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
	if (len > 0) {
		exe[len] = '\0';
		record('x', exe);
	}
	dl_iterate_phdr(record_object, NULL);
}

static void opened(int dirfd, const char *path, int flags, int result)
{
	bool missing = result < 0 && (errno == ENOENT || errno == ENOTDIR);
	bool reads = result >= 0 && (flags & O_ACCMODE) != O_WRONLY && (flags & O_DIRECTORY) == 0;
	if (path == NULL || (!missing && !reads) || (flags & O_CREAT) != 0)
		return;
	if (dirfd == AT_FDCWD || path[0] == '/') {
		record(missing ? 'n' : 'r', path);
		return;
	}
	int saved = errno;
	char link[64], full[PATH_MAX * 2], dir[PATH_MAX];
	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", dirfd);
	ssize_t len = readlink(link, dir, sizeof dir - 1);
	if (len > 0) {
		dir[len] = '\0';
		(void)snprintf(full, sizeof full, "%s/%s", dir, path);
		record(missing ? 'n' : 'r', full);
	}
	errno = saved;
}

static mode_t mode_argument(int flags, va_list ap)
{
	return (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
}

EXPORT int open(const char *path, int flags, ...);
EXPORT int open64(const char *path, int flags, ...);
EXPORT int openat(int dirfd, const char *path, int flags, ...);
EXPORT int openat64(int dirfd, const char *path, int flags, ...);

static int traced_open(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
	opened(dirfd, path, flags, fd);
	return fd;
}

#define OPEN(name, dirfd, ...)                                                                                         \
	int name(__VA_ARGS__, ...)                                                                                     \
	{                                                                                                              \
		va_list ap;                                                                                            \
		va_start(ap, flags);                                                                                   \
		mode_t mode = mode_argument(flags, ap);                                                                \
		va_end(ap);                                                                                            \
		return traced_open(dirfd, path, flags, mode);                                                          \
	}

OPEN(open, AT_FDCWD, const char *path, int flags)
OPEN(open64, AT_FDCWD, const char *path, int flags)
OPEN(openat, dir, int dir, const char *path, int flags)
OPEN(openat64, dir, int dir, const char *path, int flags)

typedef FILE *(*fopen_fn)(const char *path, const char *mode);

static FILE *traced_fopen(fopen_fn *next, const char *symbol, const char *path, const char *mode)
{
	if (*next == NULL)
		*(void **)next = dlsym(RTLD_NEXT, symbol);
	if (*next == NULL) {
		errno = ENOSYS;
		return NULL;
	}
	FILE *f = (*next)(path, mode);
	if (mode[0] == 'r')
		opened(AT_FDCWD, path, O_RDONLY, f == NULL ? -1 : 0);
	return f;
}

EXPORT FILE *fopen(const char *path, const char *mode)
{
	static fopen_fn next;
	return traced_fopen(&next, "fopen", path, mode);
}

EXPORT FILE *fopen64(const char *path, const char *mode)
{
	static fopen_fn next;
	return traced_fopen(&next, "fopen64", path, mode);
}

// Shells look for programs so. Only what is not there is of interest: what is there gets executed or opened.
static void looked(const char *path, int result)
{
	if (result != 0 && (errno == ENOENT || errno == ENOTDIR))
		record('n', path);
}

EXPORT int access(const char *path, int mode)
{
	int r = (int)syscall(SYS_faccessat, AT_FDCWD, path, mode);
	looked(path, r);
	return r;
}

EXPORT int stat(const char *restrict path, struct stat *restrict st)
{
	static int (*next)(const char *, struct stat *);
	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "stat");
	int r = next(path, st);
	looked(path, r);
	return r;
}

EXPORT int stat64(const char *restrict path, struct stat64 *restrict st)
{
	static int (*next)(const char *, struct stat64 *);
	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "stat64");
	int r = next(path, st);
	looked(path, r);
	return r;
}
