// Bytes from one descriptor to another, neither of which waits (O_NONBLOCK). Where the kernel can carry them none is ever in this process.
#ifndef SPORE_PUMP_PASSAGE_H
#define SPORE_PUMP_PASSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "pump/window.h"

struct spore__passage {
	int from, to;
	int mid[2];                   // a pipe between two sockets, to be read and to be written; -1: none
	unsigned char *buffer;        // malloc'ed; NULL as long as the kernel carries
	size_t at, len;               // in it
	bool ended;                   // nothing more comes
	bool gone;                    // nobody takes any more
	bool done;                    // ended, and all of it was passed on; or gone
	short from_events, to_events; // what it waits for
	struct spore__window *window; // who looks on sees it here; NULL: nobody can
	enum spore__window_way way;   // ... in this direction
	int ahead[2];                 // a pipe for what they are shown; -1: not made yet
};

void spore__passage_init(struct spore__passage *f, int from, int to, const int mid[2]);
void spore__passage_finish(struct spore__passage *f); // the descriptors stay
// From now on it counts and shows there what it carries. WINDOW stays the caller's; NULL is fine.
void spore__passage_show(struct spore__passage *f, struct spore__window *window, enum spore__window_way way);
// Carries what can be carried now, a bounded amount; then one of the events is set, or `done`, or, when there was more, neither.
void spore__passage_step(struct spore__passage *f);

#endif
