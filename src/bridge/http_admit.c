// Who is let in by a server of HTTP.
#include <string.h>

#include "bridge/http1.h"
#include "bridge/text.h"

enum { LINE = 8 << 10 };

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

void spore__http_options(struct spore__http_exchange *x, const struct spore__http_head *h)
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

unsigned spore__http_admit(struct spore__http_exchange *x, const struct spore__http_head *h,
                           struct spore__http_asked *a, const char **why)
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
