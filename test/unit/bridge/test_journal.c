// A bridge process is killed at any moment, and the next one goes on: nothing is lost, nothing comes twice, and who waits is known.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/journal.h"

static struct spore__journal *j;
static struct spore__buf in[2], out[2];

static int begin(void **state)
{
	(void)state;
	j = calloc(1, sizeof *j);
	return j != NULL ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	free(j);
	for (int i = 0; i < 2; i++) {
		spore__buf_finish(&in[i]);
		spore__buf_finish(&out[i]);
	}
	return 0;
}

static bool recover(void)
{
	for (int i = 0; i < 2; i++)
		in[i].len = out[i].len = 0;
	return spore__journal_recover(j, in, out);
}

static void came(int side, const char *text)
{
	spore__journal_moves(j);
	spore__journal_came(j, side, text, strlen(text));
}

static void assert_text(const struct spore__buf *b, const char *text)
{
	assert_int_equal(b->len, strlen(text));
	assert_memory_equal(b->len > 0 ? b->data : "", text, b->len);
}

static void test_steps(void **state)
{
	(void)state;
	came(0, "hello wor");
	spore__journal_step(j)->used[0] += 6;
	spore__journal_made(j, 1, "HELLO", 5);
	// Until it is committed nothing of it is true.
	assert_true(recover());
	assert_text(&in[0], "hello wor");
	assert_text(&out[1], "");
	spore__journal_commit(j);
	assert_true(recover());
	assert_text(&in[0], "wor");
	assert_text(&out[1], "HELLO");
	assert_text(&in[1], "");
	assert_text(&out[0], "");
	spore__journal_moves(j);
	spore__journal_sent(j, 1, 2);
	assert_true(recover());
	assert_text(&out[1], "LLO");
	// In the middle of a write nobody knows.
	spore__journal_moves(j);
	assert_false(recover());
	spore__journal_sent(j, 1, 0);
	assert_true(recover());
}

struct orphans {
	int count, side;
	char ids[64];
};

static void note(void *arg, int side, const void *id, size_t len)
{
	struct orphans *o = arg;
	o->count++;
	o->side = side;
	strncat(o->ids, id, len);
}

static void test_calls(void **state)
{
	struct orphans o = {0};
	(void)state;
	int a = spore__journal_call(j, 0, "a", 1);
	spore__journal_commit(j);
	int b = spore__journal_call(j, 1, "b", 1);
	assert_true(a >= 0 && b >= 0 && a != b);
	spore__journal_answer(j, a);
	spore__journal_answer(j, a); // it is answered once
	spore__journal_commit(j);
	int c = spore__journal_call(j, 0, "c", 1);
	spore__journal_answer(j, c); // by a step that never was
	spore__journal_orphans(j, note, &o);
	assert_int_equal(o.count, 2);
	assert_non_null(strchr(o.ids, 'b'));
	assert_non_null(strchr(o.ids, 'c'));
	o = (struct orphans){0};
	spore__journal_orphans(j, note, &o);
	assert_int_equal(o.count, 0);
	// All slots, and one more.
	for (int i = 0; i < SPORE__JOURNAL_CALLS; i++)
		assert_true(spore__journal_call(j, 0, "x", 1) >= 0);
	assert_int_equal(spore__journal_call(j, 0, "x", 1), -1);
	for (int i = 0; i < SPORE__JOURNAL_CALLS; i++)
		spore__journal_answer(j, i);
	spore__journal_commit(j);
	assert_true(spore__journal_call(j, 0, "x", 1) >= 0);
	char large[SPORE__JOURNAL_ID + 1] = {0};
	assert_int_equal(spore__journal_call(j, 0, large, sizeof large), -1);
}

// Random traffic through steps and partial writes, with a look at each moment: what is recovered is what has not gone on.
static void test_traffic(void **state)
{
	static unsigned char sent_in[1 << 20], piece[100000];
	size_t total = 0, used = 0, made = 0, sent = 0;
	uint64_t random = 7;
	(void)state;
	for (int round = 0; round < 2000; round++) {
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
		size_t n = (size_t)(random >> 33) % (round % 50 == 0 ? 90000 : 900);
		if (total + n > sizeof sent_in)
			break;
		for (size_t i = 0; i < n; i++)
			sent_in[total + i] = piece[i] = (unsigned char)((total + i) * 31 >> 3);
		spore__journal_moves(j);
		spore__journal_came(j, 0, piece, n);
		total += n;
		size_t step = total - used < n + 10 ? total - used : n + 10;
		spore__journal_step(j)->used[0] += step;
		spore__journal_made(j, 1, sent_in + used, step);
		if (random % 3 != 0) {
			spore__journal_commit(j);
			used += step;
			made += step;
		} else {
			// The next process has not heard of this step.
			spore__journal_orphans(j, note, &(struct orphans){0});
		}
		size_t part = (made - sent) / 2;
		spore__journal_moves(j);
		spore__journal_sent(j, 1, part);
		sent += part;
		bool fits = total - used <= SPORE__JOURNAL_ROOM && made - sent <= SPORE__JOURNAL_ROOM;
		bool good = recover();
		assert_true(good || !fits || random % 3 == 0);
		if (good) {
			assert_int_equal(in[0].len, total - used);
			assert_memory_equal(in[0].data, sent_in + used, total - used);
			assert_int_equal(out[1].len, made - sent);
			assert_memory_equal(out[1].data, sent_in + sent, made - sent);
		}
	}
	assert_true(total > 500000);
}

static void test_more_than_there_is_room_for(void **state)
{
	static unsigned char large[SPORE__JOURNAL_ROOM + 1];
	(void)state;
	spore__journal_moves(j);
	spore__journal_came(j, 1, large, sizeof large);
	assert_false(recover());
	spore__journal_step(j)->used[1] += 1;
	spore__journal_commit(j);
	assert_true(recover());
	assert_int_equal(in[1].len, SPORE__JOURNAL_ROOM);
	spore__journal_made(j, 0, large, sizeof large);
	assert_false(recover()); // what it overwrote may be needed
	spore__journal_commit(j);
	assert_false(recover());
	spore__journal_moves(j);
	spore__journal_sent(j, 0, 1);
	assert_true(recover());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_steps, begin, finish),
	    cmocka_unit_test_setup_teardown(test_calls, begin, finish),
	    cmocka_unit_test_setup_teardown(test_traffic, begin, finish),
	    cmocka_unit_test_setup_teardown(test_more_than_there_is_room_for, begin, finish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
