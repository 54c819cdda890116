// MessagePack-RPC (https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md), with the reserved methods of spore:
//
//	[0, id, method, params]           a request
//	[1, id, error, result]            its answer; error is nil, or [code, message, data]
//	[2, method, params]               a notification
//	[2, "$/cancel", [id]]             the caller wants no answer any more
//	[2, "$/progress", [id, value]]    how far a call is
//	[2, "$/item", [id, value]]        a part of its result
//	[2, "$/deadline", [id, ms]]       of the request that follows
#include <string.h>

#include "bridge/codec.h"
#include "bridge/jsonrpc.h"

enum { REQUEST = 0, ANSWER = 1, NOTIFICATION = 2, ID = 24 };

struct end {
	struct spore__codec_end base;
	struct spore__msgpack_scan scan;
	unsigned char due_id[ID]; // of the request whose deadline came
	size_t due_len;
	int64_t due_ms;
};

static enum spore_err init(struct spore__codec_end *e)
{
	(void)e;
	return SPORE_OK;
}

static bool is_name(const struct spore__msgpack_value *v)
{
	return v->type == SPORE__MSGPACK_STR && v->s.len > 0 && memchr(v->s.bytes, '\0', v->s.len) == NULL &&
	       spore__json_is_utf8(v->s.bytes, v->s.len, NULL);
}

// ---- in

static void answer_invalid(struct spore__codec_end *e, struct spore__span id, const char *why)
{
	const struct spore__model m = {
	    .kind = SPORE__MODEL_ERROR,
	    .id = id,
	    .code = SPORE__JSONRPC_INVALID,
	    .text = {(const unsigned char *)why, strlen(why)},
	};
	(void)e->ops->encode(e, &m);
}

// $/cancel and the like: [id] or [id, value]. False: it is a notification like others.
static bool take_reserved(struct spore__codec_end *e, const struct spore__msgpack_value *method,
                          struct spore__msgpack_reader params)
{
	struct end *mine = (struct end *)e;
	struct spore__model m = {.kind = SPORE__MODEL_KINDS, .remaining_ms = -1};
	uint32_t count;
	bool due = spore__msgpack_is(method, "$/deadline");
	if (spore__msgpack_is(method, "$/cancel"))
		m.kind = SPORE__MODEL_CANCEL;
	else if (spore__msgpack_is(method, "$/progress"))
		m.kind = SPORE__MODEL_PROGRESS;
	else if (spore__msgpack_is(method, "$/item"))
		m.kind = SPORE__MODEL_ITEM;
	else if (!due)
		return false;
	if (spore__msgpack_read_array(&params, &count) != SPORE__MSGPACK_OK ||
	    count != (m.kind == SPORE__MODEL_CANCEL ? 1 : 2))
		return false;
	m.id = spore__codec_value(&params);
	if (due) {
		mine->due_len = 0;
		if (m.id.len <= ID && spore__msgpack_read_int(&params, &mine->due_ms) == SPORE__MSGPACK_OK &&
		    mine->due_ms >= 0) {
			memcpy(mine->due_id, m.id.bytes, m.id.len);
			mine->due_len = m.id.len;
		}
		return true;
	}
	if (count == 2)
		m.value = spore__codec_value(&params);
	e->sink->message(e, &m);
	return true;
}

static const char *take_call(struct spore__codec_end *e, struct spore__msgpack_reader *r, struct spore__model *m,
                             bool request)
{
	struct end *mine = (struct end *)e;
	struct spore__msgpack_value method;
	if (request)
		m->id = spore__codec_value(r);
	if (spore__msgpack_read(r, &method) != SPORE__MSGPACK_OK || !is_name(&method))
		return "the method is no name";
	m->method = (struct spore__span){method.s.bytes, method.s.len};
	struct spore__msgpack_reader params = *r;
	m->value = spore__codec_value(r);
	m->kind = request ? SPORE__MODEL_REQUEST : SPORE__MODEL_NOTIFICATION;
	if (!request && method.s.bytes[0] == '$' && take_reserved(e, &method, params))
		return NULL;
	if (request && mine->due_len > 0) {
		if (mine->due_len == m->id.len && memcmp(mine->due_id, m->id.bytes, m->id.len) == 0)
			m->remaining_ms = mine->due_ms;
		mine->due_len = 0;
	}
	e->sink->message(e, m);
	return NULL;
}

// [code, message, data] of ours; what others have as an error is its data.
static void take_error(struct spore__span error, struct spore__model *m)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(error.bytes, error.len), at = r;
	struct spore__msgpack_value v, text;
	uint32_t count;
	m->kind = SPORE__MODEL_ERROR;
	m->code = SPORE__JSONRPC_ERROR;
	m->text = (struct spore__span){(const unsigned char *)"the call failed", 15};
	m->value = error;
	if (spore__msgpack_read(&r, &v) == SPORE__MSGPACK_OK && v.type == SPORE__MSGPACK_STR) {
		if (spore__json_is_utf8(v.s.bytes, v.s.len, NULL)) {
			m->text = (struct spore__span){v.s.bytes, v.s.len};
			m->value = (struct spore__span){0};
		}
		return;
	}
	if (spore__msgpack_read_array(&at, &count) != SPORE__MSGPACK_OK || count < 2 || count > 3 ||
	    spore__msgpack_read(&at, &v) != SPORE__MSGPACK_OK || v.type != SPORE__MSGPACK_INT ||
	    spore__msgpack_read(&at, &text) != SPORE__MSGPACK_OK || text.type != SPORE__MSGPACK_STR ||
	    !spore__json_is_utf8(text.s.bytes, text.s.len, NULL))
		return;
	m->code = v.i;
	m->text = (struct spore__span){text.s.bytes, text.s.len};
	m->value = count == 3 ? spore__codec_value(&at) : (struct spore__span){0};
	if (m->value.len == 1 && m->value.bytes[0] == 0xc0)
		m->value = (struct spore__span){0};
}

static void take_answer(struct spore__codec_end *e, struct spore__msgpack_reader *r, struct spore__model *m)
{
	m->id = spore__codec_value(r);
	struct spore__span error = spore__codec_value(r), result = spore__codec_value(r);
	if (error.len == 1 && error.bytes[0] == 0xc0) {
		m->kind = SPORE__MODEL_RESPONSE;
		m->value = result;
	} else {
		take_error(error, m);
	}
	e->sink->message(e, m);
}

static void take_message(struct spore__codec_end *e, const unsigned char *bytes, size_t len)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(bytes, len);
	struct spore__model m = {.remaining_ms = -1};
	int64_t type = -1;
	uint32_t count;
	const char *why = "it is no message of MessagePack-RPC";
	if (spore__msgpack_read_array(&r, &count) == SPORE__MSGPACK_OK && count > 0 &&
	    spore__msgpack_read_int(&r, &type) != SPORE__MSGPACK_OK)
		type = -1;
	if ((type == REQUEST && count == 4) || (type == NOTIFICATION && count == 3)) {
		why = take_call(e, &r, &m, type == REQUEST);
	} else if (type == ANSWER && count == 4) {
		take_answer(e, &r, &m);
		why = NULL;
	}
	if (why == NULL)
		return;
	if (m.id.len > 0)
		answer_invalid(e, m.id, why);
	e->sink->refused(e, bytes, len, why);
}

// A message that is not whole, or no MessagePack further on, may have begun as a call, which is answered.
static void answer_beginning(struct spore__codec_end *e, const void *bytes, size_t len, const char *why)
{
	const unsigned char *p = bytes;
	if (len < 3 || p[0] != 0x94 || p[1] != REQUEST)
		return;
	struct spore__msgpack_reader r = spore__msgpack_reader(p + 2, len - 2);
	if (spore__msgpack_skip(&r) == SPORE__MSGPACK_OK)
		answer_invalid(e, (struct spore__span){p + 2, (size_t)(r.at - (p + 2))}, why);
}

static enum spore_err broken(struct spore__codec_end *e, const void *bytes, size_t len, enum spore__msgpack_err err)
{
	enum { SHOWN = 4096 };
	const char *why = err == SPORE__MSGPACK_LARGE  ? "the message is larger than the limit"
	                  : err == SPORE__MSGPACK_DEEP ? "arrays and maps are in each other too deeply"
	                  : err == SPORE__MSGPACK_MORE ? "the message ends within a value"
	                                               : "it is no MessagePack";
	answer_beginning(e, bytes, len, why);
	e->sink->refused(e, bytes, len < SHOWN ? len : SHOWN, why);
	return spore__codec_fail(e,
	                         err == SPORE__MSGPACK_LARGE  ? SPORE_ETOOBIG
	                         : err == SPORE__MSGPACK_DEEP ? SPORE_ETOODEEP
	                                                      : SPORE_EMALFORMED,
	                         "%s", why);
}

static enum spore_err feed(struct spore__codec_end *e, const void *bytes, size_t len, size_t *used)
{
	struct end *mine = (struct end *)e;
	const unsigned char *p = bytes;
	for (*used = 0; *used < len && !e->pause;) {
		enum spore__msgpack_err err =
		    spore__msgpack_scan(&mine->scan, p + *used, len - *used, e->limits->message);
		if (err == SPORE__MSGPACK_MORE && e->framing == NULL)
			return SPORE_OK;
		size_t whole = mine->scan.offset;
		mine->scan = (struct spore__msgpack_scan){0};
		if (err == SPORE__MSGPACK_OK && e->framing != NULL && whole != len)
			err = SPORE__MSGPACK_MALFORMED;
		if (err != SPORE__MSGPACK_OK) {
			enum spore_err failed = broken(e, p + *used, len - *used, err);
			*used = len;
			return e->framing != NULL ? SPORE_OK : failed; // another message has its own beginning there
		}
		take_message(e, p + *used, whole);
		*used += whole;
	}
	return SPORE_OK;
}

// ---- out

static void put_params(struct spore__msgpack_writer *w, struct spore__span value)
{
	unsigned char first = value.len > 0 ? value.bytes[0] : 0xc0;
	bool many = (first >= 0x80 && first < 0xa0) || (first >= 0xdc && first <= 0xdf);
	if (!many)
		spore__msgpack_array(w, first == 0xc0 ? 0 : 1);
	if (many || first != 0xc0)
		spore__msgpack_raw(w, value.bytes, value.len);
}

static void put_reserved(struct spore__msgpack_writer *w, const char *method, const struct spore__model *m)
{
	spore__msgpack_array(w, 3);
	spore__msgpack_int(w, NOTIFICATION);
	spore__msgpack_str(w, method);
	spore__msgpack_array(w, m->kind == SPORE__MODEL_CANCEL ? 1 : 2);
	spore__msgpack_raw(w, m->id.bytes, m->id.len);
	if (m->kind == SPORE__MODEL_REQUEST)
		spore__msgpack_int(w, m->remaining_ms);
	else if (m->kind != SPORE__MODEL_CANCEL)
		spore__msgpack_raw(w, m->value.bytes, m->value.len);
}

static void put_answer(struct spore__msgpack_writer *w, const struct spore__model *m)
{
	spore__msgpack_array(w, 4);
	spore__msgpack_int(w, ANSWER);
	spore__msgpack_raw(w, m->id.bytes, m->id.len);
	if (m->kind == SPORE__MODEL_RESPONSE) {
		spore__msgpack_nil(w);
		spore__msgpack_raw(w, m->value.bytes, m->value.len);
		return;
	}
	spore__msgpack_array(w, 3);
	spore__msgpack_int(w, m->code);
	spore__msgpack_strn(w, (const char *)m->text.bytes, (uint32_t)m->text.len);
	if (m->value.len > 0)
		spore__msgpack_raw(w, m->value.bytes, m->value.len);
	else
		spore__msgpack_nil(w);
	spore__msgpack_nil(w);
}

static void put_call(struct spore__msgpack_writer *w, const struct spore__model *m)
{
	bool request = m->kind == SPORE__MODEL_REQUEST;
	spore__msgpack_array(w, request ? 4 : 3);
	spore__msgpack_int(w, request ? REQUEST : NOTIFICATION);
	if (request)
		spore__msgpack_raw(w, m->id.bytes, m->id.len);
	spore__msgpack_strn(w, (const char *)m->method.bytes, (uint32_t)m->method.len);
	put_params(w, m->value);
}

static enum spore_err put_message(struct spore__codec_end *e, const struct spore__model *m, const char *reserved)
{
	size_t before = e->out.len, begun = spore__codec_begin(e);
	struct spore__msgpack_writer w = spore__codec_writer(e);
	if (reserved != NULL)
		put_reserved(&w, reserved, m);
	else if (m->kind == SPORE__MODEL_RESPONSE || m->kind == SPORE__MODEL_ERROR)
		put_answer(&w, m);
	else
		put_call(&w, m);
	enum spore_err err = spore__codec_written(e, &w);
	if (err == SPORE_OK)
		spore__codec_commit(e, begun);
	else
		spore__codec_abandon(e, before);
	return err;
}

static enum spore_err encode(struct spore__codec_end *e, const struct spore__model *m)
{
	size_t before = e->out.len;
	enum spore_err err = SPORE_OK;
	switch (m->kind) {
	case SPORE__MODEL_REQUEST:
		if (m->remaining_ms >= 0)
			err = put_message(e, m, "$/deadline");
		if (err == SPORE_OK)
			err = put_message(e, m, NULL);
		if (err != SPORE_OK)
			spore__codec_abandon(e, before);
		return err;
	case SPORE__MODEL_RESPONSE:
	case SPORE__MODEL_ERROR:
	case SPORE__MODEL_NOTIFICATION:
		return put_message(e, m, NULL);
	case SPORE__MODEL_CANCEL:
		return put_message(e, m, "$/cancel");
	case SPORE__MODEL_PROGRESS:
		return put_message(e, m, "$/progress");
	case SPORE__MODEL_ITEM:
		return put_message(e, m, "$/item");
	case SPORE__MODEL_VALUE:
	case SPORE__MODEL_KINDS:
		break;
	}
	return SPORE_EUNSUPPORTED;
}

// On a stream as they are, since each value ends by itself; over a channel each message is one.
#define MSGPACK_RPC(of, called, does)                                                                                  \
	const struct spore__codec_ops spore__codec_##of = {                                                            \
	    .name = called,                                                                                            \
	    .help = does,                                                                                              \
	    .calls = true,                                                                                             \
	    .ids = true,                                                                                               \
	    .symmetric = true,                                                                                         \
	    .size = sizeof(struct end),                                                                                \
	    .init = init,                                                                                              \
	    .feed = feed,                                                                                              \
	    .encode = encode,                                                                                          \
	}

extern const struct spore__codec_ops spore__codec_msgpack_rpc, spore__codec_rpc;
MSGPACK_RPC(msgpack_rpc, "msgpack-rpc", "MessagePack-RPC on a stream, as Neovim speaks it");
MSGPACK_RPC(rpc, "rpc", "calls of libspore: MessagePack-RPC, on a channel each message by itself");
