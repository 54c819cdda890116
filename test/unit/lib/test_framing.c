// Framings, and a peer that is no libspore: what it writes to a socket, and what it reads from it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "chan/chan.h"
#include "chan/framing.h"
#include "chan/transport.h"
#include "sanitized.h"

enum { PATIENCE = 30000 };

static void test_words(void **state)
{
	(void)state;
	static const struct {
		const struct spore__framing *framing;
		const char *bytes;
		size_t n;
		bool end;
		enum spore_err e;
		size_t head, len, tail;
	} cases[] = {
	    {&spore__framing_lines, "", 0, false, SPORE_EAGAIN, 0, 0, 0},
	    {&spore__framing_lines, "", 0, true, SPORE_EEND, 0, 0, 0},
	    {&spore__framing_lines, "a", 1, false, SPORE_EAGAIN, 0, 0, 0},
	    {&spore__framing_lines, "ab", 2, true, SPORE_OK, 0, 2, 0},
	    {&spore__framing_lines, "ab\nc", 4, false, SPORE_OK, 0, 2, 1},
	    {&spore__framing_lines, "\n\n", 2, false, SPORE_OK, 0, 0, 1},
	    {&spore__framing_lines, "\r\n", 2, false, SPORE_OK, 0, 1, 1},
	    {&spore__framing_u32le, "\2\0\0\0", 4, false, SPORE_OK, 4, 2, 0},
	    {&spore__framing_u32le, "\2\0\0", 3, false, SPORE_EAGAIN, 0, 0, 0},
	    {&spore__framing_u32le, "\2\0\0", 3, true, SPORE_ECLOSED, 0, 0, 0},
	    {&spore__framing_u32le, "", 0, true, SPORE_EEND, 0, 0, 0},
	    {&spore__framing_u32le, "\1\0\0\x40", 4, false, SPORE_EMALFORMED, 0, 0, 0},
	    {&spore__framing_u32le, "\xff\xff\xff\xff", 4, false, SPORE_EMALFORMED, 0, 0, 0},
	    {&spore__framing_u32be, "\0\0\2\1", 4, false, SPORE_OK, 4, 513, 0},
	    {&spore__framing_u32be, "\x40\0\0\0", 4, false, SPORE_OK, 4, SPORE_CHAN_LARGEST, 0},
	    {&spore__framing_u32be, "\x40\0\0\1", 4, false, SPORE_EMALFORMED, 0, 0, 0},
	    {&spore__framing_netstring, "5:hello,x", 9, false, SPORE_OK, 2, 5, 1},
	    {&spore__framing_netstring, "0:,", 3, false, SPORE_OK, 2, 0, 1},
	    {&spore__framing_netstring, "", 0, true, SPORE_EEND, 0, 0, 0},
	    {&spore__framing_netstring, "12", 2, false, SPORE_EAGAIN, 0, 0, 0},
	    {&spore__framing_netstring, "12:", 3, true, SPORE_ECLOSED, 0, 0, 0},
	    {&spore__framing_netstring, "1:a", 3, false, SPORE_EAGAIN, 0, 0, 0},
	    {&spore__framing_netstring, "1:ab", 4, false, SPORE_EMALFORMED, 0, 0, 0},
	    {&spore__framing_netstring, "01:a,", 5, false, SPORE_EMALFORMED, 0, 0, 0},
	    {&spore__framing_netstring, ":,", 2, false, SPORE_EMALFORMED, 0, 0, 0},
	    {&spore__framing_netstring, "-1:,", 4, false, SPORE_EMALFORMED, 0, 0, 0},
	    {&spore__framing_netstring, "16777216:", 9, false, SPORE_EAGAIN, 0, 0, 0},
	    {&spore__framing_netstring, "16777217", 8, false, SPORE_EMALFORMED, 0, 0, 0},
	    {&spore__framing_bytes, "ab\nc", 4, false, SPORE_OK, 0, 4, 0},
	    {&spore__framing_bytes, "", 0, false, SPORE_EAGAIN, 0, 0, 0},
	    {&spore__framing_bytes, "", 0, true, SPORE_EEND, 0, 0, 0},
	    {&spore__framing_stream, "\xff\xff\xff\xff", 4, false, SPORE_EEND, 0, 0, 0},
	    {&spore__framing_stream, "", 0, true, SPORE_ECLOSED, 0, 0, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct spore__framed m = {0};
		assert_int_equal(
		    cases[i].framing->take((const unsigned char *)cases[i].bytes, cases[i].n, cases[i].end, &m),
		    cases[i].e);
		if (cases[i].e != SPORE_OK)
			continue;
		assert_int_equal(m.head, cases[i].head);
		assert_int_equal(m.len, cases[i].len);
		assert_int_equal(m.tail, cases[i].tail);
	}
}

static void open_one(const char *transport, struct spore_chan **c, int *peer)
{
	struct spore__channel_end ends[2];
	assert_int_equal(spore__channel_make(transport, NULL, ends), SPORE_OK);
	*peer = ends[1].fds[0];
	assert_int_equal(spore__chan_create(&ends[0], c), SPORE_OK);
}

static void test_a_plain_writer(void **state)
{
	(void)state;
	static const char text[] = "one\n\nthree";
	struct spore_chan *c;
	char back[100];
	size_t len;
	int peer;
	open_one("lines", &c, &peer);
	for (size_t i = 0; i < sizeof text - 1; i++) { // in any pieces
		assert_int_equal(write(peer, text + i, 1), 1);
		if (i < 3)
			assert_int_equal(spore_chan_recv(c, back, sizeof back, &len, SPORE_NOW), SPORE_EAGAIN);
	}
	close(peer);
	assert_int_equal(spore_chan_recv(c, back, sizeof back, &len, PATIENCE), SPORE_OK);
	assert_int_equal(len, 3);
	assert_memory_equal(back, "one", 3);
	assert_int_equal(spore_chan_recv(c, back, sizeof back, &len, PATIENCE), SPORE_OK);
	assert_int_equal(len, 0);
	assert_int_equal(spore_chan_recv(c, back, sizeof back, &len, PATIENCE), SPORE_OK);
	assert_memory_equal(back, "three", 5);
	assert_int_equal(len, 5);
	assert_int_equal(spore_chan_recv(c, back, sizeof back, &len, PATIENCE), SPORE_EEND);
	spore_chan_close(c);
	// In the middle of a message: that is no finish.
	open_one("u32be", &c, &peer);
	assert_int_equal(write(peer, "\0\0\0\2hi\0\0\0\5a", 11), 11);
	close(peer);
	assert_int_equal(spore_chan_recv(c, back, sizeof back, &len, PATIENCE), SPORE_OK);
	assert_memory_equal(back, "hi", 2);
	assert_int_equal(spore_chan_recv(c, back, sizeof back, &len, PATIENCE), SPORE_ECLOSED);
	spore_chan_close(c);
}

static void test_a_plain_reader(void **state)
{
	(void)state;
	struct spore_chan *c;
	char back[100];
	void *loan;
	int peer;
	open_one("lines", &c, &peer);
	assert_int_equal(spore_chan_queue(c, "one", 3, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_send(c, "a\nb", 3, PATIENCE), SPORE_EINVALID);
	assert_int_equal(spore_chan_queue(c, "\n", 1, PATIENCE), SPORE_EINVALID);
	assert_int_equal(spore_chan_loan(c, 8, &loan, PATIENCE), SPORE_OK);
	memcpy(loan, "x\ny", 3);
	assert_int_equal(spore_chan_commit(c, 3, PATIENCE), SPORE_EINVALID);
	assert_int_equal(spore_chan_loan(c, 8, &loan, PATIENCE), SPORE_OK);
	memcpy(loan, "two\n", 4);
	assert_int_equal(spore_chan_commit(c, 3, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_send(c, "", 0, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_finish(c, PATIENCE), SPORE_OK);
	assert_int_equal(recv(peer, back, 9, MSG_WAITALL), 9);
	assert_memory_equal(back, "one\ntwo\n\n", 9);
	assert_int_equal(recv(peer, back, 1, 0), 0);
	close(peer);
	spore_chan_close(c);
}

static void test_a_line_without_end(void **state)
{
	(void)state;
	enum { PIECE = 4096 };
	struct spore_chan *c;
	char piece[PIECE];
	size_t len;
	int peer;
	enum spore_err e = SPORE_EAGAIN;
	memset(piece, 'x', sizeof piece);
	open_one("lines", &c, &peer);
	assert_int_equal(spore_chan_loan(c, SPORE__FRAMING_LINE + 1, (void *[]){NULL}, PATIENCE), SPORE_ETOOBIG);
	size_t sent = 0;
	while (e == SPORE_EAGAIN && sent < 2 * (size_t)SPORE__FRAMING_LINE) {
		ssize_t n = send(peer, piece, sizeof piece, MSG_DONTWAIT | MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		e = spore_chan_recv(c, piece, 0, &len, SPORE_NOW);
	}
	assert_int_equal(e, SPORE_EMALFORMED);
	close(peer);
	spore_chan_close(c);
}

static void test_netstrings(void **state)
{
	(void)state;
	struct spore_chan *c;
	char back[100];
	size_t len;
	int peer;
	open_one("netstring", &c, &peer);
	assert_int_equal(spore_chan_queue(c, "a\nb", 3, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_send(c, "", 0, PATIENCE), SPORE_OK);
	assert_int_equal(recv(peer, back, 9, MSG_WAITALL), 9);
	assert_memory_equal(back, "3:a\nb,0:,", 9);
	assert_int_equal(write(peer, "12:hello, world,3:x", 19), 19);
	assert_int_equal(spore_chan_recv(c, back, sizeof back, &len, PATIENCE), SPORE_OK);
	assert_int_equal(len, 12);
	assert_memory_equal(back, "hello, world", 12);
	close(peer);
	assert_int_equal(spore_chan_recv(c, back, sizeof back, &len, PATIENCE), SPORE_ECLOSED);
	spore_chan_close(c);
}

// Whatever carries them: the same bytes in any pieces.
static void test_bytes(void **state)
{
	(void)state;
	enum { ALL = 300000 };
	static const char *const transports[] = {"bytes", "stream", "ring"};
	static unsigned char sent[ALL], got[ALL];
	for (size_t i = 0; i < ALL; i++)
		sent[i] = (unsigned char)(i * 31 + i / 255);
	for (size_t k = 0; k < 3; k++) {
		struct spore__channel_end ends[2];
		struct spore_chan *c[2];
		size_t out = 0, in = 0, len, turn = 0;
		const void *lent;
		if (spore__channel_make(transports[k], NULL, ends) != SPORE_OK)
			continue; // plain POSIX has no rings
		for (int i = 0; i < 2; i++) {
			assert_int_equal(spore__chan_create(&ends[i], &c[i]), SPORE_OK);
			spore__chan_set_bytes(c[i]);
		}
		for (; in < ALL; turn++) {
			size_t n = out < ALL ? turn * 37 % 5000 : 0;
			n = n < ALL - out ? n : ALL - out;
			if (out < ALL && spore_chan_send(c[0], sent + out, n, SPORE_NOW) == SPORE_OK)
				out += n;
			size_t room = 1 + turn % 3000;
			room = room < ALL - in ? room : ALL - in;
			enum spore_err e = SPORE_EAGAIN;
			if (turn % 7 != 0)
				e = spore_chan_recv(c[1], got + in, room, &len, SPORE_NOW);
			else if ((e = spore_chan_read(c[1], &lent, &len, SPORE_NOW)) == SPORE_OK) {
				memcpy(got + in, lent, len);
				spore_chan_release(c[1]);
			}
			if (e == SPORE_OK)
				assert_true(len > 0);
			else
				assert_int_equal(e, SPORE_EAGAIN);
			in += e == SPORE_OK ? len : 0;
		}
		assert_memory_equal(sent, got, ALL);
		assert_int_equal(spore_chan_finish(c[0], PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_recv(c[1], got, 1, &len, PATIENCE), SPORE_EEND);
		assert_int_equal(spore_chan_recv(c[1], got, 0, &len, PATIENCE), SPORE_EINVALID);
		spore_chan_close(c[0]);
		spore_chan_close(c[1]);
	}
}

// Of a message a part has gone, or was taken, and there is no memory for what would be needed to go on with it later.
static void test_no_memory_in_the_middle(void **state)
{
	(void)state;
	enum { MUCH = 8 << 20 };
	static unsigned char bytes[MUCH];
	struct rlimit before, none;
	struct spore_chan *c;
	size_t len;
	int peer;
	if (SANITIZES) // whose memory is not to be limited
		return;
	for (int way = 0; way < 2; way++) {
		open_one("u32le", &c, &peer);
		const unsigned char begun[] = {0, 0, MUCH >> 16 & 0xff, MUCH >> 24, 'x', 'y'};
		assert_int_equal(spore_chan_send(c, "", 0, PATIENCE), SPORE_OK); // it has its buffer
		assert_int_equal(write(peer, begun, sizeof begun), sizeof begun);
		assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
		none = before;
		none.rlim_cur = 0;
		assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
		enum spore_err e[3];
		for (int i = 0; i < 3; i++)
			e[i] = way == 0 ? spore_chan_recv(c, bytes, sizeof bytes, &len, SPORE_NOW)
			                : spore_chan_send(c, bytes, sizeof bytes, SPORE_NOW);
		assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
		for (int i = 0; i < 3; i++)
			assert_int_equal(e[i], SPORE_ECLOSED);
		close(peer);
		spore_chan_close(c);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_memory_in_the_middle), // before much was free again
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_a_plain_writer),
	    cmocka_unit_test(test_a_plain_reader),
	    cmocka_unit_test(test_a_line_without_end),
	    cmocka_unit_test(test_netstrings),
	    cmocka_unit_test(test_bytes),
	};
	return cmocka_run_group_tests_name("framing", tests, NULL, NULL);
}
