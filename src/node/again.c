// What could not be done at once, and is tried again: wires that wait for a hold to answer or to read, and those whose channel came to nothing.
#include <stdio.h>
#include <stdlib.h>

#include "node/hold.h"
#include "node/wires.h"

// ---- waiting for a hold

void spore__wire_is_free(struct spore__wire *wire)
{
	struct spore__hold *hold = wire->blocked;
	if (hold == NULL)
		return;
	struct spore__wire *before = NULL, *at = hold->blocked_first;
	while (at != wire) {
		before = at;
		at = at->next_blocked;
	}
	*(before != NULL ? &before->next_blocked : &hold->blocked_first) = wire->next_blocked;
	if (hold->blocked_last == wire)
		hold->blocked_last = before;
	wire->blocked = NULL;
}

void spore__wire_block(struct spore__wires *w, struct spore__wire *wire, struct spore__hold *hold)
{
	wire->blocked = hold;
	wire->next_blocked = NULL;
	*(hold->blocked_last != NULL ? &hold->blocked_last->next_blocked : &hold->blocked_first) = wire;
	hold->blocked_last = wire;
	w->crowded |= spore__hold_is_idle(hold);
}

void spore__wire_unblock(struct spore__wires *w, struct spore__hold *hold, size_t count)
{
	// Some may have no use for it any more, and then nothing is under way that would let the others go on.
	if (hold->unsaid == 0 && count < SPORE__HOLD_UNWIRED)
		count = SPORE__HOLD_UNWIRED;
	for (; count > 0 && hold->blocked_first != NULL; count--) {
		struct spore__wire *wire = hold->blocked_first;
		spore__wire_is_free(wire);
		spore__wire_is_dirty(w, wire);
	}
	w->crowded |= hold->blocked_first != NULL && hold->unsaid == 0;
}

// ---- once more

static void on_retry(uv_timer_t *timer)
{
	struct spore__tasks *t = timer->data;
	struct spore__wires *w = &t->wires;
	uint64_t now = uv_now(t->loop);
	w->retry_at = 0;
	for (struct spore__wire *wire = w->first; wire != NULL; wire = wire->next)
		if (wire->trouble[0] != '\0' && wire->retry_at <= now)
			spore__wire_is_dirty(w, wire);
		else if (wire->trouble[0] != '\0')
			spore__wires_retry_at(w, wire->retry_at);
	if (!w->crowded)
		return;
	w->crowded = false;
	// That the socket of one has room again is told by nobody.
	for (struct spore__hold *hold = t->holds; hold != NULL; hold = hold->next)
		if (hold->blocked_first != NULL && spore__hold_is_idle(hold))
			spore__wire_unblock(w, hold, SPORE__HOLD_UNWIRED);
}

void spore__wires_retry_at(struct spore__wires *w, uint64_t at_ms)
{
	uint64_t now = uv_now(w->retry.loop);
	if (w->retry_at != 0 && w->retry_at <= at_ms)
		return;
	w->retry_at = at_ms;
	(void)uv_timer_start(&w->retry, on_retry, at_ms > now ? at_ms - now : 1, 0);
}

void spore__wire_retry_at(struct spore__wire *wire, uint64_t at_ms)
{
	if (wire->retry_at == 0 || at_ms < wire->retry_at)
		wire->retry_at = at_ms;
}

uint64_t spore__wires_failed(struct spore__wires *w)
{
	uint64_t now = uv_now(w->retry.loop);
	if (!spore__pause_lasts(&w->failing, now))
		spore__pause_begin(&w->failing, now);
	return w->failing.until_ms;
}

// ---- a process between two ends

static struct spore__wire_pause *pause_of(const struct spore__wire *wire, const struct spore__port *p,
                                          const struct spore__port *q)
{
	for (size_t i = 0; i < wire->pause_count; i++)
		if (wire->pauses[i].replicas[0] == p->hold->name.replica &&
		    wire->pauses[i].replicas[1] == q->hold->name.replica)
			return &wire->pauses[i];
	return NULL;
}

static struct spore__wire_pause *make_pause(struct spore__wire *wire, const struct spore__port *p,
                                            const struct spore__port *q)
{
	struct spore__wire_pause *pause = pause_of(wire, p, q);
	if (pause != NULL)
		return pause;
	void *pauses = realloc(wire->pauses, (wire->pause_count + 1) * sizeof *wire->pauses);
	if (pauses == NULL)
		return NULL; // it is tried again at once
	wire->pauses = pauses;
	pause = &wire->pauses[wire->pause_count++];
	*pause = (struct spore__wire_pause){.replicas = {p->hold->name.replica, q->hold->name.replica}};
	return pause;
}

void spore__joint_failed(struct spore__tasks *t, const struct spore__joint *j, bool failed)
{
	enum { SHORT_MS = 1000 };
	uint64_t now = uv_now(t->loop);
	struct spore__wire *wire = j->wire;
	if (wire == NULL || j->ports[0] == NULL || j->ports[1] == NULL || (!failed && now - j->since_ms >= SHORT_MS))
		return;
	struct spore__wire_pause *pause = make_pause(wire, j->ports[0], j->ports[1]);
	if (pause == NULL)
		return;
	if (failed)
		spore__pause_begin(&pause->pause, now);
	else
		spore__pause_briefly(&pause->pause, now);
	(void)snprintf(pause->what, sizeof pause->what, "%s %s",
	               j->bridged                          ? "the bridge between them"
	               : spore__fault_relays(&wire->fault) ? "the process that makes its fault"
	                                                   : "the process between them",
	               failed ? "failed" : "ended at once");
	spore__wire_is_dirty(&t->wires, wire);
}

bool spore__wire_pauses(struct spore__tasks *t, struct spore__wire *wire, const struct spore__port *p,
                        const struct spore__port *q)
{
	const struct spore__wire_pause *pause = pause_of(wire, p, q);
	if (pause == NULL || !spore__pause_lasts(&pause->pause, uv_now(t->loop)))
		return false;
	spore__wire_retry_at(wire, pause->pause.until_ms);
	(void)snprintf(wire->trouble, sizeof wire->trouble, "%s; another one is started soon", pause->what);
	return true;
}

void spore__wire_end_pauses(struct spore__wire *wire)
{
	free(wire->pauses);
	wire->pauses = NULL;
	wire->pause_count = 0;
}
