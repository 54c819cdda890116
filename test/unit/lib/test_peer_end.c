// What an open port says of the end of its peer, and that other news (a stop request) are not taken for it.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chan/inside.h"

enum { PATIENCE = 20000 };

static struct spore_chan *port, *peer;
static uint64_t serial;

static void wire(const char *transport)
{
	struct spore__channel_end ends[2];
	struct spore__transport *t;
	enum spore_err e = spore__channel_make(transport, NULL, ends);
	if (e == SPORE_EUNSUPPORTED && getenv("SPORE_POSIX") != NULL)
		e = spore__channel_make("stream", NULL, ends);
	assert_int_equal(e, SPORE_OK);
	assert_int_equal(spore__chan_create(&ends[0], &peer), SPORE_OK);
	assert_int_equal(spore__channel_end_open(&ends[1], &t), SPORE_OK);
	spore__chan_install(port, t, "there", ++serial, false);
}

static void kill_peer(void)
{
	spore_chan_close(peer);
	peer = NULL;
}

static int begin(void **state)
{
	(void)state;
	if (spore__chan_create_port(&port) != SPORE_OK)
		return -1;
	spore__chan_listen(port, -1, NULL, NULL, false);
	return 0;
}

static int end(void **state)
{
	(void)state;
	spore_chan_close(port);
	spore_chan_close(peer);
	port = peer = NULL;
	return 0;
}

static enum spore_err receive(int timeout_ms)
{
	char buffer[8];
	size_t len;
	return spore_chan_recv(port, buffer, sizeof buffer, &len, timeout_ms);
}

static struct spore_chan_stats stats(void)
{
	struct spore_chan_stats s;
	spore_chan_stats(port, &s);
	return s;
}

static void expect(enum spore_err wanted, const char *message)
{
	char buffer[64] = "";
	size_t len = 0;
	assert_int_equal(spore_chan_recv(peer, buffer, sizeof buffer, &len, PATIENCE), wanted);
	if (wanted == SPORE_OK) {
		assert_int_equal(len, strlen(message));
		assert_memory_equal(buffer, message, len);
	}
}

// A stop request between loan and commit, and between two messages that are queued.
static void test_stop_ends_nothing(void **state)
{
	void *loan;
	wire(*state);
	assert_int_equal(spore_chan_send(port, "one", 3, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_loan(port, 3, &loan, PATIENCE), SPORE_OK);
	memcpy(loan, "two", 3);
	spore__chan_quiet(port);
	assert_int_equal(spore_chan_commit(port, 3, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_queue(port, "three", 5, PATIENCE), SPORE_OK);
	spore__chan_end(port, SPORE_ECLOSED);
	assert_int_equal(spore_chan_flush(port, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_send(port, "four", 4, PATIENCE), SPORE_OK);
	expect(SPORE_OK, "one");
	expect(SPORE_OK, "two");
	expect(SPORE_OK, "three");
	expect(SPORE_OK, "four");
}

struct large {
	char *data;
	size_t len;
	enum spore_err sent, received;
};

static void *take_large(void *arg)
{
	struct large *l = arg;
	const void *data;
	size_t len = 0;
	spore__chan_end(port, SPORE_ECLOSED); // while it is sent
	l->received = spore_chan_read(peer, &data, &len, PATIENCE);
	if (l->received == SPORE_OK && (len != l->len || memcmp(data, l->data, len) != 0))
		l->received = SPORE_EMALFORMED;
	return NULL;
}

// A message that takes many writes is sent as one, and the call waits for it.
static void test_stop_while_sending(void **state)
{
	struct large l = {.len = 64 << 20};
	pthread_t taker;
	l.data = malloc(l.len);
	assert_non_null(l.data);
	memset(l.data, 7, l.len);
	wire(*state);
	assert_int_equal(spore_chan_send(port, "one", 3, PATIENCE), SPORE_OK);
	expect(SPORE_OK, "one");
	assert_int_equal(pthread_create(&taker, NULL, take_large, &l), 0);
	l.sent = spore_chan_send(port, l.data, l.len, PATIENCE);
	assert_int_equal(pthread_join(taker, NULL), 0);
	assert_int_equal(l.sent, SPORE_OK);
	assert_int_equal(l.received, SPORE_OK);
	free(l.data);
}

// Each direction says the end once, and it is not wired from then on; a stop request brings nothing back.
static void test_once(void **state)
{
	wire(*state);
	assert_int_equal(spore_chan_send(port, "one", 3, PATIENCE), SPORE_OK);
	assert_int_equal(stats().state, SPORE_CHAN_WIRED);
	kill_peer();
	assert_int_equal(receive(PATIENCE), SPORE_ECLOSED);
	enum spore_err e;
	do
		e = spore_chan_send(port, "two", 3, SPORE_NOW);
	while (e == SPORE_OK); // a stream says so when it was refused
	assert_int_equal(e, SPORE_ECLOSED);
	uint64_t lost = stats().lost;
	assert_int_equal(stats().state, SPORE_CHAN_UNWIRED);
	assert_string_equal(stats().transport, "");
	spore__chan_quiet(port);
	assert_int_equal(spore_chan_send(port, "three", 5, SPORE_NOW), SPORE_ENOTWIRED);
	spore__chan_end(port, SPORE_ECLOSED);
	assert_int_equal(spore_chan_send(port, "three", 5, SPORE_NOW), SPORE_ECLOSED); // for good
	assert_int_equal(stats().lost, lost);
}

static void test_the_sending_way_alone(void **state)
{
	wire(*state);
	assert_int_equal(spore_chan_send(port, "one", 3, PATIENCE), SPORE_OK);
	kill_peer();
	while (spore_chan_send(port, "two", 3, SPORE_NOW) == SPORE_OK)
		;
	uint64_t lost = stats().lost;
	spore__chan_quiet(port);
	assert_int_equal(spore_chan_send(port, "three", 5, SPORE_NOW), SPORE_ENOTWIRED);
	assert_int_equal(stats().lost, lost);
	wire(*state);
	assert_int_equal(spore_chan_send(port, "three", 5, SPORE_NOW), SPORE_ERETURNED);
	assert_int_equal(spore_chan_send(port, "three", 5, SPORE_NOW), SPORE_OK);
	assert_int_equal(stats().state, SPORE_CHAN_WIRED);
	expect(SPORE_OK, "three");
}

// While something is lent the end is said once; then it has to be given back.
static void test_lent(void **state)
{
	const void *data, *more;
	size_t len;
	wire(*state);
	assert_int_equal(spore_chan_send(peer, "one", 3, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_send(peer, "two", 3, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_read(port, &data, &len, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_read(port, &more, &len, PATIENCE), SPORE_OK);
	kill_peer();
	assert_int_equal(spore_chan_read(port, &more, &len, PATIENCE), SPORE_ECLOSED);
	assert_int_equal(spore_chan_read(port, &more, &len, SPORE_NOW), SPORE_EBUSY);
	assert_memory_equal(data, "one", 3);
	spore_chan_release(port);
	assert_int_equal(spore_chan_read(port, &more, &len, PATIENCE), SPORE_EBUSY);
	spore_chan_release(port);
	assert_int_equal(spore_chan_read(port, &more, &len, SPORE_NOW), SPORE_ENOTWIRED);
	wire(*state);
	assert_int_equal(spore_chan_read(port, &more, &len, PATIENCE), SPORE_ERETURNED);
	kill_peer();
	assert_int_equal(spore_chan_read(port, &more, &len, PATIENCE), SPORE_ECLOSED);
}

// What was queued counts as sent, so it is lost as what was sent.
static void test_queued(void **state)
{
	enum { MESSAGES = 50 };
	char text[64] = "";
	if (getenv("SPORE_POSIX") != NULL)
		return; // there are no rings
	wire(*state);
	for (int i = 0; i < MESSAGES; i++)
		assert_int_equal(spore_chan_queue(port, text, sizeof text, PATIENCE), SPORE_OK);
	kill_peer();
	assert_int_equal(receive(PATIENCE), SPORE_ECLOSED);
	enum spore_err e = SPORE_OK;
	while (e == SPORE_OK)
		e = spore_chan_send(port, text, 1, SPORE_NOW);
	assert_int_equal(e, SPORE_ECLOSED);
	assert_int_equal(stats().lost, stats().sent);
	assert_in_range(stats().lost, MESSAGES, SIZE_MAX);
}

#define OVER(fn, transport)                                                                                            \
	{                                                                                                              \
		.name = #fn " (" transport ")", .test_func = (fn), .setup_func = begin, .teardown_func = end,          \
		.initial_state = (void *)(transport)                                                                   \
	}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    OVER(test_stop_ends_nothing, "stream"),
	    OVER(test_stop_while_sending, "stream"),
	    OVER(test_once, "stream"),
	    OVER(test_the_sending_way_alone, "stream"),
	    OVER(test_lent, "stream"),
	    OVER(test_stop_ends_nothing, "ring"),
	    OVER(test_stop_while_sending, "ring"),
	    OVER(test_once, "ring"),
	    OVER(test_the_sending_way_alone, "ring"),
	    OVER(test_lent, "ring"),
	    OVER(test_queued, "ring"),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
