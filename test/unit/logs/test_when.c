#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "logs/when.h"

static const uint64_t now = 1767323045000000006; // 2026-01-02T03:04:05.000000006Z

static int set_zone(void **state)
{
	(void)state;
	if (setenv("TZ", "XYZ-2", 1) != 0) // two hours east
		return -1;
	tzset();
	return 0;
}

static void test_what_is_understood(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t ns;
	} cases[] = {
	    {"now", 1767323045000000006},
	    {"10m", 1767322445000000006},
	    {"1h30m", 1767317645000000006},
	    {"1d", 1767236645000000006},
	    {"500ms", 1767323044500000006},
	    {"100000d", 0},
	    {"@1700000000", 1700000000000000000},
	    {"2026-01-02T03:04:05Z", 1767323045000000000},
	    {"2026-01-02T03:04:05.000000006Z", 1767323045000000006},
	    {"2026-01-02t03:04:05,5z", 1767323045500000000},
	    {"2026-01-02T04:04:05+01:00", 1767323045000000000},
	    {"2026-01-02T01:34:05-0130", 1767323045000000000},
	    {"2026-01-02T03:04Z", 1767323040000000000},
	    {"2026-01-02 05:04:05", 1767323045000000000},
	    {"2026-01-02", 1767304800000000000},
	    {"05:04:05", 1767323045000000000},
	    {"05:00", 1767322800000000000},
	    {"2024-02-29T00:00:00Z", 1709164800000000000},
	    {"2024-03-01T00:00:00Z", 1709251200000000000},
	    {"2100-03-01T00:00:00Z", 4107542400000000000},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t ns = 1;
		if (!spore__when_parse(cases[i].text, now, &ns) || ns != cases[i].ns)
			fail_msg("%s: %llu", cases[i].text, (unsigned long long)ns);
	}
}

static void test_what_is_not(void **state)
{
	(void)state;
	static const char *const cases[] = {
	    "",
	    "soon",
	    "10",
	    "m",
	    "10x",
	    "-5m",
	    "10m ",
	    "@",
	    "@x",
	    "2026",
	    "2026-13-01",
	    "2026-00-01",
	    "2026-01-32",
	    "2026-01-01T",
	    "2026-01-01T25:00",
	    "2026-01-01T10",
	    "2026-01-01T10:00:00.",
	    "2026-01-01T10:00:00Zx",
	    "2026-01-01T10:00:00+",
	    "2026-01-01T10:00:00+1",
	    "1969-01-01T00:00:00Z",
	    "9999-01-01",
	    "24:00",
	    "10:60",
	    "999999999w",
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t ns;
		if (spore__when_parse(cases[i], now, &ns))
			fail_msg("%s was understood", cases[i]);
	}
}

static void test_formats(void **state)
{
	(void)state;
	char text[SPORE__WHEN_SIZE];
	for (int i = 0; i < 2; i++) {
		spore__when_format(now, text);
		assert_string_equal(text, "2026-01-02T03:04:05.000000006Z");
		spore__when_format_local(now, text);
		assert_string_equal(text, "2026-01-02 05:04:05.000");
	}
	spore__when_format(UINT64_MAX, text);
	assert_string_equal(text, "2554-07-21T23:34:33.709551615Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_understood),
	    cmocka_unit_test(test_what_is_not),
	    cmocka_unit_test(test_formats),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_zone, NULL);
}
