// The outer process of a bridge between two ends.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bridge/between.h"
#include "bridge/dead.h"
#include "os/os.h"
#include "pass.h"
#include "task/log.h"

enum {
	SOCKET = 3,
	PATIENCE_MS = 10000,
	LOG_BYTES = 1 << 20,
	LOG_FILES = 2,
	CRASHES = 5,      // of inner processes in a row, each within
	CRASH_MS = 10000, // so long of the one before: then it ends
};

struct guard {
	struct spore__bridge_life life;
	struct spore__log_writer log;
	bool logs, tried; // the log is open; it was tried
	pid_t inner;
	int said; // its standard error; -1
	int crashes;
	int64_t crashed_ms;
};

static volatile sig_atomic_t got_left, got_right, got_look, got_term;

static void on_signal(int number)
{
	if (number == SIGUSR1)
		got_left = 1;
	else if (number == SIGUSR2)
		got_right = 1;
	else if (number == SIGHUP)
		got_look = 1;
	else if (number == SIGTERM)
		got_term = 1;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t = {0};
	(void)clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// ---- its log: as that of a task called bridge-TASK-PORT, after the left end

// [SYSTEM/]TASK[@REPLICA].PORT
static bool name_log(const struct spore__bridge_start *s, struct spore__hold_name *name)
{
	char text[SPORE__BRIDGE_NAME], task[2 * SPORE__BRIDGE_NAME];
	const char *serial = strrchr(s->record, '-');
	(void)snprintf(text, sizeof text, "%s", s->ends[0].name);
	char *slash = strchr(text, '/'), *from = slash != NULL ? slash + 1 : text;
	char *dot = strrchr(from, '.'), *at = strchr(from, '@');
	*name = (struct spore__hold_name){0};
	if (slash != NULL)
		*slash = '\0';
	if (dot == NULL || serial == NULL)
		return false;
	*dot = '\0';
	if (at != NULL) {
		*at = '\0';
		name->replica = strtoll(at + 1, NULL, 10);
	}
	(void)snprintf(name->system, sizeof name->system, "%.*s", SPORE__NAME_MAX, slash != NULL ? text : "");
	(void)snprintf(task, sizeof task, "bridge-%s-%s", from, dot + 1);
	(void)snprintf(name->task, sizeof name->task, "%.*s", SPORE__NAME_MAX, task);
	name->generation = strtoll(serial + 1, NULL, 10);
	return true;
}

static bool open_log(struct guard *g)
{
	struct spore__hold_name name;
	if (g->tried)
		return g->logs;
	g->tried = true;
	int dir = open(g->life.start.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g->logs = dir >= 0 && name_log(&g->life.start, &name) &&
	          spore__log_open(&g->log, dir, &name, LOG_BYTES, LOG_FILES) == 0;
	if (dir >= 0)
		close(dir);
	return g->logs;
}

static void append(struct guard *g, enum spore__log_kind kind, const void *bytes, size_t len)
{
	if (open_log(g))
		(void)spore__log_append(&g->log, kind, 0, 1, (uint64_t)clock_ns(CLOCK_REALTIME),
		                        (uint64_t)clock_ns(CLOCK_MONOTONIC), bytes, len);
}

static void say(struct guard *g, const char *level, const char *event, const char *text)
{
	unsigned char room[2048];
	struct spore__msgpack_writer w;
	spore__msgpack_writer_fixed(&w, room, sizeof room);
	spore__msgpack_map(&w, 3);
	spore__msgpack_str(&w, "event");
	spore__msgpack_str(&w, event);
	spore__msgpack_str(&w, "level");
	spore__msgpack_str(&w, level);
	spore__msgpack_str(&w, "text");
	spore__msgpack_str(&w, text);
	if (w.err == 0)
		append(g, SPORE__LOG_EVENT, w.data, w.len);
}

// ---- the beginning

static bool receive(struct spore__bridge_life *life)
{
	unsigned char *bytes = malloc(SPORE__BRIDGE_START_MAX);
	int fds[2 * SPORE__BRIDGE_FDS];
	unsigned came = 0;
	struct pollfd p = {.fd = SOCKET, .events = POLLIN};
	ssize_t n = -1;
	if (bytes != NULL)
		do {
			(void)poll(&p, 1, PATIENCE_MS);
			n = spore__pass_receive(SOCKET, bytes, SPORE__BRIDGE_START_MAX, fds, 2 * SPORE__BRIDGE_FDS,
			                        &came);
		} while (n < 0 && errno == EINTR);
	bool good = n > 0 && spore__bridge_start_decode(&life->start, bytes, (size_t)n) &&
	            came == (unsigned)(life->start.ends[0].count + life->start.ends[1].count);
	free(bytes);
	close(SOCKET);
	for (int i = 0, at = 0; good && i < 2; i++) {
		const struct spore__bridge_start_end *e = &life->start.ends[i];
		life->in[i] = e->reads ? fds[at] : -1;
		life->out[i] = e->writes ? fds[at + e->count - 1] : -1;
		at += e->count;
	}
	return good;
}

// Without the file it counts for itself alone; who looks sees no bridge then.
static struct spore__bridge_record *open_record(const char *path, const struct spore__bridge_start *s)
{
	static struct spore__bridge_record own;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	void *map = MAP_FAILED;
	if (fd >= 0 && spore__os_lock(fd, true, true) == 0 && ftruncate(fd, 0) == 0 && ftruncate(fd, sizeof own) == 0)
		map = mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	// The descriptor stays open: with it the lock is held.
	struct spore__bridge_record *r = map != MAP_FAILED ? map : &own;
	for (int i = 0; i < 2; i++)
		atomic_store(&r->told[i], s->ends[i].ended);
	atomic_store(&r->pid, (int64_t)getpid());
	r->magic = SPORE__BRIDGE_MAGIC;
	return r;
}

// Memory that the inner processes share, one after the other. MAP_FAILED: there is none.
static struct spore__journal *share_journal(void)
{
	int zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
	void *map = zero >= 0 ? mmap(NULL, sizeof(struct spore__journal), PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0)
	                      : MAP_FAILED;
	if (zero >= 0)
		close(zero);
	return map;
}

static void listen_to_signals(sigset_t *waiting)
{
	static const int numbers[] = {SIGUSR1, SIGUSR2, SIGHUP, SIGTERM};
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t set;
	sigemptyset(&set);
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		sigaddset(&set, numbers[i]);
		(void)sigaction(numbers[i], &action, NULL);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	// They come while it waits and at no other time.
	(void)sigprocmask(SIG_BLOCK, &set, waiting);
}

// ---- the inner process

static bool start_inner(struct guard *g)
{
	static const char *const nothing[] = {NULL};
	static const struct spore__confine confine = {.read = nothing, .write = nothing, .alone = true};
	int said[2] = {-1, -1}, outer[2] = {-1, -1}, asks[2] = {-1, -1}, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool good = null >= 0 && spore__os_pipe(said) == 0 && spore__os_pipe(outer) == 0 && spore__os_pipe(asks) == 0;
	const struct spore__spawn spawn = {
	    .fds = {null, null, said[1]},
	    .die_with_parent = true,
	    .confine = spore__os_can_confine() ? &confine : NULL,
	};
	good = good && spore__os_fork(&spawn, &g->inner) == 0;
	if (good && g->inner == 0) {
		close(said[0]);
		close(said[1]);
		close(outer[1]);
		close(asks[0]);
		close(null);
		g->life.outer = outer[0];
		g->life.asks = asks[1];
		_exit(spore__bridge_translate(&g->life));
	}
	int saved = errno;
	const int mine[] = {
	    null, said[1], outer[0], asks[1], good ? -1 : said[0], good ? -1 : outer[1], good ? -1 : asks[0]};
	for (size_t i = 0; i < sizeof mine / sizeof mine[0]; i++)
		if (mine[i] >= 0)
			close(mine[i]);
	g->said = good ? said[0] : -1;
	g->life.outer = good ? outer[1] : -1;
	g->life.asks = good ? asks[0] : -1;
	errno = saved;
	return good;
}

// It can close its own copy of what it writes to, which is only one of two.
static void answer(struct guard *g)
{
	char side;
	if (read(g->life.asks, &side, 1) != 1) {
		close(g->life.asks);
		g->life.asks = -1;
		return;
	}
	int *out = side == '0' ? &g->life.out[0] : &g->life.out[1];
	if (*out >= 0)
		close(*out);
	*out = -1;
}

// What it said, until it has ended.
static void listen_to_inner(struct guard *g, const sigset_t *waiting)
{
	char bytes[8192];
	for (;;) {
		struct pollfd heard[] = {{.fd = g->said, .events = POLLIN}, {.fd = g->life.asks, .events = POLLIN}};
		int ready = spore__os_poll(heard, 2, NULL, waiting);
		if (got_term)
			(void)kill(g->inner, SIGKILL);
		if (got_left)
			(void)kill(g->inner, SIGUSR1);
		if (got_right)
			(void)kill(g->inner, SIGUSR2);
		if (got_look)
			(void)kill(g->inner, SIGHUP);
		got_left = got_right = got_look = 0;
		if (ready < 0)
			continue;
		if (heard[1].revents != 0)
			answer(g);
		if (heard[0].revents == 0)
			continue;
		ssize_t n = read(g->said, bytes, sizeof bytes);
		if (n > 0)
			append(g, SPORE__LOG_STDERR, bytes, (size_t)n);
		else if (n == 0 || errno != EINTR)
			break;
	}
	close(g->said);
	close(g->life.outer);
	while (g->life.asks >= 0) // what it asked for with its last breath
		answer(g);
	g->said = g->life.outer = -1;
}

// It did not end by itself. True: another one is to go on.
static bool crashed(struct guard *g, int status)
{
	char text[160];
	int64_t now = clock_ns(CLOCK_MONOTONIC) / 1000000;
	if (WIFSIGNALED(status))
		(void)snprintf(text, sizeof text, "its inner process was ended by signal %d (%s)", WTERMSIG(status),
		               strsignal(WTERMSIG(status)));
	else
		(void)snprintf(text, sizeof text, "its inner process ended with status %d", WEXITSTATUS(status));
	say(g, "error", "crashed", text);
	atomic_fetch_add(&g->life.record->restarts, 1);
	g->crashes = now - g->crashed_ms < CRASH_MS ? g->crashes + 1 : 1;
	g->crashed_ms = now;
	if (g->crashes < CRASHES)
		return true;
	say(g, "error", "gave-up", "it crashed too often: its channel ends, and a new one is made");
	return false;
}

static int run(struct guard *g, const sigset_t *waiting)
{
	for (;;) {
		int status;
		if (!start_inner(g)) {
			say(g, "error", "failed", strerror(errno));
			return SPORE__BRIDGE_CANNOT;
		}
		listen_to_inner(g, waiting);
		while (waitpid(g->inner, &status, 0) < 0 && errno == EINTR)
			;
		if (got_term || (WIFEXITED(status) && WEXITSTATUS(status) <= SPORE__BRIDGE_LAST))
			return got_term ? SPORE__BRIDGE_DONE : WEXITSTATUS(status);
		if (!crashed(g, status))
			return SPORE__BRIDGE_BROKEN;
		g->life.again = true;
		g->life.crashed = !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL;
	}
}

int spore__bridge_guard(void)
{
	static struct guard g = {.said = -1,
	                         .life = {.in = {-1, -1}, .out = {-1, -1}, .dead = -1, .outer = -1, .asks = -1}};
	sigset_t waiting;
	char text[4 * SPORE__BRIDGE_NAME];
	if (!receive(&g.life)) {
		(void)fprintf(stderr, "spore: bridge: between: the node starts it\n");
		return SPORE__BRIDGE_CANNOT;
	}
	const struct spore__bridge_start *s = &g.life.start;
	listen_to_signals(&waiting);
	g.life.record = open_record(s->record, s);
	g.life.dead = spore__dead_open(s->state, s->ends[0].name, s->ends[1].name, true);
	g.life.journal = share_journal();
	int status = SPORE__BRIDGE_CANNOT;
	(void)snprintf(text, sizeof text, "between %s and %s", s->ends[0].name, s->ends[1].name);
	say(&g, "info", "started", text);
	if (g.life.journal == MAP_FAILED)
		say(&g, "error", "failed", "there is no memory for it");
	else
		status = run(&g, &waiting);
	say(&g, "info", "ended", status == SPORE__BRIDGE_DONE ? "with its channel" : "since it cannot go on");
	if (g.logs)
		spore__log_close(&g.log);
	(void)unlink(s->record);
	return status;
}
