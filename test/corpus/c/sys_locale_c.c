#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

int main(void)
{
	const struct lconv *l = localeconv();
	printf("\"%s\" \"%s\" %d %s\n", l->decimal_point, l->thousands_sep, l->frac_digits == CHAR_MAX, setlocale(LC_ALL, NULL));
	const char *words[] = {"banana", "Apple", "apple", "Zebra"};
	for (int i = 0; i < 3; i++)
		printf("%d ", strcoll(words[i], words[i + 1]) > 0);
	printf("%zu\n", strxfrm(NULL, "hello", 0));
	const char *set = setlocale(LC_CTYPE, "C.UTF-8");
	printf("%s %d\n", set ? set : "none", (int)MB_CUR_MAX);
	wchar_t wide[20];
	size_t n = mbstowcs(wide, "na\xc3\xafve \xe2\x82\xac", 20);
	for (size_t i = 0; i < n; i++)
		printf("%lx%s ", (unsigned long)wide[i], iswalpha((wint_t)wide[i]) ? "a" : "");
	char back[40];
	printf("\n%zu %zu %d\n", n, wcstombs(back, wide, sizeof back), mblen("\xe2\x82\xac", 3));
	puts(back);
	printf("%ls|%5.2ls|%lc\n", wide, wide, (wint_t)0xe9);
	mbstate_t state;
	memset(&state, 0, sizeof state);
	wchar_t c;
	size_t r = mbrtowc(&c, "\xe2\x82", 2, &state);
	printf("%d ", r == (size_t)-2);
	r = mbrtowc(&c, "\xac", 1, &state);
	printf("%zu %lx %d\n", r, (unsigned long)c, (int)mbrtowc(&c, "\xff", 1, &state));
	return 0;
}
