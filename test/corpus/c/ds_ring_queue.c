// A ring with free-running indices, a deque, and a stack in arrays.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SIZE 8u

struct ring {
	uint32_t head, tail;
	int item[SIZE];
};

static bool put(struct ring *r, int v)
{
	if (r->head - r->tail == SIZE)
		return false;
	r->item[r->head++ % SIZE] = v;
	return true;
}

static bool get(struct ring *r, int *v)
{
	if (r->head == r->tail)
		return false;
	*v = r->item[r->tail++ % SIZE];
	return true;
}

struct deque {
	int item[16];
	int front, count;
};

static void push_front(struct deque *d, int v)
{
	d->front = (d->front + 15) & 15;
	d->item[d->front] = v;
	d->count++;
}

static void push_back(struct deque *d, int v)
{
	d->item[(d->front + d->count++) & 15] = v;
}

static int pop_front(struct deque *d)
{
	int v = d->item[d->front];
	d->front = (d->front + 1) & 15;
	d->count--;
	return v;
}

static int pop_back(struct deque *d)
{
	return d->item[(d->front + --d->count) & 15];
}

int main(void)
{
	struct ring r = {.head = UINT32_MAX - 3, .tail = UINT32_MAX - 3};
	int v = 0, refused = 0, sum = 0;
	for (int i = 0; i < 40; i++) {
		if (!put(&r, i))
			refused++;
		if (i % 3 == 2 && get(&r, &v))
			sum = sum * 3 + v, sum %= 100003;
	}
	printf("refused %d, sum %d, left %u, head %u\n", refused, sum, r.head - r.tail, r.head);
	while (get(&r, &v))
		printf("%d ", v);
	struct deque d = {.front = 0};
	for (int i = 0; i < 5; i++) {
		push_front(&d, i);
		push_back(&d, -i);
	}
	printf("\n%d:", d.count);
	for (bool flip = false; d.count > 0; flip = !flip)
		printf(" %d", flip ? pop_back(&d) : pop_front(&d));
	putchar('\n');
	for (int i = 0; i < 3; i++)
		printf("%s\n", get(&r, &v) ? "more" : "empty");
	return 0;
}
