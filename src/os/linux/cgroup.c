#define _GNU_SOURCE
#include "os/linux/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	MAKE_TRIES = 5,
	REMOVE_TRIES = 20
}; // MAKE_TRIES: the last hold of a user removes the folder in which another is about to make its leaf

static struct spore__cgroup_place place;
static char leaf_path[PATH_MAX];

const char *spore__cgroup_path(void)
{
	return leaf_path;
}

const char *spore__cgroup_why(enum spore__tree_limit what)
{
	return place.why[what];
}

// -1 with errno.
static int make_leaf(int *entry)
{
	*entry = -1;
	// One that is there already was of a process with the same number, and is removed when it is empty.
	if (mkdir(leaf_path, 0700) != 0 && (errno != EEXIST || rmdir(leaf_path) != 0 || mkdir(leaf_path, 0700) != 0))
		return -1;
	int leaf = open(leaf_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*entry = leaf < 0 ? -1 : openat(leaf, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (*entry >= 0)
		return leaf;
	int saved = errno;
	if (leaf >= 0)
		close(leaf);
	(void)rmdir(leaf_path);
	errno = saved;
	return -1;
}

int spore__cgroup_make(int *entry, bool *kills, bool (*own)(long pid))
{
	int leaf = -1;
	*kills = false;
	errno = ENOENT;
	if (!spore__cgroup_where(&place))
		return -1;
	for (int i = 0; leaf < 0 && errno == ENOENT && i < MAKE_TRIES; i++) {
		spore__cgroup_choose(&place, own);
		if (place.base[0] == '\0' || (place.inside && !spore__cgroup_put_outside(&place, 0)))
			return -1;
		(void)snprintf(leaf_path, sizeof leaf_path, "%s/" SPORE__CGROUP_TASKS "/" SPORE__CGROUP_LEAF "%ld",
		               place.base, (long)getpid());
		leaf = make_leaf(entry);
	}
	*kills = leaf >= 0 && faccessat(leaf, "cgroup.kill", W_OK, 0) == 0;
	if (leaf >= 0 && (*kills || place.controllers != 0))
		return leaf;
	if (leaf >= 0) {
		close(*entry);
		close(leaf);
	}
	spore__cgroup_remove();
	return -1;
}

// Somebody may be dying in it. What takes longer is left to the next sweep.
static bool remove_leaf(int dir, const char *name)
{
	for (int i = 0; unlinkat(dir, name, AT_REMOVEDIR) != 0; i++) {
		if (errno != EBUSY || i == REMOVE_TRIES)
			return false;
		(void)nanosleep(&(const struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return true;
}

int spore__cgroup_make_anew(int *entry)
{
	*entry = -1;
	return remove_leaf(AT_FDCWD, leaf_path) ? make_leaf(entry) : -1;
}

void spore__cgroup_remove(void)
{
	if (leaf_path[0] == '\0')
		return;
	(void)remove_leaf(AT_FDCWD, leaf_path);
	*strrchr(leaf_path, '/') = '\0';
	(void)rmdir(leaf_path); // when it was the last
	leaf_path[0] = '\0';
}

// Calls FN for each process in LEAF.
static void each_process(int leaf, void (*fn)(long pid, bool (*exempt)(long pid)), bool (*exempt)(long pid))
{
	char text[64];
	int fd = openat(leaf, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
	while (f != NULL && fgets(text, sizeof text, f) != NULL) {
		long pid = atol(text);
		if (pid > 0)
			fn(pid, exempt);
	}
	if (f != NULL)
		(void)fclose(f);
	else if (fd >= 0)
		close(fd);
}

static void end(long pid, bool (*exempt)(long pid))
{
	(void)exempt;
	(void)kill((pid_t)pid, SIGKILL);
}

static void kill_leaf(int leaf)
{
	if (!spore__cgroup_write(leaf, "cgroup.kill", "1") && errno == ENOENT)
		each_process(leaf, end, NULL);
}

static void spare(long pid, bool (*exempt)(long pid))
{
	if (exempt(pid))
		(void)spore__cgroup_put_outside(&place, pid);
}

void spore__cgroup_kill(int leaf, bool (*exempt)(long pid))
{
	each_process(leaf, spare, exempt);
	kill_leaf(leaf);
}

void spore__cgroup_leave(bool (*own)(long pid))
{
	if (!spore__cgroup_where(&place))
		return;
	spore__cgroup_choose(&place, own);
	if (place.inside)
		(void)spore__cgroup_put_outside(&place, 0);
}

static void sweep_in(const char *tasks, bool (*lives)(long pid))
{
	struct stat st;
	DIR *d = opendir(tasks);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		const size_t len = sizeof SPORE__CGROUP_LEAF - 1;
		long pid = strncmp(e->d_name, SPORE__CGROUP_LEAF, len) == 0 ? atol(e->d_name + len) : 0;
		if (pid <= 0 || lives(pid) || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    st.st_uid != geteuid())
			continue;
		int leaf = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (leaf < 0)
			continue;
		kill_leaf(leaf);
		close(leaf);
		(void)remove_leaf(dirfd(d), e->d_name);
	}
	if (d != NULL)
		closedir(d);
	(void)rmdir(tasks);
}

// The base of a hold may have been any of those above: it depends on who was in them.
void spore__cgroup_sweep(bool (*lives)(long pid))
{
	struct spore__cgroup_place here;
	char folder[SPORE__CGROUP_PATH], tasks[PATH_MAX];
	if (!spore__cgroup_where(&here))
		return;
	memcpy(folder, here.own, sizeof folder);
	do {
		(void)snprintf(tasks, sizeof tasks, "%s/" SPORE__CGROUP_TASKS, folder);
		sweep_in(tasks, lives);
		(void)snprintf(tasks, sizeof tasks, "%s/" SPORE__CGROUP_SELF, folder);
		(void)rmdir(tasks);
	} while (spore__cgroup_up(&here, folder));
}
