// Bytes between pipes and sockets, in the kernel and by hand.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/os.h"
#include "pump/passage.h"

enum { MUCH = 3 << 20 };

enum kind { PIPE, SOCKET };

// fds[0] is read from, fds[1] written to.
static void join(enum kind kind, int fds[2])
{
	assert_int_equal(kind == PIPE ? spore__os_pipe(fds) : spore__os_socketpair(fds), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(fcntl(fds[i], F_SETFL, O_NONBLOCK), 0);
}

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

// Writes and reads what it can on the two outer ends; false when all is read.
static bool outside(int to, int from, size_t *written, size_t *seen, bool *ended)
{
	unsigned char bytes[5000];
	size_t n = 0;
	while (n < sizeof bytes && *written + n < MUCH) {
		bytes[n] = byte_at(*written + n);
		n++;
	}
	ssize_t w = n > 0 ? write(to, bytes, n) : 0;
	*written += w > 0 ? (size_t)w : 0;
	ssize_t r = read(from, bytes, 1 + *seen % sizeof bytes);
	for (ssize_t i = 0; i < r; i++)
		assert_int_equal(bytes[i], byte_at(*seen + (size_t)i));
	*seen += r > 0 ? (size_t)r : 0;
	*ended = r == 0;
	return !*ended;
}

// RENEW: the passage is forgotten at every step, as that of a killed pump, whose descriptors stay.
static void carry(enum kind left, enum kind right, bool with_mid, bool renew)
{
	int in[2], out[2], mid[2] = {-1, -1};
	size_t written = 0, seen = 0;
	bool ended = false, closed = false;
	struct spore__passage p;
	join(left, in);
	join(right, out);
	if (with_mid)
		join(PIPE, mid);
	spore__passage_init(&p, in[0], out[1], mid);
	while (outside(closed ? -1 : in[1], out[0], &written, &seen, &ended)) {
		if (written == MUCH && !closed) {
			close(in[1]);
			closed = true;
		}
		if (!p.done)
			spore__passage_step(&p);
		else if (out[1] >= 0) {
			assert_false(p.gone);
			close(out[1]);
			out[1] = -1;
		}
		if (renew && !p.done && p.buffer == NULL)
			spore__passage_init(&p, in[0], out[1], mid);
	}
	assert_int_equal(seen, MUCH);
	spore__passage_finish(&p);
	close(in[0]);
	close(out[0]);
	for (int i = 0; with_mid && i < 2; i++)
		close(mid[i]);
}

static void test_all_pairs(void **state)
{
	(void)state;
	for (int left = PIPE; left <= SOCKET; left++)
		for (int right = PIPE; right <= SOCKET; right++)
			for (int mid = 0; mid < 2; mid++)
				for (int renew = 0; renew < 2; renew++)
					carry((enum kind)left, (enum kind)right, mid, renew);
}

static void test_what_it_waits_for(void **state)
{
	(void)state;
	int in[2], out[2];
	char bytes[4096] = "hello";
	struct spore__passage p;
	join(PIPE, in);
	join(PIPE, out);
	spore__passage_init(&p, in[0], out[1], NULL);
	spore__passage_step(&p);
	assert_int_equal(p.from_events, POLLIN);
	assert_int_equal(p.to_events, 0);
	while (write(out[1], bytes, sizeof bytes) > 0)
		;
	assert_int_equal(write(in[1], bytes, 5), 5);
	spore__passage_step(&p);
	assert_int_equal(p.from_events, 0);
	assert_int_equal(p.to_events, POLLOUT);
	// Nobody reads: what came stays where it is, for another.
	close(out[0]);
	spore__passage_step(&p);
	assert_true(p.done && p.gone);
	if (p.buffer == NULL)
		assert_int_equal(read(in[0], bytes, sizeof bytes), 5);
	spore__passage_finish(&p);
	close(in[0]);
	close(in[1]);
	close(out[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_pairs), cmocka_unit_test(test_what_it_waits_for)};
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
