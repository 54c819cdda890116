#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct text { size_t len; char data[]; };
static struct text *make(const char *s)
{
	size_t n = strlen(s);
	struct text *t = malloc(sizeof *t + n + 1);
	t->len = n;
	memcpy(t->data, s, n + 1);
	return t;
}
static struct text *join(const struct text *a, const struct text *b)
{
	struct text *t = malloc(sizeof *t + a->len + b->len + 1);
	t->len = a->len + b->len;
	memcpy(t->data, a->data, a->len);
	memcpy(t->data + a->len, b->data, b->len + 1);
	return t;
}
int main(void)
{
	struct text *a = make("flexible "), *b = make("array"), *c = join(a, b);
	printf("%s %zu %zu\n", c->data, c->len, sizeof(struct text));
	for (int i = 0; i < 5; i++) {
		struct text *d = join(c, b);
		free(c);
		c = d;
	}
	printf("%s\n", c->data);
	int len = (int)c->len;
	free(a);
	free(b);
	free(c);
	return len;
}
