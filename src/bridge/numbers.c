#include "bridge/numbers.h"

#include <stdlib.h>

#include "base/mem.h"
#include "msgpack.h"

// A number is the slot in its lower half and how often the slot was given in the upper one.
enum { HALF = 16 };

struct spore__numbers_slot {
	void *call; // NULL: free
	uint16_t turn;
	uint32_t next; // free: the next free slot and one
};

void spore__numbers_finish(struct spore__numbers *c)
{
	free(c->slots);
	*c = (struct spore__numbers){0};
}

static bool grow(struct spore__numbers *c)
{
	if (c->cap >= SPORE__NUMBERS_MAX)
		return false;
	uint32_t cap = c->cap == 0 ? 16 : c->cap * 2;
	c->slots = spore__xrealloc(c->slots, cap * sizeof *c->slots);
	for (uint32_t i = cap; i-- > c->cap;) {
		c->slots[i] = (struct spore__numbers_slot){.next = c->free};
		c->free = i + 1;
	}
	c->cap = cap;
	return true;
}

bool spore__numbers_add(struct spore__numbers *c, void *call, uint32_t *id)
{
	if (c->free == 0 && !grow(c))
		return false;
	uint32_t at = c->free - 1;
	struct spore__numbers_slot *s = &c->slots[at];
	c->free = s->next;
	c->count++;
	s->call = call;
	*id = (uint32_t)s->turn << HALF | at;
	return true;
}

static struct spore__numbers_slot *slot(const struct spore__numbers *c, uint32_t id)
{
	uint32_t at = id & (SPORE__NUMBERS_MAX - 1);
	if (at >= c->cap || c->slots[at].call == NULL || c->slots[at].turn != id >> HALF)
		return NULL;
	return &c->slots[at];
}

void *spore__numbers_find(const struct spore__numbers *c, const struct spore__span *id)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(id->bytes, id->len);
	int64_t number;
	if (spore__msgpack_read_int(&r, &number) != SPORE__MSGPACK_OK || number < 0 || number > UINT32_MAX)
		return NULL;
	struct spore__numbers_slot *s = slot(c, (uint32_t)number);
	return s == NULL ? NULL : s->call;
}

void spore__numbers_remove(struct spore__numbers *c, uint32_t id)
{
	struct spore__numbers_slot *s = slot(c, id);
	if (s == NULL)
		return;
	s->call = NULL;
	s->turn++;
	s->next = c->free;
	c->free = (id & (SPORE__NUMBERS_MAX - 1)) + 1;
	c->count--;
}

struct spore__span spore__numbers_span(uint32_t id, unsigned char bytes[SPORE__NUMBERS_ID])
{
	struct spore__msgpack_writer w;
	spore__msgpack_writer_fixed(&w, bytes, SPORE__NUMBERS_ID);
	spore__msgpack_int(&w, id);
	return (struct spore__span){bytes, w.len};
}
