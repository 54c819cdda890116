#include <stdio.h>

static int bubble(int *a, int n)
{
	int swaps = 0;
	for (int i = 0; i < n; i++)
		for (int j = 1; j < n - i; j++)
			if (a[j - 1] > a[j]) {
				int t = a[j];
				a[j] = a[j - 1];
				a[j - 1] = t;
				swaps++;
			}
	return swaps;
}

int main(void)
{
	int a[40], n = sizeof a / sizeof *a;
	for (int i = 0; i < n; i++)
		a[i] = (i * 37 + 11) % 101 - 50;
	printf("%d swaps\n", bubble(a, n));
	for (int i = 0; i < n; i++)
		printf("%d%c", a[i], i % 10 == 9 ? '\n' : ' ');
	return a[0] == -50 ? 0 : 1;
}
