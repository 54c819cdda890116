// What the files of the service share. Private to src/rpc.
#ifndef SPORE_RPC_CONNECTION_H
#define SPORE_RPC_CONNECTION_H

#include "rpc/service.h"

struct spore__rpc_connection {
	uv_pipe_t pipe; // first: handles are cast back
	struct spore__rpc_service *service;
	struct spore__rpc_connection *previous, *next;
	struct spore__rpc_call *calls; // call.next; not answered yet
	unsigned in_flight;
	bool greeted;
	bool deaf;   // the peer reads no more; what it sent is still taken
	bool ending; // reads no more, closes when the last answer is sent
	uint8_t *in;
	size_t in_len, in_cap;
	struct spore__msgpack_scan scan;
};

struct spore__rpc_call {
	struct spore__rpc_connection *connection; // NULL: gone
	struct spore__rpc_call *previous, *next;
	struct spore__rpc_service *service;
	void (*gone)(struct spore__rpc_call *call, void *arg); // may be NULL
	void *gone_arg;
	bool notification;
	uint32_t id;
	struct spore__msgpack_reader params;
	struct spore__msgpack_writer answer;
};

// Sends what W holds and empties it; what does not go out at once is queued. A peer that reads too little is cut off, after
// which C may not be used any more once the loop runs. OF_CALL: the call counts as in flight until its answer is sent.
void spore__rpc_send(struct spore__rpc_connection *c, struct spore__msgpack_writer *w, bool of_call);
// An error as the answer to request ID, with "out of memory" in place of TEXT when there is none.
void spore__rpc_send_error(struct spore__rpc_connection *c, uint32_t id, enum spore_err code, const char *text,
                           bool of_call);

// A call of message M, in flight. NULL: no memory. Ends with spore__rpc_call_done or spore__rpc_call_fail.
struct spore__rpc_call *spore__rpc_call_begin(struct spore__rpc_connection *c, const struct spore__rpc_message *m);

#endif
