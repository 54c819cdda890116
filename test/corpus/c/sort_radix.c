#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define COUNT 2000

static uint32_t keys[COUNT], other[COUNT];

static void radix(uint32_t *from, uint32_t *to, int n)
{
	for (int shift = 0; shift < 32; shift += 8) {
		int start[257] = {0};
		for (int i = 0; i < n; i++)
			start[(from[i] >> shift & 0xff) + 1]++;
		for (int b = 0; b < 256; b++)
			start[b + 1] += start[b];
		for (int i = 0; i < n; i++)
			to[start[from[i] >> shift & 0xff]++] = from[i];
		uint32_t *t = from;
		from = to;
		to = t;
	}
}

static uint32_t as_key(float f)
{
	uint32_t u;
	memcpy(&u, &f, sizeof u);
	return u & 0x80000000u ? ~u : u | 0x80000000u;
}

static float as_float(uint32_t u)
{
	float f;
	u = u & 0x80000000u ? u & 0x7fffffffu : ~u;
	memcpy(&f, &u, sizeof f);
	return f;
}

int main(void)
{
	uint32_t x = 2463534242u;
	for (int i = 0; i < COUNT; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		keys[i] = x;
	}
	radix(keys, other, COUNT);
	for (int i = 0; i < COUNT; i += 199)
		printf("%4d %08x\n", i, (unsigned)keys[i]);

	static const float f[] = {1.5f, -2.25f, 0.0f, 1e10f, -1e-10f, 3.75f, -1e20f, 0.125f};
	int n = sizeof f / sizeof *f;
	for (int i = 0; i < n; i++)
		keys[i] = as_key(f[i]);
	radix(keys, other, n);
	for (int i = 0; i < n; i++)
		printf("%g ", as_float(keys[i]));
	putchar('\n');
	return 0;
}
