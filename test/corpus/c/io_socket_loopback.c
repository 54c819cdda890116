#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
	int srv = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof at;
	if (bind(srv, (struct sockaddr *)&at, sizeof at) != 0 || listen(srv, 1) != 0 || getsockname(srv, (struct sockaddr *)&at, &len) != 0)
		return 1;
	pid_t child = fork();
	if (child == 0) {
		int c = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(c, (struct sockaddr *)&at, sizeof at) != 0)
			_exit(1);
		send(c, "ping", 4, 0);
		char buf[20];
		ssize_t n = recv(c, buf, sizeof buf, 0);
		_exit(n == 8 && memcmp(buf, "pingpong", 8) == 0 ? 0 : 2);
	}
	struct sockaddr_in peer;
	len = sizeof peer;
	int s = accept(srv, (struct sockaddr *)&peer, &len);
	char buf[20] = "", text[INET_ADDRSTRLEN];
	ssize_t n = recv(s, buf, 4, MSG_WAITALL);
	strcat(buf, "pong");
	send(s, buf, 8, 0);
	int status;
	waitpid(child, &status, 0);
	printf("%zd %s from %s, child %d\n", n, buf, inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text), WEXITSTATUS(status));
	printf("%08x %04x %zu\n", (unsigned)ntohl(inet_addr("1.2.3.4")), htons(0x1234), sizeof(struct sockaddr_in));
	return 0;
}
