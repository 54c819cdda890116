#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int send_fd(int s, int fd)
{
	char byte = 'F';
	struct iovec v = {&byte, 1};
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } c;
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c};
	memset(&c, 0, sizeof c);
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(h), &fd, sizeof fd);
	return sendmsg(s, &m, 0) == 1 ? 0 : -1;
}

static int take_fd(int s)
{
	char byte = 0;
	int fd = -1;
	struct iovec v = {&byte, 1};
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } c;
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c};
	if (recvmsg(s, &m, 0) != 1 || byte != 'F')
		return -1;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
		if (h->cmsg_type == SCM_RIGHTS)
			memcpy(&fd, CMSG_DATA(h), sizeof fd);
	return fd;
}

int main(void)
{
	int pair[2], tube[2], status;
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) || pipe(tube))
		return 1;
	printf("sizes %zu %zu %zu\n", CMSG_SPACE(sizeof(int)), CMSG_LEN(sizeof(int)), sizeof(struct cmsghdr));
	fflush(stdout);
	if (fork() == 0) {
		close(tube[0]);
		close(tube[1]);
		int fd = take_fd(pair[1]);
		_exit(fd >= 0 && write(fd, "from the child", 14) == 14 ? 12 : 1);
	}
	int sent = send_fd(pair[0], tube[1]);
	close(tube[1]);
	char text[32];
	ssize_t n = read(tube[0], text, sizeof text);
	wait(&status);
	printf("%d \"%.*s\" %d\n", sent, (int)n, text, WEXITSTATUS(status));
	return 0;
}
