// The stop request, for connection.c. Private to libspore.
#ifndef SPORE_LIB_STOP_H
#define SPORE_LIB_STOP_H

#include <stdbool.h>

// In a child made by fork: it has not been asked to stop, and signals do what they do by default until it uses a stop function.
void spore__stop_after_fork(void);
// Has the program said that it takes the request?
bool spore__stop_is_listening(void);
// Has it, and was it asked? As far as was heard.
bool spore__stop_is_asked(void);

#endif
