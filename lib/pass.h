// Descriptors that travel with bytes over a Unix stream socket.
#ifndef SPORE_LIB_PASS_H
#define SPORE_LIB_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "spore/spore.h"

enum { SPORE__PASSED = 16 }; // descriptors at once, at most

// As send, with COUNT descriptors that go with the first byte and stay the caller's. Neither waits (EAGAIN) nor raises a signal; more than
// SPORE__PASSED: EINVAL. COUNT 0: any stream socket will do.
ssize_t spore__pass_send(int fd, const void *bytes, size_t len, const int *fds, unsigned count);
// As recv, without waiting. Of the descriptors that come the first ROOM are kept, *COUNT of them, close-on-exec; the others are closed.
ssize_t spore__pass_receive(int fd, void *bytes, size_t size, int *fds, unsigned room, unsigned *count);

// Descriptors that came with messages which are not whole yet. Those of one message come at once, with its first byte, or, where this process has
// no room for them, some or none of them (`cut`): so they are kept apart, and what is missing of one is not made up from the next. Zeroed is empty.
struct spore__passed {
	struct spore__passed_group {
		int fds[SPORE__PASSED];
		unsigned count;
		bool cut;
	} groups[4]; // a message is taken out before the next but one begins
	unsigned count;
};
// As spore__pass_receive; takes all that come.
ssize_t spore__passed_receive(struct spore__passed *p, int fd, void *bytes, size_t size);
// The COUNT descriptors of the next message that has any, which are the caller's now. SPORE_ESYSTEM: there was no room for them; nothing is
// wrong with the message. SPORE_EMALFORMED: they did not come, or others.
enum spore_err spore__passed_take(struct spore__passed *p, int *fds, unsigned count);
// Closes what is left: of messages that have no use for them, once there is no begun one.
void spore__passed_close(struct spore__passed *p);

#endif
