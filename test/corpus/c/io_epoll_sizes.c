#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
int main(void)
{
	int ep = epoll_create1(0), pair[4];
	struct epoll_event ev[4];
	printf("%zu %zu\n", sizeof(struct epoll_event), sizeof ev);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	socketpair(AF_UNIX, SOCK_DGRAM, 0, pair + 2);
	for (int i = 0; i < 4; i++) {
		struct epoll_event e = {.events = EPOLLIN};
		e.data.u64 = UINT64_C(0x1122334400000000) + (unsigned)i;
		if (epoll_ctl(ep, EPOLL_CTL_ADD, pair[i], &e) != 0)
			return 1;
	}
	printf("%d ready\n", epoll_wait(ep, ev, 4, 0));
	write(pair[0], "one", 3);
	write(pair[3], "two!", 4);
	int n = epoll_wait(ep, ev, 4, 1000);
	unsigned seen = 0;
	for (int i = 0; i < n; i++) {
		char buf[10] = "";
		int which = (int)(uint32_t)ev[i].data.u64;
		ssize_t got = read(pair[which], buf, sizeof buf - 1);
		seen |= 1u << which;
		if (ev[i].data.u64 >> 32 != 0x11223344 || got < 3)
			return 2;
	}
	printf("%d ready, %x\n", n, seen);
	close(pair[0]);
	n = epoll_wait(ep, ev, 4, 1000);
	char c;
	ssize_t got = read(pair[1], &c, 1);
	printf("%d %d %zd\n", n, (int)(ev[0].data.u64 & 255), got);
	return 0;
}
