#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "system/command.h"

const char *spore__system_shown(const char *path)
{
	char folder[PATH_MAX];
	if (getcwd(folder, sizeof folder) == NULL)
		return path;
	size_t len = strlen(folder);
	return strncmp(path, folder, len) == 0 && path[len] == '/' ? path + len + 1 : path;
}

static int read_file(const char *path, struct spore__manifest *m, const struct spore__manifest_world *world)
{
	struct spore__buf text = {0};
	int status = 0;
	if (spore__fs_read(path, &text) != 0) {
		spore__report("name a spore.yaml, or a folder that has one", "%s: %s", path, strerror(errno));
		status = SPORE__EXIT_NO_SOURCE;
	} else {
		(void)spore__manifest_parse(m, path, text.len > 0 ? text.data : "", text.len, world);
	}
	spore__buf_finish(&text);
	return status;
}

int spore__system_read(const char *typed, struct spore__manifest *m)
{
	char *why, *remedy;
	*m = (struct spore__manifest){0};
	char *path = spore__manifest_find(typed, &why, &remedy);
	if (path == NULL) {
		spore__report(remedy, "%s", why);
		free(why);
		free(remedy);
		return SPORE__EXIT_NO_SOURCE;
	}
	int status = read_file(path, m, &spore__manifest_here);
	free(path);
	return status;
}

int spore__system_read_alone(const char *path, struct spore__manifest *m)
{
	struct spore__manifest_world alone = spore__manifest_here;
	alone.files = false;
	*m = (struct spore__manifest){0};
	return read_file(path, m, &alone);
}

int spore__system_report(const struct spore__manifest *m)
{
	const char *shown = spore__system_shown(m->path);
	for (size_t i = 0; i < m->yaml.count; i++) {
		const struct spore__finding *f = &m->yaml.findings[i];
		if (!f->note)
			spore__report(NULL, "%s:%zu:%zu: %s", shown, f->line, f->column, f->text);
	}
	return m->yaml.errors > 0 ? SPORE__EXIT_SPORE : 0;
}

int spore__system_load(const char *typed, struct spore__manifest *m)
{
	int status = spore__system_read(typed, m);
	if (status == 0)
		status = spore__system_report(m);
	if (status == 0 && !m->has_tasks) {
		spore__report("write tasks: { NAME: { source: ./FILE } }, or run it as a program: spore run FOLDER",
		              "%s: it has no tasks", spore__system_shown(m->path));
		status = SPORE__EXIT_SPORE;
	}
	return status;
}

size_t *spore__system_order(const struct spore__manifest *m)
{
	size_t *order = spore__xcalloc(m->count + 1, sizeof *order), count = 0;
	bool *placed = spore__xcalloc(m->count + 1, sizeof *placed);
	// There are no circles, so each round places at least one.
	for (bool more = true; more && count < m->count;) {
		more = false;
		for (size_t i = 0; i < m->count; i++) {
			bool free_to_go = !placed[i];
			for (size_t k = 0; free_to_go && k < m->tasks[i].after_count; k++) {
				const struct spore__manifest_task *other =
				    spore__manifest_task(m, m->tasks[i].after[k].task);
				free_to_go = other == NULL || placed[other - m->tasks];
			}
			if (free_to_go) {
				order[count++] = i;
				placed[i] = more = true;
			}
		}
	}
	free(placed);
	return order;
}
