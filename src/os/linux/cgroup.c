#define _GNU_SOURCE
#include "os/linux/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char leaf_name[] = "spore-hold-";

// The file PATH as text. NULL with errno; malloc'ed.
static char *read_text(const char *path)
{
	enum { STEP = 4096, MOST = 1 << 20 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	char *text = NULL;
	if (fd < 0)
		return NULL;
	for (ssize_t n = 1; n > 0 && len < MOST;) {
		char *more = realloc(text, len + STEP + 1);
		if (more == NULL)
			break;
		text = more;
		n = read(fd, text + len, STEP);
		len += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	if (text != NULL)
		text[len] = '\0';
	return text;
}

// Where cgroup2 is mounted, into OUT: ID PARENT DEVICE ROOT MOUNT OPTIONS... - TYPE SOURCE OPTIONS. What is not mounted from its root
// shows less than /proc/self/cgroup speaks of.
static bool find_mount(char *out, size_t size)
{
	char *text = read_text("/proc/self/mountinfo"), *rest = NULL;
	bool found = false;
	for (char *line = text != NULL ? strtok_r(text, "\n", &rest) : NULL; line != NULL && !found;
	     line = strtok_r(NULL, "\n", &rest)) {
		char root[8], mount[256];
		const char *type = strstr(line, " - cgroup2 ");
		found = type != NULL && sscanf(line, "%*s %*s %*s %7s %255s", root, mount) == 2 &&
		        strcmp(root, "/") == 0 && strchr(mount, '\\') == NULL &&
		        (size_t)snprintf(out, size, "%s", mount) < size;
	}
	free(text);
	return found;
}

// The folder of the cgroup that this process is in, without the leaf of another hold, into OUT. *INSIDE: it is in one.
static bool find_base(char *out, size_t size, bool *inside)
{
	char mount[256];
	char *text = read_text("/proc/self/cgroup");
	char *own = text == NULL ? NULL : strncmp(text, "0::/", 4) == 0 ? text + 3 : strstr(text, "\n0::/");
	bool found = false;
	if (own != NULL && find_mount(mount, sizeof mount)) {
		own += own[0] == '\n' ? 4 : 0;
		own[strcspn(own, "\n")] = '\0';
		char *leaf = strstr(own, leaf_name);
		*inside = leaf != NULL && leaf > own && leaf[-1] == '/';
		if (*inside)
			leaf[-1] = '\0';
		found = (size_t)snprintf(out, size, "%s%s", mount, strcmp(own, "/") == 0 ? "" : own) < size;
	}
	free(text);
	return found;
}

static bool write_text(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = write(fd, text, strlen(text));
	close(fd);
	return n > 0;
}

static bool move_to(const char *base, long pid)
{
	char text[32];
	int dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(text, sizeof text, "%ld", pid);
	bool moved = dir >= 0 && write_text(dir, "cgroup.procs", text);
	if (dir >= 0)
		close(dir);
	return moved;
}

static char base_path[PATH_MAX - 64], leaf_path[PATH_MAX];

int spore__cgroup_make(int *entry)
{
	bool inside;
	if (!find_base(base_path, sizeof base_path, &inside) || (inside && !move_to(base_path, 0)))
		return -1;
	(void)snprintf(leaf_path, sizeof leaf_path, "%s/%s%ld", base_path, leaf_name, (long)getpid());
	// One that is there already was of a process with the same number, and is removed when it is empty.
	if (mkdir(leaf_path, 0700) != 0 && (errno != EEXIST || rmdir(leaf_path) != 0 || mkdir(leaf_path, 0700) != 0))
		return -1;
	int leaf = open(leaf_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*entry = leaf < 0 ? -1 : openat(leaf, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	// Linux before 5.14 has no cgroup.kill.
	if (*entry >= 0 && faccessat(leaf, "cgroup.kill", W_OK, 0) == 0)
		return leaf;
	if (*entry >= 0)
		close(*entry);
	if (leaf >= 0)
		close(leaf);
	spore__cgroup_remove();
	return -1;
}

void spore__cgroup_remove(void)
{
	if (leaf_path[0] != '\0')
		(void)rmdir(leaf_path);
	leaf_path[0] = '\0';
}

static void kill_leaf(int leaf)
{
	(void)write_text(leaf, "cgroup.kill", "1");
}

void spore__cgroup_kill(int leaf, bool (*exempt)(long pid))
{
	char text[4096];
	int fd = openat(leaf, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
	while (f != NULL && fgets(text, sizeof text, f) != NULL) {
		long pid = atol(text);
		if (pid > 0 && exempt(pid))
			(void)move_to(base_path, pid);
	}
	if (f != NULL)
		(void)fclose(f);
	else if (fd >= 0)
		close(fd);
	kill_leaf(leaf);
}

void spore__cgroup_leave(void)
{
	char base[PATH_MAX - 64];
	bool inside;
	if (find_base(base, sizeof base, &inside) && inside)
		(void)move_to(base, 0);
}

void spore__cgroup_sweep(void)
{
	char base[PATH_MAX - 64];
	struct stat st;
	bool inside;
	DIR *d = find_base(base, sizeof base, &inside) ? opendir(base) : NULL;
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		const size_t len = sizeof leaf_name - 1;
		long pid = strncmp(e->d_name, leaf_name, len) == 0 ? atol(e->d_name + len) : 0;
		if (pid <= 0 || kill((pid_t)pid, 0) == 0 || errno != ESRCH ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_uid != geteuid())
			continue;
		int leaf = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (leaf < 0)
			continue;
		kill_leaf(leaf);
		close(leaf);
		(void)unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR); // while somebody dies in it the next sweep does
	}
	if (d != NULL)
		closedir(d);
}
