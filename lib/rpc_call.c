#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chan/bell.h"
#include "rpc_inside.h"

// ---- slots, given out by the thread that reads

static struct spore_rpc_call *slot(const struct spore_rpc *r, uint32_t index)
{
	return &r->calls[index / SPORE__RPC_CHUNK][index % SPORE__RPC_CHUNK];
}

static uint32_t slots(const struct spore_rpc *r)
{
	return r->options.in_flight + SPORE__RPC_SPARE;
}

bool spore__rpc_calls_init(struct spore_rpc *r)
{
	uint32_t size = 1;
	while (size < r->options.in_flight)
		size *= 2;
	r->by_id_mask = size - 1;
	r->by_id = calloc(size, sizeof(struct spore_rpc_call *));
	r->calls = calloc(slots(r) / SPORE__RPC_CHUNK + 1, sizeof(struct spore_rpc_call *));
	r->parked_end = &r->parked;
	return r->by_id != NULL && r->calls != NULL;
}

void spore__rpc_calls_finish(struct spore_rpc *r)
{
	uint32_t used = atomic_load(&r->used_calls);
	for (uint32_t i = 0; i < used; i++) {
		free(slot(r, i)->in.data);
		spore__msgpack_writer_finish(&slot(r, i)->out);
	}
	for (uint32_t i = 0; i < used; i += SPORE__RPC_CHUNK)
		free(r->calls[i / SPORE__RPC_CHUNK]);
	free(r->calls);
	free(r->by_id);
}

static struct spore_rpc_call *new_slot(struct spore_rpc *r)
{
	uint32_t index = atomic_load_explicit(&r->used_calls, memory_order_relaxed);
	if (index == slots(r))
		return NULL;
	struct spore_rpc_call **chunk = &r->calls[index / SPORE__RPC_CHUNK];
	if (*chunk == NULL)
		*chunk = calloc(SPORE__RPC_CHUNK, sizeof **chunk);
	if (*chunk == NULL)
		return NULL;
	struct spore_rpc_call *c = slot(r, index);
	c->rpc = r;
	c->index = index;
	atomic_store(&r->used_calls, index + 1);
	return c;
}

static struct spore_rpc_call *take_slot(struct spore_rpc *r)
{
	if (r->free_calls == NULL && atomic_load_explicit(&r->returned_calls, memory_order_relaxed) != NULL)
		r->free_calls = atomic_exchange_explicit(&r->returned_calls, NULL, memory_order_acquire);
	struct spore_rpc_call *c = r->free_calls;
	if (c == NULL)
		return new_slot(r);
	r->free_calls = c->next_free;
	return c;
}

// Any thread.
static void free_slot(struct spore_rpc_call *c)
{
	struct spore_rpc *r = c->rpc;
	if (c->in.cap > SPORE__RPC_KEEP) {
		free(c->in.data);
		c->in = (struct spore__rpc_buffer){0};
	}
	if (c->out.cap > SPORE__RPC_KEEP)
		spore__msgpack_writer_finish(&c->out);
	atomic_store_explicit(&c->state, SPORE__CALL_FREE, memory_order_relaxed);
	c->next_free = atomic_load_explicit(&r->returned_calls, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&r->returned_calls, &c->next_free, c, memory_order_release,
	                                              memory_order_relaxed))
		;
}

// ---- what the peer calls

static uint32_t hash(const char *name, size_t len)
{
	uint32_t h = 2166136261U;
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619U;
	return h ^ h >> 15;
}

static const struct spore_rpc_method *find_method(const struct spore_rpc *r, const char *name, size_t len)
{
	for (uint32_t at = hash(name, len);; at++) {
		const struct spore_rpc_method *m = r->table[at & r->table_mask];
		if (m == NULL || (strncmp(m->name, name, len) == 0 && m->name[len] == '\0'))
			return m;
	}
}

bool spore__rpc_table_init(struct spore_rpc *r)
{
	const struct spore_rpc_method *m = r->options.methods;
	uint32_t count = 0, size = 8;
	while (m != NULL && m[count].name != NULL)
		count++;
	while (size < count * 2)
		size *= 2;
	r->table_mask = size - 1;
	r->table = calloc(size, sizeof(const struct spore_rpc_method *));
	for (uint32_t i = 0; i < count && r->table != NULL; i++) {
		uint32_t at = hash(m[i].name, strlen(m[i].name));
		while (r->table[at & r->table_mask] != NULL)
			at++;
		r->table[at & r->table_mask] = &m[i];
	}
	return r->table != NULL;
}

static void describe(struct spore_rpc_call *c)
{
	(void)spore_rpc_result(c, 0);
	spore__rpc_describe_self(c->rpc, &c->out);
	spore_rpc_done(c);
}

static void run(struct spore_rpc_call *c)
{
	struct spore_rpc *r = c->rpc;
	const int64_t deadline = atomic_load_explicit(&c->deadline, memory_order_relaxed);
	const int64_t *before = spore__rpc_inherit(&deadline);
	atomic_store_explicit(&c->state, SPORE__CALL_OPEN, memory_order_release);
	r->nested++;
	if (c->method != NULL)
		c->method->handle(c, r->options.data);
	else if (strcmp(c->name, "$/describe") == 0)
		describe(c);
	else if (r->options.other != NULL)
		r->options.other(c, r->options.data);
	else
		spore_rpc_fail(c, SPORE_ENOTFOUND, "there is no method %s", c->name);
	r->nested--;
	(void)spore__rpc_inherit(before);
}

static void park(struct spore_rpc_call *c)
{
	struct spore_rpc *r = c->rpc;
	atomic_store_explicit(&c->state, SPORE__CALL_PARKED, memory_order_relaxed);
	c->next_parked = NULL;
	*r->parked_end = c;
	r->parked_end = &c->next_parked;
}

static struct spore_rpc_call *unpark(struct spore_rpc *r)
{
	struct spore_rpc_call *c = r->parked;
	r->parked = c->next_parked;
	if (r->parked == NULL)
		r->parked_end = &r->parked;
	atomic_store_explicit(&c->state, SPORE__CALL_OPEN, memory_order_release);
	return c;
}

void spore__rpc_run_parked(struct spore_rpc *r)
{
	while (r->parked != NULL && r->deferring == 0 && r->nested < SPORE__RPC_NESTED && !spore__rpc_is_full(r)) {
		struct spore_rpc_call *c = unpark(r);
		if (atomic_load(&c->cancelled))
			spore_rpc_fail(c, SPORE_ECANCELLED, "cancelled before it began");
		else if (spore_rpc_remaining(c) == 0)
			spore_rpc_fail(c, SPORE_ETIMEOUT, "its time was over before it began");
		else
			run(c);
	}
}

void spore__rpc_drop_parked(struct spore_rpc *r)
{
	while (r->parked != NULL)
		spore_rpc_fail(unpark(r), SPORE_ECLOSED, "the service ends");
}

static void busy(struct spore_rpc *r, const struct spore__rpc_message *m, const char *why)
{
	atomic_fetch_add_explicit(&r->stat_busy, 1, memory_order_relaxed);
	r->crowd = spore__rpc_is_full(r) ? r->crowd + 1 : 0;
	if (m->kind == SPORE__RPC_REQUEST)
		(void)spore__rpc_refuse(r, r->number, m->id, SPORE_EBUSY, why);
}

// The name is to end with a NUL: one byte to the left there is room for it.
static void take_name(struct spore_rpc_call *c, const char *name, uint32_t len)
{
	char *to = (char *)c->in.data + (name - (const char *)c->in.data) - 1;
	memmove(to, name, len);
	to[len] = '\0';
	c->name = to;
}

static void take(struct spore_rpc_call *c, const struct spore__rpc_message *m, const struct spore_rpc_method *method)
{
	struct spore_rpc *r = c->rpc;
	struct spore__rpc_buffer in = c->in;
	c->in = r->in;
	r->in = in;
	c->id = m->id;
	c->notice = m->kind == SPORE__RPC_NOTIFICATION;
	c->params = m->params;
	c->method = method;
	c->number = r->number;
	c->begun = SPORE__BEGUN_NOTHING;
	c->parts = 0;
	atomic_store_explicit(&c->cancelled, false, memory_order_relaxed);
	atomic_store_explicit(&c->told, false, memory_order_relaxed);
	atomic_store_explicit(&c->on_cancel, NULL, memory_order_relaxed);
	atomic_store_explicit(&c->deadline, SPORE__RPC_NEVER, memory_order_relaxed);
	if (method != NULL)
		c->name = method->name;
	else
		take_name(c, m->method, m->method_len);
	if (c->notice)
		return;
	r->by_id[m->id & r->by_id_mask] = c;
	if (r->due_at != SPORE__RPC_NEVER && r->due_id == m->id) {
		atomic_store_explicit(&c->deadline, r->due_at, memory_order_relaxed);
		spore__rpc_note_deadline(r, r->due_at);
	}
	r->due_at = SPORE__RPC_NEVER;
}

static void notice(struct spore_rpc *r, const struct spore__rpc_message *m)
{
	char name[SPORE__RPC_NAME + 1];
	if (r->options.notice == NULL || m->method_len > SPORE__RPC_NAME)
		return;
	memcpy(name, m->method, m->method_len);
	name[m->method_len] = '\0';
	struct spore__rpc_buffer mine = r->in; // it may read the conversation
	r->in = (struct spore__rpc_buffer){0};
	r->options.notice(r, name, (struct spore_reader){m->params.at, m->params.end}, r->options.data);
	free(r->in.data);
	r->in = mine;
}

void spore__rpc_called(struct spore_rpc *r, const struct spore__rpc_message *m)
{
	const struct spore_rpc_method *method = find_method(r, m->method, m->method_len);
	bool asks = m->kind == SPORE__RPC_REQUEST;
	if (!asks && method == NULL) {
		notice(r, m);
		return;
	}
	unsigned called = atomic_load_explicit(&r->called, memory_order_relaxed);
	if (called >= r->options.in_flight) {
		busy(r, m, "too many calls in flight");
		return;
	}
	bool later = r->deferring > 0 || r->parked != NULL || spore__rpc_is_full(r);
	if (!later && r->nested >= SPORE__RPC_NESTED) {
		busy(r, m, "too many calls within each other");
		return;
	}
	struct spore_rpc_call *c = take_slot(r);
	if (c == NULL) {
		busy(r, m, "too many calls in flight");
		return;
	}
	take(c, m, method);
	atomic_fetch_add_explicit(&r->stat_calls, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&r->called, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	if (later)
		park(c);
	else
		run(c);
}

// ---- cancel, deadlines

static struct spore_rpc_call *find(const struct spore_rpc *r, uint32_t id)
{
	enum { FEW = 4096 };
	struct spore_rpc_call *c = r->by_id[id & r->by_id_mask];
	int state = c != NULL ? atomic_load(&c->state) : SPORE__CALL_FREE;
	if (c != NULL && c->id == id && !c->notice && state != SPORE__CALL_FREE)
		return c;
	uint32_t used = atomic_load_explicit(&r->used_calls, memory_order_relaxed);
	for (uint32_t i = 0; i < used && used <= FEW; i++) { // a peer with ids of another kind
		c = slot(r, i);
		if (c->id == id && !c->notice && atomic_load(&c->state) != SPORE__CALL_FREE)
			return c;
	}
	return NULL;
}

// In the thread that reads.
static void tell_cancelled(struct spore_rpc_call *c)
{
	int open = SPORE__CALL_OPEN;
	atomic_store(&c->cancelled, true);
	if (!atomic_compare_exchange_strong(&c->state, &open, SPORE__CALL_TELLING))
		return;
	void (*fn)(struct spore_rpc_call * call, void *arg) = atomic_load(&c->on_cancel);
	if (fn != NULL && !atomic_exchange(&c->told, true))
		fn(c, c->on_cancel_arg);
	open = SPORE__CALL_TELLING; // if FN did not answer it
	(void)atomic_compare_exchange_strong(&c->state, &open, SPORE__CALL_OPEN);
}

void spore__rpc_cancelled_by_peer(struct spore_rpc *r, uint32_t id)
{
	struct spore_rpc_call *c = find(r, id);
	if (c != NULL)
		tell_cancelled(c);
}

void spore__rpc_deadline_by_peer(struct spore_rpc *r, uint32_t id, int64_t ms)
{
	static const int64_t year_ms = (int64_t)1000 * 60 * 60 * 24 * 365;
	if (ms < 0)
		return;
	r->due_id = id;
	r->due_at = spore__bell_now() + (ms < year_ms ? ms : year_ms) * 1000000;
}

void spore__rpc_calls_end(struct spore_rpc *r, uint64_t number)
{
	uint32_t used = atomic_load(&r->used_calls);
	for (uint32_t i = 0; i < used; i++) {
		struct spore_rpc_call *c = slot(r, i);
		if (atomic_load(&c->state) != SPORE__CALL_FREE && c->number <= number)
			tell_cancelled(c);
	}
}

int64_t spore__rpc_calls_expire(struct spore_rpc *r, int64_t now)
{
	int64_t next = SPORE__RPC_NEVER;
	uint32_t used = atomic_load(&r->used_calls);
	for (uint32_t i = 0; i < used; i++) {
		struct spore_rpc_call *c = slot(r, i);
		int64_t deadline = atomic_load(&c->deadline);
		if (atomic_load(&c->state) == SPORE__CALL_FREE || atomic_load(&c->cancelled))
			continue;
		if (deadline <= now)
			tell_cancelled(c);
		else if (deadline < next)
			next = deadline;
	}
	return next;
}

bool spore_rpc_cancelled(const struct spore_rpc_call *call)
{
	return atomic_load_explicit(&call->cancelled, memory_order_relaxed) || spore_rpc_remaining(call) == 0;
}

void spore_rpc_on_cancel(struct spore_rpc_call *call, void (*fn)(struct spore_rpc_call *call, void *arg), void *arg)
{
	call->on_cancel_arg = arg;
	atomic_store(&call->on_cancel, fn);
	if (atomic_load(&call->cancelled) && !atomic_exchange(&call->told, true))
		fn(call, arg);
}

// ---- what it asks

struct spore_reader spore_rpc_params(const struct spore_rpc_call *call)
{
	return (struct spore_reader){call->params.at, call->params.end};
}

const char *spore_rpc_method(const struct spore_rpc_call *call)
{
	return call->name;
}

struct spore_rpc *spore_rpc_of(const struct spore_rpc_call *call)
{
	return call->rpc;
}

bool spore_rpc_is_notice(const struct spore_rpc_call *call)
{
	return call->notice;
}

int spore_rpc_remaining(const struct spore_rpc_call *call)
{
	int64_t deadline = atomic_load_explicit(&call->deadline, memory_order_relaxed);
	if (deadline == SPORE__RPC_NEVER)
		return -1;
	int64_t left = deadline - spore__bell_now();
	if (left <= 0)
		return 0;
	left = (left + 999999) / 1000000;
	return left < INT32_MAX ? (int)left : INT32_MAX;
}

bool spore_rpc_param(const struct spore_rpc_call *call, uint32_t index, const char *name, struct spore_reader *at)
{
	struct spore__msgpack_reader found;
	if (!spore__rpc_param_at(&call->params, index, name != NULL ? name : "", &found))
		return false;
	*at = (struct spore_reader){found.at, found.end};
	return true;
}

static void complain(struct spore_rpc_call *c, uint32_t index, const char *name, const char *kind)
{
	if (name != NULL)
		spore_rpc_fail(c, SPORE_EINVALID, "%s: parameter %u, \"%s\", has to be %s", c->name,
		               (unsigned)index + 1, name, kind);
	else
		spore_rpc_fail(c, SPORE_EINVALID, "%s: parameter %u has to be %s", c->name, (unsigned)index + 1, kind);
}

bool spore_rpc_bool(struct spore_rpc_call *call, uint32_t index, const char *name, bool *b)
{
	struct spore_reader at;
	if (spore_rpc_param(call, index, name, &at) && spore_read_bool(&at, b))
		return true;
	complain(call, index, name, "true or false");
	return false;
}

bool spore_rpc_int(struct spore_rpc_call *call, uint32_t index, const char *name, int64_t *i)
{
	struct spore_reader at;
	if (spore_rpc_param(call, index, name, &at) && spore_read_int(&at, i))
		return true;
	complain(call, index, name, "an integer");
	return false;
}

bool spore_rpc_float(struct spore_rpc_call *call, uint32_t index, const char *name, double *f)
{
	struct spore_reader at;
	if (spore_rpc_param(call, index, name, &at) && spore_read_float(&at, f))
		return true;
	complain(call, index, name, "a number");
	return false;
}

bool spore_rpc_str(struct spore_rpc_call *call, uint32_t index, const char *name, const char **s, size_t *len)
{
	struct spore_reader at;
	if (spore_rpc_param(call, index, name, &at) && spore_read_str(&at, s, len))
		return true;
	complain(call, index, name, "a string");
	return false;
}

bool spore_rpc_bytes(struct spore_rpc_call *call, uint32_t index, const char *name, const void **data, size_t *len)
{
	struct spore_reader at;
	if (spore_rpc_param(call, index, name, &at) && spore_read_bytes(&at, data, len))
		return true;
	complain(call, index, name, "bytes or a string");
	return false;
}

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
static bool claim(struct spore_rpc_call *c)
{
	for (;; sched_yield()) {
		int state = SPORE__CALL_OPEN;
		if (atomic_compare_exchange_strong(&c->state, &state, SPORE__CALL_ANSWERED))
			return true;
		if (state != SPORE__CALL_TELLING && state != SPORE__CALL_OPEN)
			return false;
		if (atomic_load_explicit(&c->rpc->reader, memory_order_relaxed) == spore__rpc_self()) {
			atomic_store(&c->state, SPORE__CALL_ANSWERED); // from within its on_cancel
			return true;
		}
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
	if (!claim(call))
		return;
	if (call->begun != SPORE__BEGUN_RESULT && call->begun != SPORE__BEGUN_FAILURE)
		(void)spore_rpc_result(call, 0);
	if (!call->notice)
		e = check_value(call);
	if (call->begun == SPORE__BEGUN_FAILURE)
		spore__rpc_end_error(&call->out);
	// The slot is free before the peer knows of the answer, and calls again.
	struct spore__msgpack_writer out = call->out;
	call->out = (struct spore__msgpack_writer){0};
	uint32_t id = call->id;
	uint64_t number = call->number;
	bool notice = call->notice;
	atomic_fetch_sub_explicit(&r->called, 1, memory_order_release);
	if (!notice && !atomic_load_explicit(&r->closed, memory_order_relaxed)) {
		if (e == SPORE_OK)
			e = send_answer(r, id, number, &out);
		if (e == SPORE_EINVALID)
			(void)spore__rpc_refuse(r, number, id, e, "the service did not write exactly one value");
		else if (e != SPORE_OK && e != SPORE_ECLOSED)
			(void)spore__rpc_refuse(r, number, id, e, spore_err_text(e));
	}
	call->out = out;
	free_slot(call);
	if (r->draining)
		spore__rpc_poke(r);
	spore__rpc_unref(r);
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
