#define _XOPEN_SOURCE 700
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>
#include <wctype.h>
int main(void)
{
	if (setlocale(LC_ALL, "C.UTF-8") == NULL)
		return 77;
	static const wchar_t word[] = L"Gr\u00fc\u00dfe \u20ac";
	wchar_t up[20];
	char bytes[40];
	size_t n = wcslen(word);
	for (size_t i = 0; i <= n; i++)
		up[i] = (wchar_t)towupper((wint_t)word[i]);
	size_t len = wcstombs(bytes, up, sizeof bytes);
	printf("%zu chars, %zu bytes: %s, sizeof %zu\n", n, len, bytes, sizeof word);
	wchar_t back[20];
	printf("%zu %d\n", mbstowcs(back, bytes, 20), wcscmp(back, up));
	printf("%ls %lc %x %x\n", wcsstr(word, L"\u00df"), (wint_t)word[2], (unsigned)L'\u20ac', (unsigned)word[n - 1]);
	mbstate_t st = {0};
	const char *p = "x\xc3\xa9\xe2\x82\xac";
	wchar_t c;
	for (size_t k; (k = mbrtowc(&c, p, 4, &st)) > 0 && k < 5; p += k)
		printf("%zu:%04x ", k, (unsigned)c);
	printf("\n%d %d %ld\n", iswalpha(0xe9) != 0, wcwidth(L'a'), wcstol(L" 42x", NULL, 10));
	wchar_t f[30];
	printf("%d\n", swprintf(f, 30, L"%d %ls", 5, L"five"));
	return (int)wcslen(f);
}
