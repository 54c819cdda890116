#include <stdio.h>
struct value {
	enum { INT, REAL, TEXT, PAIR } kind;
	union {
		int i;
		double r;
		const char *t;
		struct { short a, b; };
	};
};
static void show(const struct value *v)
{
	switch (v->kind) {
	case INT: printf("%d", v->i); break;
	case REAL: printf("%g", v->r); break;
	case TEXT: printf("'%s'", v->t); break;
	case PAIR: printf("(%d, %d)", v->a, v->b); break;
	}
	putchar('\n');
}
int main(void)
{
	struct value v[] = {{INT, {42}}, {.kind = REAL, .r = 2.5}, {.kind = TEXT, .t = "text"}, {.kind = PAIR, .i = 0}};
	v[3].a = 7;
	v[3].b = -8;
	for (unsigned i = 0; i < sizeof v / sizeof *v; i++)
		show(&v[i]);
	struct value w = v[1];
	w.r *= 2;
	show(&w);
	show(&v[1]);
	return (int)sizeof(struct value);
}
