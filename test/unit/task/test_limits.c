#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "task/hold.h"

static bool has(const struct spore__cpus *c, size_t cpu)
{
	return (c->bits[cpu / SPORE__CPU_BITS] >> (cpu % SPORE__CPU_BITS) & 1) != 0;
}

static void reads_processors(void **state)
{
	struct spore__cpus c;
	(void)state;
	assert_true(spore__confine_cpus("0,2-3,64,4095", &c));
	static const size_t wanted[] = {0, 2, 3, 64, 4095};
	size_t n = 0;
	for (size_t i = 0; i < SPORE__CPUS; i++)
		if (has(&c, i))
			assert_int_equal(wanted[n++], i);
	assert_int_equal(n, 5);
	static const char *const wrong[] = {
	    "", "a", "1,", ",1", "3-2", "1-", "-1", "4096", "0-4096", "1 ", "99999999999999999999"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		if (spore__confine_cpus(wrong[i], &c))
			fail_msg("%s is taken", wrong[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reads_processors)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
