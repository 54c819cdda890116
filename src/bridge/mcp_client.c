// What a client of the Model Context Protocol says to a server over HTTP, and hears of it.
//
// `initialize` and each notification are over before what is behind them is sent, since on several connections they would be overtaken. A stream
// that breaks before its answer goes on with Last-Event-ID where the server numbers events. A session that the server has forgotten (404) is begun
// anew, with what it was begun with before, and what was asked is asked again.
#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bridge/http_call.h"
#include "bridge/mcp_http.h"
#include "bridge/text.h"

enum {
	LINKS = 64,
	FREE = 4,        // of them for what is no call, so that answers get through beside calls that wait for them
	RETRY_MS = 1000, // a stream that the server says nothing about
	RETRY_MOST = 30000,
	TRIES = 5, // of a stream that brings nothing
	END_MS = 2000,
};

// ---- posts

static struct spore__mcp_post *post_add(struct spore__mcp_client *c, enum spore__mcp_post_kind kind, const void *text,
                                        size_t len, struct spore__span id)
{
	struct spore__mcp_post *p = spore__xcalloc(1, sizeof *p + id.len), **at = &c->posts;
	p->kind = kind;
	p->text = len > 0 ? spore__xstrndup(text, len) : NULL;
	p->len = len;
	p->id_len = id.len;
	if (id.len > 0)
		memcpy(p->id, id.bytes, id.len);
	while (*at != NULL)
		at = &(*at)->next;
	*at = p;
	c->waiting_bytes += len;
	return p;
}

static void post_first(struct spore__mcp_client *c, struct spore__mcp_post *p)
{
	struct spore__mcp_post **at = &c->posts;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	p->next = c->posts;
	c->posts = p;
}

static void post_free(struct spore__mcp_client *c, struct spore__mcp_post *p)
{
	struct spore__mcp_post **at = &c->posts;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	c->waiting_bytes -= p->len;
	if (c->renews == p)
		c->renews = NULL;
	free(p->heads);
	free(p->last);
	free(p->text);
	free(p);
}

static struct spore__mcp_post *post_of(const struct spore__mcp_client *c, struct spore__span id)
{
	struct spore__mcp_post *p = c->posts;
	while (p != NULL && (p->kind != SPORE__MCP_CALL || p->id_len != id.len || memcmp(p->id, id.bytes, id.len) != 0))
		p = p->next;
	return p;
}

static struct spore__span id_of(const struct spore__mcp_post *p)
{
	return (struct spore__span){p->id, p->id_len};
}

static bool may_go(const struct spore__mcp_client *c, const struct spore__mcp_post *p, unsigned calls, bool barred)
{
	if (p->link != NULL || p->due > c->hub->now)
		return false;
	if (p == c->renews || p->free)
		return true;
	if (c->renews != NULL || barred)
		return false;
	return p->kind == SPORE__MCP_TELL || p->kind == SPORE__MCP_END || calls < LINKS - FREE;
}

void spore__mcp_client_send(struct spore__mcp_client *c)
{
	unsigned calls = 0, wanted = 0;
	bool barred = false;
	for (const struct spore__mcp_post *p = c->posts; p != NULL; p = p->next)
		calls += p->link != NULL && p->kind != SPORE__MCP_TELL;
	struct spore__mcp_http *link = c->links;
	for (struct spore__mcp_post *p = c->posts; p != NULL; p = p->next) {
		if (may_go(c, p, calls, barred)) {
			while (link != NULL && !spore__mcp_link_is_free(link))
				link = link->link.next;
			if (link != NULL)
				spore__mcp_link_send(link, p);
			else
				wanted++;
			calls += p->kind != SPORE__MCP_TELL;
		}
		barred = barred || p->barrier;
	}
	unsigned room = c->link_count < LINKS ? LINKS - c->link_count : 0;
	c->hub->http.base.wants = wanted < room ? wanted : room;
}

// ---- what is asked

// VALUE as it may be in a head, or in =?base64?...?=.
static void put_head(struct spore__buf *out, const char *name, struct spore__span value)
{
	bool plain =
	    value.len > 0 && value.bytes[0] != ' ' && value.bytes[value.len - 1] != ' ' && value.bytes[0] != '=';
	for (size_t i = 0; i < value.len; i++)
		plain = plain && value.bytes[i] >= 0x20 && value.bytes[i] < 0x7f;
	spore__buf_printf(out, "%s: ", name);
	if (plain) {
		spore__buf_add(out, value.bytes, value.len);
	} else {
		size_t size = sodium_base64_encoded_len(value.len, sodium_base64_VARIANT_ORIGINAL);
		char *text = spore__xmalloc(size);
		spore__buf_printf(
		    out, "=?base64?%s?=",
		    sodium_bin2base64(text, size, value.bytes, value.len, sodium_base64_VARIANT_ORIGINAL));
		free(text);
	}
	spore__buf_str(out, "\r\n");
}

static struct spore__span text_in(struct spore__span map, const char *key)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(map.bytes, map.len), at;
	const char *s;
	uint32_t len;
	if (!spore__msgpack_find(&r, key, &at) || spore__msgpack_read_str(&at, &s, &len) != SPORE__MSGPACK_OK)
		return (struct spore__span){0};
	return (struct spore__span){(const unsigned char *)s, len};
}

// Since 2026-07-28 a request says its version in its body, and that, its method and its name in its head.
static void look_at(struct spore__mcp_post *p, const struct spore__model *m)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(m->value.bytes, m->value.len), meta;
	if (!spore__msgpack_find(&r, "_meta", &meta))
		return;
	struct spore__span version = text_in(spore__codec_value(&meta), "io.modelcontextprotocol/protocolVersion");
	if (version.bytes == NULL)
		return;
	struct spore__buf heads = {0};
	p->modern = true;
	put_head(&heads, "MCP-Protocol-Version", version);
	put_head(&heads, "Mcp-Method", m->method);
	struct spore__span name = text_in(m->value, spore__span_is(m->method, "resources/read") ? "uri" : "name");
	if (name.bytes != NULL &&
	    (spore__span_is(m->method, "tools/call") || spore__span_is(m->method, "prompts/get") ||
	     spore__span_is(m->method, "resources/read")))
		put_head(&heads, "Mcp-Name", name);
	p->heads = spore__buf_take(&heads);
}

static void keep(char **where, size_t *size, const void *text, size_t len)
{
	free(*where);
	*where = spore__xstrndup(text, len);
	*size = len;
}

static void ask(struct spore__mcp_client *c, const struct spore__model *m, const void *text, size_t len)
{
	bool call = m->kind == SPORE__MODEL_REQUEST, tell = m->kind == SPORE__MODEL_NOTIFICATION;
	struct spore__mcp_post *p =
	    post_add(c, call ? SPORE__MCP_CALL : SPORE__MCP_TELL, text, len, call ? m->id : (struct spore__span){0});
	p->begins = call && spore__span_is(m->method, "initialize");
	p->opens = tell && spore__span_is(m->method, "notifications/initialized");
	p->barrier = p->begins || tell;
	p->free = !call && !tell;
	if (call || tell)
		look_at(p, m);
	if (p->begins) {
		keep(&c->begin, &c->begin_len, text, len);
		keep(&c->begin_id, &c->begin_id_len, m->id.bytes, m->id.len);
	}
	if (p->opens)
		keep(&c->opened, &c->opened_len, text, len);
}

// True: it is all that there is to be done.
static bool give_up(struct spore__mcp_client *c, struct spore__span id)
{
	struct spore__mcp_post *p = post_of(c, id);
	if (p == NULL)
		return true;
	p->given_up = true;
	bool sent = p->link != NULL || p->resumes;
	bool modern = p->modern; // there a connection that ends gives up its call
	if (p->link == NULL)
		post_free(c, p);
	return !sent || modern;
}

enum spore_err spore__mcp_client_encode(struct spore__mcp_client *c, const struct spore__model *m)
{
	struct spore__codec_end *hub = &c->hub->http.base, *inner = c->mcp.inner;
	if (c->ends)
		return SPORE_ENOTFOUND;
	// An answer that the server waits for, and a cancel, make it less.
	bool more = m->kind == SPORE__MODEL_REQUEST || m->kind == SPORE__MODEL_NOTIFICATION;
	if (more && c->waiting_bytes > hub->limits->message)
		return spore__codec_fail(hub, SPORE_EBUSY, "more waits to be said than a message may be long");
	enum spore_err err = spore__mcp_encode(&c->mcp, m);
	size_t len = 0;
	const void *text = spore__codec_take(inner, &len);
	hub->lost |= inner->lost;
	if (err != SPORE_OK)
		memcpy(hub->why, inner->why, sizeof hub->why);
	else if (text != NULL && !(m->kind == SPORE__MODEL_CANCEL && give_up(c, m->id)))
		ask(c, m, text, len);
	inner->out.len = 0;
	spore__mcp_client_send(c);
	return err;
}

// ---- what is heard

static void on_message(void *owner, const struct spore__model *m)
{
	struct spore__mcp_client *c = owner;
	struct spore__codec_end *hub = &c->hub->http.base;
	if (m->kind != SPORE__MODEL_RESPONSE && m->kind != SPORE__MODEL_ERROR) {
		hub->sink->message(hub, m);
		return;
	}
	struct spore__mcp_post *p = post_of(c, m->id);
	bool own = p != NULL && p->own;
	if (p != NULL && !p->answered) {
		p->answered = true;
		p->due = c->hub->now;
		struct spore__span version = text_in(m->value, "protocolVersion");
		if (p->begins && m->kind == SPORE__MODEL_RESPONSE && version.len > 0 &&
		    memchr(version.bytes, '\r', version.len) == NULL &&
		    memchr(version.bytes, '\n', version.len) == NULL) {
			free(c->version);
			c->version = spore__xstrndup((const char *)version.bytes, version.len);
		}
	}
	if (!own)
		hub->sink->message(hub, m);
	else if (m->kind == SPORE__MODEL_ERROR)
		p->given_up = true;
}

static void on_refused(void *owner, const void *bytes, size_t len, const char *why)
{
	struct spore__codec_end *hub = &((struct spore__mcp_client *)owner)->hub->http.base;
	hub->sink->refused(hub, bytes, len, why);
}

static const struct spore__mcp_sink sink = {.message = on_message, .refused = on_refused};

void spore__mcp_client_hear(struct spore__mcp_client *c, const void *text, size_t len)
{
	(void)spore__mcp_feed(&c->mcp, text, len);
	c->mcp.inner->out.len = 0; // what it would answer to no message, nobody reads
}

static void fail(struct spore__mcp_client *c, struct spore__mcp_post *p, int64_t code, const char *why)
{
	if (p->kind == SPORE__MCP_CALL && !p->answered && !p->given_up) {
		p->answered = true;
		spore__mcp_fail(&c->mcp, id_of(p), code, spore__span_str(why), (struct spore__span){0});
	} else if (p->kind == SPORE__MCP_TELL) {
		on_refused(c, p->text, p->len, why);
	}
}

// An error of HTTP, whose body may be one of JSON-RPC with another id.
static void fail_status(struct spore__mcp_client *c, struct spore__mcp_post *p, unsigned status,
                        struct spore__span body)
{
	struct spore__msgpack_writer w = {0};
	struct spore__msgpack_reader error;
	char why[192];
	bool good = body.len > 0 && spore__http_json(&w, body, why, sizeof why);
	struct spore__model m = {.value = spore__span_of(&w)};
	struct spore__msgpack_reader r = spore__msgpack_reader(w.data, w.len);
	if (good && spore__msgpack_find(&r, "error", &error))
		m.value = spore__codec_value(&error);
	spore__http_error_of(&m, status, good);
	if (p->kind == SPORE__MCP_CALL && !p->answered && !p->given_up) {
		p->answered = true;
		spore__mcp_fail(&c->mcp, id_of(p), m.code, m.text, m.value);
	} else if (p->kind == SPORE__MCP_TELL) {
		(void)snprintf(why, sizeof why, "the server answered %u %s", status, spore__http_reason(status));
		on_refused(c, p->text, p->len, why);
	}
	spore__msgpack_writer_finish(&w);
}

// ---- a session again

static void listen(struct spore__mcp_client *c)
{
	// A hub with one connection has nothing to listen on.
	if (!c->hub->http.base.connects)
		return;
	for (struct spore__mcp_post *p = c->posts; p != NULL; p = p->next)
		if (p->kind == SPORE__MCP_LISTEN)
			return;
	(void)post_add(c, SPORE__MCP_LISTEN, NULL, 0, (struct spore__span){0});
}

// P was answered 404. True: it waits for a new session.
static bool renew(struct spore__mcp_client *c, struct spore__mcp_post *p)
{
	if (c->begin == NULL || p->again || p->begins || p->modern || c->session == NULL || c->ends)
		return p->again && c->renews != NULL;
	p->again = true;
	p->resumes = false;
	if (c->renews != NULL)
		return true;
	const struct spore__span id = {(const unsigned char *)c->begin_id, c->begin_id_len};
	struct spore__mcp_post *begin = post_add(c, SPORE__MCP_CALL, c->begin, c->begin_len, id);
	begin->begins = begin->own = true;
	post_first(c, begin);
	c->renews = begin;
	return true;
}

static void is_renewed(struct spore__mcp_client *c, bool good)
{
	for (struct spore__mcp_post *p = c->posts, *next; p != NULL; p = next) {
		next = p->next;
		if (p->again && p->link == NULL && !good) {
			fail(c, p, SPORE_ECLOSED, "the server has forgotten the session, and began no other");
			post_free(c, p);
		}
	}
	if (!good || c->opened == NULL)
		return;
	struct spore__mcp_post *opens = post_add(c, SPORE__MCP_TELL, c->opened, c->opened_len, (struct spore__span){0});
	opens->opens = opens->barrier = true;
	post_first(c, opens);
}

// ---- how a post goes

static void later(struct spore__mcp_client *c, struct spore__mcp_post *p)
{
	int64_t wait = (int64_t)RETRY_MS << (p->tries < 5 ? p->tries : 5);
	p->tries++;
	if (p->due <= c->hub->now)
		p->due = c->hub->now + (wait < RETRY_MOST ? wait : RETRY_MOST);
}

// It is not over yet.
static bool goes_on(struct spore__mcp_client *c, struct spore__mcp_post *p)
{
	if (p->given_up || c->ends)
		return false;
	if (p->kind == SPORE__MCP_LISTEN) {
		later(c, p);
		return true;
	}
	if (p->kind != SPORE__MCP_CALL || p->answered || p->last == NULL || p->modern || p->tries >= TRIES)
		return false;
	p->resumes = true;
	later(c, p);
	return true;
}

void spore__mcp_client_answered(struct spore__mcp_client *c, struct spore__mcp_post *p,
                                const struct spore__http_head *head, struct spore__span body)
{
	bool good = head->status < 300;
	if (head->status == 404 && p->kind != SPORE__MCP_END && renew(c, p))
		return;
	if (p->kind == SPORE__MCP_LISTEN && (good || head->status >= 500 || head->status == 429) && goes_on(c, p))
		return;
	if (good && p->kind == SPORE__MCP_CALL) {
		if (!p->answered && goes_on(c, p))
			return;
		fail(c, p, SPORE_ECLOSED, "the server ended its answer before the result");
	} else if (!good) {
		fail_status(c, p, head->status, body);
	}
	bool renewed = p == c->renews, opens = p->opens && good, ok = p->answered && !p->given_up && good;
	if (p->kind == SPORE__MCP_END)
		c->hub->http.base.over = true;
	post_free(c, p);
	if (renewed)
		is_renewed(c, ok);
	if (opens)
		listen(c);
}

void spore__mcp_client_lost(struct spore__mcp_client *c, struct spore__mcp_post *p, bool heard)
{
	bool renewed = p == c->renews;
	if (goes_on(c, p))
		return;
	if (p->kind == SPORE__MCP_END)
		c->hub->http.base.over = true;
	fail(c, p, SPORE_ECLOSED,
	     heard ? "the connection ended before the answer"
	           : "the server cannot be reached, or has ended the connection");
	post_free(c, p);
	if (renewed)
		is_renewed(c, false);
}

// ---- an end of it

void spore__mcp_client_init(struct spore__mcp_http *hub)
{
	struct spore__codec_end *e = &hub->http.base;
	struct spore__mcp_client *c = spore__xcalloc(1, sizeof *c);
	hub->client = c;
	c->hub = hub;
	enum spore_err err =
	    spore__mcp_init(&c->mcp, SPORE__CODEC_PEER_SERVES, e->limits, &sink, c, e->why, sizeof e->why);
	assert(err == SPORE_OK); // it has no options
	(void)err;
}

void spore__mcp_client_finish(struct spore__mcp_client *c)
{
	while (c->posts != NULL)
		post_free(c, c->posts);
	spore__mcp_finish(&c->mcp);
	free(c->session);
	free(c->version);
	free(c->begin);
	free(c->begin_id);
	free(c->opened);
	free(c);
}

void spore__mcp_client_end(struct spore__mcp_client *c)
{
	if (c->ends)
		return;
	c->ends = true;
	c->ends_ms = c->hub->now + END_MS;
	if (c->session == NULL || !c->hub->http.base.connects) {
		c->hub->http.base.over = true;
		return;
	}
	(void)post_add(c, SPORE__MCP_END, NULL, 0, (struct spore__span){0});
	spore__mcp_client_send(c);
}

int64_t spore__mcp_client_tick(struct spore__mcp_client *c)
{
	int64_t next = INT64_MAX, now = c->hub->now;
	spore__mcp_tick(&c->mcp);
	spore__mcp_client_send(c);
	for (const struct spore__mcp_post *p = c->posts; p != NULL; p = p->next)
		if (p->link == NULL && p->due > now && p->due < next)
			next = p->due;
	if (!c->ends)
		return next;
	if (now >= c->ends_ms)
		c->hub->http.base.over = true;
	return c->ends_ms < next ? c->ends_ms : next;
}
