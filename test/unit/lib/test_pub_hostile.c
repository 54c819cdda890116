// A publisher that writes anything anywhere in its memory while it is read, and a subscriber that does so in its cursor. Neither makes the other
// crash, hang or read what is not of the channel (run it under a sanitizer), and other subscribers notice nothing. OPERATIONS is how many it does.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE // MAP_ANONYMOUS
#endif
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../lib/os/os.h"
#include "chan/chan.h"
#include "chan/pub.h"
#include "pass.h"

enum { LOG = 4096, LARGE = 1 << 20, PAGES = 16, USUAL = 2000000, HUNG = 50 };

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static uint64_t nasty(uint64_t *seed)
{
	static const uint64_t values[] = {0,
	                                  1,
	                                  8,
	                                  15,
	                                  16,
	                                  17,
	                                  LOG,
	                                  LOG - 16,
	                                  LOG + 16,
	                                  LARGE,
	                                  LARGE - 1,
	                                  LARGE + 1,
	                                  UINT32_MAX,
	                                  INT64_MAX,
	                                  UINT64_MAX,
	                                  UINT64_MAX - 15,
	                                  UINT64_C(1) << 56,
	                                  1U << 30};
	uint64_t n = next(seed);
	return n % 3 == 0   ? values[(n >> 8) % (sizeof values / sizeof values[0])]
	       : n % 3 == 1 ? (n >> 8) % (3 * LOG) & ~UINT64_C(15)
	                    : next(seed);
}

static uint64_t operations(void)
{
	const char *text = getenv("OPERATIONS");
	return text != NULL ? strtoull(text, NULL, 10) : USUAL;
}

// ---- the publisher

struct memory {
	int fd;
	unsigned char *map;
	struct spore__pub_says *says;
};

static bool make(struct memory *m)
{
	const struct spore__pub_header h = {
	    .cookie = SPORE__PUB_COOKIE, .layout = SPORE__PUB_LAYOUT, .log = LOG, .large = LARGE};
	struct spore__pub_shape s;
	assert_true(spore__pub_shape_of(LOG, LARGE, &s));
	m->fd = spore__io_publication(s.size);
	if (m->fd < 0)
		return false;
	m->map = spore__io_map(m->fd, 0, (size_t)s.size, SPORE__IO_WRITE);
	assert_non_null(m->map);
	memset(m->map, 0, (size_t)s.large_at + PAGES * (size_t)SPORE__PUB_PAGE); // behind it are holes
	memcpy(m->map, &h, sizeof h);
	m->says = (struct spore__pub_says *)(void *)(m->map + SPORE__PUB_SAYS_AT);
	atomic_store(&m->says->latest, SPORE__PUB_NOWHERE);
	assert_int_equal(spore__io_publication_seal(m->fd), 0);
	return true;
}

// As a publisher that keeps the rules, so that the victim comes far, but with something wrong now and then.
static void publish(const struct memory *m, uint64_t *seed, uint64_t *at, uint64_t *number)
{
	uint64_t to_end = LOG - *at % LOG, len = next(seed) % 300, kind = SPORE__PUB_MESSAGE, n = next(seed);
	if (n % 8 == 0) {
		kind = SPORE__PUB_FAR;
		len = 16;
	}
	if (spore__pub_size(len) > to_end) {
		kind = SPORE__PUB_SKIP;
		len = 0;
	}
	uint64_t size = kind == SPORE__PUB_SKIP ? to_end : spore__pub_size(len);
	unsigned char *record = m->map + SPORE__PUB_PAGE + *at % LOG;
	const uint64_t words[4] = {*number, spore__pub_what((enum spore__pub_kind)kind, len),
	                           (n >> 8) % 8 == 0 ? nasty(seed) : next(seed) % (PAGES * 4096),
	                           (n >> 16) % 8 == 0 ? nasty(seed) : next(seed) % 60000};
	if (*at + size > LOG)
		atomic_store(&m->says->tail, *at + size - LOG);
	memcpy(record, words, kind == SPORE__PUB_FAR ? 32 : 16);
	if ((n >> 24) % 64 == 0)
		memcpy(record + (n >> 32) % 2 * 8, &(uint64_t){nasty(seed)}, 8);
	atomic_store(&m->says->marks[*at / (LOG / 8) % 8], *at);
	atomic_store(&m->says->latest, *at);
	*number += kind != SPORE__PUB_SKIP;
	*at += size;
	atomic_store(&m->says->head, *at);
}

static void scribble_memory(const struct memory *m, uint64_t *seed)
{
	uint64_t value = nasty(seed), n = next(seed);
	size_t says = (n >> 8) % (sizeof *m->says / 8) * 8, log = SPORE__PUB_PAGE + (n >> 8) % (LOG / 8) * 8;
	memcpy(n % 2 == 0 ? (unsigned char *)m->says + says : m->map + log, &value, sizeof value);
}

static void reset(const struct memory *m, uint64_t *at, uint64_t *number)
{
	*at = *number = 0;
	memset((void *)m->says, 0, sizeof *m->says);
	atomic_store(&m->says->latest, SPORE__PUB_NOWHERE);
}

static _Noreturn void be_hostile(const struct memory *m, uint64_t seed)
{
	uint64_t at = 0, number = 0;
	for (;;) { // until it is killed
		uint64_t n = next(&seed);
		if (n % 64 != 0)
			publish(m, &seed, &at, &number);
		else if (n % 128 == 0)
			scribble_memory(m, &seed);
		else if (n % 256 == 64)
			reset(m, &at, &number);
	}
}

// A victim, which may get all kinds of descriptors for the memory.
static struct spore_chan *subscribe(const struct memory *m, uint64_t n, int *other)
{
	struct spore__channel_end ends[2];
	struct spore_chan *c;
	assert_int_equal(spore__channel_make("publication", NULL, ends), SPORE_OK);
	ends[1].slow = (enum spore_slow)(n % 3);
	ends[1].last = n % 2 == 0;
	struct spore__cursor *cursor;
	assert_int_equal(spore__cursor_map(ends[0].fds[0], SPORE__IO_WRITE, &cursor), SPORE_OK);
	if (n % 4 == 0) {
		atomic_store(&cursor->from, (n >> 8) % 5 == 0 ? n >> 16 : (n >> 16) % LOG & ~UINT64_C(15));
		atomic_store(&cursor->last, (n >> 9) % 5 == 0 ? n >> 20 : (n >> 20) % LOG & ~UINT64_C(15));
		atomic_store(&cursor->taken, 1);
	}
	spore__cursor_unmap(cursor);
	assert_int_equal(spore__chan_create(&ends[1], &c), SPORE_OK);
	(void)spore__pass_send(ends[0].fds[1], "m", 1, &m->fd, 1);
	close(ends[0].fds[0]);
	*other = ends[0].fds[1];
	return c;
}

static void read_some(struct spore_chan *c, uint64_t *seed, uint64_t *got)
{
	static unsigned char bytes[LARGE];
	static volatile unsigned char sum;
	enum spore_err e = SPORE_OK;
	for (int i = 0; i < 200 && (e == SPORE_OK || e == SPORE_ETIMEOUT || e == SPORE_EAGAIN || e == SPORE_ETOOBIG);
	     i++) {
		const void *data = bytes;
		size_t len = 0;
		bool in_place = next(seed) % 2 == 0;
		int timeout = next(seed) % 8 == 0 ? 1 : SPORE_NOW;
		e = in_place ? spore_chan_read(c, &data, &len, timeout)
		             : spore_chan_recv(c, bytes, next(seed) % 16 == 0 ? 10 : sizeof bytes, &len, timeout);
		if (e == SPORE_ETOOBIG && next(seed) % 2 == 0)
			e = spore_chan_skip(c, SPORE_NOW);
		if (e != SPORE_OK || len > sizeof bytes)
			continue;
		(*got)++;
		for (size_t k = 0; k < len; k += 509)
			sum = (unsigned char)(sum + ((const unsigned char *)data)[k]);
		if (in_place && next(seed) % 4 != 0)
			spore_chan_release(c);
	}
}

static void test_publisher(void **state)
{
	struct memory m;
	uint64_t seed = 88172645463325252U, got = 0;
	int status = 0;
	(void)state;
	if (!make(&m))
		return;
	pid_t child = fork();
	if (child == 0)
		be_hostile(&m, 1234567);
	(void)alarm(HUNG);
	for (uint64_t i = operations() / 10000; i > 0 || got <= 100; i -= i > 0) {
		int other;
		struct spore_chan *c = subscribe(&m, next(&seed), &other);
		read_some(c, &seed, &got);
		spore_chan_close(c);
		close(other);
	}
	(void)alarm(0);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	(void)munmap(m.map, SPORE__PUB_PAGE + LOG + LARGE);
	close(m.fd);
}

// What is no such memory is no reason to crash.
static void test_wrong_memory(void **state)
{
	int other;
	size_t len;
	(void)state;
	if (!spore__io_shares_memory())
		return;
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	int fds[] = {pipes[0], open("/dev/zero", O_RDWR), spore__io_memory(1 << 20), spore__io_publication(1 << 20),
	             spore__io_publication(100)};
	assert_int_equal(spore__io_publication_seal(fds[4]), 0);
	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
		struct memory m = {.fd = fds[i]};
		struct spore_chan *c = subscribe(&m, 1, &other);
		assert_int_equal(spore_chan_recv(c, NULL, 0, &len, 1000), SPORE_EMALFORMED);
		spore_chan_close(c);
		close(other);
		close(fds[i]);
	}
	close(pipes[1]);
}

// ---- a subscriber

static _Noreturn void scribble_cursor(struct spore__cursor *c, int sock, uint64_t seed)
{
	_Atomic uint32_t *say = &c->sleep;
	for (uint64_t i = operations() / 8; i > 0; i--) {
		uint64_t n = next(&seed), value = nasty(&seed);
		if (n % 4 == 0)
			memcpy((unsigned char *)c + (n >> 8) % (sizeof *c / 8) * 8, &value, sizeof value);
		else if (n % 4 == 1)
			atomic_store(&c->released, (n >> 8) % 8 == 0 ? value : atomic_load(&c->from) + i % 4096);
		else
			atomic_store(say, (uint32_t)n);
		if (n % 512 == 7)
			(void)spore__io_send(sock, "xyz", 3);
	}
	_exit(0);
}

static pid_t join_hostile(struct spore__transport *t, uint64_t serial)
{
	struct spore__channel_end ends[2];
	struct spore__cursor *cursor;
	assert_int_equal(spore__channel_make("publication", NULL, ends), SPORE_OK);
	ends[0].slow = (enum spore_slow)(serial % 3);
	assert_int_equal(spore__cursor_map(ends[1].fds[0], SPORE__IO_WRITE, &cursor), SPORE_OK);
	pid_t child = fork();
	if (child == 0) {
		close(ends[0].fds[1]);
		scribble_cursor(cursor, ends[1].fds[1], serial * 7919 + 1);
	}
	spore__cursor_unmap(cursor);
	spore__channel_end_close(&ends[1]);
	spore__pub_add(t, &ends[0], serial);
	return child;
}

static void test_subscriber(void **state)
{
	enum { ROUNDS = 6 };
	const struct spore__channel_sizes sizes = {.heap = LOG};
	struct spore__transport *t;
	struct spore_chan *pub, *good;
	struct spore__channel_end ends[2];
	uint64_t sent = 0, number;
	unsigned char bytes[700] = {0};
	(void)state;
	if (spore__pub_create(&sizes, NULL, &t) == SPORE_EUNSUPPORTED)
		return;
	assert_int_equal(spore__chan_create_over(t, &pub), SPORE_OK);
	assert_int_equal(spore__channel_make("publication", NULL, ends), SPORE_OK);
	assert_int_equal(spore__chan_create(&ends[1], &good), SPORE_OK);
	spore__pub_add(t, &ends[0], 1000);
	assert_int_equal(spore_chan_flush(pub, SPORE_NOW), SPORE_OK);
	(void)alarm(HUNG);
	for (uint64_t round = 0; round < ROUNDS; round++) {
		pid_t child = join_hostile(t, round);
		int status;
		while (waitpid(child, &status, WNOHANG) == 0) {
			memcpy(bytes, &sent, sizeof sent);
			enum spore_err e = spore_chan_send(pub, bytes, 8 + sent % 690, 20);
			if (e == SPORE_ETIMEOUT) { // it said that it would block, and does
				spore__pub_remove(t, round);
				continue;
			}
			size_t len;
			assert_int_equal(e, SPORE_OK);
			assert_int_equal(spore_chan_recv(good, bytes, sizeof bytes, &len, HUNG * 1000), SPORE_OK);
			memcpy(&number, bytes, sizeof number);
			assert_int_equal(number, sent);
			assert_int_equal(len, 8 + sent % 690);
			sent++;
		}
		assert_int_equal(status, 0);
		spore__pub_remove(t, round);
	}
	(void)alarm(0);
	spore_chan_close(pub);
	spore_chan_close(good);
}

// ---- a peer that rings for ever; whoever listens goes on nevertheless

enum { CALLS = 2000 };

static _Noreturn void ring(int sock)
{
	static const unsigned char bytes[65536];
	for (;;) { // until it is killed
		struct pollfd p = {.fd = sock, .events = POLLOUT};
		if (spore__io_send(sock, bytes, sizeof bytes) < 0)
			(void)poll(&p, 1, -1);
	}
}

static pid_t ring_for_ever(int sock)
{
	pid_t child = fork();
	if (child == 0)
		ring(sock);
	return child;
}

static void kill_child(pid_t child)
{
	int status;
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
}

static void test_ringing_subscriber(void **state)
{
	struct spore__transport *t;
	struct spore_chan *pub;
	struct spore__channel_end ends[2];
	(void)state;
	if (spore__pub_create(NULL, NULL, &t) == SPORE_EUNSUPPORTED)
		return;
	assert_int_equal(spore__chan_create_over(t, &pub), SPORE_OK);
	assert_int_equal(spore__channel_make("publication", NULL, ends), SPORE_OK);
	pid_t child = ring_for_ever(ends[1].fds[1]);
	spore__pub_add(t, &ends[0], 0);
	(void)alarm(HUNG);
	for (uint64_t i = 1; i <= CALLS; i++) {
		spore__pub_remove(t, i); // so that it looks at who is there
		assert_int_equal(spore_chan_send(pub, "x", 1, SPORE_NOW), SPORE_OK);
	}
	(void)alarm(0);
	kill_child(child);
	assert_int_equal(spore__pub_count(t), 1);
	spore__channel_end_close(&ends[1]);
	spore_chan_close(pub);
}

// Nor does it take all that is there at once.
static void test_much_was_rung(void **state)
{
	static const unsigned char bytes[65536];
	int pair[2];
	(void)state;
	assert_int_equal(spore__io_pair(pair), 0);
	ssize_t n = spore__io_send(pair[0], bytes, sizeof bytes);
	assert_true(n > 10000);
	assert_true(spore__pub_listen(pair[1]));
	struct pollfd p = {.fd = pair[1], .events = POLLIN};
	assert_int_equal(poll(&p, 1, 0), 1);
	while (poll(&p, 1, 0) != 0)
		assert_true(spore__pub_listen(pair[1]));
	assert_int_equal(spore__io_send(pair[0], "", 1), 1);
	close(pair[0]);
	while (spore__pub_listen(pair[1])) // it is gone nevertheless
		;
	close(pair[1]);
}

static void test_ringing_publisher(void **state)
{
	struct memory m;
	int other;
	size_t len;
	(void)state;
	if (!make(&m))
		return;
	struct spore_chan *c = subscribe(&m, 1, &other);
	assert_int_equal(spore_chan_recv(c, NULL, 0, &len, SPORE_NOW), SPORE_EAGAIN); // it has the memory
	pid_t child = ring_for_ever(other);
	(void)alarm(HUNG);
	for (int i = 0; i < CALLS; i++)
		assert_int_equal(spore_chan_recv(c, NULL, 0, &len, SPORE_NOW), SPORE_EAGAIN);
	(void)alarm(0);
	kill_child(child);
	close(other);
	spore_chan_close(c);
	(void)munmap(m.map, SPORE__PUB_PAGE + LOG + LARGE);
	close(m.fd);
}

// ---- a publisher that is always ahead: what it wrote is gone before it is looked at

static pid_t run_ahead(const struct memory *m, int how)
{
	pid_t child = fork();
	if (child != 0)
		return child;
	for (uint64_t at = 0;; at += 16) { // until it is killed
		switch (how) {
		case 0: // at the end
			atomic_store(&m->says->head, at);
			break;
		case 1: // and back
			atomic_store(&m->says->head, at % 64);
			break;
		default: // far from the end
			atomic_store(&m->says->latest, at);
		}
	}
}

static void test_running_ahead(void **state)
{
	struct memory m;
	int other;
	size_t len;
	(void)state;
	if (!make(&m))
		return;
	for (int i = 0; i < 9; i++) {
		static const uint64_t kinds[] = {1, 2, 3}; // of each slowness one, not known to its publisher
		uint64_t at = 0, number = 0;
		int how = i / 3;
		reset(&m, &at, &number);
		struct spore_chan *c = subscribe(&m, kinds[i % 3], &other);
		assert_int_equal(spore_chan_recv(c, NULL, 0, &len, SPORE_NOW), SPORE_EAGAIN); // it has the memory
		atomic_store(&m.says->tail, INT64_MAX);
		if (how == 2)
			atomic_store(&m.says->head, INT64_MAX & ~INT64_C(15));
		pid_t child = run_ahead(&m, how);
		(void)alarm(HUNG);
		for (int k = 0; k < CALLS; k++) {
			enum spore_err e = spore_chan_recv(c, NULL, 0, &len, SPORE_NOW);
			if (e != SPORE_EMALFORMED && e != SPORE_ECLOSED)
				assert_int_equal(e, SPORE_EAGAIN);
		}
		(void)alarm(0);
		kill_child(child);
		close(other);
		spore_chan_close(c);
	}
	(void)munmap(m.map, SPORE__PUB_PAGE + LOG + LARGE);
	close(m.fd);
}

// Whoever looks has not come to the end of what is to be passed over when there is more of it, again and again.
static void test_more_to_pass_over(void **state)
{
	enum { LOOK = 8 };
	struct memory m;
	struct spore__channel_end ends[2];
	struct spore__transport *t;
	struct spore__cursor *cursor;
	size_t len;
	int looks = 0;
	(void)state;
	if (!make(&m))
		return;
	assert_int_equal(spore__channel_make("publication", NULL, ends), SPORE_OK);
	assert_int_equal(spore__cursor_map(ends[0].fds[0], SPORE__IO_READ, &cursor), SPORE_OK);
	ends[1].slow = SPORE_SLOW_DROP;
	assert_int_equal(spore__channel_end_open(&ends[1], &t), SPORE_OK);
	(void)spore__pass_send(ends[0].fds[1], "m", 1, &m.fd, 1);
	assert_int_equal(t->ops->copy(t, NULL, 0, &len), SPORE_EAGAIN);
	assert_true(t->ops->arm(t, SPORE__RECEIVE));
	uint32_t number = atomic_load(&cursor->sleep);
	atomic_store(&m.says->large_from, INT64_MAX); // what lay there is gone
	uint64_t at = 0;
	do {
		for (int i = 0; i < 2 * LOOK; i++, at += 32) {
			const uint64_t words[4] = {at / 32, spore__pub_what(SPORE__PUB_FAR, 16), 0, 0};
			memcpy(m.map + SPORE__PUB_PAGE + at % LOG, words, sizeof words);
			atomic_store(&m.says->head, at + 32);
		}
		atomic_store(&m.says->tail, at > LOG ? at - LOG : 0);
		assert_int_equal(t->ops->copy(t, NULL, 0, &len), SPORE_EAGAIN);
		assert_in_range(++looks, 1, 10);
	} while (!t->ops->arm(t, SPORE__RECEIVE));
	assert_true((atomic_load(&cursor->sleep) & 1) != 0 && atomic_load(&cursor->sleep) != number); // it is rung for
	// Without more it comes to the end.
	looks = 0;
	do {
		assert_int_equal(t->ops->copy(t, NULL, 0, &len), SPORE_EAGAIN);
		assert_in_range(++looks, 1, LOG / 32 / LOOK + 1);
	} while (!t->ops->arm(t, SPORE__RECEIVE));
	assert_int_equal(atomic_load(&cursor->released), at);
	t->ops->destroy(t);
	spore__cursor_unmap(cursor);
	spore__channel_end_close(&ends[0]);
	(void)munmap(m.map, SPORE__PUB_PAGE + LOG + LARGE);
	close(m.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_publisher),     cmocka_unit_test(test_wrong_memory),
	    cmocka_unit_test(test_subscriber),    cmocka_unit_test(test_ringing_subscriber),
	    cmocka_unit_test(test_much_was_rung), cmocka_unit_test(test_ringing_publisher),
	    cmocka_unit_test(test_running_ahead), cmocka_unit_test(test_more_to_pass_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
