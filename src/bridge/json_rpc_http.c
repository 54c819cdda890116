// JSON-RPC 2.0 over HTTP: each POST is one request, notification or batch, its answer the body of the response. What is said in it is told by the
// codec json-rpc, of which each POST has an end of its own.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bridge/http_call.h"
#include "bridge/http_end.h"
#include "bridge/numbers.h"
#include "bridge/text.h"

static const struct spore__codec_option options[] = {
    {"token", "what a client has to send as Authorization: Bearer, or what a server is sent", NULL},
    {"cors", "the origin whose pages may call, * for all", NULL},
    {"host", "a name by which a listener of this machine may be called besides localhost, or the name of a server",
     NULL},
    {"path", "where calls are posted to", "/"},
    {NULL, NULL, NULL},
};

struct json_rpc_http;

// A call of a POST that is not answered.
struct call {
	struct call *next;
	struct post *post;
	uint32_t id;
	size_t len;
	unsigned char peer_id[]; // as the client chose it
};

struct post {
	struct json_rpc_http *connection, *hub;
	struct spore__http_exchange *x;
	struct spore__codec_end *inner;
	struct call *calls;
	bool fed; // all of it was looked at
	bool bad; // something could not be translated
};

struct sent {
	struct sent *next;
	bool wanted, answered;
	size_t len;
	unsigned char id[];
};

struct json_rpc_http {
	struct spore__http_end http;
	struct spore__numbers calls; // of a hub
	// Of a server's client:
	struct spore__codec_end *inner;
	struct sent *first, **last;
};

static struct json_rpc_http *of(struct spore__codec_end *e)
{
	return (struct json_rpc_http *)e;
}

// ---- a client's posts

static void call_free(struct call *c)
{
	struct call **at = &c->post->calls;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	spore__numbers_remove(&c->post->hub->calls, c->id);
	free(c);
}

static void post_free(struct post *p)
{
	while (p->calls != NULL)
		call_free(p->calls);
	spore__codec_destroy(p->inner);
	free(p);
}

static void gone(struct spore__http_exchange *x)
{
	struct post *p = x->call;
	if (p == NULL)
		return;
	struct json_rpc_http *hub = p->hub;
	while (p->calls != NULL) {
		unsigned char bytes[SPORE__NUMBERS_ID];
		struct spore__model m = {
		    .kind = SPORE__MODEL_CANCEL, .id = spore__numbers_span(p->calls->id, bytes), .remaining_ms = -1};
		call_free(p->calls);
		if (x->server->base != &hub->http.base)
			hub->http.base.sink->message(&hub->http.base, &m);
	}
	post_free(p);
}

// Responds when there is nothing more to wait for.
static void settle(struct post *p)
{
	if (!p->fed || p->calls != NULL)
		return;
	struct spore__http_exchange *x = p->x;
	size_t len = 0;
	const void *text = spore__codec_take(p->inner, &len);
	x->call = NULL;
	if (text == NULL)
		spore__http_respond(x, 202, NULL, NULL, 0, NULL);
	else
		spore__http_respond(x, p->bad ? 400 : 200, "application/json", text, len, NULL);
	post_free(p);
}

static void inner_message(struct spore__codec_end *e, const struct spore__model *decoded)
{
	struct post *p = e->owner;
	struct json_rpc_http *hub = p->hub;
	struct spore__model m = *decoded;
	unsigned char bytes[SPORE__NUMBERS_ID];
	if (m.kind == SPORE__MODEL_NOTIFICATION) {
		hub->http.base.sink->message(&hub->http.base, &m);
		return;
	}
	if (m.kind != SPORE__MODEL_REQUEST) {
		hub->http.base.sink->refused(&hub->http.base, NULL, 0, "an answer, though nothing is asked over HTTP");
		p->bad = true;
		return;
	}
	struct call *c = spore__xmalloc(sizeof *c + m.id.len);
	*c = (struct call){.post = p, .len = m.id.len};
	memcpy(c->peer_id, m.id.bytes, m.id.len);
	if (!spore__numbers_add(&hub->calls, c, &c->id)) {
		static const char busy[] = "too many calls wait for their answers";
		struct spore__model no = {.kind = SPORE__MODEL_ERROR,
		                          .id = m.id,
		                          .code = SPORE_EBUSY,
		                          .text = spore__span_str(busy),
		                          .remaining_ms = -1};
		(void)e->ops->encode(e, &no);
		free(c);
		return;
	}
	c->next = p->calls;
	p->calls = c;
	m.id = spore__numbers_span(c->id, bytes);
	hub->http.base.sink->message(&hub->http.base, &m);
}

static void inner_refused(struct spore__codec_end *e, const void *bytes, size_t len, const char *why)
{
	struct post *p = e->owner;
	p->bad = true;
	p->hub->http.base.sink->refused(&p->hub->http.base, bytes, len, why);
}

static void inner_session_over(struct spore__codec_end *e, const char *session)
{
}

static const struct spore__codec_sink post_sink = {
    .message = inner_message, .refused = inner_refused, .session_over = inner_session_over};

static void request(struct spore__http_exchange *x, const struct spore__http_head *head, struct spore__span path,
                    struct spore__span query, struct spore__span body)
{
	struct json_rpc_http *j = of(x->server->base);
	char why[sizeof j->http.base.why];
	if (!spore__span_is(path, spore__codec_option(&j->http.base, "path"))) {
		spore__http_refuse(x, 404, -32600, "calls are posted to another path");
		return;
	}
	if (head->method != HTTP_POST) {
		spore__http_refuse(x, 405, -32600, "a call is POST");
		return;
	}
	if (spore__http_type(spore__http_find(head, "content-type", NULL)) != SPORE__HTTP_JSON) {
		spore__http_refuse(x, 415, -32600, "a body is application/json");
		return;
	}
	if (body.len == 0) {
		spore__http_refuse(x, 400, -32600, "a body is needed");
		return;
	}
	struct post *p = spore__xcalloc(1, sizeof *p);
	p->connection = j;
	p->hub = j->http.base.hub == NULL ? j : of(j->http.base.hub);
	p->x = x;
	if (spore__codec_create("json-rpc", SPORE__CODEC_PEER_CALLS, j->http.base.limits, &post_sink, p, &p->inner, why,
	                        sizeof why) != SPORE_OK) {
		free(p);
		spore__http_refuse(x, 500, -32603, why);
		return;
	}
	x->call = p;
	spore__codec_frame(p->inner, &spore__framing_u32le);
	size_t used;
	enum spore_err e = p->inner->ops->feed(p->inner, body.bytes, body.len, &used);
	p->bad = p->bad || e != SPORE_OK;
	p->fed = true;
	settle(p);
}

static const struct spore__http_serve_ops serve = {.allow = "POST, OPTIONS", .request = request, .gone = gone};

static enum spore_err encode_to_client(struct spore__codec_end *e, const struct spore__model *m)
{
	struct json_rpc_http *hub = of(e);
	if (m->kind != SPORE__MODEL_RESPONSE && m->kind != SPORE__MODEL_ERROR)
		return SPORE_EUNSUPPORTED;
	struct call *c = spore__numbers_find(&hub->calls, &m->id);
	if (c == NULL)
		return SPORE_ENOTFOUND;
	struct post *p = c->post;
	struct spore__codec_end *connection = &p->connection->http.base;
	struct spore__model answer = *m;
	answer.id = (struct spore__span){c->peer_id, c->len};
	answer.session = NULL;
	enum spore_err err = p->inner->ops->encode(p->inner, &answer);
	if (err != SPORE_OK) {
		memcpy(e->why, p->inner->why, sizeof e->why);
		return err;
	}
	e->lost |= p->inner->lost;
	call_free(c);
	settle(p);
	spore__http_written(connection);
	return SPORE_OK;
}

// ---- a server's answers

static void sent_pop(struct json_rpc_http *j)
{
	struct sent *s = j->first;
	j->first = s->next;
	if (j->first == NULL)
		j->last = &j->first;
	free(s);
}

static enum spore_err encode_to_server(struct spore__codec_end *e, const struct spore__model *m)
{
	struct json_rpc_http *j = of(e);
	struct spore__model asked = *m;
	if (m->kind != SPORE__MODEL_REQUEST && m->kind != SPORE__MODEL_NOTIFICATION)
		return SPORE_EUNSUPPORTED;
	asked.remaining_ms = -1; // it would be a message of its own
	enum spore_err err = j->inner->ops->encode(j->inner, &asked);
	size_t len = 0;
	const void *text = spore__codec_take(j->inner, &len);
	if (err != SPORE_OK || text == NULL) {
		memcpy(e->why, j->inner->why, sizeof e->why);
		return err == SPORE_OK ? SPORE_EUNSUPPORTED : err;
	}
	e->lost |= j->inner->lost;
	spore__http_end_ask(e, &e->out, "POST", spore__codec_option(e, "path"));
	spore__buf_printf(
	    &e->out, "Accept: application/json\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", len);
	spore__buf_add(&e->out, text, len);
	spore__codec_taken(j->inner, len);
	size_t id = m->kind == SPORE__MODEL_REQUEST ? m->id.len : 0;
	struct sent *s = spore__xmalloc(sizeof *s + id);
	*s = (struct sent){.wanted = id > 0, .len = id};
	if (id > 0)
		memcpy(s->id, m->id.bytes, id);
	*j->last = s;
	j->last = &s->next;
	return SPORE_OK;
}

static void client_message(struct spore__codec_end *e, const struct spore__model *m)
{
	struct json_rpc_http *j = e->owner;
	struct sent *s = j->first;
	if ((m->kind != SPORE__MODEL_RESPONSE && m->kind != SPORE__MODEL_ERROR) || s == NULL || s->answered ||
	    s->len != m->id.len || memcmp(s->id, m->id.bytes, s->len) != 0) {
		j->http.base.sink->refused(&j->http.base, NULL, 0,
		                           "what the server said is not the answer to what it was asked");
		return;
	}
	s->answered = true;
	j->http.base.sink->message(&j->http.base, m);
}

static void client_refused(struct spore__codec_end *e, const void *bytes, size_t len, const char *why)
{
	struct json_rpc_http *j = e->owner;
	j->http.base.sink->refused(&j->http.base, bytes, len, why);
}

static const struct spore__codec_sink client_sink = {
    .message = client_message, .refused = client_refused, .session_over = inner_session_over};

static enum spore__http_body on_head(void *arg, const struct spore__http_head *head)
{
	return SPORE__HTTP_GATHER;
}

static void on_response(void *arg, const struct spore__http_head *head, struct spore__span body)
{
	struct json_rpc_http *j = arg;
	size_t used;
	if (head->status < 200)
		return;
	if (!head->keep_alive)
		j->http.base.over = true;
	if (j->first == NULL) {
		j->http.base.sink->refused(&j->http.base, body.bytes, body.len, "an answer to no request");
		return;
	}
	struct sent *s = j->first;
	if (s->wanted && body.len > 0)
		(void)j->inner->ops->feed(j->inner, body.bytes, body.len, &used);
	j->inner->out.len = 0; // what it would answer, nobody reads
	if (s->wanted && !s->answered) {
		struct spore__model m = {.kind = SPORE__MODEL_ERROR, .id = {s->id, s->len}, .remaining_ms = -1};
		spore__http_error_of(&m, head->status, false);
		j->http.base.sink->message(&j->http.base, &m);
	}
	sent_pop(j);
}

static const struct spore__http_hooks client_hooks = {.head = on_head, .message = on_response};

// ---- the table

static const struct spore__http_end_ops ends = {
    .serve = &serve, .client = &client_hooks, .to_client = encode_to_client, .to_server = encode_to_server};

static enum spore_err init(struct spore__codec_end *e)
{
	struct json_rpc_http *j = of(e);
	j->last = &j->first;
	enum spore_err err = spore__http_end_init(e, &ends);
	if (err == SPORE_OK)
		err = spore__http_end_path(e, "path");
	if (err != SPORE_OK || e->role == SPORE__CODEC_PEER_CALLS)
		return err;
	err = spore__codec_create("json-rpc", e->role, e->limits, &client_sink, j, &j->inner, e->why, sizeof e->why);
	if (err == SPORE_OK)
		spore__codec_frame(j->inner, &spore__framing_u32le);
	return err;
}

static void finish(struct spore__codec_end *e)
{
	struct json_rpc_http *j = of(e);
	spore__http_end_finish(e);
	spore__codec_destroy(j->inner);
	while (j->first != NULL)
		sent_pop(j);
	spore__numbers_finish(&j->calls);
}

const struct spore__codec_ops spore__codec_json_rpc_http = {
    .name = "json-rpc-http",
    .help = "JSON-RPC 2.0 by POST, with batches",
    .options = options,
    .losses = SPORE__LOSS_AS_JSON | SPORE__LOSS_PROGRESS | SPORE__LOSS_ITEMS | SPORE__LOSS_CANCEL |
              SPORE__LOSS_DEADLINE | SPORE__LOSS_EVENTS | SPORE__LOSS_BACK_CALLS,
    .calls = true,
    .ids = true,
    .text = true,
    .hub = true,
    .size = sizeof(struct json_rpc_http),
    .init = init,
    .finish = finish,
    .feed = spore__http_end_feed,
    .end = spore__http_end_over,
    .encode = spore__http_end_encode,
    .tick = spore__http_end_tick,
};
