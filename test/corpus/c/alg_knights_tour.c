// A knight on every field once, by the fewest ways on; words in a grid; coins on a line by memory.
#include <stdio.h>
#include <string.h>

static const int jump[8][2] = {{1, 2}, {2, 1}, {2, -1}, {1, -2}, {-1, -2}, {-2, -1}, {-2, 1}, {-1, 2}};
static int board[8][8];

static int free_at(int r, int c)
{
	return r >= 0 && r < 8 && c >= 0 && c < 8 && board[r][c] == 0;
}

static int ways(int r, int c)
{
	int n = 0;
	for (int i = 0; i < 8; i++)
		n += free_at(r + jump[i][0], c + jump[i][1]);
	return n;
}

static const char grid[6][7] = {"CATSXY", "OWLDOG", "DQTREE", "EZABHN", "SUNKEN", "TERCES"};

static int find_word(const char *w)
{
	int hits = 0, len = (int)strlen(w);
	for (int r = 0; r < 6; r++)
		for (int c = 0; c < 6; c++)
			for (int dr = -1; dr <= 1; dr++)
				for (int dc = -1; dc <= 1; dc++) {
					int er = r + dr * (len - 1), ec = c + dc * (len - 1), i = 0;
					if ((dr == 0 && dc == 0) || er < 0 || er > 5 || ec < 0 || ec > 5)
						continue;
					while (i < len && grid[r + dr * i][c + dc * i] == w[i])
						i++;
					if (i == len) {
						hits++;
						printf("%s at %d,%d towards %d,%d\n", w, r, c, dr, dc);
					}
				}
	return hits;
}

static int memory[20][20];

static int coins(const int *v, int a, int b)
{
	if (a > b)
		return 0;
	if (memory[a][b] == 0) {
		int left = v[a] - coins(v, a + 1, b), right = v[b] - coins(v, a, b - 1);
		memory[a][b] = (left > right ? left : right) + 1000;
	}
	return memory[a][b] - 1000;
}

int main(void)
{
	int r = 0, c = 0;
	for (int n = 1; n <= 64; n++) {
		int best = 9, to = -1;
		board[r][c] = n;
		for (int i = 0; i < 8; i++) {
			int nr = r + jump[i][0], nc = c + jump[i][1];
			if (free_at(nr, nc) && ways(nr, nc) < best) {
				best = ways(nr, nc);
				to = i;
			}
		}
		if (to < 0)
			break;
		r += jump[to][0];
		c += jump[to][1];
	}
	for (int i = 0; i < 64; i++)
		printf("%3d%s", board[i / 8][i % 8], i % 8 == 7 ? "\n" : "");
	static const char *const words[] = {"CAT", "CODE", "SECRET", "TREE", "OWL", "NONE", "SUN", "DOG"};
	for (int i = 0; i < 8; i++)
		if (find_word(words[i]) == 0)
			printf("%s is not there\n", words[i]);
	static const int v[] = {8, 15, 3, 7, 20, 1, 9, 4, 30, 2, 6, 11};
	printf("first wins by %d\n", coins(v, 0, 11));
	return 0;
}
