#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 4
#define COUNT 40000

struct part { const int *from; int count; long sum; int least; };

static void *add(void *arg)
{
	struct part *p = arg;
	p->least = p->from[0];
	for (int i = 0; i < p->count; i++) {
		p->sum += p->from[i];
		if (p->from[i] < p->least)
			p->least = p->from[i];
	}
	return p;
}

int main(void)
{
	int *v = malloc(COUNT * sizeof *v);
	unsigned x = 7;
	for (int i = 0; i < COUNT; i++) {
		x = x * 1664525u + 1013904223u;
		v[i] = (int)(x >> 12) - 500000;
	}
	pthread_t t[THREADS];
	struct part p[THREADS];
	for (int i = 0; i < THREADS; i++) {
		p[i] = (struct part){v + i * (COUNT / THREADS), COUNT / THREADS, 0, 0};
		if (pthread_create(&t[i], NULL, add, &p[i]) != 0)
			return 1;
	}
	long total = 0;
	int least = v[0];
	for (int i = 0; i < THREADS; i++) {
		void *back;
		pthread_join(t[i], &back);
		struct part *q = back;
		printf("part %d: %ld, least %d\n", i, q->sum, q->least);
		total += q->sum;
		if (q->least < least)
			least = q->least;
	}
	printf("total %ld, least %d\n", total, least);
	free(v);
	return 0;
}
