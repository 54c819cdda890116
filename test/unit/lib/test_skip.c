// A receiver that has no memory for a message throws it away, and goes on with the next.
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "chan/chan.h"
#include "chan/pub.h"
#include "sanitized.h"

enum { PATIENCE = 20000, MUCH = 8 << 20 };

static unsigned char bytes[MUCH]; // not of the heap, which would have room afterwards

struct sender {
	struct spore_chan *c;
	pthread_t thread;
	enum spore_err err;
};

static void *send_both(void *arg)
{
	struct sender *s = arg;
	s->err = spore_chan_send(s->c, bytes, MUCH, PATIENCE);
	if (s->err == SPORE_OK)
		s->err = spore_chan_send(s->c, "next", 4, PATIENCE);
	return NULL;
}

// What all calls say is looked at when there is memory again.
static void skip_without_memory(struct spore_chan *c)
{
	struct rlimit before, none;
	enum spore_err e[4];
	const void *data;
	char back[8];
	size_t len;
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
	for (int i = 0; i < 2; i++)
		e[i] = spore_chan_read(c, &data, &len, PATIENCE);
	e[2] = spore_chan_skip(c, PATIENCE);
	e[3] = spore_chan_recv(c, back, sizeof back, &len, PATIENCE);
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	assert_int_equal(e[0], SPORE_ENOMEM);
	assert_int_equal(e[1], SPORE_ENOMEM);
	assert_int_equal(e[2], SPORE_OK);
	assert_int_equal(e[3], SPORE_OK);
	assert_int_equal(len, 4);
	assert_memory_equal(back, "next", 4);
}

static void test_stream(void **state)
{
	struct spore__channel_end ends[2];
	struct spore_chan *c;
	struct sender s = {.err = SPORE_OK};
	char back[8];
	size_t len;
	(void)state;
	assert_int_equal(spore__channel_make("stream", NULL, ends), SPORE_OK);
	assert_int_equal(spore__chan_create(&ends[0], &s.c), SPORE_OK);
	assert_int_equal(spore__chan_create(&ends[1], &c), SPORE_OK);
	assert_int_equal(spore_chan_send(s.c, "", 0, PATIENCE), SPORE_OK); // it has its buffer
	assert_int_equal(spore_chan_recv(c, back, sizeof back, &len, PATIENCE), SPORE_OK);
	assert_int_equal(pthread_create(&s.thread, NULL, send_both, &s), 0);
	struct pollfd begun = {.fd = spore_chan_fd(c), .events = POLLIN};
	assert_int_equal(poll(&begun, 1, PATIENCE), 1);
	skip_without_memory(c);
	assert_int_equal(pthread_join(s.thread, NULL), 0);
	assert_int_equal(s.err, SPORE_OK);
	spore_chan_close(c);
	spore_chan_close(s.c);
}

static void test_ring(void **state)
{
	struct spore__channel_end ends[2];
	struct spore_chan *c;
	struct sender s = {.err = SPORE_OK};
	(void)state;
	if (spore__channel_make("ring", NULL, ends) != SPORE_OK)
		return;
	assert_int_equal(spore__chan_create(&ends[0], &s.c), SPORE_OK);
	assert_int_equal(spore__chan_create(&ends[1], &c), SPORE_OK);
	(void)send_both(&s);
	assert_int_equal(s.err, SPORE_OK);
	skip_without_memory(c);
	spore_chan_close(c);
	spore_chan_close(s.c);
}

static void test_publication(void **state)
{
	const struct spore__channel_sizes sizes = {.heap = 65536};
	struct spore__transport *t;
	struct spore__channel_end ends[2];
	struct spore_chan *pub, *c;
	char back[8];
	size_t len;
	(void)state;
	if (spore__pub_create(&sizes, NULL, &t) == SPORE_EUNSUPPORTED)
		return;
	struct sender s = {.err = SPORE_OK};
	assert_int_equal(spore__chan_create_over(t, &pub), SPORE_OK);
	assert_int_equal(spore__channel_make("publication", NULL, ends), SPORE_OK);
	assert_int_equal(spore__chan_create(&ends[1], &c), SPORE_OK);
	spore__pub_add(t, &ends[0], 1);
	assert_int_equal(spore_chan_flush(pub, SPORE_NOW), SPORE_OK); // it is taken
	assert_int_equal(spore_chan_send(pub, "", 0, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_recv(c, back, sizeof back, &len, PATIENCE), SPORE_OK); // it has mapped the memory
	s.c = pub;
	(void)send_both(&s);
	assert_int_equal(s.err, SPORE_OK);
	skip_without_memory(c);
	spore_chan_close(c);
	spore_chan_close(pub);
}

int main(void)
{
	if (SANITIZES) {
		(void)puts("1..0 # SKIP a sanitizer's memory is not to be limited");
		return 0;
	}
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stream), // before much was free again
	    cmocka_unit_test(test_ring),
	    cmocka_unit_test(test_publication),
	};
	return cmocka_run_group_tests_name("skip", tests, NULL, NULL);
}
