// Publish and subscribe: what was published is received whole and in order, by each subscriber as it asked for; what it did not get is counted.
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../lib/os/os.h"
#include "chan/chan.h"
#include "chan/pub.h"
#include "pass.h"

enum { PATIENCE = 20000, LOG = 65536 };

struct bench {
	struct spore__transport *t;
	struct spore_chan *pub;
	uint64_t serial;
};

static bool begin(struct bench *b, uint32_t log)
{
	const struct spore__channel_sizes sizes = {.heap = log};
	*b = (struct bench){0};
	if (spore__pub_create(&sizes, NULL, &b->t) == SPORE_EUNSUPPORTED)
		return false;
	assert_int_equal(spore__chan_create_over(b->t, &b->pub), SPORE_OK);
	return true;
}

// CURSOR, which may be NULL, is mapped for looking, and to be unmapped.
static struct spore_chan *join_seen(struct bench *b, enum spore_slow slow, bool last,
                                    const struct spore__cursor **cursor)
{
	struct spore__channel_end ends[2];
	struct spore_chan *c;
	assert_int_equal(spore__channel_make("publication", NULL, ends), SPORE_OK);
	if (cursor != NULL) {
		void *map = mmap(NULL, sizeof **cursor, PROT_READ, MAP_SHARED, ends[1].fds[0], 0);
		assert_ptr_not_equal(map, MAP_FAILED);
		*cursor = map;
	}
	ends[0].slow = ends[1].slow = slow;
	ends[1].last = last;
	assert_int_equal(spore__chan_create(&ends[1], &c), SPORE_OK);
	spore__pub_add(b->t, &ends[0], ++b->serial);
	assert_int_equal(spore_chan_flush(b->pub, SPORE_NOW), SPORE_OK); // it is taken
	return c;
}

static struct spore_chan *join(struct bench *b, enum spore_slow slow, bool last)
{
	return join_seen(b, slow, last, NULL);
}

// A message says its number, and its other bytes follow from it.
static void fill(unsigned char *bytes, size_t len, uint64_t number)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(number * 31 + i * 7 + (i >> 8));
	if (len >= sizeof number)
		memcpy(bytes, &number, sizeof number);
}

static bool is_filled(const unsigned char *bytes, size_t len, uint64_t number)
{
	unsigned char *expected = malloc(len + 1);
	fill(expected, len, number);
	bool same = memcmp(bytes, expected, len) == 0;
	free(expected);
	return same;
}

static void publish(struct bench *b, size_t len, uint64_t number)
{
	unsigned char *bytes = malloc(len + 1);
	fill(bytes, len, number);
	assert_int_equal(spore_chan_send(b->pub, bytes, len, PATIENCE), SPORE_OK);
	free(bytes);
}

static void expect(struct spore_chan *c, size_t len, uint64_t number)
{
	unsigned char *bytes = malloc(len + 1);
	size_t got;
	assert_int_equal(spore_chan_recv(c, bytes, len, &got, PATIENCE), SPORE_OK);
	assert_int_equal(got, len);
	assert_true(is_filled(bytes, len, number));
	free(bytes);
}

static uint64_t dropped(const struct spore_chan *c)
{
	struct spore_chan_stats s;
	spore_chan_stats(c, &s);
	return s.dropped;
}

static const size_t sizes[] = {0, 1, 8, 15, 16, 17, 56, 1000, 16367, 16368, 16369, 100000, 3000000};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static void test_sizes(void **state)
{
	struct bench b;
	(void)state;
	if (!begin(&b, LOG))
		return;
	struct spore_chan *subs[3];
	for (int i = 0; i < 3; i++)
		subs[i] = join(&b, (enum spore_slow)i, false);
	uint64_t number = 0;
	for (int round = 0; round < 20; round++)
		for (size_t i = 0; i < SIZES; i++, number++) {
			void *loan;
			const void *data;
			size_t len;
			if (round % 2 == 0) {
				publish(&b, sizes[i], number);
			} else {
				assert_int_equal(spore_chan_loan(b.pub, sizes[i], &loan, PATIENCE), SPORE_OK);
				assert_int_equal((uintptr_t)loan % 8, 0);
				fill(loan, sizes[i], number);
				assert_int_equal(spore_chan_commit(b.pub, sizes[i], PATIENCE), SPORE_OK);
			}
			for (int k = 0; k < 3; k++) {
				if (round % 3 == 0) {
					expect(subs[k], sizes[i], number);
					continue;
				}
				assert_int_equal(spore_chan_read(subs[k], &data, &len, PATIENCE), SPORE_OK);
				assert_int_equal(len, sizes[i]);
				assert_true(is_filled(data, len, number));
				spore_chan_release(subs[k]);
			}
		}
	for (int k = 0; k < 3; k++) {
		size_t len;
		assert_int_equal(spore_chan_recv(subs[k], NULL, 0, &len, SPORE_NOW), SPORE_EAGAIN);
		assert_int_equal(dropped(subs[k]), 0);
		spore_chan_close(subs[k]);
	}
	spore_chan_close(b.pub);
}

// Of a loan the publisher may leave pages untouched; they are sent as any.
static void test_an_untouched_loan(void **state)
{
	enum { SIZE = 1 << 20 };
	static unsigned char bytes[SIZE];
	struct bench b;
	void *loan;
	const void *data;
	size_t len;
	(void)state;
	if (!begin(&b, LOG))
		return;
	struct spore_chan *subs[] = {join(&b, SPORE_SLOW_BLOCK, false), join(&b, SPORE_SLOW_DROP, false)};
	for (int i = 0; i < 100; i++) { // more than are kept
		assert_int_equal(spore_chan_loan(b.pub, SIZE, &loan, PATIENCE), SPORE_OK);
		memset((unsigned char *)loan + SIZE / 2, i, 1);
		assert_int_equal(spore_chan_commit(b.pub, SIZE, PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_recv(subs[0], bytes, SIZE, &len, PATIENCE), SPORE_OK);
		assert_int_equal(bytes[SIZE / 2], i);
		assert_int_equal(spore_chan_read(subs[1], &data, &len, PATIENCE), SPORE_OK);
		assert_int_equal(((const unsigned char *)data)[SIZE / 2], i);
		spore_chan_release(subs[1]);
	}
	spore_chan_close(b.pub);
	for (int i = 0; i < 2; i++)
		spore_chan_close(subs[i]);
}

static void test_one_way(void **state)
{
	struct bench b;
	const void *data;
	void *loan;
	size_t len;
	char small[2];
	(void)state;
	if (!begin(&b, LOG))
		return;
	struct spore_chan *c = join(&b, SPORE_SLOW_BLOCK, false);
	assert_int_equal(spore_chan_recv(b.pub, small, sizeof small, &len, SPORE_FOREVER), SPORE_EUNSUPPORTED);
	assert_int_equal(spore_chan_read(b.pub, &data, &len, SPORE_FOREVER), SPORE_EUNSUPPORTED);
	assert_int_equal(spore_chan_send(c, "x", 1, SPORE_FOREVER), SPORE_EUNSUPPORTED);
	assert_int_equal(spore_chan_loan(c, 1, &loan, SPORE_FOREVER), SPORE_EUNSUPPORTED);
	assert_int_equal(spore_chan_finish(c, SPORE_FOREVER), SPORE_EUNSUPPORTED);
	// A message that is too large for the buffer stays.
	publish(&b, 3, 7);
	assert_int_equal(spore_chan_recv(c, small, sizeof small, &len, SPORE_NOW), SPORE_ETOOBIG);
	assert_int_equal(len, 3);
	expect(c, 3, 7);
	// An abandoned loan is nothing.
	assert_int_equal(spore_chan_loan(b.pub, 100000, &loan, SPORE_NOW), SPORE_OK);
	spore_chan_abandon(b.pub);
	publish(&b, 100000, 8);
	expect(c, 100000, 8);
	// The end.
	assert_int_equal(spore_chan_finish(b.pub, SPORE_NOW), SPORE_OK);
	assert_int_equal(spore_chan_send(b.pub, "x", 1, SPORE_NOW), SPORE_ECLOSED);
	assert_int_equal(spore_chan_recv(c, small, sizeof small, &len, PATIENCE), SPORE_EEND);
	assert_int_equal(spore_chan_recv(c, small, sizeof small, &len, PATIENCE), SPORE_EEND);
	spore_chan_close(c);
	spore_chan_close(b.pub);
}

// What is left when the publisher goes is received first.
static void test_publisher_goes(void **state)
{
	struct bench b;
	char bytes[8];
	size_t len;
	(void)state;
	if (!begin(&b, LOG))
		return;
	struct spore_chan *c = join(&b, SPORE_SLOW_DROP, false);
	assert_int_equal(spore_chan_recv(c, bytes, sizeof bytes, &len, 10), SPORE_ETIMEOUT);
	publish(&b, 40000, 1);
	assert_int_equal(spore_chan_queue(b.pub, "queued", 6, SPORE_NOW), SPORE_OK);
	spore_chan_close(b.pub);
	expect(c, 40000, 1);
	assert_int_equal(spore_chan_recv(c, bytes, sizeof bytes, &len, PATIENCE), SPORE_OK);
	assert_int_equal(len, 6);
	assert_int_equal(spore_chan_recv(c, bytes, sizeof bytes, &len, PATIENCE), SPORE_ECLOSED);
	spore_chan_close(c);
}

static void test_last_value(void **state)
{
	struct bench b;
	size_t len;
	(void)state;
	if (!begin(&b, LOG))
		return;
	struct spore_chan *early = join(&b, SPORE_SLOW_BLOCK, true);
	assert_int_equal(spore_chan_recv(early, NULL, 0, &len, SPORE_NOW), SPORE_EAGAIN);
	for (uint64_t i = 0; i < 100; i++) {
		size_t size = i % 10 == 9 ? 100000 : (size_t)i;
		publish(&b, size, i);
		expect(early, size, i);
		struct spore_chan *late = join(&b, (enum spore_slow)(i % 3), true);
		struct spore_chan *without = join(&b, (enum spore_slow)(i % 3), false);
		expect(late, size, i);
		assert_int_equal(spore_chan_recv(late, NULL, 0, &len, SPORE_NOW), SPORE_EAGAIN);
		assert_int_equal(spore_chan_recv(without, NULL, 0, &len, SPORE_NOW), SPORE_EAGAIN);
		assert_int_equal(dropped(late) + dropped(without), 0);
		spore_chan_close(late);
		spore_chan_close(without);
	}
	spore_chan_close(early);
	spore_chan_close(b.pub);
}

// It has the memory from a hold; the publisher does not know of it yet, and perhaps never will.
static void test_publisher_that_sleeps(void **state)
{
	struct bench b;
	struct spore__channel_end ends[2];
	struct spore_chan *c;
	int fds[2];
	size_t len;
	(void)state;
	if (!begin(&b, LOG))
		return;
	publish(&b, 300, 5);
	assert_int_equal(spore__channel_make("publication", NULL, ends), SPORE_OK);
	ends[1].last = true;
	assert_int_equal(spore__chan_create(&ends[1], &c), SPORE_OK);
	assert_int_equal(spore_chan_recv(c, NULL, 0, &len, 10), SPORE_ETIMEOUT);
	spore__pub_descriptors(b.t, fds);
	assert_int_equal(spore__pass_send(ends[0].fds[1], "m", 1, &fds[0], 1), 1);
	expect(c, 300, 5);
	assert_int_equal(spore_chan_recv(c, NULL, 0, &len, 10), SPORE_ETIMEOUT);
	spore__pub_add(b.t, &ends[0], 1);
	publish(&b, 200, 6);
	expect(c, 200, 6);
	for (uint64_t i = 0; i < 2000; i++) { // it is waited for
		publish(&b, 200, i);
		expect(c, 200, i);
	}
	assert_int_equal(dropped(c), 0);
	spore_chan_close(c);
	spore_chan_close(b.pub);
}

static void test_block(void **state)
{
	struct bench b;
	unsigned char bytes[1000] = {0};
	const void *data;
	size_t len;
	(void)state;
	if (!begin(&b, LOG))
		return;
	struct spore_chan *c = join(&b, SPORE_SLOW_BLOCK, false);
	uint64_t sent = 0, got = 0;
	for (int round = 0; round < 30; round++) {
		enum spore_err e;
		do {
			fill(bytes, sizeof bytes, sent);
			e = spore_chan_send(b.pub, bytes, sizeof bytes, round == 0 ? 10 : SPORE_NOW);
			sent += e == SPORE_OK;
		} while (e == SPORE_OK);
		assert_int_equal(e, round == 0 ? SPORE_ETIMEOUT : SPORE_EAGAIN);
		assert_true(sent - got >= LOG / 2 / sizeof bytes);
		// What is read in place stays as it was.
		for (int i = 0; i < 20; i++, got++) {
			assert_int_equal(spore_chan_read(c, &data, &len, PATIENCE), SPORE_OK);
			assert_true(is_filled(data, len, got));
		}
		for (int i = 0; i < 20; i++)
			spore_chan_release(c);
	}
	for (; got < sent; got++)
		expect(c, sizeof bytes, got);
	// One that goes is waited for no more.
	while (spore_chan_send(b.pub, bytes, sizeof bytes, SPORE_NOW) == SPORE_OK)
		;
	spore_chan_close(c);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(spore_chan_send(b.pub, bytes, sizeof bytes, PATIENCE), SPORE_OK);
	spore_chan_close(b.pub);
}

// Large messages block as well, and no more of them are kept than there is room for.
// A subscriber that cannot take the memory is over, and no publisher waits for it.
static void test_no_descriptor(void **state)
{
	struct rlimit before, few;
	struct bench b;
	(void)state;
	if (!begin(&b, LOG))
		return;
	struct spore_chan *other = join(&b, SPORE_SLOW_DROP, false), *c = join(&b, SPORE_SLOW_BLOCK, false);
	char byte;
	size_t len;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = STDERR_FILENO + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(spore_chan_recv(c, &byte, 1, &len, SPORE_NOW), SPORE_ECLOSED);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (uint64_t i = 0; i < 100; i++)
		publish(&b, 10000, i);
	assert_int_equal(spore__pub_count(b.t), 1);
	spore_chan_close(c);
	spore_chan_close(other);
	spore_chan_close(b.pub);
}

static void test_block_large(void **state)
{
	struct bench b;
	enum { SIZE = 20 << 20 };
	static unsigned char bytes[SIZE];
	(void)state;
	if (!begin(&b, LOG))
		return;
	struct spore_chan *c = join(&b, SPORE_SLOW_BLOCK, false);
	uint64_t sent = 0, got = 0;
	for (int round = 0; round < 3; round++) {
		for (;; sent++) {
			memcpy(bytes, &sent, sizeof sent);
			if (spore_chan_send(b.pub, bytes, SIZE, SPORE_NOW) != SPORE_OK)
				break;
		}
		assert_in_range(sent - got, 2, 3);
		for (; got < sent; got++) {
			uint64_t number;
			size_t len;
			assert_int_equal(spore_chan_recv(c, bytes, SIZE, &len, PATIENCE), SPORE_OK);
			memcpy(&number, bytes, sizeof number);
			assert_int_equal(number, got);
		}
	}
	spore_chan_close(c);
	spore_chan_close(b.pub);
}

static void test_drop_oldest(void **state)
{
	struct bench b;
	unsigned char bytes[100000];
	uint64_t number = 0, sent = 0, got = 0, next = 0;
	size_t len;
	(void)state;
	if (!begin(&b, LOG))
		return;
	struct spore_chan *c = join(&b, SPORE_SLOW_DROP, false), *quick = join(&b, SPORE_SLOW_BLOCK, false);
	uint32_t seed = 12345;
	for (int round = 0; round < 200; round++) {
		seed = seed * 1664525 + 1013904223;
		for (uint32_t i = 0; i < (seed >> 8) % 300; i++, sent++) {
			size_t size = 8 + (i * 37 + sent) % (i % 50 == 0 ? 99000 : 400);
			publish(&b, size, sent);
			expect(quick, size, sent);
		}
		for (uint32_t i = 0; i < (seed >> 20) % 40; i++) {
			if (spore_chan_recv(c, bytes, sizeof bytes, &len, SPORE_NOW) != SPORE_OK)
				break;
			memcpy(&number, bytes, sizeof number);
			assert_true(number >= next && number < sent);
			assert_true(is_filled(bytes, len, number));
			next = number + 1;
			got++;
			assert_int_equal(dropped(c), next - got);
		}
	}
	while (spore_chan_recv(c, bytes, sizeof bytes, &len, SPORE_NOW) == SPORE_OK)
		got++;
	assert_true(got > 200 && got < sent);
	assert_int_equal(got + dropped(c), sent);
	assert_int_equal(spore_chan_flush(b.pub, SPORE_NOW), SPORE_OK);
	assert_int_equal(dropped(b.pub), dropped(c)); // counted at both ends
	assert_int_equal(dropped(quick), 0);
	spore_chan_close(c);
	spore_chan_close(quick);
	spore_chan_close(b.pub);
}

static void test_disconnect(void **state)
{
	struct bench b;
	char bytes[400];
	size_t len, got = 0;
	enum spore_err e;
	(void)state;
	if (!begin(&b, LOG))
		return;
	struct spore_chan *c = join(&b, SPORE_SLOW_DISCONNECT, false), *good = join(&b, SPORE_SLOW_DISCONNECT, false);
	for (uint64_t i = 0; i < 1000; i++) {
		publish(&b, 400, i);
		expect(good, 400, i);
	}
	assert_int_equal(spore__pub_count(b.t), 1);
	while ((e = spore_chan_recv(c, bytes, sizeof bytes, &len, PATIENCE)) == SPORE_OK)
		got++;
	assert_int_equal(e, SPORE_ECLOSED);
	assert_int_equal(spore_chan_recv(c, bytes, sizeof bytes, &len, PATIENCE), SPORE_ECLOSED);
	assert_true(got < 1000);
	spore_chan_close(c);
	spore_chan_close(good);
	spore_chan_close(b.pub);
}

static void test_many(void **state)
{
	enum { MANY = 300 };
	struct bench b;
	struct spore_chan *subs[MANY];
	(void)state;
	if (!begin(&b, LOG))
		return;
	for (int i = 0; i < MANY; i++)
		subs[i] = join(&b, SPORE_SLOW_BLOCK, false);
	assert_int_equal(spore__pub_count(b.t), MANY);
	for (uint64_t n = 0; n < 10; n++) {
		publish(&b, 500, n);
		for (int i = 0; i < MANY; i++)
			expect(subs[i], 500, n);
	}
	for (int i = 0; i < MANY; i += 2)
		spore_chan_close(subs[i]);
	spore__pub_remove(b.t, 2);
	struct spore_chan *one_more = join(&b, SPORE_SLOW_BLOCK, false); // those that went are seen then
	assert_int_equal(spore__pub_count(b.t), MANY / 2);
	publish(&b, 10, 1);
	expect(one_more, 10, 1);
	for (int i = 3; i < MANY; i += 2) {
		expect(subs[i], 10, 1);
		spore_chan_close(subs[i]);
	}
	spore_chan_close(subs[1]);
	spore_chan_close(one_more);
	spore_chan_close(b.pub);
}

// ---- threads

struct reader {
	struct spore_chan *c;
	enum spore_slow slow;
	pthread_t thread;
	uint64_t got, dropped, wrong;
	atomic_bool done;
	enum spore_err end;
	const struct spore__cursor *cursor;
};

// Until R, which gets every message, has them all and sleeps.
static void await_sleep(const struct reader *r)
{
	while ((atomic_load(&r->cursor->sleep) & 1) == 0)
		(void)sched_yield();
}

static void *read_all(void *arg)
{
	struct reader *r = arg;
	uint64_t next = 0, number;
	unsigned char bytes[70000];
	for (uint64_t turn = 0;; turn++) {
		const void *data = bytes;
		size_t len;
		bool in_place = turn % 3 == 0;
		r->end = in_place ? spore_chan_read(r->c, &data, &len, PATIENCE)
		                  : spore_chan_recv(r->c, bytes, sizeof bytes, &len, PATIENCE);
		if (r->end != SPORE_OK)
			break;
		memcpy(&number, data, sizeof number);
		r->wrong +=
		    number < next || (r->slow == SPORE_SLOW_BLOCK && number != next) || !is_filled(data, len, number);
		next = number + 1;
		r->got++;
		if (in_place)
			spore_chan_release(r->c);
	}
	r->dropped = dropped(r->c);
	return NULL;
}

static void test_threads(void **state)
{
	enum { COUNT = 20000, READERS = 5 };
	struct bench b;
	struct reader readers[READERS] = {0};
	unsigned char *bytes = malloc(70000);
	(void)state;
	if (!begin(&b, LOG)) {
		free(bytes);
		return;
	}
	for (int i = 0; i < READERS; i++) {
		enum spore_slow slow = i < 2 ? SPORE_SLOW_BLOCK : i < 4 ? SPORE_SLOW_DROP : SPORE_SLOW_DISCONNECT;
		readers[i].slow = slow;
		readers[i].c = join_seen(&b, slow, false, &readers[i].cursor);
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_all, &readers[i]), 0);
	}
	for (uint64_t n = 0; n < COUNT; n++) {
		size_t len = 8 + n * 31 % (n % 100 == 0 ? 60000 : 300);
		fill(bytes, len, n);
		assert_int_equal(n % 4 == 0 ? spore_chan_send(b.pub, bytes, len, PATIENCE)
		                            : spore_chan_queue(b.pub, bytes, len, PATIENCE),
		                 SPORE_OK);
		if (n % 5000 == 0) { // the readers go to sleep
			assert_int_equal(spore_chan_flush(b.pub, PATIENCE), SPORE_OK);
			await_sleep(&readers[0]);
			await_sleep(&readers[1]);
		}
	}
	assert_int_equal(spore_chan_finish(b.pub, PATIENCE), SPORE_OK);
	for (int i = 0; i < READERS; i++) {
		const struct reader *r = &readers[i];
		assert_int_equal(pthread_join(r->thread, NULL), 0);
		assert_int_equal(r->wrong, 0);
		assert_true(r->end == SPORE_EEND || (r->slow == SPORE_SLOW_DISCONNECT && r->end == SPORE_ECLOSED));
		if (r->slow == SPORE_SLOW_BLOCK)
			assert_int_equal(r->got, COUNT);
		if (r->slow == SPORE_SLOW_DROP)
			assert_true(r->got + r->dropped <= COUNT && r->got > 0);
		(void)munmap((void *)(uintptr_t)r->cursor, sizeof *r->cursor);
		spore_chan_close(r->c);
	}
	spore_chan_close(b.pub);
	free(bytes);
}

// One that only polls falls behind again and again, and yet never waits for what is there.
static void *read_polling(void *arg)
{
	enum { ROOM = 100000 };
	struct reader *r = arg;
	uint64_t next = 0, number;
	unsigned char *bytes = malloc(ROOM);
	for (;;) {
		size_t len;
		struct pollfd p = {.fd = spore_chan_fd(r->c), .events = spore_chan_events(r->c)};
		r->end = spore_chan_recv(r->c, bytes, ROOM, &len, SPORE_NOW);
		if (r->end == SPORE_EAGAIN && poll(&p, 1, PATIENCE) == 1)
			continue;
		if (r->end != SPORE_OK)
			break;
		memcpy(&number, bytes, sizeof number);
		r->wrong += number < next;
		next = number + 1;
		r->got++;
	}
	free(bytes);
	r->dropped = dropped(r->c);
	atomic_store(&r->done, true);
	return NULL;
}

static void test_polling_behind(void **state)
{
	enum { COUNT = 30000, PAUSE = 3000 };
	struct bench b;
	struct reader r = {.slow = SPORE_SLOW_DROP};
	(void)state;
	if (!begin(&b, LOG))
		return;
	r.c = join_seen(&b, SPORE_SLOW_DROP, false, &r.cursor);
	(void)alarm(2 * PATIENCE / 1000);
	assert_int_equal(pthread_create(&r.thread, NULL, read_polling, &r), 0);
	for (uint64_t n = 0; n < COUNT; n++) {
		void *loan; // little of it is written, so that it is published much faster than it is read
		size_t len = n % 100 == 0 ? 8 : 100000;
		assert_int_equal(spore_chan_loan(b.pub, len, &loan, PATIENCE), SPORE_OK);
		for (size_t i = 0; i < len; i += SPORE__PUB_PAGE)
			memset((char *)loan + i, 1, 8);
		memcpy(loan, &n, sizeof n);
		assert_int_equal(spore_chan_commit(b.pub, len, PATIENCE), SPORE_OK);
		if (n % PAUSE == 0) // until it has all that is there
			while (atomic_load(&r.cursor->received) + atomic_load(&r.cursor->dropped) != n + 1 &&
			       !atomic_load(&r.done))
				(void)sched_yield();
	}
	assert_int_equal(spore_chan_finish(b.pub, PATIENCE), SPORE_OK);
	assert_int_equal(pthread_join(r.thread, NULL), 0);
	(void)alarm(0);
	assert_int_equal(r.end, SPORE_EEND);
	assert_int_equal(r.wrong, 0);
	assert_true(r.got > 0 && r.got + r.dropped <= COUNT);
	(void)munmap((void *)(uintptr_t)r.cursor, sizeof *r.cursor);
	spore_chan_close(r.c);
	spore_chan_close(b.pub);
}

// One message at a time, each awaited by a sleeper: no wake-up is lost, nor does the publisher sleep for ever.
static void test_ping(void **state)
{
	enum { COUNT = 3000 };
	struct bench b;
	struct reader r = {.slow = SPORE_SLOW_BLOCK};
	unsigned char bytes[2000];
	(void)state;
	if (!begin(&b, 4096))
		return;
	b.t->spin = 0;
	r.c = join(&b, SPORE_SLOW_BLOCK, false);
	assert_int_equal(pthread_create(&r.thread, NULL, read_all, &r), 0);
	for (uint64_t n = 0; n < COUNT; n++) {
		size_t len = 8 + (n * 97) % 900; // the log is full after a few
		fill(bytes, len, n);
		assert_int_equal(spore_chan_send(b.pub, bytes, len, PATIENCE), SPORE_OK);
	}
	assert_int_equal(spore_chan_finish(b.pub, PATIENCE), SPORE_OK);
	assert_int_equal(pthread_join(r.thread, NULL), 0);
	assert_int_equal(r.got, COUNT);
	assert_int_equal(r.wrong, 0);
	spore_chan_close(r.c);
	spore_chan_close(b.pub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sizes),         cmocka_unit_test(test_an_untouched_loan),
	    cmocka_unit_test(test_one_way),       cmocka_unit_test(test_publisher_goes),
	    cmocka_unit_test(test_last_value),    cmocka_unit_test(test_publisher_that_sleeps),
	    cmocka_unit_test(test_block),         cmocka_unit_test(test_block_large),
	    cmocka_unit_test(test_no_descriptor), cmocka_unit_test(test_drop_oldest),
	    cmocka_unit_test(test_disconnect),    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_threads),       cmocka_unit_test(test_polling_behind),
	    cmocka_unit_test(test_ping),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
