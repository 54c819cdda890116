// What pub.c (publishing) and pub_taken.c (its subscribers) share.
#ifndef SPORE_LIB_CHAN_PUB_INSIDE_H
#define SPORE_LIB_CHAN_PUB_INSIDE_H

#include <poll.h>
#include <pthread.h>

#include "chan/pub.h"

struct spore__pub_taken { // a subscriber
	struct spore__cursor *cursor;
	int sock;
	enum spore_slow slow;
	uint64_t serial;
	uint64_t released; // the furthest that it has said
	uint64_t dropped;  // likewise
	uint32_t rung;     // its number that was rung for
	bool owed;         // the memory, which could not be sent
	char *peer;        // its name; may be NULL
};

struct spore__pub_change { // that the sending thread has not made yet
	struct spore__pub_change *next;
	struct spore__channel_end end; // count 0: it goes
	uint64_t serial;
	char *peer; // as above
};

struct spore__pub_far {        // a large message
	uint64_t at;           // its record
	uint64_t behind;       // ... and the next
	uint64_t offset, size; // in the large area
};

struct spore__pub {
	struct spore__transport base;
	int memory, readable;
	unsigned char *map, *log;
	size_t map_len;
	struct spore__pub_shape shape;
	struct spore__pub_says *says;
	uint64_t at;     // of the next record
	uint64_t head;   // what subscribers know of it
	uint64_t tail;   //
	uint64_t number; // of messages
	uint64_t latest;
	uint64_t eighth; // of the log that has its mark
	bool marked;
	enum spore_err err;
	// large messages, the oldest first
	struct spore__pub_far far[SPORE__PUB_LARGE];
	unsigned far_count;
	uint64_t far_size, reserved; // bytes of them; of the area that have memory
	// the loan
	enum spore__pub_kind loan; // 0: none
	struct spore__pub_far loan_far;
	// subscribers
	struct spore__pub_taken *taken;
	size_t count, room;
	_Atomic size_t said_count, said_new; // for any thread: those that were taken; those that are to be
	uint64_t safe;                       // those that block or are cut off need nothing before
	uint64_t need;                       // what was asked for in vain
	uint32_t waits;
	int gather;
	struct pollfd *polled; // room + SPORE__END_EXTRA
	// what is new
	void (*hear)(void);
	void (*tell_cut)(const char *port, const char *peer); // may be NULL
	char *port;
	int notice_memory;
	_Atomic uint32_t *notice;
	uint32_t noticed;
	int64_t heard; // when
	int64_t swept; // likewise
	pthread_mutex_t lock;
	struct spore__pub_change *changes, **last_change;
	atomic_bool changed;
};

// Makes the head known; rings for nobody.
void spore__pub_publish(struct spore__pub *p);

// ---- pub_taken.c

// Takes those that are new before a message is written, which they are to have; they begin behind what is queued.
void spore__pub_welcome(struct spore__pub *p);
// Takes those that are new, lets those go that are gone, and rings for those that sleep. After the head was made known.
void spore__pub_wake(struct spore__pub *p);
// Hears what those have released who are waited for, or cut off where they need something before NEED.
void spore__pub_refresh(struct spore__pub *p, uint64_t need);
void spore__pub_leave_all(struct spore__pub *p); // those that are to be taken as well
enum spore_err spore__pub_wait(struct spore__transport *t, enum spore__way way, int64_t deadline, struct pollfd *extra,
                               unsigned count);
bool spore__pub_arm(struct spore__transport *t, enum spore__way way);

#endif
