// What is made from the table of keys for others: the JSON schema and a section of the manual.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "source/recipe.h"
#include "system/schema.h"

#define NAME_PATTERN "^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$"
#define DURATION_PATTERN "^([0-9]+(ms|s|m|h|d))+$"

static void value_json(struct spore__json *j, const char *name, const struct spore__schema_key *key);

static void type_json(struct spore__json *j, const char *type)
{
	spore__json_str(j, "type", type);
}

static void pattern_json(struct spore__json *j, const char *pattern)
{
	type_json(j, "string");
	spore__json_str(j, "pattern", pattern);
}

static void words_json(struct spore__json *j, const char *const *words)
{
	spore__json_open(j, "enum", '[');
	for (size_t i = 0; words[i] != NULL; i++)
		spore__json_str(j, NULL, words[i]);
	spore__json_close(j, ']');
}

// {"type": "array", "items": {"type": "string"}}
static void list_json(struct spore__json *j, const char *pattern)
{
	type_json(j, "array");
	spore__json_open(j, "items", '{');
	if (pattern != NULL)
		pattern_json(j, pattern);
	else
		type_json(j, "string");
	spore__json_close(j, '}');
}

static void keys_json(struct spore__json *j, const struct spore__schema_key *keys)
{
	type_json(j, "object");
	spore__json_open(j, "properties", '{');
	for (const struct spore__schema_key *k = keys; k->name != NULL; k++)
		value_json(j, k->name, k);
	spore__json_close(j, '}');
	spore__json_open(j, "required", '[');
	for (const struct spore__schema_key *k = keys; k->name != NULL; k++)
		if (k->required)
			spore__json_str(j, NULL, k->name);
	spore__json_close(j, ']');
	spore__json_bool(j, "additionalProperties", false);
}

static void either_json(struct spore__json *j, const struct spore__schema_key *key)
{
	spore__json_open(j, "anyOf", '[');
	spore__json_open(j, NULL, '{');
	if (key->words != NULL)
		words_json(j, key->words);
	else
		type_json(j, "boolean");
	spore__json_close(j, '}');
	spore__json_open(j, NULL, '{');
	keys_json(j, key->keys);
	spore__json_close(j, '}');
	spore__json_close(j, ']');
}

// Text, or a list of it.
static void one_or_list_json(struct spore__json *j)
{
	spore__json_open(j, "anyOf", '[');
	spore__json_open(j, NULL, '{');
	type_json(j, "string");
	spore__json_close(j, '}');
	spore__json_open(j, NULL, '{');
	list_json(j, NULL);
	spore__json_close(j, '}');
	spore__json_close(j, ']');
}

// A map with names that the manifest chooses.
static void free_json(struct spore__json *j, const char *pattern, const struct spore__schema_key *keys,
                      const char *const *words)
{
	type_json(j, "object");
	spore__json_open(j, "propertyNames", '{');
	spore__json_str(j, "pattern", pattern);
	spore__json_close(j, '}');
	spore__json_open(j, "additionalProperties", '{');
	if (keys != NULL)
		keys_json(j, keys);
	else if (words != NULL)
		words_json(j, words);
	else
		type_json(j, "string");
	spore__json_close(j, '}');
}

static void after_json(struct spore__json *j, const struct spore__schema_key *key)
{
	spore__json_open(j, "anyOf", '[');
	spore__json_open(j, NULL, '{');
	list_json(j, NAME_PATTERN);
	spore__json_close(j, '}');
	spore__json_open(j, NULL, '{');
	free_json(j, NAME_PATTERN, NULL, key->words);
	spore__json_close(j, '}');
	spore__json_close(j, ']');
}

static void wires_json(struct spore__json *j, const struct spore__schema_key *key)
{
	type_json(j, "array");
	spore__json_open(j, "items", '{');
	spore__json_open(j, "anyOf", '[');
	spore__json_open(j, NULL, '{');
	pattern_json(j, "^[^ ]+( *\\([^)]*\\))? +(->|<>) +[^ ]+( *\\([^)]*\\))?$");
	spore__json_close(j, '}');
	spore__json_open(j, NULL, '{');
	keys_json(j, key->keys);
	spore__json_close(j, '}');
	spore__json_close(j, ']');
	spore__json_close(j, '}');
}

static void commands_json(struct spore__json *j)
{
	type_json(j, "array");
	spore__json_open(j, "items", '{');
	one_or_list_json(j);
	spore__json_close(j, '}');
}

static void recipe_json(struct spore__json *j)
{
	type_json(j, "object");
	spore__json_open(j, "properties", '{');
	for (const struct spore__recipe_key *k = spore__recipe_keys; k->name != NULL; k++) {
		spore__json_open(j, k->name, '{');
		spore__json_str(j, "description", k->help);
		switch (k->type) {
		case SPORE__RECIPE_STRING:
			type_json(j, "string");
			break;
		case SPORE__RECIPE_STRINGS:
			list_json(j, NULL);
			break;
		case SPORE__RECIPE_COMMANDS:
			commands_json(j);
			break;
		case SPORE__RECIPE_MAP:
			free_json(j, "^[^=]+$", NULL, NULL);
			break;
		case SPORE__RECIPE_SYSTEM:
			words_json(j, spore__recipe_systems);
			break;
		}
		spore__json_close(j, '}');
	}
	spore__json_close(j, '}');
	spore__json_bool(j, "additionalProperties", false);
}

static void number_json(struct spore__json *j, int64_t min, int64_t max)
{
	type_json(j, "integer");
	spore__json_int(j, "minimum", min);
	if (max < INT32_MAX)
		spore__json_int(j, "maximum", max);
}

// A number that is written as such, or with letters.
static void number_or_json(struct spore__json *j, const char *number, const char *pattern)
{
	spore__json_open(j, "type", '[');
	spore__json_str(j, NULL, number);
	spore__json_str(j, NULL, "string");
	spore__json_close(j, ']');
	spore__json_str(j, "pattern", pattern);
}

static void value_json(struct spore__json *j, const char *name, const struct spore__schema_key *key)
{
	const struct spore__spec_field *field = spore__schema_field(key);
	char *standard = spore__schema_standard(key);
	char *text = spore__xasprintf("%s.%s%s%s", key->help, standard != NULL ? " Default: " : "",
	                              standard != NULL ? standard : "", standard != NULL ? "." : "");
	spore__json_open(j, name, '{');
	spore__json_str(j, "description", text);
	switch (key->type) {
	case SPORE__SCHEMA_VERSION:
		spore__json_int(j, "const", 1);
		break;
	case SPORE__SCHEMA_NAME:
		pattern_json(j, NAME_PATTERN);
		break;
	case SPORE__SCHEMA_NAMES:
		list_json(j, NAME_PATTERN);
		break;
	case SPORE__SCHEMA_TEXTS:
		list_json(j, NULL);
		break;
	case SPORE__SCHEMA_PATHS:
	case SPORE__SCHEMA_COMMAND:
		one_or_list_json(j);
		break;
	case SPORE__SCHEMA_BOOL:
		type_json(j, "boolean");
		break;
	case SPORE__SCHEMA_TRUE:
		spore__json_bool(j, "const", true);
		break;
	case SPORE__SCHEMA_WORD:
		words_json(j, key->words);
		break;
	case SPORE__SCHEMA_INT:
		number_json(j, field->min, field->max);
		break;
	case SPORE__SCHEMA_COUNT:
		number_json(j, 1, SPORE__REPLICAS_MAX);
		break;
	case SPORE__SCHEMA_SIZE:
		number_or_json(j, "integer", "^[0-9]+[KMGT]?$");
		break;
	case SPORE__SCHEMA_CPU:
		number_or_json(j, "number", "^[0-9]+(\\.[0-9]{1,3})?$");
		break;
	case SPORE__SCHEMA_SIGNAL:
		number_or_json(j, "integer", "^(SIG)?[A-Z0-9]+$");
		break;
	case SPORE__SCHEMA_ADDRESS:
		number_or_json(j, "integer", "^(.+:)?[0-9]+$");
		break;
	case SPORE__SCHEMA_CPUS:
		number_or_json(j, "integer", "^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$");
		break;
	case SPORE__SCHEMA_DURATION:
		pattern_json(j, DURATION_PATTERN);
		break;
	case SPORE__SCHEMA_EVERY:
		pattern_json(j, "^(([0-9]+(ms|s|m|h|d))+|@(hourly|daily|weekly|monthly|yearly)|[^@ \\t][^ \\t]*([ "
		                "\\t]+[^ \\t]+){4})$");
		break;
	case SPORE__SCHEMA_TEXT:
	case SPORE__SCHEMA_PATH:
	case SPORE__SCHEMA_SOURCE:
	case SPORE__SCHEMA_PATTERN:
		type_json(j, "string");
		break;
	case SPORE__SCHEMA_VARIABLES:
		free_json(j, "^[^=]+$", NULL, NULL);
		break;
	case SPORE__SCHEMA_SECRETS:
		free_json(j, "^[^=]+$", key->keys, NULL);
		break;
	case SPORE__SCHEMA_AFTER:
		after_json(j, key);
		break;
	case SPORE__SCHEMA_MAP:
		if (key->words != NULL || field != NULL)
			either_json(j, key);
		else
			keys_json(j, key->keys);
		break;
	case SPORE__SCHEMA_MAPS:
		free_json(j, NAME_PATTERN, key->keys, NULL);
		break;
	case SPORE__SCHEMA_WIRES:
		wires_json(j, key);
		break;
	case SPORE__SCHEMA_RECIPE:
		recipe_json(j);
		break;
	}
	spore__json_close(j, '}');
	free(text);
	free(standard);
}

void spore__schema_json(struct spore__buf *out)
{
	struct spore__json j = {.out = out};
	spore__json_open(&j, NULL, '{');
	spore__json_str(&j, "$schema", "https://json-schema.org/draft/2020-12/schema");
	spore__json_str(&j, "title", "spore.yaml");
	keys_json(&j, spore__schema_top);
	spore__json_close(&j, '}');
}

// scdoc takes * and _ in a word for markup.
static void escaped(struct spore__buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("_*\\<>#", *text) != NULL)
			spore__buf_char(out, '\\');
		spore__buf_char(out, *text);
	}
}

static void man_keys(struct spore__buf *out, const char *path, const struct spore__schema_key *keys)
{
	for (const struct spore__schema_key *k = keys; k->name != NULL; k++) {
		char *full = spore__xasprintf("%s%s%s", path, path[0] != '\0' ? "." : "", k->name);
		char *wanted = spore__schema_wanted(k), *standard = spore__schema_standard(k);
		spore__buf_str(out, "*");
		escaped(out, full);
		spore__buf_str(out, "*: ");
		escaped(out, wanted);
		spore__buf_printf(out, "\n\t%s%s", k->help, k->required ? " (required)" : "");
		if (standard != NULL) {
			spore__buf_str(out, ". Default: ");
			escaped(out, standard);
		}
		spore__buf_str(out, ".\n\n");
		if (k->keys != NULL) {
			bool named = k->type == SPORE__SCHEMA_MAPS || k->type == SPORE__SCHEMA_SECRETS;
			char *below = spore__xasprintf("%s%s", full,
			                               named                            ? ".NAME"
			                               : k->type == SPORE__SCHEMA_WIRES ? "[]"
			                                                                : "");
			man_keys(out, below, k->keys);
			free(below);
		}
		free(full);
		free(wanted);
		free(standard);
	}
}

void spore__schema_man(struct spore__buf *out)
{
	man_keys(out, "", spore__schema_top);
}
