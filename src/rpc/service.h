// An rpc server on a libuv loop: a table of methods, and what strangers may cost. Everything runs on the loop's thread and
// nothing blocks; the process must ignore SIGPIPE. Allocation failure fails the one call, or the one connection when it
// cannot even be told.
#ifndef SPORE_RPC_SERVICE_H
#define SPORE_RPC_SERVICE_H

#include <stdbool.h>
#include <uv.h>

#include "rpc_message.h"

enum {
	SPORE__RPC_MAX_CONNECTIONS = 256, // the oldest that has not said hello makes room for another
	SPORE__RPC_MAX_IN_FLIGHT = 128,   // calls of a connection whose answer is not sent yet; then SPORE_EBUSY
	SPORE__RPC_MAX_UNSENT = 4 << 20,  // bytes of answers that a peer does not read; then it is cut off
};

struct spore__rpc_call;

// Answers CALL exactly once, now or later, with spore__rpc_call_done or spore__rpc_call_fail.
typedef void spore__rpc_handler(struct spore__rpc_call *call);

// A parameter or a member of a result, for `$/describe`.
struct spore__rpc_field {
	const char *name; // NULL ends the list
	const char *type; // "str", "int", "bool", "map", "array", "any"
	const char *help; // one sentence, no full stop
	bool optional;
};

struct spore__rpc_method {
	const char *name; // NULL ends the table
	spore__rpc_handler *handle;
	const char *help;                      // one sentence, no full stop
	const struct spore__rpc_field *params; // by position, or by name; may be NULL
	const struct spore__rpc_field *result; // members of the map that is returned; NULL: nil is returned
	const enum spore_err *errors;          // what it fails with, SPORE_OK ends; may be NULL
};

struct spore__rpc_connection;

struct spore__rpc_service {
	uv_loop_t *loop;
	const struct spore__rpc_method *methods;
	const char *program; // in words to peers, with the version
	const char *version;
	void *data;                                // the owner's
	uv_pipe_t *listener;                       // may be NULL
	struct spore__rpc_connection *connections; // connection.next
	unsigned connection_count;
};

// Every pointer is kept and must outlive S.
void spore__rpc_service_init(struct spore__rpc_service *s, uv_loop_t *loop, const struct spore__rpc_method *methods,
                             const char *program, const char *version, void *data);

// Takes connections on FD, a bound stream socket, instead of where it did before; connections stay. Takes FD in every case, also on failure (an error
// of libuv's). Peers of another user are turned away.
int spore__rpc_service_listen(struct spore__rpc_service *s, int fd);

// Takes a connected socket as if it had been accepted (tests, inherited sockets). Takes FD on success only.
int spore__rpc_service_add(struct spore__rpc_service *s, int fd);

// Closes the listener and every connection; run the loop until they are gone. Calls that are still unanswered stay valid
// until they are answered.
void spore__rpc_service_close(struct spore__rpc_service *s);

void *spore__rpc_call_data(const struct spore__rpc_call *call); // the service's
const struct spore__msgpack_reader *
spore__rpc_call_params(const struct spore__rpc_call *call); // until the handler returns
// The string V as a C string in OUT. False: it is none, has a NUL in it or does not fit.
bool spore__rpc_text(const struct spore__msgpack_value *v, char *out, size_t size);
// The string parameter at INDEX or called NAME as a C string in OUT. False, and the call is answered, when it is missing,
// no string, has a NUL in it or does not fit.
bool spore__rpc_call_string(struct spore__rpc_call *call, uint32_t index, const char *name, char *out, size_t size);

// Calls FN once when the caller goes away before CALL is answered, which then has to be done or failed all the same (it only frees CALL); FN
// may do that. Not after the answer.
void spore__rpc_call_watch(struct spore__rpc_call *call, void (*fn)(struct spore__rpc_call *call, void *arg),
                           void *arg);

// Write exactly one value, the result, then call done. A writer that failed becomes SPORE_ENOMEM by itself.
struct spore__msgpack_writer *spore__rpc_call_result(struct spore__rpc_call *call);
void spore__rpc_call_done(struct spore__rpc_call *call);                                           // frees CALL
void spore__rpc_call_fail(struct spore__rpc_call *call, enum spore_err code, const char *fmt, ...) // frees CALL
    __attribute__((format(printf, 3, 4)));

// The answer to `$/describe`: methods with parameters, results and errors. Private to src/rpc.
void spore__rpc_describe(const struct spore__rpc_service *s, struct spore__msgpack_writer *w);

#endif
