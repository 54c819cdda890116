// The shortest way through a map, by breadth; then all distances from the end.
#include <stdio.h>
#include <string.h>

#define ROWS 9
#define COLUMNS 21

static const char map[ROWS][COLUMNS + 1] = {
    "#####################", "#S..#.....#.........#", "###.#.###.#.#######.#",
    "#...#.#...#.....#...#", "#.###.#.#######.#.###", "#.....#.......#.#...#",
    "#.###########.#.###.#", "#.............#....E#", "#####################",
};

int main(void)
{
	int distance[ROWS][COLUMNS], queue[ROWS * COLUMNS], head = 0, tail = 0, end = 0;
	static const int steps[4][2] = {{0, 1}, {1, 0}, {0, -1}, {-1, 0}};
	memset(distance, -1, sizeof distance);
	for (int r = 0; r < ROWS; r++)
		for (int c = 0; c < COLUMNS; c++) {
			if (map[r][c] == 'S') {
				queue[tail++] = r * COLUMNS + c;
				distance[r][c] = 0;
			}
			if (map[r][c] == 'E')
				end = r * COLUMNS + c;
		}
	while (head < tail) {
		int at = queue[head++], r = at / COLUMNS, c = at % COLUMNS;
		for (int i = 0; i < 4; i++) {
			int nr = r + steps[i][0], nc = c + steps[i][1];
			if (map[nr][nc] != '#' && distance[nr][nc] < 0) {
				distance[nr][nc] = distance[r][c] + 1;
				queue[tail++] = nr * COLUMNS + nc;
			}
		}
	}
	printf("%d steps, %d places reached\n", distance[end / COLUMNS][end % COLUMNS], tail);
	char drawn[ROWS][COLUMNS + 1];
	memcpy(drawn, map, sizeof map);
	for (int at = end; distance[at / COLUMNS][at % COLUMNS] > 0;) {
		int r = at / COLUMNS, c = at % COLUMNS;
		for (int i = 0; i < 4; i++) {
			int nr = r + steps[i][0], nc = c + steps[i][1];
			if (distance[nr][nc] >= 0 && distance[nr][nc] == distance[r][c] - 1) {
				at = nr * COLUMNS + nc;
				if (drawn[nr][nc] == '.')
					drawn[nr][nc] = '*';
				break;
			}
		}
	}
	for (int r = 0; r < ROWS; r++)
		puts(drawn[r]);
	for (int c = 1; c < COLUMNS - 1; c++)
		printf("%d ", distance[7][c]);
	putchar('\n');
	return 0;
}
