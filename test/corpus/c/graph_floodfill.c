#include <stdio.h>
#include <string.h>

static char map[][41] = {
    "########################################",
    "#......#.............#.................#",
    "#.####.#.###########.#.###############.#",
    "#.#....#.#.........#...#.............#.#",
    "#.#.####.#.#######.#####.###########.#.#",
    "#.#......#.#.....#.......#.........#...#",
    "#.########.#.###.#########.#######.#####",
    "#..........#...#...........#...........#",
    "########################################",
};

enum { ROWS = sizeof map / sizeof map[0], COLS = 40 };

struct point { short r, c; };

int main(void)
{
    static int dist[ROWS][COLS];
    struct point queue[ROWS * COLS];
    int head = 0, tail = 0, far = 0;
    static const struct point step[] = {{-1, 0}, {1, 0}, {0, -1}, {0, 1}};
    struct point last = {1, 1};

    memset(dist, -1, sizeof dist);
    queue[tail++] = last;
    dist[1][1] = 0;
    while (head < tail) {
        struct point p = queue[head++];
        if (dist[p.r][p.c] > far) {
            far = dist[p.r][p.c];
            last = p;
        }
        for (unsigned i = 0; i < 4; i++) {
            struct point q = {(short)(p.r + step[i].r), (short)(p.c + step[i].c)};
            if (map[q.r][q.c] == '#' || dist[q.r][q.c] >= 0)
                continue;
            dist[q.r][q.c] = dist[p.r][p.c] + 1;
            queue[tail++] = q;
        }
    }
    for (struct point p = last; dist[p.r][p.c] > 0;) {
        map[p.r][p.c] = 'o';
        for (int i = 0; i < 4; i++) {
            struct point q = {(short)(p.r + step[i].r), (short)(p.c + step[i].c)};
            if (dist[q.r][q.c] >= 0 && dist[q.r][q.c] == dist[p.r][p.c] - 1) {
                p = q;
                break;
            }
        }
    }
    for (int r = 0; r < ROWS; r++)
        puts(map[r]);
    printf("farthest %d,%d at %d steps, %d cells\n", last.r, last.c, far, tail);
    return far & 0x7f;
}
