// A test as the hold of a program that opens ports. libspore takes SPORE_FD before main, so the program is the test itself, executed
// again with the name of its part.
#ifndef SPORE_TEST_LIB_HOLD_RIG_H
#define SPORE_TEST_LIB_HOLD_RIG_H

#include <sys/types.h>

#include "chan/chan.h"
#include "hold_side.h"

enum { PATIENCE = 20000 };                   // ms
#define WHAT_IS_THERE SPORE__CONTROL_UNKNOWN // of which nothing is heard

extern const char *self;      // argv[0]
extern const char *transport; // of the channels that the hold makes

struct child {
	pid_t pid;
	int fd;  // our end
	int err; // what it writes to standard error
	int in;  // its standard input
	struct spore__hold_side side;
	uint64_t serial;
	bool claims;   // descriptors, with the last port that it opened
	bool features; // said that it can use `transport`
};

void begin(struct child *c, const char *part);
// Reads until a message of this type about the port "in", or WHAT_IS_THERE.
void hear(struct child *c, enum spore__control_type type, const char *shape);
void send_with(int fd, const struct spore__msgpack_writer *w, const int *fds, unsigned count);
// A channel to "in"; this end.
struct spore_chan *wire(struct child *c);
// Passes an end of a channel for the port "in"; its other end. EARLY: whose peer has not come yet, but does with `come`.
struct spore__channel_end pass_end(struct child *c, bool early);
struct spore_chan *come(struct spore__channel_end *end);
void say(struct child *c, void (*put)(struct spore__msgpack_writer *w, const char *port, uint64_t serial));
// Waits for the end; returns what came on standard error.
const char *end(struct child *c, int expected);

// Over a channel
void expect(struct spore_chan *c, const char *text);
void tell(struct spore_chan *c, const char *text);

#endif
