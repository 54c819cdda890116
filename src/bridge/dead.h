// Messages that a bridge could not translate: parked in a file per wire, $SPORE_STATE/dead/HASH, where `spore dead` finds them. Bridges have the
// file as a descriptor, since they can open none; several of one wire share it, and each call holds its lock (flock) for as long as it takes.
//
// A head of SPORE__DEAD_HEAD bytes (struct spore__dead_head), then entries, each a struct spore__dead_entry, the reason and the bytes. Integers as the
// machine has them: the file does not leave it. What ends in the middle of an entry, by a crash, ends before it.
#ifndef SPORE_BRIDGE_DEAD_H
#define SPORE_BRIDGE_DEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/start.h"

enum {
	SPORE__DEAD_HEAD = 4096,
	SPORE__DEAD_BYTES = 64 * 1024,      // of a message that are kept
	SPORE__DEAD_FILE = 8 * 1024 * 1024, // of all; more are counted only
	SPORE__DEAD_REASON = 512,
};

#define SPORE__DEAD_MAGIC UINT64_C(0x3164616564727073) // "sprdead1"

struct spore__dead_head {
	uint64_t magic;
	uint64_t parked;                   // in all; the number of the latest
	uint64_t unkept;                   // of them those for which there was no room
	char names[2][SPORE__BRIDGE_NAME]; // from, to
};

enum spore__dead_state {
	SPORE__DEAD_PARKED,
	SPORE__DEAD_DUE,     // it is to be sent again
	SPORE__DEAD_SENT,    // it was
	SPORE__DEAD_DROPPED, // it is of no interest any more
};

struct spore__dead_entry {
	uint32_t magic;  // the lower half of SPORE__DEAD_MAGIC
	uint32_t state;  // enum spore__dead_state
	uint64_t number; // from 1
	int64_t wall_ns;
	uint64_t place;  // which message of its channel it was, from 1
	uint64_t len;    // of the message
	uint32_t kept;   // bytes of it that follow the reason
	uint16_t reason; // bytes of it
	uint8_t side;    // the end that sent it: 0 from, 1 to
	uint8_t raw;     // as it came; else [kind, id, method, value] of what it means, in MessagePack
};
_Static_assert(sizeof(struct spore__dead_entry) == 48, "it is a file's layout");

// The file of the wire of these ports, made when missing. -1 with errno.
int spore__dead_open(const char *state, const char *from, const char *to, bool make);
struct spore__dead_message {
	int side;
	bool raw;
	uint64_t place;
	int64_t wall_ns;
	const char *reason;
	const void *bytes;
	size_t kept, len; // of KEPT bytes at most SPORE__DEAD_BYTES
};
// Parks a message, or counts it where there is no room. Its number; 0 with errno.
uint64_t spore__dead_park(int fd, const struct spore__dead_message *m);

// For each entry of FD, oldest first, with its reason (NUL-terminated) and what is kept of it, until FN is false. FN may say another state in
// ENTRY, which is written. False: the file is none such.
bool spore__dead_each(int fd, struct spore__dead_head *head,
                      bool (*fn)(void *arg, struct spore__dead_entry *entry, const char *reason, const void *bytes),
                      void *arg);
// Takes the entries away when all of them were dropped or sent.
void spore__dead_tidy(int fd);
// Those that wait in the file of a wire, and all that were ever parked there; 0 when there is none. Waits for no lock.
void spore__dead_count(const char *state, const char *from, const char *to, uint64_t *waiting, uint64_t *parked);

#endif
