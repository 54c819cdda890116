// Where a cgroup for tasks can be made, on a folder that looks like a cgroup file system: what is written is seen, though nobody acts on it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "os/linux/cgroup.h"

static char root[] = "/tmp/spore-cgroup-XXXXXX";

static bool is_spores(long pid)
{
	return pid < 1000;
}

static void put(const char *folder, const char *name, const char *text)
{
	char path[512];
	(void)snprintf(path, sizeof path, "%s%s/%s", root, folder, name);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void assert_file(const char *folder, const char *name, const char *text)
{
	char path[512], got[512] = "";
	(void)snprintf(path, sizeof path, "%s%s/%s", root, folder, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(read(fd, got, sizeof got - 1) >= 0);
	close(fd);
	assert_string_equal(got, text);
}

// CONTROL is what it gives to those below it.
static void group(const char *folder, const char *controllers, const char *control, const char *procs)
{
	char path[512];
	(void)snprintf(path, sizeof path, "%s%s", root, folder);
	(void)mkdir(path, 0700);
	put(folder, "cgroup.controllers", controllers);
	put(folder, "cgroup.subtree_control", control);
	put(folder, "cgroup.procs", procs);
	if (folder[0] != '\0')
		put(folder, "cgroup.type", "domain\n");
}

static struct spore__cgroup_place at(const char *own, bool climb)
{
	struct spore__cgroup_place p = {.climb = climb};
	(void)snprintf(p.mount, sizeof p.mount, "%s", root);
	(void)snprintf(p.own, sizeof p.own, "%s%s", root, own);
	return p;
}

static int make_root(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof root, "/tmp/spore-cgroup-XXXXXX");
	return mkdtemp(root) != NULL ? 0 : -1;
}

static int remove_root(void **state)
{
	(void)state;
	return spore__fs_remove_tree(root);
}

static void assert_base(const struct spore__cgroup_place *p, const char *folder)
{
	assert_string_equal(p->base + strlen(root), folder);
}

static void takes_what_is_there(void **state)
{
	(void)state;
	group("", "cpuset cpu io memory pids\n", "cpu memory pids\n", "1\n");
	group("/mine", "cpu memory pids\n", "cpu memory pids\n", "");
	group("/mine/spore-tasks", "cpu memory pids\n", "cpu memory pids\n", "");
	struct spore__cgroup_place p = at("/mine", false);
	spore__cgroup_choose(&p, is_spores);
	assert_base(&p, "/mine");
	assert_int_equal(p.controllers, SPORE__CGROUP_ALL);
}

static void without_controllers_a_leaf_can_still_be_made(void **state)
{
	(void)state;
	group("", "\n", "\n", "1\n");
	struct spore__cgroup_place p = at("", true);
	p.v1 = 1U << SPORE__TREE_CPU;
	spore__cgroup_choose(&p, is_spores);
	assert_base(&p, "");
	assert_int_equal(p.controllers, 0);
	assert_string_equal(p.why[SPORE__TREE_CPU], "cgroup v1 has its controller on this machine");
	assert_string_equal(p.why[SPORE__TREE_MEMORY], "there is no such controller on this machine");
}

static void a_shell_is_in_the_way(void **state)
{
	(void)state;
	group("", "cpu memory pids\n", "cpu memory pids\n", "1\n");
	group("/mine", "cpu memory pids\n", "\n", "12\n99999999\n");
	struct spore__cgroup_place p = at("/mine", false);
	spore__cgroup_choose(&p, is_spores);
	assert_base(&p, "/mine");
	assert_int_equal(p.controllers, 0);
	assert_string_equal(p.why[0], "other processes are in the cgroup /mine (99999999 of another namespace)");
	assert_file("/mine", "cgroup.subtree_control", "\n"); // nothing was done by halves
	char self[512];
	(void)snprintf(self, sizeof self, "%s/mine/spore-self", root);
	assert_int_equal(access(self, F_OK), -1);
}

static void then_the_one_above_is_asked(void **state)
{
	(void)state;
	group("", "cpu memory pids\n", "memory pids\n", "1\n");
	group("/mine", "memory pids\n", "memory pids\n", "");
	group("/mine/shell", "memory pids\n", "\n", "99999999\n");
	group("/mine/spore-tasks", "memory pids\n", "memory pids\n", "");
	struct spore__cgroup_place p = at("/mine/shell", true);
	spore__cgroup_choose(&p, is_spores);
	assert_base(&p, "/mine");
	assert_int_equal(p.controllers, 1U << SPORE__TREE_MEMORY | 1U << SPORE__TREE_PROCESSES);
}

static void what_is_of_spore_makes_room(void **state)
{
	(void)state;
	group("", "cpu memory pids\n", "memory\n", "1\n");
	group("/mine", "memory\n", "\n", "12\n");
	group("/mine/spore-self", "memory\n", "\n", "");
	group("/mine/spore-tasks", "memory\n", "memory\n", "");
	struct spore__cgroup_place p = at("/mine", false);
	spore__cgroup_choose(&p, is_spores);
	// The file still names it here, so that it is tried in vain.
	assert_file("/mine/spore-self", "cgroup.procs", "12");
}

static void climbs_no_further_than_the_mount(void **state)
{
	(void)state;
	char folder[SPORE__CGROUP_PATH];
	struct spore__cgroup_place p = at("/a/b", true);
	memcpy(folder, p.own, sizeof folder);
	assert_true(spore__cgroup_up(&p, folder));
	assert_string_equal(folder + strlen(root), "/a");
	assert_true(spore__cgroup_up(&p, folder));
	assert_string_equal(folder, root);
	assert_false(spore__cgroup_up(&p, folder));
}

static void values(void **state)
{
	(void)state;
	group("", "\n", "\n", "");
	static const char *const names[] = {"memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		put("", names[i], "");
	int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(spore__cgroup_limit(dir, SPORE__TREE_MEMORY, 512 << 20), 0);
	assert_file("", "memory.max", "536870912");
	assert_file("", "memory.swap.max", "0");
	assert_file("", "memory.oom.group", "1");
	assert_int_equal(spore__cgroup_limit(dir, SPORE__TREE_PROCESSES, 64), 0);
	assert_file("", "pids.max", "64");
	assert_int_equal(spore__cgroup_limit(dir, SPORE__TREE_CPU, 2000), 0);
	assert_file("", "cpu.max", "200000 100000");
	put("", "cpu.max", "");
	assert_int_equal(spore__cgroup_limit(dir, SPORE__TREE_CPU, 1), 0);
	assert_file("", "cpu.max", "1000 1000000");
	char path[512];
	(void)snprintf(path, sizeof path, "%s/pids.max", root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(spore__cgroup_limit(dir, SPORE__TREE_PROCESSES, 64), -1);
	close(dir);
}

static void use(void **state)
{
	(void)state;
	struct spore__tree_use u;
	group("", "\n", "\n", "");
	int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	spore__cgroup_use(dir, &u);
	assert_true(u.memory == -1 && u.peak == -1 && u.user_us == -1 && u.out_of_memory == -1 &&
	            u.forks_refused == -1);
	put("", "memory.current", "4096\n");
	put("", "memory.peak", "8192\n");
	put("", "memory.events", "low 0\nhigh 0\nmax 7\noom 1\noom_kill 3\noom_group_kill 1\n");
	put("", "pids.current", "2\n");
	put("", "pids.events", "max 5\n");
	put("", "cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\n");
	spore__cgroup_use(dir, &u);
	assert_true(u.memory == 4096 && u.peak == 8192 && u.processes == 2);
	assert_true(u.user_us == 20 && u.system_us == 10 && u.out_of_memory == 3 && u.forks_refused == 5);
	close(dir);
	spore__cgroup_use(-1, &u);
	assert_true(u.memory == -1 && u.user_us == -1);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_root, remove_root)
	const struct CMUnitTest tests[] = {
	    TEST(takes_what_is_there),
	    TEST(without_controllers_a_leaf_can_still_be_made),
	    TEST(a_shell_is_in_the_way),
	    TEST(then_the_one_above_is_asked),
	    TEST(what_is_of_spore_makes_room),
	    TEST(climbs_no_further_than_the_mount),
	    TEST(values),
	    TEST(use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
