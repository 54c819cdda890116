// A message of the largest size goes over each transport that takes it, in place where memory is shared.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chan/chan.h"

enum { PAGE = 4096 };

struct largest {
	struct spore_chan *from, *to;
	enum spore_err err;
};

// Each page says which it is.
static void fill(unsigned char *data)
{
	for (uint64_t at = 0; at < SPORE_CHAN_LARGEST; at += PAGE)
		memcpy(data + at, &at, sizeof at);
	data[SPORE_CHAN_LARGEST - 1] = 0xa5;
}

static bool is_filled(const unsigned char *data)
{
	for (uint64_t at = 0; at < SPORE_CHAN_LARGEST; at += PAGE)
		if (memcmp(data + at, &at, sizeof at) != 0)
			return false;
	return data[SPORE_CHAN_LARGEST - 1] == 0xa5;
}

static void *send_one(void *arg)
{
	struct largest *l = arg;
	void *data = NULL;
	l->err = spore_chan_loan(l->from, SPORE_CHAN_LARGEST, &data, SPORE_FOREVER);
	if (l->err != SPORE_OK)
		return NULL;
	fill(data);
	l->err = spore_chan_commit(l->from, SPORE_CHAN_LARGEST, SPORE_FOREVER);
	return NULL;
}

static void test_largest(void **state)
{
	struct spore__channel_end ends[2];
	struct largest l;
	pthread_t sender;
	const void *data;
	size_t len;
	enum spore_err e = spore__channel_make(*state, NULL, ends);
	if (e == SPORE_EUNSUPPORTED && getenv("SPORE_POSIX") != NULL)
		return;
	assert_int_equal(e, SPORE_OK);
	assert_int_equal(spore__chan_create(&ends[0], &l.from), SPORE_OK);
	assert_int_equal(spore__chan_create(&ends[1], &l.to), SPORE_OK);
	assert_int_equal(pthread_create(&sender, NULL, send_one, &l), 0);
	assert_int_equal(spore_chan_read(l.to, &data, &len, 120000), SPORE_OK);
	assert_true(len == SPORE_CHAN_LARGEST && is_filled(data));
	spore_chan_release(l.to);
	assert_int_equal(pthread_join(sender, NULL), 0);
	assert_int_equal(l.err, SPORE_OK);
	// It is gone on with behind it.
	assert_int_equal(spore_chan_send(l.from, "small", 5, 1000), SPORE_OK);
	char small[8];
	assert_int_equal(spore_chan_recv(l.to, small, sizeof small, &len, 1000), SPORE_OK);
	assert_int_equal(len, 5);
	spore_chan_close(l.from);
	spore_chan_close(l.to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    {.name = "test_largest (ring)", .test_func = test_largest, .initial_state = (void *)"ring"},
	    {.name = "test_largest (stream)", .test_func = test_largest, .initial_state = (void *)"stream"},
	    {.name = "test_largest (u32le)", .test_func = test_largest, .initial_state = (void *)"u32le"},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
