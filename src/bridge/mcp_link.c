// The connections of a client of the Model Context Protocol to its server: on each something is sent when what was before is over, since a stream
// that answers one request would keep others waiting. A hub whose owner makes no connections sends all on its own, one behind the other, and
// listens to nothing unasked.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bridge/mcp_http.h"
#include "bridge/text.h"

enum {
	QUIET_MS =
	    2000, // a connection that is not used is closed before servers do it, so that nothing is sent into its end
	LINGER_MS = 1000, // a stream that has answered and goes on is not waited for longer
};

static struct spore__mcp_http *hub_of(struct spore__mcp_http *h)
{
	return h->http.base.hub == NULL ? h : (struct spore__mcp_http *)h->http.base.hub;
}

static struct spore__mcp_client *client_of(struct spore__mcp_http *h)
{
	return hub_of(h)->client;
}

bool spore__mcp_link_is_free(const struct spore__mcp_http *h)
{
	return !h->http.base.over && (h->link.first == NULL || h->http.base.hub == NULL);
}

// ---- out

static void put_session(const struct spore__mcp_client *c, const struct spore__mcp_post *p, struct spore__buf *out)
{
	if (p->heads != NULL)
		spore__buf_str(out, p->heads);
	if (p->modern || p->begins)
		return;
	if (c->session != NULL)
		spore__buf_printf(out, "Mcp-Session-Id: %s\r\n", c->session);
	if (c->version != NULL)
		spore__buf_printf(out, "MCP-Protocol-Version: %s\r\n", c->version);
}

void spore__mcp_link_send(struct spore__mcp_http *h, struct spore__mcp_post *p)
{
	struct spore__mcp_http *hub = hub_of(h);
	struct spore__buf *out = &h->http.base.out;
	const char *path = spore__codec_option(&hub->http.base, "path");
	bool gets = p->kind == SPORE__MCP_LISTEN || p->resumes;
	spore__http_end_ask(&hub->http.base, out, gets ? "GET" : p->kind == SPORE__MCP_END ? "DELETE" : "POST", path);
	put_session(hub->client, p, out);
	if (gets) {
		spore__buf_str(out, "Accept: text/event-stream\r\n");
		if (p->last != NULL)
			spore__buf_printf(out, "Last-Event-ID: %s\r\n", p->last);
	} else if (p->kind != SPORE__MCP_END) {
		spore__buf_printf(out,
		                  "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
		                  "Content-Length: %zu\r\n",
		                  p->len);
	}
	spore__buf_str(out, "\r\n");
	if (!gets && p->kind != SPORE__MCP_END)
		spore__buf_add(out, p->text, p->len);
	p->link = h;
	p->behind = NULL;
	*h->link.last = p;
	h->link.last = &p->behind;
}

// ---- in

static void on_event(void *arg, struct spore__span kind, struct spore__span data)
{
	struct spore__mcp_http *h = arg;
	struct spore__mcp_post *p = h->link.first;
	const struct spore__buf *id = &h->link.sse.id;
	(void)kind;
	if (p == NULL)
		return;
	p->tries = 0;
	if (id->len > 0) {
		struct spore__buf line = {0};
		spore__text_line(&line, id->data, id->len);
		free(p->last);
		p->last = spore__buf_take(&line);
	}
	if (data.len > 0)
		spore__mcp_client_hear(client_of(h), data.bytes, data.len);
}

static bool is_stream(const struct spore__http_head *head)
{
	static const char events[] = "text/event-stream";
	struct spore__span type = spore__http_find(head, "content-type", NULL);
	return head->status >= 200 && head->status < 300 && type.len >= sizeof events - 1 &&
	       spore__text_is(type.bytes, sizeof events - 1, events);
}

static enum spore__http_body on_head(void *arg, const struct spore__http_head *head)
{
	struct spore__mcp_http *h = arg;
	struct spore__mcp_post *p = h->link.first;
	h->link.heard = true;
	h->link.streams = p != NULL && is_stream(head);
	if (p != NULL && p->begins && head->status >= 200 && head->status < 300) {
		struct spore__mcp_client *c = client_of(h);
		struct spore__span name = spore__http_find(head, "mcp-session-id", NULL);
		free(c->session);
		c->session = name.len > 0 ? spore__xstrndup((const char *)name.bytes, name.len) : NULL;
	}
	if (!h->link.streams)
		return SPORE__HTTP_GATHER;
	h->link.sse.event = on_event;
	h->link.sse.arg = h;
	h->link.sse.limit = h->http.base.limits->message;
	spore__sse_begin(&h->link.sse);
	return SPORE__HTTP_PIECES;
}

static void on_piece(void *arg, const void *bytes, size_t len)
{
	struct spore__mcp_http *h = arg;
	if (!spore__sse_feed(&h->link.sse, bytes, len) && !h->http.base.over) {
		struct spore__codec_end *hub = &hub_of(h)->http.base;
		hub->sink->refused(hub, bytes, len, "an event is larger than a message may be");
		h->http.base.over = true; // its request is lost with it
	}
}

static void on_message(void *arg, const struct spore__http_head *head, struct spore__span body)
{
	struct spore__mcp_http *h = arg;
	struct spore__mcp_client *c = client_of(h);
	struct spore__mcp_post *p = h->link.first;
	struct spore__codec_end *hub = &hub_of(h)->http.base;
	if (head->status < 200)
		return;
	if (p == NULL) {
		hub->sink->refused(hub, body.bytes, body.len, "an answer to no request");
		return;
	}
	// What it says may have to be answered, or give up P: meanwhile P is under way, and the connection not free.
	if (head->status < 300 && p->kind == SPORE__MCP_CALL && body.len > 0)
		spore__mcp_client_hear(c, body.bytes, body.len);
	h->link.first = p->behind;
	if (h->link.first == NULL)
		h->link.last = &h->link.first;
	p->link = NULL;
	if (!head->keep_alive)
		h->http.base.over = true;
	if (h->link.streams && h->link.sse.retry_ms >= 0)
		p->due = hub_of(h)->now + h->link.sse.retry_ms;
	spore__mcp_client_answered(c, p, head, body);
	h->link.quiet_ms = hub_of(h)->now;
	spore__mcp_client_send(c);
}

const struct spore__http_hooks spore__mcp_link_hooks = {.head = on_head, .piece = on_piece, .message = on_message};

// ---- its time

static void join(struct spore__mcp_http *h)
{
	struct spore__mcp_client *c = client_of(h);
	h->link.last = &h->link.first;
	h->link.quiet_ms = hub_of(h)->now;
	h->link.next = c->links;
	if (h->link.next != NULL)
		h->link.next->link.at = &h->link.next;
	h->link.at = &c->links;
	c->links = h;
	c->link_count++;
	spore__mcp_client_send(c);
}

int64_t spore__mcp_link_tick(struct spore__mcp_http *h)
{
	const int64_t now = hub_of(h)->now;
	if (h->link.at == NULL)
		join(h);
	if (h->http.base.hub == NULL)
		return INT64_MAX;
	const struct spore__mcp_post *p = h->link.first;
	int64_t due = p == NULL                                   ? h->link.quiet_ms + QUIET_MS
	              : p->kind == SPORE__MCP_CALL && p->answered ? p->due + LINGER_MS
	                                                          : INT64_MAX;
	if (p != NULL && p->given_up)
		h->http.base.over = true; // nobody waits for what would come
	if (now >= due)
		h->http.base.over = true;
	return due;
}

void spore__mcp_link_finish(struct spore__mcp_http *h)
{
	spore__sse_finish(&h->link.sse);
	if (h->link.at == NULL)
		return;
	struct spore__mcp_client *c = client_of(h);
	*h->link.at = h->link.next;
	if (h->link.next != NULL)
		h->link.next->link.at = h->link.at;
	c->link_count--;
	for (struct spore__mcp_post *p = h->link.first, *next; p != NULL; p = next) {
		next = p->behind;
		p->link = NULL;
		if (h->http.base.hub != NULL)
			spore__mcp_client_lost(c, p, h->link.heard);
	}
	h->link.first = NULL;
}
