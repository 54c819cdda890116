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

// ---- who is let in

static bool is_digits_and_dots(const unsigned char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != '.' && (p[i] < '0' || p[i] > '9'))
			return false;
	return len > 0;
}

// The name in "name:port" or "[address]:port".
static struct spore__span name_of(struct spore__span host)
{
	if (host.len > 0 && host.bytes[0] == '[') {
		const unsigned char *end = memchr(host.bytes, ']', host.len);
		return (struct spore__span){host.bytes, end == NULL ? host.len : (size_t)(end + 1 - host.bytes)};
	}
	const unsigned char *colon = host.len == 0 ? NULL : memchr(host.bytes, ':', host.len);
	return (struct spore__span){host.bytes, colon == NULL ? host.len : (size_t)(colon - host.bytes)};
}

// A name that only this machine can mean. Any other may be one that a stranger made point here.
static bool is_local(struct spore__span host)
{
	struct spore__span n = name_of(host);
	static const char end[] = ".localhost";
	return spore__text_is(n.bytes, n.len, "localhost") || spore__text_is(n.bytes, n.len, "[::1]") ||
	       (n.len > 4 && memcmp(n.bytes, "127.", 4) == 0 && is_digits_and_dots(n.bytes, n.len)) ||
	       (n.len > sizeof end && spore__text_is(n.bytes + n.len - (sizeof end - 1), sizeof end - 1, end));
}

static bool same(struct spore__span a, struct spore__span b)
{
	return a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0;
}

// False: the page's origin may not. Headers for it are added.
static bool origin_is_good(struct spore__http_exchange *x, struct spore__span origin, struct spore__span host)
{
	const struct spore__http_rules *rules = &x->server->rules;
	if (origin.bytes == NULL)
		return true;
	if (rules->cors != NULL && (strcmp(rules->cors, "*") == 0 || spore__span_is(origin, rules->cors))) {
		spore__buf_str(&x->cors, "Access-Control-Allow-Origin: ");
		spore__text_line(&x->cors, origin.bytes, origin.len);
		spore__buf_str(&x->cors, "\r\nVary: Origin\r\n");
		if (rules->headers != NULL)
			spore__buf_printf(&x->cors, "Access-Control-Expose-Headers: %s\r\n", rules->headers);
		return true;
	}
	const unsigned char *at = origin.len > 3 ? memchr(origin.bytes, ':', origin.len - 2) : NULL;
	if (at == NULL || memcmp(at, "://", 3) != 0)
		return false;
	struct spore__span place_of = {at + 3, origin.len - (size_t)(at + 3 - origin.bytes)};
	return same(place_of, host);
}

static bool token_is_good(const struct spore__http_server *s, const struct spore__http_head *h,
                          struct spore__span query)
{
	static const char bearer[] = "bearer ", name[] = "access_token=";
	struct spore__span given = spore__http_find(h, "authorization", NULL);
	if (s->rules.token == NULL)
		return true;
	if (given.len > sizeof bearer - 1 && spore__text_is(given.bytes, sizeof bearer - 1, bearer))
		return spore__text_secret(s->rules.token, given.bytes + sizeof bearer - 1,
		                          given.len - (sizeof bearer - 1));
	for (size_t i = 0; s->rules.token_in_query && i + sizeof name - 1 < query.len; i++) {
		if ((i > 0 && query.bytes[i - 1] != '&') || memcmp(query.bytes + i, name, sizeof name - 1) != 0)
			continue;
		const unsigned char *from = query.bytes + i + sizeof name - 1;
		const unsigned char *and = memchr(from, '&', query.len - i - (sizeof name - 1));
		struct spore__buf plain = {0};
		struct spore__span raw = {from,
		                          and == NULL ? (size_t)(query.bytes + query.len - from) : (size_t)(and-from)};
		bool good = spore__http_unescape(&plain, raw, true) && plain.len > 0 &&
		            spore__text_secret(s->rules.token, plain.data, plain.len);
		spore__buf_finish(&plain);
		return good;
	}
	return false;
}

static void options(struct spore__http_exchange *x, const struct spore__http_head *h)
{
	struct spore__buf more = {0};
	spore__buf_printf(&more, "Allow: %s\r\n", x->server->ops->allow);
	if (spore__http_find(h, "access-control-request-method", NULL).bytes != NULL && x->cors.len > 0) {
		const char *also = x->server->rules.headers;
		spore__buf_printf(
		    &more,
		    "Access-Control-Allow-Methods: %s\r\nAccess-Control-Allow-Headers: Accept, Authorization, "
		    "Content-Type, Prefer, Last-Event-ID%s%s\r\nAccess-Control-Max-Age: 600\r\n",
		    x->server->ops->allow, also == NULL ? "" : ", ", also == NULL ? "" : also);
	}
	spore__http_respond(x, 204, NULL, NULL, 0, more.data);
	spore__buf_finish(&more);
}

struct asked {
	struct spore__span path, query;
};

// Zero, or the status of a refusal with *WHY. What a page may read of a refusal, it may read too.
static unsigned look(struct spore__http_exchange *x, const struct spore__http_head *h, struct asked *a,
                     const char **why)
{
	struct spore__http_server *s = x->server;
	bool twice;
	struct spore__span host = spore__http_find(h, "host", &twice);
	*why = "one Host header is needed";
	if (twice || (host.bytes == NULL && h->minor > 0))
		return 400;
	*why = "this listener is for names of this machine alone; the option host=NAME adds one";
	if (s->base->local && host.bytes != NULL && !is_local(host) &&
	    (s->rules.host == NULL || !spore__span_is(name_of(host), s->rules.host)))
		return 403;
	*why = "pages of this origin may not call; the option cors=ORIGIN allows one";
	struct spore__span origin = spore__http_find(h, "origin", &twice);
	if (twice || !origin_is_good(x, origin, host))
		return 403;
	*why = "the address of a request is a path";
	if (h->target.len > LINE)
		return 414;
	if (h->method == HTTP_OPTIONS && spore__span_is(h->target, "*"))
		return 0;
	if (spore__http_target(h->target, &a->path, &a->query) != SPORE_OK)
		return 400;
	*why = "a token is needed, as Authorization: Bearer TOKEN";
	if (h->method != HTTP_OPTIONS && !token_is_good(s, h, a->query))
		return 401;
	*why = "this is not known of HTTP here";
	struct spore__span expects = spore__http_find(h, "expect", &twice);
	if (expects.bytes != NULL && (twice || !spore__text_is(expects.bytes, expects.len, "100-continue")))
		return 417;
	return 0;
}

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
	struct asked a = {0};
	const char *why;
	struct spore__http_exchange *x = exchange_add(s, h);
	unsigned status = look(x, h, &a, &why);
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
		options(x, h);
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
	struct asked a = {0};
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
