#include "msgpack.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct vector {
	const char *bytes;
	size_t len;
	const char *text; // as spore__msgpack_print shows it
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

static size_t left(const struct spore__msgpack_reader *r)
{
	return (size_t)(r->end - r->at);
}

static void write_value(struct spore__msgpack_writer *w, struct spore__msgpack_reader *r)
{
	struct spore__msgpack_value v;
	assert_int_equal(spore__msgpack_read(r, &v), SPORE__MSGPACK_OK);
	switch (v.type) {
	case SPORE__MSGPACK_NIL:
		spore__msgpack_nil(w);
		return;
	case SPORE__MSGPACK_BOOL:
		spore__msgpack_bool(w, v.boolean);
		return;
	case SPORE__MSGPACK_UINT:
		spore__msgpack_uint(w, v.u);
		return;
	case SPORE__MSGPACK_INT:
		spore__msgpack_int(w, v.i);
		return;
	case SPORE__MSGPACK_FLOAT:
		spore__msgpack_float(w, v.f);
		return;
	case SPORE__MSGPACK_STR:
		spore__msgpack_strn(w, (const char *)v.s.bytes, v.s.len);
		return;
	case SPORE__MSGPACK_BIN:
		spore__msgpack_bin(w, v.s.bytes, v.s.len);
		return;
	case SPORE__MSGPACK_EXT:
		spore__msgpack_ext(w, v.s.ext, v.s.bytes, v.s.len);
		return;
	case SPORE__MSGPACK_ARRAY:
		spore__msgpack_array(w, v.count);
		for (uint32_t i = 0; i < v.count; i++)
			write_value(w, r);
		return;
	case SPORE__MSGPACK_MAP:
		spore__msgpack_map(w, v.count);
		for (uint32_t i = 0; i < 2 * v.count; i++)
			write_value(w, r);
		return;
	}
}

static void test_vectors(void **state)
{
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		const struct vector *v = &vectors[i];
		struct spore__msgpack_reader r;
		char text[256];
		assert_int_equal(spore__msgpack_check(v->bytes, v->len), SPORE__MSGPACK_OK);
		r = spore__msgpack_reader(v->bytes, v->len);
		spore__msgpack_print(&r, text, sizeof text);
		assert_string_equal(text, v->text);
		assert_int_equal(left(&r), 0);
		if (!v->shortest)
			continue;
		struct spore__msgpack_writer w = {0};
		r = spore__msgpack_reader(v->bytes, v->len);
		write_value(&w, &r);
		assert_int_equal(w.err, SPORE__MSGPACK_OK);
		assert_int_equal(w.len, v->len);
		assert_memory_equal(w.data, v->bytes, v->len);
		spore__msgpack_writer_finish(&w);
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
			struct spore__msgpack_reader r;
			r = spore__msgpack_reader(piece, len);
			assert_int_equal(spore__msgpack_skip(&r), SPORE__MSGPACK_MORE);
			assert_int_equal(left(&r), len);
			free(piece);
		}
	}
}

static void test_every_first_byte(void **state)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		uint8_t bytes[64] = {(uint8_t)byte};
		struct spore__msgpack_reader r;
		r = spore__msgpack_reader(bytes, sizeof bytes);
		struct spore__msgpack_value v;
		assert_int_equal(spore__msgpack_read(&r, &v),
		                 byte == 0xc1 ? SPORE__MSGPACK_MALFORMED : SPORE__MSGPACK_OK);
	}
}

static void test_lying_counts(void **state)
{
	static const struct vector lies[] = {
	    V("\xdd\xff\xff\xff\xff\x00", ""), V("\xdf\x80\x00\x00\x00\x00\x00", ""), V("\xdb\xff\xff\xff\xff", ""),
	    V("\xc6\xff\xff\xff\xffx", ""),    V("\xc9\xff\xff\xff\xff\x01x", ""),    V("\x92\x01", ""),
	    V("\x82\x01\x02\x03", ""),
	};
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
		assert_int_equal(spore__msgpack_check(lies[i].bytes, lies[i].len), SPORE__MSGPACK_MORE);
	assert_int_equal(spore__msgpack_check("\x01\x01", 2), SPORE__MSGPACK_MALFORMED); // one value too many
}

static void test_depth(void **state)
{
	uint8_t deep[SPORE__MSGPACK_DEPTH + 2];
	memset(deep, 0x91, sizeof deep);
	deep[SPORE__MSGPACK_DEPTH] = 0x01;
	assert_int_equal(spore__msgpack_check(deep, SPORE__MSGPACK_DEPTH + 1), SPORE__MSGPACK_OK);
	deep[SPORE__MSGPACK_DEPTH] = 0x91;
	deep[SPORE__MSGPACK_DEPTH + 1] = 0x01;
	assert_int_equal(spore__msgpack_check(deep, sizeof deep), SPORE__MSGPACK_DEEP);
}

static void test_typed_reads(void **state)
{
	struct spore__msgpack_writer w = {0};
	spore__msgpack_array(&w, 6);
	spore__msgpack_int(&w, -5);
	spore__msgpack_uint(&w, UINT64_MAX);
	spore__msgpack_bool(&w, true);
	spore__msgpack_str(&w, "text");
	spore__msgpack_map(&w, 2);
	spore__msgpack_str(&w, "a");
	spore__msgpack_uint(&w, 1);
	spore__msgpack_str(&w, "b");
	spore__msgpack_strn(&w, "xyz", 3);
	spore__msgpack_str(&w, NULL);
	struct spore__msgpack_reader r, found;
	r = spore__msgpack_reader(w.data, w.len);
	uint32_t count;
	int64_t i;
	bool b;
	const char *data;
	uint32_t len;
	assert_int_equal(spore__msgpack_read_array(&r, &count), SPORE__MSGPACK_OK);
	assert_int_equal(count, 6);
	assert_int_equal(spore__msgpack_read_int(&r, &i), SPORE__MSGPACK_OK);
	assert_int_equal(i, -5);
	assert_int_equal(spore__msgpack_read_int(&r, &i), SPORE__MSGPACK_TYPE);
	assert_int_equal(spore__msgpack_skip(&r), SPORE__MSGPACK_OK);
	assert_int_equal(spore__msgpack_read_bool(&r, &b), SPORE__MSGPACK_OK);
	assert_true(b);
	assert_int_equal(spore__msgpack_read_map(&r, &count), SPORE__MSGPACK_TYPE);
	assert_int_equal(spore__msgpack_read_str(&r, &data, &len), SPORE__MSGPACK_OK);
	assert_int_equal(len, 4);
	assert_true(spore__msgpack_find(&r, "b", &found));
	assert_int_equal(spore__msgpack_read_str(&found, &data, &len), SPORE__MSGPACK_OK);
	assert_memory_equal(data, "xyz", 3);
	assert_false(spore__msgpack_find(&r, "c", &found));
	spore__msgpack_writer_finish(&w);
}

static void test_fixed_writer(void **state)
{
	struct spore__msgpack_writer w = {0};
	uint8_t bytes[3];
	spore__msgpack_writer_fixed(&w, bytes, sizeof bytes);
	spore__msgpack_uint(&w, 300);
	assert_int_equal(w.err, 0);
	spore__msgpack_bool(&w, true);
	assert_int_equal(w.err, ENOSPC);
	assert_int_equal(w.len, 3);
	spore__msgpack_writer_finish(&w);
}

// Bytes that arrive one at a time: the end is found exactly when it is there.
static void test_scan(void **state)
{
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		struct spore__msgpack_scan s = {0};
		for (size_t len = 0; len < vectors[i].len; len++)
			assert_int_equal(spore__msgpack_scan(&s, vectors[i].bytes, len, 64), SPORE__MSGPACK_MORE);
		assert_int_equal(spore__msgpack_scan(&s, vectors[i].bytes, vectors[i].len, 64), SPORE__MSGPACK_OK);
		assert_int_equal(s.offset, vectors[i].len);
	}
	struct spore__msgpack_scan s = {0};
	assert_int_equal(spore__msgpack_scan(&s, "\xdb\x7f\xff\xff\xff", 5, 1 << 20), SPORE__MSGPACK_LARGE);
	s = (struct spore__msgpack_scan){0};
	assert_int_equal(spore__msgpack_scan(&s, "\xdd\x00\x00\xff\xff", 5, 100), SPORE__MSGPACK_LARGE);
}

static void test_print_cuts_off(void **state)
{
	char text[10];
	struct spore__msgpack_reader r;
	r = spore__msgpack_reader("\xaa"
	                          "0123456789",
	                          11);
	spore__msgpack_print(&r, text, sizeof text);
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
	    cmocka_unit_test(test_fixed_writer),
	    cmocka_unit_test(test_scan),
	    cmocka_unit_test(test_print_cuts_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
