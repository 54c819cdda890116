// Disjoint sets with ranks, and a maze of walls taken down by a generator of its own.
#include <stdint.h>
#include <stdio.h>

enum { W = 12, H = 6 };

static int parent[W * H], rank_of[W * H];

static int find(int a)
{
	while (parent[a] != a)
		a = parent[a] = parent[parent[a]];
	return a;
}

static int join(int a, int b)
{
	a = find(a);
	b = find(b);
	if (a == b)
		return 0;
	if (rank_of[a] < rank_of[b]) {
		int t = a;
		a = b;
		b = t;
	}
	parent[b] = a;
	rank_of[a] += rank_of[a] == rank_of[b];
	return 1;
}

static uint32_t state = 2463534242u;

static uint32_t xorshift(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

int main(void)
{
	static unsigned char right[W * H], below[W * H];
	for (int i = 0; i < W * H; i++)
		parent[i] = i;
	int sets = W * H, tries = 0;
	while (sets > 1) {
		int a = (int)(xorshift() % (W * H)), down = (int)(xorshift() & 1);
		tries++;
		if (down ? a / W == H - 1 : a % W == W - 1)
			continue;
		if (join(a, down ? a + W : a + 1)) {
			(down ? below : right)[a] = 1;
			sets--;
		}
	}
	printf("%d tries\n+", tries);
	for (int x = 0; x < W; x++)
		printf("--+");
	putchar('\n');
	for (int y = 0; y < H; y++) {
		putchar('|');
		for (int x = 0; x < W; x++)
			printf("  %c", right[y * W + x] ? ' ' : '|');
		printf("\n+");
		for (int x = 0; x < W; x++)
			printf("%s+", below[y * W + x] ? "  " : "--");
		putchar('\n');
	}
	return 0;
}
