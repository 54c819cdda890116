#include "bridge/mcp.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bridge/text.h"

// A request that was made with a token, or given up.
struct spore__mcp_token {
	struct spore__mcp_token *next;
	bool peers;    // the request is the peer's; else the id is the bridge's
	bool given_up; // by whom made it, who wants no answer; there is no token
	size_t id_len, len;
	unsigned char bytes[]; // id, token
};

enum { TOKENS = 1024 };

static bool same(struct spore__span a, const void *bytes, size_t len)
{
	return a.len == len && (len == 0 || memcmp(a.bytes, bytes, len) == 0);
}

static void keep(struct spore__mcp *m, bool peers, bool given_up, struct spore__span id, struct spore__span token)
{
	if (m->token_count == TOKENS)
		return;
	struct spore__mcp_token *t = spore__xmalloc(sizeof *t + id.len + token.len);
	*t = (struct spore__mcp_token){
	    .next = m->tokens, .peers = peers, .given_up = given_up, .id_len = id.len, .len = token.len};
	memcpy(t->bytes, id.bytes, id.len);
	if (token.len > 0)
		memcpy(t->bytes + id.len, token.bytes, token.len);
	m->tokens = t;
	m->token_count++;
}

// Forgets what is known of a call; true when it was given up.
static bool forget(struct spore__mcp *m, bool peers, struct spore__span id)
{
	bool given_up = false;
	for (struct spore__mcp_token **at = &m->tokens; *at != NULL;) {
		struct spore__mcp_token *t = *at;
		if (t->peers != peers || !same(id, t->bytes, t->id_len)) {
			at = &t->next;
			continue;
		}
		given_up = given_up || t->given_up;
		*at = t->next;
		m->token_count--;
		free(t);
	}
	return given_up;
}

static struct spore__mcp_token *by_token(const struct spore__mcp *m, struct spore__span token)
{
	struct spore__mcp_token *t = m->tokens;
	while (t != NULL && (t->peers || t->given_up || !same(token, t->bytes + t->id_len, t->len)))
		t = t->next;
	return t;
}

static struct spore__mcp_token *by_id(const struct spore__mcp *m, struct spore__span id)
{
	struct spore__mcp_token *t = m->tokens;
	while (t != NULL && (!t->peers || t->given_up || !same(id, t->bytes, t->id_len)))
		t = t->next;
	return t;
}

static const char progress_token[] = "progressToken", subscription[] = "io.modelcontextprotocol/subscriptionId";

// Is KEY in the _meta of PARAMS?
static bool in_meta(struct spore__span params, const char *key, struct spore__msgpack_reader *at)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(params.bytes, params.len), meta;
	return spore__msgpack_find(&r, "_meta", &meta) && spore__msgpack_find(&meta, key, at);
}

// The token in the parameters of a request.
static bool token_of(struct spore__span params, struct spore__span *token)
{
	struct spore__msgpack_reader at;
	if (!in_meta(params, progress_token, &at))
		return false;
	*token = spore__codec_value(&at);
	return true;
}

// Appends the map FROM with TO in place of what begins at OLD, which is in it or in a map of it.
static void put_changed(struct spore__msgpack_writer *w, struct spore__span from, const unsigned char *old,
                        struct spore__span to)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(from.bytes, from.len);
	uint32_t pairs = 0;
	(void)spore__msgpack_read_map(&r, &pairs);
	spore__msgpack_map(w, pairs);
	for (; pairs > 0; pairs--) {
		struct spore__span key = spore__codec_value(&r), value = spore__codec_value(&r);
		spore__msgpack_raw(w, key.bytes, key.len);
		if (value.bytes == old)
			spore__msgpack_raw(w, to.bytes, to.len);
		else if (old > value.bytes && old < value.bytes + value.len && key.len == sizeof "_meta" &&
		         memcmp(key.bytes + 1, "_meta", 5) == 0)
			put_changed(w, value, old, to);
		else
			spore__msgpack_raw(w, value.bytes, value.len);
	}
}

// ---- in

static bool take_cancelled(struct spore__mcp *m, const struct spore__model *d)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(d->value.bytes, d->value.len), at;
	struct spore__model cancel = {.kind = SPORE__MODEL_CANCEL, .remaining_ms = -1};
	if (!spore__msgpack_find(&r, "requestId", &at))
		return false;
	cancel.id = spore__codec_value(&at);
	keep(m, true, true, cancel.id, (struct spore__span){0});
	m->sink->message(m->owner, &cancel);
	return true;
}

static bool take_progress(struct spore__mcp *m, const struct spore__model *d)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(d->value.bytes, d->value.len), at;
	if (!spore__msgpack_find(&r, "progressToken", &at))
		return false;
	struct spore__mcp_token *t = by_token(m, spore__codec_value(&at));
	if (t == NULL)
		return false;
	struct spore__model progress = {
	    .kind = SPORE__MODEL_PROGRESS, .id = {t->bytes, t->id_len}, .value = d->value, .remaining_ms = -1};
	m->sink->message(m->owner, &progress);
	return true;
}

// Of a subscription: a part of the result of the request that began it, so that it finds its caller where there are many.
static bool take_event(struct spore__mcp *m, const struct spore__model *d)
{
	struct spore__msgpack_reader at;
	if (!in_meta(d->value, subscription, &at))
		return false;
	struct spore__mcp_token *t = by_token(m, spore__codec_value(&at));
	if (t == NULL)
		return false;
	struct spore__msgpack_writer *w = &m->value;
	w->len = 0;
	spore__msgpack_map(w, 2);
	spore__msgpack_str(w, "method");
	spore__msgpack_strn(w, (const char *)d->method.bytes, (uint32_t)d->method.len);
	spore__msgpack_str(w, "params");
	spore__msgpack_raw(w, d->value.bytes, d->value.len);
	const struct spore__model item = {
	    .kind = SPORE__MODEL_ITEM, .id = {t->bytes, t->id_len}, .value = spore__span_of(w), .remaining_ms = -1};
	m->sink->message(m->owner, &item);
	return true;
}

static void on_message(struct spore__codec_end *e, const struct spore__model *d)
{
	struct spore__mcp *m = e->owner;
	struct spore__span token;
	if (d->kind == SPORE__MODEL_NOTIFICATION && take_event(m, d))
		return;
	if (d->kind == SPORE__MODEL_NOTIFICATION && spore__span_is(d->method, "notifications/cancelled") &&
	    take_cancelled(m, d))
		return;
	if (d->kind == SPORE__MODEL_NOTIFICATION && spore__span_is(d->method, "notifications/progress") &&
	    take_progress(m, d))
		return;
	if (d->kind == SPORE__MODEL_REQUEST && token_of(d->value, &token))
		keep(m, true, false, d->id, token);
	if (d->kind == SPORE__MODEL_RESPONSE || d->kind == SPORE__MODEL_ERROR)
		(void)forget(m, false, d->id);
	m->sink->message(m->owner, d);
}

static void on_refused(struct spore__codec_end *e, const void *bytes, size_t len, const char *why)
{
	struct spore__mcp *m = e->owner;
	m->sink->refused(m->owner, bytes, len, why);
}

static void on_session_over(struct spore__codec_end *e, const char *session)
{
}

static const struct spore__codec_sink inner_sink = {
    .message = on_message, .refused = on_refused, .session_over = on_session_over};

enum spore_err spore__mcp_feed(struct spore__mcp *m, const void *text, size_t len)
{
	size_t used;
	return m->inner->ops->feed(m->inner, text, len, &used);
}

// ---- out

static enum spore_err put_cancel(struct spore__mcp *m, const struct spore__model *model)
{
	struct spore__model said = {.kind = SPORE__MODEL_NOTIFICATION,
	                            .method = spore__span_str("notifications/cancelled"),
	                            .remaining_ms = -1};
	m->value.len = 0;
	spore__msgpack_map(&m->value, 1);
	spore__msgpack_str(&m->value, "requestId");
	spore__msgpack_raw(&m->value, model->id.bytes, model->id.len);
	said.value = spore__span_of(&m->value);
	enum spore_err e = m->inner->ops->encode(m->inner, &said);
	if (e == SPORE_OK)
		keep(m, false, true, model->id, (struct spore__span){0});
	return e;
}

void spore__mcp_tick(struct spore__mcp *m)
{
	for (;;) {
		struct spore__mcp_token **at = &m->tokens;
		while (*at != NULL && ((*at)->peers || !(*at)->given_up))
			at = &(*at)->next;
		struct spore__mcp_token *t = *at;
		if (t == NULL)
			return;
		*at = t->next;
		m->token_count--;
		const struct spore__model answer = {.kind = SPORE__MODEL_ERROR,
		                                    .id = {t->bytes, t->id_len},
		                                    .code = SPORE_ECANCELLED,
		                                    .text = spore__span_str("the call was cancelled"),
		                                    .remaining_ms = -1};
		m->sink->message(m->owner, &answer);
		free(t);
	}
}

// The members of a map but the token and those that the protocol wants, when they are no numbers.
static void put_members(struct spore__msgpack_writer *w, struct spore__msgpack_reader r, uint32_t count, uint32_t *put)
{
	for (; count > 0; count--) {
		struct spore__msgpack_value key;
		(void)spore__msgpack_read(&r, &key);
		struct spore__span value = spore__codec_value(&r);
		if (key.type != SPORE__MSGPACK_STR || spore__msgpack_is(&key, "progressToken"))
			continue;
		(*put)++;
		if (w == NULL)
			continue;
		spore__msgpack_strn(w, (const char *)key.s.bytes, key.s.len);
		spore__msgpack_raw(w, value.bytes, value.len);
	}
}

// A value of another protocol is a number, a map with "progress", or said as a message beside a number that grows.
static enum spore_err put_progress(struct spore__mcp *m, const struct spore__model *model)
{
	struct spore__mcp_token *t = by_id(m, model->id);
	struct spore__msgpack_reader r = spore__msgpack_reader(model->value.bytes, model->value.len), at = r, found;
	struct spore__msgpack_value v;
	struct spore__msgpack_writer *w = &m->value;
	if (t == NULL || spore__msgpack_read(&at, &v) != SPORE__MSGPACK_OK)
		return SPORE_EUNSUPPORTED; // it did not ask for it
	w->len = 0;
	uint32_t members = 0;
	bool map = v.type == SPORE__MSGPACK_MAP && spore__msgpack_find(&r, "progress", &found);
	bool number = v.type == SPORE__MSGPACK_INT || v.type == SPORE__MSGPACK_UINT || v.type == SPORE__MSGPACK_FLOAT;
	if (map)
		put_members(NULL, at, v.count, &members);
	spore__msgpack_map(w, map ? members + 1 : v.type == SPORE__MSGPACK_STR ? 3 : 2);
	spore__msgpack_str(w, "progressToken");
	spore__msgpack_raw(w, t->bytes + t->id_len, t->len);
	if (map) {
		put_members(w, at, v.count, &members);
	} else {
		spore__msgpack_str(w, "progress");
		if (number)
			spore__msgpack_raw(w, model->value.bytes, model->value.len);
		else
			spore__msgpack_int(w, ++m->progress);
	}
	if (v.type == SPORE__MSGPACK_STR) {
		spore__msgpack_str(w, "message");
		spore__msgpack_raw(w, model->value.bytes, model->value.len);
	}
	struct spore__model said = {.kind = SPORE__MODEL_NOTIFICATION,
	                            .method = spore__span_str("notifications/progress"),
	                            .value = spore__span_of(w),
	                            .remaining_ms = -1};
	return m->inner->ops->encode(m->inner, &said);
}

// Callers choose their tokens independently of each other: the callee gets the number of the call instead, which is also what it calls a
// subscription by.
static enum spore_err put_request(struct spore__mcp *m, const struct spore__model *model)
{
	struct spore__model asked = *model;
	struct spore__span token;
	if (token_of(model->value, &token)) {
		m->value.len = 0;
		put_changed(&m->value, model->value, token.bytes, model->id);
		asked.value = spore__span_of(&m->value);
	} else if (!spore__span_is(model->method, "subscriptions/listen")) {
		return m->inner->ops->encode(m->inner, &asked);
	}
	keep(m, false, false, model->id, model->id);
	return m->inner->ops->encode(m->inner, &asked);
}

// What take_event made, under the id that its caller knows.
static enum spore_err put_event(struct spore__mcp *m, const struct spore__model *model)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(model->value.bytes, model->value.len), at, params,
	                             method = r;
	const char *name;
	uint32_t len, pairs;
	if (spore__msgpack_read_map(&method, &pairs) != SPORE__MSGPACK_OK || pairs != 2 ||
	    !spore__msgpack_find(&r, "method", &method) ||
	    spore__msgpack_read_str(&method, &name, &len) != SPORE__MSGPACK_OK ||
	    !spore__msgpack_find(&r, "params", &params))
		return SPORE_EUNSUPPORTED;
	struct spore__span value = spore__codec_value(&params);
	if (!in_meta(value, subscription, &at))
		return SPORE_EUNSUPPORTED;
	struct spore__span old = spore__codec_value(&at);
	m->value.len = 0;
	put_changed(&m->value, value, old.bytes, m->say_id.bytes != NULL ? m->say_id : model->id);
	const struct spore__model said = {.kind = SPORE__MODEL_NOTIFICATION,
	                                  .method = {(const unsigned char *)name, len},
	                                  .value = spore__span_of(&m->value),
	                                  .remaining_ms = -1};
	return m->inner->ops->encode(m->inner, &said);
}

enum spore_err spore__mcp_encode(struct spore__mcp *m, const struct spore__model *model)
{
	struct spore__model plain = *model;
	plain.remaining_ms = -1; // there are no words for it
	plain.session = NULL;
	switch (model->kind) {
	case SPORE__MODEL_CANCEL:
		return put_cancel(m, model);
	case SPORE__MODEL_PROGRESS:
		return put_progress(m, model);
	case SPORE__MODEL_ITEM:
		return put_event(m, model);
	case SPORE__MODEL_VALUE:
		return SPORE_EUNSUPPORTED;
	case SPORE__MODEL_RESPONSE:
	case SPORE__MODEL_ERROR:
		if (m->say_id.bytes != NULL)
			plain.id = m->say_id;
		// One who gave up is not answered.
		return forget(m, true, model->id) ? SPORE_OK : m->inner->ops->encode(m->inner, &plain);
	case SPORE__MODEL_REQUEST:
		return put_request(m, &plain);
	default:
		return m->inner->ops->encode(m->inner, &plain);
	}
}

void spore__mcp_fail(struct spore__mcp *m, struct spore__span id, int64_t code, struct spore__span text,
                     struct spore__span data)
{
	const struct spore__model failed = {
	    .kind = SPORE__MODEL_ERROR, .id = id, .code = code, .text = text, .value = data, .remaining_ms = -1};
	(void)forget(m, false, id);
	m->sink->message(m->owner, &failed);
}

enum spore_err spore__mcp_init(struct spore__mcp *m, enum spore__codec_role role,
                               const struct spore__codec_limits *limits, const struct spore__mcp_sink *sink,
                               void *owner, char *why, size_t size)
{
	m->sink = sink;
	m->owner = owner;
	enum spore_err e = spore__codec_create("json-rpc", role, limits, &inner_sink, m, &m->inner, why, size);
	if (e == SPORE_OK)
		spore__codec_frame(m->inner, &spore__framing_u32le);
	return e;
}

void spore__mcp_finish(struct spore__mcp *m)
{
	for (struct spore__mcp_token *t; (t = m->tokens) != NULL; free(t))
		m->tokens = t->next;
	spore__codec_destroy(m->inner);
	spore__msgpack_writer_finish(&m->value);
	m->inner = NULL;
}
