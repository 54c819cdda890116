#include <stdint.h>
#include <stdio.h>

#define SHOW(fmt, e) printf("%s = " fmt "\n", #e, e)

int main(void)
{
	volatile int m1 = -1, big = 300, i = 7;
	volatile unsigned u = 3000000000u;
	volatile char c = -56;
	volatile unsigned char uc = 200;
	volatile short s = -12345;
	volatile unsigned short us = 54321;
	volatile long l = -5000000000;
	volatile unsigned long ul = 18446744073709551615u;
	volatile float f = 16777216.0f;
	volatile double d = -3.99, e = 4294967295.5;

	SHOW("%d", m1 < (int)u);
	SHOW("%d", m1 < u);
	SHOW("%d", m1 < l);
	SHOW("%d", u > l);
	SHOW("%d", ul > (unsigned long)l);
	SHOW("%d", c + uc);
	SHOW("%d", c * us);
	SHOW("%d", (unsigned char)big);
	SHOW("%d", (signed char)uc);
	SHOW("%d", (short)us);
	SHOW("%d", (int)l);
	SHOW("%u", (unsigned)l);
	SHOW("%ld", (long)u);
	SHOW("%ld", (long)(int)u);
	SHOW("%d", (int)d);
	SHOW("%u", (unsigned)e);
	SHOW("%lu", (unsigned long)(e * 4e9));
	SHOW("%.1f", f + 1);
	SHOW("%.1f", f + 1.0);
	SHOW("%.9g", (float)u);
	SHOW("%.9g", (float)ul);
	SHOW("%.17g", (double)l);
	SHOW("%.17g", (double)ul);
	SHOW("%d", (_Bool)0.25 + (_Bool)c + (_Bool)(m1 + 1));
	SHOW("%g", i / 2 * 2.0);
	SHOW("%g", i / 2.0 * 2);
	SHOW("%d", s / 100 * 100 + s % 100 == s);
	SHOW("%d", (s >> 3) * 8);
	SHOW("%u", u + u);
	SHOW("%u", -u);
	SHOW("%u", ~u);
	SHOW("%d", !u + !!c);
	SHOW("%lu", u * (unsigned long)u);
	SHOW("%u", u * u);
	SHOW("%d", (uint8_t)(uc + uc));
	SHOW("%d", (int8_t)(uint8_t)(c >> 1));
	SHOW("%zu", sizeof(c + uc) + sizeof(f + i) * 10 + sizeof(f + d) * 100 + sizeof(1 ? i : l) * 1000);
	char cc = 'x';
	cc += 3.75;
	uint16_t w = 65535;
	w += 2;
	w *= w;
	int x = 100;
	x *= 1.015;
	x -= 0.5f;
	printf("%d %u %d\n", (unsigned char)cc, (unsigned)w, x);
	return 0;
}
