#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A vector of any type, by macros. */
#define VECTOR(T, name) \
	struct name { T *item; size_t count, room; }; \
	static void name##_push(struct name *v, T x) \
	{ \
		if (v->count == v->room) { \
			v->room = v->room ? v->room * 2 : 2; \
			v->item = realloc(v->item, v->room * sizeof *v->item); \
		} \
		v->item[v->count++] = x; \
	} \
	static T name##_pop(struct name *v) { return v->item[--v->count]; } \
	struct name

typedef struct { int x, y; } pair;
VECTOR(int, ints);
VECTOR(const char *, words);
VECTOR(pair, pairs);
VECTOR(double, doubles);

#define FOREACH(v, p) for (size_t i_ = 0; i_ < (v).count && ((p) = &(v).item[i_], 1); i_++)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define SWAP(T, a, b) do { T t_ = (a); (a) = (b); (b) = t_; } while (0)

int main(void)
{
	struct ints n = {0};
	struct words w = {0};
	struct pairs p = {0};
	struct doubles d = {0};
	const char *const names[] = {"zero", "one", "two", "three", "four"};
	for (int i = 0; i < 9; i++) {
		ints_push(&n, i * i);
		words_push(&w, names[i % (int)ARRAY_SIZE(names)]);
		pairs_push(&p, (pair){i, -i});
		doubles_push(&d, 1.0 / (i + 1));
	}
	SWAP(int, n.item[0], n.item[8]);
	SWAP(pair, p.item[1], p.item[2]);
	int *ip;
	FOREACH(n, ip)
		printf("%d ", *ip);
	pair *pp;
	FOREACH(p, pp)
		printf("(%d,%d)", pp->x, pp->y);
	int last = ints_pop(&n);
	printf("\n%d %s %g %d\n", last, words_pop(&w), doubles_pop(&d), pairs_pop(&p).y);
	printf("%zu of %zu, %zu of %zu\n", n.count, n.room, w.count, w.room);
	free(n.item); free((void *)w.item); free(p.item); free(d.item);
	return (int)w.count;
}
