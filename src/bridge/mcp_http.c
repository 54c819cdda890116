// The Model Context Protocol over HTTP ("Streamable HTTP"), towards clients of every revision since 2025-03-26; towards servers it is in mcp_client.c.
//
//	POST path       one request, notification or answer; a request is answered by JSON, or by a stream of events where something is to be said before
//	GET path        up to 2025-11-25: the stream of what the server says by itself; with Last-Event-ID it goes on where it was broken
//	DELETE path     likewise: the session ends
//
// Up to 2025-11-25 `initialize` begins a session, named by Mcp-Session-Id from then on, which outlives connections: one that breaks does not give
// up its call. From 2026-07-28 on there are no sessions: each request says its version, method and name in its head too, which have to be the same
// as in its body, and a stream that breaks gives up its call. All of these share one conversation.
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bridge/http_call.h"
#include "bridge/mcp_http.h"
#include "bridge/text.h"

static const struct spore__codec_option options[] = {
    {"token", "what a client has to send as Authorization: Bearer, or what a server is sent", NULL},
    {"cors", "the origin whose pages may call, * for all", NULL},
    {"host", "a name by which a listener of this machine may be called besides localhost, or the name of a server",
     NULL},
    {"path", "the endpoint", "/mcp"},
    {NULL, NULL, NULL},
};

static const char stateless_from[] = "2026-07-28";
static const char *const versions[] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", stateless_from};

enum { HEADER_MISMATCH = -32020, UNSUPPORTED_VERSION = -32022, INVALID = -32600, NOT_FOUND_SESSION = -32001 };

static struct spore__mcp_http *of(struct spore__codec_end *e)
{
	return (struct spore__mcp_http *)e;
}

static struct spore__mcp_http *hub_of(struct spore__mcp_http *h)
{
	return h->http.base.hub == NULL ? h : of(h->http.base.hub);
}

// ---- what is wrong with a request

// An error of JSON-RPC without an id, or with that of the request.
static void refuse(struct spore__http_exchange *x, unsigned status, int64_t code, const char *why,
                   const struct spore__mcp_asked *a)
{
	struct spore__mcp_http *h = of(x->server->base);
	struct spore__msgpack_writer w = {0}, text = {0};
	struct spore__json_error error;
	unsigned losses = 0;
	spore__msgpack_map(&w, 3);
	spore__msgpack_str(&w, "jsonrpc");
	spore__msgpack_str(&w, "2.0");
	spore__msgpack_str(&w, "id");
	if (a != NULL && a->id.bytes != NULL)
		spore__msgpack_raw(&w, a->id.bytes, a->id.len);
	else
		spore__msgpack_nil(&w);
	spore__msgpack_str(&w, "error");
	spore__msgpack_map(&w, code == UNSUPPORTED_VERSION ? 3 : 2);
	spore__msgpack_str(&w, "code");
	spore__msgpack_int(&w, code);
	spore__msgpack_str(&w, "message");
	spore__msgpack_str(&w, why);
	if (code == UNSUPPORTED_VERSION) {
		spore__msgpack_str(&w, "data");
		spore__msgpack_map(&w, 2);
		spore__msgpack_str(&w, "supported");
		spore__msgpack_array(&w, sizeof versions / sizeof *versions);
		for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
			spore__msgpack_str(&w, versions[i]);
		spore__msgpack_str(&w, "requested");
		spore__msgpack_strn(&w, a == NULL ? "" : (const char *)a->version.bytes,
		                    a == NULL ? 0 : (uint32_t)a->version.len);
	}
	(void)spore__json_from_msgpack(w.data, w.len, &text, &losses, &error);
	const char *more = status == 405   ? "Allow: POST, GET, DELETE, OPTIONS\r\n"
	                   : status == 503 ? "Retry-After: 1\r\n"
	                                   : NULL;
	spore__http_respond(x, status, "application/json", text.data, text.len, more);
	spore__msgpack_writer_finish(&text);
	spore__msgpack_writer_finish(&w);
	struct spore__mcp_http *hub = hub_of(h);
	if (a != NULL)
		hub->http.base.sink->refused(&hub->http.base, a->body.bytes, a->body.len, why);
}

static bool text_at(const struct spore__msgpack_reader *map, const char *key, struct spore__span *text)
{
	struct spore__msgpack_reader at;
	const char *s;
	uint32_t len;
	*text = (struct spore__span){0};
	if (!spore__msgpack_find(map, key, &at) || spore__msgpack_read_str(&at, &s, &len) != SPORE__MSGPACK_OK)
		return false;
	*text = (struct spore__span){(const unsigned char *)s, len};
	return true;
}

// What the body says, as far as it matters here. NULL, or what is wrong.
static const char *look(struct spore__mcp_http *h, struct spore__mcp_asked *a)
{
	static char why[192]; // one request is looked at at a time
	struct spore__msgpack_reader at;
	h->value.len = 0;
	if (a->body.len == 0)
		return "a body is needed";
	if (!spore__http_json(&h->value, a->body, why, sizeof why))
		return why;
	struct spore__msgpack_reader message = spore__msgpack_reader(h->value.data, h->value.len);
	struct spore__msgpack_reader head = message;
	uint32_t pairs;
	if (spore__msgpack_read_map(&head, &pairs) != SPORE__MSGPACK_OK)
		return "a body is one message, an object of JSON";
	(void)text_at(&message, "method", &a->method);
	if (spore__msgpack_find(&message, "id", &at))
		a->id = spore__codec_value(&at);
	struct spore__msgpack_reader params, meta;
	if (!spore__msgpack_find(&message, "params", &params))
		return NULL;
	if (spore__msgpack_find(&params, "_meta", &meta))
		(void)text_at(&meta, "io.modelcontextprotocol/protocolVersion", &a->version);
	if (!text_at(&params, spore__span_is(a->method, "resources/read") ? "uri" : "name", &a->name))
		a->name = (struct spore__span){0};
	return NULL;
}

static bool version_is_known(struct spore__span v)
{
	for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
		if (spore__span_is(v, versions[i]))
			return true;
	return false;
}

static bool same(struct spore__span a, struct spore__span b)
{
	return a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0;
}

// A head's value, as it is or as =?base64?...?=.
static bool says(struct spore__span head, struct spore__span body)
{
	static const char before[] = "=?base64?", behind[] = "?=";
	size_t from = sizeof before - 1, tail = sizeof behind - 1;
	if (head.len < from + tail || memcmp(head.bytes, before, from) != 0 ||
	    memcmp(head.bytes + head.len - tail, behind, tail) != 0)
		return head.bytes != NULL && same(head, body);
	size_t room = head.len, len = 0;
	unsigned char *plain = spore__xmalloc(room);
	bool good = sodium_base642bin(plain, room, (const char *)head.bytes + from, head.len - from - tail, NULL, &len,
	                              NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
	            same((struct spore__span){plain, len}, body);
	free(plain);
	return good;
}

// Of a request without a session: NULL, or what in its head differs from its body.
static const char *mismatch(const struct spore__http_head *head, const struct spore__mcp_asked *a)
{
	struct spore__span version = spore__http_find(head, "mcp-protocol-version", NULL);
	if (version.bytes == NULL || !same(version, a->version))
		return "Header mismatch: MCP-Protocol-Version is not the version in the body";
	if (!says(spore__http_find(head, "mcp-method", NULL), a->method))
		return "Header mismatch: Mcp-Method is not the method in the body";
	bool named = spore__span_is(a->method, "tools/call") || spore__span_is(a->method, "resources/read") ||
	             spore__span_is(a->method, "prompts/get");
	if (named && !says(spore__http_find(head, "mcp-name", NULL), a->name))
		return "Header mismatch: Mcp-Name is not the name in the body";
	return NULL;
}

// ---- requests

// The session of a request, or NULL after it was answered.
static struct spore__mcp_session *session_of(struct spore__mcp_http *hub, struct spore__http_exchange *x,
                                             const struct spore__http_head *head, const struct spore__mcp_asked *a)
{
	bool twice;
	struct spore__span name = spore__http_find(head, "mcp-session-id", &twice);
	if (name.bytes == NULL || twice) {
		refuse(x, 400, INVALID, "Bad Request: Mcp-Session-Id is needed, which initialize gives", a);
		return NULL;
	}
	struct spore__mcp_session *s = spore__mcp_session_find(hub, name);
	if (s == NULL)
		refuse(x, 404, NOT_FOUND_SESSION, "Session not found", a);
	return s;
}

static void post(struct spore__http_exchange *x, const struct spore__http_head *head, struct spore__span body)
{
	struct spore__mcp_http *hub = hub_of(of(x->server->base));
	struct spore__mcp_asked a = {.body = body};
	struct spore__span accept = spore__http_find(head, "accept", NULL);
	bool any = accept.bytes == NULL || spore__http_has(head, "accept", "*/*");
	a.json = any || spore__http_has(head, "accept", "application/json");
	a.sse = spore__http_has(head, "accept", "text/event-stream");
	if (!a.json && !a.sse) {
		refuse(x, 406, INVALID, "Not Acceptable: Accept has to list application/json and text/event-stream",
		       NULL);
		return;
	}
	struct spore__span type = spore__http_find(head, "content-type", NULL);
	if (type.len < 16 || !spore__text_is(type.bytes, 16, "application/json")) {
		refuse(x, 415, INVALID, "Unsupported Media Type: Content-Type has to be application/json", NULL);
		return;
	}
	const char *why = look(hub, &a);
	if (why != NULL) {
		refuse(x, 400, hub->value.len > 0 ? INVALID : -32700, why, &a);
		return;
	}
	struct spore__span said = spore__http_find(head, "mcp-protocol-version", NULL);
	bool stateless = a.version.bytes != NULL || spore__span_is(said, stateless_from);
	struct spore__span version = said.bytes != NULL ? said : a.version;
	if (version.bytes != NULL && !version_is_known(version)) {
		a.version = version;
		refuse(x, 400, UNSUPPORTED_VERSION, "Unsupported protocol version", &a);
		return;
	}
	struct spore__mcp_session *s;
	if (stateless && a.method.bytes != NULL) {
		why = mismatch(head, &a);
		if (why != NULL) {
			refuse(x, 400, HEADER_MISMATCH, why, &a);
			return;
		}
		s = spore__mcp_session_stateless(hub);
	} else if (spore__span_is(a.method, "initialize") && a.id.bytes != NULL) {
		s = spore__mcp_session_create(hub);
		a.begins = true;
		if (s == NULL) {
			refuse(x, 503, SPORE_EBUSY, "too many sessions", &a);
			return;
		}
	} else {
		s = session_of(hub, x, head, &a);
	}
	if (s != NULL)
		spore__mcp_session_post(s, x, &a);
}

static void get(struct spore__http_exchange *x, const struct spore__http_head *head)
{
	struct spore__mcp_http *hub = hub_of(of(x->server->base));
	if (spore__span_is(spore__http_find(head, "mcp-protocol-version", NULL), stateless_from)) {
		refuse(x, 405, INVALID, "Method Not Allowed", NULL);
	} else if (!spore__http_has(head, "accept", "text/event-stream")) {
		refuse(x, 406, INVALID, "Not Acceptable: Accept has to list text/event-stream", NULL);
	} else {
		struct spore__mcp_session *s = session_of(hub, x, head, NULL);
		if (s != NULL)
			spore__mcp_session_listen(s, x, spore__http_find(head, "last-event-id", NULL));
	}
}

static void request(struct spore__http_exchange *x, const struct spore__http_head *head, struct spore__span path,
                    struct spore__span query, struct spore__span body)
{
	struct spore__mcp_http *hub = hub_of(of(x->server->base));
	if (!spore__span_is(path, spore__codec_option(&hub->http.base, "path"))) {
		refuse(x, 404, INVALID, "the endpoint is at another path", NULL);
	} else if (head->method == HTTP_POST) {
		post(x, head, body);
	} else if (head->method == HTTP_GET) {
		get(x, head);
	} else if (head->method == HTTP_DELETE &&
	           !spore__span_is(spore__http_find(head, "mcp-protocol-version", NULL), stateless_from)) {
		struct spore__mcp_session *s = session_of(hub, x, head, NULL);
		if (s == NULL)
			return;
		spore__http_respond(x, 204, NULL, NULL, 0, NULL);
		spore__mcp_session_end(s, true);
	} else {
		refuse(x, 405, INVALID, "Method Not Allowed", NULL);
	}
}

static void gone(struct spore__http_exchange *x)
{
	if (x->call != NULL)
		spore__mcp_session_gone(x);
}

static const struct spore__http_serve_ops serve = {
    .allow = "POST, GET, DELETE, OPTIONS", .request = request, .gone = gone};

// ---- the table

// What a program that all sessions share says by itself: notifications to each, a request to the only one.
static enum spore_err to_all(struct spore__mcp_http *hub, const struct spore__model *m)
{
	enum spore_err e = SPORE_EUNSUPPORTED;
	struct spore__mcp_session *next;
	if (m->kind == SPORE__MODEL_REQUEST && hub->session_count > 1)
		return spore__codec_fail(&hub->http.base, e, "there are several sessions, so none can be called back");
	for (struct spore__mcp_session *s = hub->sessions; s != NULL; s = next) {
		next = spore__mcp_session_next(s);
		if (spore__mcp_session_encode(s, m) == SPORE_OK)
			e = SPORE_OK;
	}
	return e;
}

static enum spore_err to_client(struct spore__codec_end *e, const struct spore__model *m)
{
	struct spore__mcp_http *hub = of(e);
	if (m->session == NULL && (m->kind == SPORE__MODEL_NOTIFICATION || m->kind == SPORE__MODEL_REQUEST))
		return to_all(hub, m);
	struct spore__mcp_session *s =
	    m->session == NULL ? NULL : spore__mcp_session_find(hub, spore__span_str(m->session));
	return s == NULL ? SPORE_ENOTFOUND : spore__mcp_session_encode(s, m);
}

static struct spore__mcp_client *client_of(struct spore__mcp_http *hub)
{
	if (hub->client == NULL)
		spore__mcp_client_init(hub);
	return hub->client;
}

static enum spore_err to_server(struct spore__codec_end *e, const struct spore__model *m)
{
	return spore__mcp_client_encode(client_of(of(e)), m);
}

static const struct spore__http_end_ops ends = {
    .serve = &serve, .client = &spore__mcp_link_hooks, .to_client = to_client, .to_server = to_server};

static enum spore_err init(struct spore__codec_end *e)
{
	struct spore__mcp_http *h = of(e);
	if (sodium_init() < 0)
		return SPORE_ESYSTEM;
	enum spore_err err = spore__http_end_init(e, &ends);
	h->http.server.rules.headers = "Mcp-Session-Id, MCP-Protocol-Version, Mcp-Method, Mcp-Name";
	return err == SPORE_OK ? spore__http_end_path(e, "path") : err;
}

static void finish(struct spore__codec_end *e)
{
	struct spore__mcp_http *h = of(e);
	spore__http_end_finish(e);
	spore__mcp_link_finish(h);
	if (h->client != NULL)
		spore__mcp_client_finish(h->client);
	while (h->sessions != NULL)
		spore__mcp_session_end(h->sessions, false);
	spore__msgpack_writer_finish(&h->value);
}

static enum spore_err over(struct spore__codec_end *e)
{
	if (!e->connects)
		return spore__http_end_over(e);
	spore__mcp_client_end(client_of(of(e)));
	return SPORE_OK;
}

static int64_t tick_client(struct spore__mcp_http *h)
{
	struct spore__mcp_client *c = client_of(hub_of(h));
	if (h->http.base.hub != NULL)
		return spore__mcp_link_tick(h);
	if (!h->http.base.connects)
		(void)spore__mcp_link_tick(h);
	return spore__mcp_client_tick(c);
}

static int64_t tick(struct spore__codec_end *e, int64_t now_ms)
{
	struct spore__mcp_http *hub = hub_of(of(e));
	hub->now = now_ms;
	if (e->role == SPORE__CODEC_PEER_SERVES)
		return tick_client(of(e));
	int64_t next = spore__http_end_tick(e, now_ms);
	int64_t sessions = spore__mcp_sessions_tick(hub);
	return next < sessions ? next : sessions;
}

const struct spore__codec_ops spore__codec_mcp_http = {
    .name = "mcp-http",
    .help = "the Model Context Protocol over HTTP (Streamable HTTP), towards clients and servers",
    .options = options,
    .losses = SPORE__LOSS_AS_JSON | SPORE__LOSS_ITEMS | SPORE__LOSS_DEADLINE,
    .calls = true,
    .ids = true,
    .symmetric = true,
    .text = true,
    .hub = true,
    .connects = true,
    .begins = "initialize",
    .begun = "notifications/initialized",
    .size = sizeof(struct spore__mcp_http),
    .init = init,
    .finish = finish,
    .feed = spore__http_end_feed,
    .end = over,
    .encode = spore__http_end_encode,
    .tick = tick,
};
