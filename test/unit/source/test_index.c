#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "source/index.h"

static void test_path_keeps_sources_apart(void **state)
{
	(void)state;
	char *file = spore__index_path("/s", "/home/a b/x.c", "opt");
	char *root = spore__index_path("/s", "/", "lock");
	assert_string_equal(file, "/s/index/+home/+a b/+x.c/opt");
	assert_string_equal(root, "/s/index/lock");
	free(file);
	free(root);
}

static void test_round_trip(void **state)
{
	(void)state;
	struct spore__index index = {.checked_s = 5, .checked_ns = 6, .control = true}, read = {0};
	struct stat st = {.st_dev = 1, .st_ino = 2, .st_size = 3, .st_mode = S_IFREG | 0644};
	index.id = spore__xstrdup("id");
	index.kind = spore__xstrdup("file");
	index.tier = spore__xstrdup("opt");
	index.main = spore__xstrdup("a b");
	spore__index_add_program(&index, "a b", "bin/a b");
	spore__index_add_input(&index, "/with space\nand newline", &st);
	spore__index_add_input(&index, "/absent", NULL);
	spore__index_add_made(&index, "/made", &st);
	spore__strs_add(&index.env, "X=1 2");
	struct spore__buf text = {0};
	spore__index_write(&index, &text);
	assert_int_equal(spore__index_parse(text.data, &read), 0);
	assert_string_equal(read.logic, spore__index_logic());
	assert_string_equal(read.main, "a b");
	assert_int_equal(read.input_count, 3);
	assert_string_equal(read.inputs[0].path, "/with space\nand newline");
	assert_true(spore__filestate_equal(&read.inputs[0].state, &index.inputs[0].state));
	assert_true(read.inputs[1].absent);
	assert_true(read.inputs[2].made);
	assert_true(read.control);
	assert_string_equal(read.env.items[0], "X=1 2");
	assert_string_equal(spore__index_program(&read, NULL)->path, "bin/a b");
	assert_null(spore__index_program(&read, "other"));
	spore__index_finish(&index);
	spore__index_finish(&read);
	spore__buf_finish(&text);
}

static void test_refuses_what_was_cut_off(void **state)
{
	(void)state;
	static const char whole[] = "spore-index 1\nid x\nkind file\ntier opt\nchecked 1 2\nend\n";
	for (size_t len = 0; len < sizeof whole - 1; len++) {
		struct spore__index index = {0};
		char *text = spore__xstrndup(whole, len);
		assert_int_equal(spore__index_parse(text, &index), -1);
		spore__index_finish(&index);
		free(text);
	}
	struct spore__index index = {0};
	char text[] = "spore-index 1\nid ../x\nkind file\ntier opt\nend\n";
	assert_int_equal(spore__index_parse(text, &index), -1);
	spore__index_finish(&index);
}

static void test_recent_changes_prove_nothing(void **state)
{
	(void)state;
	struct spore__index index = {.checked_s = 100, .checked_ns = 500000000};
	const struct {
		int64_t s, ns;
		bool recent;
	} cases[] = {
	    {98, 5, false},         {99, 490000000, false}, {100, 479000000, false},
	    {100, 481000000, true}, {100, 500000000, true}, {101, 1, true},
	    {97, 0, false},         {98, 0, true}, // a clock of whole seconds
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct spore__filestate s = {.ctime_s = cases[i].s, .ctime_ns = cases[i].ns, .mtime_ns = cases[i].ns};
		assert_int_equal(spore__index_recent(&index, &s), cases[i].recent);
	}
}

static void test_fresh_sees_each_change(void **state)
{
	(void)state;
	char path[] = "/tmp/spore-index-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	struct spore__index index = {.checked_s = st.st_ctim.tv_sec + 10};
	const char *which = NULL;
	spore__index_add_input(&index, path, &st);
	assert_true(spore__index_fresh(&index, &which));
	assert_int_equal(write(fd, "x", 1), 1);
	assert_false(spore__index_fresh(&index, &which));
	assert_string_equal(which, path);
	close(fd);
	assert_int_equal(unlink(path), 0);
	assert_false(spore__index_fresh(&index, NULL));
	spore__index_finish(&index);
	index = (struct spore__index){.checked_s = st.st_ctim.tv_sec + 10};
	spore__index_add_input(&index, path, NULL);
	assert_true(spore__index_fresh(&index, NULL));
	spore__index_finish(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_path_keeps_sources_apart), cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_refuses_what_was_cut_off), cmocka_unit_test(test_recent_changes_prove_nothing),
	    cmocka_unit_test(test_fresh_sees_each_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
