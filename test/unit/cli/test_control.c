// The hold's side in the foreground, with the test as the program and a file as standard error.
#include "cli/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "control.h"

struct play {
	int program; // its end of the channel
	int hold;
	struct spore__control_end *end;
	FILE *err; // what was written to standard error
	int kept;  // the real one
};

static void begin(struct play *p)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	p->program = ends[0];
	p->hold = ends[1];
	p->err = tmpfile();
	assert_non_null(p->err);
	p->kept = dup(STDERR_FILENO);
	assert_true(dup2(fileno(p->err), STDERR_FILENO) >= 0);
	p->end = spore__control_create(p->hold, "task");
}

// Returns how many lines of standard error contain TEXT.
static unsigned end(struct play *p, const char *text)
{
	char line[512];
	unsigned count = 0;
	spore__control_destroy(p->end);
	assert_true(dup2(p->kept, STDERR_FILENO) >= 0);
	close(p->kept);
	rewind(p->err);
	while (fgets(line, sizeof line, p->err) != NULL)
		count += strstr(line, text) != NULL;
	fclose(p->err);
	if (p->program >= 0)
		close(p->program);
	close(p->hold);
	return count;
}

static void say(const struct play *p, struct spore__msgpack_writer *w)
{
	assert_int_equal(w->err, 0);
	assert_int_equal(send(p->program, w->data, w->len, MSG_NOSIGNAL | MSG_DONTWAIT), (ssize_t)w->len);
	spore__msgpack_writer_finish(w);
}

// What the hold has said last: a letter for each message.
static const char *heard(const struct play *p)
{
	static unsigned char bytes[4096];
	static char seen[64];
	size_t count = 0, used;
	ssize_t len = recv(p->program, bytes, sizeof bytes, MSG_DONTWAIT);
	for (size_t at = 0; len > 0 && at < (size_t)len; at += used) {
		struct spore__control_message m;
		assert_int_equal(spore__control_decode(bytes + at, (size_t)len - at, &m, &used), SPORE_OK);
		seen[count++] = "UHFLlirsgS"[m.type];
	}
	seen[count] = '\0';
	return seen;
}

static void test_stop_needs_a_listener(void **state)
{
	struct spore__msgpack_writer w = {0};
	struct play p;
	begin(&p);
	assert_string_equal(heard(&p), "H");
	assert_false(spore__control_stop(p.end));
	spore__control_put_hello(&w, NULL, NULL);
	say(&p, &w);
	assert_false(spore__control_stop(p.end));
	spore__control_put_listens(&w);
	say(&p, &w);
	assert_true(spore__control_stop(p.end));
	assert_string_equal(heard(&p), "S");
	assert_int_equal(end(&p, ""), 0);
}

// A look is bounded, so that signals are not kept waiting; what is left is shown at the end.
static void test_flood(void **state)
{
	enum { RECORDS = 1500 };
	struct spore__msgpack_writer w = {0};
	struct play p;
	char text[81] = "";
	int left = 0;
	memset(text, 'x', sizeof text - 1);
	begin(&p);
	spore__control_put_hello(&w, NULL, NULL);
	for (int i = 0; i < RECORDS; i++)
		spore__control_put_log(&w, SPORE_INFO, 1, text, NULL, 0);
	assert_true(w.len > 128 * 1024);
	say(&p, &w);
	close(p.program);
	p.program = -1;
	assert_true(spore__control_read(p.end));
	assert_int_equal(ioctl(p.hold, FIONREAD, &left), 0);
	assert_true(left > 64 * 1024);
	assert_int_equal(end(&p, "info  task: xxx"), RECORDS);
}

static void test_ended_before_it_was_greeted(void **state)
{
	struct spore__msgpack_writer w = {0};
	struct play p;
	begin(&p);
	spore__control_destroy(p.end);
	spore__control_put_hello(&w, NULL, NULL);
	spore__control_put_log(&w, SPORE_INFO, 1, "last words", NULL, 0);
	say(&p, &w);
	close(p.program);
	p.program = -1;
	p.end = spore__control_create(p.hold, "task");
	assert_false(spore__control_read(p.end));
	assert_int_equal(end(&p, "last words"), 1);
}

static void test_nonsense_is_reported_once(void **state)
{
	struct spore__msgpack_writer w = {0};
	struct play p;
	begin(&p);
	assert_string_equal(heard(&p), "H");
	spore__control_put_ready(&w); // before hello
	say(&p, &w);
	assert_false(spore__control_read(p.end));
	assert_string_equal(heard(&p), "F");
	spore__control_put_listens(&w);
	say(&p, &w);
	assert_false(spore__control_read(p.end));
	assert_false(spore__control_stop(p.end));
	assert_int_equal(end(&p, "spore: task: its control messages cannot be understood"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stop_needs_a_listener),
	    cmocka_unit_test(test_flood),
	    cmocka_unit_test(test_ended_before_it_was_greeted),
	    cmocka_unit_test(test_nonsense_is_reported_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
