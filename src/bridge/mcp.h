// What the Model Context Protocol adds to JSON-RPC, for its two transports: calls are given up by a notification, and how far they are is said with
// a token that the request came with.
//
//	notifications/cancelled {"requestId":ID,"reason":""}     the sender's own request; it is not answered any more
//	notifications/progress {"progressToken":T,"progress":1,"total":2,"message":""}     T of params._meta.progressToken
//	notifications/... {"_meta":{"io.modelcontextprotocol/subscriptionId":ID}}          ID of a request of subscriptions/listen: parts of its result here
#ifndef SPORE_BRIDGE_MCP_H
#define SPORE_BRIDGE_MCP_H

#include "bridge/codec.h"

struct spore__mcp;

struct spore__mcp_sink {
	void (*message)(void *owner, const struct spore__model *m);
	void (*refused)(void *owner, const void *bytes, size_t len, const char *why);
};

struct spore__mcp {
	struct spore__codec_end *inner; // of json-rpc, framed by u32le
	const struct spore__mcp_sink *sink;
	void *owner;
	struct spore__mcp_token *tokens;
	unsigned token_count;
	unsigned progress;         // said without a number of its own
	struct spore__span say_id; // where it is there, an answer is encoded with this id instead of that of the model
	struct spore__msgpack_writer value;
};

// SPORE_OK or with WHY. In any case: spore__mcp_finish.
enum spore_err spore__mcp_init(struct spore__mcp *m, enum spore__codec_role role,
                               const struct spore__codec_limits *limits, const struct spore__mcp_sink *sink,
                               void *owner, char *why, size_t size);
void spore__mcp_finish(struct spore__mcp *m);
// One message of text.
enum spore_err spore__mcp_feed(struct spore__mcp *m, const void *text, size_t len);
// As ops->encode; the text is then to be taken (spore__codec_take of m->inner).
enum spore_err spore__mcp_encode(struct spore__mcp *m, const struct spore__model *model);
// The call ID, which was made to the peer, is answered by an error of ours.
void spore__mcp_fail(struct spore__mcp *m, struct spore__span id, int64_t code, struct spore__span text,
                     struct spore__span data);
// A call that the peer was told to give up is not answered by it: says so to the sink instead. To be called now and then, not within encode.
void spore__mcp_tick(struct spore__mcp *m);

#endif
