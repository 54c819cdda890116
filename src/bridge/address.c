#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bridge/host.h"

enum { BACKLOG = 128, NAME = 256, CONNECT_MS = 5000 };

static int fail(char *why, size_t size, const char *what, int error)
{
	(void)snprintf(why, size, "%s%s%s", what, error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
	errno = error;
	return -1;
}

static int open_socket(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);
	if (fd >= 0)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

static bool unix_path(const char *address, struct sockaddr_un *sa)
{
	if (strncmp(address, "unix:", 5) != 0 || strlen(address + 5) >= sizeof sa->sun_path || address[5] == '\0')
		return false;
	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	strcpy(sa->sun_path, address + 5);
	return true;
}

// What a killed one left is in the way; one that somebody listens on is not touched.
static void remove_left(const struct sockaddr_un *sa)
{
	struct stat st;
	int fd = open_socket(AF_UNIX);
	if (fd < 0)
		return;
	if (lstat(sa->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    connect(fd, (const struct sockaddr *)(const void *)sa, sizeof *sa) != 0 && errno == ECONNREFUSED)
		(void)unlink(sa->sun_path);
	close(fd);
}

// It is made beside and renamed, so that whoever sees it can connect.
static int listen_unix(const struct sockaddr_un *sa, char *why, size_t size)
{
	struct sockaddr_un beside = *sa;
	struct stat st;
	size_t len = strlen(sa->sun_path);
	remove_left(sa);
	if (lstat(sa->sun_path, &st) == 0)
		return fail(why, size, sa->sun_path, EADDRINUSE);
	if (len + 2 <= sizeof beside.sun_path)
		strcpy(beside.sun_path + len, "~");
	(void)unlink(beside.sun_path);
	int fd = open_socket(AF_UNIX);
	mode_t before = umask(0177);
	int rc = fd >= 0 ? bind(fd, (const struct sockaddr *)(const void *)&beside, sizeof beside) : -1;
	int error = errno;
	(void)umask(before);
	if (rc == 0 && listen(fd, BACKLOG) == 0 &&
	    (strcmp(beside.sun_path, sa->sun_path) == 0 || rename(beside.sun_path, sa->sun_path) == 0))
		return fd;
	error = rc == 0 ? errno : error;
	if (fd >= 0)
		close(fd);
	return fail(why, size, sa->sun_path, error);
}

// "HOST:PORT", "[::1]:PORT"; ":PORT" is of this machine alone.
static struct addrinfo *resolve(const char *address, bool passive, char *why, size_t size)
{
	char host[NAME];
	const char *colon = strrchr(address, ':'), *from = address;
	size_t len = colon != NULL ? (size_t)(colon - address) : 0;
	if (len >= 2 && from[0] == '[' && from[len - 1] == ']') {
		from++;
		len -= 2;
	}
	if (colon == NULL || len >= sizeof host || colon[1] == '\0') {
		(void)fail(why, size, "an address is HOST:PORT or unix:PATH", 0);
		return NULL;
	}
	(void)snprintf(host, sizeof host, "%.*s", len > 0 ? (int)len : 9, len > 0 ? from : "127.0.0.1");
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = passive ? AI_PASSIVE : 0};
	struct addrinfo *found = NULL;
	int rc = getaddrinfo(host, colon + 1, &hints, &found);
	if (rc == 0)
		return found;
	(void)fail(why, size, gai_strerror(rc), 0);
	return NULL;
}

static bool is_local(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return (ntohl(((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr) >> 24) == 127;
	return sa->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
}

int spore__address_listen(const char *address, bool *local, char *why, size_t size)
{
	struct sockaddr_un sa;
	int fd = -1, error = 0, on = 1;
	*local = true;
	if (unix_path(address, &sa))
		return listen_unix(&sa, why, size);
	struct addrinfo *found = resolve(address, true, why, size);
	for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
		fd = open_socket(a->ai_family);
		if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
		    bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
			*local = is_local(a->ai_addr);
			break;
		}
		error = errno;
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	if (found == NULL)
		return -1;
	freeaddrinfo(found);
	return fd >= 0 ? fd : fail(why, size, address, error);
}

// Nobody else is served meanwhile, so one that does not answer is given up soon.
static int connect_soon(int fd, const struct sockaddr *to, socklen_t len)
{
	int flags = fcntl(fd, F_GETFL), error = 0;
	socklen_t size = sizeof error;
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return -1;
	if (connect(fd, to, len) != 0) {
		if (errno != EINPROGRESS)
			return -1;
		int n;
		while ((n = poll(&p, 1, CONNECT_MS)) < 0 && errno == EINTR)
			;
		if (n == 0)
			errno = ETIMEDOUT;
		if (n <= 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
			return -1;
		if (error != 0) {
			errno = error;
			return -1;
		}
	}
	return fcntl(fd, F_SETFL, flags);
}

int spore__address_connect(const char *address, char *why, size_t size)
{
	struct sockaddr_un sa;
	int fd = -1, error = 0, on = 1;
	if (unix_path(address, &sa)) {
		fd = open_socket(AF_UNIX);
		if (fd >= 0 && connect(fd, (const struct sockaddr *)(const void *)&sa, sizeof sa) == 0)
			return fd;
		error = errno;
		if (fd >= 0)
			close(fd);
		return fail(why, size, sa.sun_path, error);
	}
	struct addrinfo *found = resolve(address, false, why, size);
	for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
		fd = open_socket(a->ai_family);
		if (fd >= 0 && connect_soon(fd, a->ai_addr, a->ai_addrlen) == 0) {
			(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
			break;
		}
		error = errno;
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	if (found == NULL)
		return -1;
	freeaddrinfo(found);
	return fd >= 0 ? fd : fail(why, size, address, error);
}
