// SIGKILL at any moment to a publisher or a subscriber: what the other gets is whole and in order, and it learns of the end. KILLS is how often.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "chan/chan.h"
#include "chan/pub_inside.h"
#include "pass.h"

enum { PATIENCE = 20000, LARGEST = 100000, TORN = 40, USUAL = 30, LOG = 16384 };

static const struct spore__channel_sizes sizes = {.heap = LOG};

static uint32_t next(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static size_t words_of(uint64_t number)
{
	return 1 + (size_t)(number * 2654435761U >> 8) % (number % 64 == 0 ? LARGEST / 8 : 60);
}

static void fill(uint64_t *words, uint64_t number)
{
	words[0] = number;
	for (size_t i = 1; i < words_of(number); i++)
		words[i] = number * UINT64_C(0x9e3779b97f4a7c15) + i;
}

static bool is_whole(const uint64_t *words, size_t len)
{
	if (len < 8 || len != words_of(words[0]) * 8)
		return false;
	for (size_t i = 1; i < len / 8; i++)
		if (words[i] != words[0] * UINT64_C(0x9e3779b97f4a7c15) + i)
			return false;
	return true;
}

static int kills(void)
{
	const char *text = getenv("KILLS");
	return text != NULL ? atoi(text) : USUAL;
}

static void kill_soon(pid_t child, uint32_t *seed)
{
	const struct timespec moment = {.tv_nsec = (long)(next(seed) % 4000) * 1000};
	(void)nanosleep(&moment, NULL);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static uint64_t bytes[LARGEST / 8 + 1];

static _Noreturn void publish_for_ever(struct spore__channel_end *end, enum spore_slow slow)
{
	struct spore__transport *t;
	struct spore_chan *pub;
	if (spore__pub_create(&sizes, NULL, &t) != SPORE_OK || spore__chan_create_over(t, &pub) != SPORE_OK)
		_exit(1);
	end->slow = slow;
	spore__pub_add(t, end, 1);
	(void)spore_chan_flush(pub, SPORE_NOW);
	for (uint64_t i = 0;; i++) {
		void *loan;
		fill(bytes, i);
		enum spore_err e = SPORE_OK;
		if (i % 3 == 0 && (e = spore_chan_loan(pub, words_of(i) * 8, &loan, PATIENCE)) == SPORE_OK) {
			memcpy(loan, bytes, words_of(i) * 8);
			e = spore_chan_commit(pub, words_of(i) * 8, PATIENCE);
		} else if (e == SPORE_OK) {
			e = spore_chan_queue(pub, bytes, words_of(i) * 8, PATIENCE);
		}
		if (e != SPORE_OK)
			_exit(1);
	}
}

static void test_publisher(void **state)
{
	uint32_t seed = 7;
	(void)state;
	for (int i = 0; i < kills(); i++) {
		struct spore__channel_end ends[2];
		struct spore_chan *c;
		enum spore_slow slow = i % 2 == 0 ? SPORE_SLOW_BLOCK : SPORE_SLOW_DROP;
		enum spore_err e = spore__channel_make("publication", NULL, ends);
		if (e == SPORE_EUNSUPPORTED)
			return;
		assert_int_equal(e, SPORE_OK);
		pid_t child = fork();
		if (child == 0) {
			spore__channel_end_close(&ends[1]);
			publish_for_ever(&ends[0], slow);
		}
		spore__channel_end_close(&ends[0]);
		ends[1].slow = slow;
		assert_int_equal(spore__chan_create(&ends[1], &c), SPORE_OK);
		uint64_t expected = 0;
		size_t len;
		for (uint32_t stop = next(&seed) % 3000;
		     (e = spore_chan_recv(c, bytes, sizeof bytes, &len, PATIENCE)) == SPORE_OK;
		     expected = bytes[0] + 1) {
			assert_true(is_whole(bytes, len));
			assert_true(bytes[0] == expected || (slow == SPORE_SLOW_DROP && bytes[0] > expected));
			if (stop-- == 0)
				kill_soon(child, &seed);
		}
		assert_int_equal(e, SPORE_ECLOSED);
		spore_chan_close(c);
	}
}

static struct spore_chan *subscribe_later(struct spore__transport *t, bool last)
{
	struct spore__channel_end ends[2];
	struct spore_chan *c;
	int memory[2];
	assert_int_equal(spore__channel_make("publication", NULL, ends), SPORE_OK);
	ends[1].last = last;
	assert_int_equal(spore__chan_create(&ends[1], &c), SPORE_OK);
	spore__pub_descriptors(t, memory);
	assert_true(spore__pass_send(ends[0].fds[1], "m", 1, &memory[0], 1) > 0); // as the hold does it
	spore__channel_end_close(&ends[0]);
	return c;
}

// It has ended after its messages were there to be received, and before it said which is the last of them.
static void publish_and_end(bool first, uint64_t count, bool finishes)
{
	struct spore__transport *t;
	struct spore_chan *pub;
	struct spore__pub_shape shape;
	unsigned char *map;
	uint64_t said, published;
	size_t len;
	int memory[2];
	if (spore__pub_create(&sizes, NULL, &t) == SPORE_EUNSUPPORTED)
		return;
	assert_int_equal(spore__chan_create_over(t, &pub), SPORE_OK);
	struct spore__pub_says *says = ((struct spore__pub *)t)->says;
	if (!first)
		assert_int_equal(spore_chan_send(pub, "before", 6, SPORE_NOW), SPORE_OK);
	said = atomic_load(&says->latest);
	for (uint64_t i = 0; i < count; i++) {
		fill(bytes, i);
		assert_int_equal(spore_chan_queue(pub, bytes, words_of(i) * 8, SPORE_NOW), SPORE_OK);
	}
	assert_int_equal(finishes ? spore_chan_finish(pub, SPORE_NOW) : spore_chan_flush(pub, SPORE_NOW), SPORE_OK);
	atomic_store(&says->latest, said);
	struct spore_chan *behind = subscribe_later(t, false), *with = subscribe_later(t, true);
	enum spore_err end = finishes ? SPORE_EEND : SPORE_ECLOSED;
	assert_int_equal(spore_chan_recv(behind, bytes, sizeof bytes, &len, PATIENCE), end);
	assert_int_equal(spore_chan_recv(with, bytes, sizeof bytes, &len, PATIENCE), SPORE_OK);
	assert_true(is_whole(bytes, len));
	assert_int_equal(bytes[0], count - 1);
	assert_int_equal(spore_chan_recv(with, bytes, sizeof bytes, &len, PATIENCE), end);
	spore__pub_descriptors(t, memory);
	assert_int_equal(spore__pub_map(memory[0], &shape, &map), SPORE_OK);
	assert_true(spore__pub_published(map, &shape, &published));
	assert_int_equal(published, count + !first);
	spore__pub_unmap(map, &shape);
	spore_chan_close(behind);
	spore_chan_close(with);
	spore_chan_close(pub);
}

static void test_between_two_words(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++)
		publish_and_end((i & 1) != 0, (i & 2) != 0 ? 16 : 1, (i & 4) != 0);
}

static _Noreturn void subscribe_for_ever(struct spore__channel_end *end, enum spore_slow slow)
{
	struct spore_chan *c;
	size_t len;
	end->slow = slow;
	if (spore__chan_create(end, &c) != SPORE_OK)
		_exit(1);
	while (spore_chan_recv(c, bytes, sizeof bytes, &len, PATIENCE) == SPORE_OK)
		if (!is_whole(bytes, len))
			_exit(TORN);
	_exit(1);
}

static void test_subscriber(void **state)
{
	struct spore__transport *t;
	struct spore_chan *pub;
	uint32_t seed = 9;
	uint64_t number = 0;
	(void)state;
	if (spore__pub_create(&sizes, NULL, &t) == SPORE_EUNSUPPORTED)
		return;
	assert_int_equal(spore__chan_create_over(t, &pub), SPORE_OK);
	for (int i = 0; i < kills(); i++) {
		struct spore__channel_end ends[2];
		enum spore_slow slow = (enum spore_slow)(i % 3);
		assert_int_equal(spore__channel_make("publication", NULL, ends), SPORE_OK);
		pid_t child = fork();
		if (child == 0) {
			spore__channel_end_close(&ends[0]);
			subscribe_for_ever(&ends[1], slow);
		}
		spore__channel_end_close(&ends[1]);
		ends[0].slow = slow;
		spore__pub_add(t, &ends[0], (uint64_t)i);
		uint32_t stop = next(&seed) % 2000;
		for (uint32_t k = 0; k < stop + 500; k++, number++) { // it is waited for no longer
			fill(bytes, number);
			assert_int_equal(spore_chan_send(pub, bytes, words_of(number) * 8, PATIENCE), SPORE_OK);
			if (k == stop)
				kill_soon(child, &seed);
		}
	}
	spore_chan_close(pub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_publisher),
	    cmocka_unit_test(test_between_two_words),
	    cmocka_unit_test(test_subscriber),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
