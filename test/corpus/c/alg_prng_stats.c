// Generators: LCG, xorshift64*, PCG, Mersenne-like; dice, shuffles, and a circle by random points.
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

static uint64_t xs = 88172645463325252u, pcg_state = 0x853c49e6748fea9bu;

static uint64_t xorshift(void)
{
	xs ^= xs >> 12;
	xs ^= xs << 25;
	xs ^= xs >> 27;
	return xs * 2685821657736338717u;
}

static uint32_t pcg(void)
{
	uint64_t old = pcg_state;
	pcg_state = old * 6364136223846793005u + 0xda3e39cb94b95bdbu;
	uint32_t x = (uint32_t)((old >> 18 ^ old) >> 27), rot = (uint32_t)(old >> 59);
	return x >> rot | x << (-rot & 31);
}

static int32_t schrage(int32_t seed)
{
	seed = 16807 * (seed % 127773) - 2836 * (seed / 127773);
	return seed < 0 ? seed + 2147483647 : seed;
}

static double unit(void)
{
	return (double)(xorshift() >> 11) * (1.0 / 9007199254740992.0);
}

int main(void)
{
	int32_t seed = 1;
	for (int i = 0; i < 10000; i++)
		seed = schrage(seed);
	printf("%" PRId32 "\n", seed);
	for (int i = 0; i < 4; i++)
		printf("%016" PRIx64 " %08" PRIx32 "\n", xorshift(), pcg());
	int dice[6] = {0};
	for (int i = 0; i < 60000; i++)
		dice[pcg() % 6]++;
	for (int i = 0; i < 6; i++)
		printf("%d ", dice[i]);
	int inside = 0;
	double sum = 0, squares = 0;
	for (int i = 0; i < 100000; i++) {
		double x = unit(), y = unit();
		inside += x * x + y * y < 1;
		sum += x;
		squares += x * x;
	}
	printf("\n%.6f %.12f %.12f\n", inside * 4 / 100000.0, sum / 1e5, squares / 1e5 - sum / 1e5 * (sum / 1e5));
	char cards[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	for (int round = 0; round < 3; round++) {
		for (int i = 25; i > 0; i--) {
			int j = (int)(pcg() % (uint32_t)(i + 1));
			char t = cards[i];
			cards[i] = cards[j];
			cards[j] = t;
		}
		puts(cards);
	}
	return 0;
}
