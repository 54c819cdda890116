// The hold's descendants by the parents that /proc tells. Those of a process that died have become children of the nearest living
// subreaper, the hold, so nobody is ever out of sight.
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os/linux/cgroup.h"
#include "os/os.h"
#include "os/tree.h"

enum {
	FREEZE_ROUNDS = 4, // three find whatever does not run away
	CHASE_MS = 10,
	CHASED = 16, // of the newest processes
	STAT = 512,  // bytes of /proc/PID/stat that are read: name, state and parent
};

struct process {
	pid_t pid, parent;
	char name[16];
	bool alive, below, frozen;
};

struct processes {
	struct process *items; // by pid
	size_t count, cap;
};

static bool stays(long pid);
static bool is_own(long pid);
static bool is_hold(long pid);
static const char *program_of(long pid, char exe[PATH_MAX]);

void spore__tree_init(struct spore__tree *t)
{
	bool kills;
	*t = (struct spore__tree){.how = "group", .cgroup = -1, .entry = -1};
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) == 0) {
		t->how = "subreaper";
		t->told = true;
	}
	if (getenv("SPORE_NO_CGROUP") != NULL)
		return;
	t->cgroup = spore__cgroup_make(&t->entry, &kills, is_own);
	if (t->cgroup >= 0 && kills)
		t->how = "cgroup";
}

static void close_cgroup(struct spore__tree *t)
{
	if (t->cgroup >= 0)
		close(t->cgroup);
	if (t->entry >= 0)
		close(t->entry);
	t->cgroup = t->entry = -1;
}

void spore__tree_without_cgroup(struct spore__tree *t)
{
	if (t->cgroup < 0)
		return;
	close_cgroup(t);
	t->how = t->told ? "subreaper" : "group";
	spore__cgroup_remove();
}

void spore__tree_renew(struct spore__tree *t)
{
	if (t->cgroup >= 0)
		spore__cgroup_kill(t->cgroup, stays); // who came in from elsewhere: `spore exec`
	int entry, leaf = t->cgroup >= 0 ? spore__cgroup_make_anew(&entry) : -1;
	if (leaf < 0) {
		spore__tree_without_cgroup(t);
		return;
	}
	close_cgroup(t);
	t->cgroup = leaf;
	t->entry = entry;
}

int spore__tree_limit(const struct spore__tree *t, enum spore__tree_limit what, int64_t value, char *why, size_t size)
{
	if (t->cgroup >= 0 && spore__cgroup_limit(t->cgroup, what, value) == 0)
		return 0;
	const char *told = spore__cgroup_why(what);
	if (told[0] != '\0')
		(void)snprintf(why, size, "%s", told);
	else if (t->cgroup < 0)
		(void)snprintf(why, size, "there is no control group for it");
	else
		(void)snprintf(why, size, "its control group does not take it: %s", strerror(errno));
	return -1;
}

void spore__tree_nice(const struct spore__tree *t, int nice)
{
	char text[16];
	(void)snprintf(text, sizeof text, "%d", nice);
	if (t->cgroup >= 0)
		(void)spore__cgroup_write(t->cgroup, "cpu.weight.nice", text);
}

void spore__tree_use(const struct spore__tree *t, struct spore__tree_use *use)
{
	spore__cgroup_use(t->cgroup, use);
}

void spore__tree_use_of(const char *path, struct spore__tree_use *use)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	spore__cgroup_use(dir, use);
	if (dir >= 0)
		close(dir);
}

const char *spore__tree_path(const struct spore__tree *t)
{
	return t->cgroup >= 0 ? spore__cgroup_path() : "";
}

void spore__tree_finish(struct spore__tree *t)
{
	if (t->cgroup >= 0)
		spore__cgroup_kill(t->cgroup, stays);
	spore__tree_without_cgroup(t);
}

void spore__tree_leave(void)
{
	spore__cgroup_leave(is_own);
}

void spore__tree_sweep(void)
{
	char exe[PATH_MAX];
	if (program_of(getpid(), exe)[0] != '\0') // else nobody can be told from a hold
		spore__cgroup_sweep(is_hold);
}

// Reads what is needed of the folder PROC of a process. False when it is gone.
static bool look_at(int proc, struct process *p)
{
	char text[STAT];
	int fd = openat(proc, "stat", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t len = read(fd, text, sizeof text - 1);
	close(fd);
	if (len <= 0)
		return false;
	text[len] = '\0';
	// PID (NAME) STATE PARENT; the name may hold anything, so its end is the last bracket.
	const char *name = strchr(text, '('), *end = strrchr(text, ')');
	char state;
	int parent;
	long threads;
	if (name == NULL || end == NULL || end < name ||
	    sscanf(end + 1, " %c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %ld", &state, &parent,
	           &threads) != 3)
		return false;
	size_t n = (size_t)(end - name - 1);
	n = n < sizeof p->name ? n : sizeof p->name - 1;
	memcpy(p->name, name + 1, n);
	p->name[n] = '\0';
	p->parent = (pid_t)parent;
	// The first thread may have ended before the others.
	p->alive = (state != 'Z' && state != 'X') || threads > 1;
	return true;
}

static int open_process(pid_t pid)
{
	char path[32];
	(void)snprintf(path, sizeof path, "/proc/%ld", (long)pid);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

// The base name of the program of a process, "" when that cannot be told.
static const char *program_of(long pid, char exe[PATH_MAX])
{
	char path[32];
	(void)snprintf(path, sizeof path, "/proc/%ld/exe", pid);
	ssize_t len = readlink(path, exe, PATH_MAX - 1);
	if (len <= 0)
		return "";
	exe[len] = '\0';
	const char *base = strrchr(exe, '/');
	return base != NULL ? base + 1 : "";
}

static bool is_program(const char *base, const char *const *programs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t n = strlen(programs[i]);
		if (strncmp(base, programs[i], n) == 0 && (base[n] == '\0' || base[n] == ' '))
			return true; // the space: " (deleted)" after it was replaced
	}
	return false;
}

// Other holds and the node, and what carries the bytes of ports.
static bool is_exempt(pid_t pid)
{
	static const char *const programs[] = {"spore-node", "spore-hold", "spore-pump"};
	char exe[PATH_MAX];
	return is_program(program_of(pid, exe), programs, sizeof programs / sizeof programs[0]);
}

// One that lives: who dies loses its program before its descriptors are closed, which is what others see of it.
static bool is_hold(long pid)
{
	static const char *const programs[] = {"spore-hold"};
	char exe[PATH_MAX];
	errno = 0;
	// What may not be looked at lives: a node in another user namespace must not end the tasks of those outside.
	return is_program(program_of(pid, exe), programs, 1) || errno == EACCES;
}

// Those that may be moved to another cgroup. The client may have just started the node, in the same one.
static bool is_own(long pid)
{
	static const char *const programs[] = {"spore-node", "spore-hold", "spore-pump", "spore", "spore-system"};
	char exe[PATH_MAX];
	return is_program(program_of(pid, exe), programs, sizeof programs / sizeof programs[0]);
}

static bool add(struct processes *all, const struct process *p)
{
	if (all->count == all->cap) {
		size_t cap = all->cap == 0 ? 256 : all->cap * 2;
		struct process *items = realloc(all->items, cap * sizeof *items);
		if (items == NULL)
			return false;
		all->items = items;
		all->cap = cap;
	}
	all->items[all->count++] = *p;
	return true;
}

static int by_pid(const void *a, const void *b)
{
	pid_t x = ((const struct process *)a)->pid, y = ((const struct process *)b)->pid;
	return (x > y) - (x < y);
}

static struct process *find(const struct processes *all, pid_t pid)
{
	struct process key = {.pid = pid};
	return all->count == 0 ? NULL : bsearch(&key, all->items, all->count, sizeof key, by_pid);
}

// Marks who is below this process.
static void mark(struct processes *all)
{
	const pid_t self = getpid();
	qsort(all->items, all->count, sizeof *all->items, by_pid);
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < all->count; i++) {
			struct process *p = &all->items[i];
			const struct process *parent = p->below || p->parent == self ? NULL : find(all, p->parent);
			if (p->below || (p->parent != self && (parent == NULL || !parent->below)) || is_exempt(p->pid))
				continue;
			p->below = true;
			more = true;
		}
	}
}

// False: not all could be seen, for want of memory or descriptors. Those found can be dealt with all the same.
static bool scan(struct processes *all)
{
	bool whole = true;
	all->count = 0;
	DIR *proc = opendir("/proc");
	if (proc == NULL)
		return false;
	for (struct dirent *e; (e = readdir(proc)) != NULL;) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		struct process p = {.pid = (pid_t)atol(e->d_name)};
		int fd = openat(dirfd(proc), e->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		bool there = fd >= 0 && look_at(fd, &p);
		whole &= fd >= 0 || (errno != EMFILE && errno != ENFILE && errno != ENOMEM);
		if (fd >= 0)
			close(fd);
		if (!there || add(all, &p))
			continue;
		whole = false;
		break;
	}
	closedir(proc);
	mark(all);
	return whole;
}

// A signal for this process and no other that has got its number since: the opened folder stands for it.
static void send_to(const struct process *p, int sig)
{
	struct process now;
	int fd = open_process(p->pid);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			(void)kill(p->pid, sig);
		return;
	}
	if (look_at(fd, &now) && (now.parent == p->parent || now.parent == getpid()) &&
	    syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) != 0 && errno == ENOSYS)
		(void)kill(p->pid, sig);
	close(fd);
}

static bool has_children(void)
{
	siginfo_t info;
	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

// Only the children count: who is further below has one of them above. One that runs away by forking cannot be overlooked, since a child
// stays in its place, dead or alive, until the caller reaps it.
bool spore__tree_is_empty(const struct spore__tree *t)
{
	(void)t;
	if (!has_children())
		return true;
	struct processes all = {0};
	bool empty = scan(&all);
	for (size_t i = 0; i < all.count && empty; i++)
		empty = all.items[i].parent != getpid() || !all.items[i].below;
	free(all.items);
	return empty;
}

void spore__tree_signal(const struct spore__tree *t, int sig)
{
	(void)t;
	if (!has_children())
		return;
	struct processes all = {0};
	(void)scan(&all);
	for (size_t i = 0; i < all.count; i++)
		if (all.items[i].below && all.items[i].alive)
			send_to(&all.items[i], sig);
	free(all.items);
}

// Stops what is new since BEFORE. True when there was something.
static bool freeze(struct processes *all, const struct processes *before)
{
	bool news = false;
	for (size_t i = 0; i < all->count; i++) {
		struct process *p = &all->items[i];
		const struct process *old = find(before, p->pid);
		if (!p->below || !p->alive)
			continue;
		p->frozen = old != NULL && old->frozen;
		if (p->frozen)
			continue;
		send_to(p, SIGSTOP);
		p->frozen = news = true;
	}
	return news;
}

// ---- those that run away: a new process all the time, the old one ending at once

// The process number given last.
static pid_t last_number(int loadavg)
{
	char text[128];
	ssize_t len = pread(loadavg, text, sizeof text - 1, 0);
	if (len <= 0)
		return 0;
	text[len] = '\0';
	const char *space = strrchr(text, ' ');
	return space != NULL ? (pid_t)atol(space + 1) : 0;
}

// PID when it is a child, or a child of one.
static void kill_if_near(pid_t pid)
{
	struct process p = {.pid = pid}, parent;
	int fd = open_process(pid);
	bool there = fd >= 0 && look_at(fd, &p) && p.alive;
	if (fd >= 0)
		close(fd);
	if (!there)
		return;
	parent.pid = p.parent;
	if (p.parent != getpid()) {
		fd = open_process(p.parent);
		there = fd >= 0 && look_at(fd, &parent) && parent.parent == getpid() && !is_exempt(parent.pid);
		if (fd >= 0)
			close(fd);
	}
	if (there && !is_exempt(pid))
		send_to(&p, SIGKILL);
}

// No look through all processes is quick enough for them. But they are among the newest.
static void chase(void)
{
	int loadavg = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	struct timespec t;
	if (loadavg < 0 || clock_gettime(CLOCK_MONOTONIC, &t) != 0) {
		if (loadavg >= 0)
			close(loadavg);
		return;
	}
	const int64_t end = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + CHASE_MS;
	while (clock_gettime(CLOCK_MONOTONIC, &t) == 0 && (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 < end) {
		pid_t last = last_number(loadavg);
		for (pid_t pid = last; pid > 1 && pid > last - CHASED; pid--)
			kill_if_near(pid);
	}
	close(loadavg);
}

static bool stays(long pid)
{
	return is_exempt((pid_t)pid);
}

void spore__tree_kill_known(const struct spore__tree *t)
{
	if (t->cgroup >= 0)
		spore__cgroup_kill(t->cgroup, stays);
	if (t->group > 0)
		(void)kill(-t->group, SIGKILL);
}

bool spore__tree_kill(const struct spore__tree *t)
{
	struct processes now = {0}, before = {0};
	spore__tree_kill_known(t);
	bool news = has_children();
	for (int round = 0; news && round < FREEZE_ROUNDS; round++) {
		struct processes swap = before;
		before = now;
		now = swap;
		(void)scan(&now);
		news = freeze(&now, &before);
	}
	for (size_t i = 0; i < now.count; i++)
		if (now.items[i].below && now.items[i].alive)
			send_to(&now.items[i], SIGKILL);
	free(now.items);
	free(before.items);
	if (news)
		chase();
	return news;
}

void spore__tree_name(const struct spore__tree *t, char *out, size_t size)
{
	(void)t;
	struct processes all = {0};
	size_t len = 0;
	out[0] = '\0';
	(void)scan(&all);
	for (size_t i = 0; i < all.count && len < size; i++) {
		const struct process *p = &all.items[i];
		if (p->below && p->alive)
			len += (size_t)snprintf(out + len, size - len, "%s%ld %s", len > 0 ? ", " : "", (long)p->pid,
			                        p->name);
	}
	free(all.items);
}

int spore__tree_start_outside(const char *const *argv, uint64_t open_files)
{
	// A sibling: what forks away from it becomes a child of whoever is above the hold, never of the hold.
	long child = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
	if (child != 0)
		return child > 0 ? 0 : -1;
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int sig = 1; sig < 32; sig++)
		(void)signal(sig, SIG_DFL);
	int null = open("/dev/null", O_RDWR);
	for (int i = 0; i < 3; i++)
		(void)dup2(null, i);
	spore__os_close_from(3);
	if (open_files > 0)
		(void)spore__os_limit_open_files(open_files);
	(void)execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}
