// A growing text, pieces of text as values, split, join, replace, reverse.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
	char *p;
	size_t len, room;
};

struct piece {
	const char *p;
	size_t len;
};

#define PIECE(s) ((struct piece){(s), sizeof(s) - 1})

static void add(struct text *t, struct piece s)
{
	if (t->len + s.len + 1 > t->room) {
		t->room = (t->len + s.len + 1) * 2;
		t->p = realloc(t->p, t->room);
		if (t->p == NULL)
			abort();
	}
	memcpy(t->p + t->len, s.p, s.len);
	t->len += s.len;
	t->p[t->len] = '\0';
}

static void addf(struct text *t, const char *format, ...)
{
	char small[64];
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(small, sizeof small, format, ap);
	va_end(ap);
	add(t, (struct piece){small, (size_t)n});
}

static struct piece cut(struct piece *rest, char at)
{
	const char *end = memchr(rest->p, at, rest->len);
	struct piece first = {rest->p, end ? (size_t)(end - rest->p) : rest->len};
	size_t used = first.len + (end != NULL);
	rest->p += used;
	rest->len -= used;
	return first;
}

static void replace(struct text *out, struct piece in, struct piece old, struct piece new)
{
	while (in.len > 0) {
		if (in.len >= old.len && memcmp(in.p, old.p, old.len) == 0) {
			add(out, new);
			in.p += old.len;
			in.len -= old.len;
		} else {
			add(out, (struct piece){in.p++, 1});
			in.len--;
		}
	}
}

int main(void)
{
	struct text t = {0}, u = {0};
	struct piece rest = PIECE("one,two,,three,four and five");
	for (int i = 0; rest.len > 0; i++) {
		struct piece p = cut(&rest, ',');
		addf(&t, "%s[%d]=%.*s", i ? "; " : "", i, (int)p.len, p.p);
	}
	printf("%zu %s\n", t.len, t.p);
	replace(&u, (struct piece){t.p, t.len}, PIECE("t"), PIECE("<TEE>"));
	printf("%zu %s\n", u.len, u.p);
	for (size_t i = 0, j = t.len - 1; i < j; i++, j--) {
		char c = t.p[i];
		t.p[i] = t.p[j];
		t.p[j] = c;
	}
	puts(t.p);
	for (int i = 0; i < 500; i++)
		addf(&u, "%d,", i);
	printf("%zu %s\n", u.len, u.p + u.len - 12);
	free(t.p);
	free(u.p);
	return 0;
}
