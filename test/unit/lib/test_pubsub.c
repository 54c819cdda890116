// Publish and subscribe: what was published is received whole and in order, by each subscriber as it asked for; what it did not get is counted.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../lib/os/os.h"
#include "chan/chan.h"
#include "chan/pub.h"
#include "pass.h"
#include "pub_rig.h"

static const size_t sizes[] = {0, 1, 8, 15, 16, 17, 56, 1000, 16367, 16368, 16369, 100000, 3000000};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static void test_sizes(void **state)
{
	struct pub_rig b;
	(void)state;
	if (!pub_rig_begin(&b, LOG))
		return;
	struct spore_chan *subs[3];
	for (int i = 0; i < 3; i++)
		subs[i] = pub_rig_join(&b, (enum spore_slow)i, false);
	uint64_t number = 0;
	for (int round = 0; round < 20; round++)
		for (size_t i = 0; i < SIZES; i++, number++) {
			void *loan;
			const void *data;
			size_t len;
			if (round % 2 == 0) {
				pub_rig_publish(&b, sizes[i], number);
			} else {
				assert_int_equal(spore_chan_loan(b.pub, sizes[i], &loan, PATIENCE), SPORE_OK);
				assert_int_equal((uintptr_t)loan % 8, 0);
				pub_rig_fill(loan, sizes[i], number);
				assert_int_equal(spore_chan_commit(b.pub, sizes[i], PATIENCE), SPORE_OK);
			}
			for (int k = 0; k < 3; k++) {
				if (round % 3 == 0) {
					pub_rig_expect(subs[k], sizes[i], number);
					continue;
				}
				assert_int_equal(spore_chan_read(subs[k], &data, &len, PATIENCE), SPORE_OK);
				assert_int_equal(len, sizes[i]);
				assert_true(pub_rig_is_filled(data, len, number));
				spore_chan_release(subs[k]);
			}
		}
	for (int k = 0; k < 3; k++) {
		size_t len;
		assert_int_equal(spore_chan_recv(subs[k], NULL, 0, &len, SPORE_NOW), SPORE_EAGAIN);
		assert_int_equal(pub_rig_dropped(subs[k]), 0);
		spore_chan_close(subs[k]);
	}
	spore_chan_close(b.pub);
}

// Of a loan the publisher may leave pages untouched; they are sent as any.
static void test_an_untouched_loan(void **state)
{
	enum { SIZE = 1 << 20 };
	static unsigned char bytes[SIZE];
	struct pub_rig b;
	void *loan;
	const void *data;
	size_t len;
	(void)state;
	if (!pub_rig_begin(&b, LOG))
		return;
	struct spore_chan *subs[] = {pub_rig_join(&b, SPORE_SLOW_BLOCK, false),
	                             pub_rig_join(&b, SPORE_SLOW_DROP, false)};
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
	struct pub_rig b;
	const void *data;
	void *loan;
	size_t len;
	char small[2];
	(void)state;
	if (!pub_rig_begin(&b, LOG))
		return;
	struct spore_chan *c = pub_rig_join(&b, SPORE_SLOW_BLOCK, false);
	assert_int_equal(spore_chan_recv(b.pub, small, sizeof small, &len, SPORE_FOREVER), SPORE_EUNSUPPORTED);
	assert_int_equal(spore_chan_read(b.pub, &data, &len, SPORE_FOREVER), SPORE_EUNSUPPORTED);
	assert_int_equal(spore_chan_send(c, "x", 1, SPORE_FOREVER), SPORE_EUNSUPPORTED);
	assert_int_equal(spore_chan_loan(c, 1, &loan, SPORE_FOREVER), SPORE_EUNSUPPORTED);
	assert_int_equal(spore_chan_finish(c, SPORE_FOREVER), SPORE_EUNSUPPORTED);
	// A message that is too large for the buffer stays.
	pub_rig_publish(&b, 3, 7);
	assert_int_equal(spore_chan_recv(c, small, sizeof small, &len, SPORE_NOW), SPORE_ETOOBIG);
	assert_int_equal(len, 3);
	pub_rig_expect(c, 3, 7);
	// An abandoned loan is nothing.
	assert_int_equal(spore_chan_loan(b.pub, 100000, &loan, SPORE_NOW), SPORE_OK);
	spore_chan_abandon(b.pub);
	pub_rig_publish(&b, 100000, 8);
	pub_rig_expect(c, 100000, 8);
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
	struct pub_rig b;
	char bytes[8];
	size_t len;
	(void)state;
	if (!pub_rig_begin(&b, LOG))
		return;
	struct spore_chan *c = pub_rig_join(&b, SPORE_SLOW_DROP, false);
	assert_int_equal(spore_chan_recv(c, bytes, sizeof bytes, &len, 10), SPORE_ETIMEOUT);
	pub_rig_publish(&b, 40000, 1);
	assert_int_equal(spore_chan_queue(b.pub, "queued", 6, SPORE_NOW), SPORE_OK);
	spore_chan_close(b.pub);
	pub_rig_expect(c, 40000, 1);
	assert_int_equal(spore_chan_recv(c, bytes, sizeof bytes, &len, PATIENCE), SPORE_OK);
	assert_int_equal(len, 6);
	assert_int_equal(spore_chan_recv(c, bytes, sizeof bytes, &len, PATIENCE), SPORE_ECLOSED);
	spore_chan_close(c);
}

static void test_last_value(void **state)
{
	struct pub_rig b;
	size_t len;
	(void)state;
	if (!pub_rig_begin(&b, LOG))
		return;
	struct spore_chan *early = pub_rig_join(&b, SPORE_SLOW_BLOCK, true);
	assert_int_equal(spore_chan_recv(early, NULL, 0, &len, SPORE_NOW), SPORE_EAGAIN);
	for (uint64_t i = 0; i < 100; i++) {
		size_t size = i % 10 == 9 ? 100000 : (size_t)i;
		pub_rig_publish(&b, size, i);
		pub_rig_expect(early, size, i);
		struct spore_chan *late = pub_rig_join(&b, (enum spore_slow)(i % 3), true);
		struct spore_chan *without = pub_rig_join(&b, (enum spore_slow)(i % 3), false);
		pub_rig_expect(late, size, i);
		assert_int_equal(spore_chan_recv(late, NULL, 0, &len, SPORE_NOW), SPORE_EAGAIN);
		assert_int_equal(spore_chan_recv(without, NULL, 0, &len, SPORE_NOW), SPORE_EAGAIN);
		assert_int_equal(pub_rig_dropped(late) + pub_rig_dropped(without), 0);
		spore_chan_close(late);
		spore_chan_close(without);
	}
	spore_chan_close(early);
	spore_chan_close(b.pub);
}

// It has the memory from a hold; the publisher does not know of it yet, and perhaps never will.
static void test_publisher_that_sleeps(void **state)
{
	struct pub_rig b;
	struct spore__channel_end ends[2];
	struct spore_chan *c;
	int fds[2];
	size_t len;
	(void)state;
	if (!pub_rig_begin(&b, LOG))
		return;
	pub_rig_publish(&b, 300, 5);
	assert_int_equal(spore__channel_make("publication", NULL, ends), SPORE_OK);
	ends[1].last = true;
	assert_int_equal(spore__chan_create(&ends[1], &c), SPORE_OK);
	assert_int_equal(spore_chan_recv(c, NULL, 0, &len, 10), SPORE_ETIMEOUT);
	spore__pub_descriptors(b.t, fds);
	assert_int_equal(spore__pass_send(ends[0].fds[1], "m", 1, &fds[0], 1), 1);
	pub_rig_expect(c, 300, 5);
	assert_int_equal(spore_chan_recv(c, NULL, 0, &len, 10), SPORE_ETIMEOUT);
	spore__pub_add(b.t, &ends[0], 1);
	pub_rig_publish(&b, 200, 6);
	pub_rig_expect(c, 200, 6);
	for (uint64_t i = 0; i < 2000; i++) { // it is waited for
		pub_rig_publish(&b, 200, i);
		pub_rig_expect(c, 200, i);
	}
	assert_int_equal(pub_rig_dropped(c), 0);
	spore_chan_close(c);
	spore_chan_close(b.pub);
}

static void test_block(void **state)
{
	struct pub_rig b;
	unsigned char bytes[1000] = {0};
	const void *data;
	size_t len;
	(void)state;
	if (!pub_rig_begin(&b, LOG))
		return;
	struct spore_chan *c = pub_rig_join(&b, SPORE_SLOW_BLOCK, false);
	uint64_t sent = 0, got = 0;
	for (int round = 0; round < 30; round++) {
		enum spore_err e;
		do {
			pub_rig_fill(bytes, sizeof bytes, sent);
			e = spore_chan_send(b.pub, bytes, sizeof bytes, round == 0 ? 10 : SPORE_NOW);
			sent += e == SPORE_OK;
		} while (e == SPORE_OK);
		assert_int_equal(e, round == 0 ? SPORE_ETIMEOUT : SPORE_EAGAIN);
		assert_true(sent - got >= LOG / 2 / sizeof bytes);
		// What is read in place stays as it was.
		for (int i = 0; i < 20; i++, got++) {
			assert_int_equal(spore_chan_read(c, &data, &len, PATIENCE), SPORE_OK);
			assert_true(pub_rig_is_filled(data, len, got));
		}
		for (int i = 0; i < 20; i++)
			spore_chan_release(c);
	}
	for (; got < sent; got++)
		pub_rig_expect(c, sizeof bytes, got);
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
	struct pub_rig b;
	(void)state;
	if (!pub_rig_begin(&b, LOG))
		return;
	struct spore_chan *other = pub_rig_join(&b, SPORE_SLOW_DROP, false),
	                  *c = pub_rig_join(&b, SPORE_SLOW_BLOCK, false);
	char byte;
	size_t len;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = STDERR_FILENO + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(spore_chan_recv(c, &byte, 1, &len, SPORE_NOW), SPORE_ECLOSED);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (uint64_t i = 0; i < 100; i++)
		pub_rig_publish(&b, 10000, i);
	assert_int_equal(spore__pub_count(b.t), 1);
	spore_chan_close(c);
	spore_chan_close(other);
	spore_chan_close(b.pub);
}

static void test_block_large(void **state)
{
	struct pub_rig b;
	enum { SIZE = 20 << 20 };
	static unsigned char bytes[SIZE];
	(void)state;
	if (!pub_rig_begin(&b, LOG))
		return;
	struct spore_chan *c = pub_rig_join(&b, SPORE_SLOW_BLOCK, false);
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
	struct pub_rig b;
	unsigned char bytes[100000];
	uint64_t number = 0, sent = 0, got = 0, next = 0;
	size_t len;
	(void)state;
	if (!pub_rig_begin(&b, LOG))
		return;
	struct spore_chan *c = pub_rig_join(&b, SPORE_SLOW_DROP, false),
	                  *quick = pub_rig_join(&b, SPORE_SLOW_BLOCK, false);
	uint32_t seed = 12345;
	for (int round = 0; round < 200; round++) {
		seed = seed * 1664525 + 1013904223;
		for (uint32_t i = 0; i < (seed >> 8) % 300; i++, sent++) {
			size_t size = 8 + (i * 37 + sent) % (i % 50 == 0 ? 99000 : 400);
			pub_rig_publish(&b, size, sent);
			pub_rig_expect(quick, size, sent);
		}
		for (uint32_t i = 0; i < (seed >> 20) % 40; i++) {
			if (spore_chan_recv(c, bytes, sizeof bytes, &len, SPORE_NOW) != SPORE_OK)
				break;
			memcpy(&number, bytes, sizeof number);
			assert_true(number >= next && number < sent);
			assert_true(pub_rig_is_filled(bytes, len, number));
			next = number + 1;
			got++;
			assert_int_equal(pub_rig_dropped(c), next - got);
		}
	}
	while (spore_chan_recv(c, bytes, sizeof bytes, &len, SPORE_NOW) == SPORE_OK)
		got++;
	assert_true(got > 200 && got < sent);
	assert_int_equal(got + pub_rig_dropped(c), sent);
	assert_int_equal(spore_chan_flush(b.pub, SPORE_NOW), SPORE_OK);
	assert_int_equal(pub_rig_dropped(b.pub), pub_rig_dropped(c)); // counted at both ends
	assert_int_equal(pub_rig_dropped(quick), 0);
	spore_chan_close(c);
	spore_chan_close(quick);
	spore_chan_close(b.pub);
}

static void test_disconnect(void **state)
{
	struct pub_rig b;
	char bytes[400];
	size_t len, got = 0;
	enum spore_err e;
	(void)state;
	if (!pub_rig_begin(&b, LOG))
		return;
	struct spore_chan *c = pub_rig_join(&b, SPORE_SLOW_DISCONNECT, false),
	                  *good = pub_rig_join(&b, SPORE_SLOW_DISCONNECT, false);
	for (uint64_t i = 0; i < 1000; i++) {
		pub_rig_publish(&b, 400, i);
		pub_rig_expect(good, 400, i);
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
	struct pub_rig b;
	struct spore_chan *subs[MANY];
	(void)state;
	if (!pub_rig_begin(&b, LOG))
		return;
	for (int i = 0; i < MANY; i++)
		subs[i] = pub_rig_join(&b, SPORE_SLOW_BLOCK, false);
	assert_int_equal(spore__pub_count(b.t), MANY);
	for (uint64_t n = 0; n < 10; n++) {
		pub_rig_publish(&b, 500, n);
		for (int i = 0; i < MANY; i++)
			pub_rig_expect(subs[i], 500, n);
	}
	for (int i = 0; i < MANY; i += 2)
		spore_chan_close(subs[i]);
	spore__pub_remove(b.t, 2);
	struct spore_chan *one_more = pub_rig_join(&b, SPORE_SLOW_BLOCK, false); // those that went are seen then
	assert_int_equal(spore__pub_count(b.t), MANY / 2);
	pub_rig_publish(&b, 10, 1);
	pub_rig_expect(one_more, 10, 1);
	for (int i = 3; i < MANY; i += 2) {
		pub_rig_expect(subs[i], 10, 1);
		spore_chan_close(subs[i]);
	}
	spore_chan_close(subs[1]);
	spore_chan_close(one_more);
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
