// A small file that is rewritten often, in place: a file system that has to find and free an inode each time is slow at it (ext4 passes
// over all that were freed within the last half minute), and room that it has once it keeps, also on a full disk.
//
// Two slots of SPORE__SLOT bytes, written in turn, so that one is whole whenever the other is being written:
//
//	magic "SLT1", 4 bytes     length of the content, 4 bytes     number, 8 bytes     XXH3 of number and content, 8 bytes     content
//
// all numbers with the lowest byte first. The slot that is whole and has the higher number counts.
#ifndef SPORE_TASK_SLOTS_H
#define SPORE_TASK_SLOTS_H

#include <stddef.h>

enum { SPORE__SLOT = 4096, SPORE__SLOT_HEAD = 24 };

// Writes LEN bytes (at most SPORE__SLOT - SPORE__SLOT_HEAD, else EMSGSIZE) as the content of the file NAME of the folder DIR, made with
// mode 0600 where there is none. One writer at a time. 0, or -1 with errno: what was there before still is.
int spore__slots_write(int dir, const char *name, const void *bytes, size_t len);

// The content, malloc'ed, also while it is being written; NULL with errno: EBADMSG when it is no such file, or nothing was written whole.
unsigned char *spore__slots_read(int dir, const char *name, size_t *len);

#endif
