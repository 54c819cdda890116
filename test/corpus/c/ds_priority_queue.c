// A heap of events with a comparison function, and a simulation that uses it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct event {
	unsigned time;
	int kind;
	char name[8];
};

struct heap {
	struct event *item;
	size_t count, room;
	int (*less)(const struct event *, const struct event *);
};

static int earlier(const struct event *a, const struct event *b)
{
	return a->time != b->time ? a->time < b->time : strcmp(a->name, b->name) < 0;
}

static void push(struct heap *h, struct event e)
{
	if (h->count == h->room) {
		h->room = h->room ? h->room * 2 : 2;
		h->item = realloc(h->item, h->room * sizeof *h->item);
		if (h->item == NULL)
			exit(1);
	}
	size_t i = h->count++;
	for (; i > 0 && h->less(&e, &h->item[(i - 1) / 2]); i = (i - 1) / 2)
		h->item[i] = h->item[(i - 1) / 2];
	h->item[i] = e;
}

static struct event pop(struct heap *h)
{
	struct event first = h->item[0], last = h->item[--h->count];
	size_t i = 0;
	for (size_t child; (child = 2 * i + 1) < h->count; i = child) {
		if (child + 1 < h->count && h->less(&h->item[child + 1], &h->item[child]))
			child++;
		if (!h->less(&h->item[child], &last))
			break;
		h->item[i] = h->item[child];
	}
	h->item[i] = last;
	return first;
}

int main(void)
{
	struct heap h = {.less = earlier};
	unsigned seed = 7;
	for (int i = 0; i < 6; i++) {
		struct event e = {.time = (seed = seed * 1103515245u + 12345u) >> 16 & 15, .kind = i};
		snprintf(e.name, sizeof e.name, "e%d", i);
		push(&h, e);
	}
	int steps = 0;
	while (h.count > 0 && steps++ < 25) {
		struct event e = pop(&h);
		printf("%3u %s kind %d, %zu wait\n", e.time, e.name, e.kind, h.count);
		if (e.kind % 2 == 0 && e.time < 40) {
			e.time += 5 + (unsigned)e.kind;
			push(&h, e);
		}
	}
	free(h.item);
	return 0;
}
