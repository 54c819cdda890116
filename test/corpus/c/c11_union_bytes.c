#include <inttypes.h>
#include <stdio.h>
#include <string.h>
union number { double d; uint64_t u; float f[2]; uint8_t b[8]; int16_t s[4]; };
static float inverse_root(float x)
{
	uint32_t i;
	float half = x * 0.5f;
	memcpy(&i, &x, sizeof i);
	i = 0x5f3759df - (i >> 1);
	memcpy(&x, &i, sizeof x);
	return x * (1.5f - half * x * x);
}
int main(void)
{
	static const double in[] = {0.0, 1.0, -2.5, 1e300, 3.141592653589793};
	for (int i = 0; i < 5; i++) {
		union number n = {.d = in[i]};
		printf("%016" PRIx64 " sign %d exponent %d", n.u, (int)(n.u >> 63), (int)(n.u >> 52 & 2047) - 1023);
		for (int k = 7; k >= 0; k--)
			printf(" %02x", n.b[k]);
		printf(" %d\n", n.s[3]);
	}
	union number m = {.u = UINT64_C(0x4010000000000000)};
	printf("%g\n", m.d);
	m.f[0] = 1.5f;
	printf("%08" PRIx32 " %zu\n", (uint32_t)m.u, sizeof m);
	for (float x = 0.25f; x < 1000; x *= 5)
		printf("%.6f ", inverse_root(x));
	putchar('\n');
	return 0;
}
