#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
	unsigned short len;
	char flag;
	char bytes[];
};

struct matrix {
	int rows, cols;
	double cell[];
};

static struct text *text(const char *s)
{
	size_t n = strlen(s);
	struct text *t = malloc(offsetof(struct text, bytes) + n + 1);
	t->len = (unsigned short)n;
	t->flag = n > 5 ? 'L' : 'S';
	memcpy(t->bytes, s, n + 1);
	return t;
}

static struct text *join(struct text *a, const struct text *b)
{
	a = realloc(a, sizeof *a + a->len + b->len + 1u);
	memcpy(a->bytes + a->len, b->bytes, b->len + 1u);
	a->len = (unsigned short)(a->len + b->len);
	return a;
}

static struct matrix *matrix(int rows, int cols)
{
	struct matrix *m = calloc(1, sizeof *m + sizeof m->cell[0] * (size_t)(rows * cols));
	m->rows = rows;
	m->cols = cols;
	return m;
}

int main(void)
{
	struct text *a = text("flexible"), *b = text(" array"), *c = text("!");
	printf("%c%c%c %zu %zu\n", a->flag, b->flag, c->flag, sizeof *a, offsetof(struct text, bytes));
	a = join(join(a, b), c);
	printf("%s (%u)\n", a->bytes, a->len);
	struct text copy;
	copy = *a;
	printf("%u %c\n", copy.len, copy.flag);
	struct matrix *m = matrix(4, 5);
	for (int i = 0; i < 20; i++)
		m->cell[i] = i / 5 * 10 + i % 5 + 0.5;
	double trace = 0;
	for (int i = 0; i < 4; i++)
		trace += m->cell[i * m->cols + i];
	printf("%g %zu\n", trace, sizeof *m);
	free(a);
	free(b);
	free(c);
	free(m);
	return 0;
}
