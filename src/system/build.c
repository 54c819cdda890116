// The sources of a system's tasks: built two at a time, each in a process of its own, whose words are shown when it has ended, so that
// those of two builds do not mix.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/err.h"
#include "base/mem.h"
#include "os/os.h"
#include "system/run.h"
#include "task/wanted.h"

enum { AT_ONCE = 2 };

struct job {
	size_t task;
	pid_t pid;
	FILE *words;
	int end; // of a pipe whose other end the process has
};

static struct spore__launch_wish wish_of(const struct spore__manifest_task *t)
{
	return (struct spore__launch_wish){
	    .source = t->source,
	    .bin = t->bin,
	    .args = (const char *const *)t->args.items,
	    .absolute = true,
	    .control = t->spec.control,
	};
}

static const char *const tiers[] = {"opt", "fast"};

// A program that was started at once, of the fast compiler, is the same program when the optimised one is there.
static void find_twins(const struct spore__launch *l, struct spore__strs *twins)
{
	spore__strs_finish(twins);
	for (size_t i = 0; l->artifact != NULL && i < sizeof tiers / sizeof *tiers; i++) {
		struct spore__index index = {0};
		char *path = spore__index_path(l->store, l->source, tiers[i]);
		if (spore__index_read(path, &index) == 0 && spore__index_same(&index, NULL) &&
		    strcmp(index.id, l->artifact) != 0)
			spore__strs_add(twins, index.id);
		spore__index_finish(&index);
		free(path);
	}
}

// Which input of the last build differs now; malloc'ed, NULL when it would not be built again or never was.
static char *what_changed(const struct spore__launch_wish *wish)
{
	char *store, *real = realpath(wish->source, NULL), *changed = NULL;
	if (real == NULL || spore__launch_is_system_program(wish->source)) {
		free(real);
		return NULL;
	}
	store = spore__dirs_store();
	for (size_t i = 0; i < sizeof tiers / sizeof *tiers; i++) {
		struct spore__index index = {0};
		const char *which = NULL;
		char *path = spore__index_path(store, real, tiers[i]);
		if (spore__index_read(path, &index) == 0) {
			free(changed);
			changed = NULL;
			if (!spore__index_same(&index, &which) && which != NULL)
				changed = spore__xstrdup(which);
			else
				i = sizeof tiers / sizeof *tiers; // one that is current is enough
		}
		spore__index_finish(&index);
		free(path);
	}
	free(store);
	free(real);
	return changed;
}

static _Noreturn void build_in_child(const struct job *job, const struct spore__manifest_task *t)
{
	struct spore__launch l = {0};
	struct spore__launch_wish wish = wish_of(t);
	sigset_t none;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL); // `up` blocks some
	if (dup2(fileno(job->words), STDERR_FILENO) < 0)
		_exit(SPORE__EXIT_SPORE);
	_exit(spore__launch(&wish, &l));
}

static bool start_job(struct job *job, const struct spore__manifest_task *t)
{
	int ends[2] = {-1, -1};
	job->words = tmpfile();
	job->pid = job->words != NULL && spore__os_pipe(ends) == 0 ? fork() : -1;
	job->end = ends[0];
	if (job->pid == 0)
		build_in_child(job, t);
	if (ends[1] >= 0)
		close(ends[1]);
	if (job->pid > 0)
		return true;
	spore__report("raise the limit of processes (ulimit -u), or free some space in the temporary folder",
	              "%s: cannot start a build: %s", t->name, strerror(errno));
	if (job->words != NULL)
		(void)fclose(job->words);
	if (ends[0] >= 0)
		close(ends[0]);
	return false;
}

static void show_words(struct job *job)
{
	char bytes[4096];
	rewind(job->words);
	for (size_t n; (n = fread(bytes, 1, sizeof bytes, job->words)) > 0;)
		(void)fwrite(bytes, 1, n, stderr);
	(void)fclose(job->words);
}

// Waits for one of the COUNT jobs, and takes it out. True when it worked.
static bool end_job(struct job *jobs, size_t *count, size_t *task)
{
	struct pollfd ends[AT_ONCE];
	size_t i = 0;
	int status;
	for (size_t k = 0; k < *count; k++)
		ends[k] = (struct pollfd){.fd = jobs[k].end, .events = POLLIN};
	while (poll(ends, (nfds_t)*count, -1) < 0 && errno == EINTR)
		;
	while (i + 1 < *count && ends[i].revents == 0)
		i++;
	pid_t pid;
	while ((pid = waitpid(jobs[i].pid, &status, 0)) < 0 && errno == EINTR)
		;
	*task = jobs[i].task;
	show_words(&jobs[i]);
	close(jobs[i].end);
	jobs[i] = jobs[--*count];
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// A source that two tasks share is built once: it is the same to spore-build, whose lock makes the second wait.
static int build_all(struct spore__run *r, struct spore__strs *failed)
{
	struct job jobs[AT_ONCE];
	size_t running = 0, next = 0, task;
	while (running > 0 || next < r->m.count) {
		if (running == AT_ONCE || next == r->m.count) {
			if (!end_job(jobs, &running, &task))
				spore__strs_add(failed, r->m.tasks[task].name);
			continue;
		}
		size_t i = next++;
		if (!r->tasks[i].selected || spore__launch_is_system_program(r->m.tasks[i].source))
			continue;
		jobs[running].task = i;
		if (start_job(&jobs[running], &r->m.tasks[i]))
			running++;
		else
			spore__strs_add(failed, r->m.tasks[i].name);
	}
	return failed->count > 0 ? SPORE__EXIT_SPORE : 0;
}

int spore__run_build(struct spore__run *r)
{
	struct spore__strs failed = {0};
	for (size_t i = 0; i < r->m.count; i++) {
		spore__launch_finish(&r->tasks[i].launch);
		r->tasks[i].launch.held = -1;
		free(r->tasks[i].reason);
		struct spore__launch_wish wish = wish_of(&r->m.tasks[i]);
		r->tasks[i].reason = r->tasks[i].selected ? what_changed(&wish) : NULL;
	}
	int status = build_all(r, &failed);
	for (size_t i = 0; status == 0 && i < r->m.count; i++) {
		if (!r->tasks[i].selected)
			continue;
		struct spore__manifest_task *t = &r->m.tasks[i];
		struct spore__launch_wish wish = wish_of(t);
		status = spore__launch(&wish, &r->tasks[i].launch); // built a moment ago
		if (status != 0)
			break;
		find_twins(&r->tasks[i].launch, &r->tasks[i].twins);
		free(t->spec.system);
		free(t->spec.task);
		t->spec.system = spore__xstrdup(r->m.name);
		t->spec.task = spore__xstrdup(t->name);
		spore__wanted_from_launch(&t->spec, &r->tasks[i].launch, &t->env, r->m.dir);
	}
	if (failed.count > 0) {
		struct spore__buf names = {0};
		for (size_t i = 0; i < failed.count; i++)
			spore__buf_printf(&names, "%s%s", i > 0 ? ", " : "", failed.items[i]);
		spore__report("nothing was started or stopped", "%s: could not be built: %s", r->what, names.data);
		spore__buf_finish(&names);
	}
	spore__strs_finish(&failed);
	return status;
}
