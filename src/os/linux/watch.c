#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "os/os.h"

struct spore__watch {
	int fd;
};

struct spore__watch *spore__os_watch_create(void)
{
	struct spore__watch *w = malloc(sizeof *w);
	if (w == NULL)
		return NULL;
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd < 0) {
		free(w);
		return NULL;
	}
	return w;
}

void spore__os_watch_destroy(struct spore__watch *w)
{
	if (w == NULL)
		return;
	close(w->fd);
	free(w);
}

int spore__os_watch_add(struct spore__watch *w, const char *path)
{
	// Not IN_OPEN or IN_ACCESS: a build reads what it watches.
	const uint32_t changes = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF |
	                         IN_MOVE_SELF | IN_ATTRIB;
	return inotify_add_watch(w->fd, path, changes) < 0 ? -1 : 0;
}

int spore__os_watch_add_written(struct spore__watch *w, const char *folder)
{
	const uint32_t changes = IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
	                         IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
	return inotify_add_watch(w->fd, folder, changes) < 0 ? -1 : 0;
}

int spore__os_watch_wait(struct spore__watch *w, int timeout_ms)
{
	return spore__os_watch_wait_or_gone(w, -1, timeout_ms);
}

int spore__os_watch_wait_or_gone(struct spore__watch *w, int fd, int timeout_ms)
{
	struct pollfd p[2] = {{.fd = w->fd, .events = POLLIN}, {.fd = fd}};
	int n = poll(p, 2, timeout_ms);
	if (n <= 0)
		return n;
	if ((p[1].revents & (POLLERR | POLLHUP)) != 0)
		return 2;
	char events[4096];
	while (read(w->fd, events, sizeof events) > 0)
		;
	return 1;
}
