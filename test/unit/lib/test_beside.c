// A program that is started in the place of one that still runs, with the test as its hold: what it publishes waits until it is alone, and is
// for each subscriber that was there then.
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "chan/pub.h"
#include "hold_rig.h"
#include "spore/spore.h"

static const struct spore_chan_options publishes = {.shape = SPORE_PUBLISH};

// ---- the parts that a child plays

static int play_publish(void)
{
	struct spore_chan *c;
	struct spore_chan_stats stats;
	if (spore_chan_open("in", &publishes, &c) != SPORE_OK)
		return 10;
	if (spore_chan_send(c, "never", 5, SPORE_NOW) != SPORE_ENOTWIRED ||
	    spore_chan_send(c, "never", 5, 1) != SPORE_ENOTWIRED)
		return 11;
	spore_ready();
	if (spore_chan_send(c, "first", 5, PATIENCE) != SPORE_OK ||
	    spore_chan_send(c, "second", 6, PATIENCE) != SPORE_OK)
		return 12;
	spore_chan_stats(c, &stats);
	spore_chan_close(c);
	return stats.subscribers == 2 ? 0 : 13;
}

// It is told so before it opens the port, or never.
static int play_later(void)
{
	struct spore_chan *c;
	char byte;
	if (spore_chan_open("in", &publishes, &c) != SPORE_OK)
		return 10;
	spore_chan_close(c); // nothing was published, and nothing is left
	spore_ready();
	if (read(STDIN_FILENO, &byte, 1) != 1 || spore_chan_open("in", &publishes, &c) != SPORE_OK)
		return 11;
	enum spore_err e = spore_chan_send(c, "first", 5, PATIENCE);
	spore_chan_close(c);
	return e == SPORE_OK ? 0 : 12;
}

// Nothing is published before there is somebody to hear it.
static int play_counts(void)
{
	struct spore_chan *c;
	struct spore_chan_stats stats;
	if (spore_chan_open("in", &publishes, &c) != SPORE_OK)
		return 10;
	spore_ready();
	for (spore_chan_stats(c, &stats); stats.subscribers < 2; spore_chan_stats(c, &stats))
		(void)poll(NULL, 0, 1);
	if (spore_chan_send(c, "first", 5, PATIENCE) != SPORE_OK ||
	    spore_chan_send(c, "second", 6, PATIENCE) != SPORE_OK)
		return 12;
	spore_chan_stats(c, &stats);
	spore_chan_close(c);
	return stats.subscribers == 2 ? 0 : 13;
}

static int play(const char *part)
{
	return strcmp(part, "publish") == 0  ? play_publish()
	       : strcmp(part, "counts") == 0 ? play_counts()
	                                     : play_later();
}

// ----

static void put_alone(struct spore__msgpack_writer *w, const char *port, uint64_t serial)
{
	(void)port;
	(void)serial;
	spore__control_put_alone(w);
}

static struct spore_chan *subscribe(struct child *c, enum spore_slow slow)
{
	struct spore__channel_end ends[2];
	struct spore__msgpack_writer w = {0};
	struct spore_chan *mine;
	assert_int_equal(spore__channel_make("publication", NULL, ends), SPORE_OK);
	spore__control_put_channel(&w, "in", ++c->serial, "publication", 0, 2, "other/task.in");
	send_with(c->fd, &w, ends[0].fds, 2);
	spore__channel_end_close(&ends[0]);
	spore__msgpack_writer_finish(&w);
	ends[1].slow = slow;
	assert_int_equal(spore__chan_create(&ends[1], &mine), SPORE_OK);
	return mine;
}

static void expect_both(struct spore_chan *subscribers[2])
{
	for (int i = 0; i < 2; i++) {
		expect(subscribers[i], "first");
		expect(subscribers[i], "second");
		spore_chan_close(subscribers[i]);
	}
}

static void test_it_publishes_once_it_is_alone(void **state)
{
	struct child c;
	char word[8];
	size_t len;
	(void)state;
	begin(&c, "publish");
	hear(&c, SPORE__CONTROL_READY, NULL);
	struct spore_chan *subscribers[] = {subscribe(&c, SPORE_SLOW_BLOCK), subscribe(&c, SPORE_SLOW_DROP)};
	for (int i = 0; i < 2; i++)
		assert_int_equal(spore_chan_recv(subscribers[i], word, sizeof word, &len, 50), SPORE_ETIMEOUT);
	say(&c, put_alone);
	expect_both(subscribers);
	end(&c, 0);
}

static void test_who_is_there_is_counted_before_anything_is_published(void **state)
{
	struct child c;
	(void)state;
	begin(&c, "counts");
	hear(&c, SPORE__CONTROL_READY, NULL);
	say(&c, put_alone);
	struct spore_chan *subscribers[] = {subscribe(&c, SPORE_SLOW_BLOCK), subscribe(&c, SPORE_SLOW_DROP)};
	expect_both(subscribers);
	end(&c, 0);
}

static void test_what_is_opened_later(void **state)
{
	struct child c;
	(void)state;
	begin(&c, "later");
	hear(&c, SPORE__CONTROL_READY, NULL);
	say(&c, put_alone);
	assert_int_equal(write(c.in, "", 1), 1);
	end(&c, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_it_publishes_once_it_is_alone),
	    cmocka_unit_test(test_who_is_there_is_counted_before_anything_is_published),
	    cmocka_unit_test(test_what_is_opened_later),
	};
	struct spore__channel_end ends[2];
	if (argc == 2)
		return play(argv[1]);
	if (spore__channel_make("publication", NULL, ends) == SPORE_EUNSUPPORTED) {
		print_message("1..0 # SKIP no shared memory\n");
		return 0;
	}
	for (int i = 0; i < 2; i++)
		spore__channel_end_close(&ends[i]);
	self = argv[0];
	setenv("SPORE_BESIDE", "1", 1); // of the children
	return cmocka_run_group_tests(tests, NULL, NULL);
}
