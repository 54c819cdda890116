#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int min3(int a, int b, int c)
{
	int m = a < b ? a : b;
	return m < c ? m : c;
}

static int distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	int *row = malloc((m + 1) * sizeof *row);
	for (size_t j = 0; j <= m; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= n; i++) {
		int diagonal = row[0];
		row[0] = (int)i;
		for (size_t j = 1; j <= m; j++) {
			int up = row[j];
			row[j] = min3(up + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = up;
		}
	}
	int result = row[m];
	free(row);
	return result;
}

static int lcs(const char *a, const char *b, char *out)
{
	static unsigned char t[65][65];
	int n = (int)strlen(a), m = (int)strlen(b);
	for (int i = n; i >= 0; i--)
		for (int j = m; j >= 0; j--)
			t[i][j] = i == n || j == m ? 0
			        : a[i] == b[j]     ? (unsigned char)(t[i + 1][j + 1] + 1)
			        : t[i + 1][j] > t[i][j + 1] ? t[i + 1][j] : t[i][j + 1];
	int i = 0, j = 0;
	while (i < n && j < m)
		if (a[i] == b[j])
			*out++ = a[i++], j++;
		else if (t[i + 1][j] >= t[i][j + 1])
			i++;
		else
			j++;
	*out = 0;
	return t[0][0];
}

int main(void)
{
	static const char *pairs[][2] = {
		{"kitten", "sitting"}, {"saturday", "sunday"}, {"", "abc"}, {"flaw", "lawn"},
		{"intention", "execution"}, {"the quick brown fox", "the slow brown dog"}, {"same", "same"},
	};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		char common[65];
		int d = distance(pairs[i][0], pairs[i][1]);
		int l = lcs(pairs[i][0], pairs[i][1], common);
		printf("\"%s\" \"%s\": distance %d, common %d \"%s\"\n", pairs[i][0], pairs[i][1], d, l, common);
	}
	return 0;
}
