// JSON-RPC 2.0 (https://www.jsonrpc.org/specification), a message on each line; and with the heads of LSP
// (https://microsoft.github.io/language-server-protocol), whose cancel and progress are its own:
//
//	{"jsonrpc":"2.0","id":1,"method":"m","params":[]}    a request; [..] of them is a batch, answered by one
//	{"jsonrpc":"2.0","id":1,"result":5}                  its answer
//	{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"m","data":5}}
//	{"jsonrpc":"2.0","method":"m","params":{}}           a notification
//	"$/cancel" [id], "$/progress" [id, value], "$/item" [id, value], "$/deadline" [id, ms]      as of MessagePack-RPC
//	"$/cancelRequest" {"id":1}, "$/progress" {"token":1,"value":5}                              of LSP
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bridge/codec.h"
#include "bridge/jsonrpc.h"

struct batch {
	struct batch *next;
	size_t waiting; // answers that are to come, and one while it is read
	bool any;
	struct spore__buf text;
};

// A request of a batch that was not answered.
struct member {
	struct member *next;
	struct batch *batch;
	size_t len;
	unsigned char id[];
};

// LSP: a request said with which token it wants to hear of its progress, or of parts of its result.
struct token {
	struct token *next;
	bool parts;
	bool ours; // the request is of the peer; else the id is the bridge's
	size_t id_len, len;
	unsigned char bytes[]; // id, token
};

enum { TOKENS = 256 };

struct end {
	struct spore__codec_end base;
	struct spore__msgpack_writer message; // that is being read
	struct batch *batches;
	struct member *members;
	struct batch *reading; // the batch that the message is of
	struct token *tokens;  // the latest first
	size_t token_count;
	struct spore__span due_id; // of the request whose deadline came: malloc'ed
	int64_t due_ms;
};

extern const struct spore__codec_ops spore__codec_json_rpc, spore__codec_lsp;

static bool is_lsp(const struct spore__codec_end *e)
{
	return e->ops == &spore__codec_lsp;
}

static enum spore_err init(struct spore__codec_end *e)
{
	(void)e;
	return SPORE_OK;
}

static void finish(struct spore__codec_end *e)
{
	struct end *mine = (struct end *)e;
	for (struct member *m; (m = mine->members) != NULL; free(m))
		mine->members = m->next;
	for (struct batch *b; (b = mine->batches) != NULL; free(b)) {
		mine->batches = b->next;
		spore__buf_finish(&b->text);
	}
	for (struct token *t; (t = mine->tokens) != NULL; free(t))
		mine->tokens = t->next;
	free((void *)(uintptr_t)mine->due_id.bytes);
	spore__msgpack_writer_finish(&mine->message);
}

static bool same(struct spore__span a, const void *bytes, size_t len)
{
	return a.len == len && (len == 0 || memcmp(a.bytes, bytes, len) == 0);
}

// ---- batches

static void end_batch(struct end *mine, struct batch *b)
{
	if (b->any) {
		size_t begun = spore__codec_begin(&mine->base);
		spore__buf_char(&b->text, ']');
		spore__buf_add(&mine->base.out, b->text.data, b->text.len);
		spore__codec_commit(&mine->base, begun);
	}
	struct batch **at = &mine->batches;
	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	spore__buf_finish(&b->text);
	free(b);
}

static void leave_batch(struct end *mine, struct batch *b)
{
	if (--b->waiting == 0)
		end_batch(mine, b);
}

static void join_batch(struct end *mine, struct spore__span id)
{
	struct member *m = spore__xmalloc(sizeof *m + id.len);
	*m = (struct member){.next = mine->members, .batch = mine->reading, .len = id.len};
	memcpy(m->id, id.bytes, id.len);
	mine->members = m;
	m->batch->waiting++;
}

// The batch whose answer to ID it is, which is not awaited any more; NULL: it goes by itself.
static struct batch *batch_of(struct end *mine, struct spore__span id)
{
	for (struct member **at = &mine->members; *at != NULL; at = &(*at)->next) {
		struct member *m = *at;
		if (!same(id, m->id, m->len))
			continue;
		struct batch *b = m->batch;
		*at = m->next;
		free(m);
		return b;
	}
	return NULL;
}

// ---- tokens of LSP

static struct token **find_token(struct end *mine, bool ours, bool parts, struct spore__span id,
                                 struct spore__span token)
{
	struct token **at = &mine->tokens;
	for (; *at != NULL; at = &(*at)->next) {
		const struct token *t = *at;
		if (t->ours != ours || (id.bytes != NULL && (t->parts != parts || !same(id, t->bytes, t->id_len))))
			continue;
		if (token.bytes == NULL || same(token, t->bytes + t->id_len, t->len))
			break;
	}
	return at;
}

static void drop_tokens(struct end *mine, bool ours, struct spore__span id)
{
	for (int parts = 0; parts < 2; parts++) {
		struct token **at = find_token(mine, ours, parts, id, (struct spore__span){0}), *t = *at;
		if (t == NULL)
			continue;
		*at = t->next;
		mine->token_count--;
		free(t);
	}
}

// Of a request with PARAMS.
static void keep_tokens(struct end *mine, bool ours, struct spore__span id, struct spore__span params)
{
	static const char *const keys[] = {"workDoneToken", "partialResultToken"};
	struct spore__msgpack_reader r = spore__msgpack_reader(params.bytes, params.len), value;
	for (int parts = 0; parts < 2; parts++) {
		if (mine->token_count == TOKENS || !spore__msgpack_find(&r, keys[parts], &value))
			continue;
		struct spore__span token = spore__codec_value(&value);
		struct token *t = spore__xmalloc(sizeof *t + id.len + token.len);
		*t = (struct token){
		    .next = mine->tokens, .parts = parts > 0, .ours = ours, .id_len = id.len, .len = token.len};
		memcpy(t->bytes, id.bytes, id.len);
		memcpy(t->bytes + id.len, token.bytes, token.len);
		mine->tokens = t;
		mine->token_count++;
	}
}

// ---- in

struct parts {
	bool version;
	struct spore__span id, method, params, result, error; // values; without bytes: not there
};

static bool take_parts(struct spore__msgpack_reader *r, struct parts *p)
{
	uint32_t pairs;
	struct spore__msgpack_value key;
	*p = (struct parts){0};
	if (spore__msgpack_read_map(r, &pairs) != SPORE__MSGPACK_OK)
		return false;
	for (; pairs > 0; pairs--) {
		(void)spore__msgpack_read(r, &key);
		struct spore__span value = spore__codec_value(r);
		if (spore__msgpack_is(&key, "jsonrpc"))
			p->version = same(value,
			                  "\xa3"
			                  "2.0",
			                  4);
		else if (spore__msgpack_is(&key, "id"))
			p->id = value;
		else if (spore__msgpack_is(&key, "method"))
			p->method = value;
		else if (spore__msgpack_is(&key, "params"))
			p->params = value;
		else if (spore__msgpack_is(&key, "result"))
			p->result = value;
		else if (spore__msgpack_is(&key, "error"))
			p->error = value;
	}
	return true;
}

static bool take_text(struct spore__span value, struct spore__span *text)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(value.bytes, value.len);
	const char *s;
	uint32_t len;
	if (value.bytes == NULL || spore__msgpack_read_str(&r, &s, &len) != SPORE__MSGPACK_OK)
		return false;
	*text = (struct spore__span){(const unsigned char *)s, len};
	return true;
}

static bool is_id(struct spore__span id)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(id.bytes, id.len);
	struct spore__msgpack_value v;
	return spore__msgpack_read(&r, &v) == SPORE__MSGPACK_OK &&
	       (v.type == SPORE__MSGPACK_STR || v.type == SPORE__MSGPACK_INT || v.type == SPORE__MSGPACK_UINT ||
	        v.type == SPORE__MSGPACK_FLOAT || v.type == SPORE__MSGPACK_NIL);
}

static bool is_many(struct spore__span value)
{
	unsigned char first = value.bytes[0];
	return (first >= 0x80 && first < 0xa0) || (first >= 0xdc && first <= 0xdf);
}

static const struct spore__span nil = {(const unsigned char *)"\xc0", 1};
static const struct spore__span nothing = {(const unsigned char *)"\x90", 1};

static void answer_error(struct spore__codec_end *e, struct spore__span id, int64_t code, const char *why)
{
	const struct spore__model m = {.kind = SPORE__MODEL_ERROR,
	                               .id = id.bytes != NULL ? id : nil,
	                               .code = code,
	                               .text = {(const unsigned char *)why, strlen(why)},
	                               .remaining_ms = -1};
	struct end *mine = (struct end *)e;
	if (mine->reading != NULL)
		join_batch(mine, m.id); // and is answered in it
	(void)e->ops->encode(e, &m);
}

static bool take_pair(struct spore__msgpack_reader r, uint32_t wanted, struct spore__model *m)
{
	uint32_t count;
	if (spore__msgpack_read_array(&r, &count) != SPORE__MSGPACK_OK || count != wanted)
		return false;
	m->id = spore__codec_value(&r);
	if (wanted == 2)
		m->value = spore__codec_value(&r);
	return true;
}

static void take_due(struct end *mine, const struct spore__model *m)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(m->value.bytes, m->value.len);
	free((void *)(uintptr_t)mine->due_id.bytes);
	mine->due_id = (struct spore__span){0};
	if (spore__msgpack_read_int(&r, &mine->due_ms) != SPORE__MSGPACK_OK || mine->due_ms < 0)
		return;
	unsigned char *copy = spore__xmalloc(m->id.len);
	memcpy(copy, m->id.bytes, m->id.len);
	mine->due_id = (struct spore__span){copy, m->id.len};
}

// $/progress {"token":T,"value":V}: of which call it is, if of one.
static bool take_progress(struct end *mine, struct spore__msgpack_reader params, struct spore__model *m)
{
	struct spore__msgpack_reader token, value;
	if (!spore__msgpack_find(&params, "token", &token) || !spore__msgpack_find(&params, "value", &value))
		return false;
	struct token *t = *find_token(mine, false, false, (struct spore__span){0}, spore__codec_value(&token));
	if (t == NULL)
		return false;
	m->kind = t->parts ? SPORE__MODEL_ITEM : SPORE__MODEL_PROGRESS;
	m->id = (struct spore__span){t->bytes, t->id_len};
	m->value = spore__codec_value(&value);
	return true;
}

// True: it was one of the reserved notifications.
static bool take_reserved(struct spore__codec_end *e, struct spore__span method, struct spore__span params)
{
	struct end *mine = (struct end *)e;
	struct spore__msgpack_reader r = spore__msgpack_reader(params.bytes, params.len), id;
	struct spore__model m = {.remaining_ms = -1};
	if (method.len < 2 || method.bytes[0] != '$')
		return false;
	if (same(method, "$/cancelRequest", 15)) {
		if (!spore__msgpack_find(&r, "id", &id))
			return false;
		m.kind = SPORE__MODEL_CANCEL;
		m.id = spore__codec_value(&id);
	} else if (is_lsp(e)) {
		if (!same(method, "$/progress", 10) || !take_progress(mine, r, &m))
			return false;
	} else if (same(method, "$/cancel", 8)) {
		m.kind = SPORE__MODEL_CANCEL;
		if (!take_pair(r, 1, &m))
			return false;
	} else if (same(method, "$/deadline", 10)) {
		if (!take_pair(r, 2, &m))
			return false;
		take_due(mine, &m);
		return true;
	} else {
		m.kind = same(method, "$/progress", 10) ? SPORE__MODEL_PROGRESS : SPORE__MODEL_ITEM;
		if ((m.kind == SPORE__MODEL_ITEM && !same(method, "$/item", 6)) || !take_pair(r, 2, &m))
			return false;
	}
	e->sink->message(e, &m);
	return true;
}

static const char *take_call(struct spore__codec_end *e, const struct parts *p)
{
	struct end *mine = (struct end *)e;
	struct spore__model m = {.id = p->id, .remaining_ms = -1};
	if (!take_text(p->method, &m.method) || m.method.len == 0 || memchr(m.method.bytes, '\0', m.method.len) != NULL)
		return "the method is no name";
	if (p->params.bytes != NULL && !is_many(p->params))
		return "params are neither an array nor an object";
	if (p->id.bytes != NULL && !is_id(p->id))
		return "the id is neither a string nor a number";
	m.value = p->params.bytes != NULL ? p->params : nothing;
	m.kind = p->id.bytes != NULL ? SPORE__MODEL_REQUEST : SPORE__MODEL_NOTIFICATION;
	if (m.kind == SPORE__MODEL_NOTIFICATION && take_reserved(e, m.method, m.value))
		return NULL;
	if (m.kind == SPORE__MODEL_REQUEST && mine->due_id.bytes != NULL) {
		if (same(mine->due_id, m.id.bytes, m.id.len))
			m.remaining_ms = mine->due_ms;
		free((void *)(uintptr_t)mine->due_id.bytes);
		mine->due_id = (struct spore__span){0};
	}
	if (m.kind == SPORE__MODEL_REQUEST && is_lsp(e))
		keep_tokens(mine, true, m.id, m.value);
	if (m.kind == SPORE__MODEL_REQUEST && mine->reading != NULL)
		join_batch(mine, m.id);
	e->sink->message(e, &m);
	return NULL;
}

static const char *take_answer(struct spore__codec_end *e, const struct parts *p)
{
	struct spore__model m = {.id = p->id, .remaining_ms = -1};
	struct spore__msgpack_reader r = spore__msgpack_reader(p->error.bytes, p->error.len), at;
	if (p->id.bytes == NULL || !is_id(p->id))
		return "the answer has no id";
	bool failed = p->error.bytes != NULL && !same(p->error, nil.bytes, nil.len);
	if (failed == (p->result.bytes != NULL) && !(failed && same(p->result, nil.bytes, nil.len)))
		return "the answer has neither a result nor an error, or both";
	if (is_lsp(e))
		drop_tokens((struct end *)e, false, p->id);
	if (!failed) {
		m.kind = SPORE__MODEL_RESPONSE;
		m.value = p->result;
		e->sink->message(e, &m);
		return NULL;
	}
	m.kind = SPORE__MODEL_ERROR;
	if (!spore__msgpack_find(&r, "code", &at) || spore__msgpack_read_int(&at, &m.code) != SPORE__MSGPACK_OK)
		m.code = SPORE__JSONRPC_ERROR;
	if (!spore__msgpack_find(&r, "message", &at) || !take_text(spore__codec_value(&at), &m.text))
		m.text = (struct spore__span){(const unsigned char *)"the call failed", 15};
	if (spore__msgpack_find(&r, "data", &at))
		m.value = spore__codec_value(&at);
	e->sink->message(e, &m);
	return NULL;
}

static void take_one(struct spore__codec_end *e, struct spore__msgpack_reader *r, const void *bytes, size_t len)
{
	struct spore__msgpack_reader at = *r;
	struct parts p;
	const char *why;
	(void)spore__codec_value(r);
	if (!take_parts(&at, &p))
		why = "a message is a JSON object";
	else if (!p.version)
		why = "\"jsonrpc\":\"2.0\" is not in it";
	else
		why = p.method.bytes != NULL ? take_call(e, &p) : take_answer(e, &p);
	if (why == NULL)
		return;
	// What looks like an answer is not answered, or two could go on for ever.
	if (p.method.bytes != NULL || (p.result.bytes == NULL && p.error.bytes == NULL))
		answer_error(e, p.id.bytes != NULL && is_id(p.id) ? p.id : nil, SPORE__JSONRPC_INVALID, why);
	e->sink->refused(e, bytes, len, why);
}

static void take_batch(struct spore__codec_end *e, struct spore__msgpack_reader *r, uint32_t count, const void *bytes,
                       size_t len)
{
	struct end *mine = (struct end *)e;
	struct batch *b = spore__xcalloc(1, sizeof *b);
	*b = (struct batch){.next = mine->batches, .waiting = 1};
	mine->batches = b;
	mine->reading = b;
	for (; count > 0; count--)
		take_one(e, r, bytes, len);
	mine->reading = NULL;
	leave_batch(mine, b);
}

static bool is_blank(const char *text, size_t len)
{
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\r'))
		len--;
	return len == 0;
}

static enum spore_err feed(struct spore__codec_end *e, const void *bytes, size_t len, size_t *used)
{
	struct end *mine = (struct end *)e;
	struct spore__msgpack_value v;
	uint32_t count;
	*used = len;
	if (is_blank(bytes, len))
		return SPORE_OK;
	mine->message.len = 0;
	mine->message.err = 0;
	enum spore_err err = spore__codec_get_json(e, bytes, len, &mine->message);
	if (err == SPORE_ENOMEM)
		return err;
	if (err != SPORE_OK) {
		answer_error(e, nil, SPORE__JSONRPC_PARSE, e->why);
		e->sink->refused(e, bytes, len, e->why);
		return SPORE_OK;
	}
	struct spore__msgpack_reader r = spore__msgpack_reader(mine->message.data, mine->message.len), at = r;
	if (spore__msgpack_read(&at, &v) != SPORE__MSGPACK_OK || v.type != SPORE__MSGPACK_ARRAY || v.count == 0) {
		take_one(e, &r, bytes, len);
	} else {
		(void)spore__msgpack_read_array(&r, &count);
		take_batch(e, &r, count, bytes, len);
	}
	return SPORE_OK;
}

// Whose call it was is not known.
static void cut_off(struct spore__codec_end *e, const char *why)
{
	answer_error(e, nil, SPORE__JSONRPC_INVALID, why);
}

// ---- out

static void put_lit(struct spore__codec_end *e, const char *text)
{
	spore__buf_str(&e->out, text);
}

static enum spore_err put_params(struct spore__codec_end *e, struct spore__span value)
{
	if (value.len == 0 || (value.len == 1 && (value.bytes[0] == 0xc0 || value.bytes[0] == 0x90)))
		return SPORE_OK; // none
	bool many = is_many(value);
	put_lit(e, many ? ",\"params\":" : ",\"params\":[");
	enum spore_err err = spore__codec_put_json(e, value);
	if (!many)
		put_lit(e, "]");
	return err;
}

static enum spore_err put_call(struct spore__codec_end *e, const struct spore__model *m)
{
	enum spore_err err = SPORE_OK;
	put_lit(e, "{\"jsonrpc\":\"2.0\"");
	if (m->kind == SPORE__MODEL_REQUEST) {
		put_lit(e, ",\"id\":");
		err = spore__codec_put_json(e, m->id);
	}
	put_lit(e, ",\"method\":");
	spore__codec_put_text(e, m->method);
	if (err == SPORE_OK)
		err = put_params(e, m->value);
	put_lit(e, "}");
	return err;
}

static enum spore_err put_answer(struct spore__codec_end *e, const struct spore__model *m)
{
	put_lit(e, "{\"jsonrpc\":\"2.0\",\"id\":");
	enum spore_err err = spore__codec_put_json(e, m->id);
	if (m->kind == SPORE__MODEL_RESPONSE) {
		put_lit(e, ",\"result\":");
		if (err == SPORE_OK)
			err = spore__codec_put_json(e, m->value);
		put_lit(e, "}");
		return err;
	}
	put_lit(e, ",\"error\":{\"code\":");
	spore__buf_int(&e->out, m->code);
	put_lit(e, ",\"message\":");
	spore__codec_put_text(e, m->text);
	if (m->value.len > 0) {
		put_lit(e, ",\"data\":");
		if (err == SPORE_OK)
			err = spore__codec_put_json(e, m->value);
	}
	put_lit(e, "}}");
	return err;
}

// A reserved notification, in the way of the dialect.
static enum spore_err put_reserved(struct spore__codec_end *e, const struct spore__model *m)
{
	static const char *const methods[SPORE__MODEL_KINDS] = {[SPORE__MODEL_REQUEST] = "deadline",
	                                                        [SPORE__MODEL_CANCEL] = "cancel",
	                                                        [SPORE__MODEL_PROGRESS] = "progress",
	                                                        [SPORE__MODEL_ITEM] = "item"};
	bool lsp = is_lsp(e), cancel = m->kind == SPORE__MODEL_CANCEL;
	struct spore__span first = m->id;
	if (lsp && !cancel) {
		const struct token *t =
		    *find_token((struct end *)e, true, m->kind == SPORE__MODEL_ITEM, m->id, (struct spore__span){0});
		if (t == NULL)
			return SPORE_EUNSUPPORTED; // it did not ask for it
		first = (struct spore__span){t->bytes + t->id_len, t->len};
	}
	put_lit(e, "{\"jsonrpc\":\"2.0\",\"method\":\"$/");
	put_lit(e, lsp ? cancel ? "cancelRequest" : "progress" : methods[m->kind]);
	put_lit(e, lsp ? cancel ? "\",\"params\":{\"id\":" : "\",\"params\":{\"token\":" : "\",\"params\":[");
	enum spore_err err = spore__codec_put_json(e, first);
	if (err == SPORE_OK && !cancel) {
		put_lit(e, lsp ? ",\"value\":" : ",");
		if (m->kind == SPORE__MODEL_REQUEST)
			spore__buf_int(&e->out, m->remaining_ms);
		else
			err = spore__codec_put_json(e, m->value);
	}
	put_lit(e, lsp ? "}}" : "]}");
	return err;
}

static enum spore_err put_message(struct spore__codec_end *e, const struct spore__model *m, bool reserved)
{
	bool answer = m->kind == SPORE__MODEL_RESPONSE || m->kind == SPORE__MODEL_ERROR;
	size_t begun = spore__codec_begin(e);
	enum spore_err err = reserved ? put_reserved(e, m) : answer ? put_answer(e, m) : put_call(e, m);
	if (err == SPORE_OK)
		spore__codec_commit(e, begun);
	else
		spore__codec_abandon(e, begun);
	return err;
}

// An answer within a batch is kept until all of them are there.
static enum spore_err put_in_batch(struct end *mine, struct batch *b, const struct spore__model *m)
{
	struct spore__codec_end *e = &mine->base;
	size_t before = e->out.len;
	enum spore_err err = put_answer(e, m);
	if (err == SPORE_OK) {
		spore__buf_char(&b->text, b->any ? ',' : '[');
		spore__buf_add(&b->text, e->out.data + before, e->out.len - before);
		b->any = true;
	} else {
		join_batch(mine, m->id); // another answer will come: that it cannot be said
	}
	e->out.len = before;
	return err;
}

static enum spore_err encode_answer(struct spore__codec_end *e, const struct spore__model *m)
{
	struct end *mine = (struct end *)e;
	struct batch *b = mine->members != NULL ? batch_of(mine, m->id) : NULL;
	if (is_lsp(e))
		drop_tokens(mine, true, m->id);
	if (b == NULL)
		return put_message(e, m, false);
	struct batch *reading = mine->reading;
	mine->reading = b;
	enum spore_err err = put_in_batch(mine, b, m);
	mine->reading = reading;
	leave_batch(mine, b);
	return err;
}

static enum spore_err encode(struct spore__codec_end *e, const struct spore__model *m)
{
	struct end *mine = (struct end *)e;
	size_t before = e->out.len;
	enum spore_err err = SPORE_OK;
	switch (m->kind) {
	case SPORE__MODEL_REQUEST:
		if (m->remaining_ms >= 0 && !is_lsp(e))
			err = put_message(e, m, true);
		if (err == SPORE_OK)
			err = put_message(e, m, false);
		if (err != SPORE_OK)
			spore__codec_abandon(e, before);
		else if (is_lsp(e))
			keep_tokens(mine, false, m->id, m->value);
		return err;
	case SPORE__MODEL_RESPONSE:
	case SPORE__MODEL_ERROR:
		return encode_answer(e, m);
	case SPORE__MODEL_NOTIFICATION:
		return put_message(e, m, false);
	case SPORE__MODEL_CANCEL:
	case SPORE__MODEL_PROGRESS:
	case SPORE__MODEL_ITEM:
		return put_message(e, m, true);
	case SPORE__MODEL_VALUE:
	case SPORE__MODEL_KINDS:
		break;
	}
	return SPORE_EUNSUPPORTED;
}

#define JSON_RPC(of, called, does, framed, lost)                                                                       \
	const struct spore__codec_ops spore__codec_##of = {                                                            \
	    .name = called,                                                                                            \
	    .help = does,                                                                                              \
	    .losses = SPORE__LOSS_AS_JSON | (lost),                                                                    \
	    .calls = true,                                                                                             \
	    .ids = true,                                                                                               \
	    .symmetric = true,                                                                                         \
	    .text = true,                                                                                              \
	    .size = sizeof(struct end),                                                                                \
	    .framing = &spore__framing_##framed,                                                                       \
	    .init = init,                                                                                              \
	    .finish = finish,                                                                                          \
	    .feed = feed,                                                                                              \
	    .cut_off = cut_off,                                                                                        \
	    .encode = encode,                                                                                          \
	}

JSON_RPC(json_rpc, "json-rpc", "JSON-RPC 2.0, a message on each line", text, 0);
JSON_RPC(lsp, "lsp", "JSON-RPC 2.0 with the heads, the cancel and the progress of the Language Server Protocol", lsp,
         SPORE__LOSS_DEADLINE | SPORE__LOSS_PROGRESS | SPORE__LOSS_ITEMS);
