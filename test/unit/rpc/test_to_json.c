// What an rpc peer said becomes JSON, also when it is not what it should be.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/to_json.h"

static char *told(const void *bytes, size_t len, bool *ok)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(bytes, len);
	struct spore__buf out = {0};
	struct spore__json j = {.out = &out};
	*ok = spore__rpc_to_json(&r, &j, NULL);
	return spore__buf_take(&out);
}

static void every_type(void **state)
{
	(void)state;
	struct spore__msgpack_writer w = {0};
	bool ok;
	spore__msgpack_map(&w, 9);
	spore__msgpack_str(&w, "nil");
	spore__msgpack_nil(&w);
	spore__msgpack_str(&w, "yes");
	spore__msgpack_bool(&w, true);
	spore__msgpack_str(&w, "int");
	spore__msgpack_int(&w, INT64_MIN);
	spore__msgpack_str(&w, "uint");
	spore__msgpack_uint(&w, UINT64_MAX);
	spore__msgpack_str(&w, "half");
	spore__msgpack_float(&w, 0.5);
	spore__msgpack_str(&w, "text");
	spore__msgpack_strn(&w, "a\0\"\n\xff", 5);
	spore__msgpack_str(&w, "list");
	spore__msgpack_array(&w, 2);
	spore__msgpack_int(&w, 1);
	spore__msgpack_map(&w, 0);
	spore__msgpack_str(&w, "none");
	spore__msgpack_array(&w, 0);
	spore__msgpack_int(&w, 7); // a key that is no string
	spore__msgpack_bin(&w, "x", 1);
	char *text = told(w.data, w.len, &ok);
	assert_true(ok);
	assert_string_equal(
	    text, "{\"nil\":null,\"yes\":true,\"int\":-9223372036854775808,\"uint\":1.8446744073709552e+19,"
	          "\"half\":0.5,\"text\":\"a\\u0000\\\"\\n\\ufffd\",\"list\":[1,{}],\"none\":[],\"7\":\"x\"}");
	free(text);
	spore__msgpack_writer_finish(&w);
}

static void cut_off_is_told(void **state)
{
	(void)state;
	struct spore__msgpack_writer w = {0};
	spore__msgpack_map(&w, 2);
	spore__msgpack_str(&w, "a");
	spore__msgpack_array(&w, 1);
	spore__msgpack_str(&w, "deep");
	spore__msgpack_str(&w, "b");
	spore__msgpack_int(&w, 100000);
	for (size_t len = 0; len < w.len; len++) {
		bool ok;
		char *text = told(w.data, len, &ok);
		int open = 0;
		assert_false(ok);
		for (const char *p = text; *p != '\0'; p++)
			open += *p == '{' || *p == '[' ? 1 : *p == '}' || *p == ']' ? -1 : 0;
		assert_int_equal(open, 0);
		free(text);
	}
	spore__msgpack_writer_finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_type), cmocka_unit_test(cut_off_is_told)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
