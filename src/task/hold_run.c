// One instance: its start, what it gets, its end.
#define _DEFAULT_SOURCE // wait4: resources of one child
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/os.h"
#include "task/hold.h"

enum { REAPED_AT_ONCE = 1000 }; // then the loop looks at something else

// ---- standard descriptors

static int open_input(struct spore__hold *h, int *mine)
{
	int ends[2];
	*mine = -1;
	if (spore__hold_wired_end(h, 0, &ends[0]) || spore__hold_pumped_end(h, 0, &ends[0]))
		return ends[0];
	switch (h->spec.stdin_from) {
	case SPORE__STDIN_FILE:
		return open(h->spec.stdin_file, O_RDONLY | O_CLOEXEC);
	case SPORE__STDIN_OPEN:
		if (spore__os_pipe(ends) != 0)
			return -1;
		*mine = ends[1];
		return ends[0];
	case SPORE__STDIN_NULL:
		break;
	}
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void close_all(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

// THEIRS are the program's 0, 1 and 2; MINE the other ends, -1 where there is none.
static int open_standard(struct spore__hold *h, int theirs[3], int mine[3])
{
	int ends[2];
	for (int i = 0; i < 3; i++)
		theirs[i] = mine[i] = -1;
	if (h->spec.tty) {
		if (spore__hold_terminal_open(h, theirs, mine, &h->run.terminal) != 0)
			goto failed;
		return 0;
	}
	theirs[0] = open_input(h, &mine[0]);
	if (theirs[0] < 0)
		goto failed;
	for (int i = 1; i < 3; i++) {
		if (i == 1 && (spore__hold_wired_end(h, 1, &theirs[1]) || spore__hold_pumped_end(h, 1, &theirs[1]))) {
			if (theirs[1] < 0)
				goto failed;
			continue; // nothing of it is seen here
		}
		if (spore__os_pipe(ends) != 0)
			goto failed;
		mine[i] = ends[0];
		theirs[i] = ends[1];
	}
	for (int i = 0; i < 3; i++)
		if (mine[i] >= 0 && nonblocking(mine[i]) != 0)
			goto failed;
	return 0;
failed:;
	int saved = errno;
	close_all(theirs, 3);
	close_all(mine, 3);
	close_all(&h->run.terminal, 1);
	h->run.terminal = -1;
	errno = saved;
	return -1;
}

// ---- start

static int cannot(struct spore__hold *h, const char *what)
{
	int why = errno;
	const char *more = why == EMFILE || why == ENFILE ? "; raise the limit of open files"
	                   : why == EAGAIN                ? "; there are too many processes"
	                                                  : "";
	(void)snprintf(h->state.why, sizeof h->state.why, "%.300s: %s%s", what, strerror(why), more);
	errno = why;
	return -1;
}

static void note_tree(struct spore__hold *h)
{
	const char *cgroup = spore__tree_path(&h->tree);
	(void)snprintf(h->state.tree, sizeof h->state.tree, "%s", h->tree.how);
	(void)snprintf(h->state.cgroup, sizeof h->state.cgroup, "%s",
	               strlen(cgroup) < sizeof h->state.cgroup ? cgroup : "");
}

static int spawn_so(struct spore__hold *h, const int theirs[3], const struct spore__hold_ends *ends,
                    const struct spore__hold_limits *limits, const struct spore__task_confine *confine)
{
	static struct spore__hold_environment e; // large
	if (spore__hold_environment_make(h, false, ends->control, &e) != 0)
		return -1;
	const struct spore__spawn s = {
	    .argv = (const char *const *)h->spec.argv,
	    .envp = e.items,
	    .cwd = h->spec.cwd,
	    .fds = {theirs[0], theirs[1], theirs[2]},
	    .pass = &ends->control,
	    .pass_count = ends->control >= 0 ? 1 : 0,
	    .place_from = ends->newline,
	    .place_to = ends->newline >= 0 ? (int)h->spec.ready_fd : 0,
	    .cgroup = h->tree.entry,
	    .session = true,
	    .terminal = h->spec.tty,
	    .die_with_parent = true,
	    .nice = limits->nice,
	    .open_files = h->open_files,
	    .limits = &limits->rlimits,
	    .cpus = limits->pinned ? &limits->cpus : NULL,
	    .confine = h->spec.confine ? &confine->confine : NULL,
	    .reset_signals = true,
	};
	spore__hold_named_begins(h);
	int r = spore__os_spawn(&s, &h->run.pid);
	int saved = errno;
	spore__hold_environment_finish(&e);
	errno = saved;
	return r;
}

static int spawn(struct spore__hold *h, const int theirs[3], const struct spore__hold_ends *ends)
{
	struct spore__hold_limits limits;
	struct spore__task_confine confine = {0};
	char what[PATH_MAX + 32];
	int r;
	for (;;) {
		if (spore__hold_limits_make(h, &limits) != 0 || spore__hold_confine_make(h, &confine) != 0) {
			spore__confine_finish(&confine);
			return -1;
		}
		r = spawn_so(h, theirs, ends, &limits, &confine);
		int saved = errno;
		spore__confine_finish(&confine);
		errno = saved;
		if (r == 0 || errno != EXDEV || h->tree.entry < 0)
			break;
		spore__tree_without_cgroup(&h->tree); // where it may be made but not entered
	}
	int saved = errno;
	note_tree(h);
	if (r == 0)
		return 0;
	(void)snprintf(what, sizeof what, "cannot start %s", h->spec.argv[0]);
	if (h->spec.cwd != NULL && access(h->spec.cwd, X_OK) != 0) {
		saved = errno;
		(void)snprintf(what, sizeof what, "cannot start in the folder %s", h->spec.cwd);
	}
	errno = saved;
	return cannot(h, what);
}

int spore__hold_run_start(struct spore__hold *h)
{
	struct spore__hold_run *r = &h->run;
	int theirs[3], mine[3];
	struct spore__hold_ends ends;
	*r = (struct spore__hold_run){.input = -1, .terminal = -1};
	if (h->state.restarts > 0)
		spore__tree_renew(&h->tree);
	h->state.run++;
	spore__hold_keep_artifact(h);
	if (spore__hold_probes_prepare(h) != 0)
		return -1;
	if (open_standard(h, theirs, mine) != 0)
		return cannot(h, h->spec.tty                               ? "its terminal"
		                 : h->spec.stdin_from == SPORE__STDIN_FILE ? h->spec.stdin_file
		                                                           : "standard descriptors");
	if (spore__hold_control_open(h, &ends) != 0) {
		int failed = cannot(h, "its channels");
		close_all(theirs, 3);
		close_all(mine, 3);
		spore__hold_run_finish(h);
		return failed;
	}
	r->began_ms = spore__hold_now_ms();
	h->state.started_at = spore__hold_wall_ns();
	int failed = spawn(h, theirs, &ends);
	close_all(theirs, 3);
	close_all(&ends.control, 1);
	close_all(&ends.newline, 1);
	if (failed != 0) {
		close_all(mine, 3);
		spore__hold_run_finish(h);
		r->pid = 0;
		return failed;
	}
	r->input = mine[0];
	h->state.pid = r->pid;
	h->tree.group = r->pid;
	if (mine[1] >= 0)
		spore__hold_output_open(h, &r->out, mine[1], h->spec.tty ? SPORE__LOG_TTY : SPORE__LOG_STDOUT);
	if (mine[2] >= 0)
		spore__hold_output_open(h, &r->err, mine[2], SPORE__LOG_STDERR);
	spore__hold_control_started(h);
	return 0;
}

// What the cgroup knows of all its processes.
static void note_use(struct spore__hold *h, struct spore__tree_use *use)
{
	spore__tree_use(&h->tree, use);
	if (use->user_us >= 0 && use->system_us >= 0) {
		h->state.user_us = use->user_us;
		h->state.system_us = use->system_us;
	}
	h->state.peak_kib = use->peak > 0 ? use->peak / 1024 : 0;
}

void spore__hold_run_close_input(struct spore__hold *h)
{
	spore__hold_viewers_drop_input(h);
	if (h->run.input >= 0)
		close(h->run.input);
	h->run.input = -1;
}

void spore__hold_run_finish(struct spore__hold *h)
{
	struct spore__tree_use use;
	if (h->run.began_ms != 0)
		note_use(h, &use); // that of what it left running too
	spore__hold_run_close_input(h);
	spore__hold_output_close(h);
	close_all(&h->run.terminal, 1);
	h->run.terminal = -1;
	spore__hold_control_close(h);
	h->tree.group = 0;
}

// ---- end

static int64_t microseconds(const struct timeval *t)
{
	return (int64_t)t->tv_sec * 1000000 + t->tv_usec;
}

static void note_limit(struct spore__hold *h, bool failed)
{
	struct spore__tree_use use;
	struct spore__hold_state *s = &h->state;
	note_use(h, &use);
	if (use.forks_refused > 0) {
		const struct spore__hold_number forks[] = {{"refused", use.forks_refused}, {0}};
		spore__hold_event(h, SPORE_WARN, "forks-refused", forks,
		                  "%s#%" PRId64 " was refused %" PRId64 " processes or threads: its limit is %" PRId64,
		                  h->task, s->run, use.forks_refused, h->spec.limit_processes);
	}
	if (h->fate != SPORE__END_NONE || !failed)
		return;
	if (use.out_of_memory > 0 && h->spec.limit_memory > 0) {
		static const char *const letters[] = {"", "K", "M", "G", "T"};
		int64_t bytes = h->spec.limit_memory;
		size_t l = 0;
		for (; bytes % 1024 == 0 && l + 1 < sizeof letters / sizeof *letters; l++)
			bytes /= 1024;
		(void)snprintf(s->why, sizeof s->why, "out of memory (limit %" PRId64 "%s)", bytes, letters[l]);
	} else if (use.out_of_memory > 0) {
		(void)snprintf(s->why, sizeof s->why, "out of memory");
	} else if (use.forks_refused > 0) {
		(void)snprintf(s->why, sizeof s->why, "processes or threads were refused (limit %" PRId64 ")",
		               h->spec.limit_processes);
	}
	if (s->why[0] != '\0')
		spore__hold_event(h, SPORE_ERROR, "limit", NULL, "%s#%" PRId64 ": %.400s", h->task, s->run, s->why);
}

static void note_end(struct spore__hold *h, int status, const struct rusage *used)
{
	struct spore__hold_state *s = &h->state;
	const char *task = h->task;
	h->run.pid = 0;
	s->pid = 0;
	s->ended_at = spore__hold_wall_ns();
	s->healthy = false;
	s->user_us = microseconds(&used->ru_utime);
	s->system_us = microseconds(&used->ru_stime);
	s->memory_kib = used->ru_maxrss;
	if (h->fate == SPORE__END_NONE)
		s->why[0] = '\0';
	s->code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	s->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
#ifdef WCOREDUMP
	s->core = WIFSIGNALED(status) && WCOREDUMP(status);
#endif
	s->end = WIFSIGNALED(status) ? SPORE__END_SIGNALLED : SPORE__END_EXITED;
	const struct spore__hold_number numbers[] = {
	    {WIFSIGNALED(status) ? "signal" : "code", WIFSIGNALED(status) ? s->signal : s->code},
	    {"after_ms", spore__hold_now_ms() - h->run.began_ms},
	    {0},
	};
	bool expected = h->at != SPORE__AT_STARTING && h->at != SPORE__AT_RUNNING;
	enum spore_level level = expected || (s->end == SPORE__END_EXITED && s->code == 0) ? SPORE_INFO : SPORE_ERROR;
	if (WIFSIGNALED(status))
		spore__hold_event(h, level, "exited", numbers, "%s#%" PRId64 " was ended by signal %" PRId64 " (%s)%s",
		                  task, s->run, s->signal, strsignal((int)s->signal),
		                  s->core ? ", leaving a core file" : "");
	else
		spore__hold_event(h, level, "exited", numbers, "%s#%" PRId64 " ended with %" PRId64, task, s->run,
		                  s->code);
	note_limit(h, !expected && (s->end != SPORE__END_EXITED || s->code != 0));
	if (h->fate != SPORE__END_NONE)
		s->end = h->fate;
}

void spore__hold_run_reap(struct spore__hold *h)
{
	bool exited = false, all = false;
	for (int i = 0; i < REAPED_AT_ONCE; i++) {
		struct rusage used;
		int status;
		pid_t pid = wait4(-1, &status, WNOHANG, &used);
		if (pid < 0 && errno == EINTR)
			continue;
		all = pid <= 0;
		if (all)
			break;
		if (pid == h->run.pid) {
			// Its last words first, as far as they are there, so that they stand before its end in the log.
			(void)spore__hold_output_drain(h);
			spore__hold_control_last(h);
			note_end(h, status, &used);
			exited = true;
		} else {
			(void)(spore__hold_named_reaped(h, pid, status) || spore__hold_pumped_reaped(h, pid, status) ||
			       spore__hold_probes_reaped(h, pid, status));
		}
	}
	if (!all)
		(void)raise(SIGCHLD); // there may be more
	if (exited)
		spore__hold_happens(h, SPORE__ON_EXIT);
	// Who is left is looked for among all processes. Where some run away, the dead among them would grow in number while that is done.
	if (all && h->run.pid == 0 && spore__tree_is_empty(&h->tree))
		spore__hold_happens(h, SPORE__ON_EMPTY);
}
