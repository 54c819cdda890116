// WebSocket (RFC 6455): each of its messages is one message of another codec, without that one's framing.
//
//	frame    FIN RSV1-3 opcode(4) | MASK length(7) | length(16 or 64) | mask(32) | bytes
//
// A client's frames are masked, a server's are not; no extension is agreed to, so that the reserved bits are clear. wslay was looked at: it copies
// what it reads in pieces of 4 KiB and leaves most of this to its user.
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/text.h"
#include "bridge/websocket.h"
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

enum { CONTROL_MOST = 125, HEAD_MOST = 14, QUIET_MS = 30 * 1000 };
enum {
	CODE_GOING = 1001,
	CODE_PROTOCOL = 1002,
	CODE_KIND = 1003,
	CODE_NONE = 1005,
	CODE_DATA = 1007,
	CODE_LARGE = 1009,
	EARLY = 256 * 1024, // bytes of what waits for the handshake, beyond which no more is taken
};

static struct spore__websocket *of(struct spore__codec_end *e)
{
	return (struct spore__websocket *)e;
}

static const char *option(const struct spore__websocket *w, int which)
{
	const char *value = w->http.base.options == NULL ? NULL : w->http.base.options[which];
	return value == NULL ? options[which].fallback : value;
}

// ---- frames out

static void frame(struct spore__websocket *w, enum spore__websocket_opcode op, const void *bytes, size_t len)
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

static void frame_close(struct spore__websocket *w, unsigned code, const char *why)
{
	unsigned char text[CONTROL_MOST];
	size_t len = strlen(why);
	if (len > sizeof text - 2)
		len = sizeof text - 2;
	text[0] = (unsigned char)(code >> 8);
	text[1] = (unsigned char)code;
	memcpy(text + 2, why, len);
	frame(w, SPORE__WS_CLOSE, text, code == CODE_NONE ? 0 : len + 2);
	w->closed = true;
	w->http.base.over = true;
}

static enum spore_err broken(struct spore__websocket *w, unsigned code, const char *why)
{
	(void)snprintf(w->http.base.why, sizeof w->http.base.why, "%s", why);
	frame_close(w, code, why);
	return code == CODE_LARGE ? SPORE_ETOOBIG : SPORE_EMALFORMED;
}

// What the inner codec has to say becomes messages.
static void flush(struct spore__websocket *w)
{
	const void *message;
	size_t len;
	while ((message = spore__codec_take(w->inner, &len)) != NULL) {
		frame(w, w->inner->ops->text ? SPORE__WS_TEXT : SPORE__WS_BINARY, message, len);
		spore__codec_taken(w->inner, len);
	}
	w->http.base.lost |= w->inner->lost;
}

// ---- frames in

struct head {
	bool fin, mask;
	unsigned rsv;
	enum spore__websocket_opcode op;
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
	h->op = (enum spore__websocket_opcode)(p[0] & 0x0f);
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

static const char *head_is_bad(const struct spore__websocket *w, const struct head *h)
{
	if (h->rsv != 0)
		return "a reserved bit, of no extension that was agreed to";
	if (h->mask != (w->http.base.role == SPORE__CODEC_PEER_CALLS))
		return h->mask ? "a masked frame of a server" : "a frame of a client without a mask";
	if (h->op > SPORE__WS_BINARY && (h->op < SPORE__WS_CLOSE || h->op > SPORE__WS_PONG))
		return "an unknown kind of frame";
	if (h->op >= SPORE__WS_CLOSE && (!h->fin || h->len > CONTROL_MOST))
		return "a control frame in pieces or too long";
	if (h->op == SPORE__WS_CONTINUATION && w->kind == SPORE__WS_CONTINUATION)
		return "a continuation of nothing";
	if ((h->op == SPORE__WS_TEXT || h->op == SPORE__WS_BINARY) && w->kind != SPORE__WS_CONTINUATION)
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

static enum spore_err on_close(struct spore__websocket *w, const char *bytes, size_t len)
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

static enum spore_err on_message(struct spore__websocket *w, enum spore__websocket_opcode kind, const char *bytes,
                                 size_t len)
{
	const struct spore__codec_ops *ops = w->inner->ops;
	size_t used = 0;
	if (kind == SPORE__WS_TEXT && !spore__json_is_utf8(bytes, len, NULL))
		return broken(w, CODE_DATA, "a text that is not UTF-8");
	if (kind == SPORE__WS_TEXT && !ops->text)
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

static enum spore_err on_control(struct spore__websocket *w, const struct head *h, const unsigned char *body)
{
	char text[CONTROL_MOST];
	if (h->mask)
		unmask(text, body, (size_t)h->len, h->key);
	else if (h->len > 0)
		memcpy(text, body, (size_t)h->len);
	if (h->op == SPORE__WS_CLOSE)
		return on_close(w, text, (size_t)h->len);
	if (h->op == SPORE__WS_PING)
		frame(w, SPORE__WS_PONG, text, (size_t)h->len);
	return SPORE_OK;
}

static enum spore_err on_data(struct spore__websocket *w, const struct head *h, const unsigned char *body)
{
	size_t at = w->message.len;
	if (h->op != SPORE__WS_CONTINUATION)
		w->kind = h->op;
	if (h->fin && at == 0 && !h->mask) {
		enum spore__websocket_opcode whole = w->kind;
		w->kind = SPORE__WS_CONTINUATION;
		return on_message(w, whole, (const char *)body, (size_t)h->len);
	}
	spore__buf_add(&w->message, body, (size_t)h->len);
	if (h->mask)
		unmask(w->message.data + at, body, (size_t)h->len, h->key);
	if (!h->fin)
		return SPORE_OK;
	enum spore__websocket_opcode kind = w->kind;
	w->kind = SPORE__WS_CONTINUATION;
	size_t len = w->message.len;
	w->message.len = 0;
	return on_message(w, kind, w->message.data, len);
}

static enum spore_err feed_frames(struct spore__websocket *w, const unsigned char *bytes, size_t len, size_t *used)
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
		if (h.op < SPORE__WS_CLOSE && h.len > w->http.base.limits->message - w->message.len)
			return broken(w, CODE_LARGE, "a message is over the limit");
		if (left - h.size < h.len)
			return SPORE_OK;
		*used += h.size + (size_t)h.len;
		w->heard = true;
		e = h.op >= SPORE__WS_CLOSE ? on_control(w, &h, at + h.size) : on_data(w, &h, at + h.size);
		if (e != SPORE_OK)
			return e;
	}
	*used = len;
	return SPORE_OK;
}

// ---- the table

static void inner_message(struct spore__codec_end *e, const struct spore__model *m)
{
	struct spore__websocket *w = e->owner;
	w->http.base.sink->message(&w->http.base, m);
}

static void inner_refused(struct spore__codec_end *e, const void *bytes, size_t len, const char *why)
{
	struct spore__websocket *w = e->owner;
	w->http.base.sink->refused(&w->http.base, bytes, len, why);
}

static void inner_session_over(struct spore__codec_end *e, const char *session)
{
	struct spore__websocket *w = e->owner;
	w->http.base.sink->session_over(&w->http.base, session);
}

static const struct spore__codec_sink inner_sink = {
    .message = inner_message, .refused = inner_refused, .session_over = inner_session_over};

static enum spore_err init(struct spore__codec_end *e)
{
	struct spore__websocket *w = of(e);
	const char *payload = option(w, OPTION_PAYLOAD);
	const struct spore__codec_ops *ops = spore__codec_find(payload);
	if (ops == NULL || ops->hub || ops == e->ops) {
		(void)snprintf(e->why, sizeof e->why, "payload=%s: it is no codec of single messages", payload);
		return SPORE_EINVALID;
	}
	if (sodium_init() < 0)
		return SPORE_ESYSTEM;
	enum spore_err err = spore__http_end_init(e, &spore__websocket_ends);
	if (err == SPORE_OK)
		err =
		    spore__codec_create(payload, e->role, e->limits, &inner_sink, w, &w->inner, e->why, sizeof e->why);
	if (err != SPORE_OK)
		return err;
	spore__codec_frame(w->inner, &spore__framing_u32le);
	w->since = -1;
	w->http.server.rules.token_in_query = true;
	if (e->role == SPORE__CODEC_PEER_SERVES)
		spore__websocket_ask(w);
	flush(w);
	return SPORE_OK;
}

static void finish(struct spore__codec_end *e)
{
	struct spore__websocket *w = of(e);
	spore__codec_destroy(w->inner);
	spore__http_end_finish(e);
	spore__buf_finish(&w->pending);
	spore__buf_finish(&w->message);
}

static enum spore_err feed(struct spore__codec_end *e, const void *bytes, size_t len, size_t *used)
{
	struct spore__websocket *w = of(e);
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
	struct spore__websocket *w = of(e);
	enum spore_err err = w->inner->ops->end == NULL ? SPORE_OK : w->inner->ops->end(w->inner);
	e->over = true;
	return err;
}

static enum spore_err encode(struct spore__codec_end *e, const struct spore__model *m)
{
	struct spore__websocket *w = of(e);
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
	struct spore__websocket *w = of(e);
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
			frame(w, SPORE__WS_PING, NULL, 0);
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
    .size = sizeof(struct spore__websocket),
    .init = init,
    .finish = finish,
    .feed = feed,
    .end = end,
    .encode = encode,
    .tick = tick,
};
