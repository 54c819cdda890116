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
};

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
};

// A decoded message; points into the bytes that it was decoded from.
struct spore__hold_message {
	enum spore__hold_type type;
	int64_t number; // hello: major; refuse: code; stop: grace; signal: number; skipped: count; attach, resize: rows
	int64_t columns;            // attach, resize
	bool node;                  // hello: the sender is the node
	const unsigned char *bytes; // refuse: text; input, output
	uint32_t len;
	struct spore__msgpack_reader map; // update, state: stands before the map
};

// Decodes the first frame of BYTES. SPORE_OK: *USED bytes were it. SPORE_EAGAIN: more bytes are needed. SPORE_ETOOBIG, SPORE_EMALFORMED:
// the connection cannot go on.
enum spore_err spore__hold_decode(const void *bytes, size_t len, struct spore__hold_message *m, size_t *used);

// Each appends one frame to W; its error is in w->err.
void spore__hold_put(struct spore__msgpack_writer *w, enum spore__hold_type type); // of those without items
void spore__hold_put_hello(struct spore__msgpack_writer *w);
void spore__hold_put_hello_node(struct spore__msgpack_writer *w);
void spore__hold_put_refuse(struct spore__msgpack_writer *w, enum spore_err code, const char *text);
void spore__hold_put_number(struct spore__msgpack_writer *w, enum spore__hold_type type, int64_t number);
void spore__hold_put_size(struct spore__msgpack_writer *w, enum spore__hold_type type, int64_t rows, int64_t columns);
void spore__hold_put_bytes(struct spore__msgpack_writer *w, enum spore__hold_type type, const void *bytes,
                           uint32_t len);
void spore__hold_put_map(struct spore__msgpack_writer *w, enum spore__hold_type type, const void *map,
                         size_t len); // encoded

#endif
