#include "rpc/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

void spore__rpc_client_init(struct spore__rpc_client *c, int fd, int timeout_ms)
{
	*c = (struct spore__rpc_client){.fd = fd, .timeout_ms = timeout_ms};
}

void spore__rpc_client_finish(struct spore__rpc_client *c)
{
	free(c->in);
	c->in = NULL;
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static enum spore_err fail(struct spore__rpc_client *c, enum spore_err err, const char *why)
{
	snprintf(c->why, sizeof c->why, "%s", why);
	return err;
}

static enum spore_err wait_for(struct spore__rpc_client *c, short events, int64_t deadline)
{
	for (;;) {
		int64_t left = deadline - now_ms();
		struct pollfd p = {.fd = c->fd, .events = events};
		int n = poll(&p, 1, left > 0 ? (int)left : 0);
		if (n > 0)
			return SPORE_OK;
		if (n == 0)
			return fail(c, SPORE_ETIMEOUT, "no answer in time");
		if (errno != EINTR)
			return fail(c, SPORE_ESYSTEM, strerror(errno));
	}
}

static enum spore_err send_all(struct spore__rpc_client *c, const unsigned char *p, size_t len, int64_t deadline)
{
	while (len > 0) {
		ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			enum spore_err err = wait_for(c, POLLOUT, deadline);
			if (err != SPORE_OK)
				return err;
		} else if (n < 0 && errno != EINTR) {
			return fail(c, SPORE_ECLOSED, strerror(errno));
		}
	}
	return SPORE_OK;
}

static enum spore_err receive_some(struct spore__rpc_client *c, int64_t deadline)
{
	if (c->in_len == c->in_cap) {
		size_t cap = c->in_cap == 0 ? 4096 : c->in_cap * 2;
		unsigned char *in = realloc(c->in, cap);
		if (in == NULL)
			return fail(c, SPORE_ENOMEM, "out of memory");
		c->in = in;
		c->in_cap = cap;
	}
	for (;;) {
		ssize_t n = recv(c->fd, c->in + c->in_len, c->in_cap - c->in_len, MSG_DONTWAIT);
		if (n > 0) {
			c->in_len += (size_t)n;
			return SPORE_OK;
		}
		if (n == 0)
			return fail(c, SPORE_ECLOSED, "the connection was closed");
		if (errno == EAGAIN) {
			enum spore_err err = wait_for(c, POLLIN, deadline);
			if (err != SPORE_OK)
				return err;
		} else if (errno != EINTR) {
			return fail(c, SPORE_ECLOSED, strerror(errno));
		}
	}
}

// The next message into c->m.
static enum spore_err receive(struct spore__rpc_client *c, int64_t deadline)
{
	if (c->in_used > 0) {
		memmove(c->in, c->in + c->in_used, c->in_len - c->in_used);
		c->in_len -= c->in_used;
		c->in_used = 0;
	}
	struct spore__msgpack_scan scan = {0};
	for (;;) {
		enum spore__msgpack_err e = spore__msgpack_scan(&scan, c->in, c->in_len, SPORE__RPC_MAX_MESSAGE);
		if (e == SPORE__MSGPACK_OK)
			break;
		if (e == SPORE__MSGPACK_LARGE)
			return fail(c, SPORE_ETOOBIG, "the answer is larger than a message may be");
		if (e != SPORE__MSGPACK_MORE)
			return fail(c, SPORE_EMALFORMED, "the answer is not MessagePack");
		enum spore_err err = receive_some(c, deadline);
		if (err != SPORE_OK)
			return err;
	}
	c->in_used = scan.offset;
	if (spore__rpc_parse(c->in, c->in_used, &c->m) != SPORE_OK)
		return fail(c, SPORE_EMALFORMED, "the answer is no rpc message");
	return SPORE_OK;
}

static enum spore_err answered_error(struct spore__rpc_client *c)
{
	int64_t code;
	const char *text;
	uint32_t len;
	spore__rpc_read_error(&c->m.error, &code, &text, &len, NULL);
	if (len == 0)
		snprintf(c->why, sizeof c->why, "the call failed");
	else
		snprintf(c->why, sizeof c->why, "%.*s", len < sizeof c->why ? (int)len : (int)sizeof c->why - 1, text);
	// A code that this version does not know is still a failure.
	return code > SPORE_OK && code <= SPORE_EAGAIN ? (enum spore_err)code : SPORE_ESYSTEM;
}

enum spore_err spore__rpc_client_send(struct spore__rpc_client *c, const char *method, const void *params, size_t len,
                                      uint32_t *id)
{
	struct spore__msgpack_writer w = {0};
	enum spore_err err;
	*id = c->next_id++;
	spore__rpc_begin_request(&w, *id, method);
	if (params != NULL)
		spore__msgpack_raw(&w, params, len);
	else
		spore__msgpack_array(&w, 0);
	if (w.err != 0)
		err = fail(c, SPORE_ENOMEM, "out of memory");
	else if (w.len > SPORE__RPC_MAX_MESSAGE)
		err = fail(c, SPORE_ETOOBIG, "the call is larger than a message may be");
	else
		err = send_all(c, w.data, w.len, now_ms() + c->timeout_ms);
	spore__msgpack_writer_finish(&w);
	return err;
}

static enum spore_err receive_response(struct spore__rpc_client *c, int64_t deadline)
{
	enum spore_err err;
	do
		err = receive(c, deadline);
	while (err == SPORE_OK && c->m.kind != SPORE__RPC_RESPONSE);
	return err;
}

enum spore_err spore__rpc_client_receive(struct spore__rpc_client *c, uint32_t *id)
{
	enum spore_err err = receive_response(c, now_ms() + c->timeout_ms);
	if (err != SPORE_OK)
		return err;
	*id = (uint32_t)c->m.id;
	return c->m.failed ? answered_error(c) : SPORE_OK;
}

enum spore_err spore__rpc_client_call(struct spore__rpc_client *c, const char *method, const void *params, size_t len)
{
	int64_t deadline = now_ms() + c->timeout_ms;
	uint32_t id;
	enum spore_err err = spore__rpc_client_send(c, method, params, len, &id);
	// A server that refuses answers before it closes, so the answer may be there although sending failed.
	if (err != SPORE_OK && err != SPORE_ECLOSED)
		return err;
	do
		err = receive_response(c, deadline);
	while (err == SPORE_OK && c->m.id != id);
	return err == SPORE_OK && c->m.failed ? answered_error(c) : err;
}

enum spore_err spore__rpc_client_hello(struct spore__rpc_client *c, const char *program)
{
	unsigned char params[128];
	struct spore__msgpack_writer w;
	spore__msgpack_writer_fixed(&w, params, sizeof params);
	spore__msgpack_array(&w, 2);
	spore__msgpack_int(&w, SPORE__RPC_MAJOR);
	spore__msgpack_str(&w, program);
	if (w.err != 0)
		return fail(c, SPORE_EINVALID, "the program's name is too long");
	return spore__rpc_client_call(c, "$/hello", params, w.len);
}

enum spore_err spore__rpc_client_wait_closed(struct spore__rpc_client *c, int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;
	for (;;) {
		c->in_len = c->in_used = 0;
		enum spore_err err = receive_some(c, deadline);
		if (err == SPORE_ECLOSED)
			return SPORE_OK;
		if (err != SPORE_OK)
			return err;
	}
}
