// A program that ends without closing its ports, with the test as its hold: what it queued, what it keeps for a peer that was swapped, and what
// its peer has yet to receive when it is swapped itself.
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hold_rig.h"
#include "spore/spore.h"

// ---- the parts that a child plays: each returns from main

static struct spore_chan *open_and_receive(void)
{
	struct spore_chan *c;
	char word[8];
	size_t len;
	if (spore_chan_open("in", NULL, &c) != SPORE_OK ||
	    spore_chan_recv(c, word, sizeof word, &len, PATIENCE) != SPORE_OK)
		exit(10);
	return c;
}

static int play_queue(void)
{
	struct spore_chan *c = open_and_receive();
	for (const char *word = "abc"; *word != '\0'; word++)
		if (spore_chan_queue(c, word, 1, PATIENCE) != SPORE_OK)
			return 11;
	return 0;
}

// Is told by its standard input, and so makes no call that would do it in passing.
static int play_keep(void)
{
	struct spore_chan *c = open_and_receive();
	char byte;
	for (const char *word = "abc"; *word != '\0'; word++) {
		enum spore_err e = spore_chan_send(c, word, 1, PATIENCE);
		if (e == SPORE_ERETURNED) // the next one is there by now
			e = spore_chan_send(c, word, 1, PATIENCE);
		if (e != SPORE_OK)
			return 11;
	}
	return read(STDIN_FILENO, &byte, 1) == 1 ? 0 : 12;
}

static int play_stop(void)
{
	struct spore_chan *c = open_and_receive();
	for (const char *word = "abc"; *word != '\0'; word++)
		if (spore_chan_queue(c, word, 1, PATIENCE) != SPORE_OK)
			return 11;
	struct pollfd p = {.fd = spore_stop_fd(), .events = POLLIN};
	while (!spore_stop_requested()) // it is readable for other reasons, too
		if (poll(&p, 1, PATIENCE) != 1)
			return 12;
	return 0;
}

static void *wait_for_messages(void *c)
{
	char word[8];
	size_t len;
	while (spore_chan_recv(c, word, sizeof word, &len, SPORE_FOREVER) != SPORE_EEND)
		;
	return NULL;
}

// Another thread is in a call meanwhile.
static int play_beside(void)
{
	struct spore_chan *c = open_and_receive();
	pthread_t thread;
	if (spore_chan_queue(c, "a", 1, PATIENCE) != SPORE_OK ||
	    pthread_create(&thread, NULL, wait_for_messages, c) != 0)
		return 11;
	return 0;
}

static int play_lend(void)
{
	struct spore_chan *c = open_and_receive();
	void *at;
	if (spore_chan_queue(c, "a", 1, PATIENCE) != SPORE_OK || spore_chan_loan(c, 100, &at, PATIENCE) != SPORE_OK)
		return 11;
	memset(at, 'x', 100);
	return 0;
}

static const struct {
	const char *name;
	int (*play)(void);
} parts[] = {
    {"queue", play_queue}, {"keep", play_keep}, {"stop", play_stop}, {"beside", play_beside}, {"lend", play_lend},
};

// ---- the tests

static struct spore_chan *begin_with(struct child *c, const char *part)
{
	begin(c, part);
	hear(c, SPORE__CONTROL_OPEN, "connect");
	struct spore_chan *mine = wire(c);
	tell(mine, "go");
	return mine;
}

static void expect_closed(struct spore_chan *c)
{
	char word[8];
	size_t len;
	assert_int_equal(spore_chan_recv(c, word, sizeof word, &len, PATIENCE), SPORE_ECLOSED);
	spore_chan_close(c);
}

static void test_what_was_queued_is_published(void **state)
{
	struct child c;
	struct spore_chan *mine = begin_with(&c, "queue");
	(void)state;
	expect(mine, "a");
	expect(mine, "b");
	expect(mine, "c");
	expect_closed(mine);
	end(&c, 0);
}

static void put_swap(struct spore__msgpack_writer *w, const char *port, uint64_t serial)
{
	spore__control_put_swap(w, port, serial, true);
}

static void test_what_is_kept_goes_to_the_next(void **state)
{
	struct child c;
	struct spore_chan *old = begin_with(&c, "keep");
	(void)state;
	expect(old, "a");
	say(&c, put_swap);
	spore_chan_close(old);
	struct spore_chan *mine = wire(&c);
	assert_int_equal(write(c.in, "", 1), 1);
	expect(mine, "b");
	expect(mine, "c");
	expect_closed(mine);
	end(&c, 0);
}

static void put_stop_swap(struct spore__msgpack_writer *w, const char *port, uint64_t serial)
{
	(void)port;
	(void)serial;
	spore__control_put_stop_swap(w, 10000);
}

// Its peer may be the next that is swapped.
static void test_who_is_swapped_waits_until_all_is_received(void **state)
{
	struct child c;
	struct spore_chan *mine = begin_with(&c, "stop");
	struct pollfd its_end = {.fd = c.err, .events = POLLIN};
	(void)state;
	hear(&c, SPORE__CONTROL_LISTENS, NULL);
	say(&c, put_stop_swap);
	expect(mine, "a"); // which was only queued
	assert_int_equal(poll(&its_end, 1, 200), 0);
	expect(mine, "b");
	expect(mine, "c");
	expect_closed(mine);
	end(&c, 0);
}

static void test_a_thread_that_waits_for_messages(void **state)
{
	struct child c;
	struct spore_chan *mine = begin_with(&c, "beside");
	(void)state;
	expect(mine, "a");
	expect_closed(mine);
	end(&c, 0);
}

static void test_a_loan_is_not_sent(void **state)
{
	struct child c;
	struct spore_chan *mine = begin_with(&c, "lend");
	(void)state;
	expect(mine, "a");
	expect_closed(mine);
	end(&c, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_was_queued_is_published),
	    cmocka_unit_test(test_what_is_kept_goes_to_the_next),
	    cmocka_unit_test(test_who_is_swapped_waits_until_all_is_received),
	    cmocka_unit_test(test_a_thread_that_waits_for_messages),
	    cmocka_unit_test(test_a_loan_is_not_sent),
	};
	for (size_t i = 0; argc == 2 && i < sizeof parts / sizeof parts[0]; i++)
		if (strcmp(argv[1], parts[i].name) == 0)
			return parts[i].play();
	self = argv[0];
	transport = "ring";
	struct spore__channel_end ends[2];
	if (spore__channel_make(transport, NULL, ends) == SPORE_EUNSUPPORTED) {
		puts("1..0 # SKIP no shared memory");
		return 0;
	}
	for (int i = 0; i < 2; i++)
		spore__channel_end_close(&ends[i]);
	return cmocka_run_group_tests_name("exit", tests, NULL, NULL);
}
