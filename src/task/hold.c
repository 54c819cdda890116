// The loop: descriptors, timers, signals. And the beginning: the folder, its lock and its specification.
#include "task/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/keep.h"
#include "os/os.h"
#include "task/hold_main.h"

enum {
	FLUSH_MS = 1000,  // for peers to take the last state
	STATUS_MS = 1000, // until the status is tried again
	STATUS_TRIES = 5, // at the end
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t = {0};
	(void)clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t spore__hold_now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t spore__hold_wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

// SplitMix64; only that holds do not all do the same at the same time.
uint32_t spore__hold_random(struct spore__hold *h, uint32_t limit)
{
	h->random += 0x9e3779b97f4a7c15U;
	uint64_t z = h->random;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return (uint32_t)((z ^ (z >> 31)) % limit);
}

void spore__hold_complain(const struct spore__hold *h, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "spore-hold: %s: %s\n", h->mark, text);
}

// ---- descriptors

bool spore__hold_io_open(struct spore__hold *h, struct spore__hold_io *io, int fd, short events,
                         void (*fn)(struct spore__hold *, struct spore__hold_io *, short))
{
	*io = (struct spore__hold_io){.fd = -1};
	for (size_t i = 0; i < SPORE__HOLD_IOS; i++) {
		if (h->ios[i] != NULL)
			continue;
		*io = (struct spore__hold_io){.fd = fd, .events = events, .fn = fn};
		h->ios[i] = io;
		if (i >= h->io_count)
			h->io_count = i + 1;
		return true;
	}
	errno = EMFILE;
	return false;
}

void spore__hold_io_close(struct spore__hold *h, struct spore__hold_io *io)
{
	for (size_t i = 0; i < h->io_count; i++)
		if (h->ios[i] == io)
			h->ios[i] = NULL;
	while (h->io_count > 0 && h->ios[h->io_count - 1] == NULL)
		h->io_count--;
	if (io->fn != NULL && io->fd >= 0)
		close(io->fd);
	io->fd = -1;
	io->fn = NULL;
}

// ---- timers

void spore__hold_timer(struct spore__hold *h, enum spore__hold_timer timer, int64_t ms)
{
	h->timers[timer] = ms < 0 ? 0 : spore__hold_now_ms() + ms;
}

static void on_state(struct spore__hold *h)
{
	spore__hold_happens(h, SPORE__ON_TIMER);
}

static void on_unready(struct spore__hold *h)
{
	spore__hold_happens(h, SPORE__ON_UNREADY);
}

static void (*const timer_fns[SPORE__TIMERS])(struct spore__hold *h) = {
    [SPORE__TIMER_STATE] = on_state,
    [SPORE__TIMER_READY] = on_unready,
    [SPORE__TIMER_LOG] = spore__hold_log_retry,
    [SPORE__TIMER_BUFFER] = spore__hold_buffer_idle,
    [SPORE__TIMER_PEERS] = spore__hold_peers_late,
    [SPORE__TIMER_ACCEPT] = spore__hold_peers_accept,
    [SPORE__TIMER_NODE] = spore__hold_node_start,
    [SPORE__TIMER_STATUS] = spore__hold_write_status,
    [SPORE__TIMER_SAY] = spore__hold_say_more,
    [SPORE__TIMER_CONTROL] = spore__hold_control_retry,
    [SPORE__TIMER_NAMED] = spore__hold_pumps_retry,
    [SPORE__TIMER_LISTENER] = spore__hold_named_look,
    [SPORE__TIMER_PUMPED] = spore__hold_pumped_unanswered,
    [SPORE__TIMER_PORTS] = spore__hold_ports_settle,
    [SPORE__TIMER_PROBE_READY] = spore__hold_probes_ready_timer,
    [SPORE__TIMER_PROBE_ALIVE] = spore__hold_probes_alive_timer,
};

// For poll: until the first of them; -1: for ever.
static int until_timer(const struct spore__hold *h)
{
	int64_t first = 0;
	for (int i = 0; i < SPORE__TIMERS; i++)
		if (h->timers[i] != 0 && (first == 0 || h->timers[i] < first))
			first = h->timers[i];
	int64_t left = first - spore__hold_now_ms();
	return first == 0 ? -1 : left <= 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

static void run_timers(struct spore__hold *h)
{
	int64_t now = spore__hold_now_ms();
	for (int i = 0; i < SPORE__TIMERS; i++) {
		if (h->timers[i] == 0 || h->timers[i] > now)
			continue;
		h->timers[i] = 0;
		timer_fns[i](h);
	}
}

// ---- signals

static int signal_pipe = -1;

static void on_signal(int sig)
{
	int saved = errno;
	unsigned char byte = (unsigned char)sig;
	ssize_t n = write(signal_pipe, &byte, 1); // full: the loop will look anyway
	(void)n;
	errno = saved;
}

static void take_signals(struct spore__hold *h, struct spore__hold_io *io, short revents)
{
	(void)revents;
	unsigned char bytes[256];
	bool child = false, end = false;
	for (ssize_t n; (n = read(io->fd, bytes, sizeof bytes)) > 0;)
		for (ssize_t i = 0; i < n; i++) {
			child |= bytes[i] == SIGCHLD;
			end |= bytes[i] != SIGCHLD;
		}
	if (child)
		spore__hold_run_reap(h);
	if (end) {
		h->grace = -1;
		spore__hold_happens(h, SPORE__ON_STOP);
	}
}

static int open_signals(struct spore__hold *h)
{
	static const int taken[] = {SIGCHLD, SIGTERM, SIGINT};
	static const int ignored[] = {SIGPIPE, SIGHUP, SIGXFSZ, SIGTTOU, SIGTTIN, SIGTSTP, SIGUSR1, SIGUSR2};
	if (spore__os_pipe(h->signals) != 0 || fcntl(h->signals[0], F_SETFL, O_NONBLOCK) != 0 ||
	    fcntl(h->signals[1], F_SETFL, O_NONBLOCK) != 0)
		return -1;
	signal_pipe = h->signals[1];
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	sigset_t none;
	(void)sigfillset(&action.sa_mask);
	for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
		if (sigaction(taken[i], &action, NULL) != 0)
			return -1;
	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	return spore__hold_io_open(h, &h->signal_io, h->signals[0], POLLIN, take_signals) ? 0 : -1;
}

// ---- the folder

// The state folder may have been removed under the hold. A node would not find it there, so it is made again.
static void look_after_folder(struct spore__hold *h)
{
	struct stat ours, there;
	char path[PATH_MAX];
	if (fstat(h->dir, &ours) != 0 ||
	    (stat(h->folder, &there) == 0 && there.st_dev == ours.st_dev && there.st_ino == ours.st_ino))
		return;
	for (char *slash = strchr(h->folder + 1, '/');; slash = strchr(slash + 1, '/')) {
		size_t len = slash != NULL ? (size_t)(slash - h->folder) : strlen(h->folder);
		memcpy(path, h->folder, len);
		path[len] = '\0';
		(void)mkdir(path, 0700);
		if (slash == NULL)
			break;
	}
	int dir = open(h->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int lock = dir >= 0 ? spore__folder_lock(dir) : -1;
	int sock = lock >= 0 ? spore__folder_listen(dir) : -1;
	if (sock < 0 || spore__folder_write_spec(dir, &h->spec) != 0) {
		int fds[] = {sock, lock, dir};
		for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
			if (fds[i] >= 0)
				close(fds[i]);
		return;
	}
	close(h->dir);
	close(h->lock);
	h->dir = dir;
	h->lock = lock;
	spore__hold_peers_listen(h, sock);
	spore__hold_event(h, SPORE_WARN, "folder", NULL, "its folder was removed: it has been made again");
}

void spore__hold_write_status(struct spore__hold *h)
{
	look_after_folder(h);
	h->written = (int)h->state.phase;
	h->written_run = h->state.run;
	if (spore__folder_write_state(h->dir, &h->state) != 0)
		spore__hold_timer(h, SPORE__TIMER_STATUS, STATUS_MS);
	else
		spore__hold_timer(h, SPORE__TIMER_STATUS, -1);
}

void spore__hold_keep_artifact(struct spore__hold *h)
{
	if (h->artifact < 0 && h->spec.store != NULL && h->spec.artifact != NULL)
		h->artifact = spore__keep_artifact(h->spec.store, h->spec.artifact);
}

// ---- beginning and end

static int open_folder(struct spore__hold *h, const char *folder)
{
	const char *base = strrchr(folder, '/');
	if ((size_t)snprintf(h->folder, sizeof h->folder, "%s", folder) >= sizeof h->folder || base == NULL ||
	    folder[0] != '/' || !spore__hold_name_parse(base + 1, &h->name)) {
		errno = EINVAL;
		return -1;
	}
	(void)snprintf(h->mark, sizeof h->mark, "%s", base + 1);
	h->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return h->dir < 0 ? -1 : 0;
}

// Without a specification there is nothing to run, and whoever looks into the folder has to find why.
static void no_spec(struct spore__hold *h)
{
	const char *why = errno == EBADMSG ? "it is damaged, or of another version" : strerror(errno);
	(void)snprintf(h->state.why, sizeof h->state.why, "its specification cannot be read: %s", why);
	h->state.phase = SPORE__PHASE_ENDED;
	h->state.failed = true;
	h->state.end = SPORE__END_NO_START;
	spore__hold_complain(h, "%s", h->state.why);
	(void)spore__folder_write_state(h->dir, &h->state);
}

static int prepare(struct spore__hold *h, const char *folder, int64_t run)
{
	h->dir = h->lock = h->artifact = -1;
	h->run.input = h->run.terminal = h->written = -1;
	h->random = (uint64_t)clock_ns(CLOCK_MONOTONIC) ^ ((uint64_t)getpid() << 32);
	h->state.hold = getpid();
	h->state.run = run - 1;
	h->state.wanted = true;
	if (open_folder(h, folder) != 0) {
		(void)fprintf(stderr, "spore-hold: %s: %s\n", folder,
		              errno == EINVAL ? "not the absolute path of a hold's folder" : strerror(errno));
		return -1;
	}
	h->lock = spore__folder_lock(h->dir);
	if (h->lock < 0) {
		spore__hold_complain(h, "its folder cannot be locked: %s",
		                     errno == EWOULDBLOCK ? "another hold has it" : strerror(errno));
		return -1;
	}
	struct spore__hold_state before;
	if (spore__folder_read_state(h->dir, &before) == 0 && before.phase == SPORE__PHASE_ENDED) {
		spore__hold_complain(h, "its end is recorded already: another node took it for dead before it began");
		return -1;
	}
	if (spore__folder_read_spec(h->dir, &h->spec) != 0) {
		no_spec(h);
		return -1;
	}
	spore__spec_name(&h->spec, h->task, sizeof h->task);
	return 0;
}

// To the disk first, then to those who listen.
static void tell(struct spore__hold *h)
{
	if (!h->dirty)
		return;
	h->dirty = false;
	if (h->written != (int)h->state.phase || h->written_run != h->state.run)
		spore__hold_write_status(h);
	spore__hold_peers_tell(h);
}

// Sleeps until something happens, and does what is to be done.
static void turn(struct spore__hold *h)
{
	struct pollfd fds[SPORE__HOLD_IOS];
	struct spore__hold_io *ios[SPORE__HOLD_IOS];
	nfds_t count = 0;
	for (size_t i = 0; i < h->io_count; i++) {
		struct spore__hold_io *io = h->ios[i];
		if (io == NULL || io->paused)
			continue;
		ios[count] = io;
		fds[count++] = (struct pollfd){.fd = io->fd, .events = io->events};
	}
	int ready = poll(fds, count, until_timer(h));
	for (nfds_t i = 0; ready > 0 && i < count; i++) {
		if (fds[i].revents == 0)
			continue;
		spore__hold_ports_settle(h);
		// What ran before may have closed it, or opened another in its place.
		bool there = false;
		for (size_t j = 0; j < h->io_count && !there; j++)
			there = h->ios[j] == ios[i] && ios[i]->fd == fds[i].fd && !ios[i]->paused;
		if (there)
			ios[i]->fn(h, ios[i], fds[i].revents);
	}
	run_timers(h);
	spore__hold_peers_sweep(h);
	tell(h);
}

// The last words: to the disk, and to those who listen.
static void finish(struct spore__hold *h)
{
	int64_t end = spore__hold_now_ms() + FLUSH_MS;
	spore__hold_log_close(h);
	while (!spore__hold_peers_done(h) && spore__hold_now_ms() < end)
		turn(h);
	for (int i = 0; h->timers[SPORE__TIMER_STATUS] != 0 && i < STATUS_TRIES; i++) {
		const struct timespec pause = {.tv_sec = STATUS_MS / 1000};
		(void)nanosleep(&pause, NULL);
		spore__hold_write_status(h);
	}
}

int spore__hold_main(const char *folder, int64_t run, const char *before, bool beside, int inherited)
{
	static struct spore__hold hold;
	struct spore__hold *h = &hold;
	(void)chdir("/");
	(void)umask(077);
	// The kernel lets a process pass no descriptor on while more than its limit are under way, unread, among all of this user's.
	h->open_files = spore__os_raise_open_files();
	if (getpgrp() != getpid() && setsid() < 0)
		return 1;
	if (prepare(h, folder, run) != 0)
		return 1;
	if (open_signals(h) != 0) {
		spore__hold_complain(h, "it cannot take signals: %s", strerror(errno));
		return 1;
	}
	spore__tree_init(&h->tree);
	h->beside = beside;
	(void)snprintf(h->state.tree, sizeof h->state.tree, "%s", h->tree.how);
	spore__hold_peers_open(h, inherited);
	spore__hold_log_open(h);
	spore__hold_keep_artifact(h);
	spore__hold_begin(h, before);
	tell(h);
	while (!h->quit)
		turn(h);
	finish(h);
	spore__tree_finish(&h->tree);
	spore__spec_finish(&h->spec);
	return 0;
}
