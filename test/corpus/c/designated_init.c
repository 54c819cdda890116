#include <stdio.h>
struct point { int x, y; };
struct shape { const char *name; struct point at[3]; union { int i; float f; } u; unsigned char tag[4]; };
static const struct shape shapes[] = {
	[2] = {.name = "two", .at[1].y = 5, .at[0] = {.y = 7}, .u.f = 1.5f},
	[0] = {"zero", {{1, 2}, {3, 4}}, {9}, "abc"},
	{.at = {[2] = {8, 9}}, .tag = {[3] = 1}},
	[4].name = "four",
};
static int table[] = {[3] = 1, 2, [1] = 7, 8, [9] = 3};
int main(void)
{
	printf("%zu %zu\n", sizeof shapes / sizeof *shapes, sizeof table / sizeof *table);
	for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		const struct shape *s = &shapes[i];
		printf("%s", s->name ? s->name : "-");
		for (int k = 0; k < 3; k++)
			printf(" (%d,%d)", s->at[k].x, s->at[k].y);
		printf(" %x", (unsigned)s->u.i);
		for (int k = 0; k < 4; k++)
			printf(" %d", s->tag[k]);
		putchar('\n');
	}
	for (unsigned i = 0; i < sizeof table / sizeof *table; i++)
		printf("%d ", table[i]);
	struct point p = {.y = 1, .x = 2}, q = {.x = 4};
	char m[2][3] = {"ab", {[1] = 'c'}};
	printf("\n%d %d %d %d %d %c\n", p.x, p.y, q.x, q.y, m[1][0], m[1][1]);
	return table[4];
}
