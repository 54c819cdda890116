// What the node says to a bridge arrives as it was, and nothing else is taken for it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/start.h"

static const struct spore__bridge_start start = {
    .ends = {{"shop/editor@2.stdio", "lsp", "stream", SPORE__CODEC_PEER_CALLS, true, true, 2},
             {"shop/tool.calls", "jsonl,method=echo", "messages", SPORE__CODEC_PEER_SERVES, false, true, 1}},
    .state = "/state",
    .record = "/state/holds/x/bridge-7",
};

static void test_round_trip(void **state)
{
	struct spore__msgpack_writer w = {0};
	struct spore__bridge_start out;
	(void)state;
	spore__bridge_start_encode(&start, &w);
	assert_int_equal(w.err, 0);
	assert_true(spore__bridge_start_decode(&out, w.data, w.len));
	for (int i = 0; i < 2; i++) {
		assert_string_equal(out.ends[i].name, start.ends[i].name);
		assert_string_equal(out.ends[i].spec, start.ends[i].spec);
		assert_string_equal(out.ends[i].how, start.ends[i].how);
		assert_int_equal(out.ends[i].role, start.ends[i].role);
		assert_int_equal(out.ends[i].reads, start.ends[i].reads);
		assert_int_equal(out.ends[i].writes, start.ends[i].writes);
		assert_int_equal(out.ends[i].count, start.ends[i].count);
	}
	assert_string_equal(out.state, start.state);
	assert_string_equal(out.record, start.record);
	spore__msgpack_writer_finish(&w);
}

static void test_anything_else(void **state)
{
	struct spore__msgpack_writer w = {0};
	struct spore__bridge_start out;
	(void)state;
	spore__bridge_start_encode(&start, &w);
	for (size_t len = 0; len < w.len; len++)
		assert_false(spore__bridge_start_decode(&out, w.data, len));
	for (size_t i = 0; i < w.len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			w.data[i] ^= (unsigned char)(1U << bit);
			if (spore__bridge_start_decode(&out, w.data, w.len))
				assert_in_range(out.ends[0].count, 1, SPORE__BRIDGE_FDS);
			w.data[i] ^= (unsigned char)(1U << bit);
		}
	spore__msgpack_writer_finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_anything_else)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
