// HTTP for people and pages. A call is POST /method with its parameters as JSON or MessagePack, or GET /method?name=value without a body; its result is
// the body of the answer, an error has a fitting status and {"code","message","data"}.
//
//	Accept: text/event-stream    the call's parts and progress as events `item`, `progress`, and last `result` or `error`
//	GET /$events                 what the callee notifies, as events named by their methods
//	Prefer: respond-async        a notification: 202 at once
//	Prefer: wait=SECONDS         a deadline
//
// A client that goes away gives up its calls.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bridge/http1.h"
#include "bridge/http_call.h"
#include "bridge/numbers.h"
#include "bridge/text.h"
#include "json.h"

enum { OPTION_TOKEN, OPTION_CORS, OPTION_HOST, OPTION_PREFIX, OPTION_PAYLOAD };

static const struct spore__codec_option options[] = {
    {"token", "what a client has to send as Authorization: Bearer, or what a server is sent", NULL},
    {"cors", "the origin whose pages may call, * for all", NULL},
    {"host", "a name by which a listener of this machine may be called besides localhost, or the name of a server",
     NULL},
    {"prefix", "the path before the methods of a server", "/"},
    {"payload", "of calls to a server: json or msgpack", "json"},
    {NULL, NULL, NULL},
};

// A call that is not answered, or a stream of events.
struct call {
	struct spore__http_exchange *x;
	struct http *hub;
	uint32_t id;
	bool called; // the bridge knows it, under `id`
	bool sse, msgpack;
	bool items_lost;
	struct spore__msgpack_writer items; // JSON with commas
	struct call *next, **link;          // of a stream of events: in hub->events
};

// A request to a server.
struct sent {
	struct sent *next;
	struct spore__span id; // of the bridge, owned; bytes NULL: a notification
};

struct http {
	struct spore__codec_end base;
	struct spore__http_server server;
	struct spore__numbers calls; // of a hub
	struct call *events;         // likewise
	struct spore__http_reader reader;
	struct sent *first, **last;
	struct spore__msgpack_writer value, text;
};

static struct http *of(struct spore__codec_end *e)
{
	return (struct http *)e;
}

static struct http *hub_of(struct http *h)
{
	return h->base.hub == NULL ? h : of(h->base.hub);
}

static const char *option(const struct http *h, int which)
{
	const char *value = h->base.options == NULL ? NULL : h->base.options[which];
	return value == NULL ? options[which].fallback : value;
}

// ---- a client's requests

static struct call *call_add(struct http *h, struct spore__http_exchange *x)
{
	struct call *c = spore__xcalloc(1, sizeof *c);
	c->x = x;
	c->hub = hub_of(h);
	x->call = c;
	return c;
}

static void call_free(struct call *c)
{
	if (c->called)
		spore__numbers_remove(&c->hub->calls, c->id);
	if (c->link != NULL) {
		*c->link = c->next;
		if (c->next != NULL)
			c->next->link = c->link;
	}
	spore__msgpack_writer_finish(&c->items);
	free(c);
}

static void gone(struct spore__http_exchange *x)
{
	struct call *c = x->call;
	if (c == NULL)
		return;
	struct http *hub = c->hub;
	bool tell = c->called && &hub->base != x->server->base;
	unsigned char bytes[SPORE__NUMBERS_ID];
	struct spore__model m = {
	    .kind = SPORE__MODEL_CANCEL, .id = spore__numbers_span(c->id, bytes), .remaining_ms = -1};
	call_free(c);
	if (tell)
		hub->base.sink->message(&hub->base, &m);
}

static void event_stream(struct http *h, struct spore__http_exchange *x)
{
	if (x->head) {
		spore__http_stream(x, "text/event-stream", NULL);
		spore__http_end(x);
		return;
	}
	struct call *c = call_add(h, x);
	c->next = c->hub->events;
	if (c->next != NULL)
		c->next->link = &c->next;
	c->link = &c->hub->events;
	c->hub->events = c;
	spore__http_stream(x, "text/event-stream", NULL);
	spore__http_piece(x, ":\n\n", 3); // it is open
}

static void refuse(struct http *h, struct spore__http_exchange *x, unsigned status, int64_t code, const char *why,
                   struct spore__span bytes)
{
	struct http *hub = hub_of(h);
	spore__http_refuse(x, status, code, why);
	hub->base.sink->refused(&hub->base, bytes.bytes, bytes.len, why);
}

// Parameters into h->value. Zero, or a status with *WHY in WHY.
static unsigned parameters(struct http *h, const struct spore__http_head *head, struct spore__span query,
                           struct spore__span body, char *why, size_t size)
{
	h->value.len = 0;
	if (!spore__http_query(&h->value, query, why, size))
		return 400;
	if (body.len == 0)
		return 0;
	if (h->value.len > 1) { // more than an empty list
		(void)snprintf(why, size, "parameters in the address and in the body");
		return 400;
	}
	h->value.len = 0;
	struct spore__span type = spore__http_find(head, "content-type", NULL);
	switch (spore__http_type(type)) {
	case SPORE__HTTP_JSON:
		return spore__http_json(&h->value, body, why, size) ? 0 : 400;
	case SPORE__HTTP_MSGPACK:
		if (spore__msgpack_check(body.bytes, body.len) != SPORE__MSGPACK_OK) {
			(void)snprintf(why, size, "the body is not one value of MessagePack");
			return 400;
		}
		spore__msgpack_raw(&h->value, body.bytes, body.len);
		return 0;
	default:
		(void)snprintf(why, size, "a body is application/json or application/msgpack");
		return 415;
	}
}

static void pass(struct http *h, struct spore__http_exchange *x, const struct spore__http_head *head,
                 struct spore__span method)
{
	struct http *hub = hub_of(h);
	struct spore__model m = {.kind = SPORE__MODEL_REQUEST,
	                         .method = method,
	                         .value = spore__span_of(&h->value),
	                         .remaining_ms = spore__http_wait(head)};
	if (spore__http_has(head, "prefer", "respond-async")) {
		m.kind = SPORE__MODEL_NOTIFICATION;
		m.remaining_ms = -1;
		spore__http_respond(x, 202, NULL, NULL, 0, NULL);
		hub->base.sink->message(&hub->base, &m);
		return;
	}
	struct call *c = call_add(h, x);
	if (!spore__numbers_add(&hub->calls, c, &c->id)) {
		x->call = NULL;
		call_free(c);
		spore__http_refuse(x, 503, SPORE_EBUSY, "too many calls wait for their answers");
		return;
	}
	c->called = true;
	c->sse = spore__http_has(head, "accept", "text/event-stream");
	c->msgpack = spore__http_wants_msgpack(head);
	unsigned char bytes[SPORE__NUMBERS_ID];
	m.id = spore__numbers_span(c->id, bytes);
	if (c->sse) {
		spore__http_stream(x, "text/event-stream", NULL);
		spore__http_piece(x, ":\n\n", 3);
	}
	hub->base.sink->message(&hub->base, &m);
}

static void request(struct spore__http_exchange *x, const struct spore__http_head *head, struct spore__span path,
                    struct spore__span query, struct spore__span body)
{
	enum { NAME = 512, WHY = 192 };
	struct http *h = of(x->server->base);
	struct spore__buf method = {0};
	char why[WHY] = "";
	struct spore__span all = {path.bytes + 1, path.len - 1};
	bool get = head->method == HTTP_GET || head->method == HTTP_HEAD;
	if (!get && head->method != HTTP_POST) {
		spore__http_refuse(x, 405, -32600, "a call is POST or GET");
	} else if (all.len == 0) {
		spore__http_refuse(x, 404, -32601, "a call is POST /method, or GET /method?name=value");
	} else if (get && spore__span_is(path, "/$events")) {
		event_stream(h, x);
	} else if (!spore__http_unescape(&method, all, false) || method.len > NAME ||
	           !spore__json_is_utf8(method.data, method.len, NULL)) {
		spore__http_refuse(x, 400, -32600, "this is no name of a method");
	} else {
		unsigned status = parameters(h, head, query, body, why, sizeof why);
		if (status != 0)
			refuse(h, x, status, status == 415 ? -32600 : -32700, why, body);
		else
			pass(h, x, head, (struct spore__span){(const unsigned char *)method.data, method.len});
	}
	spore__buf_finish(&method);
}

static const struct spore__http_serve_ops serve = {
    .allow = "GET, HEAD, POST, OPTIONS", .request = request, .gone = gone};

// VALUE as JSON in h->text. What has no JSON (keys that are maps) is said so.
static bool to_json(struct http *h, struct spore__span value)
{
	struct spore__json_error error;
	unsigned losses = 0;
	h->text.len = 0;
	return spore__json_from_msgpack(value.bytes, value.len, &h->text, &losses, &error) == SPORE_OK;
}

static const unsigned char null_value[] = {0xc0};

static void error_json(struct http *h, const struct spore__model *m)
{
	struct spore__msgpack_writer w = {0};
	spore__msgpack_map(&w, m->value.len > 0 ? 3 : 2);
	spore__msgpack_str(&w, "code");
	spore__msgpack_int(&w, m->code);
	spore__msgpack_str(&w, "message");
	spore__msgpack_strn(&w, (const char *)m->text.bytes, (uint32_t)m->text.len);
	if (m->value.len > 0) {
		spore__msgpack_str(&w, "data");
		spore__msgpack_raw(&w, m->value.bytes, m->value.len);
	}
	if (!to_json(h, spore__span_of(&w)))
		(void)to_json(h, (struct spore__span){null_value, sizeof null_value});
	spore__msgpack_writer_finish(&w);
}

static void answer_sse(struct http *h, struct call *c, const struct spore__model *m)
{
	struct spore__http_exchange *x = c->x;
	if (m->kind == SPORE__MODEL_ERROR)
		error_json(h, m);
	spore__http_event(x, NULL, spore__span_str(m->kind == SPORE__MODEL_ERROR ? "error" : "result"), h->text.data,
	                  h->text.len);
	struct spore__codec_end *connection = x->server->base;
	call_free(c);
	x->call = NULL;
	spore__http_end(x);
	spore__http_written(connection);
}

static enum spore_err answer(struct http *h, const struct spore__model *m)
{
	struct call *c = spore__numbers_find(&h->calls, &m->id);
	if (c == NULL)
		return SPORE_ENOTFOUND;
	if (m->kind == SPORE__MODEL_RESPONSE && !(c->msgpack && !c->sse) && !to_json(h, m->value)) {
		(void)snprintf(h->base.why, sizeof h->base.why, "the result has no JSON");
		return SPORE_EINVALID;
	}
	if (c->sse) {
		answer_sse(h, c, m);
		return SPORE_OK;
	}
	struct spore__http_exchange *x = c->x;
	struct spore__codec_end *connection = x->server->base;
	struct spore__msgpack_writer items = c->items;
	bool lost = c->items_lost, msgpack = c->msgpack;
	c->items = (struct spore__msgpack_writer){0};
	call_free(c);
	x->call = NULL;
	if (m->kind == SPORE__MODEL_ERROR) {
		error_json(h, m);
		spore__http_respond(x, spore__http_status(m->code), "application/json", h->text.data, h->text.len,
		                    m->code == SPORE_EBUSY ? "Retry-After: 1\r\n" : NULL);
	} else if (lost) {
		spore__http_refuse(
		    x, 500, SPORE_ETOOBIG,
		    "the parts of the result are over the limit; Accept: text/event-stream gets them one by one");
	} else if (items.len > 0) {
		spore__msgpack_raw(&items, "]", 1);
		spore__http_respond(x, 200, "application/json", items.data, items.len, NULL);
	} else if (msgpack) {
		spore__http_respond(x, 200, "application/msgpack", m->value.bytes, m->value.len, NULL);
	} else {
		spore__http_respond(x, 200, "application/json", h->text.data, h->text.len, NULL);
	}
	spore__msgpack_writer_finish(&items);
	spore__http_written(connection);
	return SPORE_OK;
}

// A part of a result, or how far it is.
static enum spore_err part(struct http *h, const struct spore__model *m)
{
	struct call *c = spore__numbers_find(&h->calls, &m->id);
	if (c == NULL)
		return SPORE_ENOTFOUND;
	if (!c->sse && m->kind == SPORE__MODEL_PROGRESS)
		return SPORE_EUNSUPPORTED;
	if (!to_json(h, m->value)) {
		(void)snprintf(h->base.why, sizeof h->base.why, "it has no JSON");
		return SPORE_EINVALID;
	}
	if (c->sse) {
		spore__http_event(c->x, NULL, spore__span_str(m->kind == SPORE__MODEL_ITEM ? "item" : "progress"),
		                  h->text.data, h->text.len);
		spore__http_written(c->x->server->base);
		return SPORE_OK;
	}
	if (c->items.len + h->text.len > h->base.limits->message) {
		c->items_lost = true;
		return SPORE_OK;
	}
	spore__msgpack_raw(&c->items, c->items.len == 0 ? "[" : ",", 1);
	spore__msgpack_raw(&c->items, h->text.data, h->text.len);
	return SPORE_OK;
}

// One who does not read loses the stream, not the bridge its memory.
static enum spore_err notify(struct http *h, const struct spore__model *m)
{
	if (h->events == NULL)
		return SPORE_EUNSUPPORTED;
	if (!to_json(h, m->value)) {
		(void)snprintf(h->base.why, sizeof h->base.why, "it has no JSON");
		return SPORE_EINVALID;
	}
	struct call *next;
	for (struct call *c = h->events; c != NULL; c = next) {
		struct spore__http_exchange *x = c->x;
		struct spore__codec_end *connection = x->server->base;
		next = c->next;
		if (connection->out.len + x->out.len <= h->base.limits->message) {
			spore__http_event(x, NULL, m->method, h->text.data, h->text.len);
		} else {
			x->keep = false;
			call_free(c);
			x->call = NULL;
			spore__http_end(x);
		}
		spore__http_written(connection);
	}
	return SPORE_OK;
}

static enum spore_err encode_to_client(struct http *h, const struct spore__model *m)
{
	switch (m->kind) {
	case SPORE__MODEL_RESPONSE:
	case SPORE__MODEL_ERROR:
		return answer(h, m);
	case SPORE__MODEL_ITEM:
	case SPORE__MODEL_PROGRESS:
		return part(h, m);
	case SPORE__MODEL_NOTIFICATION:
	case SPORE__MODEL_VALUE:
		return notify(h, m);
	default:
		return SPORE_EUNSUPPORTED;
	}
}

// ---- a server's answers

static struct spore__span copy(struct spore__span s)
{
	unsigned char *bytes = spore__xmalloc(s.len + 1);
	memcpy(bytes, s.bytes, s.len);
	return (struct spore__span){bytes, s.len};
}

static enum spore_err encode_to_server(struct http *h, const struct spore__model *m)
{
	bool msgpack = strcmp(option(h, OPTION_PAYLOAD), "msgpack") == 0;
	struct spore__span body = m->value;
	struct spore__buf *out = &h->base.out;
	const char *host = option(h, OPTION_HOST), *token = option(h, OPTION_TOKEN), *prefix = option(h, OPTION_PREFIX);
	if (m->kind != SPORE__MODEL_REQUEST && m->kind != SPORE__MODEL_NOTIFICATION)
		return SPORE_EUNSUPPORTED;
	if (!msgpack) {
		if (!to_json(h, m->value)) {
			(void)snprintf(h->base.why, sizeof h->base.why, "the parameters have no JSON");
			return SPORE_EINVALID;
		}
		body = spore__span_of(&h->text);
	}
	spore__buf_str(out, "POST ");
	spore__buf_str(out, prefix);
	if (prefix[strlen(prefix) - 1] != '/')
		spore__buf_char(out, '/');
	spore__http_escape(out, m->method, "-._~$/");
	spore__buf_printf(out, " HTTP/1.1\r\nHost: %s\r\n", host == NULL ? "localhost" : host);
	if (token != NULL)
		spore__buf_printf(out, "Authorization: Bearer %s\r\n", token);
	if (m->kind == SPORE__MODEL_NOTIFICATION)
		spore__buf_str(out, "Prefer: respond-async\r\n");
	else if (m->remaining_ms >= 0)
		spore__buf_printf(out, "Prefer: wait=%lld\r\n", (long long)(m->remaining_ms + 999) / 1000);
	const char *type = msgpack ? "application/msgpack" : "application/json";
	spore__buf_printf(out, "Accept: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", type, type, body.len);
	spore__buf_add(out, body.bytes, body.len);
	struct sent *s = spore__xcalloc(1, sizeof *s);
	if (m->kind == SPORE__MODEL_REQUEST)
		s->id = copy(m->id);
	*h->last = s;
	h->last = &s->next;
	return SPORE_OK;
}

static void sent_pop(struct http *h)
{
	struct sent *s = h->first;
	h->first = s->next;
	if (h->first == NULL)
		h->last = &h->first;
	free((void *)(uintptr_t)s->id.bytes);
	free(s);
}

static enum spore__http_body on_head(void *arg, const struct spore__http_head *head)
{
	return SPORE__HTTP_GATHER;
}

static void on_response(void *arg, const struct spore__http_head *head, struct spore__span body)
{
	struct http *h = arg;
	char why[192] = "";
	if (head->status < 200)
		return;
	if (h->first == NULL) {
		h->base.sink->refused(&h->base, body.bytes, body.len, "an answer to no request");
		return;
	}
	struct spore__model m = {.kind = SPORE__MODEL_RESPONSE, .id = h->first->id, .remaining_ms = -1};
	struct spore__span type = spore__http_find(head, "content-type", NULL);
	h->value.len = 0;
	bool good = true;
	if (body.len == 0)
		spore__msgpack_nil(&h->value);
	else if (spore__http_type(type) == SPORE__HTTP_MSGPACK &&
	         spore__msgpack_check(body.bytes, body.len) == SPORE__MSGPACK_OK)
		spore__msgpack_raw(&h->value, body.bytes, body.len);
	else if (type.bytes != NULL && spore__http_type(type) != SPORE__HTTP_JSON)
		spore__text_value(&h->value, body.bytes, body.len);
	else
		good = spore__http_json(&h->value, body, why, sizeof why);
	m.value = spore__span_of(&h->value);
	if (head->status >= 300)
		spore__http_error_of(&m, head->status, good);
	if (!good && head->status < 300) {
		m.kind = SPORE__MODEL_ERROR;
		m.code = SPORE_EMALFORMED;
		m.text = spore__span_str(why);
		m.value = (struct spore__span){0};
		h->base.sink->refused(&h->base, body.bytes, body.len, why);
	}
	if (m.id.bytes != NULL)
		h->base.sink->message(&h->base, &m);
	sent_pop(h);
	if (!head->keep_alive)
		h->base.over = true;
}

static const struct spore__http_hooks client_hooks = {.head = on_head, .message = on_response};

// ---- the table

static enum spore_err init(struct spore__codec_end *e)
{
	struct http *h = of(e);
	const char *payload = option(h, OPTION_PAYLOAD), *prefix = option(h, OPTION_PREFIX);
	h->last = &h->first;
	if (strcmp(payload, "json") != 0 && strcmp(payload, "msgpack") != 0) {
		(void)snprintf(e->why, sizeof e->why, "payload=%s: it is json or msgpack", payload);
		return SPORE_EINVALID;
	}
	if (prefix[0] != '/') {
		(void)snprintf(e->why, sizeof e->why, "prefix=%s: it begins with /", prefix);
		return SPORE_EINVALID;
	}
	for (int i = 0; i < OPTION_PAYLOAD; i++) {
		const char *value = option(h, i);
		if (value != NULL && strpbrk(value, "\r\n") != NULL) {
			(void)snprintf(e->why, sizeof e->why, "%s: it has more than one line", options[i].name);
			return SPORE_EINVALID;
		}
	}
	spore__http_server_init(&h->server, e, &serve);
	h->server.rules = (struct spore__http_rules){.token = option(h, OPTION_TOKEN),
	                                             .cors = option(h, OPTION_CORS),
	                                             .host = option(h, OPTION_HOST),
	                                             .token_in_query = true};
	h->reader = (struct spore__http_reader){
	    .type = HTTP_RESPONSE, .hooks = &client_hooks, .arg = h, .limits = e->limits, .pause = &e->pause};
	return SPORE_OK;
}

static void finish(struct spore__codec_end *e)
{
	struct http *h = of(e);
	spore__http_server_finish(&h->server);
	spore__http_reader_finish(&h->reader);
	while (h->first != NULL)
		sent_pop(h);
	spore__msgpack_writer_finish(&h->value);
	spore__msgpack_writer_finish(&h->text);
	spore__numbers_finish(&h->calls);
}

static enum spore_err feed(struct spore__codec_end *e, const void *bytes, size_t len, size_t *used)
{
	struct http *h = of(e);
	if (e->role == SPORE__CODEC_PEER_CALLS)
		return spore__http_server_feed(&h->server, bytes, len, used);
	enum spore_err err = spore__http_read(&h->reader, bytes, len, used);
	if (err != SPORE_OK)
		(void)snprintf(e->why, sizeof e->why, "%s", h->reader.why);
	return err;
}

static enum spore_err end(struct spore__codec_end *e)
{
	struct http *h = of(e);
	if (e->role == SPORE__CODEC_PEER_CALLS) {
		e->over = true;
		return SPORE_OK;
	}
	return spore__http_read_end(&h->reader);
}

static enum spore_err encode(struct spore__codec_end *e, const struct spore__model *m)
{
	return e->role == SPORE__CODEC_PEER_CALLS ? encode_to_client(of(e), m) : encode_to_server(of(e), m);
}

static int64_t tick(struct spore__codec_end *e, int64_t now_ms)
{
	return e->role == SPORE__CODEC_PEER_CALLS ? spore__http_server_tick(&of(e)->server, now_ms) : INT64_MAX;
}

const struct spore__codec_ops spore__codec_http = {
    .name = "http",
    .help = "POST /method with JSON or MessagePack, GET /method?name=value, events as a stream of text/event-stream",
    .options = options,
    .losses = SPORE__LOSS_AS_JSON | SPORE__LOSS_CANCEL | SPORE__LOSS_BACK_CALLS,
    .calls = true,
    .ids = true,
    .text = true,
    .hub = true,
    .size = sizeof(struct http),
    .init = init,
    .finish = finish,
    .feed = feed,
    .end = end,
    .encode = encode,
    .tick = tick,
};
