// How a WebSocket begins: the request of HTTP that asks for one, and its answer.
#include <nettle/sha1.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "bridge/text.h"
#include "bridge/websocket.h"

enum { KEY = 16 };

static void accept_of(const void *key, size_t len, char text[32])
{
	static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	struct sha1_ctx ctx;
	unsigned char digest[SHA1_DIGEST_SIZE];
	sha1_init(&ctx);
	sha1_update(&ctx, len, key);
	sha1_update(&ctx, sizeof magic - 1, (const unsigned char *)magic);
	sha1_digest(&ctx, sizeof digest, digest);
	(void)sodium_bin2base64(text, 32, digest, sizeof digest, sodium_base64_VARIANT_ORIGINAL);
}

static bool key_is_good(struct spore__span key)
{
	unsigned char raw[KEY + 1];
	size_t len = 0;
	return key.len == 24 &&
	       sodium_base642bin(raw, sizeof raw, (const char *)key.bytes, key.len, NULL, &len, NULL,
	                         sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       len == KEY;
}

static void now_open(struct spore__websocket *w)
{
	w->open = true;
	spore__buf_add(&w->http.base.out, w->pending.data, w->pending.len);
	spore__buf_finish(&w->pending);
}

static bool upgrade(struct spore__http_exchange *x, const struct spore__http_head *h, struct spore__span path,
                    struct spore__span query)
{
	struct spore__websocket *w = (struct spore__websocket *)x->server->base;
	bool twice;
	struct spore__span key = spore__http_find(h, "sec-websocket-key", &twice);
	struct spore__span version = spore__http_find(h, "sec-websocket-version", NULL);
	if (h->method != HTTP_GET || x->old || x != x->server->first || !spore__http_has(h, "upgrade", "websocket") ||
	    !spore__http_has(h, "connection", "upgrade") || twice || !key_is_good(key) ||
	    !spore__span_is(version, "13"))
		return false;
	struct spore__buf more = {0};
	char accept[32];
	accept_of(key.bytes, key.len, accept);
	spore__buf_printf(&more, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n", accept);
	if (spore__http_has(h, "sec-websocket-protocol", spore__codec_option(&w->http.base, "payload")))
		spore__buf_printf(&more, "Sec-WebSocket-Protocol: %s\r\n",
		                  spore__codec_option(&w->http.base, "payload"));
	x->keep = true;
	spore__http_respond(x, 101, NULL, NULL, 0, more.data);
	spore__buf_finish(&more);
	now_open(w);
	return true;
}

static void request(struct spore__http_exchange *x, const struct spore__http_head *head, struct spore__span path,
                    struct spore__span query, struct spore__span body)
{
	static const char text[] = "{\"code\":-32600,\"message\":\"this is a WebSocket of version 13\"}\n";
	x->keep = false;
	spore__http_respond(x, 426, "application/json", text, sizeof text - 1,
	                    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
}

static void gone(struct spore__http_exchange *x)
{
}

static const struct spore__http_serve_ops serve = {
    .allow = "GET", .request = request, .gone = gone, .upgrade = upgrade};

void spore__websocket_ask(struct spore__websocket *w)
{
	unsigned char raw[KEY];
	char key[32];
	struct spore__buf *out = &w->http.base.out;
	randombytes_buf(raw, sizeof raw);
	(void)sodium_bin2base64(key, sizeof key, raw, sizeof raw, sodium_base64_VARIANT_ORIGINAL);
	accept_of(key, strlen(key), w->accept);
	spore__http_end_ask(&w->http.base, out, "GET", spore__codec_option(&w->http.base, "path"));
	spore__buf_printf(
	    out,
	    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
	    key);
}

static enum spore__http_body on_answer(void *arg, const struct spore__http_head *h)
{
	struct spore__websocket *w = arg;
	struct spore__span accept = spore__http_find(h, "sec-websocket-accept", NULL);
	if (h->status == 101 && spore__http_has(h, "upgrade", "websocket") && spore__span_is(accept, w->accept) &&
	    spore__http_find(h, "sec-websocket-extensions", NULL).bytes == NULL) {
		now_open(w);
		return SPORE__HTTP_RAW;
	}
	(void)snprintf(w->http.base.why, sizeof w->http.base.why, "the server answered %u %s instead of a WebSocket",
	               h->status, spore__http_reason(h->status));
	w->http.base.over = true;
	w->http.reader.stop = true;
	return SPORE__HTTP_NONE;
}

static void on_answer_body(void *arg, const struct spore__http_head *h, struct spore__span body)
{
}

static const struct spore__http_hooks client_hooks = {.head = on_answer, .message = on_answer_body};

const struct spore__http_end_ops spore__websocket_ends = {.serve = &serve, .client = &client_hooks};
