#include <stdio.h>

static int n, solutions, first[16];

static void place(int row, unsigned cols, unsigned left, unsigned right)
{
  unsigned full = (1u << n) - 1;
  if (cols == full) {
    solutions++;
    return;
  }
  for (unsigned free = full & ~(cols | left | right); free; free &= free - 1) {
    unsigned bit = free & -free;
    if (!solutions) {
      int c = 0;
      while (bit >> c != 1) c++;
      first[row] = c;
    }
    place(row + 1, cols | bit, (left | bit) << 1, (right | bit) >> 1);
  }
}

int main(void)
{
  for (n = 1; n <= 9; n++) {
    solutions = 0;
    place(0, 0, 0, 0);
    printf("%d queens: %d\n", n, solutions);
  }
  n = 8, solutions = 0;
  place(0, 0, 0, 0);
  for (int r = 0; r < 8; r++) {
    for (int c = 0; c < 8; c++) printf(" %c", first[r] == c ? 'Q' : '.');
    printf("\n");
  }
  return solutions;
}
