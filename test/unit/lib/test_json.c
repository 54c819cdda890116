#include "json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct spore__json_error error;

static enum spore_err read_text(const char *text, size_t len, struct spore__msgpack_writer *w)
{
	// A copy of this length, so that a sanitizer sees each byte too far.
	char *copy = malloc(len > 0 ? len : 1);
	assert_non_null(copy);
	memcpy(copy, text, len);
	*w = (struct spore__msgpack_writer){0};
	error = (struct spore__json_error){0};
	enum spore_err e = spore__json_to_msgpack(copy, len, w, &error);
	free(copy);
	return e;
}

static char *write_text(const void *bytes, size_t len, unsigned *losses)
{
	struct spore__msgpack_writer w = {0};
	unsigned char *copy = malloc(len > 0 ? len : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	*losses = 0;
	assert_int_equal(spore__json_from_msgpack(copy, len, &w, losses, &error), SPORE_OK);
	free(copy);
	spore__msgpack_raw(&w, "", 1);
	assert_int_equal(w.err, 0);
	return (char *)w.data;
}

// TEXT becomes BYTES, and these AGAIN (NULL: TEXT).
static void both(const char *text, const char *bytes, size_t len, const char *again)
{
	struct spore__msgpack_writer w;
	unsigned losses;
	assert_int_equal(read_text(text, strlen(text), &w), SPORE_OK);
	assert_int_equal(w.len, len);
	assert_memory_equal(w.data, bytes, len);
	char *out = write_text(w.data, w.len, &losses);
	assert_string_equal(out, again != NULL ? again : text);
	free(out);
	spore__msgpack_writer_finish(&w);
}

#define BOTH(text, bytes, again) both(text, bytes, sizeof bytes - 1, again)

static void refused(const char *text, size_t len, size_t offset, const char *why)
{
	struct spore__msgpack_writer w;
	enum spore_err e = read_text(text, len, &w);
	spore__msgpack_writer_finish(&w);
	if (e == SPORE_OK)
		fail_msg("taken, but it should not be: %s", text);
	if (error.offset != offset || strstr(error.why, why) == NULL)
		fail_msg("%s: %zu, %s", text, error.offset, error.why);
}

#define REFUSED(text, offset, why) refused(text, sizeof text - 1, offset, why)

static void values(void **state)
{
	(void)state;
	BOTH("null", "\xc0", NULL);
	BOTH("true", "\xc3", NULL);
	BOTH(" \t\r\n[ ] ", "\x90", "[]");
	BOTH("{}", "\x80", NULL);
	BOTH("[1,-1,0,-0]", "\x94\x01\xff\x00\x00", "[1,-1,0,0]");
	BOTH("[127,128,255,256,65535,65536]", "\x96\x7f\xcc\x80\xcc\xff\xcd\x01\x00\xcd\xff\xff\xce\x00\x01\x00\x00",
	     NULL);
	BOTH("9223372036854775807", "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", NULL);
	BOTH("-9223372036854775808", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", NULL);
	BOTH("18446744073709551615", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", NULL);
	BOTH("18446744073709551616", "\xcb\x43\xf0\x00\x00\x00\x00\x00\x00", "1.8446744073709552e+19");
	BOTH("1.0", "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", NULL);
	BOTH("1e2", "\xcb\x40\x59\x00\x00\x00\x00\x00\x00", "100.0");
	BOTH("-0.0", "\xcb\x80\x00\x00\x00\x00\x00\x00\x00", NULL);
	BOTH("{\"a\":[true,{\"b\":false}],\"c\":\"\"}",
	     "\x82\xa1"
	     "a\x92\xc3\x81\xa1"
	     "b\xc2\xa1"
	     "c\xa0",
	     NULL);
	BOTH("\"\\u0041\\n\\/\\\"\\\\\\u00e4\\ud83d\\ude00\\u0000\"",
	     "\xac"
	     "A\n/\"\\\xc3\xa4\xf0\x9f\x98\x80\x00",
	     "\"A\\n/\\\"\\\\\xc3\xa4\xf0\x9f\x98\x80\\u0000\"");
}

static void counts(void **state)
{
	static const size_t sizes[] = {0, 1, 14, 15, 16, 17, 31, 32, 255, 256, 65535, 65536, 70000};
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		for (int kind = 0; kind < 3; kind++) { // an array, an object, a string
			struct spore__msgpack_writer text = {0}, w, plain = {0};
			unsigned losses;
			char key[32];
			spore__msgpack_raw(&text, &"[{\""[kind], 1);
			for (size_t n = 0; n < sizes[i]; n++) {
				int len = snprintf(key, sizeof key, "\"%zu\":7", n);
				if (kind < 2 && n > 0)
					spore__msgpack_raw(&text, ",", 1);
				spore__msgpack_raw(&text, kind == 1 ? key : "7", kind == 1 ? (size_t)len : 1);
			}
			spore__msgpack_raw(&text, &"]}\""[kind], 1);
			assert_int_equal(read_text((char *)text.data, text.len, &w), SPORE_OK);
			if (kind == 0)
				spore__msgpack_array(&plain, (uint32_t)sizes[i]);
			else if (kind == 1)
				spore__msgpack_map(&plain, (uint32_t)sizes[i]);
			for (size_t n = 0; kind < 2 && n < sizes[i]; n++) {
				(void)snprintf(key, sizeof key, "%zu", n);
				if (kind == 1)
					spore__msgpack_str(&plain, key);
				spore__msgpack_int(&plain, 7);
			}
			if (kind == 2) {
				spore__msgpack_strn(&plain, (char *)text.data + 1, (uint32_t)sizes[i]);
			}
			assert_int_equal(plain.err, 0);
			assert_int_equal(w.len, plain.len);
			assert_memory_equal(w.data, plain.data, plain.len);
			char *again = write_text(w.data, w.len, &losses);
			assert_memory_equal(again, text.data, text.len);
			free(again);
			spore__msgpack_writer_finish(&text);
			spore__msgpack_writer_finish(&plain);
			spore__msgpack_writer_finish(&w);
		}
	}
}

static void strict(void **state)
{
	(void)state;
	REFUSED("", 0, "ends where a value");
	REFUSED("  ", 2, "ends where a value");
	REFUSED("1 2", 2, "follows");
	REFUSED("nul", 0, "a value was expected");
	REFUSED("[1,]", 3, "a value was expected");
	REFUSED("[1 2]", 3, "a comma or ]");
	REFUSED("[1", 2, "ends within an array");
	REFUSED("{\"a\":1", 6, "ends within an object");
	REFUSED("{\"a\" 1}", 5, "colon");
	REFUSED("{a:1}", 1, "a key in double quotes");
	REFUSED("{\"a\":1,}", 7, "a key in double quotes");
	REFUSED("{\"a\":1,\"b\":2,\"a\":3}", 13, "twice");
	REFUSED("{\"a\":1,\"\\u0061\":2}", 7, "twice");
	REFUSED("01", 0, "needless zero");
	REFUSED("-", 1, "digit");
	REFUSED("1.", 2, "digit");
	REFUSED("1e", 2, "digit");
	REFUSED("1e+", 2, "digit");
	REFUSED("+1", 0, "a value was expected");
	REFUSED(".5", 0, "a value was expected");
	REFUSED("1e999", 0, "too large");
	REFUSED("NaN", 0, "a value was expected");
	REFUSED("18446744073709551617", 0, "beyond 64 bits");
	REFUSED("-9223372036854775809", 0, "beyond 64 bits");
	REFUSED("\"a\nb\"", 2, "control character");
	REFUSED("\"a\x1f\"", 2, "control character");
	REFUSED("\"abc", 4, "ends within a string");
	REFUSED("\"abc\\", 5, "ends within a string");
	REFUSED("\"\\x\"", 1, "no such escape");
	REFUSED("\"\\u12g4\"", 1, "hexadecimal");
	REFUSED("\"\\ud800\"", 1, "surrogate");
	REFUSED("\"\\ude00\"", 1, "surrogate");
	REFUSED("\"\\ud800\\u0041\"", 1, "surrogate");
	REFUSED("\"a\x80\"", 2, "UTF-8");
	REFUSED("\"\xc0\x80\"", 1, "UTF-8");
	REFUSED("\"\xed\xa0\x80\"", 1, "UTF-8");
	REFUSED("\"\xf4\x90\x80\x80\"", 1, "UTF-8");
	REFUSED("\"0123456789abcdef0123456789abcdef\xe2\x82\"", 33, "UTF-8");
	REFUSED("\"\\n0123456789abcdef0123456789abcdef\xe2\x82\"", 35, "UTF-8");
	REFUSED("\xef\xbb\xbf{}", 0, "a value was expected");
}

static void depth(void **state)
{
	(void)state;
	char text[2 * (SPORE__JSON_DEPTH + 1)];
	for (size_t n = SPORE__JSON_DEPTH; n <= SPORE__JSON_DEPTH + 1; n++) {
		struct spore__msgpack_writer w;
		memset(text, '[', n);
		memset(text + n, ']', n);
		enum spore_err e = read_text(text, 2 * n, &w);
		assert_int_equal(e, n > SPORE__JSON_DEPTH ? SPORE_ETOODEEP : SPORE_OK);
		spore__msgpack_writer_finish(&w);
	}
}

static void many_keys(void **state)
{
	static const size_t sizes[] = {2, 15, 16, 17, 63, 64, 65, 300, 5000};
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		char *text = malloc(sizes[i] * 40 + 64);
		assert_non_null(text);
		size_t len = 1;
		text[0] = '{';
		for (size_t n = 0; n < sizes[i]; n++)
			len += (size_t)sprintf(text + len, "\"key number %zu\":{\"x\":0,\"y\":0},", n);
		size_t twice = len;
		len += (size_t)sprintf(text + len, "\"key number %zu\":1}", sizes[i] / 2);
		refused(text, len, twice, "twice");
		text[twice - 1] = '}';
		struct spore__msgpack_writer w;
		assert_int_equal(read_text(text, twice, &w), SPORE_OK);
		spore__msgpack_writer_finish(&w);
		free(text);
	}
}

// Keys of one hash, which only their beginning, middle and end decide.
static void hostile_keys(void **state)
{
	enum { KEYS = 5000 };
	(void)state;
	char *text = malloc(KEYS * 32 + 64);
	assert_non_null(text);
	size_t len = 1;
	text[0] = '{';
	for (size_t n = 0; n < KEYS; n++)
		len += (size_t)sprintf(text + len, "\"abcdefgh%06zuabcdefgh\":0,", n);
	size_t end = len;
	(void)sprintf(text + len, "\"abcdefgh%06dabcdefgh\":0}", 77);
	refused(text, strlen(text), end, "twice");
	text[end - 1] = '}';
	struct spore__msgpack_writer w;
	assert_int_equal(read_text(text, end, &w), SPORE_OK);
	spore__msgpack_writer_finish(&w);
	free(text);
}

static void float_again(double f)
{
	struct spore__msgpack_writer w = {0}, again;
	unsigned losses;
	char *end;
	spore__msgpack_float(&w, f);
	char *text = write_text(w.data, w.len, &losses);
	assert_int_equal(losses, 0);
	double read = strtod(text, &end);
	if (*end != '\0' || read != f || signbit(read) != signbit(f))
		fail_msg("%.17g is written as %s", f, text);
	assert_int_equal(read_text(text, strlen(text), &again), SPORE_OK);
	if (again.len != w.len || memcmp(again.data, w.data, w.len) != 0)
		fail_msg("%s is read as another", text);
	// Not longer than it has to be.
	char shorter[64];
	for (int digits = 1; digits < 17; digits++) {
		(void)snprintf(shorter, sizeof shorter, "%.*e", digits - 1, f);
		if (strtod(shorter, NULL) == f) {
			size_t ours = 0;
			const char *p = text;
			for (; *p != '\0' && *p != 'e'; p++)
				ours += *p >= '0' && *p <= '9' && (ours > 0 || *p != '0');
			while (ours > 1 && (p[-1] == '0' || p[-1] == '.'))
				ours -= *--p == '0';
			assert_true(ours <= (size_t)digits);
			break;
		}
	}
	free(text);
	spore__msgpack_writer_finish(&w);
	spore__msgpack_writer_finish(&again);
}

static void floats(void **state)
{
	static const double some[] = {0.0,
	                              -0.0,
	                              1.0,
	                              0.1,
	                              0.2,
	                              0.3,
	                              1.5,
	                              -2.25,
	                              1e15,
	                              1e16,
	                              123456789.123,
	                              1e-5,
	                              1e-6,
	                              1e22,
	                              1e23,
	                              1e300,
	                              5e-324,
	                              2.2250738585072014e-308,
	                              1.7976931348623157e308,
	                              9007199254740993.0,
	                              0.30000000000000004,
	                              100.0,
	                              1234567890123456.0,
	                              4.35,
	                              0.000123};
	(void)state;
	for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
		float_again(some[i]);
	uint64_t random = 1;
	for (int i = 0; i < 20000; i++) {
		double f;
		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		uint64_t bits = random ^ random >> 29;
		memcpy(&f, &bits, sizeof f);
		if (f - f == 0)
			float_again(f);
		float_again((double)(bits >> 11) * 0x1p-53);
		float_again((double)(int32_t)bits / 1000.0);
	}
}

// What strtod says, for numbers near to the middle between two doubles too.
static void decimals(void **state)
{
	static const char *const some[] = {"9007199254740993.0",
	                                   "9007199254740992.5",
	                                   "1.00000000000000011102230246251565",
	                                   "1.000000000000000111022302462515654",
	                                   "0.5000000000000001110223024625156540",
	                                   "123456789012345678.9e-30",
	                                   "2.2250738585072011e-308",
	                                   "4.9e-324",
	                                   "1e-400",
	                                   "0.1e1",
	                                   "1E+2",
	                                   "12345678901234567890.5",
	                                   "0.00000000000000000000000000000000000012345"};
	(void)state;
	uint64_t random = 7;
	for (int i = 0; i < 50000; i++) {
		char text[64];
		const char *t = text;
		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		if ((size_t)i < sizeof some / sizeof some[0])
			t = some[i];
		else
			(void)snprintf(text, sizeof text, "%llu.%02ue%d", (unsigned long long)(random >> (random & 63)),
			               (unsigned)(random % 100), (int)(random >> 32 & 63) - 32);
		struct spore__msgpack_writer w;
		struct spore__msgpack_value v;
		assert_int_equal(read_text(t, strlen(t), &w), SPORE_OK);
		struct spore__msgpack_reader r = spore__msgpack_reader(w.data, w.len);
		assert_int_equal(spore__msgpack_read(&r, &v), SPORE__MSGPACK_OK);
		assert_int_equal(v.type, SPORE__MSGPACK_FLOAT);
		if (v.f != strtod(t, NULL))
			fail_msg("%s is read as %.17g", t, v.f);
		spore__msgpack_writer_finish(&w);
	}
}

static void lost(const char *bytes, size_t len, const char *text, unsigned losses)
{
	unsigned found;
	char *out = write_text(bytes, len, &found);
	assert_string_equal(out, text);
	assert_int_equal(found, losses);
	free(out);
}

#define LOST(bytes, text, losses) lost(bytes, sizeof bytes - 1, text, losses)

static void losses(void **state)
{
	(void)state;
	LOST("\xcf\x00\x20\x00\x00\x00\x00\x00\x00", "9007199254740992", 0);
	LOST("\xcf\x00\x20\x00\x00\x00\x00\x00\x01", "9007199254740993", SPORE__JSON_INT53);
	LOST("\xd3\xff\xdf\xff\xff\xff\xff\xff\xff", "-9007199254740993", SPORE__JSON_INT53);
	LOST("\xc4\x00", "\"\"", SPORE__JSON_BYTES);
	LOST("\xc4\x01\xff", "\"/w==\"", SPORE__JSON_BYTES);
	LOST("\xc4\x02\xff\x00", "\"/wA=\"", SPORE__JSON_BYTES);
	LOST("\xc4\x03\xff\x00\x10", "\"/wAQ\"", SPORE__JSON_BYTES);
	LOST("\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", "null", SPORE__JSON_FLOAT);
	LOST("\xca\x7f\xc0\x00\x00", "null", SPORE__JSON_FLOAT);
	LOST("\xca\x3f\x80\x00\x00", "1.0", 0);
	LOST("\x83\x01\xa1x\xc0\xc3\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\x90", "{\"1\":\"x\",\"null\":true,\"1.5\":[]}",
	     SPORE__JSON_KEYS);
	LOST("\xd4\x05\x00", "\"AA==\"", SPORE__JSON_EXT);
	LOST("\xa2\xc3\x28", "\"wyg=\"", SPORE__JSON_UTF8);
	LOST("\xa3\"\n\x7f", "\"\\\"\\n\x7f\"", 0);
}

static void not_written(const char *bytes, size_t len, enum spore_err e, size_t offset, const char *why)
{
	struct spore__msgpack_writer w = {0};
	unsigned found = 0;
	assert_int_equal(spore__json_from_msgpack(bytes, len, &w, &found, &error), e);
	assert_int_equal(error.offset, offset);
	assert_non_null(strstr(error.why, why));
	spore__msgpack_writer_finish(&w);
}

static void malformed(void **state)
{
	char deep[SPORE__JSON_DEPTH + 2];
	(void)state;
	not_written("\xc1", 1, SPORE_EMALFORMED, 0, "0xc1");
	not_written("\x92\x01", 2, SPORE_EMALFORMED, 0, "end within");
	not_written("\x01\x02", 2, SPORE_EMALFORMED, 1, "follows");
	not_written("\x82\xa1\x61\x01\xa1\x61\x02", 7, SPORE_EMALFORMED, 4, "twice");
	not_written("\x82\x01\x01\xa1\x31\x02", 6, SPORE_EMALFORMED, 3, "twice");
	not_written("\x81\x90\x01", 3, SPORE_EUNSUPPORTED, 1, "a key that is");
	memset(deep, '\x91', sizeof deep);
	not_written(deep, sizeof deep, SPORE_ETOODEEP, SPORE__JSON_DEPTH, "too deeply");
}

// Every beginning of a text is refused without a byte too far being looked at.
static void cut(void **state)
{
	static const char text[] = "{\"name\":\"a longer string than sixteen "
	                           "bytes\",\"n\":[1,-20,3.25e1,null,true,\"\\u00e4\xc3\xa4\"],\"o\":{\"k\":{}}}";
	(void)state;
	for (size_t n = 0; n + 1 < sizeof text; n++) {
		struct spore__msgpack_writer w;
		enum spore_err e = read_text(text, n, &w);
		assert_int_equal(e == SPORE_OK, false);
		assert_true(error.offset <= n);
		spore__msgpack_writer_finish(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values),    cmocka_unit_test(counts),    cmocka_unit_test(strict),
	    cmocka_unit_test(depth),     cmocka_unit_test(many_keys), cmocka_unit_test(hostile_keys),
	    cmocka_unit_test(floats),    cmocka_unit_test(decimals),  cmocka_unit_test(losses),
	    cmocka_unit_test(malformed), cmocka_unit_test(cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
