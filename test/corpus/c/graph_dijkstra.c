#include <stdio.h>
#include <limits.h>

#define N 9
#define INF INT_MAX

static const int road[N][N] = {
	{0, 4, 0, 0, 0, 0, 0, 8, 0},
	{4, 0, 8, 0, 0, 0, 0, 11, 0},
	{0, 8, 0, 7, 0, 4, 0, 0, 2},
	{0, 0, 7, 0, 9, 14, 0, 0, 0},
	{0, 0, 0, 9, 0, 10, 0, 0, 0},
	{0, 0, 4, 14, 10, 0, 2, 0, 0},
	{0, 0, 0, 0, 0, 2, 0, 1, 6},
	{8, 11, 0, 0, 0, 0, 1, 0, 7},
	{0, 0, 2, 0, 0, 0, 6, 7, 0},
};

static void path(const int *from, int at)
{
	if (from[at] >= 0) {
		path(from, from[at]);
		printf("-");
	}
	printf("%c", 'A' + at);
}

static int shortest(int start)
{
	int dist[N], from[N], done[N] = {0}, total = 0;
	for (int i = 0; i < N; i++) {
		dist[i] = INF;
		from[i] = -1;
	}
	dist[start] = 0;
	for (int round = 0; round < N; round++) {
		int best = -1;
		for (int i = 0; i < N; i++)
			if (!done[i] && dist[i] != INF && (best < 0 || dist[i] < dist[best]))
				best = i;
		if (best < 0)
			break;
		done[best] = 1;
		for (int i = 0; i < N; i++)
			if (road[best][i] && dist[best] + road[best][i] < dist[i]) {
				dist[i] = dist[best] + road[best][i];
				from[i] = best;
			}
	}
	for (int i = 0; i < N; i++) {
		printf("%2d  ", dist[i]);
		path(from, i);
		putchar('\n');
		total += dist[i];
	}
	return total;
}

int main(void)
{
	int a = shortest(0);
	int e = shortest(4);
	printf("%d %d\n", a, e);
	return (a + e) % 100;
}
