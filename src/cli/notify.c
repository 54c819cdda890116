#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/command.h"
#include "hold_side.h"

enum { CONTROL_BYTES = 4096 };

static const struct spore__option options[] = {
    {"ready", 0, NULL, "it is at work (*ready: notify*)", 0, NULL},
    {"status", 0, "TEXT", "what it is doing, for ps and inspect", 0, NULL},
    {"alive", 0, NULL, "it lives (*alive: notify*)", 0, NULL},
    {"stopping", 0, NULL, "it is on its way down", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore notify --ready --status 'serving 3 sites'", "in a script that runs as a task"},
    {0},
};

// Over the control connection, which a confined task has and may use. What several processes say does not mix: a frame as short as this is
// one piece of the socket's queue (docs/control-protocol.md). False: there is none.
static bool send_control(const struct spore__args *args, const char *status)
{
	const char *number = getenv("SPORE_FD");
	char *end = NULL;
	long fd = number != NULL ? strtol(number, &end, 10) : -1;
	struct spore__msgpack_writer w = {0};
	if (fd < 3 || fd > INT_MAX || *end != '\0')
		return false;
	if (spore__args_has(args, "alive"))
		spore__die(SPORE__EXIT_FAILED, "unconfined, or alive: exec or tcp",
		           "notify: --alive: only the socket of NOTIFY_SOCKET takes it, which cannot be reached");
	spore__control_put_hello(&w, NULL, NULL);
	if (status != NULL)
		spore__control_put_status(&w, status);
	if (spore__args_has(args, "ready"))
		spore__control_put_ready(&w);
	if (spore__args_has(args, "stopping"))
		spore__control_put_stopping(&w);
	if (w.err != SPORE_OK || w.len > CONTROL_BYTES)
		spore__die(SPORE__EXIT_USAGE, NULL, "notify: --status: too long");
	if (send((int)fd, w.data, w.len, MSG_NOSIGNAL) != (ssize_t)w.len)
		spore__die(SPORE__EXIT_FAILED, NULL, "notify: SPORE_FD: %s", strerror(errno));
	spore__msgpack_writer_finish(&w);
	return true;
}

// False with errno.
static bool send_to(const char *path, const char *text, size_t len)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t size = strlen(path);
	if ((path[0] != '/' && path[0] != '@') || size >= sizeof a.sun_path)
		spore__die(SPORE__EXIT_SPORE, NULL, "notify: NOTIFY_SOCKET is %s: not the address of a socket", path);
	memcpy(a.sun_path, path, size + 1);
	socklen_t used = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + (path[0] == '/'));
	if (path[0] == '@')
		a.sun_path[0] = '\0'; // a name that is no file
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	bool sent = fd >= 0 && sendto(fd, text, len, MSG_NOSIGNAL, (struct sockaddr *)&a, used) == (ssize_t)len;
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return sent;
}

static int run(const struct spore__args *args)
{
	const char *path = getenv("NOTIFY_SOCKET"), *status = spore__args_value(args, "status");
	struct spore__buf text = {0};
	if (spore__args_has(args, "ready"))
		spore__buf_printf(&text, "READY=1\n");
	if (spore__args_has(args, "alive"))
		spore__buf_printf(&text, "WATCHDOG=1\n");
	if (spore__args_has(args, "stopping"))
		spore__buf_printf(&text, "STOPPING=1\n");
	if (status != NULL && strchr(status, '\n') != NULL)
		spore__die(SPORE__EXIT_USAGE, NULL, "notify: --status: one line is wanted");
	if (status != NULL)
		spore__buf_printf(&text, "STATUS=%s\n", status);
	if (text.len == 0)
		spore__die(SPORE__EXIT_USAGE, "--ready, --status TEXT, --alive or --stopping",
		           "notify: nothing to say");
	bool named = path != NULL && path[0] != '\0';
	bool sent = named && send_to(path, text.data, text.len);
	int why = errno;
	sent = sent || send_control(args, status);
	if (!sent && named)
		spore__die(SPORE__EXIT_SPORE,
		           why == EPERM ? "a confined task makes no sockets: give it SPORE_FD (--control)" : NULL,
		           "notify: %s: %s", path, strerror(why));
	if (!sent)
		spore__die(SPORE__EXIT_FAILED, "it is for tasks with ready: notify or alive: notify",
		           "notify: NOTIFY_SOCKET is not set: nobody listens");
	spore__buf_finish(&text);
	return SPORE__EXIT_OK;
}

const struct spore__command spore__command_notify = {
    .name = "notify",
    .operands = "",
    .summary = "in a script: say that the task is ready, or what it is doing",
    .text = "Speaks the protocol of sd_notify to the socket that NOTIFY_SOCKET names, which tasks with *ready: notify* "
            "or *alive: notify* get; where that cannot be reached, as in a confined task, over the control connection "
            "SPORE_FD (--control). Programs in C use libspore; others may also write a newline to a descriptor "
            "(*ready: { fd: N }*). Fails with 1 where nobody listens.",
    .options = options,
    .examples = examples,
    .run = run,
};
