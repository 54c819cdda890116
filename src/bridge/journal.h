// What a bridge process leaves to the next one when it is killed or crashes: memory that the process above it shares with each. The bytes that were
// read and not yet translated, those that were translated and not yet written, and who waits for an answer. With it the next one goes on in the
// middle of both streams, and whoever was waiting gets an error instead of silence.
//
// One process writes at a time; the next reads once that is dead. Translating a piece is a step: it uses up bytes of one side, makes bytes for
// both, and begins and ends calls; spore__journal_commit makes all of it true at once. What was in the middle of a read or a write when it died
// cannot be told, nor what has not room here: then spore__journal_recover says no, and the channel ends.
#ifndef SPORE_BRIDGE_JOURNAL_H
#define SPORE_BRIDGE_JOURNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
	SPORE__JOURNAL_ROOM = 256 * 1024, // bytes of each side and way
	SPORE__JOURNAL_CALLS = 512,       // under way, of both sides
	SPORE__JOURNAL_ID = 64,           // bytes of an id that are kept; a longer one gets no error
};

struct spore__journal_call {
	uint8_t there;  // 0: the slot is free
	uint8_t side;   // the end that called
	uint8_t id_len; // MessagePack
	uint8_t reserved[5];
	uint64_t answered; // by this step; 0: not yet
	unsigned char id[SPORE__JOURNAL_ID];
};

struct spore__journal_step {
	uint64_t number, used[2], made[2]; // bytes of each side that were used, and were made for it, in all
	uint64_t messages[2];              // that came from each side
	uint32_t uses;                     // of numbers of calls
	uint32_t reserved;
};

struct spore__journal {          // zeroed: nothing happened yet
	_Atomic uint32_t latest; // of steps
	_Atomic uint32_t moving; // in the middle of a read or write
	struct spore__journal_step steps[2];
	_Atomic uint64_t came[2], sent[2]; // bytes of each side that were read, and written, in all
	_Atomic uint32_t ended[2];         // it said its end of file
	struct spore__journal_call calls[SPORE__JOURNAL_CALLS];
	uint32_t due_count, hint; // of the process that writes: slots that are free when the step is made, and
	uint16_t due[SPORE__JOURNAL_CALLS]; // where one may be free
	unsigned char in[2][SPORE__JOURNAL_ROOM], out[2][SPORE__JOURNAL_ROOM];
};

// Around each read and write; LEN bytes are what the call said, 0 or less for none.
void spore__journal_moves(struct spore__journal *j);
void spore__journal_came(struct spore__journal *j, int side, const void *bytes, size_t len);
void spore__journal_sent(struct spore__journal *j, int side, size_t len);

// The step that is being made.
struct spore__journal_step *spore__journal_step(struct spore__journal *j);
// BYTES for SIDE were made by it.
void spore__journal_made(struct spore__journal *j, int side, const void *bytes, size_t len);
void spore__journal_commit(struct spore__journal *j);

// SIDE calls, by an id of MessagePack. The slot, or -1: there is none left, or the id is too long.
int spore__journal_call(struct spore__journal *j, int side, const void *id, size_t len);
void spore__journal_answer(struct spore__journal *j, int slot); // by the step that is being made

// What is there to go on with: appends to IN and OUT of each side. False: one cannot.
bool spore__journal_recover(struct spore__journal *j, struct spore__buf in[2], struct spore__buf out[2]);
// Calls that were begun and not answered, in any order; each is forgotten by it.
void spore__journal_orphans(struct spore__journal *j, void (*fn)(void *arg, int side, const void *id, size_t len),
                            void *arg);

#endif
