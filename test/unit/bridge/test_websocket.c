#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

#define HEAD                                                                                                           \
	"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, "                          \
	"Upgrade\r\nSec-WebSocket-Version: 13\r\n"
// The key and its answer that RFC 6455 shows.
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static void server(struct rig *r, const char *spec)
{
	rig_init(r, spec, SPORE__CODEC_PEER_CALLS);
	r->end->local = true;
}

static void open_server(struct rig *r, const char *spec)
{
	server(r, spec);
	assert_int_equal(rig_feed_str(r->end, HEAD KEY "\r\n"), SPORE_OK);
	assert_non_null(strstr(rig_out(r, r->end), "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
}

// A frame as a client sends it.
static size_t masked(char *to, unsigned first, const void *bytes, size_t len)
{
	static const unsigned char key[4] = {0x12, 0x34, 0x56, 0x78};
	size_t n = 0;
	to[n++] = (char)first;
	if (len < 126) {
		to[n++] = (char)(0x80 | len);
	} else {
		to[n++] = (char)(0x80 | 126);
		to[n++] = (char)(len >> 8);
		to[n++] = (char)len;
	}
	memcpy(to + n, key, sizeof key);
	n += sizeof key;
	for (size_t i = 0; i < len; i++)
		to[n++] = (char)(((const unsigned char *)bytes)[i] ^ key[i % 4]);
	return n;
}

static enum spore_err send(struct rig *r, unsigned first, const void *bytes, size_t len, bool slowly)
{
	char frame[1024];
	return rig_feed(r->end, frame, masked(frame, first, bytes, len), slowly);
}

#define CALL "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"m\",\"params\":[1]}"

static void test_a_call(void **state)
{
	for (int slowly = 0; slowly < 2; slowly++) {
		struct rig r;
		server(&r, "websocket");
		assert_int_equal(rig_feed(r.end, HEAD KEY "\r\n", sizeof(HEAD KEY "\r\n") - 1, slowly), SPORE_OK);
		(void)rig_out(&r, r.end);
		assert_int_equal(send(&r, 0x81, CALL, sizeof CALL - 1, slowly), SPORE_OK);
		assert_string_equal(rig_said(&r), "request \"a\" m [1]\n");
		struct spore__model m = {.kind = SPORE__MODEL_RESPONSE,
		                         .id = {(const unsigned char *)"\xa1"
		                                                       "a",
		                                2},
		                         .value = {(const unsigned char *)"\x05", 1},
		                         .remaining_ms = -1};
		assert_int_equal(r.end->ops->encode(r.end, &m), SPORE_OK);
		assert_string_equal(rig_out(&r, r.end), "\x81\x25{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":5}");
		rig_finish(&r);
	}
}

static void test_pieces_and_pings(void **state)
{
	struct rig r;
	open_server(&r, "websocket");
	assert_int_equal(send(&r, 0x01, CALL, 10, true), SPORE_OK);
	assert_int_equal(send(&r, 0x89, "hi", 2, true), SPORE_OK);
	assert_string_equal(rig_out(&r, r.end), "\x8a\x02hi");
	assert_int_equal(send(&r, 0x00, &CALL[10], 5, true), SPORE_OK);
	assert_string_equal(rig_said(&r), "");
	assert_int_equal(send(&r, 0x80, &CALL[15], sizeof CALL - 16, true), SPORE_OK);
	assert_string_equal(rig_said(&r), "request \"a\" m [1]\n");
	rig_finish(&r);
}

static void test_binary_payload(void **state)
{
	struct rig r;
	open_server(&r, "websocket,payload=msgpack-rpc");
	assert_int_equal(send(&r, 0x82, "\x94\x00\x07\xa1m\x91\x01", 7, false), SPORE_OK);
	assert_string_equal(rig_said(&r), "request 7 m [1]\n");
	assert_int_equal(rig_answer(&r, 7, "true"), SPORE_OK);
	assert_memory_equal(rig_out(&r, r.end), "\x82\x05\x94\x01\x07\xc0\xc3", 7);
	assert_int_equal(send(&r, 0x82, "\x94\x00", 2, false), SPORE_OK);
	assert_int_equal(strncmp(rig_said(&r), "refused: ", 9), 0);
	rig_finish(&r);
}

static void test_closes(void **state)
{
	static const struct {
		const char *body;
		size_t len;
		const char *answer;
		size_t answer_len;
	} cases[] = {
	    {"", 0, "\x88\x00", 2},
	    {"\x03\xe8"
	     "bye",
	     5, "\x88\x02\x03\xe8", 4},
	    {"\x03", 1, NULL, 1002},
	    {"\x03\xed", 2, NULL, 1002}, // 1005 is not to be sent
	    {"\x03\xe8\xff", 3, NULL, 1007},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rig r;
		open_server(&r, "websocket");
		(void)send(&r, 0x88, cases[i].body, cases[i].len, false);
		assert_true(r.end->over);
		const char *out = rig_out(&r, r.end);
		if (cases[i].answer != NULL)
			assert_memory_equal(out, cases[i].answer, cases[i].answer_len);
		else
			assert_int_equal((unsigned char)out[2] << 8 | (unsigned char)out[3], cases[i].answer_len);
		rig_finish(&r);
	}
}

static void test_refuses_frames(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		unsigned code;
	} cases[] = {
	    {"\x81\x01x", 3, 1002},                           // no mask
	    {"\xc1\x81\0\0\0\0x", 7, 1002},                   // compressed
	    {"\x83\x80\0\0\0\0", 6, 1002},                    // an unknown kind
	    {"\x80\x80\0\0\0\0", 6, 1002},                    // goes on with nothing
	    {"\x09\x80\0\0\0\0", 6, 1002},                    // a ping in pieces
	    {"\x89\xfe\x00\x7e\0\0\0\0", 8, 1002},            // a long ping
	    {"\x01\x81\0\0\0\0x\x81\x81\0\0\0\0x", 14, 1002}, // one in another
	    {"\x81\xfe\x00\x05\0\0\0\0xxxxx", 13, 1002},      // longer than needed
	    {"\x81\xff\0\0\0\0\0\0\x10\0\0\0\0\0", 14, 1002}, // likewise
	    {"\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 14, 1002}, // beyond 2^63
	    {"\x81\xff\0\0\0\xff\0\0\0\0\0\0\0\0", 14, 1009}, // too large
	    {"\x81\x81\0\0\0\0\xff", 7, 1007},                // no UTF-8
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (int slowly = 0; slowly < 2; slowly++) {
			struct rig r;
			open_server(&r, "websocket");
			enum spore_err e = rig_feed(r.end, cases[i].bytes, cases[i].len, slowly);
			const char *out = rig_out(&r, r.end);
			if (e == SPORE_OK || !r.end->over || (unsigned char)out[0] != 0x88)
				fail_msg("case %zu was taken", i);
			assert_int_equal((unsigned char)out[2] << 8 | (unsigned char)out[3], cases[i].code);
			rig_finish(&r);
		}
	}
}

static void test_refuses_handshakes(void **state)
{
	static const struct {
		const char *text;
		unsigned status;
	} cases[] = {
	    {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 426},
	    {HEAD "\r\n", 426},
	    {HEAD "Sec-WebSocket-Key: c2hvcnQ=\r\n\r\n", 426},
	    {"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
	     "8\r\n" KEY "\r\n",
	     426},
	    {HEAD KEY "Origin: http://evil.example\r\n\r\n", 403},
	    {"GET / HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\nConnection: "
	     "Upgrade\r\nSec-WebSocket-Version: 13\r\n" KEY "\r\n",
	     403},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rig r;
		unsigned status = 0;
		server(&r, "websocket");
		assert_int_equal(rig_feed(r.end, cases[i].text, strlen(cases[i].text), false), SPORE_OK);
		assert_int_equal(sscanf(rig_out(&r, r.end), "HTTP/1.1 %u", &status), 1);
		assert_int_equal(status, cases[i].status);
		rig_finish(&r);
	}
	struct rig r;
	server(&r, "websocket,token=sesame,payload=lsp");
	assert_int_equal(rig_feed_str(r.end, HEAD KEY "\r\n"), SPORE_OK);
	assert_non_null(strstr(rig_out(&r, r.end), "HTTP/1.1 401"));
	static const char tokened[] = "GET /?access_token=sesame HTTP/1.1\r\nHost: localhost\r\nUpgrade: "
	                              "websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	                              "Sec-WebSocket-Protocol: x, lsp\r\n" KEY "\r\n";
	assert_int_equal(rig_feed_str(r.end, tokened), SPORE_OK);
	assert_non_null(strstr(rig_out(&r, r.end), "\r\nSec-WebSocket-Protocol: lsp\r\n"));
	rig_finish(&r);
}

static void test_client_and_server(void **state)
{
	struct rig client, serves;
	rig_init(&client, "websocket,path=/x", SPORE__CODEC_PEER_SERVES);
	server(&serves, "websocket");
	// What is said before it is open waits.
	assert_int_equal(rig_encode(&client, SPORE__MODEL_REQUEST, 3, "m", "[\"0123456789\"]"), SPORE_OK);
	size_t len = client.end->out.len;
	assert_int_equal(rig_feed(serves.end, rig_out(&client, client.end), len, true), SPORE_OK);
	len = serves.end->out.len;
	assert_int_equal(rig_feed(client.end, rig_out(&serves, serves.end), len, true), SPORE_OK);
	len = client.end->out.len;
	assert_int_equal(rig_feed(serves.end, rig_out(&client, client.end), len, true), SPORE_OK);
	assert_string_equal(rig_said(&serves), "request 3 m [\"0123456789\"]\n");
	assert_int_equal(rig_answer(&serves, 3, "[]"), SPORE_OK);
	len = serves.end->out.len;
	assert_int_equal(rig_feed(client.end, rig_out(&serves, serves.end), len, false), SPORE_OK);
	assert_string_equal(rig_said(&client), "response 3 []\n");
	rig_finish(&serves);
	rig_finish(&client);
}

// ... but not without an end.
static void test_waits_for_so_much(void **state)
{
	struct rig r;
	int taken = 0;
	rig_init(&r, "websocket", SPORE__CODEC_PEER_SERVES);
	while (taken < 100000 && rig_encode(&r, SPORE__MODEL_NOTIFICATION, 0, "m", "[\"0123456789\"]") == SPORE_OK)
		taken++;
	assert_in_range(taken, 1000, 10000);
	assert_non_null(strstr(r.end->why, "not open yet"));
	rig_finish(&r);
}

static void test_client_refuses(void **state)
{
	static const char *const answers[] = {
	    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
	    "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
	};
	for (size_t i = 0; i < 2; i++) {
		struct rig r;
		rig_init(&r, "websocket", SPORE__CODEC_PEER_SERVES);
		assert_int_equal(rig_feed(r.end, answers[i], strlen(answers[i]), false), SPORE_EMALFORMED);
		assert_non_null(strstr(r.end->why, "instead of a WebSocket"));
		rig_finish(&r);
	}
}

static void test_silence(void **state)
{
	struct rig r;
	open_server(&r, "websocket");
	const struct spore__codec_ops *ops = r.end->ops;
	assert_int_equal(ops->tick(r.end, 0), 30000);
	(void)ops->tick(r.end, 30000);
	assert_memory_equal(rig_out(&r, r.end), "\x89\0", 2);
	assert_int_equal(send(&r, 0x8a, "", 0, false), SPORE_OK);
	(void)ops->tick(r.end, 60000);
	assert_false(r.end->over);
	(void)ops->tick(r.end, 90000);
	(void)ops->tick(r.end, 120000);
	assert_true(r.end->over);
	rig_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_call),
	    cmocka_unit_test(test_pieces_and_pings),
	    cmocka_unit_test(test_binary_payload),
	    cmocka_unit_test(test_closes),
	    cmocka_unit_test(test_refuses_frames),
	    cmocka_unit_test(test_refuses_handshakes),
	    cmocka_unit_test(test_client_and_server),
	    cmocka_unit_test(test_waits_for_so_much),
	    cmocka_unit_test(test_client_refuses),
	    cmocka_unit_test(test_silence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
