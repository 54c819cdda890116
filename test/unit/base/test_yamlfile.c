#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/yamlfile.h"

static void knows_the_traps(void **state)
{
	(void)state;
	static const char *const traps[] = {"on",   "No",   "y",   "TRUE", "",      "~",         "null",
	                                    "1.10", "0755", "1e3", "-1",   "1_000", "2024-01-01"};
	static const char *const texts[] = {"-", "--fps", "one", "v1.10",        "e",         "-O2",  "1.10b",
	                                    ".", "...",   "a-1", "127.0.0.1:80", "127.0.0.1", "1.2.3"};
	for (size_t i = 0; i < sizeof traps / sizeof *traps; i++)
		if (spore__yaml_trap(traps[i]) == NULL)
			fail_msg("%s is taken for text", traps[i]);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (spore__yaml_trap(texts[i]) != NULL)
			fail_msg("%s is taken for %s", texts[i], spore__yaml_trap(texts[i]));
}

static void expect_first(const char *text, size_t len, const char *words)
{
	struct spore__yaml y;
	assert_false(spore__yaml_load(&y, "f", text, len));
	char *first = spore__yaml_first(&y);
	assert_non_null(first);
	if (strstr(first, words) == NULL)
		fail_msg("%s", first);
	free(first);
	spore__yaml_finish(&y);
}

static void says_why_it_is_no_yaml(void **state)
{
	(void)state;
	static const struct {
		const char *text, *words;
	} cases[] = {
	    {"a: *\n", "f:1:5: "},
	    {"every: */5 * * * *\n", "text that begins with * is written in quotes"},
	    {"a: @b\n", "is written in quotes"},
	    {"a: b\n\tc: d\n", "with spaces, not tabs"},
	    {"a: [b\n", "did not find"},
	    {"a: \xff\n", "UTF-8"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_first(cases[i].text, strlen(cases[i].text), cases[i].words);
}

static void has_limits(void **state)
{
	(void)state;
	struct spore__buf text = {0};
	for (int i = 0; i < 2000; i++)
		spore__buf_printf(&text, "- &a%d x\n", i);
	expect_first(text.data, text.len, "more than 1000 anchors");
	spore__buf_finish(&text);
	while (text.len <= SPORE__YAML_TEXT)
		spore__buf_str(&text, "- 0123456789012345678901234567890123456789\n");
	expect_first(text.data, text.len, "more than 8 MiB");
	spore__buf_finish(&text);
	for (int i = 0; i < 100000; i++)
		spore__buf_char(&text, '[');
	expect_first(text.data, text.len, "f:1:65: more than 64 lists and maps in each other");
	spore__buf_finish(&text);
}

struct counting {
	struct spore__yaml *y;
	size_t count;
};

static bool count(void *arg, const yaml_node_t *item)
{
	struct counting *c = arg;
	c->count++;
	return item->type != YAML_SEQUENCE_NODE || spore__yaml_items(c->y, item, "it", count, c);
}

static void follows_aliases_for_a_while_only(void **state)
{
	(void)state;
	struct spore__buf text = {0};
	spore__buf_str(&text, "- &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 10; i++) {
		spore__buf_printf(&text, "- &a%d [", i);
		for (int k = 0; k < 10; k++)
			spore__buf_printf(&text, "%s*a%d", k > 0 ? ", " : "", i - 1);
		spore__buf_str(&text, "]\n");
	}
	struct spore__yaml y;
	assert_true(spore__yaml_load(&y, "f", text.data, text.len));
	struct counting c = {&y, 0};
	assert_false(count(&c, spore__yaml_root(&y)));
	assert_true(c.count <= SPORE__YAML_VISITS + 1);
	assert_int_equal(y.errors, 1);
	assert_non_null(strstr(y.findings[0].text, "aliases"));
	spore__yaml_finish(&y);
	spore__buf_finish(&text);
}

static bool pass(void *arg, const char *key, const yaml_node_t *key_node, const yaml_node_t *value)
{
	(void)key_node;
	(void)value;
	spore__strs_add(arg, key);
	return true;
}

static void refuses_doubles_and_sorts_what_it_found(void **state)
{
	(void)state;
	static const char text[] = "b: 1\na: 2\nb: 3\n7: 4\n[a]: 5\nc: 6\n";
	struct spore__yaml y;
	struct spore__strs keys = {0};
	assert_true(spore__yaml_load(&y, "f", text, sizeof text - 1));
	assert_false(spore__yaml_pairs(&y, spore__yaml_root(&y), "it", pass, &keys));
	assert_int_equal(keys.count, 3);
	assert_string_equal(keys.items[0], "b");
	assert_string_equal(keys.items[1], "a");
	assert_string_equal(keys.items[2], "c");
	spore__yaml_sort(&y);
	assert_int_equal(y.errors, 3);
	assert_string_equal(y.findings[0].text, "it has \"b\" twice");
	assert_int_equal(y.findings[0].line, 3);
	assert_string_equal(y.findings[1].text,
	                    "a key of it must be text, and YAML takes 7 for a number: write \"7\" in quotes");
	assert_string_equal(y.findings[2].text, "a key of it must be text, not a list");
	spore__strs_finish(&keys);
	spore__yaml_finish(&y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(knows_the_traps),
	    cmocka_unit_test(says_why_it_is_no_yaml),
	    cmocka_unit_test(has_limits),
	    cmocka_unit_test(follows_aliases_for_a_while_only),
	    cmocka_unit_test(refuses_doubles_and_sorts_what_it_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
