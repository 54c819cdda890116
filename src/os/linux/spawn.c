// vfork: the child borrows the caller's memory until it executes, so starting costs the same from a large process as
// from a small one, and the errno of a failed exec needs no pipe. https://man7.org/linux/man-pages/man2/vfork.2.html
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/child.h"
#include "os/linux/confine.h"
#include "os/os.h"

extern char **environ;

enum {
	IOPRIO_WHO_PROCESS = 1,
	IOPRIO_IDLE = 3 << 13, // IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)
};

bool spore__os_can_pin(const struct spore__cpus *cpus)
{
	struct spore__cpus mine = {0};
	if (syscall(__NR_sched_getaffinity, 0, sizeof mine, &mine) < 0)
		return false;
	for (size_t i = 0; i < sizeof mine.bits / sizeof mine.bits[0]; i++)
		if ((mine.bits[i] & cpus->bits[i]) != 0)
			return true;
	return false;
}

static int prepare_child(const struct spore__spawn *s, const sigset_t *mask, int ruleset, pid_t parent)
{
	if (s->die_with_parent) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
			return -1;
		if (getppid() != parent)
			_exit(127);
	}
	if (s->cgroup > 0 && write(s->cgroup, "0", 1) != 1) {
		errno = EXDEV; // which nothing else says
		return -1;
	}
	if (s->idle_io)
		(void)syscall(__NR_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE);
	if (s->cpus != NULL && syscall(__NR_sched_setaffinity, 0, sizeof *s->cpus, s->cpus) != 0)
		return -1;
	if (spore__os_child_setup(s, mask) != 0)
		return -1;
	return ruleset < 0 ? 0 : spore__os_confine_apply(ruleset, s->confine);
}

int spore__os_spawn(const struct spore__spawn *s, pid_t *pid)
{
	const int ruleset = s->confine != NULL ? spore__os_confine_prepare(s->confine) : -1;
	if (s->confine != NULL && ruleset < 0)
		return -1;
	char *const *envp = s->envp != NULL ? (char *const *)s->envp : environ;
	pid_t parent = getpid();
	volatile int failure = 0; // written by the child, in this very memory
	sigset_t all, mask;
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &mask);
	pid_t child = vfork();
	if (child == 0) {
		if (prepare_child(s, &mask, ruleset, parent) == 0)
			(void)execve(s->argv[0], (char *const *)s->argv, envp);
		failure = errno;
		_exit(127);
	}
	int saved = child < 0 ? errno : failure;
	if (child > 0 && failure != 0)
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	if (ruleset >= 0)
		close(ruleset);
	errno = saved;
	if (child < 0 || saved != 0)
		return -1;
	*pid = child;
	return 0;
}

int spore__os_fork(const struct spore__spawn *s, pid_t *pid)
{
	const int ruleset = s->confine != NULL ? spore__os_confine_prepare(s->confine) : -1;
	if (s->confine != NULL && ruleset < 0)
		return -1;
	pid_t parent = getpid();
	sigset_t mask;
	(void)sigprocmask(SIG_BLOCK, NULL, &mask);
	pid_t child = fork();
	if (child == 0 && prepare_child(s, &mask, ruleset, parent) != 0)
		_exit(127);
	int saved = errno;
	if (ruleset >= 0)
		close(ruleset);
	errno = saved;
	if (child < 0)
		return -1;
	*pid = child;
	return 0;
}

int spore__os_become(const struct spore__spawn *s)
{
	const int ruleset = s->confine != NULL ? spore__os_confine_prepare(s->confine) : -1;
	sigset_t mask;
	if (s->confine != NULL && ruleset < 0)
		return -1;
	(void)sigprocmask(SIG_BLOCK, NULL, &mask);
	if (prepare_child(s, &mask, ruleset, getppid()) == 0)
		(void)execve(s->argv[0], (char *const *)s->argv, s->envp != NULL ? (char *const *)s->envp : environ);
	return -1;
}
