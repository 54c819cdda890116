// The pollable descriptor is our end of a socket: that of the hold, else one of a pair made for this. shutdown(SHUT_RD), which a signal
// handler may call, makes it readable for ever. So signals, the hold's message and the hold's end look the same to poll, and
// no thread is needed. A program that closes what it does not know closes either: then a new pair takes its place.
#include "stop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "background.h"
#include "connection.h"
#include "os/os.h"
#include "spore/spore.h"

static const int signals[] = {SIGINT, SIGTERM};
enum {
	SIGNALS = sizeof signals / sizeof signals[0],
	SAME_MS = 200, // a group is often told by each of those who own it
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool set_up;
static bool took[SIGNALS]; // replaced the default action
// What is made readable. One that was lost stays, since a signal handler may be looking at it.
struct place {
	struct place *before;
	int fds[2]; // fds[1] is -1: of the hold
	struct spore__io_id ids[2];
};
static struct place *_Atomic place;  // may be NULL: descriptors ran out
static _Atomic int64_t signalled_at; // ms of the monotonic clock; 0: not yet
static atomic_bool requested;

static struct {
	void (*fn)(void *arg);
	void *arg;
	bool thread; // one waits
} callback;

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void latch(void)
{
	const struct place *p = atomic_load(&place);
	if (p != NULL && spore__io_is(p->fds[0], &p->ids[0]))
		(void)shutdown(p->fds[0], SHUT_RD);
}

static void on_signal(int sig)
{
	int e = errno;
	int64_t first = 0, now = now_ms() + 1;
	if (!atomic_compare_exchange_strong(&signalled_at, &first, now) && now - first >= SAME_MS) {
		(void)signal(sig, SIG_DFL);
		(void)raise(sig); // takes effect when the handler returns
	}
	latch();
	errno = e;
}

static void take_signals(void)
{
	for (int i = 0; i < SIGNALS; i++) {
		struct sigaction now, ours = {.sa_handler = on_signal};
		if (sigaction(signals[i], NULL, &now) != 0 || (now.sa_flags & SA_SIGINFO) != 0 ||
		    now.sa_handler != SIG_DFL)
			continue;
		sigemptyset(&ours.sa_mask);
		took[i] = sigaction(signals[i], &ours, NULL) == 0;
	}
}

// With the lock.
static void choose_place(void)
{
	struct place *p = calloc(1, sizeof *p);
	if (p == NULL)
		return;
	p->fds[0] = spore__connection_fd();
	p->fds[1] = -1;
	if (p->fds[0] < 0 && spore__io_pair(p->fds) != 0) {
		free(p);
		return;
	}
	for (int i = 0; i < 2; i++)
		spore__io_identify(p->fds[i], &p->ids[i]);
	p->before = atomic_load(&place);
	atomic_store(&place, p);
	if (atomic_load(&signalled_at) != 0 || atomic_load(&requested))
		latch(); // the signal may have come before
}

static void put_listens(struct spore__msgpack_writer *w, const void *arg)
{
	(void)arg;
	spore__control_put_listens(w);
}

static void start(void)
{
	if (atomic_load(&set_up))
		return;
	pthread_mutex_lock(&lock);
	if (!atomic_load(&set_up)) {
		choose_place();
		take_signals();
		spore__connection_say(put_listens, NULL, NULL);
		atomic_store(&set_up, true);
	}
	pthread_mutex_unlock(&lock);
}

void spore__stop_after_fork(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
	memcpy(&lock, &fresh, sizeof lock); // perhaps another thread of the parent held it
	for (int i = 0; i < SIGNALS; i++) {
		if (took[i])
			(void)signal(signals[i], SIG_DFL);
		took[i] = false;
	}
	for (struct place *p; (p = atomic_load(&place)) != NULL;) {
		for (int i = 0; i < 2 && p->fds[1] >= 0; i++)
			if (spore__io_is(p->fds[i], &p->ids[i]))
				close(p->fds[i]);
		atomic_store(&place, p->before);
		free(p);
	}
	atomic_store(&signalled_at, 0);
	atomic_store(&requested, false);
	atomic_store(&set_up, false);
	callback.fn = NULL;
	callback.thread = false;
}

bool spore__stop_is_listening(void)
{
	return atomic_load(&set_up);
}

bool spore__stop_is_asked(void)
{
	return atomic_load(&set_up) &&
	       (atomic_load(&requested) || atomic_load(&signalled_at) != 0 || spore__connection_was_asked());
}

bool spore_stop_requested(void)
{
	start();
	if (atomic_load(&requested))
		return true;
	if (atomic_load(&signalled_at) == 0 && !spore__connection_heard_stop())
		return false;
	if (!atomic_exchange(&requested, true)) {
		latch();
		spore_stopping();
	}
	return true;
}

int spore_stop_fd(void)
{
	start();
	const struct place *p = atomic_load(&place);
	if (p == NULL || !spore__io_is(p->fds[0], &p->ids[0])) {
		pthread_mutex_lock(&lock);
		if (p == atomic_load(&place))
			choose_place();
		p = atomic_load(&place);
		pthread_mutex_unlock(&lock);
	}
	return p != NULL && spore__io_is(p->fds[0], &p->ids[0]) ? p->fds[0] : -1;
}

bool spore_stop_wait(int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;
	while (!spore_stop_requested()) {
		int64_t left = timeout_ms < 0 ? -1 : deadline - now_ms();
		struct pollfd p = {.fd = spore_stop_fd(), .events = POLLIN};
		if (timeout_ms >= 0 && left <= 0)
			return false;
		if (p.fd < 0 && (left < 0 || left > 100))
			left = 100; // no descriptor to wait for
		(void)poll(&p, 1, (int)left);
	}
	return true;
}

static void *wait_and_call(void *unused)
{
	(void)unused;
	(void)spore_stop_wait(-1);
	pthread_mutex_lock(&lock);
	void (*fn)(void *) = callback.fn;
	void *arg = callback.arg;
	callback.fn = NULL;
	callback.thread = false;
	pthread_mutex_unlock(&lock);
	if (fn != NULL)
		fn(arg);
	return NULL;
}

enum spore_err spore_stop_callback(void (*fn)(void *arg), void *arg)
{
	int e = 0;
	start();
	pthread_mutex_lock(&lock);
	callback.fn = fn;
	callback.arg = arg;
	if (fn != NULL && !callback.thread) {
		e = spore__background_start(wait_and_call, 0);
		callback.thread = e == 0;
		if (e != 0)
			callback.fn = NULL;
	}
	pthread_mutex_unlock(&lock);
	return e == 0 ? SPORE_OK : SPORE_ESYSTEM;
}
