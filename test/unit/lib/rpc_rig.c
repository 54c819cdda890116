#include "rpc_rig.h"

#include <time.h>

#include "chan/chan.h"

// ---- what the serving end does

static void add(struct spore_rpc_call *call, void *data)
{
	struct rig *p = data;
	int64_t a, b;
	atomic_fetch_add(&p->ran, 1);
	if (spore_rpc_int(call, 0, "a", &a) && spore_rpc_int(call, 1, "b", &b)) {
		spore_write_int(spore_rpc_result(call, 0), a + b);
		spore_rpc_done(call);
	}
}

static void fail_with_data(struct spore_rpc_call *call, void *data)
{
	(void)data;
	struct spore_writer *w = spore_rpc_failure(call, -32001, "no %s", "luck");
	spore_write_map(w, 1);
	spore_write_str(w, "seven");
	spore_write_int(w, 7);
	spore_rpc_done(call);
}

static void nothing(struct spore_rpc_call *call, void *data)
{
	(void)data;
	spore_rpc_done(call);
}

static void two_values(struct spore_rpc_call *call, void *data)
{
	(void)data;
	struct spore_writer *w = spore_rpc_result(call, 0);
	spore_write_int(w, 1);
	spore_write_int(w, 2);
	spore_rpc_done(call);
}

static void echo(struct spore_rpc_call *call, void *data)
{
	(void)data;
	struct spore_reader at;
	if (!spore_rpc_param(call, 0, NULL, &at)) {
		spore_rpc_fail(call, SPORE_EINVALID, "nothing to echo");
		return;
	}
	struct spore_reader from = at;
	(void)spore_read_skip(&at);
	spore_write_raw(spore_rpc_result(call, (size_t)(at.at - from.at)), from.at, (size_t)(at.at - from.at));
	spore_rpc_done(call);
}

static void count_to(struct spore_rpc_call *call, void *data)
{
	(void)data;
	int64_t n;
	if (!spore_rpc_int(call, 0, "n", &n))
		return;
	for (int64_t i = 0; i < n; i++) {
		spore_write_int(spore_rpc_item(call, 0), i);
		enum spore_err e = spore_rpc_send(call, SOON);
		if (e != SPORE_OK) {
			spore_rpc_fail(call, e, "item %d", (int)i);
			return;
		}
	}
	spore_write_float(spore_rpc_progress(call), 1.0);
	(void)spore_rpc_send(call, SOON);
	spore_write_int(spore_rpc_result(call, 0), n);
	spore_rpc_done(call);
}

static void on_cancel(struct spore_rpc_call *call, void *arg)
{
	struct rig *p = arg;
	atomic_fetch_add(&p->cancelled, 1);
	spore_rpc_fail(call, SPORE_ECANCELLED, "as you wish");
}

static void hang(struct spore_rpc_call *call, void *data)
{
	spore_rpc_on_cancel(call, on_cancel, data);
}

static void keep(struct spore_rpc_call *call, void *data)
{
	struct rig *p = data;
	p->kept = call;
}

static void release(struct spore_rpc_call *call, void *data)
{
	struct rig *p = data;
	spore_write_str(spore_rpc_result(p->kept, 0), "at last");
	spore_rpc_done(p->kept);
	p->kept = NULL;
	spore_rpc_done(call);
}

static void *answer_later(void *arg)
{
	struct spore_rpc_call *call = arg;
	spore_write_int(spore_rpc_result(call, 0), 42);
	spore_rpc_done(call);
	return NULL;
}

static void by_a_thread(struct spore_rpc_call *call, void *data)
{
	(void)data;
	pthread_t t;
	if (pthread_create(&t, NULL, answer_later, call) == 0)
		(void)pthread_detach(t);
	else
		spore_rpc_fail(call, SPORE_ESYSTEM, "no thread");
}

static void remaining(struct spore_rpc_call *call, void *data)
{
	(void)data;
	spore_write_int(spore_rpc_result(call, 0), spore_rpc_remaining(call));
	spore_rpc_done(call);
}

static int64_t ask_down(struct spore_rpc *r, int64_t n, enum spore_err *e)
{
	struct spore_rpc_ask *a;
	struct spore_writer *w;
	struct spore_reader result;
	int64_t got = -1;
	*e = spore_rpc_ask(r, "down", 0, &a, &w);
	if (*e != SPORE_OK)
		return -1;
	spore_write_array(w, 1);
	spore_write_int(w, n);
	*e = spore_rpc_wait(a, SPORE_INHERIT, &result);
	if (*e == SPORE_OK)
		(void)spore_read_int(&result, &got);
	spore_rpc_end(a);
	return got;
}

// Calls the other end with one less, which does likewise.
static void down(struct spore_rpc_call *call, void *data)
{
	(void)data;
	int64_t n;
	if (!spore_rpc_int(call, 0, "n", &n))
		return;
	enum spore_err e = SPORE_OK;
	int64_t got = n == 0 ? 0 : ask_down(spore_rpc_of(call), n - 1, &e);
	if (e != SPORE_OK) {
		spore_rpc_fail(call, e, "at %d", (int)n);
		return;
	}
	spore_write_int(spore_rpc_result(call, 0), got + 1);
	spore_rpc_done(call);
}

static const struct spore_rpc_field add_params[] = {{.name = "a", .type = "int"}, {.name = "b", .type = "int"}, {0}};
static const struct spore_rpc_field add_result[] = {{.name = "", .type = "int", .help = "the sum"}, {0}};
static const struct spore_rpc_fault faults[] = {{.code = SPORE_EINVALID}, {.code = -32001, .help = "no luck"}, {0}};
static const struct spore_rpc_method methods[] = {
    {.name = "add", .handle = add, .help = "The sum", .params = add_params, .result = add_result, .errors = faults},
    {.name = "fail", .handle = fail_with_data},
    {.name = "nothing", .handle = nothing},
    {.name = "two_values", .handle = two_values},
    {.name = "echo", .handle = echo},
    {.name = "count_to", .handle = count_to, .items = add_result},
    {.name = "hang", .handle = hang},
    {.name = "keep", .handle = keep},
    {.name = "release", .handle = release},
    {.name = "by_a_thread", .handle = by_a_thread},
    {.name = "remaining", .handle = remaining},
    {.name = "down", .handle = down},
    {0},
};

static void *serve(void *arg)
{
	struct rig *p = arg;
	enum spore_err e = SPORE_OK;
	while (!atomic_load(&p->stop) && e != SPORE_EEND && e != SPORE_ECLOSED)
		e = spore_rpc_turn(p->b, 20);
	return NULL;
}

void rig_open(struct rig *p, const char *transport, struct spore_rpc_options *a, struct spore_rpc_options *b)
{
	struct spore__channel_end ends[2];
	struct spore_chan *c[2];
	struct spore_rpc_options none[2] = {0};
	memset(p, 0, sizeof *p);
	a = a != NULL ? a : &none[0];
	b = b != NULL ? b : &none[1];
	a->methods = methods;
	a->data = p;
	if (b->methods == NULL) {
		b->methods = methods;
		b->data = p;
	}
	assert_int_equal(spore__channel_make(transport, NULL, ends), SPORE_OK);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(spore__chan_create(&ends[i], &c[i]), SPORE_OK);
		if (strcmp(transport, "bytes") == 0)
			spore__chan_set_bytes(c[i]);
	}
	assert_int_equal(spore_rpc_create(c[0], a, &p->a), SPORE_OK);
	assert_int_equal(spore_rpc_create(c[1], b, &p->b), SPORE_OK);
}

void rig_start(struct rig *p)
{
	assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
}

void rig_stop(struct rig *p)
{
	atomic_store(&p->stop, true);
	assert_int_equal(pthread_join(p->thread, NULL), 0);
}

void rig_close(struct rig *p)
{
	spore_rpc_close(p->a);
	spore_rpc_close(p->b);
}

struct spore_rpc_ask *rig_begin(struct spore_rpc *r, const char *method, struct spore_writer **w)
{
	struct spore_rpc_ask *a;
	assert_int_equal(spore_rpc_ask(r, method, 0, &a, w), SPORE_OK);
	return a;
}

struct spore_rpc_ask *rig_begin_int(struct spore_rpc *r, const char *method, int64_t n)
{
	struct spore_writer *w;
	struct spore_rpc_ask *a = rig_begin(r, method, &w);
	spore_write_array(w, 1);
	spore_write_int(w, n);
	return a;
}

enum spore_err rig_call_int(struct spore_rpc *r, const char *method, int64_t n, int64_t *got)
{
	struct spore_rpc_ask *a = rig_begin_int(r, method, n);
	struct spore_reader result;
	enum spore_err e = spore_rpc_wait(a, SOON, &result);
	if (e == SPORE_OK && got != NULL)
		assert_true(spore_read_int(&result, got));
	spore_rpc_end(a);
	return e;
}

void rig_check_add(struct spore_rpc *r, int64_t x, int64_t y)
{
	struct spore_writer *w;
	struct spore_rpc_ask *a = rig_begin(r, "add", &w);
	struct spore_reader result;
	int64_t sum;
	spore_write_map(w, 2);
	spore_write_str(w, "b");
	spore_write_int(w, y);
	spore_write_str(w, "a");
	spore_write_int(w, x);
	assert_int_equal(spore_rpc_wait(a, SPORE_FOREVER, &result), SPORE_OK);
	assert_true(spore_read_int(&result, &sum));
	assert_int_equal(sum, x + y);
	spore_rpc_end(a);
}

void rig_note_end(struct spore_rpc_ask *a, enum spore_err e, struct spore_reader result, void *arg)
{
	(void)a;
	struct ended *ended = arg;
	ended->value = -1;
	(void)spore_read_int(&result, &ended->value);
	atomic_store(&ended->e, (int)e);
	atomic_fetch_add(&ended->count, 1);
}

void rig_turn_until(struct spore_rpc *r, struct ended *ended, unsigned count)
{
	time_t late = time(NULL) + SOON / 1000;
	while (atomic_load(&ended->count) < count && time(NULL) < late)
		(void)spore_rpc_turn(r, 100);
	assert_int_equal(atomic_load(&ended->count), count);
}

static rig_case *const *all;

static void test_over_every_transport(void **state)
{
	(void)state;
	const char *only = getenv("SPORE_TEST_CASE");
	static const char *const transports[] = {"ring", "stream", "u32be", "bytes"};
	for (size_t i = 0; i < sizeof transports / sizeof transports[0]; i++) {
		struct spore__channel_end ends[2];
		if (spore__channel_make(transports[i], NULL, ends) != SPORE_OK)
			continue; // not on this machine
		spore__channel_end_close(&ends[0]);
		spore__channel_end_close(&ends[1]);
		for (size_t k = 0; all[k] != NULL; k++) {
			if (only != NULL && (size_t)atoi(only) != k)
				continue;
			print_message("# %s, case %zu\n", transports[i], k);
			all[k](transports[i]);
		}
	}
}

int rig_run(rig_case *const *cases)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_over_every_transport),
	};
	all = cases;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
