#include <math.h>
#include <stdio.h>
#include <string.h>

#define DEGREE 3

static int solve(double a[DEGREE + 1][DEGREE + 2])
{
	for (int c = 0; c <= DEGREE; c++) {
		int best = c;
		for (int r = c + 1; r <= DEGREE; r++)
			if (fabs(a[r][c]) > fabs(a[best][c]))
				best = r;
		if (fabs(a[best][c]) < 1e-12)
			return -1;
		double t[DEGREE + 2];
		memcpy(t, a[c], sizeof t);
		memcpy(a[c], a[best], sizeof t);
		memcpy(a[best], t, sizeof t);
		for (int r = 0; r <= DEGREE; r++) {
			if (r == c)
				continue;
			double f = a[r][c] / a[c][c];
			for (int k = c; k <= DEGREE + 1; k++)
				a[r][k] -= f * a[c][k];
		}
	}
	for (int r = 0; r <= DEGREE; r++)
		a[r][DEGREE + 1] /= a[r][r];
	return 0;
}

int main(void)
{
	double a[DEGREE + 1][DEGREE + 2] = {{0}};
	double mean = 0, m2 = 0;
	for (int i = 0; i < 25; i++) {
		double x = -3 + i * 0.25, noise = (i * 7 % 5 - 2) * 0.01;
		double y = 0.5 * x * x * x - 2 * x * x + x - 4 + noise;
		double power[2 * DEGREE + 1] = {1};
		for (int k = 1; k <= 2 * DEGREE; k++)
			power[k] = power[k - 1] * x;
		for (int r = 0; r <= DEGREE; r++) {
			for (int c = 0; c <= DEGREE; c++)
				a[r][c] += power[r + c];
			a[r][DEGREE + 1] += power[r] * y;
		}
		double delta = y - mean;
		mean += delta / (i + 1);
		m2 += delta * (y - mean);
	}
	if (solve(a) != 0)
		return 1;
	for (int r = 0; r <= DEGREE; r++)
		printf("x^%d: %.15g\n", r, a[r][DEGREE + 1]);
	printf("mean %.15g, deviation %.15g\n", mean, sqrt(m2 / 24));
	return 0;
}
