// Publish and subscribe: one memory that the publisher writes and any number of subscribers read, and for each subscriber a page of its own,
// the cursor, which it shares with the publisher alone. docs/design/channels.md says why it is as it is.
//
// A publisher is made by spore__pub_create and takes subscribers with spore__pub_add. The two ends of one subscription come from
// spore__channel_make("publication"): each is the cursor and a connected socket, which is doorbell, notice of death, and the way of the memory
// to the subscriber: it comes over it as one descriptor, from the publisher's hold, or from the publisher itself. The end with the role 1 is a
// transport that receives; that with the role 0 is for spore__pub_add. When a subscriber is gone, and somebody has kept the two and the memory, its
// end can be opened again with the three of them: it goes on where that one was, which is in the cursor, and the publisher notices nothing.
#ifndef SPORE_LIB_CHAN_PUB_H
#define SPORE_LIB_CHAN_PUB_H

#include <assert.h>
#include <stdalign.h>

#include "chan/transport.h"

#define SPORE__PUB_COOKIE UINT64_C(0x3162757070732d73)    // "s-sppub1"
#define SPORE__CURSOR_COOKIE UINT64_C(0x31637570732d7073) // "sp-spuc1"
#define SPORE__PUB_NOWHERE UINT64_MAX

enum {
	SPORE__PUB_LAYOUT = 1,
	SPORE__PUB_PAGE = 4096,
	SPORE__PUB_HEAD = 16,  // bytes of a record before its message
	SPORE__PUB_ALIGN = 16, // of records
	SPORE__PUB_MARKS = 8,
	SPORE__PUB_LARGE = 64, // large messages that are there at a time
};

// ---- the memory of a publication; positions are of records in the log, whose bytes are used again and again, and never go back

struct spore__pub_header { // copied once when it is opened
	uint64_t cookie;
	uint32_t layout;
	uint32_t log;   // bytes; a power of two
	uint64_t large; // bytes behind it, for messages over a quarter of the log
};

struct spore__pub_says {                          // all of it is written by the publisher
	alignas(128) _Atomic uint64_t head;       // behind the last record that is whole
	_Atomic uint64_t latest;                  // the last message; SPORE__PUB_NOWHERE: none yet
	_Atomic uint64_t marks[SPORE__PUB_MARKS]; // the first record in each eighth of the log
	// Stored before anything is overwritten: a copy is good when its record is not before them afterwards.
	alignas(128) _Atomic uint64_t tail; // records before it are gone
	_Atomic uint64_t large_from;        // of records before it what is in the large area is gone
};

struct spore__pub_record {
	uint64_t number; // of messages before it
	uint64_t what;   // kind (the highest byte), bytes that follow
};

enum spore__pub_kind {
	SPORE__PUB_MESSAGE = 1,
	SPORE__PUB_FAR = 2,  // a uint64_t offset in the large area and length follow
	SPORE__PUB_SKIP = 3, // nothing up to the end of the log
	SPORE__PUB_FINISH = 4,
};

enum { SPORE__PUB_SAYS_AT = 128 }; // offset in the first page; the log begins with the second
static_assert(sizeof(struct spore__pub_header) == 24, "layout");
static_assert(sizeof(struct spore__pub_says) == 256, "layout");

static inline uint64_t spore__pub_what(enum spore__pub_kind kind, uint64_t len)
{
	return (uint64_t)kind << 56 | len;
}

// Of a record with so many bytes behind its head.
static inline uint64_t spore__pub_size(uint64_t len)
{
	return SPORE__PUB_HEAD + ((len + SPORE__PUB_ALIGN - 1) & ~(uint64_t)(SPORE__PUB_ALIGN - 1));
}

// Bytes of a message that lies in the log.
static inline uint64_t spore__pub_inline(uint32_t log)
{
	return log / 4 - SPORE__PUB_HEAD;
}

// ---- the cursor, a page

struct spore__cursor {
	uint64_t cookie; // written by the maker
	uint32_t layout;
	// Written by the subscriber.
	alignas(
	    128) _Atomic uint64_t released; // it needs nothing before; SPORE__PUB_NOWHERE: it has not the memory yet
	_Atomic uint32_t sleep;             // odd: it sleeps, or is about to; another number each time
	_Atomic uint64_t received, bytes;   // messages; bytes of them
	_Atomic uint64_t dropped;           // messages that were overwritten before it had them
	_Atomic uint64_t next;              // of messages before the next one that it expects, and one; 0: not known
	_Atomic uint64_t done; // likewise, of the first that it has not released: one that takes over begins there
	// Written by the publisher.
	alignas(128) _Atomic uint32_t waits; // likewise odd: it waits for `released`
	_Atomic uint32_t taken;              // 1: the publisher knows of it, and the following are valid
	_Atomic uint64_t from;               // it waits (block) for what is at this position and behind
	_Atomic uint64_t number;             // of messages before that
	_Atomic uint64_t last;               // the last message then; SPORE__PUB_NOWHERE: none
};
static_assert(sizeof(struct spore__cursor) == 384, "layout");

// ---- pub_memory.c

struct spore__pub_shape {
	uint32_t log;
	uint64_t large;
	uint64_t large_at, size;
};
bool spore__pub_shape_of(uint32_t log, uint64_t large, struct spore__pub_shape *s);
// Maps header and log of a memory that need not be trusted: what was found can be read without fault for as long as it is mapped.
// SPORE_EINVALID, SPORE_EVERSION, SPORE_ENOMEM.
enum spore_err spore__pub_map(int memory, struct spore__pub_shape *s, unsigned char **map);
void spore__pub_unmap(unsigned char *map, const struct spore__pub_shape *s);
// Maps a cursor, which need not be trusted. HOW as of spore__io_map.
enum spore_err spore__cursor_map(int memory, unsigned how, struct spore__cursor **c);
void spore__cursor_unmap(struct spore__cursor *c);
// For who looks on a memory that was mapped by spore__pub_map: how many messages were published. False: it was overwritten meanwhile.
bool spore__pub_published(const unsigned char *map, const struct spore__pub_shape *s, uint64_t *number);
// Has the publisher no room as long as nothing from RELEASED on is released? As far as that can be seen from outside.
bool spore__pub_is_full(const unsigned char *map, const struct spore__pub_shape *s, uint64_t released);
// ops->make of the transport.
enum spore_err spore__pub_make(const struct spore__channel_sizes *sizes, struct spore__channel_end ends[2]);

// Takes what was rung at SOCK, or a part of it; then SOCK stays readable. False: the peer is gone.
bool spore__pub_listen(int sock);

// ---- the publisher (pub.c): a transport that sends, on top of what its ops say

// SIZES: `cells` is not used, `heap` the log. SPORE_EUNSUPPORTED: plain POSIX. HEAR (may be NULL) is called by ops->send and the like when NOTICE
// says so, and may call the functions below.
enum spore_err spore__pub_create(const struct spore__channel_sizes *sizes, void (*hear)(void),
                                 struct spore__transport **t);
// Takes the subscribers that are there, so that what is published first is for them. Before it is used, or by the thread that does.
void spore__pub_begin(struct spore__transport *t);
// One more subscriber, END of role 0, whose descriptors are taken over in every case; known by SERIAL. From any thread.
void spore__pub_add(struct spore__transport *t, struct spore__channel_end *end, uint64_t serial);
// Likewise, by the name PEER, which may be NULL.
void spore__pub_add_named(struct spore__transport *t, struct spore__channel_end *end, uint64_t serial,
                          const char *peer);
// Calls TELL, by the thread that sends, when a subscriber with a name is cut off from PORT since it is too slow. Before T is used. False: no memory.
bool spore__pub_tell_cut(struct spore__transport *t, const char *port,
                         void (*tell)(const char *port, const char *peer));
void spore__pub_remove(struct spore__transport *t, uint64_t serial); // likewise
size_t spore__pub_count(const struct spore__transport *t);           // subscribers, from any thread
// What the hold gets: the memory for reading, and a page in which it writes another number when there is something to hear. Borrowed.
void spore__pub_descriptors(const struct spore__transport *t, int fds[2]);

extern const struct spore__transport_ops spore__publication_ops; // sub.c: the subscriber's end

// From now on the publisher's memory is said to SAY once it has come, with the name of the port, which is copied, and the serial of the
// subscription; it stays the transport's. So somebody else can keep it, and open the end once more (an end with the memory as its third descriptor)
// when this process has ended. Before the transport is used. False: no memory.
bool spore__sub_tell(struct spore__transport *t, const char *port, uint64_t serial,
                     void (*say)(const char *port, uint64_t serial, int memory));

#endif
