#include "node/client.h"

#include <errno.h>
#include <stdio.h>

int spore__node_connect(bool start, int timeout_ms, struct spore__node_problem *problem)
{
	(void)start;
	(void)timeout_ms;
	snprintf(problem->why, sizeof problem->why, "no node is running");
	problem->remedy[0] = '\0';
	errno = ENOENT;
	return -1;
}

bool spore__node_optimise(const char *source)
{
	(void)source;
	return false;
}
