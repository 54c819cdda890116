// A server of HTTP/1.1 on one connection: who is let in, and answers in the order of the requests.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bridge/http1.h"
#include "bridge/text.h"
#include "json.h"

enum {
	HEAD_MS = 10 * 1000, // from the first byte of a head to its last
	BODY_MS = 30 * 1000, // and of a body, which gets a second more for each KiB that came
	IDLE_MS = 75 * 1000, // a connection that asks nothing
	BEAT_MS = 15 * 1000, // a stream of events shows that it is there
	LINE = 8 << 10,
};

// ---- statuses

const char *spore__http_reason(unsigned status)
{
	switch (status) {
#define REASON(number, name, text)                                                                                     \
	case number:                                                                                                   \
		return #text;
		HTTP_STATUS_MAP(REASON)
#undef REASON
	case 499:
		return "Client Closed Request";
	default:
		return "Unknown";
	}
}

unsigned spore__http_status(int64_t code)
{
	switch (code) {
	case SPORE_EINVALID:
	case SPORE_EMALFORMED:
	case SPORE_ETOODEEP:
	case -32700:
	case -32600:
	case -32602:
		return 400;
	case SPORE_EDENIED:
		return 403;
	case SPORE_ENOTFOUND:
	case -32601:
		return 404;
	case SPORE_EEXISTS:
		return 409;
	case SPORE_ETOOBIG:
		return 413;
	case SPORE_ECANCELLED:
		return 499;
	case SPORE_EUNSUPPORTED:
		return 501;
	case SPORE_ECLOSED:
	case SPORE_ENOTWIRED:
	case SPORE_EEND:
		return 502;
	case SPORE_EBUSY:
		return 503;
	case SPORE_ETIMEOUT:
		return 504;
	default:
		return 500;
	}
}

// ---- exchanges in order

static struct spore__http_exchange *exchange_add(struct spore__http_server *s, const struct spore__http_head *h)
{
	struct spore__http_exchange *x = spore__xcalloc(1, sizeof *x);
	x->server = s;
	x->head = h != NULL && h->method == HTTP_HEAD;
	x->keep = h != NULL && h->keep_alive;
	x->old = h != NULL && h->minor == 0;
	*s->last = x;
	s->last = &x->next;
	s->waiting++;
	return x;
}

static void exchange_pop(struct spore__http_server *s)
{
	struct spore__http_exchange *x = s->first;
	s->first = x->next;
	if (s->first == NULL)
		s->last = &s->first;
	s->waiting--;
	spore__buf_finish(&x->out);
	spore__buf_finish(&x->cors);
	free(x);
}

static struct spore__buf *place(struct spore__http_exchange *x)
{
	return x == x->server->first ? &x->server->base->out : &x->out;
}

static void exchange_done(struct spore__http_exchange *x)
{
	struct spore__http_server *s = x->server;
	x->done = true;
	while (s->first != NULL && s->first->done && !s->base->over) {
		struct spore__http_exchange *first = s->first;
		spore__buf_add(&s->base->out, first->out.data, first->out.len);
		first->out.len = 0;
		if (!first->keep) {
			s->base->over = true;
			s->reader.stop = true;
		}
		exchange_pop(s);
		// What the next one has said so far is now said at once.
		if (s->first != NULL && !s->first->done && !s->base->over) {
			spore__buf_add(&s->base->out, s->first->out.data, s->first->out.len);
			s->first->out.len = 0;
		}
	}
}

static void head(struct spore__http_exchange *x, unsigned status, const char *type)
{
	struct spore__buf *out = place(x);
	spore__buf_str(out, "HTTP/1.1 ");
	spore__buf_int(out, status);
	spore__buf_char(out, ' ');
	spore__buf_str(out, spore__http_reason(status));
	spore__buf_str(out, "\r\n");
	if (type != NULL) {
		spore__buf_str(out, "Content-Type: ");
		spore__buf_str(out, type);
		spore__buf_str(out, "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n");
	}
	spore__buf_add(out, x->cors.data, x->cors.len);
	if (!x->keep)
		spore__buf_str(out, "Connection: close\r\n");
	else if (x->old)
		spore__buf_str(out, "Connection: keep-alive\r\n");
}

void spore__http_respond(struct spore__http_exchange *x, unsigned status, const char *type, const void *body,
                         size_t len, const char *headers)
{
	head(x, status, type);
	struct spore__buf *out = place(x);
	if (headers != NULL)
		spore__buf_str(out, headers);
	if (status != 204 && status >= 200) {
		spore__buf_str(out, "Content-Length: ");
		spore__buf_int(out, (int64_t)len);
		spore__buf_str(out, "\r\n");
	}
	spore__buf_str(out, "\r\n");
	if (!x->head)
		spore__buf_add(out, body, len);
	exchange_done(x);
}

void spore__http_refuse(struct spore__http_exchange *x, unsigned status, int64_t code, const char *message)
{
	struct spore__buf body = {0};
	spore__buf_str(&body, "{\"code\":");
	spore__buf_int(&body, code);
	spore__buf_str(&body, ",\"message\":\"");
	for (const char *p = message; *p != '\0'; p++)
		spore__buf_char(&body, *p == '"' || *p == '\\' ? '\'' : *p);
	spore__buf_str(&body, "\"}\n");
	char more[128] = "";
	if (status == 401)
		(void)snprintf(more, sizeof more, "WWW-Authenticate: Bearer\r\n");
	else if (status == 405)
		(void)snprintf(more, sizeof more, "Allow: %s\r\n", x->server->ops->allow);
	else if (status == 503)
		(void)snprintf(more, sizeof more, "Retry-After: 1\r\n");
	spore__http_respond(x, status, "application/json", body.data, body.len, more);
	spore__buf_finish(&body);
}

void spore__http_stream(struct spore__http_exchange *x, const char *type, const char *headers)
{
	if (x->old)
		x->keep = false;
	head(x, 200, type);
	struct spore__buf *out = place(x);
	if (headers != NULL)
		spore__buf_str(out, headers);
	spore__buf_str(out, x->old ? "X-Accel-Buffering: no\r\n\r\n"
	                           : "X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n");
	x->streams = true;
}

void spore__http_piece(struct spore__http_exchange *x, const void *bytes, size_t len)
{
	struct spore__buf *out = place(x);
	if (x->head || len == 0)
		return;
	if (!x->old)
		spore__buf_printf(out, "%zx\r\n", len);
	spore__buf_add(out, bytes, len);
	if (!x->old)
		spore__buf_str(out, "\r\n");
}

void spore__http_end(struct spore__http_exchange *x)
{
	if (!x->old && !x->head)
		spore__buf_str(place(x), "0\r\n\r\n");
	exchange_done(x);
}

void spore__http_event(struct spore__http_exchange *x, const char *id, struct spore__span event, const void *data,
                       size_t len)
{
	struct spore__buf text = {0};
	if (id != NULL) {
		spore__buf_str(&text, "id: ");
		spore__buf_str(&text, id);
		spore__buf_char(&text, '\n');
	}
	if (event.bytes != NULL) {
		spore__buf_str(&text, "event: ");
		spore__text_line(&text, event.bytes, event.len);
		spore__buf_char(&text, '\n');
	}
	spore__buf_str(&text, "data: ");
	spore__buf_add(&text, data, len);
	spore__buf_str(&text, "\n\n");
	spore__http_piece(x, text.data, text.len);
	spore__buf_finish(&text);
}

void spore__http_written(struct spore__codec_end *e)
{
	if (e->hub != NULL && e->sink->written != NULL)
		e->sink->written(e);
}

// ---- requests

static enum spore_err code_of(unsigned status)
{
	return status == 503 ? SPORE_EBUSY : status == 401 || status == 403 ? SPORE_EDENIED : SPORE_EINVALID;
}

static bool has_body(const struct spore__http_head *h)
{
	return h->chunked || (h->length != UINT64_MAX && h->length > 0);
}

static enum spore__http_body on_head(void *arg, const struct spore__http_head *h)
{
	struct spore__http_server *s = arg;
	struct spore__http_asked a = {0};
	const char *why;
	struct spore__http_exchange *x = exchange_add(s, h);
	unsigned status = spore__http_admit(x, h, &a, &why);
	s->refusing = false;
	if (status == 0 && s->waiting > s->base->limits->in_flight) {
		status = 503;
		why = "too many requests wait for their answers";
		s->reader.stop = true; // it is the last of this connection
	}
	if (status != 0) {
		// The body of what is refused is not read.
		x->keep = x->keep && !has_body(h) && status != 503;
		s->refusing = true;
		spore__http_refuse(x, status, code_of(status), why);
		return SPORE__HTTP_NONE;
	}
	if (h->method == HTTP_OPTIONS) {
		x->keep = x->keep && !has_body(h);
		s->refusing = true;
		spore__http_options(x, h);
		return SPORE__HTTP_NONE;
	}
	if (s->ops->upgrade != NULL && !has_body(h) && s->ops->upgrade(x, h, a.path, a.query))
		return SPORE__HTTP_RAW;
	if (h->minor > 0 && has_body(h) && (h->chunked || h->length <= s->base->limits->message) &&
	    spore__http_find(h, "expect", NULL).bytes != NULL)
		spore__buf_str(place(x), "HTTP/1.1 100 Continue\r\n\r\n");
	return SPORE__HTTP_GATHER;
}

static void on_message(void *arg, const struct spore__http_head *h, struct spore__span body)
{
	struct spore__http_server *s = arg;
	struct spore__http_asked a = {0};
	if (s->refusing || s->base->over)
		return;
	// The latest is the one whose body this is.
	struct spore__http_exchange *x = s->first;
	while (x->next != NULL)
		x = x->next;
	(void)spore__http_target(h->target, &a.path, &a.query);
	s->ops->request(x, h, a.path, a.query, body);
}

// ---- a connection

static const struct spore__http_hooks hooks = {.head = on_head, .message = on_message};

void spore__http_server_init(struct spore__http_server *s, struct spore__codec_end *base,
                             const struct spore__http_serve_ops *ops)
{
	s->base = base;
	s->ops = ops;
	s->last = &s->first;
	s->since = s->quiet = s->beat = -1;
	s->reader.type = HTTP_REQUEST;
	s->reader.hooks = &hooks;
	s->reader.arg = s;
	s->reader.limits = base->limits;
	s->reader.pause = &base->pause;
}

void spore__http_server_finish(struct spore__http_server *s)
{
	if (s->base == NULL)
		return;
	while (s->first != NULL) {
		if (!s->first->done)
			s->ops->gone(s->first);
		exchange_pop(s);
	}
	spore__http_reader_finish(&s->reader);
}

enum spore_err spore__http_server_feed(struct spore__http_server *s, const void *bytes, size_t len, size_t *used)
{
	enum spore_err e = spore__http_read(&s->reader, bytes, len, used);
	if (e == SPORE_OK) {
		if (s->base->over || s->reader.stop)
			*used = len;
		return SPORE_OK;
	}
	(void)snprintf(s->base->why, sizeof s->base->why, "%s", s->reader.why);
	s->reader.stop = true;
	// The one whose body it was, or a new one. Those before it are answered first.
	struct spore__http_exchange *x = s->first;
	while (x != NULL && x->next != NULL)
		x = x->next;
	if (x == NULL || x->done || s->reader.state == 0)
		x = exchange_add(s, NULL);
	x->keep = false;
	x->streams = false;
	spore__http_refuse(x, s->reader.status, e, s->reader.why);
	return e;
}

int64_t spore__http_server_tick(struct spore__http_server *s, int64_t now)
{
	struct spore__http_reader *r = &s->reader;
	int64_t next = INT64_MAX;
	if (spore__http_reading(r)) {
		if (s->since < 0 || s->seen != r->messages) {
			s->since = now;
			s->seen = r->messages;
		}
		bool body = r->state != 0;
		int64_t due = s->since + (body ? BODY_MS + (int64_t)(r->received / 1024 * 1000) : HEAD_MS);
		s->quiet = -1;
		if (now >= due) {
			struct spore__http_exchange *x = s->first;
			while (x != NULL && x->next != NULL)
				x = x->next;
			if (!body)
				x = exchange_add(s, NULL);
			r->stop = true;
			x->keep = false;
			spore__http_refuse(x, 408, SPORE_ETIMEOUT, "the request took too long to come");
			return INT64_MAX;
		}
		next = due;
	} else {
		s->since = -1;
		if (s->first == NULL && r->state == 0) {
			s->quiet = s->quiet < 0 ? now : s->quiet;
			if (now >= s->quiet + IDLE_MS)
				s->base->over = true;
			next = s->quiet + IDLE_MS;
		} else {
			s->quiet = -1;
		}
	}
	if (s->first != NULL && s->first->streams) {
		if (s->beat < 0)
			s->beat = now;
		// One who does not read gets no more of them.
		if (now >= s->beat + BEAT_MS) {
			if (s->base->out.len < LINE)
				spore__http_piece(s->first, ":\n\n", 3);
			s->beat = now;
		}
		if (s->beat + BEAT_MS < next)
			next = s->beat + BEAT_MS;
	} else {
		s->beat = -1;
	}
	return next;
}
