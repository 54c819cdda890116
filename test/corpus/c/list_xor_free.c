// Doubly linked list with a sentinel, and a pool of nodes.
#include <stdio.h>

struct link { struct link *prev, *next; };
struct job { int id, priority; struct link link; };

#define container_of(p, type, member) ((type *)(void *)((char *)(p) - (size_t)&((type *)0)->member))

static struct link ready = {&ready, &ready}, idle = {&idle, &idle};

static void insert_before(struct link *at, struct link *l)
{
    l->prev = at->prev;
    l->next = at;
    at->prev->next = l;
    at->prev = l;
}

static struct link *take(struct link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    l->prev = l->next = l;
    return l;
}

static void enqueue(int id, int priority)
{
    if (idle.next == &idle) {
        printf("no room for %d\n", id);
        return;
    }
    struct link *l = take(idle.next);
    struct job *j = container_of(l, struct job, link);
    j->id = id;
    j->priority = priority;
    struct link *at = ready.next;
    while (at != &ready && container_of(at, struct job, link)->priority >= priority)
        at = at->next;
    insert_before(at, l);
}

static void show(void)
{
    for (struct link *l = ready.next; l != &ready; l = l->next) {
        struct job *j = container_of(l, struct job, link);
        printf(" %d(%d)", j->id, j->priority);
    }
    printf("\n");
}

int main(void)
{
    struct job pool[6];
    for (unsigned i = 0; i < sizeof pool / sizeof *pool; i++)
        insert_before(&idle, &pool[i].link);
    enqueue(1, 5); enqueue(2, 9); enqueue(3, 5); enqueue(4, 1); enqueue(5, 7); enqueue(6, 5); enqueue(7, 8);
    show();
    for (int round = 0; round < 4; round++) {
        struct job *j = container_of(take(ready.next), struct job, link);
        printf("run %d;", j->id);
        int next = j->priority - 3;
        insert_before(&idle, &j->link);
        if (next > 0)
            enqueue(j->id + 10, next);
        show();
    }
    return 0;
}
