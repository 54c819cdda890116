// The conformance suite of transports: what is sent arrives, in every way of sending, receiving and polling, and wakes who waits for it.
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chan/transport.h"
#include "transport_rig.h"

static const size_t sizes[] = {0,    1,    7,     8,     55,     56,     57,     64,      119,
                               120,  121,  184,   247,   248,    249,    1000,   1016,    1017,
                               4096, 4097, 65535, 65536, 131072, 262144, 262145, 1 << 20, LARGEST};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

// ---- two threads, all sizes, all ways of sending and receiving

struct traffic {
	struct spore_chan *c;
	uint32_t seed;
	unsigned count;
	size_t most;
	char problem[120];
};

static size_t some_size(uint32_t *seed, size_t most)
{
	uint32_t n = next(seed);
	size_t size = n % 8 < 5 ? (n >> 8) % 300 : n % 8 < 7 ? (n >> 8) % 20000 : (n >> 8) % (most + 1);
	return size < most ? size : most;
}

static enum spore_err send_somehow(struct spore_chan *c, unsigned char *from, size_t len, uint32_t way)
{
	void *loan;
	enum spore_err e;
	switch (way % 4) {
	case 0:
		return spore_chan_send(c, from, len, PATIENCE);
	case 1:
		return spore_chan_queue(c, from, len, SPORE_FOREVER);
	case 2:
		return spore_chan_send(c, from, len, SPORE_FOREVER);
	default:
		e = spore_chan_loan(c, len + way % 100, &loan, PATIENCE);
		if (e != SPORE_OK)
			return e;
		memcpy(loan, from, len);
		return spore_chan_commit(c, len, PATIENCE);
	}
}

static void *send_all(void *arg)
{
	struct traffic *t = arg;
	unsigned char *bytes = malloc(t->most + 1);
	for (uint32_t i = 0; i < t->count; i++) {
		size_t len = some_size(&t->seed, t->most);
		fill(bytes, len, i);
		enum spore_err e = send_somehow(t->c, bytes, len, next(&t->seed));
		if (e != SPORE_OK) {
			snprintf(t->problem, sizeof t->problem, "sending %u: %s", i, spore_err_text(e));
			break;
		}
	}
	enum spore_err e = spore_chan_finish(t->c, PATIENCE);
	if (e != SPORE_OK && t->problem[0] == '\0')
		snprintf(t->problem, sizeof t->problem, "finish: %s", spore_err_text(e));
	free(bytes);
	return NULL;
}

static void *receive_all(void *arg)
{
	struct traffic *t = arg;
	unsigned char *bytes = malloc(t->most + 1);
	uint32_t ways = 1;
	unsigned lent = 0;
	for (uint32_t i = 0; i <= t->count; i++) {
		size_t expected = i < t->count ? some_size(&t->seed, t->most) : 0, len = 0;
		const void *data = bytes;
		enum spore_err e;
		(void)next(&t->seed);
		if (next(&ways) % 2 == 0 && lent == 0) {
			e = spore_chan_recv(t->c, bytes, t->most, &len,
			                    next(&ways) % 2 == 0 ? SPORE_FOREVER : PATIENCE);
		} else {
			e = spore_chan_read(t->c, &data, &len, PATIENCE);
			lent += e == SPORE_OK;
		}
		if (i == t->count && e == SPORE_EEND)
			break;
		if (e != SPORE_OK || len != expected || !is_filled(data, len, i)) {
			snprintf(t->problem, sizeof t->problem, "receiving %u: %s, %zu bytes of %zu", i,
			         spore_err_text(e), len, expected);
			break;
		}
		while (lent > 0 && next(&ways) % 3 != 0) {
			spore_chan_release(t->c);
			lent--;
		}
		// Messages that are lent take the sender's room.
		for (; lent > 3; lent--)
			spore_chan_release(t->c);
	}
	while (lent-- > 0)
		spore_chan_release(t->c);
	free(bytes);
	return NULL;
}

// Both directions at once, four threads.
static void run_traffic(const struct variant *v, uint32_t seed, unsigned count, size_t most)
{
	struct pair p;
	pthread_t threads[4];
	open_pair(v, &p);
	struct traffic t[4] = {{.c = p.a, .seed = seed},
	                       {.c = p.b, .seed = seed},
	                       {.c = p.b, .seed = seed + 82},
	                       {.c = p.a, .seed = seed + 82}};
	for (int i = 0; i < 4; i++) {
		t[i].count = count;
		t[i].most = most;
		assert_int_equal(pthread_create(&threads[i], NULL, i % 2 == 0 ? send_all : receive_all, &t[i]), 0);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	struct spore_chan_stats stats;
	spore_chan_stats(p.a, &stats);
	close_pair(&p);
	for (int i = 0; i < 4; i++)
		assert_string_equal(t[i].problem, "");
	assert_int_equal(stats.sent, count);
	assert_int_equal(stats.received, count);
	assert_int_equal(stats.lost, 0);
	assert_string_equal(stats.transport, v->transport);
}

// SPORE_TEST_SEEDS is how many are tried; then nothing else is. They begin with SPORE_TEST_SEED.
static void test_traffic(void **state)
{
	const struct variant *v = *state;
	const char *wanted = getenv("SPORE_TEST_SEEDS"), *begin = getenv("SPORE_TEST_SEED");
	uint32_t seeds = wanted != NULL ? (uint32_t)atoi(wanted) : 1,
	         first = begin != NULL ? (uint32_t)atoi(begin) : 17;
	for (uint32_t i = 0; i < seeds; i++) {
		uint32_t seed = first + i * 1000;
		if (wanted != NULL)
			print_message("# SPORE_TEST_SEED=%u\n", (unsigned)seed);
		run_traffic(v, seed, v->rough ? 500 : 10000, 4000);
		run_traffic(v, seed, v->rough ? 60 : 1000, 300 * 1024);
		run_traffic(v, seed, v->rough ? 5 : 60, LARGEST);
	}
}

// ---- one message of each size there and back

static void *echo(void *arg)
{
	struct spore_chan *c = arg;
	const void *data;
	size_t len;
	while (spore_chan_read(c, &data, &len, SPORE_FOREVER) == SPORE_OK) {
		if (spore_chan_send(c, data, len, PATIENCE) != SPORE_OK)
			break;
		spore_chan_release(c);
	}
	return NULL;
}

static void test_sizes(void **state)
{
	struct pair p;
	pthread_t thread;
	unsigned char *bytes = malloc(LARGEST), *back = malloc(LARGEST);
	open_pair(*state, &p);
	assert_int_equal(pthread_create(&thread, NULL, echo, p.b), 0);
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < SIZES; i++) {
			size_t len;
			fill(bytes, sizes[i], i);
			assert_int_equal(spore_chan_send(p.a, bytes, sizes[i], PATIENCE), SPORE_OK);
			assert_int_equal(spore_chan_recv(p.a, back, LARGEST, &len, PATIENCE), SPORE_OK);
			assert_int_equal(len, sizes[i]);
			assert_true(is_filled(back, len, i));
		}
	}
	assert_int_equal(spore_chan_finish(p.a, PATIENCE), SPORE_OK);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close_pair(&p);
	free(bytes);
	free(back);
}

// ---- one thread, nothing waits

static void test_now(void **state)
{
	const struct variant *v = *state;
	struct pair p;
	char bytes[200], back[200];
	size_t len;
	unsigned sent = 0;
	open_pair(v, &p);
	assert_int_equal(spore_chan_recv(p.a, back, sizeof back, &len, SPORE_NOW), SPORE_EAGAIN);
	assert_int_equal(spore_chan_recv(p.a, back, sizeof back, &len, 1), SPORE_ETIMEOUT);
	enum spore_err e;
	for (;; sent++) {
		memset(bytes, (int)(sent % 128) + 128, sizeof bytes);
		e = spore_chan_send(p.a, bytes, sizeof bytes, SPORE_NOW);
		if (e != SPORE_OK)
			break;
		assert_true(sent < 10 * 1000 * 1000);
	}
	assert_int_equal(e, SPORE_EAGAIN);
	assert_true(sent > 0);
	e = spore_chan_send(p.a, bytes, sizeof bytes, 1);
	if (v->rough && e == SPORE_OK) // some of it was on its way
		sent++;
	else
		assert_int_equal(e, SPORE_ETIMEOUT);
	for (unsigned i = 0; i < sent; i++) {
		assert_int_equal(spore_chan_recv(p.b, back, sizeof back, &len, PATIENCE), SPORE_OK);
		assert_int_equal(len, sizeof back);
		assert_int_equal((unsigned char)back[0], i % 128 + 128);
		// the rest of the last one may wait for room
		assert_int_equal(spore_chan_flush(p.a, SPORE_NOW) & ~SPORE_EAGAIN, 0);
	}
	assert_int_equal(spore_chan_recv(p.b, back, sizeof back, &len, SPORE_NOW), SPORE_EAGAIN);
	assert_int_equal(spore_chan_send(p.a, bytes, sizeof bytes, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_recv(p.b, back, sizeof back, &len, PATIENCE), SPORE_OK);
	close_pair(&p);
}

// Both ends in one thread, which sleeps in poll alone.
static void test_poll(void **state)
{
	enum { ROUNDS = 60 };
	const struct variant *v = *state;
	struct pair p;
	unsigned char *bytes = malloc(LARGEST);
	unsigned sent[2] = {0}, received[2] = {0};
	uint32_t seeds[2] = {5, 6}, expected[2] = {5, 6};
	size_t now[2];
	unsigned rounds = v->rough ? 20 : ROUNDS;
	open_pair(v, &p);
	struct spore_chan *c[2] = {p.a, p.b};
	for (int i = 0; i < 2; i++)
		now[i] = some_size(&seeds[i], 1 << 20);
	while (received[0] < rounds || received[1] < rounds) {
		bool moved = false;
		for (int i = 0; i < 2; i++) {
			const void *data;
			size_t len;
			enum spore_err e = SPORE_EAGAIN;
			if (sent[i] < rounds) {
				fill(bytes, now[i], sent[i]);
				e = spore_chan_send(c[i], bytes, now[i], SPORE_NOW);
				assert_true(e == SPORE_OK || e == SPORE_EAGAIN);
			}
			if (e == SPORE_OK) {
				sent[i]++;
				now[i] = some_size(&seeds[i], 1 << 20);
				moved = true;
			}
			e = spore_chan_read(c[i], &data, &len, SPORE_NOW);
			if (e == SPORE_OK) {
				assert_int_equal(len, some_size(&expected[1 - i], 1 << 20));
				assert_true(is_filled(data, len, received[i]));
				received[i]++;
				spore_chan_release(c[i]);
				moved = true;
			} else {
				assert_int_equal(e, SPORE_EAGAIN);
			}
		}
		struct pollfd polled[2];
		for (int i = 0; i < 2; i++)
			polled[i] = (struct pollfd){.fd = spore_chan_fd(c[i]), .events = spore_chan_events(c[i])};
		if (!moved && (received[0] < rounds || received[1] < rounds))
			assert_true(poll(polled, 2, PATIENCE) > 0);
	}
	close_pair(&p);
	free(bytes);
}

struct poller {
	struct spore_chan *c;
	unsigned messages;
	uint32_t seed;
	char problem[80];
};

// Sends and receives so many, each as soon as it can, sleeps in poll, and now and then in a call.
static void *poll_for_both(void *arg)
{
	struct poller *pl = arg;
	unsigned char bytes[2000], back[2000];
	unsigned sent = 0, received = 0;
	while (pl->problem[0] == '\0' && (sent < pl->messages || received < pl->messages)) {
		size_t len = next(&pl->seed) % sizeof bytes;
		enum spore_err e = SPORE_EAGAIN;
		memset(bytes, (int)(sent % 128) + 128, len);
		if (sent < pl->messages && (e = spore_chan_send(pl->c, bytes, len, SPORE_NOW)) == SPORE_OK)
			sent++;
		else if (e != SPORE_EAGAIN)
			snprintf(pl->problem, sizeof pl->problem, "sending: %d", (int)e);
		enum spore_err r = SPORE_EAGAIN;
		if (received < pl->messages)
			r = spore_chan_recv(pl->c, back, sizeof back, &len, next(&pl->seed) % 512 == 0);
		if (r == SPORE_OK && len > 0 && back[len / 2] != received % 128 + 128)
			snprintf(pl->problem, sizeof pl->problem, "message %u is another", received);
		if (r == SPORE_OK)
			received++;
		else if (r != SPORE_EAGAIN && r != SPORE_ETIMEOUT)
			snprintf(pl->problem, sizeof pl->problem, "receiving: %d", (int)r);
		struct pollfd p = {.fd = spore_chan_fd(pl->c), .events = spore_chan_events(pl->c)};
		if (e == SPORE_EAGAIN && r == SPORE_EAGAIN && poll(&p, 1, PATIENCE) != 1)
			snprintf(pl->problem, sizeof pl->problem, "slept at %u sent, %u received", sent, received);
	}
	if (spore_chan_flush(pl->c, PATIENCE) != SPORE_OK && pl->problem[0] == '\0')
		snprintf(pl->problem, sizeof pl->problem, "flushing");
	return NULL;
}

static void test_poll_for_both(void **state)
{
	const struct variant *v = *state;
	struct pair p;
	pthread_t thread;
	open_pair(v, &p);
	unsigned messages = v->rough ? 200 : 20000;
	struct poller a = {.c = p.a, .messages = messages, .seed = 8}, b = {.c = p.b, .messages = messages, .seed = 9};
	assert_int_equal(pthread_create(&thread, NULL, poll_for_both, &b), 0);
	poll_for_both(&a);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close_pair(&p);
	assert_string_equal(a.problem, "");
	assert_string_equal(b.problem, "");
}

// ---- waking

struct player {
	struct spore_chan *c;
	unsigned rounds;
	bool first;
	enum spore_err err;
	atomic_bool done;
};

static void *play(void *arg)
{
	struct player *pl = arg;
	uint32_t seed = pl->first ? 3 : 4;
	for (unsigned i = 0; i < pl->rounds && pl->err == SPORE_OK; i++) {
		uint32_t got = 0;
		size_t len;
		if (!pl->first || i > 0)
			pl->err = spore_chan_recv(pl->c, &got, sizeof got, &len,
			                          next(&seed) % 2 == 0 ? SPORE_FOREVER : PATIENCE);
		// Now and then so late that the peer is in any phase of falling asleep.
		for (unsigned busy = next(&seed) % 8 == 0 ? next(&seed) % 3000 : 0; busy > 0; busy--)
			atomic_signal_fence(memory_order_seq_cst);
		if (pl->err == SPORE_OK)
			pl->err = spore_chan_send(pl->c, &(uint32_t){i | 0x80808080U}, sizeof i, PATIENCE);
	}
	return NULL;
}

static void test_wake(void **state)
{
	const struct variant *v = *state;
	struct pair p;
	pthread_t thread;
	open_pair(v, &p);
	unsigned rounds = v->rough ? 300 : 20000;
	struct player a = {.c = p.a, .rounds = rounds, .first = true}, b = {.c = p.b, .rounds = rounds};
	assert_int_equal(pthread_create(&thread, NULL, play, &b), 0);
	play(&a);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close_pair(&p);
	assert_int_equal(a.err, SPORE_OK);
	assert_int_equal(b.err, SPORE_OK);
}

static void *receive_one(void *arg)
{
	struct player *pl = arg;
	char back[8];
	size_t len;
	pl->err = spore_chan_recv(pl->c, back, sizeof back, &len, PATIENCE);
	atomic_store(&pl->done, true);
	return NULL;
}

// Both threads of an end sleep, on one doorbell.
static void test_both_sleep(void **state)
{
	const struct variant *v = *state;
	for (int i = 0; i < (v->rough ? 3 : 100); i++) {
		struct pair p;
		pthread_t threads[2];
		char back[16];
		size_t len;
		unsigned count = 0;
		open_pair(v, &p);
		while (spore_chan_send(p.a, "fill it up", 10, SPORE_NOW) == SPORE_OK)
			count++;
		struct player receiver = {.c = p.a};
		assert_int_equal(pthread_create(&threads[0], NULL, receive_one, &receiver), 0);
		struct traffic sender = {.c = p.a, .seed = 1, .count = 1, .most = 8};
		assert_int_equal(pthread_create(&threads[1], NULL, send_all, &sender), 0);
		struct spore_chan_stats stats;
		do {
			(void)sched_yield();
			spore_chan_stats(p.a, &stats);
		} while (stats.slept < 2 && i % 2 == 0 && !v->rough);
		if (i % 4 < 2)
			assert_int_equal(spore_chan_send(p.b, "wake", 4, PATIENCE), SPORE_OK);
		for (unsigned n = 0; n <= count; n++)
			assert_int_equal(spore_chan_recv(p.b, back, sizeof back, &len, PATIENCE), SPORE_OK);
		if (i % 4 >= 2)
			assert_int_equal(spore_chan_send(p.b, "wake", 4, PATIENCE), SPORE_OK);
		assert_int_equal(pthread_join(threads[0], NULL), 0);
		assert_int_equal(pthread_join(threads[1], NULL), 0);
		assert_int_equal(receiver.err, SPORE_OK);
		assert_string_equal(sender.problem, "");
		close_pair(&p);
	}
}

static void on_signal(int sig)
{
	(void)sig;
}

static void test_signal(void **state)
{
	struct pair p;
	pthread_t thread;
	struct sigaction action = {.sa_handler = on_signal}, before;
	assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
	for (int i = 0; i < 4; i++) {
		open_pair(*state, &p);
		struct player receiver = {.c = p.b};
		struct spore_chan_stats stats;
		assert_int_equal(pthread_create(&thread, NULL, receive_one, &receiver), 0);
		do { // it may come before the system call
			(void)sched_yield();
			spore_chan_stats(p.b, &stats);
		} while (stats.slept == 0);
		const struct timespec little = {.tv_nsec = 2000000};
		do
			(void)pthread_kill(thread, SIGUSR1);
		while (nanosleep(&little, NULL) == 0 && !atomic_load(&receiver.done));
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_int_equal(receiver.err, SPORE_ECANCELLED);
		close_pair(&p);
	}
	assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
}

int main(void)
{
	static const struct CMUnitTest cases[] = {
	    cmocka_unit_test(test_sizes),      cmocka_unit_test(test_traffic),       cmocka_unit_test(test_now),
	    cmocka_unit_test(test_poll),       cmocka_unit_test(test_poll_for_both), cmocka_unit_test(test_wake),
	    cmocka_unit_test(test_both_sleep), cmocka_unit_test(test_signal),
	};
	if (getenv("SPORE_TEST_SEEDS") != NULL)
		cmocka_set_test_filter("test_traffic*");
	return transport_rig_run("transports", cases, sizeof cases / sizeof cases[0]);
}
