#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "logs/json_line.h"
#include "spore/spore.h"

static void check(const char *text, const char *message, unsigned level, uint64_t said)
{
	struct spore__json_line l;
	assert_true(spore__json_line_parse(text, strlen(text), &l));
	if (message == NULL) {
		assert_null(l.message);
	} else {
		assert_non_null(l.message);
		assert_int_equal(l.message_len, strlen(message));
		assert_memory_equal(l.message, message, l.message_len);
	}
	assert_int_equal(l.level, level);
	assert_int_equal(l.said, said);
	spore__json_line_finish(&l);
}

static void test_loggers(void **state)
{
	(void)state;
	// zap, logrus, slog; pino, bunyan; Python; Google; syslog's numbers
	check("{\"level\":\"info\",\"ts\":1700000000.5,\"msg\":\"up\"}", "up", SPORE_INFO, 1700000000500000000);
	check("{\"time\":\"2023-11-14T22:13:20Z\",\"level\":\"WARN\",\"msg\":\"x\"}", "x", SPORE_WARN,
	      1700000000000000000);
	check("{\"level\":30,\"time\":1700000000000,\"pid\":1,\"msg\":\"hello\"}", "hello", SPORE_INFO,
	      1700000000000000000);
	check("{\"level\":50,\"msg\":\"\"}\r", "", SPORE_ERROR, 0);
	check("{\"severity\":\"CRITICAL\",\"message\":\"m\",\"timestamp\":1700000000000000}", "m", SPORE_ERROR,
	      1700000000000000000);
	check("{\"level\":7,\"message\":\"m\",\"ts\":1700000000000000001}", "m", SPORE_DEBUG, 1700000000000000001);
	check("{\"level\":\"loud\",\"msg\":5,\"message\":\"second\",\"time\":\"later\"}", "second", 0, 0);
	check("{}", NULL, 0, 0);
	check("{\"a\":1}", NULL, 0, 0);
}

static void test_what_is_used_is_no_field(void **state)
{
	(void)state;
	static const char text[] = "{\"level\":\"loud\",\"severity\":\"warn\",\"msg\":\"m\",\"message\":\"n\"}";
	struct spore__json_line l;
	assert_true(spore__json_line_parse(text, strlen(text), &l));
	assert_true(spore__json_line_used(&l, "msg"));
	assert_true(spore__json_line_used(&l, "severity"));
	assert_false(spore__json_line_used(&l, "message"));
	assert_false(spore__json_line_used(&l, "level"));
	spore__json_line_finish(&l);
}

static void test_what_is_none(void **state)
{
	(void)state;
	static const char *const cases[] = {"",
	                                    "{",
	                                    "}",
	                                    "{]",
	                                    "[1]",
	                                    "{\"a\":}",
	                                    "{\"a\":1} x}",
	                                    "5",
	                                    "{\"a\":1}{\"b\":2}",
	                                    "{\"a\":1e999}",
	                                    "{\"\xff\":1}"};
	struct spore__json_line l;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_false(spore__json_line_parse(cases[i], strlen(cases[i]), &l));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_loggers),
	    cmocka_unit_test(test_what_is_used_is_no_field),
	    cmocka_unit_test(test_what_is_none),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
