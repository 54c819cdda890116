#include <stdio.h>
#include <string.h>
#include <wchar.h>

int main(void)
{
	const char *narrow = "gr\u00fc\u00df \u20ac \U0001F600";
	const wchar_t *wide = L"\u20ac\U0001F600";
	int caf\u00e9 = 3;
	printf("%zu:", strlen(narrow));
	for (const char *p = narrow; *p; p++)
		printf(" %02x", (unsigned char)*p);
	printf("\n%zu: %lx %lx\n", wcslen(wide), (unsigned long)wide[0], (unsigned long)wide[1]);
	return caf\u00e9;
}
