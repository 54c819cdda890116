#include "source/recipe.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"

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
    {KEY(calls, STRINGS), "Headers whose functions are called wherever they are, each as HEADER via PORT; of C files "
                          "without a build system"},
    {KEY(serves, STRINGS),
     "Headers whose functions others may call, each as HEADER via PORT; of C files without a build system"},
    {NULL, SPORE__RECIPE_STRING, 0, NULL},
};

const char *const spore__recipe_systems[] = {"meson", "cmake", "autotools", "configure", "kconfig", "make", "c", NULL};

struct taking {
	struct spore__yaml *y;
	const char *what;
	struct spore__recipe *recipe;
	void *member;
};

static bool take_command(struct spore__yaml *y, const yaml_node_t *node, const char *what, struct spore__strs *argv)
{
	if (node->type == YAML_SEQUENCE_NODE) {
		if (!spore__yaml_strings(y, node, what, argv))
			return false;
		return argv->count > 0 ||
		       spore__yaml_wrong(y, node->start_mark, "%s has a command without words", what);
	}
	const char *line;
	if (!spore__yaml_string(y, node, what, &line))
		return false;
	spore__strs_add(argv, "sh");
	spore__strs_add(argv, "-ec");
	spore__strs_add(argv, line);
	return true;
}

static bool add_command(void *arg, const yaml_node_t *item)
{
	struct taking *t = arg;
	struct spore__recipe_commands *out = t->member;
	out->items = spore__xrealloc(out->items, (out->count + 1) * sizeof *out->items);
	out->items[out->count] = (struct spore__recipe_command){0};
	return take_command(t->y, item, t->what, &out->items[out->count++].argv);
}

static bool take_commands(struct taking *t, const yaml_node_t *node)
{
	if (node->type != YAML_SEQUENCE_NODE)
		return spore__yaml_wrong(t->y, node->start_mark,
		                         "%s must be a list of commands, not %s: begin each line with -", t->what,
		                         spore__yaml_kind(node));
	return spore__yaml_items(t->y, node, t->what, add_command, t);
}

static bool add_variable(void *arg, const char *name, const yaml_node_t *key, const yaml_node_t *node)
{
	struct taking *t = arg;
	const char *value;
	if (*name == '\0' || strchr(name, '=') != NULL)
		return spore__yaml_wrong(t->y, key->start_mark, "\"%s\" cannot be the name of a variable", name);
	if (!spore__yaml_string(t->y, node, name, &value))
		return false;
	spore__strs_addf(t->member, "%s=%s", name, value);
	return true;
}

static bool take_system(struct spore__yaml *y, const yaml_node_t *node, char **out)
{
	const char *value;
	if (!spore__yaml_string(y, node, "system", &value))
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
	(void)spore__yaml_wrong(y, node->start_mark, "system: \"%s\" is none of %s", value, known.data);
	spore__buf_finish(&known);
	return false;
}

static bool take_value(struct taking *t, const struct spore__recipe_key *key, const yaml_node_t *node)
{
	const char *value;
	switch (key->type) {
	case SPORE__RECIPE_STRING:
		if (!spore__yaml_string(t->y, node, key->name, &value))
			return false;
		*(char **)t->member = spore__xstrdup(value);
		return true;
	case SPORE__RECIPE_STRINGS:
		return spore__yaml_strings(t->y, node, key->name, t->member);
	case SPORE__RECIPE_COMMANDS:
		return take_commands(t, node);
	case SPORE__RECIPE_MAP:
		return spore__yaml_pairs(t->y, node, key->name, add_variable, t);
	case SPORE__RECIPE_SYSTEM:
		return take_system(t->y, node, t->member);
	}
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

static bool check_paths(struct spore__yaml *y, const yaml_node_t *node, const struct spore__recipe_key *key,
                        const struct spore__recipe *recipe)
{
	if (strcmp(key->name, "dir") == 0 && !stays_inside(recipe->dir))
		return spore__yaml_wrong(y, node->start_mark, "dir: \"%s\" is outside of the folder", recipe->dir);
	for (size_t i = 0; strcmp(key->name, "outputs") == 0 && i < recipe->outputs.count; i++)
		if (!stays_inside(recipe->outputs.items[i]))
			return spore__yaml_wrong(y, node->start_mark, "outputs: \"%s\" is outside of the folder",
			                         recipe->outputs.items[i]);
	return true;
}

static bool take_key(void *arg, const char *name, const yaml_node_t *key_node, const yaml_node_t *value)
{
	struct taking *t = arg;
	const struct spore__recipe_key *key = spore__recipe_keys;
	const char *known[sizeof spore__recipe_keys / sizeof *spore__recipe_keys];
	size_t n = 0;
	for (; spore__recipe_keys[n].name != NULL; n++)
		known[n] = spore__recipe_keys[n].name;
	known[n] = NULL;
	while (key->name != NULL && strcmp(key->name, name) != 0)
		key++;
	if (key->name == NULL)
		return spore__yaml_unknown(t->y, key_node->start_mark, "recipe", name, known);
	struct taking one = {t->y, key->name, t->recipe, (char *)t->recipe + key->offset};
	return take_value(&one, key, value) && check_paths(t->y, value, key, t->recipe);
}

bool spore__recipe_take(struct spore__yaml *y, const yaml_node_t *node, struct spore__recipe *recipe)
{
	struct taking t = {.y = y, .recipe = recipe};
	if (!spore__yaml_pairs(y, node, "recipe", take_key, &t))
		return false;
	bool builds = recipe->build.count > 0 || recipe->install.count > 0 || recipe->outputs.count > 0;
	if (recipe->run.count > 0 && (builds || recipe->system != NULL))
		return spore__yaml_wrong(y, node->start_mark,
		                         "recipe has both run and a build: use main: to name the built program");
	if (recipe->system != NULL && builds)
		return spore__yaml_wrong(y, node->start_mark,
		                         "recipe has both system and commands of its own: use one of them");
	recipe->present = true;
	return true;
}

bool spore__recipe_take_version(struct spore__yaml *y, const yaml_node_t *node)
{
	if (node->type == YAML_SCALAR_NODE && strcmp((const char *)node->data.scalar.value, "1") == 0)
		return true;
	return spore__yaml_wrong(y, node->start_mark, "spore: only version 1 is known: write spore: 1");
}

struct top {
	struct spore__yaml *y;
	struct spore__recipe *recipe;
	bool version;
};

// Of the other keys only those are told that may be meant to be this one: they are for src/system.
static bool take_top_key(void *arg, const char *name, const yaml_node_t *key, const yaml_node_t *value)
{
	static const char *const mine[] = {"recipe", NULL};
	struct top *top = arg;
	if (strcmp(name, "spore") == 0) {
		top->version = true;
		return spore__recipe_take_version(top->y, value);
	}
	if (strcmp(name, "recipe") == 0)
		return spore__recipe_take(top->y, value, top->recipe);
	return spore__nearest(name, mine) == NULL ||
	       spore__yaml_wrong(top->y, key->start_mark, "there is no key \"%s\"; did you mean \"recipe\"?", name);
}

static bool take_top(struct spore__yaml *y, struct spore__recipe *recipe)
{
	const yaml_node_t *root = spore__yaml_root(y);
	struct top top = {y, recipe, false};
	if (root == NULL)
		return true; // an empty file
	if (root->type != YAML_MAPPING_NODE)
		return spore__yaml_wrong(y, root->start_mark, "a spore.yaml is a map, not %s: begin with spore: 1",
		                         spore__yaml_kind(root));
	if (!spore__yaml_pairs(y, root, "spore.yaml", take_top_key, &top))
		return false;
	return top.version || spore__yaml_wrong(y, root->start_mark, "the version is missing: begin with spore: 1");
}

bool spore__recipe_parse(const char *file, const char *text, size_t len, struct spore__recipe *recipe, char **error)
{
	struct spore__yaml y;
	*recipe = (struct spore__recipe){0};
	bool ok = spore__yaml_load(&y, file, text, len) && take_top(&y, recipe);
	*error = ok ? NULL : spore__yaml_first(&y);
	spore__yaml_finish(&y);
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
