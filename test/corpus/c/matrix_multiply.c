#include <stdio.h>

enum { N = 24 };
typedef double matrix[N][N];

static void multiply(matrix out, matrix a, matrix b)
{
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			double s = 0;
			for (int k = 0; k < N; k++)
				s += a[i][k] * b[k][j];
			out[i][j] = s;
		}
}

int main(void)
{
	static matrix a, b, c, d;
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			a[i][j] = (i * 3 + j) % 7 - 3;
			b[i][j] = i == j ? 2 : (i + j) % 3;
		}
	multiply(c, a, b);
	multiply(d, c, a);
	double trace = 0;
	for (int i = 0; i < N; i++)
		trace += d[i][i];
	for (int i = 0; i < N; i += 5)
		printf("%g %g %g\n", c[i][0], c[i][i], d[0][i]);
	printf("trace %g\n", trace);
	return 0;
}
