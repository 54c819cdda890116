// Shunting-yard: infix to postfix, then the value.
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int rank(char op)
{
	switch (op) {
	case '+':
	case '-':
		return 1;
	case '*':
	case '/':
	case '%':
		return 2;
	case '^':
		return 3;
	default:
		return 0;
	}
}

static void emit(char op, double *v, int *n)
{
	double b = v[--*n], a = v[--*n];
	double r = op == '+'   ? a + b
	           : op == '-' ? a - b
	           : op == '*' ? a * b
	           : op == '/' ? a / b
	           : op == '%' ? fmod(a, b)
	                       : pow(a, b);
	v[(*n)++] = r;
	printf("%c ", op);
}

static double evaluate(const char *s)
{
	char ops[32];
	double v[32];
	int n = 0, depth = 0;
	for (; *s; s++) {
		if (isspace((unsigned char)*s))
			continue;
		if (isdigit((unsigned char)*s)) {
			char *end;
			v[n] = strtod(s, &end);
			printf("%g ", v[n++]);
			s = end - 1;
		} else if (*s == '(') {
			ops[depth++] = *s;
		} else if (*s == ')') {
			while (ops[--depth] != '(')
				emit(ops[depth], v, &n);
		} else {
			while (depth > 0 &&
			       (rank(ops[depth - 1]) > rank(*s) || (rank(ops[depth - 1]) == rank(*s) && *s != '^')))
				emit(ops[--depth], v, &n);
			ops[depth++] = *s;
		}
	}
	while (depth > 0)
		emit(ops[--depth], v, &n);
	return v[0];
}

int main(void)
{
	static const char *const all[] = {"1 + 2 * 3",       "(1 + 2) * 3",       "2 ^ 3 ^ 2", "10 - 4 - 3",
	                                  "7.5 % 2 + 1 / 4", "((2+3)*(4-1))^2/5", "1/3*3"};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		double r = evaluate(all[i]);
		printf("= %.10g   (%s)\n", r, all[i]);
	}
	return 0;
}
