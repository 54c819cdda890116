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

static void put_ports(struct spore__msgpack_writer *w)
{
	static const uint64_t serials[] = {5, 300};
	spore__hold_put_hello_ports(w, false);
	spore__hold_put_hello_ports(w, true);
	spore__hold_put_ports(w, 3, 2);
	spore__hold_put_open(w, 7,
	                     "\xa2in\xa8messages\xa7"
	                     "connect\x80\x91\xa6ring-1",
	                     29, serials, 2);
	spore__hold_put_number(w, SPORE__HOLD_CLOSE, 7);
	spore__hold_put_channel(w, 7, 5, "ring", 1, 3, "s/t.p");
	spore__hold_put_serial(w, SPORE__HOLD_WIRED, 7, 5);
	spore__hold_put_serial(w, SPORE__HOLD_OVER, 7, 5);
	spore__hold_put_serial(w, SPORE__HOLD_UNWIRE, 7, 5);
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

static const unsigned char frozen_ports[] = "\x10\0\0\0\x94\xa5hello\x01\x91\xa5ports\x80"
                                            "\x15\0\0\0\x94\xa5hello\x01\x92\xa5ports\xa4node\x80"
                                            "\x09\0\0\0\x93\xa5ports\x03\x02"
                                            "\x29\0\0\0\x98\xa4open\x07\xa2in\xa8messages\xa7"
                                            "connect\x80\x91\xa6ring-1\x92\x05\xcd\x01\x2c"
                                            "\x08\0\0\0\x92\xa5"
                                            "close\x07"
                                            "\x1e\0\0\0\x97\xa7"
                                            "channel\x07\x05\xa4ring\x01\x03\x81\xa4peer\xa5s/t.p"
                                            "\x09\0\0\0\x93\xa5wired\x07\x05"
                                            "\x08\0\0\0\x93\xa4over\x07\x05"
                                            "\x0a\0\0\0\x93\xa6unwire\x07\x05";

static void test_the_bytes_of_ports_are_frozen(void **state)
{
	(void)state;
	struct spore__msgpack_writer w = {0};
	put_ports(&w);
	assert_int_equal(w.err, 0);
	assert_int_equal(w.len, sizeof frozen_ports - 1);
	assert_memory_equal(w.data, frozen_ports, w.len);
	spore__msgpack_writer_finish(&w);
}

static void test_the_bytes_of_keep_are_frozen(void **state)
{
	static const unsigned char bytes[] = "\x4e\0\0\0\x97\xa4keep\xa2in\x05\xa4ring\x01\x03\x85\xa4peer\xa5s/t.p"
	                                     "\xa4kind\xa8messages\xa5shape\xa7"
	                                     "connect\xa8protocol\xa0\xa9redeliver\xc3"
	                                     "\x25\0\0\0\x97\xa7"
	                                     "channel\x07\x05\xa4ring\x01\x03\x82\xa4peer\xa5s/t.p\xa5"
	                                     "early\xc3";
	static const struct spore__hold_face face = {"messages", "connect", ""};
	(void)state;
	struct spore__msgpack_writer w = {0};
	struct spore__hold_message m;
	size_t used;
	spore__hold_put_keep(&w, "in", 5, "ring", 1, 3, "s/t.p", true, &face);
	spore__hold_put_subscription(&w, 7, 5, "ring", 1, 3, "s/t.p", NULL, false, true, false);
	assert_int_equal(w.err, 0);
	assert_int_equal(w.len, sizeof bytes - 1);
	assert_memory_equal(w.data, bytes, w.len);
	assert_int_equal(spore__hold_decode(w.data, w.len, &m, &used), SPORE_OK);
	assert_int_equal(m.type, SPORE__HOLD_KEEP);
	assert_int_equal(m.serial, 5);
	assert_int_equal(m.role, 1);
	assert_int_equal(m.descriptors, 3);
	assert_memory_equal(m.port.s, "in", m.port.len);
	assert_memory_equal(m.kind.s, "ring", m.kind.len);
	spore__msgpack_writer_finish(&w);
}

static void test_the_bytes_of_pumps_are_frozen(void **state)
{
	static const unsigned char bytes[] = "\x0a\0\0\0\x93\xa6memory\x07\x05"
	                                     "\x0b\0\0\0\x94\xa6memory\x07\x05\xc3"
	                                     "\x09\0\0\0\x93\xa5"
	                                     "ended\x07\x05";
	(void)state;
	struct spore__msgpack_writer w = {0};
	spore__hold_put_serial(&w, SPORE__HOLD_MEMORY, 7, 5);
	spore__hold_put_watch(&w, 7, 5);
	spore__hold_put_serial(&w, SPORE__HOLD_ENDED, 7, 5);
	assert_int_equal(w.err, 0);
	assert_int_equal(w.len, sizeof bytes - 1);
	assert_memory_equal(w.data, bytes, w.len);
	spore__msgpack_writer_finish(&w);
	for (size_t i = 0, at = 0, used; i < 3; i++, at += used) {
		struct spore__hold_message m;
		assert_int_equal(spore__hold_decode(bytes + at, sizeof bytes - 1 - at, &m, &used), SPORE_OK);
		assert_int_equal(m.type, i < 2 ? SPORE__HOLD_MEMORY : SPORE__HOLD_ENDED);
		assert_int_equal(m.watches, i == 1);
		assert_int_equal(m.number * 10 + (int64_t)m.serial, 75);
	}
}

static void test_the_bytes_of_heirs_are_frozen(void **state)
{
	static const unsigned char bytes[] = "\x07\0\0\0\x92\xa4hand\xc3"
	                                     "\x07\0\0\0\x92\xa4hand\xc2"
	                                     "\x09\0\0\0\x91\xa7inherit"
	                                     "\x14\0\0\0\x93\xa4"
	                                     "ends\x02\x91\x81\xa4port\xa5stdin";
	static const enum spore__hold_type types[] = {SPORE__HOLD_HAND, SPORE__HOLD_HAND, SPORE__HOLD_INHERIT,
	                                              SPORE__HOLD_ENDS};
	static const char list[] = "\x91\x81\xa4port\xa5stdin";
	(void)state;
	struct spore__msgpack_writer w = {0};
	spore__hold_put_hand(&w, true);
	spore__hold_put_hand(&w, false);
	spore__hold_put(&w, SPORE__HOLD_INHERIT);
	spore__hold_put_ends(&w, 2, list, sizeof list - 1);
	assert_int_equal(w.err, 0);
	assert_int_equal(w.len, sizeof bytes - 1);
	assert_memory_equal(w.data, bytes, w.len);
	spore__msgpack_writer_finish(&w);
	for (size_t i = 0, at = 0, used; i < sizeof types / sizeof types[0]; i++, at += used) {
		struct spore__hold_message m;
		uint32_t count = 0;
		assert_int_equal(spore__hold_decode(bytes + at, sizeof bytes - 1 - at, &m, &used), SPORE_OK);
		assert_int_equal(m.type, types[i]);
		assert_int_equal(m.swap, i == 0);
		assert_int_equal(m.descriptors, m.type == SPORE__HOLD_ENDS ? 2 : 0);
		if (m.type == SPORE__HOLD_ENDS)
			assert_int_equal(spore__msgpack_read_array(&m.list, &count), SPORE__MSGPACK_OK);
		assert_int_equal(count, m.type == SPORE__HOLD_ENDS);
	}
}

static void test_the_bytes_of_swapping_are_frozen(void **state)
{
	static const unsigned char bytes[] = "\x34\0\0\0\x94\xa5hello\x01\x97\xa5ports\xa6memory\xa4swap\xa5"
	                                     "early\xa5heirs\xa5moves\xa5lends\x80"
	                                     "\x08\0\0\0\x93\xa4stop\xff\xc3"
	                                     "\x09\0\0\0\x94\xa4swap\x07\x05\xc3"
	                                     "\x08\0\0\0\x93\xa4swap\x07\x05";
	static const struct {
		enum spore__hold_type type;
		bool swap;
	} wanted[] = {
	    {SPORE__HOLD_HELLO, false}, {SPORE__HOLD_STOP, true}, {SPORE__HOLD_SWAP, true}, {SPORE__HOLD_SWAP, false}};
	(void)state;
	struct spore__msgpack_writer w = {0};
	spore__hold_put_hello_swap(&w);
	spore__hold_put_stop_swap(&w, -1);
	spore__hold_put_swap(&w, 7, 5, true);
	spore__hold_put_serial(&w, SPORE__HOLD_SWAP, 7, 5);
	assert_int_equal(w.err, 0);
	assert_int_equal(w.len, sizeof bytes - 1);
	assert_memory_equal(w.data, bytes, w.len);
	spore__msgpack_writer_finish(&w);
	for (size_t i = 0, at = 0, used; i < sizeof wanted / sizeof wanted[0]; i++, at += used) {
		struct spore__hold_message m;
		assert_int_equal(spore__hold_decode(bytes + at, sizeof bytes - 1 - at, &m, &used), SPORE_OK);
		assert_int_equal(m.type, wanted[i].type);
		assert_int_equal(m.swap, wanted[i].swap);
		assert_int_equal(m.swaps, i == 0);
		assert_int_equal(m.heirs, i == 0);
		assert_int_equal(m.moves, i == 0);
		assert_int_equal(m.lends, i == 0);
		assert_int_equal(m.serial, m.type == SPORE__HOLD_SWAP ? 5 : 0);
	}
}

static void test_the_bytes_of_one_beside_another_are_frozen(void **state)
{
	static const unsigned char bytes[] = "\x3b\0\0\0\x94\xa5hello\x01\x98\xa5ports\xa6memory\xa4swap\xa5"
	                                     "early\xa5"
	                                     "heirs\xa5moves\xa5lends\xa6"
	                                     "beside\x80"
	                                     "\x07\0\0\0\x91\xa5"
	                                     "alone";
	struct spore__hold_message m;
	size_t used;
	(void)state;
	struct spore__msgpack_writer w = {0};
	spore__hold_put_hello_beside(&w);
	spore__hold_put(&w, SPORE__HOLD_ALONE);
	assert_int_equal(w.err, 0);
	assert_int_equal(w.len, sizeof bytes - 1);
	assert_memory_equal(w.data, bytes, w.len);
	spore__msgpack_writer_finish(&w);
	assert_int_equal(spore__hold_decode(bytes, sizeof bytes - 1, &m, &used), SPORE_OK);
	assert_true(m.beside && m.swaps && m.early);
	assert_int_equal(spore__hold_decode(bytes + used, sizeof bytes - 1 - used, &m, &used), SPORE_OK);
	assert_int_equal(m.type, SPORE__HOLD_ALONE);
}

static void test_the_bytes_of_lending_are_frozen(void **state)
{
	static const unsigned char bytes[] = "\x08\0\0\0\x93\xa4lend\x07\x05"
	                                     "\x09\0\0\0\x94\xa4lent\x07\x05\xc3";
	struct spore__hold_message m;
	size_t used;
	(void)state;
	struct spore__msgpack_writer w = {0};
	spore__hold_put_serial(&w, SPORE__HOLD_LEND, 7, 5);
	spore__hold_put_lent(&w, 7, 5, true);
	assert_int_equal(w.err, 0);
	assert_int_equal(w.len, sizeof bytes - 1);
	assert_memory_equal(w.data, bytes, w.len);
	spore__msgpack_writer_finish(&w);
	assert_int_equal(spore__hold_decode(bytes, sizeof bytes - 1, &m, &used), SPORE_OK);
	assert_int_equal(m.type, SPORE__HOLD_LEND);
	assert_true(m.number == 7 && m.serial == 5);
	assert_int_equal(spore__hold_decode(bytes + used, sizeof bytes - 1 - used, &m, &used), SPORE_OK);
	assert_int_equal(m.type, SPORE__HOLD_LENT);
	assert_true(m.number == 7 && m.serial == 5 && m.swap);
}

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

static bool is_word(const struct spore__hold_word *word, const char *text)
{
	return word->len == strlen(text) && memcmp(word->s, text, word->len) == 0;
}

static void test_messages_of_ports(void **state)
{
	(void)state;
	struct spore__hold_message m[9];
	size_t at = 0;
	for (size_t i = 0; i < sizeof m / sizeof m[0]; i++) {
		size_t used;
		assert_int_equal(spore__hold_decode(frozen_ports + at, sizeof frozen_ports - 1 - at, &m[i], &used),
		                 SPORE_OK);
		at += used;
	}
	assert_int_equal(at, sizeof frozen_ports - 1);
	assert_true(m[0].ports && !m[0].node);
	assert_true(m[1].ports && m[1].node);
	assert_int_equal(m[2].type, SPORE__HOLD_PORTS);
	assert_int_equal(m[2].number, 3);
	assert_int_equal(m[2].serial, 2);
	assert_int_equal(m[3].type, SPORE__HOLD_OPEN);
	assert_int_equal(m[3].number, 7);
	assert_true(is_word(&m[3].port, "in") && is_word(&m[3].kind, "messages") && is_word(&m[3].shape, "connect"));
	uint32_t count;
	int64_t serial;
	assert_int_equal(spore__msgpack_read_array(&m[3].held, &count), SPORE__MSGPACK_OK);
	assert_int_equal(count, 2);
	assert_int_equal(spore__msgpack_read_int(&m[3].held, &serial), SPORE__MSGPACK_OK);
	assert_int_equal(serial, 5);
	assert_int_equal(spore__msgpack_read_array(&m[3].list, &count), SPORE__MSGPACK_OK);
	assert_int_equal(count, 1);
	assert_int_equal(m[4].type, SPORE__HOLD_CLOSE);
	assert_int_equal(m[4].number, 7);
	assert_int_equal(m[5].type, SPORE__HOLD_CHANNEL);
	assert_true(m[5].number == 7 && m[5].serial == 5 && m[5].role == 1 && m[5].descriptors == 3);
	assert_true(is_word(&m[5].kind, "ring"));
	static const enum spore__hold_type types[] = {SPORE__HOLD_WIRED, SPORE__HOLD_OVER, SPORE__HOLD_UNWIRE};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(m[6 + i].type, types[i]);
		assert_true(m[6 + i].number == 7 && m[6 + i].serial == 5);
	}
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
	assert_int_equal(DECODE("\x08\0\0\0\x93\xa4over\x07\xff", &m), SPORE_EMALFORMED); // a serial below 0
	assert_int_equal(DECODE("\x13\0\0\0\x97\xa7"
	                        "channel\x07\x05\xa4ring\x01\x09\x80",
	                        &m),
	                 SPORE_EMALFORMED); // 9 descriptors
	assert_int_equal(DECODE("\x0f\0\0\0\x97\xa7"
	                        "channel\x07\x05\xa0\x01\x03\x80",
	                        &m),
	                 SPORE_EMALFORMED); // no transport
	for (size_t len = 0; len < 14; len++)
		assert_int_equal(decode((const char *)frozen, len, &m), SPORE_EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_bytes_are_frozen),
	    cmocka_unit_test(test_the_bytes_of_keep_are_frozen),
	    cmocka_unit_test(test_the_bytes_of_pumps_are_frozen),
	    cmocka_unit_test(test_the_bytes_of_heirs_are_frozen),
	    cmocka_unit_test(test_the_bytes_of_swapping_are_frozen),
	    cmocka_unit_test(test_the_bytes_of_one_beside_another_are_frozen),
	    cmocka_unit_test(test_the_bytes_of_lending_are_frozen),
	    cmocka_unit_test(test_messages_come_in_as_they_went_out),
	    cmocka_unit_test(test_the_bytes_of_ports_are_frozen),
	    cmocka_unit_test(test_messages_of_ports),
	    cmocka_unit_test(test_a_newer_side),
	    cmocka_unit_test(test_refusals),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
