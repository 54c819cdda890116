#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source/diagnose.h"
#include "source/missing.h"
#include "source/packages.h"

static void reads_what_is_missing(void **state)
{
	(void)state;
	static const struct {
		const char *log, *word;
	} cases[] = {
	    {"a.c:1:10: fatal error: nosuch/x.h: No such file or directory\n", "header nosuch/x.h"},
	    {"a.c:1:10: fatal error: 'nosuch.h' file not found\n", "header nosuch.h"},
	    {"/usr/bin/ld: cannot find -lnosuch: No such file or directory\n", "library nosuch"},
	    {"/bin/sh: 1: nosuchtool: not found\n", "tool nosuchtool"},
	    {"./config/ylwrap: line 176: nosuchtool: command not found\n", "tool nosuchtool"},
	    {"meson.build:3:0: ERROR: Dependency \"nosuch-1\" not found, tried pkgconfig\n", "package nosuch-1"},
	    {"Package 'nosuch', required by 'virtual:world', not found\n", "package nosuch"},
	    {"No package 'nosuch' found\n", "package nosuch"},
	    {"meson.build:2:0: ERROR: Program 'nosuchtool' not found or not executable\n", "tool nosuchtool"},
	    {"checking for f in -lnosuch... no\nconfigure: error: sorry\n", "library nosuch"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct spore__needs n = {0};
		spore__missing_read(cases[i].log, &n);
		if (n.words.count != 1 || strcmp(n.words.items[0], cases[i].word) != 0)
			fail_msg("%s: %zu, %s", cases[i].log, n.words.count,
			         n.words.count > 0 ? n.words.items[0] : "-");
		spore__needs_finish(&n);
	}
}

static void does_not_name_what_is_there(void **state)
{
	(void)state;
	struct spore__needs n = {0};
	spore__missing_read("a.c:1:1: fatal error: stdio.h: No such file or directory\nsh: 1: sh: not found\n", &n);
	assert_int_equal(n.words.count, 0);
	spore__needs_finish(&n);
}

static void knows_debian_packages(void **state)
{
	(void)state;
	assert_string_equal(spore__packages_of("header", "zlib.h"), "zlib1g-dev");
	assert_string_equal(spore__packages_of("library", "ncursesw"), "libncurses-dev");
	assert_string_equal(spore__packages_of("tool", "yacc"), "bison");
	assert_string_equal(spore__packages_of("package", "gtk+-3.0"), "libgtk-3-dev");
	assert_null(spore__packages_of("header", "nosuch.h"));
}

static void finds_the_first_error(void **state)
{
	(void)state;
	char *reason =
	    spore__diagnose_reason("cc a.c\nmake: *** [a] Error 1\na.c:3:5: error: no\nb.c:1:1: error: later\n");
	assert_string_equal(reason, "a.c:3:5: error: no");
	free(reason);
	reason = spore__diagnose_reason("CMake Error at CMakeLists.txt:3 (message):\n  it is not there\n\n");
	assert_string_equal(reason, "CMake Error at CMakeLists.txt:3 (message): it is not there");
	free(reason);
	reason = spore__diagnose_reason("");
	assert_non_null(reason);
	free(reason);
}

static void amends_once(void **state)
{
	(void)state;
	struct spore__amends a = {0};
	static const char log[] = "ld: b.o: multiple definition of `x'; a.o: first defined here\n"
	                          "ld: a.o: undefined reference to `cos'\n";
	assert_true(spore__diagnose_amend(log, &a));
	assert_true(a.has[SPORE__AMEND_COMMON]);
	assert_int_equal(a.libs.count, 1);
	assert_string_equal(a.libs.items[0], "m");
	assert_false(spore__diagnose_amend(log, &a));
	spore__strs_finish(&a.libs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_what_is_missing), cmocka_unit_test(does_not_name_what_is_there),
	    cmocka_unit_test(knows_debian_packages), cmocka_unit_test(finds_the_first_error),
	    cmocka_unit_test(amends_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
