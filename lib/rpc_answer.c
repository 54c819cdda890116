// Answers to calls of the peer, and parts of them.
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rpc_inside.h"

// ---- answering

static struct spore__msgpack_writer *begin(struct spore_rpc_call *c, enum spore__call_begun what, size_t size)
{
	struct spore__msgpack_writer *w = &c->out;
	w->len = 0;
	w->err = 0;
	c->begun = what;
	if (size > 0)
		spore__msgpack_reserve(w, size);
	return w;
}

struct spore_writer *spore_rpc_result(struct spore_rpc_call *call, size_t size)
{
	struct spore__msgpack_writer *w = begin(call, SPORE__BEGUN_RESULT, size);
	spore__rpc_begin_result(w, call->id);
	call->body = w->len;
	return (struct spore_writer *)w;
}

enum { TEXT = 1024 };

static struct spore__msgpack_writer *begin_failure(struct spore_rpc_call *c, int64_t code, const char *format,
                                                   va_list args)
{
	char text[TEXT];
	struct spore__msgpack_writer *w = begin(c, SPORE__BEGUN_FAILURE, 0);
	if (code == SPORE_ECANCELLED && spore_rpc_remaining(c) == 0)
		code = SPORE_ETIMEOUT; // that was the reason
	int len = vsnprintf(text, sizeof text, format, args);
	if (len < 0)
		len = 0;
	spore__rpc_begin_error(w, c->id, code, text, (uint32_t)(len < TEXT ? len : TEXT - 1));
	c->body = w->len;
	return w;
}

struct spore_writer *spore_rpc_failure(struct spore_rpc_call *call, int64_t code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	struct spore__msgpack_writer *w = begin_failure(call, code, format, args);
	va_end(args);
	return (struct spore_writer *)w;
}

void spore_rpc_fail(struct spore_rpc_call *call, int64_t code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)begin_failure(call, code, format, args);
	va_end(args);
	spore_rpc_done(call);
}

// Nothing that was written is nil. SPORE_EINVALID: not exactly one value.
static enum spore_err check_value(struct spore_rpc_call *c)
{
	struct spore__msgpack_writer *w = &c->out;
	if (w->len == c->body)
		spore__msgpack_nil(w);
	if (w->err != 0)
		return w->err == ENOMEM ? SPORE_ENOMEM : SPORE_ETOOBIG;
	return spore__msgpack_check(w->data + c->body, w->len - c->body) == SPORE__MSGPACK_OK ? SPORE_OK
	                                                                                      : SPORE_EINVALID;
}

// From now on it is answered. False: it was.
static bool claim(struct spore_rpc_call *c, bool reads)
{
	if (reads) { // perhaps from within its on_cancel; another thread that does so as well breaks the rules
		int state = atomic_load_explicit(&c->state, memory_order_relaxed);
		if (state != SPORE__CALL_TELLING && state != SPORE__CALL_OPEN)
			return false;
		atomic_store_explicit(&c->state, SPORE__CALL_ANSWERED, memory_order_release);
		return true;
	}
	for (;; sched_yield()) {
		int state = SPORE__CALL_OPEN;
		if (atomic_compare_exchange_strong(&c->state, &state, SPORE__CALL_ANSWERED))
			return true;
		if (state != SPORE__CALL_TELLING && state != SPORE__CALL_OPEN)
			return false;
	}
}

static enum spore_err send_answer(struct spore_rpc *r, uint32_t id, uint64_t number,
                                  const struct spore__msgpack_writer *w)
{
	struct spore__rpc_out o = {
	    .purpose = SPORE__RPC_ANSWERS, .bytes = w->data, .len = w->len, .number = number, .id = id};
	return spore__rpc_send(r, &o);
}

void spore_rpc_done(struct spore_rpc_call *call)
{
	struct spore_rpc *r = call->rpc;
	enum spore_err e = SPORE_OK;
	const bool reads = spore__rpc_reads(r);
	if (!claim(call, reads))
		return;
	if (call->begun != SPORE__BEGUN_RESULT && call->begun != SPORE__BEGUN_FAILURE)
		(void)spore_rpc_result(call, 0);
	if (!call->notice)
		e = check_value(call);
	if (call->begun == SPORE__BEGUN_FAILURE)
		spore__rpc_end_error(&call->out);
	// It is over before the peer knows of the answer, and calls again.
	uint32_t id = call->id;
	uint64_t number = call->number;
	if (reads)
		spore__rpc_count(&r->answered);
	else
		atomic_fetch_add_explicit(&r->answered_elsewhere, 1, memory_order_release);
	if (!call->notice && !atomic_load_explicit(&r->closed, memory_order_relaxed)) {
		if (e == SPORE_OK)
			e = send_answer(r, id, number, &call->out);
		if (e == SPORE_EINVALID)
			(void)spore__rpc_refuse(r, number, id, e, "the service did not write exactly one value");
		else if (e != SPORE_OK && e != SPORE_ECLOSED)
			(void)spore__rpc_refuse(r, number, id, e, spore_err_text(e));
	}
	spore__rpc_call_free(call);
	if (atomic_load_explicit(&r->draining, memory_order_relaxed))
		spore__rpc_poke(r);
	if (!reads && atomic_fetch_sub(&r->owed, 1) == 1)
		spore__rpc_destroy(r);
}

// ---- parts of the answer

static struct spore__msgpack_writer *begin_part(struct spore_rpc_call *c, const char *method, size_t size)
{
	struct spore__msgpack_writer *w = begin(c, SPORE__BEGUN_PART, size);
	spore__rpc_begin_notification(w, method);
	spore__msgpack_array(w, 2);
	spore__msgpack_uint(w, c->id);
	c->body = w->len;
	return w;
}

struct spore_writer *spore_rpc_item(struct spore_rpc_call *call, size_t size)
{
	return (struct spore_writer *)begin_part(call, "$/item", size);
}

struct spore_writer *spore_rpc_progress(struct spore_rpc_call *call)
{
	return (struct spore_writer *)begin_part(call, "$/progress", 0);
}

static bool has_room(void *arg)
{
	const struct spore_rpc_call *c = arg;
	return !spore__rpc_is_full(c->rpc) || atomic_load(&c->cancelled) || atomic_load(&c->rpc->over) != SPORE_OK;
}

static enum spore_err wait_for_room(struct spore_rpc_call *c, int timeout_ms)
{
	struct spore_rpc *r = c->rpc;
	int64_t deadline = spore__rpc_deadline(timeout_ms);
	enum spore_err e = SPORE_OK;
	while (e == SPORE_OK && !has_room(c)) {
		bool nested;
		spore__rpc_flush(r);
		if (has_room(c))
			break;
		if (timeout_ms == SPORE_NOW)
			return SPORE_EAGAIN;
		if (spore__rpc_enter(r, &nested)) {
			r->deferring++;
			e = spore__rpc_read(r, deadline, has_room, c, NULL, 0);
			r->deferring--;
			spore__rpc_leave(r, nested);
		} else {
			e = spore__rpc_follow(r, deadline, has_room, c);
		}
	}
	return e == SPORE_ENOTWIRED ? SPORE_ETIMEOUT : e;
}

// A handler that sends one part after the other is to hear of a cancel, too.
static void look_for_cancel(struct spore_rpc *r)
{
	enum { FEW = 16 };
	bool nested;
	if (!spore__rpc_enter(r, &nested))
		return; // another thread reads
	r->deferring++;
	for (int i = 0; i < FEW && spore__rpc_take(r, false) == SPORE_OK; i++)
		;
	spore__rpc_attend(r);
	r->deferring--;
	spore__rpc_leave(r, nested);
}

enum spore_err spore_rpc_send(struct spore_rpc_call *call, int timeout_ms)
{
	enum { LOOK = 32 }; // parts
	if (call->begun != SPORE__BEGUN_PART)
		return SPORE_EINVALID;
	enum spore_err e = SPORE_OK;
	if (++call->parts % LOOK == 0 && !atomic_load_explicit(&call->rpc->closed, memory_order_relaxed))
		look_for_cancel(call->rpc);
	if (spore__rpc_is_full(call->rpc))
		e = wait_for_room(call, timeout_ms);
	if (e == SPORE_EAGAIN || e == SPORE_ETIMEOUT)
		return e;
	if (e == SPORE_ECANCELLED && !atomic_load(&call->cancelled))
		return SPORE_EAGAIN; // a signal
	call->begun = SPORE__BEGUN_NOTHING;
	if (atomic_load_explicit(&call->rpc->closed, memory_order_relaxed))
		return SPORE_ECLOSED;
	if (atomic_load_explicit(&call->cancelled, memory_order_relaxed))
		return SPORE_ECANCELLED;
	if (call->notice)
		return SPORE_OK;
	e = check_value(call);
	if (e != SPORE_OK)
		return e;
	struct spore__rpc_out o = {
	    .purpose = SPORE__RPC_FOR_ONE, .bytes = call->out.data, .len = call->out.len, .number = call->number};
	return spore__rpc_send(call->rpc, &o);
}
