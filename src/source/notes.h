// What a folder build remembers for the next one: the strategy that worked, and under which circumstances.
#ifndef SPORE_SOURCE_NOTES_H
#define SPORE_SOURCE_NOTES_H

#include <stdbool.h>

#include "source/build.h"

// The strategy noted in WORK; false when there is none or KEY differs, then STRATEGY is untouched.
bool spore__notes_read(const char *work, const char *key, struct spore__strategy *strategy);
int spore__notes_write(const char *work, const char *key, const struct spore__strategy *strategy); // 0 or -1
void spore__notes_remove(const char *work);

#endif
