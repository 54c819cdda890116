// Boolean expressions: a table for each, tautologies found, with precedence by recursive descent.
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *at;
static unsigned values;

static bool implication(void);

static bool atom(void)
{
	while (*at == ' ')
		at++;
	if (*at == '!') {
		at++;
		return !atom();
	}
	if (*at == '(') {
		at++;
		bool v = implication();
		at++;
		return v;
	}
	return values >> (*at++ - 'a') & 1;
}

static bool level(bool (*below)(void), char op)
{
	bool v = below();
	for (;;) {
		while (*at == ' ')
			at++;
		if (*at != op)
			return v;
		at++;
		bool w = below();
		v = op == '&' ? v && w : op == '|' ? v || w : v != w;
	}
}

static bool conjunction(void)
{
	return level(atom, '&');
}

static bool exclusive(void)
{
	return level(conjunction, '^');
}

static bool disjunction(void)
{
	return level(exclusive, '|');
}

static bool implication(void)
{
	bool v = disjunction();
	if (*at == '>') {
		at++;
		bool w = implication();
		v = !v || w;
	}
	return v;
}

int main(void)
{
	static const char *const all[] = {"a & b", "a | b & !c", "a ^ b ^ c", "a > b > a", "(a > b) > a", "!(a & b) ^ (!a | !b)", "a | !a", "a & !a & d", "((a > b) & (b > c)) > (a > c)"};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		int trues = 0, letters = 0;
		for (const char *p = all[i]; *p; p++)
			if (islower((unsigned char)*p) && *p - 'a' + 1 > letters)
				letters = *p - 'a' + 1;
		printf("%-32s", all[i]);
		for (values = 0; values < 1u << letters; values++) {
			at = all[i];
			bool v = implication();
			trues += v;
			putchar("01"[v]);
		}
		puts(trues == 1 << letters ? " always" : trues == 0 ? " never" : "");
	}
	return 0;
}
