#include <errno.h>
#include <sched.h>
#include <string.h>

#include "chan/bell.h"
#include "rpc_ask_inside.h"

// ---- beginning

static enum spore_err begin(struct spore_rpc *r, const char *method, size_t size, bool notice,
                            struct spore_rpc_ask **out)
{
	size_t len = strlen(method);
	struct spore_rpc_ask *a;
	if (len == 0 || len > SPORE__RPC_NAME)
		return SPORE_EINVALID;
	int over = atomic_load_explicit(&r->over, memory_order_relaxed);
	if (over != SPORE_OK)
		return (enum spore_err)over;
	enum spore_err e = spore__rpc_is_full(r) ? SPORE_EBUSY : spore__ask_take(r, &a);
	if (e != SPORE_OK)
		return e;
	uint32_t id = spore__ask_id(a) + (1U << r->id_bits);
	atomic_store_explicit(&a->tag, spore__ask_tag(id, SPORE__ASK_WRITING), memory_order_relaxed);
	atomic_store_explicit(&a->number, UINT64_MAX, memory_order_relaxed);
	atomic_store_explicit(&a->owner, spore__rpc_self(), memory_order_relaxed);
	atomic_store_explicit(&a->deadline, SPORE__RPC_NEVER, memory_order_relaxed);
	atomic_store_explicit(&a->refused, SPORE_OK, memory_order_relaxed);
	a->fn = NULL;
	a->item = a->progress = NULL;
	a->parts = 0;
	a->answered = false;
	a->notice = notice;
	a->err = SPORE_OK;
	a->error.text = "";
	a->error.text_len = 0;
	struct spore__msgpack_writer *w = &a->out;
	w->err = 0;
	w->len = 0;
	if (w->cap < SPORE__RPC_HEADROOM + SPORE__RPC_NAME || size > 0)
		spore__msgpack_reserve(w, SPORE__RPC_HEADROOM + SPORE__RPC_NAME + size);
	if (w->err != 0) {
		spore__ask_free(a);
		return SPORE_ENOMEM;
	}
	w->len = SPORE__RPC_HEADROOM;
	if (notice)
		spore__rpc_begin_notification(w, method);
	else
		spore__rpc_begin_request_of(w, id, method, len);
	a->body = w->len;
	*out = a;
	return SPORE_OK;
}

enum spore_err spore_rpc_ask(struct spore_rpc *r, const char *method, size_t size, struct spore_rpc_ask **a,
                             struct spore_writer **params)
{
	enum spore_err e = begin(r, method, size, false, a);
	if (e == SPORE_OK)
		*params = (struct spore_writer *)&(*a)->out;
	return e;
}

enum spore_err spore_rpc_notice(struct spore_rpc *r, const char *method, size_t size, struct spore_rpc_ask **a,
                                struct spore_writer **params)
{
	enum spore_err e = begin(r, method, size, true, a);
	if (e == SPORE_OK)
		*params = (struct spore_writer *)&(*a)->out;
	return e;
}

void spore_rpc_on_item(struct spore_rpc_ask *a, spore_rpc_part *fn, void *arg)
{
	a->item = fn;
	a->item_arg = arg;
}

void spore_rpc_on_progress(struct spore_rpc_ask *a, spore_rpc_part *fn, void *arg)
{
	a->progress = fn;
	a->progress_arg = arg;
}

// ---- what this end says of it

void spore__ask_explain(struct spore_rpc_ask *a, enum spore_err e)
{
	a->err = e;
	a->result = (struct spore_reader){0};
	a->error = (struct spore_rpc_error){.code = e, .text = spore_err_text(e)};
	a->error.text_len = strlen(a->error.text);
}

static enum spore_err check_params(struct spore_rpc_ask *a)
{
	struct spore__msgpack_writer *w = &a->out;
	if (w->len == a->body)
		spore__msgpack_array(w, 0);
	if (w->err != 0)
		return w->err == ENOMEM ? SPORE_ENOMEM : SPORE_ETOOBIG;
	unsigned char first = w->data[a->body];
	bool good = (first >= 0x80 && first < 0xa0) || (first >= 0xdc && first <= 0xdf); // an array or a map
	return good && spore__msgpack_check(w->data + a->body, w->len - a->body) == SPORE__MSGPACK_OK ? SPORE_OK
	                                                                                              : SPORE_EINVALID;
}

// Puts `$/deadline` before the request. Returns its length.
static size_t put_deadline(struct spore_rpc_ask *a, uint32_t id, int64_t deadline)
{
	unsigned char bytes[SPORE__RPC_HEADROOM];
	struct spore__msgpack_writer w;
	int64_t left = deadline - spore__bell_now();
	spore__msgpack_writer_fixed(&w, bytes, sizeof bytes);
	spore__rpc_begin_notification(&w, "$/deadline");
	spore__msgpack_array(&w, 2);
	spore__msgpack_uint(&w, id);
	spore__msgpack_uint(&w, left > 0 ? ((uint64_t)left + 999999) / 1000000 : 0);
	memcpy(a->out.data + SPORE__RPC_HEADROOM - w.len, bytes, w.len);
	return w.len;
}

// Its slot may be another call's, which is being written, too: the state says nothing without the id.
static bool is_written(const struct spore_rpc_ask *a, uint32_t id)
{
	return atomic_load_explicit(&a->tag, memory_order_acquire) == spore__ask_tag(id, SPORE__ASK_WRITING);
}

static enum spore_err send_ask(struct spore_rpc_ask *a, int64_t deadline)
{
	struct spore_rpc *r = a->rpc;
	uint32_t id = spore__ask_id(a);
	enum spore_err e = check_params(a);
	if (e != SPORE_OK)
		return e;
	size_t split = 0;
	if (!a->notice && deadline != SPORE__RPC_NEVER && deadline != 0)
		split = put_deadline(a, id, deadline);
	struct spore__rpc_out o = {.purpose = a->notice ? SPORE__RPC_TO_ANY : SPORE__RPC_ASKS,
	                           .bytes = a->out.data + SPORE__RPC_HEADROOM - split,
	                           .split = split,
	                           .len = a->out.len - SPORE__RPC_HEADROOM + split,
	                           .ask = a,
	                           .id = id};
	if (a->notice)
		return spore__rpc_send(r, &o);
	e = spore__rpc_send(r, &o);
	if (e == SPORE_OK || is_written(a, id))
		return e; // when it went the answer may have come, and A be another call's
	// SPORE_OK: it was ended meanwhile.
	return spore__ask_move(a, id, SPORE__ASK_QUEUED, SPORE__ASK_WRITING) ? e : SPORE_OK;
}

enum spore_err spore__rpc_ask_goes(struct spore_rpc_ask *a, uint32_t id, uint64_t number)
{
	bool mine = is_written(a, id); // nobody else knows of it yet
	if (mine)
		spore__ask_set(a, SPORE__ASK_SENDING);
	if (mine || spore__ask_move(a, id, SPORE__ASK_QUEUED, SPORE__ASK_SENDING)) {
		atomic_store_explicit(&a->number, number, memory_order_relaxed);
		return SPORE_OK;
	}
	if (atomic_load(&a->tag) == spore__ask_tag(id, SPORE__ASK_TAKEN))
		return SPORE_EAGAIN; // it is being ended
	// It was tried once, and given up then: no answer will come.
	if (spore__ask_move(a, id, SPORE__ASK_ABANDONED, SPORE__ASK_TAKEN))
		spore__ask_free(a);
	else
		(void)spore__ask_move(a, id, SPORE__ASK_GIVEN_UP, SPORE__ASK_DONE);
	return SPORE_ECANCELLED;
}

void spore__rpc_ask_stays(struct spore_rpc_ask *a)
{
	atomic_store_explicit(&a->number, UINT64_MAX, memory_order_relaxed);
	spore__ask_set(a, SPORE__ASK_QUEUED);
}

void spore__rpc_ask_waits(struct spore_rpc_ask *a, uint32_t id)
{
	(void)spore__ask_move(a, id, SPORE__ASK_WRITING, SPORE__ASK_QUEUED);
}

void spore__rpc_ask_refused(struct spore_rpc_ask *a, uint32_t id, enum spore_err e)
{
	if (spore__ask_id(a) != id)
		return;
	atomic_store(&a->refused, (int)e);
	atomic_store(&a->rpc->refusals, true);
	spore__rpc_poke(a->rpc);
}

// The peer may be gone already, and what was sent to it have ended before this was.
void spore__rpc_ask_went(struct spore_rpc_ask *a, uint32_t id, uint64_t number)
{
	struct spore_rpc *r = a->rpc;
	spore__rpc_count(&r->stat_asks);
	spore__ask_set(a, SPORE__ASK_SENT);
	// From here on the answer may be taken, and A be another call's.
	spore__rpc_fence(r);
	uint64_t gone = atomic_load_explicit(&r->gone, memory_order_relaxed);
	if (gone != 0 && number < gone)
		spore__rpc_ask_refused(a, id, SPORE_ECLOSED);
}

// ---- waiting, ending

static bool is_over(void *arg)
{
	const struct spore_rpc_ask *a = arg;
	enum spore__ask_state state = spore__ask_state(a);
	return state == SPORE__ASK_DONE || state == SPORE__ASK_GIVEN_UP;
}

static enum spore_err wait_for(struct spore_rpc_ask *a, int64_t deadline)
{
	struct spore_rpc *r = a->rpc;
	enum spore_err e = SPORE_OK;
	while (e == SPORE_OK && !is_over(a)) {
		bool nested;
		if (spore__rpc_enter(r, &nested)) {
			a->pumped = true;
			e = spore__rpc_read(r, deadline, is_over, a, NULL, 0);
			a->pumped = false;
			spore__rpc_leave(r, nested);
		} else if (deadline == 0) {
			return SPORE_EAGAIN;
		} else {
			e = spore__rpc_follow(r, deadline, is_over, a);
		}
	}
	return is_over(a) ? SPORE_OK : e;
}

// The time is over. The answer may come at this moment.
static void give_up(struct spore_rpc_ask *a, enum spore_err e)
{
	uint32_t id = spore__ask_id(a);
	for (;; sched_yield()) { // meanwhile the thread that reads has it
		if (is_over(a))
			return;
		if (spore__ask_move(a, id, SPORE__ASK_QUEUED, SPORE__ASK_TAKEN)) {
			spore__ask_explain(a, atomic_load(&a->rpc->unwired) ? SPORE_ENOTWIRED : e);
			spore__ask_set(a, SPORE__ASK_DONE);
			return;
		}
		if (spore__ask_move(a, id, SPORE__ASK_SENT, SPORE__ASK_TAKEN)) {
			uint64_t number = atomic_load(&a->number);
			spore__ask_explain(a, e);
			spore__ask_set(a, SPORE__ASK_GIVEN_UP);
			spore__rpc_send_cancel(a->rpc, id, number);
			return;
		}
	}
}

enum spore_err spore_rpc_wait(struct spore_rpc_ask *a, int timeout_ms, struct spore_reader *result)
{
	int64_t deadline = spore__rpc_deadline(timeout_ms);
	enum spore_err e = SPORE_OK;
	if (atomic_load_explicit(&a->owner, memory_order_relaxed) != spore__rpc_self()) {
		atomic_store(&a->owner, spore__rpc_self());
		spore__rpc_barrier(a->rpc); // as `finish` counts on
	}
	if (spore__ask_state(a) == SPORE__ASK_WRITING) {
		e = send_ask(a, deadline);
		if (e != SPORE_OK) {
			spore__ask_explain(a, e);
			spore__ask_set(a, SPORE__ASK_DONE);
		}
	}
	if (e == SPORE_OK)
		e = wait_for(a, deadline);
	if (!is_over(a)) {
		if (timeout_ms == SPORE_NOW || e == SPORE_ECANCELLED)
			return timeout_ms == SPORE_NOW ? SPORE_EAGAIN : e;
		give_up(a, e == SPORE_OK || e == SPORE_ENOTWIRED ? SPORE_ETIMEOUT : e);
	}
	if (result != NULL)
		*result = a->result;
	return a->err;
}

enum spore_err spore_rpc_start(struct spore_rpc_ask *a, int timeout_ms, spore_rpc_answer *fn, void *arg)
{
	int64_t deadline = spore__rpc_deadline(timeout_ms == SPORE_NOW ? SPORE_FOREVER : timeout_ms);
	struct spore_rpc *r = a->rpc;
	a->fn = fn;
	a->arg = arg;
	atomic_store_explicit(&a->deadline, deadline, memory_order_relaxed);
	enum spore_err e = send_ask(a, deadline);
	if (e != SPORE_OK) {
		spore__ask_free(a);
		return e;
	}
	if (deadline != SPORE__RPC_NEVER)
		spore__rpc_note_deadline(r, deadline);
	return SPORE_OK;
}

enum spore_err spore_rpc_tell(struct spore_rpc_ask *a)
{
	enum spore_err e = a->notice ? send_ask(a, SPORE__RPC_NEVER) : SPORE_EINVALID;
	spore__ask_free(a);
	return e;
}

void spore_rpc_cancel(struct spore_rpc_ask *a)
{
	spore__ask_let_go(a);
	enum spore__ask_state state = spore__ask_state(a);
	uint64_t number = atomic_load(&a->number);
	if (state == SPORE__ASK_QUEUED)
		number = spore__chan_number(a->rpc->chan, SPORE__SEND); // the request is before it
	if (number != UINT64_MAX && state != SPORE__ASK_WRITING && !is_over(a))
		spore__rpc_send_cancel(a->rpc, spore__ask_id(a), number);
}

void spore_rpc_end(struct spore_rpc_ask *a)
{
	if (a == NULL)
		return;
	struct spore_rpc *r = a->rpc;
	uint32_t id = spore__ask_id(a);
	if (spore__ask_state(a) == SPORE__ASK_WRITING) {
		spore__ask_free(a);
		return;
	}
	for (;; sched_yield()) { // meanwhile the thread that reads has it
		if (spore__ask_state(a) == SPORE__ASK_DONE ||
		    spore__ask_move(a, id, SPORE__ASK_QUEUED, SPORE__ASK_TAKEN)) {
			spore__ask_free(a);
			return;
		}
		if (spore__ask_move(a, id, SPORE__ASK_GIVEN_UP, SPORE__ASK_ABANDONED))
			return;
		if (spore__ask_move(a, id, SPORE__ASK_SENT, SPORE__ASK_TAKEN)) {
			uint64_t number = atomic_load(&a->number);
			spore__ask_set(a, SPORE__ASK_ABANDONED);
			spore__rpc_send_cancel(r, id, number);
			return;
		}
	}
}

const struct spore_rpc_error *spore_rpc_why(const struct spore_rpc_ask *a)
{
	return &a->error;
}
