#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source/faithful.h"

static void accepts(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "",
	    "int a[] = {[1] = 7, [2] = 8}; struct p q = {.y = 1, .x = 2};",
	    "struct o x = {.n = 1, .in = {.n = 1, .m = 2}}, y[] = {{.n = 1}, {.n = 2}};",
	    "struct p f(int n) { g((struct p){.x = 1}); return (struct p){.x = n, .y = n}; }",
	    "int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }",
	    "void walk(struct t *t) { if (t != NULL) { walk(t->left); walk(t->right); } }",
	    "int other(int); int f(int n) { return other(n - 1); }",
	    "static inline int f(void) { return 1; }\ninline static int g(void) { return 2; }",
	    "struct s { int a, b[3]; struct s *next; }; struct t { int a; };",
	    "static struct s *f(struct t *x) { x->a = 1; x->a = 2; return NULL; }",
	    "enum { A = 1, B, C }; union { int i; float f; } u = {.f = 1};",
	    "void f(int n, ...) PRINTF_LIKE(1, 2); int g(void) NORETURN;",
	    "static void __attribute__((noinline)) show(int n) { n++; }",
	    "struct x { int a; } __attribute__((packed)); static int y;",
	    "double d = 0x1.8p3, e = 1e-5L2NOT; long l = 1L; char *s = \"a\\\\\" \"b\\\n c\";",
	    "#define X(a) {.name = #a, .f = a},\nint x; // don't\n#error it's\nint y;",
	    "int m[2][2] = {{1, 2}, {3, 4}}; int f(void) { int v[] = {1, 2}; return v[0]; }",
	    NULL,
	};
	for (const char *const *t = texts; *t != NULL; t++) {
		const char *why = spore__faithful_shape(*t, strlen(*t));
		if (why != NULL)
			fail_msg("%s: %s", *t, why);
	}
}

static void refuses(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} cases[] = {
	    {"int a[] = {[1] = 7, [1] = 8};", "gives a value twice"},
	    {"struct p q = {.x = 1, .y = 2, .x = 3};", "gives a value twice"},
	    {"struct p q = {.p[1].y = 5};", "uses designators of more than one step"},
	    {"struct p q = {.a.b = 5};", "uses designators of more than one step"},
	    {"int a[9] = {[0 ... 4] = 5};", "uses ranges of designators"},
	    {"int a[9] = {[3] = 5, 6};", "mixes designators and plain values"},
	    {"int a[9] = {1, [3] = 5};", "mixes designators and plain values"},
	    {"void f(void) { g((struct p){.x = 1, .x = 2}); }", "gives a value twice"},
	    {"int sum(int n, int t) { return n == 0 ? t : sum(n - 1, t + n); }", "may need its tail calls to be loops"},
	    {"int down(int n) { if (n == 0) return 0; return down(n - 1); }", "may need its tail calls to be loops"},
	    {"inline int f(void) { return 1; }", "has inline functions that are not static"},
	    {"struct s { int a; char a[3]; };", "may have two members of one name"},
	    {"struct s { int a : 3, b, a : 2; };", "may have two members of one name"},
	    {"int f(a) float a; { return a; }", "may have old-style definitions"},
	    {"int f(p, x) char *p; float x; { return x; }", "may have old-style definitions"},
	    {"long double x;", "uses long double"},
	    {"double x = 1.5L;", "uses long double"},
	    {"double x = 0x1.23456789abcdef123p0;", "has long hexadecimal floating constants"},
	    {"void f(void) { register int i; }", "uses register"},
	    {"char *s = \"ab\n\";", "has a string without an end"},
	    {"char *s = \"\\u20ac\";", "has universal characters in strings"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *why = spore__faithful_shape(cases[i].text, strlen(cases[i].text));
		if (why == NULL || strcmp(why, cases[i].why) != 0)
			fail_msg("%s: %s", cases[i].text, why == NULL ? "accepted" : why);
		assert_non_null(spore__faithful_refusal(cases[i].text, strlen(cases[i].text)));
	}
}

static void deep_nesting_is_refused(void **state)
{
	(void)state;
	char text[5000];
	memset(text, '(', sizeof text);
	assert_non_null(spore__faithful_shape(text, sizeof text));
	memset(text, ')', sizeof text);
	assert_null(spore__faithful_shape(text, sizeof text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(accepts),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(deep_nesting_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
