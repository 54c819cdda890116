// The record of a wire with a fault: a file of 64 bytes in the folder of the hold at its left end (the right one where the left one serves), named
// after the channel, `fault-SERIAL`. The relay (src/look/relay.c) maps and writes it, has a lock on it, and removes it when it ends, unless it is
// killed or messages are lost with it; whoever looks maps it for reading.
#ifndef SPORE_NODE_RELAY_COUNTS_H
#define SPORE_NODE_RELAY_COUNTS_H

#include <stdatomic.h>
#include <stdint.h>

#define SPORE__RELAY_MAGIC UINT64_C(0x31746c7561667073) // "spfault1"

struct spore__relay_counts {
	uint64_t magic;
	_Atomic uint64_t dropped[2];   // from left to right, and back
	_Atomic int64_t pid;           // 0: of an older relay
	_Atomic uint64_t under_way[2]; // taken, and neither dropped nor passed on
	uint64_t reserved[2];
};
_Static_assert(sizeof(struct spore__relay_counts) == 64, "it is a file's layout");

enum spore__relay_status {
	SPORE__RELAY_LOST = 3, // it ended with messages under way
	SPORE__RELAY_BROKEN =
	    4, // what the left end sent broke the rules of its channel; and one: the right end. Messages may be lost as well
};

#endif
