// Where leaves can be made, and which controllers they get. The kernel's rule is that a cgroup with controllers for those below it has no
// processes of its own, so that a shell in the same cgroup keeps it from having any.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/linux/cgroup.h"

static const char *const names[SPORE__TREE_LIMITS] = {
    [SPORE__TREE_MEMORY] = "memory", [SPORE__TREE_PROCESSES] = "pids", [SPORE__TREE_CPU] = "cpu"};

enum { CLEAR_TRIES = 5 };

// The file NAME in the folder DIR, or the path NAME, as text. NULL with errno; malloc'ed.
static char *read_text(int dir, const char *name)
{
	enum { STEP = 4096, MOST = 1 << 20 };
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
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

bool spore__cgroup_write(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = write(fd, text, strlen(text));
	int saved = errno;
	close(fd);
	errno = saved;
	return n > 0;
}

static int open_folder(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool write_in(const char *folder, const char *name, const char *text)
{
	int dir = open_folder(folder);
	bool written = dir >= 0 && spore__cgroup_write(dir, name, text);
	int saved = errno;
	if (dir >= 0)
		close(dir);
	errno = saved;
	return written;
}

// Of the controllers in SET: why there are none. What was said first stays.
static void note(struct spore__cgroup_place *p, unsigned set, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void note(struct spore__cgroup_place *p, unsigned set, const char *fmt, ...)
{
	for (int i = 0; i < SPORE__TREE_LIMITS; i++) {
		va_list ap;
		if ((set & 1U << i) == 0 || p->why[i][0] != '\0')
			continue;
		va_start(ap, fmt);
		(void)vsnprintf(p->why[i], sizeof p->why[i], fmt, ap);
		va_end(ap);
	}
}

// As the kernel names it.
static const char *name_of(const struct spore__cgroup_place *p, const char *folder)
{
	const char *name = folder + strlen(p->mount);
	return *name != '\0' ? name : "/";
}

// ---- where this process is

// Where cgroup2 is mounted, and which cgroup is seen there, into P->mount and ROOT: ID PARENT DEVICE ROOT MOUNT OPTIONS... - TYPE ...
static bool find_mount(struct spore__cgroup_place *p, char root[256])
{
	char *text = read_text(AT_FDCWD, "/proc/self/mountinfo"), *rest = NULL;
	bool found = false;
	for (char *line = text != NULL ? strtok_r(text, "\n", &rest) : NULL; line != NULL && !found;
	     line = strtok_r(NULL, "\n", &rest)) {
		const char *type = strstr(line, " - cgroup2 ");
		found = type != NULL && sscanf(line, "%*s %*s %*s %255s %255s", root, p->mount) == 2 &&
		        strchr(p->mount, '\\') == NULL && strchr(root, '\\') == NULL && strstr(root, "/..") == NULL;
	}
	free(text);
	if (found && strcmp(root, "/") == 0)
		root[0] = '\0';
	return found;
}

// The line ID:CONTROLLERS:PATH without controllers is of v2; *V1 are those of the others.
static char *own_line(char *text, unsigned *v1)
{
	char *own = NULL, *rest = NULL;
	*v1 = 0;
	for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		char *list = strchr(line, ':'), *path = list != NULL ? strchr(list + 1, ':') : NULL, *more = NULL;
		if (path == NULL)
			continue;
		*path++ = '\0';
		if (list[1] == '\0')
			own = path;
		for (char *word = strtok_r(list + 1, ",", &more); word != NULL; word = strtok_r(NULL, ",", &more))
			for (unsigned i = 0; i < SPORE__TREE_LIMITS; i++)
				*v1 |= strcmp(word, names[i]) == 0 ? 1U << i : 0;
	}
	return own;
}

// Cuts off what spore has made below a base.
static void strip(struct spore__cgroup_place *p)
{
	static const char *const made[] = {"/" SPORE__CGROUP_TASKS, "/" SPORE__CGROUP_SELF, "/" SPORE__CGROUP_LEAF};
	for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
		char *at = strstr(p->own, made[i]);
		const char *end = at != NULL ? at + strlen(made[i]) : NULL;
		if (at == NULL || (i < 2 && *end != '/' && *end != '\0'))
			continue;
		p->inside = p->inside || i != 1;
		*at = '\0';
	}
}

bool spore__cgroup_where(struct spore__cgroup_place *p)
{
	char root[256];
	*p = (struct spore__cgroup_place){.mount = ""};
	char *text = read_text(AT_FDCWD, "/proc/self/cgroup");
	const char *own = text != NULL ? own_line(text, &p->v1) : NULL;
	if (own == NULL || !find_mount(p, root)) {
		note(p, SPORE__CGROUP_ALL, "there is no cgroup v2");
		free(text);
		return false;
	}
	size_t len = strlen(root);
	bool seen = strncmp(own, root, len) == 0 && (own[len] == '/' || own[len] == '\0');
	const char *below = strcmp(own + (seen ? len : 0), "/") == 0 ? "" : own + (seen ? len : 0);
	seen = seen && strstr(own, "/..") == NULL &&
	       (size_t)snprintf(p->own, sizeof p->own, "%s%s", p->mount, below) < sizeof p->own;
	if (!seen)
		note(p, SPORE__CGROUP_ALL, "the cgroup %.100s is not seen below %s", own, p->mount);
	else
		strip(p);
	free(text);
	p->systemd = access("/run/systemd/system", F_OK) == 0;
	// What is root's belongs to the service manager; what is an ordinary user's was given to that user.
	p->climb = geteuid() != 0 || !p->systemd;
	return seen;
}

bool spore__cgroup_up(const struct spore__cgroup_place *p, char *folder)
{
	if (strlen(folder) <= strlen(p->mount))
		return false;
	*strrchr(folder, '/') = '\0';
	return true;
}

// ---- controllers

static unsigned read_set(const char *folder, const char *name)
{
	unsigned set = 0;
	char *rest = NULL;
	int dir = open_folder(folder);
	char *text = dir >= 0 ? read_text(dir, name) : NULL;
	for (char *word = text != NULL ? strtok_r(text, " +\n", &rest) : NULL; word != NULL;
	     word = strtok_r(NULL, " +\n", &rest))
		for (unsigned i = 0; i < SPORE__TREE_LIMITS; i++)
			set |= strcmp(word, names[i]) == 0 ? 1U << i : 0;
	free(text);
	if (dir >= 0)
		close(dir);
	return set;
}

// Moves PID from FOLDER beside the leaves.
static bool move_aside(const char *folder, long pid)
{
	char self[PATH_MAX], text[32];
	(void)snprintf(self, sizeof self, "%s/" SPORE__CGROUP_SELF, folder);
	(void)snprintf(text, sizeof text, "%ld", pid);
	return (mkdir(self, 0700) == 0 || errno == EEXIST) && write_in(self, "cgroup.procs", text);
}

static void name_process(long pid, char *out, size_t size)
{
	char path[48];
	(void)snprintf(path, sizeof path, "/proc/%ld/comm", pid);
	char *text = read_text(AT_FDCWD, path);
	if (text != NULL)
		text[strcspn(text, "\n")] = '\0';
	(void)snprintf(out, size, "%ld %.32s", pid, text != NULL ? text : "of another namespace");
	free(text);
}

// Moves what is spore's out of FOLDER, if nobody else is in it. False: somebody is. MOVED: there may be more of it by now.
static bool clear_out(struct spore__cgroup_place *p, const char *folder, bool (*own)(long pid), bool *moved)
{
	int dir = open_folder(folder);
	char *text = dir >= 0 ? read_text(dir, "cgroup.procs") : NULL, *at = text;
	bool all = text != NULL;
	for (long pid; all && *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n') {
		pid = strtol(at, NULL, 10);
		if (pid > 0 && own(pid))
			continue;
		char process[64];
		name_process(pid, process, sizeof process);
		note(p, SPORE__CGROUP_ALL, "other processes are in the cgroup %.80s (%s)", name_of(p, folder), process);
		all = false;
	}
	*moved = all && *text != '\0';
	for (at = text; all && *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n')
		(void)move_aside(folder, strtol(at, NULL, 10));
	free(text);
	if (dir >= 0)
		close(dir);
	return all;
}

static bool turn_on(struct spore__cgroup_place *p, const char *folder, unsigned which)
{
	char text[16];
	(void)snprintf(text, sizeof text, "+%s", names[which]);
	if (write_in(folder, "cgroup.subtree_control", text))
		return true;
	note(p, 1U << which, "the controller cannot be had in the cgroup %.100s: %s", name_of(p, folder),
	     strerror(errno));
	return false;
}

// May those below it have controllers? In a cgroup that has processes some of these can be turned on, but are of no use to anybody. All
// this is not so for the root of all, which alone has no type.
static bool may_have(struct spore__cgroup_place *p, const char *folder, bool (*own)(long pid))
{
	char type[PATH_MAX];
	bool moved = true;
	(void)snprintf(type, sizeof type, "%s/cgroup.type", folder);
	if (access(type, F_OK) != 0)
		return true;
	for (int i = 0; moved && i < CLEAR_TRIES; i++)
		if (!clear_out(p, folder, own, &moved))
			return false;
	return true;
}

// Gives those below FOLDER what is WANTED, asking above for what it has not got itself. WHOLE: all of it or, as far as that is known
// beforehand, nothing. What they then have.
static unsigned enable(struct spore__cgroup_place *p, const char *folder, unsigned wanted, bool whole,
                       bool (*own)(long pid))
{
	unsigned have = read_set(folder, "cgroup.subtree_control"), given = have;
	if ((wanted & ~have) != 0)
		given = read_set(folder, "cgroup.controllers");
	if ((wanted & ~given) != 0 && p->climb) {
		char above[SPORE__CGROUP_PATH];
		memcpy(above, folder, strlen(folder) + 1);
		if (spore__cgroup_up(p, above)) {
			(void)enable(p, above, wanted & ~given, whole, own);
			given = read_set(folder, "cgroup.controllers");
		}
	}
	const unsigned missing = wanted & given & ~have;
	bool good = true;
	if (missing == 0 || !may_have(p, folder, own))
		return have & wanted;
	for (unsigned i = 0; i < SPORE__TREE_LIMITS && (good || !whole); i++)
		if ((missing & 1U << i) != 0)
			good = turn_on(p, folder, i);
	return read_set(folder, "cgroup.subtree_control") & wanted;
}

// ---- the base

// May leaves be made in FOLDER, and processes moved below it?
static bool is_ours(const char *folder)
{
	int dir = open_folder(folder);
	bool ours = dir >= 0 && faccessat(dir, ".", W_OK, AT_EACCESS) == 0 &&
	            faccessat(dir, "cgroup.procs", W_OK, AT_EACCESS) == 0;
	int saved = errno;
	if (dir >= 0)
		close(dir);
	errno = saved;
	return ours;
}

// The folder for leaves, with what the base gives.
static bool make_tasks(struct spore__cgroup_place *p, const char *base, unsigned set, bool (*own)(long pid))
{
	char tasks[PATH_MAX];
	(void)snprintf(tasks, sizeof tasks, "%s/" SPORE__CGROUP_TASKS, base);
	if (mkdir(tasks, 0700) != 0 && errno != EEXIST) {
		note(p, SPORE__CGROUP_ALL, "no cgroup can be made in %.100s: %s", name_of(p, base), strerror(errno));
		return false;
	}
	struct spore__cgroup_place alone = *p;
	alone.climb = false;
	p->controllers = set == 0 ? 0 : enable(&alone, tasks, set, false, own);
	memcpy(p->why, alone.why, sizeof p->why);
	(void)snprintf(p->base, sizeof p->base, "%s", base);
	return true;
}

static void not_ours(struct spore__cgroup_place *p)
{
	if (errno == EROFS)
		note(p, SPORE__CGROUP_ALL, "the cgroups are mounted read-only");
	else if (p->systemd)
		note(p, SPORE__CGROUP_ALL,
		     "the cgroup %.60s is not this user's; `systemd-run --user --scope -p Delegate=yes spore node "
		     "restart` gives the node one",
		     name_of(p, p->own));
	else
		note(p, SPORE__CGROUP_ALL, "the cgroup %.100s is not this user's", name_of(p, p->own));
}

// All that may be had: what the highest cgroup of this user's has got. Says of others why not.
static unsigned reachable(struct spore__cgroup_place *p)
{
	char top[SPORE__CGROUP_PATH], above[SPORE__CGROUP_PATH];
	memcpy(top, p->own, sizeof top);
	memcpy(above, p->own, sizeof above);
	while (p->climb && spore__cgroup_up(p, above) && is_ours(above))
		memcpy(top, above, sizeof top);
	unsigned all = read_set(top, "cgroup.controllers");
	note(p, SPORE__CGROUP_ALL & ~all & p->v1, "cgroup v1 has its controller on this machine");
	if (strcmp(top, p->mount) == 0)
		note(p, SPORE__CGROUP_ALL & ~all, "there is no such controller on this machine");
	else
		note(p, SPORE__CGROUP_ALL & ~all, "the cgroup %.100s was not given the controller", name_of(p, top));
	return all;
}

void spore__cgroup_choose(struct spore__cgroup_place *p, bool (*own)(long pid))
{
	char folder[SPORE__CGROUP_PATH];
	p->base[0] = '\0';
	p->controllers = 0;
	if (!is_ours(p->own)) {
		not_ours(p);
		return;
	}
	const unsigned all = reachable(p);
	for (int whole = 1; whole >= 0 && all != 0; whole--) {
		memcpy(folder, p->own, sizeof folder);
		do {
			unsigned set = enable(p, folder, all, whole, own);
			if (set == all || (!whole && set != 0)) {
				if (make_tasks(p, folder, set, own))
					return;
				break;
			}
		} while (p->climb && spore__cgroup_up(p, folder) && is_ours(folder));
	}
	(void)make_tasks(p, p->own, 0, own);
}

bool spore__cgroup_put_outside(const struct spore__cgroup_place *p, long pid)
{
	char text[32];
	const char *base = p->base[0] != '\0' ? p->base : p->own;
	(void)snprintf(text, sizeof text, "%ld", pid);
	return write_in(base, "cgroup.procs", text) || move_aside(base, pid);
}
