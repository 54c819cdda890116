// What the node gives to the bridge that it puts between the two ends of a wire, and what the bridge shows of itself.
//
//	spore-bridge between FROM TO
//
// FROM and TO are names of ports, for `ps`. Descriptor 3 is a Unix stream socket, from which one message comes with the descriptors of both ends,
// the left one's first; specifications may hold secrets, and so are not arguments.
#ifndef SPORE_BRIDGE_START_H
#define SPORE_BRIDGE_START_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/codec.h"
#include "msgpack.h"
#include "task/port.h"

enum {
	SPORE__BRIDGE_NAME = 2 * SPORE__NAME_MAX + 32 + SPORE__NAME_MAX + 2, // [SYSTEM/]TASK[@REPLICA].PORT
	SPORE__BRIDGE_START_MAX = 16384,
	SPORE__BRIDGE_FDS = 2, // of one end at most
};

// How an end's messages lie in its descriptors.
//	"stream"    as its protocol lies in a stream
//	"messages"  each behind its length, as channels have them in a stream (chan/framing.h); 0xffffffff is the finish
//	or one of the framings of codecs: "lines", "u32le", "u32be", "netstring"
struct spore__bridge_start_end {
	char name[SPORE__BRIDGE_NAME]; // of the port
	char spec[SPORE__PROTOCOL_MAX + 1];
	char how[16];
	enum spore__codec_role role;
	bool reads, writes; // what the bridge does there
	int count;          // descriptors: one for both directions, or to be read, to be written
	int64_t ended;      // the latest instance of its task that has ended; -1: not known
};

struct spore__bridge_start {
	struct spore__bridge_start_end ends[2]; // from, to
	char state[PATH_MAX];  // the state folder: for its log, and messages that it could not translate
	char record[PATH_MAX]; // the file of struct spore__bridge_record
};

void spore__bridge_start_encode(const struct spore__bridge_start *s, struct spore__msgpack_writer *w);
// False: it is no such message.
bool spore__bridge_start_decode(struct spore__bridge_start *s, const void *bytes, size_t len);

// A file in the folder of the hold at the left end (the right one where the left one serves), named after the channel: `bridge-SERIAL`. The bridge
// maps and writes it, holds a lock on it (flock), and removes it when it ends; whoever looks maps it for reading.
#define SPORE__BRIDGE_MAGIC UINT64_C(0x3165676469726273) // "sbridge1"

struct spore__bridge_record {
	uint64_t magic;
	_Atomic int64_t pid;
	// Messages that came from the left end and were passed on, and those that could not be translated; then those of the right end.
	_Atomic uint64_t passed[2], refused[2];
	_Atomic uint64_t failed;   // calls that got an error from the bridge
	_Atomic uint64_t restarts; // of its inner process
	// Of each end, the latest instance of whose end the bridge knows; -1: nobody has said. Written by the node, which tells it of others by a
	// signal.
	_Atomic int64_t told[2];
};

// The record of the channel SERIAL in FOLDER; false: there is none, or nobody holds its lock.
bool spore__bridge_record_read(const char *folder, uint64_t serial, struct spore__bridge_record *out);
// It was told that the instance ENDED of SIDE has ended.
void spore__bridge_record_told(const char *folder, uint64_t serial, int side, int64_t ended);

#endif
