#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <stdbool.h>

struct slot { char *key; int value; bool gone; };
struct map { struct slot *slot; size_t room, used, alive; };

static uint32_t fnv(const char *s)
{
	uint32_t h = 2166136261u;
	while (*s) {
		h ^= (unsigned char)*s++;
		h *= 16777619u;
	}
	return h;
}

static struct slot *find(struct map *m, const char *key)
{
	struct slot *grave = NULL;
	size_t i = fnv(key) & (m->room - 1);
	for (;; i = (i + 1) & (m->room - 1)) {
		struct slot *s = &m->slot[i];
		if (s->gone) {
			if (!grave)
				grave = s;
		} else if (!s->key) {
			return grave ? grave : s;
		} else if (!strcmp(s->key, key)) {
			return s;
		}
	}
}

static void put(struct map *m, const char *key, int value);

static void grow(struct map *m)
{
	struct map bigger = {.room = m->room ? m->room * 2 : 8};
	bigger.slot = calloc(bigger.room, sizeof *bigger.slot);
	for (size_t i = 0; i < m->room; i++)
		if (m->slot[i].key) {
			put(&bigger, m->slot[i].key, m->slot[i].value);
			free(m->slot[i].key);
		}
	free(m->slot);
	*m = bigger;
}

static void put(struct map *m, const char *key, int value)
{
	if (m->used * 4 >= m->room * 3)
		grow(m);
	struct slot *s = find(m, key);
	if (!s->key) {
		s->key = malloc(strlen(key) + 1);
		strcpy(s->key, key);
		if (!s->gone)
			m->used++;
		s->gone = false;
		m->alive++;
	}
	s->value = value;
}

static bool drop(struct map *m, const char *key)
{
	struct slot *s = find(m, key);
	if (!s->key)
		return false;
	free(s->key);
	s->key = NULL;
	s->gone = true;
	m->alive--;
	return true;
}

int main(void)
{
	struct map m = {0};
	char key[32];
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof key, "key-%03d", i * 7 % 500);
		put(&m, key, i);
	}
	printf("alive %zu used %zu room %zu\n", m.alive, m.used, m.room);
	int dropped = 0;
	for (int i = 0; i < 600; i += 3) {
		snprintf(key, sizeof key, "key-%03d", i);
		dropped += drop(&m, key);
	}
	printf("dropped %d, alive %zu\n", dropped, m.alive);
	for (int i = 0; i < 20; i++) {
		snprintf(key, sizeof key, "key-%03d", i * 25);
		struct slot *s = find(&m, key);
		printf("%s=%d ", key, s->key ? s->value : -1);
	}
	long sum = 0;
	for (size_t i = 0; i < m.room; i++) {
		if (m.slot[i].key)
			sum += m.slot[i].value;
		free(m.slot[i].key);
	}
	free(m.slot);
	printf("\nsum %ld\n", sum);
	return 0;
}
