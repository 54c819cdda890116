// What a subscriber's port counts as dropped while it goes from one publisher to the next.
#include <string.h>

#include "port_rig.h"
#include "pub_rig.h"

enum { SMALL = 4096, LEN = 100, MANY = 200 };

// The port is wired to it, and it knows.
static void wire(struct port_rig *t, struct pub_rig *p)
{
	struct spore__channel_end ends[2];
	struct spore__transport *mine;
	assert_int_equal(spore__channel_make("publication", NULL, ends), SPORE_OK);
	ends[0].slow = ends[1].slow = SPORE_SLOW_DROP;
	assert_int_equal(spore__channel_end_open(&ends[1], &mine), SPORE_OK);
	spore__chan_install(t->p, mine, NULL, ++t->serial, false);
	spore__pub_add(p->t, &ends[0], t->serial);
	assert_int_equal(spore_chan_flush(p->pub, SPORE_NOW), SPORE_OK);
}

// Many more than its log holds.
static void publish(struct pub_rig *p)
{
	for (uint64_t i = 0; i < MANY; i++)
		pub_rig_publish(p, LEN, i);
}

static uint64_t dropped(const struct port_rig *t)
{
	struct spore_chan_stats s;
	spore_chan_stats(t->p, &s);
	return s.dropped;
}

// Receives the next message of the publisher that is received from, and returns how many are known to be dropped before it.
static uint64_t receive(struct port_rig *t, uint64_t *number)
{
	unsigned char bytes[LEN];
	size_t len;
	assert_int_equal(spore_chan_recv(t->p, bytes, sizeof bytes, &len, SPORE_NOW), SPORE_OK);
	memcpy(number, bytes, sizeof *number);
	return dropped(t);
}

static enum spore_err end(struct port_rig *t, uint64_t expected)
{
	unsigned char bytes[LEN];
	size_t len;
	enum spore_err e;
	while ((e = spore_chan_recv(t->p, bytes, sizeof bytes, &len, SPORE_NOW)) == SPORE_OK)
		assert_int_equal(dropped(t), expected);
	return e;
}

static void test_never_less(void **state)
{
	struct port_rig *t = *state;
	struct pub_rig first, second;
	uint64_t number;
	if (!pub_rig_begin(&first, SMALL))
		return;
	assert_true(pub_rig_begin(&second, SMALL));
	wire(t, &first);
	publish(&first);
	uint64_t before = receive(t, &number);
	assert_true(number > 0);
	assert_int_equal(before, number);
	wire(t, &second); // while there is more of the first one
	publish(&second);
	assert_int_equal(dropped(t), before);
	assert_int_equal(end(t, before), SPORE_ECLOSED);
	assert_int_equal(dropped(t), before);
	size_t len;
	assert_int_equal(spore_chan_recv(t->p, NULL, 0, &len, SPORE_NOW), SPORE_ERETURNED);
	uint64_t after = receive(t, &number);
	assert_true(number > 0);
	assert_int_equal(after, before + number);
	spore__chan_unwire(t->p, t->serial);
	assert_int_equal(dropped(t), after);
	assert_int_equal(end(t, after), SPORE_ECLOSED);
	assert_int_equal(dropped(t), after);
	spore_chan_close(first.pub);
	spore_chan_close(second.pub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {port_test(test_never_less)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
