// Looking on: a sender, a receiver and a spy in one process. What the spy shows was sent, in this order; what it does not show it counts.
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../lib/os/os.h"
#include "chan/chan.h"
#include "chan/ring.h"
#include "chan/spy.h"

enum { PATIENCE = 20000, LIMIT = 4 << 20 };

struct bench {
	struct spore_chan *a, *b;
	struct spore__spy *spy;
	int memory; // another descriptor of it
};

static bool begin(struct bench *t, const struct spore__channel_sizes *sizes)
{
	struct spore__channel_end ends[2];
	if (spore__channel_make("ring", sizes, ends) == SPORE_EUNSUPPORTED)
		return false;
	t->memory = fcntl(ends[0].fds[0], F_DUPFD_CLOEXEC, 0);
	assert_int_equal(spore__spy_open(fcntl(ends[0].fds[0], F_DUPFD_CLOEXEC, 0), LIMIT, &t->spy), SPORE_OK);
	assert_int_equal(spore__chan_create(&ends[0], &t->a), SPORE_OK);
	assert_int_equal(spore__chan_create(&ends[1], &t->b), SPORE_OK);
	return true;
}

static void finish(struct bench *t)
{
	spore_chan_close(t->a);
	spore_chan_close(t->b);
	spore__spy_close(t->spy);
	close(t->memory);
}

// A message says its number, and its other bytes follow from it.
static void fill(unsigned char *bytes, size_t len, uint64_t number)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(number * 31 + i * 7 + (i >> 8));
	if (len >= sizeof number)
		memcpy(bytes, &number, sizeof number);
}

static void check(const struct spore__spied *m, size_t len, uint64_t number)
{
	unsigned char *expected = malloc(len + 1);
	fill(expected, len, number);
	assert_int_equal(m->len, len);
	assert_int_equal(m->kept, len);
	if (len > 0)
		assert_memory_equal(m->data, expected, len);
	free(expected);
}

static const size_t sizes[] = {0, 1, 56, 57, 248, 249, 1016, 1017, 5000, 300000, 2000000};
enum { SIZES = sizeof sizes / sizeof sizes[0], LARGEST = 2000000 };

// Each size, in both directions, before it was received and after.
static void test_sizes(void **state)
{
	struct bench t;
	struct spore__spied m;
	struct spore__spy_counts c;
	unsigned char *bytes, *got;
	size_t len;
	if (!begin(&t, NULL))
		return; // not on this platform
	bytes = malloc(LARGEST);
	got = malloc(LARGEST);
	for (unsigned round = 0; round < 40; round++) {
		for (size_t i = 0; i < SIZES; i++) {
			bool back = round % 2 == 1;
			fill(bytes, sizes[i], round + i);
			assert_int_equal(spore_chan_send(back ? t.b : t.a, bytes, sizes[i], PATIENCE), SPORE_OK);
			if (round % 4 < 2) {
				assert_int_equal(spore__spy_next(t.spy, back, &m), SPORE_OK);
				check(&m, sizes[i], round + i);
			}
			assert_int_equal(spore_chan_recv(back ? t.a : t.b, got, LARGEST, &len, PATIENCE), SPORE_OK);
			if (round % 4 >= 2) {
				assert_int_equal(spore__spy_next(t.spy, back, &m), SPORE_OK);
				check(&m, sizes[i], round + i);
			}
			assert_int_equal(spore__spy_next(t.spy, back, &m), SPORE_EAGAIN);
		}
	}
	assert_int_equal(spore__spy_missed(t.spy, 0) + spore__spy_missed(t.spy, 1), 0);
	assert_int_equal(spore_chan_send(t.a, bytes, 10, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_finish(t.a, PATIENCE), SPORE_OK);
	assert_int_equal(spore__spy_next(t.spy, 0, &m), SPORE_OK);
	assert_int_equal(spore__spy_next(t.spy, 0, &m), SPORE_EEND);
	// Whoever has received all says so, also at the end.
	assert_int_equal(spore_chan_recv(t.b, got, LARGEST, &len, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_recv(t.b, got, LARGEST, &len, PATIENCE), SPORE_EEND);
	spore__spy_count(t.spy, 0, &c);
	assert_int_equal(c.depth, 0);
	assert_int_equal(spore__spy_next(t.spy, 0, &m), SPORE_EEND);
	finish(&t);
	free(bytes);
	free(got);
}

// Some one after the other are of one length, which makes them a run.
static size_t packed_length(uint64_t number)
{
	return number / 200 % 2 == 0 ? number % 300 : number / 200 * 16;
}

static void test_packs(void **state)
{
	struct bench t;
	struct spore__spied m;
	struct spore__spy_counts c;
	unsigned char bytes[1016];
	size_t len;
	if (!begin(&t, NULL))
		return; // not on this platform
	for (uint64_t n = 0, seen = 0; n < 3000; n++) {
		fill(bytes, packed_length(n), n);
		assert_int_equal(spore_chan_queue(t.a, bytes, packed_length(n), SPORE_NOW), SPORE_OK);
		if (n % 50 != 49)
			continue;
		assert_int_equal(spore_chan_flush(t.a, PATIENCE), SPORE_OK);
		spore__spy_count(t.spy, 0, &c);
		assert_int_equal(c.depth, 50);
		assert_int_equal(c.sent, n + 1);
		for (; seen <= n; seen++) {
			assert_int_equal(spore__spy_next(t.spy, 0, &m), SPORE_OK);
			check(&m, packed_length(seen), seen);
			assert_int_equal(spore_chan_recv(t.b, bytes, sizeof bytes, &len, PATIENCE), SPORE_OK);
		}
		assert_int_equal(spore__spy_next(t.spy, 0, &m), SPORE_EAGAIN);
	}
	finish(&t);
}

// One that looks on too seldom, and one that begins in the middle.
static void test_late(void **state)
{
	struct bench t;
	struct spore__spied m;
	struct spore__spy *second;
	struct spore__spy_counts before, now;
	unsigned char bytes[100];
	size_t len;
	if (!begin(&t, NULL))
		return; // not on this platform
	spore__spy_count(t.spy, 0, &before);
	assert_int_equal(spore__spy_latency(&before, &before, 500), 0);
	for (uint64_t n = 0; n < 100000; n++) {
		fill(bytes, n % 100, n);
		assert_int_equal(spore_chan_send(t.a, bytes, n % 100, SPORE_NOW), SPORE_OK);
		assert_int_equal(spore_chan_recv(t.b, bytes, sizeof bytes, &len, SPORE_NOW), SPORE_OK);
	}
	spore__spy_count(t.spy, 0, &now);
	assert_int_equal(now.sent - before.sent, 100000);
	assert_int_equal(now.depth, 0);
	assert_true(spore__spy_latency(&before, &now, 500) > 0);
	assert_true(spore__spy_latency(&before, &now, 500) <= spore__spy_latency(&before, &now, 990));
	// What lies in the ring yet can be seen, and the rest is counted.
	uint64_t seen = 0;
	for (; spore__spy_next(t.spy, 0, &m) == SPORE_OK; seen++) {
		uint64_t number = spore__spy_missed(t.spy, 0) + seen;
		check(&m, number % 100, number);
	}
	assert_true(seen > 400);
	assert_int_equal(spore__spy_missed(t.spy, 0), 100000 - seen);
	assert_int_equal(spore__spy_open(fcntl(t.memory, F_DUPFD_CLOEXEC, 0), 3, &second), SPORE_OK);
	fill(bytes, 50, 7);
	assert_int_equal(spore_chan_send(t.a, bytes, 50, SPORE_NOW), SPORE_OK);
	spore__spy_count(t.spy, 0, &now);
	assert_int_equal(now.depth, 1);
	assert_true(now.used > 0);
	assert_int_equal(spore__spy_next(t.spy, 0, &m), SPORE_OK);
	check(&m, 50, 7);
	assert_int_equal(spore__spy_next(second, 0, &m), SPORE_OK);
	assert_int_equal(m.len, 50);
	assert_int_equal(m.kept, 3); // its limit
	assert_int_equal(spore__spy_missed(second, 0), 0);
	spore__spy_close(second);
	finish(&t);
}

// ---- all at once

struct traffic {
	struct bench t;
	uint64_t count;
	uint32_t biggest;
	atomic_bool over;
};

static size_t size_of(const struct traffic *t, uint64_t number)
{
	uint64_t x = number * UINT64_C(0x9e3779b97f4a7c15);
	return 8 + (size_t)((x >> 40) % (x % 8 == 0 ? t->biggest : 300));
}

static void *play_sender(void *arg)
{
	struct traffic *t = arg;
	unsigned char *bytes = malloc(t->biggest + 400);
	for (uint64_t n = 0; n < t->count; n++) {
		size_t len = size_of(t, n);
		fill(bytes, len, n);
		enum spore_err e = n % 5 != 0 ? spore_chan_send(t->t.a, bytes, len, PATIENCE)
		                              : spore_chan_queue(t->t.a, bytes, len, PATIENCE);
		if (e != SPORE_OK)
			break;
	}
	(void)spore_chan_finish(t->t.a, PATIENCE);
	free(bytes);
	return NULL;
}

static void *play_receiver(void *arg)
{
	struct traffic *t = arg;
	const void *data;
	size_t len;
	uint64_t n = 0, number;
	for (; spore_chan_read(t->t.b, &data, &len, PATIENCE) == SPORE_OK; n++) {
		memcpy(&number, data, sizeof number);
		if (number != n || len != size_of(t, n))
			abort();
		spore_chan_release(t->t.b);
	}
	if (n != t->count)
		abort();
	atomic_store(&t->over, true);
	return NULL;
}

static void run(const struct spore__channel_sizes *shape, uint64_t count, uint32_t biggest)
{
	static struct traffic t;
	pthread_t threads[2];
	struct spore__spied m;
	uint64_t seen = 0, next = 0;
	memset(&t, 0, sizeof t);
	t.count = count;
	t.biggest = biggest;
	if (!begin(&t.t, shape))
		return; // not on this platform
	assert_int_equal(pthread_create(&threads[0], NULL, play_sender, &t), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, play_receiver, &t), 0);
	for (enum spore_err e = SPORE_OK; e != SPORE_EEND;) {
		bool over = atomic_load(&t.over);
		e = spore__spy_next(t.t.spy, 0, &m);
		if (e == SPORE_OK) {
			uint64_t number;
			assert_true(m.kept >= sizeof number);
			memcpy(&number, m.data, sizeof number);
			assert_true(number >= next && number < count);
			check(&m, size_of(&t, number), number);
			next = number + 1;
			seen++;
		} else if (e == SPORE_EAGAIN) {
			if (over && spore__spy_next(t.t.spy, 0, &m) == SPORE_EAGAIN)
				break; // the last record was overwritten: it was missed
		} else {
			assert_int_equal(e, SPORE_EEND);
		}
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(seen + spore__spy_missed(t.t.spy, 0), count);
	print_message("# %lu of %lu seen\n", (unsigned long)seen, (unsigned long)count);
	finish(&t.t);
}

static void test_traffic(void **state)
{
	run(NULL, 60000, 2000);
}

static void test_traffic_in_little_room(void **state)
{
	const struct spore__channel_sizes little = {.cells = 64, .heap = 65536};
	run(&little, 40000, 20000);
}

static void test_large_traffic(void **state)
{
	run(NULL, 1500, 1200000);
}

// ---- nonsense

static uint64_t seed = 88172645463325252U;

static uint64_t random_number(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

// Whatever is in the memory: calls end, and nothing outside it is touched (the sanitizers look).
static void test_scribbles(void **state)
{
	const struct spore__channel_sizes little = {.cells = 64, .heap = 65536};
	struct bench t;
	struct spore__spied m;
	size_t size = SPORE__RING_PAGE + 2 * 64 * SPORE__RING_CELL;
	if (!begin(&t, &little))
		return; // not on this platform
	unsigned char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, t.memory, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	for (int round = 0; round < 3000; round++) {
		struct spore__spy *s;
		assert_int_equal(spore__spy_open(fcntl(t.memory, F_DUPFD_CLOEXEC, 0), LIMIT, &s), SPORE_OK);
		for (int step = 0; step < 60; step++) {
			uint64_t n = random_number();
			uint32_t slot = (uint32_t)(n >> 8) % 64;
			uint64_t head =
			    spore__ring_head(n >> 16 & 3 ? slot : n >> 20, (enum spore__ring_kind)(n >> 50 & 7),
			                     (uint32_t)(n >> 20) & (n & 128 ? 0x1fffffff : 0xff));
			if (n % 3 == 0)
				memcpy(map + SPORE__RING_PAGE + slot * SPORE__RING_CELL, &head, sizeof head);
			else if (n % 3 == 1)
				memcpy(map + SPORE__RING_PAGE + (n >> 20) % (64 * SPORE__RING_CELL - 8), &seed,
				       sizeof seed);
			else
				memcpy(map + SPORE__RING_LINES +
				           (n >> 20) % (SPORE__RING_PAGE - SPORE__RING_LINES - 8) / 8 * 8,
				       n & 64 ? &seed : &head, sizeof seed);
			(void)spore__spy_next(s, (int)(n >> 60 & 1), &m);
		}
		struct spore__spy_counts c;
		spore__spy_count(s, 0, &c);
		(void)spore__spy_latency(NULL, &c, 990);
		spore__spy_close(s);
	}
	(void)munmap(map, size);
	// The ends find nonsense too, and say so.
	finish(&t);
}

static void test_no_ring(void **state)
{
	struct spore__spy *s;
	int pair[2];
	assert_int_equal(pipe(pair), 0);
	close(pair[1]);
	assert_int_not_equal(spore__spy_open(pair[0], LIMIT, &s), SPORE_OK);
	assert_int_equal(fcntl(pair[0], F_GETFD), -1);
	spore__spy_close(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sizes),         cmocka_unit_test(test_packs),
	    cmocka_unit_test(test_late),          cmocka_unit_test(test_traffic),
	    cmocka_unit_test(test_large_traffic), cmocka_unit_test(test_traffic_in_little_room),
	    cmocka_unit_test(test_scribbles),     cmocka_unit_test(test_no_ring),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
