// The platform of libspore behind one header; backends linux.c and posix.c. Functions return -1 with errno on failure.
#ifndef SPORE_LIB_OS_OS_H
#define SPORE_LIB_OS_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>

// A program may have closed its standard streams, and would write to what has their numbers now: so all that is opened here, or received, is above
// them. FD itself, or another descriptor of the same in its place, close-on-exec; -1 when there is none left, and FD is closed then too.
int spore__io_above(int fd);
int spore__io_above_both(int fds[2]); // likewise; both are -1 when it fails

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

// What one thread wakes another one by that polls wake[0]: that is readable from a ring until it is heard. Neither waits. Close-on-exec; the two
// may be one descriptor. Both are -1 when it fails.
int spore__io_wake(int wake[2]);
void spore__io_wake_ring(const int wake[2]);
void spore__io_wake_hear(const int wake[2]);
void spore__io_wake_close(const int wake[2]); // of -1 it does nothing

// The address for the text of NOTIFY_SOCKET: a path, or with a leading @ an abstract name (plain POSIX: EAFNOSUPPORT).
int spore__io_notify_address(const char *text, struct sockaddr_un *address, socklen_t *len);
// A socket for spore__io_send_to, close-on-exec, on which a datagram waits at most TIMEOUT_MS for the receiver.
int spore__io_datagram(int timeout_ms);
// One datagram; raises no signal; failure is ignored.
void spore__io_send_to(int fd, const char *text, size_t len, const struct sockaddr_un *address, socklen_t address_len);

// Takes a connected stream socket of any family over.
int spore__io_stream_adopt(int fd);
// As spore__io_send, from COUNT pieces.
ssize_t spore__io_send_pieces(int fd, const struct iovec *pieces, unsigned count);

// ---- what channels need; plain POSIX has no memory of this kind (ENOSYS)

bool spore__io_shares_memory(void); // false: the following all fail

// Anonymous memory of a fixed size, zeroed, which nobody can make smaller or larger; close-on-exec.
int spore__io_memory(uint64_t size);
// Is FD such memory? Its size.
int spore__io_memory_check(int fd, uint64_t *size);
// The same in two steps: between them it is mapped; from the seal on nobody can write to it but by such a mapping, and what is in it stays there
// (it cannot be taken away either).
int spore__io_publication(uint64_t size);
int spore__io_publication_seal(int fd);
int spore__io_publication_check(int fd, uint64_t *size); // is it sealed so?
int spore__io_for_reading(int fd);                       // another descriptor of the memory, that can only be read
// Has memory put behind a range now, so that touching it cannot fail; and takes it away.
int spore__io_memory_reserve(int fd, uint64_t offset, uint64_t len);
int spore__io_memory_release(int fd, uint64_t offset, uint64_t len);
// Is there memory behind every page of the range? What was reserved and nobody has touched does not count.
bool spore__io_memory_present(int fd, uint64_t offset, uint64_t len);
// Touches every page of what is mapped, and zero.
static inline void spore__io_touch(void *at, uint64_t len)
{
	for (uint64_t i = 0; i < len; i += 4096)
		((volatile unsigned char *)at)[i] = 0;
}
// Maps a range. NULL on failure.
enum {
	SPORE__IO_READ = 0,
	SPORE__IO_WRITE = 1, // and read
	SPORE__IO_NOW = 2,   // all pages at once, if that can be
};
void *spore__io_map(int fd, uint64_t offset, size_t len, unsigned how);

// A doorbell: fds[0] hears, fds[1] rings (write does not wait, and raises no signal when nobody hears any more). Who has fds[1] can read what it
// rang, too. Both are -1 when it fails.
int spore__io_doorbell(int fds[2]);
// Takes inherited ends of doorbells over. From now on a read of HEAR does not wait.
int spore__io_doorbell_adopt(int hear, int ring);
// Rings what HEAR hears, from this side.
int spore__io_doorbell_echo(int hear);

// Makes this process one whose processors execute a fence when another one calls spore__io_barrier. False: it cannot be.
bool spore__io_barrier_join(void);
// False: it cannot any more (a filter of system calls that came later, no memory). Then it has waited for so long that what other processors had stored
// before is seen, and the caller does without it from then on if it can.
bool spore__io_barrier(void);

// One descriptor that is readable when any of its members is ready; -1 where there is no such thing (plain POSIX).
int spore__io_gather(void);
int spore__io_gather_add(int gather, int fd, short events); // again: other events
void spore__io_gather_remove(int gather, int fd);
int spore__io_gather_next(int gather, int *fd); // a member that is ready: 1; 0: none is. Does not wait
// A descriptor that is readable once MS milliseconds are over; likewise.
int spore__io_timer(int ms);

#endif
