// What gcc does not compile and tcc does without a word: a program with such a mistake must not run. The text is cut into tokens whose
// brackets know their other half; types are not known, so what depends on them is caught only where the text shows it.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/faithful.h"

// The kind of a token; a mark is its own.
enum { WORD = 'w', NUMBER = 'n', FLOATING = 'f', STRING = 's', NOTHING = 0 };

enum { DEPTH = 250, NAMES = 1024 };

struct token {
	const char *text;
	uint32_t len;
	uint32_t mate; // of a bracket: the other one, or itself
	uint32_t in;   // the innermost open bracket, plus 1; 0 outside of all
	uint8_t kind;
};

enum name_kind { UNKNOWN, CONSTANT, TO_CONSTANT, FIELD };

// Names, by their hash.
struct names {
	struct {
		const char *text;
		uint32_t len;
		enum name_kind kind;
	} slot[NAMES];
	uint32_t count;
};

struct strict {
	const char *p, *end;
	bool line_start;
	struct token *token;
	uint32_t count, room;
	uint32_t open[DEPTH];
	int depth;
	struct names everywhere, here; // constants and bit-fields of the file, of the function
	bool more_arguments, jumps, variable_array;
	const char *why;
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool same(const char *a, size_t len, const char *name)
{
	return *a == *name && strncmp(a, name, len) == 0 && name[len] == '\0';
}

static bool any_of(const struct token *t, const char *const *names)
{
	for (; t->kind == WORD && *names != NULL; names++)
		if (same(t->text, t->len, *names))
			return true;
	return false;
}

static bool word_is(const struct token *t, const char *name)
{
	return t->kind == WORD && same(t->text, t->len, name);
}

// What stands between the parameters of a macro and the end of its line: each lone # has to name one of them.
static const char *judge_macro_text(const char *p, const char *end, const char *from, const char *to)
{
	for (; p < end; p++) {
		if (*p == '"' || *p == '\'') {
			char quote = *p++;
			while (p < end && *p != quote)
				p += *p == '\\' && end - p > 1 ? 2 : 1;
		} else if (*p == '/' && end - p > 1 && p[1] == '/') {
			return NULL;
		} else if (*p == '/' && end - p > 1 && p[1] == '*') {
			for (p += 2; p < end && !(*p == '/' && p[-1] == '*'); p++)
				;
		} else if (*p == '#' && end - p > 1 && p[1] == '#') {
			p++;
		} else if (*p == '#') {
			do
				p++;
			while (p < end && (*p == ' ' || *p == '\t'));
			const char *name = p;
			while (p < end && is_word(*p))
				p++;
			size_t len = (size_t)(p-- - name);
			bool known = same(name, len, "__VA_ARGS__") || same(name, len, "__VA_OPT__");
			for (const char *q = from; !known && q + len <= to; q++)
				known = len > 0 && memcmp(q, name, len) == 0 && !is_word(q[-1]) && !is_word(q[len]);
			if (!known)
				return "may have a # that is followed by no parameter";
		}
	}
	return NULL;
}

// Behind #define.
static const char *judge_macro(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (p < end && is_word(*p))
		p++;
	if (p == end || *p != '(')
		return NULL;
	const char *from = ++p, *to = memchr(p, ')', (size_t)(end - p));
	if (to == NULL)
		return NULL;
	for (; p < to; p++) {
		const char *name = p;
		while (is_word(*p))
			p++;
		size_t len = (size_t)(p - name);
		for (const char *q = from; len > 0 && q + len <= name; q++)
			if (memcmp(q, name, len) == 0 && !is_word(q[-1]) && !is_word(q[len]))
				return "names a macro's parameter twice";
	}
	return judge_macro_text(to + 1, end, from, to);
}

static void skip_comment(struct strict *s)
{
	bool line = s->p[1] == '/';
	for (s->p += 2; s->p < s->end; s->p++) {
		if (line && *s->p == '\n' && s->p[-1] != '\\')
			return;
		if (!line && *s->p == '/' && s->p[-1] == '*' && s->p[-2] != '/') {
			s->p++;
			return;
		}
	}
}

static void take_directive(struct strict *s)
{
	const char *from = ++s->p;
	while (s->p < s->end && *s->p != '\n') {
		if (*s->p == '/' && s->end - s->p > 1 && s->p[1] == '*')
			skip_comment(s);
		else
			s->p += *s->p == '\\' && s->end - s->p > 1 ? 2 : 1;
	}
	if (s->p > s->end)
		s->p = s->end;
	while (from < s->p && (*from == ' ' || *from == '\t'))
		from++;
	if (s->p - from > 7 && memcmp(from, "define", 6) == 0)
		s->why = judge_macro(from + 6, s->p);
}

static void take_string(struct strict *s)
{
	char quote = *s->p++;
	for (; s->p < s->end && *s->p != quote && *s->p != '\n'; s->p++)
		if (*s->p == '\\' && s->end - s->p > 2) {
			if (s->p[1] == 'x' && !is_hex(s->p[2]))
				s->why = "has \\x without digits";
			s->p++;
		}
	s->p += s->p < s->end;
}

static uint8_t take_number(struct strict *s)
{
	static const char *const suffixes[] = {"", "u", "l", "ul", "lu", "ll", "LL", "ull", "uLL", "llu", "LLu", NULL};
	const char *from = s->p;
	bool hex = s->end - from > 1 && from[0] == '0' && (from[1] | 0x20) == 'x', floating = false;
	for (; s->p < s->end && (is_word(*s->p) || *s->p == '.'); s->p++) {
		char low = (char)(*s->p | 0x20);
		bool exponent = low == (hex ? 'p' : 'e');
		floating = floating || *s->p == '.' || exponent;
		if (exponent && s->end - s->p > 1 && (s->p[1] == '-' || s->p[1] == '+'))
			s->p++;
	}
	if (floating)
		return FLOATING;
	const char *p = hex ? from + 2 : from;
	const char *digits = p;
	if (!hex && s->p - p > 2 && p[0] == '0' && (p[1] | 0x20) == 'b')
		p += 2;
	while (p < s->p && (hex ? is_hex(*p) : is_digit(*p)))
		p++;
	char suffix[4] = "";
	size_t len = (size_t)(s->p - p);
	bool known = false;
	for (size_t i = 0; i < len && len < sizeof suffix; i++)
		suffix[i] = p[i] == 'U' ? 'u' : p[i];
	if (strchr(suffix, 'l') == NULL && strstr(suffix, "LL") == NULL)
		for (size_t i = 0; i < len && len < sizeof suffix; i++)
			suffix[i] = suffix[i] == 'L' ? 'l' : suffix[i];
	for (const char *const *want = suffixes; *want != NULL && len < sizeof suffix; want++)
		known = known || strcmp(suffix, *want) == 0;
	if (!known || p == digits)
		s->why = "has a number that may not be one";
	return NUMBER;
}

static void add(struct strict *s, uint8_t kind, const char *from)
{
	if (s->count == s->room) {
		s->room = s->room * 2 + 1024;
		s->token = spore__xrealloc(s->token, s->room * sizeof *s->token);
	}
	uint32_t at = s->count++;
	bool closes = (kind == ')' || kind == ']' || kind == '}') && s->depth > 0; // else it is its own mate
	if (closes) {
		s->depth--;
		s->token[s->open[s->depth]].mate = at;
	}
	s->token[at] = (struct token){.text = from,
	                              .len = (uint32_t)(s->p - from),
	                              .kind = kind,
	                              .mate = closes ? s->open[s->depth] : at,
	                              .in = s->depth > 0 ? s->open[s->depth - 1] + 1 : 0};
	if (closes && s->token[at].mate > at)
		s->token[at].mate = at;
	if (kind == '(' || kind == '[' || kind == '{') {
		if (s->depth + 1 == DEPTH)
			s->why = "is nested deeply";
		else
			s->open[s->depth++] = at;
	}
}

static void cut(struct strict *s)
{
	// what comes before the first token, so that none has to ask whether there is one
	for (int i = 0; i < 4; i++)
		add(s, ';', s->p);
	s->line_start = true;
	while (s->p < s->end && s->why == NULL) {
		const char *from = s->p;
		char c = *from;
		bool line_start = s->line_start;
		s->line_start = c == '\n' || (line_start && (c == ' ' || c == '\t'));
		if (c == '\n' || c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v' || c == '\\') {
			s->p++;
		} else if (c == '/' && s->end - from > 1 && (from[1] == '/' || from[1] == '*')) {
			skip_comment(s);
			s->line_start = line_start;
		} else if (c == '#' && line_start) {
			take_directive(s);
		} else if (is_digit(c) || (c == '.' && s->end - from > 1 && is_digit(from[1]))) {
			uint8_t kind = take_number(s);
			add(s, kind, from);
		} else if (is_word(c)) {
			while (s->p < s->end && is_word(*s->p))
				s->p++;
			add(s, WORD, from);
		} else if (c == '"' || c == '\'') {
			take_string(s);
			add(s, STRING, from);
		} else {
			s->p++;
			add(s, (uint8_t)c, from);
		}
	}
	for (int i = 0; i < 4; i++)
		add(s, NOTHING, s->end);
}

static uint32_t slot_of(const struct names *names, const struct token *t)
{
	uint32_t h = 2166136261U;
	for (uint32_t i = 0; i < t->len; i++)
		h = (h ^ (unsigned char)t->text[i]) * 16777619U;
	for (h ^= h >> 15;; h++) {
		h %= NAMES;
		if (names->slot[h].text == NULL ||
		    (names->slot[h].len == t->len && memcmp(names->slot[h].text, t->text, t->len) == 0))
			return h;
	}
}

static void remember(struct strict *s, struct names *names, const struct token *t, enum name_kind kind)
{
	if (names->count > NAMES / 2) {
		s->why = "has very many constants";
		return;
	}
	uint32_t at = slot_of(names, t);
	names->count += names->slot[at].text == NULL;
	names->slot[at].text = t->text;
	names->slot[at].len = t->len;
	names->slot[at].kind = kind;
}

static enum name_kind kind_of(const struct strict *s, const struct token *t)
{
	enum name_kind kind = s->here.count > 0 ? s->here.slot[slot_of(&s->here, t)].kind : UNKNOWN;
	if (kind == UNKNOWN && s->everywhere.count > 0)
		kind = s->everywhere.slot[slot_of(&s->everywhere, t)].kind;
	return kind;
}

// The kind of the innermost bracket around the token, 0 outside of all.
static int inside(const struct strict *s, uint32_t at)
{
	uint32_t in = s->token[at].in;
	return in > 0 ? s->token[in - 1].kind : 0;
}

// Whether the brace is the body of a type; NAMED is the word that opens it.
static bool is_body_of(const struct strict *s, uint32_t brace, const char *const *named)
{
	const struct token *t = &s->token[brace];
	return t->kind == '{' &&
	       (any_of(t - 1, named) || (t[-1].kind == WORD && any_of(t - 2, named)) ||
	        (t[-1].kind == ')' && s->token[t[-1].mate].kind == '(' && any_of(&s->token[t[-1].mate] - 2, named)));
}

static bool in_structure(const struct strict *s, uint32_t at)
{
	static const char *const structures[] = {"struct", "union", NULL};
	uint32_t in = s->token[at].in;
	return in > 0 && is_body_of(s, in - 1, structures);
}

// Whether an assignment to what stands before begins here.
static bool assigns(const struct token *t)
{
	if (t->kind == '=')
		return t[1].kind != '=' || t[1].text != t->text + 1;
	if (t->text + 1 != t[1].text)
		return false;
	if ((t->kind == '+' || t->kind == '-') && t[1].kind == t->kind)
		return true;
	if (t->kind != NOTHING && strchr("+-*/%&|^", t->kind) != NULL)
		return t[1].kind == '=';
	return (t->kind == '<' || t->kind == '>') && t[1].kind == t->kind && t[2].kind == '=';
}

// At the word const: what becomes constant by it.
static void judge_const(struct strict *s, uint32_t at)
{
	const struct token *t = &s->token[at], *name = NULL;
	int stars = 0;
	uint32_t i = at + 1;
	for (;; i++) {
		const struct token *n = &s->token[i];
		if (n->kind == WORD)
			name = n;
		else if (n->kind == '*')
			stars++, name = NULL;
		else if (n->kind == '{' && n->mate > i)
			i = n->mate;
		else
			break;
	}
	int behind = s->token[i].kind;
	if (name == NULL || (behind != ',' && behind != ';' && behind != '=' && behind != ')' && behind != '['))
		return;
	bool parameter = inside(s, at) == '(';
	if (in_structure(s, at)) {
		if (stars == 0)
			s->why = "has members that are constant";
		return;
	}
	enum name_kind kind = stars > 0 || (parameter && behind == '[') ? TO_CONSTANT : CONSTANT;
	remember(s, t->in == 0 ? &s->everywhere : &s->here, name, kind);
}

// At a word that names a constant or a pointer to one. tcc sees to the plain cases, but to no parameters, and to no arrays in structures.
static void judge_use(struct strict *s, uint32_t at, enum name_kind kind)
{
	const struct token *t = &s->token[at], *n = t + 1;
	bool member = false, array = false;
	if (t[-1].kind == '.' || (t[-1].kind == '>' && t[-2].kind == '-'))
		return;
	for (;;) {
		if (n->kind == '[' && n->mate > (uint32_t)(n - s->token)) {
			array = true;
			n = &s->token[n->mate] + 1;
		} else if (n->kind == '.' && n[1].kind == WORD) {
			member = true;
			array = false;
			n += 2;
		} else if (n->kind == '-' && n[1].kind == '>' && n[2].kind == WORD) {
			if (member || kind == CONSTANT)
				return;
			member = true;
			array = false;
			n += 3;
		} else {
			break;
		}
	}
	bool declared = t[-1].kind == WORD || t[-1].kind == '}' || (t[-1].kind == '*' && t[-2].kind == WORD);
	bool prefix = (t[-1].kind == '+' || t[-1].kind == '-') && t[-2].kind == t[-1].kind;
	if (kind == TO_CONSTANT ? member && array && assigns(n) : (assigns(n) && !declared) || (prefix && !array))
		s->why = "may assign to constants";
}

// At a : in a structure.
static void judge_bit_field(struct strict *s, uint32_t at)
{
	static const char *const truths[] = {"_Bool", "bool", NULL};
	const struct token *t = &s->token[at];
	if (t[-1].kind != WORD || !in_structure(s, at))
		return;
	if (any_of(t - 2, truths) && !(t[1].len == 1 && *t[1].text == '1'))
		s->why = "has truth values of more than one bit";
	remember(s, &s->everywhere, t - 1, FIELD);
}

// At a name of a bit-field: nothing may ask for its address or size.
static void judge_field_use(struct strict *s, uint32_t at)
{
	static const char *const sizes[] = {"sizeof", "offsetof", "typeof", "__typeof__", "_Alignof", NULL};
	const struct token *t = &s->token[at];
	if (t->in > 0 && s->token[t->in - 1].kind == '(' && any_of(&s->token[t->in - 1] - 1, sizes)) {
		s->why = "may ask for the size of bit-fields";
		return;
	}
	if (t[1].kind == '.' || t[1].kind == '[' || (t[1].kind == '-' && t[2].kind == '>'))
		return;
	// back to where the expression begins
	const struct token *b = t;
	for (;;) {
		if (b[-1].kind == '.' && b[-1].text > s->token[3].text)
			b -= 2;
		else if (b[-1].kind == '>' && b[-2].kind == '-')
			b -= 3;
		else
			break;
		while ((b->kind == ']' || b->kind == ')') && b->mate < (uint32_t)(b - s->token))
			b = &s->token[b->mate] - (b->kind == ']' || s->token[b->mate - 1].kind == WORD);
		if (b - s->token < 4)
			return;
	}
	bool binary = b[-2].kind == WORD || b[-2].kind == NUMBER || b[-2].kind == ')' || b[-2].kind == ']';
	static const char *const before[] = {"return", "case", "else", NULL};
	if (b != t && b[-1].kind == '&' && b[-2].kind != '&' && (!binary || any_of(b - 2, before)))
		s->why = "may ask for the address of bit-fields";
	if (b != t && any_of(b - 1, sizes))
		s->why = "may ask for the size of bit-fields";
}

// At a ): (c ? a : b) = 1 and (a, b) = 1.
static void judge_group(struct strict *s, uint32_t at)
{
	const struct token *t = &s->token[at], *from = &s->token[t->mate];
	if (t->mate >= at || from[-1].kind == WORD || from[-1].kind == ')' || from[-1].kind == ']' ||
	    from[-1].kind == '*' || !assigns(t + 1))
		return;
	for (const struct token *n = from + 1; n < t; n++)
		if ((n->kind == '?' || n->kind == ',') && n->in == t->mate + 1)
			s->why = "assigns to what may be no object";
}

// At a [: an array that is declared with a length that is no constant, by the look of it.
static void judge_array(struct strict *s, uint32_t at)
{
	static const char *const no_types[] = {"return", "case", "else", "sizeof", "goto", "do", NULL};
	const struct token *t = &s->token[at];
	if (t[-1].kind != WORD || t[-2].kind != WORD || any_of(t - 2, no_types) || inside(s, at) != '{')
		return;
	for (const struct token *n = t + 1; n < &s->token[t->mate]; n++)
		for (uint32_t i = 0; n->kind == WORD && i < n->len; i++)
			s->variable_array = s->variable_array || (n->text[i] >= 'a' && n->text[i] <= 'z');
}

static void judge_word(struct strict *s, uint32_t at)
{
	static const char *const storage[] = {"static", "extern", "typedef", "auto", NULL};
	static const char *const restricts[] = {"restrict", "__restrict", "__restrict__", NULL};
	static const char *const before_restrict[] = {"const", "volatile", "static", "restrict", NULL};
	static const char *const signs[] = {"unsigned", "signed", "short", NULL}, *const floats[] = {"float", "double",
	                                                                                             NULL};
	static const char *const types[] = {"int",    "char",     "long", "short", "float",
	                                    "double", "unsigned", "void", NULL};
	static const char *const no_names[] = {"if",      "for",    "while", "return", "else",     "do",
	                                       "switch",  "case",   "break", "goto",   "continue", "sizeof",
	                                       "default", "struct", "union", NULL};
	const struct token *t = &s->token[at];
	if (word_is(t, "const"))
		judge_const(s, at);
	else if (any_of(t, storage) && inside(s, at) == '(')
		s->why = "has a storage class in parentheses";
	else if (any_of(t, restricts) && t[-1].kind != '*' && t[-1].kind != '[' && !any_of(t - 1, before_restrict))
		s->why = "may restrict what is no pointer";
	else if (word_is(t, "void") && t[-1].kind == ',' && t[1].kind == ')' && inside(s, at) == '(')
		s->why = "may have a parameter without a type";
	else if ((any_of(t, signs) && any_of(t + 1, floats)) || (any_of(t, floats) && any_of(t + 1, signs)))
		s->why = "has types that do not go together";
	else if (any_of(t, types) && any_of(t + 1, no_names))
		s->why = "uses keywords as names";
	else if (any_of(t, floats) && t[1].kind == WORD && t[2].kind == '=' && t[3].kind == '&')
		s->why = "makes a number of an address";
	else if (word_is(t, "void") && word_is(t + 1, "main") && t[2].kind == '(')
		s->why = "has a main that returns nothing";
	else if (word_is(t, "goto"))
		s->jumps = true;
	else if (word_is(t, "va_start") && t->in > 0 && !s->more_arguments)
		s->why = "uses va_start where no arguments vary";
	enum name_kind kind = kind_of(s, t);
	if (kind == FIELD)
		judge_field_use(s, at);
	else if (kind != UNKNOWN)
		judge_use(s, at, kind);
}

static void judge(struct strict *s, uint32_t at)
{
	static const char *const enums[] = {"enum", NULL};
	const struct token *t = &s->token[at];
	switch (t->kind) {
	case WORD:
		judge_word(s, at);
		break;
	case FLOATING: {
		bool dimension = t[-1].kind == '[' && t[1].kind == ']';
		bool value = t[-1].kind == '=' && t->in > 0 && is_body_of(s, t->in - 1, enums);
		if (word_is(t - 1, "case") || dimension || value)
			s->why = "has floating-point numbers where integers belong";
		break;
	}
	case ':':
		judge_bit_field(s, at);
		break;
	case '[':
		judge_array(s, at);
		break;
	case '(':
		if (t->in == 0) {
			const struct token *last = &s->token[t->mate] - 1;
			s->more_arguments = t->mate > at + 3 && last->kind == '.' && last[-1].kind == '.';
		}
		break;
	case ')':
		judge_group(s, at);
		break;
	case ';':
	case '}':
		if (s->jumps && s->variable_array)
			s->why = "may jump over arrays of variable length";
		if (t->in == 0) {
			if (s->here.count > 0)
				memset(&s->here, 0, sizeof s->here);
			s->jumps = s->variable_array = false;
		}
		break;
	default:
		break;
	}
}

const char *spore__faithful_strict(const char *text, size_t len)
{
	if (len > UINT32_MAX / 2)
		return "is very long";
	struct strict *s = spore__xcalloc(1, sizeof *s);
	s->p = text;
	s->end = text + len;
	cut(s);
	for (uint32_t i = 4; i + 4 < s->count && s->why == NULL; i++)
		judge(s, i);
	const char *why = s->why;
	free(s->token);
	free(s);
	return why;
}
