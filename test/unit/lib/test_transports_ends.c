// The conformance suite of transports: how a channel ends, what is refused and lent, and that nothing is left.
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "chan/transport.h"
#include "descriptors.h"
#include "transport_rig.h"

// ---- closing

static void test_finish(void **state)
{
	struct pair p;
	char back[8];
	size_t len;
	open_pair(*state, &p);
	assert_int_equal(spore_chan_queue(p.a, "one", 3, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_queue(p.a, "two", 3, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_finish(p.a, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_finish(p.a, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_send(p.a, "x", 1, PATIENCE), SPORE_ECLOSED);
	assert_int_equal(spore_chan_recv(p.b, back, sizeof back, &len, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_recv(p.b, back, sizeof back, &len, PATIENCE), SPORE_OK);
	assert_memory_equal(back, "two", 3);
	assert_int_equal(spore_chan_recv(p.b, back, sizeof back, &len, PATIENCE), SPORE_EEND);
	assert_int_equal(spore_chan_recv(p.b, back, sizeof back, &len, PATIENCE), SPORE_EEND);
	// the other direction goes on
	assert_int_equal(spore_chan_send(p.b, "three", 5, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_recv(p.a, back, sizeof back, &len, PATIENCE), SPORE_OK);
	assert_int_equal(len, 5);
	assert_int_equal(spore_chan_finish(p.b, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_recv(p.a, back, sizeof back, &len, PATIENCE), SPORE_EEND);
	close_pair(&p);
}

static void test_close(void **state)
{
	const struct variant *v = *state;
	struct pair p;
	char back[8] = "";
	size_t len;
	open_pair(v, &p);
	assert_int_equal(spore_chan_send(p.a, "last", 4, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_flush(p.a, PATIENCE), SPORE_OK);
	spore_chan_close(p.a);
	p.a = NULL;
	assert_int_equal(spore_chan_recv(p.b, back, sizeof back, &len, PATIENCE), SPORE_OK);
	assert_memory_equal(back, "last", 4);
	assert_int_equal(spore_chan_recv(p.b, back, sizeof back, &len, PATIENCE), v->gone);
	assert_int_equal(spore_chan_recv(p.b, back, sizeof back, &len, SPORE_NOW), v->gone);
	enum spore_err e;
	while ((e = spore_chan_send(p.b, back, sizeof back, PATIENCE)) == SPORE_OK)
		;
	assert_int_equal(e, SPORE_ECLOSED);
	struct spore_chan_stats stats;
	spore_chan_stats(p.b, &stats);
	assert_int_equal(stats.state, SPORE_CHAN_GONE);
	close_pair(&p);
}

static void *close_later(void *arg)
{
	(void)sched_yield();
	spore_chan_close(arg);
	return NULL;
}

// Whoever waits learns of it.
static void test_close_wakes(void **state)
{
	const struct variant *v = *state;
	for (int i = 0; i < (v->rough ? 5 : 100); i++) {
		struct pair p;
		pthread_t thread;
		char back[8];
		size_t len;
		open_pair(v, &p);
		while (i % 2 == 1 && spore_chan_send(p.b, "fill it up", 10, SPORE_NOW) == SPORE_OK)
			;
		assert_int_equal(pthread_create(&thread, NULL, close_later, p.a), 0);
		enum spore_err e = i % 2 == 0 ? spore_chan_recv(p.b, back, sizeof back, &len, PATIENCE)
		                              : spore_chan_send(p.b, "too much", 8, PATIENCE);
		assert_true(e == SPORE_ECLOSED || (i % 2 == 0 && e == v->gone) || (v->rough && e == SPORE_OK));
		assert_int_equal(pthread_join(thread, NULL), 0);
		p.a = NULL;
		close_pair(&p);
	}
}

// ---- arguments

static void test_limits(void **state)
{
	struct pair p;
	char back[8];
	void *loan, *second;
	const void *data;
	size_t len;
	open_pair(*state, &p);
	assert_int_equal(spore_chan_send(p.a, back, SPORE_CHAN_LARGEST + 1, PATIENCE), SPORE_ETOOBIG);
	assert_int_equal(spore_chan_loan(p.a, SPORE_CHAN_LARGEST + 1, &loan, PATIENCE), SPORE_ETOOBIG);
	assert_int_equal(spore_chan_send(p.a, "too long for it", 15, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_recv(p.b, back, sizeof back, &len, PATIENCE), SPORE_ETOOBIG);
	assert_int_equal(len, 15);
	assert_int_equal(spore_chan_read(p.b, &data, &len, PATIENCE), SPORE_OK);
	assert_memory_equal(data, "too long for it", 15);
	assert_int_equal(spore_chan_recv(p.b, back, sizeof back, &len, PATIENCE), SPORE_EBUSY);
	spore_chan_release(p.b);
	spore_chan_release(p.b);

	assert_int_equal(spore_chan_commit(p.a, 0, PATIENCE), SPORE_EINVALID);
	for (size_t size = 0; size <= 2 << 20; size = size * 3 + 100) {
		assert_int_equal(spore_chan_loan(p.a, size, &loan, PATIENCE), SPORE_OK);
		assert_int_equal((uintptr_t)loan % 8, 0);
		memset(loan, 1, size);
		assert_int_equal(spore_chan_loan(p.a, 5, &second, PATIENCE), SPORE_EBUSY);
		assert_int_equal(spore_chan_send(p.a, "x", 1, PATIENCE), SPORE_EBUSY);
		assert_int_equal(spore_chan_commit(p.a, size + 1, PATIENCE), SPORE_EINVALID);
		spore_chan_abandon(p.a);
		spore_chan_abandon(p.a);
		assert_int_equal(spore_chan_loan(p.a, size, &loan, PATIENCE), SPORE_OK);
		size_t less = size / 2 < 5000 ? size / 2 : 5000;
		memset(loan, 7, less);
		assert_int_equal(spore_chan_commit(p.a, less, PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_read(p.b, &data, &len, PATIENCE), SPORE_OK);
		assert_int_equal(len, less);
		assert_int_equal((uintptr_t)data % 8, 0);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(((const char *)data)[i], 7);
		spore_chan_release(p.b);
	}
	close_pair(&p);
}

// Many are lent, and are what they were when later ones come.
static void test_lent(void **state)
{
	enum { MANY = 12 };
	struct pair p;
	const void *data[MANY];
	size_t len[MANY];
	unsigned char bytes[1500];
	open_pair(*state, &p);
	for (unsigned round = 0; round < 20; round++) {
		for (uint32_t i = 0; i < MANY; i++) {
			fill(bytes, i * 37, i);
			assert_int_equal(spore_chan_queue(p.a, bytes, (size_t)i * 37, PATIENCE), SPORE_OK);
		}
		assert_int_equal(spore_chan_flush(p.a, PATIENCE), SPORE_OK);
		for (uint32_t i = 0; i < MANY; i++)
			assert_int_equal(spore_chan_read(p.b, &data[i], &len[i], PATIENCE), SPORE_OK);
		for (uint32_t i = 0; i < MANY; i++) {
			assert_int_equal(len[i], i * 37);
			assert_true(is_filled(data[i], len[i], i));
			spore_chan_release(p.b);
		}
	}
	close_pair(&p);
}

enum { SKIPPED = 140 };
static const size_t skipped[] = {0, 5, 70, 240, 1000, 20000, 300000};

struct skipping {
	struct spore_chan *c;
	unsigned rounds;
	enum spore_err err;
};

static void *send_to_be_skipped(void *arg)
{
	static unsigned char bytes[300000];
	struct skipping *s = arg;
	memset(bytes, 'x', sizeof bytes);
	for (unsigned i = 0; i < s->rounds && s->err == SPORE_OK; i++) {
		s->err = spore_chan_queue(s->c, bytes, skipped[i % 7], PATIENCE);
		if (s->err == SPORE_OK)
			s->err = spore_chan_send(s->c, "next", 4, PATIENCE);
	}
	if (s->err == SPORE_OK)
		s->err = spore_chan_finish(s->c, PATIENCE);
	return NULL;
}

// What is thrown away is gone, and nothing else: the sender has its room again, so there may be more of it than the channel holds.
static void test_skip(void **state)
{
	const struct variant *v = *state;
	struct spore_chan_stats stats;
	struct pair p;
	pthread_t thread;
	char back[8];
	const void *data;
	size_t len;
	open_pair(v, &p);
	assert_int_equal(spore_chan_skip(p.b, SPORE_NOW), SPORE_EAGAIN);
	assert_int_equal(spore_chan_skip(p.b, 1), SPORE_ETIMEOUT);
	struct skipping s = {.c = p.a, .rounds = v->rough ? 21 : SKIPPED};
	assert_int_equal(pthread_create(&thread, NULL, send_to_be_skipped, &s), 0);
	for (unsigned i = 0; i < s.rounds; i++) {
		if (i % 2 == 0 && skipped[i % 7] > sizeof back) {
			assert_int_equal(spore_chan_recv(p.b, back, sizeof back, &len, PATIENCE), SPORE_ETOOBIG);
			assert_int_equal(len, skipped[i % 7]);
		}
		assert_int_equal(spore_chan_skip(p.b, PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_read(p.b, &data, &len, PATIENCE), SPORE_OK);
		assert_int_equal(len, 4);
		assert_memory_equal(data, "next", 4);
		assert_int_equal(spore_chan_skip(p.b, SPORE_NOW), SPORE_EBUSY);
		spore_chan_release(p.b);
	}
	assert_int_equal(spore_chan_skip(p.b, PATIENCE), SPORE_EEND);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(s.err, SPORE_OK);
	spore_chan_stats(p.b, &stats);
	assert_int_equal(stats.received, 2 * s.rounds);
	close_pair(&p);
}

// ---- nothing is left

static void test_leaks(void **state)
{
	unsigned before = count_fds();
	static unsigned char bytes[400 * 1024];
	for (int i = 0; i < 10; i++) {
		struct pair p;
		void *loan;
		const void *data;
		size_t len;
		open_pair(*state, &p);
		assert_int_equal(spore_chan_send(p.a, bytes, i * 1000, PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_queue(p.b, bytes, i * 10, PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_loan(p.a, sizeof bytes, &loan, PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_read(p.b, &data, &len, PATIENCE), SPORE_OK);
		close_pair(&p);
	}
	assert_int_equal(count_fds(), before);
}

int main(void)
{
	static const struct CMUnitTest cases[] = {
	    cmocka_unit_test(test_finish), cmocka_unit_test(test_close), cmocka_unit_test(test_close_wakes),
	    cmocka_unit_test(test_limits), cmocka_unit_test(test_lent),  cmocka_unit_test(test_skip),
	    cmocka_unit_test(test_leaks),
	};
	return transport_rig_run("transports_ends", cases, sizeof cases / sizeof cases[0]);
}
