#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "source/faithful.h"

static const char *judge(const char *text)
{
	return spore__faithful_refusal(text, strlen(text));
}

static void check(const char *const *texts, bool fine)
{
	for (; *texts != NULL; texts++) {
		const char *why = judge(*texts);
		if ((why == NULL) != fine)
			print_error("%s: %s\n", *texts, why == NULL ? "accepted" : why);
		assert_true((why == NULL) == fine);
	}
}

static void test_ordinary_text_is_fine(void **state)
{
	static const char *const texts[] = {
	    "",
	    "\n",
	    "#include <stdio.h>\nint main(void)\n{\n\treturn puts(\"hi\") < 0;\n}\n",
	    "// _Atomic int x; __asm__\nint x; /* alloca(3) */",
	    "const char *s = \"setjmp _Thread_local\"; char c = '\\'';",
	    "#pragma once\n#pragma pack(1)\n#pragma GCC diagnostic ignored \"-Wall\"\n",
	    "struct __attribute__((packed)) s { int a; } __attribute__((__unused__));",
	    "void f(const char *, ...) __attribute__((format(printf, 1, 2), noreturn));",
	    "#include <stdarg.h>\nint f(int n, ...) { va_list a; va_start(a, n); n = va_arg(a, int); return n; }",
	    "#include <stdarg.h>\nvoid f(int n, ...) { const struct s *p = va_arg(a, const struct s *); va_end(a); }",
	    "struct s { int a : 3; unsigned b : 32; unsigned : 0; };",
	    "int f(int x) { switch (x) { case 1: 40; default: x = x ? x : 40; } return x; }",
	    "int (*table[3])(void); int (*p)[3]; int f(int (*a)[4]) { return (*a)[f(a)] + 2 * (*p)[1]; }",
	    "#include <stddef.h>\nptrdiff_t d; size_t o = offsetof(struct s, m); wchar_t w;",
	    "int atom, asmx, xasm, thread_locals, Nan, isNAN; long __func__s;",
	    "static const int t[] = {[1] = 2, [3] = 4}; struct p q = {.x = 1, .y = 2};",
	    "#if defined A && B > 3 /* 1 + 2 */\n#elif !C\n#endif",
	    "#define \\\n X 1\nint x = X; \\\n",
	    NULL,
	};
	check(texts, true);
}

static void test_what_tcc_lacks_is_refused(void **state)
{
	static const char *const texts[] = {
	    "_Atomic int x;",
	    "int f(void) { return __atomic_load_n(&x, 0); }",
	    "#include <stdatomic.h>",
	    "#  include<complex.h>",
	    "#\tinclude \"threads.h\"",
	    "#include_next <stdio.h>",
	    "#pragma omp parallel",
	    "#pragma GCC optimize(\"O0\")",
	    "_Thread_local int x;",
	    "static __thread int x;",
	    "__int128 x;",
	    "double _Complex z;",
	    "void f(void) { __asm__(\"nop\"); }",
	    "int x = __builtin_popcount(3);",
	    "void *p = alloca(3);",
	    "if (setjmp(b)) {}",
	    "_Alignas(16) char c;",
	    "int h\xc3\xa9;",
	    NULL,
	};
	check(texts, false);
}

static void test_what_tells_compilers_apart_is_refused(void **state)
{
	static const char *const texts[] = {
	    "#ifdef __GNUC__\n#endif",
	    "#if defined(__clang__)\n#endif",
	    "#ifdef __TINYC__\n#endif",
	    "#ifdef __OPTIMIZE__\n#endif",
	    "#if !defined __STDC_NO_ATOMICS__\n#endif",
	    "#if __has_include(<x.h>)\n#endif",
	    "#ifdef __SSE2__\n#endif",
	    "__INT32_TYPE__ x;",
	    "double d = NAN;",
	    NULL,
	};
	check(texts, false);
}

static void test_what_tcc_gets_wrong_is_refused(void **state)
{
	static const char *const texts[] = {
	    "#include <stdarg.h>\nvoid f(va_list a) { va_arg(a, struct s); }",
	    "#include <stdarg.h>\nvoid f(va_list a) { va_arg(a, my_type); }",
	    "struct s { unsigned long long a : 40; };",
	    "struct s { long a: 33, b; };",
	    "void f(int n) { int (*p)[n] = 0; }",
	    "void *f(int n) { return (int (*)[n])malloc(n); }",
	    "void f(int N) { double (* p ) [N]; }",
	    "int x __attribute__((aligned(16)));",
	    "void f(void) __attribute__((constructor(101)));",
	    "int x __attribute__((cleanup(f)));",
	    "int t[] = {[1] = 2, [1] = 3};",
	    "int t[] = {[0 ... 9] = 2};",
	    "struct s t = {.a.b = 3};",
	    "#if 0x7fffffff + 1 > 0\n#endif",
	    "#if A\n#elif (1 << 31) > 0\n#endif",
	    "enum __attribute__((packed)) e { A, B };",
	    "#include <raylib.h>",
	    "long double x;",
	    "int f(int n) { return n ? f(n - 1) : 0; }\nint g(int n) { return g(n); }",
	    "const wchar_t *w = L\"\\u00dfe\";",
	    "const char *n = _Generic(__func__, char *: 1, default: 2);",
	    NULL,
	};
	check(texts, false);
}

static void test_what_gcc_refuses_is_refused(void **state)
{
	static const char *const texts[] = {
	    "ptrdiff_t d;",
	    "#include <stdio.h>\nint o = offsetof(struct s, m);",
	    "#include <stdio.h>\nvoid f(int n, ...) { va_list a; va_start(a, n); }",
	    "#include <stdio.h>\nwchar_t w;",
	    "char *s = \"no end\n;\";",
	    "struct s { int a; int a; };",
	    NULL,
	};
	check(texts, false);
}

// Whatever is cut off, the scan stays within the text.
static void test_silent_mistakes_are_refused(void **state)
{
	static const char *const wrong[] = {
	    "int a = 0x;",
	    "int a = 1lul;",
	    "int a = 1lL;",
	    "char c = '\\x';",
	    "int f(int x) { switch (x) { case 1.0: return 1; } return 0; }",
	    "enum e { A, B = 1.5 };",
	    "int f(void) { int a[2.0]; return a[1]; }",
	    "void f(void) { for (static int i = 0; i < 1; i++) ; }",
	    "int f(static int a);",
	    "int restrict a;",
	    "int f(int a, void);",
	    "unsigned float x;",
	    "int f(void) { int if = 1; return 1; }",
	    "double f(void) { double d = &x; return d; }",
	    "void f(const int a) { a = 1; }",
	    "void f(int *const a) { a++; }",
	    "void f(const double a) { --a; }",
	    "struct s { const int a; };",
	    "void f(const struct s *p) { p->a[1] = 1; }",
	    "void f(void) { const struct s x = {1}; x.n[0] += 1; }",
	    "struct s { _Bool b : 2; };",
	    "struct s { int b : 2; }; int *f(struct s *p) { return &p->b; }",
	    "struct s { int b : 2; }; int f(struct s *p) { return sizeof(p->b); }",
	    "void f(int a, int b) { (a ? a : b) = 1; }",
	    "void f(int a, int b) { (a, b)++; }",
	    "#include <stdarg.h>\nvoid f(int a) { va_list v; va_start(v, a); }",
	    "int f(int n) { goto x; int a[n]; x: return 0; }",
	    "#define F(a, a) a",
	    "#define F(a) #b",
	    NULL,
	};
	static const char *const fine[] = {
	    "long a = 0x1fUL + 1llu + 0b11 + 017 + 1LL; char *s = \"\\x1f\"; double d = 1e5 + .5f;",
	    "void f(const int v[], int n) { for (const int *p = v; n-- > 0; v++) p++; }",
	    "void f(const struct s *p) { for (; p; p = p->next) p->next->n[0] = 1; }",
	    "static const struct { int a; } t[] = {{1}}; struct s { const char *name; int a[static_size]; };",
	    "struct s { int b : 2, c; }; int f(struct s *p) { int x = 1 & p->b; return x && &p->c; }",
	    "void f(int *a, int *b) { *(a ? a : b) = 1; AT(1, 2) = 3; }",
	    "#define F(a, aa) #a \"#b\" a##aa",
	    "#define G(...) #__VA_ARGS__ // #x",
	    "void f(char *restrict a, int b[restrict 3]);",
	    NULL,
	};
	check(wrong, false);
	check(fine, true);
}

static void test_cut_text(void **state)
{
	static const char text[] =
	    "#include <stdio.h>\n#pragma pack(1)\nstruct __attribute__((packed, __used__)) s { int a : 3; };\n"
	    "int f(int n, ...) { int (*p)[3] = va_arg(a, int *); /* x */ // y \\\n z\n"
	    "char c = '\\n', *s = \"a\\\"b\"; double d = 0x1.8p+3 + .5e-3; return n ? f(1) : 2; }\n"
	    "int t[] = {[1] = 2, [3].x = 4, .y = {1, 2}};";
	for (size_t len = 0; len < sizeof text; len++) {
		char *copy = test_malloc(len + 1);
		memcpy(copy, text, len);
		(void)spore__faithful_refusal(copy, len);
		test_free(copy);
	}
	static const char zeros[] = "#include <omp.h\0\0\0\0>\n\0#\0__attribute__((packed\0))";
	(void)spore__faithful_refusal(zeros, sizeof zeros);
	assert_null(spore__faithful_refusal(NULL, 0));
}

static void test_flags(void **state)
{
	const char *const fine[] = {"-DX=1", "-Iinclude", "-UY", "-Wall", "-pthread", NULL};
	assert_null(spore__faithful_refuses_flags(fine));
	assert_null(spore__faithful_refuses_flags(NULL));
	static const char *const bad[] = {"-O3",        "-fno-builtin", "-march=native", "-Werror",
	                                  "-Wl,-z,now", "-std=c11",     "-include"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const char *const flags[] = {"-DX", bad[i], NULL};
		assert_non_null(spore__faithful_refuses_flags(flags));
	}
	struct spore__strs argv = {0};
	spore__faithful_flags("/libexec", &argv);
	assert_true(spore__strs_has(&argv, "/libexec/tcc-prelude.h"));
	assert_true(spore__strs_has(&argv, "-Wimplicit-function-declaration"));
	spore__strs_finish(&argv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ordinary_text_is_fine),
	    cmocka_unit_test(test_what_tcc_lacks_is_refused),
	    cmocka_unit_test(test_what_tells_compilers_apart_is_refused),
	    cmocka_unit_test(test_what_tcc_gets_wrong_is_refused),
	    cmocka_unit_test(test_what_gcc_refuses_is_refused),
	    cmocka_unit_test(test_silent_mistakes_are_refused),
	    cmocka_unit_test(test_cut_text),
	    cmocka_unit_test(test_flags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
