// cleanup, aligned and vector attributes, builtins.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void release(char **p) { printf("release %s\n", *p); free(*p); }

typedef int four __attribute__((vector_size(16)));
struct line { char c; int v __attribute__((aligned(32))); };

static char *copy(const char *s)
{
	size_t n = __builtin_strlen(s) + 1;
	return __builtin_memcpy(malloc(n), s, n);
}

int main(void)
{
	for (int i = 0; i < 2; i++) {
		__attribute__((cleanup(release))) char *p = copy(i ? "second" : "first");
		if (i)
			break;
		printf("using %s\n", p);
	}
	four a = {1, 2, 3, 4}, b = {10, 20, 30, 40};
	four c = a * b + a;
	printf("%d %d %d %d\n", c[0], c[1], c[2], c[3]);
	printf("%zu %d %d %d\n", sizeof(struct line), __builtin_popcount(0xf0f1), __builtin_clz(1u), __builtin_ctzll(1ull << 40));
	int r;
	printf("%d", __builtin_add_overflow(2147483647, 1, &r));
	printf(" %ld\n", __builtin_expect(r < 0, 1));
	return 0;
}
