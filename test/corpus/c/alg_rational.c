// Fractions, continued fractions, Egyptian fractions and harmonic numbers.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
	int64_t n, d;
} frac;

static int64_t gcd(int64_t a, int64_t b)
{
	while (b != 0) {
		int64_t t = a % b;
		a = b;
		b = t;
	}
	return a < 0 ? -a : a;
}

static frac make(int64_t n, int64_t d)
{
	int64_t g = gcd(n, d);
	if (d < 0)
		g = -g;
	return (frac){n / g, d / g};
}

static frac add(frac a, frac b)
{
	return make(a.n * b.d + b.n * a.d, a.d * b.d);
}

static frac mul(frac a, frac b)
{
	return make(a.n * b.n, a.d * b.d);
}

static frac divide(frac a, frac b)
{
	return mul(a, (frac){b.d, b.n});
}

static int compare(const void *p, const void *q)
{
	const frac *a = p, *b = q;
	int64_t l = a->n * b->d, r = b->n * a->d;
	return (l > r) - (l < r);
}

static void show(const char *what, frac f)
{
	printf("%s %" PRId64 "/%" PRId64 " = %.12f\n", what, f.n, f.d, (double)f.n / (double)f.d);
}

int main(void)
{
	frac all[] = {make(1, 2), make(-3, 4), make(6, -8), make(22, 7), make(0, 5), make(10, 4), make(355, 113)};
	size_t n = sizeof all / sizeof *all;
	qsort(all, n, sizeof *all, compare);
	for (size_t i = 0; i < n; i++)
		show("sorted", all[i]);
	frac h = {0, 1};
	for (int i = 1; i <= 20; i++)
		h = add(h, make(1, i));
	show("harmonic", h);
	frac e = {1, 1};
	for (int i = 12; i > 0; i--)
		e = add(make(1, 1), mul(e, make(1, i)));
	show("e", e);
	frac x = {415, 93};
	printf("continued:");
	while (x.d != 0) {
		int64_t whole = x.n / x.d;
		printf(" %" PRId64, whole);
		x = (frac){x.d, x.n - whole * x.d};
	}
	frac rest = {7, 15};
	printf("\negyptian:");
	while (rest.n != 0) {
		int64_t d = (rest.d + rest.n - 1) / rest.n;
		printf(" 1/%" PRId64, d);
		rest = add(rest, make(-1, d));
	}
	putchar('\n');
	show("quotient", divide(make(3, 14), make(-9, 35)));
	return 0;
}
