// One conversation of the Model Context Protocol over HTTP: its requests under way, its streams, and what was said on them lately.
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bridge/mcp_http.h"
#include "bridge/text.h"

enum {
	SESSIONS = 256,
	SESSION_MS = 60 * 60 * 1000, // without a request or a stream
	NAME = 16,                   // random bytes
	LOG = 256,                   // events
	LOG_BYTES = 1 << 20,
};

static const char stateless_name[] = "stateless";

// Something a client waits at: a request, or the stream of what is said unasked. A stream is known by its number.
struct line {
	struct line *next;
	struct spore__mcp_session *session;
	struct spore__http_exchange *x; // NULL: its connection is gone
	uint32_t number;                // 0: what is said unasked
	uint32_t said;                  // events
	bool json, sse;                 // what the client takes
	bool begins;                    // `initialize`
	size_t key_len, len;
	unsigned char id[]; // of the request: as the bridge knows it, and as the client chose it
};

struct event {
	uint32_t line, number;
	char *text;
	size_t len;
};

struct spore__mcp_session {
	struct spore__mcp_session *next;
	struct spore__mcp_http *hub;
	char name[NAME * 2 + 1];
	bool stateless;
	struct spore__mcp mcp;
	struct line *requests; // the latest first
	struct line *unasked;  // NULL: nobody listens
	uint32_t lines, unasked_said;
	struct event log[LOG]; // a ring
	unsigned log_first, log_count;
	size_t log_bytes;
	uint32_t unheard; // of the events unasked, the latest that nobody has got
	int64_t used;
	// The POST that is fed, until it is known what it was.
	struct spore__http_exchange *posting;
	const struct spore__mcp_asked *asked;
	bool refused;
	bool doomed; // to be ended when it is not fed any more
	struct spore__msgpack_writer value, text;
};

// ---- what was said lately

static void log_drop(struct spore__mcp_session *s)
{
	struct event *e = &s->log[s->log_first];
	s->log_bytes -= e->len;
	free(e->text);
	s->log_first = (s->log_first + 1) % LOG;
	s->log_count--;
}

static void log_add(struct spore__mcp_session *s, uint32_t line, uint32_t number, const void *text, size_t len)
{
	if (s->stateless || len > LOG_BYTES)
		return;
	while (s->log_count == LOG || (s->log_count > 0 && s->log_bytes + len > LOG_BYTES))
		log_drop(s);
	struct event *e = &s->log[(s->log_first + s->log_count++) % LOG];
	*e = (struct event){line, number, spore__xstrndup(text, len), len};
	s->log_bytes += len;
}

static void event(struct spore__mcp_session *s, struct spore__http_exchange *x, uint32_t line, uint32_t number,
                  const void *text, size_t len)
{
	char id[32];
	(void)snprintf(id, sizeof id, "%u-%u", line, number);
	spore__http_event(x, s->stateless ? NULL : id, spore__span_str("message"), text, len);
}

static void replay(struct spore__mcp_session *s, struct spore__http_exchange *x, uint32_t line, uint32_t behind)
{
	for (unsigned i = 0; i < s->log_count; i++) {
		const struct event *e = &s->log[(s->log_first + i) % LOG];
		if (e->line == line && e->number > behind)
			event(s, x, line, e->number, e->text, e->len);
	}
}

// ---- lines

static void line_free(struct line *l)
{
	struct spore__mcp_session *s = l->session;
	if (l->x != NULL)
		l->x->call = NULL;
	if (s->unasked == l) {
		s->unasked = NULL;
	} else {
		struct line **at = &s->requests;
		while (*at != l)
			at = &(*at)->next;
		*at = l->next;
	}
	free(l);
}

static void head_of(const struct line *l, char *text, size_t size)
{
	text[0] = '\0';
	if (l->begins)
		(void)snprintf(text, size, "Mcp-Session-Id: %s\r\n", l->session->name);
}

// Says TEXT on a stream that is there or begins with it.
static void say(struct line *l, const void *text, size_t len)
{
	struct spore__mcp_session *s = l->session;
	uint32_t number = l->number == 0 ? ++s->unasked_said : ++l->said;
	log_add(s, l->number, number, text, len);
	if (l->x == NULL)
		return;
	struct spore__codec_end *connection = l->x->server->base;
	if (!l->x->streams) {
		char head[128];
		head_of(l, head, sizeof head);
		spore__http_stream(l->x, "text/event-stream", head);
	}
	event(s, l->x, l->number, number, text, len);
	spore__http_written(connection);
	// One who does not read loses the stream, not the bridge its memory.
	if (connection->out.len + l->x->out.len <= connection->limits->message)
		return;
	struct spore__http_exchange *x = l->x;
	l->x = NULL;
	x->call = NULL;
	x->keep = false;
	spore__http_end(x);
	if (l->number == 0)
		line_free(l);
}

// The last of a request.
static void answer(struct line *l, const void *text, size_t len)
{
	struct spore__http_exchange *x = l->x;
	bool stream = x == NULL || x->streams || !l->json;
	if (stream)
		say(l, text, len);
	x = l->x;
	char head[128];
	head_of(l, head, sizeof head);
	line_free(l);
	if (x == NULL)
		return;
	struct spore__codec_end *connection = x->server->base;
	if (stream)
		spore__http_end(x);
	else
		spore__http_respond(x, 200, "application/json", text, len, head);
	spore__http_written(connection);
}

// ---- what a client says

static void on_message(void *owner, const struct spore__model *decoded)
{
	struct spore__mcp_session *s = owner;
	struct spore__mcp_http *hub = s->hub;
	struct spore__model m = *decoded;
	m.session = s->name;
	if (m.kind == SPORE__MODEL_REQUEST && s->posting != NULL) {
		struct spore__span own = s->asked->id;
		struct line *l = spore__xcalloc(1, sizeof *l + m.id.len + own.len);
		l->session = s;
		l->x = s->posting;
		l->number = ++s->lines;
		l->json = s->asked->json;
		l->sse = s->asked->sse;
		l->begins = s->asked->begins;
		l->key_len = m.id.len;
		memcpy(l->id, m.id.bytes, m.id.len);
		l->len = own.len;
		memcpy(l->id + l->key_len, own.bytes, own.len);
		l->next = s->requests;
		s->requests = l;
		l->x->call = l;
		s->posting = NULL;
	}
	hub->http.base.sink->message(&hub->http.base, &m);
}

static void on_refused(void *owner, const void *bytes, size_t len, const char *why)
{
	struct spore__mcp_session *s = owner;
	s->refused = true;
	s->hub->http.base.sink->refused(&s->hub->http.base, bytes, len, why);
}

static const struct spore__mcp_sink sink = {.message = on_message, .refused = on_refused};

// The body, which was looked at, with a number in place of its id, since clients without sessions choose theirs independently.
static struct spore__span renumber(struct spore__mcp_session *s, const struct spore__mcp_asked *a)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(s->hub->value.data, s->hub->value.len);
	struct spore__json_error error;
	unsigned losses = 0;
	uint32_t pairs = 0;
	if (a->id.bytes == NULL)
		return a->body;
	s->value.len = s->text.len = 0;
	(void)spore__msgpack_read_map(&r, &pairs);
	spore__msgpack_map(&s->value, pairs);
	for (; pairs > 0; pairs--) {
		struct spore__span key = spore__codec_value(&r);
		struct spore__span value = spore__codec_value(&r);
		spore__msgpack_raw(&s->value, key.bytes, key.len);
		if (value.bytes == a->id.bytes)
			spore__msgpack_int(&s->value, s->lines + 1);
		else
			spore__msgpack_raw(&s->value, value.bytes, value.len);
	}
	if (spore__json_from_msgpack(s->value.data, s->value.len, &s->text, &losses, &error) != SPORE_OK)
		return a->body;
	return spore__span_of(&s->text);
}

void spore__mcp_session_post(struct spore__mcp_session *s, struct spore__http_exchange *x,
                             const struct spore__mcp_asked *a)
{
	struct spore__codec_end *inner = s->mcp.inner;
	const void *text;
	size_t len;
	struct spore__span body = s->stateless ? renumber(s, a) : a->body;
	s->used = s->hub->now;
	s->posting = x;
	s->asked = a;
	s->refused = false;
	// The same id twice could not be told apart.
	for (struct line *l = s->requests; a->id.bytes != NULL && a->method.bytes != NULL && l != NULL; l = l->next) {
		if (s->stateless || l->len != a->id.len || memcmp(l->id + l->key_len, a->id.bytes, l->len) != 0)
			continue;
		s->posting = NULL;
		spore__http_refuse(x, 400, -32600, "a request of this id is under way");
		return;
	}
	(void)spore__mcp_feed(&s->mcp, body.bytes, body.len);
	bool open = s->posting != NULL; // it was no request
	s->posting = NULL;
	s->asked = NULL;
	text = spore__codec_take(inner, &len);
	if (!open) {
		// nothing to do: it is answered later, or was already
	} else if (text != NULL) {
		spore__http_respond(x, 400, "application/json", text, len, NULL);
	} else if (s->refused) {
		spore__http_refuse(x, 400, -32600, "this is no message of JSON-RPC");
	} else {
		spore__http_respond(x, 202, NULL, NULL, 0, NULL);
	}
	inner->out.len = 0;
	if (s->doomed)
		spore__mcp_session_end(s, true);
}

// ---- what the server says

static struct line *request_of(const struct spore__mcp_session *s, struct spore__span id)
{
	struct line *l = s->requests;
	while (l != NULL && (l->key_len != id.len || memcmp(l->id, id.bytes, id.len) != 0))
		l = l->next;
	return l;
}

// Where something goes that belongs to no request: to who listens, else beside the latest request; kept for who listens later, where nobody does.
static enum spore_err say_unasked(struct spore__mcp_session *s, const void *text, size_t len)
{
	if (s->unasked != NULL) {
		say(s->unasked, text, len);
		return SPORE_OK;
	}
	if (s->stateless)
		return SPORE_EUNSUPPORTED; // what is said by itself is of a subscription
	for (struct line *l = s->requests; l != NULL; l = l->next) {
		if (l->x == NULL || !l->sse)
			continue;
		say(l, text, len);
		return SPORE_OK;
	}
	log_add(s, 0, ++s->unasked_said, text, len);
	return SPORE_OK;
}

enum spore_err spore__mcp_session_encode(struct spore__mcp_session *s, const struct spore__model *m)
{
	struct spore__codec_end *inner = s->mcp.inner;
	bool last = m->kind == SPORE__MODEL_RESPONSE || m->kind == SPORE__MODEL_ERROR;
	bool part = m->kind == SPORE__MODEL_PROGRESS || m->kind == SPORE__MODEL_ITEM;
	struct line *l = last || part ? request_of(s, m->id) : NULL;
	if (s->stateless && m->kind == SPORE__MODEL_REQUEST)
		return SPORE_EUNSUPPORTED; // that revision has none
	s->mcp.say_id = l == NULL ? (struct spore__span){0} : (struct spore__span){l->id + l->key_len, l->len};
	enum spore_err e = spore__mcp_encode(&s->mcp, m);
	s->hub->http.base.lost |= inner->lost;
	if (e != SPORE_OK) {
		memcpy(s->hub->http.base.why, inner->why, sizeof inner->why);
		inner->out.len = 0;
		return e;
	}
	size_t len = 0;
	const void *text = spore__codec_take(inner, &len);
	static const char cancelled[] =
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32800,\"message\":\"cancelled\"}}";
	if (last && l == NULL) {
		e = SPORE_ENOTFOUND;
	} else if (last) {
		// One who gave up is not answered, but its request is over.
		answer(l, text == NULL ? cancelled : text, text == NULL ? sizeof cancelled - 1 : len);
	} else if (text == NULL) {
		e = SPORE_EUNSUPPORTED;
	} else if (l != NULL && l->sse) {
		say(l, text, len);
	} else if (part) {
		e = SPORE_EUNSUPPORTED;
	} else {
		e = say_unasked(s, text, len);
	}
	inner->out.len = 0;
	// Its program is gone: a client that is told so begins a new one.
	if (last && m->kind == SPORE__MODEL_ERROR && m->code == SPORE_ECLOSED && !s->stateless) {
		s->doomed = true;
		if (s->asked == NULL)
			spore__mcp_session_end(s, true);
	}
	return e;
}

// ---- streams

void spore__mcp_session_listen(struct spore__mcp_session *s, struct spore__http_exchange *x, struct spore__span last)
{
	unsigned number = 0, behind = 0;
	char text[32] = "";
	s->used = s->hub->now;
	if (last.bytes != NULL && last.len < sizeof text) {
		memcpy(text, last.bytes, last.len);
		if (sscanf(text, "%u-%u", &number, &behind) != 2)
			number = behind = 0;
	}
	char head[128];
	(void)snprintf(head, sizeof head, "Mcp-Session-Id: %s\r\n", s->name);
	spore__http_stream(x, "text/event-stream", head);
	spore__http_piece(x, ":\n\n", 3);
	if (number > 0) {
		// The stream of a request, whose connection broke.
		struct line *l = s->requests;
		while (l != NULL && l->number != number)
			l = l->next;
		replay(s, x, number, behind);
		if (l == NULL) {
			spore__http_end(x);
			return;
		}
		if (l->x != NULL) {
			struct spore__http_exchange *old = l->x;
			struct spore__codec_end *connection = old->server->base;
			old->call = NULL;
			spore__http_end(old);
			spore__http_written(connection);
		}
		l->x = x;
		x->call = l;
		return;
	}
	// One at a time; a new one is there because the old one broke.
	if (s->unasked != NULL) {
		struct spore__http_exchange *old = s->unasked->x;
		struct spore__codec_end *connection = old->server->base;
		line_free(s->unasked);
		spore__http_end(old);
		spore__http_written(connection);
	}
	struct line *l = spore__xcalloc(1, sizeof *l);
	l->session = s;
	l->x = x;
	l->sse = true;
	x->call = l;
	s->unasked = l;
	replay(s, x, 0, last.bytes != NULL ? behind : s->unheard);
	s->unheard = s->unasked_said;
}

void spore__mcp_session_gone(struct spore__http_exchange *x)
{
	struct line *l = x->call;
	struct spore__mcp_session *s = l->session;
	if (s->unasked == l) {
		s->unheard = s->unasked_said;
		line_free(l);
		return;
	}
	l->x = NULL;
	if (!s->stateless)
		return; // it may come back for its answer
	struct spore__mcp_http *hub = s->hub;
	struct spore__model m = {
	    .kind = SPORE__MODEL_CANCEL, .id = {l->id, l->key_len}, .session = s->name, .remaining_ms = -1};
	if (x->server->base != &hub->http.base)
		hub->http.base.sink->message(&hub->http.base, &m);
	// The bridge may have answered within.
	struct line *same = request_of(s, m.id);
	if (same == l)
		line_free(l);
}

// ---- sessions

struct spore__mcp_session *spore__mcp_session_find(struct spore__mcp_http *hub, struct spore__span name)
{
	struct spore__mcp_session *s = hub->sessions;
	while (s != NULL && !spore__text_secret(s->name, name.bytes, name.len))
		s = s->next;
	return s;
}

struct spore__mcp_session *spore__mcp_session_next(const struct spore__mcp_session *s)
{
	return s->next;
}

static struct spore__mcp_session *create(struct spore__mcp_http *hub, const char *name)
{
	char why[128];
	if (hub->session_count >= SESSIONS)
		return NULL;
	struct spore__mcp_session *s = spore__xcalloc(1, sizeof *s);
	s->hub = hub;
	if (spore__mcp_init(&s->mcp, SPORE__CODEC_PEER_CALLS, hub->http.base.limits, &sink, s, why, sizeof why) !=
	    SPORE_OK) {
		spore__mcp_finish(&s->mcp);
		free(s);
		return NULL;
	}
	(void)snprintf(s->name, sizeof s->name, "%s", name);
	s->used = hub->now;
	s->next = hub->sessions;
	hub->sessions = s;
	hub->session_count++;
	return s;
}

struct spore__mcp_session *spore__mcp_session_create(struct spore__mcp_http *hub)
{
	unsigned char random[NAME];
	char name[NAME * 2 + 1];
	randombytes_buf(random, sizeof random);
	(void)sodium_bin2hex(name, sizeof name, random, sizeof random);
	return create(hub, name);
}

struct spore__mcp_session *spore__mcp_session_stateless(struct spore__mcp_http *hub)
{
	struct spore__mcp_session *s = spore__mcp_session_find(hub, spore__span_str(stateless_name));
	if (s == NULL)
		s = create(hub, stateless_name);
	if (s != NULL)
		s->stateless = true;
	return s;
}

void spore__mcp_session_end(struct spore__mcp_session *s, bool tell)
{
	static const char over[] =
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32001,\"message\":\"Session not found\"}}";
	struct spore__mcp_http *hub = s->hub;
	struct spore__mcp_session **at = &hub->sessions;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	hub->session_count--;
	while (s->requests != NULL)
		answer(s->requests, over, sizeof over - 1);
	if (s->unasked != NULL) {
		struct spore__http_exchange *x = s->unasked->x;
		struct spore__codec_end *connection = x->server->base;
		line_free(s->unasked);
		spore__http_end(x);
		spore__http_written(connection);
	}
	while (s->log_count > 0)
		log_drop(s);
	spore__mcp_finish(&s->mcp);
	spore__msgpack_writer_finish(&s->value);
	spore__msgpack_writer_finish(&s->text);
	if (tell)
		hub->http.base.sink->session_over(&hub->http.base, s->name);
	free(s);
}

int64_t spore__mcp_sessions_tick(struct spore__mcp_http *hub)
{
	int64_t first = INT64_MAX;
	struct spore__mcp_session *next;
	for (struct spore__mcp_session *s = hub->sessions; s != NULL; s = next) {
		next = s->next;
		spore__mcp_tick(&s->mcp);
		if (s->requests != NULL || s->unasked != NULL || s->stateless)
			s->used = hub->now;
		if (hub->now >= s->used + SESSION_MS) {
			spore__mcp_session_end(s, true);
			continue;
		}
		if (s->used + SESSION_MS < first)
			first = s->used + SESSION_MS;
	}
	return first;
}
