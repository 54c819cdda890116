// A conversation with a hostile peer: a program of steps, each a byte that says what, and operands. The peer writes messages of every kind, whole and
// broken, in any order, over a channel of messages or of bytes; this end calls, answers, cancels and gives up meanwhile. What has to hold whatever comes:
// each call of this end ends exactly once, no more calls of the peer are open than may be, and nothing is used that is gone.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "chan/chan.h"
#include "msgpack.h"
#include "rpc_message.h"
#include "spore/rpc.h"
#include "target.h"

enum { IN_FLIGHT = 4, KEPT = 8, ASKS = 64, LARGEST = 4096 };

struct asked {
	struct spore_rpc_ask *ask; // not started with a function
	bool begun, started;
	unsigned ended;
};

struct peer {
	struct spore_rpc *r;
	struct spore_chan *chan; // the peer's
	bool bytes;
	struct spore_rpc_call *kept[KEPT];
	struct asked asks[ASKS];
	unsigned asked;
	uint32_t ids[IN_FLIGHT]; // that this end used last
	unsigned ids_at;
};

// ---- this end

static void add(struct spore_rpc_call *call, void *data)
{
	(void)data;
	int64_t a, b;
	if (spore_rpc_int(call, 0, "a", &a) && spore_rpc_int(call, 1, "b", &b)) {
		spore_write_int(spore_rpc_result(call, 0), (int64_t)((uint64_t)a + (uint64_t)b));
		spore_rpc_done(call);
	}
}

static void echo(struct spore_rpc_call *call, void *data)
{
	(void)data;
	struct spore_reader at = spore_rpc_params(call), from = at;
	check(spore_read_skip(&at));
	spore_write_raw(spore_rpc_result(call, 0), from.at, (size_t)(at.at - from.at));
	spore_rpc_done(call);
}

static void on_cancel(struct spore_rpc_call *call, void *arg)
{
	struct peer *p = arg;
	for (unsigned i = 0; i < KEPT; i++)
		if (p->kept[i] == call)
			p->kept[i] = NULL;
	spore_rpc_fail(call, SPORE_ECANCELLED, "as you wish");
}

static void keep(struct spore_rpc_call *call, void *data)
{
	struct peer *p = data;
	const char *s;
	size_t len;
	for (unsigned i = 0; i < KEPT; i++) {
		if (p->kept[i] == NULL) {
			p->kept[i] = call;
			if (spore_rpc_remaining(call) >= 0)
				spore_rpc_on_cancel(call, on_cancel, p);
			return;
		}
	}
	if (spore_rpc_str(call, 0, "why", &s, &len))
		spore_rpc_fail(call, SPORE_EBUSY, "%.*s", (int)len, s);
}

static void parts(struct spore_rpc_call *call, void *data)
{
	(void)data;
	for (int i = 0; i < 3; i++) {
		spore_write_int(i < 2 ? spore_rpc_item(call, 0) : spore_rpc_progress(call), i);
		(void)spore_rpc_send(call, SPORE_NOW);
	}
	spore_rpc_done(call);
}

static void other(struct spore_rpc_call *call, void *data)
{
	(void)data;
	check(strlen(spore_rpc_method(call)) <= 255);
	spore_rpc_fail(call, SPORE_ENOTFOUND, "no %s", spore_rpc_method(call));
}

static void notice(struct spore_rpc *r, const char *method, struct spore_reader params, void *data)
{
	(void)r;
	(void)data;
	(void)strlen(method);
	check(spore_read_skip(&params));
}

static void see_part(struct spore_rpc_ask *a, struct spore_reader value, void *arg)
{
	(void)a;
	(void)arg;
	check(spore_read_skip(&value));
}

static void ended(struct spore_rpc_ask *a, enum spore_err e, struct spore_reader result, void *arg)
{
	struct asked *asked = arg;
	asked->ended++;
	if (e == SPORE_OK) {
		check(spore_read_skip(&result));
		return;
	}
	struct spore_reader data = spore_rpc_why(a)->data;
	check(strlen(spore_rpc_why(a)->text) <= spore_rpc_why(a)->text_len);
	check(data.at == data.end || spore_read_skip(&data));
}

static void begin_ask(struct peer *p, unsigned how)
{
	struct asked *asked = &p->asks[p->asked];
	struct spore_writer *w;
	if (p->asked == ASKS || spore_rpc_ask(p->r, "there", 0, &asked->ask, &w) != SPORE_OK)
		return;
	p->asked++;
	asked->begun = true;
	spore_rpc_on_item(asked->ask, see_part, NULL);
	spore_rpc_on_progress(asked->ask, see_part, NULL);
	if ((how & 1) != 0) {
		asked->started =
		    spore_rpc_start(asked->ask, (how & 2) != 0 ? 1000000 : SPORE_FOREVER, ended, asked) == SPORE_OK;
		asked->ask = NULL;
	} else {
		(void)spore_rpc_wait(asked->ask, SPORE_NOW, NULL);
	}
}

static void go_on_with_ask(struct peer *p, unsigned which, unsigned how)
{
	struct asked *asked = &p->asks[which % ASKS];
	if (asked->ask == NULL)
		return;
	if (how % 3 == 0) {
		struct spore_reader result;
		if (spore_rpc_wait(asked->ask, SPORE_NOW, &result) == SPORE_OK)
			check(spore_read_skip(&result));
	} else if (how % 3 == 1) {
		spore_rpc_cancel(asked->ask);
	} else {
		spore_rpc_end(asked->ask);
		asked->ask = NULL;
	}
}

static void answer_kept(struct peer *p, unsigned which)
{
	struct spore_rpc_call *call = p->kept[which % KEPT];
	p->kept[which % KEPT] = NULL;
	if (call != NULL)
		spore_rpc_done(call);
}

// ---- the peer

// What this end said: the ids of its calls are worth answering.
static void hear(struct peer *p)
{
	unsigned char bytes[LARGEST];
	size_t len;
	struct spore__rpc_message m;
	while (spore_chan_recv(p->chan, bytes, sizeof bytes, &len, SPORE_NOW) == SPORE_OK) {
		if (spore__rpc_parse(bytes, len, &m) == SPORE_OK && m.kind == SPORE__RPC_REQUEST)
			p->ids[p->ids_at++ % IN_FLIGHT] = m.id;
		else
			check(p->bytes || spore__msgpack_check(bytes, len) == SPORE__MSGPACK_OK);
	}
}

static void say(struct peer *p, const struct spore__msgpack_writer *w, struct input *in)
{
	size_t len = w->len;
	unsigned how = (unsigned)take(in, 1);
	if (w->err != 0)
		return;
	if (how >= 0xf0) // in part
		len = len * (how & 0x0f) / 16;
	if (how >= 0xe0 && how < 0xf0 && len > 0) // with a byte changed
		w->data[take(in, 1) % len] ^= (unsigned char)(1U << (how & 7));
	(void)spore_chan_send(p->chan, w->data, len, SPORE_NOW);
}

static uint32_t pick_id(const struct peer *p, struct input *in)
{
	unsigned n = (unsigned)take(in, 1);
	return n < 0xf0 ? n % 8 : n < 0xfc ? p->ids[n % IN_FLIGHT] : (uint32_t)take(in, 4);
}

static void write_value(struct spore__msgpack_writer *w, struct input *in, unsigned depth)
{
	unsigned n = (unsigned)take(in, 1);
	switch (n % 10) {
	case 0:
		spore__msgpack_nil(w);
		return;
	case 1:
		spore__msgpack_int(w, (int64_t)take(in, n / 10 % 9));
		return;
	case 2:
		spore__msgpack_str(w, n < 128 ? "a word" : "");
		return;
	case 3:
		spore__msgpack_float(w, (double)n);
		return;
	case 4:
		spore__msgpack_bin(w, "\0\1\2", n % 4);
		return;
	case 5:
		spore__msgpack_raw(w, "\xd4\x01\x02", 3);
		return;
	default:
		break;
	}
	unsigned count = n / 10 % 4;
	if (n % 10 < 8)
		spore__msgpack_array(w, count);
	else
		spore__msgpack_map(w, count);
	for (unsigned i = 0; i < (n % 10 < 8 ? count : 2 * count); i++) {
		if (depth > 3)
			spore__msgpack_nil(w);
		else
			write_value(w, in, depth + 1);
	}
}

static const char *const methods_said[] = {"add",    "echo",       "keep",       "parts",   "$/describe", "$/cancel",
                                           "$/item", "$/progress", "$/deadline", "$/other", "no such",    ""};
enum { METHODS_SAID = sizeof methods_said / sizeof methods_said[0] };

static void say_message(struct peer *p, unsigned kind, struct input *in)
{
	unsigned char bytes[LARGEST];
	struct spore__msgpack_writer w;
	unsigned method = (unsigned)take(in, 1);
	spore__msgpack_writer_fixed(&w, bytes, sizeof bytes);
	if (kind == SPORE__RPC_REQUEST) {
		spore__rpc_begin_request(&w, pick_id(p, in), methods_said[method % METHODS_SAID]);
		write_value(&w, in, 0);
	} else if (kind == SPORE__RPC_NOTIFICATION) {
		spore__rpc_begin_notification(&w, methods_said[method % METHODS_SAID]);
		if (method >= 0x80) { // as the reserved ones want them
			spore__msgpack_array(&w, 2);
			spore__msgpack_uint(&w, pick_id(p, in));
		}
		write_value(&w, in, 0);
	} else if (method % 2 == 0) {
		spore__rpc_begin_result(&w, pick_id(p, in));
		write_value(&w, in, 0);
	} else {
		spore__rpc_begin_error(&w, pick_id(p, in), (int8_t)take(in, 1), "no\0luck", method % 8);
		write_value(&w, in, 0);
	}
	say(p, &w, in);
}

static void say_bytes(struct peer *p, struct input *in)
{
	size_t len = take(in, 1) % 64, left = (size_t)(in->end - in->at);
	len = len < left ? len : left;
	(void)spore_chan_send(p->chan, in->at, len, SPORE_NOW);
	in->at += len;
}

static void turn(struct peer *p)
{
	struct spore_rpc_stats stats;
	for (int i = 0; i < 1000 && spore_rpc_turn(p->r, SPORE_NOW) == SPORE_OK; i++) {
		spore_rpc_stats(p->r, &stats);
		check(stats.called <= IN_FLIGHT && stats.asked <= IN_FLIGHT);
	}
}

static void step(struct peer *p, struct input *in)
{
	unsigned what = (unsigned)take(in, 1);
	switch (what % 12) {
	case 0:
	case 1:
	case 2:
		say_message(p, SPORE__RPC_REQUEST, in);
		return;
	case 3:
	case 4:
		say_message(p, SPORE__RPC_NOTIFICATION, in);
		return;
	case 5:
	case 6:
		say_message(p, SPORE__RPC_RESPONSE, in);
		return;
	case 7:
		say_bytes(p, in);
		return;
	case 8:
		begin_ask(p, what / 12);
		return;
	case 9:
		go_on_with_ask(p, (unsigned)take(in, 1), what / 12);
		return;
	case 10:
		answer_kept(p, (unsigned)take(in, 1));
		return;
	default:
		turn(p);
		hear(p);
	}
}

// ---- both

static const struct spore_rpc_method methods[] = {
    {.name = "add", .handle = add},
    {.name = "echo", .handle = echo},
    {.name = "keep", .handle = keep},
    {.name = "parts", .handle = parts},
    {0},
};

static bool open_both(struct peer *p, unsigned how)
{
	static const char *const transports[] = {"ring", "stream", "bytes"};
	const struct spore_rpc_options options = {.methods = methods,
	                                          .data = p,
	                                          .in_flight = IN_FLIGHT,
	                                          .largest = LARGEST / 2,
	                                          .outgoing = (how & 8) != 0 ? 64 : 0,
	                                          .other = (how & 16) != 0 ? other : NULL,
	                                          .notice = (how & 32) != 0 ? notice : NULL};
	const struct spore__channel_sizes sizes = {.cells = 64, .heap = 64 * 1024, .large = 1 << 20};
	struct spore__channel_end ends[2];
	struct spore_chan *c;
	const char *transport = transports[(how & 3) % 3];
	if (spore__channel_make(transport, &sizes, ends) != SPORE_OK)
		return false; // not on this machine
	p->bytes = (how & 3) % 3 == 2;
	check(spore__chan_create(&ends[0], &c) == SPORE_OK && spore__chan_create(&ends[1], &p->chan) == SPORE_OK);
	if (p->bytes) {
		spore__chan_set_bytes(c);
		spore__chan_set_bytes(p->chan);
	}
	check(spore_rpc_create(c, &options, &p->r) == SPORE_OK);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size};
	struct peer p = {0};
	if (!open_both(&p, (unsigned)take(&in, 1)))
		return 0;
	while (in.at < in.end)
		step(&p, &in);
	turn(&p);
	if (size % 2 == 0) { // the peer goes first
		spore_chan_close(p.chan);
		p.chan = NULL;
		turn(&p);
	}
	for (unsigned i = 0; i < ASKS; i++)
		spore_rpc_end(p.asks[i].ask);
	spore_rpc_close(p.r);
	for (unsigned i = 0; i < ASKS; i++)
		check(p.asks[i].ended == (p.asks[i].started ? 1 : 0));
	for (unsigned i = 0; i < KEPT; i++) // after the close, to no effect
		answer_kept(&p, i);
	if (p.chan != NULL)
		spore_chan_close(p.chan);
	return 0;
}
