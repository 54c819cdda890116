// One channel that is made while there is nothing else to do, so that the next one that is asked for is there at once.
#ifndef SPORE_NODE_SPARE_H
#define SPORE_NODE_SPARE_H

#include <stdbool.h>
#include <uv.h>

#include "chan/transport.h"

struct spore__spare {
	uv_timer_t timer; // runs from a channel that was taken until another is made
	bool there;
	struct spore__channel_end ends[2];
};

int spore__spare_init(struct spore__spare *s, uv_loop_t *loop); // an error of libuv's
// As spore__channel_make with sizes by default.
enum spore_err spore__spare_take(struct spore__spare *s, const char *transport, struct spore__channel_end ends[2]);

#endif
