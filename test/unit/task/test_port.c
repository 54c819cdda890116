// Which ports fit each other, and the ports that a task declares.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "task/port.h"

static char why[300];

static bool fit(const char *left_kind, const char *left_shape, const char *left_protocol, const char *right_kind,
                const char *right_shape, const char *right_protocol, bool duplex)
{
	const struct spore__face from = {"a.x", left_kind, left_shape, left_protocol, ""};
	const struct spore__face to = {"b.y", right_kind, right_shape, right_protocol, ""};
	why[0] = '\0';
	return spore__ports_fit(&from, &to, duplex, false, why, sizeof why);
}

static void test_shapes(void **state)
{
	(void)state;
	static const char *const shapes[] = {"", "connect", "serve", "publish", "subscribe", "later"};
	// Rows stand on the left. y: they fit; n: they do not, o: one way only.
	static const char *const wanted[] = {"yyynoy", "yyynny", "yynnny", "onnnoo", "nnnnnn", "yyynoy"};
	for (size_t i = 0; i < 6; i++)
		for (size_t k = 0; k < 6; k++)
			for (int duplex = 0; duplex < 2; duplex++) {
				char expected = wanted[i][k];
				bool good = expected == 'y' || (expected == 'o' && duplex == 0);
				if (fit("", shapes[i], "", "", shapes[k], "", duplex != 0) != good)
					fail_msg("%s %s %s: %s", shapes[i], duplex ? "<>" : "->", shapes[k], why);
				if (!good && (strstr(why, "a.x") == NULL || strstr(why, "b.y") == NULL))
					fail_msg("'%s' does not name both", why);
			}
}

static void test_overlaps(void **state)
{
	(void)state;
	static const char *const ports[] = {"stdin", "stdout", "stdio", "stderr", "in"};
	static const char *const wanted[] = {"ynynn", "nyynn", "yyynn", "nnnyn", "nnnny"};
	for (size_t i = 0; i < 5; i++)
		for (size_t k = 0; k < 5; k++)
			assert_int_equal(spore__ports_overlap(ports[i], ports[k]), wanted[i][k] == 'y');
}

static void test_kinds_and_protocols(void **state)
{
	(void)state;
	assert_true(fit("messages", "connect", "rpc", "messages", "serve", "rpc", true));
	assert_true(fit("messages", "connect", "", "messages", "serve", "rpc", false));
	assert_false(fit("bytes", "", "", "messages", "", "", false));
	assert_string_equal(why, "a.x is a port of bytes, and b.y one of messages: open both as one of the two");
	assert_false(fit("", "", "lsp", "", "", "rpc", false));
	assert_string_equal(why, "a.x speaks lsp, and b.y speaks rpc");
	const struct spore__face from = {"a.x", "", "", "lsp", "rpc"}, to = {"b.y", "", "", "", ""};
	assert_false(spore__ports_fit(&from, &to, false, false, why, sizeof why));
	assert_string_equal(why, "a.x speaks lsp, and the wire says rpc");
}

static void test_plain_ends(void **state)
{
	(void)state;
	static const struct {
		struct spore__face from, to;
		bool duplex;
		const char *reason; // NULL: they fit
	} cases[] = {
	    {{"a.stdout", "bytes", "connect", "", "", "", true},
	     {"b.stdin", "bytes", "connect", "", "", "", true},
	     false,
	     NULL},
	    {{"a.stdio", "bytes", "connect", "", "", "", true},
	     {"b.stdio", "bytes", "connect", "", "", "", true},
	     true,
	     NULL},
	    {{"a.stdout", "bytes", "connect", "", "", "", true},
	     {"b.in", "messages", "connect", "", "", "", false},
	     false,
	     NULL},
	    {{"a.stdout", "bytes", "connect", "", "", "", true}, {"b.in", "", "", "", "", "", false}, false, NULL},
	    {{"a.stdout", "bytes", "connect", "", "", "", true},
	     {"b.stdin", "bytes", "connect", "", "", "", true},
	     true,
	     "write ->"},
	    {{"a.stdout", "bytes", "connect", "", "", "u32le", true},
	     {"b.stdin", "bytes", "connect", "", "", "lines", true},
	     false,
	     "a.stdout has the framing u32le, and b.stdin has lines"},
	    {{"a.out", "messages", "publish", "", "", "", false},
	     {"b.stdin", "bytes", "connect", "", "", "", true},
	     false,
	     NULL},
	    {{"a.stdout", "bytes", "connect", "", "", "", true},
	     {"b.in", "messages", "subscribe", "", "", "", false},
	     false,
	     "a.stdout is a plain end (lines), and b.in subscribes"},
	    {{"a.stderr", "bytes", "connect", "", "", "", true},
	     {"b.stdin", "bytes", "connect", "", "", "", true},
	     false,
	     "is logged"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char reason[400] = "";
		bool fit =
		    spore__ports_fit(&cases[i].from, &cases[i].to, cases[i].duplex, false, reason, sizeof reason);
		assert_int_equal(fit, cases[i].reason == NULL);
		if (cases[i].reason != NULL)
			assert_non_null(strstr(reason, cases[i].reason));
	}
}

static void test_as(void **state)
{
	(void)state;
	struct spore__declared d;
	for (int as = SPORE__AS_FIFO_IN; as <= SPORE__AS_SOCKET; as++)
		assert_int_equal(spore__port_as_of(spore__port_as_word((enum spore__port_as)as)), as);
	assert_int_equal(spore__port_as_of(""), SPORE__AS_NONE);
	assert_int_equal(spore__port_as_of("fifo"), SPORE__AS_NONE);
	assert_true(spore__declared_parse("out - - - - fifo-out", &d));
	assert_string_equal(d.as, "fifo-out");
	assert_true(d.framing[0] == '\0');
}

static void test_declared(void **state)
{
	(void)state;
	char *list[] = {(char *)"in messages serve rpc", (char *)"out - - -", NULL};
	struct spore__declared d;
	assert_true(spore__declared_find(list, "out", &d));
	assert_true(d.kind[0] == '\0' && d.shape[0] == '\0' && d.protocol[0] == '\0');
	assert_true(spore__declared_find(list, "in", &d));
	assert_string_equal(d.protocol, "rpc");
	assert_true(d.framing[0] == '\0' && d.as[0] == '\0');
	assert_true(spore__declared_parse("stdout bytes - - u32le", &d));
	assert_string_equal(d.framing, "u32le");
	assert_false(spore__declared_find(list, "err", &d));
	assert_false(spore__declared_find(NULL, "in", &d));
	static const char *const wrong[] = {"", "in", "in a b", "in a b c d e f", "in  a b", "a.b - - -", " in a b c"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(spore__declared_parse(wrong[i], &d));
}

static void test_names(void **state)
{
	(void)state;
	char text[] = "shop/web@2.in", none[] = "web", bad[] = "web.a b", empty[] = "web.";
	assert_string_equal(spore__port_cut(text), "in");
	assert_string_equal(text, "shop/web@2");
	assert_null(spore__port_cut(none));
	assert_null(spore__port_cut(bad));
	assert_null(spore__port_cut(empty));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_shapes),
	    cmocka_unit_test(test_overlaps),
	    cmocka_unit_test(test_kinds_and_protocols),
	    cmocka_unit_test(test_plain_ends),
	    cmocka_unit_test(test_declared),
	    cmocka_unit_test(test_as),
	    cmocka_unit_test(test_names),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
