// mcp, mcp-http and json-rpc-http.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "msgpack.h"
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
	                                        "call\",\"params\":{\"_meta\":{\"progressToken\":5}}}\n");
	assert_int_equal(rig_feed_str(r.end, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
	                                     "progress\",\"params\":{\"progressToken\":5,\"progress\":1}}"),
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
	assert_string_equal(rig_said(&r), "progress 5 {\"progressToken\":5,\"progress\":1}\nnotification "
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

// ---- towards a server

static void client_init(struct rig *r)
{
	rig_init(r, "mcp-http,token=t,host=there", SPORE__CODEC_PEER_SERVES);
	r->end->connects = true;
	(void)r->end->ops->tick(r->end, 1000);
}

// One of the connections that it wants.
static struct spore__codec_end *wanted_at(struct rig *r, int64_t now)
{
	assert_in_range(r->end->wants, 1, 64);
	r->end->wants--;
	struct spore__codec_end *e = rig_accept(r);
	(void)e->ops->tick(e, now);
	return e;
}

static struct spore__codec_end *wanted(struct rig *r)
{
	return wanted_at(r, 1000);
}

static void answer_with(struct spore__codec_end *e, const char *head, const char *type, const char *body)
{
	char text[1024];
	int len = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", head,
	                   type, strlen(body), body);
	assert_int_equal(rig_feed(e, text, (size_t)len, false), SPORE_OK);
}

static const char json[] = "application/json", events[] = "text/event-stream";

static void sees(struct rig *r, struct spore__codec_end *e, const char *const parts[])
{
	const char *out = rig_out(r, e);
	for (size_t i = 0; parts[i] != NULL; i++)
		if (strstr(out, parts[i]) == NULL)
			fail_msg("%s is not in %s", parts[i], out);
}

// `initialize` and what is behind it; the connection that did it.
static struct spore__codec_end *opened(struct rig *r, const char *session)
{
	char head[128];
	assert_int_equal(rig_encode(r, SPORE__MODEL_REQUEST, 1, "initialize", "{}"), SPORE_OK);
	// What is behind it waits.
	assert_int_equal(rig_encode(r, SPORE__MODEL_NOTIFICATION, 0, "notifications/initialized", "{}"), SPORE_OK);
	assert_int_equal(r->end->wants, 1);
	struct spore__codec_end *e = wanted(r);
	const char *const asked[] = {"POST /mcp HTTP/1.1\r\nHost: there\r\nAuthorization: Bearer t\r\n",
	                             "Accept: application/json, text/event-stream\r\n",
	                             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{}}", NULL};
	sees(r, e, asked);
	(void)snprintf(head, sizeof head, "200 OK\r\nMcp-Session-Id: %s", session);
	answer_with(e, head, json, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-11-25\"}}");
	assert_string_equal(rig_said(r), "response 1 {\"protocolVersion\":\"2025-11-25\"}\n");
	(void)snprintf(head, sizeof head, "Mcp-Session-Id: %s\r\nMCP-Protocol-Version: 2025-11-25\r\n", session);
	const char *const told[] = {head, "notifications/initialized", NULL};
	sees(r, e, told);
	answer_with(e, "202 Accepted", json, "");
	return e;
}

static void test_calls_a_server(void **state)
{
	struct rig r;
	client_init(&r);
	struct spore__codec_end *listener = opened(&r, "s1");
	const char *const listens[] = {"GET /mcp HTTP/1.1\r\n", "Mcp-Session-Id: s1\r\n",
	                               "Accept: text/event-stream\r\n", NULL};
	sees(&r, listener, listens);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 2, "tools/call", "{\"_meta\":{\"progressToken\":\"a\"}}"),
	                 SPORE_OK);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 3, "tools/call", "{\"_meta\":{\"progressToken\":\"a\"}}"),
	                 SPORE_OK);
	assert_int_equal(r.end->wants, 2);
	struct spore__codec_end *a = wanted(&r), *b = wanted(&r);
	// Each has its own token, and the answers come as they like.
	const char *const tokens[] = {"\"id\":3,", "{\"progressToken\":3}", NULL};
	(void)rig_out(&r, a);
	sees(&r, b, tokens);
	answer_with(b, "200 OK", events,
	            "id: x-1\ndata:\n\ndata: "
	            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
	            "progress\",\"params\":{\"progressToken\":3,\"progress\":1}}\n\n"
	            "data: {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":\"b\"}\n\n");
	assert_string_equal(rig_said(&r), "progress 3 {\"progressToken\":3,\"progress\":1}\nresponse 3 \"b\"\n");
	// It asks by itself; the answer goes beside the call that waits for it.
	static const char event[] = "data: {\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"roots/list\"}\n\n";
	char text[512];
	int len = snprintf(
	    text, sizeof text,
	    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n",
	    sizeof event - 1, event);
	assert_int_equal(rig_feed(a, text, (size_t)len, false), SPORE_OK);
	assert_string_equal(rig_said(&r), "request \"q\" roots/list []\n");
	struct spore__msgpack_writer id = {0};
	spore__msgpack_str(&id, "q");
	struct spore__model m = {.kind = SPORE__MODEL_RESPONSE,
	                         .id = {id.data, id.len},
	                         .value = {(const unsigned char *)"\x80", 1},
	                         .remaining_ms = -1};
	assert_int_equal(r.end->ops->encode(r.end, &m), SPORE_OK);
	spore__msgpack_writer_finish(&id);
	const char *const answered[] = {"{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"result\":{}}", NULL};
	sees(&r, b, answered);
	answer_with(b, "202 Accepted", json, "");
	// An error of HTTP with one of JSON-RPC in it.
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 4, "x", "{}"), SPORE_OK);
	answer_with(b, "400 Bad Request", json,
	            "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32602,\"message\":\"not so\"}}");
	assert_string_equal(rig_said(&r), "error 4 -32602 not so\n");
	// At the end the server hears of it.
	assert_int_equal(r.end->ops->end(r.end), SPORE_OK);
	const char *const ends[] = {"DELETE /mcp HTTP/1.1\r\n", "Mcp-Session-Id: s1\r\n", NULL};
	sees(&r, b, ends);
	assert_false(r.end->over);
	answer_with(b, "200 OK", json, "");
	assert_true(r.end->over);
	spore__codec_destroy(a);
	spore__codec_destroy(b);
	spore__codec_destroy(listener);
	rig_finish(&r);
}

static void test_client_resumes(void **state)
{
	struct rig r;
	client_init(&r);
	struct spore__codec_end *listener = opened(&r, "s1");
	(void)rig_out(&r, listener);
	// Nothing is heard at that address: it is not asked again.
	answer_with(listener, "405 Method Not Allowed", json, "");
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 2, "x", "{}"), SPORE_OK);
	(void)rig_out(&r, listener);
	answer_with(listener, "200 OK", events, "id: x-7\nretry: 500\ndata:\n\n");
	assert_string_equal(rig_said(&r), "");
	(void)r.end->ops->tick(r.end, 1499);
	assert_string_equal(rig_out(&r, listener), "");
	(void)r.end->ops->tick(r.end, 1500);
	const char *const again[] = {"GET /mcp HTTP/1.1\r\n", "Last-Event-ID: x-7\r\n", NULL};
	sees(&r, listener, again);
	// So it does on another connection when that one breaks.
	spore__codec_destroy(listener);
	assert_string_equal(rig_said(&r), "");
	(void)r.end->ops->tick(r.end, 60000);
	struct spore__codec_end *other = wanted_at(&r, 60000);
	sees(&r, other, again);
	answer_with(other, "200 OK", events, "id: x-8\ndata: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"late\"}\n\n");
	assert_string_equal(rig_said(&r), "response 2 \"late\"\n");
	// A stream that has no numbers is over when it breaks, and so is a call of which nothing came. It is not asked twice.
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 3, "x", "{}"), SPORE_OK);
	(void)rig_out(&r, other);
	answer_with(other, "200 OK", events, ": nothing\n\n");
	assert_string_equal(rig_said(&r), "error 3 4 the server ended its answer before the result\n");
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 4, "x", "{}"), SPORE_OK);
	spore__codec_destroy(other);
	assert_string_equal(rig_said(&r), "error 4 4 the connection ended before the answer\n");
	// Nobody is there.
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 5, "x", "{}"), SPORE_OK);
	spore__codec_destroy(wanted(&r));
	assert_string_equal(rig_said(&r), "error 5 4 the server cannot be reached, or has ended the connection\n");
	assert_int_equal(r.end->wants, 0);
	rig_finish(&r);
}

static void test_client_begins_again(void **state)
{
	struct rig r;
	client_init(&r);
	struct spore__codec_end *e = opened(&r, "s1");
	(void)rig_out(&r, e);
	answer_with(e, "405 Method Not Allowed", json, "");
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 2, "x", "{}"), SPORE_OK);
	(void)rig_out(&r, e);
	answer_with(e, "404 Not Found", json,
	            "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32001,\"message\":\"no session\"}}");
	const char *out = rig_out(&r, e);
	assert_non_null(strstr(out, "\"method\":\"initialize\""));
	assert_null(strstr(out, "Mcp-Session-Id"));
	answer_with(e, "200 OK\r\nMcp-Session-Id: s2", events,
	            "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n");
	const char *const told[] = {"notifications/initialized", "Mcp-Session-Id: s2\r\n", NULL};
	sees(&r, e, told);
	answer_with(e, "202 Accepted", json, "");
	const char *const asked[] = {"\"method\":\"x\"", "Mcp-Session-Id: s2\r\n", NULL};
	sees(&r, e, asked);
	answer_with(e, "200 OK", json, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"good\"}");
	assert_string_equal(rig_said(&r), "response 2 \"good\"\n");
	// Once for each call.
	(void)rig_out(&r, e);
	answer_with(e, "405 Method Not Allowed", json, "");
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 3, "x", "{}"), SPORE_OK);
	(void)rig_out(&r, e);
	answer_with(e, "404 Not Found", json, "");
	(void)rig_out(&r, e);
	answer_with(e, "500 Internal Server Error", json, "");
	assert_string_equal(rig_said(&r), "error 3 4 the server has forgotten the session, and began no other\n");
	spore__codec_destroy(e);
	rig_finish(&r);
}

static void test_client_without_sessions(void **state)
{
	struct rig r;
	client_init(&r);
	assert_int_equal(rig_encode(&r, SPORE__MODEL_REQUEST, 1, "tools/call", "{\"name\":\"\xc3\xa4\"," META "}"),
	                 SPORE_OK);
	struct spore__codec_end *a = wanted(&r);
	const char *const asked[] = {
	    "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: =?base64?w6Q=?=\r\n", NULL};
	sees(&r, a, asked);
	// It is given up by the end of its connection.
	assert_int_equal(rig_encode(&r, SPORE__MODEL_CANCEL, 1, NULL, NULL), SPORE_OK);
	(void)a->ops->tick(a, 1000);
	assert_true(a->over);
	assert_string_equal(rig_out(&r, a), "");
	(void)r.end->ops->tick(r.end, 1000);
	spore__codec_destroy(a);
	assert_string_equal(rig_said(&r), "error 1 13 the call was cancelled\n");
	rig_finish(&r);
}

// What is notified of a subscription is of the request that began it, whatever the ids on the way.
static void test_subscriptions(void **state)
{
	struct rig r, s;
	rig_init(&r, "mcp", SPORE__CODEC_PEER_SERVES);
	rig_init(&s, "mcp-http", SPORE__CODEC_PEER_CALLS);
	struct spore__codec_end *a = rig_accept(&s);
	char heads[256];
	(void)snprintf(heads, sizeof heads, "%s" MODERN "subscriptions/listen\r\n", both);
	post(a, heads,
	     "{\"jsonrpc\":\"2.0\",\"id\":\"mine\",\"method\":\"subscriptions/"
	     "listen\",\"params\":{\"notifications\":{}," META "}}");
	assert_non_null(strstr(rig_said(&s), "request 1 subscriptions/listen "));
	assert_int_equal(
	    rig_encode(&r, SPORE__MODEL_REQUEST, 9, "subscriptions/listen", "{\"notifications\":{}," META "}"),
	    SPORE_OK);
	(void)rig_out(&r, r.end);
	assert_int_equal(
	    rig_feed_str(
	        r.end,
	        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\",\"params\":{\"_meta\":{\"io."
	        "modelcontextprotocol/subscriptionId\":9,\"more\":1}}}"),
	    SPORE_OK);
	static const char item[] =
	    "{\"method\":\"notifications/tools/list_changed\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/"
	    "subscriptionId\":9,\"more\":1}}}";
	char want[256];
	(void)snprintf(want, sizeof want, "item 9 %s\n", item);
	assert_string_equal(rig_said(&r), want);
	assert_int_equal(rig_encode(&s, SPORE__MODEL_ITEM, 1, NULL, item), SPORE_OK);
	assert_non_null(strstr(rig_out(&s, a),
	                       "\"method\":\"notifications/tools/list_changed\",\"params\":{\"_meta\":{\"io."
	                       "modelcontextprotocol/subscriptionId\":\"mine\",\"more\":1}}}"));
	// One of nobody's is as it is.
	assert_int_equal(
	    rig_feed_str(r.end,
	                 "{\"jsonrpc\":\"2.0\",\"method\":\"n\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/"
	                 "subscriptionId\":8}}}"),
	    SPORE_OK);
	assert_int_equal(strncmp(rig_said(&r), "notification n ", 15), 0);
	spore__codec_destroy(a);
	rig_finish(&r);
	rig_finish(&s);
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
	    cmocka_unit_test(test_calls_a_server),
	    cmocka_unit_test(test_client_resumes),
	    cmocka_unit_test(test_client_begins_again),
	    cmocka_unit_test(test_client_without_sessions),
	    cmocka_unit_test(test_subscriptions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
