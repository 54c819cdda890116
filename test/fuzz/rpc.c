// The messages of the rpc on any bytes: what is read as a message is read as the same one when it is written again.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rpc_message.h"
#include "target.h"

static size_t length(struct spore__msgpack_reader r)
{
	const unsigned char *from = r.at;
	check(spore__msgpack_skip(&r) == SPORE__MSGPACK_OK);
	return (size_t)(r.at - from);
}

static void look_at_params(const struct spore__rpc_message *m)
{
	struct spore__msgpack_value v;
	for (uint32_t i = 0; i < 4; i++)
		(void)spore__rpc_param(&m->params, i, "source", &v);
}

static void look_at_error(const struct spore__rpc_message *m)
{
	int64_t code;
	const char *text;
	uint32_t len;
	spore__rpc_read_error(&m->error, &code, &text, &len, NULL);
	check(len == 0 || (text > (const char *)m->error.at && text + len <= (const char *)m->error.end));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spore__rpc_message m, again;
	struct spore__msgpack_writer w = {0};
	char method[256];
	if (spore__rpc_parse(data, size, &m) != SPORE_OK)
		return 0;
	if (m.kind == SPORE__RPC_RESPONSE) {
		look_at_error(&m);
		if (m.failed)
			return 0;
		spore__rpc_begin_result(&w, m.id);
		spore__msgpack_raw(&w, m.result.at, length(m.result));
	} else {
		look_at_params(&m);
		if (m.method_len >= sizeof method || memchr(m.method, '\0', m.method_len) != NULL)
			return 0;
		memcpy(method, m.method, m.method_len);
		method[m.method_len] = '\0';
		if (m.kind == SPORE__RPC_REQUEST)
			spore__rpc_begin_request(&w, m.id, method);
		else
			spore__rpc_begin_notification(&w, method);
		spore__msgpack_raw(&w, m.params.at, length(m.params));
	}
	if (w.err == 0) {
		check(spore__rpc_parse(w.data, w.len, &again) == SPORE_OK);
		check(again.kind == m.kind && again.id == m.id && again.method_len == m.method_len);
	}
	spore__msgpack_writer_finish(&w);
	return 0;
}
