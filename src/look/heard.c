#include "look/heard.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "chan/chan.h"
#include "chan/pub.h"
#include "spore/chan.h"

struct spore__heard {
	struct spore_chan *chan;
	size_t limit;
	bool lent; // the message that was shown last
};

struct spore__heard *spore__heard_open(struct spore__link *l, size_t limit)
{
	struct spore__channel_end ours;
	if (!spore__link_offer(l, spore__publication_ops.name, &ours)) {
		if (l->id < 0)
			return NULL;
		spore__link_not_taken(l);
	}
	ours.last = false; // what was published before is not seen of any other channel either
	struct spore__heard *h = spore__xcalloc(1, sizeof *h);
	h->limit = limit;
	if (spore__chan_create(&ours, &h->chan) != SPORE_OK)
		spore__die(SPORE__EXIT_SPORE, NULL, "%s: the channel cannot be opened", l->what);
	return h;
}

void spore__heard_close(struct spore__heard *h)
{
	if (h == NULL)
		return;
	spore_chan_close(h->chan);
	free(h);
}

enum spore_err spore__heard_next(struct spore__heard *h, struct spore__spied *m)
{
	const void *data;
	size_t len;
	if (h->lent)
		spore_chan_release(h->chan);
	h->lent = false;
	enum spore_err e = spore_chan_read(h->chan, &data, &len, SPORE_NOW);
	if (e == SPORE_ECANCELLED)
		return SPORE_EAGAIN;
	if (e != SPORE_OK)
		return e;
	h->lent = true;
	*m = (struct spore__spied){.data = data, .len = len, .kept = len < h->limit ? len : h->limit};
	return SPORE_OK;
}

uint64_t spore__heard_missed(const struct spore__heard *h)
{
	struct spore_chan_stats stats;
	spore_chan_stats(h->chan, &stats);
	return stats.dropped;
}
