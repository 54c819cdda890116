// The node's client against the node of this build (SPORE_BUILD), with a spore-build that does nothing.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/client.h"
#include "os/os.h"
#include "rpc/client.h"

static char folder[64], path[512];

static const char *in_folder(const char *name)
{
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static int set_up(void **state)
{
	char node[512];
	const char *build = getenv("SPORE_BUILD");
	(void)state;
	if (build == NULL)
		return -1;
	snprintf(folder, sizeof folder, "/tmp/spore-client-XXXXXX");
	snprintf(node, sizeof node, "%s/spore-node", build);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(mkdir(in_folder("libexec"), 0700), 0);
	assert_int_equal(mkdir(in_folder("state"), 0700), 0);
	assert_int_equal(symlink(node, in_folder("libexec/spore-node")), 0);
	assert_int_equal(symlink("/bin/true", in_folder("libexec/spore-build")), 0);
	assert_int_equal(setenv("SPORE_LIBEXEC", in_folder("libexec"), 1), 0);
	assert_int_equal(setenv("SPORE_STATE", in_folder("state"), 1), 0);
	assert_int_equal(setenv("SPORE_RUNTIME", in_folder("run"), 1), 0);
	return unsetenv("SPORE_NO_NODE");
}

static struct spore__rpc_client connected(void)
{
	struct spore__node_problem problem;
	struct spore__rpc_client c;
	int fd = spore__node_connect(true, 20000, &problem);
	if (fd < 0)
		fail_msg("%s", problem.why);
	spore__rpc_client_init(&c, fd, 20000);
	assert_int_equal(spore__rpc_client_hello(&c, "test"), SPORE_OK);
	return c;
}

static void stop_node(void)
{
	struct spore__rpc_client c = connected();
	assert_int_equal(spore__rpc_client_call(&c, "node.stop", NULL, 0), SPORE_OK);
	assert_int_equal(spore__rpc_client_wait_closed(&c, 20000), SPORE_OK);
	close(c.fd);
	spore__rpc_client_finish(&c);
}

static int tear_down(void **state)
{
	char command[128];
	(void)state;
	stop_node();
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return system(command);
}

static bool is_listed(const char *source)
{
	struct spore__rpc_client c = connected();
	struct spore__msgpack_reader builds, found;
	uint32_t count;
	bool listed = false;
	assert_int_equal(spore__rpc_client_call(&c, "builds.list", NULL, 0), SPORE_OK);
	assert_true(spore__msgpack_find(&c.m.result, "builds", &builds));
	assert_int_equal(spore__msgpack_read_array(&builds, &count), SPORE__MSGPACK_OK);
	for (; count > 0; count--) {
		struct spore__msgpack_value v;
		assert_true(spore__msgpack_find(&builds, "source", &found));
		assert_int_equal(spore__msgpack_read(&found, &v), SPORE__MSGPACK_OK);
		listed |= spore__msgpack_is(&v, source);
		assert_int_equal(spore__msgpack_skip(&builds), SPORE__MSGPACK_OK);
	}
	close(c.fd);
	spore__rpc_client_finish(&c);
	return listed;
}

static void test_no_node(void **state)
{
	struct spore__node_problem problem;
	(void)state;
	assert_int_equal(spore__node_connect(false, 1000, &problem), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(setenv("SPORE_NO_NODE", "1", 1), 0);
	assert_false(spore__node_optimise("/etc/passwd"));
	assert_int_equal(spore__node_connect(true, 1000, &problem), -1);
	assert_non_null(strstr(problem.why, "SPORE_NO_NODE"));
	assert_int_equal(unsetenv("SPORE_NO_NODE"), 0);
}

static void test_unusable_places_fail_quietly(void **state)
{
	(void)state;
	assert_int_equal(setenv("SPORE_RUNTIME", "relative", 1), 0);
	assert_false(spore__node_optimise("/etc/passwd"));
	assert_int_equal(setenv("SPORE_RUNTIME", in_folder("run"), 1), 0);
	assert_false(spore__node_optimise("relative.c"));
}

static void test_a_wish_starts_the_node(void **state)
{
	(void)state;
	struct spore__watch *watch = spore__os_watch_create();
	assert_non_null(watch);
	assert_int_equal(spore__os_watch_add(watch, in_folder("state")), 0);
	assert_true(spore__node_optimise("/etc/passwd"));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); // no child is left to the caller
	assert_int_equal(errno, ECHILD);
	for (int i = 0; i < 1000 && !is_listed("/etc/passwd"); i++)
		(void)spore__os_watch_wait(watch, 20);
	assert_true(is_listed("/etc/passwd"));
	assert_true(spore__node_optimise("/etc/group")); // now to the node that runs
	for (int i = 0; i < 1000 && !is_listed("/etc/group"); i++)
		(void)spore__os_watch_wait(watch, 20);
	assert_true(is_listed("/etc/group"));
	spore__os_watch_destroy(watch);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_no_node),
	    TEST(test_unusable_places_fail_quietly),
	    TEST(test_a_wish_starts_the_node),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
