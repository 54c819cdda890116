#include <stdio.h>

static long ackermann(long m, long n)
{
	if (m == 0)
		return n + 1;
	long inner = n == 0 ? 1 : ackermann(m, n - 1);
	long r = ackermann(m - 1, inner);
	return r;
}

static int female(int n);
static int male(int n) { int inner; if (n == 0) return 0; inner = male(n - 1); return n - female(inner); }
static int female(int n) { int inner; if (n == 0) return 1; inner = female(n - 1); return n - male(inner); }

static int moves, pegs[3][10], high[3];

static void hanoi(int n, int from, int to, int by)
{
	if (n == 0)
		return;
	hanoi(n - 1, from, by, to);
	pegs[to][high[to]++] = pegs[from][--high[from]];
	moves++;
	hanoi(n - 1, by, to, from);
}

static int permutations(char *s, int n, int at)
{
	int count = 0;
	if (at == n) {
		if (s[0] == 'c')
			printf("%s ", s);
		return 1;
	}
	for (int i = at; i < n; i++) {
		char t = s[at]; s[at] = s[i]; s[i] = t;
		count += permutations(s, n, at + 1);
		t = s[at]; s[at] = s[i]; s[i] = t;
	}
	return count;
}

static int deep(int n) { volatile char frame[200]; frame[n % 200] = 1; return n ? deep(n - 1) + frame[n % 200] : 0; }

int main(void)
{
	printf("%ld %ld\n", ackermann(2, 9), ackermann(3, 3));
	for (int i = 0; i < 15; i++)
		printf("%d/%d ", male(i), female(i));
	putchar('\n');
	for (high[0] = 0; high[0] < 10; high[0]++)
		pegs[0][high[0]] = 10 - high[0];
	hanoi(10, 0, 2, 1);
	printf("%d moves, top of peg C %d, bottom %d\n", moves, pegs[2][9], pegs[2][0]);
	char s[] = "abcd";
	printf("= %d\n", permutations(s, 4, 0));
	printf("%d\n", deep(10000));
	return 0;
}
