#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/os.h"
#include "os/tree.h"

void spore__tree_init(struct spore__tree *t)
{
	*t = (struct spore__tree){.how = "group", .cgroup = -1, .entry = -1};
}

void spore__tree_finish(struct spore__tree *t)
{
	(void)t;
}

void spore__tree_without_cgroup(struct spore__tree *t)
{
	(void)t;
}

void spore__tree_renew(struct spore__tree *t)
{
	(void)t;
}

int spore__tree_limit(const struct spore__tree *t, enum spore__tree_limit what, int64_t value, char *why, size_t size)
{
	(void)t;
	(void)what;
	(void)value;
	(void)snprintf(why, size, "this platform has no control groups");
	return -1;
}

void spore__tree_nice(const struct spore__tree *t, int nice)
{
	(void)t;
	(void)nice;
}

void spore__tree_use(const struct spore__tree *t, struct spore__tree_use *use)
{
	(void)t;
	*use = (struct spore__tree_use){-1, -1, -1, -1, -1, -1, -1};
}

void spore__tree_use_of(const char *path, struct spore__tree_use *use)
{
	(void)path;
	*use = (struct spore__tree_use){-1, -1, -1, -1, -1, -1, -1};
}

const char *spore__tree_path(const struct spore__tree *t)
{
	(void)t;
	return "";
}

void spore__tree_leave(void)
{
}

void spore__tree_sweep(void)
{
}

bool spore__tree_is_empty(const struct spore__tree *t)
{
	return t->group <= 0 || (kill(-t->group, 0) != 0 && errno == ESRCH);
}

void spore__tree_signal(const struct spore__tree *t, int sig)
{
	if (t->group > 0)
		(void)kill(-t->group, sig);
}

void spore__tree_kill_known(const struct spore__tree *t)
{
	spore__tree_signal(t, SIGKILL);
}

bool spore__tree_kill(const struct spore__tree *t)
{
	spore__tree_signal(t, SIGKILL);
	return false;
}

void spore__tree_name(const struct spore__tree *t, char *out, size_t size)
{
	out[0] = '\0';
	if (!spore__tree_is_empty(t))
		(void)snprintf(out, size, "process group %ld", (long)t->group);
}

int spore__tree_start_outside(const char *const *argv, uint64_t open_files)
{
	pid_t child = fork();
	if (child == 0) {
		// Twice, so that it is nobody's child here.
		pid_t second = setsid() >= 0 ? fork() : -1;
		if (second != 0)
			_exit(second < 0 ? 1 : 0);
		int null = open("/dev/null", O_RDWR);
		for (int i = 0; i < 3; i++)
			(void)dup2(null, i);
		spore__os_close_from(3);
		if (open_files > 0)
			(void)spore__os_limit_open_files(open_files);
		(void)execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	int status = 1;
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (child > 0 && status != 0)
		errno = EAGAIN;
	return child > 0 && status == 0 ? 0 : -1;
}
