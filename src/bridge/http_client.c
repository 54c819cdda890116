// Calls of a server over HTTP: POST, answered by a body, or by a stream of events where there are parts and progress before.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bridge/http_call.h"
#include "bridge/http_codec.h"
#include "bridge/text.h"

// A request to a server.
struct spore__http_sent {
	struct spore__http_sent *next;
	bool answered;         // by an event
	bool streams;          // its answer is a stream
	struct spore__span id; // of the bridge, owned; bytes NULL: a notification
};

static struct spore__span copy(struct spore__span s)
{
	unsigned char *bytes = spore__xmalloc(s.len + 1);
	memcpy(bytes, s.bytes, s.len);
	return (struct spore__span){bytes, s.len};
}

enum spore_err spore__http_encode_to_server(struct spore__codec_end *e, const struct spore__model *m)
{
	struct spore__http *h = (struct spore__http *)e;
	bool msgpack = strcmp(spore__codec_option(e, "payload"), "msgpack") == 0;
	struct spore__span body = m->value;
	struct spore__buf path = {0};
	const char *prefix = spore__codec_option(e, "prefix");
	if (m->kind != SPORE__MODEL_REQUEST && m->kind != SPORE__MODEL_NOTIFICATION)
		return SPORE_EUNSUPPORTED;
	if (!msgpack) {
		if (!spore__http_to_json(h, m->value))
			return spore__codec_fail(e, SPORE_EINVALID, "the parameters have no JSON");
		body = spore__span_of(&h->text);
	}
	spore__buf_str(&path, prefix);
	if (prefix[strlen(prefix) - 1] != '/')
		spore__buf_char(&path, '/');
	spore__http_escape(&path, m->method, "-._~$/");
	spore__http_end_ask(e, &e->out, "POST", path.data);
	spore__buf_finish(&path);
	if (m->kind == SPORE__MODEL_NOTIFICATION)
		spore__buf_str(&e->out, "Prefer: respond-async\r\n");
	else if (m->remaining_ms >= 0)
		spore__buf_printf(&e->out, "Prefer: wait=%lld\r\n", (long long)(m->remaining_ms + 999) / 1000);
	// Events are JSON: who asks for MessagePack gets the result alone.
	spore__buf_printf(&e->out, "Accept: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
	                  msgpack ? "application/msgpack" : "application/json, text/event-stream",
	                  msgpack ? "application/msgpack" : "application/json", body.len);
	spore__buf_add(&e->out, body.bytes, body.len);
	struct spore__http_sent *s = spore__xcalloc(1, sizeof *s);
	if (m->kind == SPORE__MODEL_REQUEST)
		s->id = copy(m->id);
	*h->last = s;
	h->last = &s->next;
	return SPORE_OK;
}

static void sent_pop(struct spore__http *h)
{
	struct spore__http_sent *s = h->first;
	h->first = s->next;
	if (h->first == NULL)
		h->last = &h->first;
	free((void *)(uintptr_t)s->id.bytes);
	free(s);
}

// ---- events

// {"code","message","data"}, or anything else that an error may be.
static void answer_error(struct spore__http *h, struct spore__model *m, unsigned status)
{
	spore__http_error_of(m, status, true);
	h->http.base.sink->message(&h->http.base, m);
}

static void on_event(void *arg, struct spore__span kind, struct spore__span data)
{
	struct spore__http *h = arg;
	struct spore__http_sent *s = h->first;
	struct spore__codec_end *e = &h->http.base;
	char why[192] = "";
	if (s == NULL || s->id.bytes == NULL || s->answered)
		return;
	h->value.len = 0;
	if (!spore__http_json(&h->value, data, why, sizeof why)) {
		h->value.len = 0;
		spore__text_value(&h->value, data.bytes, data.len);
	}
	struct spore__model m = {
	    .kind = SPORE__MODEL_ITEM, .id = s->id, .value = spore__span_of(&h->value), .remaining_ms = -1};
	s->answered = spore__span_is(kind, "result") || spore__span_is(kind, "error");
	if (spore__span_is(kind, "error")) {
		answer_error(h, &m, 500);
		return;
	}
	if (spore__span_is(kind, "result"))
		m.kind = SPORE__MODEL_RESPONSE;
	else if (spore__span_is(kind, "progress"))
		m.kind = SPORE__MODEL_PROGRESS;
	e->sink->message(e, &m);
}

static enum spore__http_body on_head(void *arg, const struct spore__http_head *head)
{
	static const char events[] = "text/event-stream";
	struct spore__http *h = arg;
	struct spore__span type = spore__http_find(head, "content-type", NULL);
	bool streams = head->status >= 200 && head->status < 300 && h->first != NULL && type.len >= sizeof events - 1 &&
	               spore__text_is(type.bytes, sizeof events - 1, events) &&
	               (type.len == sizeof events - 1 || strchr("; \t", type.bytes[sizeof events - 1]) != NULL);
	if (!streams)
		return SPORE__HTTP_GATHER;
	h->first->streams = true;
	h->sse.limit = h->http.base.limits->message;
	spore__sse_begin(&h->sse);
	return SPORE__HTTP_PIECES;
}

static void on_piece(void *arg, const void *bytes, size_t len)
{
	struct spore__http *h = arg;
	struct spore__http_sent *s = h->first;
	if (spore__sse_feed(&h->sse, bytes, len) || s == NULL || s->answered || s->id.bytes == NULL)
		return;
	s->answered = true;
	struct spore__model m = {.kind = SPORE__MODEL_ERROR,
	                         .id = s->id,
	                         .code = SPORE_ETOOBIG,
	                         .text = spore__span_str("an event is larger than a message may be"),
	                         .remaining_ms = -1};
	h->http.base.sink->message(&h->http.base, &m);
}

// ---- bodies

static void answer_body(struct spore__http *h, const struct spore__http_head *head, struct spore__span body)
{
	struct spore__codec_end *e = &h->http.base;
	char why[192] = "";
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
		e->sink->refused(e, body.bytes, body.len, why);
	}
	if (m.id.bytes != NULL)
		e->sink->message(e, &m);
}

static void on_response(void *arg, const struct spore__http_head *head, struct spore__span body)
{
	static const unsigned char nil[] = {0xc0};
	struct spore__http *h = arg;
	struct spore__codec_end *e = &h->http.base;
	struct spore__http_sent *s = h->first;
	if (head->status < 200)
		return;
	if (s == NULL) {
		e->sink->refused(e, body.bytes, body.len, "an answer to no request");
		return;
	}
	if (!s->streams) {
		answer_body(h, head, body);
	} else if (!s->answered && s->id.bytes != NULL) { // its parts are all that there is
		struct spore__model m = {
		    .kind = SPORE__MODEL_RESPONSE, .id = s->id, .value = {nil, sizeof nil}, .remaining_ms = -1};
		e->sink->message(e, &m);
	}
	sent_pop(h);
	if (!head->keep_alive)
		e->over = true;
}

const struct spore__http_hooks spore__http_client_hooks = {.head = on_head, .piece = on_piece, .message = on_response};

void spore__http_client_init(struct spore__http *h)
{
	h->last = &h->first;
	h->sse = (struct spore__sse){.event = on_event, .arg = h};
}

void spore__http_client_finish(struct spore__http *h)
{
	while (h->first != NULL)
		sent_pop(h);
	spore__sse_finish(&h->sse);
}
