// corpus: {"input": "The quick brown fox jumps over the lazy dog. The dog sleeps; the fox doesn't!\nFox 42 fox-trot\n"}
#include <ctype.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct word { char *text; int count; };
static struct word *sorted[100];
static int words;

static int by_text(const void *a, const void *b) { return strcmp(((const struct word *)a)->text, ((const struct word *)b)->text); }
static int by_count(const void *a, const void *b)
{
	const struct word *x = *(struct word *const *)a, *y = *(struct word *const *)b;
	return x->count != y->count ? y->count - x->count : strcmp(x->text, y->text);
}
static void collect(const void *node, VISIT when, int depth)
{
	(void)depth;
	if (when == postorder || when == leaf)
		sorted[words++] = *(struct word *const *)node;
}

int main(void)
{
	void *root = NULL;
	char text[64];
	int c, n = 0, total = 0;
	do {
		c = getchar();
		if (c != EOF && (isalpha(c) || (c == '\'' && n > 0))) {
			if (n < 63)
				text[n++] = (char)tolower(c);
		} else if (n > 0) {
			text[n] = '\0';
			struct word *w = malloc(sizeof *w), **found;
			w->text = strdup(text);
			w->count = 0;
			found = tsearch(w, &root, by_text);
			if (*found != w) {
				free(w->text);
				free(w);
			}
			(*found)->count++;
			total++;
			n = 0;
		}
	} while (c != EOF);
	twalk(root, collect);
	qsort(sorted, (size_t)words, sizeof *sorted, by_count);
	for (int i = 0; i < words; i++)
		printf("%3d %s\n", sorted[i]->count, sorted[i]->text);
	printf("%d words, %d different\n", total, words);
	while (words--) {
		tdelete(sorted[words], &root, by_text);
		free(sorted[words]->text);
		free(sorted[words]);
	}
	return root != NULL;
}
