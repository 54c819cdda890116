#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>

#include "system/value.h"

static void expect(bool (*read)(const char *, int64_t *), const char *text, int64_t wanted)
{
	int64_t n;
	if (!read(text, &n))
		fail_msg("%s is refused", text);
	if (n != wanted)
		fail_msg("%s is %lld", text, (long long)n);
}

static void refuse(bool (*read)(const char *, int64_t *), const char *const *texts)
{
	int64_t n;
	for (; *texts != NULL; texts++)
		if (read(*texts, &n))
			fail_msg("%s is %lld", *texts, (long long)n);
}

static void reads_numbers(void **state)
{
	(void)state;
	expect(spore__value_int, "0", 0);
	expect(spore__value_int, "-20", -20);
	expect(spore__value_int, "9223372036854775807", INT64_MAX);
	refuse(spore__value_int, (const char *const[]){"", "-", "+1", "01", "1 ", " 1", "1.0", "0x10", "1_0",
	                                               "9223372036854775808", "-0", NULL});
}

static void reads_durations(void **state)
{
	(void)state;
	expect(spore__value_duration, "200ms", 200);
	expect(spore__value_duration, "0s", 0);
	expect(spore__value_duration, "5s", 5000);
	expect(spore__value_duration, "10m", 600000);
	expect(spore__value_duration, "1h30m", 5400000);
	expect(spore__value_duration, "2d", 172800000);
	refuse(spore__value_duration, (const char *const[]){"", "5", "s", "5 s", "1.5s", "-5s", "5sec", "5S",
	                                                    "99999999999999999999s", "9223372036854775807d", NULL});
}

static void reads_sizes(void **state)
{
	(void)state;
	expect(spore__value_size, "65536", 65536);
	expect(spore__value_size, "64K", 65536);
	expect(spore__value_size, "512M", 512LL << 20);
	expect(spore__value_size, "3T", 3LL << 40);
	refuse(spore__value_size,
	       (const char *const[]){"", "M", "5MB", "5m", "1.5G", "-1", "99999999999T", "18446744073709551616", NULL});
}

static void reads_processors(void **state)
{
	(void)state;
	expect(spore__value_cpu, "2", 2000);
	expect(spore__value_cpu, "0.5", 500);
	expect(spore__value_cpu, "1.25", 1250);
	expect(spore__value_cpu, "0.001", 1);
	refuse(spore__value_cpu, (const char *const[]){"", "0", "0.0", ".5", "1.", "1.0001", "1.x", "all", "-1", NULL});
	assert_true(spore__value_cpus("0"));
	assert_true(spore__value_cpus("0,2-3"));
	static const char *const wrong[] = {"", ",", "1,", "3-2", "a", "1-", "-1", "1 2", "99999"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(spore__value_cpus(wrong[i]));
}

static void reads_signals(void **state)
{
	(void)state;
	expect(spore__value_signal, "TERM", SIGTERM);
	expect(spore__value_signal, "SIGINT", SIGINT);
	expect(spore__value_signal, "9", 9);
	refuse(spore__value_signal, (const char *const[]){"", "SIG", "term", "FOO", "0", "65", "-1", NULL});
	char *name = spore__value_show_signal(SIGTERM);
	assert_string_equal(name, "TERM");
	free(name);
}

static void reads_addresses(void **state)
{
	(void)state;
	static const char *const good[][2] = {{"8080", "127.0.0.1:8080"},
	                                      {"localhost:80", "localhost:80"},
	                                      {"[::1]:65535", "[::1]:65535"},
	                                      {"10.0.0.1:1", "10.0.0.1:1"}};
	static const char *const wrong[] = {"",      ":",         ":80",    "0",      "65536",         "host",
	                                    "host:", "host:http", "::1:80", "a b:80", "example.org:80"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		char *out;
		assert_true(spore__value_address(good[i][0], &out));
		assert_string_equal(out, good[i][1]);
		free(out);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char *out;
		if (spore__value_address(wrong[i], &out))
			fail_msg("%s is %s", wrong[i], out);
	}
}

static void reads_periods(void **state)
{
	(void)state;
	static const char *const good[] = {"30s",        "1h", "* * * * *", "*/5 0 1 1 0", "0,30 8-18/2 1-31 1,12 1-5",
	                                   "0\t4  * * 7"};
	static const char *const wrong[] = {"",           "500ms",       "* * * *",     "* * * * * *",
	                                    "60 * * * *", "* 24 * * *",  "* * 0 * *",   "* * * 13 *",
	                                    "* * * * 8",  "5-1 * * * *", "*/0 * * * *", "a * * * *",
	                                    "1, * * * *", ", * * * *",   "1- * * * *"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!spore__value_every(good[i]))
			fail_msg("%s is refused", good[i]);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (spore__value_every(wrong[i]))
			fail_msg("%s is taken", wrong[i]);
}

static void shows_what_it_would_read(void **state)
{
	(void)state;
	static const int64_t ms[] = {0, 1, 200, 1000, 60000, 90000, 3600000, 86400000};
	static const int64_t bytes[] = {0, 1, 1024, 1500, 64 << 20, 5LL << 40};
	for (size_t i = 0; i < sizeof ms / sizeof *ms; i++) {
		char *text = spore__value_show_duration(ms[i]);
		expect(spore__value_duration, text, ms[i]);
		free(text);
	}
	for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
		char *text = spore__value_show_size(bytes[i]);
		expect(spore__value_size, text, bytes[i]);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_numbers), cmocka_unit_test(reads_durations),
	    cmocka_unit_test(reads_sizes),   cmocka_unit_test(reads_processors),
	    cmocka_unit_test(reads_signals), cmocka_unit_test(reads_addresses),
	    cmocka_unit_test(reads_periods), cmocka_unit_test(shows_what_it_would_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
