// The environment of a task, and what a launch says of it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "task/wanted.h"

static void only_what_every_task_gets(void **state)
{
	(void)state;
	struct spore__strs env = {0};
	setenv("HOME", "/home/x", 1);
	setenv("LC_TIME", "C", 1);
	setenv("LC_", "no family", 1);
	setenv("HOMEPAGE", "no", 1);
	setenv("SSH_AUTH_SOCK", "/x", 1);
	setenv("TERM", "xterm", 1);
	spore__wanted_base_env(&env);
	assert_true(spore__strs_has(&env, "HOME=/home/x"));
	assert_true(spore__strs_has(&env, "LC_TIME=C"));
	for (size_t i = 0; i < env.count; i++) {
		assert_int_not_equal(strncmp(env.items[i], "LC_=", 4), 0);
		assert_int_not_equal(strncmp(env.items[i], "HOMEPAGE=", 9), 0);
		assert_int_not_equal(strncmp(env.items[i], "SSH_", 4), 0);
		assert_int_not_equal(strncmp(env.items[i], "TERM=", 5), 0);
	}
	spore__strs_finish(&env);
}

static void what_is_named_later_wins(void **state)
{
	(void)state;
	struct spore__launch l = {.held = -1};
	struct spore__strs env = {0};
	struct spore__spec s;
	setenv("HOME", "/home/x", 1);
	setenv("TZ", "UTC", 1);
	spore__strs_add(&l.argv, "/bin/true");
	spore__strs_add(&l.argv, "x");
	spore__strs_add(&l.env, "TZ=CET");
	spore__strs_add(&l.env, "MODE=source");
	l.source = strdup("path:true");
	l.control = true;
	spore__strs_add(&env, "MODE=user");
	spore__spec_init(&s);
	spore__wanted_from_launch(&s, &l, &env, "/work");
	size_t home = 0, zone = 0, mode = 0;
	for (size_t i = 0; s.env[i] != NULL; i++) {
		home += strcmp(s.env[i], "HOME=/home/x") == 0;
		zone += strncmp(s.env[i], "TZ=", 3) == 0 ? strcmp(s.env[i], "TZ=CET") == 0 ? 1 : 10 : 0;
		mode += strncmp(s.env[i], "MODE=", 5) == 0 ? strcmp(s.env[i], "MODE=user") == 0 ? 1 : 10 : 0;
	}
	assert_int_equal(home, 1);
	assert_int_equal(zone, 1);
	assert_int_equal(mode, 1);
	assert_string_equal(s.argv[1], "x");
	assert_null(s.argv[2]);
	assert_string_equal(s.source, "path:true");
	assert_null(s.artifact);
	assert_string_equal(s.cwd, "/work");
	assert_true(s.control);
	// Again, on what is there: replaced, and a folder that was said stays.
	spore__wanted_from_launch(&s, &l, NULL, "/other");
	assert_string_equal(s.cwd, "/work");
	spore__spec_finish(&s);
	spore__strs_finish(&env);
	spore__launch_finish(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(only_what_every_task_gets),
	                                   cmocka_unit_test(what_is_named_later_wins)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
