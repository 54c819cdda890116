#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/relocate.h"

static void test_files_and_links(void **state)
{
	(void)state;
	char dir[] = "/tmp/spore-relocate-XXXXXX";
	assert_non_null(mkdtemp(dir));
	char *sub = spore__fs_join(dir, "sub"), *file = spore__fs_join(sub, "data"),
	     *link = spore__fs_join(dir, "link");
	static const char before[] = "\0/store/AAAA/x:/store/AAAA\0AAA/store/BBBB";
	static const char after[] = "\0/store/CCCC/x:/store/CCCC\0AAA/store/BBBB";
	assert_int_equal(spore__fs_mkdirs(sub, 0700), 0);
	assert_int_equal(spore__fs_write_atomic(file, before, sizeof before, 0400),
	                 0); // read-only, as installed files are
	assert_int_equal(symlink("/store/AAAA/bin", link), 0);
	char *where = NULL;
	assert_int_equal(spore__relocate(dir, "AAAA", "CCCC", &where), 0);
	struct spore__buf read = {0};
	assert_int_equal(spore__fs_read(file, &read), 0);
	assert_int_equal(read.len, sizeof after);
	assert_memory_equal(read.data, after, sizeof after);
	char target[64] = "";
	assert_true(readlink(link, target, sizeof target - 1) > 0);
	assert_string_equal(target, "/store/CCCC/bin");
	spore__buf_finish(&read);
	assert_int_equal(spore__fs_remove_tree(dir), 0);
	assert_int_equal(access(dir, F_OK), -1);
	free(sub);
	free(file);
	free(link);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_files_and_links)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
