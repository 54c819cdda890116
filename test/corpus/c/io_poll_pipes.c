#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(void)
{
	int p[3][2];
	struct pollfd fds[3];
	for (int i = 0; i < 3; i++) {
		if (pipe(p[i]) != 0)
			return 1;
		fcntl(p[i][0], F_SETFL, fcntl(p[i][0], F_GETFL) | O_NONBLOCK);
		fds[i] = (struct pollfd){.fd = p[i][0], .events = POLLIN};
	}
	char c;
	ssize_t r = read(p[0][0], &c, 1);
	printf("%zd %s\n", r, errno == EAGAIN ? "again" : strerror(errno));
	printf("%d\n", poll(fds, 3, 0));
	write(p[1][1], "z", 1);
	close(p[2][1]);
	int n = poll(fds, 3, 1000);
	printf("%d:", n);
	for (int i = 0; i < 3; i++)
		printf(" %s%s%s", fds[i].revents & POLLIN ? "in" : "-", fds[i].revents & POLLHUP ? "+hup" : "", fds[i].revents & POLLERR ? "+err" : "");
	char block[4096];
	memset(block, 'x', sizeof block);
	fcntl(p[0][1], F_SETFL, O_NONBLOCK);
	long total = 0;
	while ((r = write(p[0][1], block, sizeof block)) > 0)
		total += r;
	printf("\nfull after %ld\n", total);
	return read(p[0][0], block, 100) == 100 ? 0 : 2;
}
