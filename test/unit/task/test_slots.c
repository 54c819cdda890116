// A file of two slots: the last whole content counts, whatever was damaged or is being written.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "task/slots.h"

static char folder[] = "/tmp/spore-slots-XXXXXX";
static int dir;

static int make(void **state)
{
	(void)state;
	dir = mkdtemp(folder) != NULL ? open(folder, O_RDONLY | O_DIRECTORY) : -1;
	return dir < 0 ? -1 : 0;
}

static int clean(void **state)
{
	(void)state;
	(void)unlinkat(dir, "s", 0);
	close(dir);
	return rmdir(folder);
}

static void expect(const char *content)
{
	size_t len;
	unsigned char *bytes = spore__slots_read(dir, "s", &len);
	assert_non_null(bytes);
	assert_int_equal(len, strlen(content));
	assert_memory_equal(bytes, content, len);
	free(bytes);
}

static void write_text(const char *content)
{
	assert_int_equal(spore__slots_write(dir, "s", content, strlen(content)), 0);
}

static void damage(off_t at)
{
	int fd = openat(dir, "s", O_RDWR);
	char byte;
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void test_the_last_whole_one_counts(void **state)
{
	size_t len;
	struct stat before, after;
	(void)state;
	(void)unlinkat(dir, "s", 0);
	assert_null(spore__slots_read(dir, "s", &len));
	assert_int_equal(errno, ENOENT);
	write_text("one");
	expect("one");
	assert_int_equal(fstatat(dir, "s", &before, 0), 0);
	assert_int_equal(before.st_mode & 0777, 0600);
	write_text("the second, longer one");
	expect("the second, longer one");
	write_text("");
	expect("");
	write_text("four");
	expect("four");
	assert_int_equal(fstatat(dir, "s", &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	damage(SPORE__SLOT + SPORE__SLOT_HEAD); // of the fourth: the third counts again
	expect("");
	write_text("five");
	expect("five");
	damage(SPORE__SLOT + 9); // its number
	expect("");
	damage(4);
	assert_null(spore__slots_read(dir, "s", &len));
	assert_int_equal(errno, EBADMSG);
	write_text("anew");
	expect("anew");
}

static void test_sizes(void **state)
{
	char most[SPORE__SLOT];
	(void)state;
	memset(most, 'x', sizeof most);
	most[SPORE__SLOT - SPORE__SLOT_HEAD] = '\0';
	write_text(most);
	write_text(most);
	expect(most);
	assert_int_equal(spore__slots_write(dir, "s", most, SPORE__SLOT - SPORE__SLOT_HEAD + 1), -1);
	assert_int_equal(errno, EMSGSIZE);
	expect(most);
}

// While another process writes, and after it was killed, what is read is one of the contents, never a mixture.
static void test_read_while_written(void **state)
{
	enum { SIZE = 3000 };
	int status;
	(void)state;
	write_text("a");
	pid_t writer = fork();
	if (writer == 0) {
		char text[SIZE];
		for (unsigned i = 0;; i++) {
			memset(text, 'a' + (int)(i % 26), sizeof text);
			if (spore__slots_write(dir, "s", text, 1 + i % SIZE) != 0)
				_exit(1);
		}
	}
	assert_true(writer > 0);
	for (int i = 0; i < 20000; i++) {
		size_t len;
		unsigned char *bytes = spore__slots_read(dir, "s", &len);
		if (bytes == NULL) { // the writer was faster each time that it looked
			assert_int_equal(errno, EBADMSG);
			continue;
		}
		size_t same = 0;
		while (same < len && bytes[same] == bytes[0])
			same++;
		assert_int_equal(same, len);
		free(bytes);
	}
	assert_int_equal(kill(writer, SIGKILL), 0);
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_true(WIFSIGNALED(status));
	size_t len;
	unsigned char *bytes = spore__slots_read(dir, "s", &len);
	assert_non_null(bytes);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_last_whole_one_counts),
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_read_while_written),
	};
	return cmocka_run_group_tests(tests, make, clean);
}
