#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "system/schema.h"

// Which type of field a type of key is kept in; false: in none.
static bool fits(const struct spore__schema_key *key, enum spore__spec_type type)
{
	switch (key->type) {
	case SPORE__SCHEMA_BOOL:
		return type == SPORE__SPEC_BOOL;
	case SPORE__SCHEMA_INT:
	case SPORE__SCHEMA_SIZE:
	case SPORE__SCHEMA_DURATION:
	case SPORE__SCHEMA_CPU:
	case SPORE__SCHEMA_SIGNAL:
		return type == SPORE__SPEC_INT;
	case SPORE__SCHEMA_WORD:
		return type == SPORE__SPEC_ENUM;
	case SPORE__SCHEMA_MAP:
		return type == SPORE__SPEC_ENUM || type == SPORE__SPEC_BOOL;
	case SPORE__SCHEMA_NAMES:
	case SPORE__SCHEMA_PATHS:
	case SPORE__SCHEMA_TEXTS:
	case SPORE__SCHEMA_COMMAND:
	case SPORE__SCHEMA_VARIABLES:
	case SPORE__SCHEMA_AFTER:
		return type == SPORE__SPEC_TEXTS;
	case SPORE__SCHEMA_TEXT:
	case SPORE__SCHEMA_PATH:
	case SPORE__SCHEMA_ADDRESS:
	case SPORE__SCHEMA_PATTERN:
	case SPORE__SCHEMA_CPUS:
	case SPORE__SCHEMA_EVERY:
		return type == SPORE__SPEC_STR;
	default:
		return false;
	}
}

static bool has_word(const struct spore__spec_field *field, const char *word)
{
	for (size_t i = 0; field->words[i] != NULL; i++)
		if (strcmp(field->words[i], word) == 0)
			return true;
	return false;
}

static void check_keys(const struct spore__schema_key *around, const struct spore__schema_key *keys,
                       struct spore__strs *used)
{
	for (const struct spore__schema_key *k = keys; k->name != NULL; k++) {
		const struct spore__spec_field *field = spore__schema_field(k); // aborts when there is none
		assert_non_null(k->help);
		assert_true(k->help[strlen(k->help) - 1] != '.');
		if (field != NULL && !fits(k, field->type))
			fail_msg("%s does not fit its field %s", k->name, field->key);
		if (k->sets != NULL && !has_word(spore__schema_field(around), k->sets))
			fail_msg("%s sets a word that %s does not have", k->name, around->name);
		for (size_t i = 0;
		     field != NULL && k->words != NULL && field->type == SPORE__SPEC_ENUM && k->words[i] != NULL; i++)
			if (!has_word(field, k->words[i]) && strcmp(k->words[i], "none") != 0)
				fail_msg("%s: %s is no word of its field", k->name, k->words[i]);
		if (k->spec != NULL)
			spore__strs_add(used, k->spec);
		if (k->keys != NULL)
			check_keys(k, k->keys, used);
	}
}

static void fits_the_specification(void **state)
{
	(void)state;
	// Made by the client or the node, or read by a key of another form.
	static const char *const made[] = {"system",    "task",       "replica",    "source",      "artifact",
	                                   "version",   "store",      "argv",       "env",         "secrets",
	                                   "enabled",   "ports",      "wire.stdin", "wire.stdout", "wire.stdio",
	                                   "tap.stdin", "tap.stdout", "tap.stdio"};
	struct spore__strs used = {0};
	check_keys(NULL, spore__schema_top, &used);
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		spore__strs_add(&used, made[i]);
	for (const struct spore__spec_field *f = spore__spec_fields; f->key != NULL; f++)
		if (!spore__strs_has(&used, f->key))
			fail_msg("no key of a manifest sets %s", f->key);
	spore__strs_finish(&used);
}

static void makes_a_schema_and_a_manual(void **state)
{
	(void)state;
	struct spore__buf out = {0};
	spore__schema_json(&out);
	assert_non_null(
	    strstr(out.data,
	           "\"grace\":{\"description\":\"After so long SIGKILL goes to all that it started. Default: 5s.\""));
	assert_null(strstr(out.data, ",}"));
	assert_null(strstr(out.data, ",]"));
	spore__buf_finish(&out);
	spore__schema_man(&out);
	assert_non_null(strstr(out.data, "*tasks.NAME.stop.grace*: a duration"));
	assert_non_null(strstr(out.data, "*wires[].from*"));
	spore__buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fits_the_specification),
	    cmocka_unit_test(makes_a_schema_and_a_manual),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
