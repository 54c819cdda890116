// The codec resp: what a connection knows. Private to resp.c and resp_local.c.
#ifndef SPORE_BRIDGE_RESP_CODEC_H
#define SPORE_BRIDGE_RESP_CODEC_H

#include "bridge/numbers.h"
#include "bridge/resp.h"

// A command that is not answered, or whose answer waits for those before it. Of a client: a command that was sent.
struct spore__resp_command {
	struct spore__resp_command *next;
	struct spore__resp *connection;
	uint32_t id;
	bool called; // the bridge knows it, under `id`
	bool done;   // `reply` is all of it
	struct spore__buf reply;
	struct spore__span peer_id; // of a client: the bridge's own id; NULL: its reply is not wanted. Owned
};

struct spore__resp {
	struct spore__codec_end base;
	struct spore__numbers calls;     // of a hub
	struct spore__resp *connections; // of a hub: connection.next
	struct spore__resp *next;
	struct spore__resp **link; // what points to this connection
	struct spore__resp_command *first, **last;
	uint32_t in_flight;
	uint32_t waiting; // commands whose reply was not sent
	bool resp3;
	bool known; // gave the password
	bool json;  // arguments that are JSON are its values
	struct spore__resp_scan scan;
	struct spore__msgpack_writer value;
	struct spore__strs subscribed;
};

// Arguments of a command.
struct spore__resp_args {
	const char *at;
	uint32_t left;
};

bool spore__resp_next(struct spore__resp_args *a, struct spore__span *arg); // false: there are no more
// -KIND TEXT
void spore__resp_error(struct spore__buf *out, const char *kind, const void *text, size_t len);
void spore__resp_error_str(struct spore__buf *out, const char *kind, const char *text);

// A command that the codec answers itself: what a client says of its connection.
struct spore__resp_local {
	const char *name;
	void (*answer)(struct spore__resp *r, struct spore__resp_args *a, struct spore__buf *out);
	bool open; // also to who has not given the password
};
const struct spore__resp_local *spore__resp_local_of(const struct spore__span *name); // NULL: it is none

#endif
