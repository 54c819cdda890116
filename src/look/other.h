// What is at the other end of a port's wire, where what passes can be looked at and at the port itself it cannot. The node is asked.
#ifndef SPORE_LOOK_OTHER_H
#define SPORE_LOOK_OTHER_H

#include "look/link.h"

// The port whose publications the port of L, which subscribes, is wired to; the caller's, by free. Where there is none the process ends.
char *spore__other_publisher(const struct spore__link *l);
// The port of a program without libspore that the port of L is wired to; likewise. NULL: there is none.
char *spore__other_plain(const struct spore__link *l);

#endif
