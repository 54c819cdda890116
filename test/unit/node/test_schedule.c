#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "node/schedule.h"

static void zone(const char *name)
{
	assert_int_equal(setenv("TZ", name, 1), 0);
	tzset();
}

static struct spore__schedule parse(const char *text)
{
	struct spore__schedule s;
	char why[256] = "";
	if (!spore__schedule_parse(text, &s, why, sizeof why))
		fail_msg("%s: %s", text, why);
	return s;
}

static int64_t moment(const char *text)
{
	struct tm tm = {.tm_isdst = -1};
	assert_int_equal(sscanf(text, "%d-%d-%d %d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min),
	                 5);
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return (int64_t)mktime(&tm);
}

static void expect_next(const char *schedule, const char *after, const char *next)
{
	char text[64];
	struct spore__schedule s = parse(schedule);
	time_t t = (time_t)spore__schedule_next(&s, moment(after));
	struct tm tm;
	assert_non_null(localtime_r(&t, &tm));
	(void)strftime(text, sizeof text, "%Y-%m-%d %H:%M", &tm);
	if (strcmp(text, next) != 0)
		fail_msg("%s after %s: %s, not %s", schedule, after, text, next);
}

static void test_periods(void **state)
{
	(void)state;
	assert_int_equal(parse("30s").period_ms, 30000);
	assert_int_equal(parse("1h30m").period_ms, 5400000);
	assert_int_equal(parse("2d").period_ms, 2 * 86400000);
	assert_int_equal(parse("1500ms").period_ms, 1500);
}

static void test_calendar(void **state)
{
	(void)state;
	zone("UTC");
	expect_next("* * * * *", "2026-01-31 23:59", "2026-02-01 00:00");
	expect_next("*/15 * * * *", "2026-01-01 10:15", "2026-01-01 10:30");
	expect_next("5/20 * * * *", "2026-01-01 10:26", "2026-01-01 10:45");
	expect_next("30 4 * * *", "2026-01-01 04:30", "2026-01-02 04:30");
	expect_next("0 9-17/4 * * mon-fri", "2026-01-02 17:00", "2026-01-05 09:00"); // a Friday, then Monday
	expect_next("0 0 1,15 * *", "2026-01-15 00:00", "2026-02-01 00:00");
	expect_next("0 0 29 feb *", "2026-01-01 00:00", "2028-02-29 00:00");
	expect_next("0 0 * * 7", "2026-01-01 00:00", "2026-01-04 00:00");
	expect_next("0 12 13 * fri", "2026-01-03 00:00", "2026-01-09 12:00"); // either is enough
	expect_next("@monthly", "2026-12-01 00:00", "2027-01-01 00:00");
	expect_next("0 0 * dec *", "2026-01-01 00:00", "2026-12-01 00:00");
	expect_next("7 * * dec *", "2026-01-01 00:00", "2026-12-01 00:07");
	struct spore__schedule never = parse("0 0 30 2 *");
	assert_int_equal(spore__schedule_next(&never, moment("2026-01-01 00:00")), -1);
	never = parse("* * 30 2 *");
	assert_int_equal(spore__schedule_next(&never, moment("2026-01-01 00:00")), -1);
}

// Europe: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00. The rule is written out, so that no zone files are needed.
static void test_clocks_are_changed(void **state)
{
	(void)state;
	zone("CET-1CEST,M3.5.0,M10.5.0/3");
	expect_next("30 2 * * *", "2026-03-28 03:00", "2026-03-29 03:00"); // skipped: when the clocks are put forward
	expect_next("30 2 * * *", "2026-03-29 03:00", "2026-03-30 02:30");
	expect_next("*/30 * * * *", "2026-03-29 01:30", "2026-03-29 03:00");
	expect_next("30 2 * * *", "2026-10-24 03:00", "2026-10-25 02:30");
	struct spore__schedule daily = parse("30 2 * * *"), hourly = parse("30 * * * *");
	int64_t first = spore__schedule_next(&daily, moment("2026-10-24 03:00"));
	int64_t second = spore__schedule_next(&daily, first);
	assert_int_equal(second, first + 25 * 3600); // once in that night, which is an hour longer
	assert_int_equal(spore__schedule_next(&daily, first + 3600 - 60), second); // nor the second 02:30
	assert_int_equal(spore__schedule_next(&hourly, first), first + 3600);      // but each hour that passes
	assert_int_equal(spore__schedule_next(&hourly, first + 3600), first + 7200);
	zone("UTC");
}

// Each answer is later than what it is asked for, and the same for every moment before it.
static void test_order(void **state)
{
	static const char *const schedules[] = {"7 3 * * *", "*/7 * * * *", "0 */5 1-7 * 2", "30 1,2,3 * * *"};
	(void)state;
	zone("EST5EDT,M3.2.0,M11.1.0");
	for (size_t i = 0; i < sizeof schedules / sizeof schedules[0]; i++) {
		struct spore__schedule s = parse(schedules[i]);
		int64_t t = moment("2026-02-20 00:00");
		for (int n = 0; n < 300; n++) {
			int64_t next = spore__schedule_next(&s, t);
			assert_true(next > t);
			assert_int_equal(spore__schedule_next(&s, next - 1), next);
			assert_int_equal(spore__schedule_next(&s, t + (next - t) / 2), next);
			t = next;
		}
	}
	zone("UTC");
}

static void test_mistakes(void **state)
{
	static const char *const wrong[] = {
	    "",
	    "30",
	    "s",
	    "1x",
	    "0s",
	    "400d",
	    "99999999999999999999s",
	    "* * * *",
	    "* * * * * *",
	    "60 * * * *",
	    "* 24 * * *",
	    "* * 0 * *",
	    "* * * 13 *",
	    "* * * * 8",
	    "5-2 * * * *",
	    "*/0 * * * *",
	    "a * * * *",
	    "1, * * * *",
	    "@noon",
	    "1 - * * *",
	    "*/ * * * *",
	    "*/61 * * * *",
	    "-1 * * * *",
	};
	struct spore__schedule s;
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		char why[256] = "";
		if (spore__schedule_parse(wrong[i], &s, why, sizeof why))
			fail_msg("'%s' is taken", wrong[i]);
		assert_true(why[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_periods), cmocka_unit_test(test_calendar), cmocka_unit_test(test_clocks_are_changed),
	    cmocka_unit_test(test_order),   cmocka_unit_test(test_mistakes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
