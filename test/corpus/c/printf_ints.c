// Integer conversions of printf with all flags.
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

int main(void)
{
	static const int values[] = {0, 1, -1, 42, -12345, INT_MAX, INT_MIN};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		int v = values[i];
		printf("[%d] [%5d] [%-5d] [%05d] [%+d] [% d] [%.3d] [%8.3d] [%-8.3d|\n", v, v, v, v, v, v, v, v, v);
		printf("[%u] [%x] [%X] [%#x] [%o] [%#o] [%#010x] [%.0d]\n", (unsigned)v, (unsigned)v, (unsigned)v,
		       (unsigned)v, (unsigned)v, (unsigned)v, (unsigned)v, v);
	}
	printf("%hhd %hhu %hd %hu\n", (signed char)-56, (unsigned char)200, (short)-25536, (unsigned short)40000);
	printf("%ld %lu %lld %llu\n", LONG_MIN, ULONG_MAX, LLONG_MIN, ULLONG_MAX);
	printf("%zu %zd %td %jd %ju\n", SIZE_MAX, (ssize_t)-1, (ptrdiff_t)-7, INTMAX_MIN, UINTMAX_MAX);
	printf("%*d|%-*d|%.*d|%*.*d\n", 6, 1, 6, 2, 4, 3, 8, 4, 5);
	printf("%c%c%c %5c|%-5c| %%\n", 'a', 66, '\x43', 'd', 'e');
	printf("[%s] [%8s] [%-8s] [%.2s] [%8.2s] [%.*s]\n", "text", "text", "text", "text", "text", 3, "text");
	int n = 0;
	printf("count me%n", &n);
	printf(" %d\n", n);
	printf("%2$s %1$s %2$s\n", "one", "two");
	printf("%'d %i\n", 1234567, 010);
	return 0;
}
