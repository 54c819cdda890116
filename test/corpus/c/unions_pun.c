// Bits of floating-point numbers and bytes of integers through unions and memcpy.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

union number {
	double d;
	uint64_t u;
	uint8_t bytes[8];
	struct {
		uint32_t low, high;
	} half;
};

union small {
	float f;
	uint32_t u;
	int32_t i;
};

static void show(double d)
{
	union number n = {.d = d};
	printf("%-12g %016llx sign %d exponent %4d high %08x low %08x bytes", d, (unsigned long long)n.u,
	       (int)(n.u >> 63), (int)(n.u >> 52 & 0x7ff) - 1023, n.half.high, n.half.low);
	for (int i = 0; i < 8; i++)
		printf(" %02x", n.bytes[i]);
	putchar('\n');
}

static float quick_root(float x)
{
	union small s = {x};
	s.i = 0x5f3759df - (s.i >> 1);
	for (int i = 0; i < 3; i++)
		s.f *= 1.5f - 0.5f * x * s.f * s.f;
	return s.f * x;
}

int main(void)
{
	static const double all[] = {0.0, -0.0, 1.0, -2.5, 0.1, 1e300, 5e-324, 1.0 / 3};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		show(all[i]);
	for (int i = 1; i < 6; i++)
		printf("%.4f ", (double)quick_root((float)i));
	putchar('\n');
	union small s;
	s.u = 0x40490fdb;
	printf("%.7f %d\n", (double)s.f, s.i);
	uint32_t word = 0x01020304;
	uint8_t raw[4];
	memcpy(raw, &word, 4);
	printf("%d%d%d%d %zu %zu\n", raw[0], raw[1], raw[2], raw[3], sizeof(union number), sizeof(union small));
	return 0;
}
