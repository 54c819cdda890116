// An entry of a recording.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "look/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spore__rec_entry e;
	unsigned char again[SPORE__REC_HEAD];
	if (size < SPORE__REC_HEAD || spore__rec_decode(data, &e) != SPORE_OK || e.len > size - SPORE__REC_HEAD ||
	    !spore__rec_is_whole(&e, data + SPORE__REC_HEAD, data))
		return 0;
	spore__rec_encode(&e, data + SPORE__REC_HEAD, again);
	if (memcmp(again, data, sizeof again) != 0)
		abort();
	return 0;
}
