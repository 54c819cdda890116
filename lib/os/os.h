// The platform of libspore behind one header; backends linux.c and posix.c. Functions return -1 with errno on failure.
#ifndef SPORE_LIB_OS_OS_H
#define SPORE_LIB_OS_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

// Takes an inherited descriptor over: 0 when it is a stream Unix socket, which is close-on-exec from now on and never raises
// SIGPIPE.
int spore__io_adopt(int fd);

// Which socket a descriptor is. A program may close every descriptor it does not know, and the number may then be another file's.
struct spore__io_id {
	dev_t device;
	ino_t inode;
};
void spore__io_identify(int fd, struct spore__io_id *id);
bool spore__io_is(int fd, const struct spore__io_id *id); // may be called in a signal handler

// Neither waits (EAGAIN), neither raises a signal.
ssize_t spore__io_send(int fd, const void *bytes, size_t len);
ssize_t spore__io_receive(int fd, void *bytes, size_t size);

// A pair of connected stream sockets, close-on-exec.
int spore__io_pair(int fds[2]);

// The address for the text of NOTIFY_SOCKET: a path, or with a leading @ an abstract name (plain POSIX: EAFNOSUPPORT).
int spore__io_notify_address(const char *text, struct sockaddr_un *address, socklen_t *len);
// A socket for spore__io_send_to, close-on-exec, on which a datagram waits at most TIMEOUT_MS for the receiver.
int spore__io_datagram(int timeout_ms);
// One datagram; raises no signal; failure is ignored.
void spore__io_send_to(int fd, const char *text, size_t len, const struct sockaddr_un *address, socklen_t address_len);

#endif
