// A port whose peer is swapped for another: what the one before had not released comes to the next, once and in order; nothing is said of its end.
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "port_rig.h"

static void test_what_was_not_received_goes_to_the_next(void **state)
{
	struct port_rig *t = *state;
	size_t len;
	for (uint64_t received = 0; received <= 24; received++) {
		struct spore_chan *old = port_rig_wire(t, false);
		if (received > 0) {
			assert_int_equal(spore_chan_send(t->p, "", 0, SPORE_NOW), SPORE_ECLOSED);
			assert_int_equal(spore_chan_send(t->p, "", 0, SPORE_NOW), SPORE_ERETURNED);
		}
		for (uint64_t i = 0; i < 24; i++)
			assert_int_equal(port_give(t->p, i, PORT_LARGEST, PORT_PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_flush(t->p, PORT_PATIENCE), SPORE_OK);
		for (uint64_t i = 0; i < received; i++)
			port_take(old, i, PORT_LARGEST);
		assert_int_equal(spore_chan_send(old, "answer", 6, PORT_PATIENCE), SPORE_OK);
		spore__chan_swap(t->p, t->serial, true);
		spore_chan_close(old);
		char answer[8];
		struct spore_chan *new = received % 2 == 0 ? port_rig_wire(t, false) : NULL;
		assert_int_equal(spore_chan_recv(t->p, answer, sizeof answer, &len, PORT_PATIENCE),
		                 received > 0 ? SPORE_ECLOSED : SPORE_OK);
		if (received > 0)
			assert_int_equal(spore_chan_recv(t->p, answer, sizeof answer, &len, PORT_PATIENCE),
			                 SPORE_ERETURNED);
		if (received > 0)
			assert_int_equal(spore_chan_recv(t->p, answer, sizeof answer, &len, PORT_PATIENCE), SPORE_OK);
		assert_int_equal(len, 6);
		if (new == NULL) { // it is noticed before there is another
			assert_int_equal(spore_chan_recv(t->p, answer, sizeof answer, &len, 10), SPORE_ENOTWIRED);
			assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_ENOTWIRED);
			new = port_rig_wire(t, false);
		}
		assert_int_equal(spore_chan_recv(t->p, answer, sizeof answer, &len, PORT_PATIENCE), SPORE_ERETURNED);
		assert_int_equal(spore_chan_send(t->p, "x", 1, PORT_PATIENCE), SPORE_ERETURNED);
		assert_int_equal(port_give(t->p, 24, PORT_LARGEST, PORT_PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_flush(t->p, PORT_PATIENCE), SPORE_OK);
		for (uint64_t i = received; i <= 24; i++)
			port_take(new, i, PORT_LARGEST);
		assert_int_equal(spore_chan_recv(new, answer, sizeof answer, &len, SPORE_NOW), SPORE_EAGAIN);
		struct spore_chan_stats stats;
		spore_chan_stats(t->p, &stats);
		assert_int_equal(stats.lost, received > 0 ? 1 : 0);
		spore_chan_close(new);
		assert_int_equal(spore_chan_recv(t->p, answer, sizeof answer, &len, PORT_PATIENCE), SPORE_ECLOSED);
		enum spore_err e = spore_chan_send(t->p, "x", 1, PORT_PATIENCE);
		while (e == SPORE_OK)
			e = spore_chan_send(t->p, "x", 1, PORT_PATIENCE);
		assert_int_equal(e, SPORE_ECLOSED);
		port_rig_renew(t, false);
		struct spore_chan *first = port_rig_wire(t, false); // so that what comes next returns
		assert_int_equal(spore_chan_send(t->p, "x", 1, PORT_PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_recv(t->p, answer, sizeof answer, &len, SPORE_NOW), SPORE_EAGAIN);
		spore_chan_close(first);
	}
}

static void test_without_a_word_where_messages_stand_for_themselves(void **state)
{
	struct port_rig *t = *state;
	char text[8];
	size_t len;
	struct spore_chan *old = port_rig_wire(t, false);
	assert_int_equal(spore_chan_send(t->p, "one", 3, PORT_PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_finish(old, PORT_PATIENCE), SPORE_OK); // nor of this
	for (int i = 0; i < 50; i++) {
		spore__chan_swap(t->p, t->serial, true);
		spore_chan_close(old);
		old = port_rig_wire(t, false);
		assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW), SPORE_EAGAIN);
	}
	assert_int_equal(spore_chan_send(t->p, "two", 3, PORT_PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_recv(old, text, sizeof text, &len, PORT_PATIENCE), SPORE_OK);
	assert_memory_equal(text, "one", 3);
	assert_int_equal(spore_chan_recv(old, text, sizeof text, &len, PORT_PATIENCE), SPORE_OK);
	assert_memory_equal(text, "two", 3);
	assert_int_equal(spore_chan_recv(old, text, sizeof text, &len, SPORE_NOW), SPORE_EAGAIN);
	spore_chan_close(old);
}

static void test_who_waits_for_the_answer_sends_the_question_again(void **state)
{
	struct port_rig *t = *state;
	char text[8];
	size_t len;
	struct spore_chan *old = port_rig_wire(t, false);
	assert_int_equal(spore_chan_send(t->p, "ask", 3, PORT_PATIENCE), SPORE_OK);
	spore__chan_swap(t->p, t->serial, true);
	spore_chan_close(old);
	struct spore_chan *new = port_rig_wire(t, false);
	assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW), SPORE_ERETURNED);
	assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW), SPORE_EAGAIN);
	assert_int_equal(spore_chan_recv(new, text, sizeof text, &len, SPORE_NOW), SPORE_OK);
	assert_int_equal(len, 3);
	assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_ERETURNED); // not forgotten
	assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_OK);
	spore_chan_close(new);
}

// Another thread, or the end of a call, tries to send to it what was left, in vain: the next call says so.
static void test_the_next_is_gone_at_once(void **state)
{
	struct port_rig *t = *state;
	struct spore_chan *old = port_rig_wire(t, false);
	assert_int_equal(spore_chan_send(t->p, "ask", 3, PORT_PATIENCE), SPORE_OK);
	spore__chan_swap(t->p, t->serial, true);
	spore_chan_close(old);
	spore_chan_close(port_rig_wire(t, false));
	struct spore__transport *next = t->p->port->latest->t;
	(void)next->ops->arm(next, SPORE__RECEIVE);
	assert_true(next->ops->gone(next));
	spore__sending_catch_up(t->p);
	enum spore_err e = spore_chan_send(t->p, "x", 1, SPORE_NOW);
	if (e == SPORE_ERETURNED)
		e = spore_chan_send(t->p, "x", 1, SPORE_NOW);
	assert_int_equal(e, SPORE_ECLOSED);
	assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_ENOTWIRED); // once
}

static void test_more_than_the_next_has_room_for(void **state)
{
	struct port_rig *t = *state;
	uint64_t sent = 0, received = 0;
	char text[8];
	size_t len;
	struct spore_chan *old = port_rig_wire(t, false);
	while (port_give(t->p, sent, 300, SPORE_NOW) == SPORE_OK)
		sent++;
	spore_chan_flush(t->p, PORT_PATIENCE);
	assert_true(sent > 2 * PORT_SMALL);
	t->sizes = &port_small;
	for (int i = 0; i < 3; i++) { // nor has the one after it; what is behind stays in order
		spore__chan_swap(t->p, t->serial, true);
		port_take(old, received++, 300);
		spore_chan_close(old);
		old = port_rig_wire(t, false);
		assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW), SPORE_EAGAIN);
		assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_EAGAIN);
	}
	while (received < sent) {
		port_take(old, received++, 300);
		assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW), SPORE_EAGAIN);
	}
	assert_int_equal(port_give(t->p, sent, 300, PORT_PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_finish(t->p, PORT_PATIENCE), SPORE_OK);
	port_take(old, sent, 300);
	spore__chan_swap(t->p, t->serial, true); // the end of what is sent goes along
	spore_chan_close(old);
	old = port_rig_wire(t, false);
	assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW), SPORE_EAGAIN);
	assert_int_equal(spore_chan_recv(old, text, sizeof text, &len, PORT_PATIENCE), SPORE_EEND);
	spore_chan_close(old);
}

static void test_redelivered_after_a_death(void **state)
{
	struct port_rig *t = *state;
	char text[8];
	const void *data;
	size_t len;
	struct spore_chan_stats stats;
	struct spore_chan *old = port_rig_wire(t, true);
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(port_give(t->p, i, PORT_LARGEST, PORT_PATIENCE), SPORE_OK);
	port_take(old, 0, PORT_LARGEST);
	assert_int_equal(spore_chan_read(old, &data, &len, PORT_PATIENCE), SPORE_OK); // not released
	spore_chan_close(old);
	assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, PORT_PATIENCE), SPORE_ECLOSED);
	assert_int_equal(spore_chan_send(t->p, "x", 1, PORT_PATIENCE), SPORE_ECLOSED);
	struct spore_chan *new = port_rig_wire(t, false);
	assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, PORT_PATIENCE), SPORE_ERETURNED);
	assert_int_equal(spore_chan_send(t->p, "x", 1, PORT_PATIENCE), SPORE_ERETURNED);
	assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW), SPORE_EAGAIN);
	for (uint64_t i = 1; i < 5; i++)
		port_take(new, i, PORT_LARGEST);
	spore_chan_stats(t->p, &stats);
	assert_int_equal(stats.redelivered, 4);
	assert_int_equal(stats.lost, 0);
	// The next wire has no such wish.
	assert_int_equal(spore_chan_send(t->p, "lost", 4, PORT_PATIENCE), SPORE_OK);
	spore_chan_close(new);
	assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, PORT_PATIENCE), SPORE_ECLOSED);
	assert_int_equal(spore_chan_send(t->p, "x", 1, PORT_PATIENCE), SPORE_ECLOSED);
	spore_chan_stats(t->p, &stats);
	assert_int_equal(stats.lost, 1);
}

// What another thread, or the same one in a call that receives, has gone on with is said nevertheless, and once.
static void test_unwired_meanwhile(void **state)
{
	struct port_rig *t = *state;
	char text[8];
	size_t len;
	for (int early = 0; early < 2; early++) {
		struct spore_chan *old = port_rig_wire(t, true);
		if (early > 0)
			assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_ERETURNED);
		assert_int_equal(spore_chan_send(t->p, "again", 5, PORT_PATIENCE), SPORE_OK);
		spore__chan_unwire(t->p, t->serial);
		spore_chan_close(old);
		while (spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW) != SPORE_ENOTWIRED)
			;
		if (early == 0) {
			assert_int_equal(spore_chan_send(t->p, "x", 1, PORT_PATIENCE), SPORE_ECLOSED);
			assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_ENOTWIRED);
		}
		old = port_rig_wire(t, false);
		while (spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW) != SPORE_EAGAIN)
			;
		if (early > 0)
			assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_ECLOSED);
		assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_ERETURNED);
		assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_OK);
		assert_int_equal(spore_chan_recv(old, text, sizeof text, &len, SPORE_NOW), SPORE_OK);
		assert_memory_equal(text, "again", 5);
		spore__chan_unwire(t->p, t->serial);
		assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_ECLOSED);
		assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_ENOTWIRED);
		spore_chan_close(old);
		while (spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW) != SPORE_ENOTWIRED)
			;
	}
	// Of one that is swapped nothing is said before there is another.
	struct spore_chan *old = port_rig_wire(t, false);
	assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_ERETURNED);
	assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW), SPORE_ERETURNED);
	spore__chan_swap(t->p, t->serial, true);
	spore__chan_unwire(t->p, t->serial);
	spore_chan_close(old);
	assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_ENOTWIRED);
	assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW), SPORE_ENOTWIRED);
}

static void test_nobody_comes_after_it(void **state)
{
	struct port_rig *t = *state;
	char text[8];
	size_t len;
	for (int twice = 0; twice < 2; twice++) {
		struct spore_chan *old = port_rig_wire(t, twice == 0);
		(void)spore_chan_send(t->p, "x", 1, SPORE_NOW);
		(void)spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW);
		// That it is off while the peer is there changes nothing.
		spore__chan_swap(t->p, t->serial, true);
		spore__chan_swap(t->p, t->serial, false);
		assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW), SPORE_EAGAIN);
		spore__chan_swap(t->p, t->serial, true);
		spore_chan_close(old);
		while (spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW) != SPORE_ENOTWIRED)
			;
		while (spore_chan_send(t->p, "x", 1, SPORE_NOW) != SPORE_ENOTWIRED)
			;
		spore__chan_swap(t->p, t->serial, false);
		assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW), SPORE_ECLOSED);
		assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW), SPORE_ENOTWIRED);
		assert_int_equal(spore_chan_send(t->p, "x", 1, PORT_PATIENCE), SPORE_ECLOSED);
		assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_ENOTWIRED);
	}
}

static void test_quiet(void **state)
{
	struct port_rig *t = *state;
	char text[8];
	const void *data;
	size_t len;
	struct spore_chan *peer = port_rig_wire(t, false);
	assert_int_equal(spore_chan_send(peer, "one", 3, PORT_PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_send(peer, "two", 3, PORT_PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_read(t->p, &data, &len, PORT_PATIENCE), SPORE_OK);
	spore__chan_quiet(t->p);
	spore_chan_release(t->p);
	assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_FOREVER), SPORE_EEND);
	assert_int_equal(spore_chan_send(t->p, "answer", 6, PORT_PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_recv(peer, text, sizeof text, &len, PORT_PATIENCE), SPORE_OK);
	port_rig_close(t);
	spore_chan_close(peer);
}

static void test_closing_hands_over_what_is_kept(void **state)
{
	enum { KEPT = 9 };
	struct port_rig *t = *state;
	char text[8];
	size_t len;
	struct spore_chan *old = port_rig_wire(t, false);
	for (uint64_t i = 0; i < KEPT; i++)
		assert_int_equal(port_give(t->p, i, PORT_LARGEST, PORT_PATIENCE), SPORE_OK);
	port_take(old, 0, PORT_LARGEST);
	spore__chan_swap(t->p, t->serial, true);
	spore_chan_close(old);
	struct spore_chan *new = port_rig_wire(t, false);
	port_rig_close(t);
	for (uint64_t i = 1; i < KEPT; i++)
		port_take(new, i, PORT_LARGEST);
	assert_int_equal(spore_chan_recv(new, text, sizeof text, &len, PORT_PATIENCE), SPORE_ECLOSED);
	spore_chan_close(new);
}

static void *take_slowly(void *arg)
{
	const struct timespec brief = {.tv_nsec = 20000000};
	for (uint64_t i = 0; i < 5; i++) {
		(void)nanosleep(&brief, NULL);
		port_take(arg, i, PORT_LARGEST);
	}
	return NULL;
}

static void test_who_is_swapped_waits_until_all_is_received(void **state)
{
	struct port_rig *t = *state;
	pthread_t thread;
	size_t len;
	struct spore_chan *peer = port_rig_wire(t, false);
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(port_give(t->p, i, PORT_LARGEST, PORT_PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_flush(t->p, PORT_PATIENCE), SPORE_OK);
	assert_int_equal(pthread_create(&thread, NULL, take_slowly, peer), 0);
	spore__sending_hand_over(t->p, true);
	struct spore_chan_stats stats;
	struct spore__transport *used = t->p->ways[SPORE__SEND].use->t;
	assert_int_equal(used->ops->lost(used), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	spore_chan_stats(t->p, &stats);
	assert_int_equal(stats.lost, 0);
	// A peer that is gone is not waited for.
	assert_int_equal(port_give(t->p, 2, PORT_SMALL, PORT_PATIENCE), SPORE_OK);
	spore_chan_close(peer);
	spore__sending_hand_over(t->p, true);
	assert_int_equal(spore_chan_recv(t->p, &len, sizeof len, &len, SPORE_NOW), SPORE_ECLOSED);
}

// ---- the peer's end of the old channel is open still

// Wired to another while five messages are in the one before.
static struct spore_chan *wire_early(struct port_rig *t, int closing_ms, struct spore_chan **old)
{
	port_rig_renew(t, true);
	t->p->port->closing_ms = closing_ms;
	*old = port_rig_wire(t, false);
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(port_give(t->p, i, 300, PORT_PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_flush(t->p, PORT_PATIENCE), SPORE_OK);
	spore__chan_swap(t->p, t->serial, true);
	return port_rig_wire(t, false);
}

// Polls, as one that waits for messages does, until there is nothing any more that is worth a look.
static void poll_once(struct spore_chan *c, int timeout_ms)
{
	char text[8];
	size_t len;
	struct pollfd p = {.fd = spore_chan_fd(c), .events = spore_chan_events(c)};
	assert_int_equal(poll(&p, 1, timeout_ms), 1);
	do
		assert_int_equal(spore_chan_recv(c, text, sizeof text, &len, SPORE_NOW), SPORE_EAGAIN);
	while (poll(&p, 1, 0) != 0);
}

static void test_who_polls_hears_of_its_end(void **state)
{
	struct port_rig *t = *state;
	struct spore_chan *old, *new;
	char text[8];
	size_t len;
	new = wire_early(t, PORT_PATIENCE, &old);
	assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_EAGAIN);
	assert_int_equal(spore_chan_send(t->p, "x", 1, 1), SPORE_ETIMEOUT);
	assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW), SPORE_EAGAIN);
	assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, 1), SPORE_ETIMEOUT);
	assert_int_equal(spore_chan_recv(new, text, sizeof text, &len, SPORE_NOW), SPORE_EAGAIN);
	port_take(old, 0, 300);
	spore_chan_close(old);
	poll_once(t->p, PORT_PATIENCE);
	for (uint64_t i = 1; i < 5; i++)
		port_take(new, i, 300);
	assert_int_equal(port_give(t->p, 5, 300, SPORE_NOW), SPORE_OK);
	spore_chan_close(new);
}

static void *close_it(void *c)
{
	spore_chan_close(c);
	return NULL;
}

static void test_who_waits_hears_of_it(void **state)
{
	struct port_rig *t = *state;
	struct spore_chan *old, *new;
	new = wire_early(t, 100000, &old);
	pthread_t closer;
	assert_int_equal(pthread_create(&closer, NULL, close_it, old), 0);
	assert_int_equal(spore_chan_send(t->p, "x", 1, PORT_PATIENCE), SPORE_OK);
	(void)pthread_join(closer, NULL);
	for (uint64_t i = 0; i < 5; i++)
		port_take(new, i, 300);
	spore_chan_close(new);
}

// Somebody has it, and keeps it: what is in there is given up.
static void test_not_for_ever(void **state)
{
	struct port_rig *t = *state;
	struct spore_chan *old, *new;
	struct spore_chan_stats stats;
	char text[8];
	size_t len;
	for (int polls = 0; polls < 2; polls++) {
		new = wire_early(t, 200, &old);
		if (polls) {
			assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW), SPORE_EAGAIN);
			poll_once(t->p, PORT_PATIENCE);
		}
		assert_int_equal(spore_chan_send(t->p, "x", 1, polls ? SPORE_NOW : PORT_PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_recv(new, text, sizeof text, &len, PORT_PATIENCE), SPORE_OK);
		assert_int_equal(len, 1);
		spore_chan_stats(t->p, &stats);
		assert_int_equal(stats.lost, 5);
		spore_chan_close(old);
		spore_chan_close(new);
	}
	// It is closed, or unwired, meanwhile.
	new = wire_early(t, PORT_PATIENCE, &old);
	assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_EAGAIN);
	spore__chan_unwire(t->p, t->serial);
	spore_chan_close(old);
	spore_chan_close(new);
	(void)spore_chan_send(t->p, "x", 1, SPORE_NOW);
	assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_ENOTWIRED);
	while (spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW) != SPORE_ENOTWIRED)
		;
	struct pollfd p = {.fd = spore_chan_fd(t->p), .events = POLLIN};
	assert_int_equal(poll(&p, 1, 0), 0);
	new = wire_early(t, 200, &old); // closing waits for it
	assert_int_equal(spore_chan_send(t->p, "x", 1, SPORE_NOW), SPORE_EAGAIN);
	port_rig_close(t);
	spore_chan_close(old);
	spore_chan_close(new);
}

// ---- under load

enum { ROUNDS = 200, MESSAGES = 200000 };

struct load {
	struct port_rig *t;
	_Atomic uint64_t answers;
};

static void *send_all(void *arg)
{
	struct load *l = arg;
	for (uint64_t i = 0; i < MESSAGES; i++) {
		enum spore_err e = i % 5 == 0 ? spore_chan_queue(l->t->p, &i, sizeof i, PORT_PATIENCE)
		                              : spore_chan_send(l->t->p, &i, sizeof i, PORT_PATIENCE);
		assert_int_equal(e, SPORE_OK);
	}
	assert_int_equal(spore_chan_flush(l->t->p, PORT_PATIENCE), SPORE_OK);
	return NULL;
}

static void *take_answers(void *arg)
{
	struct load *l = arg;
	for (uint64_t i = 0; i < MESSAGES; i++) {
		uint64_t number;
		size_t len;
		enum spore_err e = spore_chan_recv(l->t->p, &number, sizeof number, &len, PORT_PATIENCE);
		assert_int_equal(e, SPORE_OK);
		assert_int_equal(number, i);
		atomic_store(&l->answers, i + 1);
	}
	return NULL;
}

static void test_under_load(void **state)
{
	struct load l = {.t = *state};
	pthread_t sender, taker;
	uint64_t next = 0;
	l.t->sizes = &port_small;
	struct spore_chan *peer = port_rig_wire(l.t, false);
	assert_int_equal(pthread_create(&sender, NULL, send_all, &l), 0);
	assert_int_equal(pthread_create(&taker, NULL, take_answers, &l), 0);
	for (unsigned round = 0; next < MESSAGES; round++) {
		uint64_t until = next + 1 + (uint64_t)round * 2654435761U % (2 * MESSAGES / ROUNDS);
		for (; next < until && next < MESSAGES; next++) {
			uint64_t number;
			size_t len;
			assert_int_equal(spore_chan_recv(peer, &number, sizeof number, &len, PORT_PATIENCE), SPORE_OK);
			assert_int_equal(number, next);
			assert_int_equal(spore_chan_send(peer, &number, sizeof number, PORT_PATIENCE), SPORE_OK);
		}
		if (next == MESSAGES)
			break;
		spore__chan_swap(l.t->p, l.t->serial, true);
		spore_chan_close(peer);
		peer = port_rig_wire(l.t, false);
	}
	(void)pthread_join(sender, NULL);
	(void)pthread_join(taker, NULL);
	assert_int_equal(atomic_load(&l.answers), MESSAGES);
	spore_chan_close(peer);
}

// A peer that sends nothing more, but receives: the port is polled for room.
static void test_room_of_a_peer_that_has_finished(void **state)
{
	struct port_rig *t = *state;
	char text[8];
	size_t len;
	unsigned count = 0;
	t->sizes = &port_small;
	struct spore_chan *peer = port_rig_wire(t, false);
	assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW), SPORE_EAGAIN);
	while (spore_chan_send(t->p, "there", 5, SPORE_NOW) == SPORE_OK)
		count++;
	assert_int_equal(spore_chan_finish(peer, PORT_PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW), SPORE_EEND);
	assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW), SPORE_ENOTWIRED);
	struct pollfd polled = {.fd = spore_chan_fd(t->p), .events = POLLIN};
	assert_int_equal(poll(&polled, 1, 0), 0);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(spore_chan_recv(peer, text, sizeof text, &len, PORT_PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_recv(peer, text, sizeof text, &len, SPORE_NOW), SPORE_EAGAIN);
	assert_int_equal(poll(&polled, 1, PORT_PATIENCE), 1);
	assert_int_equal(spore_chan_send(t->p, "there", 5, SPORE_NOW), SPORE_OK);
	spore_chan_close(peer);
	// Of one that is gone nothing is waited for.
	enum spore_err e = SPORE_OK;
	while (e == SPORE_OK)
		e = spore_chan_send(t->p, "there", 5, SPORE_NOW);
	assert_int_equal(e, SPORE_ECLOSED);
	assert_int_equal(spore_chan_send(t->p, "there", 5, SPORE_NOW), SPORE_ENOTWIRED);
	assert_int_equal(spore_chan_recv(t->p, text, sizeof text, &len, SPORE_NOW), SPORE_ENOTWIRED);
	assert_int_equal(poll(&polled, 1, 0), 0);
}

struct beside {
	struct port_rig *t;
	_Atomic uint64_t sent, taken;
	atomic_bool done;
};

static void *flush_and_lend(void *arg)
{
	enum { TIMES = 30, AHEAD = 100 }; // so that there is always room
	struct beside *b = arg;
	uint64_t i = 0;
	while (!atomic_load(&b->done)) {
		if (i < atomic_load(&b->taken) + AHEAD) {
			assert_int_equal(spore_chan_send(b->t->p, &i, sizeof i, PORT_PATIENCE), SPORE_OK);
			atomic_store(&b->sent, ++i);
		}
		for (int k = 0; k < TIMES; k++) {
			void *loan;
			enum spore_err e = spore_chan_flush(b->t->p, PORT_PATIENCE);
			assert_true(e == SPORE_OK || e == SPORE_ECLOSED); // of the old one
			if (spore_chan_loan(b->t->p, 8, &loan, SPORE_NOW) == SPORE_OK) {
				memset(loan, 0, 8);
				spore_chan_abandon(b->t->p);
			}
		}
	}
	return NULL;
}

static void *wait_for_nothing(void *arg)
{
	struct beside *b = arg;
	char text[8];
	size_t len;
	while (!atomic_load(&b->done)) {
		enum spore_err e = spore_chan_recv(b->t->p, text, sizeof text, &len, 1);
		assert_true(e == SPORE_ETIMEOUT || e == SPORE_ENOTWIRED);
	}
	return NULL;
}

// Calls that mostly send nothing, while another thread takes along what the peer before has not received.
static void test_flushing_and_lending_beside(void **state)
{
	enum { SWAPS = 100, EACH = 5 };
	struct beside b = {.t = *state};
	pthread_t sender, taker;
	uint64_t next = 0, number;
	size_t len;
	struct spore_chan *peer = port_rig_wire(b.t, false);
	assert_int_equal(pthread_create(&sender, NULL, flush_and_lend, &b), 0);
	assert_int_equal(pthread_create(&taker, NULL, wait_for_nothing, &b), 0);
	for (int i = 0; i < SWAPS; i++) {
		while (atomic_load(&b.sent) < next + EACH)
			(void)sched_yield();
		spore__chan_swap(b.t->p, b.t->serial, true);
		spore_chan_close(peer);
		peer = port_rig_wire(b.t, false);
		for (uint64_t until = atomic_load(&b.sent); next < until; next++) {
			assert_int_equal(spore_chan_recv(peer, &number, sizeof number, &len, PORT_PATIENCE), SPORE_OK);
			assert_int_equal(number, next);
		}
		atomic_store(&b.taken, next);
	}
	atomic_store(&b.done, true);
	(void)pthread_join(sender, NULL);
	(void)pthread_join(taker, NULL);
	for (; next < atomic_load(&b.sent); next++) {
		assert_int_equal(spore_chan_recv(peer, &number, sizeof number, &len, PORT_PATIENCE), SPORE_OK);
		assert_int_equal(number, next);
	}
	spore_chan_close(peer);
}

int main(void)
{
	if (!port_rig_has_rings())
		return 0;
	const struct CMUnitTest tests[] = {
	    port_test(test_what_was_not_received_goes_to_the_next),
	    port_test_stateless(test_without_a_word_where_messages_stand_for_themselves),
	    port_test(test_who_waits_for_the_answer_sends_the_question_again),
	    port_test_stateless(test_more_than_the_next_has_room_for),
	    port_test(test_the_next_is_gone_at_once),
	    port_test(test_redelivered_after_a_death),
	    port_test(test_unwired_meanwhile),
	    port_test(test_nobody_comes_after_it),
	    port_test(test_quiet),
	    port_test(test_closing_hands_over_what_is_kept),
	    port_test(test_who_is_swapped_waits_until_all_is_received),
	    port_test_stateless(test_who_polls_hears_of_its_end),
	    port_test_stateless(test_who_waits_hears_of_it),
	    port_test_stateless(test_not_for_ever),
	    port_test_stateless(test_under_load),
	    port_test(test_room_of_a_peer_that_has_finished),
	    port_test_stateless(test_flushing_and_lending_beside),
	};
	return cmocka_run_group_tests_name("swap", tests, NULL, NULL);
}
