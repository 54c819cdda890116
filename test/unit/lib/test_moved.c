// A port whose peer goes on over another channel: what is on its way over the one before comes first, and nothing is lost.
#include <pthread.h>
#include <string.h>

#include "port_rig.h"

static const char *const transports[] = {"ring", "stream"};
enum { TRANSPORTS = sizeof transports / sizeof transports[0], BRIEF = 20 };

// The same peer, over another channel; OTHER end of it.
static void move(struct port_rig *t, struct spore_chan *peer, const char *transport)
{
	struct spore__channel_end ends[2];
	struct spore__transport *a, *b;
	assert_int_equal(spore__channel_make(transport, t->sizes, ends), SPORE_OK);
	assert_int_equal(spore__channel_end_open(&ends[0], &a), SPORE_OK);
	assert_int_equal(spore__channel_end_open(&ends[1], &b), SPORE_OK);
	spore__chan_swap(t->p, t->serial, true);
	spore__chan_swap(peer, t->serial, true);
	spore__chan_install_moved(t->p, a, "peer", ++t->serial, false);
	spore__chan_install_moved(peer, b, "port", t->serial, false);
}

static struct spore_chan *begin(struct port_rig *t, const char *transport)
{
	struct spore__channel_end ends[2];
	struct spore__transport *a, *b;
	struct spore_chan *peer;
	port_rig_renew(t, false);
	assert_int_equal(spore__channel_make(transport, t->sizes, ends), SPORE_OK);
	assert_int_equal(spore__channel_end_open(&ends[0], &a), SPORE_OK);
	assert_int_equal(spore__channel_end_open(&ends[1], &b), SPORE_OK);
	assert_int_equal(spore__chan_create_port(&peer), SPORE_OK);
	spore__chan_install(t->p, a, "peer", ++t->serial, false);
	spore__chan_install(peer, b, "port", t->serial, false);
	return peer;
}

static enum spore_err send_number(struct spore_chan *c, int number, int timeout_ms)
{
	enum spore_err e;
	do
		e = spore_chan_send(c, &number, sizeof number, timeout_ms);
	while (e == SPORE_ERETURNED);
	return e;
}

static void receive_number(struct spore_chan *c, int expected)
{
	int number = -1;
	size_t len;
	enum spore_err e;
	do
		e = spore_chan_recv(c, &number, sizeof number, &len, PORT_PATIENCE);
	while (e == SPORE_ERETURNED);
	assert_int_equal(e, SPORE_OK);
	assert_int_equal(number, expected);
}

static void test_in_order(void **state)
{
	struct port_rig *t = *state;
	for (int i = 0; i < TRANSPORTS * TRANSPORTS; i++) {
		struct spore_chan *peer = begin(t, transports[i % TRANSPORTS]);
		int sent = 0, received = 0;
		for (int moves = 0; moves < 10; moves++) {
			for (int k = 0; k < moves % 4; k++)
				assert_int_equal(send_number(t->p, sent++, PORT_PATIENCE), SPORE_OK);
			move(t, peer, transports[i / TRANSPORTS]);
			if (moves % 5 == 4) {
				while (received < sent)
					receive_number(peer, received++);
			}
		}
		assert_int_equal(send_number(t->p, sent++, PORT_PATIENCE), SPORE_OK);
		while (received < sent)
			receive_number(peer, received++);
		assert_int_equal(send_number(peer, 7, PORT_PATIENCE), SPORE_OK);
		receive_number(t->p, 7);
		spore_chan_close(peer);
	}
}

// There is no room for its end.
static void test_a_full_one(void **state)
{
	struct port_rig *t = *state;
	t->sizes = &port_small;
	struct spore_chan *peer = begin(t, "ring");
	int sent = 0, received = 0;
	while (send_number(t->p, sent, SPORE_NOW) == SPORE_OK)
		sent++;
	move(t, peer, "ring");
	move(t, peer, "ring");
	assert_int_equal(send_number(t->p, sent, BRIEF), SPORE_ETIMEOUT);
	while (received < sent)
		receive_number(peer, received++);
	assert_int_equal(send_number(t->p, sent++, PORT_PATIENCE), SPORE_OK);
	receive_number(peer, received++);
	assert_int_equal(received, sent);
	spore_chan_close(peer);
}

// It is finished for the same peer, however that is reached: who receives hears of it once, behind everything.
static void test_what_is_finished(void **state)
{
	struct port_rig *t = *state;
	size_t len;
	int number;
	enum spore_err e;
	for (int i = 0; i < TRANSPORTS; i++) {
		struct spore_chan *peer = begin(t, transports[i]);
		assert_int_equal(send_number(t->p, 0, PORT_PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_finish(t->p, PORT_PATIENCE), SPORE_OK);
		move(t, peer, transports[i]);
		move(t, peer, transports[i]);
		spore__sending_nudge(t->p); // who has finished makes no calls any more
		receive_number(peer, 0);
		do
			e = spore_chan_recv(peer, &number, sizeof number, &len, PORT_PATIENCE);
		while (e == SPORE_ERETURNED);
		assert_int_equal(e, SPORE_EEND);
		assert_int_equal(send_number(peer, 1, PORT_PATIENCE), SPORE_OK);
		receive_number(t->p, 1);
		spore_chan_close(peer);
	}
}

// A loan was of the channel before.
static void test_a_loan(void **state)
{
	struct port_rig *t = *state;
	struct spore_chan *peer = begin(t, "ring");
	void *loan;
	assert_int_equal(send_number(t->p, 0, PORT_PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_loan(t->p, sizeof(int), &loan, PORT_PATIENCE), SPORE_OK);
	*(int *)loan = 1;
	move(t, peer, "ring");
	assert_int_equal(spore_chan_commit(t->p, sizeof(int), PORT_PATIENCE), SPORE_OK);
	assert_int_equal(send_number(t->p, 2, PORT_PATIENCE), SPORE_OK);
	for (int i = 0; i < 3; i++)
		receive_number(peer, i);
	spore_chan_close(peer);
}

// Its peer is gone in the middle of it.
static void test_a_peer_that_dies(void **state)
{
	struct port_rig *t = *state;
	for (int i = 0; i < TRANSPORTS; i++) {
		struct spore_chan *peer = begin(t, transports[i]);
		size_t len;
		int number;
		enum spore_err e;
		move(t, peer, transports[i]);
		spore_chan_close(peer);
		do
			e = spore_chan_recv(t->p, &number, sizeof number, &len, PORT_PATIENCE);
		while (e == SPORE_ERETURNED);
		assert_int_equal(e, SPORE_ECLOSED);
	}
}

struct flow {
	struct spore_chan *c;
	int count;
};

static void *send_all(void *arg)
{
	const struct flow *f = arg;
	for (int i = 0; i < f->count; i++)
		assert_int_equal(send_number(f->c, i, PORT_PATIENCE), SPORE_OK);
	return NULL;
}

static void *receive_all(void *arg)
{
	const struct flow *f = arg;
	for (int i = 0; i < f->count; i++)
		receive_number(f->c, i);
	return NULL;
}

// Both ways, as fast as it goes, while it is moved all the time.
static void test_under_load(void **state)
{
	enum { COUNT = 20000 };
	struct port_rig *t = *state;
	struct spore_chan *peer = begin(t, "ring");
	struct flow flows[] = {{t->p, COUNT}, {peer, COUNT}};
	pthread_t threads[4];
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&threads[2 * i], NULL, send_all, &flows[i]), 0);
		assert_int_equal(pthread_create(&threads[2 * i + 1], NULL, receive_all, &flows[1 - i]), 0);
	}
	for (int i = 0; i < 20; i++) {
		struct spore_chan_stats before, now;
		move(t, peer, "ring");
		spore_chan_stats(peer, &before);
		do
			spore_chan_stats(peer, &now);
		while (now.received < before.received + 10 && now.received < COUNT);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	spore_chan_close(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    port_test(test_in_order), port_test(test_a_full_one),       port_test(test_what_is_finished),
	    port_test(test_a_loan),   port_test(test_a_peer_that_dies), port_test(test_under_load),
	};
	if (!port_rig_has_rings())
		return 0;
	return cmocka_run_group_tests_name("moved", tests, NULL, NULL);
}
