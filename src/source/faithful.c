#include "source/faithful.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

struct word {
	const char *name, *why;
};

// Identifiers that tcc lacks, ignores or gets wrong. Those ending with * stand for all that begin so.
static const struct word words[] = {
    {"_Thread_local", "uses _Thread_local"},
    {"thread_local", "uses thread_local"},
    {"__thread", "uses __thread"},
    {"_Atomic", "uses _Atomic"},
    {"__atomic_*", "uses __atomic builtins"},
    {"__sync_*", "uses __sync builtins"},
    {"atomic_*", "uses atomics"},
    {"__int128", "uses __int128"},
    {"__int128_t", "uses __int128"},
    {"__uint128_t", "uses __int128"},
    {"_Complex", "uses complex numbers"},
    {"_Imaginary", "uses complex numbers"},
    {"__builtin_*", "uses compiler builtins"},
    {"asm", "uses assembler"},
    {"__asm", "uses assembler"},
    {"__asm__", "uses assembler"},
    {"__STDC_VERSION__", "asks which C it is"},
    {"_Float*", "uses _Float types"},
    {"__float128", "uses __float128"},
    {"_Decimal*", "uses decimal floating point"},
    {"alloca", "uses alloca"},
    {"__TINYC__", "asks which compiler it is"},
    {"__GNUC__", "asks which compiler it is"},
    {"__clang__", "asks which compiler it is"},
    {"__OPTIMIZE__", "asks how it is compiled"},
    {"__VERSION__", "asks which compiler it is"},
    {"__STDC_NO_*", "asks what the compiler has"},
    {"__has_builtin", "asks what the compiler has"},
    {"__has_attribute", "asks what the compiler has"},
    {"_Pragma", "uses _Pragma"},
    {"__COUNTER__", "uses __COUNTER__"},
    {"__label__", "uses local labels"},
    {"__auto_type", "uses __auto_type"},
    {"_BitInt", "uses _BitInt"},
    {"typeof_unqual", "uses C23"},
    {"constexpr", "uses C23"},
    {"nullptr", "uses C23"},
    {"__vector", "uses vectors"},
    {"__m128*", "uses vectors"},
    {"__m256*", "uses vectors"},
    {"_mm_*", "uses vectors"},
    {"setjmp", "uses setjmp"},
    {"sigsetjmp", "uses setjmp"},
    {"_setjmp", "uses setjmp"},
    {"_Alignas", "uses _Alignas"},
    {"alignas", "uses alignas"},
};

static const struct word headers[] = {
    {"complex.h", "includes complex.h"},
    {"tgmath.h", "includes tgmath.h"},
    {"stdatomic.h", "includes stdatomic.h"},
    {"threads.h", "includes threads.h"},
    {"fenv.h", "includes fenv.h"},
    {"immintrin.h", "includes SIMD headers"},
    {"emmintrin.h", "includes SIMD headers"},
    {"xmmintrin.h", "includes SIMD headers"},
    {"x86intrin.h", "includes SIMD headers"},
    {"arm_neon.h", "includes SIMD headers"},
    {"omp.h", "uses OpenMP"},
    {"quadmath.h", "includes quadmath.h"},
    {"alloca.h", "uses alloca"},
    {"setjmp.h", "uses setjmp"},
};

static const char *find(const struct word *table, size_t count, const char *name, size_t len)
{
	for (size_t i = 0; i < count; i++) {
		size_t n = strlen(table[i].name);
		bool open = table[i].name[n - 1] == '*';
		if (open ? len >= n - 1 && memcmp(table[i].name, name, n - 1) == 0
		         : len == n && memcmp(table[i].name, name, n) == 0)
			return table[i].why;
	}
	return NULL;
}

#define FIND(table, name, len) find(table, sizeof(table) / sizeof *(table), name, len)

// A line that begins with #. *NEXT moves to where the scan of words goes on.
static const char *directive(const char *p, const char *end, const char **next)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	*next = p;
	if (end - p > 6 && memcmp(p, "pragma", 6) == 0)
		return "uses #pragma";
	if (end - p > 12 && memcmp(p, "include_next", 12) == 0)
		return "uses #include_next";
	if (end - p <= 7 || memcmp(p, "include", 7) != 0)
		return NULL;
	p += 7;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == end || (*p != '<' && *p != '"'))
		return NULL;
	const char *name = p + 1;
	for (p = name; p < end && *p != '>' && *p != '"' && *p != '\n';)
		p++;
	*next = p < end && *p != '\n' ? p + 1 : p;
	return FIND(headers, name, (size_t)(p - name));
}

static const char *skip_comment(const char *p, const char *end)
{
	if (p[1] == '/') {
		while (p < end && *p != '\n')
			p += *p == '\\' && p + 1 < end ? 2 : 1;
		return p < end ? p : end;
	}
	for (p += 2; p + 1 < end && !(*p == '*' && p[1] == '/'); p++)
		;
	return p + 1 < end ? p + 2 : end;
}

static const char *skip_string(const char *p, const char *end)
{
	char quote = *p++;
	while (p < end && *p != quote && *p != '\n')
		p += *p == '\\' && p + 1 < end ? 2 : 1;
	return p < end ? p + 1 : end;
}

// Attributes that tcc heeds, or that change nothing but warnings and speed.
static bool attribute_is_fine(const char *name, size_t len)
{
	static const char *const fine[] = {"packed",
	                                   "unused",
	                                   "noreturn",
	                                   "format",
	                                   "constructor",
	                                   "destructor",
	                                   "const",
	                                   "pure",
	                                   "nonnull",
	                                   "malloc",
	                                   "warn_unused_result",
	                                   "always_inline",
	                                   "noinline",
	                                   "hot",
	                                   "cold",
	                                   "deprecated",
	                                   "fallthrough",
	                                   "format_arg",
	                                   "returns_nonnull",
	                                   "sentinel",
	                                   "maybe_unused",
	                                   "nothrow",
	                                   "leaf",
	                                   "used",
	                                   "printf",
	                                   "gnu_printf",
	                                   "scanf"};
	while (len > 4 && memcmp(name, "__", 2) == 0 && memcmp(name + len - 2, "__", 2) == 0) {
		name += 2;
		len -= 4;
	}
	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
		if (strlen(fine[i]) == len && memcmp(fine[i], name, len) == 0)
			return true;
	return false;
}

// Behind the word __attribute__: what is in its parentheses. *AT moves behind them.
static const char *attributes(const char **at, const char *end)
{
	const char *p = *at;
	int depth = 0;
	bool inside = false;
	for (; p < end && (!inside || depth > 0); p++) {
		if (*p == '(') {
			inside = true;
			depth++;
		} else if (*p == ')') {
			depth--;
		} else if (isalpha((unsigned char)*p) || *p == '_') {
			const char *name = p;
			while (p < end && (isalnum((unsigned char)*p) || *p == '_'))
				p++;
			if (!inside || (depth == 2 && !attribute_is_fine(name, (size_t)(p - name))))
				return "uses attributes that tcc does not know well";
			p--;
		}
	}
	*at = p;
	return NULL;
}

const char *spore__faithful_refusal(const char *text, size_t len)
{
	const char *end = text + len;
	bool line_start = true;
	for (const char *p = text; p < end;) {
		unsigned char c = (unsigned char)*p;
		if (c == '\n') {
			line_start = true;
			p++;
		} else if (c == '/' && p + 1 < end && (p[1] == '/' || p[1] == '*')) {
			p = skip_comment(p, end);
		} else if (c == '"' || c == '\'') {
			p = skip_string(p, end);
			line_start = false;
		} else if (c == '#' && line_start) {
			const char *why = directive(p + 1, end, &p);
			if (why != NULL)
				return why;
			line_start = false;
		} else if (isalpha(c) || c == '_') {
			const char *name = p;
			while (p < end && (isalnum((unsigned char)*p) || *p == '_'))
				p++;
			size_t n = (size_t)(p - name);
			const char *why = FIND(words, name, n);
			if (why == NULL && ((n == 13 && memcmp(name, "__attribute__", n) == 0) ||
			                    (n == 11 && memcmp(name, "__attribute", n) == 0)))
				why = attributes(&p, end);
			if (why != NULL)
				return why;
			line_start = false;
		} else if (c >= 0x80) {
			return "has identifiers beyond ASCII";
		} else {
			line_start = line_start && isspace(c);
			p++;
		}
	}
	return NULL;
}

const char *spore__faithful_refuses_flags(const char *const *flags)
{
	static const char *const fine[] = {"-D", "-U", "-I", "-W", "-pthread"};
	for (; flags != NULL && *flags != NULL; flags++) {
		bool known = false;
		for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
			known = known || strncmp(*flags, fine[i], strlen(fine[i])) == 0;
		if (!known)
			return "has compiler flags that only the other one knows";
	}
	return NULL;
}

void spore__faithful_flags(const char *libexec, struct spore__strs *argv)
{
	spore__strs_add(argv, "-Wall");
	spore__strs_add(argv, "-Wimplicit-function-declaration");
	spore__strs_add(argv, "-include");
	spore__strs_addf(argv, "%s/tcc-prelude.h", libexec);
}
