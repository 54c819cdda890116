#include <stdio.h>
static unsigned long steps;
static void copy(char *to, const char *from, int count)
{
	int n = (count + 3) / 4;
	switch (count % 4) {
	case 0: do { *to++ = *from++; steps++;
	case 3: *to++ = *from++;
	case 2: *to++ = *from++;
	case 1: *to++ = *from++;
		} while (--n > 0);
	}
}
static int find(int grid[5][5], int want)
{
	int i, j;
	for (i = 0; i < 5; i++)
		for (j = 0; j < 5; j++)
			if (grid[i][j] == want)
				goto found;
	return -1;
found:
	return i * 10 + j;
}
static int collatz(unsigned n)
{
	int count = 0;
again:
	if (n == 1)
		goto done;
	n = n % 2 ? 3 * n + 1 : n / 2;
	count++;
	goto again;
done:
	return count;
}
int main(void)
{
	char buf[64];
	copy(buf, "a device to unroll loops, of 1983", 34);
	int grid[5][5];
	for (int i = 0; i < 25; i++)
		grid[i / 5][i % 5] = i * i;
	printf("%s (%lu)\n%d %d\n", buf, steps, find(grid, 169), find(grid, 3));
	for (unsigned i = 1; i < 100; i += 13)
		printf("%u:%d ", i, collatz(i));
	putchar('\n');
	return collatz(27);
}
