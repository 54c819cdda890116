// POSIX has no lock owned by an open file description; fcntl locks vanish when any descriptor of the file is closed,
// so flock is used, which every Unix of today has (its declaration needs the system's own name space).
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/os.h"

int spore__os_lock(int fd, bool exclusive, bool wait)
{
	int r;
	do
		r = flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB));
	while (r != 0 && errno == EINTR && wait);
	return r;
}

int spore__os_process_fd(pid_t pid)
{
	(void)pid;
	errno = ENOSYS;
	return -1;
}

// For descriptors that pselect(2) cannot take. A signal that comes before poll(2) waits is found at the end of a slice.
static int poll_in_slices(struct pollfd *fds, unsigned count, const struct timespec *timeout, const sigset_t *mask)
{
	enum { SLICE_MS = 100 };
	bool last = timeout != NULL && timeout->tv_sec == 0 && timeout->tv_nsec <= SLICE_MS * 1000000L;
	sigset_t before;
	(void)sigprocmask(SIG_SETMASK, mask, &before);
	int n = poll(fds, count, last ? (int)((timeout->tv_nsec + 999999) / 1000000) : SLICE_MS), saved = errno;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	errno = n == 0 ? EINTR : saved;
	return n == 0 && !last ? -1 : n;
}

int spore__os_poll(struct pollfd *fds, unsigned count, const struct timespec *timeout, const sigset_t *mask)
{
	fd_set reads, writes;
	int most = -1, n;
	FD_ZERO(&reads);
	FD_ZERO(&writes);
	for (unsigned i = 0; i < count; i++) {
		if (fds[i].fd >= FD_SETSIZE)
			return poll_in_slices(fds, count, timeout, mask);
		if (fds[i].fd >= 0 && (fds[i].events & POLLIN) != 0)
			FD_SET(fds[i].fd, &reads);
		if (fds[i].fd >= 0 && (fds[i].events & POLLOUT) != 0)
			FD_SET(fds[i].fd, &writes);
		most = fds[i].fd > most ? fds[i].fd : most;
		fds[i].revents = 0;
	}
	n = pselect(most + 1, &reads, &writes, NULL, timeout, mask);
	return n <= 0 ? n : poll(fds, count, 0);
}

int spore__os_peer_uid(int fd, uid_t *uid)
{
	// No portable call tells: the socket's permissions (0600 in a 0700 folder) are the guard.
	struct stat st;
	if (fstat(fd, &st) != 0)
		return -1;
	*uid = geteuid();
	return 0;
}

static int close_on_exec(int fds[2])
{
	if (fcntl(fds[0], F_SETFD, FD_CLOEXEC) == 0 && fcntl(fds[1], F_SETFD, FD_CLOEXEC) == 0)
		return 0;
	int saved = errno;
	close(fds[0]);
	close(fds[1]);
	errno = saved;
	return -1;
}

int spore__os_pipe(int fds[2])
{
	return pipe(fds) == 0 ? close_on_exec(fds) : -1;
}

int spore__os_socketpair(int fds[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0 ? close_on_exec(fds) : -1;
}

short spore__os_hang_up(void)
{
	return 0;
}

size_t spore__os_pipe_grow(int fd, size_t size)
{
	(void)fd, (void)size;
	return 0;
}

ssize_t spore__os_splice(int from, int to, size_t size)
{
	(void)from, (void)to, (void)size;
	errno = ENOSYS;
	return -1;
}

ssize_t spore__os_tee(int from, int to, size_t size)
{
	(void)from, (void)to, (void)size;
	errno = ENOSYS;
	return -1;
}

int spore__os_copy(int from, int to, off_t size)
{
	(void)from, (void)to, (void)size;
	errno = ENOTSUP;
	return -1;
}

char *spore__os_self(void)
{
	// Where there is a /proc of some kind one of these links tells; elsewhere SPORE_LIBEXEC names the folder.
	static const char *const links[] = {"/proc/self/exe", "/proc/curproc/exe", "/proc/curproc/file"};
	char path[PATH_MAX];
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		ssize_t len = readlink(links[i], path, sizeof path - 1);
		if (len > 0) {
			path[len] = '\0';
			return strdup(path);
		}
	}
	errno = ENOSYS;
	return NULL;
}

bool spore__os_in_use(const char *dir)
{
	(void)dir;
	return false;
}

int spore__os_kill_marked(const char *name, const char *value)
{
	(void)name, (void)value;
	return 0;
}

int spore__os_kill_matching(const char *name, bool (*matches)(void *arg, const char *value), void *arg)
{
	(void)name, (void)matches, (void)arg;
	return 0;
}

int spore__os_adopt_orphans(void)
{
	errno = ENOTSUP;
	return -1;
}

int spore__os_kill_children(void)
{
	return 0;
}

int spore__os_file_clock(struct timespec *now)
{
	// The tick of the clock that stamps files is unknown: earlier by more than any.
	const long tick_ns = 20000000;
	if (clock_gettime(CLOCK_REALTIME, now) != 0)
		return -1;
	now->tv_nsec -= tick_ns;
	if (now->tv_nsec < 0) {
		now->tv_nsec += 1000000000;
		now->tv_sec--;
	}
	return 0;
}

const char *spore__os_memory_folder(void)
{
	return NULL;
}
