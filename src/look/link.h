// A connection to the hold of a task, for one of the ports of its program. What goes wrong is reported and ends the process.
#ifndef SPORE_LOOK_LINK_H
#define SPORE_LOOK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chan/transport.h"
#include "cli/held.h"
#include "task/hold_protocol.h"
#include "task/port.h"
#include "task/state.h"

struct spore__link_port {
	int64_t id;
	char name[SPORE__HOLD_WORD + 1];
};

struct spore__link {
	const char *what; // the command
	struct spore__held held;
	char port[SPORE__HOLD_WORD + 1];
	int fd;
	int64_t id;  // of the port; -1: it is not open
	bool serves; // ... and its shape
	bool publishes, subscribes, bytes;
	uint64_t joined;                        // serial of the channel that was made here; 0: none
	uint64_t taken;                         // serial of a channel that it has, or had; 0: none
	char protocol[SPORE__PROTOCOL_MAX + 1]; // that its program has said; "": none
	bool plain;                     // of a program without libspore: its bytes are told apart as FRAMING says
	bool pumped;                    // ... by a pump, through which they can be seen
	char framing[16];               //
	uint64_t unsaid;                // ports that are still to be told of
	bool told;                      // of all ports
	struct spore__link_port *ports; // that are open; malloc'ed
	size_t port_count;
	struct spore__hold_state state; // of its task
	char noted[1024];               // what was last said to be waited for
	unsigned char *in;
	size_t in_len, used; // bytes; those of the message before
	int fds[2 * SPORE__HOLD_DESCRIPTORS];
	unsigned fd_count;
};

// NAME is [SYSTEM/]TASK[@REPLICA].PORT.
void spore__link_open(struct spore__link *l, const char *what, const char *name);
// The same with a hold whose folder is known; false when it does not run. PORT and NAME, of the task, are copied.
bool spore__link_begin(struct spore__link *l, const char *what, const char *folder, const char *name, const char *port);
void spore__link_close(struct spore__link *l);

enum spore__link_heard {
	SPORE__LINK_NOTHING,
	SPORE__LINK_MESSAGE,
	SPORE__LINK_GONE, // the hold ended
};
// The next message if there is one; those of other ports are passed over. L->id and L->told are kept up to date. Does not wait.
enum spore__link_heard spore__link_next(struct spore__link *l, struct spore__hold_message *m);
// The descriptors of a message `channel`, which are the caller's then. False: they did not come.
bool spore__link_take(struct spore__link *l, const struct spore__hold_message *m, int *fds);
// Waits until there is something to read, for at most so many microseconds (-1: for ever). False: that time is over.
bool spore__link_wait(struct spore__link *l, int64_t us);
_Noreturn void spore__link_gone(const struct spore__link *l); // says so
// Sends the frame in W, which is finished; descriptors stay the caller's.
void spore__link_say(struct spore__link *l, struct spore__msgpack_writer *w, const int *fds, unsigned count);

// ---- await.c

// As spore__link_wait with -1, saying on standard error after a moment WHAT it waits for, once as long as that is the same.
void spore__link_wait_for(struct spore__link *l, const char *what);
// The same, for a port that is not open. One that never will be ends the process.
void spore__link_wait_open(struct spore__link *l);
// Waits so until it is open.
void spore__link_await_port(struct spore__link *l);

// ---- offer.c

// Makes a channel of TRANSPORT and gives one end to the port, which is open; OURS is the other one. False: it was not taken, or there is no such
// transport here.
bool spore__link_offer(struct spore__link *l, const char *transport, struct spore__channel_end *ours);
_Noreturn void
spore__link_not_taken(const struct spore__link *l); // says why no channel was taken by the port, which is open

#endif
