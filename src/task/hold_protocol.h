// The protocol between a hold and those who talk to it: the node, and viewers (`spore attach`). It is frozen: a node of any later
// version speaks it with a hold that was started years ago. Bytes in, messages out; no descriptor, no clock. Frames are as in
// the control protocol (lib/control.h): a length (4 bytes, the lowest first), then one MessagePack array:
//
//	["hello", major, [feature...], {}]     both ways, first. The hold's is followed by its state. The feature "node" says
//	                                       that the sender is the node: its coming and going counts
//	["refuse", code, text]                 both ways; the last message of the one that sends it
//	["stop", grace]                        to the hold: stop the task; milliseconds until SIGKILL, -1: as specified
//	["kill"]                               to the hold: SIGKILL to all that it runs, now, and no restart
//	["restart"]                            to the hold: stop it as specified, then start it again at once
//	["signal", number]                     to the hold: a signal for the program's process group
//	["update", {...}]                      to the hold: a specification whose `live` fields differ, which count from now on
//	["leaving"]                            to the hold: this node goes; do not start one until another has come
//	["attach", rows, columns]              to the hold: from now on what the program writes, beginning with the latest of it
//	["input", bytes]                       to the hold: for the program's terminal, or its stdin where that is open
//	["resize", rows, columns]              to the hold: the viewer's window; the smallest of all viewers counts
//	["state", {...}]                       from the hold: src/task/state.h; with each change
//	["output", bytes]                      from the hold, after attach. A viewer that does not read loses the oldest
//	["skipped", count]                     from the hold, before output: so many bytes were lost to this viewer
//
// With the feature "ports" in both hellos:
//
//	["ports", run, count]                  from the hold: what it said of ports is void; COUNT open messages follow. After hello, and
//	                                       at the end of an instance
//	["open", id, port, kind, shape, {option: value}, [transport...], [serial...], told]
//	                                       from the hold: its program has this port, with these channels. ids never repeat. told, which may
//	                                       be missing: the channel, there or over, of which it was told that its other end is swapped
//	["close", id]                          from the hold
//	["channel", id, serial, transport, role, count, {"peer": name}]
//	                                       to the hold, with COUNT descriptors: an end of a channel
//	["wired", id, serial]                  from the hold: the program was sent the channel
//	["over", id, serial]                   from the hold: it was not, and will not. To the hold: the other end is gone
//	["unwire", id, serial]                 to the hold: the program is to close the channel
//	["broken", id, peer, transport]        from the hold: what came from the port PEER broke the rules of the transport, or ("slow") it did not receive in
//	                                       time what ID publishes; its channel is closed
//
// With the feature "swap" of the hold's hello:
//
//	["stop", grace, true]                  to the hold: as stop; another instance takes over
//	["swap", id, serial, on]               to the hold: the other end of this channel is about to be swapped, or not any more. From the
//	                                       hold: the program was sent that
//
// With the feature "moves" of the hold's hello:
//
//	["channel", ..., {"moves": true}]      to the hold: what is at the other end is what was there before. What is on its way over the
//	                                       channel that the port has comes first
//
// With the feature "beside" of the hold's hello, which it has until then:
//
//	["alone"]                              to the hold: the instance in whose place this one was started is gone, and its subscribers
//	                                       have their channels: the program may publish
//
// With the feature "lends" of the hold's hello:
//
//	["lend", id, serial]                   to the hold, with a descriptor: what its program has of this subscription is to be sent to that
//	                                       socket, for another hold of its task: a byte, with the cursor, the socket and the memory
//	["lent", id, serial, done]             from the hold: the answer. It can be asked again where that was not done
//	["channel", id, serial, "lent", 1, 1, {"peer": name, "slow": word}]
//	                                       to that other hold, with the other end of that socket: this is for the port once its instance is
//	                                       alone. Until then `open` lists the serial; answered by wired or over
//
// With the feature "early" of the hold's hello:
//
//	["keep", port, serial, transport, role, count, {"peer": name, "kind": kind, "shape": shape, "protocol": protocol}]
//	                                       to the hold, with COUNT descriptors: an end of a channel for a port that is not open yet.
//	                                       The other end is sent to its hold with "early": true in the map. `open` lists it when it
//	                                       was passed on
//	["over", 0, serial]                    to the hold: it is not to be kept any more. From the hold: it is not kept; also as the answer
//
// With the features "ports" and "memory" in both hellos, and without "node": the sender looks on, and is told of ports as the node is.
//
//	["memory", id, serial, watches]        to the hold: the memory of this channel. watches (may be missing): of a port that a pump
//	                                       serves also what passes, until the sender goes
//	["channel", id, serial, transport, role, count, {}]
//	                                       from the hold: the answer, with COUNT descriptors: 1, or 0 when it has none.
//	                                       To the hold: as from the node, with a serial from 2^62 on, and until the sender goes.
//	                                       Answered by wired or over
//
// Of a port with the option "pump":
//
//	["ended", id, serial]                  from the hold: this channel has ended, and is it over, or unwired? To the hold, as the answer: it
//	                                       was told that before, or else it is just the end
//
// With the feature "heirs" of the hold's hello:
//
//	["hand", on]                           to the hold: another one of this task is to take over what its stdin and stdout are wired
//	                                       with. It keeps that when the task has ended, until on is false: that was done, or will not be
//	["inherit"]                            to the hold, from that other one
//	["ends", count, [{key: value}...]]     from the hold, with COUNT descriptors: the answer (src/task/hold_heir.c)
//
// Messages of other names and items after the known ones are passed over.
#ifndef SPORE_TASK_HOLD_PROTOCOL_H
#define SPORE_TASK_HOLD_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msgpack.h"
#include "spore/spore.h"

enum {
	SPORE__HOLD_MAJOR = 1,
	SPORE__HOLD_FRAME = 1 << 20,    // bytes of a frame at most, length included
	SPORE__HOLD_OUTPUT = 32 * 1024, // bytes of one output or input at most
	SPORE__HOLD_WORD = 255,         // bytes of a port's name, and of the words with it
	SPORE__HOLD_DESCRIPTORS = 8,    // with one message at most
	SPORE__HOLD_SUBSCRIPTIONS = 64, // that a hold can lend
	SPORE__HOLD_JOINS = 4,          // channels of one who looks on
	SPORE__HOLD_UNWIRED = 32,       // channels that a hold was sent and has not said anything of yet, at most
};

// Serials from here on are of channels that the node did not make.
#define SPORE__HOLD_JOINED (UINT64_C(1) << 62)

enum spore__hold_type {
	SPORE__HOLD_UNKNOWN, // well-formed, of a name that this version does not know
	SPORE__HOLD_HELLO,
	SPORE__HOLD_REFUSE,
	SPORE__HOLD_STOP,
	SPORE__HOLD_KILL,
	SPORE__HOLD_RESTART,
	SPORE__HOLD_SIGNAL,
	SPORE__HOLD_UPDATE,
	SPORE__HOLD_LEAVING,
	SPORE__HOLD_ATTACH,
	SPORE__HOLD_INPUT,
	SPORE__HOLD_RESIZE,
	SPORE__HOLD_STATE,
	SPORE__HOLD_OUTPUT_BYTES,
	SPORE__HOLD_SKIPPED,
	SPORE__HOLD_PORTS,
	SPORE__HOLD_OPEN,
	SPORE__HOLD_CLOSE,
	SPORE__HOLD_CHANNEL,
	SPORE__HOLD_WIRED,
	SPORE__HOLD_OVER,
	SPORE__HOLD_UNWIRE,
	SPORE__HOLD_MEMORY,
	SPORE__HOLD_SWAP,
	SPORE__HOLD_ENDED,
	SPORE__HOLD_KEEP,
	SPORE__HOLD_BROKEN,
	SPORE__HOLD_HAND,
	SPORE__HOLD_INHERIT,
	SPORE__HOLD_ENDS,
	SPORE__HOLD_ALONE,
	SPORE__HOLD_LEND,
	SPORE__HOLD_LENT,
};

// A short word of a message, not NUL-terminated.
struct spore__hold_word {
	const char *s;
	uint32_t len; // 1 to SPORE__HOLD_WORD
};

// A decoded message; points into the bytes that it was decoded from.
struct spore__hold_message {
	enum spore__hold_type type;
	int64_t number; // hello: major; refuse: code; stop: grace; signal: number; skipped: count; attach, resize: rows
	int64_t columns;            // attach, resize
	bool node;                  // hello: the sender is the node
	bool ports;                 // hello: the sender speaks of ports
	bool memory;                // hello: ... of the memory of channels
	bool swaps;                 // hello: ... of swapping
	bool early;                 // hello: ... of channels for ports that are not open yet
	bool heirs;                 // hello: ... of handing over
	bool moves;                 // hello: ... of channels that take the place of others
	bool beside;                // hello: another instance runs, in whose place this one was started
	bool lends;                 // hello: ... of subscriptions for another hold
	bool swap;                  // stop, swap; hand: on; lent: done
	bool watches;               // memory
	const unsigned char *bytes; // refuse: text; input, output
	uint32_t len;
	struct spore__msgpack_reader map; // update, state, open, channel, keep: stands before the map
	// Of ports. `number` is the id of the port; ports: the run
	uint64_t serial;                   // channel, keep, wired, over, unwire, memory, ended; ports: how many follow
	struct spore__hold_word port;      // open, keep
	struct spore__hold_word peer;      // broken
	struct spore__hold_word kind;      // open; channel, keep, broken: the transport
	struct spore__hold_word shape;     // open
	struct spore__msgpack_reader list; // open: stands before the array of transports; ends: before that of ends
	struct spore__msgpack_reader held; // open: ... of serials
	uint64_t told;                     // open: 0: none
	unsigned role, descriptors;        // channel, keep; ends
};

// Decodes the first frame of BYTES. SPORE_OK: *USED bytes were it. SPORE_EAGAIN: more bytes are needed. SPORE_ETOOBIG, SPORE_EMALFORMED:
// the connection cannot go on.
enum spore_err spore__hold_decode(const void *bytes, size_t len, struct spore__hold_message *m, size_t *used);

// Each appends one frame to W; its error is in w->err.
void spore__hold_put(struct spore__msgpack_writer *w, enum spore__hold_type type); // of those without items
void spore__hold_put_hello(struct spore__msgpack_writer *w);
void spore__hold_put_hello_node(struct spore__msgpack_writer *w);
void spore__hold_put_hello_ports(struct spore__msgpack_writer *w, bool node); // speaks of ports
void spore__hold_put_hello_memory(struct spore__msgpack_writer *w);           // ... and of memory
void spore__hold_put_refuse(struct spore__msgpack_writer *w, enum spore_err code, const char *text);
void spore__hold_put_number(struct spore__msgpack_writer *w, enum spore__hold_type type, int64_t number);
void spore__hold_put_size(struct spore__msgpack_writer *w, enum spore__hold_type type, int64_t rows, int64_t columns);
void spore__hold_put_bytes(struct spore__msgpack_writer *w, enum spore__hold_type type, const void *bytes,
                           uint32_t len);
void spore__hold_put_map(struct spore__msgpack_writer *w, enum spore__hold_type type, const void *map,
                         size_t len); // encoded
void spore__hold_put_ports(struct spore__msgpack_writer *w, int64_t run, uint64_t count);
// ITEMS is encoded: port, kind, shape, options, transports. TOLD may be 0.
void spore__hold_put_open_told(struct spore__msgpack_writer *w, uint64_t id, const void *items, size_t len,
                               const uint64_t *serials, size_t count, uint64_t told);
void spore__hold_put_open(struct spore__msgpack_writer *w, uint64_t id, const void *items, size_t len,
                          const uint64_t *serials, size_t count);
void spore__hold_put_serial(struct spore__msgpack_writer *w, enum spore__hold_type type, uint64_t id, uint64_t serial);
void spore__hold_put_broken(struct spore__msgpack_writer *w, uint64_t id, const struct spore__hold_word *peer,
                            const struct spore__hold_word *transport);
void spore__hold_put_hello_swap(struct spore__msgpack_writer *w);   // of a hold
void spore__hold_put_hello_beside(struct spore__msgpack_writer *w); // likewise, of one that was started beside another
void spore__hold_put_stop_swap(struct spore__msgpack_writer *w, int64_t grace);
void spore__hold_put_swap(struct spore__msgpack_writer *w, uint64_t id, uint64_t serial, bool on);
void spore__hold_put_lent(struct spore__msgpack_writer *w, uint64_t id, uint64_t serial, bool done);
void spore__hold_put_hand(struct spore__msgpack_writer *w, bool on);
// ENDS is an encoded array, for which COUNT descriptors come.
void spore__hold_put_ends(struct spore__msgpack_writer *w, unsigned count, const void *ends, size_t len);
void spore__hold_put_watch(struct spore__msgpack_writer *w, uint64_t id, uint64_t serial); // memory, watching
void spore__hold_put_channel(struct spore__msgpack_writer *w, uint64_t id, uint64_t serial, const char *transport,
                             unsigned role, unsigned count, const char *peer);
// The same with what the wire says: of a subscriber what happens when it is SLOW, and whether what a peer that died had not released is sent again.
// PEER and SLOW may be NULL. EARLY: the other end is kept for a port that is not open yet. MOVES: it takes the place of one
// between the same two ports.
void spore__hold_put_subscription(struct spore__msgpack_writer *w, uint64_t id, uint64_t serial, const char *transport,
                                  unsigned role, unsigned count, const char *peer, const char *slow, bool redeliver,
                                  bool early, bool moves);
// What a port has to be to get what was kept for it.
struct spore__hold_face {
	const char *kind, *shape, *protocol; // "": none
};
void spore__hold_put_keep(struct spore__msgpack_writer *w, const char *port, uint64_t serial, const char *transport,
                          unsigned role, unsigned count, const char *peer, bool redeliver,
                          const struct spore__hold_face *face);

#endif
