#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>

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
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
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
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	return fd;
}

void spore__io_send_to(int fd, const char *text, size_t len, const struct sockaddr_un *address, socklen_t address_len)
{
	(void)sendto(fd, text, len, MSG_NOSIGNAL, (const struct sockaddr *)address, address_len);
}
