// spore-look relay: between the two ends of a wire that has a fault, or goes from what publishes to a program without libspore. The node starts it
// with an end of each of two channels, and has no part in it afterwards: it ends with either of them.
//
//	spore-look relay TRANSPORT ROLE COUNT TRANSPORT ROLE COUNT DELAY_US DROP_PPM SEED COUNTERS ANSWERS SLOW
//
// SLOW is what happens while what is published is not read; "-" elsewhere.
//
// Descriptor 3 is a socket, from which the descriptors of both ends come with one byte, the left one's first. Each direction has a thread: messages
// keep their order, and when as many as may are under way nothing more is received, so that the sender feels it.
//
// SIGUSR1: its wire is to have another channel. Nothing is held back from now on; both ends finish and are received to their end. With ANSWERS 1
// one end serves, and may not finish by itself: it has PATIENCE_MS after the other one has. SIGUSR2: its wire is cut. Nothing more is taken, what
// is held back is passed on.
#include "look/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
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
	OPERANDS = 12,
	UNDER_WAY = 65536,          // messages that wait in one direction
	BYTES_UNDER_WAY = 64 << 20, // and their bytes; one message may always
	MILLION = 1000000,
	PATIENCE_MS = 10000,
	CUT_MS = 2000, // what is held back is passed on for so long
	TURN_MS = 100,
	MS = 1000000,
};

enum hurry { HURRY_NOT, HURRY_MOVES, HURRY_CUT };

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
	bool loses;      // what is published, where this side is slow
	uint64_t missed; // ... so many messages
	_Atomic uint64_t *dropped, *under_way;
	int from; // the end; 0: the left one
};

static const char *counters_path;
static struct spore__relay_counts *counts;
static bool answers;
static atomic_int hurry, finished; // ... of the lanes
static int woken[2];               // a pipe that is readable once there is any hurry, and is never read

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

static void on_signal(int sig)
{
	int e = errno, is = atomic_load(&hurry), says = sig == SIGUSR2 ? HURRY_CUT : HURRY_MOVES;
	if (says > is) {
		atomic_store(&hurry, says);
		(void)!write(woken[1], "", 1);
	}
	errno = e;
}

// What is lost now the node counts.
static _Noreturn void leave_with(int status)
{
	if (atomic_load(&counts->under_way[0]) + atomic_load(&counts->under_way[1]) > 0)
		_exit(status != 0 ? status : SPORE__RELAY_LOST);
	(void)unlink(counters_path);
	_exit(status);
}

static _Noreturn void leave(void)
{
	leave_with(0);
}

static struct pollfd until_hurry(void)
{
	return (struct pollfd){.fd = atomic_load(&hurry) == HURRY_NOT ? woken[0] : -1, .events = POLLIN};
}

static bool is_full(const struct lane *l)
{
	return l->count >= UNDER_WAY || l->bytes >= BYTES_UNDER_WAY;
}

// A message that is nothing in the framing of the other end, or goes to who only publishes, is dropped; the sender is not here to be told.
static bool cannot_be_sent(enum spore_err e)
{
	return e == SPORE_EINVALID || e == SPORE_ETOOBIG || e == SPORE_EUNSUPPORTED;
}

// False: the end where it should go is gone, or does not receive while its wire is cut.
static bool deliver(struct lane *l, const void *data, size_t len)
{
	enum spore_err e;
	int64_t until = 0;
	do {
		e = spore_chan_send(l->out, data, len, TURN_MS);
		if (atomic_load(&hurry) == HURRY_CUT && until == 0)
			until = now_ns() + (int64_t)CUT_MS * MS;
	} while (e == SPORE_ECANCELLED || (e == SPORE_ETIMEOUT && (until == 0 || now_ns() < until)));
	if (cannot_be_sent(e))
		atomic_fetch_add_explicit(l->dropped, 1, memory_order_relaxed);
	else if (e != SPORE_OK)
		return false;
	atomic_fetch_sub_explicit(l->under_way, 1, memory_order_relaxed);
	return true;
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

// Or until there is a hurry.
static void sleep_until(int64_t ns)
{
	const struct timespec t = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
	for (int64_t left = ns - now_ns(); left >= MS && atomic_load(&hurry) == HURRY_NOT; left = ns - now_ns()) {
		struct pollfd p = until_hurry();
		(void)poll(&p, 1, left / MS < INT_MAX ? (int)(left / MS) : INT_MAX);
	}
	while (atomic_load(&hurry) == HURRY_NOT && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
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
	atomic_fetch_add_explicit(l->under_way, 1, memory_order_relaxed);
	if (l->delay_ns == 0 || atomic_load(&hurry) != HURRY_NOT)
		return deliver_all(l) && deliver(l, data, len);
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

// What was overwritten before it was received.
static void count_missed(struct lane *l)
{
	struct spore_chan_stats stats;
	spore_chan_stats(l->in, &stats);
	if (stats.dropped > l->missed)
		atomic_fetch_add_explicit(l->dropped, stats.dropped - l->missed, memory_order_relaxed);
	l->missed = stats.dropped;
}

// The next message when there is one before the first is due, or a hurry. SPORE_ETIMEOUT: look again.
static enum spore_err receive(struct lane *l, const void **data, size_t *len)
{
	if (l->first != NULL && is_full(l)) {
		sleep_until(l->first->due);
		return SPORE_ETIMEOUT;
	}
	enum spore_err e = spore_chan_read(l->in, data, len, SPORE_NOW);
	if (e != SPORE_EAGAIN)
		return e;
	struct pollfd p = until_hurry();
	e = spore__chan_pause(l->in, l->first != NULL ? l->first->due : -1, &p, 1);
	return e == SPORE_OK ? SPORE_ETIMEOUT : e;
}

// Of one that sends nothing more: what it would be sent is of no use to it then. Or it is known that there will be nothing for it.
static void await_death(const struct spore_chan *c)
{
	atomic_fetch_add(&finished, 1);
	for (;;) {
		struct pollfd p[] = {{.fd = spore_chan_fd(c)}, until_hurry()};
		if (atomic_load(&hurry) == HURRY_MOVES && atomic_load(&finished) == 2)
			return; // nothing more can come, and they may read what came for as long as they like
		bool bounded = answers && atomic_load(&hurry) == HURRY_MOVES;
		int n = poll(p, 2, bounded ? PATIENCE_MS : -1);
		if (n == 0 || (n > 0 && p[0].revents != 0) || atomic_load(&hurry) == HURRY_CUT)
			return;
	}
}

// What is held back is passed on, and nothing more is received.
static bool is_over(struct lane *l)
{
	if (atomic_load(&hurry) != HURRY_CUT)
		return false;
	(void)deliver_all(l);
	return true;
}

static bool is_to_be_tried_again(enum spore_err e)
{
	return (e == SPORE_ETIMEOUT || e == SPORE_ECANCELLED) && atomic_load(&hurry) != HURRY_CUT;
}

static void finish(struct lane *l)
{
	enum spore_err e;
	do
		e = spore_chan_finish(l->out, TURN_MS);
	while (is_to_be_tried_again(e));
	do // what a stream has taken and not sent yet would end with this process
		e = spore_chan_flush(l->out, TURN_MS);
	while (is_to_be_tried_again(e));
}

static void *run(void *arg)
{
	struct lane *l = arg;
	for (;;) {
		const void *data;
		size_t len;
		while (l->first != NULL && (l->first->due <= now_ns() || atomic_load(&hurry) != HURRY_NOT))
			if (!deliver_first(l))
				return NULL; // the other direction ends with what is under way in it
		if (is_over(l))
			return NULL;
		enum spore_err e = receive(l, &data, &len);
		if (e == SPORE_OK) {
			if (l->loses)
				count_missed(l);
			bool good = take(l, data, len);
			spore_chan_release(l->in);
			if (!good)
				return NULL;
		} else if (e == SPORE_EEND) {
			if (!deliver_all(l))
				return NULL;
			finish(l);
			await_death(l->in);
			if (is_over(l))
				return NULL;
			leave();
		} else if (e != SPORE_ETIMEOUT && e != SPORE_EAGAIN && e != SPORE_ECANCELLED) {
			(void)deliver_all(l);
			(void)spore_chan_flush(l->out, PATIENCE_MS);
			leave_with(e == SPORE_EMALFORMED ? SPORE__RELAY_BROKEN + l->from
			                                 : 0); // and the other end sees it
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

static enum spore_slow slow_of(const char *word)
{
	return strcmp(word, "drop-oldest") == 0  ? SPORE_SLOW_DROP
	       : strcmp(word, "disconnect") == 0 ? SPORE_SLOW_DISCONNECT
	                                         : SPORE_SLOW_BLOCK;
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
	// On a full disk its memory would end this process with the first count.
	if (fd >= 0 && spore__os_lock(fd, true, true) == 0 &&
	    posix_fallocate(fd, 0, sizeof(struct spore__relay_counts)) == 0)
		map = mmap(NULL, sizeof(struct spore__relay_counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	// The descriptor stays open: with it the lock is held, by which the next node knows that this process lives.
	struct spore__relay_counts *c = map != MAP_FAILED ? map : &own;
	c->pid = getpid();
	c->magic = SPORE__RELAY_MAGIC;
	return c;
}

static void hear_signals(void)
{
	const struct sigaction action = {.sa_handler = on_signal};
	if (spore__os_pipe(woken) != 0)
		spore__die(SPORE__EXIT_SPORE, NULL, "relay: no pipe can be made");
	(void)sigaction(SIGUSR1, &action, NULL);
	(void)sigaction(SIGUSR2, &action, NULL);
	sigset_t none; // the node has blocked them until now
	sigemptyset(&none);
	(void)pthread_sigmask(SIG_SETMASK, &none, NULL);
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
	ends[0].slow = slow_of(look->operands[11]);
	int64_t delay = (int64_t)number(look->operands[6], INT32_MAX * UINT64_C(1000));
	uint64_t drop = number(look->operands[7], MILLION), seed = number(look->operands[8], INT64_MAX);
	counters_path = look->operands[9];
	answers = number(look->operands[10], 1) == 1;
	hear_signals();
	receive_ends(ends);
	for (int i = 0; i < 2; i++)
		if (spore__chan_create(&ends[i], &chans[i]) != SPORE_OK)
			spore__die(SPORE__EXIT_SPORE, NULL, "relay: a channel cannot be opened");
	counts = open_counters(counters_path);
	for (int i = 0; i < 2; i++)
		lanes[i] = (struct lane){.in = chans[i],
		                         .out = chans[1 - i],
		                         .last = &lanes[i].first,
		                         .delay_ns = delay * 1000,
		                         .drop_ppm = drop,
		                         .random = seed * 2 + (uint64_t)i,
		                         .dropped = &counts->dropped[i],
		                         .under_way = &counts->under_way[i],
		                         .loses = ends[i].slow == SPORE_SLOW_DROP,
		                         .from = i};
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

bool spore__relay_dropped(const char *folder, uint64_t serial, uint64_t dropped[2])
{
	char path[PATH_MAX];
	struct stat st;
	if ((size_t)snprintf(path, sizeof path, "%s/fault-%" PRIu64, folder, serial) >= sizeof path)
		return false;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	struct spore__relay_counts *c = MAP_FAILED;
	if (fstat(fd, &st) == 0 && st.st_size == sizeof *c)
		c = mmap(NULL, sizeof *c, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (c == MAP_FAILED)
		return false;
	bool good = c->magic == SPORE__RELAY_MAGIC;
	for (int i = 0; i < 2 && good; i++)
		dropped[i] += atomic_load_explicit(&c->dropped[i], memory_order_relaxed);
	(void)munmap(c, sizeof *c);
	return good;
}
