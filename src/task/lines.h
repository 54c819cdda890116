// From the blocks of a log to records: lines are cut and joined over blocks, per stream and run; records of libspore, events of the hold and
// what was lost come in between. Blocks in, records out; no descriptor, no clock. Memory is bounded by SPORE__LOG_LINE per stream.
#ifndef SPORE_TASK_LINES_H
#define SPORE_TASK_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msgpack.h"
#include "spore/spore.h"
#include "task/log.h"

enum spore__log_stream {
	SPORE__STREAM_STDOUT,
	SPORE__STREAM_STDERR,
	SPORE__STREAM_TTY,
	SPORE__STREAM_RECORDS, // of libspore
	SPORE__STREAM_EVENTS,  // of the hold; also what was lost, and gaps
	SPORE__STREAMS,
};

// "stdout", "stderr", "tty", "records", "events". Static.
const char *spore__stream_word(enum spore__log_stream stream);

// "debug", "info", "warn", "error"; NULL for a number that is no level. Static.
const char *spore__level_word(unsigned level);
// The level that WORD names, in any case, with the names that other loggers give it; 0: none.
unsigned spore__level_parse(const char *word, size_t len);

// Points into the block that it comes from, or into the struct spore__lines; valid during the call.
struct spore__record {
	enum spore__log_stream stream;
	unsigned level; // enum spore_level; 0: it says none
	uint32_t run;
	uint64_t wall, monotonic; // of the block in which it ends
	uint64_t said;            // wall ns that the program itself gave it; 0: none
	const char *text;         // without the newline; any bytes
	size_t len;
	bool continues; // goes on with the line of the record before of its stream and run
	bool partial;   // its line goes on in the next record of its stream and run, or had no newline at its end
	const char
	    *event; // of events: "started", ...; "lost": dropped by the hold or the program; "gap": blocks are missing
	size_t event_len;
	struct spore__msgpack_reader fields; // stands before a map; `at` NULL: there are none
};

struct spore__lines_tail {
	char *bytes; // SPORE__LOG_LINE of them; NULL until they are needed
	size_t len;
	bool open; // of this line there was something before
	uint32_t run;
	uint64_t wall, monotonic;
};

struct spore__lines {
	void (*fn)(void *arg, const struct spore__record *r);
	void *arg;
	uint64_t sequence;                 // of the last block; 0: none yet
	uint64_t wall, monotonic;          // of the last block
	uint32_t run;                      // of the last block that had one
	struct spore__lines_tail tails[3]; // by stream: lines whose end has not come yet
};

// FN(ARG, record) is called for each record. Allocates nothing yet.
void spore__lines_init(struct spore__lines *l, void (*fn)(void *arg, const struct spore__record *r), void *arg);
void spore__lines_finish(struct spore__lines *l);

// The next block of one generation. Blocks that are missing before it become a record of event "gap". SPORE_ENOMEM: a piece of a line could not
// be kept, and was handed out by itself.
enum spore_err spore__lines_feed(struct spore__lines *l, const struct spore__log_block *block);

// Is there a line that has not ended? Hands out what there is of such lines; they may go on after that.
bool spore__lines_pending(const struct spore__lines *l);
void spore__lines_flush(struct spore__lines *l);

// Hands out an event of the reader's own, at the time of the last block; first what is pending.
void spore__lines_gap(struct spore__lines *l, const char *text);

#endif
