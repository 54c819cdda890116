// What tcc gets wrong, or takes where gcc does not, by the shape of the text: tokens, brackets and what stands before them. Nothing
// is expanded. Text that the preprocessor leaves out is judged, too, which can only refuse too much.
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "source/faithful.h"

enum { LEVELS = 200, SEEN_BITS = 1 << 16 };

// The kind of a token: a mark stands for itself.
enum { WORD = 'w', NUMBER = 'n', STRING = 's', OPERATOR = 'o', END = 0 };

struct token {
	int kind;
	const char *text;
	size_t len;
};

enum level_kind { BLOCK, STRUCTURE, VALUES, PARENTHESES, BRACKETS };

struct level {
	enum level_kind kind;
	int before;                                   // the token before the opening mark
	bool before_is_return, conditions, attribute; // the word before it: return, sizeof; if, for, while, switch
	bool start;                                   // the next token begins a value
	bool named, plain;                            // values with and without designators
	bool tail_call; // PARENTHESES of a call of the function itself behind return, ? or :
	uint32_t id;
};

struct shape {
	const char *p, *end;
	struct token now, before, before2;
	struct level level[LEVELS];
	int depth;
	uint32_t levels; // ever opened
	struct token callable, function;
	bool is_static, is_inline, returns, structure, line_start;
	const char *why;
	uint8_t seen[SEEN_BITS / 8];
};

static bool is_word(char c)
{
	static const uint64_t words[4] = {0x03ff000000000000U, 0x07fffffe87fffffeU}; // a bit for each character
	return (words[(unsigned char)c >> 6] >> (c & 63) & 1) != 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v' || c == '\\';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool word_is(const struct token *t, const char *name)
{
	return t->kind == WORD && *name == *t->text && strlen(name) == t->len && memcmp(name, t->text, t->len) == 0;
}

static bool any_of(const struct token *t, const char *const *names)
{
	for (; *names != NULL; names++)
		if (word_is(t, *names))
			return true;
	return false;
}

// Whether the name was seen at this level before; two different ones that share a bit only cost a refusal.
static bool seen_before(struct shape *s, uint32_t level, const char *text, size_t len)
{
	uint32_t h = 2166136261U ^ level * 0x9e3779b1U;
	for (size_t i = 0; i < len; i++)
		if (text[i] != ' ' && text[i] != '\t')
			h = (h ^ (unsigned char)text[i]) * 16777619U;
	h = (h ^ h >> 15) * 0x2c1b3c6dU;
	h = (h ^ h >> 13) % SEEN_BITS;
	bool was = (s->seen[h / 8] & 1U << h % 8) != 0;
	s->seen[h / 8] |= (uint8_t)(1U << h % 8);
	return was;
}

static void skip_line(struct shape *s)
{
	for (; s->p < s->end && *s->p != '\n'; s->p++)
		if (*s->p == '\\' && s->end - s->p > 1)
			s->p++;
		else if (*s->p == '/' && s->end - s->p > 1 && s->p[1] == '*')
			for (s->p += 2; s->p + 1 < s->end && !(*s->p == '*' && s->p[1] == '/'); s->p++)
				;
}

static void skip_comment(struct shape *s)
{
	if (s->p[1] == '/') {
		skip_line(s);
		return;
	}
	const char *p = s->p + 2;
	while ((p = memchr(p, '*', (size_t)(s->end - p))) != NULL) {
		p++;
		if (p < s->end && *p == '/') {
			s->p = p + 1;
			return;
		}
	}
	s->p = s->end;
}

static void take_string(struct shape *s)
{
	char quote = *s->p++;
	while (s->p < s->end && *s->p != quote) {
		if (*s->p == '\n') {
			s->why = "has a string without an end";
			return;
		}
		bool escape = *s->p == '\\' && s->end - s->p > 1;
		if (escape && (s->p[1] | 0x20) == 'u')
			s->why = "has universal characters in strings"; // not made UTF-8 there
		s->p += escape ? 2 : 1;
	}
	if (s->p < s->end)
		s->p++;
}

static void take_number(struct shape *s)
{
	const char *from = s->p;
	bool floating = false;
	bool hex = s->end - from > 1 && from[0] == '0' && (from[1] | 0x20) == 'x';
	for (; s->p < s->end && (is_word(*s->p) || *s->p == '.'); s->p++) {
		char low = (char)(*s->p | 0x20);
		floating = floating || *s->p == '.' || low == (hex ? 'p' : 'e');
		if (low == (hex ? 'p' : 'e') && s->end - s->p > 1 && (s->p[1] == '-' || s->p[1] == '+'))
			s->p++;
	}
	if (floating && (s->p[-1] | 0x20) == 'l')
		s->why = "uses long double";
	if (floating && hex && s->p - from > 18) // those beyond its 64 bits go wrong
		s->why = "has long hexadecimal floating constants";
}

static void next(struct shape *s)
{
	s->before2 = s->before;
	s->before = s->now;
	for (;;) {
		const char *p = s->p;
		while (p < s->end && (is_blank(*p) || *p == '\n'))
			s->line_start |= *p++ == '\n';
		s->p = p;
		if (p < s->end && *p == '#' && s->line_start)
			skip_line(s);
		else if (s->end - p > 1 && *p == '/' && (p[1] == '/' || p[1] == '*'))
			skip_comment(s);
		else
			break;
	}
	s->line_start = false;
	s->now = (struct token){.kind = END, .text = s->p};
	if (s->p >= s->end) {
		s->p = s->end;
		return;
	}
	char c = *s->p;
	if (is_digit(c) || (c == '.' && s->end - s->p > 1 && is_digit(s->p[1]))) {
		s->now.kind = NUMBER;
		take_number(s);
	} else if (is_word(c)) {
		s->now.kind = WORD;
		const char *p = s->p;
		while (p < s->end && is_word(*p))
			p++;
		s->p = p;
	} else if (c == '"' || c == '\'') {
		s->now.kind = STRING;
		take_string(s);
	} else if (s->end - s->p > 1 && s->p[1] == '=' && strchr("=!<>+-*/%&|^", c) != NULL) {
		s->now.kind = OPERATOR;
		s->p += 2;
	} else {
		s->now.kind = (unsigned char)c;
		s->p++;
	}
	s->now.len = (size_t)(s->p - s->now.text);
}

static struct level *top(struct shape *s)
{
	return &s->level[s->depth];
}

// At a { or ( or [.
static void open(struct shape *s)
{
	static const char *const conditions[] = {"if", "for", "while", "switch", NULL};
	static const char *const operators[] = {"return", "sizeof", "case", NULL};
	struct level l = {
	    .kind = s->now.kind == '(' ? PARENTHESES : BRACKETS, .before = s->before.kind, .id = ++s->levels};
	const struct level *outer = top(s);
	l.before_is_return = any_of(&s->before, operators);
	l.conditions = any_of(&s->before, conditions);
	if (s->now.kind == '(') {
		static const char *const attribute[] = {"__attribute__", "__attribute", NULL};
		l.attribute = any_of(&s->before, attribute);
		if (s->depth == 0 && s->before.kind == WORD && !l.attribute)
			s->callable = s->before;
		bool itself = s->before.kind == WORD && s->function.len > 0 && s->function.len == s->before.len &&
		              memcmp(s->function.text, s->before.text, s->before.len) == 0;
		l.tail_call = itself && s->returns &&
		              (word_is(&s->before2, "return") || s->before2.kind == '?' || s->before2.kind == ':');
	} else if (s->now.kind == '{') {
		// level[depth + 1] still is what the ) before closed
		const struct level *closed = &s->level[s->depth + 1];
		bool literal = s->before.kind == ')' && closed->kind == PARENTHESES && !closed->conditions &&
		               (closed->before != WORD || closed->before_is_return) && closed->before != ')' &&
		               s->depth > 0;
		if (s->before.kind == '=' || literal || (outer->kind == VALUES && s->before.kind != '('))
			l.kind = VALUES;
		else if (s->structure)
			l.kind = STRUCTURE;
		else
			l.kind = BLOCK;
		if (l.kind == BLOCK && s->depth == 0)
			s->function = s->callable;
		l.start = l.kind == VALUES;
		s->structure = false;
	}
	if (s->depth + 2 >= LEVELS) {
		s->why = "is nested deeply";
		return;
	}
	s->level[++s->depth] = l;
}

// At a } or ) or ].
static void shut(struct shape *s)
{
	if (s->depth == 0)
		return;
	struct level closed = *top(s);
	s->depth--;
	if (closed.kind == BLOCK && s->depth == 0) {
		s->function.len = 0;
		s->is_static = s->is_inline = false;
	}
}

// Behind a ): a call of the function itself that nothing follows. The optimising compiler makes a loop of it.
static void judge_tail_call(struct shape *s)
{
	const struct level *closed = &s->level[s->depth + 1];
	if (s->before.kind == ')' && closed->tail_call && (s->now.kind == ';' || s->now.kind == ':'))
		s->why = "may need its tail calls to be loops";
}

// At the first token of a value in braces. A value that is given twice is made of both.
static void judge_value(struct shape *s)
{
	struct level *l = top(s);
	l->start = false;
	if (s->now.kind == '}')
		return;
	if (s->now.kind != '.' && s->now.kind != '[') {
		l->plain = true;
		if (l->named)
			s->why = "mixes designators and plain values";
		return;
	}
	l->named = true;
	if (l->plain)
		s->why = "mixes designators and plain values";
	const char *from = s->now.text;
	uint32_t id = l->id;
	if (s->now.kind == '[') {
		int inside = s->depth;
		open(s);
		while (s->why == NULL && s->now.kind != END && s->depth > inside) {
			next(s);
			if (s->now.kind == ']' && s->depth == inside + 1)
				break; // judge_mark shuts it
			if (s->now.kind == '[' || s->now.kind == '(')
				open(s);
			else if (s->now.kind == ']' || s->now.kind == ')')
				shut(s);
			else if (s->now.kind == '.')
				s->why = "uses ranges of designators";
		}
	} else {
		next(s);
	}
	if (s->why != NULL)
		return;
	if (seen_before(s, id, from, (size_t)(s->p - from)))
		s->why = "gives a value twice";
	const char *p = s->p;
	while (p < s->end && (*p == ' ' || *p == '\t' || *p == '\n'))
		p++;
	if (p < s->end && (*p == '.' || *p == '['))
		s->why = "uses designators of more than one step";
}

// A word or * behind ) and a word: the parameters of int f(a) float a; {...}. Those of type float come as double.
static void judge_old_style(struct shape *s)
{
	static const char *const no_parameter[] = {"static", "extern", "typedef", "__attribute__", "asm", NULL};
	if (s->depth == 0 && s->before2.kind == ')' && s->before.kind == WORD && s->level[1].kind == PARENTHESES &&
	    !s->level[1].attribute && !any_of(&s->before, no_parameter))
		s->why = "may have old-style definitions";
}

static void judge_word(struct shape *s)
{
	static const char *const structures[] = {"struct", "union", NULL};
	const struct token *t = &s->now;
	judge_old_style(s);
	switch (*t->text) {
	case 'a':
		if (word_is(t, "auto"))
			s->why = "uses auto";
		break;
	case 'd':
		if (word_is(t, "double") && word_is(&s->before, "long"))
			s->why = "uses long double";
		break;
	case 'i':
		s->is_inline = s->is_inline || (s->depth == 0 && word_is(t, "inline"));
		break;
	case '_':
		s->is_inline = s->is_inline || (s->depth == 0 && (word_is(t, "__inline") || word_is(t, "__inline__")));
		break;
	case 'l':
		if (word_is(t, "long") && word_is(&s->before, "double"))
			s->why = "uses long double";
		break;
	case 'L':
		if (t->len > 5 && memcmp(t->text, "LDBL_", 5) == 0)
			s->why = "uses long double";
		break;
	case 'r':
		if (word_is(t, "register"))
			s->why = "uses register";
		s->returns = s->returns || word_is(t, "return");
		break;
	case 's':
		s->is_static = s->is_static || (s->depth == 0 && word_is(t, "static"));
		s->structure = s->structure || any_of(t, structures);
		break;
	case 'u':
		s->structure = s->structure || any_of(t, structures);
		break;
	default:
		break;
	}
}

static void judge_mark(struct shape *s)
{
	const struct level *l = top(s);
	if (l->kind == STRUCTURE && s->before.kind == WORD &&
	    (s->now.kind == ';' || s->now.kind == ',' || s->now.kind == '[' || s->now.kind == ':') &&
	    seen_before(s, l->id, s->before.text, s->before.len))
		s->why = "may have two members of one name";
	switch (s->now.kind) {
	case '(':
		if (s->depth == 0 && s->is_inline && !s->is_static)
			s->why = "has inline functions that are not static";
		s->structure = false;
		open(s);
		break;
	case '{':
	case '[':
		open(s);
		break;
	case ')':
		s->structure = false;
		shut(s);
		break;
	case ']':
	case '}':
		shut(s);
		break;
	case ',':
		top(s)->start = top(s)->kind == VALUES;
		break;
	case ';':
		s->returns = s->structure = false;
		if (s->depth == 0)
			s->is_static = s->is_inline = false;
		break;
	case '=':
		s->structure = false;
		break;
	case '*':
		judge_old_style(s);
		break;
	default:
		break;
	}
}

const char *spore__faithful_shape(const char *text, size_t len)
{
	struct shape s = {.p = text, .end = text + len, .line_start = true};
	for (next(&s); s.why == NULL && s.now.kind != END; next(&s)) {
		judge_tail_call(&s);
		if (top(&s)->start)
			judge_value(&s);
		else if (s.now.kind == WORD)
			judge_word(&s);
		if (s.why == NULL && s.now.kind != WORD && s.now.kind != NUMBER && s.now.kind != STRING)
			judge_mark(&s);
	}
	return s.why;
}
