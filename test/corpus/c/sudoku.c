#include <stdio.h>
#include <string.h>

static char grid[82] =
	"53..7...."
	"6..195..."
	".98....6."
	"8...6...3"
	"4..8.3..1"
	"7...2...6"
	".6....28."
	"...419..5"
	"....8..79";
static long tries;

static int fits(int at, char d)
{
	int r = at / 9, c = at % 9, br = r / 3 * 3, bc = c / 3 * 3;
	for (int i = 0; i < 9; i++)
		if (grid[r * 9 + i] == d || grid[i * 9 + c] == d || grid[(br + i / 3) * 9 + bc + i % 3] == d)
			return 0;
	return 1;
}

static int solve(void)
{
	char *hole = strchr(grid, '.');
	if (!hole)
		return 1;
	int at = (int)(hole - grid);
	for (char d = '1'; d <= '9'; d++) {
		if (!fits(at, d))
			continue;
		tries++;
		*hole = d;
		if (solve())
			return 1;
	}
	*hole = '.';
	return 0;
}

int main(void)
{
	int ok = solve();
	for (int r = 0; r < 9; r++)
		printf("%.3s %.3s %.3s\n%s", grid + r * 9, grid + r * 9 + 3, grid + r * 9 + 6, r % 3 == 2 ? "\n" : "");
	printf("%s after %ld tries\n", ok ? "solved" : "no solution", tries);
	return !ok;
}
