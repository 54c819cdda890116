#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "task/elsewhere.h"

static char folder[32];
static int dir;

static int make(void **state)
{
	(void)state;
	dir =
	    mkdtemp(strcpy(folder, "/tmp/spore-elsewhere-XXXXXX")) != NULL ? open(folder, O_RDONLY | O_DIRECTORY) : -1;
	return dir < 0 ? -1 : 0;
}

static int clean(void **state)
{
	(void)state;
	close(dir);
	return rmdir(folder);
}

static bool is_there(int at, const char *path)
{
	struct stat st;
	return fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void touch(const char *path, const char *name)
{
	char file[128];
	(void)snprintf(file, sizeof file, "%s/%s", path, name);
	int fd = open(file, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void test_made_and_removed(void **state)
{
	char ports[SPORE__ELSEWHERE_MAX], notify[SPORE__ELSEWHERE_MAX];
	struct stat st;
	(void)state;
	assert_int_equal(spore__elsewhere_make(dir, SPORE__ELSEWHERE_PORTS, ports), 0);
	assert_int_equal(spore__elsewhere_make(dir, SPORE__ELSEWHERE_NOTIFY, notify), 0);
	assert_int_equal(stat(ports, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	touch(ports, "ask");
	touch(ports, ".hidden");
	spore__elsewhere_remove(dir, SPORE__ELSEWHERE_NOTIFY);
	assert_false(is_there(AT_FDCWD, notify));
	assert_true(is_there(AT_FDCWD, ports));
	// Another one takes the place of that of a hold before.
	char other[SPORE__ELSEWHERE_MAX];
	assert_int_equal(spore__elsewhere_make(dir, SPORE__ELSEWHERE_PORTS, other), 0);
	assert_string_not_equal(ports, other);
	assert_false(is_there(AT_FDCWD, ports));
	spore__elsewhere_clear(dir);
	spore__elsewhere_clear(dir);
	assert_false(is_there(AT_FDCWD, other));
	assert_false(is_there(dir, "ports.at"));
}

// Whatever the link says, nothing but such a folder is touched.
static void test_links_to_others(void **state)
{
	char other[sizeof folder + 8], begun[SPORE__ELSEWHERE_MAX];
	(void)state;
	(void)snprintf(other, sizeof other, "%s/other", folder);
	assert_int_equal(mkdir(other, 0700), 0);
	touch(other, "kept");
	const char *const targets[] = {
	    other, "/tmp/spore-ports-",          "/tmp/spore-ports-../x", "/tmp/spore-notify-0123456789",
	    "",    "/tmp/spore-ports-0123456789"};
	for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
		if (symlinkat(targets[i], dir, "ports.at") != 0)
			continue; // the empty one is refused by the system
		spore__elsewhere_clear(dir);
		assert_false(is_there(dir, "ports.at"));
	}
	assert_true(is_there(dir, "other/kept"));
	// Nor is a link in its place followed.
	assert_int_equal(spore__elsewhere_make(dir, SPORE__ELSEWHERE_PORTS, begun), 0);
	assert_int_equal(rmdir(begun), 0);
	assert_int_equal(symlink(other, begun), 0);
	spore__elsewhere_clear(dir);
	assert_true(is_there(dir, "other/kept"));
	assert_int_equal(unlink(begun), 0);
	assert_int_equal(unlinkat(dir, "other/kept", 0), 0);
	assert_int_equal(rmdir(other), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_made_and_removed, make, clean),
	    cmocka_unit_test_setup_teardown(test_links_to_others, make, clean),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
