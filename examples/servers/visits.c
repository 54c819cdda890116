// Visits a page of the web server again and again, and counts the visits in the cache. Either may go away for a while: it says so
// and tries again.
//
// Configuration: `web` and `cache` (ports of this machine), `period` (milliseconds).
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <spore/spore.h>

// Sends REQUEST to a port of this machine and reads until END is in the answer, at most a second. False with errno.
static bool ask(int port, const char *request, const char *end, char *answer, size_t size)
{
	const struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	const struct timeval second = {1, 0};
	size_t len = 0;
	bool whole = false;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		return false;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
	    send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request)) {
		while (!whole && len < size - 1) {
			ssize_t n = recv(fd, answer + len, size - 1 - len, 0);
			if (n <= 0) {
				errno = n == 0 ? ECONNRESET : errno;
				break;
			}
			len += (size_t)n;
			answer[len] = '\0';
			whole = strstr(answer, end) != NULL;
		}
	}
	int why = errno;
	close(fd);
	errno = why;
	return whole;
}

// One more visit: the count, or -1 when the cache does not answer.
static long long count_visit(int cache)
{
	char answer[256];
	if (!ask(cache, "incr visits 1\r\n", "\r\n", answer, sizeof answer))
		return -1;
	if (strncmp(answer, "NOT_FOUND", 9) != 0)
		return atoll(answer);
	return ask(cache, "add visits 0 0 1\r\n1\r\n", "\r\n", answer, sizeof answer) ? 1 : -1;
}

int main(void)
{
	int web = atoi(spore_config("web", "8080"));
	int cache = atoi(spore_config("cache", "11211"));
	int period = atoi(spore_config("period", "1000"));
	char page[8192], status[64];
	while (!spore_stop_wait(period > 0 ? period : 1000)) {
		if (!ask(web, "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n", "</p>", page, sizeof page)) {
			spore_log(SPORE_WARN, "the web server does not answer", spore_str("why", strerror(errno)));
			continue;
		}
		long long visits = count_visit(cache);
		if (visits < 0) {
			spore_log(SPORE_WARN, "the cache does not answer", spore_str("why", strerror(errno)));
			continue;
		}
		spore_ready();
		spore_log(SPORE_INFO, "visited", spore_int("visits", visits));
		snprintf(status, sizeof status, "%lld visits", visits);
		spore_status(status);
	}
	return 0;
}
