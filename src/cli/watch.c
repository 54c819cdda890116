#include "cli/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cli/foreground.h"
#include "os/os.h"

enum {
	GRACE_MS = 5000,
	SETTLE_MS = 50, // an editor writes, renames and changes times in one go
	LOOK_MS = 200,  // for the program's end, while nothing changes
};

struct watching {
	const struct spore__launch_wish *wish;
	struct spore__launch launch; // of what runs, or of the last build
	struct spore__foreground program;
	bool running;
	struct spore__watch *watch;
	struct spore__strs watched; // folders; what changes in them during a build is told after it
	struct spore__filestate script_state;
};

static const struct spore__filestate *state_of(const char *path, struct spore__filestate *state)
{
	struct stat st;
	*state = (struct spore__filestate){0};
	if (stat(path, &st) == 0)
		spore__filestate_of(&st, state);
	return state;
}

// Only what is the user's changes while he works; the system's files are looked at by the next build anyway.
static bool of_the_system(const char *path)
{
	return strncmp(path, "/usr/", 5) == 0 || strncmp(path, "/lib", 4) == 0 || strncmp(path, "/bin", 4) == 0 ||
	       strncmp(path, "/etc/", 5) == 0;
}

static void watch_folder(struct watching *s, char *path)
{
	if (spore__strs_has(&s->watched, path)) {
		free(path);
		return;
	}
	if (spore__os_watch_add(s->watch, path) != 0 && errno == ENOSPC)
		spore__die(SPORE__EXIT_SPORE, "raise fs.inotify.max_user_watches", "cannot watch %s: too many folders",
		           path);
	spore__strs_take(&s->watched, path);
}

static void watch_inputs(struct watching *s)
{
	for (size_t i = 0; i < s->launch.index.input_count; i++) {
		const struct spore__input *input = &s->launch.index.inputs[i];
		if (input->absent || input->made || of_the_system(input->path))
			continue;
		bool folder = S_ISDIR((mode_t)input->state.mode);
		watch_folder(s, folder ? spore__xstrdup(input->path) : spore__fs_dir(input->path));
	}
}

static bool is_script(const struct watching *s)
{
	return s->launch.kind == SPORE__SOURCE_SCRIPT;
}

// After stop. Ends spore when there is nothing that it could start.
static void start(struct watching *s)
{
	int status = spore__launch_fill(s->wish, &s->launch);
	if (status > 0)
		exit(status);
	if (status < 0)
		spore__die(SPORE__EXIT_SPORE, "run it again", "%s: its artifact was removed at this moment",
		           s->wish->source);
	(void)state_of(s->launch.source, &s->script_state);
	spore__foreground_start(&s->program, &s->launch);
	s->running = true;
}

static void stop(struct watching *s)
{
	if (s->running)
		(void)spore__foreground_stop(&s->program, GRACE_MS);
	s->running = false;
}

static void say_ended(struct watching *s, int status)
{
	s->running = false;
	if (spore__foreground_asked_to_end())
		spore__foreground_end(&s->program, status);
	if (WIFSIGNALED(status))
		spore__report(NULL, "%s was ended by signal %d; waiting for a change", s->wish->source,
		              WTERMSIG(status));
	else
		spore__report(NULL, "%s ended with status %d; waiting for a change", s->wish->source,
		              WEXITSTATUS(status));
}

// What runs goes on while the new one is built, and when that fails.
static void rebuild(struct watching *s, const char *changed)
{
	struct spore__launch *l = &s->launch;
	if (is_script(s)) {
		spore__report(NULL, "%s changed, starting again", s->wish->source);
		stop(s);
		start(s);
		return;
	}
	struct spore__index now = {0};
	spore__report(NULL, "%s changed, building again", changed != NULL ? changed : s->wish->source);
	if (!spore__build_current(l->store, &l->wanted, &now) && spore__build_ask(&l->wanted, &now) != 0) {
		if (s->running)
			spore__report(NULL, "the build failed; the one before runs on");
		spore__index_finish(&now);
		return;
	}
	bool same = l->index.id != NULL && strcmp(now.id, l->index.id) == 0 && now.args.count == 0;
	if (!same)
		stop(s);
	spore__index_finish(&l->index);
	l->index = now;
	if (!same || !s->running)
		start(s);
}

// Changes come in bursts.
static void let_settle(struct spore__watch *watch)
{
	while (spore__os_watch_wait(watch, SETTLE_MS) == 1)
		;
}

// An event may be of a file that does not matter, or of a change that the last build saw already.
static bool changed_since(const struct watching *s, const char **which)
{
	struct spore__filestate now;
	*which = s->wish->source;
	if (is_script(s))
		return !spore__filestate_equal(state_of(s->launch.source, &now), &s->script_state);
	return s->launch.index.id == NULL || !spore__index_same(&s->launch.index, which);
}

static void look_again(struct watching *s)
{
	const char *which;
	if (!changed_since(s, &which))
		return;
	char *name = spore__xstrdup(which); // of an index that goes away
	rebuild(s, name);
	free(name);
	watch_inputs(s);
}

static void loop(struct watching *s)
{
	for (;;) {
		int status;
		if (s->running && spore__foreground_wait(&s->program, 0, &status))
			say_ended(s, status);
		if (spore__foreground_asked_to_end() && !s->running)
			return;
		if (spore__os_watch_wait(s->watch, LOOK_MS) <= 0)
			continue;
		let_settle(s->watch);
		look_again(s);
	}
}

int spore__watch_run(const struct spore__launch_wish *wish)
{
	struct watching s = {.wish = wish};
	struct spore__launch *l = &s.launch;
	int status = spore__launch_find(wish, l);
	if (status != 0)
		return status;
	s.watch = spore__os_watch_create();
	if (s.watch == NULL)
		spore__die(SPORE__EXIT_SPORE, "raise fs.inotify.max_user_instances", "cannot watch files: %s",
		           strerror(errno));
	watch_folder(&s, spore__fs_is_dir(l->source) ? spore__xstrdup(l->source) : spore__fs_dir(l->source));
	spore__foreground_init();
	if (is_script(&s) || spore__build_current(l->store, &l->wanted, &l->index) ||
	    spore__build_ask(&l->wanted, &l->index) == 0) {
		watch_inputs(&s);
		start(&s);
		look_again(&s); // what changed before its folder was watched
	} else {
		spore__report(NULL, "waiting for a change of %s", wish->source);
	}
	loop(&s);
	spore__launch_finish(l);
	spore__strs_finish(&s.watched);
	spore__os_watch_destroy(s.watch);
	return 128 + SIGINT;
}
