#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/pause.h"

enum { START = 5 };

static void test_none(void **state)
{
	const struct spore__pause none = {0};
	(void)state;
	assert_false(spore__pause_lasts(&none, 0));
	assert_false(spore__pause_lasts(&none, START));
}

// How long it lasts, having begun at NOW.
static uint64_t length(const struct spore__pause *p, uint64_t now)
{
	uint64_t ms = 0;
	while (spore__pause_lasts(p, now + ms))
		ms++;
	return ms;
}

static void test_each_is_longer(void **state)
{
	static const uint64_t wanted[] = {100, 200, 400, 800, 1600, 3200, 3200, 3200};
	struct spore__pause p = {0};
	uint64_t now = START;
	(void)state;
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		spore__pause_begin(&p, now);
		assert_int_equal(length(&p, now), wanted[i]);
		now = p.until_ms + 1000;
	}
}

static void test_what_went_well_begins_anew(void **state)
{
	struct spore__pause p = {0};
	uint64_t now = START;
	(void)state;
	for (int i = 0; i < 4; i++)
		spore__pause_begin(&p, now);
	now += SPORE__PAUSE_CALM_MS;
	spore__pause_begin(&p, now);
	assert_int_equal(length(&p, now), SPORE__PAUSE_MS);
	spore__pause_begin(&p, now + SPORE__PAUSE_CALM_MS - 1);
	assert_int_equal(length(&p, now + SPORE__PAUSE_CALM_MS - 1), 2 * SPORE__PAUSE_MS);
}

static void test_a_brief_one_counts_for_nothing(void **state)
{
	struct spore__pause p = {0};
	(void)state;
	for (int i = 0; i < 4; i++)
		spore__pause_briefly(&p, START);
	assert_int_equal(length(&p, START), SPORE__PAUSE_MS);
	spore__pause_begin(&p, START);
	assert_int_equal(length(&p, START), SPORE__PAUSE_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_none),
	    cmocka_unit_test(test_each_is_longer),
	    cmocka_unit_test(test_what_went_well_begins_anew),
	    cmocka_unit_test(test_a_brief_one_counts_for_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
