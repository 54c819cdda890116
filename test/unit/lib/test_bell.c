// The doorbells of a ring.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../lib/os/os.h"
#include "chan/chan.h"

struct pair {
	struct spore_chan *a, *b;
};

static bool begin(struct pair *p, const struct spore__channel_sizes *sizes)
{
	struct spore__channel_end ends[2];
	if (spore__channel_make("ring", sizes, ends) != SPORE_OK)
		return false; // not on this platform
	assert_int_equal(spore__chan_create(&ends[0], &p->a), SPORE_OK);
	assert_int_equal(spore__chan_create(&ends[1], &p->b), SPORE_OK);
	return true;
}

// Where descriptors run out half-way nothing is left open, and nothing is closed that is not its own any more.
static void test_descriptors_run_out(void **state)
{
	enum { NEEDED = 7 };
	struct rlimit before, limit;
	struct pair p;
	int first = open("/dev/null", O_RDONLY | O_CLOEXEC), bell[2] = {5, 5};
	(void)state;
	assert_true(first >= 0);
	close(first);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	for (int more = 0; more < NEEDED; more++) {
		limit.rlim_cur = (rlim_t)first + (rlim_t)more;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		struct spore__channel_end ends[2];
		enum spore_err e = spore__channel_make("ring", NULL, ends);
		int bell_made = more < 3 ? spore__io_doorbell(bell) : -1;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_true(e == SPORE_ESYSTEM || e == SPORE_EUNSUPPORTED);
		assert_int_equal(bell_made, -1);
		assert_true(more >= 3 || (bell[0] == -1 && bell[1] == -1));
		int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_int_equal(next, first);
		close(next);
	}
	if (!begin(&p, NULL))
		return;
	spore_chan_close(p.a);
	spore_chan_close(p.b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_descriptors_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
