// A sender that has room looks at nothing of its peer, so that one which sends now and then would learn late that the peer died while that was at
// work and asked for no ringing. The library's own thread waits for the ends of all pipes together; nothing else about them wakes it.
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "../os/os.h"
#include "chan/bell.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of all below
static struct spore__bell *all;
static int gather = -1;

int spore__bell_watch_fd(void)
{
	pthread_mutex_lock(&lock);
	if (gather < 0)
		gather = spore__io_gather();
	int fd = gather;
	pthread_mutex_unlock(&lock);
	return fd;
}

void spore__bell_watch(struct spore__bell *b)
{
	int e = errno;
	pthread_mutex_lock(&lock);
	if (gather >= 0 && spore__io_gather_add(gather, b->hear, 0) == 0) {
		b->next_watched = all;
		b->watched = true;
		all = b;
	}
	pthread_mutex_unlock(&lock);
	errno = e;
}

// With the lock.
static void leave(struct spore__bell **at)
{
	struct spore__bell *b = *at;
	spore__io_gather_remove(gather, b->hear);
	*at = b->next_watched;
	b->watched = false;
}

void spore__bell_unwatch(struct spore__bell *b)
{
	int e = errno;
	pthread_mutex_lock(&lock);
	struct spore__bell **at = &all;
	while (b->watched && *at != NULL && *at != b)
		at = &(*at)->next_watched;
	if (b->watched && *at != NULL)
		leave(at);
	pthread_mutex_unlock(&lock);
	errno = e;
}

bool spore__bell_watched(void)
{
	int fd, found;
	pthread_mutex_lock(&lock);
	while ((found = spore__io_gather_next(gather, &fd)) > 0) {
		struct spore__bell **at = &all;
		while (*at != NULL && (*at)->hear != fd)
			at = &(*at)->next_watched;
		if (*at == NULL) {
			spore__io_gather_remove(gather, fd);
			continue;
		}
		atomic_store_explicit(&(*at)->gone, true, memory_order_release);
		leave(at);
	}
	pthread_mutex_unlock(&lock);
	return found == 0;
}

void spore__bell_watch_after_fork(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
	lock = fresh;
	all = NULL;
	if (gather >= 0)
		close(gather);
	gather = -1;
}
