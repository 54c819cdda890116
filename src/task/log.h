// A task's log on disk. A hold appends, anyone reads; no lock, no daemon. It survives a crash at any byte.
//
// Folder logs/SYSTEM/TASK[@REPLICA]/ holds files GENERATION-NUMBER.log (decimal, NUMBER from 1), each a sequence of blocks. A block is a
// head of 48 bytes and a payload; integers have the lowest byte first:
//
//	 0  u32  magic 0x31424c53 ("SLB1")
//	 4  u32  length of the payload, at most SPORE__LOG_PAYLOAD
//	 8  u64  XXH3 (64 bits) of bytes 16 to 47 of the head and the payload
//	16  u64  wall clock, ns since 1970
//	24  u64  monotonic clock, ns
//	32  u64  sequence number of the block within the generation, from 1
//	40  u32  run: the instance's number
//	44  u8   kind (enum spore__log_kind)
//	45  u8   flags (enum spore__log_flag)
//	46  u16  0
//
// Every file begins with a block of kind file, whose payload is a map {system, task, replica, generation, boot}. A block of output is what
// one read gave, many lines or a part of one: the writer looks at no byte of it, the reader cuts lines. So all lines of a block have its
// time. A file whose end is torn is not appended to: the next writer begins another. A missing sequence number is a gap.
#ifndef SPORE_TASK_LOG_H
#define SPORE_TASK_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msgpack.h"
#include "task/folder.h"

enum {
	SPORE__LOG_HEAD = 48,
	SPORE__LOG_PAYLOAD = 256 * 1024, // bytes of a block at most
	SPORE__LOG_LINE = 64 * 1024,     // a longer line is read in pieces of this many bytes
};

enum spore__log_kind {
	SPORE__LOG_FILE = 0,
	SPORE__LOG_STDOUT = 1, // bytes
	SPORE__LOG_STDERR = 2, // bytes
	SPORE__LOG_TTY = 3,    // bytes of a pseudo-terminal
	SPORE__LOG_RECORDS =
	    4, // frames of the control protocol (lib/control.h), ["log", ...] and ["lost", n], one after the other
	SPORE__LOG_EVENT =
	    5, // a map {event, level, text, ...}: what the hold itself has to say: started, ready, exited, ...
	SPORE__LOG_LOST = 6, // a map {bytes, records, why}: what was dropped before this block
	SPORE__LOG_END = 7,  // empty: the hold ends, and nothing of this generation follows
};

enum spore__log_flag {
	SPORE__LOG_OPEN_END = 1, // output: its last line goes on in the next block of its kind and run
};

// ---- writing: one hold, one thread. What it needs is in the struct; only looking through the folder when a file is begun allocates, and
// where that fails nothing but the removal of old files waits.

struct spore__log_writer {
	int dir;                                  // of the log; the writer's own
	int file;                                 // -1: none is open
	uint64_t number, sequence;                // of the open file; of the last block
	uint64_t file_bytes, file_max, total_max; // of the open file; of each file; of all
	uint64_t files_max;
	size_t payload_max; // up to which the bounds above hold; a longer payload may exceed them by itself
	struct spore__hold_name name;
	char boot[40];
	bool torn; // the open file may end in a part of a block: no more is appended to it
};

// Opens the log of NAME below STATE_DIR ($SPORE_STATE; the folders are made when missing), beginning a new file. MAX bytes in FILES
// files are kept of this task, over all generations; older files are removed as new ones are begun, but for those that another writer has open.
// 0, or -1 with errno and nothing to close.
int spore__log_open(struct spore__log_writer *w, int state_dir, const struct spore__hold_name *name, int64_t max,
                    int64_t files);
void spore__log_close(struct spore__log_writer *w); // writes the block `end`

// Appends a block; returns 0, or -1 with errno and nothing appended that a reader would see (ENOSPC, EDQUOT, EFBIG, EIO: try again later).
// LEN is at most SPORE__LOG_PAYLOAD (else EINVAL). WALL and MONOTONIC are given, so that one clock read can serve many.
int spore__log_append(struct spore__log_writer *w, enum spore__log_kind kind, unsigned flags, uint32_t run,
                      uint64_t wall, uint64_t monotonic, const void *payload, size_t len);

// ---- blocks, for readers: bytes in, blocks out

// GENERATION-NUMBER.log; false: FILE is the name of something else.
bool spore__log_file_parse(const char *file, uint64_t *generation, uint64_t *number);

struct spore__log_block {
	enum spore__log_kind kind; // may be one that this version does not know
	unsigned flags;
	uint32_t run;
	uint64_t wall, monotonic, sequence;
	const unsigned char *payload;
	size_t len;
};

// The block at the start of BYTES. SPORE_OK: *USED bytes were it. SPORE_EAGAIN: cut off (so far). SPORE_EMALFORMED: damaged; *USED bytes, at least
// 1, are to be passed over to where the next block may begin.
enum spore_err spore__log_decode(const void *bytes, size_t len, struct spore__log_block *block, size_t *used);

#endif
