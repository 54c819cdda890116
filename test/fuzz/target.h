// What fuzz targets share. Each defines LLVMFuzzerTestOneInput, for libFuzzer and for replay.c.
#ifndef SPORE_TEST_FUZZ_TARGET_H
#define SPORE_TEST_FUZZ_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void check(bool ok)
{
	if (!ok)
		abort();
}

// Bytes that decide what is done next.
struct input {
	const uint8_t *at, *end;
};

// A little-endian number of so many bytes; zeros where the input has no more.
static inline uint64_t take(struct input *in, unsigned bytes)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < bytes && in->at < in->end; i++)
		v |= (uint64_t)*in->at++ << (8 * i);
	return v;
}

#endif
