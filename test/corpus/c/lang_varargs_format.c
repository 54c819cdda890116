#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <stdint.h>

static char out[256];
static size_t used;

static void put(char c) { if (used + 1 < sizeof out) out[used++] = c, out[used] = 0; }

static void number(unsigned long long u, unsigned base, int width, int negative)
{
	char digits[70];
	int n = 0;
	do
		digits[n++] = "0123456789abcdef"[u % base];
	while (u /= base);
	if (negative)
		digits[n++] = '-';
	while (width-- > n)
		put(' ');
	while (n)
		put(digits[--n]);
}

static int format(const char *f, ...)
{
	va_list ap;
	va_start(ap, f);
	used = 0;
	out[0] = 0;
	for (; *f; f++) {
		if (*f != '%') {
			put(*f);
			continue;
		}
		int width = 0, longs = 0;
		while (*++f >= '0' && *f <= '9')
			width = width * 10 + *f - '0';
		while (*f == 'l')
			longs++, f++;
		switch (*f) {
		case 'd': {
			long long v = longs == 2 ? va_arg(ap, long long) : longs ? va_arg(ap, long) : va_arg(ap, int);
			number(v < 0 ? -(unsigned long long)v : (unsigned long long)v, 10, width, v < 0);
			break;
		}
		case 'x': number(longs ? va_arg(ap, unsigned long) : va_arg(ap, unsigned), 16, width, 0); break;
		case 'b': number(va_arg(ap, unsigned), 2, width, 0); break;
		case 'c': put((char)va_arg(ap, int)); break;
		case 's': for (const char *s = va_arg(ap, const char *); *s; s++) put(*s); break;
		case 'f': {
			double d = va_arg(ap, double);
			number((unsigned long long)(d < 0 ? -d : d), 10, width, d < 0);
			put('.');
			d = d < 0 ? -d : d;
			number((unsigned long long)((d - (double)(unsigned long long)d) * 100 + 0.5), 10, 2, 0);
			break;
		}
		case '%': put('%'); break;
		}
	}
	va_end(ap);
	return (int)used;
}

static double pick(int which, ...)
{
	va_list a, b;
	va_start(a, which);
	va_copy(b, a);
	double first = va_arg(b, double);
	while (which-- > 0)
		(void)va_arg(a, double);
	double r = va_arg(a, double) - first;
	va_end(a);
	va_end(b);
	return r;
}

static int relay(char *to, size_t room, const char *f, ...)
{
	va_list ap;
	va_start(ap, f);
	int n = vsnprintf(to, room, f, ap);
	va_end(ap);
	return n;
}

int main(void)
{
	int n = format("%d|%6d|%ld|%lld|%x|%lx|%b|%c|%s|%f|%%", -42, 7, -5000000000L, INT64_MIN, 48879, 0xfedcba9876543210UL, 10,
	               'z', "text", -3.25);
	printf("%s (%d)\n", out, n);
	n = format("%d %d %d %d %d %d %d %d %f %d %f", 1, 2, 3, 4, 5, 6, 7, 8, 9.5, 10, 11.75);
	printf("%s (%d)\n", out, n);
	printf("%g %g\n", pick(3, 1.0, 2.0, 3.0, 4.5), pick(9, 1., 2., 3., 4., 5., 6., 7., 8., 9., 100.));
	char small[10];
	n = relay(small, sizeof small, "%s-%d-%.1f", "abcdef", 12345, 6.7);
	printf("%s %d\n", small, n);
	return 0;
}
