// A task of the manifest: the keys that are no plain field of the specification.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "system/manifest_private.h"
#include "system/value.h"
#include "task/port.h"
#include "task/wanted.h"

enum { SECRET_MAX = 64 * 1024 };

static bool take_source(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	char *text = spore__take_text(t, node, key->name, false);
	t->task->source_mark = node->start_mark;
	if (text == NULL)
		return false;
	if (*text == '\0') {
		free(text);
		return spore__yaml_wrong(t->y, node->start_mark, "source is empty: write ./FILE or path:NAME");
	}
	bool system = strncmp(text, "path:", 5) == 0;
	t->task->source = system ? spore__xstrdup(text) : spore__manifest_path(t->m, text);
	free(text);
	return true;
}

// Reads a whole file of at most MAX bytes, or tells why not.
static bool read_file(struct spore__taking *t, const yaml_node_t *node, const char *what, const char *path,
                      struct spore__buf *out)
{
	spore__strs_add(&t->m->files, path);
	if (spore__fs_is_file(path) && spore__fs_read(path, out) == 0)
		return true;
	int why = errno != 0 ? errno : ENOENT;
	if (spore__fs_is_dir(path))
		why = EISDIR;
	return spore__yaml_wrong(t->y, node->start_mark, "%s: cannot read %s: %s", what, path, strerror(why));
}

static bool take_env_files(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	struct spore__strs paths = {0};
	bool ok = spore__take_paths(t, node, key->name, &paths);
	struct spore__strs found = {0};
	for (size_t i = 0; ok && t->world->files && i < paths.count; i++) {
		struct spore__buf text = {0};
		char *why = NULL;
		errno = 0;
		ok = read_file(t, node, key->name, paths.items[i], &text);
		if (ok && !spore__envfile_parse(paths.items[i], text.len > 0 ? text.data : "", text.len,
		                                t->world->variable, t->world->arg, &found, &why))
			ok = spore__yaml_wrong(t->y, node->start_mark, "%s: %s", key->name, why);
		free(why);
		spore__buf_finish(&text);
	}
	for (size_t i = 0; i < found.count; i++) {
		char *name = spore__xstrndup(found.items[i], strcspn(found.items[i], "="));
		if (spore__env_find(&t->task->env, name) == NULL) // `env` counts before the files, whatever comes first
			spore__strs_add(&t->task->env, found.items[i]);
		free(name);
	}
	spore__strs_finish(&found);
	spore__strs_finish(&paths);
	return ok;
}

static bool take_env(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	return spore__take_variables(t, node, key->name, &t->task->env);
}

struct secret {
	char *file, *variable;
};

static bool take_secret_key(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	struct secret *s = t->object;
	char *text = spore__take_text(t, node, key->name, false);
	if (text == NULL)
		return false;
	if (strcmp(key->name, "env") == 0) {
		s->variable = text;
	} else {
		s->file = spore__manifest_path(t->m, text);
		free(text);
	}
	return true;
}

static bool read_secret(struct spore__taking *t, const char *name, const yaml_node_t *node, const struct secret *s,
                        struct spore__buf *value)
{
	if (s->variable != NULL) {
		const char *found = t->world->variable(t->world->arg, s->variable);
		if (found == NULL)
			return spore__yaml_wrong(t->y, node->start_mark, "the secret %s: the variable %s is not set",
			                         name, s->variable);
		spore__buf_str(value, found);
		return true;
	}
	errno = 0;
	if (!t->world->files)
		return true;
	if (!read_file(t, node, name, s->file, value))
		return false;
	if (value->len > 0 && value->data[value->len - 1] == '\n')
		value->data[--value->len] = '\0';
	if (value->len > SECRET_MAX || memchr(value->data != NULL ? value->data : "", '\0', value->len) != NULL)
		return spore__yaml_wrong(t->y, node->start_mark, "the secret %s: %s has more than 64 KiB or a NUL",
		                         name, s->file);
	return true;
}

struct secrets {
	struct spore__taking *t;
	const struct spore__schema_key *key;
	struct spore__strs names;
};

static bool add_secret(void *arg, const char *name, const yaml_node_t *key_node, const yaml_node_t *node)
{
	struct secrets *all = arg;
	struct secret s = {0};
	struct spore__taking inner = *all->t;
	inner.object = &s;
	inner.other = take_secret_key;
	struct spore__buf value = {0};
	bool ok = true;
	if (!spore__is_variable_name(name, strlen(name)))
		ok = spore__yaml_wrong(inner.y, key_node->start_mark, "\"%.80s\" cannot be the name of a variable",
		                       name);
	ok = ok && spore__take_keys(&inner, node, name, NULL, all->key->keys);
	if (ok && (s.file == NULL) == (s.variable == NULL))
		ok = spore__yaml_wrong(inner.y, node->start_mark, "the secret %s needs one of file and env", name);
	ok = ok && read_secret(&inner, name, node, &s, &value);
	if (ok) {
		char *pair = spore__xasprintf("%s=%s", name, value.data != NULL ? value.data : "");
		spore__strs_add(&all->names, name);
		spore__wanted_set_env(&all->t->task->env, pair);
		free(pair);
	}
	spore__buf_finish(&value);
	free(s.file);
	free(s.variable);
	return ok;
}

static bool take_secrets(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	struct secrets all = {t, key, {0}};
	bool ok = spore__yaml_pairs(t->y, node, key->name, add_secret, &all);
	t->task->spec.secrets = all.names.items;
	return ok;
}

struct afters {
	struct spore__taking *t;
	const struct spore__schema_key *key;
};

static bool add_after(struct spore__taking *t, const char *task, const char *condition, yaml_mark_t mark)
{
	struct spore__manifest_task *to = t->task;
	to->after = spore__xrealloc(to->after, (to->after_count + 1) * sizeof *to->after);
	to->after[to->after_count++] = (struct spore__manifest_after){spore__xstrdup(task), condition, mark};
	return true;
}

static bool after_pair(void *arg, const char *name, const yaml_node_t *key_node, const yaml_node_t *value)
{
	struct afters *a = arg;
	const char *word = spore__take_word(a->t, a->key, value);
	return word != NULL && add_after(a->t, name, word, key_node->start_mark);
}

static bool after_item(void *arg, const yaml_node_t *item)
{
	struct afters *a = arg;
	const char *name;
	if (!spore__yaml_string(a->t->y, item, "after", &name))
		return false;
	for (size_t i = 0; i < a->t->task->after_count; i++)
		if (strcmp(a->t->task->after[i].task, name) == 0)
			return spore__yaml_wrong(a->t->y, item->start_mark, "after has \"%s\" twice", name);
	return add_after(a->t, name, "ready", item->start_mark);
}

static bool take_after(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	// "after must be ..." of a single condition names the condition's words
	static const struct spore__schema_key condition = {.name = "after", .type = SPORE__SCHEMA_WORD};
	struct spore__schema_key word = condition;
	word.words = key->words;
	struct afters a = {t, &word};
	if (node->type == YAML_SCALAR_NODE)
		return spore__take_wrong(t, key, node, NULL);
	return node->type == YAML_SEQUENCE_NODE ? spore__yaml_items(t->y, node, key->name, after_item, &a)
	                                        : spore__yaml_pairs(t->y, node, key->name, after_pair, &a);
}

static bool take_port_key(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	struct spore__manifest_port *port = t->object;
	if (key->type == SPORE__SCHEMA_WORD) {
		const char *word = spore__take_word(t, key, node);
		*(strcmp(key->name, "kind") == 0 ? &port->kind
		  : strcmp(key->name, "as") == 0 ? &port->as
		                                 : &port->shape) = word;
		return word != NULL;
	}
	char **at = strcmp(key->name, "protocol") == 0 ? &port->protocol : &port->framing;
	*at = spore__take_text(t, node, key->name, false);
	if (*at == NULL)
		return false;
	if (at == &port->framing)
		return spore__name_is_valid(*at) || spore__take_wrong(t, key, node, *at);
	char why[SPORE__PLAN_TEXT];
	return spore__plan_check(spore__codec_facts, *at, why, sizeof why) ||
	       spore__yaml_wrong(t->y, node->start_mark, "protocol: %s", why);
}

// Of stdin, stdout and stdio only how messages are told apart is left to be said.
static bool check_port(struct spore__taking *t, const yaml_node_t *key_node, const struct spore__manifest_port *p)
{
	if (spore__port_is_standard(p->name) && (p->kind != NULL || p->shape != NULL || p->as != NULL))
		return spore__yaml_wrong(t->y, key_node->start_mark,
		                         "every task has a port %s already: it can have a framing and a protocol",
		                         p->name);
	static const char *const framings[] = {"lines", "u32le", "u32be", "netstring"};
	bool plain = spore__port_is_standard(p->name) || p->as != NULL, known = p->framing == NULL;
	for (size_t i = 0; i < sizeof framings / sizeof framings[0]; i++)
		known |= p->framing != NULL && strcmp(p->framing, framings[i]) == 0;
	if (plain && !known)
		return spore__yaml_wrong(t->y, key_node->start_mark,
		                         "%s: framing must be lines, u32le, u32be or netstring, not \"%.80s\"", p->name,
		                         p->framing);
	bool one_way = p->shape != NULL && (strcmp(p->shape, "publish") == 0 || strcmp(p->shape, "subscribe") == 0);
	if (one_way && p->kind != NULL && strcmp(p->kind, "bytes") == 0)
		return spore__yaml_wrong(t->y, key_node->start_mark,
		                         "%s: what is published has messages: leave out kind: bytes, or shape: %s",
		                         p->name, p->shape);
	if (p->as != NULL && p->shape != NULL && strcmp(p->shape, "connect") != 0)
		return spore__yaml_wrong(t->y, key_node->start_mark, "%s: a %s has one channel: leave out shape: %s",
		                         p->name, p->as, p->shape);
	return true;
}

static bool add_port(void *arg, const char *name, const yaml_node_t *key_node, const yaml_node_t *node)
{
	struct afters *a = arg;
	struct spore__manifest_task *task = a->t->task;
	if (!spore__name_is_valid(name))
		return spore__yaml_wrong(a->t->y, key_node->start_mark,
		                         "\"%.80s\" is no name of letters, digits, _ and -", name);
	if (strcmp(name, "stderr") == 0)
		return spore__yaml_wrong(a->t->y, key_node->start_mark,
		                         "stderr is logged, and no port to be described");
	task->ports = spore__xrealloc(task->ports, (task->port_count + 1) * sizeof *task->ports);
	task->ports[task->port_count] = (struct spore__manifest_port){.name = spore__xstrdup(name)};
	struct spore__taking inner = *a->t;
	struct spore__manifest_port *port = &task->ports[task->port_count++];
	inner.object = port;
	inner.other = take_port_key;
	return spore__take_keys(&inner, node, name, NULL, a->key->keys) && check_port(a->t, key_node, port);
}

static bool take_ports(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	struct afters a = {t, key};
	return spore__yaml_pairs(t->y, node, key->name, add_port, &a);
}

bool spore__take_program_ports(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	struct spore__taking inner = *t;
	inner.task = &t->m->program;
	return take_ports(&inner, key, node);
}

static bool take_replicas(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	int64_t n;
	if (node->type != YAML_SCALAR_NODE)
		return spore__take_wrong(t, key, node, NULL);
	char *text = spore__take_text(t, node, key->name, true);
	bool ok = text != NULL && spore__value_int(text, &n) && n >= 1 && n <= SPORE__REPLICAS_MAX;
	if (ok)
		t->task->replicas = n > 1 ? n : 0;
	else if (text != NULL)
		(void)spore__take_wrong(t, key, node, text);
	free(text);
	return ok;
}

static bool take_bin(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	t->task->bin = spore__take_text(t, node, key->name, false);
	return t->task->bin != NULL;
}

static bool take_args(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	return spore__take_texts(t, node, key->name, &t->task->args);
}

// What is only checked: it is for a mesh.
static bool take_place(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	char *text = spore__take_text(t, node, key->name, false);
	bool ok = text != NULL && (spore__name_is_valid(text) || spore__take_wrong(t, key, node, text));
	free(text);
	return ok;
}

static bool take_task_key(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	static const struct {
		const char *name;
		bool (*take)(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node);
	} takers[] = {
	    {"source", take_source},      {"bin", take_bin},         {"args", take_args},   {"env", take_env},
	    {"env_file", take_env_files}, {"secrets", take_secrets}, {"after", take_after}, {"replicas", take_replicas},
	    {"ports", take_ports},        {"arch", take_place},      {"node", take_place},
	};
	for (size_t i = 0; i < sizeof takers / sizeof *takers; i++)
		if (strcmp(takers[i].name, key->name) == 0)
			return takers[i].take(t, key, node);
	abort(); // a key of the table without anything that reads it; test_manifest reads each
}

static void find_mark(struct spore__taking *t, const yaml_node_t *node, const char *key, yaml_mark_t *mark)
{
	*mark = node->start_mark;
	if (node->type != YAML_MAPPING_NODE)
		return;
	for (yaml_node_pair_t *i = node->data.mapping.pairs.start; i < node->data.mapping.pairs.top; i++) {
		const yaml_node_t *name = yaml_document_get_node(&t->y->document, i->key);
		if (name->type == YAML_SCALAR_NODE && strcmp((const char *)name->data.scalar.value, key) == 0)
			*mark = name->start_mark;
	}
}

static bool add_task(void *arg, const char *name, const yaml_node_t *key_node, const yaml_node_t *node)
{
	struct afters *a = arg;
	struct spore__manifest *m = a->t->m;
	if (!spore__name_is_valid(name))
		return spore__yaml_wrong(a->t->y, key_node->start_mark,
		                         "\"%.80s\" cannot be the name of a task: it has letters, digits, _ and -, and "
		                         "begins with a letter or digit",
		                         name);
	m->tasks = spore__xrealloc(m->tasks, (m->count + 1) * sizeof *m->tasks);
	struct spore__manifest_task *task = &m->tasks[m->count++];
	*task = (struct spore__manifest_task){.name = spore__xstrdup(name), .mark = key_node->start_mark};
	spore__spec_init(&task->spec);
	find_mark(a->t, node, "every", &task->every_mark);
	struct spore__taking inner = *a->t;
	inner.task = task;
	inner.other = take_task_key;
	bool ok = spore__take_keys(&inner, node, name, NULL, a->key->keys);
	if (task->spec.cwd == NULL)
		task->spec.cwd = spore__xstrdup(m->dir);
	return ok;
}

bool spore__take_tasks(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	struct afters a = {t, key};
	t->m->has_tasks = true;
	return spore__yaml_pairs(t->y, node, key->name, add_task, &a);
}
