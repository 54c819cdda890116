// \u takes four digits, and no more
#include <stdio.h>
#include <wchar.h>

int main(void)
{
	printf("%zu\n", wcslen(L"gr\u00fc\u00dfe"));
	return 0;
}
