// RESP2 and RESP3, the protocol of Redis. A command `GET k` is a call of "get" with ["k"]; its reply is the result. Replies are in the order of the
// commands, whatever the order of the answers. What a client says of its connection itself (PING, HELLO, CLIENT, CONFIG, COMMAND, AUTH, SELECT,
// QUIT, SUBSCRIBE) is answered here. A notification goes to whoever has subscribed to its method.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bridge/resp_codec.h"
#include "bridge/text.h"
#include "json.h"

enum { OPTION_TOKEN, OPTION_VERSION, OPTION_ARGUMENTS };

static const struct spore__codec_option options[] = {
    {"token", "the password that a client has to give with AUTH, or that is given to a server", NULL},
    {"version", "of the protocol that a server is asked for, 2 or 3", "2"},
    {"arguments", "what a client's arguments are: text, or json where they are JSON and text otherwise", "text"},
    {NULL, NULL, NULL},
};

static struct spore__resp *of(struct spore__codec_end *e)
{
	return (struct spore__resp *)e;
}

static struct spore__resp *hub_of(struct spore__resp *r)
{
	return r->base.hub == NULL ? r : of(r->base.hub);
}

static const char *option(const struct spore__resp *r, int which)
{
	const char *value = r->base.options == NULL ? NULL : r->base.options[which];
	return value == NULL ? options[which].fallback : value;
}

// ---- commands in order

static struct spore__resp_command *command_add(struct spore__resp *r)
{
	struct spore__resp_command *c = spore__xcalloc(1, sizeof *c);
	c->connection = r;
	*r->last = c;
	r->last = &c->next;
	r->waiting++;
	return c;
}

// Replies come in the order of the commands, so a client may send many at once, and waits rather than hears BUSY.
static bool is_full(const struct spore__resp *r)
{
	enum { MOST = 16384 }; // with those that are answered here
	return r->in_flight >= r->base.limits->in_flight || r->waiting >= MOST;
}

static void command_pop(struct spore__resp *r)
{
	struct spore__resp_command *c = r->first;
	r->first = c->next;
	r->waiting--;
	if (r->first == NULL)
		r->last = &r->first;
	if (c->called) {
		spore__numbers_remove(&hub_of(r)->calls, c->id);
		r->in_flight--;
	}
	r->base.full = r->base.full && is_full(r);
	spore__buf_finish(&c->reply);
	free((void *)(uintptr_t)c->peer_id.bytes);
	free(c);
}

// Where the reply of C goes: straight to the client when nothing is before it.
static struct spore__buf *place(struct spore__resp_command *c)
{
	return c == c->connection->first ? &c->connection->base.out : &c->reply;
}

static void command_done(struct spore__resp_command *c)
{
	struct spore__resp *r = c->connection;
	c->done = true;
	while (r->first != NULL && r->first->done) {
		spore__buf_add(&r->base.out, r->first->reply.data, r->first->reply.len);
		command_pop(r);
	}
}

static void written(struct spore__resp *r)
{
	if (r->base.hub != NULL && r->base.sink->written != NULL)
		r->base.sink->written(&r->base);
}

// ---- a client's commands

static void add_argument(struct spore__resp *r, struct spore__span arg)
{
	size_t before = r->value.len;
	struct spore__json_error error;
	if (r->json && spore__json_to_msgpack(arg.bytes, arg.len, &r->value, &error) == SPORE_OK)
		return;
	r->value.len = before;
	spore__text_value(&r->value, arg.bytes, arg.len);
}

static void call(struct spore__resp *r, struct spore__span name, struct spore__resp_args *a)
{
	enum { NAME = 256 };
	struct spore__resp *hub = hub_of(r);
	char method[NAME];
	unsigned char id[SPORE__NUMBERS_ID];
	struct spore__resp_command *c = command_add(r);
	bool good = name.len > 0 && name.len < sizeof method && memchr(name.bytes, 0, name.len) == NULL &&
	            spore__json_is_utf8(name.bytes, name.len, NULL);
	if (!good) {
		spore__resp_error_str(place(c), "ERR", "this is no name of a command");
		command_done(c);
		return;
	}
	if (!spore__numbers_add(&hub->calls, c, &c->id)) {
		spore__resp_error_str(place(c), "BUSY", "too many commands wait for their replies");
		command_done(c);
		return;
	}
	c->called = true;
	r->in_flight++;
	for (size_t i = 0; i < name.len; i++) {
		char ch = (char)name.bytes[i];
		method[i] = ch >= 'A' && ch <= 'Z' ? (char)(ch | 0x20) : ch;
	}
	r->value.len = 0;
	spore__msgpack_array(&r->value, a->left);
	for (struct spore__span arg; spore__resp_next(a, &arg);)
		add_argument(r, arg);
	struct spore__model m = {.kind = SPORE__MODEL_REQUEST,
	                         .id = spore__numbers_span(c->id, id),
	                         .method = {(const unsigned char *)method, name.len},
	                         .value = spore__span_of(&r->value),
	                         .remaining_ms = -1};
	hub->base.sink->message(&hub->base, &m);
}

static void command(struct spore__resp *r, struct spore__span name, struct spore__resp_args *a)
{
	const struct spore__resp_local *l = spore__resp_local_of(&name);
	if (!r->known && (l == NULL || !l->open)) {
		struct spore__resp_command *c = command_add(r);
		spore__resp_error_str(place(c), "NOAUTH", "Authentication required.");
		command_done(c);
	} else if (l != NULL) {
		struct spore__resp_command *c = command_add(r);
		l->answer(r, a, place(c));
		command_done(c);
	} else {
		call(r, name, a);
	}
}

// A line of words. Browsers can be made to send one to any port: what looks like the head of a request ends the connection.
static enum spore_err command_line(struct spore__resp *r, const char *bytes, size_t len)
{
	struct spore__strs words = {0};
	struct spore__buf as = {0};
	enum spore_err e = SPORE_OK;
	char *text = spore__xstrndup(bytes, len);
	if (!spore__strs_split(&words, text))
		e = SPORE_EMALFORMED;
	free(text);
	if (e == SPORE_OK && words.count > 0) {
		const char *first = words.items[0];
		if (spore__text_is(first, strlen(first), "post") || spore__text_is(first, strlen(first), "host:"))
			e = SPORE_EDENIED;
	}
	if (e == SPORE_OK && words.count > 0) {
		for (size_t i = 0; i < words.count; i++)
			spore__resp_bulk(&as, words.items[i], strlen(words.items[i]));
		struct spore__resp_args a = {as.data, (uint32_t)words.count};
		struct spore__span name;
		if (spore__resp_next(&a, &name))
			command(r, name, &a);
	}
	spore__buf_finish(&as);
	spore__strs_finish(&words);
	return e;
}

static enum spore_err broken(struct spore__resp *r, enum spore_err e, const char *why, const char *bytes, size_t len)
{
	struct spore__resp *hub = hub_of(r);
	(void)snprintf(r->base.why, sizeof r->base.why, "%s", why);
	r->base.over = true;
	if (r->base.role == SPORE__CODEC_PEER_CALLS && e != SPORE_EDENIED) {
		struct spore__resp_command *c = command_add(r);
		struct spore__buf *out = place(c);
		spore__buf_str(out, "-ERR Protocol error: ");
		spore__buf_str(out, why);
		spore__buf_str(out, "\r\n");
		command_done(c);
	}
	hub->base.sink->refused(&hub->base, bytes, len, why);
	return e == SPORE_EDENIED ? SPORE_EMALFORMED : e;
}

static enum spore_err feed_commands(struct spore__resp *r, const char *bytes, size_t len, size_t *used)
{
	*used = 0;
	while (*used < len && !r->base.over && !r->base.pause) {
		const char *why = "";
		const char *at = bytes + *used;
		r->base.full = r->base.pause = is_full(r);
		if (r->base.full)
			break;
		enum spore_err e = spore__resp_scan_command(&r->scan, at, len - *used, r->base.limits, &why);
		if (e == SPORE_EAGAIN)
			return SPORE_OK;
		if (e != SPORE_OK)
			return broken(r, e, why, at, len - *used);
		size_t size = r->scan.offset;
		r->scan = (struct spore__resp_scan){0};
		*used += size;
		if (*at == '*') {
			struct spore__resp_args a = {at, 0};
			struct spore__span name;
			a.left = spore__resp_args(&a.at);
			if (spore__resp_next(&a, &name))
				command(r, name, &a);
			continue;
		}
		e = command_line(r, at, size);
		if (e != SPORE_OK)
			return broken(r, e,
			              e == SPORE_EDENIED ? "this is a request of HTTP" : "unbalanced quotes in request",
			              at, size);
	}
	if (r->base.over)
		*used = len;
	return SPORE_OK;
}

// ---- a server's replies

static void reply_model(struct spore__resp *r, const struct spore__resp_command *c, const char *at)
{
	struct spore__model m = {.kind = SPORE__MODEL_RESPONSE, .id = c->peer_id, .remaining_ms = -1};
	r->value.len = 0;
	if (*at == '-' || *at == '!') {
		// The text of "!" is behind its length.
		const char *text = *at == '-' ? at + 1 : (const char *)memchr(at, '\n', SPORE__RESP_NUMBER + 3) + 1;
		size_t len = *at == '-' ? (size_t)((const char *)memchr(text, '\r', SPORE__RESP_LINE + 2) - text)
		                        : (size_t)strtoull(at + 1, NULL, 10);
		m.kind = SPORE__MODEL_ERROR;
		m.text = (struct spore__span){(const unsigned char *)text, len};
		m.code = len >= 4 && memcmp(text, "BUSY", 4) == 0                    ? SPORE_EBUSY
		         : len >= 6 && memcmp(text, "NOAUTH", 6) == 0                ? SPORE_EDENIED
		         : len >= 6 && memcmp(text, "NOPERM", 6) == 0                ? SPORE_EDENIED
		         : len >= 19 && memcmp(text, "ERR unknown command", 19) == 0 ? -32601
		                                                                     : -32000;
		struct spore__buf clean = {0};
		if (!spore__json_is_utf8(text, len, NULL)) {
			for (size_t i = 0; i < len; i++)
				spore__buf_char(&clean, (unsigned char)text[i] < 0x80 ? text[i] : '?');
			m.text = (struct spore__span){(const unsigned char *)clean.data, clean.len};
		}
		r->base.sink->message(&r->base, &m);
		spore__buf_finish(&clean);
		return;
	}
	spore__resp_value(&r->value, &at);
	m.value = spore__span_of(&r->value);
	r->base.sink->message(&r->base, &m);
}

// What a server says without being asked: >N kind ...
static bool push(struct spore__resp *r, const char *at)
{
	struct spore__msgpack_writer kind = {0};
	struct spore__msgpack_value v = {0};
	uint32_t count = spore__resp_args(&at);
	if (count == 0)
		return false;
	spore__resp_value(&kind, &at);
	struct spore__msgpack_reader reader = spore__msgpack_reader(kind.data, kind.len);
	bool good = spore__msgpack_read(&reader, &v) == SPORE__MSGPACK_OK && v.type == SPORE__MSGPACK_STR &&
	            v.s.len > 0 && memchr(v.s.bytes, 0, v.s.len) == NULL;
	if (good) {
		r->value.len = 0;
		spore__msgpack_array(&r->value, count - 1);
		for (uint32_t i = 1; i < count; i++)
			spore__resp_value(&r->value, &at);
		struct spore__model m = {.kind = SPORE__MODEL_NOTIFICATION,
		                         .method = {v.s.bytes, v.s.len},
		                         .value = spore__span_of(&r->value),
		                         .remaining_ms = -1};
		r->base.sink->message(&r->base, &m);
	}
	spore__msgpack_writer_finish(&kind);
	return good;
}

static enum spore_err feed_replies(struct spore__resp *r, const char *bytes, size_t len, size_t *used)
{
	*used = 0;
	while (*used < len && !r->base.pause) {
		const char *why = "";
		const char *at = bytes + *used;
		enum spore_err e = spore__resp_scan_reply(&r->scan, at, len - *used, r->base.limits, &why);
		if (e == SPORE_EAGAIN)
			return SPORE_OK;
		if (e != SPORE_OK)
			return broken(r, e, why, at, len - *used);
		size_t size = r->scan.offset;
		r->scan = (struct spore__resp_scan){0};
		*used += size;
		if (*at == '>') {
			if (!push(r, at))
				r->base.sink->refused(&r->base, at, size, "a push message without a name");
		} else if (r->first == NULL) {
			return broken(r, SPORE_EMALFORMED, "a reply to no command", at, size);
		} else {
			// It is taken away first, since the sink may send another.
			struct spore__resp_command *c = r->first;
			if (c->peer_id.bytes != NULL)
				reply_model(r, c, at);
			command_pop(r);
		}
	}
	return SPORE_OK;
}

// ---- the table

static enum spore_err init(struct spore__codec_end *e)
{
	struct spore__resp *r = of(e);
	const char *version = option(r, OPTION_VERSION);
	const char *token = option(r, OPTION_TOKEN);
	r->last = &r->first;
	r->known = token == NULL;
	r->json = strcmp(option(r, OPTION_ARGUMENTS), "json") == 0;
	if (!r->json && strcmp(option(r, OPTION_ARGUMENTS), "text") != 0) {
		(void)snprintf(e->why, sizeof e->why, "arguments=%s: it is text or json", option(r, OPTION_ARGUMENTS));
		return SPORE_EINVALID;
	}
	if (strcmp(version, "2") != 0 && strcmp(version, "3") != 0) {
		(void)snprintf(e->why, sizeof e->why, "version=%s: it is 2 or 3", version);
		return SPORE_EINVALID;
	}
	if (e->role == SPORE__CODEC_PEER_CALLS)
		return SPORE_OK;
	if (version[0] == '3') {
		(void)command_add(r);
		if (token == NULL) {
			spore__buf_str(&e->out, "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n");
		} else {
			spore__buf_str(&e->out, "*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n");
			spore__resp_bulk(&e->out, token, strlen(token));
		}
	} else if (token != NULL) {
		(void)command_add(r);
		spore__buf_str(&e->out, "*2\r\n$4\r\nAUTH\r\n");
		spore__resp_bulk(&e->out, token, strlen(token));
	}
	return SPORE_OK;
}

// A connection is one of its hub's from its first bytes on.
static void join(struct spore__resp *r)
{
	struct spore__resp *hub = hub_of(r);
	if (hub == r || r->link != NULL)
		return;
	r->next = hub->connections;
	if (r->next != NULL)
		r->next->link = &r->next;
	r->link = &hub->connections;
	hub->connections = r;
}

static void cancel(struct spore__resp *r, struct spore__resp_command *c)
{
	struct spore__resp *hub = hub_of(r);
	unsigned char id[SPORE__NUMBERS_ID];
	struct spore__model m = {.kind = SPORE__MODEL_CANCEL, .id = spore__numbers_span(c->id, id), .remaining_ms = -1};
	hub->base.sink->message(&hub->base, &m);
}

static void finish(struct spore__codec_end *e)
{
	struct spore__resp *r = of(e);
	for (; r->first != NULL; command_pop(r)) {
		struct spore__resp_command *c = r->first;
		if (!c->called || c->done || e->hub == NULL)
			continue;
		// What the bridge says within is for nobody: the number is gone first.
		spore__numbers_remove(&hub_of(r)->calls, c->id);
		c->called = false;
		cancel(r, c);
	}
	if (r->link != NULL) {
		*r->link = r->next;
		if (r->next != NULL)
			r->next->link = r->link;
	}
	spore__strs_finish(&r->subscribed);
	spore__msgpack_writer_finish(&r->value);
	spore__numbers_finish(&r->calls);
}

static enum spore_err feed(struct spore__codec_end *e, const void *bytes, size_t len, size_t *used)
{
	join(of(e));
	return e->role == SPORE__CODEC_PEER_CALLS ? feed_commands(of(e), bytes, len, used)
	                                          : feed_replies(of(e), bytes, len, used);
}

static enum spore_err encode_call(struct spore__resp *r, const struct spore__model *m)
{
	const char *why;
	enum spore_err e = spore__resp_command(&r->base.out, m->method, m->value, &why);
	if (e != SPORE_OK) {
		(void)snprintf(r->base.why, sizeof r->base.why, "%s", why);
		return e;
	}
	struct spore__resp_command *c = command_add(r);
	if (m->kind == SPORE__MODEL_REQUEST) {
		unsigned char *id = spore__xmalloc(m->id.len);
		memcpy(id, m->id.bytes, m->id.len);
		c->peer_id = (struct spore__span){id, m->id.len};
	}
	return SPORE_OK;
}

// The word that a reply's error begins with, which clients look at.
static const char *kind_of(int64_t code)
{
	switch (code) {
	case SPORE_EBUSY:
		return "BUSY";
	case SPORE_EDENIED:
		return "NOPERM";
	case -32601:
		return "ERR unknown command:";
	default:
		return "ERR";
	}
}

static enum spore_err encode_answer(struct spore__resp *hub, const struct spore__model *m)
{
	struct spore__resp_command *c = spore__numbers_find(&hub->calls, &m->id);
	if (c == NULL || c->done)
		return SPORE_ENOTFOUND;
	struct spore__resp *r = c->connection;
	if (m->kind == SPORE__MODEL_RESPONSE)
		spore__resp_reply(place(c), m->value, r->resp3);
	else
		spore__resp_error(place(c), kind_of(m->code), m->text.bytes, m->text.len);
	command_done(c);
	written(r);
	return SPORE_OK;
}

static bool tell(struct spore__resp *r, const struct spore__model *m)
{
	bool wanted = false;
	for (size_t i = 0; i < r->subscribed.count && !wanted; i++)
		wanted = spore__span_is(m->method, r->subscribed.items[i]);
	// One who does not read is not told.
	if (!wanted || r->base.out.len > r->base.limits->message)
		return false;
	spore__buf_str(&r->base.out, r->resp3 ? ">3\r\n$7\r\nmessage\r\n" : "*3\r\n$7\r\nmessage\r\n");
	spore__resp_bulk(&r->base.out, m->method.bytes, m->method.len);
	struct spore__msgpack_reader reader = spore__msgpack_reader(m->value.bytes, m->value.len);
	struct spore__msgpack_value v;
	if (spore__msgpack_read(&reader, &v) == SPORE__MSGPACK_OK && v.type == SPORE__MSGPACK_ARRAY && v.count == 1) {
		struct spore__span only = {reader.at, (size_t)(reader.end - reader.at)};
		spore__resp_reply(&r->base.out, only, r->resp3);
	} else {
		spore__resp_reply(&r->base.out, m->value, r->resp3);
	}
	written(r);
	return true;
}

static enum spore_err encode_event(struct spore__resp *hub, const struct spore__model *m)
{
	bool told = hub->connections == NULL && tell(hub, m);
	for (struct spore__resp *r = hub->connections; r != NULL; r = r->next)
		told = tell(r, m) || told;
	return told ? SPORE_OK : SPORE_EUNSUPPORTED;
}

static enum spore_err encode(struct spore__codec_end *e, const struct spore__model *m)
{
	struct spore__resp *r = of(e);
	bool serves = e->role == SPORE__CODEC_PEER_SERVES;
	switch (m->kind) {
	case SPORE__MODEL_REQUEST:
		return serves ? encode_call(r, m) : SPORE_EUNSUPPORTED;
	case SPORE__MODEL_NOTIFICATION:
		return serves ? encode_call(r, m) : encode_event(r, m);
	case SPORE__MODEL_RESPONSE:
	case SPORE__MODEL_ERROR:
		return serves ? SPORE_EUNSUPPORTED : encode_answer(r, m);
	default:
		return SPORE_EUNSUPPORTED;
	}
}

const struct spore__codec_ops spore__codec_resp = {
    .name = "resp",
    .help = "commands and replies of Redis (RESP2, RESP3): GET k is a call of get with [\"k\"]",
    .options = options,
    .losses = SPORE__LOSS_ERROR_DATA | SPORE__LOSS_ERROR_CODE | SPORE__LOSS_PROGRESS | SPORE__LOSS_ITEMS |
              SPORE__LOSS_CANCEL | SPORE__LOSS_DEADLINE | SPORE__LOSS_BACK_CALLS | SPORE__LOSS_NOTIFICATION |
              SPORE__LOSS_EVENTS | SPORE__LOSS_TYPES | SPORE__LOSS_EXT,
    .calls = true,
    .ids = true,
    .hub = true,
    .size = sizeof(struct spore__resp),
    .init = init,
    .finish = finish,
    .feed = feed,
    .encode = encode,
};
