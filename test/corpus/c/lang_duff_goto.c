#include <stdio.h>
#include <string.h>

static int copies;

static void copy(char *to, const char *from, int count)
{
	int n = (count + 3) / 4;
	if (count <= 0)
		return;
	switch (count % 4) {
	case 0: do { *to++ = *from++; copies++;
	case 3:      *to++ = *from++; copies++;
	case 2:      *to++ = *from++; copies++;
	case 1:      *to++ = *from++; copies++;
		} while (--n > 0);
	}
}

static int find(const int grid[3][4], int wanted, int *row, int *col)
{
	for (int r = 0; r < 3; r++)
		for (int c = 0; c < 4; c++)
			if (grid[r][c] == wanted) {
				*row = r;
				*col = c;
				goto found;
			}
	return 0;
found:
	return 1;
}

static const char *scan(const char *s)
{
	static char out[64];
	char *o = out;
start:
	if (*s == 0)
		goto end;
	if (*s >= '0' && *s <= '9')
		goto digit;
	*o++ = *s++;
	goto start;
digit:
	*o++ = '#';
	while (*s >= '0' && *s <= '9')
		s++;
	goto start;
end:
	*o = 0;
	return out;
}

int main(void)
{
	char buffer[32];
	const char *text = "the state machine of Mr Duff";
	for (int len = 0; len < 12; len++) {
		memset(buffer, '.', sizeof buffer);
		copy(buffer, text, len);
		printf("%.14s %d\n", buffer, copies);
	}
	static const int grid[3][4] = {{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}};
	int r = -1, c = -1;
	int found = find(grid, 7, &r, &c);
	printf("%d %d %d\n", found, r, c);
	found = find(grid, 99, &r, &c);
	printf("%d %d %d\n", found, r, c);
	puts(scan("room 101 at 10:45, 3rd floor"));
	return copies % 100;
}
