#include "task/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "task/slots.h"

enum { STATE_MAX = 64 * 1024 };

_Static_assert(sizeof(struct spore__hold_state) + 1024 <= SPORE__SLOT - SPORE__SLOT_HEAD,
               "a state with its keys fits a slot");

static int write_whole(int fd, const unsigned char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

// Writes what W holds as NAME, beside it first. Frees W.
static int write_renamed(int dir, const char *name, struct spore__msgpack_writer *w)
{
	char beside[32];
	(void)snprintf(beside, sizeof beside, "%s.new", name);
	int fd = -1, saved = w->err;
	if (saved == 0) {
		fd = openat(dir, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
		saved = fd < 0 || write_whole(fd, w->data, w->len) != 0 ? errno : 0;
		if (fd >= 0 && close(fd) != 0 && saved == 0)
			saved = errno;
		if (saved == 0 && renameat(dir, beside, dir, name) != 0)
			saved = errno;
		if (fd >= 0 && saved != 0)
			(void)unlinkat(dir, beside, 0);
	}
	spore__msgpack_writer_finish(w);
	errno = saved;
	return saved == 0 ? 0 : -1;
}

// The file NAME, of at most MAX bytes, malloc'ed. NULL with errno.
static unsigned char *read_whole(int dir, const char *name, size_t max, size_t *len)
{
	struct stat st;
	unsigned char *bytes = NULL;
	int saved = 0, fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return NULL;
	*len = 0;
	if (fstat(fd, &st) != 0)
		saved = errno;
	else if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uintmax_t)st.st_size > max)
		saved = EBADMSG;
	else if ((bytes = malloc((size_t)st.st_size + 1)) == NULL)
		saved = ENOMEM;
	while (saved == 0 && *len < (size_t)st.st_size) {
		ssize_t n = read(fd, bytes + *len, (size_t)st.st_size - *len);
		if (n > 0)
			*len += (size_t)n;
		else if (n == 0)
			break;
		else if (errno != EINTR)
			saved = errno;
	}
	close(fd);
	if (saved == 0)
		return bytes;
	free(bytes);
	errno = saved;
	return NULL;
}

int spore__folder_write_spec(int dir, const struct spore__spec *spec)
{
	struct spore__msgpack_writer w = {0};
	spore__spec_encode(spec, &w, false);
	return write_renamed(dir, "spec", &w);
}

int spore__folder_read_spec(int dir, struct spore__spec *spec)
{
	size_t len;
	spore__spec_init(spec);
	unsigned char *bytes = read_whole(dir, "spec", SPORE__SPEC_MAX, &len);
	if (bytes == NULL)
		return -1;
	enum spore_err e = spore__spec_decode(spore__msgpack_reader(bytes, len), spec, NULL, 0);
	free(bytes);
	errno = e == SPORE_ENOMEM ? ENOMEM : EBADMSG;
	return e == SPORE_OK ? 0 : -1;
}

int spore__folder_write_state(int dir, const struct spore__hold_state *state)
{
	struct spore__msgpack_writer w = {0};
	spore__state_encode(state, &w);
	int saved = w.err;
	if (saved == 0 && spore__slots_write(dir, "status", w.data, w.len) != 0)
		saved = errno;
	spore__msgpack_writer_finish(&w);
	errno = saved;
	return saved == 0 ? 0 : -1;
}

// Older holds wrote the map alone.
static unsigned char *read_state(int dir, size_t *len)
{
	unsigned char *bytes = spore__slots_read(dir, "status", len);
	return bytes != NULL || errno != EBADMSG ? bytes : read_whole(dir, "status", STATE_MAX, len);
}

int spore__folder_read_state(int dir, struct spore__hold_state *state)
{
	size_t len;
	memset(state, 0, sizeof *state);
	unsigned char *bytes = read_state(dir, &len);
	if (bytes == NULL)
		return -1;
	enum spore_err e = spore__state_decode(spore__msgpack_reader(bytes, len), state);
	free(bytes);
	errno = EBADMSG;
	return e == SPORE_OK ? 0 : -1;
}

int spore__folder_lock(int dir)
{
	int fd = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	struct flock want = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char text[32];
	int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	if (fcntl(fd, F_SETLK, &want) == 0 && ftruncate(fd, 0) == 0) {
		// Who has the lock is told by the lock; the text is for people, and a full disk no reason not to start.
		(void)write_whole(fd, (const unsigned char *)text, (size_t)len);
		return fd;
	}
	int saved = errno == EACCES || errno == EAGAIN ? EWOULDBLOCK : errno;
	close(fd);
	errno = saved;
	return -1;
}

int spore__folder_is_locked(int dir, int64_t *pid)
{
	*pid = 0;
	int fd = openat(dir, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	// Asked with a shared lock, which a descriptor for reading may have: it stands against the exclusive one all the same.
	struct flock there = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	int r = fcntl(fd, F_GETLK, &there);
	int saved = errno;
	close(fd);
	errno = saved;
	if (r != 0)
		return -1;
	if (there.l_type == F_UNLCK)
		return 0;
	*pid = there.l_pid > 0 ? there.l_pid : 0;
	return 1;
}

static int set_up(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ? -1 : 0;
}

static int listen_here(int fd, const struct sockaddr_un *address)
{
	if (unlink("sock") != 0 && errno != ENOENT)
		return -1;
	mode_t mask = umask(0177); // closed to others from the first moment
	int r = bind(fd, (const struct sockaddr *)address, sizeof *address);
	int saved = errno;
	(void)umask(mask);
	errno = saved;
	return r != 0 ? -1 : listen(fd, 64);
}

static int in_folder(int dir, bool listening)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "sock"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), back = -1, r = -1;
	if (fd >= 0 && set_up(fd) == 0 && (back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0 &&
	    fchdir(dir) == 0) {
		r = listening ? listen_here(fd, &address)
		              : connect(fd, (const struct sockaddr *)&address, sizeof address);
		int saved = errno;
		if (fchdir(back) != 0)
			r = -1;
		else
			errno = saved;
	}
	int saved = errno;
	if (back >= 0)
		close(back);
	if (r != 0 && fd >= 0)
		close(fd);
	errno = saved;
	return r == 0 ? fd : -1;
}

int spore__folder_listen(int dir)
{
	return in_folder(dir, true);
}

int spore__folder_connect(int dir)
{
	return in_folder(dir, false);
}
