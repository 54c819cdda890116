// What becomes of calls of this end, in the thread that reads: their answers, parts of them, and their ends.
#include <stdlib.h>
#include <string.h>

#include "rpc_ask_inside.h"

// A has been taken, and its answer is in it.
static void finish(struct spore_rpc_ask *a, enum spore__ask_state then)
{
	struct spore_rpc *r = a->rpc;
	if (a->fn != NULL) {
		a->fn(a, a->err, a->result, a->arg);
		if (then == SPORE__ASK_GIVEN_UP)
			spore__ask_set(a, SPORE__ASK_ABANDONED); // until the answer comes
		else
			spore__ask_free(a);
		return;
	}
	spore__ask_set(a, then);
	spore__rpc_fence(r); // who takes it over from this thread has every processor fence
	if (atomic_load_explicit(&a->owner, memory_order_relaxed) != spore__rpc_self())
		spore__rpc_wake_waiters(r);
}

// The text of an error is to end with a NUL: one byte to the left there is room for it.
static void take_error(struct spore_rpc_ask *a, const struct spore__rpc_message *m)
{
	int64_t code;
	const char *text;
	uint32_t len;
	struct spore__msgpack_reader data;
	spore__rpc_read_error(&m->error, &code, &text, &len, &data);
	a->result = (struct spore_reader){0};
	a->error = (struct spore_rpc_error){.code = code, .text = text, .text_len = len, .peer = true};
	a->error.data = (struct spore_reader){data.at, data.end};
	if (len > 0) {
		size_t at = (size_t)((const unsigned char *)text - a->out.data);
		unsigned char *to = a->out.data + at - 1;
		memmove(to, a->out.data + at, len);
		to[len] = '\0';
		a->error.text = (const char *)to;
	}
	a->err = code > SPORE_OK && code < SPORE_EREMOTE ? (enum spore_err)code : SPORE_EREMOTE;
	if (len == 0)
		a->error.text = spore_err_text(a->err);
	if (len == 0)
		a->error.text_len = strlen(a->error.text);
}

// M is in the buffer that is read into: it becomes the ask's, and the other way round.
static void take_answer(struct spore_rpc_ask *a, const struct spore__rpc_message *m)
{
	struct spore__rpc_buffer *in = &a->rpc->in;
	struct spore__rpc_buffer out = {a->out.data, a->out.cap};
	a->out = (struct spore__msgpack_writer){.data = in->data, .cap = in->cap};
	*in = out;
	if (m->failed) {
		take_error(a, m);
	} else {
		a->err = SPORE_OK;
		a->result = (struct spore_reader){m->result.at, m->result.end};
	}
}

static struct spore_rpc_ask *find(struct spore_rpc *r, uint32_t id)
{
	uint32_t index = id & ((1U << r->id_bits) - 1);
	if (index >= atomic_load_explicit(&r->used_asks, memory_order_acquire))
		return NULL;
	struct spore_rpc_ask *a = spore__ask_at(r, index);
	return spore__ask_id(a) == id ? a : NULL;
}

static void count_late(struct spore_rpc *r)
{
	atomic_fetch_add_explicit(&r->stat_late, 1, memory_order_relaxed);
}

void spore__rpc_answered(struct spore_rpc *r, const struct spore__rpc_message *m)
{
	struct spore_rpc_ask *a = find(r, m->id);
	if (a == NULL) {
		count_late(r);
		return;
	}
	spore__ask_let_go(a);
	if (a->pumped && spore__ask_state(a) == SPORE__ASK_SENT) { // it is this thread's alone
		take_answer(a, m);
		spore__ask_set(a, SPORE__ASK_DONE);
	} else if (spore__ask_move(a, m->id, SPORE__ASK_SENT, SPORE__ASK_TAKEN)) {
		take_answer(a, m);
		finish(a, SPORE__ASK_DONE);
	} else if (a->parts > 0 && !a->answered && atomic_load(&a->tag) == spore__ask_tag(m->id, SPORE__ASK_TAKEN)) {
		take_answer(a, m); // a part of it is being looked at
		a->answered = true;
	} else if (spore__ask_move(a, m->id, SPORE__ASK_GIVEN_UP, SPORE__ASK_DONE)) {
		count_late(r);
	} else if (spore__ask_move(a, m->id, SPORE__ASK_ABANDONED, SPORE__ASK_TAKEN)) {
		count_late(r);
		spore__ask_free(a);
	} else {
		count_late(r);
	}
}

void spore__rpc_answer_refused(struct spore_rpc *r, uint32_t id, enum spore_err e)
{
	struct spore_rpc_ask *a = find(r, id);
	if (a != NULL)
		spore__ask_let_go(a);
	if (a == NULL || !spore__ask_move(a, id, SPORE__ASK_SENT, SPORE__ASK_TAKEN))
		return;
	spore__ask_explain(a, e);
	finish(a, SPORE__ASK_DONE);
}

// [id, value]
static bool read_part(const struct spore__rpc_message *m, uint32_t *id, struct spore_reader *value)
{
	struct spore__msgpack_reader at = m->params;
	uint32_t count;
	int64_t n;
	if (spore__msgpack_read_array(&at, &count) != SPORE__MSGPACK_OK || count < 2 ||
	    spore__msgpack_read_int(&at, &n) != SPORE__MSGPACK_OK || n < 0 || n > UINT32_MAX)
		return false;
	*id = (uint32_t)n;
	*value = (struct spore_reader){at.at, at.end};
	return spore__msgpack_skip(&at) == SPORE__MSGPACK_OK;
}

void spore__rpc_part(struct spore_rpc *r, const struct spore__rpc_message *m, bool progress)
{
	uint32_t id;
	struct spore_reader value;
	struct spore_rpc_ask *a = read_part(m, &id, &value) ? find(r, id) : NULL;
	if (a != NULL)
		spore__ask_let_go(a);
	bool again =
	    a != NULL && a->parts > 0 && !a->answered && atomic_load(&a->tag) == spore__ask_tag(id, SPORE__ASK_TAKEN);
	if (a == NULL || (!again && !spore__ask_move(a, id, SPORE__ASK_SENT, SPORE__ASK_TAKEN))) {
		count_late(r);
		return;
	}
	spore_rpc_part *fn = progress ? a->progress : a->item;
	void *arg = progress ? a->progress_arg : a->item_arg;
	a->parts++;
	if (fn != NULL) {
		// The buffer is FN's: it may read the conversation.
		struct spore__rpc_buffer mine = r->in;
		r->in = (struct spore__rpc_buffer){0};
		fn(a, value, arg);
		struct spore__rpc_buffer other = r->in;
		r->in = mine;
		free(other.data);
	}
	if (--a->parts > 0)
		return;
	if (a->answered)
		finish(a, SPORE__ASK_DONE);
	else
		spore__ask_set(a, SPORE__ASK_SENT);
}

// A, which has been taken, ends without an answer.
static void end_with(struct spore_rpc_ask *a, enum spore_err e, enum spore__ask_state then)
{
	spore__ask_explain(a, e);
	finish(a, then);
}

void spore__rpc_asks_end(struct spore_rpc *r, uint64_t number, enum spore_err e)
{
	bool all = number == UINT64_MAX;
	atomic_store(&r->gone, all ? number : number + 1);
	spore__rpc_barrier(r);
	uint32_t used = atomic_load(&r->used_asks);
	for (uint32_t i = 0; i < used; i++) {
		struct spore_rpc_ask *a = spore__ask_at(r, i);
		uint32_t id = spore__ask_id(a);
		spore__ask_let_go(a);
		if (atomic_load(&a->number) > number)
			continue;
		if (a->parts > 0)
			a->answered = a->answered || (spore__ask_explain(a, e), true);
		else if (spore__ask_move(a, id, SPORE__ASK_SENT, SPORE__ASK_TAKEN) ||
		         (all && spore__ask_move(a, id, SPORE__ASK_QUEUED, SPORE__ASK_TAKEN)))
			end_with(a, e, SPORE__ASK_DONE);
		else if (spore__ask_move(a, id, SPORE__ASK_ABANDONED, SPORE__ASK_TAKEN))
			spore__ask_free(a);
		else
			(void)spore__ask_move(a, id, SPORE__ASK_GIVEN_UP, SPORE__ASK_DONE);
	}
}

// A is in flight, and its time over or it was refused.
static void expire(struct spore_rpc_ask *a, uint32_t id, enum spore_err refused)
{
	struct spore_rpc *r = a->rpc;
	if (spore__ask_move(a, id, SPORE__ASK_QUEUED, SPORE__ASK_TAKEN)) {
		enum spore_err e = atomic_load(&r->unwired) ? SPORE_ENOTWIRED : SPORE_ETIMEOUT;
		end_with(a, refused != SPORE_OK ? refused : e, SPORE__ASK_DONE);
	} else if (spore__ask_move(a, id, SPORE__ASK_SENT, SPORE__ASK_TAKEN)) {
		uint64_t number = atomic_load(&a->number);
		end_with(a, refused != SPORE_OK ? refused : SPORE_ETIMEOUT,
		         refused != SPORE_OK ? SPORE__ASK_DONE : SPORE__ASK_GIVEN_UP);
		if (refused == SPORE_OK)
			spore__rpc_send_cancel(r, id, number);
	}
}

int64_t spore__rpc_asks_expire(struct spore_rpc *r, int64_t now)
{
	int64_t next = SPORE__RPC_NEVER;
	uint32_t used = atomic_load(&r->used_asks);
	for (uint32_t i = 0; i < used; i++) {
		struct spore_rpc_ask *a = spore__ask_at(r, i);
		uint32_t id = spore__ask_id(a);
		spore__ask_let_go(a);
		enum spore__ask_state state = spore__ask_state(a);
		if (state != SPORE__ASK_SENT && state != SPORE__ASK_QUEUED)
			continue;
		int refused = atomic_load(&a->refused);
		int64_t deadline = atomic_load(&a->deadline);
		if (refused != SPORE_OK || deadline <= now)
			expire(a, id, (enum spore_err)refused);
		else
			next = deadline < next ? deadline : next;
	}
	return next;
}
