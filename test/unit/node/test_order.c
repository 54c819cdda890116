#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/hold.h"
#include "node/order.h"

static struct spore__table table;
static struct spore__hold some_hold; // that a task has one is all that counts here

static int set_up(void **state)
{
	(void)state;
	table = (struct spore__table){0};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	spore__table_finish(&table);
	return 0;
}

// NAME that comes after what AFTER says ("db ready,cache started"; NULL: nothing).
static struct spore__task *add(const char *name, const char *after)
{
	struct spore__task *task = spore__table_add(&table, "s", name, 0);
	char copy[256], why[256], *texts[8] = {NULL};
	assert_non_null(task);
	(void)snprintf(copy, sizeof copy, "%s", after != NULL ? after : "");
	size_t n = 0;
	for (char *more = NULL, *part = strtok_r(copy, ",", &more); part != NULL; part = strtok_r(NULL, ",", &more))
		texts[n++] = part;
	if (!spore__order_parse(texts, &task->after, &task->after_count, why, sizeof why))
		fail_msg("%s", why);
	return task;
}

static bool is_free(const char *name, const char *after, char *why, size_t size)
{
	char *texts[] = {(char *)(uintptr_t)after, NULL};
	struct spore__dependency *list;
	size_t count;
	assert_true(spore__order_parse(texts, &list, &count, why, size));
	bool good = spore__order_is_free_of_cycles(&table, "s", name, list, count, why, size);
	spore__order_free(list, count);
	return good;
}

static bool vain;

static void runs(struct spore__task *task, enum spore__task_state state)
{
	task->wanted = true;
	task->generation = task->run = 1;
	task->hold = &some_hold;
	task->state = state;
}

static void test_parsing(void **state)
{
	static const char *const wrong[] = {"db", "db  ready", "db soon", " ready", "a/b ready", "db ready ", ""};
	struct spore__dependency *list;
	size_t count;
	char why[256];
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		char *texts[] = {(char *)(uintptr_t) "ok ready", (char *)(uintptr_t)wrong[i], NULL};
		if (spore__order_parse(texts, &list, &count, why, sizeof why))
			fail_msg("'%s' is taken", wrong[i]);
		assert_non_null(strstr(why, "completed"));
	}
}

static void test_cycles(void **state)
{
	char why[512] = "";
	(void)state;
	add("db", NULL);
	add("web", "db ready");
	add("front", "web started");
	assert_true(is_free("other", "front ready", why, sizeof why));
	assert_false(is_free("db", "db ready", why, sizeof why));
	assert_false(is_free("db", "front healthy", why, sizeof why));
	assert_string_equal(why, "after: db after front after web after db: they would wait for each other for ever");
	assert_true(is_free("db", "not-there ready", why, sizeof why));
}

static void test_conditions(void **state)
{
	char why[512] = "";
	struct spore__task *db = add("db", NULL);
	struct spore__task *started = add("a", "db started"), *ready = add("b", "db ready"),
	                   *healthy = add("c", "db healthy"), *completed = add("d", "db completed"),
	                   *unknown = add("e", "none ready");
	(void)state;
	assert_true(spore__order_waits(&table, started, why, sizeof why, &vain));
	assert_string_equal(why, "for s/db to be started, which is not started");
	assert_true(spore__order_waits(&table, unknown, why, sizeof why, &vain));
	assert_string_equal(why, "for none, which is not defined");
	assert_true(vain);

	runs(db, SPORE__TASK_STARTING);
	assert_false(spore__order_waits(&table, started, why, sizeof why, &vain));
	assert_true(spore__order_waits(&table, ready, why, sizeof why, &vain));
	assert_string_equal(why, "for s/db to be ready");
	assert_false(vain);

	runs(db, SPORE__TASK_RUNNING);
	assert_false(spore__order_waits(&table, ready, why, sizeof why, &vain));
	assert_true(spore__order_waits(&table, healthy, why, sizeof why, &vain));
	db->healthy = true;
	assert_false(spore__order_waits(&table, healthy, why, sizeof why, &vain));
	assert_true(spore__order_waits(&table, completed, why, sizeof why, &vain));

	db->hold = NULL;
	db->done = true;
	db->state = SPORE__TASK_ENDED;
	assert_false(spore__order_waits(&table, completed, why, sizeof why, &vain));
	assert_false(spore__order_waits(&table, ready, why, sizeof why, &vain));
	db->failed = true;
	assert_true(spore__order_waits(&table, completed, why, sizeof why, &vain));
	assert_string_equal(why, "for s/db to complete, which has failed");
}

static void test_all_replicas_count(void **state)
{
	char why[512] = "";
	struct spore__task *web = add("web", "db ready");
	(void)state;
	runs(spore__table_add(&table, "s", "db", 1), SPORE__TASK_RUNNING);
	struct spore__task *second = spore__table_add(&table, "s", "db", 2);
	runs(second, SPORE__TASK_STARTING);
	assert_true(spore__order_waits(&table, web, why, sizeof why, &vain));
	assert_string_equal(why, "for s/db@2 to be ready");
	second->state = SPORE__TASK_RUNNING;
	assert_false(spore__order_waits(&table, web, why, sizeof why, &vain));
}

static void test_dependants_stop_first(void **state)
{
	struct spore__task *db = add("db", NULL), *web = add("web", "db ready"), *front = add("front", "web ready");
	(void)state;
	runs(db, SPORE__TASK_RUNNING);
	runs(web, SPORE__TASK_RUNNING);
	runs(front, SPORE__TASK_RUNNING);
	assert_null(spore__order_dependant(&table, db)); // web is to go on
	db->stopping = web->stopping = front->stopping = true;
	assert_ptr_equal(spore__order_dependant(&table, db), web);
	assert_ptr_equal(spore__order_dependant(&table, web), front);
	assert_null(spore__order_dependant(&table, front));
	front->hold = NULL;
	assert_null(spore__order_dependant(&table, web));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_parsing),
	    TEST(test_cycles),
	    TEST(test_conditions),
	    TEST(test_all_replicas_count),
	    TEST(test_dependants_stop_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
