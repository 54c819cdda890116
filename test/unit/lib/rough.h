// A thread between two stream sockets that passes bytes on as a bad network does: in pieces of any size, late, and cut off when so many
// bytes went one way.
#ifndef SPORE_TEST_ROUGH_H
#define SPORE_TEST_ROUGH_H

#include <stddef.h>
#include <stdint.h>

struct rough;

// Owns both sockets. CUT: bytes in both directions together after which it drops the connection; 0: never.
struct rough *rough_start(int a, int b, uint32_t seed, size_t cut);
// Ends when both sides have closed, which the caller has seen to. NULL is fine.
void rough_stop(struct rough *r);

#endif
