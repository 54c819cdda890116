// The messages of MessagePack-RPC (https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md); bytes in, bytes out.
//
//   [0, id, method, params]      request; params is an array, or a map by name
//   [1, id, error, result]       response; error is nil or [code, message, data], code an enum spore_err
//   [2, method, params]          notification: is not answered
//
// The first request on a connection is `$/hello` [major, program]; it is answered with {major, version} or, when the
// other side speaks another major version, with SPORE_EVERSION in words and the end of the connection.
#ifndef SPORE_LIB_RPC_MESSAGE_H
#define SPORE_LIB_RPC_MESSAGE_H

#include <stdbool.h>

#include "msgpack.h"
#include "spore/spore.h"

enum {
	SPORE__RPC_MAJOR = 1,
	SPORE__RPC_MAX_MESSAGE = 1 << 20, // bytes
};

enum spore__rpc_kind {
	SPORE__RPC_REQUEST = 0,
	SPORE__RPC_RESPONSE = 1,
	SPORE__RPC_NOTIFICATION = 2,
};

// A parsed message; everything points into its bytes.
struct spore__rpc_message {
	enum spore__rpc_kind kind;
	uint32_t id; // not of a notification
	const char *method;
	uint32_t method_len;
	struct spore__msgpack_reader params; // stands before the array or map
	bool failed;                         // a response with an error
	struct spore__msgpack_reader error;
	struct spore__msgpack_reader result;
};

// BYTES is one message and nothing else. SPORE_EMALFORMED otherwise; the content of M is then undefined, but for a
// request whose id could be read: kind and id are set then, so that it can be answered; else kind is a notification.
enum spore_err spore__rpc_parse(const void *bytes, size_t len, struct spore__rpc_message *m);

// Begin a message; the caller writes the missing last part: params or result.
void spore__rpc_begin_request(struct spore__msgpack_writer *w, uint32_t id, const char *method);
void spore__rpc_begin_request_of(struct spore__msgpack_writer *w, uint32_t id, const char *method,
                                 size_t len); // bytes of METHOD
void spore__rpc_begin_notification(struct spore__msgpack_writer *w, const char *method);
void spore__rpc_begin_result(struct spore__msgpack_writer *w, uint32_t id);
// A whole response.
void spore__rpc_write_error(struct spore__msgpack_writer *w, uint32_t id, int64_t code, const char *message);
// Likewise; the caller writes the missing data, one value, then spore__rpc_end_error.
void spore__rpc_begin_error(struct spore__msgpack_writer *w, uint32_t id, int64_t code, const char *message,
                            uint32_t len);
void spore__rpc_end_error(struct spore__msgpack_writer *w);

// The parameter at INDEX of an array, or called NAME in a map. False when there is none; a nil is none.
bool spore__rpc_param(const struct spore__msgpack_reader *params, uint32_t index, const char *name,
                      struct spore__msgpack_value *value);

// Likewise, but puts a cursor before the value.
bool spore__rpc_param_at(const struct spore__msgpack_reader *params, uint32_t index, const char *name,
                         struct spore__msgpack_reader *at);

// The parts of an error: *CODE is SPORE_ESYSTEM and *TEXT empty where it is not as above; DATA (may be NULL) stands before one value, or is empty.
void spore__rpc_read_error(const struct spore__msgpack_reader *error, int64_t *code, const char **text, uint32_t *len,
                           struct spore__msgpack_reader *data);

#endif
