#include "system/run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/nearest.h"

static bool is_file(const char *operand)
{
	const char *dot = strrchr(operand, '.');
	return strchr(operand, '/') != NULL || strcmp(operand, ".") == 0 || strcmp(operand, "..") == 0 ||
	       (dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0));
}

// A folder with a manifest that was named without a slash, and so is taken for a task's name.
static bool is_system_folder(const char *name)
{
	char *path = spore__fs_join(name, "spore.yaml");
	bool is = spore__fs_is_file(path);
	free(path);
	return is;
}

// Where there is no manifest that NAME could be a task of. 0, or the exit status after a report.
static int check_meant(const char *what, const char *name)
{
	char *why = NULL, *remedy = NULL,
	     *path = is_system_folder(name) ? spore__manifest_find(NULL, &why, &remedy) : NULL;
	int status = why != NULL ? SPORE__EXIT_USAGE : 0;
	if (status != 0) {
		char *meant = spore__xasprintf("the system of the folder is meant by: spore %s ./%s", what, name);
		spore__report(meant, "%s: '%s' is taken for a task, and %s", what, name, why);
		free(meant);
	}
	free(path);
	free(why);
	free(remedy);
	return status;
}

static void select_task(struct spore__run *r, size_t index)
{
	if (r->tasks[index].selected)
		return;
	r->tasks[index].selected = true;
	const struct spore__manifest_task *t = &r->m.tasks[index];
	for (size_t i = 0; i < t->after_count; i++) {
		const struct spore__manifest_task *other = spore__manifest_task(&r->m, t->after[i].task);
		if (other != NULL)
			select_task(r, (size_t)(other - r->m.tasks));
	}
}

static int select_named(struct spore__run *r, const char *name)
{
	const struct spore__manifest_task *t = spore__manifest_task(&r->m, name);
	if (t != NULL) {
		select_task(r, (size_t)(t - r->m.tasks));
		return 0;
	}
	struct spore__strs known = {0};
	for (size_t i = 0; i < r->m.count; i++)
		spore__strs_add(&known, r->m.tasks[i].name);
	const char *near = known.count > 0 ? spore__nearest(name, (const char *const *)known.items) : NULL;
	char *remedy = is_system_folder(name)
	                   ? spore__xasprintf("the system of the folder is meant by: spore %s ./%s", r->what, name)
	               : near != NULL ? spore__xasprintf("did you mean '%s'?", near)
	                              : spore__xstrdup("a manifest is named with a slash, such as ./spore.yaml");
	spore__report(remedy, "%s: %s has no task '%s'", r->what, spore__system_shown(r->m.path), name);
	free(remedy);
	spore__strs_finish(&known);
	return SPORE__EXIT_USAGE;
}

static int choose(struct spore__run *r, const struct spore__options *o, size_t first_task)
{
	const char *unknown, *near;
	if (!spore__manifest_choose(&r->m, &o->profiles, &unknown, &near)) {
		char *remedy = near != NULL ? spore__xasprintf("did you mean '%s'?", near)
		                            : spore__xstrdup("profiles are named by the tasks of a manifest");
		spore__report(remedy, "%s: no task has the profile '%s'", r->what, unknown);
		free(remedy);
		return SPORE__EXIT_USAGE;
	}
	int status = 0;
	for (size_t i = first_task; status == 0 && i < o->operands.count; i++)
		status = select_named(r, o->operands.items[i]);
	for (size_t i = 0; first_task == o->operands.count && i < r->m.count; i++)
		if (r->m.tasks[i].spec.enabled)
			select_task(r, i);
	return status;
}

static void add_item(struct spore__run *r, struct spore__manifest_task *task, int64_t replica)
{
	r->items = spore__xrealloc(r->items, (r->count + 1) * sizeof *r->items);
	r->items[r->count++] = (struct spore__run_item){
	    .task = task,
	    .replica = replica,
	    .name = replica > 0 ? spore__xasprintf("%s@%" PRId64, task->name, replica) : spore__xstrdup(task->name),
	};
}

int spore__run_load(struct spore__run *r, const char *what, const struct spore__options *o)
{
	*r = (struct spore__run){.what = what};
	size_t first_task = o->operands.count > 0 && is_file(o->operands.items[0]);
	int status = first_task == 0 && o->operands.count > 0 ? check_meant(what, o->operands.items[0]) : 0;
	if (status == 0)
		status = spore__system_load(first_task > 0 ? o->operands.items[0] : NULL, &r->m);
	if (status != 0)
		return status;
	r->tasks = spore__xcalloc(r->m.count + 1, sizeof *r->tasks);
	for (size_t i = 0; i < r->m.count; i++)
		r->tasks[i].launch.held = -1;
	status = choose(r, o, first_task);
	if (status != 0)
		return status;
	size_t *order = spore__system_order(&r->m);
	for (size_t i = 0; i < r->m.count; i++) {
		struct spore__manifest_task *t = &r->m.tasks[order[i]];
		t->spec.enabled = true; // those that are not wanted are not told to the node at all
		if (!r->tasks[order[i]].selected)
			continue;
		for (int64_t n = t->replicas > 0 ? 1 : 0; n <= t->replicas; n++)
			add_item(r, t, n);
	}
	free(order);
	return 0;
}

void spore__run_finish(struct spore__run *r)
{
	for (size_t i = 0; r->tasks != NULL && i < r->m.count; i++) {
		spore__launch_finish(&r->tasks[i].launch);
		spore__strs_finish(&r->tasks[i].twins);
		free(r->tasks[i].reason);
	}
	for (size_t i = 0; i < r->count; i++) {
		free(r->items[i].name);
		spore__strs_finish(&r->items[i].changed);
	}
	free(r->tasks);
	free(r->items);
	spore__strs_finish(&r->removed);
	spore__strs_finish(&r->wired);
	spore__strs_finish(&r->rewired);
	spore__strs_finish(&r->unwired);
	spore__strs_finish(&r->told);
	spore__manifest_finish(&r->m);
	if (r->met)
		spore__tasks_close(&r->node);
	*r = (struct spore__run){0};
}

void spore__run_names(const struct spore__run *r, struct spore__strs *out)
{
	for (size_t i = 0; i < r->count; i++)
		spore__strs_addf(out, "%s/%s", r->m.name, r->items[i].name);
}
