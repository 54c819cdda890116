// spore-bridge ends LEFT KIND ROLE COUNT RIGHT KIND ROLE COUNT: between two ends that are there. The node starts it so for a wire.
//
// LEFT and RIGHT are codecs with their options, of the peer that calls and the one that serves. KIND is a transport of channels with the ROLE of its end, or
// "pipes" (to read from, to write to) or "socket" with the role 0; COUNT says how many descriptors it has. Descriptor 3 is a Unix socket, from which the
// descriptors of both come with one byte, the left one's first. Over the same socket the node may ask afterwards, in MessagePack-RPC:
//
//	parked []          what could not be translated and is kept, the oldest first:
//	                   [{number, wall_ms, from: "left" or "right", protocol, why, raw, length, bytes}]
//	resend [number]    tries one of them again: true, or an error
//	counts []          {left, right, parked, dropped, late, busy, timeouts}
//
// It ends when either end does, after what was under way has arrived; and 0 is its status then.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fs.h"
#include "bridge/host.h"
#include "bridge/jsonrpc.h"
#include "bridge/line.h"
#include "chan/chan.h"
#include "os/os.h"
#include "pass.h"

enum { SOCKET = 3, OPERANDS = 8, PATIENCE_MS = 10000 };

static _Noreturn void bad_start(const char *why)
{
	spore__die(SPORE__EXIT_USAGE, "spore help bridge", "bridge ends: %s: the node starts it", why);
}

// ---- the ends

static void take_end(char *const *operands, struct spore__channel_end *end)
{
	const char *kind = operands[0];
	bool pipes = strcmp(kind, "pipes") == 0, sock = strcmp(kind, "socket") == 0;
	const struct spore__transport_ops *ops = spore__transport_find(kind, strlen(kind));
	int count = atoi(operands[2]);
	if (!pipes && !sock && ops == NULL)
		bad_start("no such kind of end");
	*end = (struct spore__channel_end){
	    .transport = ops != NULL ? ops->name : NULL, .role = operands[1][0] == '1', .count = count};
	if (count != (ops != NULL ? ops->fds : pipes ? 2 : 1))
		bad_start("not so many descriptors");
}

static void receive_ends(struct spore__channel_end ends[2])
{
	char byte;
	int fds[2 * SPORE__END_FDS];
	unsigned came = 0;
	struct pollfd p = {.fd = SOCKET, .events = POLLIN};
	ssize_t n;
	do {
		(void)poll(&p, 1, PATIENCE_MS);
		n = spore__pass_receive(SOCKET, &byte, 1, fds, 2 * SPORE__END_FDS, &came);
	} while (n < 0 && errno == EINTR);
	if (n != 1 || came != (unsigned)(ends[0].count + ends[1].count))
		bad_start("the descriptors did not come");
	memcpy(ends[0].fds, fds, (size_t)ends[0].count * sizeof fds[0]);
	memcpy(ends[1].fds, fds + ends[0].count, (size_t)ends[1].count * sizeof fds[0]);
}

static void add_line(struct spore__host *h, struct spore__bridge_end *end, struct spore__channel_end *from)
{
	struct spore_chan *chan = NULL;
	if (from->transport == NULL) {
		int in = from->fds[0], out = from->fds[from->count - 1];
		if (in == out) {
			(void)spore__line_nonblock(in);
		} else {
			in = spore__line_own(in, false);
			out = spore__line_own(out, true);
		}
		(void)spore__host_add(h, end, in, out, NULL);
		return;
	}
	if (spore__chan_create(from, &chan) != SPORE_OK)
		spore__die(SPORE__EXIT_SPORE, NULL, "bridge ends: a channel cannot be opened");
	(void)spore__host_add(h, end, -1, -1, chan);
}

// ---- what the node asks

static void answer(struct spore__codec_end *e, struct spore__span id, struct spore__msgpack_writer *w)
{
	struct spore__model m = {
	    .kind = SPORE__MODEL_RESPONSE, .id = id, .value = {w->data, w->len}, .remaining_ms = -1};
	if (w->err == 0)
		(void)e->ops->encode(e, &m);
	spore__msgpack_writer_finish(w);
}

static void fail(struct spore__codec_end *e, struct spore__span id, int64_t code, const char *why)
{
	const struct spore__model m = {.kind = SPORE__MODEL_ERROR,
	                               .id = id,
	                               .code = code,
	                               .text = {(const unsigned char *)why, strlen(why)},
	                               .remaining_ms = -1};
	(void)e->ops->encode(e, &m);
}

static void put_parked(struct spore__msgpack_writer *w, const struct spore__bridge *b)
{
	uint32_t count = 0;
	for (const struct spore__bridge_parked *p = spore__bridge_parked(b); p != NULL; p = p->next)
		count++;
	spore__msgpack_array(w, count);
	for (const struct spore__bridge_parked *p = spore__bridge_parked(b); p != NULL; p = p->next) {
		spore__msgpack_map(w, 8);
		spore__msgpack_str(w, "number");
		spore__msgpack_uint(w, p->number);
		spore__msgpack_str(w, "wall_ms");
		spore__msgpack_int(w, p->wall_ms);
		spore__msgpack_str(w, "from");
		spore__msgpack_str(w, p->side == SPORE__BRIDGE_LEFT ? "left" : "right");
		spore__msgpack_str(w, "protocol");
		spore__msgpack_str(w, p->protocol);
		spore__msgpack_str(w, "why");
		spore__msgpack_str(w, p->why);
		spore__msgpack_str(w, "raw");
		spore__msgpack_bool(w, p->raw);
		spore__msgpack_str(w, "length");
		spore__msgpack_uint(w, p->len);
		spore__msgpack_str(w, "bytes");
		spore__msgpack_bin(w, p->bytes, (uint32_t)p->kept);
	}
}

static void put_counts(struct spore__msgpack_writer *w, const struct spore__bridge *b)
{
	const struct spore__bridge_counts *c = spore__bridge_counts(b);
	const struct {
		const char *name;
		uint64_t count;
	} counts[] = {{"left", c->messages[0]}, {"right", c->messages[1]}, {"parked", c->parked},
	              {"dropped", c->dropped},  {"late", c->late},         {"busy", c->busy},
	              {"timeouts", c->timeouts}};
	spore__msgpack_map(w, sizeof counts / sizeof counts[0]);
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		spore__msgpack_str(w, counts[i].name);
		spore__msgpack_uint(w, counts[i].count);
	}
}

static bool is(struct spore__span method, const char *name)
{
	return method.len == strlen(name) && memcmp(method.bytes, name, method.len) == 0;
}

static void on_asked(struct spore__codec_end *e, const struct spore__model *m)
{
	struct spore__host *h = e->owner;
	struct spore__msgpack_writer w = {0};
	struct spore__msgpack_reader r = spore__msgpack_reader(m->value.bytes, m->value.len);
	uint32_t count;
	int64_t number;
	if (m->kind != SPORE__MODEL_REQUEST)
		return;
	if (is(m->method, "parked")) {
		put_parked(&w, h->bridge);
	} else if (is(m->method, "counts")) {
		put_counts(&w, h->bridge);
	} else if (!is(m->method, "resend")) {
		fail(e, m->id, SPORE__JSONRPC_NO_METHOD, "there is no such method");
		return;
	} else if (spore__msgpack_read_array(&r, &count) != SPORE__MSGPACK_OK || count != 1 ||
	           spore__msgpack_read_int(&r, &number) != SPORE__MSGPACK_OK) {
		fail(e, m->id, SPORE_EINVALID, "the number of a parked message was expected");
		return;
	} else {
		enum spore_err err = spore__bridge_resend(h->bridge, (uint64_t)number);
		if (err != SPORE_OK) {
			fail(e, m->id, err, spore_err_text(err));
			return;
		}
		spore__msgpack_bool(&w, true);
	}
	answer(e, m->id, &w);
}

static void on_refused(struct spore__codec_end *e, const void *bytes, size_t len, const char *why)
{
	(void)e;
	(void)bytes;
	(void)len;
	(void)why;
}

static const struct spore__codec_sink asked_sink = {.message = on_asked, .refused = on_refused};

void spore__ends_answer(struct spore__host *h)
{
	unsigned char bytes[4096];
	size_t used;
	ssize_t n = recv(h->control, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	// Questions are a few bytes and come whole.
	bool good = n > 0 && spore__codec_feed(h->asked, bytes, (size_t)n, &used) == SPORE_OK && used == (size_t)n;
	struct spore__buf *out = &h->asked->out;
	if (good && out->len > 0)
		good = spore__fs_write_all(h->control, out->data, out->len) == 0;
	out->len = 0;
	if (!good) { // the node is gone, which is no reason to end
		close(h->control);
		h->control = -1;
	}
}

int spore__ends_run(struct spore__host_options *o, char *const *operands)
{
	struct spore__channel_end ends[2];
	struct spore__host h;
	size_t count = 0;
	char why[256];
	while (operands[count] != NULL)
		count++;
	if (count != OPERANDS)
		bad_start("not these operands");
	take_end(operands + 1, &ends[0]);
	take_end(operands + 5, &ends[1]);
	receive_ends(ends);
	o->to = operands[0];
	o->from = operands[4];
	spore__host_init(&h, o);
	add_line(&h, spore__host_end(&h, h.bridge, SPORE__BRIDGE_LEFT, o->to), &ends[0]);
	add_line(&h, spore__host_end(&h, h.bridge, SPORE__BRIDGE_RIGHT, o->from), &ends[1]);
	h.control = SOCKET;
	if (spore__codec_create("msgpack-rpc", SPORE__CODEC_PEER_CALLS, NULL, &asked_sink, &h, &h.asked, why,
	                        sizeof why) != SPORE_OK)
		spore__die(SPORE__EXIT_SPORE, NULL, "bridge ends: %s", why);
	spore__bridge_confine();
	int status = spore__host_run(&h);
	spore__codec_destroy(h.asked);
	return status;
}
