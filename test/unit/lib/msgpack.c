#include "msgpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct vector {
	const char *bytes;
	size_t len;
	const char *text; // as spore__mp_print shows it
	bool shortest;    // the writer makes these bytes
};

#define V(bytes, text)                                                                                                 \
	{                                                                                                              \
		bytes, sizeof bytes - 1, text, true                                                                    \
	}
#define LONG(bytes, text)                                                                                              \
	{                                                                                                              \
		bytes, sizeof bytes - 1, text, false                                                                   \
	}

static const struct vector vectors[] = {
    V("\x00", "0"),
    V("\x7f", "127"),
    V("\x80", "{}"),
    V("\x81\xa1\x61\x01", "{\"a\": 1}"),
    V("\x90", "[]"),
    V("\x93\x01\x02\x03", "[1, 2, 3]"),
    V("\xa0", "\"\""),
    V("\xa3two", "\"two\""),
    V("\xc0", "nil"),
    V("\xc2", "false"),
    V("\xc3", "true"),
    V("\xc4\x02\x00\xff", "h'00ff'"),
    LONG("\xc5\x00\x01\xaa", "h'aa'"),
    LONG("\xc6\x00\x00\x00\x01\xaa", "h'aa'"),
    V("\xc7\x03\x05\x01\x02\x03", "ext(5)h'010203'"),
    LONG("\xc8\x00\x01\xff\x07", "ext(-1)h'07'"),
    LONG("\xc9\x00\x00\x00\x01\x01\x07", "ext(1)h'07'"),
    LONG("\xca\x3f\xc0\x00\x00", "1.5"),
    V("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", "1.5"),
    V("\xcc\x80", "128"),
    V("\xcd\x01\x00", "256"),
    V("\xce\x00\x01\x00\x00", "65536"),
    V("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"),
    LONG("\xd0\x05", "5"),
    V("\xd0\xdf", "-33"),
    V("\xd1\xff\x7f", "-129"),
    V("\xd2\xff\xff\x7f\xff", "-32769"),
    V("\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808"),
    V("\xd4\x01\xaa", "ext(1)h'aa'"),
    V("\xd5\x01\xaa\xbb", "ext(1)h'aabb'"),
    V("\xd6\x01\x01\x02\x03\x04", "ext(1)h'01020304'"),
    V("\xd7\x01\x01\x02\x03\x04\x05\x06\x07\x08", "ext(1)h'0102030405060708'"),
    V("\xd8\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
      "ext(1)h'00000000000000000000000000000000'"),
    LONG("\xd9\x01x", "\"x\""),
    LONG("\xda\x00\x01x", "\"x\""),
    LONG("\xdb\x00\x00\x00\x01x", "\"x\""),
    LONG("\xdc\x00\x01\x07", "[7]"),
    LONG("\xdd\x00\x00\x00\x01\x07", "[7]"),
    LONG("\xde\x00\x01\x07\x08", "{7: 8}"),
    LONG("\xdf\x00\x00\x00\x01\x07\x08", "{7: 8}"),
    V("\xe0", "-32"),
    V("\xff", "-1"),
    V("\x92\x91\x90\x81\x01\xc0", "[[[]], {1: nil}]"),
};

static void write_value(struct spore__mp_writer *w, struct spore__mp_reader *r)
{
	struct spore__mp_value v;
	assert_int_equal(spore__mp_read(r, &v), SPORE_OK);
	switch (v.kind) {
	case SPORE__MP_NIL:
		spore__mp_nil(w);
		return;
	case SPORE__MP_BOOL:
		spore__mp_bool(w, v.is.b);
		return;
	case SPORE__MP_UINT:
		spore__mp_uint(w, v.is.u);
		return;
	case SPORE__MP_INT:
		spore__mp_int(w, v.is.i);
		return;
	case SPORE__MP_FLOAT:
		spore__mp_float(w, v.is.f);
		return;
	case SPORE__MP_STR:
		spore__mp_strn(w, v.is.data, v.len);
		return;
	case SPORE__MP_BIN:
		spore__mp_bin(w, v.is.data, v.len);
		return;
	case SPORE__MP_EXT:
		spore__mp_ext(w, v.ext, v.is.data, v.len);
		return;
	case SPORE__MP_ARRAY:
		spore__mp_array(w, v.len);
		for (uint32_t i = 0; i < v.len; i++)
			write_value(w, r);
		return;
	case SPORE__MP_MAP:
		spore__mp_map(w, v.len);
		for (uint32_t i = 0; i < 2 * v.len; i++)
			write_value(w, r);
		return;
	}
}

static void test_vectors(void **state)
{
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		const struct vector *v = &vectors[i];
		struct spore__mp_reader r;
		char text[256];
		assert_int_equal(spore__mp_check(v->bytes, v->len), SPORE_OK);
		spore__mp_reader_init(&r, v->bytes, v->len);
		spore__mp_print(&r, text, sizeof text);
		assert_string_equal(text, v->text);
		assert_int_equal(spore__mp_left(&r), 0);
		if (!v->shortest)
			continue;
		struct spore__mp_writer w;
		spore__mp_writer_init(&w, 4096);
		spore__mp_reader_init(&r, v->bytes, v->len);
		write_value(&w, &r);
		assert_int_equal(w.err, SPORE_OK);
		assert_int_equal(w.len, v->len);
		assert_memory_equal(w.data, v->bytes, v->len);
		spore__mp_writer_finish(&w);
	}
}

// Each shorter piece of each vector is refused, and the cursor stays.
static void test_cut_off(void **state)
{
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		for (size_t len = 0; len < vectors[i].len; len++) {
			// malloc'ed, so that a sanitizer sees each byte too far
			char *piece = malloc(len + (len == 0));
			memcpy(piece, vectors[i].bytes, len);
			struct spore__mp_reader r;
			spore__mp_reader_init(&r, piece, len);
			assert_int_equal(spore__mp_skip(&r), SPORE_EMALFORMED);
			assert_int_equal(spore__mp_left(&r), len);
			free(piece);
		}
	}
}

static void test_every_first_byte(void **state)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		uint8_t bytes[64] = {(uint8_t)byte};
		struct spore__mp_reader r;
		spore__mp_reader_init(&r, bytes, sizeof bytes);
		struct spore__mp_value v;
		assert_int_equal(spore__mp_read(&r, &v), byte == 0xc1 ? SPORE_EMALFORMED : SPORE_OK);
	}
}

static void test_lying_counts(void **state)
{
	static const struct vector lies[] = {
	    V("\xdd\xff\xff\xff\xff\x00", ""),  V("\xdf\x80\x00\x00\x00\x00\x00", ""),
	    V("\xdb\xff\xff\xff\xff", ""),      V("\xc6\xff\xff\xff\xffx", ""),
	    V("\xc9\xff\xff\xff\xff\x01x", ""), V("\x92\x01", ""),
	    V("\x82\x01\x02\x03", ""),          V("\x01\x01", ""), // one value too many
	};
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
		assert_int_equal(spore__mp_check(lies[i].bytes, lies[i].len), SPORE_EMALFORMED);
}

static void test_depth(void **state)
{
	uint8_t deep[SPORE__MP_DEPTH + 1];
	memset(deep, 0x91, sizeof deep);
	deep[SPORE__MP_DEPTH - 1] = 0x01;
	assert_int_equal(spore__mp_check(deep, SPORE__MP_DEPTH), SPORE_OK);
	deep[SPORE__MP_DEPTH - 1] = 0x91;
	deep[SPORE__MP_DEPTH] = 0x01;
	assert_int_equal(spore__mp_check(deep, sizeof deep), SPORE_ETOODEEP);
}

static void test_typed_reads(void **state)
{
	struct spore__mp_writer w;
	spore__mp_writer_init(&w, 4096);
	spore__mp_array(&w, 6);
	spore__mp_int(&w, -5);
	spore__mp_uint(&w, UINT64_MAX);
	spore__mp_bool(&w, true);
	spore__mp_str(&w, "text");
	spore__mp_map(&w, 2);
	spore__mp_str(&w, "a");
	spore__mp_uint(&w, 1);
	spore__mp_str(&w, "b");
	spore__mp_bin(&w, "xyz", 3);
	spore__mp_str(&w, NULL);
	struct spore__mp_reader r, found;
	spore__mp_reader_init(&r, w.data, w.len);
	uint32_t count;
	int64_t i;
	uint64_t u;
	bool b;
	const char *data;
	size_t len;
	assert_int_equal(spore__mp_read_array(&r, &count), SPORE_OK);
	assert_int_equal(count, 6);
	assert_int_equal(spore__mp_read_uint(&r, &u), SPORE_EMALFORMED);
	assert_int_equal(spore__mp_read_int(&r, &i), SPORE_OK);
	assert_int_equal(i, -5);
	assert_int_equal(spore__mp_read_int(&r, &i), SPORE_EMALFORMED);
	assert_int_equal(spore__mp_read_uint(&r, &u), SPORE_OK);
	assert_true(u == UINT64_MAX);
	assert_int_equal(spore__mp_read_bool(&r, &b), SPORE_OK);
	assert_true(b);
	assert_int_equal(spore__mp_read_map(&r, &count), SPORE_EMALFORMED);
	assert_int_equal(spore__mp_read_str(&r, &data, &len), SPORE_OK);
	assert_int_equal(len, 4);
	assert_int_equal(spore__mp_find(&r, "b", &found), SPORE_OK);
	assert_int_equal(spore__mp_read_str(&found, &data, &len), SPORE_OK);
	assert_memory_equal(data, "xyz", 3);
	assert_int_equal(spore__mp_find(&r, "c", &found), SPORE_ENOTFOUND);
	spore__mp_writer_finish(&w);
}

static void test_limits_of_the_writer(void **state)
{
	struct spore__mp_writer w;
	spore__mp_writer_init(&w, 4);
	spore__mp_str(&w, "abc");
	assert_int_equal(w.err, SPORE_OK);
	spore__mp_nil(&w);
	assert_int_equal(w.err, SPORE_ETOOBIG);
	assert_int_equal(w.len, 4);
	spore__mp_writer_reset(&w);
	assert_int_equal(w.err, SPORE_OK);
	spore__mp_writer_finish(&w);

	uint8_t bytes[3];
	spore__mp_writer_init_fixed(&w, bytes, sizeof bytes);
	spore__mp_uint(&w, 300);
	assert_int_equal(w.err, SPORE_OK);
	spore__mp_bool(&w, true);
	assert_int_equal(w.err, SPORE_ETOOBIG);
	spore__mp_writer_finish(&w);
}

static void test_print_cuts_off(void **state)
{
	char text[10];
	struct spore__mp_reader r;
	spore__mp_reader_init(&r,
	                      "\xaa"
	                      "0123456789",
	                      11);
	spore__mp_print(&r, text, sizeof text);
	assert_int_equal(strlen(text), 9);
	assert_string_equal(text + 6, "...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_cut_off),
	    cmocka_unit_test(test_every_first_byte),
	    cmocka_unit_test(test_lying_counts),
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_typed_reads),
	    cmocka_unit_test(test_limits_of_the_writer),
	    cmocka_unit_test(test_print_cuts_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
