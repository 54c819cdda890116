#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/connection.h"

struct spore__rpc_call *spore__rpc_call_begin(struct spore__rpc_connection *c, const struct spore__rpc_message *m)
{
	struct spore__rpc_call *call = malloc(sizeof *call);
	if (call == NULL)
		return NULL;
	*call = (struct spore__rpc_call){
	    .connection = c,
	    .next = c->calls,
	    .service = c->service,
	    .notification = m->kind == SPORE__RPC_NOTIFICATION,
	    .id = m->id,
	    .params = m->params,
	};
	if (c->calls != NULL)
		c->calls->previous = call;
	c->calls = call;
	c->in_flight++;
	spore__rpc_begin_result(&call->answer, call->id);
	return call;
}

void *spore__rpc_call_data(const struct spore__rpc_call *call)
{
	return call->service->data;
}

const struct spore__msgpack_reader *spore__rpc_call_params(const struct spore__rpc_call *call)
{
	return &call->params;
}

void spore__rpc_call_watch(struct spore__rpc_call *call, void (*fn)(struct spore__rpc_call *call, void *arg), void *arg)
{
	call->gone = fn;
	call->gone_arg = arg;
}

struct spore__msgpack_writer *spore__rpc_call_result(struct spore__rpc_call *call)
{
	return &call->answer;
}

static void end_call(struct spore__rpc_call *call)
{
	struct spore__rpc_connection *c = call->connection;
	if (c != NULL) {
		*(call->previous != NULL ? &call->previous->next : &c->calls) = call->next;
		if (call->next != NULL)
			call->next->previous = call->previous;
	}
	spore__msgpack_writer_finish(&call->answer);
	free(call);
}

void spore__rpc_call_done(struct spore__rpc_call *call)
{
	struct spore__rpc_connection *c = call->connection;
	call->gone = NULL; // sending may find the connection broken
	if (c != NULL && call->notification) {
		c->in_flight--;
	} else if (c != NULL) {
		struct spore__msgpack_writer w = call->answer;
		call->answer = (struct spore__msgpack_writer){0};
		if (w.err == 0 && w.len <= SPORE__RPC_MAX_MESSAGE) {
			spore__rpc_send(c, &w, true);
		} else {
			bool large = w.err == 0;
			spore__msgpack_writer_finish(&w);
			spore__rpc_send_error(c, call->id, large ? SPORE_ETOOBIG : SPORE_ENOMEM,
			                      large ? "the answer is larger than a message may be" : "out of memory",
			                      true);
		}
	}
	end_call(call);
}

void spore__rpc_call_fail(struct spore__rpc_call *call, enum spore_err code, const char *fmt, ...)
{
	char text[768];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	call->gone = NULL;
	if (call->connection != NULL && call->notification)
		call->connection->in_flight--;
	else if (call->connection != NULL)
		spore__rpc_send_error(call->connection, call->id, code, text, true);
	end_call(call);
}

bool spore__rpc_text(const struct spore__msgpack_value *v, char *out, size_t size)
{
	if (v->type != SPORE__MSGPACK_STR || v->s.len >= size || memchr(v->s.bytes, '\0', v->s.len) != NULL)
		return false;
	memcpy(out, v->s.bytes, v->s.len);
	out[v->s.len] = '\0';
	return true;
}

bool spore__rpc_call_string(struct spore__rpc_call *call, uint32_t index, const char *name, char *out, size_t size)
{
	struct spore__msgpack_value v;
	if (!spore__rpc_param(&call->params, index, name, &v))
		spore__rpc_call_fail(call, SPORE_EINVALID, "the parameter '%s' is missing", name);
	else if (v.type != SPORE__MSGPACK_STR)
		spore__rpc_call_fail(call, SPORE_EINVALID, "the parameter '%s' is no string", name);
	else if (v.s.len >= size)
		spore__rpc_call_fail(call, SPORE_ETOOBIG, "the parameter '%s' is longer than %zu bytes", name,
		                     size - 1);
	else if (!spore__rpc_text(&v, out, size))
		spore__rpc_call_fail(call, SPORE_EINVALID, "the parameter '%s' has a NUL byte in it", name);
	else
		return true;
	return false;
}
