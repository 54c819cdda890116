#include <stdbool.h>
#include <stdio.h>

static int collatz(unsigned long n, unsigned long *peak)
{
	int steps = 0;
	for (*peak = n; n != 1; steps++) {
		n = n & 1 ? n * 3 + 1 : n / 2;
		if (n > *peak)
			*peak = n;
	}
	return steps;
}

int main(void)
{
	int i, j, k = 0;
	for (i = 0; ; i++) {
		if (i == 3)
			continue;
		if (i > 8)
			break;
		for (j = i; j --> 0; ) {
			if (j % 2)
				continue;
			k += j;
			if (k > 30)
				goto out;
		}
	}
out:
	printf("%d %d %d\n", i, j, k);
	unsigned long peak;
	int steps = collatz(27, &peak);
	printf("%d %lu\n", steps, peak);
	bool done = false;
	int rounds = 0;
	do {
		switch (rounds++) {
		case 0: continue;
		case 1: break;
		case 5: done = true; /* fall through */
		default: k -= 2;
		}
		k++;
	} while (!done);
	printf("%d %d\n", rounds, k);
	unsigned char small;
	int wraps = 0;
	for (small = 250; small > 5 || !wraps; small += 3)
		if (small < 10)
			wraps++;
	printf("%u %d\n", small, wraps);
	for (double x = 0; x < 1; x += 0.25)
		for (char c = 'a'; c <= 'c'; c++)
			printf("%c%g ", c, x);
	for (i = 10, j = 0; i; i /= 2, j++)
		;
	printf("\n%d %d\n", i, j);
	while (1) {
		if (++i == 4) break; else continue;
	}
	if (i) { if (j > 100) puts("no"); else puts("dangling else"); }
	return i;
}
