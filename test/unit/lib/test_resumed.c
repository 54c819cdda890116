// A subscription whose subscriber is gone, while somebody has kept what it had: another end goes on where that one was, and the publisher has not
// noticed.
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../lib/os/os.h"
#include "chan/chan.h"
#include "chan/pub.h"

enum { PATIENCE = 20000, LOG = 65536, LARGE = 100000 };

struct bench {
	struct spore__transport *t;
	struct spore_chan *pub;
	struct spore__channel_end kept; // of the subscriber
};

static int again(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	assert_true(copy >= 0);
	return copy;
}

// The first subscriber. NULL: there is no shared memory.
static struct spore_chan *begin(struct bench *b, enum spore_slow slow)
{
	const struct spore__channel_sizes sizes = {.heap = LOG};
	struct spore__channel_end ends[2];
	struct spore_chan *c;
	int memory[2];
	*b = (struct bench){0};
	if (spore__pub_create(&sizes, NULL, &b->t) == SPORE_EUNSUPPORTED)
		return NULL;
	assert_int_equal(spore__chan_create_over(b->t, &b->pub), SPORE_OK);
	assert_int_equal(spore__channel_make("publication", NULL, ends), SPORE_OK);
	ends[0].slow = ends[1].slow = slow;
	spore__pub_descriptors(b->t, memory);
	b->kept = ends[1];
	b->kept.count = 3;
	b->kept.fds[0] = again(ends[1].fds[0]);
	b->kept.fds[1] = again(ends[1].fds[1]);
	b->kept.fds[2] = again(memory[0]);
	assert_int_equal(spore__chan_create(&ends[1], &c), SPORE_OK);
	spore__pub_add(b->t, &ends[0], 1);
	assert_int_equal(spore_chan_flush(b->pub, SPORE_NOW), SPORE_OK); // it is taken
	return c;
}

// Another one in the place of C.
static struct spore_chan *resume(struct bench *b, struct spore_chan *c)
{
	struct spore__channel_end end = b->kept;
	struct spore_chan *next;
	for (int i = 0; i < end.count; i++)
		end.fds[i] = again(b->kept.fds[i]);
	spore_chan_close(c);
	assert_int_equal(spore__chan_create(&end, &next), SPORE_OK);
	return next;
}

static void finish(struct bench *b, struct spore_chan *c)
{
	spore__channel_end_close(&b->kept);
	spore_chan_close(c);
	spore_chan_close(b->pub);
}

static void publish(struct bench *b, uint64_t from, uint64_t to, size_t len)
{
	unsigned char *bytes = calloc(1, len);
	for (uint64_t n = from; n < to; n++) {
		memcpy(bytes, &n, sizeof n);
		assert_int_equal(spore_chan_send(b->pub, bytes, len, PATIENCE), SPORE_OK);
	}
	free(bytes);
}

static uint64_t next(struct spore_chan *c)
{
	static unsigned char bytes[LARGE];
	uint64_t number;
	size_t len;
	assert_int_equal(spore_chan_recv(c, bytes, sizeof bytes, &len, PATIENCE), SPORE_OK);
	memcpy(&number, bytes, sizeof number);
	return number;
}

static void expect(struct spore_chan *c, uint64_t from, uint64_t to)
{
	for (uint64_t n = from; n < to; n++)
		assert_int_equal(next(c), n);
}

static void expect_nothing(struct spore_chan *c)
{
	unsigned char bytes[64];
	size_t len;
	assert_int_equal(spore_chan_recv(c, bytes, sizeof bytes, &len, SPORE_NOW), SPORE_EAGAIN);
}

static uint64_t dropped(const struct spore_chan *c)
{
	struct spore_chan_stats s;
	spore_chan_stats(c, &s);
	return s.dropped;
}

// Wherever the one before was: what it released is said only now and then.
static void test_behind_what_was_received(void **state)
{
	struct bench b;
	struct spore_chan *c = begin(&b, SPORE_SLOW_BLOCK);
	(void)state;
	if (c == NULL)
		return;
	uint64_t sent = 0, got = 0;
	for (uint64_t round = 1; round < 60; round++) {
		publish(&b, sent, sent + 2 * round, 8 + round * 5);
		sent += 2 * round;
		expect(c, got, got + round - 1);
		assert_int_equal(spore_chan_skip(c, PATIENCE), SPORE_OK); // as if it had been received
		got += round;
		c = resume(&b, c);
		expect(c, got, sent);
		got = sent;
		c = resume(&b, c);
		expect_nothing(c);
	}
	assert_int_equal(spore__pub_count(b.t), 1);
	assert_int_equal(dropped(c), 0);
	finish(&b, c);
}

static void test_of_one_that_received_nothing(void **state)
{
	struct bench b;
	struct spore_chan *c = begin(&b, SPORE_SLOW_BLOCK);
	(void)state;
	if (c == NULL)
		return;
	publish(&b, 0, 10, 8);
	c = resume(&b, c);
	expect(c, 0, 10);
	finish(&b, c);
}

static void test_what_was_lent_comes_again(void **state)
{
	struct bench b;
	struct spore_chan *c = begin(&b, SPORE_SLOW_BLOCK);
	const void *data;
	size_t len;
	(void)state;
	if (c == NULL)
		return;
	publish(&b, 0, 10, 16);
	for (int i = 0; i < 5; i++)
		assert_int_equal(spore_chan_read(c, &data, &len, PATIENCE), SPORE_OK);
	spore_chan_release(c);
	spore_chan_release(c);
	c = resume(&b, c);
	expect(c, 2, 10);
	finish(&b, c);
}

static void test_large_ones(void **state)
{
	struct bench b;
	struct spore_chan *c = begin(&b, SPORE_SLOW_BLOCK);
	(void)state;
	if (c == NULL)
		return;
	publish(&b, 0, 6, LARGE);
	expect(c, 0, 2);
	c = resume(&b, c);
	expect(c, 2, 6);
	finish(&b, c);
}

// Those between the two are lost by the second one.
static void test_what_was_overwritten_is_counted(void **state)
{
	enum { SENT = 20000 };
	struct bench b;
	struct spore_chan *c = begin(&b, SPORE_SLOW_DROP);
	(void)state;
	if (c == NULL)
		return;
	publish(&b, 0, 100, 64);
	expect(c, 0, 50);
	c = resume(&b, c);
	publish(&b, 100, SENT, 64);
	uint64_t first = next(c);
	assert_true(first > 100);
	assert_int_equal(dropped(c), first - 50);
	expect(c, first + 1, SENT);
	assert_int_equal(dropped(c), first - 50);
	finish(&b, c);
}

static void *fill_up(void *arg)
{
	publish(arg, 0, 5000, 64);
	return NULL;
}

// It was full, and waits; what the first one had released while nobody rang is enough.
static void test_a_publisher_that_waits(void **state)
{
	struct bench b;
	struct spore_chan *c = begin(&b, SPORE_SLOW_BLOCK);
	pthread_t thread;
	(void)state;
	if (c == NULL)
		return;
	assert_int_equal(pthread_create(&thread, NULL, fill_up, &b), 0);
	for (uint64_t got = 0; got < 5000; got += 10) {
		expect(c, got, got + 10);
		c = resume(&b, c);
	}
	pthread_join(thread, NULL);
	finish(&b, c);
}

static void test_the_publisher_is_gone(void **state)
{
	struct bench b;
	struct spore_chan *c = begin(&b, SPORE_SLOW_BLOCK);
	unsigned char bytes[64];
	size_t len;
	(void)state;
	if (c == NULL)
		return;
	publish(&b, 0, 10, 8);
	expect(c, 0, 3);
	spore_chan_close(b.pub);
	c = resume(&b, c);
	expect(c, 3, 10);
	assert_int_equal(spore_chan_recv(c, bytes, sizeof bytes, &len, PATIENCE), SPORE_ECLOSED);
	spore__channel_end_close(&b.kept);
	spore_chan_close(c);
}

// What the cursor says is not believed further than it can be.
static void test_nonsense(void **state)
{
	static const uint64_t places[] = {1, 16 * 1000, UINT64_MAX - 15}, numbers[] = {0, 1, 7, UINT64_MAX};
	(void)state;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
			struct bench b;
			struct spore_chan *c = begin(&b, SPORE_SLOW_BLOCK);
			struct spore__cursor *cursor;
			unsigned char bytes[64];
			size_t len;
			if (c == NULL)
				return;
			publish(&b, 0, 10, 8);
			expect(c, 0, 3);
			assert_int_equal(spore__cursor_map(b.kept.fds[0], SPORE__IO_WRITE, &cursor), SPORE_OK);
			atomic_store(&cursor->released, places[i]);
			atomic_store(&cursor->done, numbers[k]);
			spore__cursor_unmap(cursor);
			c = resume(&b, c);
			enum spore_err e = SPORE_OK;
			for (int turn = 0; turn < 20 && e == SPORE_OK; turn++)
				e = spore_chan_recv(c, bytes, sizeof bytes, &len, SPORE_NOW);
			assert_int_not_equal(e, SPORE_OK);
			finish(&b, c);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_behind_what_was_received),        cmocka_unit_test(test_of_one_that_received_nothing),
	    cmocka_unit_test(test_what_was_lent_comes_again),       cmocka_unit_test(test_large_ones),
	    cmocka_unit_test(test_what_was_overwritten_is_counted), cmocka_unit_test(test_a_publisher_that_waits),
	    cmocka_unit_test(test_the_publisher_is_gone),           cmocka_unit_test(test_nonsense),
	};
	return cmocka_run_group_tests_name("resumed", tests, NULL, NULL);
}
