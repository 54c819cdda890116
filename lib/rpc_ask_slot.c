#include <stdlib.h>

#include "chan/bell.h"
#include "rpc_ask_inside.h"

bool spore__rpc_asks_init(struct spore_rpc *r)
{
	uint32_t chunks = (r->options.in_flight + SPORE__RPC_CHUNK - 1) / SPORE__RPC_CHUNK;
	r->asks = calloc(chunks, sizeof r->asks[0]);
	while (1U << r->id_bits < r->options.in_flight)
		r->id_bits++;
	// A peer that was swapped may still be answered: its next one has other ids.
	r->first_id = (uint32_t)(spore__bell_now() >> 10) << r->id_bits;
	return r->asks != NULL;
}

void spore__rpc_asks_finish(struct spore_rpc *r)
{
	uint32_t used = atomic_load(&r->used_asks);
	for (uint32_t i = 0; i < used; i++)
		free(spore__ask_at(r, i)->out.data);
	for (uint32_t i = 0; i * SPORE__RPC_CHUNK < r->options.in_flight && r->asks != NULL; i++)
		free(atomic_load(&r->asks[i]));
	free(r->asks);
}

static bool make_chunk(struct spore_rpc *r, uint32_t index)
{
	struct spore_rpc_ask *_Atomic *at = &r->asks[index / SPORE__RPC_CHUNK];
	struct spore_rpc_ask *none = NULL, *chunk;
	if (atomic_load(at) != NULL)
		return true;
	chunk = calloc(SPORE__RPC_CHUNK, sizeof *chunk);
	if (chunk == NULL)
		return false;
	for (uint32_t i = 0; i < SPORE__RPC_CHUNK; i++) {
		chunk[i].rpc = r;
		chunk[i].index = index / SPORE__RPC_CHUNK * SPORE__RPC_CHUNK + i;
		atomic_store(&chunk[i].tag, spore__ask_tag(r->first_id | chunk[i].index, SPORE__ASK_FREE));
	}
	if (!atomic_compare_exchange_strong(at, &none, chunk))
		free(chunk); // another thread was first
	return true;
}

// A slot that was never used. SPORE_EBUSY: there are no more.
static enum spore_err new_slot(struct spore_rpc *r, struct spore_rpc_ask **a)
{
	uint32_t index = atomic_load(&r->used_asks);
	do {
		if (index == r->options.in_flight)
			return SPORE_EBUSY;
		if (!make_chunk(r, index))
			return SPORE_ENOMEM;
	} while (!atomic_compare_exchange_weak(&r->used_asks, &index, index + 1));
	*a = spore__ask_at(r, index);
	return SPORE_OK;
}

enum spore_err spore__ask_take(struct spore_rpc *r, struct spore_rpc_ask **a)
{
	uint64_t head = atomic_load_explicit(&r->free_asks, memory_order_acquire), next;
	do {
		if ((uint32_t)head == 0)
			return new_slot(r, a);
		*a = spore__ask_at(r, (uint32_t)head - 1);
		next = atomic_load_explicit(&(*a)->next_free, memory_order_relaxed);
		next |= ((head >> 32) + 1) << 32;
	} while (!atomic_compare_exchange_weak_explicit(&r->free_asks, &head, next, memory_order_acquire,
	                                                memory_order_acquire));
	return SPORE_OK;
}

void spore__ask_free(struct spore_rpc_ask *a)
{
	struct spore_rpc *r = a->rpc;
	if (a->out.cap > SPORE__RPC_KEEP)
		spore__msgpack_writer_finish(&a->out);
	spore__ask_set(a, SPORE__ASK_FREE);
	uint64_t head = atomic_load_explicit(&r->free_asks, memory_order_relaxed), next;
	do {
		atomic_store_explicit(&a->next_free, (uint32_t)head, memory_order_relaxed);
		next = ((head >> 32) + 1) << 32 | (a->index + 1);
	} while (!atomic_compare_exchange_weak_explicit(&r->free_asks, &head, next, memory_order_release,
	                                                memory_order_relaxed));
}

unsigned spore__rpc_asked(const struct spore_rpc *r)
{
	unsigned asked = 0;
	uint32_t used = atomic_load(&r->used_asks);
	for (uint32_t i = 0; i < used; i++)
		asked += spore__ask_state(spore__ask_at(r, i)) != SPORE__ASK_FREE;
	return asked;
}
