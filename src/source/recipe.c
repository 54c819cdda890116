#include "source/recipe.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/mem.h"

enum { TEXT_MAX = 1 << 20 };

#define KEY(name, type) #name, SPORE__RECIPE_##type, offsetof(struct spore__recipe, name)

const struct spore__recipe_key spore__recipe_keys[] = {
    {KEY(build, COMMANDS),
     "Commands that build it, run in a private copy of the folder: a list of shell lines or argument "
     "lists, with $prefix, $src and $jobs in the environment"},
    {KEY(install, COMMANDS), "Commands that install it below $prefix, in the same place"},
    {KEY(outputs, STRINGS), "Files and folders to keep: a program goes to bin/, anything else keeps its path"},
    {KEY(main, STRING), "The program to run, when there are several"},
    {KEY(env, MAP), "Environment of the build"},
    {KEY(run, STRINGS), "A program that needs no build: the command to run in the folder, e.g. [python3, main.py]"},
    {KEY(run_env, MAP), "Environment of the program"},
    {KEY(dir, STRING), "The subfolder that is built"},
    {KEY(system, SYSTEM), "The build system to use instead of the one that is detected"},
    {KEY(options, STRINGS), "Arguments added to the configure step of the build system"},
    {KEY(packages, STRINGS), "pkg-config packages that have to be there before the build starts"},
    {NULL, SPORE__RECIPE_STRING, 0, NULL},
};

const char *const spore__recipe_systems[] = {"meson", "cmake", "autotools", "configure", "kconfig", "make", "c", NULL};

struct parser {
	const char *file;
	yaml_document_t *document;
	char **error;
};

static bool wrong(struct parser *p, yaml_mark_t mark, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

// Keeps the first error only. Returns false.
static bool wrong(struct parser *p, yaml_mark_t mark, const char *fmt, ...)
{
	if (*p->error != NULL)
		return false;
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	*p->error = spore__xasprintf("%s:%zu:%zu: %s", p->file, mark.line + 1, mark.column + 1, text);
	return false;
}

static const char *kind_of(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE     ? "a single value"
	       : node->type == YAML_SEQUENCE_NODE ? "a list"
	                                          : "a map";
}

// What YAML 1.1 makes of an unquoted word that looks like text; NULL when it is text.
static const char *trap(const char *value)
{
	static const char *const words[] = {"y", "n", "yes", "no", "on", "off", "true", "false", NULL};
	for (size_t i = 0; words[i] != NULL; i++)
		if (strcasecmp(words[i], value) == 0)
			return "a truth value";
	if (*value == '\0' || strcmp(value, "~") == 0 || strcasecmp(value, "null") == 0)
		return "nothing at all";
	size_t len = strlen(value);
	return strspn(value, "0123456789._+-eE") == len && strpbrk(value, "0123456789") != NULL &&
	               strcmp(value, "-") != 0 && strchr("eE", *value) == NULL && strspn(value, "+-") <= 1
	           ? "a number"
	           : NULL;
}

static bool take_string(struct parser *p, const yaml_node_t *node, const char *what, const char **out)
{
	if (node->type != YAML_SCALAR_NODE)
		return wrong(p, node->start_mark, "%s must be text, not %s", what, kind_of(node));
	const char *value = (const char *)node->data.scalar.value;
	if (strlen(value) != node->data.scalar.length)
		return wrong(p, node->start_mark, "%s contains a NUL character", what);
	const char *seen = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? trap(value) : NULL;
	if (seen != NULL)
		return wrong(p, node->start_mark, "%s must be text, and YAML takes %s for %s: write \"%s\" in quotes",
		             what, *value != '\0' ? value : "an empty value", seen, value);
	*out = value;
	return true;
}

static bool take_strings(struct parser *p, const yaml_node_t *node, const char *what, struct spore__strs *out)
{
	if (node->type != YAML_SEQUENCE_NODE)
		return wrong(p, node->start_mark, "%s must be a list, not %s: write [ ... ]", what, kind_of(node));
	for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
		const char *value;
		if (!take_string(p, yaml_document_get_node(p->document, *i), what, &value))
			return false;
		spore__strs_add(out, value);
	}
	return true;
}

static bool take_command(struct parser *p, const yaml_node_t *node, const char *what, struct spore__strs *argv)
{
	if (node->type == YAML_SEQUENCE_NODE) {
		if (!take_strings(p, node, what, argv))
			return false;
		return argv->count > 0 || wrong(p, node->start_mark, "%s has a command without words", what);
	}
	const char *line;
	if (!take_string(p, node, what, &line))
		return false;
	spore__strs_add(argv, "sh");
	spore__strs_add(argv, "-ec");
	spore__strs_add(argv, line);
	return true;
}

static bool take_commands(struct parser *p, const yaml_node_t *node, const char *what,
                          struct spore__recipe_commands *out)
{
	if (node->type != YAML_SEQUENCE_NODE)
		return wrong(p, node->start_mark, "%s must be a list of commands, not %s: begin each line with -", what,
		             kind_of(node));
	for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
		out->items = spore__xrealloc(out->items, (out->count + 1) * sizeof *out->items);
		out->items[out->count] = (struct spore__recipe_command){0};
		if (!take_command(p, yaml_document_get_node(p->document, *i), what, &out->items[out->count++].argv))
			return false;
	}
	return true;
}

static bool take_map(struct parser *p, const yaml_node_t *node, const char *what, struct spore__strs *out)
{
	if (node->type != YAML_MAPPING_NODE)
		return wrong(p, node->start_mark, "%s must be a map of names to text, not %s", what, kind_of(node));
	for (yaml_node_pair_t *i = node->data.mapping.pairs.start; i < node->data.mapping.pairs.top; i++) {
		const yaml_node_t *key = yaml_document_get_node(p->document, i->key);
		const char *name, *value;
		if (!take_string(p, key, "the name of a variable", &name))
			return false;
		if (*name == '\0' || strchr(name, '=') != NULL)
			return wrong(p, key->start_mark, "\"%s\" cannot be the name of a variable", name);
		if (!take_string(p, yaml_document_get_node(p->document, i->value), name, &value))
			return false;
		spore__strs_addf(out, "%s=%s", name, value);
	}
	return true;
}

static bool take_system(struct parser *p, const yaml_node_t *node, char **out)
{
	const char *value;
	if (!take_string(p, node, "system", &value))
		return false;
	struct spore__buf known = {0};
	for (size_t i = 0; spore__recipe_systems[i] != NULL; i++) {
		if (strcmp(spore__recipe_systems[i], value) == 0) {
			*out = spore__xstrdup(value);
			spore__buf_finish(&known);
			return true;
		}
		spore__buf_printf(&known, "%s%s", i > 0 ? ", " : "", spore__recipe_systems[i]);
	}
	(void)wrong(p, node->start_mark, "system: \"%s\" is none of %s", value, known.data);
	spore__buf_finish(&known);
	return false;
}

static bool take_value(struct parser *p, const struct spore__recipe_key *key, const yaml_node_t *node,
                       struct spore__recipe *recipe)
{
	void *member = (char *)recipe + key->offset;
	const char *value;
	switch (key->type) {
	case SPORE__RECIPE_STRING:
		if (!take_string(p, node, key->name, &value))
			return false;
		*(char **)member = spore__xstrdup(value);
		return true;
	case SPORE__RECIPE_STRINGS:
		return take_strings(p, node, key->name, member);
	case SPORE__RECIPE_COMMANDS:
		return take_commands(p, node, key->name, member);
	case SPORE__RECIPE_MAP:
		return take_map(p, node, key->name, member);
	case SPORE__RECIPE_SYSTEM:
		return take_system(p, node, member);
	}
	return false;
}

static size_t distance(const char *a, const char *b)
{
	size_t row[64], m = strlen(a), n = strlen(b);
	if (n >= sizeof row / sizeof *row)
		return SIZE_MAX;
	for (size_t k = 0; k <= n; k++)
		row[k] = k;
	for (size_t i = 1; i <= m; i++) {
		size_t corner = row[0];
		row[0] = i;
		for (size_t k = 1; k <= n; k++) {
			size_t best = corner + (a[i - 1] != b[k - 1]);
			corner = row[k];
			if (row[k] + 1 < best)
				best = row[k] + 1;
			if (row[k - 1] + 1 < best)
				best = row[k - 1] + 1;
			row[k] = best;
		}
	}
	return row[n];
}

static const struct spore__recipe_key *nearest(const char *name)
{
	const struct spore__recipe_key *best = NULL;
	size_t least = 3;
	for (const struct spore__recipe_key *k = spore__recipe_keys; k->name != NULL; k++) {
		size_t d = strlen(name) < 64 ? distance(name, k->name) : SIZE_MAX;
		if (d < least) {
			least = d;
			best = k;
		}
	}
	return best;
}

static bool unknown_key(struct parser *p, yaml_mark_t mark, const char *name)
{
	const struct spore__recipe_key *near = nearest(name);
	if (near != NULL)
		return wrong(p, mark, "recipe has no key \"%s\"; did you mean \"%s\"?", name, near->name);
	struct spore__buf known = {0};
	for (const struct spore__recipe_key *k = spore__recipe_keys; k->name != NULL; k++)
		spore__buf_printf(&known, "%s%s", k != spore__recipe_keys ? ", " : "", k->name);
	(void)wrong(p, mark, "recipe has no key \"%.64s\"; it has %s", name, known.data);
	spore__buf_finish(&known);
	return false;
}

// The folder that DIR names must be below the source.
static bool stays_inside(const char *path)
{
	if (*path == '/')
		return false;
	for (const char *p = path; *p != '\0';) {
		size_t len = strcspn(p, "/");
		if (len == 2 && strncmp(p, "..", 2) == 0)
			return false;
		p += len + (p[len] != '\0');
	}
	return true;
}

static bool check_paths(struct parser *p, const yaml_node_t *node, const struct spore__recipe_key *key,
                        const struct spore__recipe *recipe)
{
	if (strcmp(key->name, "dir") == 0 && !stays_inside(recipe->dir))
		return wrong(p, node->start_mark, "dir: \"%s\" is outside of the folder", recipe->dir);
	for (size_t i = 0; strcmp(key->name, "outputs") == 0 && i < recipe->outputs.count; i++)
		if (!stays_inside(recipe->outputs.items[i]))
			return wrong(p, node->start_mark, "outputs: \"%s\" is outside of the folder",
			             recipe->outputs.items[i]);
	return true;
}

static bool take_recipe(struct parser *p, const yaml_node_t *node, struct spore__recipe *recipe)
{
	bool seen[sizeof spore__recipe_keys / sizeof *spore__recipe_keys] = {false};
	if (node->type != YAML_MAPPING_NODE)
		return wrong(p, node->start_mark, "recipe must be a map, not %s", kind_of(node));
	for (yaml_node_pair_t *i = node->data.mapping.pairs.start; i < node->data.mapping.pairs.top; i++) {
		const yaml_node_t *key_node = yaml_document_get_node(p->document, i->key);
		const yaml_node_t *value = yaml_document_get_node(p->document, i->value);
		const char *name;
		if (!take_string(p, key_node, "a key of recipe", &name))
			return false;
		const struct spore__recipe_key *key = spore__recipe_keys;
		while (key->name != NULL && strcmp(key->name, name) != 0)
			key++;
		if (key->name == NULL)
			return unknown_key(p, key_node->start_mark, name);
		if (seen[key - spore__recipe_keys])
			return wrong(p, key_node->start_mark, "recipe has \"%s\" twice", name);
		seen[key - spore__recipe_keys] = true;
		if (!take_value(p, key, value, recipe) || !check_paths(p, value, key, recipe))
			return false;
	}
	bool builds = recipe->build.count > 0 || recipe->install.count > 0 || recipe->outputs.count > 0;
	if (recipe->run.count > 0 && (builds || recipe->system != NULL))
		return wrong(p, node->start_mark,
		             "recipe has both run and a build: use main: to name the built program");
	if (recipe->system != NULL && builds)
		return wrong(p, node->start_mark, "recipe has both system and commands of its own: use one of them");
	recipe->present = true;
	return true;
}

static bool take_version(struct parser *p, const yaml_node_t *node)
{
	if (node->type == YAML_SCALAR_NODE && strcmp((const char *)node->data.scalar.value, "1") == 0)
		return true;
	return wrong(p, node->start_mark, "spore: only version 1 is known: write spore: 1");
}

static bool take_top(struct parser *p, struct spore__recipe *recipe)
{
	const yaml_node_t *root = yaml_document_get_root_node(p->document);
	const yaml_node_t *found = NULL;
	bool version = false;
	if (root == NULL)
		return true; // an empty file
	if (root->type != YAML_MAPPING_NODE)
		return wrong(p, root->start_mark, "a spore.yaml is a map, not %s: begin with spore: 1", kind_of(root));
	for (yaml_node_pair_t *i = root->data.mapping.pairs.start; i < root->data.mapping.pairs.top; i++) {
		const yaml_node_t *key = yaml_document_get_node(p->document, i->key);
		const yaml_node_t *value = yaml_document_get_node(p->document, i->value);
		if (key->type != YAML_SCALAR_NODE)
			return wrong(p, key->start_mark, "a key must be text, not %s", kind_of(key));
		const char *name = (const char *)key->data.scalar.value;
		if (strcmp(name, "spore") == 0) {
			version = true;
			if (!take_version(p, value))
				return false;
		} else if (strcmp(name, "recipe") == 0) {
			if (found != NULL)
				return wrong(p, key->start_mark, "there are two recipes");
			found = value;
		} else if (distance(name, "recipe") <= 2) {
			return wrong(p, key->start_mark, "there is no key \"%s\"; did you mean \"recipe\"?", name);
		}
	}
	if (!version)
		return wrong(p, root->start_mark, "the version is missing: begin with spore: 1");
	return found == NULL || take_recipe(p, found, recipe);
}

bool spore__recipe_parse(const char *file, const char *text, size_t len, struct spore__recipe *recipe, char **error)
{
	yaml_parser_t yaml;
	yaml_document_t document;
	struct parser p = {.file = file, .document = &document, .error = error};
	*recipe = (struct spore__recipe){0};
	*error = NULL;
	if (len > TEXT_MAX)
		return wrong(&p, (yaml_mark_t){0}, "more than 1 MiB");
	if (yaml_parser_initialize(&yaml) == 0) {
		*error = spore__xasprintf("%s: out of memory", file);
		return false;
	}
	yaml_parser_set_input_string(&yaml, (const unsigned char *)text, len);
	bool ok;
	if (yaml_parser_load(&yaml, &document) == 0) {
		ok = wrong(&p, yaml.problem_mark, "%s%s%s", yaml.problem != NULL ? yaml.problem : "not YAML",
		           yaml.context != NULL ? " " : "", yaml.context != NULL ? yaml.context : "");
	} else {
		ok = take_top(&p, recipe);
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&yaml);
	return ok;
}

static void finish_commands(struct spore__recipe_commands *c)
{
	for (size_t i = 0; i < c->count; i++)
		spore__strs_finish(&c->items[i].argv);
	free(c->items);
	*c = (struct spore__recipe_commands){0};
}

void spore__recipe_finish(struct spore__recipe *recipe)
{
	for (const struct spore__recipe_key *k = spore__recipe_keys; k->name != NULL; k++) {
		void *member = (char *)recipe + k->offset;
		switch (k->type) {
		case SPORE__RECIPE_STRING:
		case SPORE__RECIPE_SYSTEM:
			free(*(char **)member);
			break;
		case SPORE__RECIPE_STRINGS:
		case SPORE__RECIPE_MAP:
			spore__strs_finish(member);
			break;
		case SPORE__RECIPE_COMMANDS:
			finish_commands(member);
			break;
		}
	}
	*recipe = (struct spore__recipe){0};
}
