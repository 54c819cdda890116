#include "chan/bell.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

#include "../os/os.h"
#include "chan/transport.h"

enum { SECOND = 1000000000 };

int64_t spore__bell_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

int spore__bell_poll(struct pollfd *p, unsigned count, int64_t deadline)
{
	int ms = -1;
	if (deadline >= 0) {
		int64_t left = deadline - spore__bell_now();
		left = left > 0 ? (left + 999999) / 1000000 : 0;
		ms = left < INT_MAX ? (int)left : INT_MAX;
	}
	return poll(p, count, ms);
}

enum spore_err spore__bell_init(struct spore__bell *b, int hear, int ring)
{
	pthread_condattr_t attr;
	*b = (struct spore__bell){.hear = -1, .ring = -1};
	if (pthread_condattr_init(&attr) != 0)
		return SPORE_ESYSTEM;
	int e = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (e == 0)
		e = pthread_cond_init(&b->woken, &attr);
	(void)pthread_condattr_destroy(&attr);
	if (e != 0)
		return SPORE_ESYSTEM;
	if (pthread_mutex_init(&b->lock, NULL) != 0) {
		(void)pthread_cond_destroy(&b->woken);
		return SPORE_ESYSTEM;
	}
	b->hear = hear;
	b->ring = ring;
	return SPORE_OK;
}

void spore__bell_finish(struct spore__bell *b)
{
	spore__bell_unwatch(b);
	close(b->hear);
	close(b->ring);
	(void)pthread_mutex_destroy(&b->lock);
	(void)pthread_cond_destroy(&b->woken);
}

void spore__bell_ring(struct spore__bell *b)
{
	int e = errno;
	// A full pipe has been rung enough.
	(void)!write(b->ring, "", 1);
	errno = e;
}

bool spore__bell_echo(struct spore__bell *b)
{
	int e = errno;
	bool rung = spore__io_doorbell_echo(b->hear) == 0;
	errno = e;
	return rung;
}

static void look_again(struct spore__bell *b)
{
	atomic_fetch_add_explicit(&b->heard, 1, memory_order_release);
	if (b->followers > 0)
		(void)pthread_cond_broadcast(&b->woken);
}

void spore__bell_hang_up(struct spore__bell *b)
{
	int e = errno;
	// In place, since another thread may be ringing: it finds an end that cannot be written. No descriptor more is needed, nor a file.
	(void)dup2(b->hear, b->ring);
	(void)fcntl(b->ring, F_SETFD, FD_CLOEXEC);
	pthread_mutex_lock(&b->lock);
	look_again(b);
	pthread_mutex_unlock(&b->lock);
	errno = e;
}

// Whether a read of the bell waits. Whoever leads, or holds the lock while nobody does, chooses; as a rule it is chosen once.
static bool read_waits(struct spore__bell *b, bool waits)
{
	if (b->waits != waits && fcntl(b->hear, F_SETFL, waits ? 0 : O_NONBLOCK) == 0)
		b->waits = waits;
	return b->waits;
}

// The peer can take back what it rang at any moment: poll says nothing about what a read will find.
static enum spore_err hear(struct spore__bell *b, bool *rung)
{
	char bytes[256];
	ssize_t n = read(b->hear, bytes, sizeof bytes);
	*rung = n >= 0;
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		return errno == EINTR ? SPORE_ECANCELLED : SPORE_ESYSTEM;
	if (n == 0)
		atomic_store_explicit(&b->gone, true, memory_order_release);
	return SPORE_OK;
}

enum spore_err spore__bell_poll_with(int fd, int64_t deadline, struct pollfd *extra, unsigned count, bool *ready)
{
	struct pollfd p[1 + SPORE__END_EXTRA] = {{.fd = fd, .events = POLLIN}};
	*ready = false;
	for (unsigned i = 0; i < count; i++)
		p[1 + i] = extra[i];
	int n = spore__bell_poll(p, 1 + count, deadline);
	if (n < 0)
		return errno == EINTR ? SPORE_ECANCELLED : SPORE_ESYSTEM;
	for (unsigned i = 0; i < count; i++)
		extra[i].revents = p[1 + i].revents;
	*ready = p[0].revents != 0;
	return n == 0 ? SPORE_ETIMEOUT : SPORE_OK;
}

// A wait for nothing but the bell, without end, is one system call.
static enum spore_err sleep_until(struct spore__bell *b, int64_t deadline, struct pollfd *extra, unsigned count)
{
	bool rung;
	if (read_waits(b, deadline < 0 && count == 0))
		return hear(b, &rung);
	enum spore_err e = spore__bell_poll_with(b->hear, deadline, extra, count, &rung);
	return rung ? hear(b, &rung) : e;
}

static enum spore_err follow(struct spore__bell *b, int64_t deadline)
{
	int e;
	b->followers++;
	if (deadline >= 0) {
		const struct timespec until = {.tv_sec = deadline / SECOND, .tv_nsec = deadline % SECOND};
		e = pthread_cond_timedwait(&b->woken, &b->lock, &until);
	} else {
		e = pthread_cond_wait(&b->woken, &b->lock);
	}
	b->followers--;
	return e == 0 ? SPORE_OK : e == ETIMEDOUT ? SPORE_ETIMEOUT : SPORE_ESYSTEM;
}

enum spore_err spore__bell_wait(struct spore__bell *b, uint64_t heard, int64_t deadline, struct pollfd *extra,
                                unsigned count)
{
	enum spore_err e = SPORE_OK;
	int before = errno;
	pthread_mutex_lock(&b->lock);
	while (e == SPORE_OK && b->led && atomic_load_explicit(&b->heard, memory_order_relaxed) == heard)
		e = follow(b, deadline);
	if (e != SPORE_OK || b->led || atomic_load_explicit(&b->heard, memory_order_relaxed) != heard ||
	    atomic_load_explicit(&b->gone, memory_order_relaxed)) {
		pthread_mutex_unlock(&b->lock);
		return e;
	}
	b->led = true;
	pthread_mutex_unlock(&b->lock);
	e = sleep_until(b, deadline, extra, count);
	pthread_mutex_lock(&b->lock);
	b->led = false;
	look_again(b);
	pthread_mutex_unlock(&b->lock);
	if (e == SPORE_OK)
		errno = before;
	return e;
}

void spore__bell_listen(struct spore__bell *b)
{
	bool rung = false;
	int e = errno;
	pthread_mutex_lock(&b->lock);
	if (!b->led && !read_waits(b, false))
		(void)hear(b, &rung);
	if (rung)
		look_again(b);
	pthread_mutex_unlock(&b->lock);
	errno = e;
}

void spore__bell_look(struct spore__bell *b)
{
	struct pollfd p = {.fd = b->hear};
	int e = errno;
	if (poll(&p, 1, 0) > 0 && (p.revents & POLLHUP) != 0)
		atomic_store_explicit(&b->gone, true, memory_order_release);
	errno = e;
}
