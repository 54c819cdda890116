#include <stdio.h>
#include <string.h>

struct port { volatile unsigned status; volatile unsigned char data; const unsigned id; };

static volatile int ticks;
static const char *const days[] = {"mon", "tue", "wed", "thu", "fri"};
static const int lookup[4][2] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}};

static unsigned poll_port(struct port *p, int rounds)
{
	unsigned seen = 0;
	while (rounds--) {
		p->status ^= 1u << (rounds & 3);
		p->data += (unsigned char)(p->status * 3);
		seen += p->status & 5u;
		ticks++;
	}
	return seen;
}

static size_t count(const char *s, char c)
{
	size_t n = 0;
	for (const char *p = s; (p = strchr(p, c)) != NULL; p++)
		n++;
	return n;
}

int main(void)
{
	struct port p = {.id = 7, .status = 9};
	unsigned seen = poll_port(&p, 20);
	printf("%u %u %u %u %d\n", seen, p.status, p.data, p.id, ticks);
	const int *low = &lookup[0][0];
	const int (*row)[2] = lookup + 2;
	printf("%d %d %d\n", low[5], (*row)[1], row[1][0]);
	const char *day = days[2], *const fixed = day + 1;
	day = days[4];
	printf("%s %s %zu\n", day, fixed, count("a,b,,c,", ','));
	volatile double sum = 0;
	for (int i = 0; i < 10; i++)
		sum += 0.1;
	printf("%.17g %d\n", sum, sum == 1.0);
	const volatile int both = 5;
	const struct { int a; const char *b; } anonymous = {both * 2, "anonymous"};
	printf("%d %s\n", anonymous.a, anonymous.b);
	enum { LIMIT = sizeof days / sizeof *days };
	int table[LIMIT * 2] = {[LIMIT] = 3};
	return table[LIMIT] + table[0];
}
