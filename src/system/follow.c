#include "system/follow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/err.h"
#include "base/fs.h"
#include "node/tasks_wait.h"
#include "os/os.h"
#include "system/node.h"
#include "system/wait.h"
#include "system/watch.h"

enum { LOOK_MS = 200 }; // for signals, while files are watched

void spore__follow_begin(struct spore__follow *f)
{
	struct timespec now = {0};
	struct tm utc;
	char date[32];
	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &utc) == NULL || strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc) == 0)
		(void)snprintf(date, sizeof date, "1970-01-01T00:00:00");
	(void)snprintf(f->since, sizeof f->since, "--since=%s.%09ldZ", date, now.tv_nsec);
}

static void start_logs(struct spore__follow *f, const struct spore__run *r)
{
	struct spore__strs argv = {0}, names = {0};
	char *libexec = spore__dirs_libexec();
	spore__strs_take(&argv, spore__fs_join(libexec, "spore-logs"));
	spore__strs_add(&argv, "--follow");
	spore__strs_add(&argv, f->since);
	spore__strs_add(&argv, "--");
	spore__run_names(r, &names);
	for (size_t i = 0; i < names.count; i++)
		spore__strs_add(&argv, names.items[i]);
	// In a process group of its own: the terminal's Ctrl-C is for us, and what the tasks say at their end is shown too.
	const struct spore__spawn spawn = {
	    .argv = (const char *const *)argv.items,
	    .fds = {-1, -1, -1},
	    .pgroup = SPORE__PGROUP_NEW,
	    .die_with_parent = true,
	    .reset_signals = true,
	};
	if (names.count > 0 && spore__os_spawn(&spawn, &f->logs) != 0) {
		f->logs = 0;
		spore__report("the tasks run; 'spore down' stops them", "%s: cannot start %s: %s", r->what,
		              argv.items[0], strerror(errno));
	}
	spore__strs_finish(&names);
	spore__strs_finish(&argv);
	free(libexec);
}

// A process that goes on here: 0 in it, and 0 when there is none. It hears nothing of the terminal, and ends when this one is gone.
static pid_t fork_aside(bool *inside)
{
	static const struct spore__spawn how = {
	    .fds = {-1, -1, -1}, .pgroup = SPORE__PGROUP_NEW, .die_with_parent = true, .reset_signals = true};
	pid_t pid = 0;
	*inside = spore__os_fork(&how, &pid) == 0 && pid == 0;
	return pid;
}

// A call that takes long is made by a process of its own, so that this one can go on listening to signals.
static pid_t call_aside(const struct spore__run *r, const char *method, const char *key, const char *value)
{
	bool inside;
	pid_t pid = fork_aside(&inside);
	if (!inside)
		return pid;
	struct spore__strs names = {0};
	struct spore__tasks t;
	struct spore__msgpack_writer w = {0};
	if (spore__tasks_open(&t, r->what, true) != 0)
		_exit(SPORE__EXIT_SPORE);
	spore__run_names(r, &names);
	spore__tasks_put_names(&w, names.items, names.count, key != NULL);
	if (key != NULL) {
		spore__msgpack_str(&w, key);
		if (value != NULL)
			spore__msgpack_str(&w, value);
		else
			spore__msgpack_bool(&w, true);
	}
	enum spore_err err = spore__tasks_call(&t, method, &w, true, SPORE__TASKS_FOREVER_MS);
	if (err != SPORE_OK)
		_exit(spore__tasks_failed(&t, err));
	char *waiting = spore__tasks_waiting(&t.rpc.m.result);
	if (waiting[0] != '\0')
		spore__report(NULL, "%s: still waiting for %s", r->what, waiting);
	_exit(0);
}

static void interrupt(struct spore__follow *f, const struct spore__run *r, int sig)
{
	if (f->killing)
		return;
	f->killing = f->stopping;
	if (!f->stopping) {
		f->interrupted = sig;
		(void)fprintf(stderr, "stopping %s; once more kills\n", r->m.name);
	}
	f->stopping = true;
	f->stopper = call_aside(r, "tasks.stop", f->killing ? "kill" : NULL, NULL);
}

// True when it is time to end.
static bool reap(struct spore__follow *f)
{
	bool over = false;
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		int code = WIFEXITED(status) ? WEXITSTATUS(status) : SPORE__EXIT_SPORE;
		over = over || pid == f->stopper || (pid == f->waiter && code == 0);
		if (pid == f->logs)
			f->logs = 0;
		if (pid == f->waiter)
			f->waiter = 0;
		if (pid == f->ready)
			f->ready = 0;
		if (pid == f->applier) {
			f->applier = 0;
			f->applied = code;
		}
	}
	return over;
}

// Waits for one signal. True when it is time to end.
static bool take_signal(struct spore__follow *f, const struct spore__run *r)
{
	int sig;
	if (sigwait(&f->signals, &sig) != 0)
		return true;
	if (sig == SIGCHLD)
		return reap(f);
	interrupt(f, r, sig);
	return false;
}

static bool is_signal_there(const struct spore__follow *f)
{
	static const int ours[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
	sigset_t pending;
	if (sigpending(&pending) != 0)
		return false;
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		if (sigismember(&pending, ours[i]) == 1)
			return true;
	return false;
}

static void end_process(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGTERM);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

// Does what has to be done in a process of its own; a connection must not be shared with it.
static pid_t run_aside(struct spore__run *r, int (*run)(struct spore__run *r, int64_t arg), int64_t arg)
{
	bool inside;
	pid_t pid = fork_aside(&inside);
	if (!inside)
		return pid;
	int status = spore__tasks_open(&r->node, r->what, true);
	_exit(status != 0 ? SPORE__EXIT_SPORE : run(r, arg));
}

static int apply(struct spore__run *r, int64_t keep_old)
{
	return spore__run_apply(r, keep_old != 0);
}

// Waits until the new ones are ready; meanwhile it can be interrupted.
static int apply_aside(struct spore__follow *f, const struct spore__run *r, struct spore__run *next)
{
	f->applied = SPORE__EXIT_SPORE;
	f->applier = run_aside(next, apply, 1);
	while (f->applier != 0 && !f->stopping)
		(void)take_signal(f, r);
	end_process(f->applier);
	f->applier = 0;
	return f->applied;
}

static bool same_names(const struct spore__run *a, const struct spore__run *b)
{
	bool same = a->count == b->count;
	for (size_t i = 0; same && i < a->count; i++)
		same = strcmp(a->items[i].name, b->items[i].name) == 0;
	return same;
}

// For other tasks. A line that is written at this moment may be shown twice, none is left out.
static void restart_logs(struct spore__follow *f, const struct spore__run *r)
{
	spore__follow_begin(f);
	end_process(f->logs);
	f->logs = 0;
	start_logs(f, r);
}

static int prepare(struct spore__run *next, const struct spore__run *r, const struct spore__options *o)
{
	int status = spore__run_load(next, r->what, o);
	if (status == 0 && strcmp(next->m.name, r->m.name) != 0) {
		spore__report("end it with Ctrl-C, and start it again", "%s: the system has another name now", r->what);
		status = SPORE__EXIT_SPORE;
	}
	if (status == 0)
		status = spore__run_build(next);
	return status == 0 ? spore__run_plan(next, true) : status;
}

// Everything anew from the changed files. What runs is left alone until what replaces it is built, and ready.
static void renew(struct spore__follow *f, struct spore__run *r, const struct spore__options *o,
                  struct spore__watching *w, const char *changed)
{
	struct spore__run next;
	spore__report(NULL, "%s changed, building again", spore__system_shown(changed));
	spore__watching_refresh(w); // what changes while it is built is told after it
	int status = prepare(&next, r, o);
	if (status == 0 && spore__run_differs(&next)) {
		spore__run_print(&next);
		if (!same_names(r, &next))
			restart_logs(f, &next);
		status = apply_aside(f, r, &next);
	}
	spore__watching_add(w, &next);
	if (status != 0) {
		if (!f->stopping)
			spore__report(NULL, "%s runs on as it was", r->m.name);
		spore__run_finish(&next);
		return;
	}
	spore__run_finish(r);
	*r = next;
}

static int failures(struct spore__run *r)
{
	struct spore__task_list list;
	int status = SPORE__EXIT_OK;
	if (spore__tasks_list(&r->node, r->m.name, true, &list) == SPORE_OK)
		for (size_t i = 0; i < list.count; i++)
			if (strcmp(list.items[i].state, "failed") == 0) {
				spore__report("'spore logs' shows what it said", "%s failed: %s", list.items[i].name,
				              list.items[i].why);
				status = SPORE__EXIT_FAILED;
			}
	spore__task_list_finish(&list);
	return status;
}

int spore__follow(struct spore__follow *f, struct spore__run *r, const struct spore__options *o)
{
	struct spore__watching *w = o->watch ? spore__watching_create() : NULL;
	if (o->watch && w == NULL)
		return SPORE__EXIT_SPORE;
	sigemptyset(&f->signals);
	sigaddset(&f->signals, SIGINT);
	sigaddset(&f->signals, SIGTERM);
	sigaddset(&f->signals, SIGHUP);
	sigaddset(&f->signals, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &f->signals, &f->before);
	start_logs(f, r);
	if (o->wait)
		f->ready = run_aside(r, spore__wait_ready, o->timeout_ms);
	if (w != NULL)
		spore__watching_add(w, r);
	else
		f->waiter = call_aside(r, "tasks.wait", "until", "ended");
	const char *changed = w != NULL ? spore__watching_changed(w) : NULL;
	for (bool over = false; !over;) {
		if (changed != NULL && !f->stopping)
			renew(f, r, o, w, changed);
		changed = w != NULL ? spore__watching_wait(w, LOOK_MS) : NULL;
		while (!over && (w == NULL || is_signal_there(f)))
			over = take_signal(f, r);
	}
	end_process(f->ready);
	end_process(f->waiter);
	end_process(f->logs);
	spore__watching_destroy(w);
	(void)sigprocmask(SIG_SETMASK, &f->before, NULL);
	return f->interrupted != 0 ? 128 + f->interrupted : failures(r);
}
