// The pumps between the ends of a program without libspore and their channels (src/pump): started, killed, and started again when somebody else has
// killed them. All descriptors of a pump are its port's, so nothing is lost with it. And the windows through which what they carry is seen.
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/os.h"
#include "pump/pump.h"
#include "task/hold.h"

enum {
	AT_WORK_MS = 1000, // one that lived shorter is not started again at once
	AGAIN_MS = 200,    // ... the second time; then, where it ended by itself, after twice as long each time
	AGAIN_MOST_MS = 3200,
	NUMBER = 12, // bytes of a descriptor's number
	ARGUMENTS = SPORE__HOLD_PUMP_FDS + 4,
};

static bool spawn(const struct spore__hold_pumping *p, pid_t *pid)
{
	char program[PATH_MAX], numbers[SPORE__HOLD_PUMP_FDS][NUMBER];
	const char *argv[ARGUMENTS];
	int pass[SPORE__HOLD_PUMP_FDS];
	size_t passed = 0, n = 0;
	if (!spore__hold_beside("spore-pump", program)) {
		errno = ENAMETOOLONG;
		return false;
	}
	argv[n++] = program;
	argv[n++] = p->how;
	for (size_t i = 0; i < p->count; i++) {
		(void)snprintf(numbers[i], NUMBER, "%d", p->fds[i]);
		argv[n++] = numbers[i];
		if (p->fds[i] >= 0)
			pass[passed++] = p->fds[i];
	}
	if (p->path != NULL)
		argv[n++] = p->path;
	argv[n] = NULL;
	// One that waits for a reader would wait for ever without its hold; the others end with their program.
	const struct spore__spawn s = {
	    .argv = argv,
	    .fds = {-1, -1, -1},
	    .pass = pass,
	    .pass_count = passed,
	    .die_with_parent = p->path != NULL,
	    .reset_signals = true,
	};
	return spore__os_spawn(&s, pid) == 0;
}

// One timer for all of them.
static void retry_in(struct spore__hold *h, int64_t ms)
{
	int64_t due = h->timers[SPORE__TIMER_NAMED];
	if (due == 0 || due > spore__hold_now_ms() + ms)
		spore__hold_timer(h, SPORE__TIMER_NAMED, ms);
}

void spore__hold_pump_start(struct spore__hold *h, struct spore__hold_pump *pump, const struct spore__hold_pumping *p)
{
	int64_t now = spore__hold_now_ms();
	if (pump->pid != 0)
		return;
	if (now < pump->due_ms) {
		retry_in(h, pump->due_ms - now);
		return;
	}
	pump->began_ms = now;
	if (spawn(p, &pump->pid))
		return;
	pump->pid = 0;
	if (pump->failures++ == 0)
		spore__hold_event(h, SPORE_ERROR, "port", NULL, "port %s: spore-pump cannot be started: %s", p->port,
		                  strerror(errno));
	retry_in(h, AT_WORK_MS);
}

void spore__hold_pump_kill(struct spore__hold_pump *pump)
{
	if (pump->pid != 0)
		(void)kill(pump->pid, SIGKILL);
	*pump = (struct spore__hold_pump){.began_ms = pump->began_ms};
}

enum spore__hold_pump_outcome spore__hold_pump_ended(struct spore__hold *h, struct spore__hold_pump *pump, int status,
                                                     const char *port)
{
	pump->pid = 0;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (code == SPORE__PUMP_END || code == SPORE__PUMP_GONE || code == SPORE__PUMP_CLOSED) {
		pump->failures = 0;
		pump->due_ms = 0;
		return code == SPORE__PUMP_END    ? SPORE__PUMPED_END
		       : code == SPORE__PUMP_GONE ? SPORE__PUMPED_GONE
		                                  : SPORE__PUMPED_CLOSED;
	}
	int64_t now = spore__hold_now_ms(), wait = AGAIN_MS;
	pump->failures = now - pump->began_ms < AT_WORK_MS ? pump->failures + 1 : 1;
	// One that was killed may do well the next time.
	for (unsigned i = 2; code >= 0 && i < pump->failures && wait < AGAIN_MOST_MS; i++)
		wait *= 2;
	pump->due_ms = pump->failures > 1 ? now + wait : 0;
	const struct spore__hold_number numbers[] = {{code < 0 ? "signal" : "code", code < 0 ? WTERMSIG(status) : code},
	                                             {0}};
	// What goes on like that is not said each time.
	if (pump->failures <= 2)
		spore__hold_event(h, SPORE_WARN, "pump", numbers, "port %s: its pump was ended, and is started again%s",
		                  port, pump->failures > 1 ? ", later each time" : "");
	if (pump->due_ms == 0)
		return SPORE__PUMPED_AGAIN;
	retry_in(h, wait);
	return SPORE__PUMPED_LATER;
}

void spore__hold_pumps_retry(struct spore__hold *h)
{
	spore__hold_named_retry(h);
	spore__hold_pumped_retry(h);
}

// ---- windows

void spore__hold_window_open(struct spore__hold_window *w)
{
	*w = (struct spore__hold_window){.fd = spore__os_memory(SPORE__WINDOW_SIZE)};
	if (w->fd < 0)
		return;
	w->map = spore__window_map(w->fd, true);
	if (w->map == NULL) {
		spore__hold_window_close(NULL, w);
		return;
	}
	for (int way = 0; way < SPORE__WINDOW_WAYS; way++)
		spore__hold_window_finish(w, (enum spore__window_way)way);
	w->map->magic = SPORE__WINDOW_MAGIC;
}

void spore__hold_window_finish(struct spore__hold_window *w, enum spore__window_way way)
{
	if (w->map != NULL)
		atomic_store_explicit(&w->map->lanes[way].finished, 1, memory_order_release);
}

void spore__hold_window_close(struct spore__hold *h, struct spore__hold_window *w)
{
	if (h != NULL)
		spore__hold_peers_unwatch(h, w);
	spore__window_unmap(w->map);
	if (w->fd >= 0)
		close(w->fd);
	*w = (struct spore__hold_window){.fd = -1};
}

bool spore__hold_window_watch(struct spore__hold_window *w)
{
	if (spore__os_memory_reserve(w->fd, SPORE__WINDOW_SIZE) != 0)
		return false;
	if (w->watchers++ == 0)
		atomic_store_explicit(&w->map->watched, 1, memory_order_release);
	return true;
}

void spore__hold_window_unwatch(struct spore__hold_window *w)
{
	if (w->watchers > 0 && --w->watchers == 0)
		atomic_store_explicit(&w->map->watched, 0, memory_order_release);
}
