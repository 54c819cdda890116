#include "spore/value.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "chan/chan.h"
#include "msgpack.h"

static void test_what_is_written_is_read(void **state)
{
	(void)state;
	struct spore_writer w = {0};
	spore_write_map(&w, 2);
	spore_write_str(&w, "list");
	spore_write_array(&w, 9);
	spore_write_nil(&w);
	spore_write_bool(&w, true);
	spore_write_int(&w, -7);
	spore_write_uint(&w, UINT64_MAX);
	spore_write_float(&w, 0.5);
	spore_write_strn(&w, "abcdef", 3);
	spore_write_bytes(&w, "\0\1", 2);
	spore_write_ext(&w, 5, "x", 1);
	spore_write_raw(&w, "\x01", 1);
	spore_write_str(&w, "year");
	spore_write_int(&w, 1815);
	assert_int_equal(spore_writer_err(&w), SPORE_OK);
	assert_int_equal(spore_value_check(w.data, w.len), SPORE_OK);
	assert_int_equal(spore_value_check(w.data, w.len - 1), SPORE_EAGAIN);

	struct spore_reader r = spore_reader(w.data, w.len), at;
	char text[200];
	spore_value_print(&r, text, sizeof text);
	assert_string_equal(text,
	                    "{\"list\": [nil, true, -7, 18446744073709551615, 0.5, \"abc\", h'0001', ext(5)h'78', 1], "
	                    "\"year\": 1815}");
	int64_t i = 0;
	uint64_t u;
	uint32_t count;
	double f;
	bool b;
	const char *s;
	const void *data;
	size_t len;
	assert_true(spore_reader_find(&r, "year", &at) && spore_read_int(&at, &i));
	assert_int_equal(i, 1815);
	assert_false(spore_read(&at, &(struct spore_value){0}));
	assert_false(spore_reader_find(&r, "month", &at));
	assert_true(spore_reader_find(&r, "list", &at));
	assert_false(spore_reader_find(&at, "year", &r)); // no map
	assert_true(spore_read_array(&at, &count) && count == 9);
	assert_false(spore_read_bool(&at, &b)); // and the cursor stays
	assert_true(spore_read_nil(&at));
	assert_true(spore_read_bool(&at, &b) && b);
	assert_false(spore_read_uint(&at, &u));
	assert_true(spore_read_int(&at, &i) && i == -7);
	assert_false(spore_read_int(&at, &i));
	assert_true(spore_read_uint(&at, &u) && u == UINT64_MAX);
	assert_true(spore_read_float(&at, &f) && f == 0.5);
	assert_true(spore_read_str(&at, &s, &len) && len == 3 && memcmp(s, "abc", 3) == 0);
	assert_false(spore_read_str(&at, &s, &len));
	assert_true(spore_read_bytes(&at, &data, &len) && len == 2);
	struct spore_value v;
	assert_true(spore_read(&at, &v));
	assert_int_equal(v.type, SPORE_VALUE_EXT);
	assert_int_equal(v.str.ext, 5);
	assert_false(spore_read_map(&at, &count));
	assert_true(spore_read_float(&at, &f) && f == 1); // an integer too
	assert_true(spore_read(&at, &v) && spore_value_is(&v, "year"));
	assert_true(spore_read_skip(&at));
	assert_false(spore_read_skip(&at));
	spore_writer_finish(&w);
	assert_null(w.data);
}

static void test_nothing_is_no_value(void **state)
{
	(void)state;
	struct spore_reader r = {0};
	char text[8] = "?";
	assert_false(spore_read(&r, &(struct spore_value){0}));
	assert_false(spore_read_skip(&r));
	assert_false(spore_reader_find(&r, "x", &r));
	assert_int_equal(spore_value_check("", 0), SPORE_EAGAIN);
	assert_int_equal(spore_value_check("\xc1", 1), SPORE_EMALFORMED);
	spore_value_print(&r, text, sizeof text);
	unsigned char deep[40];
	memset(deep, 0x91, sizeof deep);
	assert_int_equal(spore_value_check(deep, sizeof deep), SPORE_ETOODEEP);
}

static void test_a_full_buffer(void **state)
{
	(void)state;
	char small[4];
	struct spore_writer w;
	spore_writer_fixed(&w, small, sizeof small);
	spore_write_str(&w, "abcd");
	assert_int_equal(spore_writer_err(&w), SPORE_ETOOBIG);
	spore_writer_finish(&w);

	struct spore__msgpack_writer b; // one that moves out of it
	spore__msgpack_writer_borrowed(&b, small, sizeof small);
	spore__msgpack_int(&b, 1);
	assert_ptr_equal(b.data, small);
	spore__msgpack_str(&b, "abcd");
	assert_int_equal(b.err, 0);
	assert_ptr_not_equal(b.data, small);
	assert_memory_equal(b.data,
	                    "\x01\xa4"
	                    "abcd",
	                    6);
	spore__msgpack_writer_finish(&b);
}

static void test_in_the_memory_of_a_channel(void **state)
{
	(void)state;
	struct spore__channel_end ends[2];
	struct spore_chan *a, *b;
	if (spore__channel_make("ring", NULL, ends) != SPORE_OK)
		return; // plain POSIX
	assert_int_equal(spore__chan_create(&ends[0], &a), SPORE_OK);
	assert_int_equal(spore__chan_create(&ends[1], &b), SPORE_OK);
	struct spore_writer w;
	assert_int_equal(spore_writer_loan(&w, a, 2, SPORE_NOW), SPORE_OK);
	spore_write_str(&w, "too much");
	assert_int_equal(spore_writer_commit(&w, a, SPORE_NOW), SPORE_ETOOBIG);
	assert_int_equal(spore_writer_loan(&w, a, 64, SPORE_NOW), SPORE_OK);
	spore_write_str(&w, "hello");
	assert_int_equal(spore_writer_commit(&w, a, SPORE_NOW), SPORE_OK);
	const void *data;
	size_t len;
	assert_int_equal(spore_chan_read(b, &data, &len, SPORE_NOW), SPORE_OK);
	assert_int_equal(len, 6);
	assert_memory_equal(data, "\xa5hello", 6);
	spore_chan_release(b);
	spore_chan_close(a);
	spore_chan_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_written_is_read),
	    cmocka_unit_test(test_nothing_is_no_value),
	    cmocka_unit_test(test_a_full_buffer),
	    cmocka_unit_test(test_in_the_memory_of_a_channel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
