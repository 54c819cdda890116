// Longest common subsequence, longest increasing subsequence, largest sum of neighbours, coin change.
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define MAX(a, b) ((a) > (b) ? (a) : (b))

static void lcs(const char *a, const char *b)
{
	static int t[32][32];
	int n = (int)strlen(a), m = (int)strlen(b);
	memset(t, 0, sizeof t);
	for (int i = n - 1; i >= 0; i--)
		for (int j = m - 1; j >= 0; j--)
			t[i][j] = a[i] == b[j] ? 1 + t[i + 1][j + 1] : MAX(t[i + 1][j], t[i][j + 1]);
	printf("%d ", t[0][0]);
	for (int i = 0, j = 0; i < n && j < m;)
		if (a[i] == b[j]) {
			putchar(a[i]);
			i++, j++;
		} else if (t[i + 1][j] >= t[i][j + 1]) {
			i++;
		} else {
			j++;
		}
	putchar('\n');
}

static int rising(const int *v, int n)
{
	int tail[32], len = 0;
	for (int i = 0; i < n; i++) {
		int at = 0;
		while (at < len && tail[at] < v[i])
			at++;
		tail[at] = v[i];
		len += at == len;
	}
	return len;
}

static int best_sum(const int *v, int n)
{
	int best = INT_MIN, here = 0;
	for (int i = 0; i < n; i++) {
		here = MAX(here, 0) + v[i];
		best = MAX(best, here);
	}
	return best;
}

int main(void)
{
	lcs("AGGTAB", "GXTXAYB");
	lcs("the longest common", "then one is common");
	lcs("abc", "xyz");
	static const int v[] = {3, -1, 4, 1, -5, 9, 2, -6, 5, 3, 5, 8, -9, 7, 9};
	int n = (int)(sizeof v / sizeof *v);
	printf("%d %d %d\n", rising(v, n), best_sum(v, n), best_sum(v + 4, 1));
	static const int coins[] = {1, 5, 12, 25};
	int least[100] = {0};
	long ways[100] = {1};
	for (int sum = 1; sum < 100; sum++) {
		least[sum] = INT_MAX;
		for (size_t c = 0; c < 4; c++)
			if (coins[c] <= sum && least[sum - coins[c]] + 1 < least[sum])
				least[sum] = least[sum - coins[c]] + 1;
	}
	for (size_t c = 0; c < 4; c++)
		for (int sum = coins[c]; sum < 100; sum++)
			ways[sum] += ways[sum - coins[c]];
	for (int sum = 5; sum < 100; sum += 7)
		printf("%d: %d coins, %ld ways\n", sum, least[sum], ways[sum]);
	return 0;
}
