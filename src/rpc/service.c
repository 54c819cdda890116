#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/os.h"
#include "rpc/connection.h"

enum {
	READ_SIZE = 4096,  // room offered for each read, at least
	IDLE_SIZE = 16384, // a larger buffer is given back once it is empty
};

static const char too_many[] = "too many connections";

struct sending {
	uv_write_t request; // first: requests are cast back
	struct spore__rpc_connection *connection;
	uint8_t *data;
	bool of_call;
};

void spore__rpc_service_init(struct spore__rpc_service *s, uv_loop_t *loop, const struct spore__rpc_method *methods,
                             const char *program, const char *version, void *data)
{
	*s = (struct spore__rpc_service){
	    .loop = loop,
	    .methods = methods,
	    .program = program,
	    .version = version,
	    .data = data,
	};
}

static void free_handle(uv_handle_t *h)
{
	free(h);
}

static void free_connection(uv_handle_t *h)
{
	struct spore__rpc_connection *c = (struct spore__rpc_connection *)h;
	free(c->in);
	free(c);
}

static void close_connection(struct spore__rpc_connection *c)
{
	if (uv_is_closing((uv_handle_t *)&c->pipe))
		return;
	struct spore__rpc_service *s = c->service;
	*(c->previous != NULL ? &c->previous->next : &s->connections) = c->next;
	if (c->next != NULL)
		c->next->previous = c->previous;
	s->connection_count--;
	for (struct spore__rpc_call *call = c->calls, *next; call != NULL; call = next) {
		next = call->next;
		call->connection = NULL;
		if (call->gone != NULL)
			call->gone(call, call->gone_arg); // frees it, perhaps
	}
	c->calls = NULL;
	uv_close((uv_handle_t *)&c->pipe, free_connection);
}

static size_t unsent(const struct spore__rpc_connection *c)
{
	return uv_stream_get_write_queue_size((const uv_stream_t *)&c->pipe);
}

static void on_sent(uv_write_t *request, int status)
{
	struct sending *sending = (struct sending *)request;
	struct spore__rpc_connection *c = sending->connection;
	if (sending->of_call)
		c->in_flight--;
	free(sending->data);
	free(sending);
	if (status < 0 || (c->ending && unsent(c) == 0))
		close_connection(c);
}

static void end_connection(struct spore__rpc_connection *c)
{
	c->ending = true;
	(void)uv_read_stop((uv_stream_t *)&c->pipe);
	if (unsent(c) == 0)
		close_connection(c);
}

void spore__rpc_send(struct spore__rpc_connection *c, struct spore__msgpack_writer *w, bool of_call)
{
	struct sending *sending = NULL;
	if (c->deaf) {
		c->in_flight -= of_call;
		spore__msgpack_writer_finish(w);
		return;
	}
	uv_buf_t buf = uv_buf_init((char *)w->data, (unsigned)w->len);
	int n = unsent(c) == 0 ? uv_try_write((uv_stream_t *)&c->pipe, &buf, 1) : UV_EAGAIN;
	if (n < 0 && n != UV_EAGAIN) {
		// A client may send its wishes and leave; the end of file that follows closes the connection.
		c->deaf = true;
		c->in_flight -= of_call;
		spore__msgpack_writer_finish(w);
		return;
	}
	size_t done = n > 0 ? (size_t)n : 0;
	if (done == w->len) {
		if (of_call)
			c->in_flight--;
		spore__msgpack_writer_finish(w);
		return;
	}
	if (w->fixed || unsent(c) + w->len > SPORE__RPC_MAX_UNSENT)
		goto broken;
	sending = malloc(sizeof *sending);
	if (sending == NULL)
		goto broken;
	*sending = (struct sending){.connection = c, .data = w->data, .of_call = of_call};
	buf = uv_buf_init((char *)w->data + done, (unsigned)(w->len - done));
	if (uv_write(&sending->request, (uv_stream_t *)&c->pipe, &buf, 1, on_sent) != 0)
		goto broken;
	*w = (struct spore__msgpack_writer){0};
	return;
broken:
	free(sending);
	spore__msgpack_writer_finish(w);
	close_connection(c);
}

void spore__rpc_send_error(struct spore__rpc_connection *c, uint32_t id, enum spore_err code, const char *text,
                           bool of_call)
{
	struct spore__msgpack_writer w = {0};
	uint8_t small[1024];
	spore__rpc_write_error(&w, id, code, text);
	if (w.err != 0) { // no memory: it may still fit into the socket at once
		spore__msgpack_writer_finish(&w);
		spore__msgpack_writer_fixed(&w, small, sizeof small);
		spore__rpc_write_error(&w, id, SPORE_ENOMEM, "out of memory");
	}
	spore__rpc_send(c, &w, of_call);
}

static bool is_method(const struct spore__rpc_message *m, const char *name)
{
	return m->method_len == strlen(name) && memcmp(m->method, name, m->method_len) == 0;
}

static void greet(struct spore__rpc_connection *c, const struct spore__rpc_message *m)
{
	const struct spore__rpc_service *s = c->service;
	struct spore__msgpack_value major;
	char text[256];
	if (m->kind != SPORE__RPC_REQUEST || !is_method(m, "$/hello") ||
	    !spore__rpc_param(&m->params, 0, "major", &major) || major.type != SPORE__MSGPACK_INT) {
		spore__rpc_send_error(c, m->id, SPORE_EINVALID,
		                      "a connection begins with the request $/hello [major, program]", false);
		end_connection(c);
	} else if (major.i != SPORE__RPC_MAJOR) {
		snprintf(text, sizeof text,
		         "%s %s speaks version %d of the protocol, you speak %lld: use programs of one release, and "
		         "restart the "
		         "older one",
		         s->program, s->version, SPORE__RPC_MAJOR, (long long)major.i);
		spore__rpc_send_error(c, m->id, SPORE_EVERSION, text, false);
		end_connection(c);
	} else {
		c->greeted = true;
		struct spore__msgpack_writer w = {0};
		spore__rpc_begin_result(&w, m->id);
		spore__msgpack_map(&w, 2);
		spore__msgpack_str(&w, "major");
		spore__msgpack_int(&w, SPORE__RPC_MAJOR);
		spore__msgpack_str(&w, "version");
		spore__msgpack_str(&w, s->version);
		if (w.err != 0)
			spore__rpc_send_error(c, m->id, SPORE_ENOMEM, "out of memory", false);
		else
			spore__rpc_send(c, &w, false);
		spore__msgpack_writer_finish(&w);
	}
}

static void answer_describe(struct spore__rpc_call *call)
{
	spore__rpc_describe(call->service, &call->answer);
	spore__rpc_call_done(call);
}

static void dispatch(struct spore__rpc_connection *c, const struct spore__rpc_message *m)
{
	char text[256];
	bool request = m->kind == SPORE__RPC_REQUEST;
	if (m->kind == SPORE__RPC_RESPONSE)
		return; // to a call that was never made
	spore__rpc_handler *handle = is_method(m, "$/describe") ? answer_describe : NULL;
	for (const struct spore__rpc_method *method = c->service->methods; handle == NULL && method->name != NULL;
	     method++)
		if (is_method(m, method->name))
			handle = method->handle;
	if (handle == NULL) {
		if (!request)
			return;
		int len = m->method_len < 64 ? (int)m->method_len : 64;
		snprintf(text, sizeof text, "no method '%.*s'; $/describe lists them", len, m->method);
		spore__rpc_send_error(c, m->id, SPORE_ENOTFOUND, text, false);
		return;
	}
	if (c->in_flight >= SPORE__RPC_MAX_IN_FLIGHT) {
		snprintf(text, sizeof text, "%u calls of this connection are under way; wait for answers",
		         c->in_flight);
		if (request)
			spore__rpc_send_error(c, m->id, SPORE_EBUSY, text, false);
		return;
	}
	struct spore__rpc_call *call = spore__rpc_call_begin(c, m);
	if (call != NULL)
		handle(call);
	else if (request)
		spore__rpc_send_error(c, m->id, SPORE_ENOMEM, "out of memory", false);
}

// One message of LEN bytes at P. An unreadable one ends the connection: there is no telling where the next begins.
static void take_message(struct spore__rpc_connection *c, const uint8_t *p, size_t len)
{
	struct spore__rpc_message m;
	if (spore__rpc_parse(p, len, &m) != SPORE_OK) {
		spore__rpc_send_error(c, m.id, SPORE_EMALFORMED, "this is no message of MessagePack-RPC", false);
		end_connection(c);
	} else if (!c->greeted) {
		greet(c, &m);
	} else {
		dispatch(c, &m);
	}
}

static void refuse_bytes(struct spore__rpc_connection *c, enum spore__msgpack_err err)
{
	if (err == SPORE__MSGPACK_LARGE)
		spore__rpc_send_error(c, 0, SPORE_ETOOBIG, "a message may have 1048576 bytes", false);
	else if (err == SPORE__MSGPACK_DEEP)
		spore__rpc_send_error(c, 0, SPORE_ETOODEEP, "the values of a message are nested too deeply", false);
	else
		spore__rpc_send_error(c, 0, SPORE_EMALFORMED, "this is not MessagePack", false);
	end_connection(c);
}

static void take_messages(struct spore__rpc_connection *c)
{
	size_t used = 0;
	while (!c->ending && !uv_is_closing((uv_handle_t *)&c->pipe)) {
		enum spore__msgpack_err err =
		    spore__msgpack_scan(&c->scan, c->in + used, c->in_len - used, SPORE__RPC_MAX_MESSAGE);
		if (err == SPORE__MSGPACK_MORE)
			break;
		if (err != SPORE__MSGPACK_OK) {
			refuse_bytes(c, err);
			break;
		}
		size_t len = c->scan.offset;
		c->scan = (struct spore__msgpack_scan){0};
		take_message(c, c->in + used, len);
		used += len;
	}
	c->in_len -= used;
	if (c->in_len > 0) {
		memmove(c->in, c->in + used, c->in_len);
	} else if (c->in_cap > IDLE_SIZE) {
		free(c->in);
		c->in = NULL;
		c->in_cap = 0;
	}
}

static void on_room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct spore__rpc_connection *c = (struct spore__rpc_connection *)h;
	(void)suggested;
	if (c->in_cap - c->in_len < READ_SIZE) {
		size_t cap = c->in_cap == 0 ? 2 * READ_SIZE : c->in_cap * 2;
		uint8_t *in = realloc(c->in, cap);
		if (in == NULL) {
			*buf = uv_buf_init(NULL, 0); // libuv reports UV_ENOBUFS to on_read
			return;
		}
		c->in = in;
		c->in_cap = cap;
	}
	*buf = uv_buf_init((char *)c->in + c->in_len, (unsigned)(c->in_cap - c->in_len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct spore__rpc_connection *c = (struct spore__rpc_connection *)stream;
	(void)buf;
	if (n > 0) {
		c->in_len += (size_t)n;
		take_messages(c);
	} else if (n < 0) {
		if (c->in_flight > 0 && n == UV_EOF && unsent(c) > 0)
			end_connection(c); // a peer that only closed its writing side still wants its answers
		else
			close_connection(c);
	}
}

static struct spore__rpc_connection *create_connection(struct spore__rpc_service *s)
{
	struct spore__rpc_connection *c = calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	if (uv_pipe_init(s->loop, &c->pipe, 0) != 0) {
		free(c);
		return NULL;
	}
	c->service = s;
	c->next = s->connections;
	if (s->connections != NULL)
		s->connections->previous = c;
	s->connections = c;
	s->connection_count++;
	return c;
}

// Has it sent something that was not read yet?
static bool has_unread(const struct spore__rpc_connection *c)
{
	uv_os_fd_t fd;
	char byte;
	return uv_fileno((const uv_handle_t *)&c->pipe, &fd) == 0 && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

// Who has connected and not greeted keeps nobody out. False: all have.
static bool make_room(const struct spore__rpc_service *s, const struct spore__rpc_connection *newest)
{
	struct spore__rpc_connection *oldest = NULL;
	for (struct spore__rpc_connection *c = s->connections; c != NULL; c = c->next)
		if (c != newest && !c->greeted && !has_unread(c))
			oldest = c;
	if (oldest == NULL)
		return false;
	spore__rpc_send_error(oldest, 0, SPORE_EBUSY, too_many, false);
	close_connection(oldest);
	return true;
}

static int begin_connection(struct spore__rpc_connection *c)
{
	uv_os_fd_t fd;
	uid_t uid;
	int err = uv_fileno((uv_handle_t *)&c->pipe, &fd);
	if (err == 0 && (spore__os_peer_uid(fd, &uid) != 0 || uid != getuid()))
		err = UV_EACCES;
	if (err == 0)
		err = uv_read_start((uv_stream_t *)&c->pipe, on_room, on_read);
	if (err == 0 && c->service->connection_count > SPORE__RPC_MAX_CONNECTIONS && !make_room(c->service, c)) {
		// 0 is the id of the hello that is on its way from our own clients.
		spore__rpc_send_error(c, 0, SPORE_EBUSY, too_many, false);
		err = UV_EAGAIN;
	}
	return err;
}

int spore__rpc_service_add(struct spore__rpc_service *s, int fd)
{
	struct spore__rpc_connection *c = create_connection(s);
	if (c == NULL)
		return UV_ENOMEM;
	int err = uv_pipe_open(&c->pipe, fd);
	if (err == 0) {
		if (begin_connection(c) != 0)
			close_connection(c);
		return 0;
	}
	close_connection(c);
	return err;
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct spore__rpc_service *s = listener->data;
	if (status != 0)
		return;
	struct spore__rpc_connection *c = create_connection(s);
	if (c == NULL) {
		// Not accepted, libuv would wait for ever: make room by turning this one away.
		uv_pipe_t *refused = malloc(sizeof *refused);
		if (refused != NULL && uv_pipe_init(s->loop, refused, 0) == 0) {
			(void)uv_accept(listener, (uv_stream_t *)refused);
			uv_close((uv_handle_t *)refused, free_handle);
		}
		return;
	}
	if (uv_accept(listener, (uv_stream_t *)&c->pipe) != 0 || begin_connection(c) != 0)
		close_connection(c);
}

static void close_listener(struct spore__rpc_service *s)
{
	if (s->listener != NULL)
		uv_close((uv_handle_t *)s->listener, free_handle);
	s->listener = NULL;
}

int spore__rpc_service_listen(struct spore__rpc_service *s, int fd)
{
	uv_pipe_t *listener = malloc(sizeof *listener);
	int err = listener != NULL ? uv_pipe_init(s->loop, listener, 0) : UV_ENOMEM;
	if (err != 0) {
		free(listener);
		close(fd);
		return err;
	}
	listener->data = s;
	err = uv_pipe_open(listener, fd);
	if (err != 0)
		close(fd);
	else
		err = uv_listen((uv_stream_t *)listener, 128, on_connection);
	if (err != 0) {
		uv_close((uv_handle_t *)listener, free_handle);
		return err;
	}
	close_listener(s);
	s->listener = listener;
	return 0;
}

void spore__rpc_service_close(struct spore__rpc_service *s)
{
	close_listener(s);
	while (s->connections != NULL)
		close_connection(s->connections);
}
