#include <stddef.h>
#include <stdio.h>
#include <string.h>

static int sum(const int (*rows)[4], int n)
{
	int t = 0;
	for (const int (*r)[4] = rows; r < rows + n; r++)
		for (const int *p = *r; p != *r + 4; ++p)
			t += *p * (int)(r - rows + 1);
	return t;
}

static void reverse(char *s)
{
	if (!*s)
		return;
	for (char *e = s + strlen(s) - 1; s < e; s++, e--) {
		char t = *s;
		*s = *e;
		*e = t;
	}
}

int main(void)
{
	int m[3][4] = {{1, 2, 3, 4}, {5, 6}, {[2] = 7}};
	int (*whole)[3][4] = &m, *flat = &m[0][0];
	printf("%d %zu %zu %zu\n", sum(m, 3), sizeof m, sizeof *m, sizeof **m);
	printf("%d %d %d\n", (*whole)[1][1], *(*(m + 2) + 2), flat[4]);
	printf("%td %td\n", &m[2][1] - &m[0][2], (char *)&m[1] - (char *)m);
	const char *words[] = {"zeta", "alpha", "mid"}, **w = words;
	printf("%s ", *w++);
	printf("%c %s\n", **w, *w + 2);
	w++;
	printf("%s %d\n", *w, (int)(w - words));
	char s[] = "stressed", *p = s;
	reverse(s);
	puts(s);
	while (*p && *p++ != 'r')
		;
	printf("%s %td\n", p, p - s);
	int cube[2][3][2] = {0};
	for (int i = 0; i < 12; i++)
		*(&cube[0][0][0] + i) = i * i;
	printf("%d %d %d\n", cube[1][0][1], cube[1][2][0], (*cube)[2][1]);
	int v[5] = {1, 2, 3, 4, 5}, *a = v + 1, *b = &v[4];
	a[-1] = 10;
	*--b += a[1];
	b[1] -= *a++;
	printf("%d %d %d %d %d, %d %d\n", v[0], v[1], v[2], v[3], v[4], *a, a < b);
	void *raw = v;
	struct { unsigned char *bytes; size_t n; } view = {raw, sizeof v};
	unsigned total = 0;
	while (view.n--)
		total += *view.bytes++;
	printf("%u %d\n", total, (void *)view.bytes == (void *)(&v + 1));
	int *nothing = NULL, **to = &nothing;
	*to = &v[2];
	return **to + (nothing != NULL);
}
