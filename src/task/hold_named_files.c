// What a named port is in the folder SPORE_PORTS: FIFOs, sockets to connect to, and sockets on which the program listens itself.
#include "task/hold_named.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/os.h"
#include "task/elsewhere.h"

enum { SOON_MS = 10, LATE_MS = 500, AGAIN_MS = 100, TAKEN_MS = 1000, SELDOM_MS = 60000 };

void spore__named_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

bool spore__named_path(const struct spore__hold *h, const struct spore__hold_named *p, char out[PATH_MAX])
{
	return snprintf(out, PATH_MAX, "%s/%s", h->ports_folder, p->name) < PATH_MAX;
}

// ---- FIFOs

// Without waiting, and nothing else that somebody has put in its place. The end that is not wanted is NULL.
static bool open_fifo(const char *path, int *reader, int *writer)
{
	struct stat st;
	int r = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	int w = -1;
	if (r >= 0 && fstat(r, &st) == 0 && S_ISFIFO(st.st_mode))
		w = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	else if (r >= 0)
		errno = EEXIST; // something else is there
	bool good = w >= 0;
	if (good && reader != NULL) {
		spore__named_close_fd(reader);
		*reader = r;
		r = -1;
	}
	if (good) {
		spore__named_close_fd(writer);
		*writer = w;
	}
	spore__named_close_fd(&r);
	return good;
}

static bool is_whole(const struct spore__hold_named *p)
{
	return p->as == SPORE__AS_FIFO_IN ? p->fifo[1] >= 0 : p->fifo[0] >= 0 && p->fifo[1] >= 0;
}

bool spore__named_open_side(const struct spore__hold *h, struct spore__hold_named *p)
{
	char path[PATH_MAX];
	if (spore__named_is_socket(p) || is_whole(p))
		return true;
	errno = ENAMETOOLONG;
	return spore__named_path(h, p, path) &&
	       open_fifo(path, p->as == SPORE__AS_FIFO_OUT ? &p->fifo[0] : NULL, &p->fifo[1]);
}

// Is another FIFO than the one that is open in its place? What else is there, or that nothing is, is the program's business: it may have unlinked it.
static bool is_replaced(const struct spore__hold_named *p, const char *path)
{
	struct stat ours, there;
	return p->fifo[1] >= 0 && fstat(p->fifo[1], &ours) == 0 && lstat(path, &there) == 0 &&
	       S_ISFIFO(there.st_mode) && (ours.st_dev != there.st_dev || ours.st_ino != there.st_ino);
}

void spore__named_renew(struct spore__hold *h, struct spore__hold_named *p)
{
	char path[PATH_MAX];
	int left = 0;
	if (spore__named_is_socket(p) || !spore__named_path(h, p, path) || !is_replaced(p, path))
		return;
	// What the program has written before is still to be carried.
	if (p->as == SPORE__AS_FIFO_OUT && ioctl(p->fifo[0], FIONREAD, &left) == 0 && left > 0)
		return;
	if (!open_fifo(path, p->as == SPORE__AS_FIFO_OUT ? &p->fifo[0] : NULL, &p->fifo[1]))
		return;
	spore__hold_pump_kill(&p->pump);
	spore__hold_event(h, SPORE_INFO, "port", NULL,
	                  "port %s: another FIFO is in the place of the one before, and is used from now on", p->name);
}

// ---- sockets

static bool address_of(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address->sun_path) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(address->sun_path, path, strlen(path) + 1);
	return true;
}

static bool prepare(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

// Another user's process has no part in it.
static bool is_own(int fd)
{
	uid_t uid;
	return spore__os_peer_uid(fd, &uid) == 0 && uid == geteuid();
}

// A connection to the program that listens itself; -1: not yet.
static int connect_to(const struct spore__hold *h, const struct spore__hold_named *p)
{
	char path[PATH_MAX];
	struct sockaddr_un address;
	if (!spore__named_path(h, p, path) || !address_of(path, &address))
		return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd >= 0 && (!prepare(fd) || connect(fd, (struct sockaddr *)&address, sizeof address) != 0 || !is_own(fd))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

// It removed the socket, and listens in its place: nothing of it would ever come here.
static void look_at_path(struct spore__hold *h, struct spore__hold_named *p)
{
	char path[PATH_MAX];
	struct stat st;
	if (p->told || p->listener.fd < 0 || !spore__named_path(h, p, path) || lstat(path, &st) != 0 ||
	    (st.st_dev == p->device && st.st_ino == p->inode))
		return;
	p->told = true;
	spore__hold_event(h, SPORE_ERROR, "port", NULL,
	                  "port %s: its program has put something else in the place of the socket; one that listens "
	                  "itself says as: listener",
	                  p->name);
}

static void wait_for(struct spore__hold *h, int64_t ms)
{
	int64_t due = h->timers[SPORE__TIMER_LISTENER];
	if (due == 0 || due > spore__hold_now_ms() + ms)
		spore__hold_timer(h, SPORE__TIMER_LISTENER, ms);
}

void spore__named_look(struct spore__hold *h, struct spore__hold_named *p)
{
	bool waits = spore__named_has_channel(p) && p->connection < 0;
	p->listener.paused = !waits;
	if (!waits || p->as == SPORE__AS_FIFO_IN) // of which a pump tells that it is another one
		return;
	p->wait_ms = 0;
	if (p->as != SPORE__AS_LISTENER) {
		wait_for(h, TAKEN_MS);
		return;
	}
	// One that closes each connection at once is not asked without a pause.
	wait_for(h, spore__hold_now_ms() - p->pump.began_ms < AGAIN_MS ? AGAIN_MS : 0);
}

// A confined task makes no sockets. So what stands there is none of its own but, by a symbolic link, one that it may not connect to, and neither
// may those who are wired to it.
static bool cannot_listen(struct spore__hold *h, struct spore__hold_named *p)
{
	if (!h->spec.confine)
		return false;
	if (!p->told)
		spore__hold_event(h, SPORE_ERROR, "port", NULL,
		                  "port %s: a confined task makes no sockets, and so listens on none; it takes FIFOs",
		                  p->name);
	p->told = true;
	return true;
}

// What a program has put in the place of its file. It may take its time before it does so; ever more seldom, since most are just late to connect, or
// have done so when they began. False: not again.
static bool look_at_file(struct spore__hold *h, struct spore__hold_named *p)
{
	bool more = true;
	if (p->as == SPORE__AS_SOCKET) {
		look_at_path(h, p);
		more = !p->told;
	} else {
		spore__named_renew(h, p);
		spore__named_pump_start(h, p);
		more = p->wait_ms < SELDOM_MS;
	}
	p->wait_ms = p->wait_ms == 0 ? TAKEN_MS : p->wait_ms < SELDOM_MS / 2 ? 2 * p->wait_ms : SELDOM_MS;
	return more;
}

void spore__hold_named_look(struct spore__hold *h)
{
	int64_t next = -1;
	for (size_t i = 0; i < h->named_count; i++) {
		struct spore__hold_named *p = &h->named[i];
		if (!spore__named_has_channel(p) || p->connection >= 0 || p->as == SPORE__AS_FIFO_IN)
			continue;
		if (p->as != SPORE__AS_LISTENER) {
			if (look_at_file(h, p) && (next < 0 || p->wait_ms < next))
				next = p->wait_ms;
			continue;
		}
		if (cannot_listen(h, p))
			continue;
		p->connection = connect_to(h, p);
		if (p->connection >= 0) {
			spore__named_pump_start(h, p);
			continue;
		}
		p->wait_ms = p->wait_ms == 0 ? SOON_MS : p->wait_ms < LATE_MS / 2 ? 2 * p->wait_ms : LATE_MS;
		next = next < 0 || p->wait_ms < next ? p->wait_ms : next;
	}
	if (next >= 0)
		spore__hold_timer(h, SPORE__TIMER_LISTENER, next);
}

void spore__hold_named_begins(struct spore__hold *h)
{
	char path[PATH_MAX];
	struct stat st;
	for (size_t i = 0; i < h->named_count; i++) {
		struct spore__hold_named *p = &h->named[i];
		// What the instance before has left would keep this one from listening.
		if (p->as == SPORE__AS_LISTENER && spore__named_path(h, p, path) && lstat(path, &st) == 0 &&
		    S_ISSOCK(st.st_mode))
			(void)unlink(path);
		spore__named_look(h, p);
	}
}

static void connected(struct spore__hold *h, struct spore__hold_io *io, short revents)
{
	(void)revents;
	for (size_t i = 0; i < h->named_count; i++) {
		struct spore__hold_named *p = &h->named[i];
		if (&p->listener != io || p->connection >= 0)
			continue;
		int fd = accept(io->fd, NULL, NULL);
		if (fd < 0)
			return;
		if (!prepare(fd) || !is_own(fd)) {
			close(fd);
			return;
		}
		p->connection = fd;
		spore__named_look(h, p);
		spore__named_pump_start(h, p);
	}
}

static bool listen_at(struct spore__hold *h, struct spore__hold_named *p, const char *path)
{
	struct sockaddr_un address;
	if (!address_of(path, &address))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return false;
	// The umask is 077.
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
	    bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && chmod(path, 0600) == 0 &&
	    listen(fd, 16) == 0 && spore__hold_io_open(h, &p->listener, fd, POLLIN, connected)) {
		struct stat st;
		if (stat(path, &st) == 0) {
			p->device = st.st_dev;
			p->inode = st.st_ino;
		}
		spore__named_look(h, p);
		return true;
	}
	int saved = errno;
	close(fd);
	errno = saved;
	return false;
}

bool spore__named_make(struct spore__hold *h, struct spore__hold_named *p)
{
	char path[PATH_MAX];
	if (!spore__named_path(h, p, path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	(void)unlink(path);
	if (p->as == SPORE__AS_LISTENER) {
		struct sockaddr_un address;
		return address_of(path, &address); // the program makes it
	}
	return p->as == SPORE__AS_SOCKET ? listen_at(h, p, path) : mkfifo(path, 0600) == 0;
}

// In the hold's folder, or where a path there is too long for the address of a socket.
bool spore__named_make_folder(struct spore__hold *h)
{
	struct sockaddr_un address;
	size_t longest = 0;
	for (size_t i = 0; i < h->named_count; i++)
		if (spore__named_is_socket(&h->named[i]) && strlen(h->named[i].name) > longest)
			longest = strlen(h->named[i].name);
	int len = snprintf(h->ports_folder, sizeof h->ports_folder, "%s/ports", h->folder);
	if (len < 0 || (size_t)len >= sizeof h->ports_folder) {
		errno = ENAMETOOLONG;
		return false;
	}
	if (longest > 0 && (size_t)len + 1 + longest >= sizeof address.sun_path) {
		char other[SPORE__ELSEWHERE_MAX];
		if (spore__elsewhere_make(h->dir, SPORE__ELSEWHERE_PORTS, other) != 0)
			return false;
		memcpy(h->ports_folder, other, sizeof other);
		return true;
	}
	return mkdir(h->ports_folder, 0700) == 0 || errno == EEXIST;
}
