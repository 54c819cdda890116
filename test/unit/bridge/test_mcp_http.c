// mcp, mcp-http and json-rpc-http.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

static void post(struct spore__codec_end *e, const char *heads, const char *body)
{
	char text[2048];
	int len = snprintf(text, sizeof text,
	                   "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
	                   "%zu\r\n%s\r\n%s",
	                   strlen(body), heads, body);
	assert_int_equal(rig_feed(e, text, (size_t)len, false), SPORE_OK);
}

static const char both[] = "Accept: application/json, text/event-stream\r\n";

static void in_session(struct rig *r, struct spore__codec_end *e, const char *body)
{
	char heads[256];
	(void)snprintf(heads, sizeof heads, "%sMcp-Session-Id: %s\r\nMCP-Protocol-Version: 2025-11-25\r\n", both,
	               r->session);
	post(e, heads, body);
}

static void begin(struct rig *r, struct spore__codec_end *e)
{
	post(
	    e, both,
	    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\"}}");
	assert_string_equal(rig_said(r), "request 0 initialize {\"protocolVersion\":\"2025-11-25\"}\n");
	assert_int_equal(strlen(r->session), 32);
	assert_int_equal(rig_answer(r, 0, "{}"), SPORE_OK);
	char want[192];
	(void)snprintf(want, sizeof want, "Mcp-Session-Id: %s\r\n", r->session);
	const char *out = rig_out(r, e);
	assert_non_null(strstr(out, want));
	assert_non_null(strstr(out, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{}}"));
}

static void listen(struct rig *r, struct spore__codec_end *e, const char *more)
{
	char text[512];
	int len = snprintf(
	    text, sizeof text,
	    "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nMcp-Session-Id: %s\r\n%s\r\n",
	    r->session, more);
	assert_int_equal(rig_feed(e, text, (size_t)len, false), SPORE_OK);
}

static void test_a_session(void **state)
{
	struct rig r;
	rig_init(&r, "mcp-http", SPORE__CODEC_PEER_CALLS);
	struct spore__codec_end *a = rig_accept(&r), *b = rig_accept(&r);
	begin(&r, a);
	in_session(&r, a, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
	assert_non_null(strstr(rig_out(&r, a), "HTTP/1.1 202 "));
	assert_string_equal(rig_said(&r), "notification notifications/initialized []\n");
	// What the server asks before somebody listens is kept.
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 7, "roots/list", "{}"), SPORE_OK);
	listen(&r, b, "");
	assert_non_null(strstr(
	    rig_out(&r, b), "id: 0-1\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"roots/list\""));
	in_session(&r, a, "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"roots\":[]}}");
	assert_non_null(strstr(rig_out(&r, a), "HTTP/1.1 202 "));
	assert_string_equal(rig_said(&r), "response 7 {\"roots\":[]}\n");
	// Progress goes before the answer, on the same stream.
	in_session(&r, a,
	           "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/"
	           "call\",\"params\":{\"_meta\":{\"progressToken\":\"t\"}}}");
	assert_string_equal(rig_said(&r), "request 1 tools/call {\"_meta\":{\"progressToken\":\"t\"}}\n");
	assert_int_equal(rig_encode(&r, SPORE__MODEL_PROGRESS, 1, NULL, "{\"progress\":1,\"total\":2}"), SPORE_OK);
	assert_int_equal(rig_answer(&r, 1, "5"), SPORE_OK);
	const char *out = rig_out(&r, a);
	const char *progress = strstr(out, "{\"progressToken\":\"t\",\"progress\":1,\"total\":2}"),
	           *result = strstr(out, "\"id\":1,\"result\":5}");
	assert_true(progress != NULL && result != NULL && progress < result);
	assert_non_null(strstr(out, "Content-Type: text/event-stream\r\n"));
	assert_string_equal(out + strlen(out) - 5, "0\r\n\r\n");
	// It is given up by a notification, with the client's id.
	in_session(&r, a, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"x\"}");
	in_session(&r, b, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":2}}");
	assert_string_equal(rig_said(&r), "request 2 x []\ncancel 2\n");
	spore__codec_destroy(b);
	spore__codec_destroy(a);
	rig_finish(&r);
}

static void test_cancel_and_resume(void **state)
{
	struct rig r;
	rig_init(&r, "mcp-http", SPORE__CODEC_PEER_CALLS);
	struct spore__codec_end *a = rig_accept(&r), *b = rig_accept(&r);
	begin(&r, a);
	in_session(&r, a, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"x\"}");
	in_session(&r, b, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":2}}");
	assert_string_equal(rig_said(&r), "request 2 x []\ncancel 2\n");
	assert_int_equal(rig_fail(&r, 2, SPORE_ECANCELLED, "cancelled", NULL), SPORE_OK);
	assert_non_null(strstr(rig_out(&r, a), "\"id\":null,\"error\":{\"code\":-32800"));
	// A stream that breaks gives up nothing: it goes on elsewhere, from the event that was last seen.
	in_session(&r, a,
	           "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"y\",\"params\":{\"_meta\":{\"progressToken\":9}}}");
	assert_int_equal(rig_encode(&r, SPORE__MODEL_PROGRESS, 3, NULL, "1"), SPORE_OK);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_PROGRESS, 3, NULL, "2"), SPORE_OK);
	assert_non_null(strstr(rig_out(&r, a), "id: 3-2\n"));
	spore__codec_destroy(a);
	assert_string_equal(rig_said(&r), "request 3 y {\"_meta\":{\"progressToken\":9}}\n");
	assert_int_equal(rig_encode(&r, SPORE__MODEL_PROGRESS, 3, NULL, "3"), SPORE_OK);
	(void)rig_out(&r, b);
	listen(&r, b, "Last-Event-ID: 3-1\r\n");
	const char *out = rig_out(&r, b);
	assert_null(strstr(out, "id: 3-1\n"));
	assert_non_null(strstr(out, "id: 3-2\n"));
	assert_non_null(strstr(out, "id: 3-3\n"));
	assert_int_equal(rig_answer(&r, 3, "true"), SPORE_OK);
	assert_non_null(strstr(rig_out(&r, b), "\"id\":3,\"result\":true}"));
	spore__codec_destroy(b);
	rig_finish(&r);
}

static void test_ends(void **state)
{
	struct rig r;
	rig_init(&r, "mcp-http", SPORE__CODEC_PEER_CALLS);
	begin(&r, r.end);
	char text[256];
	int len = snprintf(text, sizeof text, "DELETE /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: %s\r\n\r\n",
	                   r.session);
	assert_int_equal(rig_feed(r.end, text, (size_t)len, false), SPORE_OK);
	assert_non_null(strstr(rig_out(&r, r.end), "HTTP/1.1 204 "));
	assert_string_equal(rig_said(&r), "session over\n");
	in_session(&r, r.end, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"x\"}");
	assert_non_null(strstr(rig_out(&r, r.end), "HTTP/1.1 404 "));
	(void)rig_said(&r);
	// A program that is gone ends its session; so does an hour without a word.
	begin(&r, r.end);
	in_session(&r, r.end, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"x\"}");
	assert_int_equal(rig_fail(&r, 2, SPORE_ECLOSED, "it ended", NULL), SPORE_OK);
	assert_string_equal(rig_said(&r), "request 2 x []\nsession over\n");
	(void)rig_out(&r, r.end);
	begin(&r, r.end);
	(void)r.end->ops->tick(r.end, 1);
	(void)r.end->ops->tick(r.end, 3600 * 1000 + 2);
	assert_string_equal(rig_said(&r), "session over\n");
	rig_finish(&r);
}

static void test_refuses(void **state)
{
	static const struct {
		const char *heads, *body;
		unsigned status;
	} cases[] = {
	    {"", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}", 400},
	    {"Mcp-Session-Id: 00112233445566778899aabbccddeeff\r\n", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}",
	     404},
	    {"Accept: text/html\r\n", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}", 406},
	    {"MCP-Protocol-Version: 1999-01-01\r\n", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}", 400},
	    {"", "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}]", 400},
	    {"", "{\"jsonrpc\"", 400},
	    {"", "", 400},
	    {"Origin: http://evil.example\r\n", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}", 403},
	    {"MCP-Protocol-Version: 2026-07-28\r\n", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}", 400},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rig r;
		unsigned status = 0;
		rig_init(&r, "mcp-http", SPORE__CODEC_PEER_CALLS);
		r.end->local = true;
		post(r.end, cases[i].heads, cases[i].body);
		const char *said = rig_said(&r);
		if (strncmp(said, "request", 7) == 0)
			fail_msg("taken: %s", cases[i].body);
		assert_int_equal(sscanf(rig_out(&r, r.end), "HTTP/1.1 %u", &status), 1);
		if (status != cases[i].status)
			fail_msg("%u: %s%s", status, cases[i].heads, cases[i].body);
		rig_finish(&r);
	}
}

#define META "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}"
#define MODERN "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: "

static void test_without_sessions(void **state)
{
	struct rig r;
	rig_init(&r, "mcp-http", SPORE__CODEC_PEER_CALLS);
	struct spore__codec_end *a = rig_accept(&r), *b = rig_accept(&r);
	char heads[512];
	(void)snprintf(heads, sizeof heads, "%s" MODERN "tools/call\r\nMcp-Name: =?base64?w6Q=?=\r\n", both);
	post(a, heads,
	     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"\xc3\xa4\"," META "}}");
	(void)snprintf(heads, sizeof heads, "%s" MODERN "tools/list\r\n", both);
	post(b, heads, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}");
	// Both chose the same id.

	assert_non_null(strstr(r.said.data, "request 1 tools/call {\"name\":\"\xc3\xa4\""));
	assert_non_null(strstr(r.said.data, "request 2 tools/list "));
	(void)rig_said(&r);
	assert_int_equal(rig_answer(&r, 2, "\"b\""), SPORE_OK);
	assert_non_null(strstr(rig_out(&r, b), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"b\"}"));
	// A connection that breaks gives up its call.
	spore__codec_destroy(a);
	assert_string_equal(rig_said(&r), "cancel 1\n");
	// What the head says has to be what the body says.
	(void)snprintf(heads, sizeof heads, "%s" MODERN "tools/call\r\n", both);
	post(b, heads, "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tools/list\",\"params\":{" META "}}");
	const char *out = rig_out(&r, b);
	assert_non_null(strstr(out, "HTTP/1.1 400 "));
	assert_non_null(strstr(out, "\"id\":4,\"error\":{\"code\":-32020,"));
	(void)snprintf(heads, sizeof heads, "%sMCP-Protocol-Version: 2027-01-01\r\nMcp-Method: x\r\n", both);
	post(b, heads, "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"x\"}");
	assert_non_null(strstr(
	    rig_out(&r, b),
	    "{\"code\":-32022,\"message\":\"Unsupported protocol version\",\"data\":{\"supported\":[\"2024-11-05\","));
	spore__codec_destroy(b);
	rig_finish(&r);
}

static void test_mcp_on_lines(void **state)
{
	struct rig r;
	rig_init(&r, "mcp", SPORE__CODEC_PEER_SERVES);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 5, "tools/call", "{\"_meta\":{\"progressToken\":\"t\"}}"),
	                 SPORE_OK);
	assert_string_equal(rig_out(&r, r.end), "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/"
	                                        "call\",\"params\":{\"_meta\":{\"progressToken\":\"t\"}}}\n");
	assert_int_equal(rig_feed_str(r.end, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
	                                     "progress\",\"params\":{\"progressToken\":\"t\",\"progress\":1}}"),
	                 SPORE_OK);
	assert_int_equal(rig_feed_str(r.end, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
	                                     "progress\",\"params\":{\"progressToken\":\"u\",\"progress\":1}}"),
	                 SPORE_OK);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_CANCEL, 5, NULL, NULL), SPORE_OK);
	assert_string_equal(
	    rig_out(&r, r.end),
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":5}}\n");
	// The server does not answer it any more.
	assert_int_equal(r.end->ops->tick(r.end, 1), INT64_MAX);
	assert_string_equal(rig_said(&r), "progress 5 {\"progressToken\":\"t\",\"progress\":1}\nnotification "
	                                  "notifications/progress {\"progressToken\":\"u\",\"progress\":1}\n"
	                                  "error 5 13 the call was cancelled\n");
	rig_finish(&r);
}

static void test_json_rpc_http(void **state)
{
	struct rig r;
	rig_init(&r, "json-rpc-http,path=/mcp", SPORE__CODEC_PEER_CALLS);
	struct spore__codec_end *a = rig_accept(&r), *b = rig_accept(&r);
	post(a, "", "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"m\",\"params\":[1]}");
	post(b, "",
	     "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"},{\"jsonrpc\":\"2.0\",\"method\":\"n\"},{\"jsonrpc\":\"2."
	     "0\",\"id\":2,\"method\":\"b\"}]");
	assert_string_equal(rig_said(&r), "request 0 m [1]\nrequest 1 a []\nnotification n []\nrequest 2 b []\n");
	assert_int_equal(rig_answer(&r, 2, "2"), SPORE_OK);
	assert_int_equal(rig_answer(&r, 0, "0"), SPORE_OK);
	assert_non_null(strstr(rig_out(&r, a), "\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":0}"));
	assert_string_equal(rig_out(&r, b), "");
	assert_int_equal(rig_fail(&r, 1, -32601, "no", NULL), SPORE_OK);
	assert_non_null(strstr(rig_out(&r, b), "[{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":2},{\"jsonrpc\":\"2.0\","
	                                       "\"id\":1,\"error\":{\"code\":-32601,\"message\":\"no\"}}]"));
	post(a, "", "{\"jsonrpc\":\"2.0\",\"method\":\"n\"}");
	assert_non_null(strstr(rig_out(&r, a), "HTTP/1.1 202 "));
	post(a, "", "{\"jsonrpc\"");
	const char *out = rig_out(&r, a);
	assert_non_null(strstr(out, "HTTP/1.1 400 "));
	assert_non_null(strstr(out, "\"id\":null,\"error\":{\"code\":-32700"));
	(void)rig_said(&r);
	post(a, "", "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}]");
	spore__codec_destroy(a);
	// A number that comes again is another.
	assert_string_equal(rig_said(&r), "request 65537 a []\ncancel 65537\n");
	spore__codec_destroy(b);
	rig_finish(&r);
}

static void test_json_rpc_http_client(void **state)
{
	struct rig r;
	rig_init(&r, "json-rpc-http,path=/rpc,token=t", SPORE__CODEC_PEER_SERVES);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 4, "m", "[1]"), SPORE_OK);
	const char *out = rig_out(&r, r.end);
	assert_non_null(strstr(out, "POST /rpc HTTP/1.1\r\n"));
	assert_non_null(strstr(out, "\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"m\",\"params\":[1]}"));
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 5, "m", "[1]"), SPORE_OK);
	assert_int_equal(
	    rig_drip_str(r.end,
	                 "HTTP/1.1 200 OK\r\nContent-Length: 36\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":[]}"),
	    SPORE_OK);
	assert_int_equal(rig_feed_str(r.end, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno"), SPORE_OK);
	assert_non_null(strstr(r.said.data, "response 4 []\n"));
	assert_non_null(strstr(r.said.data, "error 5 4 Bad Gateway\n"));
	rig_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_session),
	    cmocka_unit_test(test_cancel_and_resume),
	    cmocka_unit_test(test_ends),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_without_sessions),
	    cmocka_unit_test(test_mcp_on_lines),
	    cmocka_unit_test(test_json_rpc_http),
	    cmocka_unit_test(test_json_rpc_http_client),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
