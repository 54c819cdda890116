// Calls under way, by the numbers that callees know them by. Private to the bridge.
#ifndef SPORE_BRIDGE_CALLS_H
#define SPORE_BRIDGE_CALLS_H

#include "bridge/bridge.h"

struct spore__bridge_call {
	uint32_t number;
	int token;                        // of the host; -1: none
	bool abandoned;                   // the caller has its answer, or is gone: what comes is dropped
	bool told;                        // the callee is known to have heard that
	bool done;                        // `answer` is kept until those before it are answered
	struct spore__bridge_end *caller; // NULL: gone
	struct spore__bridge_end *callee;
	struct spore__bridge_call *by_next, **by_at; // in caller->by
	struct spore__bridge_call *to_next, **to_at; // in callee->to
	int64_t due;                                 // monotonic ms; INT64_MAX: none
	char *session;                               // may be NULL
	struct spore__buf items;                     // parts of the result that the caller's protocol cannot say
	uint32_t item_count;
	struct spore__model answer;
	unsigned char *answer_bytes; // what it borrows
	size_t id_len;
	unsigned char id[]; // as the caller chose it
};

// Slots for numbers; a number comes again after 65536 uses of its slot at the soonest.
struct spore__bridge_calls {
	struct spore__bridge_slot {
		struct spore__bridge_call *call;
		uint16_t used; // how often
		uint16_t next; // free one behind this
	} * slots;
	size_t count, cap;
	uint16_t first_use, most; // of a new slot; of all
	uint16_t first, last;     // free ones, the longest free first
	size_t free;
};

enum { SPORE__BRIDGE_CALLS = 32768 };

// NULL: there are too many.
struct spore__bridge_call *spore__bridge_call_create(struct spore__bridge_calls *c, struct spore__span id);
struct spore__bridge_call *spore__bridge_call_find(const struct spore__bridge_calls *c, uint32_t number);
void spore__bridge_call_join(struct spore__bridge_call *call, struct spore__bridge_end *caller,
                             struct spore__bridge_end *callee);
// No more of its caller's; of nobody's.
void spore__bridge_call_forget_caller(struct spore__bridge_call *call);
// Its callee owes nothing more.
void spore__bridge_call_forget_callee(struct spore__bridge_call *call);
void spore__bridge_call_destroy(struct spore__bridge_calls *c, struct spore__bridge_call *call);
// The oldest of END's that is not abandoned, by its id. NULL: there is none.
struct spore__bridge_call *spore__bridge_call_by(const struct spore__bridge_end *end, struct spore__span id);
// Keeps a copy of the answer M.
void spore__bridge_call_keep(struct spore__bridge_call *call, const struct spore__model *m);

#endif
