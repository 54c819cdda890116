#include "bridge/calls.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void put_free(struct spore__bridge_calls *c, uint16_t slot)
{
	if (c->free++ > 0)
		c->slots[c->last].next = slot;
	else
		c->first = slot;
	c->last = slot;
}

static bool take_slot(struct spore__bridge_calls *c, uint16_t *slot)
{
	// The longest free, so that a late answer meets no other call.
	if (c->free > 64 || (c->free > 0 && c->count == SPORE__BRIDGE_CALLS)) {
		*slot = c->first;
		c->first = c->slots[*slot].next;
		c->free--;
		return true;
	}
	if (c->count == SPORE__BRIDGE_CALLS)
		return false;
	if (c->count == c->cap) {
		c->cap = c->cap == 0 ? 64 : c->cap * 2;
		c->slots = spore__xrealloc(c->slots, c->cap * sizeof *c->slots);
	}
	*slot = (uint16_t)c->count++;
	c->slots[*slot] = (struct spore__bridge_slot){.used = c->first_use};
	return true;
}

struct spore__bridge_call *spore__bridge_call_create(struct spore__bridge_calls *c, struct spore__span id)
{
	uint16_t slot;
	if (!take_slot(c, &slot))
		return NULL;
	struct spore__bridge_call *call = spore__xcalloc(1, sizeof *call + id.len);
	call->number = (uint32_t)c->slots[slot].used++ << 16 | slot;
	if ((uint16_t)(c->slots[slot].used - c->first_use) > (uint16_t)(c->most - c->first_use))
		c->most = c->slots[slot].used;
	call->token = -1;
	call->due = INT64_MAX;
	call->id_len = id.len;
	if (id.len > 0)
		memcpy(call->id, id.bytes, id.len);
	c->slots[slot].call = call;
	return call;
}

struct spore__bridge_call *spore__bridge_call_find(const struct spore__bridge_calls *c, uint32_t number)
{
	uint16_t slot = (uint16_t)number;
	struct spore__bridge_call *call = slot < c->count ? c->slots[slot].call : NULL;
	return call != NULL && call->number == number ? call : NULL;
}

void spore__bridge_call_join(struct spore__bridge_call *call, struct spore__bridge_end *caller,
                             struct spore__bridge_end *callee)
{
	call->caller = caller;
	call->by_at = caller->by_last;
	*caller->by_last = call;
	caller->by_last = &call->by_next;
	caller->unanswered++;
	call->callee = callee;
	call->to_at = callee->to_last;
	*callee->to_last = call;
	callee->to_last = &call->to_next;
	callee->awaited++;
}

void spore__bridge_call_forget_caller(struct spore__bridge_call *call)
{
	struct spore__bridge_end *caller = call->caller;
	if (caller == NULL)
		return;
	*call->by_at = call->by_next;
	if (call->by_next != NULL)
		call->by_next->by_at = call->by_at;
	else
		caller->by_last = call->by_at;
	caller->unanswered--;
	call->caller = NULL;
}

void spore__bridge_call_forget_callee(struct spore__bridge_call *call)
{
	struct spore__bridge_end *callee = call->callee;
	if (callee == NULL)
		return;
	*call->to_at = call->to_next;
	if (call->to_next != NULL)
		call->to_next->to_at = call->to_at;
	else
		callee->to_last = call->to_at;
	callee->awaited--;
	call->callee = NULL;
}

void spore__bridge_call_destroy(struct spore__bridge_calls *c, struct spore__bridge_call *call)
{
	spore__bridge_call_forget_caller(call);
	spore__bridge_call_forget_callee(call);
	uint16_t slot = (uint16_t)call->number;
	c->slots[slot].call = NULL;
	put_free(c, slot);
	spore__buf_finish(&call->items);
	free(call->session);
	free(call->answer_bytes);
	free(call);
}

struct spore__bridge_call *spore__bridge_call_by(const struct spore__bridge_end *end, struct spore__span id)
{
	struct spore__bridge_call *call = end->by;
	while (call != NULL &&
	       (call->abandoned || call->done || call->id_len != id.len || memcmp(call->id, id.bytes, id.len) != 0))
		call = call->by_next;
	return call;
}

void spore__bridge_call_keep(struct spore__bridge_call *call, const struct spore__model *m)
{
	unsigned char *to = spore__xmalloc(m->value.len + m->text.len + 1);
	call->answer = *m;
	call->answer_bytes = to;
	if (m->value.len > 0)
		memcpy(to, m->value.bytes, m->value.len);
	if (m->text.len > 0)
		memcpy(to + m->value.len, m->text.bytes, m->text.len);
	call->answer.value.bytes = m->value.len > 0 ? to : NULL;
	call->answer.text.bytes = to + m->value.len;
	call->answer.session = NULL;
	call->done = true;
}
