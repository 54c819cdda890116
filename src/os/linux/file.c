#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
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
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

int spore__os_poll(struct pollfd *fds, unsigned count, const struct timespec *timeout, const sigset_t *mask)
{
	return ppoll(fds, count, timeout, mask);
}

int spore__os_peer_uid(int fd, uid_t *uid)
{
	struct ucred cred;
	socklen_t len = sizeof cred;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return -1;
	*uid = cred.uid;
	return 0;
}

int spore__os_pipe(int fds[2])
{
	return pipe2(fds, O_CLOEXEC);
}

int spore__os_socketpair(int fds[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
}

short spore__os_hang_up(void)
{
	return POLLRDHUP;
}

size_t spore__os_pipe_grow(int fd, size_t size)
{
	if (size > 0)
		(void)fcntl(fd, F_SETPIPE_SZ, (int)size);
	int now = fcntl(fd, F_GETPIPE_SZ);
	return now > 0 ? (size_t)now : 0;
}

ssize_t spore__os_splice(int from, int to, size_t size)
{
	return splice(from, NULL, to, NULL, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

ssize_t spore__os_tee(int from, int to, size_t size)
{
	return tee(from, to, size, SPLICE_F_NONBLOCK);
}

int spore__os_copy(int from, int to, off_t size)
{
	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	off_t done = 0;
	while (done < size) {
		ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)(size - done), 0);
		if (n < 0 && done == 0 &&
		    (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
			errno = ENOTSUP;
			return -1;
		}
		if (n < 0)
			return -1;
		if (n == 0)
			break; // it became shorter under us
		done += n;
	}
	return 0;
}

int spore__os_file_clock(struct timespec *now)
{
	return clock_gettime(CLOCK_REALTIME_COARSE, now);
}

const char *spore__os_memory_folder(void)
{
	static const char folder[] = "/dev/shm";
	struct statfs st;
	if (statfs(folder, &st) != 0 || st.f_type != TMPFS_MAGIC || access(folder, W_OK | X_OK) != 0)
		return NULL;
	return folder;
}
