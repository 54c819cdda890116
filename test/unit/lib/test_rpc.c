// Calls over every transport: two ends in one process, each in its thread.
#include "spore/rpc.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "chan/chan.h"

enum { SOON = 20000 }; // ms; nothing waits so long unless it hangs

struct pair {
	struct spore_rpc *a, *b; // b serves
	pthread_t thread;
	atomic_bool stop;
	struct spore_rpc_call *kept; // answered later
	atomic_uint cancelled, ran;
	struct spore_rpc *calls; // of nested calls
};

// ---- what the serving end does

static void add(struct spore_rpc_call *call, void *data)
{
	struct pair *p = data;
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
	struct pair *p = arg;
	atomic_fetch_add(&p->cancelled, 1);
	spore_rpc_fail(call, SPORE_ECANCELLED, "as you wish");
}

static void hang(struct spore_rpc_call *call, void *data)
{
	spore_rpc_on_cancel(call, on_cancel, data);
}

static void keep(struct spore_rpc_call *call, void *data)
{
	struct pair *p = data;
	p->kept = call;
}

static void release(struct spore_rpc_call *call, void *data)
{
	struct pair *p = data;
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
	struct pair *p = arg;
	enum spore_err e = SPORE_OK;
	while (!atomic_load(&p->stop) && e != SPORE_EEND && e != SPORE_ECLOSED)
		e = spore_rpc_turn(p->b, 20);
	return NULL;
}

static void open_pair(struct pair *p, const char *transport, struct spore_rpc_options *a, struct spore_rpc_options *b)
{
	struct spore__channel_end ends[2];
	struct spore_chan *c[2];
	struct spore_rpc_options none[2] = {0};
	memset(p, 0, sizeof *p);
	a = a != NULL ? a : &none[0];
	b = b != NULL ? b : &none[1];
	a->methods = b->methods = methods;
	a->data = b->data = p;
	assert_int_equal(spore__channel_make(transport, NULL, ends), SPORE_OK);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(spore__chan_create(&ends[i], &c[i]), SPORE_OK);
		if (strcmp(transport, "bytes") == 0)
			spore__chan_set_bytes(c[i]);
	}
	assert_int_equal(spore_rpc_create(c[0], a, &p->a), SPORE_OK);
	assert_int_equal(spore_rpc_create(c[1], b, &p->b), SPORE_OK);
}

static void start(struct pair *p)
{
	assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
}

static void stop(struct pair *p)
{
	atomic_store(&p->stop, true);
	assert_int_equal(pthread_join(p->thread, NULL), 0);
}

static void close_pair(struct pair *p)
{
	spore_rpc_close(p->a);
	spore_rpc_close(p->b);
}

static struct spore_rpc_ask *begin(struct spore_rpc *r, const char *method, struct spore_writer **w)
{
	struct spore_rpc_ask *a;
	assert_int_equal(spore_rpc_ask(r, method, 0, &a, w), SPORE_OK);
	return a;
}

static struct spore_rpc_ask *begin_int(struct spore_rpc *r, const char *method, int64_t n)
{
	struct spore_writer *w;
	struct spore_rpc_ask *a = begin(r, method, &w);
	spore_write_array(w, 1);
	spore_write_int(w, n);
	return a;
}

static enum spore_err call_int(struct spore_rpc *r, const char *method, int64_t n, int64_t *got)
{
	struct spore_rpc_ask *a = begin_int(r, method, n);
	struct spore_reader result;
	enum spore_err e = spore_rpc_wait(a, SOON, &result);
	if (e == SPORE_OK && got != NULL)
		assert_true(spore_read_int(&result, got));
	spore_rpc_end(a);
	return e;
}

static void check_add(struct spore_rpc *r, int64_t x, int64_t y)
{
	struct spore_writer *w;
	struct spore_rpc_ask *a = begin(r, "add", &w);
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

// ---- the cases, for each transport

static void case_results(const char *transport)
{
	struct pair p;
	struct spore_reader result;
	struct spore_writer *w;
	open_pair(&p, transport, NULL, NULL);
	start(&p);
	for (int i = 0; i < 300; i++)
		check_add(p.a, i, 1000000007LL * i);
	struct spore_rpc_ask *a = begin(p.a, "nothing", &w);
	assert_int_equal(spore_rpc_wait(a, SOON, &result), SPORE_OK);
	assert_true(spore_read_nil(&result));
	spore_rpc_end(a);

	a = begin(p.a, "$/describe", &w);
	assert_int_equal(spore_rpc_wait(a, SOON, &result), SPORE_OK);
	char text[4096];
	spore_value_print(&result, text, sizeof text);
	assert_non_null(
	    strstr(text, "\"name\": \"add\", \"help\": \"The sum\", \"params\": [{\"name\": \"a\", \"type\": \"int\""));
	assert_non_null(strstr(text, "[[1, \"invalid argument\"], [-32001, \"no luck\"]]"));
	spore_rpc_end(a);
	stop(&p);
	close_pair(&p);
}

static void case_errors(const char *transport)
{
	struct pair p;
	struct spore_reader at;
	struct spore_writer *w;
	int64_t n;
	open_pair(&p, transport, NULL, NULL);
	start(&p);
	struct spore_rpc_ask *a = begin(p.a, "fail", &w);
	assert_int_equal(spore_rpc_wait(a, SOON, NULL), SPORE_EREMOTE);
	const struct spore_rpc_error *why = spore_rpc_why(a);
	assert_int_equal(why->code, -32001);
	assert_string_equal(why->text, "no luck");
	assert_int_equal(why->text_len, 7);
	assert_true(why->peer);
	assert_true(spore_reader_find(&why->data, "seven", &at) && spore_read_int(&at, &n) && n == 7);
	spore_rpc_end(a);

	a = begin(p.a, "no such thing", &w);
	assert_int_equal(spore_rpc_wait(a, SOON, NULL), SPORE_ENOTFOUND);
	assert_string_equal(spore_rpc_why(a)->text, "there is no method no such thing");
	spore_rpc_end(a);

	a = begin(p.a, "add", &w);
	spore_write_array(w, 2);
	spore_write_int(w, 1);
	spore_write_str(w, "one");
	assert_int_equal(spore_rpc_wait(a, SOON, NULL), SPORE_EINVALID);
	assert_string_equal(spore_rpc_why(a)->text, "add: parameter 2, \"b\", has to be an integer");
	spore_rpc_end(a);

	a = begin(p.a, "two_values", &w);
	assert_int_equal(spore_rpc_wait(a, SOON, NULL), SPORE_EINVALID);
	assert_true(spore_rpc_why(a)->peer);
	spore_rpc_end(a);

	a = begin(p.a, "add", &w); // no array
	spore_write_int(w, 1);
	assert_int_equal(spore_rpc_wait(a, SOON, NULL), SPORE_EINVALID);
	assert_false(spore_rpc_why(a)->peer);
	spore_rpc_end(a);
	assert_int_equal(spore_rpc_ask(p.a, "", 0, &a, &w), SPORE_EINVALID);
	check_add(p.a, 1, 2);
	stop(&p);
	close_pair(&p);
}

static void case_sizes(const char *transport)
{
	struct pair p;
	struct spore_rpc_options small = {.largest = 100000};
	struct spore_rpc_options limits = {.largest = 3 << 20};
	open_pair(&p, transport, &small, &limits);
	start(&p);
	unsigned char *big = malloc(4 << 20);
	memset(big, 'x', 4 << 20);
	static const struct {
		size_t size;
		enum spore_err e;
	} cases[] = {{0, SPORE_OK},
	             {1000, SPORE_OK},
	             {90000, SPORE_OK},
	             {1 << 20, SPORE_ETOOBIG},
	             {(4 << 20) - 1, SPORE_ETOOBIG}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (strcmp(transport, "bytes") == 0 && cases[i].e != SPORE_OK)
			break; // the end of the conversation
		struct spore_writer *w;
		struct spore_reader result;
		const void *data;
		size_t len;
		struct spore_rpc_ask *a = begin(p.a, "echo", &w);
		spore_write_array(w, 1);
		spore_write_bytes(w, big, cases[i].size);
		assert_int_equal(spore_rpc_wait(a, SOON, &result), cases[i].e);
		if (cases[i].e == SPORE_OK)
			assert_true(spore_read_bytes(&result, &data, &len) && len == cases[i].size &&
			            memcmp(data, big, len) == 0);
		spore_rpc_end(a);
	}
	free(big);
	check_add(p.a, 1, 2);
	stop(&p);
	close_pair(&p);
}

static void count_items(struct spore_rpc_ask *a, struct spore_reader value, void *arg)
{
	(void)a;
	int64_t n, *next = arg;
	if (spore_read_int(&value, &n) && n == *next)
		(*next)++;
}

static void note_progress(struct spore_rpc_ask *a, struct spore_reader value, void *arg)
{
	(void)a;
	assert_true(spore_read_float(&value, arg));
}

static void case_parts(const char *transport)
{
	struct pair p;
	struct spore_rpc_options few = {.outgoing = 1000}; // so that it waits
	open_pair(&p, transport, NULL, &few);
	start(&p);
	for (int64_t many = 0; many <= 30000; many = many * 30 + 10) {
		struct spore_rpc_ask *a = begin_int(p.a, "count_to", many);
		int64_t next = 0;
		double progress = 0;
		spore_rpc_on_item(a, count_items, &next);
		spore_rpc_on_progress(a, note_progress, &progress);
		assert_int_equal(spore_rpc_wait(a, SOON, NULL), SPORE_OK);
		assert_int_equal(next, many);
		assert_true(progress == 1.0);
		spore_rpc_end(a);
	}
	stop(&p);
	close_pair(&p);
}

struct ended {
	atomic_uint count;
	atomic_int e;
	int64_t value;
};

static void note_end(struct spore_rpc_ask *a, enum spore_err e, struct spore_reader result, void *arg)
{
	(void)a;
	struct ended *ended = arg;
	ended->value = -1;
	(void)spore_read_int(&result, &ended->value);
	atomic_store(&ended->e, (int)e);
	atomic_fetch_add(&ended->count, 1);
}

static void turn_until(struct spore_rpc *r, struct ended *ended, unsigned count)
{
	time_t late = time(NULL) + SOON / 1000;
	while (atomic_load(&ended->count) < count && time(NULL) < late)
		(void)spore_rpc_turn(r, 100);
	assert_int_equal(atomic_load(&ended->count), count);
}

static void case_later(const char *transport)
{
	struct pair p;
	struct ended ended = {0};
	struct spore_writer *w;
	open_pair(&p, transport, NULL, NULL);
	start(&p);
	struct spore_rpc_ask *kept = begin(p.a, "keep", &w);
	assert_int_equal(spore_rpc_wait(kept, SPORE_NOW, NULL), SPORE_EAGAIN);
	check_add(p.a, 1, 2); // others go on
	struct spore_rpc_ask *a = begin(p.a, "release", &w);
	assert_int_equal(spore_rpc_wait(a, SOON, NULL), SPORE_OK);
	spore_rpc_end(a);
	assert_int_equal(spore_rpc_wait(kept, SOON, NULL), SPORE_OK);
	spore_rpc_end(kept);
	for (unsigned i = 1; i <= 50; i++) {
		a = begin(p.a, "by_a_thread", &w);
		assert_int_equal(spore_rpc_start(a, SOON, note_end, &ended), SPORE_OK);
		turn_until(p.a, &ended, i);
		assert_int_equal(ended.value, 42);
	}
	stop(&p);
	close_pair(&p);
}

static void case_cancel(const char *transport)
{
	struct pair p;
	struct spore_writer *w;
	open_pair(&p, transport, NULL, NULL);
	start(&p);
	struct spore_rpc_ask *a = begin(p.a, "hang", &w);
	assert_int_equal(spore_rpc_wait(a, SPORE_NOW, NULL), SPORE_EAGAIN);
	spore_rpc_cancel(a);
	assert_int_equal(spore_rpc_wait(a, SOON, NULL), SPORE_ECANCELLED);
	assert_string_equal(spore_rpc_why(a)->text, "as you wish");
	spore_rpc_cancel(a);
	spore_rpc_end(a);
	assert_int_equal(atomic_load(&p.cancelled), 1);

	a = begin(p.a, "hang", &w); // its time is over
	assert_int_equal(spore_rpc_wait(a, 20, NULL), SPORE_ETIMEOUT);
	assert_int_equal(spore_rpc_why(a)->code, SPORE_ETIMEOUT); // whoever says so first
	spore_rpc_end(a);
	a = begin(p.a, "hang", &w); // nobody wants it
	assert_int_equal(spore_rpc_wait(a, SPORE_NOW, NULL), SPORE_EAGAIN);
	spore_rpc_end(a);
	spore_rpc_end(begin(p.a, "hang", &w)); // it was never sent

	struct ended ended = {0};
	a = begin(p.a, "hang", &w);
	assert_int_equal(spore_rpc_start(a, 30, note_end, &ended), SPORE_OK);
	turn_until(p.a, &ended, 1);
	assert_int_equal(ended.e, SPORE_ETIMEOUT);
	struct spore_rpc_stats stats;
	do { // the answers that came too late free their slots
		check_add(p.a, 1, 2);
		spore_rpc_stats(p.a, &stats);
	} while (stats.asked > 0);
	assert_int_equal(atomic_load(&p.cancelled), 4);
	stop(&p);
	close_pair(&p);
}

static void case_deadline(const char *transport)
{
	struct pair p;
	struct spore_writer *w;
	struct spore_reader result;
	int64_t ms;
	open_pair(&p, transport, NULL, NULL);
	start(&p);
	struct spore_rpc_ask *a = begin(p.a, "remaining", &w);
	assert_int_equal(spore_rpc_wait(a, SPORE_FOREVER, &result), SPORE_OK);
	assert_true(spore_read_int(&result, &ms) && ms == -1);
	spore_rpc_end(a);
	a = begin(p.a, "remaining", &w);
	assert_int_equal(spore_rpc_wait(a, 60000, &result), SPORE_OK);
	assert_true(spore_read_int(&result, &ms) && ms > 1000 && ms <= 60000);
	spore_rpc_end(a);
	stop(&p);
	close_pair(&p);
}

static void case_nested(const char *transport)
{
	struct pair p;
	int64_t n;
	open_pair(&p, transport, NULL, NULL);
	start(&p);
	assert_int_equal(call_int(p.a, "down", 0, &n), SPORE_OK);
	assert_int_equal(n, 1);
	assert_int_equal(call_int(p.a, "down", 40, &n), SPORE_OK);
	assert_int_equal(n, 41);
	assert_int_equal(call_int(p.a, "down", 100, NULL), SPORE_EBUSY); // too deep, on all levels
	assert_int_equal(call_int(p.a, "down", 3, &n), SPORE_OK);
	stop(&p);
	close_pair(&p);
}

static void case_busy(const char *transport)
{
	enum { LIMIT = 5 };
	struct pair p;
	struct spore_rpc_options few = {.in_flight = LIMIT}, many = {.in_flight = 100};
	struct spore_rpc_ask *asks[LIMIT + 1], *one;
	struct spore_writer *w;
	open_pair(&p, transport, &few, NULL);
	for (int i = 0; i < LIMIT; i++)
		assert_int_equal(spore_rpc_wait(asks[i] = begin(p.a, "nothing", &w), SPORE_NOW, NULL), SPORE_EAGAIN);
	assert_int_equal(spore_rpc_ask(p.a, "nothing", 0, &one, &w), SPORE_EBUSY);
	start(&p);
	for (int i = 0; i < LIMIT; i++) {
		assert_int_equal(spore_rpc_wait(asks[i], SOON, NULL), SPORE_OK);
		spore_rpc_end(asks[i]);
	}
	check_add(p.a, 1, 1);
	stop(&p);
	close_pair(&p);

	open_pair(&p, transport, &many, &few); // the other end says it
	for (int i = 0; i < LIMIT; i++)
		assert_int_equal(spore_rpc_wait(asks[i] = begin(p.a, "hang", &w), SPORE_NOW, NULL), SPORE_EAGAIN);
	start(&p);
	assert_int_equal(spore_rpc_wait(one = begin(p.a, "nothing", &w), SOON, NULL), SPORE_EBUSY);
	assert_true(spore_rpc_why(one)->peer);
	spore_rpc_end(one);
	spore_rpc_cancel(asks[0]);
	assert_int_equal(spore_rpc_wait(asks[0], SOON, NULL), SPORE_ECANCELLED);
	check_add(p.a, 1, 1);
	for (int i = 0; i < LIMIT; i++)
		spore_rpc_end(asks[i]);
	stop(&p);
	close_pair(&p);
}

static void case_gone(const char *transport)
{
	enum { MANY = 100 };
	struct pair p;
	struct ended ended[MANY] = {0};
	struct spore_writer *w;
	open_pair(&p, transport, NULL, NULL);
	start(&p);
	for (int i = 0; i < MANY; i++) {
		struct spore_rpc_ask *a = begin(p.a, i > 0 ? "hang" : "keep", &w);
		assert_int_equal(spore_rpc_start(a, SPORE_FOREVER, note_end, &ended[i]), SPORE_OK);
	}
	check_add(p.a, 1, 1);
	stop(&p);
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
	struct pair p;
	struct ended ended = {0};
	struct spore_writer *w;
	open_pair(&p, transport, NULL, NULL);
	start(&p);
	struct spore_rpc_ask *a = begin(p.a, "keep", &w);
	assert_int_equal(spore_rpc_start(a, SPORE_FOREVER, note_end, &ended), SPORE_OK);
	check_add(p.a, 1, 1);
	spore_rpc_close(p.a);
	assert_int_equal(ended.count, 1);
	assert_int_equal(ended.e, SPORE_ECLOSED);
	stop(&p);
	spore_rpc_close(p.b);
	spore_rpc_done(p.kept); // after that
}

static void *hammer(void *arg)
{
	struct spore_rpc *r = arg;
	for (int i = 0; i < 300; i++)
		check_add(r, i, i);
	return NULL;
}

static void case_threads(const char *transport)
{
	enum { THREADS = 4 };
	struct pair p;
	pthread_t threads[THREADS];
	open_pair(&p, transport, NULL, NULL);
	start(&p);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, p.a), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&p.ran), THREADS * 300);
	stop(&p);
	close_pair(&p);
}

// Both ends call without pause, from two threads each, and neither reads for a while.
struct flood {
	struct spore_rpc *r;
	unsigned accepted;
	struct ended *ended;
	unsigned count;
};

static void *flood(void *arg)
{
	struct flood *f = arg;
	unsigned char bytes[1000] = {0};
	for (unsigned i = 0; i < f->count; i++) {
		struct spore_rpc_ask *a;
		struct spore_writer *w;
		enum spore_err e = spore_rpc_ask(f->r, "echo", 0, &a, &w);
		if (e == SPORE_OK) {
			spore_write_array(w, 1);
			spore_write_bytes(w, bytes, sizeof bytes);
			e = spore_rpc_start(a, SPORE_FOREVER, note_end, f->ended);
		}
		if (e == SPORE_OK)
			f->accepted++;
		else
			assert_int_equal(e, SPORE_EBUSY);
	}
	return NULL;
}

static void case_flood(const char *transport)
{
	enum { THREADS = 4, EACH = 2000 };
	struct pair p;
	struct spore_rpc_options wide[2] = {{.in_flight = 10000, .outgoing = 1 << 20},
	                                    {.in_flight = 10000, .outgoing = 1 << 20}};
	struct flood floods[THREADS];
	struct ended ended[2] = {0};
	pthread_t threads[THREADS];
	open_pair(&p, transport, &wide[0], &wide[1]);
	unsigned sent[2] = {0};
	for (int i = 0; i < THREADS; i++) {
		floods[i] = (struct flood){.r = i % 2 ? p.b : p.a, .ended = &ended[i % 2], .count = EACH};
		assert_int_equal(pthread_create(&threads[i], NULL, flood, &floods[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		sent[i % 2] += floods[i].accepted;
	}
	assert_true(sent[0] > 0 && sent[1] > 0);
	start(&p);
	turn_until(p.a, &ended[0], sent[0]);
	time_t late = time(NULL) + SOON / 1000;
	while (atomic_load(&ended[1].count) < sent[1] && time(NULL) < late)
		(void)spore_rpc_turn(p.a, 20);
	assert_int_equal(atomic_load(&ended[1].count), sent[1]);
	stop(&p);
	close_pair(&p);
}

static void case_polled(const char *transport)
{
	struct pair p;
	struct ended ended = {0};
	open_pair(&p, transport, NULL, NULL);
	start(&p);
	for (unsigned i = 1; i <= 200; i++) {
		struct spore_rpc_ask *a = begin_int(p.a, i % 3 ? "echo" : "by_a_thread", i);
		assert_int_equal(spore_rpc_start(a, SOON, note_end, &ended), SPORE_OK);
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
	stop(&p);
	close_pair(&p);
}

static const char *last_notice;

static void on_notice(struct spore_rpc *r, const char *method, struct spore_reader params, void *data)
{
	(void)r;
	(void)params;
	struct pair *p = data;
	last_notice = strcmp(method, "hello") == 0 ? "hello" : "?";
	atomic_fetch_add(&p->ran, 1);
}

static void case_notices(const char *transport)
{
	struct pair p;
	struct spore_rpc_options options = {.notice = on_notice};
	struct spore_rpc_ask *a;
	struct spore_writer *w;
	open_pair(&p, transport, NULL, &options);
	assert_int_equal(spore_rpc_notice(p.a, "add", 0, &a, &w), SPORE_OK); // nobody hears what it answers
	spore_write_array(w, 2);
	spore_write_int(w, 1);
	spore_write_int(w, 1);
	assert_int_equal(spore_rpc_tell(a), SPORE_OK);
	assert_int_equal(spore_rpc_notice(p.a, "hello", 0, &a, &w), SPORE_OK);
	assert_int_equal(spore_rpc_tell(a), SPORE_OK);
	start(&p);
	check_add(p.a, 1, 2);
	assert_int_equal(atomic_load(&p.ran), 3);
	assert_string_equal(last_notice, "hello");
	stop(&p);
	close_pair(&p);
}

static void (*const cases[])(const char *transport) = {
    case_results, case_errors, case_sizes,  case_parts,   case_later,   case_cancel, case_deadline, case_nested,
    case_busy,    case_gone,   case_closed, case_notices, case_threads, case_flood,  case_polled,
};

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
		for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
			if (only != NULL && (size_t)atoi(only) != k)
				continue;
			print_message("# %s, case %zu\n", transports[i], k);
			cases[k](transports[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_over_every_transport),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
