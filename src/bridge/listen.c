// What listens for others: with `spore bridge --listen`, and as a task that is one end of a wire.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "bridge/host.h"
#include "bridge/line.h"
#include "chan/chan.h"
#include "spore/spore.h"

void spore__host_listen(struct spore__host *h, const struct spore__host_options *o)
{
	char why[256];
	char name[32];
	(void)snprintf(name, sizeof name, "%.*s", (int)(strcspn(o->to, ",") % sizeof name), o->to);
	const struct spore__codec_ops *ops = spore__codec_find(name);
	h->listener = spore__address_listen(o->listen, &h->local, why, sizeof why);
	if (h->listener < 0)
		spore__die(SPORE__EXIT_SPORE,
		           errno == EADDRINUSE ? "another program has it: choose another address" : NULL,
		           "bridge: --listen %s: %s", o->listen, why);
	(void)spore__line_nonblock(h->listener);
	if (ops != NULL && ops->hub)
		h->hub = spore__host_end(h, h->bridge, SPORE__BRIDGE_LEFT, o->to);
	else // so that what is wrong with it is said now
		spore__bridge_remove(spore__host_end(h, h->bridge, SPORE__BRIDGE_LEFT, o->to), "");
}

// Until somebody is at the other end. False: nobody will be.
static bool await_wired(struct spore_chan *c)
{
	for (;;) {
		struct spore_chan_stats stats;
		struct pollfd polls[SPORE__CHAN_POLLS];
		(void)spore__chan_arm(c); // hears what the hold says
		spore_chan_stats(c, &stats);
		if (stats.transport[0] != '\0' || stats.state == SPORE_CHAN_GONE)
			return stats.transport[0] != '\0';
		(void)poll(polls, spore__chan_polls(c, false, polls), -1);
	}
}

int spore__bridge_listen(const char *address, const char *port)
{
	static const char variable[] = "SPORE_LISTEN_AS";
	const struct spore_chan_options how = {.protocol = "rpc", .stateless = true};
	const char *found = getenv(variable);
	struct spore_chan *chan;
	struct spore__host h;
	if (found == NULL)
		spore__die(SPORE__EXIT_USAGE, NULL, "listen: %s does not say in which protocol", variable);
	char *as = spore__xstrdup(found);
	(void)unsetenv(variable);
	const struct spore__host_options o = {.from = "rpc",
	                                      .to = as,
	                                      .listen = address,
	                                      .clients = 256,
	                                      .first_ms = 30000,
	                                      .part_ms = 30000,
	                                      .limits = spore__codec_limits};
	enum spore_err e = spore_chan_open(port, &how, &chan);
	if (e != SPORE_OK)
		spore__die(SPORE__EXIT_SPORE,
		           "it is a task of a manifest: wires: [\"listen ADDRESS (PROTOCOL) <> A.PORT\"]",
		           "listen: the port %s cannot be opened: %s", port, spore_err_text(e));
	int status = SPORE__EXIT_FAILED;
	if (await_wired(chan)) {
		spore__host_init(&h, &o);
		spore__host_listen(&h, &o);
		(void)spore__host_add(&h, spore__host_end(&h, h.bridge, SPORE__BRIDGE_RIGHT, o.from), -1, -1, chan);
		spore_ready();
		spore__bridge_confine();
		status = spore__host_run(&h);
	} else {
		spore_chan_close(chan);
	}
	free(as);
	return status;
}
