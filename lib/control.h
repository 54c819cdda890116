// The control protocol between a program and its hold (docs/control-protocol.md): bytes in, messages out, and the reverse. No
// descriptor, no clock. Serves both sides. A frame is a length (4 bytes, the lowest first) and one MessagePack array:
//
//	["hello", major, [feature...], {key: value}]       both ways, first; what the hold says holds the configuration
//	["refuse", code, text]                             both ways; the last message of the one that sends it
//	["log", level, time, text, {field: value}]         program to hold; time is nanoseconds since 1970
//	["lost", count]                                    program to hold; log records dropped since the one before
//	["listens"]                                        program to hold; from now on it takes stop
//	["ready"]                                          program to hold
//	["status", text]                                   program to hold
//	["stopping"]                                       program to hold
//	["stop", grace, swap]                              hold to program; milliseconds until it is ended, 0: not known. swap (may be
//	                                                   missing): another instance takes over
//	["open", port, kind, shape, {key: value}]          program to hold; the map has strings and booleans
//	["close", port]                                    program to hold
//	["broken", port, peer, transport]                  program to hold; what came from that peer broke the rules of the transport; or "slow" in
//	                                                   its place: it was cut off from what the port publishes
//	["memory", port, serial]                           program to hold, with a descriptor: what is published to this subscription
//	["channel", port, serial, transport, role, count, {key: value}]
//	                                                   hold to program; COUNT descriptors come with it
//	["unwired", port, serial]                          hold to program
//	["swap", port, serial, on]                         hold to program; its peer is about to be swapped, or not any more
//	["alone"]                                          hold to program; the instance in whose place it was started is gone
//	["closed", port, code, text]                       hold to program; the answer to close, or open is refused
//
// Messages of other names and items after the known ones are passed over, so that either side may be older.
#ifndef SPORE_LIB_CONTROL_H
#define SPORE_LIB_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msgpack.h"
#include "spore/spore.h"

enum {
	SPORE__CONTROL_MAJOR = 1,
	SPORE__CONTROL_HEAD = 4,                         // the length
	SPORE__CONTROL_FRAME = 64 * 1024,                // a frame at most, length included
	SPORE__CONTROL_FIELDS = 64,                      // fields of a log record at most
	SPORE__CONTROL_RECORD = 60 * 1024,               // bytes of a record's text and fields; what is more is cut off
	SPORE__CONTROL_TEXT = SPORE__CONTROL_RECORD / 2, // bytes of a text
	SPORE__CONTROL_NAME = 255,                       // bytes of a port's name, and of the words with it
	SPORE__CONTROL_DESCRIPTORS = 8,                  // with one message at most
};

enum spore__control_type {
	SPORE__CONTROL_UNKNOWN, // a well-formed message of a name that this version does not know: pass over it
	SPORE__CONTROL_HELLO,
	SPORE__CONTROL_REFUSE,
	SPORE__CONTROL_LOG,
	SPORE__CONTROL_LOST,
	SPORE__CONTROL_LISTENS,
	SPORE__CONTROL_READY,
	SPORE__CONTROL_STATUS,
	SPORE__CONTROL_STOPPING,
	SPORE__CONTROL_STOP,
	SPORE__CONTROL_OPEN,
	SPORE__CONTROL_CLOSE,
	SPORE__CONTROL_CHANNEL,
	SPORE__CONTROL_UNWIRED,
	SPORE__CONTROL_CLOSED,
	SPORE__CONTROL_SWAP,
	SPORE__CONTROL_BROKEN,
	SPORE__CONTROL_ALONE,
	SPORE__CONTROL_MEMORY,
};

// A word of a message, not NUL-terminated.
struct spore__control_word {
	const char *s;
	uint32_t len;
};

// A decoded message. Points into the bytes that it was decoded from.
struct spore__control_message {
	enum spore__control_type type;
	uint64_t number;  // hello: major; refuse, closed: code; log: level; lost: count; stop: grace in ms
	uint64_t time;    // log
	const char *text; // refuse, log, status, closed; not NUL-terminated
	uint32_t text_len;
	struct spore__msgpack_reader features; // hello: before the array
	struct spore__msgpack_reader fields;   // hello, log, open, channel: before the map
	struct spore__control_word
	    port; // open, close, channel, unwired, closed, swap, broken, memory; at most SPORE__CONTROL_NAME bytes
	struct spore__control_word peer;  // broken
	struct spore__control_word kind;  // open: "messages" or "bytes"; channel, broken: the transport
	struct spore__control_word shape; // open: "connect", "serve", "publish" or "subscribe"
	uint64_t serial;                  // channel, unwired, swap, memory
	bool swap;                        // stop, swap
	unsigned role;                    // channel
	unsigned descriptors;             // channel: at most SPORE__CONTROL_DESCRIPTORS
	const unsigned char *body;        // the whole array, for spore__control_print
	size_t body_len;
};

// Decodes the first frame of BYTES. SPORE_OK: *USED bytes were it. SPORE_EAGAIN: more bytes are needed. SPORE_ETOOBIG, SPORE_EMALFORMED:
// the connection cannot go on.
enum spore_err spore__control_decode(const void *bytes, size_t len, struct spore__control_message *m, size_t *used);

// Each appends one frame to W; its error is in w->err.
// VALUES is pairs of key and value, ended by NULL; may be NULL. FEATURES is ended by NULL; may be NULL.
void spore__control_put_hello(struct spore__msgpack_writer *w, const char *const *features, const char *const *values);
void spore__control_put_refuse(struct spore__msgpack_writer *w, enum spore_err code, const char *text);
void spore__control_put_log(struct spore__msgpack_writer *w, enum spore_level level, uint64_t time, const char *text,
                            const struct spore_field *fields, size_t count);
void spore__control_put_lost(struct spore__msgpack_writer *w, uint64_t count);
void spore__control_put_listens(struct spore__msgpack_writer *w);
void spore__control_put_ready(struct spore__msgpack_writer *w);
void spore__control_put_status(struct spore__msgpack_writer *w, const char *text);
void spore__control_put_stopping(struct spore__msgpack_writer *w);
void spore__control_put_stop(struct spore__msgpack_writer *w, uint64_t grace_ms);
void spore__control_put_stop_swap(struct spore__msgpack_writer *w, uint64_t grace_ms);
// OPTIONS is pairs of key and value, ended by NULL; may be NULL.
void spore__control_put_open(struct spore__msgpack_writer *w, const char *port, const char *kind, const char *shape,
                             const char *const *options);
void spore__control_put_close(struct spore__msgpack_writer *w, const char *port);
void spore__control_put_broken(struct spore__msgpack_writer *w, const char *port, const char *peer,
                               const char *transport);
// One descriptor goes with the first byte of the frame (SCM_RIGHTS).
void spore__control_put_memory(struct spore__msgpack_writer *w, const char *port, uint64_t serial);
// Likewise COUNT descriptors. PEER may be NULL.
void spore__control_put_channel(struct spore__msgpack_writer *w, const char *port, uint64_t serial,
                                const char *transport, unsigned role, unsigned count, const char *peer);
// The same of a subscription: SLOW is a word of its subscriber; may be NULL. EARLY: the peer has not come yet. MOVES: it is the one before.
void spore__control_put_subscription(struct spore__msgpack_writer *w, const char *port, uint64_t serial,
                                     const char *transport, unsigned role, unsigned count, const char *peer,
                                     const char *slow, bool redeliver, bool early, bool moves);
void spore__control_put_unwired(struct spore__msgpack_writer *w, const char *port, uint64_t serial);
void spore__control_put_swap(struct spore__msgpack_writer *w, const char *port, uint64_t serial, bool on);
void spore__control_put_alone(struct spore__msgpack_writer *w);
void spore__control_put_closed(struct spore__msgpack_writer *w, const char *port, enum spore_err code,
                               const char *text);

// Prints a message in one line for the trace, as spore__msgpack_print does.
void spore__control_print(const struct spore__control_message *m, char *out, size_t size);

#endif
