// A connection that is dropped anywhere, in the middle of a frame as a rule: what was received is whole and in order, nothing follows it, and
// neither end hangs.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chan/chan.h"
#include "rough.h"

enum { PATIENCE = 20000, LARGEST = 3000, ROUNDS = 60 };

static size_t make_message(unsigned char *data, uint32_t number)
{
	size_t len = sizeof number + number * 37 % (number % 8 == 7 ? LARGEST - sizeof number : 200);
	memset(data, (int)number, len);
	memcpy(data, &number, sizeof number);
	return len;
}

struct sender {
	struct spore_chan *c;
	enum spore_err err;
	uint32_t sent;
};

static void *send_until_cut(void *arg)
{
	unsigned char data[LARGEST];
	struct sender *s = arg;
	while (s->err == SPORE_OK) {
		size_t len = make_message(data, s->sent);
		s->err = spore_chan_send(s->c, data, len, PATIENCE);
		s->sent += s->err == SPORE_OK;
	}
	return NULL;
}

static uint32_t receive_until_cut(struct spore_chan *c, enum spore_err *end)
{
	unsigned char data[LARGEST], wanted[LARGEST];
	uint32_t count = 0;
	size_t len;
	while ((*end = spore_chan_recv(c, data, sizeof data, &len, PATIENCE)) == SPORE_OK) {
		assert_int_equal(len, make_message(wanted, count));
		assert_memory_equal(data, wanted, len);
		count++;
	}
	return count;
}

static void cut_at(const char *transport, uint32_t seed, size_t cut)
{
	struct spore__channel_end ends[2], other[2];
	struct spore_chan *to;
	struct sender s = {.sent = 0};
	pthread_t thread;
	enum spore_err end;
	size_t len;
	char more[8];
	assert_int_equal(spore__channel_make(transport, NULL, ends), SPORE_OK);
	assert_int_equal(spore__channel_make(transport, NULL, other), SPORE_OK);
	struct rough *rough = rough_start(ends[1].fds[0], other[0].fds[0], seed, cut);
	assert_non_null(rough);
	assert_int_equal(spore__chan_create(&ends[0], &s.c), SPORE_OK);
	assert_int_equal(spore__chan_create(&other[1], &to), SPORE_OK);
	assert_int_equal(pthread_create(&thread, NULL, send_until_cut, &s), 0);
	uint32_t received = receive_until_cut(to, &end);
	assert_true(end == SPORE_ECLOSED || end == SPORE_EEND || end == SPORE_EMALFORMED);
	if (strcmp(transport, "stream") == 0)
		assert_int_equal(end, SPORE_ECLOSED);                                   // it was not finished
	assert_int_equal(spore_chan_recv(to, more, sizeof more, &len, SPORE_NOW), end); // nor does it come back
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(s.err, SPORE_ECLOSED);
	assert_in_range(received, 0, s.sent + 1); // the one that failed may have been whole
	spore_chan_close(s.c);
	spore_chan_close(to);
	rough_stop(rough);
}

static void test_cut(void **state)
{
	const char *text = getenv("SPORE_TEST_SEED");
	uint32_t seed = text != NULL ? (uint32_t)strtoul(text, NULL, 10) : 1;
	for (size_t i = 1; i <= ROUNDS; i++) // each of the first bytes, and further on
		cut_at(*state, seed + (uint32_t)i, i < ROUNDS / 2 ? i : i * i * 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    {.name = "test_cut (stream)", .test_func = test_cut, .initial_state = (void *)"stream"},
	    {.name = "test_cut (u32le)", .test_func = test_cut, .initial_state = (void *)"u32le"},
	    {.name = "test_cut (u32be)", .test_func = test_cut, .initial_state = (void *)"u32be"},
	    {.name = "test_cut (netstring)", .test_func = test_cut, .initial_state = (void *)"netstring"},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
