// WebSocket (RFC 6455): each of its messages is one message of another codec, without that one's framing.
//
//	frame    FIN RSV1-3 opcode(4) | MASK length(7) | length(16 or 64) | mask(32) | bytes
//
// A client's frames are masked, a server's are not; no extension is agreed to, so that the reserved bits are clear. wslay was looked at: it copies what it
// reads in pieces of 4 KiB and leaves most of this to its user.
#include <nettle/sha1.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bridge/http_end.h"
#include "bridge/text.h"
#include "json.h"

enum { OPTION_PAYLOAD, OPTION_TOKEN, OPTION_CORS, OPTION_HOST, OPTION_PATH };

static const struct spore__codec_option options[] = {
    {"payload", "the codec of its messages: json-rpc, lsp, jsonl, msgpack-rpc ...", "json-rpc"},
    {"token", "what a client has to send as Authorization: Bearer or ?access_token=, or what a server is sent", NULL},
    {"cors", "the origin whose pages may connect, * for all", NULL},
    {"host", "a name by which a listener of this machine may be called besides localhost, or the name of a server",
     NULL},
    {"path", "of a server", "/"},
    {NULL, NULL, NULL},
};

enum opcode { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
enum { CONTROL_MOST = 125, HEAD_MOST = 14, KEY = 16, QUIET_MS = 30 * 1000 };
enum {
	CODE_GOING = 1001,
	CODE_PROTOCOL = 1002,
	CODE_KIND = 1003,
	CODE_NONE = 1005,
	CODE_DATA = 1007,
	CODE_LARGE = 1009,
	EARLY = 256 * 1024, // bytes of what waits for the handshake, beyond which no more is taken
};

struct websocket {
	struct spore__http_end http;
	struct spore__codec_end *inner;
	char accept[32];           // what a server has to say
	bool open, closed;         // a close was sent
	struct spore__buf pending; // frames before it is open
	struct spore__buf message; // fragments so far
	enum opcode kind;          // of the message under way, CONTINUATION: none
	bool heard, pinged;
	int64_t since;
};

static struct websocket *of(struct spore__codec_end *e)
{
	return (struct websocket *)e;
}

static const char *option(const struct websocket *w, int which)
{
	const char *value = w->http.base.options == NULL ? NULL : w->http.base.options[which];
	return value == NULL ? options[which].fallback : value;
}

// ---- frames out

static void frame(struct websocket *w, enum opcode op, const void *bytes, size_t len)
{
	unsigned char head[HEAD_MOST];
	bool mask = w->http.base.role == SPORE__CODEC_PEER_SERVES;
	size_t n = 2;
	if (w->closed)
		return;
	head[0] = (unsigned char)(0x80 | op);
	head[1] = mask ? 0x80 : 0;
	if (len < 126) {
		head[1] |= (unsigned char)len;
	} else if (len <= 0xffff) {
		head[1] |= 126;
		head[n++] = (unsigned char)(len >> 8);
		head[n++] = (unsigned char)len;
	} else {
		head[1] |= 127;
		for (int shift = 56; shift >= 0; shift -= 8)
			head[n++] = (unsigned char)((uint64_t)len >> shift);
	}
	struct spore__buf *out = w->open ? &w->http.base.out : &w->pending;
	if (!mask) {
		spore__buf_add(out, head, n);
		spore__buf_add(out, bytes, len);
		return;
	}
	unsigned char key[4];
	randombytes_buf(key, sizeof key);
	spore__buf_add(out, head, n);
	spore__buf_add(out, key, sizeof key);
	size_t at = out->len;
	spore__buf_add(out, bytes, len);
	for (size_t i = 0; i < len; i++)
		out->data[at + i] = (char)((unsigned char)out->data[at + i] ^ key[i % 4]);
}

static void frame_close(struct websocket *w, unsigned code, const char *why)
{
	unsigned char text[CONTROL_MOST];
	size_t len = strlen(why);
	if (len > sizeof text - 2)
		len = sizeof text - 2;
	text[0] = (unsigned char)(code >> 8);
	text[1] = (unsigned char)code;
	memcpy(text + 2, why, len);
	frame(w, CLOSE, text, code == CODE_NONE ? 0 : len + 2);
	w->closed = true;
	w->http.base.over = true;
}

static enum spore_err broken(struct websocket *w, unsigned code, const char *why)
{
	(void)snprintf(w->http.base.why, sizeof w->http.base.why, "%s", why);
	frame_close(w, code, why);
	return code == CODE_LARGE ? SPORE_ETOOBIG : SPORE_EMALFORMED;
}

// What the inner codec has to say becomes messages.
static void flush(struct websocket *w)
{
	const void *message;
	size_t len;
	while ((message = spore__codec_take(w->inner, &len)) != NULL) {
		frame(w, w->inner->ops->text ? TEXT : BINARY, message, len);
		spore__codec_taken(w->inner, len);
	}
	w->http.base.lost |= w->inner->lost;
}

// ---- frames in

struct head {
	bool fin, mask;
	unsigned rsv;
	enum opcode op;
	uint64_t len;
	size_t size;
	unsigned char key[4];
};

// EAGAIN: more bytes are needed.
static enum spore_err read_head(const unsigned char *p, size_t len, struct head *h)
{
	if (len < 2)
		return SPORE_EAGAIN;
	h->fin = (p[0] & 0x80) != 0;
	h->rsv = p[0] & 0x70;
	h->op = (enum opcode)(p[0] & 0x0f);
	h->mask = (p[1] & 0x80) != 0;
	h->len = p[1] & 0x7f;
	h->size = 2;
	unsigned more = h->len == 126 ? 2 : h->len == 127 ? 8 : 0;
	size_t all = 2 + more + (h->mask ? 4 : 0);
	if (len < all)
		return SPORE_EAGAIN;
	if (more > 0) {
		h->len = 0;
		for (unsigned i = 0; i < more; i++)
			h->len = h->len << 8 | p[2 + i];
		if (h->len < (more == 2 ? 126U : 0x10000U) || h->len > INT64_MAX)
			return SPORE_EMALFORMED;
	}
	if (h->mask)
		memcpy(h->key, p + 2 + more, 4);
	h->size = all;
	return SPORE_OK;
}

static const char *head_is_bad(const struct websocket *w, const struct head *h)
{
	if (h->rsv != 0)
		return "a reserved bit, of no extension that was agreed to";
	if (h->mask != (w->http.base.role == SPORE__CODEC_PEER_CALLS))
		return h->mask ? "a masked frame of a server" : "a frame of a client without a mask";
	if (h->op > BINARY && (h->op < CLOSE || h->op > PONG))
		return "an unknown kind of frame";
	if (h->op >= CLOSE && (!h->fin || h->len > CONTROL_MOST))
		return "a control frame in pieces or too long";
	if (h->op == CONTINUATION && w->kind == CONTINUATION)
		return "a continuation of nothing";
	if ((h->op == TEXT || h->op == BINARY) && w->kind != CONTINUATION)
		return "a message within another";
	return NULL;
}

static void unmask(char *to, const unsigned char *from, size_t len, const unsigned char key[4])
{
	uint64_t wide, mask;
	size_t i = 0;
	memcpy(&mask, key, 4);
	memcpy((char *)&mask + 4, key, 4);
	for (; i + sizeof wide <= len; i += sizeof wide) {
		memcpy(&wide, from + i, sizeof wide);
		wide ^= mask;
		memcpy(to + i, &wide, sizeof wide);
	}
	for (; i < len; i++)
		to[i] = (char)(from[i] ^ key[i % 4]);
}

static bool code_is_good(unsigned code)
{
	return (code >= 1000 && code <= 1014 && code != 1004 && code != CODE_NONE && code != 1006) ||
	       (code >= 3000 && code < 5000);
}

static enum spore_err on_close(struct websocket *w, const char *bytes, size_t len)
{
	unsigned code = CODE_NONE;
	if (len == 1)
		return broken(w, CODE_PROTOCOL, "half a code of a close");
	if (len >= 2) {
		code = (unsigned)(unsigned char)bytes[0] << 8 | (unsigned char)bytes[1];
		if (!code_is_good(code))
			return broken(w, CODE_PROTOCOL, "a code that is not for closes");
		if (!spore__json_is_utf8(bytes + 2, len - 2, NULL))
			return broken(w, CODE_DATA, "the reason of a close is not UTF-8");
	}
	frame_close(w, code, "");
	return SPORE_OK;
}

static enum spore_err on_message(struct websocket *w, enum opcode kind, const char *bytes, size_t len)
{
	const struct spore__codec_ops *ops = w->inner->ops;
	size_t used = 0;
	if (kind == TEXT && !spore__json_is_utf8(bytes, len, NULL))
		return broken(w, CODE_DATA, "a text that is not UTF-8");
	if (kind == TEXT && !ops->text)
		return broken(w, CODE_KIND, "its messages are binary");
	enum spore_err e = ops->feed(w->inner, bytes, len, &used);
	flush(w);
	if (e != SPORE_OK)
		return broken(w, e == SPORE_ETOOBIG ? CODE_LARGE : CODE_DATA, w->inner->why);
	if (used != len)
		return broken(w, CODE_DATA, "a message that is not whole");
	if (w->inner->over)
		frame_close(w, CODE_GOING, "");
	return SPORE_OK;
}

static enum spore_err on_control(struct websocket *w, const struct head *h, const unsigned char *body)
{
	char text[CONTROL_MOST];
	if (h->mask)
		unmask(text, body, (size_t)h->len, h->key);
	else if (h->len > 0)
		memcpy(text, body, (size_t)h->len);
	if (h->op == CLOSE)
		return on_close(w, text, (size_t)h->len);
	if (h->op == PING)
		frame(w, PONG, text, (size_t)h->len);
	return SPORE_OK;
}

static enum spore_err on_data(struct websocket *w, const struct head *h, const unsigned char *body)
{
	size_t at = w->message.len;
	if (h->op != CONTINUATION)
		w->kind = h->op;
	if (h->fin && at == 0 && !h->mask) {
		enum opcode whole = w->kind;
		w->kind = CONTINUATION;
		return on_message(w, whole, (const char *)body, (size_t)h->len);
	}
	spore__buf_add(&w->message, body, (size_t)h->len);
	if (h->mask)
		unmask(w->message.data + at, body, (size_t)h->len, h->key);
	if (!h->fin)
		return SPORE_OK;
	enum opcode kind = w->kind;
	w->kind = CONTINUATION;
	size_t len = w->message.len;
	w->message.len = 0;
	return on_message(w, kind, w->message.data, len);
}

static enum spore_err feed_frames(struct websocket *w, const unsigned char *bytes, size_t len, size_t *used)
{
	*used = 0;
	while (!w->closed) {
		struct head h = {0};
		const unsigned char *at = bytes + *used;
		size_t left = len - *used;
		enum spore_err e = read_head(at, left, &h);
		if (e == SPORE_EAGAIN)
			return SPORE_OK;
		const char *bad = e == SPORE_OK ? head_is_bad(w, &h) : "a length that is longer than needed";
		if (bad != NULL)
			return broken(w, CODE_PROTOCOL, bad);
		if (h.op < CLOSE && h.len > w->http.base.limits->message - w->message.len)
			return broken(w, CODE_LARGE, "a message is over the limit");
		if (left - h.size < h.len)
			return SPORE_OK;
		*used += h.size + (size_t)h.len;
		w->heard = true;
		e = h.op >= CLOSE ? on_control(w, &h, at + h.size) : on_data(w, &h, at + h.size);
		if (e != SPORE_OK)
			return e;
	}
	*used = len;
	return SPORE_OK;
}

// ---- the handshake

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

static void now_open(struct websocket *w)
{
	w->open = true;
	spore__buf_add(&w->http.base.out, w->pending.data, w->pending.len);
	spore__buf_finish(&w->pending);
}

static bool upgrade(struct spore__http_exchange *x, const struct spore__http_head *h, struct spore__span path,
                    struct spore__span query)
{
	struct websocket *w = of(x->server->base);
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
	if (spore__http_has(h, "sec-websocket-protocol", option(w, OPTION_PAYLOAD)))
		spore__buf_printf(&more, "Sec-WebSocket-Protocol: %s\r\n", option(w, OPTION_PAYLOAD));
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

static void ask(struct websocket *w)
{
	unsigned char raw[KEY];
	char key[32];
	struct spore__buf *out = &w->http.base.out;
	randombytes_buf(raw, sizeof raw);
	(void)sodium_bin2base64(key, sizeof key, raw, sizeof raw, sodium_base64_VARIANT_ORIGINAL);
	accept_of(key, strlen(key), w->accept);
	spore__http_end_ask(&w->http.base, out, "GET", option(w, OPTION_PATH));
	spore__buf_printf(
	    out,
	    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
	    key);
}

static enum spore__http_body on_answer(void *arg, const struct spore__http_head *h)
{
	struct websocket *w = arg;
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

// ---- the table

static void inner_message(struct spore__codec_end *e, const struct spore__model *m)
{
	struct websocket *w = e->owner;
	w->http.base.sink->message(&w->http.base, m);
}

static void inner_refused(struct spore__codec_end *e, const void *bytes, size_t len, const char *why)
{
	struct websocket *w = e->owner;
	w->http.base.sink->refused(&w->http.base, bytes, len, why);
}

static void inner_session_over(struct spore__codec_end *e, const char *session)
{
	struct websocket *w = e->owner;
	w->http.base.sink->session_over(&w->http.base, session);
}

static const struct spore__codec_sink inner_sink = {
    .message = inner_message, .refused = inner_refused, .session_over = inner_session_over};

static const struct spore__http_end_ops ends = {.serve = &serve, .client = &client_hooks};

static enum spore_err init(struct spore__codec_end *e)
{
	struct websocket *w = of(e);
	const char *payload = option(w, OPTION_PAYLOAD);
	const struct spore__codec_ops *ops = spore__codec_find(payload);
	if (ops == NULL || ops->hub || ops == e->ops) {
		(void)snprintf(e->why, sizeof e->why, "payload=%s: it is no codec of single messages", payload);
		return SPORE_EINVALID;
	}
	if (sodium_init() < 0)
		return SPORE_ESYSTEM;
	enum spore_err err = spore__http_end_init(e, &ends);
	if (err == SPORE_OK)
		err =
		    spore__codec_create(payload, e->role, e->limits, &inner_sink, w, &w->inner, e->why, sizeof e->why);
	if (err != SPORE_OK)
		return err;
	spore__codec_frame(w->inner, &spore__framing_u32le);
	w->since = -1;
	w->http.server.rules.token_in_query = true;
	if (e->role == SPORE__CODEC_PEER_SERVES)
		ask(w);
	flush(w);
	return SPORE_OK;
}

static void finish(struct spore__codec_end *e)
{
	struct websocket *w = of(e);
	spore__codec_destroy(w->inner);
	spore__http_end_finish(e);
	spore__buf_finish(&w->pending);
	spore__buf_finish(&w->message);
}

static enum spore_err feed(struct spore__codec_end *e, const void *bytes, size_t len, size_t *used)
{
	struct websocket *w = of(e);
	size_t head = 0;
	*used = 0;
	if (!w->open) {
		enum spore_err err = spore__http_end_feed(e, bytes, len, &head);
		*used = head;
		if (err == SPORE_OK && e->over && !w->open && e->role == SPORE__CODEC_PEER_SERVES)
			err = SPORE_EMALFORMED;
		if (err != SPORE_OK || !w->open)
			return err;
	}
	enum spore_err err = feed_frames(w, (const unsigned char *)bytes + head, len - head, used);
	*used += head;
	return err;
}

static enum spore_err end(struct spore__codec_end *e)
{
	struct websocket *w = of(e);
	enum spore_err err = w->inner->ops->end == NULL ? SPORE_OK : w->inner->ops->end(w->inner);
	e->over = true;
	return err;
}

static enum spore_err encode(struct spore__codec_end *e, const struct spore__model *m)
{
	struct websocket *w = of(e);
	if (w->closed)
		return SPORE_ENOTFOUND;
	if (w->pending.len > EARLY)
		return spore__codec_fail(e, SPORE_EINVALID, "the WebSocket is not open yet, and too much waits for it");
	enum spore_err err = w->inner->ops->encode(w->inner, m);
	if (err != SPORE_OK)
		memcpy(e->why, w->inner->why, sizeof e->why);
	flush(w);
	return err;
}

static int64_t tick(struct spore__codec_end *e, int64_t now_ms)
{
	struct websocket *w = of(e);
	int64_t inner = w->inner->ops->tick == NULL ? INT64_MAX : w->inner->ops->tick(w->inner, now_ms);
	if (!w->open) {
		int64_t next = spore__http_end_tick(e, now_ms);
		return next < inner ? next : inner;
	}
	flush(w);
	if (w->heard || w->since < 0) {
		w->heard = w->pinged = false;
		w->since = now_ms;
	}
	if (now_ms >= w->since + QUIET_MS && !w->closed) {
		if (w->pinged)
			frame_close(w, CODE_GOING, "no answer to a ping");
		else
			frame(w, PING, NULL, 0);
		w->pinged = true;
		w->since = now_ms;
	}
	return w->closed ? INT64_MAX : w->since + QUIET_MS < inner ? w->since + QUIET_MS : inner;
}

const struct spore__codec_ops spore__codec_websocket = {
    .name = "websocket",
    .help = "a message of another codec per message of a WebSocket",
    .options = options,
    // Those of its payload come on top.
    .losses = SPORE__LOSS_AS_JSON,
    .calls = true,
    .ids = true,
    .symmetric = true,
    .text = true,
    .size = sizeof(struct websocket),
    .init = init,
    .finish = finish,
    .feed = feed,
    .end = end,
    .encode = encode,
    .tick = tick,
};
