#include <stdio.h>

static const int gaps[] = {57, 23, 10, 4, 1};

static void shell(short *a, int n, long *moves)
{
	for (unsigned g = 0; g < sizeof gaps / sizeof gaps[0]; g++)
		for (int i = gaps[g]; i < n; i++) {
			short v = a[i];
			int j = i;
			for (; j >= gaps[g] && a[j - gaps[g]] > v; j -= gaps[g], ++*moves)
				a[j] = a[j - gaps[g]];
			a[j] = v;
		}
}

int main(void)
{
	short a[300];
	long moves = 0;
	for (int i = 0; i < 300; i++)
		a[i] = (short)(i * 7919);
	shell(a, 300, &moves);
	for (int i = 0; i < 300; i += 13)
		printf("%hd ", a[i]);
	printf("\n%ld moves\n", moves);
	for (int i = 1; i < 300; i++)
		if (a[i] < a[i - 1])
			return 2;
	return 0;
}
