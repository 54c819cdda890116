#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
	static const char *const in[] = {"1", "-1.5e3", "0x1.8p1", "inf", ".5", "1e400", "1e-400", "12abc", "abc", " 7", "+3.", "0x", "1e", "-0"};
	for (unsigned i = 0; i < sizeof in / sizeof *in; i++) {
		char *end;
		errno = 0;
		double d = strtod(in[i], &end);
		printf("%-8s %.17g rest '%s' %s\n", in[i], d, end, errno == ERANGE ? "range" : "");
	}
	static const char *const ints[] = {"42", "-42", "0x1f", "017", "99999999999999999999", "-99999999999999999999", "zz", "12z", ""};
	for (unsigned i = 0; i < sizeof ints / sizeof *ints; i++) {
		char *end;
		errno = 0;
		long a = strtol(ints[i], &end, 0);
		int e = errno;
		unsigned long b = strtoul(ints[i], NULL, 36);
		printf("%-22s %ld %lu rest %zu %d\n", ints[i], a, b, strlen(end), e);
	}
	for (double d = 1.1; d < 1e12; d *= 13.37) {
		char t[40];
		snprintf(t, sizeof t, "%.17g", d);
		if (strtod(t, NULL) != d || strtof(t, NULL) != (float)d)
			return 1;
		puts(t);
	}
	return atoi("17 and more");
}
