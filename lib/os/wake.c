#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "os.h"

void spore__io_wake_ring(const int wake[2])
{
	const uint64_t once = 1; // what an eventfd takes; of a pipe, some bytes
	int e = errno;
	(void)!write(wake[1], &once, sizeof once); // what is full has been rung enough
	errno = e;
}

void spore__io_wake_hear(const int wake[2])
{
	char woken[64];
	int e = errno;
	while (read(wake[0], woken, sizeof woken) > 0)
		;
	errno = e;
}

void spore__io_wake_close(const int wake[2])
{
	if (wake[0] >= 0)
		close(wake[0]);
	if (wake[1] >= 0 && wake[1] != wake[0])
		close(wake[1]);
}
