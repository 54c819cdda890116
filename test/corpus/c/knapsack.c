#include <stdio.h>
#include <string.h>

#define MAX(a, b) ((a) > (b) ? (a) : (b))

struct item { const char *what; int weight, value; };

static int best[24][401];

int main(void)
{
	static const struct item items[] = {
		{"map", 9, 150}, {"compass", 13, 35}, {"water", 153, 200}, {"sandwich", 50, 160}, {"glucose", 15, 60},
		{"tin", 68, 45}, {"banana", 27, 60}, {"apple", 39, 40}, {"cheese", 23, 30}, {"beer", 52, 10},
		{"suntan cream", 11, 70}, {"camera", 32, 30}, {"T-shirt", 24, 15}, {"trousers", 48, 10},
		{"umbrella", 73, 40}, {"waterproof trousers", 42, 70}, {"overclothes", 43, 75}, {"note-case", 22, 80},
		{"sunglasses", 7, 20}, {"towel", 18, 12}, {"socks", 4, 50}, {"book", 30, 10},
	};
	const int n = sizeof items / sizeof items[0], limit = 400;

	for (int i = 1; i <= n; i++)
		for (int w = 0; w <= limit; w++) {
			best[i][w] = best[i - 1][w];
			if (items[i - 1].weight <= w)
				best[i][w] = MAX(best[i][w], best[i - 1][w - items[i - 1].weight] + items[i - 1].value);
		}
	int w = limit, weight = 0;
	for (int i = n; i > 0; i--)
		if (best[i][w] != best[i - 1][w]) {
			printf("%-20s %4d %4d\n", items[i - 1].what, items[i - 1].weight, items[i - 1].value);
			w -= items[i - 1].weight;
			weight += items[i - 1].weight;
		}
	printf("%-20s %4d %4d\n", "total", weight, best[n][limit]);
	return 0;
}
