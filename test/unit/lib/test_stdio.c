// What libspore says to a hold, with the test as the hold.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "hold_rig.h"
#include "sanitized.h"

// ---- the parts that a child plays; each returns its exit status

static int play_talk(void)
{
	spore_log(SPORE_INFO, "hello", spore_int("port", 80));
	spore_status("fine");
	spore_ready();
	spore_ready();
	return getenv("SPORE_FD") == NULL && strcmp(spore_config("colour", "none"), "red") == 0 &&
	               strcmp(spore_config("missing", "none"), "none") == 0
	           ? 0
	           : 1;
}

static int play_stop(void)
{
	struct pollfd p = {.fd = spore_stop_fd(), .events = POLLIN};
	spore_ready();
	while (!spore_stop_requested()) {
		if (poll(&p, 1, 20000) == 0)
			return 1;
	}
	// it stays
	return poll(&p, 1, 0) == 1 && spore_stop_requested() && spore_stop_wait(0) ? 0 : 2;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t called = PTHREAD_COND_INITIALIZER;
static int calls;

static void on_stop(void *arg)
{
	pthread_mutex_lock(&lock);
	calls += arg == &calls ? 1 : 100;
	pthread_cond_signal(&called);
	pthread_mutex_unlock(&lock);
}

static int play_callback(void)
{
	if (spore_stop_callback(on_stop, NULL) != SPORE_OK || spore_stop_callback(on_stop, &calls) != SPORE_OK)
		return 1;
	spore_ready();
	pthread_mutex_lock(&lock);
	while (calls == 0)
		pthread_cond_wait(&called, &lock);
	pthread_mutex_unlock(&lock);
	return calls == 1 ? 0 : 2;
}

enum { THREADS = 4, RECORDS = 500 };

static void *log_many(void *arg)
{
	for (int i = 0; i < RECORDS; i++)
		spore_log(SPORE_INFO, "record", spore_int("i", i), spore_str("thread", arg));
	return NULL;
}

static int play_threads(void)
{
	pthread_t threads[THREADS];
	static char names[] = "a\0b\0c\0d";
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, log_many, names + 2 * i);
	for (int i = 0; i < 200; i++)
		spore_status("going on");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static int play_dead_hold(void)
{
	spore_log(SPORE_INFO, "first");
	while (!spore_stop_wait(20000))
		;
	spore_log(SPORE_INFO, "last words"); // to standard error, without SIGPIPE
	spore_ready();
	return 0;
}

static int play_fork(void)
{
	spore_log(SPORE_INFO, "parent");
	(void)spore_stop_fd();
	pid_t pid = fork();
	if (pid == 0) {
		spore_log(SPORE_INFO, "child");
		spore_ready();
		_exit(spore_stop_requested() ? 1 : 0);
	}
	int status;
	waitpid(pid, &status, 0);
	return status == 0 && !spore_stop_requested() ? 0 : 1;
}

static int play_stubborn(void)
{
	(void)spore_stop_fd(); // takes the signals
	spore_ready();
	while (!spore_stop_wait(20000))
		;
	while (poll(NULL, 0, 1000) <= 0)
		;
	return 1;
}

// Closes what it does not know; the number is then another file's.
static int play_closes(void)
{
	int fd = spore_stop_fd(), ends[2];
	char byte;
	spore_ready();
	close(fd);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		return 1;
	if (ends[1] == fd) {
		ends[1] = ends[0];
		ends[0] = fd;
	}
	if (ends[0] != fd && dup2(ends[0], fd) != fd)
		return 1;
	spore_log(SPORE_INFO, "to standard error");
	if (spore_stop_requested() || recv(ends[1], &byte, 1, MSG_DONTWAIT) != -1)
		return 2;
	raise(SIGTERM);
	return spore_stop_requested() && recv(ends[1], &byte, 1, MSG_DONTWAIT) == -1 ? 0 : 3;
}

// What one function reads, those who poll must still see.
static int play_config_takes_stop(void)
{
	struct pollfd p = {.fd = spore_stop_fd(), .events = POLLIN};
	(void)spore_config("any", NULL);
	return poll(&p, 1, 20000) == 1 && spore_stop_requested() ? 0 : 1;
}

static void flood(void)
{
	char text[16000];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	for (int i = 0; i < 200; i++)
		spore_log(SPORE_INFO, text);
	spore_ready();
	fprintf(stderr, "gave up\n");
	char byte;
	(void)!read(STDIN_FILENO, &byte, 1); // until the hold reads again
}

static int play_flood(void)
{
	flood();
	spore_log(SPORE_INFO, "after");
	return 0;
}

static int play_flood_and_end(void)
{
	flood();
	return 0;
}

static const struct {
	const char *name;
	int (*play)(void);
} parts[] = {
    {"talk", play_talk},
    {"stop", play_stop},
    {"callback", play_callback},
    {"threads", play_threads},
    {"dead_hold", play_dead_hold},
    {"fork", play_fork},
    {"flood", play_flood},
    {"flood_and_end", play_flood_and_end},
    {"stubborn", play_stubborn},
    {"closes", play_closes},
    {"config_takes_stop", play_config_takes_stop},
};

// ---- the hold

struct program {
	struct child child;
	char seen[4096]; // a letter for each message
	size_t count;
	unsigned logs;
	uint64_t lost;
	char text[64]; // the last log record's
};

static void play(struct program *c, const char *part)
{
	*c = (struct program){0};
	begin(&c->child, part);
}

static void answer(struct program *c, const struct spore__msgpack_writer *w)
{
	send_with(c->child.fd, w, NULL, 0);
}

// ThreadSanitizer puts a signal off until a call that it knows, and at times for ever: then it is sent again.
static void send_signal(struct program *c, int sig)
{
	struct pollfd p = {.fd = c->child.fd, .events = POLLIN};
	assert_int_equal(kill(c->child.pid, sig), 0);
	while (SANITIZES_THREADS && poll(&p, 1, 2000) == 0)
		(void)kill(c->child.pid, sig);
}

static void note(struct program *c, const struct spore__control_message *m)
{
	if (c->count < sizeof c->seen - 1)
		c->seen[c->count++] = "UHFLlirsgS"[m->type];
	if (m->type == SPORE__CONTROL_LOG) {
		c->logs++;
		snprintf(c->text, sizeof c->text, "%.*s", m->text_len < 60 ? (int)m->text_len : 60, m->text);
	}
	if (m->type == SPORE__CONTROL_LOST)
		c->lost += m->number;
}

enum { NOW = 1 };

// Reads until message LETTER, or to the end when it is 0, or what is there now.
static void listen_for(struct program *c, char letter)
{
	for (;;) {
		struct spore__control_message m;
		enum spore_err e;
		while ((e = spore__hold_side_next(&c->child.side, &m)) == SPORE_OK) {
			note(c, &m);
			if (letter != 0 && c->seen[c->count - 1] == letter)
				return;
		}
		assert_int_equal(e, SPORE_EAGAIN);
		size_t size;
		unsigned char *p = spore__control_space(&c->child.side.in, &size);
		assert_non_null(p);
		ssize_t n = recv(c->child.fd, p, size, letter == NOW ? MSG_DONTWAIT : 0);
		if (n < 0 && letter == NOW && errno == EAGAIN)
			return;
		if (n <= 0) {
			assert_int_equal(letter, 0);
			return;
		}
		spore__control_received(&c->child.side.in, (size_t)n);
	}
}

static void test_talk(void **state)
{
	const char *const config[] = {"size", "3", "colour", "red", NULL};
	struct spore__msgpack_writer w = {0};
	struct program c;
	play(&c, "talk");
	spore__control_put_hello(&w, NULL, config);
	answer(&c, &w);
	listen_for(&c, 0);
	assert_string_equal(c.seen, "HLsr");
	assert_string_equal(end(&c.child, 0), "");
	spore__msgpack_writer_finish(&w);
}

static void test_stop_message(void **state)
{
	struct spore__msgpack_writer w = {0};
	struct program c;
	for (int i = 0; i < 2; i++) {
		play(&c, i == 0 ? "stop" : "callback");
		spore__control_put_hello(&w, NULL, NULL);
		answer(&c, &w);
		listen_for(&c, 'r');
		assert_true(c.child.side.listens);
		spore__msgpack_writer_finish(&w);
		spore__control_put_stop(&w, 1000);
		answer(&c, &w);
		spore__msgpack_writer_finish(&w);
		listen_for(&c, 0);
		assert_string_equal(c.seen, "Hirg");
		assert_string_equal(end(&c.child, 0), "");
	}
}

static void test_signal(void **state)
{
	struct program c;
	for (int i = 0; i < 4; i++) {
		play(&c, i < 2 ? "stop" : "callback");
		listen_for(&c, 'r');
		send_signal(&c, i % 2 == 0 ? SIGTERM : SIGINT);
		listen_for(&c, 0);
		assert_string_equal(c.seen, "Hirg");
		assert_string_equal(end(&c.child, 0), "");
	}
}

static void test_second_signal_ends(void **state)
{
	struct program c;
	int status = 0;
	play(&c, "stubborn");
	listen_for(&c, 'r');
	send_signal(&c, SIGTERM);
	if (!SANITIZES_THREADS)
		send_signal(&c, SIGINT); // at once: the same request
	listen_for(&c, 'g');
	while (waitpid(c.child.pid, &status, WNOHANG) == 0) {
		(void)kill(c.child.pid, SIGTERM);
		(void)poll(NULL, 0, 20);
	}
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	close(c.child.fd);
	close(c.child.err);
	close(c.child.in);
	spore__hold_side_finish(&c.child.side);
}

static void test_config_takes_stop(void **state)
{
	struct spore__msgpack_writer w = {0};
	struct program c;
	play(&c, "config_takes_stop");
	spore__control_put_hello(&w, NULL, NULL);
	spore__control_put_stop(&w, 0);
	answer(&c, &w);
	spore__msgpack_writer_finish(&w);
	listen_for(&c, 0);
	assert_string_equal(c.seen, "Hig");
	assert_string_equal(end(&c.child, 0), "");
}

static void test_closed_descriptor(void **state)
{
	struct program c;
	play(&c, "closes");
	listen_for(&c, 0);
	assert_string_equal(c.seen, "Hir");
	assert_non_null(strstr(end(&c.child, 0), "to standard error"));
}

static void test_threads(void **state)
{
	struct program c;
	play(&c, "threads");
	listen_for(&c, 0);
	assert_int_equal(c.logs, THREADS * RECORDS);
	assert_int_equal(c.lost, 0);
	assert_string_equal(end(&c.child, 0), "");
}

static void test_dead_hold(void **state)
{
	struct program c;
	play(&c, "dead_hold");
	listen_for(&c, 'L');
	close(c.child.fd);
	c.child.fd = -1;
	assert_non_null(strstr(end(&c.child, 0), "info  last words\n"));
}

static void test_other_version(void **state)
{
	struct spore__msgpack_writer w = {0};
	struct program c;
	play(&c, "stop");
	listen_for(&c, 'r');
	spore__control_put_hello(&w, NULL, NULL);
	w.data[SPORE__CONTROL_HEAD + 7] = 9;
	answer(&c, &w);
	spore__msgpack_writer_finish(&w);
	listen_for(&c, 0);
	assert_non_null(strstr(end(&c.child, 0), "it speaks version 9 of the control protocol, this program speaks 1"));
}

static void test_forked_child(void **state)
{
	struct program c;
	play(&c, "fork");
	listen_for(&c, 0);
	assert_string_equal(c.seen, "HLi");
	assert_non_null(strstr(end(&c.child, 0), "info  child\n"));
}

// A hold that does not read: the program goes on after five seconds, and the hold learns what it missed, at the latest when the
// program ends.
static void test_flood(void **state)
{
	struct program c[2];
	play(&c[0], "flood");
	play(&c[1], "flood_and_end"); // has copies of the other's ends, and so is the first to end
	for (int i = 1; i >= 0; i--) {
		char line[32] = "";
		assert_true(read(c[i].child.err, line, sizeof line - 1) > 0);
		assert_string_equal(line, "gave up\n");
		listen_for(&c[i], NOW);
		assert_true(c[i].logs > 0 && c[i].logs < 200);
		assert_int_equal(write(c[i].child.in, "x", 1), 1);
		listen_for(&c[i], 0);
		assert_true(c[i].child.side.ready);
		assert_true(c[i].lost > 0);
		assert_int_equal(c[i].logs + c[i].lost, i == 0 ? 201 : 200);
		end(&c[i].child, 0);
	}
	assert_string_equal(c[0].text, "after");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_talk),
	    cmocka_unit_test(test_stop_message),
	    cmocka_unit_test(test_signal),
	    cmocka_unit_test(test_second_signal_ends),
	    cmocka_unit_test(test_config_takes_stop),
	    cmocka_unit_test(test_closed_descriptor),
	    cmocka_unit_test(test_threads),
	    cmocka_unit_test(test_dead_hold),
	    cmocka_unit_test(test_other_version),
	    cmocka_unit_test(test_forked_child),
	    cmocka_unit_test(test_flood),
	};
	self = argv[0];
	for (size_t i = 0; argc > 1 && i < sizeof parts / sizeof parts[0]; i++) {
		if (strcmp(argv[1], parts[i].name) == 0)
			return parts[i].play();
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
