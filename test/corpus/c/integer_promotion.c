#include <limits.h>
#include <stdio.h>

#define P(e) printf("%s = %lld\n", #e, (long long)(e))
int main(void)
{
	volatile unsigned char uc = 200;
	volatile signed char sc = -56;
	volatile unsigned short us = 65535;
	volatile short ss = -1;
	volatile int i = -1;
	volatile unsigned u = 1;
	volatile long l = -1;
	volatile unsigned long ul = 1;
	P(uc + uc); P(uc == sc); P((unsigned char)sc == uc); P(~uc); P(-uc); P(us * 2); P(us + ss); P(ss < us);
	P(i < u); P(l < u); P(l < ul); P(i + u); P(i + ul); P(i * u > 0); P(ss > u); P(sc / 2u); P(i / 2 + i % 2);
	P(uc << 4); P((unsigned char)(uc << 4)); P((signed char)(uc + 100)); P(us >> 3); P(ss >> 3); P(i >> 31); P(u << 31);
	P(1 ? i : u); P((1 ? i : u) > 0); P((0 ? l : u) == 1); P(!uc); P(!!us); P(uc & sc); P(uc ^ i); P(us | l);
	uc += 100; P(uc); uc -= 50; P(uc); sc *= 2; P(sc); us++; P(us); ss -= 40000; P(ss); uc <<= 1; P(uc); sc >>= 1; P(sc);
	u -= 2; P(u); P(u > INT_MAX); P(u / 3); P(u % 10); P((int)u); P((long)u); P((short)u); P((unsigned short)i); P((unsigned long)i);
	P(CHAR_MIN < 0); P(INT_MIN); P(UINT_MAX); P(LONG_MAX); P(ULONG_MAX == -1ul); P('\377'); P((char)255 == -1);
	return uc;
}
