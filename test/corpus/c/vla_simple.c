#include <stdio.h>
#include <string.h>
static long fill(int n) { long a[n]; for (int i = 0; i < n; i++) a[i] = (long)i * i; long s = 0; for (int i = 0; i < n; i++) s += a[i]; return s + (long)sizeof a; }
static int rec(int n) { char b[n + 1]; memset(b, 'a' + n % 26, (size_t)n); b[n] = 0; int r = n > 0 ? rec(n - 1) : 0; return r + (int)strlen(b); }
int main(void)
{
	long all = 0;
	for (int i = 1; i < 300; i++) {
		if (i % 7 == 0)
			continue;
		all += fill(i);
	}
	printf("%ld %d\n", all, rec(60));
	int n = 6, m = 4, grid[n][m];
	for (int i = 0; i < n; i++)
		for (int j = 0; j < m; j++)
			grid[i][j] = i * 10 + j;
	n = 100;
	printf("%d %d %zu %zu\n", grid[5][3], grid[2][0], sizeof grid, sizeof grid[0]);
	while (n-- > 95) {
		double d[n];
		d[n - 1] = n / 2.0;
		printf("%g %zu\n", d[n - 1], sizeof d / sizeof *d);
		if (n == 97)
			break;
	}
	int k = 3;
	size_t size = sizeof(int[k++]);
	printf("%zu %d\n", size, k);
	return 0;
}
