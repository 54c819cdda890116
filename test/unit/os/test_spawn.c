#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/os.h"

// What `sh -c SCRIPT` prints when it is started as S says.
static void expect_output(struct spore__spawn s, const char *script, char *out, size_t size)
{
	const char *argv[] = {"/bin/sh", "-c", script, NULL};
	int fds[2], status;
	pid_t pid;
	size_t len = 0;
	assert_int_equal(spore__os_pipe(fds), 0);
	s.argv = argv;
	s.fds[0] = -1;
	s.fds[1] = fds[1];
	s.fds[2] = -1;
	assert_int_equal(spore__os_spawn(&s, &pid), 0);
	close(fds[1]);
	for (ssize_t n; len < size - 1 && (n = read(fds[0], out + len, size - 1 - len)) > 0;)
		len += (size_t)n;
	out[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_fourth_descriptor(void **state)
{
	char out[64];
	int fds[2];
	(void)state;
	assert_int_equal(spore__os_pipe(fds), 0);
	assert_int_equal(write(fds[1], "sent\n", 5), 5);
	close(fds[1]);
	expect_output((struct spore__spawn){.fourth = fds[0]}, "read line <&3; echo \"$line\"", out, sizeof out);
	assert_string_equal(out, "sent\n");
	close(fds[0]);
}

static void test_session_of_its_own(void **state)
{
	char out[64];
	long group, pid;
	(void)state;
	// the shell's own process group is asked of ps, which POSIX has
	expect_output((struct spore__spawn){.session = true}, "ps -o pgid= -p $$; echo $$", out, sizeof out);
	assert_int_equal(sscanf(out, "%ld %ld", &group, &pid), 2);
	assert_int_equal(group, pid);
	assert_true(pid != getpgrp());
}

static void test_open_files(void **state)
{
	char out[64];
	(void)state;
	expect_output((struct spore__spawn){.open_files = 77}, "ulimit -Sn", out, sizeof out);
	assert_string_equal(out, "77\n");
}

static bool is_ours(void *arg, const char *value)
{
	return strcmp(arg, value) == 0;
}

static void test_kill_matching(void **state)
{
	char value[64];
	char mark[96];
	int status;
	pid_t pid;
	(void)state;
	if (spore__os_private_kib() < 0) {
		print_message(
		    "# plain POSIX cannot look into processes\n"); // not skip(): cmocka tells it as "not ok" in TAP
		return;
	}
	(void)snprintf(value, sizeof value, "of-%ld", (long)getpid());
	(void)snprintf(mark, sizeof mark, "SPORE_TEST_MARK=%s", value);
	const char *argv[] = {"/bin/sleep", "1000", NULL}, *envp[] = {"A=B", mark, NULL};
	const struct spore__spawn s = {.argv = argv, .envp = envp, .fds = {-1, -1, -1}};
	assert_int_equal(spore__os_spawn(&s, &pid), 0);
	assert_int_equal(spore__os_kill_matching("SPORE_TEST_MARK", is_ours, (void *)"another"), 0);
	// Its environment cannot be seen yet when the kernel has only begun to execute it.
	int killed = 0;
	for (int i = 0; i < 10000 && killed == 0; i++) {
		killed = spore__os_kill_matching("SPORE_TEST_MARK", is_ours, value);
		if (killed == 0)
			(void)nanosleep(&(const struct timespec){.tv_nsec = 1000000}, NULL);
	}
	assert_true(killed > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fourth_descriptor),
	    cmocka_unit_test(test_session_of_its_own),
	    cmocka_unit_test(test_open_files),
	    cmocka_unit_test(test_kill_matching),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
