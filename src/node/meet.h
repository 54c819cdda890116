// A connection to the node that has said hello. For the tools: reports what is wrong as base/err.h does.
#ifndef SPORE_NODE_MEET_H
#define SPORE_NODE_MEET_H

#include <stdbool.h>

#include "rpc/client.h"

// 0: C is ready for calls, to be ended with spore__node_part. -1: no node runs (only without START, which starts one). Else the exit
// status, after a report. Blocks for some seconds at most.
int spore__node_meet(struct spore__rpc_client *c, bool start);
void spore__node_part(struct spore__rpc_client *c);

#endif
