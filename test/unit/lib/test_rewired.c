// A port whose peer is followed by another one: each has a channel of its own.
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "descriptors.h"
#include "port_rig.h"

static void receive(struct spore_chan *c, const char *expected)
{
	char text[16];
	size_t len;
	assert_int_equal(spore_chan_recv(c, text, sizeof text, &len, PORT_PATIENCE), SPORE_OK);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(text, expected, len);
}

static enum spore_err look(struct spore_chan *c, int timeout_ms)
{
	char text[16];
	size_t len;
	return spore_chan_recv(c, text, sizeof text, &len, timeout_ms);
}

static enum spore_err send_one(struct spore_chan *c, int timeout_ms)
{
	return spore_chan_send(c, "one", 3, timeout_ms);
}

static const char *const transports[] = {"ring", "stream"};

// The call that sends says how the peer before ended, and then that another one has come.
static void expect_another(struct spore_chan *c)
{
	assert_int_equal(send_one(c, PORT_PATIENCE), SPORE_ECLOSED);
	assert_int_equal(send_one(c, PORT_PATIENCE), SPORE_ERETURNED);
}

// ---- what was finished was so for the peer of that time

static void test_finished_for_the_peer_that_was_there(void **state)
{
	struct port_rig *t = *state;
	for (unsigned i = 0; i < 8; i++) {
		port_rig_renew(t, false);
		t->transport = transports[i % 2];
		struct spore_chan *first = port_rig_wire(t, false);
		assert_int_equal(send_one(t->p, PORT_PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_finish(t->p, PORT_PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_finish(t->p, PORT_PATIENCE), SPORE_OK);
		assert_int_equal(send_one(t->p, PORT_PATIENCE), SPORE_ECLOSED);
		receive(first, "one");
		assert_int_equal(look(first, PORT_PATIENCE), SPORE_EEND);
		assert_int_equal(spore_chan_send(first, "answer", 6, PORT_PATIENCE), SPORE_OK);
		receive(t->p, "answer");
		if (i / 2 % 2 == 0)
			spore__chan_unwire(t->p, t->serial);
		spore_chan_close(first);
		struct spore_chan *second = port_rig_wire(t, false);
		void *loan;
		switch (i / 4) {
		case 0:
			expect_another(t->p);
			assert_int_equal(send_one(t->p, PORT_PATIENCE), SPORE_OK);
			break;
		default:
			assert_int_equal(spore_chan_loan(t->p, 3, &loan, PORT_PATIENCE), SPORE_ECLOSED);
			assert_int_equal(spore_chan_loan(t->p, 3, &loan, PORT_PATIENCE), SPORE_ERETURNED);
			assert_int_equal(spore_chan_loan(t->p, 3, &loan, PORT_PATIENCE), SPORE_OK);
			memcpy(loan, "one", 3);
			assert_int_equal(spore_chan_commit(t->p, 3, PORT_PATIENCE), SPORE_OK);
		}
		receive(second, "one");
		assert_int_equal(spore_chan_finish(t->p, PORT_PATIENCE), SPORE_OK);
		assert_int_equal(look(second, PORT_PATIENCE), SPORE_EEND);
		spore_chan_close(second);
	}
}

// Between the two the port is wired to nothing, for sending as for receiving.
static void test_finished_and_gone(void **state)
{
	struct port_rig *t = *state;
	for (int unwired = 0; unwired < 2; unwired++) {
		port_rig_renew(t, false);
		struct spore_chan *first = port_rig_wire(t, false);
		assert_int_equal(spore_chan_finish(t->p, PORT_PATIENCE), SPORE_OK);
		if (unwired)
			spore__chan_unwire(t->p, t->serial);
		spore_chan_close(first);
		assert_int_equal(look(t->p, PORT_PATIENCE), SPORE_ECLOSED);
		assert_int_equal(send_one(t->p, PORT_PATIENCE), SPORE_ECLOSED);
		assert_int_equal(send_one(t->p, SPORE_NOW), SPORE_ENOTWIRED);
		assert_int_equal(send_one(t->p, 1), SPORE_ENOTWIRED);
		struct spore_chan *second = port_rig_wire(t, false);
		assert_int_equal(send_one(t->p, PORT_PATIENCE), SPORE_ERETURNED);
		assert_int_equal(send_one(t->p, PORT_PATIENCE), SPORE_OK);
		receive(second, "one");
		spore_chan_close(second);
	}
}

// A peer that is swapped is the same one for this: its successor is told of the end as well.
static void test_finished_for_a_peer_that_is_swapped(void **state)
{
	struct port_rig *t = *state;
	struct spore_chan *first = port_rig_wire(t, false);
	assert_int_equal(send_one(t->p, PORT_PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_finish(t->p, PORT_PATIENCE), SPORE_OK);
	spore__chan_swap(t->p, t->serial, true);
	spore_chan_close(first);
	struct spore_chan *second = port_rig_wire(t, false);
	assert_int_equal(send_one(t->p, PORT_PATIENCE), SPORE_ECLOSED);
	receive(second, "one");
	assert_int_equal(look(second, PORT_PATIENCE), SPORE_EEND);
	spore_chan_close(second);
	struct spore_chan *third = port_rig_wire(t, false);
	expect_another(t->p);
	assert_int_equal(send_one(t->p, PORT_PATIENCE), SPORE_OK);
	receive(third, "one");
	spore_chan_close(third);
}

// What a peer that died had received altogether is over; what it had not is finished for the next.
static void test_finished_and_delivered_again(void **state)
{
	struct port_rig *t = *state;
	for (int received = 0; received < 2; received++) {
		port_rig_renew(t, false);
		struct spore_chan *first = port_rig_wire(t, true);
		assert_int_equal(send_one(t->p, PORT_PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_finish(t->p, PORT_PATIENCE), SPORE_OK);
		if (received)
			receive(first, "one");
		spore_chan_close(first);
		struct spore_chan *second = port_rig_wire(t, true);
		expect_another(t->p);
		assert_int_equal(send_one(t->p, PORT_PATIENCE), received ? SPORE_OK : SPORE_ECLOSED);
		receive(second, "one");
		assert_int_equal(look(second, received ? SPORE_NOW : PORT_PATIENCE),
		                 received ? SPORE_EAGAIN : SPORE_EEND);
		spore_chan_close(second);
	}
}

// ---- in the middle of a message

static void *receive_briefly(void *arg)
{
	enum { BRIEF = 200 };
	struct port_rig *t = arg;
	char text[16];
	size_t len;
	assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, BRIEF), SPORE_ECLOSED);
	return NULL;
}

// Whoever waits for the rest of it sleeps, and goes on with the next peer when that does not come in time.
static void test_another_peer_while_half_a_message_is_here(void **state)
{
	enum { AWAKE = 8 };
	struct port_rig *t = *state;
	struct spore__channel_end ends[2];
	struct spore__transport *first;
	pthread_t thread;
	assert_int_equal(spore__channel_make("stream", NULL, ends), SPORE_OK);
	assert_int_equal(spore__channel_end_open(&ends[0], &first), SPORE_OK);
	spore__chan_install(t->p, first, "peer", ++t->serial, false);
	struct spore__installed *kept = spore__installed_ref(t->p->port->latest); // for what is counted there
	assert_int_equal(write(ends[1].fds[0], "\6\0\0\0hal", 7), 7);
	assert_int_equal(pthread_create(&thread, NULL, receive_briefly, t), 0);
	while (atomic_load(&first->slept) == 0)
		(void)sched_yield();
	struct spore_chan *second = port_rig_wire(t, false);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(atomic_load(&first->slept) < AWAKE);
	assert_int_equal(look(t->p, SPORE_NOW), SPORE_ERETURNED);
	assert_int_equal(spore_chan_send(second, "one", 3, PORT_PATIENCE), SPORE_OK);
	receive(t->p, "one");
	spore__installed_unref(kept);
	spore__channel_end_close(&ends[1]);
	spore_chan_close(second);
}

static void wire_to_each_other(struct port_rig *t, struct port_rig *u)
{
	struct spore__channel_end ends[2];
	struct port_rig *const rigs[2] = {t, u};
	assert_int_equal(spore__channel_make("ring", NULL, ends), SPORE_OK);
	for (int i = 0; i < 2; i++) {
		struct spore__transport *transport;
		assert_int_equal(spore__channel_end_open(&ends[i], &transport), SPORE_OK);
		spore__chan_install(rigs[i]->p, transport, "peer", ++rigs[i]->serial, true);
	}
}

// Who lives takes what came before, and so it is not sent again; whether the wire is away for a while or another channel takes its place.
static void test_both_live(void **state)
{
	struct port_rig *t = *state, *u;
	struct spore_chan_stats stats;
	char text[8];
	size_t len;
	void *other;
	assert_int_equal(port_rig_setup(&other), 0);
	u = other;
	wire_to_each_other(t, u);
	for (uint64_t round = 0; round < 4; round++) {
		for (uint64_t i = 0; i < 5; i++)
			assert_int_equal(port_give(t->p, 10 * round + i, PORT_LARGEST, PORT_PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_flush(t->p, PORT_PATIENCE), SPORE_OK);
		port_take(u->p, 10 * round, PORT_LARGEST);
		if (round % 2 == 0) {
			spore__chan_unwire(t->p, t->serial);
			spore__chan_unwire(u->p, u->serial);
			assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_ECLOSED);
		}
		wire_to_each_other(t, u);
		if (round % 2 != 0)
			assert_int_equal(spore_chan_send(t->p, "x", 1, PORT_PATIENCE), SPORE_ECLOSED);
		assert_int_equal(spore_chan_send(t->p, "x", 1, PORT_PATIENCE), SPORE_ERETURNED);
		assert_int_equal(spore_chan_send(t->p, "new", 3, PORT_PATIENCE), SPORE_OK);
		for (uint64_t i = 1; i < 5; i++)
			port_take(u->p, 10 * round + i, PORT_LARGEST);
		assert_int_equal(spore_chan_recv(u->p, text, sizeof text, &len, PORT_PATIENCE), SPORE_ECLOSED);
		assert_int_equal(spore_chan_recv(u->p, text, sizeof text, &len, PORT_PATIENCE), SPORE_ERETURNED);
		receive(u->p, "new");
	}
	spore_chan_stats(t->p, &stats);
	assert_int_equal(stats.redelivered, 0);
	assert_int_equal(stats.lost, 0);
	(void)port_rig_teardown(&other);
}

struct calling_off {
	struct spore_chan *c;
	uint64_t serial;
	unsigned pause;
	atomic_bool ready, begins;
};

static void *call_off(void *arg)
{
	struct calling_off *o = arg;
	atomic_store(&o->ready, true);
	while (!atomic_load(&o->begins)) // at once, so it does not yield
		;
	for (unsigned i = 0; i < o->pause; i++)
		(void)atomic_load(&o->begins);
	spore__chan_swap(o->c, o->serial, false);
	return NULL;
}

// The end of a peer that was to be swapped is found while that is called off: it is told, whichever comes first.
static void test_swap_is_off_at_its_end(void **state)
{
	enum { ROUNDS = 1500, PAUSES = 50, PAUSE = 100 };
	struct port_rig *t = *state;
	t->sizes = &port_small;
	for (unsigned i = 0; i < ROUNDS; i++) {
		pthread_t thread;
		struct spore_chan *peer = port_rig_wire(t, false);
		struct calling_off o = {.c = t->p, .serial = t->serial, .pause = i % PAUSES * PAUSE};
		assert_int_equal(pthread_create(&thread, NULL, call_off, &o), 0);
		assert_int_equal(look(t->p, SPORE_NOW), i == 0 ? SPORE_EAGAIN : SPORE_ERETURNED);
		assert_int_equal(send_one(t->p, SPORE_NOW), i == 0 ? SPORE_OK : SPORE_ERETURNED);
		spore__chan_swap(t->p, t->serial, true);
		spore_chan_close(peer);
		while (!atomic_load(&o.ready))
			(void)sched_yield();
		atomic_store(&o.begins, true);
		enum spore_err e = SPORE_EAGAIN;
		while (e == SPORE_EAGAIN) // that it is gone is not known at once
			e = look(t->p, SPORE_NOW);
		assert_int_equal(pthread_join(thread, NULL), 0);
		if (e != SPORE_ECLOSED)
			e = look(t->p, PORT_PATIENCE);
		assert_int_equal(e, SPORE_ECLOSED);
		assert_int_equal(send_one(t->p, PORT_PATIENCE), SPORE_ECLOSED);
	}
}

// It finished while it was to be swapped, which was taken for a part of that, and lives on.
static void test_finished_and_not_swapped(void **state)
{
	struct port_rig *t = *state;
	struct spore_chan *peer = port_rig_wire(t, false);
	assert_int_equal(look(t->p, SPORE_NOW), SPORE_EAGAIN);
	spore__chan_swap(t->p, t->serial, true);
	assert_int_equal(spore_chan_finish(peer, PORT_PATIENCE), SPORE_OK);
	assert_int_equal(look(t->p, 1), SPORE_ENOTWIRED);
	assert_int_equal(send_one(t->p, SPORE_NOW), SPORE_OK);
	spore__chan_swap(t->p, t->serial, false);
	assert_int_equal(look(t->p, PORT_PATIENCE), SPORE_EEND);
	assert_int_equal(look(t->p, SPORE_NOW), SPORE_ENOTWIRED);
	assert_int_equal(send_one(t->p, SPORE_NOW), SPORE_OK);
	receive(peer, "one");
	receive(peer, "one");
	spore_chan_close(peer);
	peer = port_rig_wire(t, false);
	assert_int_equal(look(t->p, PORT_PATIENCE), SPORE_ERETURNED);
	assert_int_equal(spore_chan_send(peer, "new", 3, PORT_PATIENCE), SPORE_OK);
	receive(t->p, "new");
	assert_int_equal(send_one(t->p, PORT_PATIENCE), SPORE_ECLOSED);
	assert_int_equal(send_one(t->p, PORT_PATIENCE), SPORE_ERETURNED);
	spore_chan_close(peer);
}

// As spore/chan.h says: a program with many ports is to know how many it may have.
static void test_descriptors(void **state)
{
	enum { PORTS = 100, OF_PORT = 3, OF_RING = 3 };
	struct spore_chan *ports[PORTS];
	unsigned before = count_fds();
	(void)state;
	for (int i = 0; i < PORTS; i++) {
		struct spore__channel_end ends[2];
		struct spore__transport *t;
		assert_int_equal(spore__chan_create_port(&ports[i]), SPORE_OK);
		assert_int_equal(spore__channel_make("ring", NULL, ends), SPORE_OK);
		spore__channel_end_close(&ends[1]);
		assert_int_equal(spore__channel_end_open(&ends[0], &t), SPORE_OK);
		spore__chan_install(ports[i], t, "peer", 1, false);
	}
	assert_int_equal(count_fds() - before, PORTS * (OF_PORT + OF_RING));
	for (int i = 0; i < PORTS; i++)
		spore_chan_close(ports[i]);
	assert_int_equal(count_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    port_test(test_finished_for_the_peer_that_was_there),
	    port_test(test_finished_and_gone),
	    port_test_stateless(test_finished_for_a_peer_that_is_swapped),
	    port_test(test_finished_and_delivered_again),
	    port_test(test_another_peer_while_half_a_message_is_here),
	    port_test(test_both_live),
	    port_test(test_swap_is_off_at_its_end),
	    port_test(test_descriptors),
	    port_test(test_finished_and_not_swapped),
	};
	if (!port_rig_has_rings())
		return 0;
	return cmocka_run_group_tests_name("rewired", tests, NULL, NULL);
}
