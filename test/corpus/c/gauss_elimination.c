#include <math.h>
#include <stdio.h>

#define N 5
static int solve(double a[N][N + 1], double x[N])
{
	for (int c = 0; c < N; c++) {
		int best = c;
		for (int r = c + 1; r < N; r++)
			if (fabs(a[r][c]) > fabs(a[best][c]))
				best = r;
		if (fabs(a[best][c]) < 1e-12)
			return -1;
		for (int k = 0; k <= N; k++) {
			double t = a[c][k];
			a[c][k] = a[best][k];
			a[best][k] = t;
		}
		for (int r = c + 1; r < N; r++) {
			double f = a[r][c] / a[c][c];
			for (int k = c; k <= N; k++)
				a[r][k] -= f * a[c][k];
		}
	}
	for (int r = N - 1; r >= 0; r--) {
		x[r] = a[r][N];
		for (int k = r + 1; k < N; k++)
			x[r] -= a[r][k] * x[k];
		x[r] /= a[r][r];
	}
	return 0;
}

int main(void)
{
	double a[N][N + 1], x[N], singular[N][N + 1] = {{0}};
	for (int r = 0; r < N; r++) {
		a[r][N] = 0;
		for (int c = 0; c < N; c++) {
			a[r][c] = 1.0 / (r + c + 1) + (r == c);
			a[r][N] += a[r][c] * (c + 1);
		}
	}
	int status = solve(a, x);
	for (int r = 0; r < N; r++)
		printf("%.9f\n", x[r]);
	printf("%d %d\n", status, solve(singular, x));
	return 0;
}
