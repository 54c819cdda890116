// The specification of a task: what goes in comes out, and what strangers send is refused.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "task/spec.h"

static char **texts(const char *a, const char *b)
{
	char **t = calloc(3, sizeof *t);
	assert_non_null(t);
	t[0] = strdup(a);
	t[1] = b != NULL ? strdup(b) : NULL;
	return t;
}

static void sample(struct spore__spec *s)
{
	spore__spec_init(s);
	s->system = strdup("shop");
	s->task = strdup("web");
	s->replica = 2;
	s->argv = texts("/bin/true", "x y");
	s->env = texts("KEY=secret", "PATH=/bin");
	s->secrets = texts("KEY", NULL);
	s->restart = SPORE__RESTART_ALWAYS;
	s->tty = true;
	s->stop_signal = SIGINT;
}

static void differs(void *arg, const struct spore__spec_field *f)
{
	(void)strncat(arg, f->key, 60);
	(void)strncat(arg, " ", 2);
}

static void test_round_trip(void **state)
{
	(void)state;
	struct spore__spec a, b;
	struct spore__msgpack_writer w = {0};
	char why[200] = "", keys[500] = "";
	sample(&a);
	spore__spec_encode(&a, &w, false);
	assert_int_equal(w.err, 0);
	assert_int_equal(spore__spec_decode(spore__msgpack_reader(w.data, w.len), &b, why, sizeof why), SPORE_OK);
	spore__spec_compare(&a, &b, differs, keys);
	assert_string_equal(keys, "");
	b.stop_signal = SIGTERM;
	free(b.env[1]);
	b.env[1] = strdup("PATH=/usr/bin");
	spore__spec_compare(&a, &b, differs, keys);
	assert_string_equal(keys, "env stop.signal ");
	char name[200];
	spore__spec_name(&b, name, sizeof name);
	assert_string_equal(name, "shop/web@2");
	spore__spec_finish(&a);
	spore__spec_finish(&b);
	spore__msgpack_writer_finish(&w);
}

static void test_secrets_are_hidden_where_shown(void **state)
{
	(void)state;
	struct spore__spec a, b;
	struct spore__msgpack_writer w = {0};
	sample(&a);
	spore__spec_encode(&a, &w, true);
	assert_int_equal(spore__spec_decode(spore__msgpack_reader(w.data, w.len), &b, NULL, 0), SPORE_OK);
	assert_string_equal(b.env[0], "KEY=***");
	assert_string_equal(b.env[1], "PATH=/bin");
	spore__spec_finish(&a);
	spore__spec_finish(&b);
	spore__msgpack_writer_finish(&w);
}

static enum spore_err decode(const char *key, const char *value, char *why, size_t size)
{
	struct spore__msgpack_writer w = {0};
	struct spore__spec s;
	spore__msgpack_map(&w, 3);
	spore__msgpack_str(&w, "task");
	spore__msgpack_str(&w, "web");
	spore__msgpack_str(&w, "argv");
	spore__msgpack_array(&w, 1);
	spore__msgpack_str(&w, "/bin/true");
	spore__msgpack_str(&w, key);
	spore__msgpack_str(&w, value);
	enum spore_err e = spore__spec_decode(spore__msgpack_reader(w.data, w.len), &s, why, size);
	spore__spec_finish(&s);
	spore__msgpack_writer_finish(&w);
	return e;
}

static void test_what_is_wired_is_nothing_else(void **state)
{
	(void)state;
	static const char *const pairs[][4] = {
	    {"wire.stdin", "a.stdout", "stdin", "open"},          {"wire.stdio", "a.stdio", "stdin", "open"},
	    {"wire.stdio", "a.stdio", "wire.stdin", "a.stdout"},  {"wire.stdio", "a.stdio", "wire.stdout", "a.stdin"},
	    {"wire.stdin", "a.stdout", "wire.stdout", "b.stdin"}, // may be
	};
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		struct spore__msgpack_writer w = {0};
		struct spore__spec s;
		spore__msgpack_map(&w, 4);
		spore__msgpack_str(&w, "task");
		spore__msgpack_str(&w, "web");
		spore__msgpack_str(&w, "argv");
		spore__msgpack_array(&w, 1);
		spore__msgpack_str(&w, "/bin/true");
		for (size_t k = 0; k < 4; k++)
			spore__msgpack_str(&w, pairs[i][k]);
		assert_int_equal(spore__spec_decode(spore__msgpack_reader(w.data, w.len), &s, NULL, 0),
		                 i < 4 ? SPORE_EINVALID : SPORE_OK);
		spore__spec_finish(&s);
		spore__msgpack_writer_finish(&w);
	}
}

static void test_refusals_name_the_field(void **state)
{
	(void)state;
	char why[200] = "";
	assert_int_equal(decode("of another version", "x", why, sizeof why), SPORE_OK);
	assert_int_equal(decode("restart", "sometimes", why, sizeof why), SPORE_EINVALID);
	assert_non_null(strstr(why, "restart"));
	assert_int_equal(decode("nice", "text", why, sizeof why), SPORE_EMALFORMED);
	assert_non_null(strstr(why, "nice"));
	assert_int_equal(decode("ready", "tcp", why, sizeof why), SPORE_EINVALID);
	assert_non_null(strstr(why, "ready.address"));
	assert_int_equal(decode("task", "../web", why, sizeof why), SPORE_EINVALID);
}

static void test_cut_off_anywhere(void **state)
{
	(void)state;
	struct spore__spec a, b;
	struct spore__msgpack_writer w = {0};
	sample(&a);
	spore__spec_encode(&a, &w, false);
	for (size_t len = 0; len < w.len; len++) {
		void *copy = malloc(len + 1);
		assert_non_null(copy);
		memcpy(copy, w.data, len);
		assert_int_not_equal(spore__spec_decode(spore__msgpack_reader(copy, len), &b, NULL, 0), SPORE_OK);
		spore__spec_finish(&b);
		free(copy);
	}
	spore__spec_finish(&a);
	spore__msgpack_writer_finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_secrets_are_hidden_where_shown),
	    cmocka_unit_test(test_what_is_wired_is_nothing_else),
	    cmocka_unit_test(test_refusals_name_the_field),
	    cmocka_unit_test(test_cut_off_anywhere),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
