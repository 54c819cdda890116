// What the next hold has of a stdin or stdout that can be tapped.
#include <stdio.h>
#include <string.h>

#include "task/hold_pumped.h"

enum { IN = SPORE__WINDOW_IN, OUT = SPORE__WINDOW_OUT };

// As of a stdin without a pump (hold_wired.c); one that was unwired can be wired again.
void spore__hold_pumped_stay(struct spore__hold *h)
{
	for (size_t i = 0; i < h->pumped_count; i++) {
		struct spore__hold_pumped *p = &h->pumped[i];
		bool open = p->ours[IN] >= 0 && p->channel[IN] < 0;
		p->stays = p->serial != 0 || p->unwired || open || h->spec.restart == SPORE__RESTART_ALWAYS;
	}
}

// As it is now, with its descriptors.
static void leave(const struct spore__hold_pumped *p, struct spore__hold_end *e)
{
	const int fds[SPORE__HOLD_END_FDS] = {p->channel[IN], p->channel[OUT], p->theirs[IN],
	                                      p->theirs[OUT], p->ours[IN],     p->ours[OUT]};
	*e = (struct spore__hold_end){.peer = "",
	                              .serial = p->serial,
	                              .used = (unsigned)p->used[IN] | (unsigned)p->used[OUT] << 1,
	                              .pump = true,
	                              .closed = p->id == 0,
	                              .ended = p->ended,
	                              .unwired = p->unwired};
	(void)snprintf(e->port, sizeof e->port, "%s", spore__pumped_port(p));
	for (unsigned k = 0; k < SPORE__HOLD_END_FDS; k++) {
		e->fds[k] = fds[k];
		e->has |= fds[k] >= 0 ? 1U << k : 0;
	}
}

size_t spore__hold_pumped_leave(struct spore__hold *h, struct spore__hold_end *ends)
{
	size_t count = 0;
	for (size_t i = 0; i < h->pumped_count; i++) {
		struct spore__hold_pumped *p = &h->pumped[i];
		if (!p->stays)
			continue;
		if (p->serial >= SPORE__HOLD_JOINED)
			spore__pumped_unwire(h, p, p->serial); // that goes with this hold
		for (int way = IN; way <= OUT; way++)
			spore__hold_pump_kill(&p->pumps[way]);
		leave(p, &ends[count]);
		count += ends[count].has != 0;
	}
	return count;
}

bool spore__hold_pumped_inherit(struct spore__hold *h, const struct spore__hold_end *e)
{
	for (size_t i = 0; i < h->pumped_count; i++) {
		struct spore__hold_pumped *p = &h->pumped[i];
		if (strcmp(spore__pumped_port(p), e->port) != 0)
			continue;
		for (int way = IN; way <= OUT; way++) {
			p->channel[way] = e->fds[way];
			p->theirs[way] = e->fds[2 + way];
			p->ours[way] = e->fds[4 + way];
			p->used[way] = (e->used & 1U << way) != 0;
		}
		p->id = e->closed ? 0 : p->id;
		p->serial = e->serial;
		p->ended = e->ended;
		p->unwired = e->unwired;
		for (int way = IN; way <= OUT; way++)
			spore__pumped_start(h, p, way);
		if (p->ended)
			spore__hold_timer(h, SPORE__TIMER_PUMPED, SPORE__PUMPED_UNANSWERED_MS);
		return true;
	}
	return false;
}
