// Is it ready, does it live? A connection or a command at a time, or what the program says; its lines are looked at only until one of them
// says that it is ready.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/os.h"
#include "task/address.h"
#include "task/hold.h"

enum {
	READY_TCP_MS = 5, // between attempts, at first: a program starts fast
	READY_EXEC_MS = 20,
	READY_MAX_MS = 500,
	READY_TRY_MS = 5000,   // an attempt takes at most
	SAID_MAX = 256 * 1024, // bytes of a command that are looked at
	LINE = 4096,           // of a longer line only the beginning is looked at
};

struct spore__hold_matcher {
	regex_t regex;
	struct {
		char text[LINE];
		size_t len;
	} lines[2]; // of stdout or the terminal, of stderr
};

static bool is_tcp(const struct spore__hold *h, enum spore__hold_probing which)
{
	return which == SPORE__PROBE_READY ? h->spec.ready == SPORE__READY_TCP : h->spec.alive == SPORE__ALIVE_TCP;
}

static bool is_exec(const struct spore__hold *h, enum spore__hold_probing which)
{
	return which == SPORE__PROBE_READY ? h->spec.ready == SPORE__READY_EXEC : h->spec.alive == SPORE__ALIVE_EXEC;
}

static const char *address_of(const struct spore__hold *h, enum spore__hold_probing which)
{
	return which == SPORE__PROBE_READY ? h->spec.ready_address : h->spec.alive_address;
}

static char *const *command_of(const struct spore__hold *h, enum spore__hold_probing which)
{
	return which == SPORE__PROBE_READY ? h->spec.ready_exec : h->spec.alive_exec;
}

static int64_t timeout_of(const struct spore__hold *h, enum spore__hold_probing which)
{
	return which == SPORE__PROBE_READY ? READY_TRY_MS : h->spec.alive_timeout_ms;
}

static void set_timer(struct spore__hold *h, enum spore__hold_probing which, int64_t ms)
{
	spore__hold_timer(h, which == SPORE__PROBE_READY ? SPORE__TIMER_PROBE_READY : SPORE__TIMER_PROBE_ALIVE, ms);
}

static enum spore__hold_probing which_of(const struct spore__hold *h, const struct spore__hold_io *io)
{
	return io == &h->probes[SPORE__PROBE_READY].io ? SPORE__PROBE_READY : SPORE__PROBE_ALIVE;
}

static void say(struct spore__hold *h, const char *why)
{
	if (strcmp(h->state.why, why) == 0)
		return;
	(void)snprintf(h->state.why, sizeof h->state.why, "%s", why);
	h->dirty = true;
}

// Ends the attempt. What a command started and what left its group stays the task's, and ends with it.
static void end_attempt(struct spore__hold *h, enum spore__hold_probing which)
{
	struct spore__hold_probe *p = &h->probes[which];
	set_timer(h, which, -1);
	spore__hold_io_close(h, &p->io);
	if (p->pid > 0)
		(void)kill(-p->pid, SIGKILL);
	p->pid = 0;
	p->began_ms = 0;
}

// ---- what an attempt showed

static void conclude_ready(struct spore__hold *h, const char *failure)
{
	struct spore__hold_probe *p = &h->probes[SPORE__PROBE_READY];
	char why[sizeof h->state.why];
	if (failure == NULL) {
		spore__hold_happens(h, SPORE__ON_READY);
		return;
	}
	(void)snprintf(why, sizeof why, "it is not ready yet: %.400s", failure);
	say(h, why);
	set_timer(h, SPORE__PROBE_READY, p->wait_ms);
	p->wait_ms = p->wait_ms * 2 < READY_MAX_MS ? p->wait_ms * 2 : READY_MAX_MS;
}

static void lives(struct spore__hold *h)
{
	struct spore__hold_probe *p = &h->probes[SPORE__PROBE_ALIVE];
	if (p->failures > 0) {
		say(h, "");
		spore__hold_event(h, SPORE_INFO, "alive", NULL, "%s#%" PRId64 " is alive again", h->task, h->state.run);
	}
	h->dirty |= !h->state.healthy;
	h->state.healthy = true;
	p->failures = 0;
}

static void conclude_alive(struct spore__hold *h, const char *failure, int64_t next)
{
	struct spore__hold_probe *p = &h->probes[SPORE__PROBE_ALIVE];
	char why[sizeof h->state.why];
	if (failure == NULL) {
		lives(h);
		set_timer(h, SPORE__PROBE_ALIVE, next);
		return;
	}
	h->dirty |= h->state.healthy;
	h->state.healthy = false;
	p->failures++;
	(void)snprintf(why, sizeof why, "it may not be alive: %.400s", failure);
	if (p->failures == 1)
		spore__hold_event(h, SPORE_WARN, "unhealthy", NULL, "%s#%" PRId64 ": %s", h->task, h->state.run,
		                  failure);
	if (p->failures < h->spec.alive_failures) {
		say(h, why);
		set_timer(h, SPORE__PROBE_ALIVE, next);
		return;
	}
	const struct spore__hold_number numbers[] = {{"failures", p->failures}, {0}};
	(void)snprintf(why, sizeof why, "it was not alive: %.400s, %" PRId64 " times in a row", failure, p->failures);
	say(h, why);
	spore__hold_event(h, SPORE_ERROR, "not-alive", numbers, "%s#%" PRId64 " is not alive: %s", h->task,
	                  h->state.run, failure);
	spore__hold_happens(h, SPORE__ON_UNHEALTHY);
}

// FAILURE: NULL when it succeeded.
static void conclude(struct spore__hold *h, enum spore__hold_probing which, const char *failure)
{
	int64_t next = h->spec.alive_every_ms - (spore__hold_now_ms() - h->probes[which].began_ms);
	end_attempt(h, which);
	if (which == SPORE__PROBE_READY)
		conclude_ready(h, failure);
	else
		conclude_alive(h, failure, next > 0 ? next : 0);
}

// ---- a connection

static void connect_next(struct spore__hold *h, enum spore__hold_probing which);

static void refused(struct spore__hold *h, enum spore__hold_probing which, int error)
{
	char why[200];
	const char *address = address_of(h, which);
	if (error == ECONNREFUSED)
		(void)snprintf(why, sizeof why, "connection to %.100s refused", address);
	else
		(void)snprintf(why, sizeof why, "connection to %.100s: %s", address, strerror(error));
	conclude(h, which, why);
}

static void connected(struct spore__hold *h, struct spore__hold_io *io, short revents)
{
	(void)revents;
	enum spore__hold_probing which = which_of(h, io);
	int error = 0;
	socklen_t len = sizeof error;
	if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error == 0) {
		conclude(h, which, NULL);
		return;
	}
	spore__hold_io_close(h, io);
	errno = error;
	connect_next(h, which);
}

// The next of the addresses that it may have; errno says what was wrong with the one before.
static void connect_next(struct spore__hold *h, enum spore__hold_probing which)
{
	struct spore__hold_probe *p = &h->probes[which];
	struct spore__address all[SPORE__ADDRESSES];
	size_t count = spore__address_parse(address_of(h, which), all);
	int error = errno, first = errno;
	while (p->address < count) {
		const struct spore__address *a = &all[p->address++];
		int fd = socket(a->of.ss_family, SOCK_STREAM, 0);
		bool made = fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
		int r = made ? connect(fd, (const struct sockaddr *)&a->of, a->len) : -1;
		if ((r == 0 || (made && errno == EINPROGRESS)) &&
		    spore__hold_io_open(h, &p->io, fd, POLLOUT, connected))
			return;
		error = errno;
		if (fd >= 0)
			close(fd);
	}
	// That there is no IP version 6 is not what a person has to know.
	refused(h, which, first != 0 ? first : error);
}

// ---- a command

static void hear(struct spore__hold_probe *p, const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n') {
			p->said_all = true;
			continue;
		}
		if (p->said_all)
			p->said_len = 0;
		p->said_all = false;
		if (p->said_len < sizeof p->said - 1)
			p->said[p->said_len++] = bytes[i] < ' ' || bytes[i] >= 0x7f ? '?' : (char)bytes[i];
	}
	p->said[p->said_len] = '\0';
}

static void writes(struct spore__hold *h, struct spore__hold_io *io, short revents)
{
	(void)revents;
	unsigned char bytes[4096];
	ssize_t n = read(io->fd, bytes, sizeof bytes);
	if (n > 0)
		hear(&h->probes[which_of(h, io)], bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		spore__hold_io_close(h, io);
}

static int spawn(struct spore__hold *h, enum spore__hold_probing which, int null, int output)
{
	static struct spore__hold_environment e; // large
	char path[PATH_MAX];
	char *const *command = command_of(h, which);
	size_t count = 0;
	while (command[count] != NULL)
		count++;
	const char **argv = malloc((count + 1) * sizeof *argv);
	int r = -1;
	if (argv != NULL && spore__hold_find(h, command[0], path) == 0 &&
	    spore__hold_environment_make(h, true, -1, &e) == 0) {
		memcpy(argv, command, (count + 1) * sizeof *argv);
		argv[0] = path;
		const struct spore__spawn s = {
		    .cgroup = h->tree.entry,
		    .open_files = h->open_files,
		    .argv = argv,
		    .envp = e.items,
		    .cwd = h->spec.cwd,
		    .fds = {null, output, output},
		    .pgroup = SPORE__PGROUP_NEW,
		    .die_with_parent = true,
		    .reset_signals = true,
		};
		r = spore__os_spawn(&s, &h->probes[which].pid);
		spore__hold_environment_finish(&e);
	}
	int saved = errno;
	free(argv);
	errno = saved;
	return r;
}

static void run_command(struct spore__hold *h, enum spore__hold_probing which)
{
	struct spore__hold_probe *p = &h->probes[which];
	int ends[2];
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	p->said_len = 0;
	p->said[0] = '\0';
	p->said_all = false;
	int r = null >= 0 ? spore__os_pipe(ends) : -1;
	if (r == 0) {
		r = fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 ? spawn(h, which, null, ends[1]) : -1;
		int saved = errno;
		close(ends[1]);
		if (r != 0 || !spore__hold_io_open(h, &p->io, ends[0], POLLIN, writes))
			close(ends[0]);
		errno = saved;
	}
	int saved = errno;
	if (null >= 0)
		close(null);
	if (r == 0)
		return;
	char why[300];
	p->pid = 0;
	(void)snprintf(why, sizeof why, "%.150s cannot be started: %s", command_of(h, which)[0], strerror(saved));
	conclude(h, which, why);
}

bool spore__hold_probes_reaped(struct spore__hold *h, pid_t pid, int status)
{
	enum spore__hold_probing which = SPORE__PROBE_READY;
	while (which < SPORE__PROBES && h->probes[which].pid != pid)
		which++;
	if (which == SPORE__PROBES)
		return false;
	struct spore__hold_probe *p = &h->probes[which];
	const char *name = command_of(h, which)[0];
	char why[400];
	for (size_t sum = 0; p->io.fn != NULL && sum < SAID_MAX; sum += LINE) {
		struct pollfd there = {.fd = p->io.fd, .events = POLLIN};
		if (poll(&there, 1, 0) <= 0)
			break;
		writes(h, &p->io, 0);
	}
	(void)kill(-p->pid, SIGKILL); // what it left in its group
	p->pid = 0;
	const char *before = p->said_len > 0 ? ": " : "";
	if (WIFSIGNALED(status))
		(void)snprintf(why, sizeof why, "%.150s was ended by signal %d%s%s", name, WTERMSIG(status), before,
		               p->said);
	else
		(void)snprintf(why, sizeof why, "%.150s ended with %d%s%s", name, WEXITSTATUS(status), before, p->said);
	conclude(h, which, WIFEXITED(status) && WEXITSTATUS(status) == 0 ? NULL : why);
	return true;
}

// ---- when

static void attempt(struct spore__hold *h, enum spore__hold_probing which)
{
	struct spore__hold_probe *p = &h->probes[which];
	p->began_ms = spore__hold_now_ms();
	p->address = 0;
	set_timer(h, which, timeout_of(h, which));
	errno = 0;
	if (is_tcp(h, which))
		connect_next(h, which);
	else
		run_command(h, which);
}

static void too_long(struct spore__hold *h, enum spore__hold_probing which)
{
	char why[300];
	int64_t ms = timeout_of(h, which);
	if (is_tcp(h, which))
		(void)snprintf(why, sizeof why, "connection to %.100s not accepted within %" PRId64 " ms",
		               address_of(h, which), ms);
	else
		(void)snprintf(why, sizeof why, "%.150s took longer than %" PRId64 " ms", command_of(h, which)[0], ms);
	conclude(h, which, why);
}

static void due(struct spore__hold *h, enum spore__hold_probing which)
{
	if (h->probes[which].began_ms != 0)
		too_long(h, which);
	else
		attempt(h, which);
}

void spore__hold_probes_ready_timer(struct spore__hold *h)
{
	due(h, SPORE__PROBE_READY);
}

void spore__hold_probes_alive_timer(struct spore__hold *h)
{
	char why[100];
	if (h->spec.alive != SPORE__ALIVE_NOTIFY) {
		due(h, SPORE__PROBE_ALIVE);
		return;
	}
	(void)snprintf(why, sizeof why, "it has not said WATCHDOG=1 for %" PRId64 " ms", h->spec.alive_every_ms);
	conclude_alive(h, why, h->spec.alive_every_ms);
}

void spore__hold_probes_watchdog(struct spore__hold *h)
{
	if (h->spec.alive == SPORE__ALIVE_NOTIFY && h->at == SPORE__AT_RUNNING)
		conclude_alive(h, NULL, h->spec.alive_every_ms);
}

// ---- lines

static void free_matcher(struct spore__hold *h)
{
	if (h->matcher == NULL)
		return;
	regfree(&h->matcher->regex);
	free(h->matcher);
	h->matcher = NULL;
}

int spore__hold_probes_prepare(struct spore__hold *h)
{
	free_matcher(h);
	if (h->spec.ready != SPORE__READY_LOG)
		return 0;
	char text[200];
	h->matcher = calloc(1, sizeof *h->matcher);
	int r =
	    h->matcher != NULL ? regcomp(&h->matcher->regex, h->spec.ready_log, REG_EXTENDED | REG_NOSUB) : REG_ESPACE;
	if (r == 0)
		return 0;
	if (h->matcher == NULL)
		(void)snprintf(text, sizeof text, "%s", strerror(ENOMEM));
	else
		(void)regerror(r, &h->matcher->regex, text, sizeof text);
	(void)snprintf(h->state.why, sizeof h->state.why, "ready.log: not a regular expression: %s: %.200s", text,
	               h->spec.ready_log);
	free(h->matcher);
	h->matcher = NULL;
	return -1;
}

void spore__hold_probes_saw(struct spore__hold *h, enum spore__log_kind kind, const unsigned char *bytes, size_t len)
{
	const unsigned char *at = bytes, *end = bytes + len;
	size_t which = kind == SPORE__LOG_STDERR;
	while (h->matcher != NULL && at < end) {
		char *line = h->matcher->lines[which].text;
		size_t *have = &h->matcher->lines[which].len;
		const unsigned char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t more = (size_t)((newline != NULL ? newline : end) - at);
		size_t room = LINE - 1 - *have;
		memcpy(line + *have, at, more < room ? more : room);
		*have += more < room ? more : room;
		if (newline == NULL)
			return;
		at = newline + 1;
		if (*have > 0 && line[*have - 1] == '\r')
			--*have;
		line[*have] = '\0';
		*have = 0;
		if (regexec(&h->matcher->regex, line, 0, NULL, 0) == 0) {
			free_matcher(h);
			spore__hold_happens(h, SPORE__ON_READY);
		}
	}
}

// ---- all of them

void spore__hold_probes_start(struct spore__hold *h)
{
	char why[300] = "it is not ready yet";
	struct spore__hold_probe *p = &h->probes[SPORE__PROBE_READY];
	p->wait_ms = is_tcp(h, SPORE__PROBE_READY) ? READY_TCP_MS : READY_EXEC_MS;
	if (is_tcp(h, SPORE__PROBE_READY) || is_exec(h, SPORE__PROBE_READY))
		set_timer(h, SPORE__PROBE_READY, p->wait_ms);
	else if (h->spec.ready == SPORE__READY_LOG)
		(void)snprintf(why, sizeof why, "it is not ready yet: no line of its output matched %.200s",
		               h->spec.ready_log);
	else if (h->spec.ready == SPORE__READY_NOTIFY)
		(void)snprintf(why, sizeof why, "it is not ready yet: it has not said so");
	say(h, why);
}

void spore__hold_probes_ready(struct spore__hold *h)
{
	end_attempt(h, SPORE__PROBE_READY);
	free_matcher(h);
	h->probes[SPORE__PROBE_ALIVE].failures = 0;
	if (h->spec.alive == SPORE__ALIVE_NOTIFY)
		set_timer(h, SPORE__PROBE_ALIVE, h->spec.alive_every_ms);
	else if (h->spec.alive != SPORE__ALIVE_NONE)
		set_timer(h, SPORE__PROBE_ALIVE, 0);
}

void spore__hold_probes_stop(struct spore__hold *h)
{
	end_attempt(h, SPORE__PROBE_READY);
	end_attempt(h, SPORE__PROBE_ALIVE);
	free_matcher(h);
}
