#include "control.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hold_side.h"

static void assert_printed(struct spore__msgpack_writer *w, const char *expected)
{
	struct spore__control_message m;
	size_t used;
	char text[512];
	assert_int_equal(w->err, 0);
	assert_int_equal(spore__control_decode(w->data, w->len, &m, &used), SPORE_OK);
	assert_int_equal(used, w->len);
	spore__control_print(&m, text, sizeof text);
	assert_string_equal(text, expected);
	spore__msgpack_writer_finish(w);
}

static void test_each_message(void **state)
{
	const char *const features[] = {"ports", NULL}, *const values[] = {"colour", "red", NULL};
	const struct spore_field fields[] = {
	    spore_str("s", "x"),   spore_int("i", -3),          spore_uint("u", 3), spore_float("f", 0.5),
	    spore_bool("b", true), spore_bytes("y", "\xff", 1), spore_no_field(),   spore_str("n", NULL),
	};
	struct spore__msgpack_writer w = {0};
	spore__control_put_hello(&w, features, values);
	assert_printed(&w, "[\"hello\", 1, [\"ports\"], {\"colour\": \"red\"}]");
	spore__control_put_hello(&w, NULL, NULL);
	assert_printed(&w, "[\"hello\", 1, [], {}]");
	spore__control_put_refuse(&w, SPORE_EVERSION, "no");
	assert_printed(&w, "[\"refuse\", 8, \"no\"]");
	spore__control_put_log(&w, SPORE_WARN, 5, "text", fields, sizeof fields / sizeof fields[0]);
	assert_printed(
	    &w, "[\"log\", 3, 5, \"text\", {\"s\": \"x\", \"i\": -3, \"u\": 3, \"f\": 0.5, \"b\": true, \"y\": h'ff', "
	        "\"n\": \"\"}]");
	spore__control_put_lost(&w, 7);
	assert_printed(&w, "[\"lost\", 7]");
	spore__control_put_listens(&w);
	assert_printed(&w, "[\"listens\"]");
	spore__control_put_ready(&w);
	assert_printed(&w, "[\"ready\"]");
	spore__control_put_status(&w, "fine");
	assert_printed(&w, "[\"status\", \"fine\"]");
	spore__control_put_stopping(&w);
	assert_printed(&w, "[\"stopping\"]");
	spore__control_put_stop(&w, 5000);
	assert_printed(&w, "[\"stop\", 5000]");
	const char *const options[] = {"protocol", "rpc", NULL};
	spore__control_put_open(&w, "in", "messages", "connect", options);
	assert_printed(&w, "[\"open\", \"in\", \"messages\", \"connect\", {\"protocol\": \"rpc\"}]");
	spore__control_put_close(&w, "in");
	assert_printed(&w, "[\"close\", \"in\"]");
	spore__control_put_channel(&w, "in", 7, "ring", 1, 3, "s/t.out");
	assert_printed(&w, "[\"channel\", \"in\", 7, \"ring\", 1, 3, {\"peer\": \"s/t.out\"}]");
	spore__control_put_channel(&w, "in", 7, "ring", 1, 3, NULL);
	assert_printed(&w, "[\"channel\", \"in\", 7, \"ring\", 1, 3, {}]");
	spore__control_put_unwired(&w, "in", 7);
	assert_printed(&w, "[\"unwired\", \"in\", 7]");
	spore__control_put_stop_swap(&w, 5000);
	assert_printed(&w, "[\"stop\", 5000, true]");
	spore__control_put_swap(&w, "in", 7, false);
	assert_printed(&w, "[\"swap\", \"in\", 7, false]");
	spore__control_put_alone(&w);
	assert_printed(&w, "[\"alone\"]");
	spore__control_put_memory(&w, "in", 7);
	assert_printed(&w, "[\"memory\", \"in\", 7]");
	spore__control_put_closed(&w, "in", SPORE_EDENIED, "no");
	assert_printed(&w, "[\"closed\", \"in\", 12, \"no\"]");
}

static void test_large_records_are_cut(void **state)
{
	enum { LARGE = 200 * 1024 };
	static unsigned char frame[SPORE__CONTROL_FRAME];
	char *large = malloc(LARGE + 1);
	memset(large, 'x', LARGE);
	large[LARGE] = '\0';
	large[SPORE__CONTROL_TEXT - 1] = '\xc3'; // a character of two bytes stands over the limit
	large[SPORE__CONTROL_TEXT] = '\xa4';
	struct spore_field fields[100];
	for (size_t i = 0; i < 100; i++)
		fields[i] = spore_str("key", large);
	struct spore__msgpack_writer w;
	spore__msgpack_writer_fixed(&w, frame, sizeof frame);
	spore__control_put_log(&w, SPORE_INFO, UINT64_MAX / 2, large, fields, 100);
	assert_int_equal(w.err, 0);
	struct spore__control_message m;
	size_t used;
	assert_int_equal(spore__control_decode(frame, w.len, &m, &used), SPORE_OK);
	assert_int_equal(m.text_len, SPORE__CONTROL_TEXT - 1);

	for (size_t i = 0; i < 100; i++)
		fields[i] = spore_int("k", INT64_MIN);
	spore__msgpack_writer_fixed(&w, frame, sizeof frame);
	spore__control_put_log(&w, SPORE_INFO, 1, "", fields, 100);
	assert_int_equal(w.err, 0);
	assert_int_equal(spore__control_decode(frame, w.len, &m, &used), SPORE_OK);
	uint32_t pairs;
	assert_int_equal(spore__msgpack_read_map(&m.fields, &pairs), SPORE__MSGPACK_OK);
	assert_int_equal(pairs, SPORE__CONTROL_FIELDS);

	for (size_t i = 0; i < 100; i++)
		fields[i] = spore_int(large, 1); // a key too long for any record
	spore__msgpack_writer_fixed(&w, frame, sizeof frame);
	spore__control_put_log(&w, SPORE_INFO, 1, "", fields, 100);
	assert_int_equal(w.err, 0);
	free(large);
}

static enum spore_err decode(const char *body, size_t len)
{
	unsigned char frame[256] = {(unsigned char)len, (unsigned char)(len >> 8)};
	struct spore__control_message m;
	size_t used;
	memcpy(frame + SPORE__CONTROL_HEAD, body, len);
	enum spore_err e = spore__control_decode(frame, SPORE__CONTROL_HEAD + len, &m, &used);
	return e == SPORE_OK && m.type == SPORE__CONTROL_UNKNOWN ? SPORE_ENOTFOUND : e;
}

#define DECODE(body) decode(body, sizeof body - 1)

static void test_malformed(void **state)
{
	struct spore__control_message m;
	size_t used;
	assert_int_equal(DECODE(""), SPORE_EMALFORMED);
	assert_int_equal(DECODE("\x90"), SPORE_EMALFORMED);
	assert_int_equal(DECODE("\x91\x01"), SPORE_EMALFORMED);           // a number for a name
	assert_int_equal(DECODE("\x91\xa6status"), SPORE_EMALFORMED);     // no text
	assert_int_equal(DECODE("\x92\xa6status\x05"), SPORE_EMALFORMED); // no text
	assert_int_equal(DECODE("\x92\xa4stop\xff"), SPORE_EMALFORMED);   // below zero
	assert_int_equal(DECODE("\x91\xa5ready\x00"), SPORE_EMALFORMED);  // more behind it
	assert_int_equal(DECODE("\x91\xa5ready"), SPORE_OK);
	assert_int_equal(DECODE("\x92\xa5ready\x07"), SPORE_OK); // of a later version
	assert_int_equal(DECODE("\x91\xa5later"), SPORE_ENOTFOUND);
	assert_int_equal(spore__control_decode("\xff\xff\x00\x00", 4, &m, &used), SPORE_ETOOBIG);
	assert_int_equal(spore__control_decode("\x00\x00\x00\x80", 4, &m, &used), SPORE_ETOOBIG);
	assert_int_equal(spore__control_decode("\x05\x00\x00", 3, &m, &used), SPORE_EAGAIN);
	assert_int_equal(spore__control_decode("\x05\x00\x00\x00\x91", 5, &m, &used), SPORE_EAGAIN);
}

static void put_all(struct spore__msgpack_writer *w)
{
	const char *const features[] = {"ports", NULL}, *const values[] = {"colour", "red", NULL};
	const struct spore_field fields[] = {spore_str("s", "x"), spore_float("f", 0.5), spore_bytes("y", "\xff", 1)};
	spore__control_put_hello(w, features, values);
	spore__control_put_refuse(w, SPORE_EVERSION, "no");
	spore__control_put_log(w, SPORE_WARN, 5, "text", fields, sizeof fields / sizeof fields[0]);
	spore__control_put_lost(w, 7);
	spore__control_put_listens(w);
	spore__control_put_ready(w);
	spore__control_put_status(w, "fine");
	spore__control_put_stopping(w);
	spore__control_put_stop(w, 5000);
	spore__control_put_open(w, "in", "messages", "connect", values);
	spore__control_put_close(w, "in");
	spore__control_put_channel(w, "in", 7, "ring", 1, 3, "s/t.out");
	spore__control_put_unwired(w, "in", 7);
	spore__control_put_closed(w, "in", SPORE_EDENIED, "no");
	spore__control_put_stop_swap(w, 5000);
	spore__control_put_swap(w, "in", 7, true);
	spore__control_put_alone(w);
	assert_int_equal(w->err, 0);
}

// Cut off anywhere a frame is waited for; with a length that says it is whole it is malformed.
static void test_truncated(void **state)
{
	struct spore__msgpack_writer w = {0};
	unsigned messages = 0;
	put_all(&w);
	for (size_t at = 0, used; at < w.len; at += used, messages++) {
		struct spore__control_message m;
		assert_int_equal(spore__control_decode(w.data + at, w.len - at, &m, &used), SPORE_OK);
		for (size_t len = 0; len < used; len++) {
			size_t unused;
			unsigned char *part = malloc(used); // of its own, so that a sanitizer sees a byte too far
			memcpy(part, w.data + at, len);
			assert_int_equal(spore__control_decode(part, len, &m, &unused), SPORE_EAGAIN);
			if (len >= SPORE__CONTROL_HEAD) {
				part[0] = (unsigned char)(len - SPORE__CONTROL_HEAD);
				assert_int_equal(spore__control_decode(part, len, &m, &unused), SPORE_EMALFORMED);
			}
			free(part);
		}
	}
	assert_int_equal(messages, 17);
	spore__msgpack_writer_finish(&w);
}

// The largest frame, and one byte more.
static void test_largest(void **state)
{
	static unsigned char frame[SPORE__CONTROL_FRAME + 1];
	struct spore__control_message m;
	size_t used;
	for (size_t len = SPORE__CONTROL_FRAME; len <= SPORE__CONTROL_FRAME + 1; len++) {
		size_t body = len - SPORE__CONTROL_HEAD, text = body - 8 - 3;
		unsigned char head[] = {(unsigned char)body, (unsigned char)(body >> 8), (unsigned char)(body >> 16),
		                        0};
		memcpy(frame, head, sizeof head);
		memcpy(frame + sizeof head, "\x92\xa6status\xc5", 9);
		frame[13] = (unsigned char)(text >> 8);
		frame[14] = (unsigned char)text;
		assert_int_equal(spore__control_decode(frame, len, &m, &used),
		                 len == SPORE__CONTROL_FRAME ? SPORE_OK : SPORE_ETOOBIG);
	}
	assert_int_equal(m.type, SPORE__CONTROL_STATUS);
	assert_int_equal(used, SPORE__CONTROL_FRAME);
}

// Feeds the bytes one at a time and returns the first error other than SPORE_EAGAIN; the messages are noted by letter.
static enum spore_err feed(struct spore__hold_side *h, const struct spore__msgpack_writer *w, char *seen)
{
	for (size_t i = 0; i < w->len; i++) {
		size_t size;
		unsigned char *p = spore__control_space(&h->in, &size);
		assert_non_null(p);
		*p = w->data[i];
		spore__control_received(&h->in, 1);
		struct spore__control_message m;
		enum spore_err e;
		while ((e = spore__hold_side_next(h, &m)) == SPORE_OK)
			*seen++ = "UHFLlirsgS"[m.type];
		*seen = '\0';
		if (e != SPORE_EAGAIN)
			return e;
	}
	return SPORE_EAGAIN;
}

// Memory of the caller's is enough for whatever comes: the largest frame, in pieces, behind what is not yet taken, and one that is refused.
static void test_input_without_memory(void **state)
{
	static unsigned char room[SPORE__CONTROL_FRAME], frame[SPORE__CONTROL_FRAME];
	struct spore__control_input in = {.data = room, .cap = sizeof room};
	struct spore__control_message m;
	enum spore_err e = SPORE_EAGAIN;
	size_t size;
	(void)state;
	memcpy(frame, "\xfc\xff\0\0\x92\xa6status\xc5\xff\xf1", 15);
	for (int i = 0; i < 3; i++) {
		for (size_t sent = 0; sent < sizeof frame; sent += size) {
			unsigned char *to = spore__control_space(&in, &size);
			assert_ptr_equal(to, room + in.len);
			assert_int_not_equal(size, 0);
			size = size < 30001 ? size : 30001;
			size = size < sizeof frame - sent ? size : sizeof frame - sent;
			memcpy(to, frame + sent, size);
			spore__control_received(&in, size);
			e = spore__control_next(&in, &m);
			assert_int_equal(e, sent + size == sizeof frame ? SPORE_OK : SPORE_EAGAIN);
		}
		assert_int_equal(m.type, SPORE__CONTROL_STATUS);
	}
	memcpy(frame, "\xfd\xff\0\0", 4);
	memcpy(spore__control_space(&in, &size), frame, 4);
	spore__control_received(&in, 4);
	assert_int_equal(spore__control_next(&in, &m), SPORE_ETOOBIG);
}

static void test_hold_side(void **state)
{
	struct spore__hold_side h;
	struct spore__msgpack_writer w = {0};
	char seen[32];
	spore__hold_side_init(&h);
	spore__control_put_hello(&w, NULL, NULL);
	for (int i = 0; i < 2; i++) {
		spore__control_put_listens(&w);
		spore__control_put_ready(&w);
		spore__control_put_log(&w, SPORE_INFO, 1, "x", NULL, 0);
		spore__control_put_status(&w, "y");
		spore__msgpack_raw(&w, "\x07\0\0\0\x91\xa5later", 11);
		spore__control_put_stopping(&w);
	}
	assert_int_equal(feed(&h, &w, seen), SPORE_EAGAIN);
	assert_string_equal(seen, "HirLsgLs");
	assert_true(h.listens && h.ready && h.stopping);
	spore__hold_side_finish(&h);
	spore__msgpack_writer_finish(&w);
}

static void test_hold_side_refuses(void **state)
{
	struct spore__hold_side h;
	struct spore__msgpack_writer w = {0};
	char seen[32];
	spore__hold_side_init(&h);
	spore__control_put_ready(&w);
	assert_int_equal(feed(&h, &w, seen), SPORE_EMALFORMED);
	assert_string_equal(h.refusal, "the first message must be hello");
	spore__hold_side_finish(&h);
	spore__msgpack_writer_finish(&w);

	spore__hold_side_init(&h);
	spore__control_put_hello(&w, NULL, NULL);
	w.data[SPORE__CONTROL_HEAD + 7] = 9; // the major version
	assert_int_equal(feed(&h, &w, seen), SPORE_EVERSION);
	assert_non_null(strstr(h.refusal, "version 9"));
	spore__hold_side_finish(&h);
	spore__msgpack_writer_finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_message), cmocka_unit_test(test_large_records_are_cut),
	    cmocka_unit_test(test_malformed),    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_largest),      cmocka_unit_test(test_input_without_memory),
	    cmocka_unit_test(test_hold_side),    cmocka_unit_test(test_hold_side_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
