// Descriptors that come with messages, and what becomes of a program that has none left for them.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../lib/os/os.h"
#include "chan/transport.h"
#include "hold_rig.h"
#include "pass.h"

// ---- a process at its limit

enum { MOST = 64 };

struct crowd {
	int fds[MOST];
	unsigned count;
	struct rlimit before;
};

// From now on there are but FREE descriptors to be had.
static void crowd_in(struct crowd *c, unsigned unused)
{
	struct rlimit few;
	c->count = 0;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &c->before), 0);
	few = c->before;
	few.rlim_cur = MOST;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	while (c->count < MOST && (c->fds[c->count] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0)
		c->count++;
	for (; unused > 0 && c->count > 0; unused--)
		close(c->fds[--c->count]);
}

static void crowd_out(struct crowd *c)
{
	while (c->count > 0)
		close(c->fds[--c->count]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &c->before), 0);
}

// ---- the part that a child plays

// A byte on standard input: go on.
static bool is_told(void)
{
	char byte;
	return read(STDIN_FILENO, &byte, 1) == 1;
}

static int play_crowded(void)
{
	struct spore_chan *c;
	struct crowd crowd;
	const char *unused = getenv("SPORE_TEST_FREE");
	char buffer[64];
	size_t len;
	if (unused == NULL || spore_chan_open("in", NULL, &c) != SPORE_OK)
		return 10;
	crowd_in(&crowd, (unsigned)atoi(unused));
	spore_ready();
	if (!is_told())
		return 11;
	crowd_out(&crowd);
	spore_status("there is room");
	enum spore_err e;
	while ((e = spore_chan_recv(c, buffer, sizeof buffer, &len, PATIENCE)) == SPORE_OK)
		(void)spore_chan_send(c, buffer, len, PATIENCE);
	bool stops = spore_stop_requested();
	spore_chan_close(c);
	return stops ? 12 : (int)e;
}

// Publishes while the hold reads nothing, and again when it does.
static int play_behind(void)
{
	const struct spore_chan_options publish = {.shape = SPORE_PUBLISH};
	struct spore_chan *c;
	char text[16000];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	for (int i = 0; i < 100; i++)
		spore_log(SPORE_INFO, text);
	for (int i = 0; i < 2; i++) {
		if (spore_chan_open("in", &publish, &c) != SPORE_OK)
			return 10;
		dprintf(STDERR_FILENO, "opened");
		if (!is_told())
			return 11;
		spore_chan_close(c);
	}
	return 0;
}

// It has closed its standard streams, whose numbers the next files would get.
static int play_bare(void)
{
	struct spore_chan *c;
	struct spore_port *p;
	char byte;
	size_t len;
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		close(fd);
	if (spore_chan_open("in", NULL, &c) != SPORE_OK || spore_port_open("other", NULL, &p) != SPORE_OK ||
	    spore_stop_fd() <= STDERR_FILENO || spore_chan_recv(c, &byte, 1, &len, PATIENCE) != SPORE_OK ||
	    spore_chan_send(c, &byte, 1, PATIENCE) != SPORE_OK)
		return 10;
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return 11 + fd;
	spore_port_close(p);
	spore_chan_close(c);
	return 0;
}

static const struct {
	const char *name;
	int (*play)(void);
} parts[] = {{"crowded", play_crowded}, {"behind", play_behind}, {"bare", play_bare}};

// ---- the tests

// A channel for which there are too few descriptors is closed. That is all that comes of it.
static void test_crowded(void **state)
{
	struct spore__channel_end ends[2];
	char number[16], buffer[8];
	size_t len;
	transport = *state;
	assert_int_equal(spore__channel_make(transport, NULL, ends), SPORE_OK);
	int needed = ends[0].count;
	spore__channel_end_close(&ends[0]);
	spore__channel_end_close(&ends[1]);
	for (int unused = 0; unused < needed; unused++) {
		struct child c;
		(void)snprintf(number, sizeof number, "%d", unused);
		setenv("SPORE_TEST_FREE", number, 1);
		begin(&c, "crowded");
		hear(&c, SPORE__CONTROL_READY, NULL);
		struct spore_chan *mine = wire(&c);
		assert_int_equal(spore_chan_recv(mine, buffer, sizeof buffer, &len, PATIENCE), SPORE_ECLOSED);
		spore_chan_close(mine);
		assert_int_equal(write(c.in, "", 1), 1);
		hear(&c, SPORE__CONTROL_STATUS, NULL);
		mine = wire(&c);
		tell(mine, "hello");
		expect(mine, "hello");
		assert_int_equal(spore_chan_finish(mine, PATIENCE), SPORE_OK);
		assert_non_null(strstr(end(&c, SPORE_EEND), "spore: port in: a channel was refused"));
		spore_chan_close(mine);
	}
}

// A port says that its descriptors come only where they do.
static void test_behind(void **state)
{
	char seen[8] = "";
	struct child c;
	(void)state;
	if (!spore__io_shares_memory())
		return;
	begin(&c, "behind");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(read(c.err, seen, 6), 6);
		assert_string_equal(seen, "opened");
		hear(&c, WHAT_IS_THERE, NULL); // not a port that is still kept
		assert_int_equal(write(c.in, "", 1), 1);
		hear(&c, SPORE__CONTROL_CLOSE, NULL);
		assert_int_equal(c.claims, i == 1);
	}
	end(&c, 0);
}

static void test_no_standard_stream(void **state)
{
	struct child c;
	transport = *state;
	begin(&c, "bare");
	hear(&c, SPORE__CONTROL_OPEN, "connect");
	struct spore_chan *mine = wire(&c);
	tell(mine, "a");
	expect(mine, "a");
	end(&c, 0);
	spore_chan_close(mine);
}

static void give(int to, const char *bytes, unsigned count)
{
	int fds[4];
	for (unsigned i = 0; i < count; i++)
		fds[i] = STDERR_FILENO;
	assert_int_equal(spore__pass_send(to, bytes, strlen(bytes), fds, count), (ssize_t)strlen(bytes));
}

static void get(struct spore__passed *p, int from)
{
	char bytes[64];
	assert_true(spore__passed_receive(p, from, bytes, sizeof bytes) > 0);
}

static unsigned count_open(void)
{
	unsigned n = 0;
	for (int fd = 0; fd < MOST; fd++)
		n += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
	return n;
}

// What is missing of one message is not made up from the next.
static void test_groups(void **state)
{
	struct spore__passed p = {0};
	struct crowd crowd;
	int ends[2], fds[SPORE__PASSED];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	unsigned before = count_open();
	assert_int_equal(spore__passed_take(&p, fds, 1), SPORE_EMALFORMED);
	for (unsigned unused = 0; unused < 2; unused++) {
		crowd_in(&crowd, unused);
		give(ends[0], "first", 2);
		get(&p, ends[1]);
		crowd_out(&crowd);
		give(ends[0], "second", 2);
		get(&p, ends[1]);
		assert_int_equal(spore__passed_take(&p, fds, 2), SPORE_ESYSTEM);
		assert_int_equal(spore__passed_take(&p, fds, 2), SPORE_OK);
		assert_int_equal(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
		close(fds[0]);
		close(fds[1]);
	}
	give(ends[0], "other", 1);
	get(&p, ends[1]);
	assert_int_equal(spore__passed_take(&p, fds, 2), SPORE_EMALFORMED);
	for (int i = 0; i < 40; i++) {
		give(ends[0], "more than there can be", 3);
		get(&p, ends[1]);
	}
	spore__passed_close(&p);
	assert_int_equal(spore__passed_take(&p, fds, 3), SPORE_EMALFORMED);
	assert_int_equal(count_open(), before);
	close(ends[0]);
	close(ends[1]);
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[4];
	for (size_t i = 0; argc > 1 && i < sizeof parts / sizeof parts[0]; i++)
		if (strcmp(argv[1], parts[i].name) == 0)
			return parts[i].play();
	self = argv[0];
	tests[0] = (struct CMUnitTest)cmocka_unit_test(test_groups);
	tests[1] = (struct CMUnitTest)cmocka_unit_test_prestate(test_crowded, (void *)spore__transports[0]->name);
	tests[3] = (struct CMUnitTest)cmocka_unit_test_prestate(test_no_standard_stream, NULL);
	tests[2] = (struct CMUnitTest)cmocka_unit_test(test_behind);
	struct spore__channel_end ends[2];
	// The best that there is here: of a ring three descriptors.
	for (size_t i = 0; spore__transports[i] != NULL; i++) {
		if (spore__channel_make(spore__transports[i]->name, NULL, ends) != SPORE_OK)
			continue;
		spore__channel_end_close(&ends[0]);
		spore__channel_end_close(&ends[1]);
		tests[1].initial_state = tests[3].initial_state = (void *)spore__transports[i]->name;
		break;
	}
	return cmocka_run_group_tests_name("pass", tests, NULL, NULL);
}
