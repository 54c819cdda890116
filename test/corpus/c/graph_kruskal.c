#include <stdio.h>
#include <stdlib.h>

struct edge { int a, b; double w; };

static int parent[64], rank_[64];

static int find(int x)
{
	while (parent[x] != x) {
		parent[x] = parent[parent[x]];
		x = parent[x];
	}
	return x;
}

static int unite(int a, int b)
{
	a = find(a);
	b = find(b);
	if (a == b)
		return 0;
	if (rank_[a] < rank_[b]) {
		int t = a;
		a = b;
		b = t;
	}
	parent[b] = a;
	rank_[a] += rank_[a] == rank_[b];
	return 1;
}

static int lighter(const void *x, const void *y)
{
	const struct edge *a = x, *b = y;
	if (a->w != b->w)
		return a->w < b->w ? -1 : 1;
	return a->a != b->a ? a->a - b->a : a->b - b->b;
}

int main(void)
{
	enum { N = 24 };
	struct edge *e = malloc(N * N / 2 * sizeof *e);
	int count = 0, taken = 0;
	double total = 0;
	int x[N], y[N];
	for (int i = 0; i < N; i++) {
		x[i] = i * 37 % 101;
		y[i] = i * 59 % 97;
		parent[i] = i;
	}
	for (int i = 0; i < N; i++)
		for (int j = i + 1; j < N; j++) {
			double dx = x[i] - x[j], dy = y[i] - y[j];
			e[count++] = (struct edge){i, j, dx * dx + dy * dy};
		}
	qsort(e, (size_t)count, sizeof *e, lighter);
	for (int i = 0; i < count; i++)
		if (unite(e[i].a, e[i].b)) {
			printf("%2d - %2d  %6.0f\n", e[i].a, e[i].b, e[i].w);
			total += e[i].w;
			taken++;
		}
	printf("%d edges, %.1f\n", taken, total);
	free(e);
	return 0;
}
