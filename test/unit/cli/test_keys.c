#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cli/keys.h"

static void reads_keys(void **state)
{
	struct spore__keys k;
	(void)state;
	assert_true(spore__keys_parse(&k, "ctrl-p,ctrl-Q"));
	assert_int_equal(k.count, 2);
	assert_memory_equal(k.keys, "\x10\x11", 2);
	assert_true(spore__keys_parse(&k, "ctrl-\\,d,ctrl-]"));
	assert_memory_equal(k.keys,
	                    "\x1c"
	                    "d\x1d",
	                    3);
	assert_true(spore__keys_parse(&k, "none"));
	assert_int_equal(k.count, 0);
	static const char *const wrong[] = {"",  ",", "a,", "ctrl-", "ctrl-1", "ctrl-ab", "alt-a", "a,b,c,d,e,f,g,h,i",
	                                    "ab"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		if (spore__keys_parse(&k, wrong[i]))
			fail_msg("%s is taken", wrong[i]);
}

// Each of TYPED is one read.
static void expect(const char *keys, const char *const *typed, const char *passed, bool left)
{
	struct spore__keys k;
	char all[100] = "";
	size_t len = 0;
	bool found = false;
	assert_true(spore__keys_parse(&k, keys));
	for (; *typed != NULL && !found; typed++) {
		unsigned char out[100];
		size_t n;
		found = spore__keys_filter(&k, (const unsigned char *)*typed, strlen(*typed), out, &n);
		assert_true(n <= strlen(*typed) + SPORE__KEYS_MAX);
		memcpy(all + len, out, n);
		len += n;
	}
	all[len] = '\0';
	assert_string_equal(all, passed);
	assert_int_equal(found, left);
}

static void finds_them(void **state)
{
	(void)state;
	expect("a,b", (const char *const[]){"xa", "bc", NULL}, "x", true);
	expect("a,b", (const char *const[]){"xa", "cab", NULL}, "xac", true);
	expect("a,b", (const char *const[]){"aab", NULL}, "a", true);
	expect("a,a,b", (const char *const[]){"aaa", "ab", NULL}, "aa", true);
	expect("a,b,a,c", (const char *const[]){"abab", "ac", NULL}, "ab", true);
	expect("a,b", (const char *const[]){"xa", "xa", "x", NULL}, "xaxax", false);
	expect("none", (const char *const[]){"ab", NULL}, "ab", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reads_keys), cmocka_unit_test(finds_them)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
