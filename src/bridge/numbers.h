// Calls that an end hands to the bridge, by numbers that it makes up for a protocol without ids, or because its connections choose theirs
// independently.
#ifndef SPORE_BRIDGE_NUMBERS_H
#define SPORE_BRIDGE_NUMBERS_H

#include <stdint.h>

#include "bridge/codec.h"

// Zeroed: empty.
struct spore__numbers {
	struct spore__numbers_slot *slots;
	uint32_t cap;
	uint32_t free; // the first free slot and one, 0: none
	uint32_t count;
};

enum {
	SPORE__NUMBERS_MAX = 1 << 16,
	SPORE__NUMBERS_ID = 5, // bytes of an id at most
};

void spore__numbers_finish(struct spore__numbers *c); // frees no call
// A number for CALL, which is not NULL. False: there are SPORE__NUMBERS_MAX.
bool spore__numbers_add(struct spore__numbers *c, void *call, uint32_t *id);
// The call of a number, NULL when it was taken away since, even if its place has another one by now.
void *spore__numbers_find(const struct spore__numbers *c, const struct spore__span *id);
void spore__numbers_remove(struct spore__numbers *c, uint32_t id);

// ID as MessagePack, in BYTES.
struct spore__span spore__numbers_span(uint32_t id, unsigned char bytes[SPORE__NUMBERS_ID]);

#endif
