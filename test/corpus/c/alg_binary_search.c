// Lower and upper bound, bsearch, ternary search, and search by interpolation.
#include <stdio.h>
#include <stdlib.h>

static int by_int(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;
	return (x > y) - (x < y);
}

static size_t lower(const int *v, size_t n, int key)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (v[mid] < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static size_t upper(const int *v, size_t n, int key)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		v[mid] <= key ? (lo = mid + 1) : (hi = mid);
	}
	return lo;
}

static int interpolate(const int *v, int n, int key)
{
	int lo = 0, hi = n - 1;
	while (lo <= hi && key >= v[lo] && key <= v[hi]) {
		if (v[lo] == v[hi])
			return v[lo] == key ? lo : -1;
		int at = lo + (int)((long long)(key - v[lo]) * (hi - lo) / (v[hi] - v[lo]));
		if (v[at] == key)
			return at;
		if (v[at] < key)
			lo = at + 1;
		else
			hi = at - 1;
	}
	return -1;
}

int main(void)
{
	static const int v[] = {-9, -3, -3, 0, 2, 2, 2, 5, 8, 13, 13, 40, 41, 99};
	size_t n = sizeof v / sizeof *v;
	for (int key = -10; key <= 15; key++) {
		const int *hit = bsearch(&key, v, n, sizeof *v, by_int);
		printf("%3d: [%zu, %zu) %s %d\n", key, lower(v, n, key), upper(v, n, key), hit ? "found" : "missing",
		       interpolate(v, (int)n, key) >= 0);
	}
	double lo = -10, hi = 10;
	while (hi - lo > 1e-9) {
		double a = lo + (hi - lo) / 3, b = hi - (hi - lo) / 3;
		if ((a - 2) * (a - 2) < (b - 2) * (b - 2))
			hi = b;
		else
			lo = a;
	}
	printf("lowest at %.6f\n", lo);
	return 0;
}
