// Codecs: what a protocol's bytes mean, as messages of one model, and back. A bridge is two of them with their calls correlated (bridge.h), so
// N codecs make N x N translators. Sans I/O: bytes in, messages and bytes out; no descriptor, no clock, no process. Bytes are a stranger's: each
// length is compared with what remains, and each buffer is bounded by the limits of the end.
//
// A codec is one file: the table `spore__codec_NAME`, listed in registry.c, is all that leaves it.
#ifndef SPORE_BRIDGE_CODEC_H
#define SPORE_BRIDGE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "chan/framing.h"
#include "json.h"
#include "msgpack.h"
#include "spore/spore.h"

// ---- the model

enum spore__model_kind {
	SPORE__MODEL_REQUEST,      // id, method, value: parameters
	SPORE__MODEL_RESPONSE,     // id, value: the result
	SPORE__MODEL_ERROR,        // id, code, text, value: data, may be empty
	SPORE__MODEL_NOTIFICATION, // method, value: parameters
	SPORE__MODEL_CANCEL,       // id: the caller wants no answer any more; it is still answered once
	SPORE__MODEL_PROGRESS,     // id, value: how far the call is
	SPORE__MODEL_ITEM,         // id, value: a part of the result, before the response
	SPORE__MODEL_VALUE,        // value: of a protocol that has no calls (lines, jsonl, u32be ...)
	SPORE__MODEL_KINDS,
};

struct spore__span {
	const unsigned char *bytes; // NULL: none
	size_t len;
};

// Everything borrows; valid for the call it is handed to. Values are MessagePack, checked, whole and with nothing behind them.
struct spore__model {
	enum spore__model_kind kind;
	// Of a call that the peer of this end made (its request decoded; its answer, progress and items encoded; its cancel decoded): as the peer chose it, any
	// MessagePack value; what this end made up for a protocol without ids (an int). Of a call that is made to the peer (the request and its cancel encoded; the
	// answer, progress and items decoded): the bridge's own number, a MessagePack int in [0, 2^32). An answer decoded of a codec without ids has none:
	// it belongs to the oldest call.
	struct spore__span id;
	struct spore__span method; // UTF-8, without NUL
	struct spore__span value;  // never empty, but of an error
	int64_t code;              // of an error, in the numbers of JSON-RPC where below zero, else enum spore_err
	struct spore__span text;   // of an error, UTF-8
	int64_t remaining_ms;      // of a request: until its deadline; -1: none
	const char *session; // to which of the conversations over one listener it belongs; NULL: that of the connection
};

// ---- what is lost

// What encoding as this protocol changes, for `check`, `plan`, `wires`, `why` and the table of losses in the documents.
enum spore__loss {
	SPORE__LOSS_INT53 =
	    1
	    << 0, // (the first six as in json.h) integers beyond 2^53 lose digits in readers that have only doubles; they are written exactly
	SPORE__LOSS_BYTES = 1 << 1,      // bytes become a string of base64
	SPORE__LOSS_FLOAT = 1 << 2,      // infinities and NaN become null
	SPORE__LOSS_KEYS = 1 << 3,       // keys of a map that are no strings become strings
	SPORE__LOSS_EXT = 1 << 4,        // extension types become bytes
	SPORE__LOSS_UTF8 = 1 << 5,       // strings that are no UTF-8 become bytes
	SPORE__LOSS_ERROR_CODE = 1 << 6, // its code
	SPORE__LOSS_METHOD = 1 << 7,     // the name of the method: only the value goes over
	SPORE__LOSS_PROGRESS = 1 << 8,
	SPORE__LOSS_ITEMS = 1 << 9,     // parts are gathered into one array, sent as the result
	SPORE__LOSS_CANCEL = 1 << 10,   // the callee does not hear that the caller gave up
	SPORE__LOSS_DEADLINE = 1 << 11, // the callee does not hear it; the bridge still keeps it
	SPORE__LOSS_NOTIFICATION =
	    1 << 12,                      // notifications of a caller to its callee: dropped and counted, or made calls
	SPORE__LOSS_BACK_CALLS = 1 << 13, // a callee cannot call its caller
	SPORE__LOSS_TYPES = 1 << 14,      // numbers, booleans and nil become text
	SPORE__LOSS_ERROR_DATA = 1 << 15, // the data of an error
	SPORE__LOSS_EVENTS =
	    1 << 16, // notifications of a callee to its caller, unless a client asks for them in the protocol's own way

	// What values lose as JSON, whatever the protocol around them.
	SPORE__LOSS_AS_JSON = SPORE__LOSS_INT53 | SPORE__LOSS_BYTES | SPORE__LOSS_FLOAT | SPORE__LOSS_KEYS |
	                      SPORE__LOSS_EXT | SPORE__LOSS_UTF8,
};

// ---- a codec

// Whether the program at this end calls, or is called. A symmetric protocol (json-rpc, msgpack-rpc) does not look at it.
enum spore__codec_role {
	SPORE__CODEC_PEER_CALLS,  // it is a client: this end plays its server
	SPORE__CODEC_PEER_SERVES, // it is a server: this end plays its client
};

struct spore__codec_limits {
	size_t message;     // bytes of one message, decoded or not; 64 MiB unless told otherwise
	unsigned depth;     // arrays and maps in each other; 32 at most
	size_t head;        // bytes of heads (LSP, HTTP) before a body
	unsigned heads;     // lines of them
	unsigned in_flight; // calls of this peer that were not answered; then BUSY in its own protocol
};
extern const struct spore__codec_limits spore__codec_limits; // the defaults

struct spore__codec_end;

// Whom an end tells. The end must not be destroyed within.
struct spore__codec_sink {
	void (*message)(struct spore__codec_end *e, const struct spore__model *m);
	// BYTES could not be translated, for the reason WHY (a sentence without a full stop). The caller, if there is one to answer, has been answered in its
	// own protocol (into e->out). The stream goes on behind them.
	void (*refused)(struct spore__codec_end *e, const void *bytes, size_t len, const char *why);
	// Of a listener's protocol: the conversation SESSION is over.
	void (*session_over)(struct spore__codec_end *e, const char *session);
	// The out of E, a connection to a hub, has grown (or it is `over`) while another end was fed, encoded to or told the time. NULL where there are no hubs.
	void (*written)(struct spore__codec_end *e);
};

struct spore__codec_option {
	const char *name;     // NULL ends the list
	const char *help;     // one sentence, no full stop
	const char *fallback; // may be NULL: none
};

struct spore__codec_ops {
	const char *name;                          // as in a manifest: "json-rpc"
	const char *help;                          // one sentence, no full stop
	const struct spore__codec_option *options; // may be NULL
	unsigned losses;                           // of enum spore__loss
	bool calls;                                // it has requests and answers; else values only
	bool
	    ids; // answers may come in another order than the requests, since both carry an id; else the bridge keeps their order
	bool symmetric; // both sides may call
	bool text;      // what it carries is UTF-8 (a WebSocket's frames are then text)
	// All connections to one listener call the same program, or have conversations that outlive a connection (http, resp, mcp-http). The listener makes one
	// end without a connection, the hub, which is what the bridge knows, and for each connection one whose `hub` is set to it before it is fed. A connection is fed,
	// sent, told the time and destroyed as any end, before its hub; what it decodes is handed to the hub's sink as the hub's, and only the hub is encoded to: it
	// knows whose answer it is. An end without a hub is both in one (descriptors, and the role of a client).
	bool hub;
	// As the client of a server it calls over more than one connection: the end on the right is a hub as well, without a connection, and its owner makes those
	// that it wants (spore__codec_end.wants), each of which is told the time first. One that cannot be had is told the time and destroyed.
	// `end` of such a hub: nothing more will be asked of it; it is `over` when its server knows.
	bool connects;
	// The method that a conversation has to begin with, and what is notified when it was answered; NULL: any.
	const char *begins, *begun;
	size_t size; // of what init is given: a struct that begins with struct spore__codec_end
	// How its messages lie on a stream of bytes, if not by themselves; NULL: feed finds the ends itself (msgpack-rpc, http, resp). With a framing, feed gets
	// exactly one message without head and tail at a time, which may be empty. Either way all that is sent is between spore__codec_begin and _commit.
	const struct spore__framing *framing;

	// Zeroed but for the base, which is set. SPORE_ENOMEM, SPORE_EINVALID (an option; e->why says it).
	enum spore_err (*init)(struct spore__codec_end *e);
	void (*finish)(struct spore__codec_end *e); // may be NULL; also after a failed init
	// Takes LEN bytes as they came, of which it uses *USED; what it leaves is handed to it again with more behind. Calls the sink for each message; when
	// e->pause is set then, it should return before the next.
	// SPORE_OK; SPORE_EMALFORMED, SPORE_ETOOBIG, SPORE_ETOODEEP: the connection cannot go on (after e->out is written); SPORE_ENOMEM.
	enum spore_err (*feed)(struct spore__codec_end *e, const void *bytes, size_t len, size_t *used);
	// Of a protocol with a framing: what came is no message, for the reason WHY, and the stream cannot go on. Says so in its own words. May be NULL.
	void (*cut_off)(struct spore__codec_end *e, const char *why);
	// The peer says no more. May call the sink. NULL: nothing to do.
	enum spore_err (*end)(struct spore__codec_end *e);
	// Appends M to e->out. SPORE_EUNSUPPORTED: this protocol cannot say it (counted as lost); SPORE_EINVALID: not this message (e->why);
	// SPORE_ENOTFOUND: nobody asked (a late answer). Nothing is appended on an error.
	enum spore_err (*encode)(struct spore__codec_end *e, const struct spore__model *m);
	// Time went on: NOW_MS of any clock that only grows. Returns when it wants to be called again, INT64_MAX: never. To be called after init and after
	// each feed as well, which is how an end learns the time of what came. NULL: it has no times.
	int64_t (*tick)(struct spore__codec_end *e, int64_t now_ms);
};

// One connection, seen from the bridge. The base of every codec's state.
struct spore__codec_end {
	const struct spore__codec_ops *ops;
	const struct spore__codec_sink *sink;
	void *owner; // the sink's
	enum spore__codec_role role;
	const struct spore__codec_limits *limits;
	const char *const *options; // values, as ops->options lists them; NULL: the fallback
	struct spore__buf out;      // to be sent to the peer; the owner takes from its front
	bool over;                  // when out is sent the connection is to be closed
	bool pause;                 // set by the owner: no more messages now
	bool full; // set by the codec: no more is read until some of the calls, which are answered in order, are
	// How messages lie in what is fed and in `out`: ops->framing, or the owner's (spore__codec_frame).
	const struct spore__framing *framing;
	struct spore__framed framed;  // of the message that is awaited
	unsigned lost;                // of enum spore__loss: what encode has met so far
	struct spore__codec_end *hub; // of a connection to a listener whose codec has hubs; else NULL
	bool connects;                // set by the owner of a hub that calls: it makes the connections that it wants
	unsigned wants;               // so many more; the owner counts them down
	bool
	    local; // set by the listener: it is of this machine alone, so that other machines' names in Host and Origin are refused
	char why[256]; // after an error
};

// ---- registry

// NULL-terminated; the conformance suite runs over all of it.
extern const struct spore__codec_ops *const spore__codecs[];
// NULL: there is none of that name.
const struct spore__codec_ops *spore__codec_find(const char *name);

// An end for SPEC: a name, and options behind commas ("http,token=x,cors=*"). SPORE_EINVALID, SPORE_ENOTFOUND with WHY. *E: spore__codec_destroy.
enum spore_err spore__codec_create(const char *spec, enum spore__codec_role role,
                                   const struct spore__codec_limits *limits, const struct spore__codec_sink *sink,
                                   void *owner, struct spore__codec_end **e, char *why, size_t why_size);
void spore__codec_destroy(struct spore__codec_end *e);
// The value of the option NAME, or its fallback, which may be NULL.
const char *spore__codec_option(const struct spore__codec_end *e, const char *name);
// The bits of LOSSES in words, each a sentence without a full stop: the lowest bit's is taken out of *LOSSES. NULL: there are no more.
const char *spore__codec_loss_text(unsigned *losses);

// ---- an end on a stream, or elsewhere

// Framings beside those of chan/framing.h.
extern const struct spore__framing spore__framing_text;   // lines as of chan/framing.h, as long as a message may be
extern const struct spore__framing spore__framing_lsp;    // Content-Length and other heads, an empty line
extern const struct spore__framing spore__framing_varint; // the length, seven bits in each byte, the lowest first

// Messages of E are told apart by FRAMING. Where a transport does it (a channel, a WebSocket) feed each message by ops->feed, and take what is sent by
// spore__codec_take with spore__framing_u32le.
void spore__codec_frame(struct spore__codec_end *e, const struct spore__framing *framing);
// The first message in e->out of an end framed by spore__framing_u32le, or NULL; gone with spore__codec_taken.
const void *spore__codec_take(const struct spore__codec_end *e, size_t *len);
void spore__codec_taken(struct spore__codec_end *e, size_t len);

// As ops->feed, for bytes of a stream: finds the messages by the framing. Ends also when e->pause is set.
enum spore_err spore__codec_feed(struct spore__codec_end *e, const void *bytes, size_t len, size_t *used);
// The stream is at its end behind LEN bytes that were not used. SPORE_ECLOSED: it ends within a message.
enum spore_err spore__codec_feed_end(struct spore__codec_end *e, const void *bytes, size_t len);

// ---- for codecs

// What is added to e->out between them is one message; head and tail come by themselves. To drop it: spore__codec_abandon.
size_t spore__codec_begin(struct spore__codec_end *e);
void spore__codec_commit(struct spore__codec_end *e, size_t begun);
void spore__codec_abandon(struct spore__codec_end *e, size_t begun);
// A writer of MessagePack behind e->out, to be given back at once: SPORE_ENOMEM, and nothing is added.
struct spore__msgpack_writer spore__codec_writer(struct spore__codec_end *e);
enum spore_err spore__codec_written(struct spore__codec_end *e, struct spore__msgpack_writer *w);
// Adds VALUE to e->out as JSON, and to e->lost what is lost. SPORE_EINVALID with e->why: it cannot be said.
enum spore_err spore__codec_put_json(struct spore__codec_end *e, struct spore__span value);
// Adds TEXT as a string of JSON.
void spore__codec_put_text(struct spore__codec_end *e, struct spore__span text);
// Appends to W what the JSON text is. SPORE_EMALFORMED, SPORE_ETOODEEP with e->why, which names the place.
enum spore_err spore__codec_get_json(struct spore__codec_end *e, const void *text, size_t len,
                                     struct spore__msgpack_writer *w);
// e->why, and returns ERR.
enum spore_err spore__codec_fail(struct spore__codec_end *e, enum spore_err err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// Passes over the value that R stands before, which is checked already.
struct spore__span spore__codec_value(struct spore__msgpack_reader *r);

#endif
