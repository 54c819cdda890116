/* Quicksort with median of three and an insertion sort for short runs. */
#include <stdio.h>
#include <stdlib.h>

static int comparisons;

static void swap(int *a, int *b)
{
	int t = *a;
	*a = *b;
	*b = t;
}

static int less(int a, int b)
{
	comparisons++;
	return a < b;
}

static void insertion(int *v, int n)
{
	for (int i = 1; i < n; i++) {
		int x = v[i], j = i;
		while (j > 0 && less(x, v[j - 1])) {
			v[j] = v[j - 1];
			j--;
		}
		v[j] = x;
	}
}

static void quick(int *v, int n)
{
	while (n > 12) {
		int m = n / 2;
		if (less(v[m], v[0]))
			swap(&v[m], &v[0]);
		if (less(v[n - 1], v[0]))
			swap(&v[n - 1], &v[0]);
		if (less(v[n - 1], v[m]))
			swap(&v[n - 1], &v[m]);
		int pivot = v[m], i = -1, j = n;
		for (;;) {
			do i++; while (less(v[i], pivot));
			do j--; while (less(pivot, v[j]));
			if (i >= j)
				break;
			swap(&v[i], &v[j]);
		}
		quick(v, j + 1);
		v += j + 1;
		n -= j + 1;
	}
	insertion(v, n);
}

int main(void)
{
	enum { N = 5000 };
	static int v[N];
	unsigned seed = 12345;
	for (int i = 0; i < N; i++) {
		seed = seed * 1103515245u + 12345u;
		v[i] = (int)(seed >> 16) % 10000 - 5000;
	}
	quick(v, N);
	for (int i = 1; i < N; i++)
		if (v[i] < v[i - 1]) {
			printf("out of order at %d\n", i);
			return 1;
		}
	for (int i = 0; i < N; i += 500)
		printf("v[%d] = %d\n", i, v[i]);
	printf("%d comparisons\n", comparisons);
	return 0;
}
