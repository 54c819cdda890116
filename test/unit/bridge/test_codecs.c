// Conformance of every codec in the registry. Two bridges with the codec between them carry calls of MessagePack-RPC, which loses nothing:
//
//	client -- msgpack-rpc | bridge | CODEC -- bytes -- CODEC | bridge | msgpack-rpc -- server
//
// What arrives is what was said, but for what the codec declares as lost, and that is lost. The bytes between go over whole, or one at a time.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/bridge.h"

static const struct spore__bridge_host host = {0};

struct rig {
	const struct spore__codec_ops *codec;
	size_t step; // bytes at once
	struct spore__bridge *bridges[2];
	struct spore__bridge_end *client, *there, *here, *server;
	struct spore__buf way[2]; // to `here`, to `there`
	// Of a codec that makes its connections as it needs them: both ends of each.
	struct pipe {
		struct spore__codec_end *there, *here;
		struct spore__buf way[2];
	} pipes[16];
	size_t pipe_count;
	struct spore__msgpack_writer w;
};

static struct spore__bridge_end *add(struct spore__bridge *b, enum spore__bridge_side side, const char *spec)
{
	struct spore__bridge_end *end;
	char why[256];
	if (spore__bridge_add(b, side, spec, NULL, &end, why, sizeof why) != SPORE_OK)
		fail_msg("%s: %s", spec, why);
	return end;
}

static void begin(struct rig *g);

static void setup(struct rig *g, const struct spore__codec_ops *codec, size_t step)
{
	char spec[64];
	*g = (struct rig){.codec = codec, .step = step};
	(void)snprintf(spec, sizeof spec, "%s%s", codec->name, codec->calls ? "" : ",method=do");
	for (int i = 0; i < 2; i++) {
		g->bridges[i] = spore__bridge_create(&host, NULL, false);
		(void)spore__bridge_tick(g->bridges[i], 1000);
	}
	g->client = add(g->bridges[0], SPORE__BRIDGE_LEFT, "msgpack-rpc");
	g->there = add(g->bridges[0], SPORE__BRIDGE_RIGHT, spec);
	g->there->codec->connects = codec->connects;
	g->here = add(g->bridges[1], SPORE__BRIDGE_LEFT, spec);
	g->here->codec->local = true;
	g->server = add(g->bridges[1], SPORE__BRIDGE_RIGHT, "msgpack-rpc");
	for (int i = 0; i < 2; i++)
		(void)spore__bridge_tick(g->bridges[i], 1000);
	begin(g);
}

static void teardown(struct rig *g)
{
	for (size_t i = 0; i < g->pipe_count; i++) {
		spore__codec_destroy(g->pipes[i].there);
		spore__codec_destroy(g->pipes[i].here);
		spore__buf_finish(&g->pipes[i].way[0]);
		spore__buf_finish(&g->pipes[i].way[1]);
	}
	for (int i = 0; i < 2; i++) {
		spore__bridge_destroy(g->bridges[i]);
		spore__buf_finish(&g->way[i]);
	}
	spore__msgpack_writer_finish(&g->w);
}

// Feeds what of WAY is there, in steps, each in memory of its size. True: something was used.
static bool feed(struct rig *g, struct spore__bridge_end *to, struct spore__codec_end *connection,
                 struct spore__buf *way)
{
	bool some = false;
	for (size_t have = 0; have < way->len;) {
		size_t used = 0;
		have = have + g->step < way->len ? have + g->step : way->len;
		char *copy = malloc(have);
		assert_non_null(copy);
		memcpy(copy, way->data, have);
		enum spore_err e = spore__bridge_feed(to, connection, copy, have, &used);
		free(copy);
		if (e != SPORE_OK)
			fail_msg("%s: %s", g->codec->name, connection != NULL ? connection->why : to->codec->why);
		assert_true(used <= have);
		way->len -= used;
		memmove(way->data, way->data + used, way->len);
		have -= used;
		some |= used > 0;
	}
	return some;
}

// What E has to say goes on its WAY to TO.
static bool carry(struct rig *g, struct spore__codec_end *e, struct spore__buf *way, struct spore__bridge_end *to,
                  struct spore__codec_end *connection)
{
	bool some = e->out.len > 0;
	if (some)
		spore__buf_add(way, e->out.data, e->out.len);
	e->out.len = 0;
	return (way->len > 0 && feed(g, to, connection, way)) || some;
}

static struct spore__codec_end *connect(struct rig *g, struct spore__bridge_end *hub)
{
	struct spore__codec_end *e;
	char why[256];
	if (spore__bridge_connect(hub, g->codec->name, &e, why, sizeof why) != SPORE_OK)
		fail_msg("%s: %s", g->codec->name, why);
	(void)e->ops->tick(e, 1000);
	return e;
}

static bool carry_pipes(struct rig *g)
{
	bool some = false;
	while (g->there->codec->wants > 0) {
		g->there->codec->wants--;
		assert_in_range(g->pipe_count, 0, sizeof g->pipes / sizeof g->pipes[0] - 1);
		struct pipe *p = &g->pipes[g->pipe_count++];
		p->here = connect(g, g->here);
		p->there = connect(g, g->there);
		some = true;
	}
	for (size_t i = 0; i < g->pipe_count; i++) {
		struct pipe *p = &g->pipes[i];
		some |= carry(g, p->there, &p->way[0], g->here, p->here);
		some |= carry(g, p->here, &p->way[1], g->there, p->there);
	}
	return some;
}

static void run(struct rig *g)
{
	for (bool some = true; some;) {
		some = carry(g, g->there->codec, &g->way[0], g->here, NULL);
		some |= carry(g, g->here->codec, &g->way[1], g->there, NULL);
		some |= carry_pipes(g);
	}
}

// ---- what client and server say: w is one message

static void say(struct rig *g, struct spore__bridge_end *end)
{
	size_t used;
	assert_int_equal(g->w.err, 0);
	assert_int_equal(spore__bridge_feed(end, NULL, g->w.data, g->w.len, &used), SPORE_OK);
	assert_int_equal(used, g->w.len);
	g->w.len = 0;
	run(g);
}

static void put_call(struct rig *g, int64_t id, const char *method, const void *value, size_t len)
{
	spore__msgpack_array(&g->w, 4);
	spore__msgpack_int(&g->w, 0);
	spore__msgpack_int(&g->w, id);
	spore__msgpack_str(&g->w, method);
	spore__msgpack_array(&g->w, 1);
	spore__msgpack_raw(&g->w, value, len);
}

static void put_result(struct rig *g, struct spore__span id, const void *value, size_t len)
{
	spore__msgpack_array(&g->w, 4);
	spore__msgpack_int(&g->w, 1);
	spore__msgpack_raw(&g->w, id.bytes, id.len);
	spore__msgpack_nil(&g->w);
	spore__msgpack_raw(&g->w, value, len);
}

static void put_told(struct rig *g, const char *method, struct spore__span id, int64_t value)
{
	spore__msgpack_array(&g->w, 3);
	spore__msgpack_int(&g->w, 2);
	spore__msgpack_str(&g->w, method);
	spore__msgpack_array(&g->w, value < 0 ? 1 : 2);
	spore__msgpack_raw(&g->w, id.bytes, id.len);
	if (value >= 0)
		spore__msgpack_int(&g->w, value);
}

// The first message that END was sent; borrowed until the next.
struct heard {
	int64_t type; // -1: nothing
	struct spore__span id, error, value;
	char method[64];
	unsigned char bytes[4096];
};

static void hear(struct spore__bridge_end *end, struct heard *h)
{
	struct spore__buf *out = &end->codec->out;
	struct spore__msgpack_reader r = spore__msgpack_reader(out->data, out->len);
	uint32_t count, len;
	const char *method;
	*h = (struct heard){.type = -1};
	if (out->len == 0)
		return;
	struct spore__span all = spore__codec_value(&r);
	assert_in_range(all.len, 1, sizeof h->bytes);
	memcpy(h->bytes, all.bytes, all.len);
	out->len -= all.len;
	memmove(out->data, out->data + all.len, out->len);
	r = spore__msgpack_reader(h->bytes, all.len);
	assert_int_equal(spore__msgpack_read_array(&r, &count), SPORE__MSGPACK_OK);
	assert_int_equal(spore__msgpack_read_int(&r, &h->type), SPORE__MSGPACK_OK);
	if (h->type != 2)
		h->id = spore__codec_value(&r);
	if (h->type == 1) {
		h->error = spore__codec_value(&r);
	} else {
		assert_int_equal(spore__msgpack_read_str(&r, &method, &len), SPORE__MSGPACK_OK);
		(void)snprintf(h->method, sizeof h->method, "%.*s", (int)len, method);
	}
	h->value = spore__codec_value(&r);
	// A single parameter.
	r = spore__msgpack_reader(h->value.bytes, h->value.len);
	if (h->type != 1 && spore__msgpack_read_array(&r, &count) == SPORE__MSGPACK_OK && count == 1)
		h->value = spore__codec_value(&r);
}

#define CHECK(g, ok, what)                                                                                             \
	do {                                                                                                           \
		if (!(ok))                                                                                             \
			fail_msg("%s: %s", (g)->codec->name, what);                                                    \
	} while (0)

// Some conversations have a beginning.
static void begin(struct rig *g)
{
	struct heard h;
	if (g->codec->begins == NULL)
		return;
	put_call(g, 0, g->codec->begins, "\xa1x", 2);
	say(g, g->client);
	hear(g->server, &h);
	CHECK(g, h.type == 0 && strcmp(h.method, g->codec->begins) == 0, "it does not begin");
	put_result(g, h.id, "\x80", 1);
	say(g, g->server);
	hear(g->client, &h);
	CHECK(g, h.type == 1 && h.error.len == 1, "its beginning is not answered");
	put_told(g, g->codec->begun, (struct spore__span){(const unsigned char *)"\xa1x", 2}, -1);
	say(g, g->client);
	hear(g->server, &h);
	CHECK(g, h.type == 2 && strcmp(h.method, g->codec->begun) == 0, "it is not told that it has begun");
	run(g);
}

static void nothing_more(struct rig *g)
{
	struct heard h;
	hear(g->client, &h);
	if (h.type >= 0)
		fail_msg("%s: the client hears %s too", g->codec->name, h.method);
	hear(g->server, &h);
	if (h.type >= 0)
		fail_msg("%s: the server hears %s too", g->codec->name, h.method);
}

static bool loses(const struct rig *g, unsigned loss)
{
	return (g->codec->losses & loss) != 0;
}

// ---- values

static const struct sample {
	const char *name, *bytes;
	size_t len;
	unsigned lost; // the losses that spoil it
} samples[] = {
#define SAMPLE(name, bytes, lost)                                                                                      \
	{                                                                                                              \
		name, bytes, sizeof bytes - 1, lost                                                                    \
	}
    SAMPLE("nil", "\xc0", SPORE__LOSS_TYPES),
    SAMPLE("true", "\xc3", SPORE__LOSS_TYPES),
    SAMPLE("5", "\x05", SPORE__LOSS_TYPES),
    SAMPLE("-70000", "\xd2\xff\xfe\xee\x90", SPORE__LOSS_TYPES),
    SAMPLE("2^53 + 1", "\xcf\x00\x20\x00\x00\x00\x00\x00\x01", SPORE__LOSS_TYPES),
    SAMPLE("2^64 - 1", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", SPORE__LOSS_TYPES),
    SAMPLE("1.5", "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", SPORE__LOSS_TYPES),
    SAMPLE("1.0", "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", SPORE__LOSS_TYPES),
    SAMPLE("infinity", "\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", SPORE__LOSS_FLOAT | SPORE__LOSS_TYPES),
    SAMPLE("a string", "\xa5hello", 0),
    SAMPLE("a string of other languages", "\xa6\xc3\xa4\xe6\xbc\xa2!", 0),
    SAMPLE("an empty string", "\xa0", 0),
    SAMPLE("bytes",
           "\xc4\x03\x00"
           "ab",
           SPORE__LOSS_BYTES | SPORE__LOSS_TYPES),
    SAMPLE("an extension type", "\xd4\x05\x01", SPORE__LOSS_EXT),
    SAMPLE("no UTF-8", "\xa2\xc3\x28", SPORE__LOSS_UTF8 | SPORE__LOSS_TYPES),
    SAMPLE("an array", "\x93\xa1x\xa1y\x92\xa1z\xa1w", SPORE__LOSS_TYPES),
    SAMPLE("a map", "\x81\xa1k\x81\xa1l\xa1m", SPORE__LOSS_TYPES),
    SAMPLE("a map with a number as key", "\x81\x05\xa1m", SPORE__LOSS_KEYS),
};

static bool same(const struct sample *s, struct spore__span v)
{
	return v.len == s->len && memcmp(v.bytes, s->bytes, v.len) == 0;
}

static void check_value(const struct rig *g, const struct sample *s, struct spore__span v, const char *where)
{
	char text[200];
	struct spore__msgpack_reader r = spore__msgpack_reader(v.bytes, v.len);
	spore__msgpack_print(&r, text, sizeof text);
	if (!loses(g, s->lost) && !same(s, v))
		fail_msg("%s: %s as %s is %s, which is not declared as lost", g->codec->name, s->name, where, text);
	if (s->lost != 0 && (s->lost & (s->lost - 1)) == 0 && s->lost != SPORE__LOSS_TYPES && loses(g, s->lost) &&
	    same(s, v))
		fail_msg("%s: %s as %s is not lost, though it says so", g->codec->name, s->name, where);
}

static void values_of(const struct spore__codec_ops *codec, size_t step)
{
	struct rig g;
	setup(&g, codec, step);
	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		struct heard asked, answered;
		put_call(&g, 7, "do", samples[i].bytes, samples[i].len);
		say(&g, g.client);
		hear(g.server, &asked);
		if (asked.type != 0) { // a value that no call can have there is an error, at once
			hear(g.client, &answered);
			CHECK(&g, answered.type == 1 && answered.error.len > 1 && samples[i].lost != 0,
			      samples[i].name);
			continue;
		}
		CHECK(&g, strcmp(asked.method, "do") == 0, "the method is another");
		check_value(&g, &samples[i], asked.value, "a parameter");
		put_result(&g, asked.id, samples[i].bytes, samples[i].len);
		say(&g, g.server);
		hear(g.client, &answered);
		CHECK(&g, answered.type == 1 && answered.id.len == 1 && answered.id.bytes[0] == 7,
		      "the answer does not come");
		if (answered.error.len == 1)
			check_value(&g, &samples[i], answered.value, "a result");
		else
			CHECK(&g, samples[i].lost != 0, "an error comes instead of the result");
		nothing_more(&g);
	}
	teardown(&g);
}

// ---- kinds

static bool ends_with(struct spore__span text, const char *end)
{
	size_t len = strlen(end);
	return text.len >= len && memcmp(text.bytes + text.len - len, end, len) == 0;
}

static void call_fails(struct rig *g)
{
	struct heard h;
	int64_t code = 0;
	put_call(g, 1, "do", "\xa1x", 2);
	say(g, g->client);
	hear(g->server, &h);
	CHECK(g, h.type == 0, "a call does not arrive");
	spore__msgpack_array(&g->w, 4);
	spore__msgpack_int(&g->w, 1);
	spore__msgpack_raw(&g->w, h.id.bytes, h.id.len);
	spore__msgpack_array(&g->w, 3);
	spore__msgpack_int(&g->w, -1234);
	spore__msgpack_str(&g->w, "as wished");
	spore__msgpack_str(&g->w, "the data");
	spore__msgpack_nil(&g->w);
	say(g, g->server);
	hear(g->client, &h);
	if (!g->codec->calls) { // a value like others
		CHECK(g, h.type == 1, "an error does not arrive");
		return;
	}
	CHECK(g, h.type == 1 && h.error.len > 1, "an error does not arrive");
	struct spore__msgpack_reader r = spore__msgpack_reader(h.error.bytes, h.error.len);
	uint32_t count;
	(void)spore__msgpack_read_array(&r, &count);
	(void)spore__msgpack_read_int(&r, &code);
	struct spore__span text = spore__codec_value(&r), data = spore__codec_value(&r);
	CHECK(g, text.len >= 10 && ends_with(text, "as wished"), "the text of an error is another");
	CHECK(g, (code == -1234) == !loses(g, SPORE__LOSS_ERROR_CODE), "the code of an error");
	CHECK(g, (data.len == 9) == !loses(g, SPORE__LOSS_ERROR_DATA), "the data of an error");
}

static void notification(struct rig *g)
{
	struct heard h;
	put_told(g, "told", (struct spore__span){(const unsigned char *)"\xa1x", 2}, -1);
	say(g, g->client);
	hear(g->server, &h);
	CHECK(g, (h.type == 2) == !loses(g, SPORE__LOSS_NOTIFICATION), "a notification to the server");
	if (h.type == 2)
		CHECK(g, strcmp(h.method, "told") == 0, "the method of a notification is another");
}

static void event(struct rig *g)
{
	struct heard h;
	put_told(g, "told", (struct spore__span){(const unsigned char *)"\xa1x", 2}, -1);
	say(g, g->server);
	hear(g->client, &h);
	CHECK(g, (h.type == 2) == !loses(g, SPORE__LOSS_EVENTS), "a notification to the client");
	if (h.type == 2 && !loses(g, SPORE__LOSS_METHOD))
		CHECK(g, strcmp(h.method, "told") == 0, "the method of a notification is another");
}

// In MCP who wants to hear of progress says so in the named parameters; protocols that have none are called without.
static void call_with_token(struct rig *g, struct heard *asked)
{
	static const char params[] = "\x81\xa5_meta\x81\xadprogressToken\xa1t";
	struct heard h;
	spore__msgpack_array(&g->w, 4);
	spore__msgpack_int(&g->w, 0);
	spore__msgpack_int(&g->w, 3);
	spore__msgpack_str(&g->w, "do");
	spore__msgpack_raw(&g->w, params, sizeof params - 1);
	say(g, g->client);
	hear(g->server, asked);
	if (asked->type == 0)
		return;
	hear(g->client, &h);
	CHECK(g, h.type == 1 && h.error.len > 1, "a call does not arrive, and nobody says so");
	put_call(g, 3, "do", "\xa1x", 2);
	say(g, g->client);
	hear(g->server, asked);
}

static void progress_and_items(struct rig *g)
{
	struct heard asked, h;
	call_with_token(g, &asked);
	put_told(g, "$/progress", asked.id, 50);
	say(g, g->server);
	hear(g->client, &h);
	CHECK(g, (h.type == 2 && strcmp(h.method, "$/progress") == 0) == !loses(g, SPORE__LOSS_PROGRESS), "progress");
	if (h.type == 2)
		CHECK(g, h.value.len >= 3 && h.value.bytes[1] == 3, "the progress is of another call");
	put_told(g, "$/item", asked.id, 1);
	put_told(g, "$/item", asked.id, 2);
	say(g, g->server);
	hear(g->client, &h);
	CHECK(g, (h.type == 2 && strcmp(h.method, "$/item") == 0) == !loses(g, SPORE__LOSS_ITEMS), "parts of a result");
	if (h.type == 2)
		hear(g->client, &h);
	put_result(g, asked.id, "\xc0", 1);
	say(g, g->server);
	hear(g->client, &h);
	CHECK(g, h.type == 1 && h.error.len == 1, "the result after its parts does not come");
	if (loses(g, SPORE__LOSS_ITEMS) && !loses(g, SPORE__LOSS_TYPES))
		CHECK(g, h.value.len == 3 && memcmp(h.value.bytes, "\x92\x01\x02", 3) == 0,
		      "the parts are not together");
}

static void cancel(struct rig *g)
{
	struct heard asked, h;
	put_call(g, 4, "do", "\xa1x", 2);
	say(g, g->client);
	hear(g->server, &asked);
	put_told(g, "$/cancel", (struct spore__span){(const unsigned char *)"\x04", 1}, -1);
	say(g, g->client);
	hear(g->server, &h);
	CHECK(g, (h.type == 2 && strcmp(h.method, "$/cancel") == 0) == !loses(g, SPORE__LOSS_CANCEL), "a cancel");
	put_result(g, asked.id, "\xa1y", 2);
	say(g, g->server);
	for (int i = 0; i < 2; i++)
		(void)spore__bridge_tick(g->bridges[i], 1000);
	hear(g->client, &h);
	CHECK(g, h.type == 1, "a cancelled call is not answered");
	nothing_more(g);
}

static void deadline(struct rig *g)
{
	struct heard h;
	put_told(g, "$/deadline", (struct spore__span){(const unsigned char *)"\x05", 1}, 500);
	put_call(g, 5, "do", "\xa1x", 2);
	say(g, g->client);
	hear(g->server, &h);
	CHECK(g, (h.type == 2 && strcmp(h.method, "$/deadline") == 0) == !loses(g, SPORE__LOSS_DEADLINE), "a deadline");
	if (h.type == 2)
		hear(g->server, &h);
	for (int i = 0; i < 2; i++)
		(void)spore__bridge_tick(g->bridges[i], 1500);
	run(g);
	hear(g->client, &h);
	CHECK(g, h.type == 1 && h.error.len > 2 && h.error.bytes[1] == SPORE_ETIMEOUT, "a deadline is not kept");
}

static void call_back(struct rig *g)
{
	struct heard h;
	put_call(g, 6, "back", "\xa1x", 2);
	say(g, g->server);
	hear(g->client, &h);
	CHECK(g, (h.type == 0) == !loses(g, SPORE__LOSS_BACK_CALLS), "a call of the server");
	if (h.type == 0) {
		CHECK(g, strcmp(h.method, "back") == 0, "the method of the server's call is another");
		put_result(g, h.id, "\xa1y", 2);
		say(g, g->client);
	}
	hear(g->server, &h);
	CHECK(g, h.type == 1 && h.id.len == 1 && h.id.bytes[0] == 6, "a call of the server is not answered");
}

static void order(struct rig *g)
{
	struct heard asked[3], h;
	for (int i = 0; i < 3; i++)
		put_call(g, 10 + i, "do", "\xa1x", 2);
	say(g, g->client);
	for (int i = 0; i < 3; i++) {
		hear(g->server, &asked[i]);
		CHECK(g, asked[i].type == 0 || (i > 0 && !g->codec->ids), "calls do not go over side by side");
		if (asked[i].type != 0) // the next comes when this one is answered: asked again below
			break;
	}
	if (asked[1].type != 0 || asked[2].type != 0) {
		put_result(g, asked[0].id, "\xa1y", 2);
		say(g, g->server);
		return;
	}
	for (int i = 3; i-- > 0;) {
		char value[] = {(char)0xa1, (char)('0' + i)};
		put_result(g, asked[i].id, value, 2);
	}
	say(g, g->server);
	for (int i = 0; i < 3; i++) {
		hear(g->client, &h);
		CHECK(g,
		      h.type == 1 && h.id.len == 1 && h.value.len == 2 && h.id.bytes[0] - 10 == h.value.bytes[1] - '0',
		      "an answer is that of another call");
	}
}

static void callee_ends(struct rig *g)
{
	struct heard h;
	put_call(g, 9, "do", "\xa1x", 2);
	say(g, g->client);
	hear(g->server, &h);
	spore__bridge_remove(g->server, "the server ended");
	g->server = NULL;
	run(g);
	hear(g->client, &h);
	CHECK(g, h.type == 1 && h.id.bytes[0] == 9 && (h.error.len > 1 || !g->codec->calls),
	      "the end of the server is silence");
}

static void (*const kinds[])(struct rig *g) = {call_fails, notification, event, progress_and_items, cancel,
                                               deadline,   call_back,    order, callee_ends};

static void kinds_of(const struct spore__codec_ops *codec, size_t step)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct rig g;
		setup(&g, codec, step);
		kinds[i](&g);
		teardown(&g);
	}
}

static void each(void (*test)(const struct spore__codec_ops *codec, size_t step))
{
	static const size_t steps[] = {1 << 20, 1, 7};
	const char *only = getenv("SPORE_TEST_CODEC");
	for (size_t i = 0; spore__codecs[i] != NULL; i++)
		for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++)
			if ((only == NULL || strcmp(only, spore__codecs[i]->name) == 0))
				test(spore__codecs[i], steps[s]);
}

static void values(void **state)
{
	(void)state;
	each(values_of);
}

static void models(void **state)
{
	(void)state;
	each(kinds_of);
}

// ---- strangers

static unsigned heard_count, refused_count;

static void on_message(struct spore__codec_end *e, const struct spore__model *m)
{
	(void)e;
	heard_count++;
	assert_in_range(m->kind, 0, SPORE__MODEL_KINDS - 1);
	if (m->value.len > 0)
		assert_int_equal(spore__msgpack_check(m->value.bytes, m->value.len), SPORE__MSGPACK_OK);
	if (m->method.len > 0)
		assert_true(spore__json_is_utf8(m->method.bytes, m->method.len, NULL));
}

static void on_refused(struct spore__codec_end *e, const void *bytes, size_t len, const char *why)
{
	(void)e;
	(void)bytes;
	(void)len;
	assert_true(why != NULL && why[0] != '\0' && why[strlen(why) - 1] != '.');
	refused_count++;
}

static void on_session_over(struct spore__codec_end *e, const char *session)
{
	(void)e;
	(void)session;
}

static void on_written(struct spore__codec_end *e)
{
	(void)e;
}

static const struct spore__codec_sink sink = {
    .message = on_message, .refused = on_refused, .session_over = on_session_over, .written = on_written};

// Bytes that are no message of anybody: they are refused, and no memory over the limit is taken.
static void strangers_of(const struct spore__codec_ops *codec, enum spore__codec_role role)
{
	static const char *const texts[] = {
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	    "\x7f\xff\xff\xff",
	    "\xff\xff\xff\x7f",
	    "999999999999:",
	    "Content-Length: 99999999999999\r\n\r\n",
	    "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
	    "{\"a\":1,\"a\":2}\n",
	    "*99999999\r\n",
	    "$99999999999999999999\r\n",
	    "\xdd\xff\xff\xff\xff",
	    "POST /m HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
	};
	struct spore__codec_limits limits = spore__codec_limits;
	limits.message = 4096;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct spore__codec_end *e;
		char why[256];
		size_t used;
		enum spore_err err = spore__codec_create(codec->name, role, &limits, &sink, NULL, &e, why, sizeof why);
		if (err == SPORE_EUNSUPPORTED)
			return; // not this role
		assert_int_equal(err, SPORE_OK);
		e->local = true;
		if (codec->tick != NULL)
			(void)codec->tick(e, 1000);
		(void)spore__codec_feed(e, texts[i], strlen(texts[i]), &used);
		assert_true(used <= strlen(texts[i]));
		(void)spore__codec_feed_end(e, texts[i] + used, strlen(texts[i]) - used);
		assert_true(e->out.len < 65536);
		spore__codec_destroy(e);
	}
}

// One that never ends: it is cut off, long before it has taken all of it.
static void endless_of(const struct spore__codec_ops *codec, char byte)
{
	struct spore__codec_limits limits = spore__codec_limits;
	struct spore__codec_end *e;
	char why[256];
	size_t used = 0, size = 1 << 20, have = 0, fed = 0;
	limits.message = 4096;
	char *bytes = malloc(size);
	assert_non_null(bytes);
	memset(bytes, byte, size);
	assert_int_equal(
	    spore__codec_create(codec->name, SPORE__CODEC_PEER_CALLS, &limits, &sink, NULL, &e, why, sizeof why),
	    SPORE_OK);
	e->local = true;
	enum spore_err err = SPORE_OK;
	while (err == SPORE_OK && !e->over && fed < size) {
		have += 1024;
		fed += 1024;
		err = spore__codec_feed(e, bytes, have, &used);
		e->out.len = 0;
		have -= used;
		if (err == SPORE_OK && !e->over && have > limits.message + limits.head + 65536)
			fail_msg("%s: it wants %zu bytes to be kept", codec->name, have);
	}
	spore__codec_destroy(e);
	free(bytes);
}

static void strangers(void **state)
{
	(void)state;
	for (size_t i = 0; spore__codecs[i] != NULL; i++) {
		strangers_of(spore__codecs[i], SPORE__CODEC_PEER_CALLS);
		strangers_of(spore__codecs[i], SPORE__CODEC_PEER_SERVES);
		for (const char *byte = "x9\x91[ {:\xff"; *byte != '\0'; byte++)
			endless_of(spore__codecs[i], *byte);
		endless_of(spore__codecs[i], '\0');
	}
	assert_true(refused_count > 0);
}

// The table itself.
static void registry(void **state)
{
	(void)state;
	for (size_t i = 0; spore__codecs[i] != NULL; i++) {
		const struct spore__codec_ops *ops = spore__codecs[i];
		assert_ptr_equal(spore__codec_find(ops->name), ops);
		for (size_t other = 0; other < i; other++)
			assert_string_not_equal(ops->name, spore__codecs[other]->name);
		assert_true(ops->help != NULL && ops->help[0] != '\0' && ops->help[strlen(ops->help) - 1] != '.');
		assert_true(ops->size >= sizeof(struct spore__codec_end));
		for (const struct spore__codec_option *o = ops->options; o != NULL && o->name != NULL; o++)
			assert_true(o->help != NULL && o->help[0] != '\0');
		unsigned losses = ops->losses;
		while (spore__codec_loss_text(&losses) != NULL)
			;
		assert_int_equal(losses, 0);
	}
	assert_null(spore__codec_find(""));
	assert_null(spore__codec_find("nothing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(registry),
	    cmocka_unit_test(values),
	    cmocka_unit_test(models),
	    cmocka_unit_test(strangers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
