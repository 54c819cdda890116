#include "node/meet.h"

#include <errno.h>
#include <unistd.h>

#include "base/err.h"
#include "node/client.h"

enum {
	PATIENCE_MS = 10000,
	ATTEMPTS = 5,
};

// One attempt: connects and says hello. A node that was killed may still have taken the connection, and then it is closed.
static int meet_once(struct spore__rpc_client *c, bool start, bool *closed)
{
	struct spore__node_problem problem;
	int fd = spore__node_connect(start, PATIENCE_MS, &problem);
	if (fd < 0 && errno == ENOENT && !start)
		return -1;
	if (fd < 0) {
		spore__report(problem.remedy[0] != '\0' ? problem.remedy : NULL, "node: %s", problem.why);
		return SPORE__EXIT_SPORE;
	}
	spore__rpc_client_init(c, fd, PATIENCE_MS);
	enum spore_err err = spore__rpc_client_hello(c, "spore");
	*closed = err == SPORE_ECLOSED;
	if (err == SPORE_OK || *closed)
		return 0;
	spore__report(err == SPORE_EVERSION ? "end the node with kill, then start it again" : NULL, "node: %s", c->why);
	spore__node_part(c);
	return SPORE__EXIT_SPORE;
}

int spore__node_meet(struct spore__rpc_client *c, bool start)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		bool closed = false;
		int status = meet_once(c, start, &closed);
		if (status != 0 || !closed)
			return status;
		if (i + 1 < ATTEMPTS)
			spore__node_part(c);
	}
	spore__report("node.log in the state folder may say why", "node: %s", c->why);
	spore__node_part(c);
	return SPORE__EXIT_SPORE;
}

void spore__node_part(struct spore__rpc_client *c)
{
	close(c->fd);
	spore__rpc_client_finish(c);
}
