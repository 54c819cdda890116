#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "os/os.h"
#include "rpc_inside.h"

static bool take_sending(struct spore_rpc *r)
{
	return !atomic_load_explicit(&r->sending, memory_order_relaxed) && !atomic_exchange(&r->sending, true);
}

bool spore__rpc_is_full(const struct spore_rpc *r)
{
	return atomic_load_explicit(&r->queued, memory_order_relaxed) > r->options.outgoing;
}

void spore__rpc_poke(struct spore_rpc *r)
{
	atomic_store(&r->attention, true);
	if (atomic_load_explicit(&r->reader, memory_order_relaxed) == spore__rpc_self())
		return;
	// The thread that reads says that it sleeps, then looks for what is left for it, without a fence: it is here.
	spore__rpc_barrier(r);
	if (atomic_load(&r->asleep))
		spore__io_wake_ring(r->wake);
}

// ---- parcels

static struct spore__rpc_parcel *pack(const struct spore__rpc_out *o)
{
	struct spore__rpc_parcel *p = malloc(sizeof *p + o->len);
	if (p == NULL)
		return NULL;
	unsigned char *bytes = (unsigned char *)(p + 1);
	*p = (struct spore__rpc_parcel){.size = o->len, .out = *o};
	memcpy(bytes, o->bytes, o->len);
	p->out.bytes = bytes;
	if (o->purpose == SPORE__RPC_ASKS)
		spore__rpc_ask_waits(o->ask, o->id);
	return p;
}

static void enqueue(struct spore_rpc *r, struct spore__rpc_parcel *p)
{
	p->next = NULL;
	*r->queue_end = p;
	r->queue_end = &p->next;
}

static void dequeue(struct spore_rpc *r)
{
	struct spore__rpc_parcel *p = r->queue;
	r->queue = p->next;
	if (r->queue == NULL)
		r->queue_end = &r->queue;
	atomic_fetch_sub(&r->queued, p->size);
	free(p);
}

// What other threads left, the first first.
static void collect(struct spore_rpc *r)
{
	struct spore__rpc_parcel *p = atomic_exchange(&r->pending, NULL), *first = NULL;
	while (p != NULL) {
		struct spore__rpc_parcel *next = p->next;
		p->next = first;
		first = p;
		p = next;
	}
	while (first != NULL) {
		struct spore__rpc_parcel *next = first->next;
		enqueue(r, first);
		first = next;
	}
}

// ---- sending, by the one that has taken it

// Is O for the peer NUMBER? As spore__rpc_ask_goes.
static enum spore_err goes(const struct spore__rpc_out *o, uint64_t number)
{
	switch (o->purpose) {
	case SPORE__RPC_TO_ANY:
		break;
	case SPORE__RPC_ASKS:
		return spore__rpc_ask_goes(o->ask, o->id, number);
	case SPORE__RPC_ANSWERS:
	case SPORE__RPC_FOR_ONE:
		return o->number >= number ? SPORE_OK : SPORE_ECANCELLED;
	}
	return SPORE_OK;
}

static enum spore_err send_parts(struct spore_rpc *r, struct spore__rpc_out *o)
{
	if (o->split > 0) {
		enum spore_err e = spore_chan_queue(r->chan, o->bytes, o->split, SPORE_NOW);
		if (e != SPORE_OK)
			return e;
		o->bytes += o->split; // also of a parcel: what is left of it
		o->len -= o->split;
		o->split = 0;
	}
	return spore_chan_send(r->chan, o->bytes, o->len, SPORE_NOW);
}

// SPORE_OK: it is sent, or nobody wants it any more. SPORE_EAGAIN: later. Others: never.
static enum spore_err try_send(struct spore_rpc *r, struct spore__rpc_out *o)
{
	enum { ENDS = 3 }; // in a row: it is for good
	for (unsigned ends = 0;;) {
		uint64_t number = spore__chan_number(r->chan, SPORE__SEND);
		enum spore_err e = goes(o, number);
		if (e != SPORE_OK)
			return e == SPORE_ECANCELLED ? SPORE_OK : e;
		e = send_parts(r, o);
		if (o->purpose == SPORE__RPC_ASKS) {
			if (e == SPORE_OK)
				spore__rpc_ask_went(o->ask, o->id, number);
			else
				spore__rpc_ask_stays(o->ask);
		}
		if (e == SPORE_OK) {
			if (atomic_load_explicit(&r->unwired, memory_order_relaxed))
				atomic_store_explicit(&r->unwired, false, memory_order_relaxed);
			return e;
		}
		if (e == SPORE_EAGAIN)
			return e;
		if (e == SPORE_ENOTWIRED) {
			atomic_store_explicit(&r->unwired, true, memory_order_relaxed);
			return SPORE_EAGAIN;
		}
		if (e == SPORE_ETOOBIG || e == SPORE_ENOMEM || e == SPORE_EINVALID)
			return e;
		if (e != SPORE_ERETURNED && (!r->port || ++ends == ENDS))
			return SPORE_ECLOSED;
	}
}

// P cannot be sent, for good.
static void give_up(struct spore_rpc *r, struct spore__rpc_parcel *p, enum spore_err e)
{
	const struct spore__rpc_out *o = &p->out;
	if (o->purpose == SPORE__RPC_ASKS) {
		spore__rpc_ask_refused(o->ask, o->id, e);
	} else if (o->purpose == SPORE__RPC_ANSWERS && e != SPORE_ECLOSED) {
		// The error takes its place.
		unsigned char bytes[128];
		struct spore__msgpack_writer w;
		spore__msgpack_writer_fixed(&w, bytes, sizeof bytes);
		spore__rpc_write_error(&w, o->id, e, spore_err_text(e));
		struct spore__rpc_out error = {
		    .purpose = SPORE__RPC_ANSWERS, .bytes = bytes, .len = w.len, .number = o->number, .id = o->id};
		struct spore__rpc_parcel *q = pack(&error);
		if (q != NULL) {
			atomic_fetch_add(&r->queued, q->size);
			enqueue(r, q);
		}
	}
}

// The thread that reads waits for room, too; and the descriptor that it sleeps on may have been read by this one when it looked for some.
static void wait_for_room(struct spore_rpc *r)
{
	if (!spore__rpc_reads(r))
		spore__rpc_poke(r);
}

static void flush(struct spore_rpc *r)
{
	bool was_full = spore__rpc_is_full(r);
	if (atomic_load_explicit(&r->pending, memory_order_relaxed) != NULL)
		collect(r);
	while (r->queue != NULL) {
		struct spore__rpc_parcel *p = r->queue;
		enum spore_err e = try_send(r, &p->out);
		if (e == SPORE_EAGAIN) {
			wait_for_room(r);
			break;
		}
		if (e != SPORE_OK)
			give_up(r, p, e);
		dequeue(r);
	}
	if (was_full && !spore__rpc_is_full(r)) { // somebody may wait for that
		spore__rpc_poke(r);
		spore__rpc_wake_waiters(r);
	}
}

static void leave_sending(struct spore_rpc *r)
{
	for (;;) {
		atomic_store_explicit(&r->sending, false, memory_order_release);
		spore__rpc_fence(r);
		if (atomic_load_explicit(&r->pending, memory_order_relaxed) == NULL || !take_sending(r))
			return;
		flush(r);
	}
}

static enum spore_err send_now(struct spore_rpc *r, struct spore__rpc_out *o)
{
	if (r->queue != NULL || atomic_load_explicit(&r->pending, memory_order_relaxed) != NULL)
		flush(r);
	if (r->queue == NULL) {
		enum spore_err e = try_send(r, o);
		if (e != SPORE_EAGAIN)
			return e;
	}
	struct spore__rpc_parcel *p = pack(o);
	if (p == NULL)
		return SPORE_ENOMEM;
	atomic_fetch_add(&r->queued, p->size);
	enqueue(r, p);
	wait_for_room(r);
	return SPORE_OK;
}

enum spore_err spore__rpc_send(struct spore_rpc *r, struct spore__rpc_out *o)
{
	if (take_sending(r)) {
		enum spore_err e = send_now(r, o);
		leave_sending(r);
		return e;
	}
	if (atomic_load(&r->closed))
		return SPORE_ECLOSED;
	struct spore__rpc_parcel *p = pack(o);
	if (p == NULL)
		return SPORE_ENOMEM;
	atomic_fetch_add(&r->queued, p->size);
	p->next = atomic_load(&r->pending);
	while (!atomic_compare_exchange_weak(&r->pending, &p->next, p))
		;
	bool mine = take_sending(r);
	if (!mine) {
		spore__rpc_barrier(r); // now the one that has it sees the parcel, or has left
		mine = take_sending(r);
	}
	if (mine) {
		flush(r);
		if (r->queue != NULL)
			spore__rpc_poke(r);
		leave_sending(r);
	}
	return SPORE_OK;
}

void spore__rpc_flush(struct spore_rpc *r)
{
	if (!take_sending(r))
		return;
	flush(r);
	leave_sending(r);
}

void spore__rpc_stop_sending(struct spore_rpc *r)
{
	while (!take_sending(r))
		sched_yield();
}

void spore__rpc_drop_parcels(struct spore_rpc *r)
{
	collect(r);
	while (r->queue != NULL)
		dequeue(r);
}

// ---- messages of our own

enum spore_err spore__rpc_refuse(struct spore_rpc *r, uint64_t number, uint32_t id, int64_t code, const char *text)
{
	unsigned char bytes[512];
	struct spore__msgpack_writer w;
	spore__msgpack_writer_fixed(&w, bytes, sizeof bytes);
	spore__rpc_write_error(&w, id, code, text);
	struct spore__rpc_out o = {
	    .purpose = SPORE__RPC_ANSWERS, .bytes = bytes, .len = w.len, .number = number, .id = id};
	return w.err == 0 ? spore__rpc_send(r, &o) : SPORE_ETOOBIG;
}

void spore__rpc_send_cancel(struct spore_rpc *r, uint32_t id, uint64_t number)
{
	unsigned char bytes[32];
	struct spore__msgpack_writer w;
	spore__msgpack_writer_fixed(&w, bytes, sizeof bytes);
	spore__rpc_begin_notification(&w, "$/cancel");
	spore__msgpack_array(&w, 1);
	spore__msgpack_uint(&w, id);
	struct spore__rpc_out o = {.purpose = SPORE__RPC_FOR_ONE, .bytes = bytes, .len = w.len, .number = number};
	(void)spore__rpc_send(r, &o);
}
