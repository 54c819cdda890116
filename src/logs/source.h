// The blocks of one generation of a task's log, across its files, in order.
#ifndef SPORE_LOGS_SOURCE_H
#define SPORE_LOGS_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "logs/files.h"
#include "task/lines.h"

enum { SPORE__BOOTS = 16 };

// Blocks of one boot are in the order of its monotonic clock, whatever was done to the wall clock. Boots are put in order by what the wall clock
// said when the first block of each that is met was written.
struct spore__log_clock {
	struct {
		char id[40];
		uint64_t wall, monotonic;
	} boots[SPORE__BOOTS];
	size_t count;
	bool follow;              // wait for more at the end
	char boot[40];            // now
	uint64_t wall, monotonic; // now; without `follow` what was written later is left out
};

void spore__log_clock_init(struct spore__log_clock *c, bool follow);

enum spore__source_state {
	SPORE__SOURCE_READY, // `block` is the next one
	SPORE__SOURCE_WAIT,  // there may be more later
	SPORE__SOURCE_OVER,  // that was all
};

struct spore__source {
	struct spore__log_files *files; // of the task
	struct spore__log_clock *clock;
	uint64_t generation, number;
	int fd;       // of the file; -1: not open
	off_t offset; // of the end of what is in `bytes`
	unsigned char *bytes;
	size_t start, len, cap;
	bool closed;  // nothing more is written to the file
	bool drained; // and all that there was has been read
	bool known;   // its first block was read: its writer has locked it
	bool dead;    // its writer is gone
	bool ended;   // with the block that says so
	size_t boot;  // in clock->boots; SPORE__BOOTS: not known
	struct spore__log_block block;
	size_t used;        // bytes of `block`
	uint64_t key;       // of `block`: what comes first
	uint64_t last_file; // only up to this number; 0: no limit
};

void spore__source_init(struct spore__source *s, struct spore__log_files *files, struct spore__log_clock *clock,
                        uint64_t generation, uint64_t number);
void spore__source_finish(struct spore__source *s);

// Looks at the next block; it stays the next one until it is passed. Reads, never waits.
enum spore__source_state spore__source_look(struct spore__source *s);
void spore__source_pass(struct spore__source *s);

// Closes the file and frees the bytes until it is looked at again: for one whose turn comes later, or at its end for now.
void spore__source_rest(struct spore__source *s, bool close_file);

// Did it end without saying so? Once it is over.
bool spore__source_was_cut(const struct spore__source *s);

// Begins with the last file before which there is nothing from SINCE (wall ns) on.
void spore__source_seek(struct spore__source *s, uint64_t since);

#endif
