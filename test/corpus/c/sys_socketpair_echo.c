#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ctype.h>

struct header {
	unsigned short kind;
	unsigned short len;
};

static int read_all(int fd, void *p, size_t n)
{
	char *c = p;
	while (n > 0) {
		ssize_t got = read(fd, c, n);
		if (got <= 0)
			return -1;
		c += got;
		n -= (size_t)got;
	}
	return 0;
}

static int send_message(int fd, unsigned short kind, const char *text)
{
	struct header h = {kind, (unsigned short)strlen(text)};
	struct iovec v[2] = {{&h, sizeof h}, {(void *)text, h.len}};
	return writev(fd, v, 2) == (ssize_t)(sizeof h + h.len) ? 0 : -1;
}

static void serve(int fd)
{
	struct header h;
	char text[256];
	int served = 0;
	while (read_all(fd, &h, sizeof h) == 0 && h.len < sizeof text && read_all(fd, text, h.len) == 0) {
		text[h.len] = 0;
		for (char *p = text; *p; p++)
			*p = (char)(h.kind == 1 ? toupper((unsigned char)*p) : h.kind == 2 && *p == ' ' ? '_' : *p);
		send_message(fd, (unsigned short)(h.kind + 100), text);
		served++;
	}
	_exit(served);
}

int main(void)
{
	int pair[2], status;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return 99;
	fflush(stdout);
	if (fork() == 0) {
		close(pair[0]);
		serve(pair[1]);
	}
	close(pair[1]);
	static const char *const words[] = {"hello there", "a b c", "", "unchanged text"};
	for (unsigned i = 0; i < 4; i++) {
		struct header h;
		char text[256];
		send_message(pair[0], (unsigned short)(i % 3 + 1), words[i]);
		if (read_all(pair[0], &h, sizeof h) || read_all(pair[0], text, h.len))
			break;
		printf("%u %u \"%.*s\"\n", h.kind, h.len, (int)h.len, text);
	}
	shutdown(pair[0], SHUT_WR);
	wait(&status);
	printf("served %d\n", WEXITSTATUS(status));
	return 0;
}
