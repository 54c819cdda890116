#include <stdio.h>
#include <string.h>
static const struct { int value; const char *sign; } table[] = {{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"},
    {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}};
static char *to_roman(int n, char *out)
{
	*out = '\0';
	for (unsigned i = 0; i < sizeof table / sizeof *table; i++)
		for (; n >= table[i].value; n -= table[i].value)
			strcat(out, table[i].sign);
	return out;
}
static int from_roman(const char *s)
{
	int n = 0;
	for (unsigned i = 0; i < sizeof table / sizeof *table; i++)
		for (size_t l = strlen(table[i].sign); strncmp(s, table[i].sign, l) == 0; s += l)
			n += table[i].value;
	return *s == '\0' ? n : -1;
}
int main(void)
{
	char b[32], longest[32] = "";
	for (int i = 1; i < 4000; i++) {
		if (from_roman(to_roman(i, b)) != i)
			return 1;
		if (strlen(b) > strlen(longest))
			strcpy(longest, b);
		if (i % 333 == 0)
			printf("%d %s\n", i, b);
	}
	printf("%s %d %d\n", longest, from_roman(longest), from_roman("MIQ"));
	return 0;
}
