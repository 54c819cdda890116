// Standard input, output and error of a program of spore.
#ifndef SPORE_BASE_STD_H
#define SPORE_BASE_STD_H

#include <stddef.h>

// First of all: one of the three that is closed becomes a file with which nothing can be done, or else the next that is opened would be taken for it,
// and a socket be written to.
void spore__std_begin(void);
// Last of all: what was printed has to have arrived. Returns STATUS, or after a report that of a failure. A reader that has gone has seen enough:
// that is no failure.
int spore__std_end(int status);
// Prints LEN bytes without stdio. Returns SPORE__EXIT_OK, or after a report the exit status; a reader that has gone is no failure here either.
int spore__std_write(const char *data, size_t len);

#endif
