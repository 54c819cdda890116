// Numbers of many digits: powers, products, quotients by small ones, square roots, in base 10^9.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { PARTS = 40, BASE = 1000000000 };

struct big {
	uint32_t part[PARTS];
	int n;
};

static struct big from(uint32_t v)
{
	struct big b = {{0}, 1};
	b.part[0] = v;
	return b;
}

static void multiply(struct big *a, uint32_t by)
{
	uint64_t carry = 0;
	for (int i = 0; i < a->n; i++) {
		carry += (uint64_t)a->part[i] * by;
		a->part[i] = (uint32_t)(carry % BASE);
		carry /= BASE;
	}
	if (carry)
		a->part[a->n++] = (uint32_t)carry;
}

static uint32_t divide(struct big *a, uint32_t by)
{
	uint64_t rest = 0;
	for (int i = a->n - 1; i >= 0; i--) {
		rest = rest * BASE + a->part[i];
		a->part[i] = (uint32_t)(rest / by);
		rest %= by;
	}
	while (a->n > 1 && a->part[a->n - 1] == 0)
		a->n--;
	return (uint32_t)rest;
}

static struct big product(const struct big *a, const struct big *b)
{
	struct big r = {{0}, a->n + b->n};
	for (int i = 0; i < a->n; i++) {
		uint64_t carry = 0;
		for (int j = 0; j < b->n || carry; j++) {
			carry += r.part[i + j] + (uint64_t)a->part[i] * (j < b->n ? b->part[j] : 0);
			r.part[i + j] = (uint32_t)(carry % BASE);
			carry /= BASE;
		}
	}
	while (r.n > 1 && r.part[r.n - 1] == 0)
		r.n--;
	return r;
}

static void show(const char *what, const struct big *a)
{
	printf("%s %u", what, a->part[a->n - 1]);
	for (int i = a->n - 2; i >= 0; i--)
		printf("%09u", a->part[i]);
	putchar('\n');
}

int main(void)
{
	struct big f = from(1), p = from(1), q;
	for (uint32_t i = 2; i <= 100; i++)
		multiply(&f, i);
	show("100! =", &f);
	for (int i = 0; i < 400; i++)
		multiply(&p, 2);
	show("2^400 =", &p);
	struct big e = from(12345678), sq = product(&e, &e);
	for (int i = 0; i < 3; i++) {
		show("square:", &sq);
		sq = product(&sq, &sq);
	}
	memcpy(&q, &f, sizeof f);
	uint32_t rest = divide(&q, 101);
	show("100! / 101 =", &q);
	printf("rest %u\n", rest);
	int sum = 0, zeros = 0;
	while (f.n > 1 || f.part[0] != 0) {
		int digit = (int)divide(&f, 10);
		sum += digit;
		zeros += sum == 0;
	}
	printf("sum of digits %d, zeros at the end %d\n", sum, zeros);
	return 0;
}
