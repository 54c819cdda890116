#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "chan/port.h"
#include "connection_inside.h"
#include "os/os.h"
#include "stop.h"

static atomic_int hold_fd = -1; // -1 also: the program has closed it
static atomic_bool beside;      // another instance runs, in whose place this one was started
static bool forked;             // this is a child made by fork
static struct spore__io_id hold_id;
static bool traces;
static const char *complaint; // about SPORE_FD, not yet said

pthread_mutex_t spore__connection_out = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t spore__connection_in = PTHREAD_MUTEX_INITIALIZER;

int64_t spore__connection_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// ---- standard error

// One write as a rule; a closed pipe at the other end is no reason to die.
void spore__connection_print(const char *line, size_t len)
{
	sigset_t pipe_only, before, pending;
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	bool masked = pthread_sigmask(SIG_BLOCK, &pipe_only, &before) == 0;
	bool was_pending = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
	ssize_t n;
	while ((n = write(STDERR_FILENO, line, len)) != (ssize_t)len) {
		struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
		line += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
		// Somebody may have made it non-blocking.
		if (n == 0 || (n < 0 && errno != EINTR && !(errno == EAGAIN && poll(&p, 1, SPORE__PATIENCE_MS) != 0)))
			break;
	}
	if (n < 0 && errno == EPIPE && !was_pending && sigpending(&pending) == 0 &&
	    sigismember(&pending, SIGPIPE) == 1) {
		int sig;
		(void)sigwait(&pipe_only, &sig);
	}
	if (masked)
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void spore__connection_complain(const char *what, const char *why)
{
	char line[256];
	int n = snprintf(line, sizeof line, "spore: %s: %s\n", what, why);
	if (n > 0)
		spore__connection_print(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

void spore__connection_trace(const char *way, const struct spore__control_message *m)
{
	char line[1024];
	if (!traces)
		return;
	int n = snprintf(line, sizeof line, "spore %s ", way);
	spore__control_print(m, line + n, sizeof line - (size_t)n - 1);
	strcat(line, "\n");
	spore__connection_print(line, strlen(line));
}

// ---- setting up

static void before_fork(void)
{
	pthread_mutex_lock(&spore__connection_out);
	pthread_mutex_lock(&spore__connection_in);
}

static void after_fork_in_parent(void)
{
	pthread_mutex_unlock(&spore__connection_in);
	pthread_mutex_unlock(&spore__connection_out);
}

// Two processes cannot share one control connection: the child goes on without.
static void after_fork_in_child(void)
{
	int fd = spore__connection_fd();
	if (fd >= 0)
		close(fd);
	atomic_store(&hold_fd, -1);
	forked = true;
	spore__connection_hear_after_fork();
	after_fork_in_parent();
	spore__stop_after_fork();
	spore__port_after_fork();
}

// Before main, so that whatever the program starts and however early, inherits neither the descriptor nor the variable.
__attribute__((constructor)) static void start(void)
{
	const char *text = getenv("SPORE_FD"), *tracing = getenv("SPORE_TRACE"), *second = getenv("SPORE_BESIDE");
	traces = tracing != NULL && strcmp(tracing, "1") == 0;
	(void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
	if (text == NULL)
		return;
	char *end;
	errno = 0;
	long fd = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || fd < 0 || fd > INT_MAX)
		complaint = "not the number of a descriptor";
	else if (spore__io_adopt((int)fd) != 0)
		complaint = "not a connected Unix stream socket";
	else
		atomic_store(&hold_fd, (int)fd);
	spore__io_identify((int)fd, &hold_id);
	atomic_store(&beside, second != NULL && strcmp(second, "1") == 0);
	(void)unsetenv("SPORE_FD");
	(void)unsetenv("SPORE_BESIDE");
}

bool spore__connection_is_beside(void)
{
	return atomic_load(&beside);
}

void spore__connection_is_alone(void)
{
	atomic_store(&beside, false);
}

bool spore__connection_is_lost(void)
{
	return atomic_load(&hold_fd) < 0;
}

int spore__connection_fd(void)
{
	int fd = atomic_load(&hold_fd);
	if (fd >= 0 && !spore__io_is(fd, &hold_id)) {
		fd = -1;
		atomic_store(&hold_fd, fd);
	}
	return fd;
}

const char *spore__connection_complaint(void)
{
	const char *now = complaint;
	complaint = NULL;
	return now;
}

// ---- systemd

void spore__connection_notify(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address;
	socklen_t len;
	int e = errno;
	if (path == NULL || !spore__connection_is_lost() || forked ||
	    spore__io_notify_address(path, &address, &len) != 0) {
		errno = e;
		return;
	}
	int fd = spore__io_datagram(SPORE__PATIENCE_MS);
	if (fd >= 0) {
		spore__io_send_to(fd, text, strlen(text), &address, len);
		close(fd);
	}
	errno = e;
}
