// What failed and may go well the next time is tried again: not at once, and later each time that it fails. Times are milliseconds of one clock.
#ifndef SPORE_NODE_PAUSE_H
#define SPORE_NODE_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SPORE__PAUSE_MS = 100,        // the first
	SPORE__PAUSE_MOST_MS = 3200,  // each is twice the one before
	SPORE__PAUSE_CALM_MS = 10000, // so long after a failure the next one counts as the first
};

struct spore__pause { // zeroed: none
	uint64_t until_ms, failed_ms;
	unsigned failures; // that count
};

void spore__pause_begin(struct spore__pause *p, uint64_t now_ms);
// The shortest; nothing has failed.
void spore__pause_briefly(struct spore__pause *p, uint64_t now_ms);
bool spore__pause_lasts(const struct spore__pause *p, uint64_t now_ms);

#endif
