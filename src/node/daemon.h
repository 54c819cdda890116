// A process that outlives its starter and its terminal.
#ifndef SPORE_NODE_DAEMON_H
#define SPORE_NODE_DAEMON_H

#include "node/client.h"

enum spore__daemon_outcome {
	SPORE__DAEMON_READY = 'r',
	SPORE__DAEMON_HELD = 'h',   // there is a node already
	SPORE__DAEMON_FAILED = 'f', // PROBLEM says why
};

// Forks twice: returns in the daemon, in a session of its own, with the descriptor for spore__daemon_report in *REPORT.
// The caller's process waits for the report and then ends: status 0 when ready, SPORE__NODE_HELD when there is a node
// already, SPORE__NODE_DIED when there was none, 125 with the problem on standard error. *REPORT -1: could not fork, PROBLEM says why.
void spore__daemon_fork(int *report, struct spore__node_problem *problem);

// Tells the starter, once; closes REPORT (-1: does nothing).
void spore__daemon_report(int report, enum spore__daemon_outcome outcome, const struct spore__node_problem *problem);

#endif
