// Deep and mutual recursion: towers, Ackermann, Collatz, even and odd, Gray code, Catalan.
#include <stdio.h>

static int moves;

static void hanoi(int n, char from, char to, char by)
{
	if (n == 0)
		return;
	hanoi(n - 1, from, by, to);
	if (++moves <= 8)
		printf("%d:%c>%c ", n, from, to);
	hanoi(n - 1, by, to, from);
}

static int ackermann(int m, int n)
{
	if (m == 0)
		return n + 1;
	int inner = n == 0 ? 1 : ackermann(m, n - 1);
	int r = ackermann(m - 1, inner);
	return r;
}

static int is_odd(int n);

static int is_even(int n)
{
	int r = n == 0 ? 1 : is_odd(n - 1);
	return r;
}

static int is_odd(int n)
{
	int r = n == 0 ? 0 : is_even(n - 1);
	return r;
}

static long catalan(int n)
{
	long sum = n == 0;
	for (int i = 0; i < n; i++)
		sum += catalan(i) * catalan(n - 1 - i);
	return sum;
}

int main(void)
{
	hanoi(10, 'A', 'C', 'B');
	printf("%d moves\n", moves);
	for (int m = 0; m < 4; m++)
		for (int n = 0; n < 5; n++)
			printf("%d%c", ackermann(m, n), n < 4 ? ' ' : '\n');
	printf("%d %d %d\n", is_even(1000), is_odd(1000), is_odd(333));
	for (long start = 1; start < 30; start += 4) {
		long n = start, peak = n;
		int steps = 0;
		for (; n != 1; steps++) {
			n = n % 2 ? 3 * n + 1 : n / 2;
			peak = n > peak ? n : peak;
		}
		printf("%ld: %d steps to %ld\n", start, steps, peak);
	}
	for (int i = 0; i < 12; i++)
		printf("%ld%c", catalan(i), i < 11 ? ' ' : '\n');
	for (unsigned i = 0; i < 8; i++)
		printf("%u%u%u ", (i ^ i >> 1) >> 2 & 1, (i ^ i >> 1) >> 1 & 1, (i ^ i >> 1) & 1);
	putchar('\n');
	return 0;
}
