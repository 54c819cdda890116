#include "system/manifest.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "system/manifest_private.h"

static const char *from_environment(void *arg, const char *name)
{
	(void)arg;
	return getenv(name);
}

const struct spore__manifest_world spore__manifest_here = {from_environment, NULL, true};

struct spore__manifest_task *spore__manifest_task(const struct spore__manifest *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->tasks[i].name, name) == 0)
			return &m->tasks[i];
	return NULL;
}

static bool take_name(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	free(t->m->name);
	t->m->name = spore__take_text(t, node, key->name, false);
	t->m->name_mark = node->start_mark;
	if (t->m->name == NULL)
		return false;
	if (spore__name_is_valid(t->m->name))
		return true;
	(void)spore__take_wrong(t, key, node, t->m->name);
	free(t->m->name);
	t->m->name = NULL;
	return false;
}

static bool take_top_key(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	switch (key->type) {
	case SPORE__SCHEMA_VERSION:
		return spore__recipe_take_version(t->y, node);
	case SPORE__SCHEMA_NAME:
		return take_name(t, key, node);
	case SPORE__SCHEMA_MAPS:
		return strcmp(key->name, "ports") == 0 ? spore__take_program_ports(t, key, node)
		                                       : spore__take_tasks(t, key, node);
	case SPORE__SCHEMA_WIRES:
		return spore__take_wires(t, key, node);
	case SPORE__SCHEMA_RECIPE:
		return spore__recipe_take(t->y, node, &t->m->recipe);
	default:
		abort(); // a key of the table that nothing reads
	}
}

static void name_after_folder(struct spore__manifest *m)
{
	const char *folder = spore__fs_base(m->dir);
	if (spore__name_is_valid(folder))
		m->name = spore__xstrdup(folder);
	else if (m->has_tasks)
		(void)spore__yaml_wrong(
		    &m->yaml, m->name_mark,
		    "the folder's name \"%.80s\" cannot be a system's: write name: NAME, of letters, "
		    "digits, _ and -",
		    folder);
}

bool spore__manifest_parse(struct spore__manifest *m, const char *path, const char *text, size_t len,
                           const struct spore__manifest_world *world)
{
	*m = (struct spore__manifest){.path = spore__xstrdup(path), .dir = spore__fs_dir(path)};
	if (!spore__yaml_load(&m->yaml, m->path, text, len))
		return false;
	const yaml_node_t *root = spore__yaml_root(&m->yaml);
	struct spore__taking t = {.m = m, .y = &m->yaml, .world = world, .other = take_top_key};
	if (root == NULL || root->type != YAML_MAPPING_NODE)
		return spore__yaml_wrong(&m->yaml, root != NULL ? root->start_mark : (yaml_mark_t){0},
		                         "a spore.yaml is a map, not %s: begin with spore: 1",
		                         root == NULL ? "nothing" : spore__yaml_kind(root));
	m->name_mark = root->start_mark;
	(void)spore__take_keys(&t, root, "spore.yaml", NULL, spore__schema_top);
	if (m->name == NULL && m->yaml.errors == 0)
		name_after_folder(m);
	spore__manifest_listen(m);
	if (world->files)
		spore__manifest_inherit(m, world);
	spore__manifest_check(m, world);
	spore__yaml_sort(&m->yaml);
	return m->yaml.errors == 0;
}

static void finish_task(struct spore__manifest_task *t)
{
	for (size_t i = 0; i < t->after_count; i++)
		free(t->after[i].task);
	for (size_t i = 0; i < t->port_count; i++) {
		free(t->ports[i].name);
		free(t->ports[i].protocol);
		free(t->ports[i].framing);
	}
	free(t->after);
	free(t->ports);
	free(t->name);
	free(t->source);
	free(t->bin);
	spore__strs_finish(&t->args);
	spore__strs_finish(&t->env);
	spore__spec_finish(&t->spec);
}

void spore__manifest_finish(struct spore__manifest *m)
{
	for (size_t i = 0; i < m->count; i++)
		finish_task(&m->tasks[i]);
	finish_task(&m->program);
	for (size_t i = 0; i < m->wire_count; i++)
		spore__wire_finish(&m->wires[i]);
	free(m->tasks);
	free(m->wires);
	free(m->path);
	free(m->dir);
	free(m->name);
	spore__strs_finish(&m->files);
	spore__recipe_finish(&m->recipe);
	spore__yaml_finish(&m->yaml);
	*m = (struct spore__manifest){0};
}

// Has PATH a `tasks:`, as far as can be told? What is no YAML may have one: its errors are better than "there is none".
static bool may_have_tasks(const char *path)
{
	struct spore__buf text = {0};
	struct spore__yaml y = {0};
	bool found = true;
	if (spore__fs_read(path, &text) == 0 && spore__yaml_load(&y, path, text.len > 0 ? text.data : "", text.len)) {
		const yaml_node_t *root = spore__yaml_root(&y);
		found = root != NULL && root->type != YAML_MAPPING_NODE;
		for (yaml_node_pair_t *i = root != NULL && !found ? root->data.mapping.pairs.start : NULL;
		     i != NULL && i < root->data.mapping.pairs.top; i++) {
			const yaml_node_t *key = yaml_document_get_node(&y.document, i->key);
			found = found || (key->type == YAML_SCALAR_NODE &&
			                  strcmp((const char *)key->data.scalar.value, "tasks") == 0);
		}
	}
	spore__yaml_finish(&y);
	spore__buf_finish(&text);
	return found;
}

static char *named(const char *typed, char **why, char **remedy)
{
	char *joined = spore__fs_is_dir(typed) ? spore__fs_join(typed, "spore.yaml") : spore__xstrdup(typed);
	char *real = realpath(joined, NULL);
	if (real == NULL) {
		*why = spore__xasprintf("%s: %s", joined, strerror(errno));
		*remedy = spore__xstrdup("name a spore.yaml, or a folder that has one");
	}
	free(joined);
	return real;
}

char *spore__manifest_find(const char *typed, char **why, char **remedy)
{
	*why = *remedy = NULL;
	if (typed != NULL)
		return named(typed, why, remedy);
	char folder[PATH_MAX];
	if (getcwd(folder, sizeof folder) == NULL) {
		*why = spore__xasprintf("the current folder: %s", strerror(errno));
		*remedy = spore__xstrdup("go to a folder that is there");
		return NULL;
	}
	char *without = NULL;
	for (char *end = folder + strlen(folder);; end = strrchr(folder, '/')) {
		*end = '\0';
		char *path = spore__xasprintf("%s/spore.yaml", folder);
		bool there = access(path, F_OK) == 0;
		if (there && may_have_tasks(path)) {
			free(without);
			return path;
		}
		if (there && without == NULL)
			without = spore__xstrdup(path);
		free(path);
		if (folder[0] == '\0')
			break;
	}
	*why = without != NULL ? spore__xasprintf("%s has no tasks, and there is no other spore.yaml above it", without)
	                       : spore__xstrdup("there is no spore.yaml in this folder or above it");
	*remedy = spore__xstrdup("write one, such as: { spore: 1, tasks: { web: { source: ./web.c } } }");
	free(without);
	return NULL;
}

static bool in_profile(const struct spore__manifest_task *t, const struct spore__strs *profiles)
{
	for (size_t i = 0; t->spec.profiles != NULL && t->spec.profiles[i] != NULL; i++)
		if (spore__strs_has(profiles, t->spec.profiles[i]))
			return true;
	return t->spec.profiles == NULL;
}

bool spore__manifest_choose(struct spore__manifest *m, const struct spore__strs *profiles, const char **unknown,
                            const char **nearest)
{
	struct spore__strs known = {0};
	bool ok = true;
	for (size_t i = 0; i < m->count; i++) {
		m->tasks[i].spec.enabled = in_profile(&m->tasks[i], profiles);
		for (char **p = m->tasks[i].spec.profiles; p != NULL && *p != NULL; p++)
			spore__strs_add(&known, *p);
	}
	for (size_t i = 0; ok && i < profiles->count; i++) {
		if (spore__strs_has(&known, profiles->items[i]))
			continue;
		ok = false;
		*unknown = profiles->items[i];
		*nearest = NULL;
		const char *near =
		    known.count > 0 ? spore__nearest(profiles->items[i], (const char *const *)known.items) : NULL;
		for (size_t k = 0; near != NULL && k < m->count; k++)
			for (char **p = m->tasks[k].spec.profiles; p != NULL && *p != NULL; p++)
				if (strcmp(*p, near) == 0)
					*nearest = *p; // lives as long as M
	}
	spore__strs_finish(&known);
	return ok;
}
