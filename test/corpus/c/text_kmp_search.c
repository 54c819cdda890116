#include <stdio.h>
#include <string.h>
static int find_all(const char *text, const char *word, int *at, int max)
{
	int fail[64] = {0}, n = (int)strlen(word), found = 0;
	for (int i = 1, k = 0; i < n; i++) {
		while (k > 0 && word[k] != word[i])
			k = fail[k - 1];
		fail[i] = k += word[k] == word[i];
	}
	for (int i = 0, k = 0; text[i] != '\0'; i++) {
		while (k > 0 && word[k] != text[i])
			k = fail[k - 1];
		k += word[k] == text[i];
		if (k == n) {
			if (found < max)
				at[found] = i - n + 1;
			found++;
			k = fail[k - 1];
		}
	}
	return found;
}
int main(void)
{
	static const char *const words[] = {"aba", "abab", "aa", "c", "zzz", "abacababa"};
	const char *text = "abacabababaabacababacaabaa";
	int at[20], total = 0;
	for (unsigned w = 0; w < sizeof words / sizeof *words; w++) {
		int n = find_all(text, words[w], at, 20);
		printf("%s: %d", words[w], n);
		for (int i = 0; i < n; i++)
			printf(" %d", at[i]);
		putchar('\n');
		total += n;
	}
	return total;
}
