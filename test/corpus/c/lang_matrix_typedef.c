#include <stdio.h>
#include <string.h>

typedef int row[3];
typedef row matrix[3];
typedef const matrix *view;

static void multiply(matrix to, const row *a, view b)
{
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++) {
			to[i][j] = 0;
			for (int k = 0; k < 3; k++)
				to[i][j] += a[i][k] * (*b)[k][j];
		}
}

int main(void)
{
	matrix m = {{1, 1, 0}, {1, 0, 1}, {0, 1, 1}}, p = {{1}, {0, 1}, {0, 0, 1}}, t;
	for (int n = 1; n <= 8; n++) {
		multiply(t, (const row *)p, (view)&m);
		memcpy(p, t, sizeof p);
		int trace = 0;
		for (int i = 0; i < 3; i++)
			trace += p[i][i];
		printf("%d: %d %d %d trace %d\n", n, p[0][0], p[0][1], p[0][2], trace);
	}
	row *last = &p[2], swap;
	memcpy(swap, *last, sizeof swap);
	printf("%d %zu %zu\n", swap[2], sizeof(matrix), sizeof(view));
	return p[1][1] & 127;
}
