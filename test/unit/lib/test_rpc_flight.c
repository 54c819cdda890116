// Calls in flight: answered later, cancelled, too many, without a peer; over every transport.
#include "rpc_rig.h"

#include <poll.h>

static void case_later(const char *transport)
{
	struct rig p;
	struct ended ended = {0};
	struct spore_writer *w;
	rig_open(&p, transport, NULL, NULL);
	rig_start(&p);
	struct spore_rpc_ask *kept = rig_begin(p.a, "keep", &w);
	assert_int_equal(spore_rpc_wait(kept, SPORE_NOW, NULL), SPORE_EAGAIN);
	rig_check_add(p.a, 1, 2); // others go on
	struct spore_rpc_ask *a = rig_begin(p.a, "release", &w);
	assert_int_equal(spore_rpc_wait(a, SOON, NULL), SPORE_OK);
	spore_rpc_end(a);
	assert_int_equal(spore_rpc_wait(kept, SOON, NULL), SPORE_OK);
	spore_rpc_end(kept);
	for (unsigned i = 1; i <= 50; i++) {
		a = rig_begin(p.a, "by_a_thread", &w);
		assert_int_equal(spore_rpc_start(a, SOON, rig_note_end, &ended), SPORE_OK);
		rig_turn_until(p.a, &ended, i);
		assert_int_equal(ended.value, 42);
	}
	rig_stop(&p);
	rig_close(&p);
}

static void case_cancel(const char *transport)
{
	struct rig p;
	struct spore_writer *w;
	rig_open(&p, transport, NULL, NULL);
	rig_start(&p);
	struct spore_rpc_ask *a = rig_begin(p.a, "hang", &w);
	assert_int_equal(spore_rpc_wait(a, SPORE_NOW, NULL), SPORE_EAGAIN);
	spore_rpc_cancel(a);
	assert_int_equal(spore_rpc_wait(a, SOON, NULL), SPORE_ECANCELLED);
	assert_string_equal(spore_rpc_why(a)->text, "as you wish");
	spore_rpc_cancel(a);
	spore_rpc_end(a);
	assert_int_equal(atomic_load(&p.cancelled), 1);

	a = rig_begin(p.a, "hang", &w); // its time is over
	assert_int_equal(spore_rpc_wait(a, 20, NULL), SPORE_ETIMEOUT);
	assert_int_equal(spore_rpc_why(a)->code, SPORE_ETIMEOUT); // whoever says so first
	spore_rpc_end(a);
	a = rig_begin(p.a, "hang", &w); // nobody wants it
	assert_int_equal(spore_rpc_wait(a, SPORE_NOW, NULL), SPORE_EAGAIN);
	spore_rpc_end(a);
	spore_rpc_end(rig_begin(p.a, "hang", &w)); // it was never sent

	struct ended ended = {0};
	a = rig_begin(p.a, "hang", &w);
	assert_int_equal(spore_rpc_start(a, 30, rig_note_end, &ended), SPORE_OK);
	rig_turn_until(p.a, &ended, 1);
	assert_int_equal(ended.e, SPORE_ETIMEOUT);
	struct spore_rpc_stats stats;
	do { // the answers that came too late free their slots
		rig_check_add(p.a, 1, 2);
		spore_rpc_stats(p.a, &stats);
	} while (stats.asked > 0);
	assert_int_equal(atomic_load(&p.cancelled), 4);
	rig_stop(&p);
	rig_close(&p);
}

static void case_busy(const char *transport)
{
	enum { LIMIT = 5 };
	struct rig p;
	struct spore_rpc_options few = {.in_flight = LIMIT}, many = {.in_flight = 100};
	struct spore_rpc_ask *asks[LIMIT + 1], *one;
	struct spore_writer *w;
	rig_open(&p, transport, &few, NULL);
	for (int i = 0; i < LIMIT; i++)
		assert_int_equal(spore_rpc_wait(asks[i] = rig_begin(p.a, "nothing", &w), SPORE_NOW, NULL),
		                 SPORE_EAGAIN);
	assert_int_equal(spore_rpc_ask(p.a, "nothing", 0, &one, &w), SPORE_EBUSY);
	rig_start(&p);
	for (int i = 0; i < LIMIT; i++) {
		assert_int_equal(spore_rpc_wait(asks[i], SOON, NULL), SPORE_OK);
		spore_rpc_end(asks[i]);
	}
	rig_check_add(p.a, 1, 1);
	rig_stop(&p);
	rig_close(&p);

	rig_open(&p, transport, &many, &few); // the other end says it
	for (int i = 0; i < LIMIT; i++)
		assert_int_equal(spore_rpc_wait(asks[i] = rig_begin(p.a, "hang", &w), SPORE_NOW, NULL), SPORE_EAGAIN);
	rig_start(&p);
	assert_int_equal(spore_rpc_wait(one = rig_begin(p.a, "nothing", &w), SOON, NULL), SPORE_EBUSY);
	assert_true(spore_rpc_why(one)->peer);
	spore_rpc_end(one);
	spore_rpc_cancel(asks[0]);
	assert_int_equal(spore_rpc_wait(asks[0], SOON, NULL), SPORE_ECANCELLED);
	rig_check_add(p.a, 1, 1);
	for (int i = 0; i < LIMIT; i++)
		spore_rpc_end(asks[i]);
	rig_stop(&p);
	rig_close(&p);
}

static void case_gone(const char *transport)
{
	enum { MANY = 100 };
	struct rig p;
	struct ended ended[MANY] = {0};
	struct spore_writer *w;
	rig_open(&p, transport, NULL, NULL);
	rig_start(&p);
	for (int i = 0; i < MANY; i++) {
		struct spore_rpc_ask *a = rig_begin(p.a, i > 0 ? "hang" : "keep", &w);
		assert_int_equal(spore_rpc_start(a, SPORE_FOREVER, rig_note_end, &ended[i]), SPORE_OK);
	}
	rig_check_add(p.a, 1, 1);
	rig_stop(&p);
	spore_rpc_close(p.b);
	spore_rpc_done(p.kept);
	enum spore_err e;
	do
		e = spore_rpc_turn(p.a, SOON);
	while (e == SPORE_OK);
	assert_true(e == SPORE_ECLOSED || e == SPORE_EEND);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(ended[i].count, 1);
		assert_true(ended[i].e == SPORE_ECLOSED || ended[i].e == SPORE_EEND || ended[i].e == SPORE_ECANCELLED);
	}
	struct spore_rpc_ask *a;
	assert_int_equal(spore_rpc_ask(p.a, "add", 0, &a, &w), e);
	assert_int_equal(spore_rpc_turn(p.a, SPORE_NOW), e);
	spore_rpc_close(p.a);
}

// This end closes: the other one's answers go nowhere, and its own calls end.
static void case_closed(const char *transport)
{
	struct rig p;
	struct ended ended = {0};
	struct spore_writer *w;
	rig_open(&p, transport, NULL, NULL);
	rig_start(&p);
	struct spore_rpc_ask *a = rig_begin(p.a, "keep", &w);
	assert_int_equal(spore_rpc_start(a, SPORE_FOREVER, rig_note_end, &ended), SPORE_OK);
	rig_check_add(p.a, 1, 1);
	spore_rpc_close(p.a);
	assert_int_equal(ended.count, 1);
	assert_int_equal(ended.e, SPORE_ECLOSED);
	rig_stop(&p);
	spore_rpc_close(p.b);
	spore_rpc_done(p.kept); // after that
}

struct heard {
	atomic_uint first, second;
};

static void hear_first(struct spore_rpc_call *call, void *data)
{
	struct heard *heard = data;
	atomic_fetch_add(&heard->first, 1);
	spore_rpc_done(call);
}

static void hear_second(struct spore_rpc_call *call, void *data)
{
	struct heard *heard = data;
	atomic_fetch_add(&heard->second, 1);
	spore_rpc_done(call);
}

// A call that is over before it could be sent, and the next one, which has its slot.
static void case_slot(const char *transport)
{
	static const struct spore_rpc_method methods[] = {
	    {.name = "first", .handle = hear_first}, {.name = "second", .handle = hear_second}, {0}};
	struct rig p;
	struct heard heard = {0};
	struct spore_rpc_options b = {.methods = methods, .data = &heard};
	struct spore_rpc_stats stats;
	struct spore_rpc_ask *a;
	struct spore_writer *w;
	static const unsigned char bytes[1000];
	rig_open(&p, transport, NULL, &b);
	do {
		assert_int_equal(spore_rpc_notice(p.a, "fill", 0, &a, &w), SPORE_OK);
		spore_write_array(w, 1);
		spore_write_bytes(w, bytes, sizeof bytes);
		assert_int_equal(spore_rpc_tell(a), SPORE_OK);
		spore_rpc_stats(p.a, &stats);
	} while (stats.queued == 0);
	a = rig_begin(p.a, "first", &w);
	assert_int_equal(spore_rpc_wait(a, 20, NULL), SPORE_ETIMEOUT);
	spore_rpc_end(a);
	while (spore_rpc_turn(p.b, SPORE_NOW) == SPORE_OK) // there is room again
		;
	a = rig_begin(p.a, "second", &w);
	assert_int_equal(spore_rpc_wait(a, SPORE_NOW, NULL), SPORE_EAGAIN);
	rig_start(&p);
	enum spore_err e = spore_rpc_wait(a, SOON, NULL);
	spore_rpc_end(a);
	rig_stop(&p);
	assert_int_equal(atomic_load(&heard.first), 0);
	assert_int_equal(atomic_load(&heard.second), 1);
	assert_int_equal(e, SPORE_OK);
	rig_close(&p);
}

static void case_polled(const char *transport)
{
	struct rig p;
	struct ended ended = {0};
	rig_open(&p, transport, NULL, NULL);
	rig_start(&p);
	for (unsigned i = 1; i <= 200; i++) {
		struct spore_rpc_ask *a = rig_begin_int(p.a, i % 3 ? "echo" : "by_a_thread", i);
		assert_int_equal(spore_rpc_start(a, SOON, rig_note_end, &ended), SPORE_OK);
		while (atomic_load(&ended.count) < i) {
			enum spore_err e;
			while ((e = spore_rpc_turn(p.a, SPORE_NOW)) == SPORE_OK)
				;
			assert_int_equal(e, SPORE_EAGAIN);
			if (atomic_load(&ended.count) == i)
				break;
			struct pollfd polled = {.fd = spore_rpc_fd(p.a), .events = spore_rpc_events(p.a)};
			assert_true(poll(&polled, 1, spore_rpc_timeout(p.a)) >= 0);
		}
		assert_int_equal(ended.e, SPORE_OK);
		assert_int_equal(ended.value, i % 3 ? i : 42);
	}
	rig_stop(&p);
	rig_close(&p);
}

static rig_case *const cases[] = {case_later,  case_cancel, case_busy,   case_gone,
                                  case_closed, case_slot,   case_polled, NULL};

int main(void)
{
	return rig_run(cases);
}
