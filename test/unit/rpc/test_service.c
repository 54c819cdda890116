#include "rpc/service.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "rpc/client.h"

enum {
	HELD_MAX = 200,
};

// The service under test on one loop, run step by step by the tests: what a peer does, and when, is theirs to say.
static uv_loop_t loop;
static struct spore__rpc_service service;
static struct spore__rpc_call *held[HELD_MAX];
static unsigned held_count;

static void echo(struct spore__rpc_call *call)
{
	struct spore__msgpack_value v;
	if (!spore__rpc_param(spore__rpc_call_params(call), 0, "value", &v) || v.type != SPORE__MSGPACK_INT) {
		spore__rpc_call_fail(call, SPORE_EINVALID, "give a number");
		return;
	}
	spore__msgpack_int(spore__rpc_call_result(call), v.i);
	spore__rpc_call_done(call);
}

static void hold(struct spore__rpc_call *call)
{
	assert_true(held_count < HELD_MAX);
	held[held_count++] = call;
}

static void large(struct spore__rpc_call *call)
{
	static const char zeros[2 << 20];
	spore__msgpack_bin(spore__rpc_call_result(call), zeros, sizeof zeros);
	spore__rpc_call_done(call);
}

static const struct spore__rpc_method methods[] = {
    {"echo", echo, "answer what was sent", NULL, NULL, NULL},
    {"hold", hold, "answer later", NULL, NULL, NULL},
    {"large", large, "answer too much", NULL, NULL, NULL},
    {0},
};

static void settle(void)
{
	for (int i = 0; i < 20; i++)
		(void)uv_run(&loop, UV_RUN_NOWAIT);
}

static int open_peer(void)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(spore__rpc_service_add(&service, fds[0]), 0);
	return fds[1];
}

static void put(int fd, struct spore__msgpack_writer *w)
{
	assert_int_equal(w->err, 0);
	assert_int_equal(send(fd, w->data, w->len, 0), (ssize_t)w->len);
	spore__msgpack_writer_finish(w);
	settle();
}

static void put_hello(int fd, int major)
{
	struct spore__msgpack_writer w = {0};
	spore__rpc_begin_request(&w, 0, "$/hello");
	spore__msgpack_array(&w, 2);
	spore__msgpack_int(&w, major);
	spore__msgpack_str(&w, "test");
	put(fd, &w);
}

static void put_call(int fd, uint32_t id, const char *method, int64_t value)
{
	struct spore__msgpack_writer w = {0};
	spore__rpc_begin_request(&w, id, method);
	spore__msgpack_array(&w, 1);
	spore__msgpack_int(&w, value);
	put(fd, &w);
}

// The next answer's error code, 0 for a result, which goes to *RESULT when it is a number; -1: the connection ended.
static int64_t answer(int fd, uint32_t id, int64_t *result)
{
	unsigned char bytes[4096];
	struct spore__msgpack_scan scan = {0};
	struct spore__rpc_message m;
	size_t len = 0;
	settle();
	do {
		ssize_t n = recv(fd, bytes + len, 1, MSG_DONTWAIT);
		if (n <= 0)
			return -1;
		len += (size_t)n;
	} while (spore__msgpack_scan(&scan, bytes, len, sizeof bytes) == SPORE__MSGPACK_MORE);
	assert_int_equal(spore__rpc_parse(bytes, len, &m), SPORE_OK);
	assert_int_equal(m.kind, SPORE__RPC_RESPONSE);
	assert_int_equal(m.id, id);
	if (m.failed) {
		const char *text;
		uint32_t text_len;
		int64_t code;
		spore__rpc_read_error(&m.error, &code, &text, &text_len, NULL);
		assert_true(text_len > 0);
		return code;
	}
	if (result != NULL)
		(void)spore__msgpack_read_int(&m.result, result);
	return SPORE_OK;
}

static int set_up(void **state)
{
	(void)state;
	held_count = 0;
	assert_int_equal(uv_loop_init(&loop), 0);
	spore__rpc_service_init(&service, &loop, methods, "test", "0", NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	spore__rpc_service_close(&service);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	return 0;
}

static int greeted(void)
{
	int fd = open_peer();
	put_hello(fd, SPORE__RPC_MAJOR);
	assert_int_equal(answer(fd, 0, NULL), SPORE_OK);
	return fd;
}

static void test_calls(void **state)
{
	int64_t n = 0;
	(void)state;
	int fd = greeted();
	put_call(fd, 1, "echo", 42);
	assert_int_equal(answer(fd, 1, &n), SPORE_OK);
	assert_int_equal(n, 42);
	put_call(fd, 2, "none", 0);
	assert_int_equal(answer(fd, 2, NULL), SPORE_ENOTFOUND);
	put_call(fd, 3, "large", 0);
	assert_int_equal(answer(fd, 3, NULL), SPORE_ETOOBIG);
	close(fd);
}

static void test_hello_comes_first(void **state)
{
	(void)state;
	int fd = open_peer();
	put_call(fd, 9, "echo", 42);
	assert_int_equal(answer(fd, 9, NULL), SPORE_EINVALID);
	assert_int_equal(answer(fd, 9, NULL), -1);
	close(fd);
}

static void test_foreign_major(void **state)
{
	(void)state;
	int fd = open_peer();
	put_hello(fd, SPORE__RPC_MAJOR + 1);
	assert_int_equal(answer(fd, 0, NULL), SPORE_EVERSION);
	assert_int_equal(answer(fd, 0, NULL), -1);
	settle();
	assert_int_equal(service.connection_count, 0);
	close(fd);
}

static void test_too_many_calls_are_busy(void **state)
{
	(void)state;
	int fd = greeted();
	for (uint32_t i = 0; i < SPORE__RPC_MAX_IN_FLIGHT; i++)
		put_call(fd, i + 1, "hold", 0);
	assert_int_equal(held_count, SPORE__RPC_MAX_IN_FLIGHT);
	put_call(fd, 500, "echo", 1);
	assert_int_equal(answer(fd, 500, NULL), SPORE_EBUSY);
	spore__msgpack_nil(spore__rpc_call_result(held[0]));
	spore__rpc_call_done(held[0]);
	assert_int_equal(answer(fd, 1, NULL), SPORE_OK);
	put_call(fd, 501, "echo", 1);
	assert_int_equal(answer(fd, 501, NULL), SPORE_OK);
	for (unsigned i = 1; i < held_count; i++)
		spore__rpc_call_fail(held[i], SPORE_ECANCELLED, "done with");
	close(fd);
}

static void test_late_answers_after_the_peer_is_gone(void **state)
{
	(void)state;
	int fd = greeted();
	put_call(fd, 1, "hold", 0);
	put_call(fd, 2, "hold", 0);
	put_call(fd, 3, "hold", 0);
	close(fd);
	settle();
	assert_int_equal(service.connection_count, 0);
	spore__rpc_call_fail(held[1], SPORE_ECANCELLED, "late");
	spore__msgpack_nil(spore__rpc_call_result(held[0]));
	spore__rpc_call_done(held[0]);
	spore__rpc_call_done(held[2]);
}

static void count_gone(struct spore__rpc_call *call, void *arg)
{
	++*(int *)arg;
	spore__rpc_call_fail(call, SPORE_ECANCELLED, "nobody is there");
}

static void test_watched_calls_hear_of_the_end(void **state)
{
	int gone = 0;
	(void)state;
	int fd = greeted();
	for (uint32_t i = 0; i < 3; i++) {
		put_call(fd, i + 1, "hold", 0);
		spore__rpc_call_watch(held[i], count_gone, &gone);
	}
	spore__msgpack_nil(spore__rpc_call_result(held[1]));
	spore__rpc_call_done(held[1]);
	assert_int_equal(answer(fd, 2, NULL), SPORE_OK);
	assert_int_equal(gone, 0);
	close(fd);
	settle();
	assert_int_equal(gone, 2);
}

static void test_peer_that_never_reads_is_cut_off(void **state)
{
	(void)state;
	int fd = greeted();
	struct spore__msgpack_writer w = {0};
	for (int i = 0; i < 100; i++) {
		spore__rpc_begin_request(&w, 1, "$/describe");
		spore__msgpack_array(&w, 0);
	}
	for (int i = 0; i < 2000 && service.connection_count > 0; i++) {
		if (send(fd, w.data, w.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
		settle();
	}
	spore__msgpack_writer_finish(&w);
	assert_int_equal(service.connection_count, 0);
	close(fd);
}

static void test_too_many_connections(void **state)
{
	int fds[SPORE__RPC_MAX_CONNECTIONS];
	(void)state;
	for (size_t i = 0; i < SPORE__RPC_MAX_CONNECTIONS; i++)
		fds[i] = greeted();
	int fd = open_peer();
	assert_int_equal(answer(fd, 0, NULL), SPORE_EBUSY);
	assert_int_equal(answer(fd, 0, NULL), -1);
	close(fd);
	close(fds[0]);
	settle();
	fds[0] = greeted();
	for (size_t i = 0; i < SPORE__RPC_MAX_CONNECTIONS; i++)
		close(fds[i]);
}

static void test_silent_connections(void **state)
{
	int fds[SPORE__RPC_MAX_CONNECTIONS];
	(void)state;
	fds[0] = greeted();
	for (size_t i = 1; i < SPORE__RPC_MAX_CONNECTIONS; i++)
		fds[i] = open_peer();
	int first = greeted(), second = greeted();
	for (size_t i = 1; i <= 2; i++) {
		assert_int_equal(answer(fds[i], 0, NULL), SPORE_EBUSY);
		assert_int_equal(answer(fds[i], 0, NULL), -1);
	}
	assert_int_equal(service.connection_count, SPORE__RPC_MAX_CONNECTIONS);
	for (size_t i = 0; i < SPORE__RPC_MAX_CONNECTIONS; i++)
		close(fds[i]);
	close(first);
	close(second);
	settle();
	assert_int_equal(service.connection_count, 0);
}

static void test_wish_and_leave(void **state)
{
	(void)state;
	int fd = open_peer();
	struct spore__msgpack_writer w = {0};
	spore__rpc_begin_request(&w, 0, "$/hello");
	spore__msgpack_array(&w, 1);
	spore__msgpack_int(&w, SPORE__RPC_MAJOR);
	spore__rpc_begin_notification(&w, "hold");
	spore__msgpack_array(&w, 0);
	assert_int_equal(send(fd, w.data, w.len, 0), (ssize_t)w.len);
	spore__msgpack_writer_finish(&w);
	close(fd); // before the service read anything, so its answer to the hello fails
	settle();
	assert_int_equal(held_count, 1);
	assert_int_equal(service.connection_count, 0);
	spore__rpc_call_done(held[0]);
}

static void *run_loop(void *arg)
{
	(void)arg;
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	return NULL;
}

// The client blocks, so the service runs in a thread of its own until the connection ends.
static void test_the_client(void **state)
{
	struct spore__rpc_client c;
	unsigned char params[16];
	struct spore__msgpack_writer w;
	pthread_t thread;
	int64_t n = 0;
	(void)state;
	int fd = open_peer();
	assert_int_equal(pthread_create(&thread, NULL, run_loop, NULL), 0);
	spore__rpc_client_init(&c, fd, 10000);
	assert_int_equal(spore__rpc_client_hello(&c, "test"), SPORE_OK);
	spore__msgpack_writer_fixed(&w, params, sizeof params);
	spore__msgpack_array(&w, 1);
	spore__msgpack_int(&w, 77);
	assert_int_equal(spore__rpc_client_call(&c, "echo", w.data, w.len), SPORE_OK);
	assert_int_equal(spore__msgpack_read_int(&c.m.result, &n), SPORE__MSGPACK_OK);
	assert_int_equal(n, 77);
	assert_int_equal(spore__rpc_client_call(&c, "echo", NULL, 0), SPORE_EINVALID);
	assert_string_equal(c.why, "give a number");
	assert_int_equal(spore__rpc_client_call(&c, "$/describe", NULL, 0), SPORE_OK);
	c.timeout_ms = 20;
	assert_int_equal(spore__rpc_client_call(&c, "hold", NULL, 0), SPORE_ETIMEOUT);
	spore__rpc_client_finish(&c);
	close(fd);
	assert_int_equal(pthread_join(thread, NULL), 0);
	spore__rpc_call_done(held[0]);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_calls),
	    TEST(test_hello_comes_first),
	    TEST(test_foreign_major),
	    TEST(test_too_many_calls_are_busy),
	    TEST(test_late_answers_after_the_peer_is_gone),
	    TEST(test_watched_calls_hear_of_the_end),
	    TEST(test_peer_that_never_reads_is_cut_off),
	    TEST(test_too_many_connections),
	    TEST(test_silent_connections),
	    TEST(test_wish_and_leave),
	    TEST(test_the_client),
	};
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
