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

// Who looks on sees each byte at its position, or that it was missed.
static void look(struct spore__window_view *v, uint64_t *at)
{
	unsigned char bytes[3000];
	uint64_t missed;
	size_t n =
	    v->window != NULL ? spore__window_read(v, SPORE__WINDOW_OUT, bytes, 1 + *at % sizeof bytes, &missed) : 0;
	if (v->window == NULL)
		return;
	assert_int_equal(missed, 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(bytes[i], byte_at((size_t)*at + i));
	*at += n;
}

static int window_fd = -1; // watched

static struct spore__window *open_window(struct spore__window_view *v)
{
	struct spore__window *w = window_fd >= 0 ? spore__window_map(window_fd, true) : NULL;
	*v = (struct spore__window_view){0};
	if (w == NULL)
		return NULL;
	memset(w, 0, sizeof *w);
	w->magic = SPORE__WINDOW_MAGIC;
	w->watched = 1;
	assert_true(spore__window_view_open(dup(window_fd), v));
	return w;
}

// RENEW: the passage is forgotten at every step, as that of a killed pump, whose descriptors stay.
static void carry(enum kind left, enum kind right, bool with_mid, bool renew)
{
	struct spore__window_view view;
	struct spore__window *window = open_window(&view);
	uint64_t looked = 0;
	int in[2], out[2], mid[2] = {-1, -1};
	size_t written = 0, seen = 0;
	bool ended = false, closed = false;
	struct spore__passage p;
	join(left, in);
	join(right, out);
	if (with_mid)
		join(PIPE, mid);
	spore__passage_init(&p, in[0], out[1], mid);
	spore__passage_show(&p, window, SPORE__WINDOW_OUT);
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
		for (int i = 0; i < 4; i++)
			look(&view, &looked);
		if (renew && !p.done && p.buffer == NULL) {
			spore__passage_finish(&p);
			spore__passage_init(&p, in[0], out[1], mid);
			spore__passage_show(&p, window, SPORE__WINDOW_OUT);
		}
	}
	assert_int_equal(seen, MUCH);
	while (window != NULL && looked < MUCH)
		look(&view, &looked);
	assert_true(window == NULL || spore__window_is_finished(&view, SPORE__WINDOW_OUT));
	assert_true(window == NULL || spore__window_count(&view, SPORE__WINDOW_OUT) == MUCH);
	spore__window_view_close(&view);
	spore__window_unmap(window);
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

static void test_all_pairs_with_one_who_looks_on(void **state)
{
	window_fd = spore__os_memory(SPORE__WINDOW_SIZE);
	if (window_fd < 0)
		return; // there is no such memory
	test_all_pairs(state);
	close(window_fd);
	window_fd = -1;
}

static void test_who_is_too_slow(void **state)
{
	(void)state;
	struct spore__window_view view;
	struct iovec pieces[2];
	unsigned char bytes[64];
	uint64_t missed;
	window_fd = spore__os_memory(SPORE__WINDOW_SIZE);
	struct spore__window *w = open_window(&view);
	if (w == NULL)
		return;
	// What passed unseen before anything was seen is not missed, what is overwritten later is.
	spore__window_passed(w, SPORE__WINDOW_OUT, 1000, false);
	for (int i = 0; i < 2; i++) {
		(void)spore__window_room(w, SPORE__WINDOW_OUT, 10, pieces);
		memset(pieces[0].iov_base, 'a' + i, pieces[0].iov_len);
		spore__window_passed(w, SPORE__WINDOW_OUT, 10, true);
		assert_int_equal(spore__window_read(&view, SPORE__WINDOW_OUT, bytes, sizeof bytes, &missed), 10);
		assert_int_equal(missed, 0);
		assert_int_equal(bytes[9], 'a' + i);
	}
	for (int i = 0; i < 3; i++) {
		(void)spore__window_room(w, SPORE__WINDOW_OUT, SPORE__WINDOW_RING / 2, pieces);
		spore__window_passed(w, SPORE__WINDOW_OUT, SPORE__WINDOW_RING / 2, true);
	}
	assert_int_equal(spore__window_read(&view, SPORE__WINDOW_OUT, bytes, sizeof bytes, &missed), sizeof bytes);
	assert_int_equal(missed, SPORE__WINDOW_RING / 2);
	spore__window_passed(w, SPORE__WINDOW_OUT, 5, false);
	assert_int_equal(spore__window_read(&view, SPORE__WINDOW_OUT, bytes, sizeof bytes, &missed), 0);
	assert_int_equal(missed, SPORE__WINDOW_RING - sizeof bytes + 5);
	spore__window_view_close(&view);
	spore__window_unmap(w);
	close(window_fd);
	window_fd = -1;
}

static void test_what_is_no_window(void **state)
{
	(void)state;
	struct spore__window_view view;
	int fds[2];
	join(PIPE, fds);
	assert_false(spore__window_view_open(fds[0], &view));
	close(fds[1]);
	int fd = spore__os_memory(SPORE__WINDOW_SIZE); // without its first word
	assert_true(fd < 0 || !spore__window_view_open(fd, &view));
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
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_pairs), cmocka_unit_test(test_all_pairs_with_one_who_looks_on),
	    cmocka_unit_test(test_who_is_too_slow), cmocka_unit_test(test_what_is_no_window),
	    cmocka_unit_test(test_what_it_waits_for)};
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
