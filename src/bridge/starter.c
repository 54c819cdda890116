// The parent of a bridge: it starts commands or opens connections when the bridge asks, since that one can do neither, and it parses nothing.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fs.h"
#include "bridge/host.h"
#include "os/os.h"
#include "pass.h"

enum { PATIENCE_S = 2, COMMANDS = 1024, WHY = 200 };

static volatile sig_atomic_t wanted; // the signal that came

static void on_signal(int number)
{
	if (number != SIGCHLD)
		wanted = number;
}

struct starter {
	const struct spore__host_options *o;
	char *program;
	int socket;
	pid_t bridge;
	int bridge_status;
	bool bridge_ended;
	pid_t commands[COMMANDS];
	size_t count;
	int status; // of the command, when there is one for all
	bool ended; // ... and it has
};

static int start(struct starter *s, int fds[2], pid_t *pid)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1};
	const struct spore__spawn spawn = {.argv = (const char *const *)s->o->command, .reset_signals = true};
	if (spore__os_pipe(in) == 0 && spore__os_pipe(out) == 0) {
		struct spore__spawn sp = spawn;
		const char **argv = calloc(COMMANDS, sizeof *argv);
		size_t n = 0;
		for (; argv != NULL && s->o->command[n] != NULL && n < COMMANDS - 1; n++)
			argv[n] = s->o->command[n];
		if (argv != NULL) {
			argv[0] = s->program;
			sp.argv = argv;
			sp.fds[0] = in[0];
			sp.fds[1] = out[1];
			sp.fds[2] = -1;
			int rc = spore__os_spawn(&sp, pid);
			int saved = errno;
			free((void *)argv);
			close(in[0]);
			close(out[1]);
			if (rc == 0) {
				fds[0] = out[0];
				fds[1] = in[1];
				return 0;
			}
			close(in[1]);
			close(out[0]);
			errno = saved;
			return -1;
		}
	}
	int saved = errno;
	for (int i = 0; i < 2; i++) {
		if (in[i] >= 0)
			close(in[i]);
		if (out[i] >= 0)
			close(out[i]);
	}
	errno = saved;
	return -1;
}

// One of what was asked for goes over with "o", or why not.
static void serve(struct starter *s)
{
	char why[WHY] = "o";
	int fds[2] = {-1, -1};
	unsigned count = 0;
	pid_t pid = 0;
	if (s->o->command == NULL) {
		fds[0] = spore__address_connect(s->o->connect, why + 1, sizeof why - 1);
		count = fds[0] >= 0 ? 1 : 0;
	} else if (s->count == COMMANDS) {
		(void)snprintf(why + 1, sizeof why - 1, "there are %d of them already", COMMANDS);
	} else if (start(s, fds, &pid) == 0) {
		s->commands[s->count++] = pid;
		count = 2;
	} else {
		(void)snprintf(why + 1, sizeof why - 1, "%s", strerror(errno));
	}
	if (count == 0)
		why[0] = 'x';
	(void)spore__pass_send(s->socket, why, count > 0 ? 1 : strlen(why), fds, count);
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
}

static int status_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void reap(struct starter *s)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->bridge) {
			s->bridge_ended = true;
			s->bridge_status = status_of(status);
			continue;
		}
		for (size_t i = 0; i < s->count; i++)
			if (s->commands[i] == pid) {
				s->commands[i] = s->commands[--s->count];
				s->ended = true;
				s->status = status_of(status);
			}
	}
}

static void tell(const struct starter *s, int number)
{
	for (size_t i = 0; i < s->count; i++)
		(void)kill(s->commands[i], number);
	if ((s->count == 0 || s->o->each) && !s->bridge_ended)
		(void)kill(s->bridge, number == SIGINT || number == SIGQUIT ? SIGTERM : number);
}

// Until both are gone. When the bridge has ended, what it used has nobody to talk to: it is waited for a little, then told, then killed.
static void look_after(struct starter *s, const sigset_t *open)
{
	static const int rungs[] = {0, SIGTERM, SIGKILL};
	size_t rung = 0;
	for (reap(s); !s->bridge_ended || s->count > 0; reap(s)) {
		const struct timespec wait = {.tv_sec = PATIENCE_S};
		struct pollfd asked = {.fd = s->socket, .events = POLLIN};
		int n = spore__os_poll(&asked, 1, s->bridge_ended ? &wait : NULL, open);
		if (wanted != 0) {
			tell(s, wanted);
			wanted = 0;
		}
		if (n == 0 && s->bridge_ended && rung + 1 < sizeof rungs / sizeof rungs[0])
			tell(s, rungs[++rung]);
		if (n <= 0 || s->socket < 0)
			continue;
		char byte;
		ssize_t got = recv(s->socket, &byte, 1, MSG_DONTWAIT);
		if (got == 1) {
			serve(s);
		} else if (got == 0) {
			close(s->socket);
			s->socket = -1;
		}
	}
}

int spore__starter_fork(const struct spore__host_options *o)
{
	static const int signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT};
	int pair[2];
	sigset_t blocked, before;
	struct starter s = {.o = o};
	if (o->command != NULL && (s.program = spore__fs_find_program(o->command[0], getenv("PATH"))) == NULL)
		spore__die(SPORE__EXIT_NO_SOURCE, "it is a program on PATH, or a path",
		           "bridge: %s: there is no such program", o->command[0]);
	if (spore__os_socketpair(pair) != 0)
		spore__die(SPORE__EXIT_SPORE, NULL, "bridge: no socket: %s", strerror(errno));
	(void)sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		(void)sigaddset(&blocked, signals[i]);
	(void)sigprocmask(SIG_BLOCK, &blocked, &before);
	s.bridge = fork();
	if (s.bridge < 0)
		spore__die(SPORE__EXIT_SPORE, NULL, "bridge: no process: %s", strerror(errno));
	if (s.bridge == 0) {
		(void)sigprocmask(SIG_SETMASK, &before, NULL);
		(void)signal(SIGINT, SIG_IGN); // it ends when its ends do
		(void)signal(SIGQUIT, SIG_IGN);
		close(pair[0]);
		free(s.program);
		return pair[1];
	}
	struct sigaction action = {.sa_handler = on_signal};
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		(void)sigaction(signals[i], &action, NULL);
	close(pair[1]);
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	s.socket = pair[0];
	look_after(&s, &before);
	free(s.program);
	_exit(s.bridge_status != 0 || !s.ended || o->each ? s.bridge_status : s.status);
}

int spore__starter_open(int starter, int *in, int *out, char *why, size_t size)
{
	char answer[WHY];
	int fds[2] = {-1, -1};
	unsigned count = 0;
	struct pollfd p = {.fd = starter, .events = POLLIN};
	ssize_t n = send(starter, "o", 1, MSG_NOSIGNAL);
	while (n == 1 && poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	if (n == 1)
		n = spore__pass_receive(starter, answer, sizeof answer - 1, fds, 2, &count);
	if (n >= 1 && answer[0] == 'o' && count > 0) {
		*in = fds[0];
		*out = count == 2 ? fds[1] : fds[0];
		return 0;
	}
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
	answer[n > 0 ? n : 0] = '\0';
	(void)snprintf(why, size, "%s", n > 1 ? answer + 1 : "its parent is gone");
	return -1;
}
