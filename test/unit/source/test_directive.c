#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source/diagnostic.h"
#include "source/directive.h"

static void test_all_keys(void **state)
{
	(void)state;
	static const char text[] = "#!/usr/bin/env -S spore run\n"
	                           "// spore: pkg-config sqlite3 zlib\n"
	                           "/* spore: libs z -lm a/b.a\n"
	                           " * spore: cflags '-DX=a b' -Iinc\n"
	                           " */\n"
	                           "#include <stdio.h>\n"
	                           "# include \"a.h\" // spore: std c11\n"
	                           "char *s = \"// spore: nonsense\"; char c = '\\\"'; // spore: cc clang\n"
	                           "int x; // spore: sources a.c b.c\n"
	                           "int y; /* spore: lang c */\n";
	struct spore__directives d;
	char *error, *remedy;
	assert_true(spore__directives_parse(text, strlen(text), &d, &error, &remedy));
	assert_int_equal(d.packages.count, 2);
	assert_string_equal(d.libs.items[0], "-lz");
	assert_string_equal(d.libs.items[2], "a/b.a");
	assert_string_equal(d.cflags.items[0], "-DX=a b");
	assert_string_equal(d.standard, "c11");
	assert_string_equal(d.compiler, "clang");
	assert_string_equal(d.language, "c");
	assert_int_equal(d.sources.count, 2);
	assert_string_equal(d.local_includes.items[0], "a.h");
	assert_string_equal(d.system_includes.items[0], "stdio.h");
	spore__directives_finish(&d);
}

static void test_mistakes_name_the_line(void **state)
{
	(void)state;
	static const struct {
		const char *text, *error, *remedy;
	} cases[] = {
	    {"\n\n// spore: lisb -lz\n", "line 3: unknown directive 'lisb'", "did you mean 'libs'?"},
	    {"/*\n\n spore: std a b */", "line 3: directive 'std' takes one word", NULL},
	    {"// spore: cflags -fplugin=x", "line 1: flag '-fplugin=x' is not for a directive",
	     "put the program in a folder with a spore.yaml recipe"},
	    {"// spore: cflags \"", "line 1: a quote is not closed", NULL},
	    {"// spore: lang pascal", "line 1: unknown language 'pascal'", "known are c and c++"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct spore__directives d;
		char *error, *remedy;
		assert_false(spore__directives_parse(cases[i].text, strlen(cases[i].text), &d, &error, &remedy));
		assert_string_equal(error, cases[i].error);
		if (cases[i].remedy != NULL)
			assert_string_equal(remedy, cases[i].remedy);
		free(error);
		free(remedy);
		spore__directives_finish(&d);
	}
}

static void test_diagnostics(void **state)
{
	(void)state;
	const char *text =
	    "In file included from a.c:1:\n"
	    "a b.c:3:5: error: 'x' undeclared\n"
	    "\033[01m\033[Kc.c:7:\033[m\033[K \033[01;31m\033[Kfatal error: \033[m\033[Kb.h: No such file\n"
	    "c.c: In function 'f':\n"
	    "a.c:9:1: warning: unused\n";
	struct spore__diagnostic d;
	assert_true(spore__diagnostic_next(&text, &d));
	assert_string_equal(d.file, "a b.c");
	assert_int_equal(d.line, 3);
	assert_int_equal(d.column, 5);
	assert_string_equal(d.message, "'x' undeclared");
	spore__diagnostic_finish(&d);
	assert_true(spore__diagnostic_next(&text, &d));
	assert_string_equal(d.severity, "error");
	assert_int_equal(d.column, 0);
	assert_string_equal(d.message, "b.h: No such file");
	spore__diagnostic_finish(&d);
	assert_true(spore__diagnostic_next(&text, &d));
	assert_string_equal(d.severity, "warning");
	spore__diagnostic_finish(&d);
	assert_false(spore__diagnostic_next(&text, &d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_keys),
	    cmocka_unit_test(test_mistakes_name_the_line),
	    cmocka_unit_test(test_diagnostics),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
