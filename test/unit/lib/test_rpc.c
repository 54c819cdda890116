// What a call brings: results, errors, parts, deadlines; over every transport.
#include "rpc_rig.h"

static void case_results(const char *transport)
{
	struct rig p;
	struct spore_reader result;
	struct spore_writer *w;
	rig_open(&p, transport, NULL, NULL);
	rig_start(&p);
	for (int i = 0; i < 300; i++)
		rig_check_add(p.a, i, 1000000007LL * i);
	struct spore_rpc_ask *a = rig_begin(p.a, "nothing", &w);
	assert_int_equal(spore_rpc_wait(a, SOON, &result), SPORE_OK);
	assert_true(spore_read_nil(&result));
	spore_rpc_end(a);

	a = rig_begin(p.a, "$/describe", &w);
	assert_int_equal(spore_rpc_wait(a, SOON, &result), SPORE_OK);
	char text[4096];
	spore_value_print(&result, text, sizeof text);
	assert_non_null(
	    strstr(text, "\"name\": \"add\", \"help\": \"The sum\", \"params\": [{\"name\": \"a\", \"type\": \"int\""));
	assert_non_null(strstr(text, "[[1, \"invalid argument\"], [-32001, \"no luck\"]]"));
	spore_rpc_end(a);
	rig_stop(&p);
	rig_close(&p);
}

static void case_errors(const char *transport)
{
	struct rig p;
	struct spore_reader at;
	struct spore_writer *w;
	int64_t n;
	rig_open(&p, transport, NULL, NULL);
	rig_start(&p);
	struct spore_rpc_ask *a = rig_begin(p.a, "fail", &w);
	assert_int_equal(spore_rpc_wait(a, SOON, NULL), SPORE_EREMOTE);
	const struct spore_rpc_error *why = spore_rpc_why(a);
	assert_int_equal(why->code, -32001);
	assert_string_equal(why->text, "no luck");
	assert_int_equal(why->text_len, 7);
	assert_true(why->peer);
	assert_true(spore_reader_find(&why->data, "seven", &at) && spore_read_int(&at, &n) && n == 7);
	spore_rpc_end(a);

	a = rig_begin(p.a, "no such thing", &w);
	assert_int_equal(spore_rpc_wait(a, SOON, NULL), SPORE_ENOTFOUND);
	assert_string_equal(spore_rpc_why(a)->text, "there is no method no such thing");
	spore_rpc_end(a);

	a = rig_begin(p.a, "add", &w);
	spore_write_array(w, 2);
	spore_write_int(w, 1);
	spore_write_str(w, "one");
	assert_int_equal(spore_rpc_wait(a, SOON, NULL), SPORE_EINVALID);
	assert_string_equal(spore_rpc_why(a)->text, "add: parameter 2, \"b\", has to be an integer");
	spore_rpc_end(a);

	a = rig_begin(p.a, "two_values", &w);
	assert_int_equal(spore_rpc_wait(a, SOON, NULL), SPORE_EINVALID);
	assert_true(spore_rpc_why(a)->peer);
	spore_rpc_end(a);

	a = rig_begin(p.a, "add", &w); // no array
	spore_write_int(w, 1);
	assert_int_equal(spore_rpc_wait(a, SOON, NULL), SPORE_EINVALID);
	assert_false(spore_rpc_why(a)->peer);
	spore_rpc_end(a);
	assert_int_equal(spore_rpc_ask(p.a, "", 0, &a, &w), SPORE_EINVALID);
	rig_check_add(p.a, 1, 2);
	rig_stop(&p);
	rig_close(&p);
}

static void case_sizes(const char *transport)
{
	struct rig p;
	struct spore_rpc_options small = {.largest = 100000};
	struct spore_rpc_options limits = {.largest = 3 << 20};
	rig_open(&p, transport, &small, &limits);
	rig_start(&p);
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
		struct spore_rpc_ask *a = rig_begin(p.a, "echo", &w);
		spore_write_array(w, 1);
		spore_write_bytes(w, big, cases[i].size);
		assert_int_equal(spore_rpc_wait(a, SOON, &result), cases[i].e);
		if (cases[i].e == SPORE_OK)
			assert_true(spore_read_bytes(&result, &data, &len) && len == cases[i].size &&
			            memcmp(data, big, len) == 0);
		spore_rpc_end(a);
	}
	free(big);
	rig_check_add(p.a, 1, 2);
	rig_stop(&p);
	rig_close(&p);
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
	struct rig p;
	struct spore_rpc_options few = {.outgoing = 1000}; // so that it waits
	rig_open(&p, transport, NULL, &few);
	rig_start(&p);
	for (int64_t many = 0; many <= 30000; many = many * 30 + 10) {
		struct spore_rpc_ask *a = rig_begin_int(p.a, "count_to", many);
		int64_t next = 0;
		double progress = 0;
		spore_rpc_on_item(a, count_items, &next);
		spore_rpc_on_progress(a, note_progress, &progress);
		assert_int_equal(spore_rpc_wait(a, SOON, NULL), SPORE_OK);
		assert_int_equal(next, many);
		assert_true(progress == 1.0);
		spore_rpc_end(a);
	}
	rig_stop(&p);
	rig_close(&p);
}

static void case_deadline(const char *transport)
{
	struct rig p;
	struct spore_writer *w;
	struct spore_reader result;
	int64_t ms;
	rig_open(&p, transport, NULL, NULL);
	rig_start(&p);
	struct spore_rpc_ask *a = rig_begin(p.a, "remaining", &w);
	assert_int_equal(spore_rpc_wait(a, SPORE_FOREVER, &result), SPORE_OK);
	assert_true(spore_read_int(&result, &ms) && ms == -1);
	spore_rpc_end(a);
	a = rig_begin(p.a, "remaining", &w);
	assert_int_equal(spore_rpc_wait(a, 60000, &result), SPORE_OK);
	assert_true(spore_read_int(&result, &ms) && ms > 1000 && ms <= 60000);
	spore_rpc_end(a);
	rig_stop(&p);
	rig_close(&p);
}

static void case_nested(const char *transport)
{
	struct rig p;
	int64_t n;
	rig_open(&p, transport, NULL, NULL);
	rig_start(&p);
	assert_int_equal(rig_call_int(p.a, "down", 0, &n), SPORE_OK);
	assert_int_equal(n, 1);
	assert_int_equal(rig_call_int(p.a, "down", 40, &n), SPORE_OK);
	assert_int_equal(n, 41);
	assert_int_equal(rig_call_int(p.a, "down", 100, NULL), SPORE_EBUSY); // too deep, on all levels
	assert_int_equal(rig_call_int(p.a, "down", 3, &n), SPORE_OK);
	rig_stop(&p);
	rig_close(&p);
}

static const char *last_notice;

static void on_notice(struct spore_rpc *r, const char *method, struct spore_reader params, void *data)
{
	(void)r;
	(void)params;
	struct rig *p = data;
	last_notice = strcmp(method, "hello") == 0 ? "hello" : "?";
	atomic_fetch_add(&p->ran, 1);
}

static void case_notices(const char *transport)
{
	struct rig p;
	struct spore_rpc_options options = {.notice = on_notice};
	struct spore_rpc_ask *a;
	struct spore_writer *w;
	rig_open(&p, transport, NULL, &options);
	assert_int_equal(spore_rpc_notice(p.a, "add", 0, &a, &w), SPORE_OK); // nobody hears what it answers
	spore_write_array(w, 2);
	spore_write_int(w, 1);
	spore_write_int(w, 1);
	assert_int_equal(spore_rpc_tell(a), SPORE_OK);
	assert_int_equal(spore_rpc_notice(p.a, "hello", 0, &a, &w), SPORE_OK);
	assert_int_equal(spore_rpc_tell(a), SPORE_OK);
	rig_start(&p);
	rig_check_add(p.a, 1, 2);
	assert_int_equal(atomic_load(&p.ran), 3);
	assert_string_equal(last_notice, "hello");
	rig_stop(&p);
	rig_close(&p);
}

static rig_case *const cases[] = {case_results,  case_errors, case_sizes,   case_parts,
                                  case_deadline, case_nested, case_notices, NULL};

int main(void)
{
	return rig_run(cases);
}
