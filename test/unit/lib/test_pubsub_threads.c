// Publish and subscribe between threads: nobody sleeps over a message, and none is received that was not published so.
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
#include <unistd.h>

#include <cmocka.h>

#include "chan/chan.h"
#include "chan/pub.h"
#include "pub_rig.h"

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
		r->wrong += number < next || (r->slow == SPORE_SLOW_BLOCK && number != next) ||
		            !pub_rig_is_filled(data, len, number);
		next = number + 1;
		r->got++;
		if (in_place)
			spore_chan_release(r->c);
	}
	r->dropped = pub_rig_dropped(r->c);
	return NULL;
}

static void test_threads(void **state)
{
	enum { COUNT = 20000, READERS = 5 };
	struct pub_rig b;
	struct reader readers[READERS] = {0};
	unsigned char *bytes = malloc(70000);
	(void)state;
	if (!pub_rig_begin(&b, LOG)) {
		free(bytes);
		return;
	}
	for (int i = 0; i < READERS; i++) {
		enum spore_slow slow = i < 2 ? SPORE_SLOW_BLOCK : i < 4 ? SPORE_SLOW_DROP : SPORE_SLOW_DISCONNECT;
		readers[i].slow = slow;
		readers[i].c = pub_rig_join_seen(&b, slow, false, &readers[i].cursor);
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_all, &readers[i]), 0);
	}
	for (uint64_t n = 0; n < COUNT; n++) {
		size_t len = 8 + n * 31 % (n % 100 == 0 ? 60000 : 300);
		pub_rig_fill(bytes, len, n);
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
	r->dropped = pub_rig_dropped(r->c);
	atomic_store(&r->done, true);
	return NULL;
}

static void test_polling_behind(void **state)
{
	enum { COUNT = 30000, PAUSE = 3000 };
	struct pub_rig b;
	struct reader r = {.slow = SPORE_SLOW_DROP};
	(void)state;
	if (!pub_rig_begin(&b, LOG))
		return;
	r.c = pub_rig_join_seen(&b, SPORE_SLOW_DROP, false, &r.cursor);
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
	struct pub_rig b;
	struct reader r = {.slow = SPORE_SLOW_BLOCK};
	unsigned char bytes[2000];
	(void)state;
	if (!pub_rig_begin(&b, 4096))
		return;
	b.t->spin = 0;
	r.c = pub_rig_join(&b, SPORE_SLOW_BLOCK, false);
	assert_int_equal(pthread_create(&r.thread, NULL, read_all, &r), 0);
	for (uint64_t n = 0; n < COUNT; n++) {
		size_t len = 8 + (n * 97) % 900; // the log is full after a few
		pub_rig_fill(bytes, len, n);
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
	    cmocka_unit_test(test_threads),
	    cmocka_unit_test(test_polling_behind),
	    cmocka_unit_test(test_ping),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
