// What a hold says of its task: it goes out and comes in the same, and what is not it is refused.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "task/state.h"

static void sample(struct spore__hold_state *s)
{
	memset(s, 0, sizeof *s);
	s->phase = SPORE__PHASE_WAITING;
	s->wanted = s->core = true;
	s->hold = 17;
	s->run = INT64_MAX;
	s->end = SPORE__END_SIGNALLED;
	s->code = -1;
	s->memory_kib = 512;
	strcpy(s->why, "it ended");
	strcpy(s->tree, "subreaper");
}

static void test_round_trip(void **state)
{
	(void)state;
	struct spore__hold_state a, b;
	struct spore__msgpack_writer w = {0};
	sample(&a);
	spore__state_encode(&a, &w);
	assert_int_equal(w.err, 0);
	assert_int_equal(spore__state_decode(spore__msgpack_reader(w.data, w.len), &b), SPORE_OK);
	assert_memory_equal(&a, &b, sizeof a);
	spore__msgpack_writer_finish(&w);
}

static void test_what_is_empty_is_left_out(void **state)
{
	(void)state;
	struct spore__hold_state a = {0}, b;
	struct spore__msgpack_writer w = {0};
	spore__state_encode(&a, &w);
	assert_int_equal(w.len, 1);
	assert_int_equal(spore__state_decode(spore__msgpack_reader(w.data, w.len), &b), SPORE_OK);
	assert_memory_equal(&a, &b, sizeof a);
	spore__msgpack_writer_finish(&w);
}

static enum spore_err decode_pair(struct spore__msgpack_writer *w, struct spore__hold_state *s)
{
	enum spore_err e = spore__state_decode(spore__msgpack_reader(w->data, w->len), s);
	spore__msgpack_writer_finish(w);
	return e;
}

static void test_texts_are_cut_on_a_character(void **state)
{
	(void)state;
	struct spore__hold_state s;
	struct spore__msgpack_writer w = {0};
	char text[400];
	memset(text, 'x', sizeof text);
	memcpy(text + 254, "\xc3\xa9", 2); // its second byte would be the 256th
	spore__msgpack_map(&w, 1);
	spore__msgpack_str(&w, "status");
	spore__msgpack_strn(&w, text, sizeof text);
	assert_int_equal(decode_pair(&w, &s), SPORE_OK);
	assert_int_equal(strlen(s.status), 254);
}

static void test_unknown_keys_are_passed_over(void **state)
{
	(void)state;
	struct spore__hold_state s;
	struct spore__msgpack_writer w = {0};
	spore__msgpack_map(&w, 2);
	spore__msgpack_str(&w, "of a later version");
	spore__msgpack_array(&w, 1);
	spore__msgpack_nil(&w);
	spore__msgpack_str(&w, "run");
	spore__msgpack_int(&w, 4);
	assert_int_equal(decode_pair(&w, &s), SPORE_OK);
	assert_int_equal(s.run, 4);
}

static void test_refusals(void **state)
{
	(void)state;
	const struct spore__hold_state zero = {0};
	struct spore__hold_state s;
	struct spore__msgpack_writer w = {0};
	spore__msgpack_map(&w, 2);
	spore__msgpack_str(&w, "run");
	spore__msgpack_int(&w, 4);
	spore__msgpack_str(&w, "phase");
	spore__msgpack_str(&w, "dreaming");
	assert_int_equal(decode_pair(&w, &s), SPORE_EMALFORMED);
	assert_memory_equal(&s, &zero, sizeof s);
	spore__msgpack_map(&w, 1);
	spore__msgpack_str(&w, "pid");
	spore__msgpack_str(&w, "1");
	assert_int_equal(decode_pair(&w, &s), SPORE_EMALFORMED);
	spore__msgpack_int(&w, 1);
	assert_int_equal(decode_pair(&w, &s), SPORE_EMALFORMED);
}

static void test_cut_off_anywhere(void **state)
{
	(void)state;
	struct spore__hold_state a, b;
	struct spore__msgpack_writer w = {0};
	sample(&a);
	spore__state_encode(&a, &w);
	for (size_t len = 0; len < w.len; len++) {
		void *copy = malloc(len + 1);
		assert_non_null(copy);
		memcpy(copy, w.data, len);
		assert_int_equal(spore__state_decode(spore__msgpack_reader(copy, len), &b), SPORE_EMALFORMED);
		free(copy);
	}
	spore__msgpack_writer_finish(&w);
}

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(spore__phase_word(SPORE__PHASE_STARTING), "starting");
	assert_string_equal(spore__phase_word(SPORE__PHASE_ENDED), "ended");
	assert_string_equal(spore__end_word(SPORE__END_NONE), "none");
	assert_string_equal(spore__end_word(SPORE__END_NOT_READY), "not-ready");
	assert_string_equal(spore__end_word(SPORE__END_LOST), "lost");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_what_is_empty_is_left_out),
	    cmocka_unit_test(test_texts_are_cut_on_a_character),
	    cmocka_unit_test(test_unknown_keys_are_passed_over),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_cut_off_anywhere),
	    cmocka_unit_test(test_words),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
