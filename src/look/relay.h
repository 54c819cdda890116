// What a relay has counted (node/relay_counts.h).
#ifndef SPORE_LOOK_RELAY_H
#define SPORE_LOOK_RELAY_H

#include <stdbool.h>
#include <stdint.h>

// DROPPED of the channel SERIAL, added up. False: there is no such file in FOLDER.
bool spore__relay_dropped(const char *folder, uint64_t serial, uint64_t dropped[2]);

#endif
