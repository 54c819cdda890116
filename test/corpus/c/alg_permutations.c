// Next permutation, Heap's algorithm, combinations, subsets, partitions of a number.
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void swap(char *a, char *b)
{
	char t = *a;
	*a = *b;
	*b = t;
}

static bool next(char *s, int n)
{
	int i = n - 2;
	while (i >= 0 && s[i] >= s[i + 1])
		i--;
	if (i < 0)
		return false;
	int j = n - 1;
	while (s[j] <= s[i])
		j--;
	swap(s + i, s + j);
	for (int a = i + 1, b = n - 1; a < b; a++, b--)
		swap(s + a, s + b);
	return true;
}

static int calls;

static void heap(char *s, int k)
{
	calls++;
	if (k == 1) {
		printf("%s ", s);
		return;
	}
	for (int i = 0; i < k; i++) {
		heap(s, k - 1);
		swap(s + (k % 2 ? 0 : i), s + k - 1);
	}
}

static long choose(int n, int k)
{
	long r = 1;
	for (int i = 1; i <= k; i++)
		r = r * (n - k + i) / i;
	return r;
}

static int partitions(int n, int most, int *part, int count)
{
	if (n == 0) {
		for (int i = 0; i < count; i++)
			printf("%d%c", part[i], i + 1 < count ? '+' : ' ');
		return 1;
	}
	int sum = 0;
	for (int i = n < most ? n : most; i >= 1; i--) {
		part[count] = i;
		sum += partitions(n - i, i, part, count + 1);
	}
	return sum;
}

int main(void)
{
	char s[] = "aabc", h[] = "1234";
	int count = 0;
	do {
		printf("%s ", s);
		count++;
	} while (next(s, 4));
	printf("= %d\n", count);
	heap(h, 4);
	printf("= %d calls\n", calls);
	for (int n = 0; n < 9; n++)
		for (int k = 0; k <= n; k++)
			printf("%ld%c", choose(n, k), k < n ? ' ' : '\n');
	for (unsigned set = 0; set < 16; set++)
		if ((set & (set << 1)) == 0)
			printf("{%s%s%s%s} ", set & 1 ? "a" : "", set & 2 ? "b" : "", set & 4 ? "c" : "",
			       set & 8 ? "d" : "");
	int part[8];
	printf("\n= %d\n", partitions(7, 7, part, 0));
	return 0;
}
