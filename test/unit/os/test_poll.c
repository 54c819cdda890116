#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/os.h"

static const struct timespec at_once = {0}, moment = {.tv_nsec = 10000000};

// The reading end of a pipe FDS gets the number FD, or stays as it is where that is -1.
static void make_pipe(int fds[2], int fd)
{
	assert_int_equal(spore__os_pipe(fds), 0);
	if (fd < 0)
		return;
	assert_int_equal(dup2(fds[0], fd), fd);
	close(fds[0]);
	fds[0] = fd;
}

static void look_at(int number)
{
	int fds[2], other[2];
	make_pipe(fds, number);
	make_pipe(other, -1);
	struct pollfd p[] = {{.fd = -1, .events = POLLIN},
	                     {.fd = fds[0], .events = POLLIN},
	                     {.fd = other[0], .events = POLLIN},
	                     {.fd = other[1], .events = POLLOUT}};
	assert_int_equal(spore__os_poll(p, 3, &at_once, NULL), 0);
	assert_int_equal(spore__os_poll(p, 3, &moment, NULL), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(spore__os_poll(p, 3, NULL, NULL), 1);
	assert_true(p[0].revents == 0 && p[1].revents == POLLIN && p[2].revents == 0);
	assert_int_equal(spore__os_poll(p, 4, &moment, NULL), 2);
	assert_true(p[3].revents == POLLOUT);
	close(fds[1]);
	assert_int_equal(read(fds[0], &(char){0}, 1), 1);
	assert_int_equal(spore__os_poll(p, 3, NULL, NULL), 1); // its end
	assert_true(p[1].revents != 0);
	close(fds[0]);
	close(other[0]);
	close(other[1]);
}

static void test_descriptors(void **state)
{
	(void)state;
	look_at(-1);
}

static void test_high_descriptors(void **state)
{
	struct rlimit limit;
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max <= FD_SETSIZE || setrlimit(RLIMIT_NOFILE, &limit) != 0)
		skip();
	look_at(FD_SETSIZE);
}

static volatile sig_atomic_t got;

static void on_signal(int number)
{
	got = number;
}

static void wait_for_signal(int number)
{
	const struct sigaction action = {.sa_handler = on_signal};
	sigset_t block, open;
	int fds[2];
	make_pipe(fds, number);
	struct pollfd p = {.fd = fds[0], .events = POLLIN};
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_BLOCK, &block, &open), 0);
	got = 0;
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(spore__os_poll(&p, 1, &at_once, NULL), 0); // blocked
	assert_int_equal(got, 0);
	assert_int_equal(spore__os_poll(&p, 1, NULL, &open), -1);
	assert_int_equal(errno, EINTR);
	assert_int_equal(got, SIGUSR1);
	got = 0;
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(got, 0); // blocked again
	assert_int_equal(sigprocmask(SIG_SETMASK, &open, NULL), 0);
	close(fds[0]);
	close(fds[1]);
}

static void test_signals(void **state)
{
	(void)state;
	wait_for_signal(-1);
}

static void test_signals_high(void **state)
{
	struct rlimit limit;
	(void)state;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= FD_SETSIZE)
		skip();
	wait_for_signal(FD_SETSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_descriptors),
	    cmocka_unit_test(test_high_descriptors),
	    cmocka_unit_test(test_signals),
	    cmocka_unit_test(test_signals_high),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
