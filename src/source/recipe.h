// The `recipe:` of a folder's spore.yaml: how to build it, when detection is not enough.
#ifndef SPORE_SOURCE_RECIPE_H
#define SPORE_SOURCE_RECIPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/yamlfile.h"

// A command: a line for sh, or an argument list that is run as it is.
struct spore__recipe_command {
	struct spore__strs argv;
};

struct spore__recipe_commands {
	struct spore__recipe_command *items; // NULL while empty
	size_t count;
};

struct spore__recipe {
	bool present; // there is a `recipe:`
	struct spore__recipe_commands build;
	struct spore__recipe_commands install;
	struct spore__strs outputs;
	struct spore__strs env;     // NAME=VALUE
	struct spore__strs run;     // a recipe without a build
	struct spore__strs run_env; // NAME=VALUE
	struct spore__strs options;
	struct spore__strs packages;
	struct spore__strs calls;  // "HEADER via PORT", as the directives have it
	struct spore__strs serves; // likewise
	char *main;                // may be NULL, as the following
	char *dir;                 // relative, stays inside the folder
	char *system;              // meson, cmake, autotools, configure, kconfig, make or c
};

enum spore__recipe_type {
	SPORE__RECIPE_STRING,
	SPORE__RECIPE_STRINGS,  // a list
	SPORE__RECIPE_COMMANDS, // a list of lines and argument lists
	SPORE__RECIPE_MAP,      // name to string
	SPORE__RECIPE_SYSTEM,   // one of spore__recipe_systems
};

struct spore__recipe_key {
	const char *name; // NULL ends the table
	enum spore__recipe_type type;
	size_t offset; // of the member in struct spore__recipe
	const char *help;
};

// The one description of the keys: parsing, documentation and the JSON schema come from it.
extern const struct spore__recipe_key spore__recipe_keys[];
extern const char *const spore__recipe_systems[];

// Parses TEXT. FILE is for messages. False with *ERROR (malloc'ed, "FILE:LINE:COLUMN: what is wrong; what to write") when it is not right;
// RECIPE is to be finished either way. Text without a `recipe:` is right: `present` is false.
bool spore__recipe_parse(const char *file, const char *text, size_t len, struct spore__recipe *recipe, char **error);
// The values of `recipe:` and `spore:` of a file that someone else reads; the findings are in Y. RECIPE is zeroed before.
bool spore__recipe_take(struct spore__yaml *y, const yaml_node_t *node, struct spore__recipe *recipe);
bool spore__recipe_take_version(struct spore__yaml *y, const yaml_node_t *node);
void spore__recipe_finish(struct spore__recipe *recipe);

#endif
