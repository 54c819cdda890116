// The doorbells of one end: a pipe that it hears, whose end of file says that the peer is gone, and one that it rings. Two threads may wait at
// once: the first reads the pipe, the other waits for the first.
#ifndef SPORE_LIB_CHAN_BELL_H
#define SPORE_LIB_CHAN_BELL_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "spore/spore.h"

struct spore__bell {
	int hear;             // owned
	int ring;             // owned
	atomic_bool gone;     // the peer
	pthread_mutex_t lock; // nobody waits with it
	pthread_cond_t woken;
	bool led;               // a thread reads the pipe
	bool waits;             // a read of it waits: of the one that leads alone, which has nothing else to wait for
	unsigned followers;     // wait for it
	_Atomic uint64_t heard; // grows with every reason to look again
	struct spore__bell *next_watched; // with the lock of bell_watch.c
	bool watched;                     // likewise; it was
};

// Takes the descriptors over when it succeeds; neither waits (spore__io_doorbell_adopt).
enum spore_err spore__bell_init(struct spore__bell *b, int hear, int ring);
void spore__bell_finish(struct spore__bell *b);

void spore__bell_ring(struct spore__bell *b);
// The peer is told that this end is gone, and whoever waits here looks again.
void spore__bell_hang_up(struct spore__bell *b);

// Waits until `heard` is not HEARD, which was read before the last look at whatever is waited for. As ops->wait of a transport.
enum spore_err spore__bell_wait(struct spore__bell *b, uint64_t heard, int64_t deadline, struct pollfd *extra,
                                unsigned count);
// What is heard here is rung by this end itself: its descriptor is readable. False: it cannot be, without /proc or with too many open files.
bool spore__bell_echo(struct spore__bell *b);
// Takes note of what was rung, without waiting.
void spore__bell_listen(struct spore__bell *b);
// Is the peer gone? What was rung is left to the thread that sleeps on the descriptor.
void spore__bell_look(struct spore__bell *b);

// ---- bell_watch.c: that a peer is gone is noticed also while no call looks at the bell

// From now on until spore__bell_finish, for as long as somebody looks at spore__bell_watch_fd and calls spore__bell_watched when that is readable.
void spore__bell_watch(struct spore__bell *b);
void spore__bell_unwatch(struct spore__bell *b);
int spore__bell_watch_fd(void); // -1: there is no such thing
bool spore__bell_watched(void); // false: the descriptor is no good any more
void spore__bell_watch_after_fork(void);

int64_t spore__bell_now(void); // nanoseconds of the monotonic clock

// poll with a deadline (-1: for ever); errno of a failure.
int spore__bell_poll(struct pollfd *p, unsigned count, int64_t deadline);
// Until FD can be read (*READY), or one of EXTRA (COUNT <= SPORE__END_EXTRA) is ready, whose revents are set.
enum spore_err spore__bell_poll_with(int fd, int64_t deadline, struct pollfd *extra, unsigned count, bool *ready);

#endif
