#include <stdio.h>
#include <stdlib.h>
typedef double (*unary)(double);
typedef int (*binary)(int, int);
static int add(int a, int b) { return a + b; }
static int sub(int a, int b) { return a - b; }
static int mul(int a, int b) { return a * b; }
static double twice(double x) { return 2 * x; }
static double square(double x) { return x * x; }
static binary choose(char op) { return op == '+' ? add : op == '-' ? sub : op == '*' ? mul : NULL; }
static double compose(unary f, unary g, double x) { return f(g(x)); }
static int fold(binary f, int start, const int *v, size_t n) { while (n-- > 0) start = f(start, *v++); return start; }
static int (*const table[2][2])(int, int) = {{add, sub}, {mul, NULL}};
static void (*pick(int n))(int);
static void even(int n) { printf("even %d\n", n); }
static void odd(int n) { printf("odd %d\n", n); }
static void (*pick(int n))(int) { return n % 2 ? odd : even; }
int main(void)
{
	static const int v[] = {3, 1, 4, 1, 5, 9};
	const char *ops = "+-*/";
	for (const char *o = ops; *o != '\0'; o++) {
		binary f = choose(*o);
		if (f != NULL)
			printf("%c %d %d\n", *o, f(7, 5), fold(f, 2, v, 6));
	}
	printf("%g %g\n", compose(twice, square, 3), compose(square, twice, 3));
	for (int i = 0; i < 4; i++)
		if (table[i / 2][i % 2] != NULL)
			printf("%d ", (*table[i / 2][i % 2])(10, 3));
	putchar('\n');
	for (int i = 0; i < 3; i++)
		pick(i)(i);
	return choose('+') == add && choose('-') != add ? 0 : 1;
}
