// The file of a recording (docs/record-format.md): bytes in, messages out, and the reverse. Integers have their lowest byte first.
//
//	"spore-rec 1\n"                                                12 bytes
//	time[8] length[4] what[1] 0[3] sum[4]  then LENGTH bytes       an entry
//
// TIME is nanoseconds since the first entry's moment, WHAT 0: the port sent it, 1: the port received it, 2: messages were missed here, and the bytes
// are their number (8 bytes). SUM is the CRC-32 (that of gzip) of the 16 bytes before it and of the message.
#ifndef SPORE_LOOK_RECORD_H
#define SPORE_LOOK_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spore/spore.h"

enum { SPORE__REC_MAGIC = 12, SPORE__REC_HEAD = 20 };
#define SPORE__REC_MAGIC_TEXT "spore-rec 1\n"

enum spore__rec_what { SPORE__REC_SENT = 0, SPORE__REC_RECEIVED = 1, SPORE__REC_MISSED = 2 };

struct spore__rec_entry {
	uint64_t ns;
	uint32_t len;
	enum spore__rec_what what;
	uint32_t sum;
};

// HEAD becomes that of the entry; E->sum is not looked at.
void spore__rec_encode(const struct spore__rec_entry *e, const void *bytes, unsigned char head[SPORE__REC_HEAD]);
// SPORE_EMALFORMED: it is none.
enum spore_err spore__rec_decode(const unsigned char head[SPORE__REC_HEAD], struct spore__rec_entry *e);
// Are these its bytes, and is that its head?
bool spore__rec_is_whole(const struct spore__rec_entry *e, const void *bytes,
                         const unsigned char head[SPORE__REC_HEAD]);

#endif
