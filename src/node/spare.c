#include "node/spare.h"

#include <string.h>

// Those of a system that comes up are made one after the other, so only after a pause there is time.
enum { PAUSE_MS = 2 };
static const char transport_kept[] = "ring";

static void prepare(uv_timer_t *timer)
{
	struct spore__spare *s = timer->data;
	s->there = s->there || spore__channel_make(transport_kept, NULL, s->ends) == SPORE_OK;
}

int spore__spare_init(struct spore__spare *s, uv_loop_t *loop)
{
	int err = uv_timer_init(loop, &s->timer);
	s->timer.data = s;
	return err;
}

enum spore_err spore__spare_take(struct spore__spare *s, const char *transport, struct spore__channel_end ends[2])
{
	if (strcmp(transport, transport_kept) != 0)
		return spore__channel_make(transport, NULL, ends);
	// Nodes that wire nothing keep nothing.
	(void)uv_timer_start(&s->timer, prepare, PAUSE_MS, 0);
	if (!s->there)
		return spore__channel_make(transport, NULL, ends);
	memcpy(ends, s->ends, sizeof s->ends);
	s->there = false;
	return SPORE_OK;
}
