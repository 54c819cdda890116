#include "task/elsewhere.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TRIES = 100 };

static void link_name(const char *what, char out[SPORE__ELSEWHERE_MAX])
{
	(void)snprintf(out, SPORE__ELSEWHERE_MAX, "%s.at", what);
}

// One that nobody else can have in mind.
static void name(const char *what, char out[SPORE__ELSEWHERE_MAX])
{
	struct timespec now = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	(void)snprintf(out, SPORE__ELSEWHERE_MAX, "/tmp/spore-%s-%010" PRIx64, what,
	               (ns ^ (uint64_t)getpid() << 24) & UINT64_C(0xffffffffff));
}

int spore__elsewhere_make(int dir, const char *what, char out[SPORE__ELSEWHERE_MAX])
{
	char link[SPORE__ELSEWHERE_MAX];
	link_name(what, link);
	spore__elsewhere_remove(dir, what);
	for (int i = 0; i < TRIES; i++) {
		name(what, out);
		if (symlinkat(out, dir, link) != 0)
			return -1;
		if (mkdir(out, 0700) == 0)
			return 0;
		int saved = errno;
		(void)unlinkat(dir, link, 0);
		errno = saved;
		if (saved != EEXIST)
			break;
	}
	return -1;
}

// Is it one that such a link may name? It is followed nowhere else.
static bool is_place(const char *path, const char *what)
{
	char begin[SPORE__ELSEWHERE_MAX];
	int len = snprintf(begin, sizeof begin, "/tmp/spore-%s-", what);
	const char *rest = path + len;
	return strncmp(path, begin, (size_t)len) == 0 && rest[0] != '\0' &&
	       strspn(rest, "0123456789abcdef") == strlen(rest);
}

// The hold is kept small, and links no base/fs.c.
static void empty(int fd)
{
	DIR *d = fdopendir(fd);
	if (d == NULL) {
		close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			(void)unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

void spore__elsewhere_remove(int dir, const char *what)
{
	char link[SPORE__ELSEWHERE_MAX], path[SPORE__ELSEWHERE_MAX];
	struct stat st;
	link_name(what, link);
	ssize_t len = readlinkat(dir, link, path, sizeof path - 1);
	if (len < 0)
		return;
	path[len] = '\0';
	if (is_place(path, what)) {
		// Somebody else may have made a folder of that name when this one's was not made yet.
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		bool ours = fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid();
		if (ours)
			empty(fd);
		else if (fd >= 0)
			close(fd);
		if (ours)
			(void)rmdir(path);
	}
	(void)unlinkat(dir, link, 0);
}

void spore__elsewhere_clear(int dir)
{
	spore__elsewhere_remove(dir, SPORE__ELSEWHERE_PORTS);
	spore__elsewhere_remove(dir, SPORE__ELSEWHERE_NOTIFY);
}
