#include <poll.h>
#include <stdio.h>
#include <sys/select.h>
#include <sys/time.h>
#include <unistd.h>

int main(void)
{
	int a[2], b[2];
	if (pipe(a) || pipe(b))
		return 1;
	struct pollfd p[3] = {{a[0], POLLIN, 0}, {b[0], POLLIN, 0}, {b[1], POLLOUT, 0}};
	int n = poll(p, 3, 0);
	printf("poll %d: %d %d %d\n", n, p[0].revents != 0, p[1].revents != 0, p[2].revents == POLLOUT);
	if (write(a[1], "x", 1) != 1)
		return 1;
	n = poll(p, 2, 1000);
	printf("poll %d: %d %d\n", n, p[0].revents == POLLIN, p[1].revents);
	fd_set r, w;
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(a[0], &r);
	FD_SET(b[0], &r);
	FD_SET(b[1], &w);
	struct timeval t = {.tv_sec = 1};
	int top = b[1] > a[0] ? b[1] : a[0];
	n = select(top + 1, &r, &w, NULL, &t);
	printf("select %d: %d %d %d\n", n, !!FD_ISSET(a[0], &r), !!FD_ISSET(b[0], &r), !!FD_ISSET(b[1], &w));
	char c;
	printf("read %zd %c\n", read(a[0], &c, 1), 'x' + (n == 0));
	close(a[1]);
	n = poll(p, 1, 1000);
	printf("poll %d, hang-up %d\n", n, (p[0].revents & POLLHUP) != 0);
	printf("read %zd\n", read(a[0], &c, 1));
	FD_CLR(b[0], &r);
	printf("sizes %zu %zu %zu\n", sizeof(fd_set), sizeof(struct pollfd), sizeof t);
	return 0;
}
