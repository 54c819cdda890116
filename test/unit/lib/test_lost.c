// Programs that close the socket to their hold, as those do that close every descriptor they do not know.
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "hold_rig.h"

// ---- the parts that a child plays; each returns its exit status

static void close_all(void)
{
	for (int fd = STDERR_FILENO + 1; fd < 256; fd++)
		close(fd);
}

// Waits, and does not run in circles meanwhile.
static bool waits(void)
{
	enum { MS = 300, MOST_MS = 100 };
	clock_t before = clock();
	return !spore_stop_wait(MS) && (clock() - before) * 1000 / CLOCKS_PER_SEC < MOST_MS;
}

static int play_all(void)
{
	struct spore_chan *c;
	struct spore_port *p;
	close_all();
	if (spore_chan_open("in", NULL, &c) != SPORE_ENOTFOUND || spore_port_open("in", NULL, &p) != SPORE_ENOTFOUND)
		return 1;
	if (!waits())
		return 2;
	close_all();
	if (!waits())
		return 3;
	struct pollfd polled = {.fd = spore_stop_fd(), .events = POLLIN};
	if (polled.fd < 0 || poll(&polled, 1, 0) != 0)
		return 4;
	spore_log(SPORE_INFO, "to standard error");
	raise(SIGTERM);
	if (poll(&polled, 1, PATIENCE) != 1 || !spore_stop_wait(-1))
		return 5;
	close_all();
	polled.fd = spore_stop_fd();
	return poll(&polled, 1, PATIENCE) == 1 && spore_stop_requested() ? 0 : 6;
}

// The number is another file's after that, or none's.
static void close_number(int fd, const char *becomes)
{
	int other = -1, ends[2] = {-1, -1};
	if (strcmp(becomes, "readable") == 0)
		other = open("/dev/zero", O_RDONLY);
	else if (strcmp(becomes, "silent") == 0 && pipe(ends) == 0)
		other = ends[0];
	if (other >= 0)
		(void)dup2(other, fd);
	else
		close(fd);
}

static int play_number(void)
{
	struct spore_chan *c, *client;
	struct spore_port *p;
	char buffer[8];
	size_t len;
	const char *becomes = getenv("SPORE_TEST_BECOMES");
	if (spore_chan_open("in", NULL, &c) != SPORE_OK || spore_port_open("served", NULL, &p) != SPORE_OK)
		return 1;
	close_number(spore_stop_fd(), becomes != NULL ? becomes : "none");
	spore_ready(); // to nobody
	// A call that is in its wait already notices only what can be read. Others look first.
	if (becomes != NULL && strcmp(becomes, "silent") == 0 &&
	    spore_port_accept(p, SPORE_FOREVER, &client) != SPORE_ECLOSED)
		return 5;
	if (spore_chan_recv(c, buffer, sizeof buffer, &len, SPORE_FOREVER) != SPORE_ECLOSED ||
	    spore_chan_send(c, buffer, 1, SPORE_FOREVER) != SPORE_ECLOSED ||
	    spore_port_accept(p, SPORE_FOREVER, &client) != SPORE_ECLOSED)
		return 2;
	if (!waits())
		return 3;
	raise(SIGTERM);
	if (!spore_stop_wait(-1))
		return 4;
	spore_chan_close(c);
	spore_port_close(p);
	return 0;
}

static const struct {
	const char *name;
	int (*play)(void);
} parts[] = {{"all", play_all}, {"number", play_number}};

// ---- the tests

static void test_all(void **state)
{
	struct child c;
	begin(&c, "all");
	assert_non_null(strstr(end(&c, 0), "to standard error"));
}

static void test_number(void **state)
{
	static const char *const kinds[] = {"none", "readable", "silent"};
	const char *sanitizer = getenv("SPORE_SANITIZE");
	if (sanitizer != NULL && strcmp(sanitizer, "thread") == 0)
		return; // a descriptor that is closed while another thread uses it is what this is about
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct child c;
		setenv("SPORE_TEST_BECOMES", kinds[i], 1);
		begin(&c, "number");
		assert_string_equal(end(&c, 0), "");
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all), cmocka_unit_test(test_number)};
	for (size_t i = 0; argc > 1 && i < sizeof parts / sizeof parts[0]; i++)
		if (strcmp(argv[1], parts[i].name) == 0)
			return parts[i].play();
	self = argv[0];
	return cmocka_run_group_tests_name("lost", tests, NULL, NULL);
}
