// One pass over the text, as a compiler's first phases see it: comments, strings, directives, numbers, words and marks. Nothing is
// expanded: what a macro of the file makes of these words is judged where the macro is written.
#include "source/faithful.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

struct word {
	const char *name, *why;
};

// Identifiers that tcc lacks, ignores or gets wrong, by their first letter. Those ending with * stand for all that begin so.
static const struct word words_low_line[] = {
    {"_Thread_local", "uses _Thread_local"},
    {"__thread", "uses __thread"},
    {"_Atomic", "uses _Atomic"},
    {"__atomic_*", "uses __atomic builtins"},
    {"__sync_*", "uses __sync builtins"},
    {"__int128*", "uses __int128"},
    {"__uint128_t", "uses __int128"},
    {"_Complex", "uses complex numbers"},
    {"__complex*", "uses complex numbers"},
    {"_Imaginary", "uses complex numbers"},
    {"__real*", "uses complex numbers"},
    {"__imag*", "uses complex numbers"},
    {"__builtin_*", "uses compiler builtins"},
    {"__asm*", "uses assembler"},
    {"_Float*", "uses _Float types"},
    {"__float128", "uses __float128"},
    {"_Decimal*", "uses decimal floating point"},
    {"_Accum", "uses fixed point"},
    {"_Fract", "uses fixed point"},
    {"__STDC_NO_*", "asks what the compiler has"},
    {"__STDC_I*", "asks what the compiler has"},
    {"__STDC_UTF*", "asks what the compiler has"},
    // what gcc defines and the prelude does not
    {"__BIGGEST*", "asks which compiler it is"},
    {"__CHAR16*", "asks which compiler it is"},
    {"__CHAR32*", "asks which compiler it is"},
    {"__DBL_*", "asks which compiler it is"},
    {"__DEC*", "asks which compiler it is"},
    {"__FINITE*", "asks how it is compiled"},
    {"__FLOAT_*", "asks which compiler it is"},
    {"__FLT*", "asks which compiler it is"},
    {"__FXSR__", "asks for the processor"},
    {"__GCC*", "asks which compiler it is"},
    {"__GNU*", "asks which compiler it is"},
    {"__GXX*", "asks which compiler it is"},
    {"__HAVE_SPEC*", "asks which compiler it is"},
    {"__INT*", "asks which compiler it is"},
    {"__UINT*", "asks which compiler it is"},
    {"__WCHAR_*", "asks which compiler it is"},
    {"__WINT_*", "asks which compiler it is"},
    {"__PTRDIFF_*", "asks which compiler it is"},
    {"__USER_*", "asks which compiler it is"},
    {"__LDBL_*", "asks which compiler it is"},
    {"__MMX*", "asks for the processor"},
    {"__SC*", "asks which compiler it is"},
    {"__SE*", "asks which compiler it is"},
    {"__SH*", "asks which compiler it is"},
    {"__SI*", "asks which compiler it is"},
    {"__SS*", "asks for the processor"},
    {"__TINYC__", "asks which compiler it is"},
    {"__clang*", "asks which compiler it is"},
    {"__INTEL*", "asks which compiler it is"},
    {"_MSC_VER", "asks which compiler it is"},
    {"__VERSION__", "asks which compiler it is"},
    {"__OPTIMIZE*", "asks how it is compiled"},
    {"__NO_INLINE__", "asks how it is compiled"},
    {"__PIC__", "asks how it is compiled"},
    {"__PIE__", "asks how it is compiled"},
    {"__pic__", "asks how it is compiled"},
    {"__pie__", "asks how it is compiled"},
    {"__AVX*", "asks for the processor"},
    {"__BMI*", "asks for the processor"},
    {"__FMA*", "asks for the processor"},
    {"__POPCNT__", "asks for the processor"},
    {"__has_*", "asks what the compiler has"},
    {"_Pragma", "uses _Pragma"},
    {"__pragma", "uses _Pragma"},
    {"__COUNTER__", "uses __COUNTER__"},
    {"__BASE_FILE__", "uses __BASE_FILE__"},
    {"__INCLUDE_LEVEL__", "uses __INCLUDE_LEVEL__"},
    {"__TIMESTAMP__", "uses __TIMESTAMP__"},
    {"__PRETTY_FUNCTION__", "uses __PRETTY_FUNCTION__"},
    {"__label__", "uses local labels"},
    {"__auto_type", "uses __auto_type"},
    {"_BitInt", "uses _BitInt"},
    {"__vector", "uses vectors"},
    {"__m64*", "uses vectors"},
    {"__m128*", "uses vectors"},
    {"__m256*", "uses vectors"},
    {"__m512*", "uses vectors"},
    {"_mm_*", "uses vectors"},
    {"_mm256_*", "uses vectors"},
    {"_setjmp", "uses setjmp"},
    {"_Alignas", "uses _Alignas"},
    {"__seg_*", "uses address spaces"},
};
static const struct word words_a[] = {
    {"asm", "uses assembler"},
    {"atomic_*", "uses atomics"},
    {"alloca", "uses alloca"},
    {"alignas", "uses alignas"},
};
static const struct word words_c[] = {{"constexpr", "uses C23"}};
static const struct word words_n[] = {{"nullptr", "uses C23"}};
static const struct word words_s[] = {{"setjmp", "uses setjmp"}, {"sigsetjmp", "uses setjmp"}};
static const struct word words_t[] = {{"thread_local", "uses thread_local"}, {"typeof_unqual", "uses C23"}};
// (0.0f / 0.0f) there, which has the other sign
static const struct word words_N[] = {{"NAN", "uses NAN"}};
static const struct word words_F[] = {{"FLT_EVAL_METHOD", "asks how it is compiled"}};
// constants are folded with the precision of double, see spore__faithful_enter
static const struct word words_L[] = {{"LDBL_*", "uses long double"}};

static const struct word headers[] = {
    {"complex.h", "includes complex.h"},
    {"tgmath.h", "includes tgmath.h"},
    {"stdatomic.h", "includes stdatomic.h"},
    {"threads.h", "includes threads.h"},
    {"fenv.h", "includes fenv.h"},
    {"immintrin.h", "includes SIMD headers"},
    {"mmintrin.h", "includes SIMD headers"},
    {"emmintrin.h", "includes SIMD headers"},
    {"xmmintrin.h", "includes SIMD headers"},
    {"pmmintrin.h", "includes SIMD headers"},
    {"smmintrin.h", "includes SIMD headers"},
    {"tmmintrin.h", "includes SIMD headers"},
    {"nmmintrin.h", "includes SIMD headers"},
    {"x86intrin.h", "includes SIMD headers"},
    {"arm_neon.h", "includes SIMD headers"},
    {"cpuid.h", "uses assembler"},
    {"omp.h", "uses OpenMP"},
    {"quadmath.h", "includes quadmath.h"},
    {"alloca.h", "uses alloca"},
    {"setjmp.h", "uses setjmp"},
    {"stdckdint.h", "uses C23"},
    {"stdbit.h", "uses C23"},
};

// Those that have wchar_t.
static const struct word wide_headers[] = {
    {"stddef.h", ""}, {"stdlib.h", ""}, {"wchar.h", ""}, {"wctype.h", ""}, {"inttypes.h", ""},
};

// Attributes that tcc heeds, or that change nothing but warnings and speed.
static const struct word attributes[] = {
    {"packed", ""},
    {"unused", ""},
    {"noreturn", ""},
    {"format", ""},
    {"constructor", ""},
    {"destructor", ""},
    {"const", ""},
    {"pure", ""},
    {"nonnull", ""},
    {"malloc", ""},
    {"warn_unused_result", ""},
    {"always_inline", ""},
    {"noinline", ""},
    {"hot", ""},
    {"cold", ""},
    {"deprecated", ""},
    {"format_arg", ""},
    {"returns_nonnull", ""},
    {"sentinel", ""},
    {"nothrow", ""},
    {"leaf", ""},
    {"used", ""},
    {"alloc_size", ""},
    {"access", ""},
};

// What va_arg may take: scalars. A structure in SSE registers is read from the wrong place, and a typedef may name one.
static const struct word va_types[] = {
    {"int", ""},      {"long", ""},      {"unsigned", ""}, {"signed", ""},    {"double", ""},   {"char", ""},
    {"size_t", ""},   {"ssize_t", ""},   {"int64_t", ""},  {"int32_t", ""},   {"uint64_t", ""}, {"uint32_t", ""},
    {"intmax_t", ""}, {"uintmax_t", ""}, {"intptr_t", ""}, {"uintptr_t", ""}, {"wchar_t", ""},  {"wint_t", ""},
    {"off_t", ""},    {"time_t", ""},    {"mode_t", ""},   {"pid_t", ""},     {"uid_t", ""},    {"ptrdiff_t", ""},
};

enum { SPACE = 1, LETTER = 2, DIGIT = 4, WORD = LETTER | DIGIT, HIGH = 8 };
#define S SPACE
#define L LETTER
#define D DIGIT
static const uint8_t kinds[256] = {
    ['\t'] = S, ['\v'] = S, ['\f'] = S, ['\r'] = S, [' '] = S, ['_'] = L, ['$'] = L, ['0'] = D, ['1'] = D, ['2'] = D,
    ['3'] = D,  ['4'] = D,  ['5'] = D,  ['6'] = D,  ['7'] = D, ['8'] = D, ['9'] = D, ['A'] = L, ['B'] = L, ['C'] = L,
    ['D'] = L,  ['E'] = L,  ['F'] = L,  ['G'] = L,  ['H'] = L, ['I'] = L, ['J'] = L, ['K'] = L, ['L'] = L, ['M'] = L,
    ['N'] = L,  ['O'] = L,  ['P'] = L,  ['Q'] = L,  ['R'] = L, ['S'] = L, ['T'] = L, ['U'] = L, ['V'] = L, ['W'] = L,
    ['X'] = L,  ['Y'] = L,  ['Z'] = L,  ['a'] = L,  ['b'] = L, ['c'] = L, ['d'] = L, ['e'] = L, ['f'] = L, ['g'] = L,
    ['h'] = L,  ['i'] = L,  ['j'] = L,  ['k'] = L,  ['l'] = L, ['m'] = L, ['n'] = L, ['o'] = L, ['p'] = L, ['q'] = L,
    ['r'] = L,  ['s'] = L,  ['t'] = L,  ['u'] = L,  ['v'] = L, ['w'] = L, ['x'] = L, ['y'] = L, ['z'] = L,
};
#undef S
#undef L
#undef D

// Where the scan is, and what it remembers of the tokens before.
enum { LEVELS_MAX = 32, DESIGNATORS_MAX = 512 };

// What is between two braces: designators[first] to the last are its own.
struct level {
	unsigned first;
	int parentheses; // open ones, of both kinds
};

struct scan {
	const char *p, *end;
	bool line_start;                       // only blanks since the line began
	bool question;                         // a ? since the last ; { or }: a : may be its other half
	bool generic, func;                    // _Generic and __func__ were seen
	bool stddef, stdarg, wide;             // <stddef.h>, <stdarg.h>, or one that has wchar_t
	const char *needs_stddef, *needs_wide; // a word of theirs was used
	const char *needs_stdarg;              // likewise
	const char *word;                      // the last token, when it was a word
	size_t word_len;
	const char *function; // whose body it is; between functions what may be the next one's name
	size_t function_len;
	bool returns, tail; // in a return statement; which ends with a call of the function itself
	int self_calls;     // in this return statement
	int depth;          // of braces
	struct level levels[LEVELS_MAX];
	uint32_t designators[DESIGNATORS_MAX]; // hashes
	unsigned count;
};

static bool is(unsigned kind, char c)
{
	return (kinds[(unsigned char)c] & kind) != 0;
}

static const char *find(const struct word *table, size_t count, const char *name, size_t len)
{
	for (size_t i = 0; i < count; i++) {
		const char *want = table[i].name;
		size_t n = 0;
		while (n < len && want[n] == name[n])
			n++;
		if (want[n] == '*' || (n == len && want[n] == '\0'))
			return table[i].why;
	}
	return NULL;
}

#define FIND(table, name, len) find(table, sizeof(table) / sizeof *(table), name, len)

static const char *find_word(const char *name, size_t len)
{
	switch (*name) {
	case '_':
		return FIND(words_low_line, name, len);
	case 'a':
		return FIND(words_a, name, len);
	case 'c':
		return FIND(words_c, name, len);
	case 'n':
		return FIND(words_n, name, len);
	case 's':
		return FIND(words_s, name, len);
	case 't':
		return FIND(words_t, name, len);
	case 'F':
		return FIND(words_F, name, len);
	case 'L':
		return FIND(words_L, name, len);
	case 'N':
		return FIND(words_N, name, len);
	default:
		return NULL;
	}
}

static bool equal(const char *name, size_t len, const char *want)
{
	return strlen(want) == len && memcmp(name, want, len) == 0;
}

static void skip_blanks(struct scan *s)
{
	while (s->p < s->end && is(SPACE, *s->p))
		s->p++;
}

static size_t take_word(struct scan *s, const char **name)
{
	*name = s->p;
	while (s->p < s->end && is(WORD, *s->p))
		s->p++;
	return (size_t)(s->p - *name);
}

static void skip_comment(struct scan *s)
{
	const char *p = s->p + 2;
	if (s->p[1] == '*') {
		for (;; p++) {
			p = memchr(p, '*', (size_t)(s->end - p));
			if (p == NULL || s->end - p < 2) {
				s->p = s->end;
				return;
			}
			if (p[1] == '/')
				break;
		}
		s->p = p + 2;
		return;
	}
	for (;; p++) {
		p = memchr(p, '\n', (size_t)(s->end - p));
		if (p == NULL)
			p = s->end;
		if (p == s->end || p[-1] != '\\')
			break;
	}
	s->p = p;
}

// Whether it ends.
static bool skip_string(struct scan *s)
{
	char quote = *s->p++;
	while (s->p < s->end && *s->p != quote && *s->p != '\n')
		s->p += *s->p == '\\' && s->end - s->p > 1 ? 2 : 1;
	bool ends = s->p < s->end && *s->p == quote;
	s->p += ends;
	return ends;
}

// A line that begins with #. Leaves the scan where its words begin.
static const char *directive(struct scan *s)
{
	static const struct word pragmas[] = {{"once", ""}, {"pack", ""}, {"STDC", ""}, {"message", ""}};
	const char *name;
	s->p++;
	skip_blanks(s);
	size_t len = take_word(s, &name);
	skip_blanks(s);
	if (equal(name, len, "pragma")) {
		len = take_word(s, &name);
		if (equal(name, len, "GCC")) {
			skip_blanks(s);
			len = take_word(s, &name);
			return equal(name, len, "diagnostic") ? NULL : "uses #pragma";
		}
		return FIND(pragmas, name, len) != NULL ? NULL : "uses #pragma";
	}
	if (equal(name, len, "include_next"))
		return "uses #include_next";
	if (!equal(name, len, "include") || s->p == s->end || (*s->p != '<' && *s->p != '"'))
		return NULL;
	name = ++s->p;
	while (s->p < s->end && *s->p != '>' && *s->p != '"' && *s->p != '\n')
		s->p++;
	len = (size_t)(s->p - name);
	const char *why = FIND(headers, name, len);
	bool local = name[-1] == '"'; // it may include anything
	s->stddef = s->stddef || local || equal(name, len, "stddef.h");
	s->stdarg = s->stdarg || local || equal(name, len, "stdarg.h");
	s->wide = s->wide || local || FIND(wide_headers, name, len) != NULL;
	if (s->p < s->end && *s->p != '\n')
		s->p++;
	return why;
}

// Behind the word __attribute__: what is in its parentheses.
static const char *judge_attributes(struct scan *s)
{
	int depth = 0;
	do {
		skip_blanks(s);
		if (s->p == s->end)
			return NULL;
		if (*s->p == '"') {
			if (!skip_string(s))
				return "has a string that does not end";
		} else if (is(WORD, *s->p)) {
			const char *name;
			size_t len = take_word(s, &name);
			while (len > 4 && memcmp(name, "__", 2) == 0 && memcmp(name + len - 2, "__", 2) == 0) {
				name += 2;
				len -= 4;
			}
			bool priority = depth > 2 && is(DIGIT, *name) && len > 2; // constructor(101)
			if (priority || (depth <= 2 && FIND(attributes, name, len) == NULL))
				return "uses attributes that tcc does not know well";
		} else {
			depth += *s->p == '(' ? 1 : *s->p == ')' ? -1 : 0;
			s->p++;
		}
	} while (depth > 0);
	return NULL;
}

// Behind the word va_arg: its type.
static const char *judge_va_arg(struct scan *s)
{
	int depth = 0;
	bool type = false, pointer = false, known = false;
	for (; s->p < s->end && (depth > 0 || is(SPACE, *s->p) || *s->p == '('); s->p++) {
		if (*s->p == '*')
			pointer = true;
		if (*s->p == ',' && depth == 1)
			type = true;
		depth += *s->p == '(' ? 1 : *s->p == ')' ? -1 : 0;
		if (depth == 0 && *s->p == ')') {
			s->p++;
			break;
		}
		if (type && is(LETTER, *s->p)) {
			const char *name;
			known = FIND(va_types, name, take_word(s, &name)) != NULL;
			s->p--;
		} else if (*s->p == ';' || *s->p == '{') {
			break;
		}
	}
	return !type || pointer || known ? NULL : "passes structures to va_arg";
}

// At a : behind a word. A bit-field wider than int is promoted to int, or to long, as the compiler likes.
static const char *judge_colon(struct scan *s)
{
	const char *number;
	unsigned long value = 0;
	s->p++;
	skip_blanks(s);
	if (s->question || s->p == s->end || !is(DIGIT, *s->p))
		return NULL;
	size_t len = take_word(s, &number);
	for (size_t i = 0; i < len && i < 3 && is(DIGIT, number[i]); i++)
		value = value * 10 + (unsigned long)(number[i] - '0');
	skip_blanks(s);
	bool field = s->p < s->end && (*s->p == ';' || *s->p == ',');
	return field && len == 2 && value > 32 && value <= 64 ? "has bit-fields wider than int" : NULL;
}

// At a ( behind a word or *. A pointer to an array of variable length, (*p)[n], steps by the wrong size.
static const char *judge_parenthesis(struct scan *s)
{
	static const struct word no_types[] = {{"return", ""}, {"sizeof", ""}, {"case", ""}, {"else", ""}, {"do", ""}};
	bool type = s->word != NULL && FIND(no_types, s->word, s->word_len) == NULL;
	const char *name;
	s->p++;
	const char *back = s->p;
	skip_blanks(s);
	bool found = false;
	if (s->p < s->end && *s->p == '*') {
		s->p++;
		skip_blanks(s);
		(void)take_word(s, &name);
		skip_blanks(s);
		if (s->end - s->p > 2 && *s->p == ')') {
			s->p++;
			skip_blanks(s);
			if (s->p < s->end && *s->p == '[')
				for (found = false, s->p++; s->p < s->end && *s->p != ']' && !found; s->p++)
					found = (*s->p >= 'a' && *s->p <= 'z') ||
					        (is(LETTER, *s->p) && !is(WORD, s->p[-1]) && s->end - s->p > 1 &&
					         !is(WORD, s->p[1]));
		}
	}
	s->p = back;
	return type && found ? "may have pointers to arrays of variable length" : NULL;
}

// Past blanks, line ends and comments.
static void skip_space(struct scan *s)
{
	while (s->p < s->end) {
		if (is(SPACE, *s->p) || *s->p == '\n')
			s->p++;
		else if (*s->p == '/' && s->end - s->p > 1 && (s->p[1] == '/' || s->p[1] == '*'))
			skip_comment(s);
		else
			return;
	}
}

// Behind { or , at the level of braces LEVEL: the element of an initialiser, perhaps. One that is named twice gets both values,
// merged, and parts of elements that were named get lost.
static const char *judge_element(struct scan *s, struct level *level)
{
	const char *back = s->p;
	skip_space(s);
	const char *start = s->p;
	char c = s->p < s->end ? *s->p : '\0';
	bool named = true, simple = true;
	uint32_t hash = 2166136261u;
	if (c == '[') {
		for (; s->p < s->end && *s->p != ']' && *s->p != ';'; s->p++) {
			simple = simple && !(s->end - s->p > 2 && memcmp(s->p, "...", 3) == 0);
			if (!is(SPACE, *s->p))
				hash = (hash ^ (unsigned char)*s->p) * 16777619u;
		}
		s->p += s->p < s->end;
	} else if (c == '.' && s->end - s->p > 1 && is(LETTER, s->p[1])) {
		for (s->p++; s->p < s->end && is(WORD, *s->p); s->p++)
			hash = (hash ^ (unsigned char)*s->p) * 16777619u;
	} else {
		named = false;
	}
	skip_space(s);
	simple = simple && s->p < s->end && *s->p == '=';
	s->p = back;
	if (!named) // what a macro gives cannot be seen
		return s->count > level->first && c != '}' && c != '#' && start < s->end
		           ? "has initialisers that go on behind a designator"
		           : NULL;
	if (!simple)
		return "has designators of ranges or of parts";
	for (unsigned i = level->first; i < s->count; i++)
		if (s->designators[i] == hash)
			return "initialises an element twice";
	if (s->count == DESIGNATORS_MAX)
		return "has very many designators";
	s->designators[s->count++] = hash;
	return NULL;
}

static struct level *level_of(struct scan *s)
{
	return &s->levels[s->depth < LEVELS_MAX ? s->depth : LEVELS_MAX - 1];
}

static const char *open_brace(struct scan *s)
{
	s->depth++;
	*level_of(s) = (struct level){.first = s->count};
	s->question = false;
	s->returns = false;
	s->p++;
	return judge_element(s, level_of(s));
}

static void close_brace(struct scan *s)
{
	s->count = level_of(s)->first;
	s->depth -= s->depth > 0;
	s->question = false;
	s->returns = false;
	if (s->depth == 0)
		s->function = NULL;
	s->p++;
}

// At the name of the function whose body it is, in a return statement: is it called, and is that all that is left to do?
static void note_self_call(struct scan *s)
{
	int depth = 0;
	const char *p = s->p;
	while (p < s->end && is(SPACE, *p))
		p++;
	if (p == s->end || *p != '(')
		return;
	for (; p < s->end && *p != ';'; p++) {
		depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
		if (depth == 0)
			break;
	}
	while (p < s->end && (*p == ')' || is(SPACE, *p)))
		p++;
	s->self_calls++;
	s->tail = p < s->end && *p == ';';
}

static const char *end_statement(struct scan *s)
{
	bool loop = s->returns && s->tail && s->self_calls == 1;
	s->question = false;
	s->returns = false;
	if (s->depth == 0)
		s->function = NULL;
	s->p++;
	return loop ? "calls itself at its end, without need of stack when optimised" : NULL;
}

// Keywords, and names that gcc knows only from their header.
static const char *judge_known(struct scan *s, const char *name, size_t len)
{
	switch (*name) {
	case 'd':
		if (equal(name, len, "double") && s->word != NULL && equal(s->word, s->word_len, "long"))
			return "uses long double";
		break;
	case 'l':
		if (equal(name, len, "long") && s->word != NULL && equal(s->word, s->word_len, "double"))
			return "uses long double";
		break;
	case 'o':
		if (equal(name, len, "offsetof"))
			s->needs_stddef = "uses offsetof without <stddef.h>";
		break;
	case 'p':
		if (equal(name, len, "ptrdiff_t"))
			s->needs_stddef = "uses ptrdiff_t without <stddef.h>";
		break;
	case 'r':
		if (equal(name, len, "return")) {
			s->returns = true;
			s->tail = false;
			s->self_calls = 0;
		} else if (equal(name, len, "register") && s->depth == 0 && s->levels[0].parentheses == 0) {
			return "has register outside of functions";
		}
		break;
	case 's':
		if (equal(name, len, "static") && level_of(s)->parentheses > 0)
			return "has static in parentheses";
		break;
	case 'v':
		if (equal(name, len, "va_arg"))
			return judge_va_arg(s);
		if (equal(name, len, "va_start"))
			s->needs_stdarg = "uses va_start without <stdarg.h>";
		break;
	case 'w':
		if (equal(name, len, "wchar_t"))
			s->needs_wide = "uses wchar_t without <wchar.h>";
		break;
	case '_':
		if (equal(name, len, "__attribute__") || equal(name, len, "__attribute"))
			return judge_attributes(s);
		s->generic = s->generic || equal(name, len, "_Generic");
		s->func = s->func || equal(name, len, "__func__") || equal(name, len, "__FUNCTION__");
		if (s->generic && s->func)
			return "uses __func__ beside _Generic";
		break;
	default:
		break;
	}
	return NULL;
}

static const char *judge_word(struct scan *s)
{
	const char *name;
	size_t len = take_word(s, &name);
	s->line_start = false;
	const char *why = find_word(name, len);
	if (why == NULL)
		why = judge_known(s, name, len);
	if (s->returns && s->depth > 0 && s->function != NULL && len == s->function_len &&
	    memcmp(name, s->function, len) == 0)
		note_self_call(s);
	s->word = name;
	s->word_len = len;
	return why;
}

static const char *judge_number(struct scan *s)
{
	const char *start = s->p;
	bool real = false;
	bool hex = s->end - s->p > 1 && s->p[0] == '0' && (s->p[1] | 0x20) == 'x';
	for (; s->p < s->end; s->p++) {
		char c = *s->p, lower = (char)(c | 0x20);
		bool exponent = s->p > start && (s->p[-1] | 0x20) == (hex ? 'p' : 'e') && (c == '+' || c == '-');
		if (!is(WORD, c) && c != '.' && !exponent)
			break;
		real = real || c == '.' || lower == (hex ? 'p' : 'e');
	}
	s->line_start = false;
	s->word = NULL;
	return real && (s->p[-1] | 0x20) == 'l' ? "uses long double" : NULL;
}

static const char *judge_mark(struct scan *s)
{
	const char *why = NULL;
	struct level *level = level_of(s);
	switch (*s->p) {
	case '(':
		if (s->depth == 0 && level->parentheses == 0 && s->word != NULL) {
			s->function = s->word;
			s->function_len = s->word_len;
		}
		level->parentheses++;
		why = judge_parenthesis(s);
		break;
	case '[':
		level->parentheses++;
		s->p++;
		break;
	case ')':
	case ']':
		level->parentheses -= level->parentheses > 0;
		s->p++;
		break;
	case ',':
		s->p++;
		if (s->depth > 0 && level->parentheses == 0)
			why = judge_element(s, level);
		break;
	case ':':
		why = s->word != NULL ? judge_colon(s) : (s->p++, NULL);
		break;
	case '?':
		s->question = true;
		s->p++;
		break;
	case ';':
		why = end_statement(s);
		break;
	case '{':
		why = open_brace(s);
		break;
	case '}':
		close_brace(s);
		break;
	default:
		s->p++;
	}
	s->word = NULL;
	return why;
}

static const char *judge_token(struct scan *s)
{
	char c = *s->p;
	if (is(LETTER, c))
		return judge_word(s);
	if (is(DIGIT, c) || (c == '.' && s->end - s->p > 1 && is(DIGIT, s->p[1])))
		return judge_number(s);
	if (c == '#' && s->line_start) {
		s->line_start = false;
		return directive(s);
	}
	s->line_start = false;
	if (c == '"' || c == '\'') {
		bool ends = skip_string(s);
		s->word = NULL;
		return ends ? NULL : "has a string that does not end";
	}
	if ((unsigned char)c >= 0x80)
		return "has identifiers beyond ASCII";
	return judge_mark(s);
}

const char *spore__faithful_refusal(const char *text, size_t len)
{
	struct scan s = {.p = text, .end = text + len, .line_start = true};
	const char *why = NULL;
	while (s.p < s.end && why == NULL) {
		if (is(SPACE, *s.p)) {
			s.p++;
		} else if (*s.p == '\n') {
			s.line_start = true;
			s.p++;
		} else if (*s.p == '/' && s.end - s.p > 1 && (s.p[1] == '/' || s.p[1] == '*')) {
			skip_comment(&s);
		} else {
			why = judge_token(&s);
		}
	}
	if (why == NULL && !s.stddef)
		why = s.needs_stddef;
	if (why == NULL && !s.stdarg)
		why = s.needs_stdarg;
	if (why == NULL && !s.wide)
		why = s.needs_wide;
	return why != NULL ? why : spore__faithful_shape(text, len);
}

const char *spore__faithful_refuses_flags(const char *const *flags)
{
	static const char *const fine[] = {"-D", "-U", "-I", "-W", "-pthread"};
	for (; flags != NULL && *flags != NULL; flags++) {
		bool known = false;
		for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
			known = known || strncmp(*flags, fine[i], strlen(fine[i])) == 0;
		if (!known || strncmp(*flags, "-Werror", 7) == 0 || strncmp(*flags, "-Wl,", 4) == 0)
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

void spore__faithful_enter(void)
{
#ifdef __x86_64__
	const unsigned short precision_of_double = 0x027f;
	__asm__ volatile("fldcw %0" : : "m"(precision_of_double));
#endif
}
