// Which bridge comes between two ports, what is lost in it, and why there can be none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/plan.h"

enum {
	JSON = SPORE__LOSS_INT53 | SPORE__LOSS_BYTES | SPORE__LOSS_FLOAT,
};

static const struct spore__codec_option value_options[] = {{"method", "", "message"}, {"order", "", NULL}, {0}};
// Not the real ones: what is tried here is what follows from facts.
static const struct spore__codec_facts facts[] = {
    {"lines", "", value_options, SPORE__LOSS_TYPES | SPORE__LOSS_METHOD, false, false, false, true, "lines"},
    {"jsonl", "", value_options, JSON | SPORE__LOSS_METHOD, false, false, false, true, "lines"},
    {"json-rpc", "", NULL, JSON, true, true, true, true, "lines"},
    {"lsp", "", NULL, JSON, true, true, true, true, "lsp"},
    {"msgpack-rpc", "", NULL, 0, true, true, true, false, NULL},
    {"rpc", "", NULL, 0, true, true, true, false, "u32le"},
    {"http", "", NULL, JSON | SPORE__LOSS_ERROR_DATA | SPORE__LOSS_BACK_CALLS | SPORE__LOSS_CANCEL | SPORE__LOSS_EVENTS,
     true, true, false, true, NULL},
    {0},
};

static char why[SPORE__PLAN_TEXT];
static struct spore__plan plan;

static bool make(const char *from, const char *to, bool duplex)
{
	const struct spore__plan_end a = {.name = "a.x", .spec = from, .framing = ""},
	                             b = {.name = "b.y", .spec = to, .framing = ""};
	why[0] = '\0';
	return spore__plan_make(facts, &a, &b, duplex, false, &plan, why, sizeof why);
}

static void test_none_is_needed(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {{"", ""},       {"lsp", ""},    {"", "nobody"},
	                                       {"lsp", "lsp"}, {"own", "own"}, {"jsonl", "jsonl,method=echo"}};
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		assert_true(make(pairs[i][0], pairs[i][1], true));
		assert_false(plan.bridged);
	}
}

static void test_every_pair_has_one(void **state)
{
	(void)state;
	for (size_t i = 0; facts[i].name != NULL; i++)
		for (size_t k = 0; facts[k].name != NULL; k++) {
			char chain[SPORE__PLAN_CHAIN], expected[SPORE__PLAN_CHAIN];
			char caller[SPORE__PROTOCOL_MAX];
			(void)snprintf(caller, sizeof caller, "%s%s", facts[i].name, facts[i].calls ? "" : ",method=x");
			assert_true(make(caller, facts[k].name, true));
			assert_int_equal(plan.bridged, i != k);
			if (i == k)
				continue;
			assert_ptr_equal(plan.codecs[0], &facts[i]);
			assert_ptr_equal(plan.codecs[1], &facts[k]);
			spore__plan_chain(&plan, chain);
			(void)snprintf(expected, sizeof expected, "%s > %s", facts[i].name, facts[k].name);
			assert_string_equal(chain, expected);
		}
}

static void test_losses(void **state)
{
	char text[SPORE__PLAN_TEXT];
	(void)state;
	// What JSON cannot say does not come out of it either.
	assert_true(make("rpc", "lsp", true));
	assert_int_equal(plan.losses[0], JSON);
	assert_int_equal(plan.losses[1], 0);
	spore__plan_losses(&plan, "a.x", "b.y", text);
	assert_string_equal(text,
	                    "a.x to b.y: integers beyond 2^53 lose digits in readers that have only doubles, bytes "
	                    "become a string of base64, infinities and NaN become null");
	assert_true(make("lsp", "rpc", true));
	assert_int_equal(plan.losses[0], 0);
	assert_int_equal(plan.losses[1], JSON);
	assert_true(make("lsp", "json-rpc", true));
	assert_int_equal(plan.losses[0] | plan.losses[1], 0);
	spore__plan_losses(&plan, "a.x", "b.y", text);
	assert_string_equal(text, "");
	// One way, nothing comes back to be lost.
	assert_true(make("lsp", "rpc", false));
	assert_int_equal(plan.losses[1], 0);
}

static void test_losses_of_roles(void **state)
{
	(void)state;
	// The left one calls: what the called one says of errors goes to an HTTP client, whose cancelling is heard.
	assert_true(make("http", "rpc", true));
	assert_int_equal(plan.roles[0], SPORE__CODEC_PEER_CALLS);
	assert_int_equal(plan.roles[1], SPORE__CODEC_PEER_SERVES);
	assert_int_equal(plan.losses[0], 0);
	assert_int_equal(plan.losses[1], JSON | SPORE__LOSS_ERROR_DATA | SPORE__LOSS_BACK_CALLS | SPORE__LOSS_EVENTS);
	// The other way round it is an HTTP server, which is not told of a cancelled call.
	assert_true(make("rpc", "http", true));
	assert_int_equal(plan.losses[0], JSON | SPORE__LOSS_CANCEL);
	assert_int_equal(plan.losses[1], 0);
	// Unless the left one serves.
	const struct spore__plan_end a = {.name = "a.x", .spec = "rpc", .framing = "", .serves = true},
	                             b = {.name = "b.y", .spec = "http", .framing = ""};
	assert_true(spore__plan_make(facts, &a, &b, true, false, &plan, why, sizeof why));
	assert_int_equal(plan.roles[0], SPORE__CODEC_PEER_SERVES);
	assert_int_equal(plan.losses[0], JSON | SPORE__LOSS_ERROR_DATA | SPORE__LOSS_BACK_CALLS | SPORE__LOSS_EVENTS);
	// Values have no calls of which something could be lost.
	assert_true(make("jsonl,method=x", "http", true));
	assert_int_equal(plan.losses[0], 0);
}

static void test_lossless(void **state)
{
	(void)state;
	struct spore__plan_end a = {.name = "a.x", .spec = "rpc", .framing = ""},
	                       b = {.name = "b.y", .spec = "lsp", .framing = ""};
	assert_false(spore__plan_make(facts, &a, &b, true, true, &plan, why, sizeof why));
	assert_non_null(strstr(why, "the bridge rpc > lsp is not: a.x to b.y: integers beyond 2^53"));
	assert_false(plan.bridged);
	a.spec = "json-rpc";
	assert_true(spore__plan_make(facts, &a, &b, true, true, &plan, why, sizeof why));
	assert_true(plan.bridged);
}

static void test_a_stream_and_messages(void **state)
{
	(void)state;
	struct spore__plan_end a = {.name = "a.x", .spec = "msgpack-rpc", .framing = "lines", .plain = true},
	                       b = {.name = "b.y", .spec = "msgpack-rpc", .framing = ""};
	assert_true(spore__plan_make(facts, &a, &b, true, true, &plan, why, sizeof why));
	assert_true(plan.bridged); // its messages have other borders there
	a.framing = "u32le";
	assert_true(spore__plan_make(facts, &a, &b, true, true, &plan, why, sizeof why));
	assert_false(plan.bridged);
	a.framing = "";
	a.spec = b.spec = "json-rpc"; // lines, as a plain end has them anyway
	assert_true(spore__plan_make(facts, &a, &b, true, true, &plan, why, sizeof why));
	assert_false(plan.bridged);
}

static void test_refused(void **state)
{
	(void)state;
	assert_false(make("lps", "rpc", true));
	assert_string_equal(why, "a.x speaks lps, and b.y speaks rpc, and no bridge knows lps; did you mean lsp?");
	assert_false(make("rpc", "surface", true));
	assert_string_equal(
	    why, "b.y speaks surface, and a.x speaks rpc, and no bridge knows surface; 'spore bridge --list' "
	         "has those that there are");
	assert_false(make("jsonl", "rpc", true));
	assert_string_equal(why,
	                    "a.x speaks jsonl, which has no calls, and b.y speaks rpc: say which method each message "
	                    "calls, as in (jsonl,method=NAME)");
	assert_true(make("rpc", "jsonl", true));
	assert_false(make("rpc", "jsonl,metod=x", true));
	assert_string_equal(why, "b.y: jsonl has no option 'metod'; did you mean 'method'?");
}

static void test_specifications(void **state)
{
	(void)state;
	static const struct {
		const char *spec, *why;
	} cases[] = {
	    {"lsp", NULL},
	    {"own", NULL},
	    {"rpc", NULL},
	    {"jsonl,method=echo", NULL},
	    {"jsonl,method=echo,order=x", NULL},
	    {"jsonl,method=a\\,b=,order=x", NULL},
	    {"", "\"\" is no name of a protocol"},
	    {"a b", "\"a b\" is no name of a protocol"},
	    {"own,x=1", "own has no options, since no bridge knows it"},
	    {"lsp,x=1", "lsp has no option 'x'"},
	    {"jsonl,methd=1", "jsonl has no option 'methd'; did you mean 'method'?"},
	    {"jsonl,method=a b", "\"jsonl,method=a b\": a protocol has no spaces and brackets"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bool good = spore__plan_check(facts, cases[i].spec, why, sizeof why);
		assert_int_equal(good, cases[i].why == NULL);
		if (!good)
			assert_string_equal(why, cases[i].why);
	}
	char large[SPORE__PROTOCOL_MAX + 2];
	memset(large, 'x', sizeof large);
	memcpy(large, "jsonl,method=", 13);
	large[sizeof large - 1] = '\0';
	assert_false(spore__plan_check(facts, large, why, sizeof why));
	assert_non_null(strstr(why, "is longer than 127 bytes"));
}

static void test_wires(void **state)
{
	(void)state;
	// Of the real codecs: kinds, framings and shapes that would not fit without a bridge.
	struct spore__face from = {"a.calls", "messages", "connect", "rpc", "", "", false, SPORE__AS_NONE},
	                   to = {"b.stdio", "bytes", "connect", "", "lsp", "lines", true, SPORE__AS_NONE};
	assert_true(spore__plan_wire(&from, &to, true, false, &plan, why, sizeof why));
	assert_true(plan.bridged);
	from.shape = "publish";
	assert_false(spore__plan_wire(&from, &to, false, false, &plan, why, sizeof why));
	from.shape = "serve";
	assert_true(spore__plan_wire(&from, &to, true, false, &plan, why, sizeof why));
	assert_int_equal(plan.roles[0], SPORE__CODEC_PEER_SERVES);
	from.wished = "jsonl";
	assert_false(spore__plan_wire(&from, &to, true, false, &plan, why, sizeof why));
	assert_string_equal(why, "a.calls speaks rpc, and the wire says jsonl");
	assert_true(spore__plan_wire(&from, &to, true, false, NULL, why, sizeof why) == false);
}

static void test_each_loss_has_words(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 16; i++)
		assert_non_null(spore__loss_texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_none_is_needed), cmocka_unit_test(test_every_pair_has_one),
	    cmocka_unit_test(test_losses),         cmocka_unit_test(test_losses_of_roles),
	    cmocka_unit_test(test_lossless),       cmocka_unit_test(test_a_stream_and_messages),
	    cmocka_unit_test(test_refused),        cmocka_unit_test(test_specifications),
	    cmocka_unit_test(test_wires),          cmocka_unit_test(test_each_loss_has_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
