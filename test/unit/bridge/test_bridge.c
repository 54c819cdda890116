// The middle: correlation, order, limits, and what becomes of calls whose ends do not behave.
#include "bridge/bridge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct spore__bridge_host host = {0};

static struct spore__bridge *bridge;
static struct spore__bridge_end *left, *right;

static struct spore__bridge_end *add(enum spore__bridge_side side, const char *spec)
{
	struct spore__bridge_end *end;
	char why[256] = "";
	if (spore__bridge_add(bridge, side, spec, NULL, &end, why, sizeof why) != SPORE_OK)
		fail_msg("%s: %s", spec, why);
	return end;
}

static void make(const char *from, const char *to)
{
	bridge = spore__bridge_create(&host, NULL, false);
	(void)spore__bridge_tick(bridge, 1000);
	left = add(SPORE__BRIDGE_LEFT, from);
	right = add(SPORE__BRIDGE_RIGHT, to);
}

static void done(void)
{
	spore__bridge_destroy(bridge);
	bridge = NULL;
}

static size_t feed_some(struct spore__bridge_end *end, const char *text)
{
	size_t used = 0, len = strlen(text);
	char *copy = malloc(len + 1);
	assert_non_null(copy);
	memcpy(copy, text, len);
	assert_int_equal(spore__bridge_feed(end, NULL, copy, len, &used), SPORE_OK);
	free(copy);
	return used;
}

static void feed(struct spore__bridge_end *end, const char *text)
{
	assert_int_equal(feed_some(end, text), strlen(text));
}

// All that END would be sent is TEXT.
static void says(struct spore__bridge_end *end, const char *text)
{
	struct spore__buf *out = &end->codec->out;
	spore__buf_add(out, "", 0);
	assert_string_equal(out->data, text);
	out->len = 0;
}

#define CALL(id, method, params) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}\n"
#define TOLD(method, params) "{\"jsonrpc\":\"2.0\",\"method\":\"" method "\",\"params\":" params "}\n"
#define RESULT(id, result) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":" result "}\n"
#define FAILED(id, code, text)                                                                                         \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":" code ",\"message\":\"" text "\"}}\n"

static void calls(void **state)
{
	(void)state;
	make("json-rpc", "json-rpc");
	feed(left, CALL("\"a\"", "sum", "[1,2]") CALL("7", "sum", "{\"x\":1}"));
	says(right, CALL("0", "sum", "[1,2]") CALL("1", "sum", "{\"x\":1}"));
	feed(right, RESULT("1", "3"));
	says(left, RESULT("7", "3"));
	feed(right, "{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-5,\"message\":\"no\",\"data\":[true]}}\n");
	says(left, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"error\":{\"code\":-5,\"message\":\"no\",\"data\":[true]}}\n");
	feed(right, RESULT("0", "3") RESULT("99", "3"));
	says(left, "");
	assert_int_equal(spore__bridge_counts(bridge)->late, 2);
	// The other way round, and notifications.
	feed(right, CALL("1", "ask", "[]") TOLD("told", "[5]"));
	says(left, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ask\"}\n" TOLD("told", "[5]"));
	feed(left, RESULT("2", "null"));
	says(right, RESULT("1", "null"));
	done();
}

static void cancel_progress_items(void **state)
{
	(void)state;
	make("json-rpc", "json-rpc");
	feed(left, CALL("1", "long", "[0]") TOLD("$/cancel", "[1]"));
	says(right, CALL("0", "long", "[0]") TOLD("$/cancel", "[0]"));
	feed(right, TOLD("$/progress", "[0,50]") TOLD("$/item", "[0,\"x\"]") RESULT("0", "null"));
	says(left, TOLD("$/progress", "[1,50]") TOLD("$/item", "[1,\"x\"]") RESULT("1", "null"));
	done();
	// To one that did not ask for parts they come together.
	make("lsp", "json-rpc");
	const char *asked = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":[0]}";
	char head[128];
	(void)snprintf(head, sizeof head, "Content-Length: %zu\r\n\r\n%s", strlen(asked), asked);
	feed(left, head);
	says(right, CALL("0", "m", "[0]"));
	feed(right, TOLD("$/item", "[0,1]") TOLD("$/item", "[0,2]") TOLD("$/progress", "[0,2]") RESULT("0", "3"));
	says(left, "Content-Length: 41\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[1,2,3]}");
	assert_int_equal(spore__bridge_counts(bridge)->dropped, 1);
	done();
}

static void deadlines(void **state)
{
	(void)state;
	make("json-rpc", "json-rpc");
	feed(left, TOLD("$/deadline", "[4,500]") CALL("4", "slow", "[1]"));
	says(right, TOLD("$/deadline", "[0,500]") CALL("0", "slow", "[1]"));
	assert_int_equal(spore__bridge_tick(bridge, 1400), 1500);
	says(left, "");
	assert_int_equal(spore__bridge_tick(bridge, 1500), INT64_MAX);
	says(left, FAILED("4", "3", "the deadline passed"));
	says(right, TOLD("$/cancel", "[0]"));
	feed(right, RESULT("0", "1"));
	says(left, "");
	done();
	// A callee without calls does not hear it; its late answer is not the next call's.
	make("json-rpc", "lines");
	feed(left, TOLD("$/deadline", "[4,500]") CALL("4", "m", "[\"a\"]") CALL("5", "m", "[\"b\"]"));
	says(right, "a\nb\n");
	(void)spore__bridge_tick(bridge, 1500);
	says(left, FAILED("4", "3", "the deadline passed"));
	feed(right, "A\nB\n");
	says(left, RESULT("5", "\"B\""));
	done();
}

static void gone(void **state)
{
	(void)state;
	make("json-rpc", "json-rpc");
	feed(left, CALL("1", "m", "[1]") CALL("2", "m", "[1]"));
	says(right, CALL("0", "m", "[1]") CALL("1", "m", "[1]"));
	spore__bridge_remove(right, "the program ended");
	says(left, FAILED("1", "4", "the program ended") FAILED("2", "4", "the program ended"));
	feed(left, CALL("3", "m", "[1]"));
	says(left, FAILED("3", "4", "the callee is gone"));
	done();
	// A caller that goes: its calls are cancelled, answers to nobody are dropped.
	make("json-rpc", "json-rpc");
	struct spore__bridge_end *other = add(SPORE__BRIDGE_LEFT, "json-rpc");
	feed(left, CALL("1", "m", "[1]"));
	feed(other, CALL("1", "m", "[2]"));
	says(right, CALL("0", "m", "[1]") CALL("1", "m", "[2]"));
	feed(right, CALL("9", "back", "[1]"));
	says(right, FAILED("9", "14", "there are several clients, so none can be called back"));
	spore__bridge_remove(left, "gone");
	says(right, TOLD("$/cancel", "[0]"));
	feed(right, RESULT("0", "1") RESULT("1", "2"));
	says(other, RESULT("1", "2"));
	done();
}

static void busy(void **state)
{
	(void)state;
	make("json-rpc", "json-rpc");
	for (int i = 0; i < 128; i++)
		feed(left, CALL("1", "m", "[1]"));
	says(left, "");
	feed(left, CALL("2", "m", "[1]"));
	says(left, FAILED("2", "9", "too many calls are under way: try again later"));
	assert_true(spore__bridge_may_read(left));
	// One that is patient is not read instead.
	left->patient = true;
	assert_false(spore__bridge_may_read(left));
	feed(right, RESULT("0", "1"));
	assert_true(spore__bridge_may_read(left));
	const char *two = CALL("3", "m", "[1]") CALL("4", "m", "[1]");
	assert_int_equal(feed_some(left, two), strlen(two) / 2);
	done();
}

static void values_as_callee(void **state)
{
	(void)state;
	make("json-rpc", "jsonl");
	feed(left, CALL("1", "m", "[5]") CALL("2", "m", "[1,2]") CALL("3", "m", "{\"a\":1}") TOLD("n", "[1]"));
	says(right, "5\n[1,2]\n{\"a\":1}\n");
	feed(right, "\"five\"\nthis is none\n{\"b\":2}\n7\n");
	says(left, RESULT("1", "\"five\"") FAILED("2", "7", "byte 0: a value was expected") RESULT("3", "{\"b\":2}"));
	assert_int_equal(spore__bridge_counts(bridge)->dropped, 1);
	assert_int_equal(spore__bridge_counts(bridge)->parked, 2);
	const struct spore__bridge_parked *p = spore__bridge_parked(bridge);
	assert_int_equal(p->len, strlen("this is none"));
	assert_memory_equal(p->bytes, "this is none", p->len);
	assert_true(p->raw);
	done();
}

static void values_as_caller(void **state)
{
	(void)state;
	make("jsonl,method=echo", "json-rpc");
	feed(left, "5\n[1]\n{\"a\":1}\n\n");
	says(right, CALL("0", "echo", "[5]") CALL("1", "echo", "[[1]]") CALL("2", "echo", "{\"a\":1}"));
	feed(right, RESULT("2", "2") FAILED("0", "-1", "no"));
	says(left, "{\"error\":{\"code\":-1,\"message\":\"no\"}}\n");
	feed(right, RESULT("1", "1"));
	says(left, "1\n2\n");
	done();
	// Unless it is cut off: those behind are answered all the same.
	make("lines,method=echo", "json-rpc");
	feed(left, "a\nb\n");
	feed(right, RESULT("1", "\"B\""));
	spore__bridge_remove(right, "the program ended");
	says(left, "{\"error\":{\"code\":4,\"message\":\"the program ended\"}}\nB\n");
	done();
}

static void batches(void **state)
{
	(void)state;
	make("json-rpc", "json-rpc");
	feed(left, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"},{\"jsonrpc\":\"2.0\",\"method\":\"n\"},5,"
	           "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"b\"}]\n");
	says(right, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"a\"}\n{\"jsonrpc\":\"2.0\",\"method\":\"n\"}\n"
	            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"b\"}\n");
	feed(right, RESULT("1", "2"));
	says(left, "");
	feed(right, RESULT("0", "1"));
	says(
	    left,
	    "[{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"a message is a JSON object\"}},"
	    "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":2},{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}]\n");
	feed(left, "[]\n{\"jsonrpc\":\"2.0\",\"id\":\"x\"}\n{nonsense\n[{\"jsonrpc\":\"2.0\",\"method\":\"n\"}]\n");
	says(
	    left,
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"a message is a JSON object\"}}\n"
	    "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"error\":{\"code\":-32600,\"message\":\"the answer has neither a "
	    "result nor an "
	    "error, or both\"}}\n"
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"byte 1: a key in double quotes "
	    "was "
	    "expected\"}}\n");
	done();
}

static void parked(void **state)
{
	(void)state;
	make("msgpack-rpc", "json-rpc");
	// {[]: 1} as parameter.
	static const char odd[] = "\x94\x00\x05\xa1m\x91\x81\x90\x01";
	size_t used;
	assert_int_equal(spore__bridge_feed(left, NULL, odd, sizeof odd - 1, &used), SPORE_OK);
	says(right, "");
	struct spore__msgpack_reader r = spore__msgpack_reader(left->codec->out.data, left->codec->out.len);
	char text[300];
	spore__msgpack_print(&r, text, sizeof text);
	assert_non_null(strstr(text, "the call cannot be said in json-rpc: a key that is an array or a map"));
	left->codec->out.len = 0;
	const struct spore__bridge_parked *p = spore__bridge_parked(bridge);
	assert_non_null(p);
	assert_false(p->raw);
	assert_int_equal(p->side, SPORE__BRIDGE_LEFT);
	assert_int_equal(spore__bridge_resend(bridge, 77), SPORE_ENOTFOUND);
	done();
	// A raw one comes through when it is sent again to one that takes it.
	make("lines,method=m", "json-rpc");
	feed(right, TOLD("odd", "[\"a\\nb\"]"));
	assert_int_equal(spore__bridge_counts(bridge)->dropped, 1);
	feed(right, "{\n");
	p = spore__bridge_parked(bridge);
	assert_non_null(p);
	assert_int_equal(spore__bridge_resend(bridge, p->number), SPORE_EINVALID);
	assert_int_equal(spore__bridge_counts(bridge)->parked, 2);
	for (int i = 0; i < 3 * SPORE__BRIDGE_PARKED; i++)
		feed(right, "nonsense\n");
	int kept = 0;
	for (p = spore__bridge_parked(bridge); p != NULL; p = p->next)
		kept++;
	assert_int_equal(kept, SPORE__BRIDGE_PARKED);
	done();
}

static void filter(void **state)
{
	(void)state;
	bridge = spore__bridge_create(&host, NULL, true);
	left = add(SPORE__BRIDGE_LEFT, "json-rpc");
	right = add(SPORE__BRIDGE_RIGHT, "msgpack-rpc");
	feed(left, CALL("5", "m", "[1]") RESULT("5", "true"));
	static const char said[] = "\x94\x00\x05\xa1m\x91\x01\x94\x01\x05\xc0\xc3";
	assert_int_equal(right->codec->out.len, sizeof said - 1);
	assert_memory_equal(right->codec->out.data, said, sizeof said - 1);
	done();
}

// Neither side is read while the other takes nothing.
static void back_pressure(void **state)
{
	(void)state;
	make("json-rpc", "json-rpc");
	char *large = malloc(SPORE__BRIDGE_HIGH + 100);
	assert_non_null(large);
	size_t head = (size_t)sprintf(large, "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[\"");
	memset(large + head, 'x', SPORE__BRIDGE_HIGH);
	strcpy(large + head + SPORE__BRIDGE_HIGH, "\"]}\n");
	feed(left, large);
	assert_false(spore__bridge_may_read(left));
	assert_true(spore__bridge_may_read(right)); // or one that writes as it reads would wait for ever
	right->codec->out.len = 0;
	assert_true(spore__bridge_may_read(left));
	feed(right, large);
	assert_false(spore__bridge_may_read(right));
	assert_false(spore__bridge_may_read(left));
	free(large);
	done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(calls),
	    cmocka_unit_test(cancel_progress_items),
	    cmocka_unit_test(deadlines),
	    cmocka_unit_test(gone),
	    cmocka_unit_test(busy),
	    cmocka_unit_test(values_as_callee),
	    cmocka_unit_test(values_as_caller),
	    cmocka_unit_test(batches),
	    cmocka_unit_test(parked),
	    cmocka_unit_test(filter),
	    cmocka_unit_test(back_pressure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
