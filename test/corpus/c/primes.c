#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint64_t mulmod(uint64_t a, uint64_t b, uint64_t m)
{
	uint64_t r = 0;
	a %= m;
	while (b) {
		if (b & 1)
			r = r >= m - a ? r - (m - a) : r + a;
		a = a >= m - a ? a - (m - a) : a + a;
		b >>= 1;
	}
	return r;
}

static uint64_t powmod(uint64_t b, uint64_t e, uint64_t m)
{
	uint64_t r = 1;
	for (; e; e >>= 1, b = mulmod(b, b, m))
		if (e & 1)
			r = mulmod(r, b, m);
	return r;
}

static bool prime(uint64_t n)
{
	static const uint64_t base[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37};
	if (n < 2)
		return false;
	for (int i = 0; i < 12; i++)
		if (n % base[i] == 0)
			return n == base[i];
	uint64_t d = n - 1;
	int s = 0;
	while (!(d & 1))
		d >>= 1, s++;
	for (int i = 0; i < 12; i++) {
		uint64_t x = powmod(base[i], d, n);
		if (x == 1 || x == n - 1)
			continue;
		int r = 1;
		while (r < s && (x = mulmod(x, x, n)) != n - 1)
			r++;
		if (r == s)
			return false;
	}
	return true;
}

int main(void)
{
	enum { TOP = 100000 };
	static unsigned char sieve[TOP / 8 + 1];
	int count = 0, last = 0;
	for (int i = 2; i < TOP; i++) {
		if (sieve[i >> 3] & 1 << (i & 7))
			continue;
		count++;
		last = i;
		for (long j = (long)i * i; j < TOP; j += i)
			sieve[j >> 3] |= (unsigned char)(1 << (j & 7));
	}
	printf("%d primes below %d, the last is %d\n", count, TOP, last);
	static const uint64_t big[] = {561, 2147483647, 4294967297, 1000000007, 18446744073709551557u, 18446744073709551556u,
	                               9223372036854775783, 3215031751, 341550071728321};
	for (unsigned i = 0; i < sizeof big / sizeof *big; i++)
		printf("%llu %s\n", (unsigned long long)big[i], prime(big[i]) ? "prime" : "composite");
	return 0;
}
