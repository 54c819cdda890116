#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { char *s; size_t n, room; } str;

static str *add(str *b, const char *f, ...)
{
	va_list ap, again;
	va_start(ap, f);
	va_copy(again, ap);
	int need = vsnprintf(NULL, 0, f, ap);
	va_end(ap);
	if (b->n + (size_t)need + 1 > b->room) {
		b->room = (b->n + (size_t)need + 1) * 2;
		b->s = realloc(b->s, b->room);
	}
	b->n += (size_t)vsprintf(b->s + b->n, f, again);
	va_end(again);
	return b;
}

static char *replace(const char *text, const char *what, const char *with)
{
	str b = {0};
	const char *p;
	for (add(&b, "%s", ""); (p = strstr(text, what)) != NULL; text = p + strlen(what))
		add(&b, "%.*s%s", (int)(p - text), text, with);
	return add(&b, "%s", text)->s;
}

int main(void)
{
	str b = {0};
	for (int i = 0; i < 12; i++)
		add(add(&b, i ? ", " : "["), "%d:%-3s|%5.2f", i, i % 2 ? "odd" : "ev", i / 7.0);
	puts(add(&b, "]")->s);
	printf("%zu of %zu\n", b.n, b.room);
	free(b.s);
	char *r = replace("the cat sat on the mat with the hat", "the", "a");
	puts(r);
	char *q = replace(r, "at", "<at>");
	puts(q);
	free(r);
	free(q);
	return 0;
}
