// The ports that this program opened by their names, and what the hold says of them. Private to libspore.
#ifndef SPORE_LIB_CHAN_PORT_H
#define SPORE_LIB_CHAN_PORT_H

#include "control.h"
#include "spore/chan.h"

// What the hold said: SPORE__CONTROL_CHANNEL (its descriptors in FDS, which are taken over), _UNWIRED, _CLOSED. From any thread.
void spore__port_hear(const struct spore__control_message *m, const int *fds);
// Nothing more will be heard of the hold: no port will be wired any more. What is wired goes on.
void spore__port_end_all(void);
// Calls that receive from a port's end say SPORE_EEND from now on: another instance takes over.
void spore__port_quiet_all(void);
// The instance in whose place this one was started is gone: what this one publishes is published from now on.
void spore__port_is_alone(void);
// C is about to be closed. Nothing when it is no port's.
void spore__port_forget(struct spore_chan *c);
bool spore__port_is_swapped(void); // this program was asked to stop, since another instance of it takes over
// In a child made by fork: it has no ports.
void spore__port_after_fork(void);

// What to poll (POLLIN) before the next spore_port_accept with SPORE_NOW. Borrowed.
void spore__port_polled(const struct spore_port *p, int fds[2]);

// After something was heard, with no locks: ports that make no calls leave the channels that were moved.
void spore__port_leave_moved(void);

#endif
