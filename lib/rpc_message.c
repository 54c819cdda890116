#include "rpc_message.h"

#include <string.h>

static bool read_id(struct spore__msgpack_reader *r, uint32_t *id)
{
	int64_t n;
	if (spore__msgpack_read_int(r, &n) != SPORE__MSGPACK_OK || n < 0 || n > UINT32_MAX)
		return false;
	*id = (uint32_t)n;
	return true;
}

static bool read_call(struct spore__msgpack_reader *r, struct spore__rpc_message *m)
{
	if (spore__msgpack_read_str(r, &m->method, &m->method_len) != SPORE__MSGPACK_OK)
		return false;
	m->params = *r;
	struct spore__msgpack_value v;
	return spore__msgpack_read(r, &v) == SPORE__MSGPACK_OK &&
	       (v.type == SPORE__MSGPACK_ARRAY || v.type == SPORE__MSGPACK_MAP);
}

static bool read_response(struct spore__msgpack_reader *r, struct spore__rpc_message *m)
{
	struct spore__msgpack_value v;
	m->error = *r;
	struct spore__msgpack_reader at = *r;
	if (spore__msgpack_read(&at, &v) != SPORE__MSGPACK_OK || spore__msgpack_skip(r) != SPORE__MSGPACK_OK)
		return false;
	m->failed = v.type != SPORE__MSGPACK_NIL;
	m->result = *r;
	return true;
}

// What nearly all are, in few steps: a call with a short name, a result. False: it is to be looked at closely.
static bool parse_near(const unsigned char *at, size_t len, struct spore__rpc_message *m)
{
	enum { LEAST = 5, REQUEST = 0x94, NOTIFICATION = 0x93, STR = 0xa0, NIL = 0xc0 };
	const unsigned char *end = at + len;
	if (len < LEAST)
		return false;
	unsigned first = at[0], kind = at[1];
	at += 2;
	if (first == REQUEST && kind <= SPORE__RPC_RESPONSE) {
		enum { WIDE = 5 };
		struct spore__msgpack_reader r = {at, end};
		if (*at == 0xce && end - at > WIDE) {
			m->id = (uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 8 | at[4];
			at += WIDE;
		} else if (read_id(&r, &m->id)) {
			at = r.at;
		} else {
			return false;
		}
	} else if (first != NOTIFICATION || kind != SPORE__RPC_NOTIFICATION) {
		return false;
	}
	if (at == end)
		return false;
	unsigned next = *at++;
	m->kind = (enum spore__rpc_kind)kind;
	if (kind == SPORE__RPC_RESPONSE) {
		m->result = (struct spore__msgpack_reader){at, end};
		return next == NIL && spore__msgpack_check_within(at, (size_t)(end - at)) == SPORE__MSGPACK_OK;
	}
	m->method = (const char *)at;
	m->method_len = next - STR;
	if (next < STR || next >= STR + 32U || m->method_len >= (size_t)(end - at))
		return false;
	at += m->method_len;
	m->params = (struct spore__msgpack_reader){at, end};
	bool many = (*at >= 0x80 && *at < 0xa0) || *at >= 0xdc; // an array or a map
	return many && *at < 0xe0 && spore__msgpack_check_within(at, (size_t)(end - at)) == SPORE__MSGPACK_OK;
}

enum spore_err spore__rpc_parse(const void *bytes, size_t len, struct spore__rpc_message *m)
{
	uint32_t count;
	int64_t kind;
	*m = (struct spore__rpc_message){.kind = SPORE__RPC_NOTIFICATION};
	if (parse_near(bytes, len, m))
		return SPORE_OK;
	*m = (struct spore__rpc_message){.kind = SPORE__RPC_NOTIFICATION};
	if (spore__msgpack_check(bytes, len) != SPORE__MSGPACK_OK)
		return SPORE_EMALFORMED;
	struct spore__msgpack_reader r = spore__msgpack_reader(bytes, len);
	if (spore__msgpack_read_array(&r, &count) != SPORE__MSGPACK_OK || count == 0 ||
	    spore__msgpack_read_int(&r, &kind) != SPORE__MSGPACK_OK)
		return SPORE_EMALFORMED;
	bool good = false;
	if (kind == SPORE__RPC_REQUEST) {
		if (count < 2 || !read_id(&r, &m->id))
			return SPORE_EMALFORMED;
		m->kind = SPORE__RPC_REQUEST;
		good = count == 4 && read_call(&r, m);
	} else if (kind == SPORE__RPC_RESPONSE) {
		m->kind = SPORE__RPC_RESPONSE;
		good = count == 4 && read_id(&r, &m->id) && read_response(&r, m);
	} else if (kind == SPORE__RPC_NOTIFICATION) {
		good = count == 3 && read_call(&r, m);
	}
	return good ? SPORE_OK : SPORE_EMALFORMED;
}

// [KIND, ID, of four in all. The bytes are those that the writer would choose.
static void begin_answerable(struct spore__msgpack_writer *w, enum spore__rpc_kind kind, uint32_t id)
{
	enum { MOST = 7 };
	unsigned char *at = id > UINT16_MAX ? spore__msgpack_room(w, MOST) : NULL;
	if (at == NULL) {
		spore__msgpack_array(w, 4);
		spore__msgpack_int(w, kind);
		spore__msgpack_uint(w, id);
		return;
	}
	const unsigned char head[MOST] = {0x94,
	                                  (unsigned char)kind,
	                                  0xce,
	                                  (unsigned char)(id >> 24),
	                                  (unsigned char)(id >> 16),
	                                  (unsigned char)(id >> 8),
	                                  (unsigned char)id};
	memcpy(at, head, MOST);
	w->len += MOST;
}

void spore__rpc_begin_request(struct spore__msgpack_writer *w, uint32_t id, const char *method)
{
	spore__rpc_begin_request_of(w, id, method, strlen(method));
}

void spore__rpc_begin_request_of(struct spore__msgpack_writer *w, uint32_t id, const char *method, size_t len)
{
	enum { STR = 0xa0, SHORT = 31 };
	begin_answerable(w, SPORE__RPC_REQUEST, id);
	unsigned char *at = len <= SHORT ? spore__msgpack_room(w, 1 + len) : NULL;
	if (at == NULL) {
		spore__msgpack_strn(w, method, (uint32_t)len);
		return;
	}
	*at++ = (unsigned char)(STR | len);
	for (size_t i = 0; i < len; i++)
		at[i] = (unsigned char)method[i];
	w->len += 1 + len;
}

void spore__rpc_begin_notification(struct spore__msgpack_writer *w, const char *method)
{
	spore__msgpack_array(w, 3);
	spore__msgpack_int(w, SPORE__RPC_NOTIFICATION);
	spore__msgpack_str(w, method);
}

void spore__rpc_begin_result(struct spore__msgpack_writer *w, uint32_t id)
{
	begin_answerable(w, SPORE__RPC_RESPONSE, id);
	spore__msgpack_nil(w);
}

void spore__rpc_begin_error(struct spore__msgpack_writer *w, uint32_t id, int64_t code, const char *message,
                            uint32_t len)
{
	begin_answerable(w, SPORE__RPC_RESPONSE, id);
	spore__msgpack_array(w, 3);
	spore__msgpack_int(w, code);
	spore__msgpack_strn(w, message, len);
}

void spore__rpc_end_error(struct spore__msgpack_writer *w)
{
	spore__msgpack_nil(w);
}

void spore__rpc_write_error(struct spore__msgpack_writer *w, uint32_t id, int64_t code, const char *message)
{
	spore__rpc_begin_error(w, id, code, message, (uint32_t)strlen(message));
	spore__msgpack_nil(w);
	spore__rpc_end_error(w);
}

bool spore__rpc_param_at(const struct spore__msgpack_reader *params, uint32_t index, const char *name,
                         struct spore__msgpack_reader *at)
{
	struct spore__msgpack_reader r = *params;
	struct spore__msgpack_value v;
	uint32_t count;
	if (spore__msgpack_read_array(&r, &count) == SPORE__MSGPACK_OK) {
		if (index >= count)
			return false;
		for (; index > 0; index--)
			if (spore__msgpack_skip(&r) != SPORE__MSGPACK_OK)
				return false;
	} else if (!spore__msgpack_find(params, name, &r)) {
		return false;
	}
	*at = r;
	return spore__msgpack_read(&r, &v) == SPORE__MSGPACK_OK && v.type != SPORE__MSGPACK_NIL;
}

bool spore__rpc_param(const struct spore__msgpack_reader *params, uint32_t index, const char *name,
                      struct spore__msgpack_value *value)
{
	struct spore__msgpack_reader at;
	return spore__rpc_param_at(params, index, name, &at) && spore__msgpack_read(&at, value) == SPORE__MSGPACK_OK;
}

void spore__rpc_read_error(const struct spore__msgpack_reader *error, int64_t *code, const char **text, uint32_t *len,
                           struct spore__msgpack_reader *data)
{
	struct spore__msgpack_reader r = *error;
	struct spore__msgpack_reader none = {r.at, r.at};
	uint32_t count;
	*code = SPORE_ESYSTEM;
	*text = "";
	*len = 0;
	if (data != NULL)
		*data = none;
	if (spore__msgpack_read_array(&r, &count) != SPORE__MSGPACK_OK) {
		(void)spore__msgpack_read_str(&r, text, len); // other servers send a bare string
		return;
	}
	if (count == 0 || spore__msgpack_read_int(&r, code) != SPORE__MSGPACK_OK || count == 1 ||
	    spore__msgpack_read_str(&r, text, len) != SPORE__MSGPACK_OK || count == 2)
		return;
	const unsigned char *from = r.at;
	if (data != NULL && spore__msgpack_skip(&r) == SPORE__MSGPACK_OK && *from != 0xc0) // which is nil
		*data = (struct spore__msgpack_reader){from, r.at};
}
