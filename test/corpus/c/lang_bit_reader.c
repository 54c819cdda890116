#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct bits { uint8_t *p; size_t at; };

static void put(struct bits *b, uint32_t v, int n)
{
	while (n--) {
		if (v >> n & 1)
			b->p[b->at >> 3] |= (uint8_t)(0x80 >> (b->at & 7));
		b->at++;
	}
}

static uint32_t get(struct bits *b, int n)
{
	uint32_t v = 0;
	for (; n--; b->at++)
		v = v << 1 | (b->p[b->at >> 3] >> (7 - (b->at & 7)) & 1u);
	return v;
}

static void put_gamma(struct bits *b, uint32_t v)
{
	int n = 0;
	while (v >> n > 1)
		n++;
	put(b, 0, n);
	put(b, v, n + 1);
}

static uint32_t get_gamma(struct bits *b)
{
	int n = 0;
	while (!get(b, 1))
		n++;
	return n ? 1u << n | get(b, n) : 1;
}

int main(void)
{
	uint8_t store[256] = {0};
	struct bits b = {store, 0};
	static const uint32_t v[] = {1, 2, 3, 17, 255, 256, 65535, 1000000, 0x7fffffff, 4294967295u};
	for (int i = 0; i < 10; i++) {
		put(&b, (uint32_t)i, 5);
		put_gamma(&b, v[i]);
	}
	printf("%zu bits:", b.at);
	for (size_t i = 0; i < (b.at + 7) / 8; i++)
		printf(" %02x", store[i]);
	b.at = 0;
	putchar('\n');
	for (int i = 0; i < 10; i++) {
		uint32_t tag = get(&b, 5), value = get_gamma(&b);
		printf("%u=%u%s ", (unsigned)tag, (unsigned)value, value == v[i] ? "" : "!");
	}
	putchar('\n');
	return 0;
}
