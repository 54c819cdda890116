#include <stdio.h>
int main(void)
{
	volatile int n;
	unsigned u = 0x80000001u; int i = -1000; long long q = -1; unsigned long long uq = 1; short s = -300; unsigned char c = 0xa5;
	for (n = 0; n < 32; n += 3)
		printf("%2d: %x %x %d %lld %llx %d %d %llx\n", n, u << n, u >> n, i >> n, q >> n, uq << n, s >> (n & 15), c >> (n & 7), 0xf000000000000000ull >> n);
	for (n = 32; n < 64; n += 5)
		printf("%2d: %llx %lld %llx\n", n, uq << n, (long long)0x8000000000000000ull >> n, 0xdeadbeefcafebabeull >> n);
	u <<= 4; u >>= 2; i >>= 3; uq <<= 63; s >>= 2; c >>= 1;
	printf("%x %d %llx %d %d\n", u, i, uq, s, c);
	printf("%d %d %u\n", 1 << 2 + 1, (1 << 30) >> 29, 1u << 31 >> 31);
	return 7 >> 1 << 1;
}
