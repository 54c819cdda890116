#include "system/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "os/os.h"

enum { SETTLE_MS = 50 }; // an editor writes, renames and changes times in one go

struct watched {
	char *path;
	struct spore__filestate state; // zeroed: it was not there
};

struct spore__watching {
	struct spore__watch *watch;
	struct spore__strs folders;
	struct watched *files;
	size_t count, cap;
};

struct spore__watching *spore__watching_create(void)
{
	struct spore__watching *w = spore__xcalloc(1, sizeof *w);
	w->watch = spore__os_watch_create();
	if (w->watch != NULL)
		return w;
	spore__report("raise fs.inotify.max_user_instances", "cannot watch files: %s", strerror(errno));
	free(w);
	return NULL;
}

void spore__watching_destroy(struct spore__watching *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < w->count; i++)
		free(w->files[i].path);
	free(w->files);
	spore__strs_finish(&w->folders);
	spore__os_watch_destroy(w->watch);
	free(w);
}

static void look(const char *path, struct spore__filestate *state)
{
	struct stat st;
	*state = (struct spore__filestate){0};
	if (stat(path, &st) == 0)
		spore__filestate_of(&st, state);
}

// Only what is the user's changes while he works; the system's files are looked at by the next build anyway.
static bool of_the_system(const char *path)
{
	return strncmp(path, "/usr/", 5) == 0 || strncmp(path, "/lib", 4) == 0 || strncmp(path, "/bin", 4) == 0 ||
	       strncmp(path, "/etc/", 5) == 0;
}

static void watch_folder(struct spore__watching *w, char *path)
{
	if (!spore__strs_has(&w->folders, path)) {
		if (spore__os_watch_add(w->watch, path) != 0 && errno == ENOSPC)
			spore__report("raise fs.inotify.max_user_watches", "cannot watch %s: too many folders", path);
		spore__strs_add(&w->folders, path);
	}
	free(path);
}

// STATE NULL: as it is now.
static void add(struct spore__watching *w, const char *path, const struct spore__filestate *state)
{
	for (size_t i = 0; i < w->count; i++)
		if (strcmp(w->files[i].path, path) == 0)
			return;
	if (w->count == w->cap) {
		w->cap = w->cap < 64 ? 64 : 2 * w->cap;
		w->files = spore__xrealloc(w->files, w->cap * sizeof *w->files);
	}
	struct watched *f = &w->files[w->count++];
	f->path = spore__xstrdup(path);
	if (state != NULL)
		f->state = *state;
	else
		look(path, &f->state);
	watch_folder(w, S_ISDIR((mode_t)f->state.mode) ? spore__xstrdup(path) : spore__fs_dir(path));
}

static void add_inputs(struct spore__watching *w, const struct spore__index *index)
{
	static const struct spore__filestate none = {0};
	for (size_t i = 0; i < index->input_count; i++) {
		const struct spore__input *input = &index->inputs[i];
		if (!input->made && !of_the_system(input->path))
			add(w, input->path, input->absent ? &none : &input->state);
	}
}

void spore__watching_add(struct spore__watching *w, const struct spore__run *r)
{
	for (size_t i = 0; r->tasks != NULL && i < r->m.count; i++) {
		const char *source = r->m.tasks[i].source;
		if (!r->tasks[i].selected || source == NULL || spore__launch_is_system_program(source))
			continue;
		add_inputs(w, &r->tasks[i].launch.index);
		add(w, source, NULL);
	}
	for (size_t i = 0; i < r->m.files.count; i++)
		add(w, r->m.files.items[i], NULL);
	if (r->m.path != NULL)
		add(w, r->m.path, NULL);
}

void spore__watching_refresh(struct spore__watching *w)
{
	for (size_t i = 0; i < w->count; i++)
		look(w->files[i].path, &w->files[i].state);
}

const char *spore__watching_changed(const struct spore__watching *w)
{
	for (size_t i = 0; i < w->count; i++) {
		struct spore__filestate now;
		look(w->files[i].path, &now);
		if (!spore__filestate_equal(&now, &w->files[i].state))
			return w->files[i].path;
	}
	return NULL;
}

const char *spore__watching_wait(struct spore__watching *w, int timeout_ms)
{
	if (spore__os_watch_wait(w->watch, timeout_ms) <= 0)
		return NULL;
	while (spore__os_watch_wait(w->watch, SETTLE_MS) == 1)
		;
	return spore__watching_changed(w);
}
