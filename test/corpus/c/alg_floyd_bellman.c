// All shortest ways by Floyd and Warshall, one source by Bellman and Ford, with a negative cycle found.
#include <limits.h>
#include <stdio.h>

enum { N = 6, FAR = INT_MAX / 2 };

struct edge {
	int from, to, cost;
};

static int bellman(const struct edge *e, int count, int *d)
{
	for (int i = 0; i < N; i++)
		d[i] = i == 0 ? 0 : FAR;
	for (int round = 0; round < N; round++) {
		int changed = 0;
		for (int i = 0; i < count; i++)
			if (d[e[i].from] < FAR && d[e[i].from] + e[i].cost < d[e[i].to]) {
				d[e[i].to] = d[e[i].from] + e[i].cost;
				changed++;
			}
		if (!changed)
			return round;
	}
	return -1;
}

int main(void)
{
	struct edge e[] = {{0, 1, 7},  {0, 2, 9}, {0, 5, 14}, {1, 2, 10}, {1, 3, 15},
	                   {2, 3, 11}, {2, 5, 2}, {5, 4, 9},  {3, 4, -6}, {4, 1, 3}};
	int count = (int)(sizeof e / sizeof *e), d[N], w[N][N], via[N][N];
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			w[i][j] = i == j ? 0 : FAR;
			via[i][j] = -1;
		}
	for (int i = 0; i < count; i++)
		w[e[i].from][e[i].to] = e[i].cost;
	for (int k = 0; k < N; k++)
		for (int i = 0; i < N; i++)
			for (int j = 0; j < N; j++)
				if (w[i][k] < FAR && w[k][j] < FAR && w[i][k] + w[k][j] < w[i][j]) {
					w[i][j] = w[i][k] + w[k][j];
					via[i][j] = k;
				}
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++)
			w[i][j] == FAR ? printf("   -%s", j < N - 1 ? "" : "\n")
			               : printf("%4d%s", w[i][j], j < N - 1 ? "" : "\n");
	for (int i = 0; i < N; i++)
		printf("%d%c", via[0][i], i < N - 1 ? ' ' : '\n');
	int rounds = bellman(e, count, d);
	printf("%d rounds:", rounds);
	for (int i = 0; i < N; i++)
		printf(" %d", d[i]);
	e[9].cost = -20;
	printf("\nwith a cycle: %d\n", bellman(e, count, d));
	return 0;
}
