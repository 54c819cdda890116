// counter PORT FILE: tells each visitor how many there were, and keeps the number in FILE.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static long read_count(const char *path)
{
	long count = 0;
	FILE *f = fopen(path, "r");
	if (f != NULL) {
		if (fscanf(f, "%ld", &count) != 1)
			count = 0;
		fclose(f);
	}
	return count;
}

static void write_count(const char *path, long count)
{
	FILE *f = fopen(path, "w");
	if (f == NULL || fprintf(f, "%ld\n", count) < 0 || fclose(f) != 0)
		perror(path);
}

static int serve(unsigned short port)
{
	const struct sockaddr_in here = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
	    bind(fd, (const struct sockaddr *)&here, sizeof here) != 0 || listen(fd, 16) != 0) {
		perror("counter");
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: counter PORT FILE\n");
		return 2;
	}
	int listening = serve((unsigned short)atoi(argv[1]));
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("counting on port %s\n", argv[1]);
	for (;;) {
		char said[16], text[64];
		int visitor = accept(listening, NULL, NULL);
		if (visitor < 0)
			continue;
		// Who only looks whether the port is open says nothing, and is not counted.
		if (recv(visitor, said, sizeof said, 0) > 0) {
			long count = read_count(argv[2]) + 1;
			write_count(argv[2], count);
			int len = snprintf(text, sizeof text, "you are visitor %ld\n", count);
			if (send(visitor, text, (size_t)len, 0) == len)
				printf("visit %ld\n", count);
		}
		close(visitor);
	}
}
