// A stream that takes a message in part, while the two directions are in threads of their own.
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "chan/chan.h"

enum { PATIENCE = 20000, MUCH = 8 << 20 };

struct receiver {
	struct spore_chan *c;
	enum spore_err err;
	char text[8];
	size_t len;
};

static void *receive(void *arg)
{
	struct receiver *r = arg;
	r->err = spore_chan_recv(r->c, r->text, sizeof r->text, &r->len, PATIENCE);
	return NULL;
}

// Who has sent as much as its time allowed makes no further call: the rest leaves with the thread that waits for the answer.
static void test_the_rest_of_a_question(void **state)
{
	static unsigned char bytes[MUCH], got[MUCH];
	struct spore__channel_end ends[2];
	struct spore_chan *a, *b;
	struct spore_chan_stats stats = {0};
	pthread_t thread;
	size_t len;
	(void)state;
	for (int way = 0; way < 3; way++) {
		assert_int_equal(spore__channel_make("stream", NULL, ends), SPORE_OK);
		assert_int_equal(spore__chan_create(&ends[0], &a), SPORE_OK);
		assert_int_equal(spore__chan_create(&ends[1], &b), SPORE_OK);
		struct receiver r = {.c = a};
		assert_int_equal(pthread_create(&thread, NULL, receive, &r), 0);
		for (; stats.slept == 0; spore_chan_stats(a, &stats))
			(void)sched_yield();
		stats.slept = 0;
		memset(bytes, way + 1, sizeof bytes);
		if (way < 2) {
			assert_int_equal(spore_chan_send(a, bytes, sizeof bytes, way), SPORE_OK);
		} else {
			void *loan;
			assert_int_equal(spore_chan_loan(a, sizeof bytes, &loan, SPORE_NOW), SPORE_OK);
			memcpy(loan, bytes, sizeof bytes);
			assert_int_equal(spore_chan_commit(a, sizeof bytes, SPORE_NOW), SPORE_OK);
		}
		assert_int_equal(spore_chan_recv(b, got, sizeof got, &len, PATIENCE), SPORE_OK);
		assert_int_equal(len, sizeof got);
		assert_memory_equal(got, bytes, sizeof got);
		assert_int_equal(spore_chan_send(b, "answer", 6, PATIENCE), SPORE_OK);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_int_equal(r.err, SPORE_OK);
		assert_int_equal(r.len, 6);
		assert_memory_equal(r.text, "answer", 6);
		spore_chan_close(a);
		spore_chan_close(b);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_rest_of_a_question),
	};
	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
