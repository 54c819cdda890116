#include "node/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "os/os.h"

// The report: the outcome's letter and, when it failed, a struct spore__node_problem, written at once (below PIPE_BUF).
struct report {
	char outcome;
	struct spore__node_problem problem;
};

static _Noreturn void await_report(int fd)
{
	struct report r = {0};
	size_t len = 0;
	for (;;) {
		ssize_t n = read(fd, (char *)&r + len, sizeof r - len);
		if (n > 0)
			len += (size_t)n;
		else if (n == 0 || errno != EINTR)
			break;
	}
	if (len > 0 && r.outcome == SPORE__DAEMON_READY)
		_exit(SPORE__EXIT_OK);
	if (len > 0 && r.outcome == SPORE__DAEMON_HELD)
		_exit(SPORE__NODE_HELD);
	if (len == sizeof r)
		spore__report(r.problem.remedy[0] != '\0' ? r.problem.remedy : NULL, "node: %s", r.problem.why);
	else
		spore__report("node.log in the state folder may say more", "node: it ended before it was ready");
	_exit(len == sizeof r ? SPORE__EXIT_SPORE : SPORE__NODE_DIED);
}

void spore__daemon_fork(int *report, struct spore__node_problem *problem)
{
	int fds[2];
	*report = -1;
	problem->remedy[0] = '\0';
	if (spore__os_pipe(fds) != 0) {
		(void)snprintf(problem->why, sizeof problem->why, "a pipe: %s", strerror(errno));
		return;
	}
	pid_t child = fork();
	if (child > 0) {
		close(fds[1]);
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
		await_report(fds[0]);
	}
	close(fds[0]);
	if (child == 0) {
		// The second fork gives up the session's lead, so that no terminal can become ours.
		pid_t second = setsid() >= 0 ? fork() : -1;
		if (second > 0)
			_exit(0);
		if (second == 0) {
			*report = fds[1];
			return;
		}
	}
	(void)snprintf(problem->why, sizeof problem->why, "a process of its own: %s", strerror(errno));
	if (child == 0) {
		spore__daemon_report(fds[1], SPORE__DAEMON_FAILED, problem);
		_exit(SPORE__EXIT_SPORE);
	}
	close(fds[1]);
}

void spore__daemon_report(int report, enum spore__daemon_outcome outcome, const struct spore__node_problem *problem)
{
	struct report r = {.outcome = (char)outcome};
	if (report < 0)
		return;
	if (problem != NULL)
		r.problem = *problem;
	(void)!write(report, &r, sizeof r); // a starter that is gone needs no report
	close(report);
}
