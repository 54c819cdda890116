// What comes from the peer: messages, and its end.
#include <stdlib.h>
#include <string.h>

#include "chan/bell.h"
#include "rpc_inside.h"

enum {
	FIRST = 512,      // bytes of a buffer
	CHUNK = 64 << 10, // bytes that are read of a stream at once
};

bool spore__rpc_buffer_reserve(struct spore__rpc_buffer *b, size_t size)
{
	if (size <= b->cap)
		return true;
	size_t cap = b->cap < FIRST ? FIRST : b->cap * 2;
	if (cap < size)
		cap = size;
	unsigned char *data = realloc(b->data, cap);
	if (data == NULL)
		return false;
	*b = (struct spore__rpc_buffer){data, cap};
	return true;
}

// ---- what a peer's end means

static void tell_peer(struct spore_rpc *r, enum spore_err why)
{
	r->greeted = why == SPORE_OK;
	if (r->options.peer != NULL)
		r->options.peer(r, why, r->options.data);
}

static void greet(struct spore_rpc *r)
{
	if (!r->greeted)
		tell_peer(r, SPORE_OK);
}

// The peer says no more (SPORE_EEND; it may still listen), or is gone.
static void lose(struct spore_rpc *r, enum spore_err e)
{
	uint64_t number = spore__chan_number(r->chan, SPORE__RECEIVE);
	r->stream_at = r->stream_len = 0;
	r->scan = (struct spore__msgpack_scan){0};
	r->due_at = SPORE__RPC_NEVER;
	r->crowd = 0;
	if (!r->port)
		atomic_store(&r->over, (int)e);
	if (e != SPORE_EEND)
		spore__rpc_calls_end(r, number);
	spore__rpc_asks_end(r, r->port ? number : UINT64_MAX, e);
	if (r->greeted)
		tell_peer(r, e);
}

static void returned(struct spore_rpc *r)
{
	uint64_t number = spore__chan_number(r->chan, SPORE__RECEIVE);
	r->number = number;
	r->stream_at = r->stream_len = 0;
	r->scan = (struct spore__msgpack_scan){0};
	r->due_at = SPORE__RPC_NEVER;
	spore__rpc_calls_end(r, number - 1);
	spore__rpc_asks_end(r, number - 1, SPORE_ERETURNED);
	if (r->greeted)
		tell_peer(r, SPORE_ECLOSED);
	greet(r);
}

// The peer broke the rules.
static void cut_off(struct spore_rpc *r, enum spore_err e)
{
	r->skip = spore__chan_number(r->chan, SPORE__RECEIVE);
	spore__chan_hang_up(r->chan);
	lose(r, e);
}

// What the channel said, and what this says then.
static enum spore_err judge(struct spore_rpc *r, enum spore_err e)
{
	enum { ENDS = 3 }; // in a row: it is for good
	switch (e) {
	case SPORE_EAGAIN:
	case SPORE_ENOTWIRED:
		r->ends = 0;
		return e;
	case SPORE_ERETURNED:
		r->ends = 0;
		returned(r);
		return SPORE_OK;
	case SPORE_ENOMEM:
	case SPORE_ECANCELLED:
		return e;
	default:
		lose(r, e);
		if (r->port && ++r->ends == ENDS) {
			atomic_store(&r->over, (int)e);
			spore__rpc_asks_end(r, UINT64_MAX, e);
		}
		return SPORE_OK;
	}
}

// ---- messages

// A message that is longer than allowed: who called is told, as far as that can be seen.
static enum spore_err skip_large(struct spore_rpc *r)
{
	unsigned char head[32];
	const void *data;
	size_t len;
	uint32_t count;
	int64_t kind, id;
	enum spore_err e = spore_chan_read(r->chan, &data, &len, SPORE_NOW);
	if (e == SPORE_ENOMEM) { // not even to look at its beginning
		e = spore_chan_skip(r->chan, SPORE_NOW);
		return e == SPORE_OK ? SPORE_ETOOBIG : e;
	}
	if (e != SPORE_OK)
		return e;
	memcpy(head, data, sizeof head < len ? sizeof head : len);
	spore_chan_release(r->chan);
	struct spore__msgpack_reader at = spore__msgpack_reader(head, sizeof head < len ? sizeof head : len);
	// A count beyond what is there is no hindrance to a look at the first two.
	if (spore__msgpack_read_array(&at, &count) == SPORE__MSGPACK_OK &&
	    spore__msgpack_read_int(&at, &kind) == SPORE__MSGPACK_OK &&
	    spore__msgpack_read_int(&at, &id) == SPORE__MSGPACK_OK && id >= 0 && id <= UINT32_MAX) {
		if (kind == SPORE__RPC_REQUEST)
			(void)spore__rpc_refuse(r, spore__chan_number(r->chan, SPORE__RECEIVE), (uint32_t)id,
			                        SPORE_ETOOBIG, "the message is too long");
		else if (kind == SPORE__RPC_RESPONSE)
			spore__rpc_answer_refused(r, (uint32_t)id, SPORE_ETOOBIG);
	}
	return SPORE_ETOOBIG;
}

static enum spore_err receive_message(struct spore_rpc *r, bool briefly)
{
	size_t need = FIRST;
	for (;;) {
		if (r->in.cap < need && !spore__rpc_buffer_reserve(&r->in, need))
			return SPORE_ENOMEM;
		enum spore_err e = spore__chan_take(r->chan, r->in.data, r->in.cap, &r->in_len, briefly);
		if (e != SPORE_ETOOBIG)
			return e;
		if (r->in_len > r->options.largest)
			return skip_large(r);
		need = r->in_len;
	}
}

// The next message of a stream is copied into r->in. SPORE_EAGAIN: it is not whole.
static enum spore_err cut_message(struct spore_rpc *r)
{
	const unsigned char *from = r->stream.data + r->stream_at;
	enum spore__msgpack_err m =
	    spore__msgpack_scan(&r->scan, from, r->stream_len - r->stream_at, r->options.largest);
	if (m == SPORE__MSGPACK_MORE)
		return SPORE_EAGAIN;
	if (m != SPORE__MSGPACK_OK) {
		cut_off(r, m == SPORE__MSGPACK_LARGE ? SPORE_ETOOBIG : SPORE_EMALFORMED);
		return SPORE_ETOOBIG; // what is there is not looked at any more
	}
	r->in_len = r->scan.offset;
	r->scan = (struct spore__msgpack_scan){0};
	if (!spore__rpc_buffer_reserve(&r->in, r->in_len > FIRST ? r->in_len : FIRST))
		return SPORE_ENOMEM;
	memcpy(r->in.data, from, r->in_len);
	r->stream_at += r->in_len;
	return SPORE_OK;
}

static enum spore_err receive_bytes(struct spore_rpc *r)
{
	for (;;) {
		enum spore_err e = r->stream_at < r->stream_len ? cut_message(r) : SPORE_EAGAIN;
		if (e != SPORE_EAGAIN)
			return e;
		size_t left = r->stream_len - r->stream_at, got;
		if (left > 0 && r->stream_at > 0)
			memmove(r->stream.data, r->stream.data + r->stream_at, left);
		r->stream_at = 0;
		r->stream_len = left;
		if (!spore__rpc_buffer_reserve(&r->stream, left + CHUNK))
			return SPORE_ENOMEM;
		e = spore_chan_recv(r->chan, r->stream.data + left, r->stream.cap - left, &got, SPORE_NOW);
		if (e != SPORE_OK)
			return e;
		if (r->skip == 0 || r->skip != spore__chan_number(r->chan, SPORE__RECEIVE))
			r->stream_len += got;
	}
}

static bool is(const struct spore__rpc_message *m, const char *name)
{
	return strlen(name) == m->method_len && memcmp(name, m->method, m->method_len) == 0;
}

// A notification that begins with "$/".
static void handle_reserved(struct spore_rpc *r, const struct spore__rpc_message *m)
{
	struct spore__msgpack_value id, ms;
	bool item = is(m, "$/item");
	if (item || is(m, "$/progress")) {
		spore__rpc_part(r, m, !item);
		return;
	}
	if (!spore__rpc_param(&m->params, 0, "id", &id) || id.type != SPORE__MSGPACK_INT || id.i < 0 ||
	    id.i > UINT32_MAX)
		return;
	if (is(m, "$/cancel"))
		spore__rpc_cancelled_by_peer(r, (uint32_t)id.i);
	else if (is(m, "$/deadline") && spore__rpc_param(&m->params, 1, "ms", &ms) && ms.type == SPORE__MSGPACK_INT)
		spore__rpc_deadline_by_peer(r, (uint32_t)id.i, ms.i);
}

static void handle(struct spore_rpc *r)
{
	struct spore__rpc_message m;
	enum spore_err e = spore__rpc_parse(r->in.data, r->in_len, &m);
	if (e != SPORE_OK && m.kind == SPORE__RPC_REQUEST)
		(void)spore__rpc_refuse(r, r->number, m.id, SPORE_EMALFORMED, "this is no request");
	else if (e != SPORE_OK)
		cut_off(r, SPORE_EMALFORMED);
	else if (m.kind == SPORE__RPC_RESPONSE)
		spore__rpc_answered(r, &m);
	else if (m.kind == SPORE__RPC_NOTIFICATION && m.method_len > 2 && memcmp(m.method, "$/", 2) == 0)
		handle_reserved(r, &m);
	else
		spore__rpc_called(r, &m);
	if (r->crowd > SPORE__RPC_CROWD)
		cut_off(r, SPORE_ECLOSED);
}

enum spore_err spore__rpc_take(struct spore_rpc *r, bool briefly)
{
	int over = atomic_load_explicit(&r->over, memory_order_relaxed);
	if (over != SPORE_OK)
		return (enum spore_err)over;
	enum spore_err e = r->bytes ? receive_bytes(r) : receive_message(r, briefly);
	if (e == SPORE_ETOOBIG)
		return SPORE_OK;
	if (e != SPORE_OK)
		return judge(r, e);
	uint64_t number = spore__chan_number(r->chan, SPORE__RECEIVE);
	r->ends = 0;
	if (number != r->number || !r->greeted) {
		r->number = number;
		greet(r);
	}
	if (r->skip == 0 || number != r->skip)
		handle(r);
	return SPORE_OK;
}
