#include <stddef.h>
#include <stdio.h>
struct link { struct link *next, *prev; };
struct job { int id; struct link all; double cost; struct link ready; };
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))
#define for_each(pos, head) for (struct link *pos = (head)->next; pos != (head); pos = pos->next)
static void init(struct link *l) { l->next = l->prev = l; }
static void add(struct link *head, struct link *l) { l->prev = head->prev; l->next = head; head->prev->next = l; head->prev = l; }
static void del(struct link *l) { l->prev->next = l->next; l->next->prev = l->prev; init(l); }
int main(void)
{
	struct link all, ready;
	struct job jobs[8];
	init(&all);
	init(&ready);
	for (int i = 0; i < 8; i++) {
		jobs[i].id = i;
		jobs[i].cost = (i * 5 % 8) / 2.0;
		add(&all, &jobs[i].all);
		init(&jobs[i].ready);
		if (i % 3 != 0)
			add(&ready, &jobs[i].ready);
	}
	del(&jobs[4].ready);
	del(&jobs[0].all);
	double sum = 0;
	for_each(l, &all)
		sum += container_of(l, struct job, all)->cost;
	for_each(l, &ready)
		printf("%d:%g ", container_of(l, struct job, ready)->id, container_of(l, struct job, ready)->cost);
	printf("\n%g %zu\n", sum, offsetof(struct job, ready));
	return 0;
}
