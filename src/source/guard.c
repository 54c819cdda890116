#include "source/guard.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "os/os.h"

static void on_child(int number)
{
	(void)number; // it only has to interrupt ppoll
}

// Returns when the command has ended, 1 with its STATUS, or when the builder has gone, 0.
static int watch(pid_t command, int line, int *status)
{
	sigset_t block, open;
	const struct sigaction action = {.sa_handler = on_child};
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &block, &open);
	sigdelset(&open, SIGCHLD);
	(void)sigaction(SIGCHLD, &action, NULL);
	for (;;) {
		for (pid_t ended; (ended = waitpid(-1, status, WNOHANG)) > 0;)
			if (ended == command)
				return 1;
		struct pollfd end = {.fd = line, .events = POLLIN};
		if (spore__os_poll(&end, 1, NULL, &open) > 0)
			return 0; // the builder sends nothing: it is its end
	}
}

static void kill_rest(void)
{
	// What is killed leaves its children to this process, so there are rounds; each ends at least one.
	while (waitpid(-1, NULL, WNOHANG) >= 0) {
		(void)spore__os_kill_children();
		if (waitpid(-1, NULL, 0) < 0 && errno != EINTR)
			break;
	}
}

static _Noreturn void guard(const struct spore__spawn *s, int line)
{
	struct spore__spawn command = {.argv = s->argv,
	                               .envp = s->envp,
	                               .fds = {-1, -1, -1},
	                               .die_with_parent = true,
	                               .reset_signals = s->reset_signals};
	pid_t pid;
	int status;
	(void)spore__os_adopt_orphans();
	int why = spore__os_spawn(&command, &pid) == 0 ? 0 : errno;
	if (spore__fs_write_all(line, &why, sizeof why) != 0 && why == 0)
		(void)kill(pid, SIGKILL);
	if (why != 0)
		_exit(127);
	for (int fd = 0; fd < 3; fd++)
		close(fd); // the command's alone
	bool ended = watch(pid, line, &status) == 1;
	if (!ended)
		(void)kill(pid, SIGKILL);
	kill_rest();
	if (!ended)
		(void)kill(0, SIGKILL); // where orphans are not adopted
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

int spore__guard_spawn(const struct spore__spawn *s, pid_t *pid, int *line)
{
	int ends[2], why = 0;
	if (spore__os_socketpair(ends) != 0)
		return -1;
	struct spore__spawn outer = *s;
	outer.pgroup = SPORE__PGROUP_NEW;
	outer.die_with_parent = false; // it has work to do then
	if (spore__os_fork(&outer, pid) != 0) {
		int saved = errno;
		close(ends[0]);
		close(ends[1]);
		errno = saved;
		return -1;
	}
	if (*pid == 0) {
		close(ends[0]);
		guard(s, ends[1]);
	}
	close(ends[1]);
	ssize_t n;
	do
		n = read(ends[0], &why, sizeof why);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof why)
		why = EIO; // the guard was killed
	if (why == 0) {
		*line = ends[0];
		return 0;
	}
	close(ends[0]);
	while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
		;
	errno = why;
	return -1;
}
