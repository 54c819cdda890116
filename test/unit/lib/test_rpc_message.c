#include "rpc_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct spore__msgpack_writer w;

static enum spore_err parse(struct spore__rpc_message *m)
{
	assert_int_equal(w.err, 0);
	return spore__rpc_parse(w.data, w.len, m);
}

static int clean(void **state)
{
	(void)state;
	spore__msgpack_writer_finish(&w);
	return 0;
}

static void test_request(void **state)
{
	struct spore__rpc_message m;
	struct spore__msgpack_value v;
	(void)state;
	spore__rpc_begin_request(&w, UINT32_MAX, "a.b");
	spore__msgpack_array(&w, 2);
	spore__msgpack_nil(&w);
	spore__msgpack_str(&w, "second");
	assert_int_equal(parse(&m), SPORE_OK);
	assert_int_equal(m.kind, SPORE__RPC_REQUEST);
	assert_int_equal(m.id, UINT32_MAX);
	assert_memory_equal(m.method, "a.b", m.method_len);
	assert_false(spore__rpc_param(&m.params, 0, "first", &v)); // a nil is none
	assert_true(spore__rpc_param(&m.params, 1, "second", &v));
	assert_true(spore__msgpack_is(&v, "second"));
	assert_false(spore__rpc_param(&m.params, 2, "third", &v));
}

static void test_params_by_name(void **state)
{
	struct spore__rpc_message m;
	struct spore__msgpack_value v;
	(void)state;
	spore__rpc_begin_notification(&w, "m");
	spore__msgpack_map(&w, 2);
	spore__msgpack_str(&w, "x");
	spore__msgpack_array(&w, 0);
	spore__msgpack_str(&w, "y");
	spore__msgpack_int(&w, 5);
	assert_int_equal(parse(&m), SPORE_OK);
	assert_int_equal(m.kind, SPORE__RPC_NOTIFICATION);
	assert_true(spore__rpc_param(&m.params, 0, "y", &v));
	assert_int_equal(v.i, 5);
	assert_false(spore__rpc_param(&m.params, 0, "z", &v));
}

static void test_result(void **state)
{
	struct spore__rpc_message m;
	int64_t n;
	(void)state;
	spore__rpc_begin_result(&w, 3);
	spore__msgpack_int(&w, -7);
	assert_int_equal(parse(&m), SPORE_OK);
	assert_int_equal(m.kind, SPORE__RPC_RESPONSE);
	assert_false(m.failed);
	assert_int_equal(spore__msgpack_read_int(&m.result, &n), SPORE__MSGPACK_OK);
	assert_int_equal(n, -7);
}

static void test_error(void **state)
{
	struct spore__rpc_message m;
	int64_t code;
	const char *text;
	uint32_t len;
	(void)state;
	spore__rpc_write_error(&w, 3, SPORE_EBUSY, "too much");
	assert_int_equal(parse(&m), SPORE_OK);
	assert_true(m.failed);
	spore__rpc_read_error(&m.error, &code, &text, &len, NULL);
	assert_int_equal(code, SPORE_EBUSY);
	assert_int_equal(len, 8);
	assert_memory_equal(text, "too much", 8);
}

static void test_errors_of_others(void **state)
{
	struct spore__rpc_message m;
	int64_t code;
	const char *text;
	uint32_t len;
	(void)state;
	spore__msgpack_array(&w, 4);
	spore__msgpack_int(&w, 1);
	spore__msgpack_int(&w, 0);
	spore__msgpack_str(&w, "words");
	spore__msgpack_nil(&w);
	assert_int_equal(parse(&m), SPORE_OK);
	spore__rpc_read_error(&m.error, &code, &text, &len, NULL);
	assert_int_equal(code, SPORE_ESYSTEM);
	assert_int_equal(len, 5);
}

static void test_malformed(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool answerable; // a request whose id is known
	} bad[] = {
	    {"\x00", 1, false},                  // no array
	    {"\x90", 1, false},                  // empty
	    {"\x93\x03\x00\x00", 4, false},      // no such kind
	    {"\x94\x00\xff\xa1m\x90", 6, false}, // a negative id
	    {"\x93\x00\x07\xa1m", 5, true},      // no params
	    {"\x94\x00\x07\x01\x90", 5, true},   // a method that is no string
	    {"\x94\x00\x07\xa1m\x01", 6, true},  // params that are no list
	    {"\x93\x02\xa1m\xc0", 5, false},     // nor here
	    {"\x94\x00\x07\xa1m\x91", 6, false}, // cut off
	    {"\x93\x02\xa1m\x90\x00", 6, false}, // more than one value
	    {"\x94\x01\xa1i\xc0\xc0", 6, false}, // an id that is no number
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct spore__rpc_message m;
		char *copy = malloc(bad[i].len); // so that a sanitizer sees each byte too far
		memcpy(copy, bad[i].bytes, bad[i].len);
		assert_int_equal(spore__rpc_parse(copy, bad[i].len, &m), SPORE_EMALFORMED);
		assert_int_equal(m.kind == SPORE__RPC_REQUEST && m.id == 7, bad[i].answerable);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_request, clean),
	    cmocka_unit_test_teardown(test_params_by_name, clean),
	    cmocka_unit_test_teardown(test_result, clean),
	    cmocka_unit_test_teardown(test_error, clean),
	    cmocka_unit_test_teardown(test_errors_of_others, clean),
	    cmocka_unit_test(test_malformed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
