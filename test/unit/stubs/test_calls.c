// Each function of calls.h is called directly and over a channel, in one process: the two have to do the same.
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "calls.h"
#include "chan/chan.h"
#include "stub.h"

// The functions as the generated code has them.
extern __typeof__(add) remote_add;
extern __typeof__(add8) remote_add8;
extern __typeof__(add16) remote_add16;
extern __typeof__(add64) remote_add64;
extern __typeof__(halve) remote_halve;
extern __typeof__(power) remote_power;
extern __typeof__(is_even) remote_is_even;
extern __typeof__(next_char) remote_next_char;
extern __typeof__(next_colour) remote_next_colour;
extern __typeof__(nothing) remote_nothing;
extern __typeof__(calls_of_nothing) remote_calls_of_nothing;
extern __typeof__(maybe) remote_maybe;
extern __typeof__(greet) remote_greet;
extern __typeof__(shout) remote_shout;
extern __typeof__(length_or_zero) remote_length_or_zero;
extern __typeof__(no_text) remote_no_text;
extern __typeof__(name_of) remote_name_of;
extern __typeof__(split) remote_split;
extern __typeof__(mean) remote_mean;
extern __typeof__(sum_bytes) remote_sum_bytes;
extern __typeof__(count_text) remote_count_text;
extern __typeof__(reverse) remote_reverse;
extern __typeof__(sort) remote_sort;
extern __typeof__(squares) remote_squares;
extern __typeof__(join) remote_join;
extern __typeof__(pattern) remote_pattern;
extern __typeof__(primes) remote_primes;
extern __typeof__(corners) remote_corners;
extern __typeof__(make_bytes) remote_make_bytes;
extern __typeof__(far_length) remote_far_length;
extern __typeof__(middle) remote_middle;
extern __typeof__(area) remote_area;
extern __typeof__(mix) remote_mix;
extern __typeof__(turn) remote_turn;
extern __typeof__(divide) remote_divide;
extern __typeof__(find) remote_find;
extern __typeof__(clone) remote_clone;
extern __typeof__(people) remote_people;
extern __typeof__(note_size) remote_note_size;
extern __typeof__(lent_point) remote_lent_point;
extern __typeof__(count_to) remote_count_to;
extern __typeof__(walk) remote_walk;
extern __typeof__(fails) remote_fails;
extern __typeof__(sleeps) remote_sleeps;
extern __typeof__(echo) remote_echo;

static struct spore_rpc *client, *server;
static struct spore_rpc_method *methods;
static pthread_t thread;

static void *serve(void *arg)
{
	(void)arg;
	for (;;) {
		enum spore_err e = spore_rpc_turn(server, SPORE_FOREVER);
		if (e == SPORE_EEND || e == SPORE_ECLOSED || e == SPORE_EMALFORMED)
			return NULL;
	}
}

static void open_pair(const char *transport, struct spore_rpc_method *table)
{
	struct spore__channel_end ends[2];
	struct spore_chan *chans[2];
	assert_int_equal(spore__channel_make(transport, NULL, ends), SPORE_OK);
	for (int i = 0; i < 2; i++)
		assert_int_equal(spore__chan_create(&ends[i], &chans[i]), SPORE_OK);
	assert_int_equal(spore_rpc_create(chans[0], NULL, &client), SPORE_OK);
	assert_int_equal(spore_rpc_create(chans[1], &(struct spore_rpc_options){.methods = table}, &server), SPORE_OK);
	assert_int_equal(spore__stub_attach("calls", client), SPORE_OK);
	assert_int_equal(pthread_create(&thread, NULL, serve, NULL), 0);
}

static void close_pair(void)
{
	(void)spore__stub_attach("calls", NULL);
	spore_rpc_close(client);
	(void)pthread_join(thread, NULL);
	spore_rpc_close(server);
	spore_call_deadline(SPORE_FOREVER);
}

static int set_up(void **state)
{
	(void)state;
	methods = spore__stub_methods("calls");
	assert_non_null(methods);
	open_pair("stream", methods);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close_pair();
	free(methods);
	return 0;
}

#define OK()                                                                                                           \
	do {                                                                                                           \
		if (spore_call_status() != SPORE_OK)                                                                   \
			print_message("# %s\n", spore_call_message());                                                 \
		assert_int_equal(spore_call_status(), SPORE_OK);                                                       \
	} while (0)
#define SAME(function, ...)                                                                                            \
	do {                                                                                                           \
		assert_true(function(__VA_ARGS__) == remote_##function(__VA_ARGS__));                                  \
		OK();                                                                                                  \
	} while (0)

static void numbers(void **state)
{
	(void)state;
	static const int64_t edges[] = {0,    1,   -1,  31,    32,     127,   128,   -32,           -33,
	                                -128, 255, 256, 32767, -32768, 65535, 65536, INT32_MAX / 2, INT32_MIN / 2};
	for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
		SAME(add, (int32_t)edges[i], (int32_t)edges[i]);
		SAME(add8, (unsigned char)edges[i], (signed char)edges[i]);
		SAME(add16, (unsigned short)edges[i], (short)edges[i]);
		SAME(add64, (unsigned long long)edges[i], (long long)edges[i]);
		SAME(is_even, (uint64_t)edges[i]);
		SAME(next_char, (char)edges[i]);
	}
	SAME(add64, UINT64_MAX, (long long)INT64_MIN);
	SAME(halve, 3.25F);
	SAME(power, 2.5, -3);
	assert_true(isnan(remote_power(-1, 0) - NAN));
	assert_true(isinf(remote_power(10, 400)));
	SAME(next_colour, RED);
	SAME(next_colour, GREEN);
	SAME(next_colour, BLUE);
	int before = calls_of_nothing();
	remote_nothing();
	OK();
	assert_int_equal(remote_calls_of_nothing(), before + 1);
	int x = 12;
	SAME(maybe, &x);
	SAME(maybe, NULL);
}

static void texts(void **state)
{
	(void)state;
	assert_string_equal(remote_greet("Ada"), "hello, Ada");
	assert_string_equal(remote_greet(""), "hello, ");
	assert_string_equal(remote_greet("\xc3\xa9\xe2\x82\xac"), "hello, \xc3\xa9\xe2\x82\xac");
	char *loud = remote_shout("ha", 3);
	assert_string_equal(loud, "hahaha");
	free(loud);
	SAME(length_or_zero, "four");
	SAME(length_or_zero, NULL);
	assert_null(remote_no_text());
	OK();
	char a[16], b[16];
	assert_int_equal(name_of(7, a, sizeof a), remote_name_of(7, b, sizeof b));
	assert_string_equal(a, b);
	assert_int_equal(name_of(1234567, a, 8), remote_name_of(1234567, b, 8));
	assert_string_equal(a, b);
	char *first;
	const char *rest;
	assert_int_equal(remote_split("one two three", &first, &rest), 2);
	assert_string_equal(first, "one");
	assert_string_equal(rest, "two three");
	free(first);
	assert_int_equal(remote_split("one", &first, &rest), 0);
	assert_null(first);
	assert_null(rest);
	// A NULL that the function does not expect never reaches it.
	assert_null(remote_greet(NULL));
	assert_int_equal(spore_call_status(), SPORE_EINVALID);
	assert_non_null(strstr(spore_call_message(), "name"));
}

static void buffers(void **state)
{
	(void)state;
	const double v[] = {1, 2.5, -3, 1e300};
	SAME(mean, v, 4);
	SAME(mean, v, 0);
	SAME(mean, NULL, 0);
	SAME(sum_bytes, "a\0b\xff", 4);
	SAME(sum_bytes, NULL, 0);
	SAME(count_text, "banana", 6, 'a');
	uint8_t out[8], here[8];
	size_t n = sizeof out, m = sizeof here;
	assert_int_equal(remote_reverse((const uint8_t *)"abcdef", 6, out, &n),
	                 reverse((const uint8_t *)"abcdef", 6, here, &m));
	assert_int_equal(n, 6);
	assert_memory_equal(out, here, 6);
	n = 3;
	assert_int_equal(remote_reverse((const uint8_t *)"abcdef", 6, out, &n), 6);
	assert_int_equal(n, 3);
	assert_memory_equal(out, "fed", 3);
	int w[] = {3, -1, 2, 2};
	remote_sort(w, 4);
	OK();
	assert_true(w[0] == -1 && w[1] == 2 && w[2] == 2 && w[3] == 3);
	remote_sort(w, 0);
	OK();
	int64_t s[5];
	remote_squares(s, 5);
	assert_int_equal(s[4], 16);
	const char *const words[] = {"a", NULL, "", "b"};
	char *joined = remote_join(words, 4, "-");
	assert_string_equal(joined, "a-(none)--b");
	free(joined);
	uint32_t *p = remote_primes(30, &n);
	assert_int_equal(n, 10);
	assert_int_equal(p[9], 29);
	free(p);
	double far[4];
	remote_corners(far, (const float[]){1.5F, 2});
	assert_true(far[0] == 1.5 && far[3] == -2);
	unsigned char *made;
	assert_int_equal(remote_make_bytes(300, &made, &n), 300);
	assert_int_equal(n, 300);
	assert_int_equal(made[255], 255);
	free(made);
	int total;
	assert_true(remote_far_length(3, 10, (const int16_t[]){1, 2, 3}, &total));
	assert_int_equal(total, 16);
}

static void large(void **state)
{
	(void)state;
	for (uint32_t size = 0; size <= 4U << 20; size = size == 0 ? 100 : size * 11) {
		size_t n;
		const unsigned char *bytes = remote_pattern(size, &n);
		OK();
		assert_int_equal(n, size);
		if (size > 0)
			assert_memory_equal(bytes, pattern(size, &n), size);
	}
	enum { MANY = 1 << 20 };
	uint8_t *in = malloc(MANY), *out = malloc(MANY);
	assert_true(in != NULL && out != NULL);
	for (size_t i = 0; i < MANY; i++)
		in[i] = (uint8_t)(i * 31 + i / 999);
	size_t n = MANY;
	assert_int_equal(remote_reverse(in, MANY, out, &n), MANY);
	OK();
	assert_int_equal(n, MANY);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(out[i], in[MANY - 1 - i]);
	free(in);
	free(out);
	double *v = calloc(MANY / 8, sizeof *v);
	assert_non_null(v);
	for (size_t i = 0; i < MANY / 8; i++)
		v[i] = (double)i;
	SAME(mean, v, MANY / 8);
	free(v);
}

static void structures(void **state)
{
	(void)state;
	struct point a = {1, 2}, b = {3, -6}, m = remote_middle(a, &b);
	assert_true(m.x == 2 && m.y == -2);
	const struct point square[] = {{0, 0}, {2, 0}, {2, 2}, {0, 2}};
	SAME(area, square, 4);
	rgb c = remote_mix((rgb){255, 0, 10}, (rgb){1, 4, 20});
	assert_true(c.r == 128 && c.g == 2 && c.b == 15);
	remote_turn(&a);
	assert_true(a.x == -2 && a.y == 1);
	int q = 0, r = 0;
	assert_int_equal(remote_divide(17, 5, &q, &r), 0);
	assert_true(q == 3 && r == 2);
	assert_int_equal(remote_divide(17, 5, NULL, &r), 0);
	struct person p;
	assert_true(remote_find("Ada Lovelace", &p));
	OK();
	assert_string_equal(p.name, "Ada Lovelace");
	assert_true(p.age == 44 && p.at.x == 22 && p.likes == BLUE && p.here && p.grid[1] == -7 && p.marks_count == 4);
	assert_true(p.marks[3] == 3.25);
	struct person *copy = remote_clone(&p);
	assert_non_null(copy);
	assert_string_equal(copy->nick, p.nick);
	assert_true(copy->marks[2] == p.marks[2] && copy->grid[1] == -7);
	free(copy->nick);
	free(copy->marks);
	free(copy);
	free(p.nick);
	p.nick = NULL;
	copy = remote_clone(&p);
	assert_non_null(copy);
	assert_null(copy->nick);
	free(copy->marks);
	free(copy);
	free(p.marks);
	struct person *all;
	size_t n;
	assert_int_equal(remote_people(3, &all, &n), 3);
	assert_int_equal(n, 3);
	assert_string_equal(all[1].name, "Grace");
	for (size_t i = 0; i < n; i++) {
		free(all[i].nick);
		free(all[i].marks);
	}
	free(all);
	bool place;
	const struct note note = {.title = "abc", .data = "\1\2", .data_len = 2, .where = &b}, bare = {0};
	assert_int_equal(remote_note_size(&note, &place), 6);
	assert_true(place);
	assert_int_equal(remote_note_size(&bare, &place), 0);
	assert_false(place);
	assert_true(remote_lent_point(1)->y == 4);
	assert_null(remote_lent_point(2));
	OK();
}

struct seen {
	int count, sum, enough;
	char labels[64];
};

static void count(int i, void *arg)
{
	struct seen *s = arg;
	s->count++;
	s->sum += i;
}

static int step(void *arg, size_t i, const struct point *p, const char *label, const uint8_t *data, size_t data_len)
{
	struct seen *s = arg;
	s->count++;
	s->sum += (int)p->x + (int)i;
	strcat(s->labels, label != NULL ? label : "-");
	for (size_t k = 0; k < data_len; k++)
		s->sum += data[k];
	return s->count == s->enough;
}

static void streams(void **state)
{
	(void)state;
	struct seen here = {0}, there = {0};
	count_to(1000, count, &here);
	remote_count_to(1000, count, &there);
	OK();
	assert_memory_equal(&here, &there, sizeof here);
	const struct point points[] = {{1, 0}, {2, 0}, {3, 0}, {4, 0}};
	here = there = (struct seen){0};
	assert_int_equal(walk(points, 4, step, &here), remote_walk(points, 4, step, &there));
	OK();
	assert_memory_equal(&here, &there, sizeof here);
	// The caller has enough: it hears no more, and the function is told.
	there = (struct seen){.enough = 2};
	(void)remote_walk(points, 4, step, &there);
	assert_int_equal(there.count, 2);
}

static void errors(void **state)
{
	(void)state;
	int q = 5, r = 5;
	assert_int_equal(remote_divide(1, 0, &q, &r), 0); // zero, as all that a failed call returns
	assert_int_equal(spore_call_status(), SPORE_EREMOTE);
	assert_int_equal(spore_call_code(), 2001);
	assert_string_equal(spore_call_message(), "1 cannot be divided by zero");
	assert_true(q == 0 && r == 0);
	assert_int_equal(remote_fails(SPORE_EDENIED, "not you"), 0);
	assert_int_equal(spore_call_status(), SPORE_EDENIED);
	SAME(add, 1, 2);
	// Here: the status is set, the rest is the function's.
	assert_int_equal(fails(SPORE_EDENIED, "not you"), 7);
	assert_int_equal(spore_call_status(), SPORE_EDENIED);
	assert_string_equal(spore_call_message(), "not you");
	spore_call_clear();
	assert_int_equal(spore_call_status(), SPORE_OK);
}

static void deadline(void **state)
{
	(void)state;
	spore_call_deadline(20);
	assert_int_equal(remote_sleeps(400), 0);
	assert_int_equal(spore_call_status(), SPORE_ETIMEOUT);
	spore_call_deadline(SPORE_FOREVER);
	assert_int_equal(remote_sleeps(1), 1);
	OK();
}

static void values(void **state)
{
	(void)state;
	struct spore_writer w = {0};
	size_t len;
	spore_write_map(&w, 1);
	spore_write_str(&w, "a");
	spore_write_array(&w, 2);
	spore_write_nil(&w);
	spore_write_int(&w, -5);
	const void *back = remote_echo(w.data, w.len, &len);
	OK();
	assert_int_equal(len, w.len);
	assert_memory_equal(back, w.data, len);
	spore_writer_finish(&w);
}

// What a peer says that another language might: by name, as floats, as text for bytes; and what is wrong.
static void foreign(void **state)
{
	(void)state;
	struct spore_rpc_ask *a;
	struct spore_writer *w;
	struct spore_reader result;
	int64_t sum;
	assert_int_equal(spore_rpc_ask(client, "add", 0, &a, &w), SPORE_OK);
	spore_write_map(w, 3);
	spore_write_str(w, "other");
	spore_write_nil(w);
	spore_write_str(w, "b");
	spore_write_float(w, 3.0);
	spore_write_str(w, "a");
	spore_write_int(w, 4);
	assert_int_equal(spore_rpc_wait(a, SPORE_FOREVER, &result), SPORE_OK);
	assert_true(spore_read_int(&result, &sum));
	assert_int_equal(sum, 7);
	spore_rpc_end(a);
	static const struct {
		const char *text, *why;
	} wrong[] = {{"\x91\x01", "b: it is missing"},
	             {"\x92\x01\xa1x", "b: an integer was expected, it is a string"},
	             {"\x92\x01\xcb\x3f\xf8\0\0\0\0\0\0", "b: an integer was expected, it is a float"},
	             {"\x92\x01\xcf\xff\0\0\0\0\0\0\0", "b: an integer was expected, it is an integer"},
	             {"\x92\x01\xce\xff\0\0\0", "b: 4278190080 is out of range"},
	             {"\x80", "a: it is missing"}};
	static const size_t lengths[] = {2, 4, 11, 11, 7, 1};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(spore_rpc_ask(client, "add", 0, &a, &w), SPORE_OK);
		spore_write_raw(w, wrong[i].text, lengths[i]);
		assert_int_equal(spore_rpc_wait(a, SPORE_FOREVER, &result), SPORE_EINVALID);
		if (strstr(spore_rpc_why(a)->text, wrong[i].why) == NULL)
			print_message("# %zu: %s\n", i, spore_rpc_why(a)->text);
		assert_non_null(strstr(spore_rpc_why(a)->text, wrong[i].why));
		spore_rpc_end(a);
	}
}

static void described(void **state)
{
	(void)state;
	struct spore_rpc_ask *a;
	struct spore_writer *w;
	struct spore_reader result;
	char text[16384];
	assert_int_equal(spore_rpc_ask(client, "$/describe", 0, &a, &w), SPORE_OK);
	assert_int_equal(spore_rpc_wait(a, SPORE_FOREVER, &result), SPORE_OK);
	spore_value_print(&result, text, sizeof text);
	static const char *const parts[] = {
	    "The sum of two numbers", "\"quotient\"", "\"corner\"", "GREEN=5", "value.echo", "{x: float, y: float}"};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (strstr(text, parts[i]) == NULL)
			print_message("# %s is not in %s\n", parts[i], text);
		assert_non_null(strstr(text, parts[i]));
	}
	assert_null(strstr(text, "format"));
	spore_rpc_end(a);
}

static void *many(void *arg)
{
	size_t *bad = arg;
	for (int i = 0; i < 300; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "%p %d", arg, i);
		*bad += remote_add(i, 1) != i + 1;
		char *loud = remote_shout(name, 2);
		*bad += loud == NULL || strlen(loud) != 2 * strlen(name) || strncmp(loud, name, strlen(name)) != 0;
		free(loud);
	}
	return NULL;
}

static void threads(void **state)
{
	(void)state;
	enum { THREADS = 4 };
	pthread_t t[THREADS];
	size_t bad[THREADS] = {0};
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, many, &bad[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(t[i], NULL), 0);
		assert_int_equal(bad[i], 0);
	}
}

// A peer that answers nonsense, and one that goes away.
static void answer_nonsense(struct spore_rpc_call *call, void *data)
{
	(void)data;
	spore_write_str(spore_rpc_result(call, 0), "nonsense");
	spore_rpc_done(call);
}

static void nonsense(void **state)
{
	(void)state;
	open_pair("stream", (struct spore_rpc_method[]){{.name = "add", .handle = answer_nonsense},
	                                                {.name = "people", .handle = answer_nonsense},
	                                                {.name = "greet", .handle = answer_nonsense},
	                                                {0}});
	assert_int_equal(remote_add(1, 2), 0);
	assert_int_equal(spore_call_status(), SPORE_EMALFORMED);
	assert_string_equal(spore_call_message(), "return: an integer was expected, it is a string");
	struct person *all = (void *)&methods;
	size_t n = 7;
	assert_int_equal(remote_people(1, &all, &n), 0);
	assert_int_equal(spore_call_status(), SPORE_EMALFORMED);
	assert_null(all);
	assert_int_equal(n, 0);
	assert_string_equal(remote_greet("x"), "nonsense");
	assert_int_equal(remote_sleeps(1), 0);
	assert_int_equal(spore_call_status(), SPORE_ENOTFOUND);
	close_pair();
}

static void no_port(void **state)
{
	(void)state;
	assert_int_equal(remote_add(1, 2), 0);
	assert_int_equal(spore_call_status(), SPORE_ENOTFOUND);
	assert_non_null(strstr(spore_call_message(), "calls"));
}

// Takes one call, and goes.
static void *leave(void *arg)
{
	struct spore_chan *c = arg;
	const void *data;
	size_t len;
	if (spore_chan_read(c, &data, &len, SPORE_FOREVER) == SPORE_OK)
		spore_chan_release(c);
	spore_chan_close(c);
	return NULL;
}

static void gone(void **state)
{
	(void)state;
	struct spore__channel_end ends[2];
	struct spore_chan *chans[2];
	assert_int_equal(spore__channel_make("stream", NULL, ends), SPORE_OK);
	for (int i = 0; i < 2; i++)
		assert_int_equal(spore__chan_create(&ends[i], &chans[i]), SPORE_OK);
	assert_int_equal(spore_rpc_create(chans[0], NULL, &client), SPORE_OK);
	assert_int_equal(spore__stub_attach("calls", client), SPORE_OK);
	assert_int_equal(pthread_create(&thread, NULL, leave, chans[1]), 0);
	int q = 1, r = 1;
	assert_int_equal(remote_divide(4, 2, &q, &r), 0);
	assert_int_equal(spore_call_status(), SPORE_ECLOSED);
	assert_true(q == 0 && r == 0);
	assert_int_equal(remote_add(1, 2), 0);
	assert_int_equal(spore_call_status(), SPORE_ECLOSED);
	server = NULL;
	close_pair();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(numbers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(texts, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(buffers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(large, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(structures, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(streams, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(errors, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(deadline, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(values, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(foreign, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(described, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(threads, set_up, tear_down),
	    cmocka_unit_test(nonsense),
	    cmocka_unit_test(no_port),
	    cmocka_unit_test(gone),
	};
	return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
