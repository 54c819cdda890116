#include <stdarg.h>
#include <stdio.h>
#include <stdint.h>

static double sum(const char *kinds, ...)
{
	va_list ap, again;
	double s = 0;
	va_start(ap, kinds);
	va_copy(again, ap);
	for (const char *k = kinds; *k; k++)
		switch (*k) {
		case 'i': s += va_arg(ap, int); break;
		case 'u': s += va_arg(ap, unsigned); break;
		case 'l': s += va_arg(ap, long); break;
		case 'q': s += (double)va_arg(ap, int64_t); break;
		case 'd': s += va_arg(ap, double); break;
		case 'L': s += (double)va_arg(ap, long double); break;
		case 's': s += *va_arg(ap, const char *) - '0'; break;
		case 'p': s += *va_arg(ap, short *); break;
		}
	va_end(ap);
	if (*kinds == 'i')
		s += 1000 * va_arg(again, int);
	va_end(again);
	return s;
}

static int say(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	char text[200];
	int n = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	printf("%d: %s\n", n, text);
	return n;
}

int main(void)
{
	short s = -5;
	printf("%g\n", sum("iudLlqsp", 1, 4000000000u, 2.5, 3.25L, -9l, (int64_t)1 << 40, "7", &s));
	printf("%g\n", sum("dddddddddddd", 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12.));
	printf("%g\n", sum("iiiiiiiiii", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
	printf("%g\n", sum("LiLdLi", 1.5L, 1, 2.5L, 1., 3.5L, 1));
	say("%d %s %c %5.2f %Lg %lld %x", 1, "two", '3', 4.0, 5.0L, 6ll, 7u);
	return say("%*d|%-*d|%.*s", 5, 42, 5, 42, 3, "abcdef");
}
