#include "pass.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "os/os.h"

// MSG_DONTWAIT is not POSIX, but every Unix has it. Where the others are missing, sockets are SO_NOSIGPIPE (lib/os/posix.c), and a child that
// another thread starts may inherit what has just come.
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif
#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC 0
#endif

union control {
	struct cmsghdr head; // aligns
	char space[CMSG_SPACE(SPORE__PASSED * sizeof(int))];
};

ssize_t spore__pass_send(int fd, const void *bytes, size_t len, const int *fds, unsigned count)
{
	union control control;
	struct iovec piece = {.iov_base = (void *)bytes, .iov_len = len};
	struct msghdr m = {.msg_iov = &piece, .msg_iovlen = 1};
	if (count > SPORE__PASSED) {
		errno = EINVAL;
		return -1;
	}
	if (count > 0) {
		memset(&control, 0, sizeof control);
		m.msg_control = control.space;
		m.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void take(const struct cmsghdr *c, int *fds, unsigned room, unsigned *count, bool *cut)
{
	for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
		int got;
		memcpy(&got, CMSG_DATA(c) + i * sizeof got, sizeof got);
		if ((got = spore__io_above(got)) < 0)
			*cut = true;
		else if (*count >= room || (MSG_CMSG_CLOEXEC == 0 && fcntl(got, F_SETFD, FD_CLOEXEC) != 0))
			close(got);
		else
			fds[(*count)++] = got;
	}
}

static ssize_t receive(int fd, void *bytes, size_t size, int *fds, unsigned room, unsigned *count, bool *cut)
{
	union control control;
	struct iovec piece = {.iov_base = bytes, .iov_len = size};
	struct msghdr m = {
	    .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
	*count = 0;
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return n;
	*cut = (m.msg_flags & MSG_CTRUNC) != 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take(c, fds, room, count, cut);
	return n;
}

ssize_t spore__pass_receive(int fd, void *bytes, size_t size, int *fds, unsigned room, unsigned *count)
{
	bool cut;
	return receive(fd, bytes, size, fds, room, count, &cut);
}

static void close_group(const struct spore__passed_group *g)
{
	for (unsigned i = 0; i < g->count; i++)
		close(g->fds[i]);
}

ssize_t spore__passed_receive(struct spore__passed *p, int fd, void *bytes, size_t size)
{
	struct spore__passed_group g;
	ssize_t n = receive(fd, bytes, size, g.fds, SPORE__PASSED, &g.count, &g.cut);
	if (n < 0 || (g.count == 0 && !g.cut))
		return n;
	if (p->count < sizeof p->groups / sizeof p->groups[0])
		p->groups[p->count++] = g;
	else
		close_group(&g); // more than its messages can have
	return n;
}

enum spore_err spore__passed_take(struct spore__passed *p, int *fds, unsigned count)
{
	if (p->count == 0)
		return SPORE_EMALFORMED;
	struct spore__passed_group g = p->groups[0];
	p->count--;
	memmove(p->groups, p->groups + 1, p->count * sizeof g);
	if (!g.cut && g.count == count) {
		memcpy(fds, g.fds, count * sizeof fds[0]);
		return SPORE_OK;
	}
	close_group(&g);
	return g.cut ? SPORE_ESYSTEM : SPORE_EMALFORMED;
}

void spore__passed_close(struct spore__passed *p)
{
	for (unsigned i = 0; i < p->count; i++)
		close_group(&p->groups[i]);
	p->count = 0;
}
