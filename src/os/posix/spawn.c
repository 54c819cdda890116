// fork and a pipe that closes when the program is executed: a byte on it is the errno of what failed before.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/child.h"
#include "os/os.h"

extern char **environ;

bool spore__os_can_confine(void)
{
	return false;
}

int spore__os_confine_self(const struct spore__confine *c)
{
	(void)c;
	errno = ENOTSUP;
	return -1;
}

bool spore__os_confines_signals(void)
{
	return false;
}

bool spore__os_can_pin(const struct spore__cpus *cpus)
{
	(void)cpus;
	return false;
}

static _Noreturn void child(const struct spore__spawn *s, const sigset_t *mask, int report)
{
	// The report must survive the placing of descriptors on 0, 1 and 2.
	int high = fcntl(report, F_DUPFD_CLOEXEC, 64);
	if (high >= 0)
		report = high;
	if (spore__os_child_setup(s, mask) == 0)
		(void)execve(s->argv[0], (char *const *)s->argv, s->envp != NULL ? (char *const *)s->envp : environ);
	int failure = errno;
	ssize_t n = write(report, &failure, sizeof failure);
	_exit(n < 0 ? 126 : 127);
}

int spore__os_spawn(const struct spore__spawn *s, pid_t *pid)
{
	int report[2];
	if (s->confine != NULL) {
		errno = ENOTSUP;
		return -1;
	}
	if (spore__os_pipe(report) != 0)
		return -1;
	sigset_t all, mask;
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &mask);
	pid_t id = fork();
	if (id == 0)
		child(s, &mask, report[1]);
	int saved = errno;
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	close(report[1]);
	int failure = 0;
	ssize_t n = -1;
	while (id > 0 && (n = read(report[0], &failure, sizeof failure)) < 0 && errno == EINTR)
		;
	close(report[0]);
	if (id < 0 || n == (ssize_t)sizeof failure) {
		if (id > 0)
			while (waitpid(id, NULL, 0) < 0 && errno == EINTR)
				;
		errno = id < 0 ? saved : failure;
		return -1;
	}
	*pid = id;
	return 0;
}

int spore__os_fork(const struct spore__spawn *s, pid_t *pid)
{
	sigset_t mask;
	if (s->confine != NULL) {
		errno = ENOTSUP;
		return -1;
	}
	(void)sigprocmask(SIG_BLOCK, NULL, &mask);
	pid_t child = fork();
	if (child == 0 && spore__os_child_setup(s, &mask) != 0)
		_exit(127);
	if (child < 0)
		return -1;
	*pid = child;
	return 0;
}

int spore__os_become(const struct spore__spawn *s)
{
	sigset_t mask;
	(void)sigprocmask(SIG_BLOCK, NULL, &mask);
	if (spore__os_child_setup(s, &mask) == 0)
		(void)execve(s->argv[0], (char *const *)s->argv, s->envp != NULL ? (char *const *)s->envp : environ);
	return -1;
}
