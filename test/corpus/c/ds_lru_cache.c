// A cache that forgets what was used least recently: a hash table and a list through its entries.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	char key[12];
	int value;
	struct entry *chain, *newer, *older;
};

struct cache {
	struct entry *bucket[7], newest; // a ring through newest
	size_t count, most;
	unsigned hits, misses, forgotten;
};

static size_t hash(const char *s)
{
	unsigned long h = 5381;
	while (*s)
		h = h * 33 ^ (unsigned char)*s++;
	return h % 7;
}

static void unlink_entry(struct entry *e)
{
	e->newer->older = e->older;
	e->older->newer = e->newer;
}

static void make_newest(struct cache *c, struct entry *e)
{
	e->older = c->newest.older;
	e->newer = &c->newest;
	e->older->newer = e;
	c->newest.older = e;
}

static int *get(struct cache *c, const char *key)
{
	for (struct entry *e = c->bucket[hash(key)]; e != NULL; e = e->chain)
		if (strcmp(e->key, key) == 0) {
			c->hits++;
			unlink_entry(e);
			make_newest(c, e);
			return &e->value;
		}
	c->misses++;
	return NULL;
}

static void put(struct cache *c, const char *key, int value)
{
	struct entry *e;
	if (c->count == c->most) {
		e = c->newest.newer;
		unlink_entry(e);
		struct entry **at = &c->bucket[hash(e->key)];
		while (*at != e)
			at = &(*at)->chain;
		*at = e->chain;
		c->forgotten++;
		printf("(%s goes) ", e->key);
	} else {
		e = malloc(sizeof *e);
		c->count++;
	}
	snprintf(e->key, sizeof e->key, "%s", key);
	e->value = value;
	e->chain = c->bucket[hash(key)];
	c->bucket[hash(key)] = e;
	make_newest(c, e);
}

int main(void)
{
	struct cache c = {.most = 4};
	c.newest.older = c.newest.newer = &c.newest;
	static const char *const asked[] = {"one", "two", "three", "one", "four", "five",
	                                    "one", "two", "three", "six", "one",  "five"};
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		int *v = get(&c, asked[i]);
		if (v != NULL)
			printf("%s=%d", asked[i], (*v)++);
		else
			put(&c, asked[i], (int)i * 10), printf("%s is new", asked[i]);
		putchar('\n');
	}
	printf("%u hits, %u misses, %u forgotten:", c.hits, c.misses, c.forgotten);
	for (struct entry *e = c.newest.older; e != &c.newest; e = e->older)
		printf(" %s=%d", e->key, e->value);
	putchar('\n');
	while (c.newest.older != &c.newest) {
		struct entry *e = c.newest.older;
		unlink_entry(e);
		free(e);
	}
	return 0;
}
