#include <stdio.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { PIPES = 5 };

int main(void)
{
	int fd[PIPES][2], ep = epoll_create1(0);
	printf("sizeof event %zu\n", sizeof(struct epoll_event));
	for (int i = 0; i < PIPES; i++) {
		if (pipe(fd[i]) != 0)
			return 1;
		struct epoll_event e = {.events = EPOLLIN};
		e.data.u64 = (uint64_t)i << 40 | 0xabcdef;
		if (epoll_ctl(ep, EPOLL_CTL_ADD, fd[i][0], &e) != 0)
			return 2;
	}
	struct epoll_event got[PIPES];
	printf("ready at first: %d\n", epoll_wait(ep, got, PIPES, 0));
	for (int i = 0; i < PIPES; i += 2)
		if (write(fd[i][1], "abcdefgh", (size_t)i + 1) < 0)
			return 3;
	int n = epoll_wait(ep, got, PIPES, 1000), bytes[PIPES] = {0};
	printf("ready: %d\n", n);
	for (int i = 0; i < n; i++) {
		int which = (int)(got[i].data.u64 >> 40);
		char buffer[16];
		if ((got[i].data.u64 & 0xffffff) != 0xabcdef || !(got[i].events & EPOLLIN))
			return 4;
		bytes[which] = (int)read(fd[which][0], buffer, sizeof buffer);
	}
	for (int i = 0; i < PIPES; i++)
		printf("pipe %d: %d\n", i, bytes[i]);
	close(fd[1][1]);
	n = epoll_wait(ep, got, PIPES, 1000);
	printf("after close: %d, pipe %d, hang-up %d\n", n, (int)(got[0].data.u64 >> 40), (got[0].events & EPOLLHUP) != 0);
	return 0;
}
