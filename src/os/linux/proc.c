// What /proc knows about processes of this user.
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "os/os.h"

char *spore__os_self(void)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
	if (len < 0)
		return NULL;
	path[len] = '\0';
	return strdup(path);
}

// Calls FOUND for each process; returns how often it said true.
static int count_processes(bool (*found)(int dirfd, pid_t pid, const void *arg), const void *arg)
{
	DIR *proc = opendir("/proc");
	if (proc == NULL)
		return 0;
	int count = 0;
	for (struct dirent *e; (e = readdir(proc)) != NULL;) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		int fd = openat(dirfd(proc), e->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		count += found(fd, (pid_t)atol(e->d_name), arg);
		close(fd);
	}
	closedir(proc);
	return count;
}

static bool executes_below(int dirfd, pid_t pid, const void *arg)
{
	(void)pid;
	const char *dir = arg;
	char exe[PATH_MAX];
	ssize_t len = readlinkat(dirfd, "exe", exe, sizeof exe - 1);
	size_t prefix = strlen(dir);
	return len > (ssize_t)prefix && strncmp(exe, dir, prefix) == 0 && exe[prefix] == '/';
}

bool spore__os_in_use(const char *dir)
{
	return count_processes(executes_below, dir) > 0;
}

struct marks {
	const char *name; // with the =
	size_t name_len;
	bool (*matches)(void *arg, const char *value);
	void *arg;
};

static bool kill_if_marked(int dirfd, pid_t pid, const void *arg)
{
	if (pid == getpid())
		return false;
	int fd = openat(dirfd, "environ", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	char text[65536];
	size_t len = 0;
	for (ssize_t n; len < sizeof text && (n = read(fd, text + len, sizeof text - len)) > 0;)
		len += (size_t)n;
	close(fd);
	const struct marks *marks = arg;
	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\0', len - at);
		if (end == NULL)
			break;
		if (strncmp(text + at, marks->name, marks->name_len) == 0 &&
		    marks->matches(marks->arg, text + at + marks->name_len))
			return kill(pid, SIGKILL) == 0;
		at = (size_t)(end - text) + 1;
	}
	return false;
}

int spore__os_kill_matching(const char *name, bool (*matches)(void *arg, const char *value), void *arg)
{
	char start[256];
	int len = snprintf(start, sizeof start, "%s=", name);
	if (len < 0 || (size_t)len >= sizeof start)
		return 0;
	const struct marks marks = {.name = start, .name_len = (size_t)len, .matches = matches, .arg = arg};
	// One that forks while being killed is found in the next round; rounds end since each kills its whole find.
	int total = 0;
	for (int round = 0, n = 1; n > 0 && round < 100; round++) {
		n = count_processes(kill_if_marked, &marks);
		total += n;
	}
	return total;
}

static bool is_value(void *arg, const char *value)
{
	return strcmp(arg, value) == 0;
}

int spore__os_kill_marked(const char *name, const char *value)
{
	return spore__os_kill_matching(name, is_value, (void *)(uintptr_t)value);
}

int spore__os_adopt_orphans(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static bool kill_if_child(int dirfd, pid_t pid, const void *arg)
{
	const pid_t *parent = arg;
	int fd = openat(dirfd, "stat", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	char text[512]; // "PID (NAME) STATE PPID ...": names are short
	ssize_t len = read(fd, text, sizeof text - 1);
	close(fd);
	if (len <= 0)
		return false;
	text[len] = '\0';
	const char *end = strrchr(text, ')');
	return end != NULL && strlen(end) > 4 && (pid_t)strtol(end + 4, NULL, 10) == *parent && kill(pid, SIGKILL) == 0;
}

int spore__os_kill_children(void)
{
	const pid_t self = getpid();
	return count_processes(kill_if_child, &self);
}

// /proc/PID/stat: the name is in brackets and may hold brackets and spaces itself, so the fields are counted from the last one.
static bool parse_stat(const char *text, struct spore__process *p)
{
	enum { PARENT = 4, UTIME = 14, STIME = 15, CUTIME = 16, CSTIME = 17, RSS = 24 };
	const char *at = strrchr(text, ')');
	long long values[RSS + 1] = {0};
	if (at == NULL || at[1] != ' ' || at[2] == '\0')
		return false;
	at += 3; // behind the state, field 3
	for (int field = PARENT; field <= RSS; field++) {
		char *end;
		values[field] = strtoll(at, &end, 10);
		if (end == at)
			return false;
		at = end;
	}
	static long tick, page;
	if (tick == 0) {
		tick = sysconf(_SC_CLK_TCK);
		page = sysconf(_SC_PAGESIZE) / 1024;
	}
	long long ticks = values[UTIME] + values[STIME] + values[CUTIME] + values[CSTIME];
	p->parent = (pid_t)values[PARENT];
	p->cpu_us = (uint64_t)ticks * 1000000 / (uint64_t)tick;
	p->memory_kib = values[RSS] * page;
	return true;
}

bool spore__os_processes(void (*fn)(void *arg, const struct spore__process *p), void *arg)
{
	DIR *proc = opendir("/proc");
	if (proc == NULL)
		return false;
	for (struct dirent *e; (e = readdir(proc)) != NULL;) {
		char path[32], text[1024];
		if (!isdigit((unsigned char)e->d_name[0]) ||
		    (size_t)snprintf(path, sizeof path, "%.20s/stat", e->d_name) >= sizeof path)
			continue;
		int fd = openat(dirfd(proc), path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		ssize_t n = read(fd, text, sizeof text - 1);
		close(fd);
		struct spore__process p = {.pid = (pid_t)atol(e->d_name)};
		text[n > 0 ? n : 0] = '\0';
		if (parse_stat(text, &p))
			fn(arg, &p);
	}
	closedir(proc);
	return true;
}
