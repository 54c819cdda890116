// corpus: {"args": ["-r", "-n"], "input": "10 pears\n9 apples\n\n100 figs\n-5 debts\nno number\n9 plums\n"}
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int reverse, numeric;

static int compare(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	int r = 0;
	if (numeric) {
		double p = strtod(x, NULL), q = strtod(y, NULL);
		r = (p > q) - (p < q);
	}
	if (r == 0)
		r = strcmp(x, y);
	return reverse ? -r : r;
}

int main(int argc, char **argv)
{
	int c;
	while ((c = getopt(argc, argv, "rn")) != -1)
		switch (c) {
		case 'r': reverse = 1; break;
		case 'n': numeric = 1; break;
		default: return 2;
		}
	char **line = NULL, *text = NULL;
	size_t count = 0, room = 0;
	ssize_t len;
	while ((len = getline(&text, &room, stdin)) >= 0) {
		if (len && text[len - 1] == '\n')
			text[len - 1] = '\0';
		line = realloc(line, (count + 1) * sizeof *line);
		line[count++] = strdup(text);
	}
	if (count > 0)
		qsort(line, count, sizeof *line, compare);
	for (size_t i = 0; i < count; i++) {
		printf("%zu: %s\n", i + 1, line[i]);
		free(line[i]);
	}
	free(line);
	free(text);
	fprintf(stderr, "%zu lines\n", count);
	return count == 6 ? 0 : 1;
}
