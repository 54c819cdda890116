#include <inttypes.h>
#include <stdio.h>

static int popcount(uint64_t x) { int n = 0; for (; x; x &= x - 1) n++; return n; }
static uint32_t reverse(uint32_t x)
{
	x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
	x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
	x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
	x = (x >> 8 & 0x00ff00ffu) | (x & 0x00ff00ffu) << 8;
	return x >> 16 | x << 16;
}
static uint32_t rotl(uint32_t x, unsigned n) { return x << (n & 31) | x >> (-n & 31); }
static int log2i(uint64_t x) { int n = -1; while (x) { n++; x >>= 1; } return n; }
static uint32_t gray(uint32_t x) { return x ^ x >> 1; }
static uint64_t spread(uint32_t v) { uint64_t r = 0; for (int i = 0; i < 32; i++) r |= (uint64_t)(v >> i & 1) << 2 * i; return r; }

int main(void)
{
	static const uint32_t v[] = {0, 1, 2, 3, 0x80000000u, 0xdeadbeefu, 0xffffffffu, 12345678};
	for (unsigned i = 0; i < sizeof v / sizeof *v; i++)
		printf("%08" PRIx32 ": %d %08" PRIx32 " %08" PRIx32 " %d %" PRIu32 " %016" PRIx64 "\n", v[i], popcount(v[i]), reverse(v[i]),
		       rotl(v[i], i * 5), log2i(v[i]), gray(v[i]), spread(v[i]));
	uint64_t big = UINT64_C(0x123456789abcdef0);
	printf("%d %d %" PRIu64 " %" PRId64 "\n", popcount(big), log2i(big), big & -big, (int64_t)~big >> 7);
	int8_t s = (int8_t)0x90;
	uint8_t u = 0x90;
	printf("%d %d %d %d %d\n", s >> 2, u >> 2, s << 1, ~u, (uint8_t)~u);
	return popcount(reverse(0xf0f0));
}
