// A skip list whose levels come from a generator with a fixed seed; flexible array members.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { LEVELS = 6 };

struct node {
	int key, levels;
	struct node *next[];
};

static unsigned seed = 12345;

static int random_level(void)
{
	int n = 1;
	do
		seed = seed * 1664525u + 1013904223u;
	while (seed >> 31 && ++n < LEVELS);
	return n;
}

static struct node *make(int key, int levels)
{
	struct node *n = calloc(1, sizeof *n + (size_t)levels * sizeof n->next[0]);
	if (n == NULL)
		abort();
	n->key = key;
	n->levels = levels;
	return n;
}

static struct node *find(struct node *head, int key, struct node **before)
{
	struct node *n = head;
	for (int l = LEVELS - 1; l >= 0; l--) {
		while (n->next[l] != NULL && n->next[l]->key < key)
			n = n->next[l];
		before[l] = n;
	}
	return n->next[0] != NULL && n->next[0]->key == key ? n->next[0] : NULL;
}

int main(void)
{
	struct node *head = make(INT_MIN, LEVELS), *before[LEVELS];
	for (int i = 0; i < 30; i++) {
		int key = i * 37 % 101;
		if (find(head, key, before) != NULL)
			continue;
		struct node *n = make(key, random_level());
		for (int l = 0; l < n->levels; l++) {
			n->next[l] = before[l]->next[l];
			before[l]->next[l] = n;
		}
	}
	for (int key = 0; key < 60; key += 4) {
		struct node *n = find(head, key, before);
		if (n == NULL)
			continue;
		for (int l = 0; l < n->levels; l++)
			before[l]->next[l] = n->next[l];
		free(n);
		printf("took %d out\n", key);
	}
	for (int l = LEVELS - 1; l >= 0; l--) {
		printf("level %d:", l);
		for (struct node *n = head->next[l]; n != NULL; n = n->next[l])
			printf(" %d", n->key);
		putchar('\n');
	}
	while (head != NULL) {
		struct node *next = head->next[0];
		free(head);
		head = next;
	}
	return 0;
}
