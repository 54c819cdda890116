#include "base/std.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fs.h"

void spore__std_begin(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) // the lowest that is free is what open takes
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

// Also when what could not be written is forgotten by now.
static bool is_reader_gone(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
	return errno == EPIPE || (poll(&p, 1, 0) > 0 && (p.revents & POLLERR) != 0);
}

static int fail(int status)
{
	int e = errno; // of an earlier call, where it was that one which failed
	if (is_reader_gone())
		return status;
	spore__report(NULL, "standard output: %s", e != 0 ? strerror(e) : "it cannot be written");
	return status != SPORE__EXIT_OK ? status : SPORE__EXIT_SPORE;
}

int spore__std_end(int status)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? status : fail(status);
}

int spore__std_write(const char *data, size_t len)
{
	return spore__fs_write_all(STDOUT_FILENO, data, len) == 0 ? SPORE__EXIT_OK : fail(SPORE__EXIT_OK);
}
