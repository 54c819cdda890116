// What ends calls of the peer before they are answered: it cancels them, is gone, or their time is over.
#include <stdlib.h>

#include "chan/bell.h"
#include "rpc_inside.h"

static struct spore_rpc_call *find(const struct spore_rpc *r, uint32_t id)
{
	enum { FEW = 4096 };
	struct spore_rpc_call *c = r->by_id[id & r->by_id_mask];
	int state = c != NULL ? atomic_load(&c->state) : SPORE__CALL_FREE;
	if (c != NULL && c->id == id && !c->notice && state != SPORE__CALL_FREE)
		return c;
	uint32_t used = atomic_load_explicit(&r->used_calls, memory_order_relaxed);
	for (uint32_t i = 0; i < used && used <= FEW; i++) { // a peer with ids of another kind
		c = spore__rpc_call_at(r, i);
		if (c->id == id && !c->notice && atomic_load(&c->state) != SPORE__CALL_FREE)
			return c;
	}
	return NULL;
}

// In the thread that reads.
static void tell_cancelled(struct spore_rpc_call *c)
{
	int open = SPORE__CALL_OPEN;
	atomic_store(&c->cancelled, true);
	if (!atomic_compare_exchange_strong(&c->state, &open, SPORE__CALL_TELLING))
		return;
	void (*fn)(struct spore_rpc_call * call, void *arg) = atomic_load(&c->on_cancel);
	if (fn != NULL && !atomic_exchange(&c->told, true))
		fn(c, c->on_cancel_arg);
	open = SPORE__CALL_TELLING; // if FN did not answer it
	(void)atomic_compare_exchange_strong(&c->state, &open, SPORE__CALL_OPEN);
}

void spore__rpc_cancelled_by_peer(struct spore_rpc *r, uint32_t id)
{
	struct spore_rpc_call *c = find(r, id);
	if (c != NULL)
		tell_cancelled(c);
}

void spore__rpc_deadline_by_peer(struct spore_rpc *r, uint32_t id, int64_t ms)
{
	static const int64_t year_ms = (int64_t)1000 * 60 * 60 * 24 * 365;
	if (ms < 0)
		return;
	r->due_id = id;
	r->due_at = spore__bell_now() + (ms < year_ms ? ms : year_ms) * 1000000;
}

void spore__rpc_calls_end(struct spore_rpc *r, uint64_t number)
{
	uint32_t used = atomic_load(&r->used_calls);
	for (uint32_t i = 0; i < used; i++) {
		struct spore_rpc_call *c = spore__rpc_call_at(r, i);
		if (atomic_load(&c->state) != SPORE__CALL_FREE && c->number <= number)
			tell_cancelled(c);
	}
}

int64_t spore__rpc_calls_expire(struct spore_rpc *r, int64_t now)
{
	int64_t next = SPORE__RPC_NEVER;
	uint32_t used = atomic_load(&r->used_calls);
	for (uint32_t i = 0; i < used; i++) {
		struct spore_rpc_call *c = spore__rpc_call_at(r, i);
		int64_t deadline = atomic_load(&c->deadline);
		if (atomic_load(&c->state) == SPORE__CALL_FREE || atomic_load(&c->cancelled))
			continue;
		if (deadline <= now)
			tell_cancelled(c);
		else if (deadline < next)
			next = deadline;
	}
	return next;
}

bool spore_rpc_cancelled(const struct spore_rpc_call *call)
{
	return atomic_load_explicit(&call->cancelled, memory_order_relaxed) || spore_rpc_remaining(call) == 0;
}

void spore_rpc_on_cancel(struct spore_rpc_call *call, void (*fn)(struct spore_rpc_call *call, void *arg), void *arg)
{
	call->on_cancel_arg = arg;
	atomic_store(&call->on_cancel, fn);
	if (atomic_load(&call->cancelled) && !atomic_exchange(&call->told, true))
		fn(call, arg);
}
