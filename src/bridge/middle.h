// What the files of the middle share: bridge.c has the ends, correlate.c the calls, encode.c what protocols without calls are told, parked.c what could
// not be translated. Private to them.
#ifndef SPORE_BRIDGE_MIDDLE_H
#define SPORE_BRIDGE_MIDDLE_H

#include <string.h>

#include "base/mem.h"
#include "bridge/calls.h"

enum { SPORE__MIDDLE_NUMBER = 8 }; // bytes of a call's number, at most

struct spore__bridge {
	const struct spore__bridge_host *host;
	void *owner;
	bool filter;
	int64_t now_ms;
	struct spore__bridge_end *first[2];
	struct spore__bridge_calls calls;
	size_t dues;         // calls with a deadline
	uint32_t filter_ids; // made up for a protocol without any
	struct spore__bridge_counts counts;
	struct spore__bridge_parked *parked, **parked_last;
	size_t parked_count;
	bool resent; // what was parked is tried again: it came to nothing
	struct spore__msgpack_writer scratch;
};

// BYTES came from SIDE, END's or the other; RAW as in struct spore__bridge_parked.
void spore__middle_park(struct spore__bridge_end *end, enum spore__bridge_side side, bool raw, const void *bytes,
                        size_t len, const char *why);
// ... and were decoded, but there are no words for M.
void spore__middle_park_model(struct spore__bridge_end *end, enum spore__bridge_side side, const struct spore__model *m,
                              const char *why);
void spore__middle_drop_all_parked(struct spore__bridge *b);

// As the codec's encode; a protocol without calls is told what it can hear.
enum spore_err spore__middle_encode(struct spore__bridge_end *to, const struct spore__model *m);
// Why that failed, a sentence; until the next.
const char *spore__middle_why(const struct spore__bridge_end *to, enum spore_err err);
struct spore__span spore__middle_text(const char *text);

// What END's peer said, each:
void spore__middle_request(struct spore__bridge_end *end, const struct spore__model *m);
void spore__middle_answer(struct spore__bridge_end *end, const struct spore__model *m);
void spore__middle_part(struct spore__bridge_end *end, const struct spore__model *m);
void spore__middle_cancel(struct spore__bridge_end *end, const struct spore__model *m);
void spore__middle_notification(struct spore__bridge_end *end, const struct spore__model *m);
// CALL is answered with an error; KEEP: its callee will say something of it yet, which is dropped.
void spore__middle_fail(struct spore__bridge *b, struct spore__bridge_call *call, int64_t code, const char *why,
                        bool keep);
// ... a request that is none yet, when it is its turn.
void spore__middle_refuse(struct spore__bridge_end *end, const struct spore__model *m, int64_t code, const char *why);
// How many calls END's peer may have under way.
unsigned spore__middle_limit(const struct spore__bridge_end *end);
// The id of a call, as its callee hears it; its length.
size_t spore__middle_number(unsigned char out[SPORE__MIDDLE_NUMBER], uint32_t number);
// END is leaving: the calls of its peer are given up, those that were made to it are answered with an error.
void spore__middle_leave(struct spore__bridge_end *end, const char *why);
// Ends the calls whose deadline has passed. When the next one will have.
int64_t spore__middle_overdue(struct spore__bridge *b);

#endif
