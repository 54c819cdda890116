#include <ctype.h>
#include <stdio.h>

int main(void)
{
	static int (*const is[])(int) = {isalpha, isdigit, isspace, isupper, isxdigit, ispunct, iscntrl, isprint, isgraph, isalnum, isblank};
	for (unsigned k = 0; k < sizeof is / sizeof *is; k++) {
		unsigned count = 0, sum = 0;
		for (int c = 0; c < 256; c++)
			if (is[k](c)) {
				count++;
				sum = sum * 31 + (unsigned)c;
			}
		printf("%u: %u %08x\n", k, count, sum);
	}
	for (const char *p = "Mixed Case, 123!"; *p; p++)
		putchar(isupper((unsigned char)*p) ? tolower((unsigned char)*p) : toupper((unsigned char)*p));
	putchar('\n');
	return 0;
}
