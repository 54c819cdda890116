// Calls a method of a program, as the other end of its port, or of the node.
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "chan/chan.h"
#include "look/call.h"
#include "look/join.h"
#include "look/look.h"
#include "node/meet.h"
#include "rpc/client.h"
#include "spore/rpc.h"

static const char describe[] = "$/describe";

struct calling {
	const struct spore__look *look;
	const char *method;
};

static void print_result(const struct calling *c, struct spore__msgpack_reader result)
{
	if (c->look->names)
		spore__call_print_names(result, "methods", false);
	else if (c->look->describe && !c->look->json)
		spore__call_print_methods(result);
	else
		spore__call_print(result, c->look->json && !c->look->describe ? "result" : NULL);
}

static int status_of(void)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? SPORE__EXIT_OK : SPORE__EXIT_SPORE;
}

// ---- the node

static int call_node(const struct calling *c, const struct spore__msgpack_writer *params)
{
	enum { FOR_EVER_MS = 1000 * 60 * 60 * 24 };
	struct spore__rpc_client client;
	int status = spore__node_meet(&client, true);
	if (status != 0)
		return status;
	client.timeout_ms = c->look->timeout_ms >= 0 ? c->look->timeout_ms : FOR_EVER_MS;
	enum spore_err e = spore__rpc_client_call(&client, c->method, params->data, params->len);
	if (e == SPORE_OK) {
		print_result(c, client.m.result);
		status = status_of();
	} else {
		struct spore__msgpack_reader data = {NULL, NULL};
		int64_t code = e;
		const char *text;
		uint32_t len = 0;
		if (client.m.failed) // it was answered
			spore__rpc_read_error(&client.m.error, &code, &text, &len, &data);
		if (len == 0) {
			text = client.why;
			len = (uint32_t)strlen(client.why);
		}
		spore__call_print_error(c->method, c->look->json, code, text, len, data);
		status = SPORE__EXIT_FAILED;
	}
	spore__node_part(&client);
	return status;
}

// What can be called. Silent about what goes wrong.
static int print_ports(void)
{
	enum { MOST = 1000 }; // answers
	struct spore__rpc_client client;
	struct spore__msgpack_value next = {.type = SPORE__MSGPACK_INT};
	struct spore__msgpack_reader at;
	puts("node");
	if (spore__node_meet(&client, false) != 0)
		return status_of();
	for (int i = 0; i < MOST && next.type == SPORE__MSGPACK_INT; i++) {
		struct spore__msgpack_writer w = {0};
		spore__msgpack_array(&w, 1);
		spore__msgpack_int(&w, next.i);
		bool ok = w.err == 0 && spore__rpc_client_call(&client, "ports.list", w.data, w.len) == SPORE_OK;
		spore__msgpack_writer_finish(&w);
		if (!ok)
			break;
		spore__call_print_names(client.m.result, "ports", true);
		if (!spore__msgpack_find(&client.m.result, "next", &at) ||
		    spore__msgpack_read(&at, &next) != SPORE__MSGPACK_OK)
			break;
	}
	spore__node_part(&client);
	return status_of();
}

// ---- a program

static void print_item(struct spore_rpc_ask *a, struct spore_reader value, void *arg)
{
	(void)a;
	const struct calling *c = arg;
	spore__call_print((struct spore__msgpack_reader){value.at, value.end}, c->look->json ? "item" : NULL);
}

static void print_progress(struct spore_rpc_ask *a, struct spore_reader value, void *arg)
{
	(void)a;
	(void)arg;
	char text[512];
	spore_value_print(&value, text, sizeof text);
	(void)fprintf(stderr, "progress: %s\n", text);
}

static const char *remedy_of(const struct spore_rpc_error *why)
{
	switch (why->code) {
	case SPORE_ECLOSED:
	case SPORE_EEND:
	case SPORE_ERETURNED:
		return why->peer ? NULL : "'spore ps' says what became of the task";
	case SPORE_EMALFORMED:
		return "'spore wires' shows the protocol of the port: this is for rpc and msgpack-rpc";
	case SPORE_ENOTFOUND:
		return "'spore call NAME.PORT --describe' shows its methods";
	default:
		return NULL;
	}
}

static int print_failure(const struct calling *c, const struct spore_rpc_error *why)
{
	const struct spore__msgpack_reader data = {why->data.at, why->data.end};
	const char *remedy = remedy_of(why);
	spore__call_print_error(c->method, c->look->json, why->code, why->text, why->text_len, data);
	if (remedy != NULL && !c->look->json)
		(void)fprintf(stderr, "  %s\n", remedy);
	return SPORE__EXIT_FAILED;
}

static int call(const struct calling *c, struct spore_rpc *r, const struct spore__msgpack_writer *params)
{
	struct spore_rpc_ask *a;
	struct spore_writer *w;
	struct spore_reader result;
	enum spore_err e = spore_rpc_ask(r, c->method, 0, &a, &w);
	if (e != SPORE_OK)
		spore__die(SPORE__EXIT_SPORE, NULL, "call: %s: %s", c->method, spore_err_text(e));
	spore_write_raw(w, params->data, params->len);
	spore_rpc_on_item(a, print_item, (void *)c);
	spore_rpc_on_progress(a, print_progress, (void *)c);
	int timeout = c->look->timeout_ms > 0 ? c->look->timeout_ms : c->look->timeout_ms == 0 ? 1 : SPORE_FOREVER;
	do
		e = spore_rpc_wait(a, timeout, &result);
	while (e == SPORE_ECANCELLED && spore_rpc_why(a)->code == SPORE_OK); // a signal
	int status;
	if (e == SPORE_OK) {
		print_result(c, (struct spore__msgpack_reader){result.at, result.end});
		status = status_of();
	} else {
		status = print_failure(c, spore_rpc_why(a));
	}
	spore_rpc_end(a);
	return status;
}

static int call_program(const struct calling *c, const struct spore__msgpack_writer *params)
{
	struct spore__joint j;
	struct spore_rpc *r;
	struct spore_chan_stats stats;
	spore__look_join(&j, c->look, false);
	spore_chan_stats(j.chan, &stats);
	if (strcmp(stats.transport, "bytes") == 0)
		spore__chan_set_bytes(j.chan);
	struct spore_chan *chan = j.chan;
	j.chan = NULL; // the conversation's
	enum spore_err e = spore_rpc_create(chan, NULL, &r);
	if (e != SPORE_OK)
		spore__die(SPORE__EXIT_SPORE, NULL, "call: %s", spore_err_text(e));
	int status = call(c, r, params);
	spore_rpc_close(r);
	return spore__look_leave(&j, status);
}

int spore__look_call(const struct spore__look *look)
{
	struct calling c = {.look = look, .method = look->operands[0] != NULL ? look->operands[1] : NULL};
	struct spore__msgpack_writer params = {0};
	char *const none[] = {NULL};
	if (look->operands[0] == NULL)
		return print_ports();
	if ((look->describe || look->names) && c.method != NULL)
		spore__die(SPORE__EXIT_USAGE, "leave the method out", "call: --describe and --names show all methods");
	if (look->describe || look->names)
		c.method = describe;
	if (c.method == NULL)
		spore__die(SPORE__EXIT_USAGE, "'spore call NAME.PORT --describe' shows them", "call: which method?");
	if (c.method[0] == '\0' || strlen(c.method) > 255)
		spore__die(SPORE__EXIT_USAGE, NULL, "call: %s: this is no name of a method", c.method);
	spore__call_params(&params, c.method == describe ? none : look->operands + 2);
	if (params.err != 0)
		spore__die(SPORE__EXIT_SPORE, NULL, "call: out of memory");
	int status = strcmp(look->operands[0], "node") == 0 ? call_node(&c, &params) : call_program(&c, &params);
	spore__msgpack_writer_finish(&params);
	return status;
}
