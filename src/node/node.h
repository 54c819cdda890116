// The node of one user and machine: what its parts share. Everything runs on the loop's thread.
#ifndef SPORE_NODE_NODE_H
#define SPORE_NODE_NODE_H

#include <uv.h>

#include "node/builds.h"
#include "node/db.h"
#include "node/pause.h"
#include "node/place.h"
#include "node/tasks.h"
#include "rpc/service.h"

struct spore__node {
	uv_loop_t loop;
	struct spore__place place;
	struct spore__db db;
	struct spore__builds builds;
	struct spore__tasks tasks;
	struct spore__rpc_service service;
	uv_fs_event_t *watch; // of the runtime folder; NULL: cannot be watched
	uv_signal_t terminate, interrupt, look, children;
	uv_timer_t later; // the socket, which vanished, is made again
	struct spore__pause binding;
	char unbound[sizeof((struct spore__node_problem *)0)->why]; // why it is not yet
	uint64_t open_files;                                        // the limit that it was started with
	uint64_t started;                                           // of uv_hrtime
};

// The methods of the node's service, whose data is the struct spore__node.
const struct spore__rpc_method *spore__node_methods(void);

// Ends the loop; what the caller was told before is still sent.
void spore__node_stop(struct spore__node *node);

#endif
