#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "os.h"

int spore__io_above(int fd)
{
	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	int above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), e = errno;
	close(fd);
	errno = e;
	return above;
}

int spore__io_above_both(int fds[2])
{
	for (int i = 0; i < 2; i++)
		fds[i] = spore__io_above(fds[i]);
	if (fds[0] >= 0 && fds[1] >= 0)
		return 0;
	int e = errno;
	for (int i = 0; i < 2; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
	errno = e;
	return -1;
}
