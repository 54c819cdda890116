// How a way that sends leaves a channel whose peer goes on over the next one: what was sent over it is finished, so that the peer knows where it ends,
// and nothing of it is lost or taken back. The peer receives it to that end before it receives anything of the next.
#include "chan/inside.h"

static bool is_gone(const struct spore__transport *t)
{
	return t->ops->gone != NULL && t->ops->gone(t);
}

static bool part(struct spore_chan *c)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	struct spore__transport *t = w->use->t;
	enum spore_err e = w->finishes ? SPORE_OK : t->ops->finish(t);
	if (e == SPORE_EBUSY) // from here on it is all in memory of the transport's
		e = t->ops->keep(t, SPORE__SEND, NULL);
	if (e == SPORE_ECLOSED && w->finished && !is_gone(t))
		e = SPORE_OK; // by the program itself
	w->finishes = e == SPORE_OK;
	if (e == SPORE_OK)
		e = t->ops->flush(t);
	if (e == SPORE_EBUSY || e == SPORE_EAGAIN || e == SPORE_ENOMEM)
		return true;
	w->part = e == SPORE_OK && !is_gone(t) ? SPORE__PART_DONE : SPORE__PART_GONE;
	w->finishes = false;
	// What the program has finished is finished for the same peer over the next one, too.
	w->refinish = w->refinish || (w->finished && w->part == SPORE__PART_DONE);
	spore__way_update(c, SPORE__SEND);
	return false;
}

bool spore__sending_part(struct spore_chan *c)
{
	bool waits = false;
	while (c->ways[SPORE__SEND].part == SPORE__PART_WAITS && !waits)
		waits = part(c);
	return waits;
}
