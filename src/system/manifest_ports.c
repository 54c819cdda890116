// A folder that is a program may say in its spore.yaml which ports it has. They are those of each task of it, so that what does not fit is
// found before anything runs.
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "system/manifest_private.h"

// What the task says itself has to be the same. False: it is told.
static bool merge_word(struct spore__manifest *m, const struct spore__manifest_task *task, const char *port,
                       const char *key, const char **mine, const char *theirs)
{
	if (theirs == NULL || *mine == theirs || (*mine != NULL && strcmp(*mine, theirs) == 0))
		return true;
	if (*mine == NULL) {
		*mine = theirs;
		return true;
	}
	return spore__yaml_wrong(&m->yaml, task->source_mark,
	                         "ports: %s.%s has the %s %s here, and %s in the spore.yaml of its source", task->name,
	                         port, key, *mine, theirs);
}

static char *copy(const char *text)
{
	return text != NULL ? spore__xstrdup(text) : NULL;
}

static void merge(struct spore__manifest *m, struct spore__manifest_task *task, const struct spore__manifest_port *p)
{
	for (size_t i = 0; i < task->port_count; i++) {
		struct spore__manifest_port *own = &task->ports[i];
		if (strcmp(own->name, p->name) != 0)
			continue;
		const char *protocol = own->protocol, *framing = own->framing;
		(void)merge_word(m, task, p->name, "kind", &own->kind, p->kind);
		(void)merge_word(m, task, p->name, "shape", &own->shape, p->shape);
		(void)merge_word(m, task, p->name, "as", &own->as, p->as);
		(void)merge_word(m, task, p->name, "protocol", &protocol, p->protocol);
		(void)merge_word(m, task, p->name, "framing", &framing, p->framing);
		if (own->protocol == NULL)
			own->protocol = copy(protocol);
		if (own->framing == NULL)
			own->framing = copy(framing);
		return;
	}
	task->ports = spore__xrealloc(task->ports, (task->port_count + 1) * sizeof *task->ports);
	task->ports[task->port_count] = *p;
	task->ports[task->port_count].name = copy(p->name);
	task->ports[task->port_count].protocol = copy(p->protocol);
	task->ports[task->port_count++].framing = copy(p->framing);
}

static void merge_all(struct spore__manifest *m, struct spore__manifest_task *task, const struct spore__manifest *from)
{
	for (size_t i = 0; i < from->program.port_count; i++)
		merge(m, task, &from->program.ports[i]);
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;
	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static void inherit(struct spore__manifest *m, struct spore__manifest_task *task,
                    const struct spore__manifest_world *world)
{
	struct spore__manifest_world shallow = *world;
	struct spore__manifest other;
	struct spore__buf text = {0};
	struct stat st;
	if (task->source == NULL || strncmp(task->source, "path:", 5) == 0 || stat(task->source, &st) != 0 ||
	    !S_ISDIR(st.st_mode))
		return;
	char *path = spore__fs_join(task->source, "spore.yaml");
	shallow.files = false;
	if (is_same_file(path, m->path)) {
		merge_all(m, task, m);
	} else if (spore__fs_read(path, &text) == 0) {
		if (!spore__manifest_parse(&other, path, text.len > 0 ? text.data : "", text.len, &shallow)) {
			// What its program needs of it the build says; here it may be of other tasks.
			char *first = spore__yaml_first(&other.yaml);
			spore__yaml_note(&m->yaml, task->source_mark, "source: %s", first);
			free(first);
		}
		merge_all(m, task, &other);
		spore__manifest_finish(&other);
	}
	spore__buf_finish(&text);
	free(path);
}

void spore__manifest_inherit(struct spore__manifest *m, const struct spore__manifest_world *world)
{
	for (size_t i = 0; i < m->count; i++)
		inherit(m, &m->tasks[i], world);
}
