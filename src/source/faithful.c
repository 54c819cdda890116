// One pass over the text, as a compiler's first phases see it: comments, strings, directives, numbers, words and marks. Nothing is
// expanded: what a macro of the file makes of these words is judged where the macro is written.
#include "source/faithful.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "source/faithful_words.h"

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
struct scan {
	const char *p, *end;
	bool line_start;           // only blanks since the line began
	bool question;             // a ? since the last ; { or }: a : may be its other half
	bool stddef, stdarg, wide; // <stddef.h>, <stdarg.h>, or one that has wchar_t
	const char *needs_stddef, *needs_stdarg, *needs_wide;
	bool enumeration, packed; // both words were seen
	bool generic, func;       // _Generic and __func__ were seen
	const char *word;         // the last token, when it was a word
	size_t word_len;
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
		while (n < len && want[n] != '\0' && want[n] == name[n])
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

// tcc takes as many digits behind \u as there are.
static const char *skip_string(struct scan *s)
{
	char quote = *s->p++;
	const char *why = NULL;
	while (s->p < s->end && *s->p != quote && *s->p != '\n') {
		if (*s->p++ != '\\' || s->p == s->end)
			continue;
		if (*s->p == 'u' || *s->p == 'U')
			why = "names characters by number, with \\u";
		s->p++;
	}
	if (s->p < s->end)
		s->p++;
	return why;
}

// An expression of #if, which tcc computes with int where C says intmax_t.
static const char *judge_condition(const struct scan *s)
{
	for (const char *p = s->p; p < s->end && *p != '\n'; p++) {
		if (*p == '/' && s->end - p > 1 && (p[1] == '/' || p[1] == '*'))
			return NULL;
		if (*p == '+' || *p == '*' || *p == '~' || *p == '-' || (*p == '<' && s->end - p > 1 && p[1] == '<'))
			return "calculates in #if";
		if (*p == '\\' && s->end - p > 1)
			p++;
	}
	return NULL;
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
	if (equal(name, len, "if") || equal(name, len, "elif"))
		return judge_condition(s);
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
	if (why == NULL && name[-1] == '<' && FIND(plain_headers, name, len) == NULL)
		why = "uses a library that may take structures otherwise than tcc passes them";
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
			(void)skip_string(s);
		} else if (is(WORD, *s->p)) {
			const char *name;
			size_t len = take_word(s, &name);
			while (len > 4 && memcmp(name, "__", 2) == 0 && memcmp(name + len - 2, "__", 2) == 0) {
				name += 2;
				len -= 4;
			}
			bool priority = depth > 2 && is(DIGIT, *name) && len > 2; // constructor(101)
			s->packed = s->packed || (depth <= 2 && equal(name, len, "packed"));
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
			size_t len = take_word(s, &name);
			known = FIND(va_types, name, len) != NULL;
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

// Names that tcc's own headers give away even where gcc's do not.
static void note_needs(struct scan *s, const char *name, size_t len)
{
	if (equal(name, len, "offsetof"))
		s->needs_stddef = "uses offsetof without <stddef.h>";
	else if (equal(name, len, "ptrdiff_t"))
		s->needs_stddef = "uses ptrdiff_t without <stddef.h>";
	else if (equal(name, len, "va_start"))
		s->needs_stdarg = "uses va_start without <stdarg.h>";
	else if (equal(name, len, "wchar_t"))
		s->needs_wide = "uses wchar_t without <wchar.h>";
}

static const char *judge_word(struct scan *s)
{
	const char *name;
	size_t len = take_word(s, &name);
	s->line_start = false;
	const char *why = find_word(name, len);
	if (why != NULL)
		return why;
	if (*name == '_') {
		if (equal(name, len, "__attribute__") || equal(name, len, "__attribute"))
			return judge_attributes(s);
		s->generic = s->generic || equal(name, len, "_Generic");
		s->func = s->func || equal(name, len, "__func__") || equal(name, len, "__FUNCTION__");
		if (s->generic && s->func)
			return "uses __func__ beside _Generic";
	} else if (equal(name, len, "enum")) {
		s->enumeration = true;
	} else if (equal(name, len, "va_arg")) {
		return judge_va_arg(s);
	} else if (len >= 7 && len <= 9) {
		note_needs(s, name, len);
	}
	s->word = name;
	s->word_len = len;
	return NULL;
}

static const char *judge_mark(struct scan *s)
{
	const char *why = NULL;
	switch (*s->p) {
	case '(':
		why = judge_parenthesis(s);
		break;
	case ':':
		why = s->word != NULL ? judge_colon(s) : (s->p++, NULL);
		break;
	case '?':
		s->question = true;
		s->p++;
		break;
	case ';':
	case '{':
	case '}':
		s->question = false;
		s->p++;
		break;
	default:
		s->p++;
	}
	s->word = NULL;
	return why;
}

const char *spore__faithful_refusal(const char *text, size_t len)
{
	struct scan s = {.p = text, .end = text + len, .line_start = true};
	const char *why = NULL;
	while (s.p < s.end && why == NULL) {
		char c = *s.p;
		if (is(SPACE, c)) {
			s.p++;
		} else if (is(LETTER, c)) {
			why = judge_word(&s);
		} else if (c == '\n') {
			s.line_start = true;
			s.p++;
		} else if (c == '"' || c == '\'') {
			why = skip_string(&s);
			s.line_start = false;
			s.word = NULL;
		} else if (c == '/' && s.end - s.p > 1 && (s.p[1] == '/' || s.p[1] == '*')) {
			skip_comment(&s);
		} else if (c == '#' && s.line_start) {
			s.line_start = false;
			why = directive(&s);
		} else if (is(DIGIT, c)) {
			(void)take_word(&s, &(const char *){NULL});
			s.line_start = false;
			s.word = NULL;
		} else if ((unsigned char)c >= 0x80) {
			why = "has identifiers beyond ASCII";
		} else {
			s.line_start = false;
			why = judge_mark(&s);
		}
	}
	if (why == NULL && s.enumeration && s.packed)
		why = "may have packed enumerations";
	if (why == NULL && !s.stddef)
		why = s.needs_stddef;
	if (why == NULL && !s.stdarg)
		why = s.needs_stdarg;
	if (why == NULL && !s.wide)
		why = s.needs_wide;
	if (why == NULL)
		why = spore__faithful_shape(text, len);
	return why != NULL ? why : spore__faithful_strict(text, len);
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
