#include "logline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static char line[256];

static const char *format(const char *name, const char *text, const struct spore_field *fields, size_t count,
                          size_t size)
{
	struct spore__msgpack_writer w = {0};
	struct spore__control_message m;
	size_t used;
	spore__control_put_log(&w, SPORE_INFO, UINT64_C(1000000000) * 3661 + 5000000, text, fields, count);
	assert_int_equal(spore__control_decode(w.data, w.len, &m, &used), SPORE_OK);
	size_t len = spore__logline_format(&m, name, line, size);
	assert_true(len <= size);
	assert_int_equal(line[len - 1], '\n');
	line[len - 1] = '\0';
	spore__msgpack_writer_finish(&w);
	return line;
}

static void test_format(void **state)
{
	const struct spore_field fields[] = {
	    spore_int("port", 80),     spore_str("host", "a b"), spore_str("to", "c"), spore_bytes("id", "\x01\xff", 2),
	    spore_float("load", 0.25), spore_bool("on", true),   spore_str("", "")};
	assert_string_equal(format(NULL, "listening", NULL, 0, sizeof line), "01:01:01.005 info  listening");
	assert_string_equal(
	    format("web", "up", fields, 7, sizeof line),
	    "01:01:01.005 info  web: up port=80 host=\"a b\" to=c id=h'01ff' load=0.25 on=true \"\"=\"\"");
}

static void test_escapes(void **state)
{
	const struct spore_field field = spore_str("k", "a\"\n");
	assert_string_equal(format(NULL, "one\ntwo\x1b[2J\xff\xc3\xa4", &field, 1, sizeof line),
	                    "01:01:01.005 info  one\\ntwo\\x1b[2J\\xff\xc3\xa4 k=\"a\\\"\\n\"");
	// the mark that turns the direction of writing, an overlong slash, a lone surrogate
	assert_string_equal(format(NULL, "\xe2\x80\xae\xc0\xaf\xed\xa0\x80", NULL, 0, sizeof line),
	                    "01:01:01.005 info  \\xe2\\x80\\xae\\xc0\\xaf\\xed\\xa0\\x80");
}

static void test_cut_off(void **state)
{
	char text[200];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	const char *out = format(NULL, text, NULL, 0, 64);
	assert_int_equal(strlen(out), 63);
	assert_string_equal(out + 60, "...");
}

static void test_levels(void **state)
{
	unsetenv("SPORE_LOG");
	assert_false(spore__logline_shown(SPORE_DEBUG));
	assert_true(spore__logline_shown(SPORE_INFO));
	assert_true(spore__logline_shown(99));
	setenv("SPORE_LOG", "debug", 1);
	assert_true(spore__logline_shown(SPORE_DEBUG));
	setenv("SPORE_LOG", "error", 1);
	assert_false(spore__logline_shown(SPORE_WARN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_format),
	    cmocka_unit_test(test_escapes),
	    cmocka_unit_test(test_cut_off),
	    cmocka_unit_test(test_levels),
	};
	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
