#include "cli/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/dirs.h"
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
	const struct spore__args *args;
	const struct spore__wanted *w;
	const struct spore__strs *script;
	char *store;
	struct spore__index index; // of what runs, or of the last build
	struct spore__foreground program;
	bool running;
	int held;
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
	for (size_t i = 0; i < s->index.input_count; i++) {
		const struct spore__input *input = &s->index.inputs[i];
		if (input->absent || input->made || of_the_system(input->path))
			continue;
		bool folder = S_ISDIR((mode_t)input->state.mode);
		watch_folder(s, folder ? spore__xstrdup(input->path) : spore__fs_dir(input->path));
	}
}

static void start(struct watching *s)
{
	struct spore__strs argv = {0};
	const struct spore__strs *words = s->script != NULL ? s->script : &s->index.args;
	const char *name = spore__fs_base(s->w->real);
	s->held = -1;
	for (size_t i = 0; i < words->count; i++)
		spore__strs_add(&argv, words->items[i]);
	if (words->count == 0) {
		const struct spore__program *program =
		    spore__index_program(&s->index, spore__args_value(s->args, "bin"));
		if (program == NULL)
			spore__die(SPORE__EXIT_NOT_RUNNABLE, "choose one with --bin (see spore build --json)",
			           "%s: it has several programs, and none is named like it", s->w->source);
		s->held = spore__build_hold(s->store, s->index.id);
		spore__strs_addf(&argv, "%s/artifacts/%s/%s", s->store, s->index.id, program->path);
		name = program->name;
	}
	for (size_t i = 1; i < s->args->operand_count; i++)
		spore__strs_add(&argv, s->args->operands[i]);
	const struct spore__program_start how = {
	    .argv = (const char *const *)argv.items,
	    .name = name,
	    .env = &s->index.env,
	    .control = s->index.control || spore__args_has(s->args, "control"),
	};
	(void)state_of(s->w->real, &s->script_state);
	spore__foreground_start(&s->program, &how);
	s->running = true;
	spore__strs_finish(&argv);
}

static void stop(struct watching *s)
{
	if (s->running)
		(void)spore__foreground_stop(&s->program, GRACE_MS);
	if (s->held >= 0)
		close(s->held);
	s->held = -1;
	s->running = false;
}

static void say_ended(struct watching *s, int status)
{
	s->running = false;
	if (s->held >= 0)
		close(s->held);
	s->held = -1;
	if (spore__foreground_asked_to_end())
		spore__foreground_end(&s->program, status);
	if (WIFSIGNALED(status))
		spore__report(NULL, "%s was ended by signal %d; waiting for a change", s->w->source, WTERMSIG(status));
	else
		spore__report(NULL, "%s ended with status %d; waiting for a change", s->w->source, WEXITSTATUS(status));
}

// What runs goes on while the new one is built, and when that fails.
static void rebuild(struct watching *s, const char *changed)
{
	if (s->script != NULL) {
		spore__report(NULL, "%s changed, starting again", s->w->source);
		stop(s);
		start(s);
		return;
	}
	struct spore__index now = {0};
	spore__report(NULL, "%s changed, building again", changed != NULL ? changed : s->w->source);
	if (!spore__build_current(s->store, s->w, &now) && spore__build_ask(s->w, &now) != 0) {
		if (s->running)
			spore__report(NULL, "the build failed; the one before runs on");
		return;
	}
	bool same = s->index.id != NULL && strcmp(now.id, s->index.id) == 0 && now.args.count == 0;
	if (!same)
		stop(s);
	spore__index_finish(&s->index);
	s->index = now;
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
	*which = s->w->source;
	if (s->script != NULL)
		return !spore__filestate_equal(state_of(s->w->real, &now), &s->script_state);
	return s->index.id == NULL || !spore__index_same(&s->index, which);
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

int spore__watch_run(const struct spore__args *args, const struct spore__wanted *w, const struct spore__strs *script)
{
	struct watching s = {.args = args, .w = w, .script = script, .store = spore__dirs_store(), .held = -1};
	s.watch = spore__os_watch_create();
	if (s.watch == NULL)
		spore__die(SPORE__EXIT_SPORE, "raise fs.inotify.max_user_instances", "cannot watch files: %s",
		           strerror(errno));
	watch_folder(&s, spore__fs_is_dir(w->real) ? spore__xstrdup(w->real) : spore__fs_dir(w->real));
	spore__foreground_init();
	if (script != NULL || spore__build_current(s.store, w, &s.index) || spore__build_ask(w, &s.index) == 0) {
		watch_inputs(&s);
		start(&s);
		look_again(&s); // what changed before its folder was watched
	} else {
		spore__report(NULL, "waiting for a change of %s", w->source);
	}
	loop(&s);
	spore__index_finish(&s.index);
	spore__strs_finish(&s.watched);
	spore__os_watch_destroy(s.watch);
	free(s.store);
	return 128 + SIGINT;
}
