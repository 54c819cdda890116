// The doorbells of a ring.
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../lib/os/os.h"
#include "chan/chan.h"

struct pair {
	struct spore_chan *a, *b;
};

static bool begin(struct pair *p, const struct spore__channel_sizes *sizes)
{
	struct spore__channel_end ends[2];
	if (spore__channel_make("ring", sizes, ends) != SPORE_OK)
		return false; // not on this platform
	assert_int_equal(spore__chan_create(&ends[0], &p->a), SPORE_OK);
	assert_int_equal(spore__chan_create(&ends[1], &p->b), SPORE_OK);
	return true;
}

// Where descriptors run out half-way nothing is left open, and nothing is closed that is not its own any more.
static void test_descriptors_run_out(void **state)
{
	enum { NEEDED = 7 };
	struct rlimit before, limit;
	struct pair p;
	int first = open("/dev/null", O_RDONLY | O_CLOEXEC), bell[2] = {5, 5};
	(void)state;
	assert_true(first >= 0);
	close(first);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	for (int more = 0; more < NEEDED; more++) {
		limit.rlim_cur = (rlim_t)first + (rlim_t)more;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		struct spore__channel_end ends[2];
		enum spore_err e = spore__channel_make("ring", NULL, ends);
		int bell_made = more < 3 ? spore__io_doorbell(bell) : -1;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_true(e == SPORE_ESYSTEM || e == SPORE_EUNSUPPORTED);
		assert_int_equal(bell_made, -1);
		assert_true(more >= 3 || (bell[0] == -1 && bell[1] == -1));
		int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_int_equal(next, first);
		close(next);
	}
	if (!begin(&p, NULL))
		return;
	spore_chan_close(p.a);
	spore_chan_close(p.b);
}

// ---- one thread polls for both directions

static const struct spore__channel_sizes tiny = {.cells = 64, .heap = 64 * 1024};

static enum spore_err receive_now(struct spore_chan *c)
{
	char buffer[8];
	size_t len;
	return spore_chan_recv(c, buffer, sizeof buffer, &len, SPORE_NOW);
}

static unsigned fill_up(struct spore_chan *c)
{
	unsigned count = 0;
	enum spore_err e;
	while ((e = spore_chan_send(c, "there", 5, SPORE_NOW)) == SPORE_OK)
		count++;
	assert_int_equal(e, SPORE_EAGAIN);
	return count;
}

static void empty(struct spore_chan *c, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(receive_now(c), SPORE_OK);
	assert_int_equal(receive_now(c), SPORE_EAGAIN);
}

static bool is_ready(struct spore_chan *c)
{
	struct pollfd polled = {.fd = spore_chan_fd(c), .events = spore_chan_events(c)};
	return poll(&polled, 1, 0) == 1;
}

enum { MOST = 64 };

struct limit {
	struct rlimit before;
	int taken[MOST], count;
};

// Not one descriptor is free until limit_off.
static void limit_on(struct limit *l)
{
	struct rlimit few;
	l->count = 0;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &l->before), 0);
	few = l->before;
	few.rlim_cur = MOST;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	while (l->count < MOST && (l->taken[l->count] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0)
		l->count++;
}

static void limit_off(struct limit *l)
{
	while (l->count > 0)
		close(l->taken[--l->count]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &l->before), 0);
}

// The peer is told also where not one descriptor is free.
static void test_end_at_the_limit(void **state)
{
	struct limit limit;
	struct pair p;
	char byte;
	size_t len;
	(void)state;
	if (!begin(&p, NULL))
		return;
	limit_on(&limit);
	spore__chan_hang_up(p.a);
	limit_off(&limit);
	assert_int_equal(spore_chan_recv(p.b, &byte, 1, &len, 20000), SPORE_ECLOSED);
	assert_int_equal(spore_chan_send(p.a, "x", 1, SPORE_NOW), SPORE_OK); // to nobody
	assert_int_equal(spore_chan_recv(p.a, &byte, 1, &len, SPORE_NOW), SPORE_EAGAIN);
	spore_chan_close(p.a);
	spore_chan_close(p.b);
}

// Who polls an open port is told where not one descriptor is free, too.
static void test_room_is_told_at_the_limit(void **state)
{
	struct spore__channel_end ends[2];
	struct spore__transport *t;
	struct spore_chan *port, *peer;
	struct limit limit;
	char buffer[8];
	size_t len;
	(void)state;
	if (spore__channel_make("ring", &tiny, ends) != SPORE_OK)
		return;
	assert_int_equal(spore__chan_create_port(&port), SPORE_OK);
	spore__chan_listen(port, -1, NULL, NULL, false);
	assert_int_equal(spore__channel_end_open(&ends[0], &t), SPORE_OK);
	assert_int_equal(spore__chan_create(&ends[1], &peer), SPORE_OK);
	spore__chan_install(port, t, "peer", 1, false);
	for (int round = 0; round < 3; round++) {
		unsigned count = fill_up(port);
		empty(peer, count);
		limit_on(&limit);
		for (int i = 0; i <= round; i++)
			assert_int_equal(spore_chan_recv(port, buffer, sizeof buffer, &len, 1), SPORE_ETIMEOUT);
		assert_true(is_ready(port));
		assert_int_equal(spore_chan_send(port, "there", 5, SPORE_NOW), SPORE_OK);
		limit_off(&limit);
		assert_int_equal(receive_now(port), SPORE_EAGAIN);
		assert_false(is_ready(port));
		empty(peer, 1);
	}
	spore_chan_close(port);
	spore_chan_close(peer);
}

// However often the other call is refused meanwhile, and whether it waits or not.
static void test_room_is_told_beside_messages(void **state)
{
	struct pair p;
	char buffer[8];
	size_t len;
	(void)state;
	if (!begin(&p, &tiny))
		return;
	for (int round = 0; round < 20; round++) {
		unsigned count = fill_up(p.a);
		if (round % 4 == 3) // most of them later
			assert_int_equal(receive_now(p.b), SPORE_OK);
		else
			empty(p.b, count);
		for (int i = 0; i < round % 4; i++)
			assert_int_equal(receive_now(p.a), SPORE_EAGAIN);
		if (round % 4 == 3)
			empty(p.b, count - 1);
		for (int i = 0; i < round / 4; i++)
			assert_int_equal(spore_chan_recv(p.a, buffer, sizeof buffer, &len, 1), SPORE_ETIMEOUT);
		assert_true(is_ready(p.a));
		assert_int_equal(spore_chan_send(p.a, "there", 5, SPORE_NOW), SPORE_OK);
		// What was wanted has been done: nothing is to be told.
		assert_int_equal(receive_now(p.a), SPORE_EAGAIN);
		assert_false(is_ready(p.a));
		empty(p.b, 1);
		assert_false(is_ready(p.a));
	}
	spore_chan_close(p.a);
	spore_chan_close(p.b);
}

static void test_messages_are_told_beside_room(void **state)
{
	struct pair p;
	(void)state;
	if (!begin(&p, &tiny))
		return;
	for (int round = 0; round < 20; round++) {
		unsigned count = fill_up(p.a);
		assert_int_equal(receive_now(p.a), SPORE_EAGAIN);
		assert_int_equal(spore_chan_send(p.b, "hello", 5, SPORE_NOW), SPORE_OK);
		for (int i = 0; i < round % 4; i++)
			assert_int_equal(spore_chan_send(p.a, "there", 5, SPORE_NOW), SPORE_EAGAIN);
		for (int i = 0; i < round / 4; i++)
			assert_int_equal(spore_chan_send(p.a, "there", 5, 1), SPORE_ETIMEOUT);
		assert_true(is_ready(p.a));
		assert_int_equal(receive_now(p.a), SPORE_OK);
		assert_int_equal(spore_chan_send(p.a, "there", 5, SPORE_NOW), SPORE_EAGAIN);
		assert_false(is_ready(p.a));
		empty(p.b, count);
	}
	spore_chan_close(p.a);
	spore_chan_close(p.b);
}

// Nor is what is to be told a reason to go round in a wait for something else, or not to notice that the peer is gone.
static void test_what_is_told_disturbs_nobody(void **state)
{
	struct pair p;
	char buffer[8];
	size_t len;
	struct spore_chan_stats before, after;
	(void)state;
	if (!begin(&p, &tiny))
		return;
	unsigned count = fill_up(p.a);
	empty(p.b, count);
	assert_int_equal(receive_now(p.a), SPORE_EAGAIN);
	spore_chan_stats(p.a, &before);
	for (int i = 0; i < 3; i++)
		assert_int_equal(spore_chan_recv(p.a, buffer, sizeof buffer, &len, 20), SPORE_ETIMEOUT);
	spore_chan_stats(p.a, &after);
	assert_in_range(after.slept - before.slept, 3, 6);
	assert_true(is_ready(p.a));
	spore_chan_close(p.b);
	assert_int_equal(receive_now(p.a), SPORE_ECLOSED);
	spore_chan_close(p.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_descriptors_run_out),          cmocka_unit_test(test_end_at_the_limit),
	    cmocka_unit_test(test_room_is_told_beside_messages), cmocka_unit_test(test_messages_are_told_beside_room),
	    cmocka_unit_test(test_what_is_told_disturbs_nobody), cmocka_unit_test(test_room_is_told_at_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
