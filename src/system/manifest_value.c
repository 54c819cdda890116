// Values of the manifest by their type in the table, into the fields of the specification.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "system/manifest_private.h"
#include "system/value.h"
#include "task/folder.h"
#include "task/wanted.h"

char *spore__manifest_path(const struct spore__manifest *m, const char *path)
{
	while (strncmp(path, "./", 2) == 0) {
		path += 2;
		path += strspn(path, "/");
	}
	if (path[0] == '/')
		return spore__xstrdup(path);
	if (path[0] == '\0' || strcmp(path, ".") == 0)
		return spore__xstrdup(m->dir);
	return spore__xasprintf("%s/%s", strcmp(m->dir, "/") == 0 ? "" : m->dir, path);
}

char *spore__take_text(struct spore__taking *t, const yaml_node_t *node, const char *what, bool scalar)
{
	const char *value;
	if (!(scalar ? spore__yaml_scalar : spore__yaml_string)(t->y, node, what, &value))
		return NULL;
	struct spore__buf out = {0};
	char *why;
	if (spore__expand(value, t->world->variable, t->world->arg, &out, &why))
		return spore__buf_take(&out);
	(void)spore__yaml_wrong(t->y, node->start_mark, "%s: %s", what, why);
	free(why);
	spore__buf_finish(&out);
	return NULL;
}

bool spore__take_wrong(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node,
                       const char *value)
{
	char *wanted = spore__schema_wanted(key);
	if (value != NULL)
		(void)spore__yaml_wrong(t->y, node->start_mark, "%s must be %s, not \"%.80s\"", key->name, wanted,
		                        value);
	else
		(void)spore__yaml_wrong(t->y, node->start_mark, "%s must be %s, not %s", key->name, wanted,
		                        spore__yaml_kind(node));
	free(wanted);
	return false;
}

struct listing {
	struct spore__taking *t;
	const char *what;
	struct spore__strs *out;
	bool paths;
};

static bool add_text(void *arg, const yaml_node_t *item)
{
	struct listing *l = arg;
	char *text = spore__take_text(l->t, item, l->what, false);
	if (text == NULL)
		return false;
	spore__strs_take(l->out, l->paths ? spore__manifest_path(l->t->m, text) : text);
	if (l->paths)
		free(text);
	return true;
}

bool spore__take_texts(struct spore__taking *t, const yaml_node_t *node, const char *what, struct spore__strs *out)
{
	struct listing l = {t, what, out, false};
	return spore__yaml_items(t->y, node, what, add_text, &l);
}

bool spore__take_paths(struct spore__taking *t, const yaml_node_t *node, const char *what, struct spore__strs *out)
{
	struct listing l = {t, what, out, true};
	return node->type == YAML_SCALAR_NODE ? add_text(&l, node) : spore__yaml_items(t->y, node, what, add_text, &l);
}

static bool add_variable(void *arg, const char *name, const yaml_node_t *key, const yaml_node_t *value)
{
	static const char *const ours[] = {"SPORE_TASK", "SPORE_PORTS", "SPORE_FD", SPORE__INSTANCE_MARK};
	struct listing *l = arg;
	if (*name == '\0' || strchr(name, '=') != NULL)
		return spore__yaml_wrong(l->t->y, key->start_mark, "\"%s\" cannot be the name of a variable", name);
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		if (strcmp(name, ours[i]) == 0)
			return spore__yaml_wrong(l->t->y, key->start_mark, "%s is set by spore itself", name);
	char *text = spore__take_text(l->t, value, name, false);
	if (text == NULL)
		return false;
	char *pair = spore__xasprintf("%s=%s", name, text);
	spore__wanted_set_env(l->out, pair);
	free(pair);
	free(text);
	return true;
}

bool spore__take_variables(struct spore__taking *t, const yaml_node_t *node, const char *what, struct spore__strs *out)
{
	struct listing l = {t, what, out, false};
	return spore__yaml_pairs(t->y, node, what, add_variable, &l);
}

bool spore__take_bool(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node, bool *out)
{
	char *text = node->type == YAML_SCALAR_NODE ? spore__take_text(t, node, key->name, true) : NULL;
	bool is_true = text != NULL && strcmp(text, "true") == 0;
	bool ok = is_true || (text != NULL && strcmp(text, "false") == 0 && key->type != SPORE__SCHEMA_TRUE);
	if (ok)
		*out = is_true;
	else if (text != NULL || node->type != YAML_SCALAR_NODE)
		(void)spore__take_wrong(t, key, node, text);
	free(text);
	return ok;
}

const char *spore__take_word(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE) {
		(void)spore__take_wrong(t, key, node, NULL);
		return NULL;
	}
	char *text = spore__take_text(t, node, key->name, true);
	const char *word = NULL;
	for (size_t i = 0; text != NULL && key->words[i] != NULL; i++)
		if (strcmp(key->words[i], text) == 0)
			word = key->words[i];
	if (text != NULL && word == NULL)
		(void)spore__take_wrong(t, key, node, text);
	free(text);
	return word;
}

static void *member(struct spore__taking *t, const struct spore__spec_field *field)
{
	return (char *)&t->task->spec + field->offset;
}

// A word that the field does not know ("none") leaves its default.
static void set_word(struct spore__taking *t, const struct spore__spec_field *field, const char *word)
{
	*(int *)member(t, field) = (int)field->standard;
	for (int i = 0; field->words[i] != NULL; i++)
		if (strcmp(field->words[i], word) == 0)
			*(int *)member(t, field) = i;
}

static bool set_number(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node,
                       const char *text, int64_t value)
{
	const struct spore__spec_field *field = spore__schema_field(key);
	if (value >= field->min && value <= field->max) {
		*(int64_t *)member(t, field) = value;
		return true;
	}
	if (key->type == SPORE__SCHEMA_INT)
		return spore__take_wrong(t, key, node, text);
	return spore__yaml_wrong(t->y, node->start_mark, "%s: %s is too %s", key->name, text,
	                         value < field->min ? "little" : "much");
}

static bool take_number(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	static bool (*const readers[])(const char *, int64_t *) = {
	    [SPORE__SCHEMA_INT] = spore__value_int,           [SPORE__SCHEMA_SIZE] = spore__value_size,
	    [SPORE__SCHEMA_DURATION] = spore__value_duration, [SPORE__SCHEMA_CPU] = spore__value_cpu,
	    [SPORE__SCHEMA_SIGNAL] = spore__value_signal,
	};
	int64_t value;
	if (node->type != YAML_SCALAR_NODE)
		return spore__take_wrong(t, key, node, NULL);
	char *text = spore__take_text(t, node, key->name, true);
	bool ok = text != NULL && (readers[key->type](text, &value) ? set_number(t, key, node, text, value)
	                                                            : spore__take_wrong(t, key, node, text));
	free(text);
	return ok;
}

static void set_text(struct spore__taking *t, const struct spore__spec_field *field, char *text)
{
	char **at = member(t, field);
	free(*at);
	*at = text;
}

static bool take_pattern(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	char *text = spore__take_text(t, node, key->name, false), why[200];
	if (text == NULL)
		return false;
	if (spore__value_pattern(text, why, sizeof why)) {
		set_text(t, spore__schema_field(key), text);
		return true;
	}
	(void)spore__yaml_wrong(t->y, node->start_mark, "%s is not a regular expression: %s", key->name, why);
	free(text);
	return false;
}

// Text with a form of its own.
static bool take_formed(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE)
		return spore__take_wrong(t, key, node, NULL);
	char *text = spore__take_text(t, node, key->name, true), *kept = NULL;
	bool ok = false;
	if (text == NULL)
		return false;
	if (key->type == SPORE__SCHEMA_ADDRESS)
		ok = spore__value_address(text, &kept);
	else
		ok = key->type == SPORE__SCHEMA_CPUS ? spore__value_cpus(text) : spore__value_every(text);
	if (ok)
		set_text(t, spore__schema_field(key), kept != NULL ? kept : spore__xstrdup(text));
	else
		(void)spore__take_wrong(t, key, node, text);
	free(text);
	return ok;
}

static bool take_command(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node,
                         struct spore__strs *out)
{
	if (node->type == YAML_SEQUENCE_NODE)
		return spore__take_texts(t, node, key->name, out) &&
		       (out->count > 0 ||
		        spore__yaml_wrong(t->y, node->start_mark, "%s has a command without words", key->name));
	char *line = spore__take_text(t, node, key->name, false);
	if (line == NULL)
		return false;
	spore__strs_add(out, "/bin/sh");
	spore__strs_add(out, "-c");
	spore__strs_take(out, line);
	return true;
}

static bool take_names(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node,
                       struct spore__strs *out)
{
	if (!spore__take_texts(t, node, key->name, out))
		return false;
	for (size_t i = 0; i < out->count; i++)
		if (!spore__name_is_valid(out->items[i]))
			return spore__yaml_wrong(t->y, node->start_mark,
			                         "%s: \"%.80s\" is no name of letters, digits, _ and -", key->name,
			                         out->items[i]);
	return true;
}

static bool take_list(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	struct spore__strs list = {0};
	bool ok = key->type == SPORE__SCHEMA_COMMAND     ? take_command(t, key, node, &list)
	          : key->type == SPORE__SCHEMA_NAMES     ? take_names(t, key, node, &list)
	          : key->type == SPORE__SCHEMA_PATHS     ? spore__take_paths(t, node, key->name, &list)
	          : key->type == SPORE__SCHEMA_VARIABLES ? spore__take_variables(t, node, key->name, &list)
	                                                 : spore__take_texts(t, node, key->name, &list);
	spore__texts *at = member(t, spore__schema_field(key));
	if (ok && list.count > 0 && *at == NULL)
		*at = list.items; // of the same form: malloc'ed, with a NULL at its end
	else
		spore__strs_finish(&list);
	return ok;
}

static bool take_map(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	const struct spore__spec_field *field = spore__schema_field(key);
	if (node->type == YAML_MAPPING_NODE) {
		if (field != NULL && field->type == SPORE__SPEC_BOOL)
			*(bool *)member(t, field) = true;
		return spore__take_keys(t, node, key->name, key, key->keys);
	}
	if (node->type == YAML_SCALAR_NODE && key->words != NULL) {
		const char *word = spore__take_word(t, key, node);
		if (word != NULL)
			set_word(t, field, word);
		return word != NULL;
	}
	if (node->type == YAML_SCALAR_NODE && field != NULL)
		return spore__take_bool(t, key, node, member(t, field));
	return spore__take_wrong(t, key, node, NULL);
}

static bool take_into_spec(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node)
{
	const struct spore__spec_field *field = spore__schema_field(key);
	switch (key->type) {
	case SPORE__SCHEMA_BOOL:
		return spore__take_bool(t, key, node, member(t, field));
	case SPORE__SCHEMA_WORD: {
		const char *word = spore__take_word(t, key, node);
		if (word != NULL)
			set_word(t, field, word);
		return word != NULL;
	}
	case SPORE__SCHEMA_INT:
	case SPORE__SCHEMA_SIZE:
	case SPORE__SCHEMA_DURATION:
	case SPORE__SCHEMA_CPU:
	case SPORE__SCHEMA_SIGNAL:
		return take_number(t, key, node);
	case SPORE__SCHEMA_PATTERN:
		return take_pattern(t, key, node);
	case SPORE__SCHEMA_ADDRESS:
	case SPORE__SCHEMA_CPUS:
	case SPORE__SCHEMA_EVERY:
		return take_formed(t, key, node);
	case SPORE__SCHEMA_PATH: {
		char *text = spore__take_text(t, node, key->name, false);
		if (text != NULL)
			set_text(t, field, spore__manifest_path(t->m, text));
		free(text);
		return text != NULL;
	}
	default:
		return take_list(t, key, node);
	}
}

struct reading {
	struct spore__taking *t;
	const char *what;
	const struct spore__schema_key *around, *keys, *chosen;
	bool *seen;
	bool unknown; // a key that it does not have: perhaps one that is missing
};

// Keys that exclude each other: what the map around them becomes.
static bool choose(struct reading *r, const struct spore__schema_key *key, const yaml_node_t *at)
{
	if (key->sets == NULL)
		return true;
	if (r->chosen != NULL)
		return spore__yaml_wrong(r->t->y, at->start_mark, "%s has both %s and %s: one of them", r->what,
		                         r->chosen->name, key->name);
	r->chosen = key;
	set_word(r->t, spore__schema_field(r->around), key->sets);
	return true;
}

static bool take_key(void *arg, const char *name, const yaml_node_t *key_node, const yaml_node_t *value)
{
	struct reading *r = arg;
	const struct spore__schema_key *key = r->keys;
	while (key->name != NULL && strcmp(key->name, name) != 0)
		key++;
	if (key->name == NULL) {
		struct spore__strs known = {0};
		for (const struct spore__schema_key *k = r->keys; k->name != NULL; k++)
			spore__strs_add(&known, k->name);
		(void)spore__yaml_unknown(r->t->y, key_node->start_mark, r->what, name,
		                          (const char *const *)known.items);
		spore__strs_finish(&known);
		r->unknown = true;
		return false;
	}
	r->seen[key - r->keys] = true;
	if (!choose(r, key, key_node))
		return false;
	if (key->type == SPORE__SCHEMA_MAP)
		return take_map(r->t, key, value);
	if (key->spec != NULL && key->type != SPORE__SCHEMA_AFTER)
		return take_into_spec(r->t, key, value);
	if (key->type == SPORE__SCHEMA_TRUE) {
		bool chosen;
		return spore__take_bool(r->t, key, value, &chosen);
	}
	return r->t->other(r->t, key, value);
}

bool spore__take_keys(struct spore__taking *t, const yaml_node_t *node, const char *what,
                      const struct spore__schema_key *around, const struct spore__schema_key *keys)
{
	size_t count = 0;
	bool choice = false;
	for (; keys[count].name != NULL; count++)
		choice = choice || keys[count].sets != NULL;
	bool *seen = spore__xcalloc(count + 1, sizeof *seen);
	struct reading r = {t, what, around, keys, NULL, seen, false};
	bool ok = spore__yaml_pairs(t->y, node, what, take_key, &r);
	for (size_t i = 0; i < count && node->type == YAML_MAPPING_NODE && !r.unknown; i++)
		if (keys[i].required && !seen[i])
			ok = spore__yaml_wrong(t->y, node->start_mark, "%s needs the key \"%s\"", what, keys[i].name);
	if (ok && choice && r.chosen == NULL) {
		struct spore__buf names = {0};
		for (size_t i = 0; i < count; i++)
			if (keys[i].sets != NULL)
				spore__buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", keys[i].name);
		ok = spore__yaml_wrong(t->y, node->start_mark, "%s needs one of %s", what, names.data);
		spore__buf_finish(&names);
	}
	free(seen);
	return ok;
}
