// The folder of a hold: its name, what is kept in it, who has its lock, and its socket.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "task/folder.h"

static int make(void **state)
{
	char path[] = "/tmp/spore-test-XXXXXX";
	if (mkdtemp(path) == NULL)
		return -1;
	*state = strdup(path);
	return *state == NULL ? -1 : 0;
}

static int unmake(void **state)
{
	int r = spore__fs_remove_tree(*state);
	free(*state);
	return r;
}

static int open_dir(void **state)
{
	int dir = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir >= 0);
	return dir;
}

static void test_names(void **state)
{
	(void)state;
	static const char *const good[] = {"_.web.1", "shop.web.12", "shop.web@3.999999999999999999", "a-b_c.D.1"};
	static const char *const bad[] = {"",
	                                  "web.1",
	                                  "_.web",
	                                  "_.web.0",
	                                  "_.web.01",
	                                  "_.web.-1",
	                                  "_.web.1x",
	                                  "_.web@0.1",
	                                  "_.web@.1",
	                                  "_.web@02.1",
	                                  "__.web.1",
	                                  "_.we/b.1",
	                                  "_..1",
	                                  ".web.1",
	                                  "-a.web.1",
	                                  "_.web.1.1",
	                                  "_.web.1 ",
	                                  "_.web@1@2.1",
	                                  "_.web.99999999999999999999",
	                                  "_.web@1001.1"};
	struct spore__hold_name name;
	char text[SPORE__HOLD_NAME];
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_true(spore__hold_name_parse(good[i], &name));
		spore__hold_name_format(&name, text);
		assert_string_equal(text, good[i]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(spore__hold_name_parse(bad[i], &name));
	assert_true(spore__hold_name_parse("shop.web@3.7", &name));
	assert_string_equal(name.system, "shop");
	assert_string_equal(name.task, "web");
	assert_int_equal(name.replica, 3);
	assert_int_equal(name.generation, 7);
	spore__log_folder_format(&name, text);
	assert_string_equal(text, "web@3");
	assert_true(spore__hold_name_parse("_.web.7", &name));
	assert_string_equal(name.system, "");
	memset(&name, 'x', sizeof name); // the longest there is
	name.system[SPORE__NAME_MAX] = name.task[SPORE__NAME_MAX] = '\0';
	name.replica = SPORE__REPLICAS_MAX;
	name.generation = 999999999999999999;
	spore__hold_name_format(&name, text);
	struct spore__hold_name again;
	assert_true(spore__hold_name_parse(text, &again));
	assert_string_equal(again.task, name.task);
	assert_int_equal(again.generation, name.generation);
}

static void test_spec_and_state(void **state)
{
	int dir = open_dir(state);
	struct spore__spec a, b;
	struct spore__hold_state s = {.phase = SPORE__PHASE_ENDED, .run = 3}, t;
	spore__spec_init(&a);
	a.task = strdup("web");
	a.argv = calloc(2, sizeof *a.argv);
	assert_non_null(a.argv);
	a.argv[0] = strdup("/bin/true");
	assert_int_equal(spore__folder_read_spec(dir, &b), -1);
	assert_int_equal(errno, ENOENT);
	spore__spec_finish(&b);
	assert_int_equal(spore__folder_write_spec(dir, &a), 0);
	assert_int_equal(spore__folder_read_spec(dir, &b), 0);
	assert_string_equal(b.argv[0], "/bin/true");
	spore__spec_finish(&a);
	spore__spec_finish(&b);
	assert_int_equal(spore__folder_write_state(dir, &s), 0);
	s.run = 4;
	assert_int_equal(spore__folder_write_state(dir, &s), 0);
	assert_int_equal(spore__folder_read_state(dir, &t), 0);
	assert_memory_equal(&s, &t, sizeof s);
	assert_int_equal(faccessat(dir, "status.new", F_OK, 0), -1);
	struct stat st;
	assert_int_equal(fstatat(dir, "spec", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600); // it may hold secrets
	close(dir);
}

static void test_damaged(void **state)
{
	int dir = open_dir(state);
	struct spore__spec spec;
	struct spore__hold_state s;
	static const char *const names[] = {"spec", "status"};
	for (int i = 0; i < 2; i++) {
		int fd = openat(dir, names[i], O_WRONLY | O_CREAT, 0600);
		assert_int_equal(write(fd, "\x81\xa4task", 6), 6);
		close(fd);
	}
	assert_int_equal(spore__folder_read_spec(dir, &spec), -1);
	assert_int_equal(errno, EBADMSG);
	spore__spec_finish(&spec);
	assert_int_equal(spore__folder_read_state(dir, &s), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(unlinkat(dir, "spec", 0), 0);
	assert_int_equal(mkdirat(dir, "spec", 0700), 0);
	assert_int_equal(spore__folder_read_spec(dir, &spec), -1);
	spore__spec_finish(&spec);
	close(dir);
}

static void test_lock(void **state)
{
	int dir = open_dir(state), said[2], go[2];
	int64_t pid;
	char byte;
	assert_int_equal(spore__folder_is_locked(dir, &pid), 0);
	assert_int_equal(pipe(said), 0);
	assert_int_equal(pipe(go), 0);
	pid_t child = fork();
	if (child == 0) {
		close(go[1]);
		bool ok = spore__folder_lock(dir) >= 0;
		(void)!write(said[1], "x", 1);
		_exit(ok && read(go[0], &byte, 1) == 0 ? 0 : 1); // until the end of file
	}
	assert_int_equal(read(said[0], &byte, 1), 1);
	assert_int_equal(spore__folder_is_locked(dir, &pid), 1);
	assert_int_equal(pid, child);
	assert_int_equal(spore__folder_lock(dir), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	close(go[1]);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(spore__folder_is_locked(dir, &pid), 0);
	int fd = spore__folder_lock(dir);
	assert_true(fd >= 0);
	close(fd);
	close(said[0]);
	close(said[1]);
	close(go[0]);
	close(dir);
}

static void test_socket(void **state)
{
	char before[4096], after[4096], byte;
	int dir = open_dir(state);
	assert_non_null(getcwd(before, sizeof before));
	assert_int_equal(spore__folder_connect(dir), -1);
	assert_int_equal(errno, ENOENT);
	close(spore__folder_listen(dir)); // one that died
	assert_int_equal(spore__folder_connect(dir), -1);
	assert_int_equal(errno, ECONNREFUSED);
	int server = spore__folder_listen(dir);
	assert_true(server >= 0);
	int client = spore__folder_connect(dir);
	assert_true(client >= 0);
	assert_int_equal(recv(client, &byte, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
	int end = accept(server, NULL, NULL);
	assert_true(end >= 0);
	assert_int_equal(send(end, "x", 1, 0), 1);
	assert_int_equal(recv(client, &byte, 1, 0), 1);
	assert_int_equal(accept(server, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_non_null(getcwd(after, sizeof after));
	assert_string_equal(before, after);
	close(end);
	close(client);
	close(server);
	close(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test_setup_teardown(test_spec_and_state, make, unmake),
	    cmocka_unit_test_setup_teardown(test_damaged, make, unmake),
	    cmocka_unit_test_setup_teardown(test_lock, make, unmake),
	    cmocka_unit_test_setup_teardown(test_socket, make, unmake),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
