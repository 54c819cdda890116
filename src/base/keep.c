#include "base/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "os/os.h"

enum { NOTED_S = 60 }; // how exact the time of use is

int spore__keep_artifact(const char *store, const char *id)
{
	char path[PATH_MAX];
	struct stat st;
	if ((size_t)snprintf(path, sizeof path, "%s/meta/%s", store, id) >= sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && (errno == EROFS || errno == EACCES))
		fd = open(path, O_RDONLY | O_CLOEXEC); // a store that is only used
	if (fd < 0)
		return -1;
	int err = spore__os_lock(fd, false, true) != 0 || fstat(fd, &st) != 0 ? errno : 0;
	if (err == 0 && st.st_nlink == 0)
		err = ENOENT; // removed before the lock, which is on a file without a name
	if (err != 0) {
		close(fd);
		errno = err;
		return -1;
	}
	struct timespec now;
	if (clock_gettime(CLOCK_REALTIME, &now) == 0 && now.tv_sec - st.st_atim.tv_sec > NOTED_S) {
		const struct timespec times[2] = {now, {.tv_nsec = UTIME_OMIT}};
		(void)futimens(fd, times); // when it was used is for the garbage collector; not worth an error
	}
	return fd;
}
