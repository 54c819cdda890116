#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source/recipe.h"

static void parses_every_key(void **state)
{
	(void)state;
	static const char text[] = "spore: 1\n"
	                           "name: thing\n"
	                           "recipe:\n"
	                           "  build:\n"
	                           "    - cc -o thing thing.c\n"
	                           "    - [strip, thing]\n"
	                           "  install: [cp thing $prefix]\n"
	                           "  outputs: [thing, share/data]\n"
	                           "  main: thing\n"
	                           "  env: { MODE: fast, LEVEL: \"3\" }\n"
	                           "  run_env:\n"
	                           "    WHERE: here\n"
	                           "  dir: sub/folder\n"
	                           "  packages: [zlib, libcurl]\n"
	                           "tasks: { a: { source: ./a.c } }\n";
	struct spore__recipe r;
	char *error;
	assert_true(spore__recipe_parse("spore.yaml", text, sizeof text - 1, &r, &error));
	assert_true(r.present);
	assert_int_equal(r.build.count, 2);
	assert_string_equal(r.build.items[0].argv.items[0], "sh");
	assert_string_equal(r.build.items[0].argv.items[2], "cc -o thing thing.c");
	assert_string_equal(r.build.items[1].argv.items[0], "strip");
	assert_int_equal(r.install.count, 1);
	assert_string_equal(r.outputs.items[1], "share/data");
	assert_string_equal(r.main, "thing");
	assert_string_equal(r.env.items[1], "LEVEL=3");
	assert_string_equal(r.run_env.items[0], "WHERE=here");
	assert_string_equal(r.dir, "sub/folder");
	assert_int_equal(r.packages.count, 2);
	spore__recipe_finish(&r);
}

static void accepts_a_manifest_without_recipe(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "# nothing\n", "spore: 1\ntasks: {}\n"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct spore__recipe r;
		char *error;
		assert_true(spore__recipe_parse("spore.yaml", texts[i], strlen(texts[i]), &r, &error));
		assert_false(r.present);
		spore__recipe_finish(&r);
	}
}

static void names_the_place_and_the_remedy(void **state)
{
	(void)state;
	static const struct {
		const char *text, *place, *words;
	} cases[] = {
	    {"recipe: {}\n", "f:1:1:", "spore: 1"},
	    {"spore: 2\n", "f:1:8:", "version 1"},
	    {"spore: 1\nrecipe:\n  buidl: [make]\n", "f:3:3:", "did you mean \"build\""},
	    {"spore: 1\nrecipe:\n  colour: [make]\n", "f:3:3:", "it has build"},
	    {"spore: 1\nrecipie:\n  build: [make]\n", "f:2:1:", "did you mean \"recipe\""},
	    {"spore: 1\nrecipe: [make]\n", "f:2:9:", "must be a map, not a list"},
	    {"spore: 1\nrecipe:\n  build: make\n", "f:3:10:", "begin each line with -"},
	    {"spore: 1\nrecipe:\n  build: [[]]\n", "f:3:11:", "without words"},
	    {"spore: 1\nrecipe:\n  main: on\n", "f:3:9:", "write \"on\" in quotes"},
	    {"spore: 1\nrecipe:\n  env: { V: 1.10 }\n", "f:3:13:", "write \"1.10\" in quotes"},
	    {"spore: 1\nrecipe:\n  env: { V: }\n", "f:3:13:", "nothing at all"},
	    {"spore: 1\nrecipe:\n  env: { \"A=B\": c }\n", "f:3:10:", "cannot be the name"},
	    {"spore: 1\nrecipe:\n  system: ninja\n", "f:3:11:", "none of meson, cmake"},
	    {"spore: 1\nrecipe:\n  main: a\n  main: b\n", "f:4:3:", "twice"},
	    {"spore: 1\nrecipe:\n  dir: ../other\n", "f:3:8:", "outside"},
	    {"spore: 1\nrecipe:\n  outputs: [/etc/passwd]\n", "f:3:12:", "outside"},
	    {"spore: 1\nrecipe:\n  run: [a]\n  build: [b]\n", "f:3:3:", "both run and a build"},
	    {"spore: 1\nrecipe: {\n", "f:3:1:", "did not find"},
	    {"spore: 1\n\tx: y\n", "f:2:1:", "found a tab"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct spore__recipe r;
		char *error;
		assert_false(spore__recipe_parse("f", cases[i].text, strlen(cases[i].text), &r, &error));
		assert_non_null(error);
		if (strncmp(error, cases[i].place, strlen(cases[i].place)) != 0 ||
		    strstr(error, cases[i].words) == NULL)
			fail_msg("%s: %s", cases[i].text, error);
		free(error);
		spore__recipe_finish(&r);
	}
}

static void survives_aliases_to_themselves(void **state)
{
	(void)state;
	static const char *const texts[] = {"spore: 1\nrecipe: &a\n  build: *a\n",
	                                    "spore: 1\nrecipe:\n  build: &a [*a]\n"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct spore__recipe r;
		char *error;
		assert_false(spore__recipe_parse("f", texts[i], strlen(texts[i]), &r, &error));
		free(error);
		spore__recipe_finish(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parses_every_key),
	    cmocka_unit_test(accepts_a_manifest_without_recipe),
	    cmocka_unit_test(names_the_place_and_the_remedy),
	    cmocka_unit_test(survives_aliases_to_themselves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
