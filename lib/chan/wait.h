// What becomes of a call that found no message, or no room (chan.c), for chan_send.c and chan_receive.c.
#ifndef SPORE_LIB_CHAN_WAIT_H
#define SPORE_LIB_CHAN_WAIT_H

#include "chan/inside.h"

// How long a call waits; made of its time-out.
struct spore__timer {
	int ms;
	int64_t deadline; // 0: not looked at yet
	bool over;
	bool unarmed; // with SPORE_NOW: the descriptor is not polled next
};

int64_t spore__wait_deadline(struct spore__timer *t); // -1: for ever

// After a try that said E (SPORE_EAGAIN or SPORE_ENOTWIRED). SPORE_OK: try again.
enum spore_err spore__wait_after(struct spore_chan *c, enum spore__way way, enum spore_err e, struct spore__timer *t);
// SPORE_OK: another look, which is the last one if the timer is over.
enum spore_err spore__wait_within(struct spore_chan *c, enum spore__way way, struct spore__timer *t);
// Once, as ops->wait of a transport: until DEADLINE, or until one of MORE (COUNT <= 2, may be NULL) is ready.
enum spore_err spore__wait_once(struct spore_chan *c, enum spore__way way, int64_t deadline, struct pollfd *more,
                                unsigned count);
// The descriptor tells when another try is worth while. E, or SPORE_OK: it is so already.
enum spore_err spore__wait_arm(struct spore_chan *c, enum spore__way way, enum spore_err e);

#endif
