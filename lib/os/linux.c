#ifndef _GNU_SOURCE
#define _GNU_SOURCE // memfd_create, fallocate, pipe2, F_ADD_SEALS
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "os.h"

int spore__io_adopt(int fd)
{
	struct sockaddr_un address;
	int type;
	socklen_t len = sizeof address, type_len = sizeof type;
	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) != 0)
		return -1;
	if (address.sun_family != AF_UNIX || type != SOCK_STREAM) {
		errno = EPROTOTYPE;
		return -1;
	}
	return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

void spore__io_identify(int fd, struct spore__io_id *id)
{
	struct stat st;
	bool known = fstat(fd, &st) == 0;
	id->device = known ? st.st_dev : 0;
	id->inode = known ? st.st_ino : 0;
}

bool spore__io_is(int fd, const struct spore__io_id *id)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_dev == id->device && st.st_ino == id->inode;
}

ssize_t spore__io_send(int fd, const void *bytes, size_t len)
{
	return send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t spore__io_receive(int fd, void *bytes, size_t size)
{
	return recv(fd, bytes, size, MSG_DONTWAIT);
}

int spore__io_pair(int fds[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0 ? spore__io_above_both(fds) : -1;
}

int spore__io_notify_address(const char *text, struct sockaddr_un *address, socklen_t *len)
{
	size_t n = strlen(text);
	if ((text[0] != '/' && text[0] != '@') || n < 2 || n >= sizeof address->sun_path) {
		errno = EINVAL;
		return -1;
	}
	memset(address, 0, sizeof *address);
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, text, n);
	if (text[0] == '@')
		address->sun_path[0] = '\0';
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return 0;
}

int spore__io_datagram(int timeout_ms)
{
	const struct timeval patience = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000L};
	int fd = spore__io_above(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	return fd;
}

void spore__io_send_to(int fd, const char *text, size_t len, const struct sockaddr_un *address, socklen_t address_len)
{
	(void)sendto(fd, text, len, MSG_NOSIGNAL, (const struct sockaddr *)address, address_len);
}

int spore__io_stream_adopt(int fd)
{
	struct sockaddr_storage address;
	int type, on = 1;
	socklen_t len = sizeof address, type_len = sizeof type;
	if (getpeername(fd, (struct sockaddr *)&address, &len) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) != 0)
		return -1;
	if (type != SOCK_STREAM) {
		errno = EPROTOTYPE;
		return -1;
	}
	if (address.ss_family == AF_INET || address.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

ssize_t spore__io_send_pieces(int fd, const struct iovec *pieces, unsigned count)
{
	struct msghdr m = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = count};
	return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// ---- channels

bool spore__io_shares_memory(void)
{
	return true;
}

int spore__io_memory(uint64_t size)
{
	int fd =
	    size <= INT64_MAX ? spore__io_above(memfd_create("spore-channel", MFD_CLOEXEC | MFD_ALLOW_SEALING)) : -1;
	if (fd < 0)
		return -1;
	if (ftruncate(fd, (off_t)size) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	int e = errno;
	close(fd);
	errno = e;
	return -1;
}

int spore__io_memory_check(int fd, uint64_t *size)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || fstat(fd, &st) != 0)
		return -1;
	if ((seals & F_SEAL_SHRINK) == 0 || st.st_size < 0) {
		errno = EINVAL;
		return -1;
	}
	*size = (uint64_t)st.st_size;
	return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 // Linux 5.1
#endif

int spore__io_publication(uint64_t size)
{
	int fd = size <= INT64_MAX ? spore__io_above(memfd_create("spore-publication", MFD_CLOEXEC | MFD_ALLOW_SEALING))
	                           : -1;
	if (fd < 0 || ftruncate(fd, (off_t)size) == 0)
		return fd;
	int e = errno;
	close(fd);
	errno = e;
	return -1;
}

int spore__io_publication_seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

int spore__io_publication_check(int fd, uint64_t *size)
{
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals >= 0 && (seals & F_SEAL_FUTURE_WRITE) == 0) {
		errno = EINVAL;
		return -1;
	}
	return spore__io_memory_check(fd, size);
}

int spore__io_for_reading(int fd)
{
	char path[40];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return spore__io_above(open(path, O_RDONLY | O_CLOEXEC));
}

int spore__io_memory_reserve(int fd, uint64_t offset, uint64_t len)
{
	int r;
	while ((r = fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len)) != 0 && errno == EINTR)
		;
	return r;
}

int spore__io_memory_release(int fd, uint64_t offset, uint64_t len)
{
	return fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, (off_t)offset, (off_t)len);
}

bool spore__io_memory_present(int fd, uint64_t offset, uint64_t len)
{
	off_t hole = lseek(fd, (off_t)offset, SEEK_HOLE);
	return hole >= 0 && (uint64_t)hole >= offset + len;
}

void *spore__io_map(int fd, uint64_t offset, size_t len, unsigned how)
{
	int protection = (how & SPORE__IO_WRITE) != 0 ? PROT_READ | PROT_WRITE : PROT_READ;
	int flags = (how & SPORE__IO_NOW) != 0 ? MAP_SHARED | MAP_POPULATE : MAP_SHARED;
	void *p = mmap(NULL, len, protection, flags, fd, (off_t)offset);
	return p != MAP_FAILED ? p : NULL;
}

int spore__io_wake(int wake[2])
{
	wake[0] = wake[1] = spore__io_above(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	return wake[0] >= 0 ? 0 : -1;
}

// The writing end is opened once more for both, which anonymous pipes allow: then it has a reader for as long as it exists.
int spore__io_doorbell(int fds[2])
{
	char path[40];
	int ends[2];
	fds[0] = fds[1] = -1;
	if (pipe2(ends, O_CLOEXEC) != 0 || spore__io_above_both(ends) != 0)
		return -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", ends[1]);
	int both = spore__io_above(open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC));
	int e = errno;
	close(ends[1]);
	if (both < 0) {
		close(ends[0]);
		errno = e;
		return -1;
	}
	fds[0] = ends[0];
	fds[1] = both;
	// A page is plenty, and users may have only so many.
	(void)fcntl(both, F_SETPIPE_SZ, PIPE_BUF);
	return 0;
}

static bool is_pipe(int fd, int flags, int mask)
{
	struct stat st;
	int now = fcntl(fd, F_GETFL);
	if (now < 0 || fstat(fd, &st) != 0)
		return false;
	if (S_ISFIFO(st.st_mode) && (now & mask) == flags)
		return true;
	errno = EINVAL;
	return false;
}

int spore__io_doorbell_adopt(int hear, int ring)
{
	if (!is_pipe(hear, O_RDONLY, O_ACCMODE) || !is_pipe(ring, O_RDWR | O_NONBLOCK, O_ACCMODE | O_NONBLOCK))
		return -1;
	if (fcntl(hear, F_SETFL, O_NONBLOCK) != 0 || fcntl(hear, F_SETFD, FD_CLOEXEC) != 0)
		return -1;
	return fcntl(ring, F_SETFD, FD_CLOEXEC);
}

// Open for as short as can be: a writer here hides that the peer is gone.
int spore__io_doorbell_echo(int hear)
{
	char path[40];
	snprintf(path, sizeof path, "/proc/self/fd/%d", hear);
	int ring = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (ring < 0)
		return -1;
	bool rung = write(ring, "", 1) == 1 || errno == EAGAIN;
	close(ring);
	return rung ? 0 : -1;
}

bool spore__io_barrier_join(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
}

bool spore__io_barrier(void)
{
	int e = errno;
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0)
		return true;
	// A processor keeps what it stored to itself for less than a microsecond, as long as it runs; where it is taken away from who runs on it
	// that is a fence.
	struct timespec brief = {.tv_nsec = 1000000};
	while (nanosleep(&brief, &brief) != 0 && errno == EINTR)
		;
	errno = e;
	return false;
}

int spore__io_gather(void)
{
	return spore__io_above(epoll_create1(EPOLL_CLOEXEC));
}

int spore__io_gather_add(int gather, int fd, short events)
{
	struct epoll_event e = {.events = ((events & POLLIN) != 0 ? (uint32_t)EPOLLIN : 0) |
	                                  ((events & POLLOUT) != 0 ? (uint32_t)EPOLLOUT : 0),
	                        .data.fd = fd};
	if (epoll_ctl(gather, EPOLL_CTL_ADD, fd, &e) == 0)
		return 0;
	return errno == EEXIST ? epoll_ctl(gather, EPOLL_CTL_MOD, fd, &e) : -1;
}

void spore__io_gather_remove(int gather, int fd)
{
	(void)epoll_ctl(gather, EPOLL_CTL_DEL, fd, NULL);
}

int spore__io_gather_next(int gather, int *fd)
{
	struct epoll_event e;
	int n;
	while ((n = epoll_wait(gather, &e, 1, 0)) < 0 && errno == EINTR)
		;
	if (n > 0)
		*fd = e.data.fd;
	return n;
}

int spore__io_timer(int ms)
{
	const struct itimerspec once = {.it_value = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}};
	int fd = spore__io_above(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
	if (fd >= 0 && timerfd_settime(fd, 0, &once, NULL) != 0) {
		int e = errno;
		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}
