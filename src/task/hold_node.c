// A node that vanished is started again by one of its holds: each waits for a time of its own, and the node's lock decides.
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/os.h"
#include "task/hold.h"

enum {
	FIRST_MIN_MS = 50,
	FIRST_MAX_MS = 1000,
	AGAIN_MS = 2000, // the node takes its time to find all holds
	AGAIN_MAX_MS = 60000,
};

static bool forbidden(void)
{
	const char *no = getenv("SPORE_NO_NODE");
	return no != NULL && no[0] != '\0' && strcmp(no, "0") != 0;
}

void spore__hold_node_lost(struct spore__hold *h)
{
	if (h->left || forbidden())
		return;
	h->node_wait = AGAIN_MS;
	spore__hold_timer(h, SPORE__TIMER_NODE,
	                  FIRST_MIN_MS + (int64_t)spore__hold_random(h, FIRST_MAX_MS - FIRST_MIN_MS));
}

void spore__hold_node_came(struct spore__hold *h)
{
	h->left = false;
	spore__hold_timer(h, SPORE__TIMER_NODE, -1);
}

bool spore__hold_beside(const char *name, char *out)
{
	const char *libexec = getenv("SPORE_LIBEXEC");
	if (libexec != NULL && libexec[0] == '/')
		return snprintf(out, PATH_MAX, "%s/%s", libexec, name) < PATH_MAX;
	char *self = spore__os_self();
	char *slash = self != NULL ? strrchr(self, '/') : NULL;
	bool found = slash != NULL && snprintf(out, PATH_MAX, "%.*s/%s", (int)(slash - self), self, name) < PATH_MAX;
	free(self);
	return found;
}

void spore__hold_node_start(struct spore__hold *h)
{
	char path[PATH_MAX];
	const char *const argv[] = {path, NULL};
	if (h->nodes > 0)
		return;
	// A node finds the hold by its folder.
	spore__hold_write_status(h);
	if (!spore__hold_beside("spore-node", path))
		spore__hold_complain(
		    h, "the node is gone, and spore-node cannot be found: set SPORE_LIBEXEC to its folder");
	else if (spore__tree_start_outside(argv, h->open_files) != 0)
		spore__hold_complain(h, "the node is gone, and %s cannot be started: %s", path, strerror(errno));
	spore__hold_timer(h, SPORE__TIMER_NODE, h->node_wait + spore__hold_random(h, (uint32_t)h->node_wait / 2 + 1));
	h->node_wait = h->node_wait * 2 < AGAIN_MAX_MS ? h->node_wait * 2 : AGAIN_MAX_MS;
}
