// The memory of its channels, for those who look on (`spore tap`): a descriptor for reading of each ring that the program was sent, without the
// doorbells. Given out by `memory`, never used here, and closed with the channel.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/os.h"
#include "task/hold.h"

struct spore__hold_memory {
	uint64_t id, serial;
	unsigned role;
	const char *transport; // static
	int fd;
};

static struct spore__hold_memory *find(struct spore__hold *h, uint64_t id, uint64_t serial)
{
	for (size_t i = 0; i < h->memories.count; i++)
		if (h->memories.items[i].id == id && h->memories.items[i].serial == serial)
			return &h->memories.items[i];
	return NULL;
}

static bool is(const struct spore__hold_word *word, const char *text)
{
	return word->len == strlen(text) && memcmp(word->s, text, word->len) == 0;
}

void spore__hold_memory_keep(struct spore__hold *h, const struct spore__hold_message *m, int fd)
{
	struct spore__hold_memories *k = &h->memories;
	struct spore__hold_memory *items = k->items;
	const char *transport = is(&m->kind, "ring")                          ? "ring"
	                        : is(&m->kind, "publication") && m->role == 1 ? "publication"
	                                                                      : NULL;
	if (transport == NULL || k->count == SPORE__HOLD_MEMORIES)
		return;
	if (k->count == k->room) {
		size_t room = k->room == 0 ? 1 : k->room * 2;
		items = realloc(k->items, room * sizeof *items);
		if (items == NULL)
			return;
		k->items = items;
		k->room = room;
	}
	int mine = spore__os_for_reading(fd);
	if (mine >= 0)
		items[k->count++] = (struct spore__hold_memory){.id = (uint64_t)m->number,
		                                                .serial = m->serial,
		                                                .role = m->role,
		                                                .transport = transport,
		                                                .fd = mine};
}

static void drop(struct spore__hold_memories *k, struct spore__hold_memory *m)
{
	close(m->fd);
	*m = k->items[--k->count];
	if (k->count > 0)
		return;
	free(k->items);
	*k = (struct spore__hold_memories){0};
}

void spore__hold_memory_drop(struct spore__hold *h, uint64_t id, uint64_t serial)
{
	struct spore__hold_memory *m = find(h, id, serial);
	if (m != NULL)
		drop(&h->memories, m);
}

void spore__hold_memory_drop_port(struct spore__hold *h, uint64_t id)
{
	for (size_t i = h->memories.count; i > 0; i--)
		if (i <= h->memories.count && h->memories.items[i - 1].id == id)
			drop(&h->memories, &h->memories.items[i - 1]);
}

// What its pumps carry.
static struct spore__hold_window *window_of(struct spore__hold *h, uint64_t id)
{
	struct spore__hold_window *w = spore__hold_pumped_window(h, id);
	if (w == NULL)
		w = spore__hold_named_window(h, id);
	return w != NULL && w->fd >= 0 ? w : NULL;
}

// From now on it is shown to P, which has been given the window; false: no memory.
static bool watch(struct spore__hold_peer *p, struct spore__hold_window *w)
{
	if (p->watches == w)
		return true;
	if (!spore__hold_window_watch(w))
		return false;
	if (p->watches != NULL)
		spore__hold_window_unwatch(p->watches);
	p->watches = w;
	return true;
}

bool spore__hold_memory_give(struct spore__hold *h, struct spore__hold_peer *p, const struct spore__hold_message *m)
{
	const struct spore__hold_memory *k = find(h, (uint64_t)m->number, m->serial);
	struct spore__hold_window *w = k == NULL ? window_of(h, (uint64_t)m->number) : NULL;
	int published = k == NULL && w == NULL ? spore__hold_ports_published(h, (uint64_t)m->number) : -1;
	int fd = k != NULL ? k->fd : w != NULL && (!m->watches || watch(p, w)) ? w->fd : published;
	bool gives = fd >= 0 && !p->gives && (p->gift = spore__os_for_reading(fd)) >= 0;
	if (p->out.len == p->out_sent)
		p->out.len = p->out_sent = 0;
	p->gives |= gives;
	if (gives)
		p->gift_at = p->out.len;
	spore__hold_put_channel(&p->out, (uint64_t)m->number, m->serial,
	                        k != NULL        ? k->transport
	                        : w != NULL      ? "pump"
	                        : published >= 0 ? "published"
	                                         : "none",
	                        k != NULL   ? k->role
	                        : w != NULL ? SPORE__WINDOW_OUT
	                                    : 0,
	                        gives ? 1 : 0, NULL);
	return p->out.err == 0;
}
