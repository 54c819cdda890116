// The hold protocol: frozen bytes, each message there and back, and what strangers may send.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "task/hold_protocol.h"

static void put_all(struct spore__msgpack_writer *w)
{
	spore__hold_put_hello(w);
	spore__hold_put_hello_node(w);
	spore__hold_put_refuse(w, SPORE_EVERSION, "no");
	spore__hold_put_number(w, SPORE__HOLD_STOP, -1);
	spore__hold_put(w, SPORE__HOLD_KILL);
	spore__hold_put(w, SPORE__HOLD_RESTART);
	spore__hold_put_number(w, SPORE__HOLD_SIGNAL, 10);
	spore__hold_put_map(w, SPORE__HOLD_UPDATE, "\x80", 1);
	spore__hold_put(w, SPORE__HOLD_LEAVING);
	spore__hold_put_size(w, SPORE__HOLD_ATTACH, 24, 80);
	spore__hold_put_bytes(w, SPORE__HOLD_INPUT, "in", 2);
	spore__hold_put_size(w, SPORE__HOLD_RESIZE, 25, 81);
	spore__hold_put_map(w, SPORE__HOLD_STATE, "\x81\xa3run\x02", 6);
	spore__hold_put_bytes(w, SPORE__HOLD_OUTPUT_BYTES, "out", 3);
	spore__hold_put_number(w, SPORE__HOLD_SKIPPED, 4096);
}

// The bytes of version 1. They never change: a hold that runs today is spoken to by the nodes of years to come.
static const unsigned char frozen[] = "\x0a\0\0\0\x94\xa5hello\x01\x90\x80"
                                      "\x0f\0\0\0\x94\xa5hello\x01\x91\xa4node\x80"
                                      "\x0c\0\0\0\x93\xa6refuse\x08\xa2no"
                                      "\x07\0\0\0\x92\xa4stop\xff"
                                      "\x06\0\0\0\x91\xa4kill"
                                      "\x09\0\0\0\x91\xa7restart"
                                      "\x09\0\0\0\x92\xa6signal\x0a"
                                      "\x09\0\0\0\x92\xa6update\x80"
                                      "\x09\0\0\0\x91\xa7leaving"
                                      "\x0a\0\0\0\x93\xa6"
                                      "attach\x18\x50"
                                      "\x0b\0\0\0\x92\xa5input\xc4\x02in"
                                      "\x0a\0\0\0\x93\xa6resize\x19\x51"
                                      "\x0d\0\0\0\x92\xa5state\x81\xa3run\x02"
                                      "\x0d\0\0\0\x92\xa6output\xc4\x03out"
                                      "\x0c\0\0\0\x92\xa7skipped\xcd\x10\0";

static void test_the_bytes_are_frozen(void **state)
{
	(void)state;
	struct spore__msgpack_writer w = {0};
	put_all(&w);
	assert_int_equal(w.err, 0);
	assert_int_equal(w.len, sizeof frozen - 1);
	assert_memory_equal(w.data, frozen, w.len);
	spore__msgpack_writer_finish(&w);
}

static void test_messages_come_in_as_they_went_out(void **state)
{
	(void)state;
	static const struct {
		enum spore__hold_type type;
		int64_t number, columns;
		const char *bytes;
		bool node;
	} wanted[] = {
	    {SPORE__HOLD_HELLO, 1, 0, "", false},      {SPORE__HOLD_HELLO, 1, 0, "", true},
	    {SPORE__HOLD_REFUSE, 8, 0, "no", false},   {SPORE__HOLD_STOP, -1, 0, "", false},
	    {SPORE__HOLD_KILL, 0, 0, "", false},       {SPORE__HOLD_RESTART, 0, 0, "", false},
	    {SPORE__HOLD_SIGNAL, 10, 0, "", false},    {SPORE__HOLD_UPDATE, 0, 0, "", false},
	    {SPORE__HOLD_LEAVING, 0, 0, "", false},    {SPORE__HOLD_ATTACH, 24, 80, "", false},
	    {SPORE__HOLD_INPUT, 0, 0, "in", false},    {SPORE__HOLD_RESIZE, 25, 81, "", false},
	    {SPORE__HOLD_STATE, 0, 0, "", false},      {SPORE__HOLD_OUTPUT_BYTES, 0, 0, "out", false},
	    {SPORE__HOLD_SKIPPED, 4096, 0, "", false},
	};
	size_t at = 0;
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		struct spore__hold_message m;
		size_t used;
		assert_int_equal(spore__hold_decode(frozen + at, sizeof frozen - 1 - at, &m, &used), SPORE_OK);
		assert_int_equal(m.type, wanted[i].type);
		assert_int_equal(m.number, wanted[i].number);
		assert_int_equal(m.columns, wanted[i].columns);
		assert_int_equal(m.node, wanted[i].node);
		assert_int_equal(m.len, strlen(wanted[i].bytes));
		assert_memory_equal(m.bytes, wanted[i].bytes, m.len);
		if (m.type == SPORE__HOLD_STATE) {
			struct spore__msgpack_reader run;
			assert_true(spore__msgpack_find(&m.map, "run", &run));
		}
		at += used;
	}
	assert_int_equal(at, sizeof frozen - 1);
}

static enum spore_err decode(const char *bytes, size_t len, struct spore__hold_message *m)
{
	size_t used;
	void *copy = malloc(len + 1);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	enum spore_err e = spore__hold_decode(copy, len, m, &used);
	free(copy);
	return e;
}
#define DECODE(text, m) decode(text, sizeof(text) - 1, m)

static void test_a_newer_side(void **state)
{
	(void)state;
	struct spore__hold_message m;
	assert_int_equal(DECODE("\x06\0\0\0\x92\xa3new\x01", &m), SPORE_OK);
	assert_int_equal(m.type, SPORE__HOLD_UNKNOWN);
	assert_int_equal(DECODE("\x0a\0\0\0\x93\xa4stop\x05\x81\x01\x02", &m), SPORE_OK); // an item more
	assert_int_equal(m.type, SPORE__HOLD_STOP);
	assert_int_equal(m.number, 5);
	// A hello of a later version with features of other types: the features known are found.
	assert_int_equal(DECODE("\x15\0\0\0\x94\xa5hello\x02\x94\xa1x\x92\x01\x02\xa4node\xc0\x80", &m), SPORE_OK);
	assert_int_equal(m.number, 2);
	assert_true(m.node);
}

static void test_refusals(void **state)
{
	(void)state;
	struct spore__hold_message m;
	assert_int_equal(DECODE("\xfd\xff\x0f\0", &m), SPORE_ETOOBIG);
	assert_int_equal(DECODE("\xfc\xff\x0f\0", &m), SPORE_EAGAIN);
	assert_int_equal(DECODE("\0\0\0\0", &m), SPORE_EMALFORMED);
	assert_int_equal(DECODE("\x01\0\0\0\x90", &m), SPORE_EMALFORMED);
	assert_int_equal(DECODE("\x02\0\0\0\x91\x01", &m), SPORE_EMALFORMED);
	assert_int_equal(DECODE("\x06\0\0\0\x91\xa4stop", &m), SPORE_EMALFORMED);
	assert_int_equal(DECODE("\x08\0\0\0\x92\xa4stop\xa1x", &m), SPORE_EMALFORMED);
	assert_int_equal(DECODE("\x07\0\0\0\x91\xa4stop\x05", &m), SPORE_EMALFORMED); // bytes behind the array
	assert_int_equal(DECODE("\x08\0\0\0\x92\xa5state\x90", &m), SPORE_EMALFORMED);
	for (size_t len = 0; len < 14; len++)
		assert_int_equal(decode((const char *)frozen, len, &m), SPORE_EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_bytes_are_frozen),
	    cmocka_unit_test(test_messages_come_in_as_they_went_out),
	    cmocka_unit_test(test_a_newer_side),
	    cmocka_unit_test(test_refusals),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
