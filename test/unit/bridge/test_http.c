#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

#define H "Host: localhost\r\n"

static void client(struct rig *r, const char *spec)
{
	rig_init(r, spec, SPORE__CODEC_PEER_CALLS);
	r->end->local = true;
}

static unsigned status(struct rig *r, struct spore__codec_end *e)
{
	unsigned s = 0;
	(void)sscanf(rig_out(r, e), "HTTP/1.1 %u", &s);
	return s;
}

static const char *body(struct rig *r, struct spore__codec_end *e)
{
	const char *text = rig_out(r, e);
	const char *end = strstr(text, "\r\n\r\n");
	return end == NULL ? text : end + 4;
}

static void test_a_call(void **state)
{
	struct rig r;
	client(&r, "http");
	assert_int_equal(rig_drip_str(r.end, "POST /a%20b/c HTTP/1.1\r\n" H "Content-Length: 7\r\n\r\n{\"x\":1}"),
	                 SPORE_OK);
	assert_string_equal(rig_said(&r), "request 0 a b/c {\"x\":1}\n");
	assert_int_equal(rig_answer(&r, 0, "[true]"), SPORE_OK);
	assert_string_equal(rig_out(&r, r.end),
	                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Content-Type-Options: nosniff\r\n"
	                    "Cache-Control: no-store\r\nContent-Length: 6\r\n\r\n[true]");
	assert_false(r.end->over);
	rig_finish(&r);
}

static void test_parameters_of_an_address(void **state)
{
	static const struct {
		const char *query, *said;
	} cases[] = {
	    {"", "request 0 m []\n"},
	    {"?a=1&b=x+y&c=%22q%22&d=&e=tru",
	     "request 0 m {\"a\":1,\"b\":\"x y\",\"c\":\"q\",\"d\":\"\",\"e\":\"tru\"}\n"},
	    {"?k&5", "request 0 m [\"k\",5]\n"},
	    {"?a=1&b", "refused: parameters with and without a name\n"},
	    {"?a=1&a=2", "refused: a parameter of the address is there twice, or its name is not UTF-8 with %XX\n"},
	    {"?a=%ff", "refused: a parameter of the address is not UTF-8 with %XX\n"},
	    {"?a=%0", "refused: a parameter of the address is not UTF-8 with %XX\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rig r;
		char text[256];
		client(&r, "http");
		int len = snprintf(text, sizeof text, "GET /m%s HTTP/1.1\r\n" H "\r\n", cases[i].query);
		assert_int_equal(rig_feed(r.end, text, (size_t)len, false), SPORE_OK);
		assert_string_equal(rig_said(&r), cases[i].said);
		rig_finish(&r);
	}
}

static void test_errors_have_a_status(void **state)
{
	static const struct {
		int64_t code;
		unsigned status;
	} cases[] = {{-32601, 404},        {-32602, 400}, {SPORE_EBUSY, 503}, {SPORE_ETIMEOUT, 504},
	             {SPORE_EDENIED, 403}, {1234, 500},   {-32000, 500}};
	struct rig r;
	client(&r, "http");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		unsigned id = 0;
		assert_int_equal(rig_feed_str(r.end, "GET /m HTTP/1.1\r\n" H "\r\n"), SPORE_OK);
		assert_int_equal(sscanf(rig_said(&r), "request %u", &id), 1);
		assert_int_equal(rig_fail(&r, id, cases[i].code, "no \"luck\"", "{\"at\":3}"), SPORE_OK);
		assert_int_equal(status(&r, r.end), cases[i].status);
		char want[128];
		(void)snprintf(want, sizeof want, "{\"code\":%lld,\"message\":\"no \\\"luck\\\"\",\"data\":{\"at\":3}}",
		               (long long)cases[i].code);
		assert_non_null(strstr(r.place.data, want));
	}
	rig_finish(&r);
}

static void test_pipelined_in_order(void **state)
{
	struct rig r;
	client(&r, "http");
	assert_int_equal(rig_feed_str(r.end, "GET /a HTTP/1.1\r\n" H "\r\nPOST /b HTTP/1.1\r\n" H
	                                     "Transfer-Encoding: chunked\r\n\r\n"
	                                     "3;x=y\r\n[1,\r\n2\r\n2]\r\n0\r\nTrailer: x\r\n\r\nHEAD /c HTTP/1.1\r\n" H
	                                     "\r\n"),
	                 SPORE_OK);
	assert_string_equal(rig_said(&r), "request 0 a []\nrequest 1 b [1,2]\nrequest 2 c []\n");
	assert_int_equal(rig_answer(&r, 2, "\"three\""), SPORE_OK);
	assert_int_equal(rig_answer(&r, 1, "\"two\""), SPORE_OK);
	assert_string_equal(rig_out(&r, r.end), "");
	assert_int_equal(rig_answer(&r, 0, "\"one\""), SPORE_OK);
	const char *out = rig_out(&r, r.end);
	const char *one = strstr(out, "\"one\""), *two = strstr(out, "\"two\"");
	assert_true(one != NULL && two != NULL && one < two);
	assert_null(strstr(out, "\"three\"")); // the body of an answer to HEAD is not sent
	assert_non_null(strstr(two, "Content-Length: 7\r\n"));
	rig_finish(&r);
}

static void test_messagepack(void **state)
{
	struct rig r;
	client(&r, "http");
	assert_int_equal(rig_feed_str(r.end,
	                              "POST /m HTTP/1.1\r\n" H
	                              "Content-Type: application/msgpack\r\nContent-Length: 4\r\n\r\n\x93\x01\xc4\x00"),
	                 SPORE_OK);
	assert_non_null(strstr(rig_said(&r), "refused: the body is not one value of MessagePack"));
	assert_int_equal(status(&r, r.end), 400);
	assert_int_equal(rig_feed_str(r.end,
	                              "POST /m HTTP/1.1\r\n" H
	                              "Content-Type: application/msgpack\r\nContent-Length: 4\r\n\r\n\x92\x01\xc4\x00"),
	                 SPORE_OK);
	assert_non_null(strstr(rig_said(&r), "request 0 m [1,\"\"] (bytes)"));
	assert_int_equal(rig_answer(&r, 0, "5"), SPORE_OK);
	assert_string_equal(body(&r, r.end), "\x05");
	assert_int_equal(
	    rig_feed_str(r.end, "POST /m HTTP/1.1\r\n" H "Content-Type: image/png\r\nContent-Length: 1\r\n\r\nx"),
	    SPORE_OK);
	assert_int_equal(status(&r, r.end), 415);
	rig_finish(&r);
}

static void test_notification_and_deadline(void **state)
{
	struct rig r;
	client(&r, "http");
	assert_int_equal(
	    rig_feed_str(r.end, "POST /n HTTP/1.1\r\n" H "Prefer: respond-async\r\nContent-Length: 2\r\n\r\n[]"),
	    SPORE_OK);
	assert_int_equal(status(&r, r.end), 202);
	assert_int_equal(rig_feed_str(r.end, "GET /m HTTP/1.1\r\n" H "Prefer: wait=3\r\n\r\n"), SPORE_OK);
	assert_string_equal(rig_said(&r), "notification n []\nrequest 0 m [] within 3000 ms\n");
	rig_finish(&r);
}

static void test_stream_of_a_call(void **state)
{
	struct rig r;
	client(&r, "http");
	assert_int_equal(rig_feed_str(r.end, "GET /m HTTP/1.1\r\n" H "Accept: text/event-stream\r\n\r\n"), SPORE_OK);
	(void)rig_out(&r, r.end);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_PROGRESS, 0, NULL, "0.5"), SPORE_OK);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_ITEM, 0, NULL, "{\"a\":\"\\n\"}"), SPORE_OK);
	assert_int_equal(rig_answer(&r, 0, "1"), SPORE_OK);
	assert_string_equal(rig_out(&r, r.end),
	                    "1b\r\nevent: progress\ndata: 0.5\n\n\r\n1e\r\nevent: item\ndata: {\"a\":\"\\n\"}\n\n\r\n"
	                    "17\r\nevent: result\ndata: 1\n\n\r\n0\r\n\r\n");
	rig_finish(&r);
}

static void test_parts_are_gathered(void **state)
{
	struct rig r;
	client(&r, "http");
	assert_int_equal(rig_feed_str(r.end, "GET /m HTTP/1.1\r\n" H "\r\n"), SPORE_OK);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_ITEM, 0, NULL, "1"), SPORE_OK);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_ITEM, 0, NULL, "[2]"), SPORE_OK);
	assert_int_equal(rig_answer(&r, 0, "null"), SPORE_OK);
	assert_string_equal(body(&r, r.end), "[1,[2]]");
	rig_finish(&r);
}

static void test_events(void **state)
{
	struct rig r;
	client(&r, "http");
	struct spore__codec_end *a = rig_accept(&r), *b = rig_accept(&r);
	assert_int_equal(rig_feed_str(a, "GET /$events HTTP/1.1\r\n" H "\r\n"), SPORE_OK);
	assert_int_equal(rig_feed_str(b, "POST /m HTTP/1.1\r\n" H "\r\n"), SPORE_OK);
	(void)rig_out(&r, a);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_NOTIFICATION, 0, "tick\nevent: x", "[1]"), SPORE_OK);
	assert_string_equal(rig_out(&r, a), "20\r\nevent: tick event: x\ndata: [1]\n\n\r\n");
	assert_string_equal(rig_out(&r, b), "");
	// A stream shows that it lives.
	assert_true(a->ops->tick(a, 1000) < INT64_MAX);
	(void)a->ops->tick(a, 1000 + 60000);
	assert_string_equal(rig_out(&r, a), "3\r\n:\n\n\r\n");
	assert_int_equal(r.written, 1);
	spore__codec_destroy(a);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_NOTIFICATION, 0, "t", "[1]"), SPORE_EUNSUPPORTED);
	(void)rig_said(&r);
	spore__codec_destroy(b);
	assert_string_equal(rig_said(&r), "cancel 0\n");
	assert_int_equal(rig_answer(&r, 0, "1"), SPORE_ENOTFOUND);
	rig_finish(&r);
}

static void test_refuses(void **state)
{
	static const struct {
		const char *text;
		unsigned status;
		bool over;
	} cases[] = {
	    {"POST /m HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, true},
	    {"POST /m HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400, true},
	    {"POST /m HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, true},
	    {"POST /m HTTP/1.1\r\n" H "Content-Length : 1\r\n\r\n", 400, true},
	    {"POST /m HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\n", 400, true},
	    {"POST /m HTTP/1.1\r\n" H "Content-Length: 1,1\r\n\r\n", 400, true},
	    {"POST /m HTTP/1.1\r\n" H " Folded: 1\r\n\r\n", 400, true},
	    {"POST /m HTTP/1.1\r\n" H "A: b\rC: d\r\n\r\n", 400, true},
	    {"POST /m HTTP/1.1\nHost: localhost\n\n", 400, true},
	    {"POST /m HTTP/1.1\r\n" H "A: b\nC: d\r\n\r\n", 400, true},
	    {"POST /m HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", 501, true},
	    {"POST /m HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n", 501, true},
	    {"POST /m HTTP/1.1\r\n" H "Transfer-Encoding: \x0b"
	     "chunked\r\n\r\n",
	     400, true},
	    {"POST /m HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n", 400, true},
	    {"POST /m HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1\r\naXX0\r\n\r\n", 400, true},
	    {"POST /m HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", 400, true},
	    {"POST /m HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n 1\r\na\r\n0\r\n\r\n", 400, true},
	    {"POST /m HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400, true},
	    {"POST /m HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 413, true},
	    {"POST /m HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nfffffffffff\r\n", 0, false},
	    {"POST /m HTTP/1.1\r\n" H "Content-Length: 99999999999\r\n\r\n", 413, true},
	    {"POST /m HTTP/2.0\r\n" H "\r\n", 400, true},
	    {"FETCH /m HTTP/1.1\r\n" H "\r\n", 501, true},
	    {"GET /m\r\n\r\n", 400, true},
	    {"\x16\x03\x01\x02\r\n\r\n", 400, true},
	    {"PUT /m HTTP/1.1\r\n" H "\r\n", 405, false},
	    {"GET / HTTP/1.1\r\n" H "\r\n", 404, false},
	    {"GET /m HTTP/1.1\r\n\r\n", 400, false},
	    {"GET /m HTTP/1.1\r\n" H H "\r\n", 400, false},
	    {"GET /m HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, false},
	    {"GET /m HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 403, false},
	    {"GET /m HTTP/1.1\r\nHost: localhost.evil\r\n\r\n", 403, false},
	    {"GET /m HTTP/1.1\r\n" H "Origin: http://evil.example\r\n\r\n", 403, false},
	    {"GET /m HTTP/1.1\r\n" H "Origin: null\r\n\r\n", 403, false},
	    {"GET /m HTTP/1.1\r\n" H "Expect: a miracle\r\n\r\n", 417, false},
	    {"GET /m%00 HTTP/1.1\r\n" H "\r\n", 400, false},
	    {"GET /%ff HTTP/1.1\r\n" H "\r\n", 400, false},
	    {"GET /m#x HTTP/1.1\r\n" H "\r\n", 400, false},
	    {"CONNECT localhost:80 HTTP/1.1\r\n" H "\r\n", 400, false},
	    {"POST /m HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\n{x}", 400, false},
	    {"POST /m HTTP/1.1\r\n" H "Content-Length: 1\r\nOrigin: http://evil.example\r\n\r\n1", 403, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (int slowly = 0; slowly < 2; slowly++) {
			struct rig r;
			client(&r, "http");
			(void)rig_feed(r.end, cases[i].text, strlen(cases[i].text), slowly);
			const char *said = rig_said(&r);
			if (strncmp(said, "request", 7) == 0)
				fail_msg("taken: %s", cases[i].text);
			unsigned s = status(&r, r.end);
			if (s != cases[i].status || r.end->over != cases[i].over)
				fail_msg("%u %d: %s", s, r.end->over, cases[i].text);
			rig_finish(&r);
		}
	}
}

static void test_hosts_and_origins(void **state)
{
	static const char *const good[] = {
	    "Host: localhost:8080\r\n", "Host: 127.0.0.1:1\r\n",
	    "Host: [::1]:80\r\n",       "Host: app.localhost\r\n",
	    "Host: example.org:81\r\n", "Host: localhost:8080\r\nOrigin: http://localhost:8080\r\n",
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct rig r;
		char text[256];
		client(&r, "http,host=example.org");
		int len = snprintf(text, sizeof text, "GET /m HTTP/1.1\r\n%s\r\n", good[i]);
		assert_int_equal(rig_feed(r.end, text, (size_t)len, false), SPORE_OK);
		assert_string_equal(rig_said(&r), "request 0 m []\n");
		rig_finish(&r);
	}
}

static void test_token(void **state)
{
	struct rig r;
	client(&r, "http,token=sesame");
	assert_int_equal(rig_feed_str(r.end, "GET /m HTTP/1.1\r\n" H "\r\n"), SPORE_OK);
	assert_non_null(strstr(rig_out(&r, r.end), "WWW-Authenticate: Bearer\r\n"));
	assert_int_equal(rig_feed_str(r.end, "GET /m HTTP/1.1\r\n" H "Authorization: Bearer sesamE\r\n\r\n"), SPORE_OK);
	assert_int_equal(status(&r, r.end), 401);
	assert_int_equal(rig_feed_str(r.end, "GET /m HTTP/1.1\r\n" H "Authorization: Bearer \r\n\r\n"), SPORE_OK);
	assert_int_equal(status(&r, r.end), 401);
	assert_string_equal(rig_said(&r), "");
	assert_int_equal(rig_feed_str(r.end, "GET /m HTTP/1.1\r\n" H "Authorization: bearer sesame\r\n\r\n"), SPORE_OK);
	assert_int_equal(rig_feed_str(r.end, "GET /m?a=1&access_token=sesame HTTP/1.1\r\n" H "\r\n"), SPORE_OK);
	assert_string_equal(rig_said(&r), "request 0 m []\nrequest 1 m {\"a\":1}\n");
	rig_finish(&r);
}

static void test_other_origins(void **state)
{
	struct rig r;
	client(&r, "http,cors=http://a.example,token=t");
	assert_int_equal(rig_feed_str(r.end, "OPTIONS /m HTTP/1.1\r\n" H
	                                     "Origin: http://a.example\r\nAccess-Control-Request-Method: POST\r\n\r\n"),
	                 SPORE_OK);
	const char *out = rig_out(&r, r.end);
	assert_non_null(strstr(out, "HTTP/1.1 204 "));
	assert_non_null(strstr(out, "Access-Control-Allow-Origin: http://a.example\r\n"));
	assert_non_null(strstr(out, "Access-Control-Allow-Headers: Accept, Authorization, Content-Type"));
	assert_int_equal(rig_feed_str(r.end, "OPTIONS /m HTTP/1.1\r\n" H
	                                     "Origin: http://b.example\r\nAccess-Control-Request-Method: POST\r\n\r\n"),
	                 SPORE_OK);
	assert_int_equal(status(&r, r.end), 403);
	// What is refused is readable for the page that may call.
	assert_int_equal(rig_feed_str(r.end, "GET /m HTTP/1.1\r\n" H "Origin: http://a.example\r\n\r\n"), SPORE_OK);
	out = rig_out(&r, r.end);
	assert_non_null(strstr(out, "HTTP/1.1 401 "));
	assert_non_null(strstr(out, "Access-Control-Allow-Origin: http://a.example\r\n"));
	rig_finish(&r);
}

static void test_expect_continue_and_close(void **state)
{
	struct rig r;
	client(&r, "http");
	assert_int_equal(rig_feed_str(r.end, "POST /m HTTP/1.1\r\n" H
	                                     "Expect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"),
	                 SPORE_OK);
	assert_string_equal(rig_out(&r, r.end), "HTTP/1.1 100 Continue\r\n\r\n");
	assert_int_equal(rig_feed_str(r.end, "[]"), SPORE_OK);
	assert_int_equal(rig_answer(&r, 0, "1"), SPORE_OK);
	assert_non_null(strstr(rig_out(&r, r.end), "Connection: close\r\n"));
	assert_true(r.end->over);
	rig_finish(&r);
}

static void test_slow_ones_are_cut_off(void **state)
{
	struct rig r;
	client(&r, "http");
	const struct spore__codec_ops *ops = r.end->ops;
	assert_int_equal(ops->tick(r.end, 0), 75000);
	assert_int_equal(rig_drip_str(r.end, "GET /m HT"), SPORE_OK);
	assert_int_equal(ops->tick(r.end, 1000), 11000);
	assert_int_equal(ops->tick(r.end, 10999), 11000);
	assert_false(r.end->over);
	(void)ops->tick(r.end, 11000);
	assert_int_equal(status(&r, r.end), 408);
	assert_true(r.end->over);
	rig_finish(&r);
	client(&r, "http");
	assert_int_equal(rig_feed_str(r.end, "POST /m HTTP/1.1\r\n" H "Content-Length: 9\r\n\r\n1"), SPORE_OK);
	(void)ops->tick(r.end, 0);
	(void)ops->tick(r.end, 31000);
	assert_int_equal(status(&r, r.end), 408);
	rig_finish(&r);
	client(&r, "http");
	(void)ops->tick(r.end, 0);
	(void)ops->tick(r.end, 76000);
	assert_true(r.end->over);
	rig_finish(&r);
}

static void test_limits(void **state)
{
	struct rig r;
	client(&r, "http");
	r.limits.head = 256;
	r.limits.heads = 3;
	assert_int_equal(rig_feed_str(r.end, "GET /m HTTP/1.1\r\n" H "A: 1\r\nB: 2\r\nC: 3\r\n\r\n"), SPORE_ETOOBIG);
	assert_int_equal(status(&r, r.end), 431);
	rig_finish(&r);
	client(&r, "http");
	r.limits.head = 64;
	char path[200];
	memset(path, 'a', sizeof path);
	memcpy(path, "GET /", 5);
	assert_int_equal(rig_feed(r.end, path, sizeof path, true), SPORE_ETOOBIG);
	assert_int_equal(status(&r, r.end), 414);
	rig_finish(&r);
	client(&r, "http");
	r.limits.in_flight = 2;
	assert_int_equal(
	    rig_feed_str(r.end, "GET /a HTTP/1.1\r\n" H "\r\nGET /b HTTP/1.1\r\n" H "\r\nGET /c HTTP/1.1\r\n" H "\r\n"),
	    SPORE_OK);
	assert_string_equal(rig_said(&r), "request 0 a []\nrequest 1 b []\n");
	// What comes behind it is not even looked at.
	assert_int_equal(rig_feed_str(r.end, "GET /d HTTP/1.1\r\n" H "\r\n"), SPORE_OK);
	assert_string_equal(rig_said(&r), "");
	assert_int_equal(rig_answer(&r, 0, "1"), SPORE_OK);
	assert_int_equal(rig_answer(&r, 1, "1"), SPORE_OK);
	assert_non_null(strstr(rig_out(&r, r.end), "HTTP/1.1 503 "));
	assert_true(r.end->over);
	rig_finish(&r);
}

static void test_calls_a_server(void **state)
{
	struct rig r;
	rig_init(&r, "http,host=h:1,token=t,prefix=/api", SPORE__CODEC_PEER_SERVES);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 9, "a b/c", "[1]"), SPORE_OK);
	assert_string_equal(rig_out(&r, r.end), "POST /api/a%20b/c HTTP/1.1\r\nHost: h:1\r\nAuthorization: Bearer "
	                                        "t\r\nAccept: application/json, text/event-stream\r\n"
	                                        "Content-Type: application/json\r\nContent-Length: 3\r\n\r\n[1]");
	assert_int_equal(rig_encode(&r, SPORE__MODEL_NOTIFICATION, 0, "n", "[1]"), SPORE_OK);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 10, "x", "[1]"), SPORE_OK);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 11, "y", "[1]"), SPORE_OK);
	assert_int_equal(
	    rig_drip_str(
	        r.end,
	        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
	        "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
	        "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: "
	        "34\r\n\r\n{\"code\":-32601,\"message\":\"no one\"}"),
	    SPORE_OK);
	(void)rig_feed_str(r.end,
	                   "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n<p>");
	assert_int_equal(r.end->ops->end(r.end), SPORE_OK);
	assert_string_equal(rig_said(&r), "response 9 {}\nerror 10 -32601 no one\nerror 11 4 Bad Gateway \"<p>\"\n");
	assert_true(r.end->over);
	rig_finish(&r);
}

static void test_events_of_a_server(void **state)
{
	// Split anywhere, with every end of a line, a mark before the first, comments, and data on several lines.
	static const char *const streams[] = {
	    ":\n\nevent: progress\ndata: 0.5\n\nevent: item\ndata: [1,\ndata: 2]\n\nevent: result\ndata: null\n\n",
	    "\xef\xbb\xbf"
	    "event:progress\r\ndata:0.5\r\n\r\nid\r\nevent: item\r\ndata: [1,\r\ndata:2]\r\n\r\nretry: "
	    "5\r\ndata: null\r\nevent: result\r\n\r\ndata: behind\r\n\r\n",
	    "event: progress\rdata: 0.5\r\revent: item\rdata: [1,2]\r\revent: result\rdata: null\r\r",
	};
	for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
		for (int slowly = 0; slowly < 2; slowly++) {
			struct rig r;
			char text[512];
			rig_init(&r, "http", SPORE__CODEC_PEER_SERVES);
			assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 1, "x", "[]"), SPORE_OK);
			int len = snprintf(
			    text, sizeof text,
			    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: "
			    "chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\n",
			    strlen(streams[i]), streams[i]);
			assert_int_equal(rig_feed(r.end, text, (size_t)len, slowly != 0), SPORE_OK);
			assert_string_equal(rig_said(&r), "progress 1 0.5\nitem 1 [1,2]\nresponse 1 null\n");
			rig_finish(&r);
		}
}

static void answer_events(struct rig *r, const char *events)
{
	char text[512];
	int len = snprintf(text, sizeof text,
	                   "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %zu\r\n\r\n%s",
	                   strlen(events), events);
	assert_int_equal(rig_feed(r->end, text, (size_t)len, false), SPORE_OK);
}

static void test_streams_of_others(void **state)
{
	struct rig r;
	char large[128];
	rig_init(&r, "http", SPORE__CODEC_PEER_SERVES);
	r.limits.message = 64;
	// Unknown events are parts, a stream that ends is a result.
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 1, "x", "[]"), SPORE_OK);
	answer_events(&r, "data: word\n\nevent: x\ndata: 2\n\n");
	assert_string_equal(rig_said(&r), "item 1 \"word\"\nitem 1 2\nresponse 1 null\n");
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 2, "x", "[]"), SPORE_OK);
	answer_events(&r, "event: error\ndata: {\"code\":-5,\"message\":\"as said\"}\n\n");
	assert_string_equal(rig_said(&r), "error 2 -5 as said\n");
	// One that is too large fails its call; the next is answered.
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 3, "x", "[]"), SPORE_OK);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 4, "x", "[]"), SPORE_OK);
	(void)snprintf(large, sizeof large, "data: %094d", 0);
	answer_events(&r, large);
	assert_int_equal(rig_feed_str(r.end, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n4"), SPORE_OK);
	assert_string_equal(rig_said(&r), "error 3 5 an event is larger than a message may be\nresponse 4 4\n");
	rig_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_call),
	    cmocka_unit_test(test_parameters_of_an_address),
	    cmocka_unit_test(test_errors_have_a_status),
	    cmocka_unit_test(test_pipelined_in_order),
	    cmocka_unit_test(test_messagepack),
	    cmocka_unit_test(test_notification_and_deadline),
	    cmocka_unit_test(test_stream_of_a_call),
	    cmocka_unit_test(test_parts_are_gathered),
	    cmocka_unit_test(test_events),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_hosts_and_origins),
	    cmocka_unit_test(test_token),
	    cmocka_unit_test(test_other_origins),
	    cmocka_unit_test(test_expect_continue_and_close),
	    cmocka_unit_test(test_slow_ones_are_cut_off),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_calls_a_server),
	    cmocka_unit_test(test_events_of_a_server),
	    cmocka_unit_test(test_streams_of_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
