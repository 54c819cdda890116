// The heads of frames on a stream: a length of four bytes, the lowest first.
#ifndef SPORE_LIB_CHAN_FRAME_H
#define SPORE_LIB_CHAN_FRAME_H

#include <stdint.h>

enum { SPORE__FRAME_HEAD = 4 };
#define SPORE__FRAME_FINISH UINT32_MAX // in place of a length: no more messages

static inline void spore__frame_put(unsigned char *to, uint32_t len)
{
	for (int i = 0; i < SPORE__FRAME_HEAD; i++)
		to[i] = (unsigned char)(len >> (8 * i));
}

static inline uint32_t spore__frame_get(const unsigned char *from)
{
	return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

#endif
