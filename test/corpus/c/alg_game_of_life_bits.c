// Life on a torus of 64 bits a row, neighbours counted with adders of bits.
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

enum { ROWS = 16 };

static uint64_t rol(uint64_t v)
{
	return v << 1 | v >> 63;
}

static uint64_t ror(uint64_t v)
{
	return v >> 1 | v << 63;
}

static void step(const uint64_t *in, uint64_t *out)
{
	for (int r = 0; r < ROWS; r++) {
		uint64_t up = in[(r + ROWS - 1) % ROWS], here = in[r], down = in[(r + 1) % ROWS];
		uint64_t near[8] = {rol(up), up, ror(up), rol(here), ror(here), rol(down), down, ror(down)};
		uint64_t ones = 0, twos = 0, fours = 0;
		for (int i = 0; i < 8; i++) {
			uint64_t carry = ones & near[i], carry2 = twos & carry;
			ones ^= near[i];
			twos ^= carry;
			fours |= carry2;
		}
		out[r] = twos & ~fours & (ones | here);
	}
}

int main(void)
{
	uint64_t a[ROWS] = {0}, b[ROWS];
	a[2] = 0x40;
	a[3] = 0x20;
	a[4] = 0xe0;
	a[8] = 0x7ull << 30;
	a[10] = 0x33ull << 40;
	a[11] = 0x55ull << 40;
	for (int generation = 0; generation <= 40; generation++) {
		uint64_t *from = generation % 2 ? b : a, *to = generation % 2 ? a : b;
		int alive = 0;
		for (int r = 0; r < ROWS; r++)
			for (uint64_t v = from[r]; v; v &= v - 1)
				alive++;
		if (generation % 8 == 0)
			printf("%d: %d alive, rows %016" PRIx64 " %016" PRIx64 "\n", generation, alive, from[3], from[10]);
		if (generation < 40)
			step(from, to);
	}
	for (int r = 0; r < ROWS; r++) {
		for (int c = 63; c >= 0; c--)
			putchar(a[r] >> c & 1 ? '#' : '.');
		putchar('\n');
	}
	return 0;
}
