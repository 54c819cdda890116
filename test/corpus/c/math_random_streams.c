#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t s[2] = {0x9E3779B97F4A7C15u, 0xBF58476D1CE4E5B9u};

static uint64_t xorshift128plus(void)
{
	uint64_t a = s[0], b = s[1];
	s[0] = b;
	a ^= a << 23;
	s[1] = a ^ b ^ a >> 17 ^ b >> 26;
	return s[1] + b;
}

static double unit(void) { return (double)(xorshift128plus() >> 11) * 0x1p-53; }

int main(void)
{
	int bins[10] = {0}, inside = 0;
	double sum = 0, squares = 0;
	for (int i = 0; i < 20000; i++) {
		double x = unit(), y = unit();
		bins[(int)(x * 10)]++;
		inside += x * x + y * y < 1;
		sum += x;
		squares += x * x;
	}
	for (int i = 0; i < 10; i++)
		printf("%d ", bins[i]);
	printf("\n%.15g %.15g %.15g\n", sum / 20000, squares / 20000, inside / 5000.0);
	srand(42);
	int a = rand(), b = rand();
	srand48(42);
	double d = drand48();
	long l = lrand48();
	printf("%d %d %.15g %ld\n", a, b, d, l);
	unsigned short seed[3] = {1, 2, 3};
	double e = erand48(seed);
	printf("%.15g %ld\n", e, nrand48(seed));
	return 0;
}
