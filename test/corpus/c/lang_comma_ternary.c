#include <stdio.h>
#include <string.h>
#include <stddef.h>

static int calls;
static int yes(int x) { calls++; return x; }

struct point { int x, y; };

int main(void)
{
	int i, j, n = 0;
	for (i = 0, j = 10; i < j; i += 3, j--)
		n = n * 10 + (i > 4 ? j : i);
	printf("%d %d %d\n", i, j, n);
	int a = (n++, n++, n + 1);
	printf("%d %d\n", a, n);
	printf("%s\n", a > 100 ? a > 1000 ? "huge" : "large" : a > 10 ? "medium" : "small");
	printf("%d%d%d%d ", yes(0) && yes(1), yes(1) || yes(0), !yes(0) && yes(2) && yes(3), yes(0) || yes(0) || yes(4));
	printf("%d calls\n", calls);
	const void *p = n ? (void *)&n : NULL;
	const char *q = p ? "pointer" : 0;
	printf("%s %d\n", q, p == &n);
	struct point u = {1, 2}, v = {3, 4}, w;
	w = n & 1 ? u : v;
	printf("%d %d ", w.x, w.y);
	w = (u.x = 9, u);
	printf("%d %d %d\n", w.x, (n > 5 ? u : v).y, (u, v).x);
	double d = n > 0 ? 1 : 2.5;
	long long big = n > 0 ? -1 : 1u;
	printf("%g %lld %zu\n", d / 2, big, sizeof(n ? 'c' : 1.0f));
	int x = 5;
	x = x * 2 - (x > 3 ? 1 : 0);
	printf("%d\n", x > 0);
	char text[8] = "", *t = text;
	do
		*t = (char)(97 + (t - text) % 3), *++t = 0;
	while (strlen(text) < 6);
	puts(text[0] ? "built" : "empty");
	int k = 0;
	while (k++ < 3 ? 1 : (k = 100, 0))
		putchar('0' + k);
	printf(" %d\n", k);
	return calls;
}
