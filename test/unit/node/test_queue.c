#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/db_builds.h"

static char folder[64];
static struct spore__db db;

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/spore-queue-XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(spore__db_open(&db, folder), SQLITE_OK);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];
	(void)state;
	spore__db_close(&db);
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return system(command);
}

static void expect_counts(int queued, int running, int done, int failed)
{
	struct spore__build_counts c;
	assert_int_equal(spore__db_builds_count(&db, &c), SQLITE_OK);
	assert_int_equal(c.of[SPORE__BUILD_QUEUED], queued);
	assert_int_equal(c.of[SPORE__BUILD_RUNNING], running);
	assert_int_equal(c.of[SPORE__BUILD_DONE], done);
	assert_int_equal(c.of[SPORE__BUILD_FAILED], failed);
}

static void test_first_come_first_served(void **state)
{
	char source[16];
	(void)state;
	assert_int_equal(spore__db_builds_ask(&db, "/b"), SQLITE_OK);
	assert_int_equal(spore__db_builds_ask(&db, "/a"), SQLITE_OK);
	assert_int_equal(spore__db_builds_ask(&db, "/b"), SQLITE_OK);
	expect_counts(2, 0, 0, 0);
	assert_int_equal(spore__db_builds_begin(&db, source, sizeof source), SQLITE_OK);
	assert_string_equal(source, "/b");
	expect_counts(1, 1, 0, 0);
	assert_int_equal(spore__db_builds_end(&db, "/b", NULL), SQLITE_OK);
	assert_int_equal(spore__db_builds_begin(&db, source, sizeof source), SQLITE_OK);
	assert_string_equal(source, "/a");
	assert_int_equal(spore__db_builds_end(&db, "/a", "why"), SQLITE_OK);
	assert_int_equal(spore__db_builds_begin(&db, source, sizeof source), SQLITE_DONE);
	expect_counts(0, 0, 1, 1);
}

static void test_asked_while_running_runs_again(void **state)
{
	char source[16];
	(void)state;
	assert_int_equal(spore__db_builds_ask(&db, "/a"), SQLITE_OK);
	assert_int_equal(spore__db_builds_begin(&db, source, sizeof source), SQLITE_OK);
	assert_int_equal(spore__db_builds_ask(&db, "/a"), SQLITE_OK);
	expect_counts(0, 1, 0, 0);
	assert_int_equal(spore__db_builds_end(&db, "/a", "changed meanwhile"), SQLITE_OK);
	expect_counts(1, 0, 0, 0);
	assert_int_equal(spore__db_builds_begin(&db, source, sizeof source), SQLITE_OK);
	assert_int_equal(spore__db_builds_end(&db, "/a", NULL), SQLITE_OK);
	expect_counts(0, 0, 1, 0);
}

static void test_running_is_queued_after_reopening(void **state)
{
	char source[16];
	(void)state;
	assert_int_equal(spore__db_builds_ask(&db, "/a"), SQLITE_OK);
	assert_int_equal(spore__db_builds_begin(&db, source, sizeof source), SQLITE_OK);
	spore__db_close(&db);
	assert_int_equal(spore__db_open(&db, folder), SQLITE_OK);
	expect_counts(1, 0, 0, 0);
}

static void test_failed_waits_to_be_asked(void **state)
{
	char source[16];
	(void)state;
	assert_int_equal(spore__db_builds_ask(&db, "/a"), SQLITE_OK);
	assert_int_equal(spore__db_builds_begin(&db, source, sizeof source), SQLITE_OK);
	assert_int_equal(spore__db_builds_end(&db, "/a", "why"), SQLITE_OK);
	assert_int_equal(spore__db_builds_begin(&db, source, sizeof source), SQLITE_DONE);
	assert_int_equal(spore__db_builds_ask(&db, "/a"), SQLITE_OK);
	assert_int_equal(spore__db_builds_begin(&db, source, sizeof source), SQLITE_OK);
}

static void test_full(void **state)
{
	char name[600], text[64];
	int rc = SQLITE_OK;
	(void)state;
	snprintf(text, sizeof text, "PRAGMA max_page_count=12");
	assert_int_equal(sqlite3_exec(db.handle, text, NULL, NULL, NULL), SQLITE_OK);
	for (int i = 0; i < 1000 && rc == SQLITE_OK; i++) {
		snprintf(name, sizeof name, "/%0500d", i);
		rc = spore__db_builds_ask(&db, name);
	}
	assert_int_equal(rc, SQLITE_FULL);
	assert_true(db.error[0] != '\0');
	assert_int_equal(spore__db_builds_drop(&db, "/none"), SQLITE_OK); // it goes on
	assert_string_equal(db.aside, "");
}

static void test_corrupted_while_in_use(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		char name[32];
		snprintf(name, sizeof name, "/%d", i);
		assert_int_equal(spore__db_builds_ask(&db, name), SQLITE_OK);
	}
	spore__db_close(&db);
	FILE *f = fopen(db.path, "r+");
	assert_non_null(f);
	assert_int_equal(fseek(f, 4096, SEEK_SET), 0);
	for (int i = 0; i < 4096; i++)
		fputc(0xff, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(spore__db_builds_ask(&db, "/after"), SQLITE_OK);
	assert_true(db.aside[0] != '\0');
	assert_int_equal(access(db.aside, F_OK), 0);
	expect_counts(1, 0, 0, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_first_come_first_served),
	    TEST(test_asked_while_running_runs_again),
	    TEST(test_running_is_queued_after_reopening),
	    TEST(test_failed_waits_to_be_asked),
	    TEST(test_full),
	    TEST(test_corrupted_while_in_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
