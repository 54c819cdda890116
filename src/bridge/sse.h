// Streams of server-sent events (text/event-stream), as they are read:
//
//	line     name ":" " "? value, ended by CR, LF or both; one without a name is a comment
//	event    event: kind   data: a line of it, again and again   id: ID   retry: milliseconds   and an empty line
#ifndef SPORE_BRIDGE_SSE_H
#define SPORE_BRIDGE_SSE_H

#include "base/buf.h"
#include "bridge/codec.h"

struct spore__sse {
	// KIND is empty where it has none. DATA may be empty; both are valid for the call.
	void (*event)(void *arg, struct spore__span kind, struct spore__span data);
	void *arg;
	size_t limit;         // of the bytes of an event
	struct spore__buf id; // of the latest event; empty: none
	int64_t retry_ms;     // -1: not said
	// private
	struct spore__buf line, kind, data, next_id;
	bool begun, cr, some, over;
};

// A stream begins, with EVENT, ARG and LIMIT as they are.
void spore__sse_begin(struct spore__sse *s);
void spore__sse_finish(struct spore__sse *s);
// False: an event is over the limit.
bool spore__sse_feed(struct spore__sse *s, const void *bytes, size_t len);

#endif
