// Threads of libspore's own, and the end of the others. Private to libspore.
#ifndef SPORE_LIB_BACKGROUND_H
#define SPORE_LIB_BACKGROUND_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

// Starts FN in a detached thread that takes no signals, with a stack of STACK bytes (0: as any thread). 0, or the number of an error. From any thread.
int spore__background_start(void *(*fn)(void *arg), size_t stack);

// Locks M. False: not within MS milliseconds. For what runs at the end of a program, which may come in the middle of anything.
bool spore__lock_within(pthread_mutex_t *m, int ms);

#endif
