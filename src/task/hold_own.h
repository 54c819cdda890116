// What the ports have in common that are the hold's own and not its program's: wired stdin and stdout (hold_wired.c, hold_pumped.c), FIFOs and
// sockets (hold_named.c).
#ifndef SPORE_TASK_HOLD_OWN_H
#define SPORE_TASK_HOLD_OWN_H

#include "task/hold.h"

// As a node is told of it.
struct spore__own_port {
	const char *name;
	const char *framing, *protocol; // may be "": lines, none
	const char *as;                 // NULL: no file
	bool pump;                      // it can be tapped
	bool renews;                    // closed and opened under another id between two channels
	const char *const *features;    // the transports as a program's hello has them, the best first
	unsigned feature_count;
};

// Appends `open`. SERIAL is that of its channel, 0: none.
void spore__own_put(const struct spore__own_port *port, uint64_t id, uint64_t serial, struct spore__msgpack_writer *w);
// Says it, under a new id and without a channel.
void spore__own_say_open(struct spore__hold *h, const struct spore__own_port *port, uint64_t *id, uint64_t *serial);
// Says that it is closed, unless that is so already (*ID 0).
void spore__own_say_close(struct spore__hold *h, uint64_t *id, uint64_t *serial);

bool spore__own_is(const struct spore__hold_word *word, const char *text);
// Can the descriptor be used where WITHOUT (O_RDONLY, O_WRONLY) is not enough? It does not wait from then on.
bool spore__own_can(int fd, int without);

#endif
