#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct value value;
struct value {
	enum { NIL, INT, REAL, TEXT, PAIR } kind;
	union {
		int64_t i;
		double r;
		char text[8];
		struct { value *first, *second; };
	};
};

static value *make(value v)
{
	value *p = malloc(sizeof *p);
	*p = v;
	return p;
}

static void print(const value *v)
{
	switch (v->kind) {
	case NIL: printf("nil"); break;
	case INT: printf("%lld", (long long)v->i); break;
	case REAL: printf("%.3f", v->r); break;
	case TEXT: printf("'%.8s'", v->text); break;
	case PAIR:
		putchar('(');
		print(v->first);
		printf(" . ");
		print(v->second);
		putchar(')');
	}
}

static double sum(const value *v)
{
	return v->kind == INT ? (double)v->i : v->kind == REAL ? v->r : v->kind == PAIR ? sum(v->first) + sum(v->second) : 0;
}

static void drop(value *v)
{
	if (v->kind == PAIR) {
		drop(v->first);
		drop(v->second);
	}
	free(v);
}

union bits { float f; uint32_t u; unsigned char b[4]; struct { uint32_t fraction : 23, exponent : 8, sign : 1; } part; };

int main(void)
{
	value *v = make((value){PAIR, {.first = make((value){INT, {.i = -5}}),
	                               .second = make((value){PAIR, {.first = make((value){REAL, {.r = 2.75}}),
	                                                             .second = make((value){TEXT, {.text = "abc"}})}})}});
	value *list = make((value){.kind = NIL});
	for (int i = 0; i < 4; i++)
		list = make((value){PAIR, {.first = make((value){INT, {.i = (int64_t)1 << i * 12}}), .second = list}});
	print(v);
	printf(" %g\n", sum(v));
	print(list);
	printf(" %g\n", sum(list));
	drop(v);
	drop(list);
	static const float f[] = {1.0f, -0.15625f, 3.14159274f, 65504.0f};
	for (int i = 0; i < 4; i++) {
		union bits b = {f[i]};
		printf("%g: sign %u exponent %d fraction %06x bytes %02x%02x%02x%02x\n", f[i], b.part.sign, (int)b.part.exponent - 127,
		       b.part.fraction, b.b[3], b.b[2], b.b[1], b.b[0]);
	}
	printf("%zu %zu\n", sizeof(union bits), sizeof(value));
	return 0;
}
