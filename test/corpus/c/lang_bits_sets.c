#include <stdint.h>
#include <stdio.h>

typedef struct { uint64_t w[4]; } set256;

static void set_add(set256 *s, unsigned b) { s->w[b >> 6] |= UINT64_C(1) << (b & 63); }
static int set_has(const set256 *s, unsigned b) { return (int)(s->w[b >> 6] >> (b & 63) & 1); }
static set256 set_and(set256 a, set256 b)
{
	for (int i = 0; i < 4; i++)
		a.w[i] &= b.w[i];
	return a;
}
static int set_count(set256 s)
{
	int n = 0;
	for (int i = 0; i < 4; i++)
		for (; s.w[i]; s.w[i] &= s.w[i] - 1)
			n++;
	return n;
}

int main(void)
{
	set256 threes = {{0}}, squares = {{0}}, both;
	for (unsigned i = 0; i < 256; i += 3)
		set_add(&threes, i);
	for (unsigned i = 0; i < 16; i++)
		set_add(&squares, i * i);
	both = set_and(threes, squares);
	printf("%d %d %d:", set_count(threes), set_count(squares), set_count(both));
	for (unsigned i = 0; i < 256; i++)
		if (set_has(&both, i))
			printf(" %u", i);
	putchar('\n');
	for (int i = 0; i < 4; i++)
		printf("%016llx ", (unsigned long long)threes.w[i]);
	uint32_t gray = 0;
	for (uint32_t i = 0; i < 8; i++)
		printf("%s%u", i ? " " : "\n", gray = i ^ i >> 1);
	printf("\n");
	return (int)gray;
}
