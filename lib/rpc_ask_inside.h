// A call of this end and its states: rpc_ask.c (it is begun, sent and waited for), rpc_ask_slot.c (where it lives), rpc_answered.c (what the thread
// that reads does with it).
#ifndef SPORE_LIB_RPC_ASK_INSIDE_H
#define SPORE_LIB_RPC_ASK_INSIDE_H

#include <sched.h>

#include "rpc_inside.h"

static inline uint64_t spore__ask_tag(uint32_t id, enum spore__ask_state state)
{
	return (uint64_t)id << 8 | state;
}

static inline enum spore__ask_state spore__ask_state(const struct spore_rpc_ask *a)
{
	return (enum spore__ask_state)(atomic_load_explicit(&a->tag, memory_order_acquire) & 0xff);
}

static inline uint32_t spore__ask_id(const struct spore_rpc_ask *a)
{
	return (uint32_t)(atomic_load_explicit(&a->tag, memory_order_relaxed) >> 8);
}

// From one state to another, if it is in that one.
static inline bool spore__ask_move(struct spore_rpc_ask *a, uint32_t id, enum spore__ask_state from,
                                   enum spore__ask_state to)
{
	uint64_t tag = spore__ask_tag(id, from);
	return atomic_compare_exchange_strong(&a->tag, &tag, spore__ask_tag(id, to));
}

// Its bytes are used while it is sent, which takes no time to speak of.
static inline void spore__ask_let_go(const struct spore_rpc_ask *a)
{
	while (spore__ask_state(a) == SPORE__ASK_SENDING)
		sched_yield();
}

static inline void spore__ask_set(struct spore_rpc_ask *a, enum spore__ask_state state)
{
	atomic_store_explicit(&a->tag, spore__ask_tag(spore__ask_id(a), state), memory_order_release);
}

static inline struct spore_rpc_ask *spore__ask_at(const struct spore_rpc *r, uint32_t index)
{
	return atomic_load_explicit(&r->asks[index / SPORE__RPC_CHUNK], memory_order_acquire) +
	       index % SPORE__RPC_CHUNK;
}

// ---- rpc_ask_slot.c

// SPORE_EBUSY: as many are in flight as may be. SPORE_ENOMEM. [any]
enum spore_err spore__ask_take(struct spore_rpc *r, struct spore_rpc_ask **a);
void spore__ask_free(struct spore_rpc_ask *a); // [any]

// ---- rpc_ask.c

void spore__ask_explain(struct spore_rpc_ask *a, enum spore_err e); // this end says what became of it

#endif
