// Descriptors that travel with bytes over a Unix stream socket.
#ifndef SPORE_LIB_PASS_H
#define SPORE_LIB_PASS_H

#include <stddef.h>
#include <sys/types.h>

enum { SPORE__PASSED = 16 }; // descriptors at once, at most

// As send, with COUNT descriptors that go with the first byte and stay the caller's. Neither waits (EAGAIN) nor raises a signal; more than
// SPORE__PASSED: EINVAL. COUNT 0: any stream socket will do.
ssize_t spore__pass_send(int fd, const void *bytes, size_t len, const int *fds, unsigned count);
// As recv, without waiting. Of the descriptors that come the first ROOM are kept, *COUNT of them, close-on-exec; the others are closed.
ssize_t spore__pass_receive(int fd, void *bytes, size_t size, int *fds, unsigned room, unsigned *count);

#endif
