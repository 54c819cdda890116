// Which peers of a port broke the rules, or were too slow for what it publishes, until there is another channel with them. Kept so that the next
// node knows it too.
#include <stdlib.h>
#include <string.h>

#include "task/hold.h"

enum { MOST = 256, PEER_MAX = 1024 }; // what a program says has bounds

struct spore__hold_broken {
	struct spore__hold_broken *next; // which was said before
	size_t peer_len, how_len;
	char text[]; // the peer, and behind it the transport
};

static void put(const struct spore__hold_broken *b, uint64_t id, struct spore__msgpack_writer *w)
{
	const struct spore__hold_word peer = {b->text, (uint32_t)b->peer_len},
	                              how = {b->text + b->peer_len, (uint32_t)b->how_len};
	spore__hold_put_broken(w, id, &peer, &how);
}

// In the order in which it was said, so that the last word is the last.
void spore__hold_broken_put(const struct spore__hold_broken *all, uint64_t id, struct spore__msgpack_writer *w)
{
	const struct spore__hold_broken *order[MOST];
	size_t count = 0;
	for (const struct spore__hold_broken *b = all; b != NULL; b = b->next)
		order[count++] = b;
	while (count > 0)
		put(order[--count], id, w);
}

static void drop(struct spore__hold_broken **all, const char *peer, size_t len)
{
	while (*all != NULL && ((*all)->peer_len != len || memcmp((*all)->text, peer, len) != 0))
		all = &(*all)->next;
	struct spore__hold_broken *b = *all;
	if (b == NULL)
		return;
	*all = b->next;
	free(b);
}

void spore__hold_broken_forget(struct spore__hold_broken **all, const char *peer)
{
	drop(all, peer, strlen(peer));
}

static void drop_behind(struct spore__hold_broken **all, size_t count)
{
	for (; *all != NULL && count > 0; count--)
		all = &(*all)->next;
	spore__hold_broken_finish(all);
}

bool spore__hold_broken_add(struct spore__hold_broken **all, const struct spore__control_word *peer,
                            const struct spore__control_word *how)
{
	struct spore__hold_broken *b =
	    peer->len <= PEER_MAX && how->len <= SPORE__HOLD_WORD ? malloc(sizeof *b + peer->len + how->len) : NULL;
	if (b == NULL)
		return false;
	drop(all, peer->s, peer->len);
	drop_behind(all, MOST - 1);
	*b = (struct spore__hold_broken){.next = *all, .peer_len = peer->len, .how_len = how->len};
	memcpy(b->text, peer->s, peer->len);
	memcpy(b->text + peer->len, how->s, how->len);
	*all = b;
	return true;
}

void spore__hold_broken_finish(struct spore__hold_broken **all)
{
	for (struct spore__hold_broken *b = *all, *next; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	*all = NULL;
}
