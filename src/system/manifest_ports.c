// What a source says of its ports: a folder in its spore.yaml, a C file in its directives. They are those of each task of it, so that what does
// not fit, and the bridge that is needed, is found before anything runs.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/directive.h"
#include "source/script.h"
#include "system/manifest_private.h"

static bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;
	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

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
	return spore__yaml_wrong(&m->yaml, task->source_mark, "ports: %s.%s has the %s %s here, and %s in its source",
	                         task->name, port, key, *mine, theirs);
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

// A port over which functions are called, or are there to be called.
static void merge_calls(struct spore__manifest *m, struct spore__manifest_task *task, bool serves, const char *port)
{
	char name[SPORE__NAME_MAX + 1], protocol[] = "rpc";
	if (strlen(port) >= sizeof name)
		return;
	(void)snprintf(name, sizeof name, "%s", port);
	merge(m, task,
	      &(struct spore__manifest_port){
	          .name = name, .kind = "messages", .shape = serves ? "serve" : "connect", .protocol = protocol});
}

// Those of the directives in TEXT. A mistake in one is the build's to tell.
static void merge_directives(struct spore__manifest *m, struct spore__manifest_task *task,
                             const struct spore__buf *text)
{
	struct spore__directives d = {0};
	char *error = NULL, *remedy = NULL;
	if (text->len > 0 && spore__directives_parse(text->data, text->len, &d, &error, &remedy))
		for (size_t i = 0; i < d.call_count; i++)
			merge_calls(m, task, d.calls[i].serves, d.calls[i].port);
	free(error);
	free(remedy);
	spore__directives_finish(&d);
}

static void merge_recipe(struct spore__manifest *m, struct spore__manifest_task *task,
                         const struct spore__recipe *recipe)
{
	struct spore__buf text = {0};
	for (size_t i = 0; i < recipe->calls.count; i++)
		spore__buf_printf(&text, "// spore: calls %s\n", recipe->calls.items[i]);
	for (size_t i = 0; i < recipe->serves.count; i++)
		spore__buf_printf(&text, "// spore: serves %s\n", recipe->serves.items[i]);
	merge_directives(m, task, &text);
	spore__buf_finish(&text);
}

static void merge_all(struct spore__manifest *m, struct spore__manifest_task *task, const struct spore__manifest *from)
{
	for (size_t i = 0; i < from->program.port_count; i++)
		merge(m, task, &from->program.ports[i]);
	merge_recipe(m, task, &from->recipe);
}

// A file that says what it is. False: it is told when it is to run.
static bool find_kind(const char *path, enum spore__source_kind *kind)
{
	struct spore__strs interpreter = {0};
	char *error = NULL, *remedy = NULL;
	bool known = spore__script_kind(path, path, kind, &interpreter, &error, &remedy) == 0;
	spore__strs_finish(&interpreter);
	free(error);
	free(remedy);
	return known;
}

static void inherit_file(struct spore__manifest *m, struct spore__manifest_task *task)
{
	struct spore__buf text = {0};
	if (spore__fs_read(task->source, &text) == 0)
		merge_directives(m, task, &text);
	spore__buf_finish(&text);
}

static void inherit_folder(struct spore__manifest *m, struct spore__manifest_task *task,
                           const struct spore__manifest_world *world)
{
	struct spore__manifest_world shallow = *world;
	struct spore__manifest other;
	struct spore__buf text = {0};
	char *path = spore__fs_join(task->source, "spore.yaml");
	shallow.files = false;
	if (is_same_file(path, m->path)) {
		task->has_recipe = m->recipe.present;
		merge_all(m, task, m);
	} else if (spore__fs_read(path, &text) == 0) {
		if (!spore__manifest_parse(&other, path, text.len > 0 ? text.data : "", text.len, &shallow)) {
			// What its program needs of it the build says; here it may be of other tasks.
			char *first = spore__yaml_first(&other.yaml);
			spore__yaml_note(&m->yaml, task->source_mark, "source: %s", first);
			free(first);
			task->has_recipe = true; // it cannot be told
		}
		task->has_recipe |= other.recipe.present;
		merge_all(m, task, &other);
		spore__manifest_finish(&other);
	}
	spore__buf_finish(&text);
	free(path);
}

static void inherit(struct spore__manifest *m, struct spore__manifest_task *task,
                    const struct spore__manifest_world *world)
{
	struct stat st;
	enum spore__source_kind kind;
	if (task->source == NULL || strncmp(task->source, "path:", 5) == 0 || stat(task->source, &st) != 0)
		return;
	if (S_ISDIR(st.st_mode))
		inherit_folder(m, task, world);
	else if (!S_ISREG(st.st_mode) || !find_kind(task->source, &kind))
		return;
	else if (kind == SPORE__SOURCE_BUILT)
		inherit_file(m, task);
	else
		task->script = true;
}

void spore__manifest_inherit(struct spore__manifest *m, const struct spore__manifest_world *world)
{
	for (size_t i = 0; i < m->count; i++)
		inherit(m, &m->tasks[i], world);
}

const char *spore__manifest_port_shape(const struct spore__manifest_port *p)
{
	bool plain = p->as != NULL || spore__port_is_standard(p->name);
	return p->shape != NULL ? p->shape : plain ? "" : "connect";
}

void spore__manifest_list_ports(const struct spore__manifest_task *task, struct spore__strs *out)
{
	for (size_t i = 0; i < task->port_count; i++) {
		const struct spore__manifest_port *p = &task->ports[i];
		const char *shape = spore__manifest_port_shape(p);
		spore__strs_addf(out, "%s %s %s %s%s%s%s%s", p->name, p->kind != NULL ? p->kind : "-",
		                 shape[0] != '\0' ? shape : "-", p->protocol != NULL ? p->protocol : "-",
		                 p->framing != NULL || p->as != NULL ? " " : "",
		                 p->framing != NULL ? p->framing
		                 : p->as != NULL    ? "-"
		                                    : "",
		                 p->as != NULL ? " " : "", p->as != NULL ? p->as : "");
	}
}
