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
#include "bridge/http_call.h"
#include "bridge/http_codec.h"
#include "bridge/text.h"
#include "json.h"

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
struct spore__http_call {
	struct spore__http_exchange *x;
	struct spore__http *hub;
	uint32_t id;
	bool called; // the bridge knows it, under `id`
	bool sse, msgpack;
	bool items_lost;
	struct spore__msgpack_writer items;    // JSON with commas
	struct spore__http_call *next, **link; // of a stream of events: in hub->events
};

static struct spore__http *of(struct spore__codec_end *e)
{
	return (struct spore__http *)e;
}

static struct spore__http *hub_of(struct spore__http *h)
{
	return h->http.base.hub == NULL ? h : of(h->http.base.hub);
}

// ---- a client's requests

static struct spore__http_call *call_add(struct spore__http *h, struct spore__http_exchange *x)
{
	struct spore__http_call *c = spore__xcalloc(1, sizeof *c);
	c->x = x;
	c->hub = hub_of(h);
	x->call = c;
	return c;
}

static void call_free(struct spore__http_call *c)
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
	struct spore__http_call *c = x->call;
	if (c == NULL)
		return;
	struct spore__http *hub = c->hub;
	bool tell = c->called && &hub->http.base != x->server->base;
	unsigned char bytes[SPORE__NUMBERS_ID];
	struct spore__model m = {
	    .kind = SPORE__MODEL_CANCEL, .id = spore__numbers_span(c->id, bytes), .remaining_ms = -1};
	call_free(c);
	if (tell)
		hub->http.base.sink->message(&hub->http.base, &m);
}

static void event_stream(struct spore__http *h, struct spore__http_exchange *x)
{
	if (x->head) {
		spore__http_stream(x, "text/event-stream", NULL);
		spore__http_end(x);
		return;
	}
	struct spore__http_call *c = call_add(h, x);
	c->next = c->hub->events;
	if (c->next != NULL)
		c->next->link = &c->next;
	c->link = &c->hub->events;
	c->hub->events = c;
	spore__http_stream(x, "text/event-stream", NULL);
	spore__http_piece(x, ":\n\n", 3); // it is open
}

static void refuse(struct spore__http *h, struct spore__http_exchange *x, unsigned status, int64_t code,
                   const char *why, struct spore__span bytes)
{
	struct spore__http *hub = hub_of(h);
	spore__http_refuse(x, status, code, why);
	hub->http.base.sink->refused(&hub->http.base, bytes.bytes, bytes.len, why);
}

// Parameters into h->value. Zero, or a status with *WHY in WHY.
static unsigned parameters(struct spore__http *h, const struct spore__http_head *head, struct spore__span query,
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

static void pass(struct spore__http *h, struct spore__http_exchange *x, const struct spore__http_head *head,
                 struct spore__span method)
{
	struct spore__http *hub = hub_of(h);
	struct spore__model m = {.kind = SPORE__MODEL_REQUEST,
	                         .method = method,
	                         .value = spore__span_of(&h->value),
	                         .remaining_ms = spore__http_wait(head)};
	if (spore__http_has(head, "prefer", "respond-async")) {
		m.kind = SPORE__MODEL_NOTIFICATION;
		m.remaining_ms = -1;
		spore__http_respond(x, 202, NULL, NULL, 0, NULL);
		hub->http.base.sink->message(&hub->http.base, &m);
		return;
	}
	struct spore__http_call *c = call_add(h, x);
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
	hub->http.base.sink->message(&hub->http.base, &m);
}

static void request(struct spore__http_exchange *x, const struct spore__http_head *head, struct spore__span path,
                    struct spore__span query, struct spore__span body)
{
	enum { NAME = 512, WHY = 192 };
	struct spore__http *h = of(x->server->base);
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

bool spore__http_to_json(struct spore__http *h, struct spore__span value)
{
	struct spore__json_error error;
	unsigned losses = 0;
	h->text.len = 0;
	return spore__json_from_msgpack(value.bytes, value.len, &h->text, &losses, &error) == SPORE_OK;
}

static const unsigned char null_value[] = {0xc0};

static void error_json(struct spore__http *h, const struct spore__model *m)
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
	if (!spore__http_to_json(h, spore__span_of(&w)))
		(void)spore__http_to_json(h, (struct spore__span){null_value, sizeof null_value});
	spore__msgpack_writer_finish(&w);
}

static void answer_sse(struct spore__http *h, struct spore__http_call *c, const struct spore__model *m)
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

static enum spore_err answer(struct spore__http *h, const struct spore__model *m)
{
	struct spore__http_call *c = spore__numbers_find(&h->calls, &m->id);
	if (c == NULL)
		return SPORE_ENOTFOUND;
	if (m->kind == SPORE__MODEL_RESPONSE && !(c->msgpack && !c->sse) && !spore__http_to_json(h, m->value)) {
		(void)snprintf(h->http.base.why, sizeof h->http.base.why, "the result has no JSON");
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
static enum spore_err part(struct spore__http *h, const struct spore__model *m)
{
	struct spore__http_call *c = spore__numbers_find(&h->calls, &m->id);
	if (c == NULL)
		return SPORE_ENOTFOUND;
	if (!c->sse && m->kind == SPORE__MODEL_PROGRESS)
		return SPORE_EUNSUPPORTED;
	if (!spore__http_to_json(h, m->value)) {
		(void)snprintf(h->http.base.why, sizeof h->http.base.why, "it has no JSON");
		return SPORE_EINVALID;
	}
	if (c->sse) {
		spore__http_event(c->x, NULL, spore__span_str(m->kind == SPORE__MODEL_ITEM ? "item" : "progress"),
		                  h->text.data, h->text.len);
		spore__http_written(c->x->server->base);
		return SPORE_OK;
	}
	if (c->items.len + h->text.len > h->http.base.limits->message) {
		c->items_lost = true;
		return SPORE_OK;
	}
	spore__msgpack_raw(&c->items, c->items.len == 0 ? "[" : ",", 1);
	spore__msgpack_raw(&c->items, h->text.data, h->text.len);
	return SPORE_OK;
}

// One who does not read loses the stream, not the bridge its memory.
static enum spore_err notify(struct spore__http *h, const struct spore__model *m)
{
	if (h->events == NULL)
		return SPORE_EUNSUPPORTED;
	if (!spore__http_to_json(h, m->value)) {
		(void)snprintf(h->http.base.why, sizeof h->http.base.why, "it has no JSON");
		return SPORE_EINVALID;
	}
	struct spore__http_call *next;
	for (struct spore__http_call *c = h->events; c != NULL; c = next) {
		struct spore__http_exchange *x = c->x;
		struct spore__codec_end *connection = x->server->base;
		next = c->next;
		if (connection->out.len + x->out.len <= h->http.base.limits->message) {
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

static enum spore_err encode_to_client(struct spore__codec_end *e, const struct spore__model *m)
{
	struct spore__http *h = of(e);
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

// ---- the table

static const struct spore__http_end_ops ends = {.serve = &serve,
                                                .client = &spore__http_client_hooks,
                                                .to_client = encode_to_client,
                                                .to_server = spore__http_encode_to_server};

static enum spore_err init(struct spore__codec_end *e)
{
	const char *payload = spore__codec_option(e, "payload");
	spore__http_client_init(of(e));
	enum spore_err err = spore__http_end_init(e, &ends);
	of(e)->http.server.rules.token_in_query = true;
	if (err == SPORE_OK)
		err = spore__http_end_path(e, "prefix");
	if (err == SPORE_OK && strcmp(payload, "json") != 0 && strcmp(payload, "msgpack") != 0)
		err = spore__codec_fail(e, SPORE_EINVALID, "payload=%s: it is json or msgpack", payload);
	return err;
}

static void finish(struct spore__codec_end *e)
{
	struct spore__http *h = of(e);
	spore__http_end_finish(e);
	spore__http_client_finish(h);
	spore__msgpack_writer_finish(&h->value);
	spore__msgpack_writer_finish(&h->text);
	spore__numbers_finish(&h->calls);
}

const struct spore__codec_ops spore__codec_http = {
    .name = "http",
    .help = "POST /method with JSON or MessagePack, GET /method?name=value, events as a stream of text/event-stream",
    .options = options,
    .losses = SPORE__LOSS_AS_JSON | SPORE__LOSS_CANCEL | SPORE__LOSS_BACK_CALLS | SPORE__LOSS_EVENTS,
    .calls = true,
    .ids = true,
    .text = true,
    .hub = true,
    .size = sizeof(struct spore__http),
    .init = init,
    .finish = finish,
    .feed = spore__http_end_feed,
    .end = spore__http_end_over,
    .encode = spore__http_end_encode,
    .tick = spore__http_end_tick,
};
