#include "look/other.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "chan/framing.h"
#include "chan/transport.h"
#include "look/path.h"
#include "node/wires_client.h"

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

char *spore__other_publisher(const struct spore__link *l)
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

char *spore__other_plain(const struct spore__link *l)
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
