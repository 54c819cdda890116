#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static const char text[] = "The cat and the dog saw the bird. The bird, however, saw neither the cat nor the dog; and so it sang.";
struct word { char text[16]; int count; };
static int order(const void *a, const void *b)
{
	const struct word *x = a, *y = b;
	return x->count != y->count ? y->count - x->count : strcmp(x->text, y->text);
}
int main(void)
{
	struct word words[40];
	int n = 0, letters[26] = {0};
	for (const char *p = text; *p != '\0';) {
		char w[16];
		int len = 0;
		while (*p != '\0' && !isalpha((unsigned char)*p))
			p++;
		while (isalpha((unsigned char)*p)) {
			w[len] = (char)tolower((unsigned char)*p++);
			letters[w[len++] - 'a']++;
		}
		w[len] = '\0';
		if (len == 0)
			break;
		int i = 0;
		while (i < n && strcmp(words[i].text, w) != 0)
			i++;
		if (i == n) {
			strcpy(words[n].text, w);
			words[n++].count = 0;
		}
		words[i].count++;
	}
	qsort(words, (size_t)n, sizeof *words, order);
	for (int i = 0; i < n; i++)
		printf("%3d %s\n", words[i].count, words[i].text);
	for (int i = 0; i < 26; i++)
		printf("%c%d%c", 'a' + i, letters[i], i == 25 ? '\n' : ' ');
	return n;
}
