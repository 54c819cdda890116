#include <stdio.h>

typedef int a;
typedef a *b(a), **c;
typedef struct a { a a; struct a *b; } *d;
typedef enum { x, y, z } e;
typedef unsigned char byte, bytes[4];
typedef void handler(int), (*pointer)(int);

static a value = 3;
static b get;
static handler report;
static a *get(a n) { value += n; return &value; }
static void report(int n) { printf("report %d\n", n); }

static a use(a a, e e)
{
	int b = a + e;
	{
		typedef double a;
		a half = b / 2.0;
		printf("%g %zu\n", half, sizeof(a));
	}
	return b;
}

int main(void)
{
	struct a first = {1, NULL}, second = {.a = 2, .b = &first};
	d p = &second;
	a *q = get(4);
	c r = &q;
	**r += p->b->a;
	pointer all[] = {report, &report};
	for (a i = 0; i < 2; i++)
		all[i](value * (i + 1));
	printf("%d %d\n", use(5, z), p->a);
	bytes four = {1, 2, 0, 4};
	byte sum = 250;
	for (byte i = 0; i < sizeof(bytes); i++)
		sum += four[i];
	a: for (value--; value > 5; value--)
		goto a;
	b *f = get;
	return sum + *f(10);
}
