#include <unistd.h>

#include "os/os.h"

int spore__os_on_network(const char *path)
{
	return access(path, F_OK);
}

void spore__os_close_from(int from)
{
	long limit = sysconf(_SC_OPEN_MAX);
	for (int fd = from; fd < (limit > 0 ? limit : 1024); fd++)
		(void)close(fd);
}

long spore__os_private_kib(void)
{
	return -1;
}
