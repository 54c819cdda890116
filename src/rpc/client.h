// A blocking rpc client on a connected stream socket. libc only; one thread.
#ifndef SPORE_RPC_CLIENT_H
#define SPORE_RPC_CLIENT_H

#include "rpc_message.h"

struct spore__rpc_client {
	int fd; // the caller's; closed by the caller
	int timeout_ms;
	uint32_t next_id;
	unsigned char *in; // the message last read
	size_t in_len, in_cap;
	size_t in_used;              // bytes of the message that was handed out
	struct spore__rpc_message m; // the last response; valid until the next call
	char why[512];               // after a failure: what happened, a sentence
};

// FD stays the caller's. TIMEOUT_MS bounds each call. Nothing is sent yet.
void spore__rpc_client_init(struct spore__rpc_client *c, int fd, int timeout_ms);
void spore__rpc_client_finish(struct spore__rpc_client *c);

// Says hello as PROGRAM. SPORE_EVERSION, with the other side's words in c->why, when the versions do not match.
enum spore_err spore__rpc_client_hello(struct spore__rpc_client *c, const char *program);

// Calls METHOD; PARAMS is one encoded array or map (NULL: none). SPORE_OK: c->m.result stands before the result. Else the
// error that was answered, or SPORE_ETIMEOUT, SPORE_ECLOSED, SPORE_EMALFORMED, SPORE_ENOMEM, SPORE_ETOOBIG; c->why says it.
enum spore_err spore__rpc_client_call(struct spore__rpc_client *c, const char *method, const void *params, size_t len);

// The two halves of it, for several calls under way: at most SPORE__RPC_MAX_IN_FLIGHT, and not so many that neither side reads because
// both write. `receive` takes the next answer, in whatever order they come, as `call` does; *ID says whose it is.
enum spore_err spore__rpc_client_send(struct spore__rpc_client *c, const char *method, const void *params, size_t len,
                                      uint32_t *id);
enum spore_err spore__rpc_client_receive(struct spore__rpc_client *c, uint32_t *id);

// Waits until the other side closes the connection; what it still sends is thrown away.
enum spore_err spore__rpc_client_wait_closed(struct spore__rpc_client *c, int timeout_ms);

#endif
