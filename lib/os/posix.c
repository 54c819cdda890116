#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "os.h"

// macOS has SO_NOSIGPIPE in place of POSIX's MSG_NOSIGNAL. MSG_DONTWAIT is not POSIX, but every Unix has it.
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

static int set_up(int fd)
{
#ifdef SO_NOSIGPIPE
	int on = 1;
	if (setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on) != 0)
		return -1;
#endif
	return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

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
	return set_up(fd);
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
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0 || spore__io_above_both(fds) != 0)
		return -1;
	if (set_up(fds[0]) == 0 && set_up(fds[1]) == 0)
		return 0;
	int e = errno;
	close(fds[0]);
	close(fds[1]);
	errno = e;
	return -1;
}

int spore__io_wake(int wake[2])
{
	if (pipe(wake) != 0 || spore__io_above_both(wake) != 0) {
		wake[0] = wake[1] = -1;
		return -1;
	}
	bool good = true;
	for (int i = 0; i < 2; i++)
		good = good && fcntl(wake[i], F_SETFD, FD_CLOEXEC) == 0 && fcntl(wake[i], F_SETFL, O_NONBLOCK) == 0;
	if (good)
		return 0;
	int e = errno;
	for (int i = 0; i < 2; i++) {
		close(wake[i]);
		wake[i] = -1;
	}
	errno = e;
	return -1;
}

int spore__io_notify_address(const char *text, struct sockaddr_un *address, socklen_t *len)
{
	size_t n = strlen(text);
	if (text[0] != '/' || n >= sizeof address->sun_path) {
		errno = text[0] == '@' ? EAFNOSUPPORT : EINVAL;
		return -1;
	}
	memset(address, 0, sizeof *address);
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, text, n);
	*len = (socklen_t)sizeof *address;
	return 0;
}

int spore__io_datagram(int timeout_ms)
{
	const struct timeval patience = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000L};
	int fd = spore__io_above(socket(AF_UNIX, SOCK_DGRAM, 0));
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (set_up(fd) == 0)
		return fd;
	close(fd);
	return -1;
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
	return set_up(fd);
}

ssize_t spore__io_send_pieces(int fd, const struct iovec *pieces, unsigned count)
{
	struct msghdr m = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = count};
	return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// ---- channels: streams only

bool spore__io_shares_memory(void)
{
	return false;
}

int spore__io_memory(uint64_t size)
{
	(void)size;
	errno = ENOSYS;
	return -1;
}

int spore__io_memory_check(int fd, uint64_t *size)
{
	(void)fd;
	(void)size;
	errno = ENOSYS;
	return -1;
}

int spore__io_publication(uint64_t size)
{
	return spore__io_memory(size);
}

int spore__io_publication_seal(int fd)
{
	(void)fd;
	errno = ENOSYS;
	return -1;
}

int spore__io_publication_check(int fd, uint64_t *size)
{
	return spore__io_memory_check(fd, size);
}

int spore__io_for_reading(int fd)
{
	return spore__io_publication_seal(fd);
}

int spore__io_memory_reserve(int fd, uint64_t offset, uint64_t len)
{
	(void)fd;
	(void)offset;
	(void)len;
	errno = ENOSYS;
	return -1;
}

int spore__io_memory_release(int fd, uint64_t offset, uint64_t len)
{
	return spore__io_memory_reserve(fd, offset, len);
}

bool spore__io_memory_present(int fd, uint64_t offset, uint64_t len)
{
	(void)fd;
	(void)offset;
	(void)len;
	return false;
}

void *spore__io_map(int fd, uint64_t offset, size_t len, unsigned how)
{
	(void)fd;
	(void)offset;
	(void)len;
	(void)how;
	errno = ENOSYS;
	return NULL;
}

int spore__io_doorbell(int fds[2])
{
	fds[0] = fds[1] = -1;
	errno = ENOSYS;
	return -1;
}

int spore__io_doorbell_adopt(int hear, int ring)
{
	(void)hear;
	(void)ring;
	errno = ENOSYS;
	return -1;
}

int spore__io_doorbell_echo(int hear)
{
	(void)hear;
	errno = ENOSYS;
	return -1;
}

bool spore__io_barrier_join(void)
{
	return false;
}

bool spore__io_barrier(void)
{
	return false;
}

int spore__io_gather(void)
{
	errno = ENOSYS;
	return -1;
}

int spore__io_gather_add(int gather, int fd, short events)
{
	(void)gather;
	(void)fd;
	(void)events;
	errno = ENOSYS;
	return -1;
}

void spore__io_gather_remove(int gather, int fd)
{
	(void)gather;
	(void)fd;
}

int spore__io_gather_next(int gather, int *fd)
{
	(void)gather;
	(void)fd;
	errno = ENOSYS;
	return -1;
}

int spore__io_timer(int ms)
{
	(void)ms;
	errno = ENOSYS;
	return -1;
}
