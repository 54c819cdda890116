// strtol, strtoul, strtod and their ends, bases and errors.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void integer(const char *s, int base)
{
	char *end;
	errno = 0;
	long v = strtol(s, &end, base);
	int e1 = errno;
	errno = 0;
	unsigned long u = strtoul(s, NULL, base);
	printf("%-24s base %2d: %ld (%d) rest '%s', %lu (%d)\n", s, base, v, e1, end, u, errno);
}

static void real(const char *s)
{
	char *end;
	errno = 0;
	double v = strtod(s, &end);
	int e = errno;
	printf("%-24s %.17g (%d) rest '%s' float %.9g\n", s, v, e, end, (double)strtof(s, NULL));
}

int main(void)
{
	static const char *const ints[] = {"0",
	                                   "  42abc",
	                                   "-17",
	                                   "+5",
	                                   "0x1F",
	                                   "077",
	                                   "0b1",
	                                   "",
	                                   "   ",
	                                   "-",
	                                   "9223372036854775807",
	                                   "9223372036854775808",
	                                   "-9223372036854775809",
	                                   "18446744073709551616",
	                                   "zz",
	                                   "0x",
	                                   "1 2"};
	for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
		integer(ints[i], 10);
		integer(ints[i], 0);
		integer(ints[i], 36);
	}
	static const char *const reals[] = {"1.5",      "-.5e1",
	                                    "1e",       "0x1.8p3",
	                                    "inf",      "-INFINITYx",
	                                    "1e999",    "-1e-999",
	                                    "4.9e-324", "1.7976931348623159e308",
	                                    ".",        "1_000",
	                                    "0.1e+1z",  "123456789012345678901234567890"};
	for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
		real(reals[i]);
	printf("%d %ld %lld %g\n", atoi("12x"), atol("-9"), atoll("123456789012"), atof("2.5e-1"));
	div_t d = div(-17, 5);
	ldiv_t l = ldiv(17L, -5L);
	printf("%d %d %ld %ld %d\n", d.quot, d.rem, l.quot, l.rem, abs(-3));
	return 0;
}
