// The file in which traced tools record what they read: a header, then lines. Every tool maps it and takes room for a line with
// one atomic addition, so a record costs no system call and survives whatever ends the tool.
//
//	r PATH    opened for reading          n PATH    looked for, not there
//	x PATH    executed or loaded by the dynamic linker
//	! /       something that no line can say: the trace is not complete
#ifndef SPORE_SOURCE_TRACE_H
#define SPORE_SOURCE_TRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SPORE__TRACE_MAGIC "sporetr1"

struct spore__trace_header {
	char magic[8];
	_Atomic uint64_t used; // bytes of lines that were asked for; more than `room` when it overflowed
	uint64_t room;         // bytes for lines behind the header
	uint64_t reserved[5];
};
_Static_assert(sizeof(struct spore__trace_header) == 64, "tools of another build of spore read this");

// Takes room for LINE and puts it there. ROOM is what the mapped file really has, whatever the header says.
static inline void spore__trace_add(struct spore__trace_header *trace, uint64_t room, const char *line, uint64_t len)
{
	uint64_t at = atomic_fetch_add_explicit(&trace->used, len, memory_order_relaxed);
	if (at <= room && len <= room - at)
		memcpy((char *)(trace + 1) + at, line, len);
}

// A path with a newline, or one too long.
#define SPORE__TRACE_INCOMPLETE "! /\n"

#endif
