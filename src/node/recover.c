// What runs is found by the folders of the holds and their locks, whatever the database says; and what killed holds left is ended.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/hold.h"
#include "node/log.h"
#include "os/os.h"
#include "os/tree.h"
#include "task/elsewhere.h"

enum { BEGIN_MS = 300 };

struct found {
	struct spore__hold_name *names;
	size_t count, cap;
};

static int compare_names(const void *a, const void *b)
{
	const struct spore__hold_name *x = a, *y = b;
	int order = strcmp(x->system, y->system);
	if (order == 0)
		order = strcmp(x->task, y->task);
	if (order == 0)
		order = x->replica < y->replica ? -1 : x->replica > y->replica;
	return order != 0 ? order : x->generation < y->generation ? -1 : x->generation > y->generation;
}

static bool same_task(const struct spore__hold_name *a, const struct spore__hold_name *b)
{
	return strcmp(a->system, b->system) == 0 && strcmp(a->task, b->task) == 0 && a->replica == b->replica;
}

static bool list_folders(const struct spore__tasks *t, struct found *found)
{
	int fd = openat(t->holds_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	bool good = true;
	for (struct dirent *e; good && (e = readdir(d)) != NULL;) {
		struct spore__hold_name name;
		if (!spore__hold_name_parse(e->d_name, &name))
			continue;
		if (found->count == found->cap) {
			size_t cap = found->cap == 0 ? 64 : found->cap * 2;
			void *names = realloc(found->names, cap * sizeof *found->names);
			good = names != NULL;
			found->names = good ? names : found->names;
			found->cap = good ? cap : found->cap;
		}
		if (good)
			found->names[found->count++] = name;
	}
	closedir(d);
	if (found->count > 0)
		qsort(found->names, found->count, sizeof *found->names, compare_names);
	return good;
}

// The task of a folder, from its specification where the database does not know it.
static struct spore__task *task_of(struct spore__tasks *t, const struct spore__hold_name *name, int dir)
{
	struct spore__task *task = spore__table_find(&t->table, name->system, name->task, name->replica);
	struct spore__spec spec;
	char why[256];
	if (task != NULL)
		return task;
	if (spore__folder_read_spec(dir, &spec) == 0)
		task = spore__task_define(t, name->system, name->task, name->replica, &spec, why, sizeof why);
	if (task != NULL) {
		task->wanted = true;
		spore__node_log("%s.%s: found by its folder, which the database does not know", name->system,
		                name->task);
	}
	spore__spec_finish(&spec);
	return task;
}

static void hear_folder(struct spore__tasks *t, struct spore__hold *hold, const struct spore__hold_state *s)
{
	struct spore__msgpack_writer w = {0};
	spore__state_encode(s, &w);
	spore__task_heard(t, hold, s, w.data, w.err == 0 ? w.len : 0);
	spore__msgpack_writer_finish(&w);
}

static void take_running(struct spore__tasks *t, struct spore__task *task, const struct spore__hold_name *name, int dir)
{
	struct spore__hold_state s;
	struct spore__hold *hold = spore__hold_adopt(t, task, name->generation);
	if (hold == NULL)
		return;
	// By ascending generation: the one before stays until this one is ready, or ends at once when there are more.
	if (task->old != NULL)
		task->old->task = NULL;
	task->old = NULL;
	if (task->hold != NULL)
		spore__task_set_aside(task);
	task->hold = hold;
	task->relaunch = task->wanted && name->generation <= task->replaced;
	task->stopping = !task->wanted || task->relaunch;
	task->hands = task->relaunch;
	task->stop_grace_ms = -1;
	spore__task_set_state(t, task, SPORE__TASK_STARTING);
	// Until it says itself how it is: who asks at once is not told that what runs were only starting.
	if (task->old == NULL && spore__folder_read_state(dir, &s) == 0 && s.phase != SPORE__PHASE_ENDED)
		hear_folder(t, hold, &s);
}

// The latest folder of a task, and nobody has its lock, or one that has ended.
static void take_ended(struct spore__tasks *t, struct spore__task *task, const struct spore__hold_name *name, int dir,
                       bool known)
{
	struct spore__hold_state s;
	bool said = spore__folder_read_state(dir, &s) == 0;
	bool ended = said && s.phase == SPORE__PHASE_ENDED;
	if (known && (ended ? task->said != NULL : task->done || !task->wanted))
		return;
	struct spore__hold *hold = spore__hold_adopt(t, task, name->generation);
	if (hold == NULL)
		return;
	task->hold = hold;
	task->relaunch = task->wanted && name->generation <= task->replaced;
	if (ended && s.end == SPORE__END_LOST) {
		hold->lost = t->lost = true; // the last node was killed while it buried it
	} else if (ended) {
		task->wanted = task->wanted && (s.wanted || task->relaunch);
		hear_folder(t, hold, &s);
		spore__hold_close(hold);
	} else if (said) {
		hold->lost = t->lost = true;
	} else {
		spore__hold_look_in(hold, BEGIN_MS); // the last node may have started it just before it ended
	}
}

// With the lock, so that a hold that was about to begin finds that it is over. False: it lives after all.
static bool record_lost(const struct spore__tasks *t, const struct spore__hold_name *name, struct spore__hold_state *s)
{
	int dir = spore__hold_open_folder(t, name);
	int lock = dir >= 0 ? spore__folder_lock(dir) : -1;
	bool lives = dir >= 0 && lock < 0 && errno == EWOULDBLOCK;
	memset(s, 0, sizeof *s);
	if (dir >= 0 && !lives)
		(void)spore__folder_read_state(dir, s);
	if (s->phase != SPORE__PHASE_ENDED) {
		s->phase = SPORE__PHASE_ENDED;
		s->failed = true;
		s->healthy = false;
		s->end = SPORE__END_LOST;
		s->ended_at = spore__wall_ns();
		s->pid = s->hold = 0;
		s->code = s->signal = s->next_at = 0;
		(void)snprintf(s->why, sizeof s->why, "its hold was killed, and it with it");
		if (dir >= 0 && !lives && spore__folder_write_state(dir, s) != 0)
			spore__node_log("%s.%s: its end cannot be written: %s", name->system, name->task,
			                strerror(errno));
	}
	if (lock >= 0)
		close(lock);
	if (dir >= 0)
		close(dir);
	return !lives;
}

// It has ended, and is there for the next one, which takes over from it; or just about to go.
static void take_kept(struct spore__tasks *t, struct spore__task *task, const struct spore__hold_name *name)
{
	struct spore__hold *hold = spore__hold_adopt(t, task, name->generation);
	if (hold == NULL)
		return;
	hold->task = NULL;
	hold->ended = t->kept = true;
}

// The latest folder, beside a hold that runs: the last node was about to start another one. It is not to begin any more, and the one that runs stays.
static void take_unborn(struct spore__tasks *t, struct spore__task *task, const struct spore__hold_name *name, int dir)
{
	struct spore__hold_state s;
	if (spore__folder_read_state(dir, &s) == 0)
		return;
	if (record_lost(t, name, &s))
		spore__task_take_back(t, task, &task->hold->name);
	else
		take_running(t, task, name, dir); // it has begun just now
}

static bool has_ended(int dir)
{
	struct spore__hold_state s;
	return spore__folder_read_state(dir, &s) == 0 && s.phase == SPORE__PHASE_ENDED;
}

static void take_folder(struct spore__tasks *t, const struct spore__hold_name *name, bool latest)
{
	int64_t pid;
	int dir = spore__hold_open_folder(t, name);
	int locked = dir >= 0 ? spore__folder_is_locked(dir, &pid) : -1;
	struct spore__task *task = locked == 1 || (locked == 0 && latest) ? task_of(t, name, dir) : NULL;
	if (task != NULL) {
		bool known = name->generation <= task->generation;
		if (!known)
			task->generation = name->generation;
		bool kept = locked == 1 && has_ended(dir);
		if (kept)
			take_kept(t, task, name);
		if (locked == 1 && !kept)
			take_running(t, task, name, dir);
		else if (latest && task->hold == NULL)
			take_ended(t, task, name, dir, known);
		else if (latest)
			take_unborn(t, task, name, dir);
	}
	if (dir >= 0)
		close(dir);
}

void spore__holds_find(struct spore__tasks *t)
{
	struct found found = {0};
	if (!list_folders(t, &found))
		spore__node_log("%s/holds: cannot be read: %s", t->state, strerror(errno));
	for (size_t i = 0; i < found.count; i++) {
		size_t last = i;
		while (last + 1 < found.count && same_task(&found.names[i], &found.names[last + 1]))
			last++;
		for (; i < last; i++) {
			take_folder(t, &found.names[i], false);
			if (i + SPORE__FOLDERS_KEPT <= last)
				spore__hold_remove_folder(t, &found.names[i]); // not one that runs
		}
		take_folder(t, &found.names[last], true);
	}
	free(found.names);
	spore__tree_sweep();
}

struct graves {
	const char *state;
	struct spore__hold *first;
};

// Is it the mark FOLDER#RUN of one that is lost?
static bool is_lost(void *arg, const char *value)
{
	const struct graves *g = arg;
	const char *end = strrchr(value, '#');
	for (const struct spore__hold *h = g->first; end != NULL && h != NULL; h = h->next) {
		char name[SPORE__HOLD_NAME], folder[PATH_MAX];
		if (!h->lost)
			continue;
		spore__hold_name_format(&h->name, name);
		(void)snprintf(folder, sizeof folder, "%s/holds/%s", g->state, name);
		if (strlen(folder) == (size_t)(end - value) && strncmp(folder, value, strlen(folder)) == 0)
			return true;
	}
	return false;
}

static bool bury(const struct spore__hold *hold, struct spore__hold_state *s)
{
	return record_lost(hold->tasks, &hold->name, s);
}

// What it had in the temporary folder.
static void clear_up(const struct spore__hold *hold)
{
	int dir = spore__hold_open_folder(hold->tasks, &hold->name);
	if (dir < 0)
		return;
	spore__elsewhere_clear(dir);
	close(dir);
}

void spore__holds_bury(struct spore__tasks *t)
{
	struct graves graves = {t->state, t->holds};
	struct spore__hold_state s;
	t->lost = false;
	for (struct spore__hold *h = t->holds, *next; h != NULL; h = next) {
		next = h->next;
		if (h->lost && !bury(h, &s)) {
			h->lost = false;
			spore__hold_look(h);
		}
	}
	int killed = spore__os_kill_matching(SPORE__INSTANCE_MARK, is_lost, &graves);
	spore__tree_sweep();
	if (killed > 0)
		spore__node_log("what killed holds had left running was ended");
	for (struct spore__hold *h = t->holds, *next; h != NULL; h = next) {
		next = h->next;
		if (!h->lost)
			continue;
		(void)bury(h, &s); // what it wrote before
		clear_up(h);
		h->lost = false;
		struct spore__msgpack_writer w = {0};
		spore__state_encode(&s, &w);
		spore__task_lost_hold(t, h, &s, w.data, w.err == 0 ? w.len : 0);
		spore__msgpack_writer_finish(&w);
		spore__hold_close(h);
	}
}
