#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *p;
static int depth;
static double expr(void);

static void blanks(void)
{
	while (isspace((unsigned char)*p))
		p++;
}

static double primary(void)
{
	blanks();
	if (*p == '(') {
		p++;
		depth++;
		double v = expr();
		blanks();
		if (*p == ')')
			p++;
		depth--;
		return v;
	}
	if (*p == '-') {
		p++;
		return -primary();
	}
	char *end;
	double v = strtod(p, &end);
	p = end;
	return v;
}

static double power(void)
{
	double base = primary();
	blanks();
	if (*p == '^') {
		p++;
		return pow(base, power());
	}
	return base;
}

static double term(void)
{
	double v = power();
	for (;;) {
		blanks();
		if (*p == '*') {
			p++;
			v *= power();
		} else if (*p == '/') {
			p++;
			v /= power();
		} else {
			return v;
		}
	}
}

static double expr(void)
{
	double v = term();
	for (;;) {
		blanks();
		if (*p != '+' && *p != '-')
			return v;
		char op = *p++;
		double w = term();
		v = op == '+' ? v + w : v - w;
	}
}

int main(void)
{
	static const char *const lines[] = {"1+2*3",   "(1+2)*3", "2^3^2", "-4 - -4",       "10/4/5",
	                                    "1e3*.5", "((7))",   "1/0",   "2^-1 + 3*(2-5)", "0.1+0.2"};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		p = lines[i];
		double v = expr();
		printf("%-16s = %.15g\n", lines[i], v);
	}
	return depth;
}
