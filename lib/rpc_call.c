#include <stdlib.h>
#include <string.h>

#include "rpc_inside.h"

// ---- slots, given out by the thread that reads

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
		free(spore__rpc_call_at(r, i)->in.data);
		spore__msgpack_writer_finish(&spore__rpc_call_at(r, i)->out);
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
	struct spore_rpc_call *c = spore__rpc_call_at(r, index);
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

void spore__rpc_call_free(struct spore_rpc_call *c)
{
	struct spore_rpc *r = c->rpc;
	if (c->in.cap > SPORE__RPC_KEEP) {
		free(c->in.data);
		c->in = (struct spore__rpc_buffer){0};
	}
	if (c->out.cap > SPORE__RPC_KEEP)
		spore__msgpack_writer_finish(&c->out);
	atomic_store_explicit(&c->state, SPORE__CALL_FREE, memory_order_relaxed);
	if (spore__rpc_reads(r)) {
		c->next_free = r->free_calls;
		r->free_calls = c;
		return;
	}
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
		const struct spore__rpc_entry *m = &r->table[at & r->table_mask];
		if (m->method == NULL || (m->len == len && memcmp(m->method->name, name, len) == 0))
			return m->method;
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
	r->table = calloc(size, sizeof r->table[0]);
	for (uint32_t i = 0; i < count && r->table != NULL; i++) {
		size_t len = strlen(m[i].name);
		uint32_t at = hash(m[i].name, len);
		while (r->table[at & r->table_mask].method != NULL)
			at++;
		r->table[at & r->table_mask] = (struct spore__rpc_entry){&m[i], len};
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
	const int64_t *before = NULL;
	bool inherits = deadline != SPORE__RPC_NEVER || spore__rpc_inherits();
	if (inherits)
		before = spore__rpc_inherit(deadline != SPORE__RPC_NEVER ? &deadline : NULL);
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
	if (inherits)
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
	if (spore__rpc_open_calls(r) >= r->options.in_flight) {
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
	spore__rpc_count(&r->called);
	if (later)
		park(c);
	else
		run(c);
}
