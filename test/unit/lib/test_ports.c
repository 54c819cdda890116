// Ports that a program opens by their names, with the test as the hold that wires them. libspore takes SPORE_FD before main, so the
// program is this one, executed again with the name of its part.
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "chan/chan.h"
#include "chan/framing.h"
#include "hold_rig.h"

// ---- the parts that a child plays; each returns its exit status

// To the peer of now: how the one before ended, and that another has come, is said of each direction.
static void send_anew(struct spore_chan *c, const void *data, size_t len)
{
	enum spore_err e = SPORE_ECLOSED;
	while (e == SPORE_ECLOSED || e == SPORE_ERETURNED)
		e = spore_chan_send(c, data, len, PATIENCE);
}

static int play_echo(void)
{
	struct spore_chan *c;
	char buffer[4096];
	size_t len;
	enum spore_err e = spore_chan_open("in", NULL, &c);
	if (e != SPORE_OK || spore_chan_open("in", NULL, &c) != SPORE_EEXISTS)
		return 10;
	while ((e = spore_chan_recv(c, buffer, sizeof buffer, &len, SPORE_FOREVER)) == SPORE_OK) {
		if (spore_chan_send(c, buffer, len, SPORE_FOREVER) != SPORE_OK)
			return 11;
	}
	bool named = strcmp(spore_chan_peer(c), "other/task.out") == 0;
	spore_chan_close(c);
	return e == SPORE_EEND || named ? (int)e : 12;
}

// Says in letters what happens: messages by their first, else the number of the error.
static int play_tell(void)
{
	struct spore_chan *c;
	char buffer[64];
	size_t len;
	if (spore_chan_open("in", NULL, &c) != SPORE_OK)
		return 10;
	for (;;) {
		enum spore_err e = spore_chan_recv(c, buffer, sizeof buffer, &len, SPORE_FOREVER);
		if (e == SPORE_OK && buffer[0] == 'q')
			break;
		if (e == SPORE_OK)
			dprintf(STDERR_FILENO, "%c", buffer[0]);
		else
			dprintf(STDERR_FILENO, "<%d>", (int)e);
		if (e == SPORE_ERETURNED)
			send_anew(c, "back", 4);
		if (e != SPORE_OK && e != SPORE_ERETURNED && e != SPORE_ECLOSED)
			break;
	}
	spore_chan_close(c);
	return 0;
}

// The same without ever waiting but in poll.
static int play_poll(void)
{
	struct spore_chan *c;
	char buffer[64];
	size_t len;
	if (spore_chan_open("in", NULL, &c) != SPORE_OK)
		return 10;
	bool unwired = false;
	for (;;) {
		enum spore_err e = spore_chan_recv(c, buffer, sizeof buffer, &len, SPORE_NOW);
		if (e == SPORE_OK && buffer[0] == 'q')
			break;
		if (e == SPORE_EAGAIN || e == SPORE_ENOTWIRED) {
			if (e == SPORE_ENOTWIRED && !unwired)
				dprintf(STDERR_FILENO, "<%d>", (int)e);
			unwired = e == SPORE_ENOTWIRED;
			struct pollfd p = {.fd = spore_chan_fd(c), .events = spore_chan_events(c)};
			if (poll(&p, 1, PATIENCE) <= 0)
				return 11;
			continue;
		}
		unwired = false;
		if (e == SPORE_OK)
			dprintf(STDERR_FILENO, "%c", buffer[0]);
		else
			dprintf(STDERR_FILENO, "<%d>", (int)e);
		if (e == SPORE_OK)
			send_anew(c, buffer, len);
	}
	spore_chan_close(c);
	return 0;
}

// Sends more than there is room for, and says what it is told of that, until there is another peer.
static int play_fill(void)
{
	static char block[1000];
	struct spore_chan *c;
	enum spore_err e = SPORE_OK;
	if (spore_chan_open("in", NULL, &c) != SPORE_OK)
		return 10;
	while (e != SPORE_ERETURNED) {
		e = spore_chan_send(c, block, sizeof block, SPORE_FOREVER);
		if (e != SPORE_OK)
			dprintf(STDERR_FILENO, "<%d>", (int)e);
	}
	e = spore_chan_send(c, "back", 4, PATIENCE);
	spore_chan_close(c);
	return (int)e;
}

// Does what it is told on standard input, a letter each, and says what came of that.
static int play_steps(void)
{
	const struct timespec brief = {.tv_nsec = 1000000};
	struct spore_chan *c;
	struct spore_chan_stats stats = {0};
	void *loan;
	char step, buffer[8];
	size_t len;
	if (spore_chan_open("in", NULL, &c) != SPORE_OK)
		return 10;
	while (read(STDIN_FILENO, &step, 1) == 1) {
		enum spore_err e = SPORE_OK;
		switch (step) {
		case 's':
			e = spore_chan_send(c, "one", 3, SPORE_NOW);
			break;
		case 'q':
			e = spore_chan_queue(c, "two", 3, SPORE_NOW);
			break;
		case 'l':
		case 'b':
			e = spore_chan_loan(c, step == 'b' ? 10000000 : 3, &loan, SPORE_NOW);
			break;
		case 'c':
			e = spore_chan_commit(c, 3, SPORE_NOW);
			break;
		case 'f':
			e = spore_chan_flush(c, SPORE_NOW);
			break;
		case 'F':
			e = spore_chan_finish(c, SPORE_NOW);
			break;
		case 'r':
			while (spore_chan_recv(c, buffer, sizeof buffer, &len, PATIENCE) != SPORE_OK)
				;
			break;
		default: // it computes; nothing of the channel is called until its peer is gone
			for (stats.state = 0; stats.state != SPORE_CHAN_GONE; spore_chan_stats(c, &stats))
				(void)nanosleep(&brief, NULL);
		}
		dprintf(STDERR_FILENO, "<%d>", (int)e);
	}
	spore_chan_stats(c, &stats);
	dprintf(STDERR_FILENO, "%d lost", (int)stats.lost);
	spore_chan_close(c);
	return 0;
}

// The loop of docs/channels.md, in each of the calls that wait. Nothing but the hold's word ends it.
static int play_until_stop(void)
{
	static char block[1000];
	const char *how = getenv("SPORE_TEST_HOW");
	struct spore_port *p = NULL;
	struct spore_chan *c = NULL;
	size_t len;
	enum spore_err e =
	    strncmp(how, "accept", 6) == 0 ? spore_port_open("in", NULL, &p) : spore_chan_open("in", NULL, &c);
	if (e != SPORE_OK)
		return 10;
	if (strcmp(how, "accepted") == 0 && spore_port_accept(p, PATIENCE, &c) != SPORE_OK)
		return 11;
	while (strcmp(how, "send") == 0 && e != SPORE_EAGAIN)
		e = spore_chan_send(c, block, sizeof block, SPORE_NOW);
	while (!spore_stop_requested()) {
		dprintf(STDERR_FILENO, ".");
		if (strcmp(how, "accept") == 0)
			e = spore_port_accept(p, SPORE_FOREVER, &c);
		else if (strcmp(how, "send") == 0)
			e = spore_chan_send(c, block, sizeof block, SPORE_FOREVER);
		else
			e = spore_chan_recv(c, block, sizeof block, &len, SPORE_FOREVER);
		dprintf(STDERR_FILENO, "<%d>", (int)e);
	}
	// What is left is still received, and so it is said once.
	if (strcmp(how, "recv") == 0) {
		e = spore_chan_recv(c, block, sizeof block, &len, PATIENCE);
		dprintf(STDERR_FILENO, "<%d>", (int)e);
	}
	spore_chan_close(c);
	spore_port_close(p);
	return 0;
}

static int play_timeouts(void)
{
	struct spore_chan *c;
	char buffer[4];
	size_t len;
	if (spore_chan_open("in", NULL, &c) != SPORE_OK)
		return 10;
	if (spore_chan_recv(c, buffer, sizeof buffer, &len, SPORE_NOW) != SPORE_ENOTWIRED ||
	    spore_chan_send(c, buffer, sizeof buffer, SPORE_NOW) != SPORE_ENOTWIRED ||
	    spore_chan_recv(c, buffer, sizeof buffer, &len, 5) != SPORE_ENOTWIRED)
		return 11;
	struct spore_chan_stats stats;
	spore_chan_stats(c, &stats);
	if (stats.state != SPORE_CHAN_UNWIRED || stats.transport[0] != '\0')
		return 12;
	spore_ready();
	return (int)spore_chan_recv(c, buffer, sizeof buffer, &len, PATIENCE);
}

// Sends a message for each byte of standard input, and does nothing else; says "." where it was taken.
static int play_beat(void)
{
	struct spore_chan *c;
	struct spore_port *p;
	char byte;
	size_t len;
	bool serves = read(STDIN_FILENO, &byte, 1) == 1 && byte == 's';
	if (serves && (spore_port_open("in", NULL, &p) != SPORE_OK || spore_port_accept(p, PATIENCE, &c) != SPORE_OK))
		return 10;
	if (!serves && spore_chan_open("in", NULL, &c) != SPORE_OK)
		return 11;
	enum spore_err e = spore_chan_recv(c, &byte, 1, &len, PATIENCE);
	while (e == SPORE_OK && read(STDIN_FILENO, &byte, 1) == 1) {
		e = spore_chan_send(c, &byte, 1, SPORE_NOW);
		dprintf(STDERR_FILENO, "%c", e == SPORE_OK ? '.' : '!');
	}
	return (int)e;
}

static int play_serve(void)
{
	enum { CLIENTS = 3 };
	struct spore_port *p;
	struct spore_chan *c[CLIENTS];
	char buffer[64];
	size_t len;
	if (spore_port_open("in", NULL, &p) != SPORE_OK)
		return 10;
	for (int i = 0; i < CLIENTS; i++) {
		struct pollfd polled = {.fd = spore_port_fd(p), .events = POLLIN};
		if (i == 1 && polled.fd >= 0 && poll(&polled, 1, PATIENCE) != 1)
			return 11;
		if (spore_port_accept(p, PATIENCE, &c[i]) != SPORE_OK ||
		    strcmp(spore_chan_peer(c[i]), "other/task.out") != 0)
			return 12;
	}
	struct spore_chan *none;
	if (spore_port_accept(p, SPORE_NOW, &none) != SPORE_EAGAIN || spore_port_accept(p, 1, &none) != SPORE_ETIMEOUT)
		return 15;
	spore_port_close(p);
	for (int i = CLIENTS - 1; i >= 0; i--) {
		if (spore_chan_recv(c[i], buffer, sizeof buffer, &len, PATIENCE) != SPORE_OK ||
		    spore_chan_send(c[i], buffer, len, PATIENCE) != SPORE_OK)
			return 13;
		if (spore_chan_recv(c[i], buffer, sizeof buffer, &len, PATIENCE) != SPORE_ECLOSED)
			return 14;
		spore_chan_close(c[i]);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*play)(void);
} parts[] = {
    {"echo", play_echo},   {"tell", play_tell},   {"poll", play_poll},
    {"beat", play_beat},   {"fill", play_fill},   {"timeouts", play_timeouts},
    {"serve", play_serve}, {"steps", play_steps}, {"until-stop", play_until_stop},
};

// ---- the tests

// A peer that dies while it is at work, and so has asked for no ringing, is learnt of long before there is no room.
static void test_dies_at_work(void **state)
{
	enum { FEW = 100 };
	const struct timespec brief = {.tv_nsec = 1000000};
	(void)state;
	for (int serves = 0; serves < 2; serves++) {
		struct child c;
		char says = '.';
		int sent = 0;
		begin(&c, "beat");
		assert_int_equal(write(c.in, serves ? "s" : "c", 1), 1);
		hear(&c, SPORE__CONTROL_OPEN, serves ? "serve" : "connect");
		struct spore_chan *mine = wire(&c);
		tell(mine, "g");
		assert_int_equal(write(c.in, "a", 1), 1);
		expect(mine, "a");
		assert_int_equal(read(c.err, &says, 1), 1);
		spore_chan_close(mine);
		for (; says == '.' && sent < FEW; sent++) {
			assert_int_equal(write(c.in, "b", 1), 1);
			assert_int_equal(read(c.err, &says, 1), 1);
			(void)nanosleep(&brief, NULL);
		}
		assert_true(sent < FEW);
		end(&c, SPORE_ECLOSED);
	}
}

static void put_refused(struct spore__msgpack_writer *w, const char *port, uint64_t serial)
{
	(void)serial;
	spore__control_put_closed(w, port, SPORE_EDENIED, "the task has no such port");
}

static void test_echo(void **state)
{
	struct child c;
	begin(&c, "echo");
	hear(&c, SPORE__CONTROL_OPEN, "connect");
	assert_true(c.features);
	struct spore_chan *mine = wire(&c);
	for (int i = 0; i < 100; i++) {
		tell(mine, "hello");
		expect(mine, "hello");
	}
	assert_int_equal(spore_chan_finish(mine, PATIENCE), SPORE_OK);
	char buffer[8];
	size_t len;
	assert_int_equal(spore_chan_recv(mine, buffer, sizeof buffer, &len, PATIENCE), SPORE_ECLOSED);
	hear(&c, SPORE__CONTROL_CLOSE, NULL);
	end(&c, SPORE_EEND);
	spore_chan_close(mine);
}

static void test_timeouts(void **state)
{
	struct child c;
	begin(&c, "timeouts");
	hear(&c, SPORE__CONTROL_READY, NULL);
	say(&c, put_refused);
	end(&c, SPORE_EDENIED);
	// the same when the hold goes
	begin(&c, "timeouts");
	hear(&c, SPORE__CONTROL_READY, NULL);
	close(c.fd);
	c.fd = -1;
	end(&c, SPORE_ECLOSED);
}

// A peer that goes without a word, and another: one report of each, also where the other one is there at once.
static void test_returns(void **state)
{
	struct child c;
	begin(&c, "tell");
	hear(&c, SPORE__CONTROL_OPEN, "connect");
	struct spore_chan *mine = wire(&c);
	tell(mine, "a");
	tell(mine, "b");
	assert_int_equal(spore_chan_flush(mine, PATIENCE), SPORE_OK);
	spore_chan_close(mine);
	for (int i = 0; i < 3; i++) {
		mine = wire(&c);
		expect(mine, "back");
		tell(mine, "c");
		assert_int_equal(spore_chan_flush(mine, PATIENCE), SPORE_OK);
		if (i < 2)
			spore_chan_close(mine);
	}
	tell(mine, "q");
	const char *seen = end(&c, 0);
	spore_chan_close(mine);
	assert_string_equal(seen, "ab<4><17>c<4><17>c<4><17>c");
}

static void do_steps(struct child *c, const char *steps, const char *expected)
{
	char seen[64] = "";
	assert_int_equal(write(c->in, steps, strlen(steps)), (ssize_t)strlen(steps));
	for (size_t len = 0; len < strlen(expected);) {
		ssize_t n = read(c->err, seen + len, strlen(expected) - len);
		assert_true(n > 0);
		len += (size_t)n;
	}
	assert_string_equal(seen, expected);
}

// Who computes, and sends now and then, is told by the first call after the end was noticed, whichever it is.
static void test_gone_between_two_calls(void **state)
{
	static const struct {
		const char *before, *answers, *then, *says;
	} cases[] = {
	    {"s", "<0>", "gss", "<0><4><19>"},     {"s", "<0>", "gqs", "<0><4><19>"},
	    {"s", "<0>", "gls", "<0><4><19>"},     {"s", "<0>", "gbs", "<0><4><19>"},
	    {"sl", "<0><0>", "gcs", "<0><4><19>"}, {"sq", "<0><0>", "gfs", "<0><4><19>"},
	    {"sb", "<0><0>", "gcs", "<0><4><19>"}, {"sq", "<0><0>", "gFs", "<0><4><19>"},
	};
	(void)state;
	if (strcmp(transport, "ring") != 0)
		return;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct child c;
		begin(&c, "steps");
		hear(&c, SPORE__CONTROL_OPEN, "connect");
		struct spore_chan *mine = wire(&c);
		tell(mine, "there");
		do_steps(&c, "r", "<0>");
		do_steps(&c, cases[i].before, cases[i].answers);
		if (cases[i].before[0] == 's')
			expect(mine, "one");
		spore_chan_close(mine);
		do_steps(&c, cases[i].then, cases[i].says);
		(void)end(&c, 0);
	}
}

// The same where another peer is there before any call was made.
static void test_gone_and_another(void **state)
{
	enum { TIMES = 20 };
	struct child c;
	(void)state;
	begin(&c, "steps");
	hear(&c, SPORE__CONTROL_OPEN, "connect");
	struct spore_chan *mine = wire(&c);
	tell(mine, "there");
	do_steps(&c, "rss", "<0><0><0>");
	for (int i = 0; i < TIMES; i++) {
		expect(mine, "one");
		spore_chan_close(mine);
		mine = wire(&c);
		tell(mine, "there");
		do_steps(&c, "r", "<0>");
		do_steps(&c, "ssss", "<4><17><0><0>");
	}
	const char *seen = end(&c, 0);
	spore_chan_close(mine);
	assert_string_equal(seen, strcmp(transport, "ring") == 0 ? "20 lost" : "0 lost");
}

static void put_stop(struct spore__msgpack_writer *w, const char *port, uint64_t serial)
{
	(void)port;
	(void)serial;
	spore__control_put_stop(w, 60000);
}

// A stop request ends a wait, and is not missed between a look for it and the wait.
static void test_stop_ends_a_wait(void **state)
{
	static const struct {
		const char *how;
		bool wired;
		const char *says;
	} cases[] = {
	    {"recv", true, "<13><0>"}, {"other", true, "<13>"},   {"other", false, "<13>"},
	    {"send", true, "<13>"},    {"accept", false, "<13>"}, {"accepted", true, "<13>"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct child c;
		struct spore_chan *mine = NULL;
		const char *how = cases[i].how;
		assert_int_equal(setenv("SPORE_TEST_HOW", how, 1), 0);
		begin(&c, "until-stop");
		hear(&c, SPORE__CONTROL_OPEN, strncmp(how, "accept", 6) == 0 ? "serve" : "connect");
		if (cases[i].wired)
			mine = wire(&c);
		do_steps(&c, "", ".");
		if (cases[i].wired && strcmp(how, "send") != 0) {
			tell(mine, "a");
			do_steps(&c, "", "<0>.");
		}
		hear(&c, SPORE__CONTROL_LISTENS, NULL);
		say(&c, put_stop);
		hear(&c, SPORE__CONTROL_STOPPING, NULL);
		if (strcmp(how, "recv") == 0)
			tell(mine, "b");
		assert_string_equal(end(&c, 0), cases[i].says);
		spore_chan_close(mine);
	}
}

// A wire that is taken away while both live: what had arrived is received, and the peer sees it closed.
static void test_unwired(void **state)
{
	struct child c;
	char buffer[8];
	size_t len;
	begin(&c, "tell");
	hear(&c, SPORE__CONTROL_OPEN, "connect");
	struct spore_chan *mine = wire(&c);
	tell(mine, "a");
	tell(mine, "b");
	assert_int_equal(spore_chan_flush(mine, PATIENCE), SPORE_OK);
	say(&c, spore__control_put_unwired);
	assert_int_equal(spore_chan_recv(mine, buffer, sizeof buffer, &len, PATIENCE), SPORE_ECLOSED);
	spore_chan_close(mine);
	mine = wire(&c);
	expect(mine, "back");
	tell(mine, "q");
	assert_string_equal(end(&c, 0), "ab<4><17>");
	spore_chan_close(mine);
}

// Who waits for room is told, once.
static void test_unwired_while_sending(void **state)
{
	struct child c;
	char first[4] = "";
	begin(&c, "fill");
	hear(&c, SPORE__CONTROL_OPEN, "connect");
	struct spore_chan *mine = wire(&c);
	char buffer[1000];
	size_t len;
	assert_int_equal(spore_chan_recv(mine, buffer, sizeof buffer, &len, PATIENCE), SPORE_OK);
	say(&c, spore__control_put_unwired);
	struct pollfd p = {.fd = c.err, .events = POLLIN};
	assert_int_equal(poll(&p, 1, PATIENCE), 1);
	assert_int_equal(read(c.err, first, sizeof first - 1), 3);
	assert_string_equal(first, "<4>");
	spore_chan_close(mine);
	mine = wire(&c);
	expect(mine, "back");
	assert_string_equal(end(&c, 0), "<17>");
	spore_chan_close(mine);
}

// What is asked for in vain is heard of at the descriptor.
static void test_poll(void **state)
{
	struct child c;
	begin(&c, "poll");
	hear(&c, SPORE__CONTROL_OPEN, "connect");
	struct spore_chan *mine = wire(&c);
	tell(mine, "a");
	expect(mine, "a");
	spore_chan_close(mine);
	mine = wire(&c);
	tell(mine, "b");
	expect(mine, "b");
	say(&c, spore__control_put_unwired);
	char buffer[8];
	size_t len;
	assert_int_equal(spore_chan_recv(mine, buffer, sizeof buffer, &len, PATIENCE), SPORE_ECLOSED);
	spore_chan_close(mine);
	mine = wire(&c);
	tell(mine, "q");
	const char *seen = end(&c, 0);
	spore_chan_close(mine);
	assert_non_null(strstr(seen, "a"));
	assert_non_null(strstr(seen, "<17>b"));
}

static void test_serve(void **state)
{
	enum { CLIENTS = 3 };
	struct child c;
	struct spore_chan *mine[CLIENTS];
	begin(&c, "serve");
	hear(&c, SPORE__CONTROL_OPEN, "serve");
	for (int i = 0; i < CLIENTS; i++)
		mine[i] = wire(&c);
	hear(&c, SPORE__CONTROL_CLOSE, NULL);
	for (int i = 0; i < CLIENTS; i++)
		tell(mine[i], "hello");
	for (int i = CLIENTS - 1; i >= 0; i--) {
		expect(mine[i], "hello");
		spore_chan_close(mine[i]);
	}
	end(&c, 0);
}

// Descriptors that are not what they are said to be are closed, and the port waits on.
static void test_wrong_descriptors(void **state)
{
	struct child c;
	int fds[3];
	struct spore__msgpack_writer w = {0};
	begin(&c, "tell");
	hear(&c, SPORE__CONTROL_OPEN, "connect");
	assert_int_equal(pipe(fds), 0);
	fds[2] = fds[1];
	for (int role = 0; role < 3; role++)
		spore__control_put_channel(&w, "in", 1, "ring", (unsigned)role, 3, NULL);
	// each frame with its own
	size_t frame = w.len / 3;
	for (int i = 0; i < 3; i++) {
		struct spore__msgpack_writer one = {.data = w.data + (size_t)i * frame, .len = frame};
		send_with(c.fd, &one, fds, 3);
	}
	w.len = 0;
	spore__control_put_channel(&w, "in", 1, "stream", 0, 1, NULL);
	send_with(c.fd, &w, fds, 1);
	w.len = 0;
	spore__control_put_channel(&w, "in", 1, "later", 0, 2, NULL);
	send_with(c.fd, &w, fds, 2);
	w.len = 0;
	spore__control_put_channel(&w, "nobody's", 1, "ring", 0, 3, NULL);
	send_with(c.fd, &w, fds, 3);
	spore__msgpack_writer_finish(&w);
	struct spore_chan *mine = wire(&c);
	tell(mine, "a");
	tell(mine, "q");
	assert_string_equal(end(&c, 0), "a");
	spore_chan_close(mine);
	// nobody has them any more
	char byte;
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 0);
	close(fds[0]);
}

static bool has_early(void)
{
	return strcmp(transport, "ring") == 0;
}

// What was sent ahead counts from the moment on at which the peer comes, and is nothing when it never does.
static void test_early(void **state)
{
	struct child c;
	if (!has_early())
		return;
	begin(&c, "tell");
	hear(&c, SPORE__CONTROL_OPEN, "connect");
	struct spore__channel_end end_of = pass_end(&c, true), other;
	spore__channel_end_close(&end_of); // never came
	end_of = pass_end(&c, true);
	say(&c, spore__control_put_unwired);
	other = pass_end(&c, true); // in the place of one
	spore__channel_end_close(&end_of);
	end_of = pass_end(&c, true);
	spore__channel_end_close(&other);
	struct spore_chan *mine = come(&end_of);
	tell(mine, "a");
	tell(mine, "b");
	assert_int_equal(spore_chan_flush(mine, PATIENCE), SPORE_OK);
	// The next one is sent ahead while this one is there.
	end_of = pass_end(&c, true);
	tell(mine, "c");
	spore_chan_close(mine);
	mine = come(&end_of);
	expect(mine, "back");
	tell(mine, "d");
	tell(mine, "q");
	assert_string_equal(end(&c, 0), "abc<4><17>d");
	spore_chan_close(mine);
}

// The same for one that polls, and first for one that calls with a limit.
static void test_early_is_not_wired(void **state)
{
	struct child c;
	if (!has_early())
		return;
	begin(&c, "timeouts");
	hear(&c, SPORE__CONTROL_OPEN, "connect");
	struct spore__channel_end end_of = pass_end(&c, true);
	hear(&c, SPORE__CONTROL_READY, NULL);
	say(&c, put_refused);
	end(&c, SPORE_EDENIED);
	spore__channel_end_close(&end_of);
	begin(&c, "poll");
	hear(&c, SPORE__CONTROL_OPEN, "connect");
	end_of = pass_end(&c, true);
	struct spore_chan *mine = come(&end_of);
	tell(mine, "a");
	expect(mine, "a");
	end_of = pass_end(&c, true);
	tell(mine, "b");
	expect(mine, "b");
	spore_chan_close(mine);
	mine = come(&end_of);
	tell(mine, "c");
	expect(mine, "c");
	tell(mine, "q");
	const char *seen = end(&c, 0);
	assert_non_null(strstr(seen, "c"));
	spore_chan_close(mine);
}

static void test_without_hold(void **state)
{
	struct spore_chan *c;
	struct spore_port *p;
	const struct spore_chan_options serve = {.shape = SPORE_SERVE};
	char longest[65]; // and one more
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_int_equal(spore_chan_open("in", NULL, &c), SPORE_ENOTFOUND);
	assert_int_equal(spore_port_open("in", NULL, &p), SPORE_ENOTFOUND);
	assert_int_equal(spore_chan_open("", NULL, &c), SPORE_EINVALID);
	assert_int_equal(spore_chan_open(longest, NULL, &c), SPORE_EINVALID);
	assert_int_equal(spore_chan_open(longest + 1, NULL, &c), SPORE_ENOTFOUND);
	assert_int_equal(spore_chan_open("a b", NULL, &c), SPORE_EINVALID);
	assert_int_equal(spore_chan_open("../a", NULL, &c), SPORE_EINVALID);
	assert_int_equal(spore_chan_open("stdout", NULL, &c), SPORE_EINVALID);
	assert_int_equal(spore_chan_open("in", &serve, &c), SPORE_EINVALID);
	spore_chan_close(NULL);
	spore_port_close(NULL);
}

static int choose(void **state)
{
	transport = *state;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest cases[] = {
	    cmocka_unit_test_setup(test_echo, choose),
	    cmocka_unit_test_setup(test_timeouts, choose),
	    cmocka_unit_test_setup(test_dies_at_work, choose),
	    cmocka_unit_test_setup(test_returns, choose),
	    cmocka_unit_test_setup(test_gone_between_two_calls, choose),
	    cmocka_unit_test_setup(test_gone_and_another, choose),
	    cmocka_unit_test_setup(test_stop_ends_a_wait, choose),
	    cmocka_unit_test_setup(test_unwired, choose),
	    cmocka_unit_test_setup(test_serve, choose),
	    cmocka_unit_test_setup(test_wrong_descriptors, choose),
	    cmocka_unit_test_setup(test_early, choose),
	    cmocka_unit_test_setup(test_early_is_not_wired, choose),
	    cmocka_unit_test_setup(test_without_hold, choose),
	    cmocka_unit_test_setup(test_unwired_while_sending, choose),
	    cmocka_unit_test_setup(test_poll, choose),
	};
	enum { CASES = sizeof cases / sizeof cases[0], TRANSPORTS = 8 };
	static struct CMUnitTest tests[CASES * TRANSPORTS];
	static char names[CASES * TRANSPORTS][64];
	size_t count = 0;
	for (size_t i = 0; argc > 1 && i < sizeof parts / sizeof parts[0]; i++) {
		if (strcmp(argv[1], parts[i].name) == 0)
			return parts[i].play();
	}
	self = argv[0];
	struct spore_chan *probe;
	assert_int_equal(spore__chan_create_port(&probe), SPORE_OK);
	bool can_poll = spore_chan_fd(probe) >= 0; // plain POSIX has no descriptor for many
	spore_chan_close(probe);
	for (size_t i = 0; spore__transports[i] != NULL && i < TRANSPORTS; i++) {
		const char *name = spore__transports[i]->name;
		struct spore__channel_end ends[2];
		const struct spore__framing *framing = spore__transports[i]->framing;
		if (framing != NULL && framing->plain)
			continue; // its end of file is no death: transport_rig.c
		if (spore__channel_make(name, NULL, ends) != SPORE_OK)
			continue; // not on this platform
		spore__channel_end_close(&ends[0]);
		spore__channel_end_close(&ends[1]);
		for (size_t k = 0; k < CASES - (can_poll ? 0 : 1); k++, count++) {
			snprintf(names[count], sizeof names[count], "%s (%s)", cases[k].name, name);
			tests[count] = cases[k];
			tests[count].name = names[count];
			tests[count].initial_state = (void *)name;
		}
	}
	return _cmocka_run_group_tests("ports", tests, count, NULL, NULL);
}
