// What is shown of records, and how.
#ifndef SPORE_LOGS_PRINT_H
#define SPORE_LOGS_PRINT_H

#include <regex.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "task/lines.h"

// Whose record it is.
struct spore__log_origin {
	const char *system; // "": none
	const char *task;
	int64_t replica;
	uint64_t generation;
	const char *boot; // "": not known
	const char *name; // for the prefix; NULL: none
	unsigned color;   // of the prefix: any number
	const void *id;   // differs between logs, so that a line is not taken for the rest of another's
};

struct spore__log_print {
	// what
	unsigned streams;      // bit 1 << enum spore__log_stream
	unsigned level;        // the least; what says none is of level info
	uint64_t since, until; // wall ns
	const regex_t *grep;   // may be NULL
	const char *literal;   // instead: a text without special characters; may be NULL
	bool counting;         // nothing is printed; `count` grows
	uint64_t count;
	uint64_t skip; // so many first ones are not printed

	// how
	bool json, raw, times;
	bool terminal, colors;
	size_t width; // of the longest name so far

	// private
	struct spore__buf out, body, scratch, head;
	const void *head_id; // and the rest: what `head` was made for
	uint64_t head_wall, head_monotonic;
	uint32_t head_run;
	const void *open_id; // whose line has no newline yet; NULL: nobody's
	enum spore__log_stream open_stream;
};

void spore__log_print_finish(struct spore__log_print *p);

// Shows R if it is one of those that are wanted. Writes standard output when enough has come together.
void spore__log_print_record(struct spore__log_print *p, const struct spore__log_origin *o,
                             const struct spore__record *r);

// Writes what has come together; ends the process quietly when nobody reads it any more, and with a report when it cannot be written.
void spore__log_print_flush(struct spore__log_print *p);

// Ends a line that nothing more will come to.
void spore__log_print_end(struct spore__log_print *p);

#endif
