#include "look/heard.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "chan/chan.h"
#include "chan/framing.h"
#include "chan/pub.h"
#include "look/path.h"
#include "node/wires_client.h"
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

static void list_wires(const struct spore__link *l, const char *why, struct spore__wire_list *list)
{
	struct spore__tasks t;
	if (spore__tasks_open(&t, l->what, false) != 0)
		spore__die(SPORE__EXIT_SPORE, "'spore node start' starts one",
		           "%s: no node runs, which knows what %s.%s %s", l->what, l->held.name, l->port, why);
	enum spore_err e = spore__wires_list(&t, list);
	if (e != SPORE_OK)
		exit(spore__tasks_failed(&t, e));
	spore__tasks_close(&t);
}

char *spore__heard_publisher(const struct spore__link *l)
{
	struct spore__wire_list list = {0};
	char *port = spore__xasprintf("%s.%s", l->held.name, l->port), *found = NULL;
	list_wires(l, "subscribes to", &list);
	for (size_t i = 0; i < list.count && found == NULL; i++)
		if (spore__path_is_at(list.items[i].to, port))
			found = spore__xstrdup(list.items[i].from);
	spore__wire_list_finish(&list);
	if (found == NULL)
		spore__die(SPORE__EXIT_FAILED, "'spore wire PUBLISHER.PORT' to it, or 'spore send' publishes to it",
		           "%s: %s subscribes, and is wired to nothing", l->what, port);
	free(port);
	return found;
}

static bool is_plain(const struct spore__wire_info *w)
{
	const struct spore__transport_ops *ops = spore__transport_find(w->transport, strlen(w->transport));
	return ops != NULL && ops->framing != NULL && ops->framing->plain;
}

char *spore__heard_plain_peer(const struct spore__link *l)
{
	struct spore__wire_list list = {0};
	char *port = spore__xasprintf("%s.%s", l->held.name, l->port), *found = NULL;
	list_wires(l, "is wired to", &list);
	for (size_t i = 0; i < list.count && found == NULL; i++) {
		const struct spore__wire_info *w = &list.items[i];
		if (is_plain(w) && spore__path_is_at(w->to, port))
			found = spore__xstrdup(w->from);
		else if (is_plain(w) && spore__path_is_at(w->from, port))
			found = spore__xstrdup(w->to);
	}
	spore__wire_list_finish(&list);
	free(port);
	return found;
}
