// spore-look relay: between the two ends of a wire with a fault. The node starts it with an end of each of two channels, and has no part in it
// afterwards: it ends with either of them.
//
//	spore-look relay TRANSPORT ROLE COUNT TRANSPORT ROLE COUNT DELAY_US DROP_PPM SEED COUNTERS
//
// Descriptor 3 is a socket, from which the descriptors of both ends come with one byte, the left one's first. Each direction has a thread: messages keep their
// order, and when as many as may are under way nothing more is received, so that the sender feels it.
#include "look/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "chan/chan.h"
#include "look/look.h"
#include "node/relay_counts.h"
#include "os/os.h"
#include "pass.h"

enum {
	SOCKET = 3,
	OPERANDS = 10,
	UNDER_WAY = 65536,          // messages that wait in one direction
	BYTES_UNDER_WAY = 64 << 20, // and their bytes; one message may always
	MILLION = 1000000,
	PATIENCE_MS = 10000,
};

struct parcel {
	struct parcel *next;
	int64_t due; // monotonic ns
	size_t len;
	unsigned char bytes[];
};

struct lane {
	struct spore_chan *in, *out;
	struct parcel *first, **last;
	size_t count, bytes;
	int64_t delay_ns;
	uint64_t drop_ppm, random;
	_Atomic uint64_t *dropped;
};

static const char *counters_path;

static int64_t now_ns(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// splitmix64: the same seed drops the same messages.
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static _Noreturn void leave(void)
{
	(void)unlink(counters_path);
	_exit(0);
}

static bool is_full(const struct lane *l)
{
	return l->count >= UNDER_WAY || l->bytes >= BYTES_UNDER_WAY;
}

// False: the end where it should go is gone.
static bool deliver(struct lane *l, const void *data, size_t len)
{
	enum spore_err e;
	do
		e = spore_chan_send(l->out, data, len, SPORE_FOREVER);
	while (e == SPORE_ECANCELLED);
	return e == SPORE_OK;
}

static bool deliver_first(struct lane *l)
{
	struct parcel *p = l->first;
	bool good = deliver(l, p->bytes, p->len);
	l->first = p->next;
	if (l->first == NULL)
		l->last = &l->first;
	l->count--;
	l->bytes -= p->len;
	free(p);
	return good;
}

static void sleep_until(int64_t ns)
{
	const struct timespec t = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static bool deliver_all(struct lane *l)
{
	while (l->first != NULL) {
		sleep_until(l->first->due);
		if (!deliver_first(l))
			return false;
	}
	return true;
}

// The message that is lent is dropped, passed on, or kept until it is due. False: the end where it should go is gone.
static bool take(struct lane *l, const void *data, size_t len)
{
	struct parcel *p;
	if (l->drop_ppm > 0 && next_random(&l->random) % MILLION < l->drop_ppm) {
		atomic_fetch_add_explicit(l->dropped, 1, memory_order_relaxed);
		return true;
	}
	if (l->delay_ns == 0)
		return deliver(l, data, len);
	p = malloc(sizeof *p + len);
	if (p == NULL) { // later than meant, but not lost
		int64_t due = now_ns() + l->delay_ns;
		if (!deliver_all(l))
			return false;
		sleep_until(due);
		return deliver(l, data, len);
	}
	*p = (struct parcel){.due = now_ns() + l->delay_ns, .len = len};
	memcpy(p->bytes, data, len);
	*l->last = p;
	l->last = &p->next;
	l->count++;
	l->bytes += len;
	return true;
}

// The next message when there is one before the first is due.
static enum spore_err receive(struct lane *l, const void **data, size_t *len)
{
	if (l->first == NULL)
		return spore_chan_read(l->in, data, len, SPORE_FOREVER);
	int64_t left = l->first->due - now_ns();
	if (left <= 0)
		return SPORE_ETIMEOUT;
	if (is_full(l)) {
		sleep_until(l->first->due);
		return SPORE_ETIMEOUT;
	}
	// Whole milliseconds are waited for, the rest is slept, which takes no message later than it is delivered.
	enum spore_err e = spore_chan_read(l->in, data, len, left >= 1000000 ? (int)(left / 1000000) : SPORE_NOW);
	if (e == SPORE_EAGAIN) {
		sleep_until(l->first->due);
		return SPORE_ETIMEOUT;
	}
	return e;
}

// Of one that sends nothing more. What it would be sent is of no use to it then.
static void await_death(const struct spore_chan *c)
{
	struct pollfd p = {.fd = spore_chan_fd(c)};
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

static void *run(void *arg)
{
	struct lane *l = arg;
	for (;;) {
		const void *data;
		size_t len;
		while (l->first != NULL && l->first->due <= now_ns())
			if (!deliver_first(l))
				return NULL; // the other direction ends with what is under way in it
		enum spore_err e = receive(l, &data, &len);
		if (e == SPORE_OK) {
			bool good = take(l, data, len);
			spore_chan_release(l->in);
			if (!good)
				return NULL;
		} else if (e == SPORE_EEND) {
			if (!deliver_all(l))
				return NULL;
			(void)spore_chan_finish(l->out, SPORE_FOREVER);
			await_death(l->in);
			leave();
		} else if (e != SPORE_ETIMEOUT && e != SPORE_EAGAIN && e != SPORE_ECANCELLED) {
			(void)deliver_all(l);
			(void)spore_chan_flush(l->out, PATIENCE_MS);
			leave(); // and the other end sees it
		}
	}
}

static _Noreturn void bad_start(void)
{
	spore__die(SPORE__EXIT_USAGE, "spore help fault", "relay: the node starts it");
}

static uint64_t number(const char *text, uint64_t most)
{
	char *end;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n > most)
		bad_start();
	return n;
}

static void take_end(char *const *operands, struct spore__channel_end *end)
{
	const struct spore__transport_ops *ops = spore__transport_find(operands[0], strlen(operands[0]));
	*end = (struct spore__channel_end){.role = (int)number(operands[1], 1),
	                                   .count = (int)number(operands[2], SPORE__END_FDS)};
	if (ops == NULL || ops->fds != end->count)
		bad_start();
	end->transport = ops->name;
}

static void receive_ends(struct spore__channel_end ends[2])
{
	char byte;
	int fds[2 * SPORE__END_FDS];
	unsigned came = 0;
	struct pollfd p = {.fd = SOCKET, .events = POLLIN};
	ssize_t n;
	do {
		(void)poll(&p, 1, PATIENCE_MS);
		n = spore__pass_receive(SOCKET, &byte, 1, fds, 2 * SPORE__END_FDS, &came);
	} while (n < 0 && errno == EINTR);
	if (n != 1 || came != (unsigned)(ends[0].count + ends[1].count))
		bad_start();
	close(SOCKET);
	memcpy(ends[0].fds, fds, (size_t)ends[0].count * sizeof fds[0]);
	memcpy(ends[1].fds, fds + ends[0].count, (size_t)ends[1].count * sizeof fds[0]);
}

// Without the file it counts for itself alone, and the next node makes the channel anew.
static struct spore__relay_counts *open_counters(const char *path)
{
	static struct spore__relay_counts own;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	void *map = MAP_FAILED;
	if (fd >= 0 && spore__os_lock(fd, true, true) == 0 && ftruncate(fd, sizeof(struct spore__relay_counts)) == 0)
		map = mmap(NULL, sizeof(struct spore__relay_counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	// The descriptor stays open: with it the lock is held, by which the next node knows that this process lives.
	struct spore__relay_counts *counts = map != MAP_FAILED ? map : &own;
	counts->pid = getpid();
	counts->magic = SPORE__RELAY_MAGIC;
	return counts;
}

_Noreturn int spore__look_relay(const struct spore__look *look)
{
	struct spore__channel_end ends[2];
	struct spore_chan *chans[2];
	struct lane lanes[2];
	pthread_t other;
	size_t count = 0;
	while (look->operands[count] != NULL)
		count++;
	if (count != OPERANDS)
		bad_start();
	take_end(look->operands, &ends[0]);
	take_end(look->operands + 3, &ends[1]);
	int64_t delay = (int64_t)number(look->operands[6], INT32_MAX * UINT64_C(1000)) * 1000;
	uint64_t drop = number(look->operands[7], MILLION), seed = number(look->operands[8], INT64_MAX);
	counters_path = look->operands[9];
	receive_ends(ends);
	for (int i = 0; i < 2; i++)
		if (spore__chan_create(&ends[i], &chans[i]) != SPORE_OK)
			spore__die(SPORE__EXIT_SPORE, NULL, "relay: a channel cannot be opened");
	struct spore__relay_counts *counts = open_counters(counters_path);
	for (int i = 0; i < 2; i++)
		lanes[i] = (struct lane){.in = chans[i],
		                         .out = chans[1 - i],
		                         .last = &lanes[i].first,
		                         .delay_ns = delay,
		                         .drop_ppm = drop,
		                         .random = seed * 2 + (uint64_t)i,
		                         .dropped = &counts->dropped[i]};
	if (pthread_create(&other, NULL, run, &lanes[1]) != 0) {
		(void)unlink(counters_path);
		spore__die(SPORE__EXIT_SPORE, NULL, "relay: no thread can be had");
	}
	(void)run(&lanes[0]);
	(void)pthread_join(other, NULL);
	// Where it should go nobody was there any more, in either direction.
	for (int i = 0; i < 2; i++)
		(void)spore_chan_flush(chans[i], PATIENCE_MS);
	leave();
}

void spore__relay_dropped(const char *folder, uint64_t serial, uint64_t dropped[2])
{
	char path[PATH_MAX];
	struct stat st;
	if ((size_t)snprintf(path, sizeof path, "%s/fault-%" PRIu64, folder, serial) >= sizeof path)
		return;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	struct spore__relay_counts *c = MAP_FAILED;
	if (fstat(fd, &st) == 0 && st.st_size == sizeof *c)
		c = mmap(NULL, sizeof *c, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (c == MAP_FAILED)
		return;
	for (int i = 0; i < 2 && c->magic == SPORE__RELAY_MAGIC; i++)
		dropped[i] += atomic_load_explicit(&c->dropped[i], memory_order_relaxed);
	(void)munmap(c, sizeof *c);
}
