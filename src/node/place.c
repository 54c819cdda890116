#include "node/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/dirs.h"
#include "os/os.h"

_Static_assert(sizeof((struct spore__place *)0)->socket <= sizeof((struct sockaddr_un *)0)->sun_path,
               "an address that fits the record fits the socket");

static int problem_is(struct spore__node_problem *problem, const char *remedy, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int problem_is(struct spore__node_problem *problem, const char *remedy, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(problem->why, sizeof problem->why, fmt, ap);
	va_end(ap);
	(void)snprintf(problem->remedy, sizeof problem->remedy, "%s", remedy);
	return -1;
}

// mkdir -p, without allocation.
static int make_folders(const char *path)
{
	char part[PATH_MAX];
	struct stat st;
	if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (char *slash = part; *slash != '\0';) {
		slash += strspn(slash, "/");
		slash += strcspn(slash, "/");
		char end = *slash;
		*slash = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST && stat(part, &st) != 0)
			return -1;
		*slash = end;
	}
	if (stat(path, &st) != 0)
		return -1;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode) ? 0 : -1;
}

static int take(char *to, size_t size, char *path, struct spore__node_problem *problem)
{
	int len = snprintf(to, size, "%s", path);
	free(path);
	return (size_t)len < size ? 0
	                          : problem_is(problem, "choose a shorter one", "%.200s...: the path is too long", to);
}

int spore__place_find(struct spore__place *p, struct spore__node_problem *problem)
{
	*p = (struct spore__place){.lock = -1};
	if (take(p->state, sizeof p->state, spore__dirs_state(), problem) != 0 ||
	    take(p->runtime, sizeof p->runtime, spore__dirs_runtime(), problem) != 0)
		return -1;
	if (make_folders(p->state) != 0)
		return problem_is(problem, "make it writable, or set SPORE_STATE to another folder", "%.300s: %s",
		                  p->state, strerror(errno));
	if (spore__os_on_network(p->state) == 1)
		return problem_is(problem, "set SPORE_STATE to a folder on a disk of this machine",
		                  "%.300s: the folder is on a network file system, whose locks cannot be trusted",
		                  p->state);
	return 0;
}

int spore__place_lock(struct spore__place *p, pid_t *holder, struct spore__node_problem *problem)
{
	char path[PATH_MAX];
	(void)snprintf(path, sizeof path, "%s/node.lock", p->state);
	p->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (p->lock < 0)
		return problem_is(problem, "make it writable, or set SPORE_STATE to another folder", "%.300s: %s", path,
		                  strerror(errno));
	// A record lock, since it names its holder and children cannot inherit it.
	struct flock want = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(p->lock, F_SETLK, &want) == 0)
		return 0;
	int saved = errno;
	struct flock there = want;
	*holder = fcntl(p->lock, F_GETLK, &there) == 0 && there.l_type != F_UNLCK ? there.l_pid : 0;
	spore__place_unlock(p);
	if (saved == EACCES || saved == EAGAIN)
		return 1;
	return problem_is(problem, "set SPORE_STATE to a folder on a disk of this machine", "%.300s: cannot lock: %s",
	                  path, strerror(saved));
}

void spore__place_unlock(struct spore__place *p)
{
	if (p->lock >= 0)
		close(p->lock);
	p->lock = -1;
}

bool spore__place_is_locked(const struct spore__place *p)
{
	char path[PATH_MAX];
	struct stat ours, found;
	(void)snprintf(path, sizeof path, "%s/node.lock", p->state);
	return p->lock >= 0 && fstat(p->lock, &ours) == 0 && lstat(path, &found) == 0 && ours.st_dev == found.st_dev &&
	       ours.st_ino == found.st_ino;
}

// The folder of the socket: a real folder, ours, closed to others.
static int check_runtime(const char *path, struct spore__node_problem *problem)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return problem_is(problem, "make it writable, or set SPORE_RUNTIME to another folder", "%.300s: %s",
		                  path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return problem_is(problem, "remove it, or set SPORE_RUNTIME to another folder",
		                  "%.300s: not a folder but a %s", path, S_ISLNK(st.st_mode) ? "link" : "file");
	if (st.st_uid != getuid())
		return problem_is(problem, "set SPORE_RUNTIME to a folder of yours", "%.300s: belongs to another user",
		                  path);
	if ((st.st_mode & 077) != 0 && chmod(path, 0700) != 0)
		return problem_is(problem, "close it to others: chmod 700", "%.300s: %s", path, strerror(errno));
	if (spore__os_on_network(path) == 1)
		return problem_is(problem, "set SPORE_RUNTIME to a folder on this machine, such as one in /tmp",
		                  "%.300s: the folder is on a network file system, where sockets do not work", path);
	return 0;
}

// Does the record say so already? Then nothing has to be written, on a disk that may be full.
static bool is_recorded(const char *path, const char *address)
{
	char found[sizeof((struct spore__place *)0)->socket + 2];
	size_t len = strlen(address);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd >= 0 ? read(fd, found, sizeof found) : -1;
	if (fd >= 0)
		close(fd);
	return n == (ssize_t)len + 1 && memcmp(found, address, len) == 0 && found[len] == '\n';
}

static int record_address(const struct spore__place *p, struct spore__node_problem *problem)
{
	char beside[PATH_MAX], path[PATH_MAX];
	(void)snprintf(path, sizeof path, "%s/node.address", p->state);
	(void)snprintf(beside, sizeof beside, "%s/node.address.new", p->state);
	if (is_recorded(path, p->socket))
		return 0;
	int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t len = strlen(p->socket);
	bool written = fd >= 0 && write(fd, p->socket, len) == (ssize_t)len && write(fd, "\n", 1) == 1;
	int saved = errno;
	if (fd >= 0 && close(fd) != 0 && written) {
		saved = errno;
		written = false;
	}
	if (written && rename(beside, path) == 0)
		return 0;
	if (written)
		saved = errno;
	(void)unlink(beside);
	return problem_is(problem, "free some space, or make the folder writable", "%.300s: %s", path, strerror(saved));
}

void spore__place_unbind(struct spore__place *p)
{
	if (spore__place_is_bound(p))
		(void)unlink(p->socket);
	p->device = 0;
	p->inode = 0;
}

static int bind_in(struct spore__place *p, struct spore__node_problem *problem)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;
	if (strlen(p->runtime) + sizeof "/node.sock" > sizeof p->socket)
		return problem_is(problem, "set SPORE_RUNTIME to a shorter path, such as one in /tmp",
		                  "%.300s: the path is too long for a socket (at most %zu bytes)", p->runtime,
		                  sizeof p->socket - sizeof "/node.sock");
	if (make_folders(p->runtime) != 0 && errno != ENOTDIR)
		return problem_is(problem, "make it writable, or set SPORE_RUNTIME to another folder", "%.300s: %s",
		                  p->runtime, strerror(errno));
	if (check_runtime(p->runtime, problem) != 0)
		return -1;
	(void)snprintf(p->socket, sizeof p->socket, "%.90s/node.sock", p->runtime);
	memcpy(address.sun_path, p->socket, sizeof p->socket);
	if (record_address(p, problem) != 0) // first: what cannot be found is not bound
		return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return problem_is(problem, "", "a socket: %s", strerror(errno));
	// The lock is ours, so a socket that is there is a dead node's. The umask makes it 0600 from the first moment.
	(void)unlink(p->socket);
	mode_t mask = umask(0177);
	int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
	int saved = errno;
	(void)umask(mask);
	if (bound != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || listen(fd, 128) != 0 || lstat(p->socket, &st) != 0) {
		saved = bound != 0 ? saved : errno;
		close(fd);
		return problem_is(problem, "make the folder writable, or set SPORE_RUNTIME to another", "%s: %s",
		                  p->socket, strerror(saved));
	}
	p->device = st.st_dev;
	p->inode = st.st_ino;
	return fd;
}

int spore__place_bind(struct spore__place *p, struct spore__node_problem *problem)
{
	int fd = bind_in(p, problem);
	bool chosen = getenv("SPORE_RUNTIME") != NULL && getenv("SPORE_RUNTIME")[0] != '\0';
	struct stat st;
	if (fd >= 0 || chosen || lstat(p->runtime, &st) == 0)
		return fd;
	// The login session ended and took its folder away. Clients read the address from the record.
	(void)snprintf(p->runtime, sizeof p->runtime, "/tmp/spore-%lu", (unsigned long)getuid());
	return bind_in(p, problem);
}

bool spore__place_is_bound(const struct spore__place *p)
{
	struct stat st;
	return p->socket[0] != '\0' && lstat(p->socket, &st) == 0 && st.st_dev == p->device && st.st_ino == p->inode;
}

void spore__place_leave(struct spore__place *p)
{
	char path[PATH_MAX];
	if (spore__place_is_bound(p))
		(void)unlink(p->socket);
	if (spore__place_is_locked(p)) {
		(void)snprintf(path, sizeof path, "%s/node.address", p->state);
		(void)unlink(path);
	}
	p->socket[0] = '\0';
}
