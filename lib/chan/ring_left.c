// What the receiver of this end's messages had not done with when it went: read from the ring by the sender itself, so that it can be sent to
// another one. The receiver wrote where it was (struct spore__ring_done), and may have been anybody: what it says has to be where a record
// begins that this end has made, and what lies there is read as from a peer.
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "chan/ring.h"

static struct spore__ring *ring(struct spore__transport *t)
{
	return (struct spore__ring *)t;
}

bool spore__ring_gone(const struct spore__transport *t)
{
	return atomic_load_explicit(&((const struct spore__ring *)t)->bell.gone, memory_order_acquire);
}

bool spore__ring_reads_on(struct spore__ring *r)
{
	return atomic_load_explicit(&r->send.done->reads_on, memory_order_acquire) != 0 && spore__ring_gone(&r->base);
}

// Another thread may be the one that reads the bell.
static bool is_gone(struct spore__ring *r)
{
	if (!spore__ring_gone(&r->base))
		spore__bell_look(&r->bell);
	return spore__ring_gone(&r->base);
}

static struct spore__ring *reader(struct spore__ring *r)
{
	const struct spore__ring_sender *s = &r->send;
	uint32_t skip;
	const void *data;
	size_t len;
	struct spore__ring *left = aligned_alloc(128, (sizeof *left + 127) & ~(size_t)127);
	if (left == NULL)
		return NULL;
	memset(left, 0, sizeof *left);
	left->memory = r->memory;
	left->bell.ring = left->bell.hear = -1;
	atomic_store(&left->bell.gone, true);
	struct spore__ring_receiver *v = &left->receive;
	v->cells = s->cells;
	v->lines = s->lines;
	v->counts = (struct spore__ring_counts *)(void *)s->counts; // whose first member it is
	v->done = s->done;
	v->mask = s->mask;
	v->heap = s->heap;
	v->heap_size = s->heap_size;
	v->large_offset = s->large_offset;
	v->large_size = s->large_size;
	v->sleeper.says = &s->lines->receiver;
	(void)spore__ring_lost(&r->base); // looks at what is released
	v->at = v->released = v->published = spore__ring_place(r, &skip);
	for (uint32_t i = 0; i < skip && spore__ring_take(left, &data, &len) == SPORE_OK && v->pack_left > 0; i++)
		;
	return left;
}

enum spore_err spore__ring_left(struct spore__transport *t, const void **data, size_t *len)
{
	struct spore__ring *r = ring(t);
	if (r->left == NULL) {
		if (!is_gone(r))
			return SPORE_EBUSY;
		(void)spore__ring_flush(t);
		if (spore__ring_reads_on(r))
			return SPORE_ECLOSED;
		r->left = reader(r);
	}
	return r->left != NULL ? spore__ring_take(r->left, data, len) : SPORE_ENOMEM;
}

void spore__ring_left_finish(struct spore__ring *r)
{
	for (int i = 0; r->left != NULL && i < SPORE__RING_WINDOWS; i++) {
		const struct spore__ring_window *w = &r->left->receive.windows[i];
		if (w->at != NULL)
			(void)munmap(w->at, w->len);
	}
	free(r->left);
	r->left = NULL;
}
