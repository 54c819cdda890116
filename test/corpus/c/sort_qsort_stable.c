#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* qsort need not be stable: the index decides between equal keys. */
struct entry {
	char key[8];
	int value;
	int index;
};

static int compare(const void *pa, const void *pb)
{
	const struct entry *a = (const struct entry *)pa;
	const struct entry *b = (const struct entry *)pb;
	int r = strcmp(a->key, b->key);
	return r ? r : a->index - b->index;
}

static int compare_key(const void *key, const void *e)
{
	return strcmp(key, ((const struct entry *)e)->key);
}

int main(void)
{
	static const char *const names[] = {"pear", "fig", "plum", "apple", "kiwi"};
	struct entry e[25];
	int i;
	for (i = 0; i < 25; i++) {
		strcpy(e[i].key, names[i * 7 % 5]);
		e[i].value = i * i % 17;
		e[i].index = i;
	}
	qsort(e, 25, sizeof e[0], compare);
	for (i = 0; i < 25; i++)
		printf("%s:%d%s", e[i].key, e[i].value, i % 5 == 4 ? "\n" : " ");

	const char *wanted[] = {"kiwi", "lemon", "apple", "plum"};
	for (i = 0; i < 4; i++) {
		struct entry *found = bsearch(wanted[i], e, 25, sizeof e[0], compare_key);
		printf("%s %s\n", wanted[i], found ? found->key : "-");
	}
	return 0;
}
