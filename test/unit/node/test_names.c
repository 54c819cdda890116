#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/names.h"

static struct spore__table table;

static void add(const char *system, const char *name, int64_t replica)
{
	assert_non_null(spore__table_add(&table, system, name, replica));
}

static int set_up(void **state)
{
	(void)state;
	table = (struct spore__table){0};
	add("shop", "web", 1);
	add("shop", "web", 3);
	add("shop", "web", 2);
	add("shop", "db", 0);
	add("blog", "web", 0);
	add("blog", "cache", 0);
	add("", "tool", 0);
	add("", "db", 0);
	spore__table_system(&table, "shop")->manifest = strdup("/home/ann/shop/spore.yaml");
	spore__table_system(&table, "blog")->manifest = strdup("/home/ann/blog/spore.yaml");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	spore__table_finish(&table);
	return 0;
}

// TEXT from the folder FROM means these tasks.
static void expect(const char *text, const char *from, const char *names)
{
	char why[512] = "", found[512] = "";
	size_t first, count;
	if (spore__names_find(&table, text, from, &first, &count, why, sizeof why) != SPORE_OK)
		fail_msg("%s: %s", text, why);
	for (size_t i = first; i < first + count; i++) {
		char name[SPORE__FULL_NAME];
		spore__task_full_name(table.tasks[i], name);
		(void)snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", i > first ? " " : "", name);
	}
	assert_string_equal(found, names);
}

static void expect_error(const char *text, const char *from, enum spore_err err, const char *words)
{
	char why[512] = "";
	size_t first, count;
	assert_int_equal(spore__names_find(&table, text, from, &first, &count, why, sizeof why), err);
	if (strstr(why, words) == NULL)
		fail_msg("%s: '%s' does not say '%s'", text, why, words);
}

static void test_full_names(void **state)
{
	(void)state;
	expect("shop/web", "", "shop/web@1 shop/web@2 shop/web@3");
	expect("shop/web@2", "", "shop/web@2");
	expect("blog/web", "/home/ann/shop", "blog/web");
	expect("tool", "/", "tool");
}

static void test_the_folder_decides(void **state)
{
	(void)state;
	expect("web", "/home/ann/shop", "shop/web@1 shop/web@2 shop/web@3");
	expect("web", "/home/ann/shop/src/deep", "shop/web@1 shop/web@2 shop/web@3");
	expect("web", "/home/ann/blog", "blog/web");
	expect("db", "/home/ann/shop", "shop/db");
	expect("db", "/home/ann/shops", "db"); // no folder of that system
	expect("db", "", "db");
	expect("cache", "/home/ann/shop", "blog/cache"); // the only one
}

static void test_errors_help(void **state)
{
	(void)state;
	expect_error("web", "/tmp", SPORE_EINVALID, "blog/web, shop/web");
	expect_error("wbe", "/tmp", SPORE_ENOTFOUND, "'web'");
	expect_error("shop/bd", "", SPORE_ENOTFOUND, "'db'");
	expect_error("shpo/web", "", SPORE_ENOTFOUND, "'shop'");
	expect_error("shop/web@4", "", SPORE_ENOTFOUND, "3");
	expect_error("", "", SPORE_EINVALID, "no name");
	expect_error("a b", "", SPORE_EINVALID, "no name");
	expect_error("web@0", "", SPORE_EINVALID, "no name");
	expect_error("web@99999999999999999999", "", SPORE_EINVALID, "no name");
	expect_error("../web", "", SPORE_EINVALID, "no name");
}

static void test_the_table_stays_sorted(void **state)
{
	char name[16];
	size_t count;
	(void)state;
	srand(7);
	for (int i = 0; i < 500; i++) {
		(void)snprintf(name, sizeof name, "t%d", rand() % 100);
		if (spore__table_find(&table, "big", name, 0) == NULL)
			add("big", name, 0);
		else
			spore__table_remove(&table, spore__table_find(&table, "big", name, 0));
	}
	size_t first = spore__table_range(&table, "big", NULL, &count);
	assert_int_equal(count, spore__table_system(&table, "big")->tasks);
	for (size_t i = first + 1; i < first + count; i++)
		assert_true(strcmp(table.tasks[i - 1]->name, table.tasks[i]->name) < 0);
	assert_int_equal(spore__table_behind(&table, "shop", "web", 2),
	                 spore__table_behind(&table, "shop", "web", 1) + 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_full_names),
	    TEST(test_the_folder_decides),
	    TEST(test_errors_help),
	    TEST(test_the_table_stays_sorted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
