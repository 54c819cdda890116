// Conversions of sscanf: counts, widths, sets, suppressed and failing ones.
#include <stdio.h>

int main(void)
{
	int a = -1, b = -1, c = -1, n = -1;
	char word[16] = "", set[16] = "", ch = '?';
	double d = 0;
	float f = 0;
	unsigned u = 0;
	long l = 0;
	short h = 0;
	unsigned char hh = 0;
	printf("%d: ", sscanf("10 20 x", "%d %d %d", &a, &b, &c));
	printf("%d %d %d\n", a, b, c);
	printf("%d: ", sscanf("2024-03-15", "%4d-%2d-%2d", &a, &b, &c));
	printf("%d %d %d\n", a, b, c);
	printf("%d: ", sscanf("key = value # note", "%15s = %15[^#]%n", word, set, &n));
	printf("<%s> <%s> %d\n", word, set, n);
	printf("%d: ", sscanf("ff 077 0x1f 12", "%x %o %i %u", &u, (unsigned *)&a, &b, (unsigned *)&c));
	printf("%u %d %d %d\n", u, a, b, c);
	printf("%d: ", sscanf("3.5e2 -0.25 1e400", "%lf %f", &d, &f));
	printf("%g %g\n", d, (double)f);
	printf("%d: ", sscanf("123456789 65537 300", "%ld %hd %hhu", &l, &h, &hh));
	printf("%ld %d %d\n", l, h, hh);
	printf("%d: ", sscanf("a b", "%c%*c%c", &ch, word));
	printf("%c %c\n", ch, word[0]);
	printf("%d %d\n", sscanf("", "%d", &a), sscanf("zzz", "%d", &b));
	printf("%d\n", a);
	printf("%d: ", sscanf("123456", "%2d%2d%2d", &a, &b, &c));
	printf("%d %d %d\n", a, b, c);
	printf("%d: ", sscanf("abc123", "%[a-z]%[0-9]", word, set));
	printf("%s %s\n", word, set);
	return 0;
}
