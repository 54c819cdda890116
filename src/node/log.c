#include "node/log.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char path[PATH_MAX];

int spore__node_log_open(const char *state)
{
	if (path[0] == '\0')
		(void)snprintf(path, sizeof path, "%s/node.log", state);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	bool placed = dup2(fd, STDERR_FILENO) >= 0;
	if (fd != STDERR_FILENO)
		close(fd);
	return placed ? 0 : -1;
}

static void bound(void)
{
	char old[PATH_MAX + 2];
	struct stat st;
	if (path[0] == '\0' || fstat(STDERR_FILENO, &st) != 0 || st.st_size < SPORE__NODE_LOG_MAX)
		return;
	(void)snprintf(old, sizeof old, "%s.1", path);
	if (rename(path, old) == 0 || unlink(path) == 0)
		(void)spore__node_log_open("");
	else
		(void)!ftruncate(STDERR_FILENO, 0);
}

void spore__node_log(const char *fmt, ...)
{
	char line[2048];
	time_t now = time(NULL);
	struct tm tm;
	size_t len = 0;
	if (gmtime_r(&now, &tm) != NULL)
		len = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%SZ ", &tm);
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line + len, sizeof line - len - 1, fmt, ap);
	va_end(ap);
	len += n < 0 ? 0 : (size_t)n < sizeof line - len - 1 ? (size_t)n : sizeof line - len - 2;
	line[len++] = '\n';
	bound();
	(void)!write(STDERR_FILENO, line, len); // nobody else to tell when the disk is full
}
