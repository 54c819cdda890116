// Channels of ports of bytes: what is lent for a part of a chunk, and chunks that are empty, over each transport that such a port may have.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "chan/chan.h"

enum { PATIENCE = 20000, HUNG = 50 };

struct pair {
	struct spore_chan *a, *b; // b is of a port of bytes
};

static bool open_pair(const char *transport, bool both, struct pair *p)
{
	struct spore__channel_end ends[2];
	if (spore__channel_make(transport, NULL, ends) != SPORE_OK)
		return false; // plain POSIX has no rings
	assert_int_equal(spore__chan_create(&ends[0], &p->a), SPORE_OK);
	assert_int_equal(spore__chan_create(&ends[1], &p->b), SPORE_OK);
	if (both)
		spore__chan_set_bytes(p->a);
	spore__chan_set_bytes(p->b);
	return true;
}

static void close_pair(struct pair *p)
{
	spore_chan_close(p->a);
	spore_chan_close(p->b);
}

static void expect(struct spore_chan *c, size_t size, const char *text)
{
	char bytes[64];
	size_t len;
	assert_true(size <= sizeof bytes);
	assert_int_equal(spore_chan_recv(c, bytes, size, &len, PATIENCE), SPORE_OK);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(bytes, text, len);
}

// What spore_chan_recv has begun with is not for the program to give back: without a loan of its own it has nothing to.
static void test_release_of_a_part(void **state)
{
	struct pair p;
	const void *data;
	size_t len;
	if (!open_pair(*state, true, &p))
		return;
	assert_int_equal(spore_chan_send(p.a, "0123456789", 10, PATIENCE), SPORE_OK);
	expect(p.b, 4, "0123");
	spore_chan_release(p.b);
	for (int i = 0; i < 3000; i++) // whatever can be used again is
		(void)spore_chan_send(p.a, "abcdefghij", 10, SPORE_NOW);
	spore_chan_release(p.b);
	expect(p.b, 2, "45");
	// The rest of it is lent, and then it is.
	assert_int_equal(spore_chan_read(p.b, &data, &len, PATIENCE), SPORE_OK);
	assert_int_equal(len, 4);
	assert_memory_equal(data, "6789", 4);
	assert_int_equal(spore_chan_recv(p.b, (char[1]){0}, 1, &len, SPORE_NOW), SPORE_EBUSY);
	spore_chan_release(p.b);
	spore_chan_release(p.b);
	expect(p.b, 10, "abcdefghij");
	close_pair(&p);
}

static void test_nothing_is_not_sent(void **state)
{
	struct pair p;
	void *loan;
	size_t len;
	if (!open_pair(*state, true, &p))
		return;
	for (int i = 0; i < 3000; i++) {
		assert_int_equal(spore_chan_send(p.b, "", 0, SPORE_NOW), SPORE_OK);
		assert_int_equal(spore_chan_queue(p.b, "", 0, SPORE_NOW), SPORE_OK);
		assert_int_equal(spore_chan_loan(p.b, 10, &loan, SPORE_NOW), SPORE_OK);
		assert_int_equal(spore_chan_send(p.b, "", 0, SPORE_NOW), SPORE_EBUSY);
		assert_int_equal(spore_chan_commit(p.b, 0, SPORE_NOW), SPORE_OK);
		assert_int_equal(spore_chan_commit(p.b, 0, SPORE_NOW), SPORE_EINVALID);
	}
	assert_int_equal(spore_chan_recv(p.a, (char[1]){0}, 1, &len, SPORE_NOW), SPORE_EAGAIN);
	assert_int_equal(spore_chan_queue(p.b, "text", 4, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_send(p.b, "", 0, PATIENCE), SPORE_OK); // publishes it all the same
	expect(p.a, 10, "text");
	assert_int_equal(spore_chan_finish(p.b, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_send(p.b, "", 0, PATIENCE), SPORE_ECLOSED);
	assert_int_equal(spore_chan_recv(p.a, (char[1]){0}, 1, &len, PATIENCE), SPORE_EEND);
	close_pair(&p);
}

// ---- a peer that sends messages, and empty ones

static void test_some_are_passed_over(void **state)
{
	enum { SOME = 100, ROUNDS = 30 };
	struct pair p;
	size_t len;
	if (!open_pair(*state, false, &p))
		return;
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < SOME; i++)
			assert_int_equal(spore_chan_send(p.a, "", 0, PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_recv(p.b, (char[1]){0}, 1, &len, SPORE_NOW), SPORE_EAGAIN);
		assert_int_equal(spore_chan_send(p.a, "text", 4, PATIENCE), SPORE_OK);
		expect(p.b, 10, "text");
	}
	struct spore_chan_stats stats;
	spore_chan_stats(p.b, &stats);
	assert_int_equal(stats.received, ROUNDS);
	close_pair(&p);
}

struct flood {
	struct spore_chan *c;
	atomic_bool done;
};

static void *send_nothing(void *arg)
{
	struct flood *f = arg;
	while (!atomic_load(&f->done))
		(void)spore_chan_queue(f->c, "", 0, SPORE_NOW);
	return NULL;
}

static void test_without_end(void **state)
{
	struct pair p;
	pthread_t sender;
	size_t len;
	enum spore_err e;
	if (!open_pair(*state, false, &p))
		return;
	struct flood f = {.c = p.a};
	assert_int_equal(pthread_create(&sender, NULL, send_nothing, &f), 0);
	(void)alarm(HUNG);
	while ((e = spore_chan_recv(p.b, (char[1]){0}, 1, &len, SPORE_NOW)) == SPORE_EAGAIN)
		;
	(void)alarm(0);
	atomic_store(&f.done, true);
	(void)pthread_join(sender, NULL);
	assert_int_equal(e, SPORE_EMALFORMED);
	assert_int_equal(spore_chan_recv(p.b, (char[1]){0}, 1, &len, SPORE_NOW), SPORE_EMALFORMED); // and stays so
	close_pair(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_prestate(test_release_of_a_part, (void *)"bytes"),
	    cmocka_unit_test_prestate(test_release_of_a_part, (void *)"stream"),
	    cmocka_unit_test_prestate(test_release_of_a_part, (void *)"ring"),
	    cmocka_unit_test_prestate(test_nothing_is_not_sent, (void *)"bytes"),
	    cmocka_unit_test_prestate(test_nothing_is_not_sent, (void *)"stream"),
	    cmocka_unit_test_prestate(test_nothing_is_not_sent, (void *)"ring"),
	    cmocka_unit_test_prestate(test_some_are_passed_over, (void *)"stream"),
	    cmocka_unit_test_prestate(test_some_are_passed_over, (void *)"ring"),
	    cmocka_unit_test_prestate(test_without_end, (void *)"stream"),
	    cmocka_unit_test_prestate(test_without_end, (void *)"ring"),
	};
	return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
