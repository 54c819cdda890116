// A subscriber that is there before a message is sent has it, though the publisher has not looked since, and it has not received yet itself.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "chan/chan.h"
#include "pub_rig.h"

static struct spore_chan *join(struct pub_rig *b)
{
	return pub_rig_wire(b, SPORE_SLOW_BLOCK, false);
}

static uint64_t count(const struct pub_rig *b)
{
	struct spore_chan_stats s;
	spore_chan_stats(b->pub, &s);
	return s.subscribers;
}

static void tell(struct pub_rig *b, const char *text)
{
	assert_int_equal(spore_chan_send(b->pub, text, strlen(text), PATIENCE), SPORE_OK);
}

static void expect(struct spore_chan *c, const char *text)
{
	char got[16];
	size_t len;
	assert_int_equal(spore_chan_recv(c, got, sizeof got, &len, PATIENCE), SPORE_OK);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(got, text, len);
}

static void expect_end(struct spore_chan *c)
{
	char got[16];
	size_t len;
	assert_int_equal(spore_chan_recv(c, got, sizeof got, &len, PATIENCE), SPORE_EEND);
	spore_chan_close(c);
}

static int set_up(void **state)
{
	static struct pub_rig b;
	b = (struct pub_rig){0};
	*state = &b;
	if (spore__pub_create(NULL, NULL, &b.t) != SPORE_EUNSUPPORTED)
		assert_int_equal(spore__chan_create_over(b.t, &b.pub), SPORE_OK);
	return 0;
}

static int tear_down(void **state)
{
	spore_chan_close(((struct pub_rig *)*state)->pub);
	return 0;
}

static void test_send(void **state)
{
	struct pub_rig *b = *state;
	if (b->pub == NULL)
		return;
	struct spore_chan *first = join(b);
	assert_int_equal(count(b), 1);
	tell(b, "one");
	struct spore_chan *second = join(b);
	assert_int_equal(count(b), 2);
	tell(b, "two");
	assert_int_equal(spore_chan_finish(b->pub, PATIENCE), SPORE_OK);
	expect(first, "one");
	expect(first, "two");
	expect_end(first);
	expect(second, "two");
	expect_end(second);
}

static void test_loan(void **state)
{
	struct pub_rig *b = *state;
	void *loan;
	if (b->pub == NULL)
		return;
	assert_int_equal(spore_chan_loan(b->pub, 4, &loan, PATIENCE), SPORE_OK);
	struct spore_chan *c = join(b); // while it is filled
	memcpy(loan, "lent", 4);
	assert_int_equal(spore_chan_commit(b->pub, 4, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_finish(b->pub, PATIENCE), SPORE_OK);
	expect(c, "lent");
	expect_end(c);
}

// It begins behind what was queued before, and misses none of the rest.
static void test_queue(void **state)
{
	struct pub_rig *b = *state;
	struct spore_chan_stats s;
	if (b->pub == NULL)
		return;
	struct spore_chan *first = join(b);
	assert_int_equal(spore_chan_queue(b->pub, "one", 3, PATIENCE), SPORE_OK);
	struct spore_chan *second = join(b);
	assert_int_equal(spore_chan_queue(b->pub, "two", 3, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_flush(b->pub, PATIENCE), SPORE_OK);
	tell(b, "three");
	assert_int_equal(spore_chan_finish(b->pub, PATIENCE), SPORE_OK);
	expect(first, "one");
	expect(first, "two");
	expect(first, "three");
	expect_end(first);
	expect(second, "two");
	expect(second, "three");
	spore_chan_stats(second, &s);
	assert_int_equal(s.dropped, 0);
	expect_end(second);
}

static void test_finish(void **state)
{
	struct pub_rig *b = *state;
	if (b->pub == NULL)
		return;
	struct spore_chan *c = join(b);
	assert_int_equal(spore_chan_finish(b->pub, PATIENCE), SPORE_OK);
	expect_end(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_send, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_loan, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_queue, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_finish, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
