#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "chan/bell.h"
#include "os/os.h"
#include "rpc_inside.h"

// ---- slots

static uint64_t tag_of(uint32_t id, enum spore__ask_state state)
{
	return (uint64_t)id << 8 | state;
}

static enum spore__ask_state state_of(const struct spore_rpc_ask *a)
{
	return (enum spore__ask_state)(atomic_load_explicit(&a->tag, memory_order_acquire) & 0xff);
}

static uint32_t id_of(const struct spore_rpc_ask *a)
{
	return (uint32_t)(atomic_load_explicit(&a->tag, memory_order_relaxed) >> 8);
}

// From one state to another, if it is in that one.
static bool move(struct spore_rpc_ask *a, uint32_t id, enum spore__ask_state from, enum spore__ask_state to)
{
	uint64_t tag = tag_of(id, from);
	return atomic_compare_exchange_strong(&a->tag, &tag, tag_of(id, to));
}

// Its bytes are used while it is sent, which takes no time to speak of.
static void let_go(const struct spore_rpc_ask *a)
{
	while (state_of(a) == SPORE__ASK_SENDING)
		sched_yield();
}

static void set(struct spore_rpc_ask *a, enum spore__ask_state state)
{
	atomic_store_explicit(&a->tag, tag_of(id_of(a), state), memory_order_release);
}

static struct spore_rpc_ask *slot(const struct spore_rpc *r, uint32_t index)
{
	return atomic_load_explicit(&r->asks[index / SPORE__RPC_CHUNK], memory_order_acquire) +
	       index % SPORE__RPC_CHUNK;
}

bool spore__rpc_asks_init(struct spore_rpc *r)
{
	uint32_t chunks = (r->options.in_flight + SPORE__RPC_CHUNK - 1) / SPORE__RPC_CHUNK;
	r->asks = calloc(chunks, sizeof r->asks[0]);
	while (1U << r->id_bits < r->options.in_flight)
		r->id_bits++;
	// A peer that was swapped may still be answered: its next one has other ids.
	r->first_id = (uint32_t)(spore__bell_now() >> 10) << r->id_bits;
	return r->asks != NULL;
}

void spore__rpc_asks_finish(struct spore_rpc *r)
{
	uint32_t used = atomic_load(&r->used_asks);
	for (uint32_t i = 0; i < used; i++)
		free(slot(r, i)->out.data);
	for (uint32_t i = 0; i * SPORE__RPC_CHUNK < r->options.in_flight && r->asks != NULL; i++)
		free(atomic_load(&r->asks[i]));
	free(r->asks);
}

static bool make_chunk(struct spore_rpc *r, uint32_t index)
{
	struct spore_rpc_ask *_Atomic *at = &r->asks[index / SPORE__RPC_CHUNK];
	struct spore_rpc_ask *none = NULL, *chunk;
	if (atomic_load(at) != NULL)
		return true;
	chunk = calloc(SPORE__RPC_CHUNK, sizeof *chunk);
	if (chunk == NULL)
		return false;
	for (uint32_t i = 0; i < SPORE__RPC_CHUNK; i++) {
		chunk[i].rpc = r;
		chunk[i].index = index / SPORE__RPC_CHUNK * SPORE__RPC_CHUNK + i;
		atomic_store(&chunk[i].tag, tag_of(r->first_id | chunk[i].index, SPORE__ASK_FREE));
	}
	if (!atomic_compare_exchange_strong(at, &none, chunk))
		free(chunk); // another thread was first
	return true;
}

// A slot that was never used. SPORE_EBUSY: there are no more.
static enum spore_err new_slot(struct spore_rpc *r, struct spore_rpc_ask **a)
{
	uint32_t index = atomic_load(&r->used_asks);
	do {
		if (index == r->options.in_flight)
			return SPORE_EBUSY;
		if (!make_chunk(r, index))
			return SPORE_ENOMEM;
	} while (!atomic_compare_exchange_weak(&r->used_asks, &index, index + 1));
	*a = slot(r, index);
	return SPORE_OK;
}

static enum spore_err take_slot(struct spore_rpc *r, struct spore_rpc_ask **a)
{
	uint64_t head = atomic_load_explicit(&r->free_asks, memory_order_acquire), next;
	do {
		if ((uint32_t)head == 0)
			return new_slot(r, a);
		*a = slot(r, (uint32_t)head - 1);
		next = atomic_load_explicit(&(*a)->next_free, memory_order_relaxed);
		next |= ((head >> 32) + 1) << 32;
	} while (!atomic_compare_exchange_weak_explicit(&r->free_asks, &head, next, memory_order_acquire,
	                                                memory_order_acquire));
	return SPORE_OK;
}

static void free_slot(struct spore_rpc_ask *a)
{
	struct spore_rpc *r = a->rpc;
	if (a->out.cap > SPORE__RPC_KEEP)
		spore__msgpack_writer_finish(&a->out);
	set(a, SPORE__ASK_FREE);
	atomic_fetch_sub_explicit(&r->asked, 1, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&r->free_asks, memory_order_relaxed), next;
	do {
		atomic_store_explicit(&a->next_free, (uint32_t)head, memory_order_relaxed);
		next = ((head >> 32) + 1) << 32 | (a->index + 1);
	} while (!atomic_compare_exchange_weak_explicit(&r->free_asks, &head, next, memory_order_release,
	                                                memory_order_relaxed));
}

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
	enum spore_err e = spore__rpc_is_full(r) ? SPORE_EBUSY : take_slot(r, &a);
	if (e != SPORE_OK)
		return e;
	atomic_fetch_add_explicit(&r->asked, 1, memory_order_relaxed);
	uint32_t id = id_of(a) + (1U << r->id_bits);
	atomic_store_explicit(&a->tag, tag_of(id, SPORE__ASK_WRITING), memory_order_relaxed);
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
	a->error = (struct spore_rpc_error){.text = ""};
	struct spore__msgpack_writer *w = &a->out;
	w->err = 0;
	w->len = 0;
	spore__msgpack_reserve(w, SPORE__RPC_HEADROOM + SPORE__RPC_NAME + size);
	if (w->err != 0) {
		free_slot(a);
		return SPORE_ENOMEM;
	}
	w->len = SPORE__RPC_HEADROOM;
	if (notice)
		spore__rpc_begin_notification(w, method);
	else
		spore__rpc_begin_request(w, id, method);
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

static void explain(struct spore_rpc_ask *a, enum spore_err e)
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

static enum spore_err send_ask(struct spore_rpc_ask *a, int64_t deadline)
{
	struct spore_rpc *r = a->rpc;
	uint32_t id = id_of(a);
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
	atomic_fetch_add_explicit(&r->stat_asks, 1, memory_order_relaxed);
	set(a, SPORE__ASK_QUEUED);
	e = spore__rpc_send(r, &o);
	if (e == SPORE_OK)
		return e; // the answer may have come, and A be another call's
	// SPORE_OK: it was ended meanwhile.
	return move(a, id, SPORE__ASK_QUEUED, SPORE__ASK_WRITING) ? e : SPORE_OK;
}

enum spore_err spore__rpc_ask_goes(struct spore_rpc_ask *a, uint32_t id, uint64_t number)
{
	if (move(a, id, SPORE__ASK_QUEUED, SPORE__ASK_SENDING)) {
		atomic_store_explicit(&a->number, number, memory_order_relaxed);
		return SPORE_OK;
	}
	if (atomic_load(&a->tag) == tag_of(id, SPORE__ASK_TAKEN))
		return SPORE_EAGAIN; // it is being ended
	// It was tried once, and given up then: no answer will come.
	if (move(a, id, SPORE__ASK_ABANDONED, SPORE__ASK_TAKEN))
		free_slot(a);
	else
		(void)move(a, id, SPORE__ASK_GIVEN_UP, SPORE__ASK_DONE);
	return SPORE_ECANCELLED;
}

void spore__rpc_ask_stays(struct spore_rpc_ask *a, uint32_t id)
{
	(void)id;
	atomic_store_explicit(&a->number, UINT64_MAX, memory_order_relaxed);
	set(a, SPORE__ASK_QUEUED);
}

void spore__rpc_ask_refused(struct spore_rpc_ask *a, uint32_t id, enum spore_err e)
{
	if (id_of(a) != id)
		return;
	atomic_store(&a->refused, (int)e);
	atomic_store(&a->rpc->refusals, true);
	spore__rpc_poke(a->rpc);
}

// The peer may be gone already, and what was sent to it have ended before this was.
void spore__rpc_ask_went(struct spore_rpc_ask *a, uint32_t id, uint64_t number)
{
	struct spore_rpc *r = a->rpc;
	set(a, SPORE__ASK_SENT);
	// From here on the answer may be taken, and A be another call's.
	if (r->barrier)
		atomic_signal_fence(memory_order_seq_cst); // who ends calls makes every processor fence
	else
		atomic_thread_fence(memory_order_seq_cst);
	uint64_t gone = atomic_load_explicit(&r->gone, memory_order_relaxed);
	if (gone != 0 && number < gone)
		spore__rpc_ask_refused(a, id, SPORE_ECLOSED);
}

// ---- answers, in the thread that reads

// A has been taken, and its answer is in it.
static void finish(struct spore_rpc_ask *a, enum spore__ask_state then)
{
	struct spore_rpc *r = a->rpc;
	if (a->fn != NULL) {
		a->fn(a, a->err, a->result, a->arg);
		if (then == SPORE__ASK_GIVEN_UP)
			set(a, SPORE__ASK_ABANDONED); // until the answer comes
		else
			free_slot(a);
		return;
	}
	set(a, then);
	if (r->barrier)
		atomic_signal_fence(
		    memory_order_seq_cst); // who takes it over from this thread makes every processor fence
	else
		atomic_thread_fence(memory_order_seq_cst);
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
	struct spore_rpc_ask *a = slot(r, index);
	return id_of(a) == id ? a : NULL;
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
	let_go(a);
	if (move(a, m->id, SPORE__ASK_SENT, SPORE__ASK_TAKEN)) {
		take_answer(a, m);
		finish(a, SPORE__ASK_DONE);
	} else if (a->parts > 0 && !a->answered && atomic_load(&a->tag) == tag_of(m->id, SPORE__ASK_TAKEN)) {
		take_answer(a, m); // a part of it is being looked at
		a->answered = true;
	} else if (move(a, m->id, SPORE__ASK_GIVEN_UP, SPORE__ASK_DONE)) {
		count_late(r);
	} else if (move(a, m->id, SPORE__ASK_ABANDONED, SPORE__ASK_TAKEN)) {
		count_late(r);
		free_slot(a);
	} else {
		count_late(r);
	}
}

void spore__rpc_answer_refused(struct spore_rpc *r, uint32_t id, enum spore_err e)
{
	struct spore_rpc_ask *a = find(r, id);
	if (a != NULL)
		let_go(a);
	if (a == NULL || !move(a, id, SPORE__ASK_SENT, SPORE__ASK_TAKEN))
		return;
	explain(a, e);
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
		let_go(a);
	bool again = a != NULL && a->parts > 0 && !a->answered && atomic_load(&a->tag) == tag_of(id, SPORE__ASK_TAKEN);
	if (a == NULL || (!again && !move(a, id, SPORE__ASK_SENT, SPORE__ASK_TAKEN))) {
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
		set(a, SPORE__ASK_SENT);
}

// A, which has been taken, ends without an answer.
static void end_with(struct spore_rpc_ask *a, enum spore_err e, enum spore__ask_state then)
{
	explain(a, e);
	finish(a, then);
}

void spore__rpc_asks_end(struct spore_rpc *r, uint64_t number, enum spore_err e)
{
	bool all = number == UINT64_MAX;
	atomic_store(&r->gone, all ? number : number + 1);
	if (r->barrier)
		spore__io_barrier();
	atomic_thread_fence(memory_order_seq_cst);
	uint32_t used = atomic_load(&r->used_asks);
	for (uint32_t i = 0; i < used; i++) {
		struct spore_rpc_ask *a = slot(r, i);
		uint32_t id = id_of(a);
		let_go(a);
		if (atomic_load(&a->number) > number)
			continue;
		if (a->parts > 0)
			a->answered = a->answered || (explain(a, e), true);
		else if (move(a, id, SPORE__ASK_SENT, SPORE__ASK_TAKEN) ||
		         (all && move(a, id, SPORE__ASK_QUEUED, SPORE__ASK_TAKEN)))
			end_with(a, e, SPORE__ASK_DONE);
		else if (move(a, id, SPORE__ASK_ABANDONED, SPORE__ASK_TAKEN))
			free_slot(a);
		else
			(void)move(a, id, SPORE__ASK_GIVEN_UP, SPORE__ASK_DONE);
	}
}

// A is in flight, and its time over or it was refused.
static void expire(struct spore_rpc_ask *a, uint32_t id, enum spore_err refused)
{
	struct spore_rpc *r = a->rpc;
	if (move(a, id, SPORE__ASK_QUEUED, SPORE__ASK_TAKEN)) {
		enum spore_err e = atomic_load(&r->unwired) ? SPORE_ENOTWIRED : SPORE_ETIMEOUT;
		end_with(a, refused != SPORE_OK ? refused : e, SPORE__ASK_DONE);
	} else if (move(a, id, SPORE__ASK_SENT, SPORE__ASK_TAKEN)) {
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
		struct spore_rpc_ask *a = slot(r, i);
		uint32_t id = id_of(a);
		let_go(a);
		enum spore__ask_state state = state_of(a);
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

// ---- waiting, ending

static bool is_over(void *arg)
{
	const struct spore_rpc_ask *a = arg;
	enum spore__ask_state state = state_of(a);
	return state == SPORE__ASK_DONE || state == SPORE__ASK_GIVEN_UP;
}

static enum spore_err wait_for(struct spore_rpc_ask *a, int64_t deadline)
{
	struct spore_rpc *r = a->rpc;
	enum spore_err e = SPORE_OK;
	while (e == SPORE_OK && !is_over(a)) {
		bool nested;
		if (spore__rpc_enter(r, &nested)) {
			e = spore__rpc_read(r, deadline, is_over, a, NULL, 0);
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
	uint32_t id = id_of(a);
	for (;; sched_yield()) { // meanwhile the thread that reads has it
		if (is_over(a))
			return;
		if (move(a, id, SPORE__ASK_QUEUED, SPORE__ASK_TAKEN)) {
			explain(a, atomic_load(&a->rpc->unwired) ? SPORE_ENOTWIRED : e);
			set(a, SPORE__ASK_DONE);
			return;
		}
		if (move(a, id, SPORE__ASK_SENT, SPORE__ASK_TAKEN)) {
			uint64_t number = atomic_load(&a->number);
			explain(a, e);
			set(a, SPORE__ASK_GIVEN_UP);
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
		if (a->rpc->barrier)
			spore__io_barrier(); // as `finish` counts on
	}
	if (state_of(a) == SPORE__ASK_WRITING) {
		e = send_ask(a, deadline);
		if (e != SPORE_OK) {
			explain(a, e);
			set(a, SPORE__ASK_DONE);
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
		free_slot(a);
		return e;
	}
	if (deadline != SPORE__RPC_NEVER)
		spore__rpc_note_deadline(r, deadline);
	return SPORE_OK;
}

enum spore_err spore_rpc_tell(struct spore_rpc_ask *a)
{
	enum spore_err e = a->notice ? send_ask(a, SPORE__RPC_NEVER) : SPORE_EINVALID;
	free_slot(a);
	return e;
}

void spore_rpc_cancel(struct spore_rpc_ask *a)
{
	let_go(a);
	enum spore__ask_state state = state_of(a);
	uint64_t number = atomic_load(&a->number);
	if (state == SPORE__ASK_QUEUED)
		number = spore__chan_number(a->rpc->chan, SPORE__SEND); // the request is before it
	if (number != UINT64_MAX && state != SPORE__ASK_WRITING && !is_over(a))
		spore__rpc_send_cancel(a->rpc, id_of(a), number);
}

void spore_rpc_end(struct spore_rpc_ask *a)
{
	if (a == NULL)
		return;
	struct spore_rpc *r = a->rpc;
	uint32_t id = id_of(a);
	if (state_of(a) == SPORE__ASK_WRITING) {
		free_slot(a);
		return;
	}
	for (;; sched_yield()) { // meanwhile the thread that reads has it
		if (state_of(a) == SPORE__ASK_DONE || move(a, id, SPORE__ASK_QUEUED, SPORE__ASK_TAKEN)) {
			free_slot(a);
			return;
		}
		if (move(a, id, SPORE__ASK_GIVEN_UP, SPORE__ASK_ABANDONED))
			return;
		if (move(a, id, SPORE__ASK_SENT, SPORE__ASK_TAKEN)) {
			uint64_t number = atomic_load(&a->number);
			set(a, SPORE__ASK_ABANDONED);
			spore__rpc_send_cancel(r, id, number);
			return;
		}
	}
}

const struct spore_rpc_error *spore_rpc_why(const struct spore_rpc_ask *a)
{
	return &a->error;
}
