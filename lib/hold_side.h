// What a side of the control protocol has received, and the hold's rules on top: the program's hello comes first, of our major
// version. Bytes in, messages out; the caller reads and writes the descriptor (MSG_DONTWAIT | MSG_NOSIGNAL).
//
//	spore__hold_side_init(&h);
//	send the frame of spore__control_put_hello(&w, NULL, configuration);
//	when readable: p = spore__control_space(&h.in, &n); got = recv(fd, p, n); spore__control_received(&h.in, got);
//		while ((e = spore__hold_side_next(&h, &m)) == SPORE_OK) use m;
//		e is SPORE_EAGAIN: wait for more; else send the frame of spore__control_put_refuse(&w, e, h.refusal) and close.
#ifndef SPORE_LIB_HOLD_SIDE_H
#define SPORE_LIB_HOLD_SIDE_H

#include "control.h"

struct spore__control_input {
	// malloc'ed, SPORE__CONTROL_FRAME bytes at most; or the caller's, who never finishes this, and then exactly so many.
	unsigned char *data;
	size_t cap;
	size_t from; // of the first byte not yet decoded
	size_t len;
};

// Zeroed is initialised.
void spore__control_input_finish(struct spore__control_input *in);
// Where to put what comes next, *SIZE bytes at most; messages decoded before are invalid now. NULL: out of memory, never in the caller's.
unsigned char *spore__control_space(struct spore__control_input *in, size_t *size);
void spore__control_received(struct spore__control_input *in, size_t len);
// The next whole message; SPORE_EAGAIN when there is none yet. Errors as of spore__control_decode.
enum spore_err spore__control_next(struct spore__control_input *in, struct spore__control_message *m);

struct spore__hold_side {
	struct spore__control_input in;
	bool hello;        // the program has said hello
	bool listens;      // ... and takes the stop message; before that SIGTERM asks it to stop
	bool ready;        // ... and is at work
	bool stopping;     // ... and on its way down
	char refusal[128]; // why spore__hold_side_next failed
};

void spore__hold_side_init(struct spore__hold_side *h);
void spore__hold_side_finish(struct spore__hold_side *h);

// The next message that a program may send, unknown ones left out; it points into the input. SPORE_EAGAIN: none yet.
// SPORE_EVERSION, SPORE_EMALFORMED, SPORE_ETOOBIG: refuse and close. A repeated listens, ready or stopping is left out.
enum spore_err spore__hold_side_next(struct spore__hold_side *h, struct spore__control_message *m);

#endif
