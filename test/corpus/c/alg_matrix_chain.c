// Matrices as structures by value: determinant, inverse, power, Fibonacci numbers, the best order of products.
#include <math.h>
#include <stdint.h>
#include <stdio.h>

struct m2 {
	uint64_t a, b, c, d;
};

struct m3 {
	double v[3][3];
};

static struct m2 times(struct m2 x, struct m2 y)
{
	struct m2 r = {x.a * y.a + x.b * y.c, x.a * y.b + x.b * y.d, x.c * y.a + x.d * y.c, x.c * y.b + x.d * y.d};
	return r;
}

static struct m2 power(struct m2 x, unsigned n)
{
	struct m2 r = {1, 0, 0, 1};
	for (; n; n >>= 1) {
		if (n & 1)
			r = times(r, x);
		x = times(x, x);
	}
	return r;
}

static double determinant(struct m3 m)
{
	double sum = 0;
	for (int i = 0; i < 3; i++)
		sum +=
		    m.v[0][i] * (m.v[1][(i + 1) % 3] * m.v[2][(i + 2) % 3] - m.v[1][(i + 2) % 3] * m.v[2][(i + 1) % 3]);
	return sum;
}

static struct m3 inverse(struct m3 m)
{
	struct m3 r;
	double d = determinant(m);
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++) {
			int a = (j + 1) % 3, b = (j + 2) % 3, c = (i + 1) % 3, e = (i + 2) % 3;
			r.v[i][j] = (m.v[a][c] * m.v[b][e] - m.v[a][e] * m.v[b][c]) / d;
		}
	return r;
}

int main(void)
{
	for (unsigned n = 10; n <= 93; n += 83)
		printf("%llu ", (unsigned long long)power((struct m2){1, 1, 1, 0}, n).b);
	struct m2 wrapped = power((struct m2){3, 1, 4, 1}, 1000);
	printf("%016llx\n", (unsigned long long)(wrapped.a ^ wrapped.d));
	struct m3 m = {{{2, -1, 0.5}, {0, 3, 1}, {4, 1, -2}}}, i = inverse(m);
	printf("%g\n", determinant(m));
	for (int r = 0; r < 3; r++) {
		for (int c = 0; c < 3; c++) {
			double sum = 0;
			for (int k = 0; k < 3; k++)
				sum += m.v[r][k] * i.v[k][c];
			printf("%8.5f (%.2f)", i.v[r][c], fabs(sum));
		}
		putchar('\n');
	}
	static const int size[] = {30, 35, 15, 5, 10, 20, 25};
	int best[6][6] = {{0}};
	for (int len = 2; len <= 6; len++)
		for (int a = 0; a + len <= 6; a++) {
			int b = a + len - 1;
			best[a][b] = 1 << 30;
			for (int k = a; k < b; k++) {
				int cost = best[a][k] + best[k + 1][b] + size[a] * size[k + 1] * size[b + 1];
				if (cost < best[a][b])
					best[a][b] = cost;
			}
		}
	printf("%d %d %d\n", best[0][5], best[1][4], best[2][3]);
	return 0;
}
