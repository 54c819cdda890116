// What the node says to a hold.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/hold.h"
#include "pass.h"

struct sending {
	uv_write_t request; // first: requests are cast back
	unsigned char *data;
};

static void on_sent(uv_write_t *request, int status)
{
	struct sending *sending = (struct sending *)request;
	struct spore__hold *hold = (struct spore__hold *)request->handle;
	free(sending->data);
	free(sending);
	// The end of the connection is seen by reading.
	if (status == 0 && uv_stream_get_write_queue_size((uv_stream_t *)&hold->pipe) == 0)
		spore__ports_flushed(hold);
}

// What is behind the first SENT bytes of W. Takes W.
static void send_rest(struct spore__hold *hold, struct spore__msgpack_writer *w, size_t sent)
{
	struct sending *sending = sent < w->len ? malloc(sizeof *sending) : NULL;
	if (sending != NULL) {
		sending->data = w->data;
		uv_buf_t buf = uv_buf_init((char *)w->data + sent, (unsigned)(w->len - sent));
		if (uv_write(&sending->request, (uv_stream_t *)&hold->pipe, &buf, 1, on_sent) == 0)
			*w = (struct spore__msgpack_writer){0};
		else
			free(sending);
	}
	spore__msgpack_writer_finish(w);
}

static bool is_open(const struct spore__hold *hold)
{
	return hold->connected && !uv_is_closing((const uv_handle_t *)&hold->pipe);
}

void spore__hold_send(struct spore__hold *hold, struct spore__msgpack_writer *w)
{
	uv_buf_t buf = uv_buf_init((char *)w->data, (unsigned)w->len);
	int n = is_open(hold) && w->err == 0 ? uv_try_write((uv_stream_t *)&hold->pipe, &buf, 1) : UV_EPIPE;
	if (n >= 0 || n == UV_EAGAIN)
		send_rest(hold, w, n > 0 ? (size_t)n : 0);
	else
		spore__msgpack_writer_finish(w);
}

// ---- of ports

bool spore__hold_takes_channel(const struct spore__hold *hold)
{
	struct pollfd room = {.events = POLLOUT};
	return is_open(hold) && hold->unsaid < SPORE__HOLD_UNWIRED &&
	       uv_stream_get_write_queue_size((const uv_stream_t *)&hold->pipe) == 0 &&
	       uv_fileno((const uv_handle_t *)&hold->pipe, &room.fd) == 0 && poll(&room, 1, 0) == 1;
}

bool spore__hold_is_idle(const struct spore__hold *hold)
{
	return hold->unsaid == 0 && uv_stream_get_write_queue_size((const uv_stream_t *)&hold->pipe) == 0;
}

// The frame in W, which is taken, with copies of the descriptors of END.
static bool send_end(struct spore__hold *hold, struct spore__msgpack_writer *w, const struct spore__channel_end *end)
{
	int fd;
	ssize_t n = -1;
	if (w->err == 0 && uv_fileno((uv_handle_t *)&hold->pipe, &fd) == 0)
		while ((n = spore__pass_send(fd, w->data, w->len, end->fds, (unsigned)end->count)) < 0 &&
		       errno == EINTR)
			;
	int why = errno;
	if (n > 0)
		send_rest(hold, w, (size_t)n);
	else
		spore__msgpack_writer_finish(w);
	errno = why;
	return n > 0;
}

static bool send_channel(struct spore__hold *hold, uint64_t id, uint64_t serial, const struct spore__channel_end *end,
                         const char *peer, const char *slow, bool redeliver, bool early, bool moves)
{
	struct spore__msgpack_writer w = {0};
	spore__hold_put_subscription(&w, id, serial, end->transport, (unsigned)end->role, (unsigned)end->count, peer,
	                             slow, redeliver, early, moves);
	bool sent = send_end(hold, &w, end);
	hold->unsaid += sent;
	return sent;
}

bool spore__hold_send_channel(struct spore__hold *hold, uint64_t id, uint64_t serial,
                              const struct spore__channel_end *end, const char *peer, const char *slow, bool redeliver,
                              bool moves)
{
	return send_channel(hold, id, serial, end, peer, slow, redeliver, false, moves);
}

bool spore__hold_send_early(const struct spore__port *p, uint64_t serial, const struct spore__channel_end *end,
                            const struct spore__port *q, bool redeliver)
{
	char peer[SPORE__PORT_NAME + SPORE__HOLD_WORD];
	spore__hold_port_name(q->hold, q->name, peer, sizeof peer);
	return send_channel(p->hold, p->id, serial, end, peer, NULL, redeliver, true, false);
}

bool spore__hold_send_keep(const struct spore__port *q, uint64_t serial, const struct spore__channel_end *end,
                           const struct spore__port *p, bool redeliver)
{
	struct spore__msgpack_writer w = {0};
	char peer[SPORE__PORT_NAME + SPORE__HOLD_WORD];
	const struct spore__hold_face face = {q->kind, q->shape, q->protocol};
	spore__hold_port_name(p->hold, p->name, peer, sizeof peer);
	spore__hold_put_keep(&w, q->name, serial, end->transport, (unsigned)end->role, (unsigned)end->count, peer,
	                     redeliver, &face);
	return send_end(q->hold, &w, end);
}

bool spore__hold_send_lend(struct spore__hold *hold, uint64_t id, uint64_t serial, int to)
{
	struct spore__msgpack_writer w = {0};
	const struct spore__channel_end end = {.count = 1, .fds = {to}};
	if (!spore__hold_takes_channel(hold))
		return false;
	spore__hold_put_serial(&w, SPORE__HOLD_LEND, id, serial);
	return send_end(hold, &w, &end);
}

bool spore__hold_send_lent(const struct spore__port *q, uint64_t serial, int from, const char *peer, const char *slow)
{
	struct spore__msgpack_writer w = {0};
	const struct spore__channel_end end = {.count = 1, .fds = {from}};
	spore__hold_put_subscription(&w, q->id, serial, "lent", 1, 1, peer, slow, false, false, false);
	return send_end(q->hold, &w, &end); // answered when it is alone
}

void spore__hold_send_serial(struct spore__hold *hold, enum spore__hold_type type, uint64_t id, uint64_t serial)
{
	struct spore__msgpack_writer w = {0};
	spore__hold_put_serial(&w, type, id, serial);
	spore__hold_send(hold, &w);
}

void spore__hold_port_name(const struct spore__hold *hold, const char *port, char *out, size_t size)
{
	char replica[24] = "";
	if (hold->name.replica > 0)
		(void)snprintf(replica, sizeof replica, "@%lld", (long long)hold->name.replica);
	(void)snprintf(out, size, "%s%s%s%s.%s", hold->name.system, hold->name.system[0] != '\0' ? "/" : "",
	               hold->name.task, replica, port);
}

// ---- of the task

void spore__hold_send_stop(struct spore__hold *hold, int64_t grace_ms, int64_t standard_grace_ms, bool kill)
{
	struct spore__msgpack_writer w = {0};
	if (kill)
		spore__hold_put(&w, SPORE__HOLD_KILL);
	else
		spore__hold_put_number(&w, SPORE__HOLD_STOP, grace_ms);
	bool was = hold->connected;
	spore__hold_send(hold, &w);
	hold->stop_sent = was; // else when it is connected
	spore__hold_look_in(hold, (uint64_t)(kill            ? 0
	                                     : grace_ms >= 0 ? grace_ms
	                                                     : standard_grace_ms) +
	                              SPORE__HOLD_PATIENCE_MS);
}

void spore__hold_send_stop_swap(struct spore__hold *hold, int64_t standard_grace_ms)
{
	struct spore__msgpack_writer w = {0};
	spore__hold_put_stop_swap(&w, -1);
	spore__hold_send(hold, &w);
	hold->stop_sent = true;
	spore__hold_look_in(hold, (uint64_t)standard_grace_ms + SPORE__HOLD_PATIENCE_MS);
}

void spore__hold_send_swap(struct spore__hold *hold, uint64_t id, uint64_t serial, bool on)
{
	struct spore__msgpack_writer w = {0};
	spore__hold_put_swap(&w, id, serial, on);
	spore__hold_send(hold, &w);
}

void spore__hold_send_hand(struct spore__hold *hold, bool on)
{
	struct spore__msgpack_writer w = {0};
	spore__hold_put_hand(&w, on);
	spore__hold_send(hold, &w);
	hold->hands = on;
}

void spore__hold_send_alone(struct spore__hold *hold)
{
	struct spore__msgpack_writer w = {0};
	spore__hold_put(&w, SPORE__HOLD_ALONE);
	spore__hold_send(hold, &w);
}

void spore__hold_send_restart(struct spore__hold *hold)
{
	struct spore__msgpack_writer w = {0};
	spore__hold_put(&w, SPORE__HOLD_RESTART);
	spore__hold_send(hold, &w);
}

void spore__hold_send_signal(struct spore__hold *hold, int64_t signal)
{
	struct spore__msgpack_writer w = {0};
	spore__hold_put_number(&w, SPORE__HOLD_SIGNAL, signal);
	spore__hold_send(hold, &w);
}

void spore__hold_send_update(struct spore__hold *hold, const struct spore__spec *spec)
{
	struct spore__msgpack_writer w = {0}, map = {0};
	spore__spec_encode(spec, &map, false);
	if (map.err == 0)
		spore__hold_put_map(&w, SPORE__HOLD_UPDATE, map.data, map.len);
	else
		w.err = map.err;
	spore__msgpack_writer_finish(&map);
	spore__hold_send(hold, &w);
}

void spore__hold_send_leaving(struct spore__hold *hold)
{
	struct spore__msgpack_writer w = {0};
	spore__hold_put(&w, SPORE__HOLD_LEAVING);
	spore__hold_send(hold, &w);
}
