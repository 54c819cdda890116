#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

static void client(struct rig *r)
{
	rig_init(r, "resp", SPORE__CODEC_PEER_CALLS);
}

static void test_calls_in_order(void **state)
{
	struct rig r;
	client(&r);
	assert_int_equal(rig_feed_str(r.end, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\nset a \"b c\"\r\n*1\r\n$4\r\nPING\r\n"),
	                 SPORE_OK);
	assert_string_equal(rig_said(&r), "request 0 get [\"k\"]\nrequest 1 set [\"a\",\"b c\"]\n");
	// The second answer and what is answered here wait for the first.
	assert_int_equal(rig_answer(&r, 1, "\"OK\""), SPORE_OK);
	assert_string_equal(rig_out(&r, r.end), "");
	assert_int_equal(rig_answer(&r, 0, "\"v\""), SPORE_OK);
	assert_string_equal(rig_out(&r, r.end), "$1\r\nv\r\n+OK\r\n+PONG\r\n");
	assert_int_equal(rig_answer(&r, 0, "1"), SPORE_ENOTFOUND);
	rig_finish(&r);
}

static void test_split_anywhere(void **state)
{
	struct rig r;
	client(&r);
	assert_int_equal(
	    rig_drip_str(r.end, "*3\r\n$3\r\nSet\r\n$0\r\n\r\n$4\r\na\r\nb\r\n*0\r\n\r\n*1\r\n$1\r\nx\r\n"), SPORE_OK);
	assert_string_equal(rig_said(&r), "request 0 set [\"\",\"a\\r\\nb\"]\nrequest 1 x []\n");
	rig_finish(&r);
}

static void test_bytes_are_bytes(void **state)
{
	struct rig r;
	client(&r);
	assert_int_equal(rig_feed_str(r.end, "*2\r\n$1\r\na\r\n$3\r\n\xff\x00\xfe\r\n"), SPORE_OK);
	assert_string_equal(rig_said(&r), "request 0 a [\"/wD+\"] (bytes)\n");
	rig_finish(&r);
}

static void test_types_of_replies(void **state)
{
	static const struct {
		const char *json, *resp2, *resp3;
	} cases[] = {
	    {"null", "$-1\r\n", "_\r\n"},
	    {"true", ":1\r\n", "#t\r\n"},
	    {"-5", ":-5\r\n", ":-5\r\n"},
	    {"18446744073709551615", "$20\r\n18446744073709551615\r\n", "(18446744073709551615\r\n"},
	    {"0.1", "$3\r\n0.1\r\n", ",0.1\r\n"},
	    {"\"OK\"", "+OK\r\n", "+OK\r\n"},
	    {"[1,[\"a\"]]", "*2\r\n:1\r\n*1\r\n$1\r\na\r\n", "*2\r\n:1\r\n*1\r\n$1\r\na\r\n"},
	    {"{\"a\":1}", "*2\r\n$1\r\na\r\n:1\r\n", "%1\r\n$1\r\na\r\n:1\r\n"},
	};
	for (int version = 2; version <= 3; version++) {
		struct rig r;
		client(&r);
		char hello[] = "HELLO 2\r\n";
		hello[6] = (char)('0' + version);
		assert_int_equal(rig_feed(r.end, hello, strlen(hello), false), SPORE_OK);
		assert_int_equal(rig_out(&r, r.end)[0], version == 3 ? '%' : '*');
		for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
			assert_int_equal(rig_feed_str(r.end, "x\r\n"), SPORE_OK);
			unsigned id = 0;
			assert_int_equal(sscanf(rig_said(&r), "request %u", &id), 1);
			assert_int_equal(rig_answer(&r, id, cases[i].json), SPORE_OK);
			assert_string_equal(rig_out(&r, r.end), version == 3 ? cases[i].resp3 : cases[i].resp2);
		}
		rig_finish(&r);
	}
}

static void test_errors(void **state)
{
	struct rig r;
	client(&r);
	assert_int_equal(rig_feed_str(r.end, "x\r\ny\r\nz\r\n"), SPORE_OK);
	assert_int_equal(rig_fail(&r, 0, 7, "two\r\nlines", "1"), SPORE_OK);
	assert_int_equal(rig_fail(&r, 1, -32601, "y", NULL), SPORE_OK);
	assert_int_equal(rig_fail(&r, 2, SPORE_EBUSY, "later", NULL), SPORE_OK);
	assert_string_equal(rig_out(&r, r.end), "-ERR two  lines\r\n-ERR unknown command: y\r\n-BUSY later\r\n");
	rig_finish(&r);
}

static void test_refuses(void **state)
{
	static const struct {
		const char *bytes;
		enum spore_err e;
	} cases[] = {
	    {"*1\r\n:1\r\n", SPORE_EMALFORMED},
	    {"*x\r\n", SPORE_EMALFORMED},
	    {"*1\n$1\r\na\r\n", SPORE_EMALFORMED},
	    {"*1\r\n$-1\r\n", SPORE_EMALFORMED},
	    {"*1\r\n$1\r\nabc\r\n", SPORE_EMALFORMED},
	    {"*2000000\r\n", SPORE_ETOOBIG},
	    {"*1\r\n$99999999999\r\n", SPORE_ETOOBIG},
	    {"*1\r\n$99999999999999999999999999\r\n", SPORE_EMALFORMED},
	    {"*111111111111111111111111111111111111111111111111", SPORE_ETOOBIG},
	    {"get \"a\r\n", SPORE_EMALFORMED},
	    {"POST / HTTP/1.1\r\n", SPORE_EMALFORMED},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rig r;
		client(&r);
		assert_int_equal(rig_feed(r.end, cases[i].bytes, strlen(cases[i].bytes), false), cases[i].e);
		assert_true(r.end->over);
		assert_int_equal(strncmp(rig_said(&r), "refused: ", 9), 0);
		bool http = cases[i].bytes[0] == 'P';
		assert_int_equal(strncmp(rig_out(&r, r.end), "-ERR Protocol error: ", 21) == 0, !http);
		rig_finish(&r);
	}
}

// What is too much waits in the connection, and nobody hears BUSY.
static void test_too_many_in_flight(void **state)
{
	static const char many[] = "a\r\nb\r\nping\r\nc\r\n";
	struct rig r;
	size_t used = 0, more = 0;
	client(&r);
	r.limits.in_flight = 2;
	assert_int_equal(r.end->ops->feed(r.end, many, sizeof many - 1, &used), SPORE_OK);
	assert_int_equal(used, 6);
	assert_true(r.end->full && r.end->pause);
	assert_string_equal(rig_said(&r), "request 0 a []\nrequest 1 b []\n");
	assert_int_equal(rig_answer(&r, 1, "1"), SPORE_OK); // which waits for the other
	assert_true(r.end->full);
	assert_int_equal(rig_answer(&r, 0, "0"), SPORE_OK);
	assert_false(r.end->full);
	r.end->pause = false;
	assert_int_equal(r.end->ops->feed(r.end, many + used, sizeof many - 1 - used, &more), SPORE_OK);
	assert_int_equal(used + more, sizeof many - 1);
	assert_non_null(strstr(rig_said(&r), " c []\n"));
	assert_string_equal(rig_out(&r, r.end), ":0\r\n:1\r\n+PONG\r\n");
	rig_finish(&r);
}

// Those that are answered at once, but wait for one before them, are bounded as well.
static void test_endless_pipeline(void **state)
{
	enum { ONE = 6, MANY = 20000 };
	struct rig r;
	size_t used = 0, more = 0;
	client(&r);
	char *many = malloc((size_t)MANY * ONE + 1);
	assert_non_null(many);
	for (int i = 0; i < MANY; i++)
		memcpy(many + i * ONE, "ping\r\n", ONE + 1);
	assert_int_equal(rig_feed_str(r.end, "slow\r\n"), SPORE_OK);
	assert_int_equal(r.end->ops->feed(r.end, many, (size_t)MANY * ONE, &used), SPORE_OK);
	assert_true(r.end->full && used > 0 && used < (size_t)MANY * ONE);
	assert_string_equal(rig_out(&r, r.end), "");
	assert_int_equal(rig_answer(&r, 0, "0"), SPORE_OK);
	assert_false(r.end->full);
	r.end->pause = false;
	assert_int_equal(r.end->ops->feed(r.end, many + used, (size_t)MANY * ONE - used, &more), SPORE_OK);
	assert_int_equal(used + more, (size_t)MANY * ONE);
	assert_int_equal(strlen(rig_out(&r, r.end)), 4 + (size_t)MANY * 7);
	free(many);
	rig_finish(&r);
}

static void test_arguments_that_are_json(void **state)
{
	struct rig r;
	rig_init(&r, "resp,arguments=json", SPORE__CODEC_PEER_CALLS);
	assert_int_equal(rig_feed_str(r.end, "x 91 -2.5 null '[1,{\"a\":true}]' '\"7\"' 7a 1e999 '[' '' 1,2\r\n"),
	                 SPORE_OK);
	assert_string_equal(rig_said(&r),
	                    "request 0 x [91,-2.5,null,[1,{\"a\":true}],\"7\",\"7a\",\"1e999\",\"[\",\"\",\"1,2\"]\n");
	rig_finish(&r);
}

static void test_password(void **state)
{
	struct rig r;
	rig_init(&r, "resp,token=sesame", SPORE__CODEC_PEER_CALLS);
	assert_int_equal(rig_feed_str(r.end, "get a\r\nping\r\nauth wrong\r\nauth default sesame\r\nping\r\n"),
	                 SPORE_OK);
	assert_string_equal(rig_said(&r), "");
	assert_string_equal(rig_out(&r, r.end),
	                    "-NOAUTH Authentication required.\r\n-NOAUTH Authentication required.\r\n"
	                    "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
	                    "+OK\r\n+PONG\r\n");
	rig_finish(&r);
}

static void test_connections_of_a_hub(void **state)
{
	struct rig r;
	client(&r);
	struct spore__codec_end *a = rig_accept(&r), *b = rig_accept(&r);
	assert_int_equal(rig_feed_str(a, "get 1\r\n"), SPORE_OK);
	assert_int_equal(rig_feed_str(b, "get 2\r\nsubscribe tick\r\n"), SPORE_OK);
	assert_string_equal(rig_said(&r), "request 0 get [\"1\"]\nrequest 1 get [\"2\"]\n");
	assert_int_equal(rig_answer(&r, 1, "2"), SPORE_OK);
	assert_int_equal(r.written, 1);
	assert_string_equal(rig_out(&r, b), ":2\r\n*3\r\n$9\r\nsubscribe\r\n$4\r\ntick\r\n:1\r\n");
	assert_int_equal(rig_encode(&r, SPORE__MODEL_NOTIFICATION, 0, "tick", "[7]"), SPORE_OK);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_NOTIFICATION, 0, "tock", "[7]"), SPORE_EUNSUPPORTED);
	assert_string_equal(rig_out(&r, b), "*3\r\n$7\r\nmessage\r\n$4\r\ntick\r\n:7\r\n");
	assert_string_equal(rig_out(&r, a), "");
	// A client that goes gives up its calls.
	spore__codec_destroy(a);
	assert_string_equal(rig_said(&r), "cancel 0\n");
	assert_int_equal(rig_answer(&r, 0, "1"), SPORE_ENOTFOUND);
	spore__codec_destroy(b);
	rig_finish(&r);
}

static void test_calls_a_server(void **state)
{
	struct rig r;
	rig_init(&r, "resp", SPORE__CODEC_PEER_SERVES);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 70, "get", "[\"k\",5,1.5,true]"), SPORE_OK);
	assert_string_equal(rig_out(&r, r.end), "*5\r\n$3\r\nget\r\n$1\r\nk\r\n$1\r\n5\r\n$3\r\n1.5\r\n$1\r\n1\r\n");
	assert_int_equal(rig_encode(&r, SPORE__MODEL_NOTIFICATION, 0, "x", "[]"), SPORE_OK);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 71, "y", "null"), SPORE_OK);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 72, "z", "[[1]]"), SPORE_EINVALID);
	assert_int_equal(rig_drip_str(r.end, "*2\r\n+a\r\n%1\r\n:1\r\n|1\r\n+x\r\n:9\r\n,2.5\r\n:1\r\n>2\r\n$"
	                                     "4\r\nnews\r\n_\r\n-ERR unknown command 'y'\r\n"),
	                 SPORE_OK);
	assert_string_equal(rig_said(&r), "response 70 [\"a\",{\"1\":2.5}]\nnotification news [null]\n"
	                                  "error 71 -32601 ERR unknown command 'y'\n");
	assert_int_equal(rig_feed_str(r.end, "+more\r\n"), SPORE_EMALFORMED);
	rig_finish(&r);
}

static void test_replies_are_bounded(void **state)
{
	struct rig r;
	rig_init(&r, "resp", SPORE__CODEC_PEER_SERVES);
	char deep[400] = "";
	for (int i = 0; i < 80; i++)
		strcat(deep, "*1\r\n");
	assert_int_equal(rig_feed(r.end, deep, strlen(deep), false), SPORE_ETOODEEP);
	rig_finish(&r);
	rig_init(&r, "resp", SPORE__CODEC_PEER_SERVES);
	assert_int_equal(rig_feed_str(r.end, "%4611686018427387904\r\n"), SPORE_ETOOBIG);
	rig_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_calls_in_order),
	    cmocka_unit_test(test_split_anywhere),
	    cmocka_unit_test(test_bytes_are_bytes),
	    cmocka_unit_test(test_types_of_replies),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_too_many_in_flight),
	    cmocka_unit_test(test_endless_pipeline),
	    cmocka_unit_test(test_arguments_that_are_json),
	    cmocka_unit_test(test_password),
	    cmocka_unit_test(test_connections_of_a_hub),
	    cmocka_unit_test(test_calls_a_server),
	    cmocka_unit_test(test_replies_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
