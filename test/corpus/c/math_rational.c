#include <stdio.h>
#include <stdlib.h>

typedef struct rational { long num, den; } rational;

static long gcd(long a, long b)
{
	while (b) {
		long t = a % b;
		a = b;
		b = t;
	}
	return a < 0 ? -a : a;
}

static rational make(long n, long d)
{
	long g = gcd(n, d);
	if (d < 0)
		g = -g;
	return (rational){n / g, d / g};
}

static rational add(rational a, rational b) { return make(a.num * b.den + b.num * a.den, a.den * b.den); }
static rational mul(rational a, rational b) { return make(a.num * b.num, a.den * b.den); }
static rational neg(rational a) { return (rational){-a.num, a.den}; }
static int compare(const void *pa, const void *pb)
{
	const rational *a = pa, *b = pb;
	long l = a->num * b->den, r = b->num * a->den;
	return (l > r) - (l < r);
}

int main(void)
{
	rational h = {0, 1};
	for (int i = 1; i <= 15; i++) {
		h = add(h, make(1, i));
		printf("%ld/%ld%c", h.num, h.den, i % 5 ? ' ' : '\n');
	}
	rational bern[13];
	for (int m = 0; m <= 12; m++) {
		rational a[13];
		for (int j = 0; j <= m; j++) {
			a[j] = make(1, j + 1);
			for (int k = j; k > 0; k--)
				a[k - 1] = mul(make(k, 1), add(a[k - 1], neg(a[k])));
		}
		bern[m] = a[0];
		if (bern[m].num)
			printf("B%d = %ld/%ld\n", m, bern[m].num, bern[m].den);
	}
	qsort(bern, 13, sizeof *bern, compare);
	for (int i = 0; i < 13; i++)
		printf("%ld/%ld ", bern[i].num, bern[i].den);
	double pi = 3.14159265358979;
	puts("");
	long h0 = 1, h1 = 0, k0 = 0, k1 = 1;
	for (int i = 0; i < 5; i++) {
		long a = (long)pi, t;
		t = a * h0 + h1, h1 = h0, h0 = t;
		t = a * k0 + k1, k1 = k0, k0 = t;
		printf("%ld/%ld ", h0, k0);
		pi = 1 / (pi - a);
	}
	puts("");
	return 0;
}
