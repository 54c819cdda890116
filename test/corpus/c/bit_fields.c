#include <stdio.h>
#include <string.h>

struct flags { unsigned a : 1, b : 3; int c : 5; unsigned : 0; unsigned d : 12; unsigned e : 20; };
struct date { unsigned day : 5; unsigned month : 4; unsigned year : 12; signed zone : 5; };
struct mixed { char x; short y : 9; int z : 7; unsigned char w : 2; _Bool q : 1; };

static void dump(const void *p, size_t n)
{
	for (const unsigned char *c = p; n-- > 0; c++)
		printf("%02x", *c);
	putchar('\n');
}

int main(void)
{
	struct flags f;
	memset(&f, 0, sizeof f);
	f.a = 3; f.b = 9; f.c = -3; f.d = 4097; f.e = 0xfffff;
	printf("%zu: %u %u %d %u %u ", sizeof f, f.a, f.b, f.c, f.d, f.e);
	dump(&f, sizeof f);
	struct date d = {.day = 31, .month = 12, .year = 1999, .zone = -7};
	if (++d.day == 0)
		d.month = (d.month + 1) % 12, d.year++;
	printf("%u.%u.%u %+d\n", d.day, d.month, d.year, d.zone);
	d.zone <<= 1; d.year ^= 0xfff; d.month |= 2;
	printf("%d %u %u %d\n", d.zone, d.year, d.month, d.day - 40 < 0);
	struct mixed m;
	memset(&m, 0, sizeof m);
	m.x = 'x'; m.y = -200; m.z = 63; m.w = 3; m.q = 5;
	printf("%zu: %c %d %d %d %d ", sizeof m, m.x, m.y, m.z, m.w, m.q);
	dump(&m, sizeof m);
	struct date all[3] = {{1, 2, 3, 4}, {5, 6, 7, -8}};
	printf("%u %d %u\n", all[1].year, all[1].zone, all[2].day);
	return sizeof(struct date);
}
