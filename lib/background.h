// Threads of libspore's own. Private to libspore.
#ifndef SPORE_LIB_BACKGROUND_H
#define SPORE_LIB_BACKGROUND_H

#include <stddef.h>

// Starts FN in a detached thread that takes no signals, with a stack of STACK bytes (0: as any thread). 0, or the number of an error. From any thread.
int spore__background_start(void *(*fn)(void *arg), size_t stack);

#endif
