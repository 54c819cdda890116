#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "system/expand.h"

static const char *variable(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "HOST") == 0 ? "here" : strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

static void expands_variables(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
	    {"", ""},
	    {"plain $HOME $$ $", "plain $HOME $$ $"},
	    {"${HOST}", "here"},
	    {"a${HOST}b${HOST}", "aherebhere"},
	    {"${HOST:-x}", "here"},
	    {"${NONE:-x y}", "x y"},
	    {"${NONE:-}", ""},
	    {"${EMPTY}", ""},
	    {"${EMPTY:-x}", "x"},
	    {"$${HOST}", "${HOST}"},
	    {"$$${HOST}", "$${HOST}"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct spore__buf out = {0};
		char *why;
		spore__buf_str(&out, "");
		if (!spore__expand(cases[i][0], variable, NULL, &out, &why))
			fail_msg("%s: %s", cases[i][0], why);
		assert_string_equal(out.data, cases[i][1]);
		spore__buf_finish(&out);
	}
}

static void says_what_it_does_not_understand(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
	    {"${NONE}", "the variable NONE is not set"},
	    {"a ${HOST", "has no }"},
	    {"${}", "is not understood"},
	    {"${HOST%x}", "\"${HOST%x}\" is not understood"},
	    {"${HOST:x}", "is not understood"},
	    {"${1}", "is not understood"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct spore__buf out = {0};
		char *why;
		assert_false(spore__expand(cases[i][0], variable, NULL, &out, &why));
		if (strstr(why, cases[i][1]) == NULL)
			fail_msg("%s: %s", cases[i][0], why);
		free(why);
		spore__buf_finish(&out);
	}
}

static void reads_environment_files(void **state)
{
	(void)state;
	static const char text[] = "# comment\n"
	                           "\n"
	                           "A=one\r\n"
	                           "export B=\"two words\" # said why\n"
	                           "  C='as ${IT} is \\ '\n"
	                           "D=\"${A}-${HOST}-\\\"q\\\"\"\n"
	                           "E=\n"
	                           "F=a'b'\"c\"\\ d\n"
	                           "G=$${A}\n"
	                           "A=again\n"
	                           "H=a#b=c";
	static const char *const wanted[] = {
	    "A=again", "B=two words", "C=as ${IT} is \\ ", "D=one-here-\"q\"", "E=", "F=abc d", "G=${A}", "H=a#b=c"};
	struct spore__strs out = {0};
	char *why;
	if (!spore__envfile_parse("f", text, sizeof text - 1, variable, NULL, &out, &why))
		fail_msg("%s", why);
	assert_int_equal(out.count, sizeof wanted / sizeof *wanted);
	for (size_t i = 0; i < out.count; i++)
		assert_string_equal(out.items[i], wanted[i]);
	spore__strs_finish(&out);
}

static void says_where_a_file_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t len;
		const char *why;
	} cases[] = {
	    {"A=1\nB\n", 6, "f:2: a line is NAME=VALUE"},
	    {"1A=x\n", 5, "f:1: a line is NAME=VALUE"},
	    {"A B=x\n", 6, "f:1: a line is NAME=VALUE"},
	    {"A=\"x\n", 5, "f:1: a \" is not closed"},
	    {"A='x\ny'\n", 8, "f:1: a ' is not closed"},
	    {"\nA=two words\n", 13, "f:2: there is more after the value"},
	    {"A=${NONE}\n", 10, "f:1: the variable NONE is not set"},
	    {"A=\0b\n", 5, "f:1: a NUL"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct spore__strs out = {0};
		char *why;
		assert_false(spore__envfile_parse("f", cases[i].text, cases[i].len, variable, NULL, &out, &why));
		if (strncmp(why, cases[i].why, strlen(cases[i].why)) != 0)
			fail_msg("%s", why);
		free(why);
		spore__strs_finish(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(expands_variables),
	    cmocka_unit_test(says_what_it_does_not_understand),
	    cmocka_unit_test(reads_environment_files),
	    cmocka_unit_test(says_where_a_file_is_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
