// Bytes from one descriptor to another, neither of which waits (O_NONBLOCK). Where the kernel can carry them none is ever in this process.
#ifndef SPORE_PUMP_PASSAGE_H
#define SPORE_PUMP_PASSAGE_H

#include <stdbool.h>
#include <stddef.h>

struct spore__passage {
	int from, to;
	int mid[2];                   // a pipe between two sockets, to be read and to be written; -1: none
	unsigned char *buffer;        // malloc'ed; NULL as long as the kernel carries
	size_t at, len;               // in it
	bool ended;                   // nothing more comes
	bool gone;                    // nobody takes any more
	bool done;                    // ended, and all of it was passed on; or gone
	short from_events, to_events; // what it waits for
};

void spore__passage_init(struct spore__passage *f, int from, int to, const int mid[2]);
void spore__passage_finish(struct spore__passage *f); // the descriptors stay
// Carries what can be carried now, a bounded amount; then one of the events is set, or `done`, or, when there was more, neither.
void spore__passage_step(struct spore__passage *f);

#endif
