// Finds, starts and asks the node. Needs libc only; single-threaded use; no function here ends the process, except that
// spore__node_connect reports unusable HOME and XDG variables as src/base/dirs.h does.
#ifndef SPORE_NODE_CLIENT_H
#define SPORE_NODE_CLIENT_H

#include <stdbool.h>

enum {
	SPORE__NODE_HELD = 3, // status of spore-node: there is a node already
	SPORE__NODE_DIED = 4, // the node ended, or was killed, before it could say how it is
};

// Why there is no node to talk to: `why` is a sentence for spore__report, `remedy` the line below it.
struct spore__node_problem {
	char why[512];
	char remedy[256]; // may be empty
};

// Asks the node to build the optimised artifact of the C file SOURCE (an absolute path) in the background. Starts the
// node when there is none, in a process of its own, so that the caller waits for neither. Prints nothing. False: the
// wish could not be handed over; true: it was, or a process is at it. SPORE_NO_NODE=1: a node is asked but never started.
bool spore__node_optimise(const char *source);

// A connected, blocking, close-on-exec socket of the node, for spore__rpc_client_init; the caller closes it. With START
// a missing node is started (unless SPORE_NO_NODE=1) and its readiness awaited. Blocks for at most TIMEOUT_MS.
// -1: no node, and PROBLEM says why; errno is ENOENT when simply none runs.
int spore__node_connect(bool start, int timeout_ms, struct spore__node_problem *problem);

#endif
