#include "task/hold_protocol.h"

#include <stdbool.h>

enum { HEAD = 4 };

enum items { ITEMS_NONE, ITEMS_HELLO, ITEMS_REFUSE, ITEMS_NUMBER, ITEMS_SIZE, ITEMS_BYTES, ITEMS_MAP };

static const struct {
	const char *name;
	enum items items;
} messages[] = {
    [SPORE__HOLD_UNKNOWN] = {NULL, ITEMS_NONE},        [SPORE__HOLD_HELLO] = {"hello", ITEMS_HELLO},
    [SPORE__HOLD_REFUSE] = {"refuse", ITEMS_REFUSE},   [SPORE__HOLD_STOP] = {"stop", ITEMS_NUMBER},
    [SPORE__HOLD_KILL] = {"kill", ITEMS_NONE},         [SPORE__HOLD_RESTART] = {"restart", ITEMS_NONE},
    [SPORE__HOLD_SIGNAL] = {"signal", ITEMS_NUMBER},   [SPORE__HOLD_UPDATE] = {"update", ITEMS_MAP},
    [SPORE__HOLD_LEAVING] = {"leaving", ITEMS_NONE},   [SPORE__HOLD_ATTACH] = {"attach", ITEMS_SIZE},
    [SPORE__HOLD_INPUT] = {"input", ITEMS_BYTES},      [SPORE__HOLD_RESIZE] = {"resize", ITEMS_SIZE},
    [SPORE__HOLD_STATE] = {"state", ITEMS_MAP},        [SPORE__HOLD_OUTPUT_BYTES] = {"output", ITEMS_BYTES},
    [SPORE__HOLD_SKIPPED] = {"skipped", ITEMS_NUMBER},
};

enum { MESSAGES = sizeof messages / sizeof messages[0] };

static const char feature_node[] = "node";

static enum spore__hold_type type_of(const struct spore__msgpack_value *name)
{
	for (size_t i = SPORE__HOLD_HELLO; i < MESSAGES; i++)
		if (spore__msgpack_is(name, messages[i].name))
			return (enum spore__hold_type)i;
	return SPORE__HOLD_UNKNOWN;
}

static bool take_bytes(struct spore__msgpack_reader *r, struct spore__hold_message *m)
{
	struct spore__msgpack_value v;
	if (spore__msgpack_read(r, &v) != SPORE__MSGPACK_OK ||
	    (v.type != SPORE__MSGPACK_STR && v.type != SPORE__MSGPACK_BIN))
		return false;
	m->bytes = v.s.bytes;
	m->len = v.s.len;
	return true;
}

static bool take_map(struct spore__msgpack_reader *r, struct spore__hold_message *m)
{
	struct spore__msgpack_reader before = *r, at = *r;
	uint32_t count;
	if (spore__msgpack_read_map(&at, &count) != SPORE__MSGPACK_OK || spore__msgpack_skip(r) != SPORE__MSGPACK_OK)
		return false;
	m->map = (struct spore__msgpack_reader){.at = before.at, .end = r->at};
	return true;
}

static bool take_features(struct spore__msgpack_reader *r, struct spore__hold_message *m)
{
	uint32_t count;
	if (spore__msgpack_read_array(r, &count) != SPORE__MSGPACK_OK)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		struct spore__msgpack_reader at = *r;
		struct spore__msgpack_value v;
		if (spore__msgpack_skip(r) != SPORE__MSGPACK_OK || spore__msgpack_read(&at, &v) != SPORE__MSGPACK_OK)
			return false;
		m->node |= spore__msgpack_is(&v, feature_node);
	}
	return true;
}

// R is behind the name.
static bool take_items(struct spore__msgpack_reader *r, struct spore__hold_message *m)
{
	switch (messages[m->type].items) {
	case ITEMS_NONE:
		return true;
	case ITEMS_HELLO:
		return spore__msgpack_read_int(r, &m->number) == SPORE__MSGPACK_OK && take_features(r, m);
	case ITEMS_REFUSE:
		return spore__msgpack_read_int(r, &m->number) == SPORE__MSGPACK_OK && take_bytes(r, m);
	case ITEMS_NUMBER:
		return spore__msgpack_read_int(r, &m->number) == SPORE__MSGPACK_OK;
	case ITEMS_SIZE:
		return spore__msgpack_read_int(r, &m->number) == SPORE__MSGPACK_OK &&
		       spore__msgpack_read_int(r, &m->columns) == SPORE__MSGPACK_OK;
	case ITEMS_BYTES:
		return take_bytes(r, m);
	case ITEMS_MAP:
		return take_map(r, m);
	}
	return false;
}

enum spore_err spore__hold_decode(const void *bytes, size_t len, struct spore__hold_message *m, size_t *used)
{
	const unsigned char *p = bytes;
	struct spore__msgpack_value name;
	uint32_t count;
	if (len < HEAD)
		return SPORE_EAGAIN;
	size_t body = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
	if (body > SPORE__HOLD_FRAME - HEAD)
		return SPORE_ETOOBIG;
	if (len - HEAD < body)
		return SPORE_EAGAIN;
	if (spore__msgpack_check(p + HEAD, body) != SPORE__MSGPACK_OK)
		return SPORE_EMALFORMED;
	struct spore__msgpack_reader r = spore__msgpack_reader(p + HEAD, body);
	if (spore__msgpack_read_array(&r, &count) != SPORE__MSGPACK_OK || count == 0 ||
	    spore__msgpack_read(&r, &name) != SPORE__MSGPACK_OK || name.type != SPORE__MSGPACK_STR)
		return SPORE_EMALFORMED;
	*m = (struct spore__hold_message){.type = type_of(&name), .bytes = (const unsigned char *)""};
	if (!take_items(&r, m))
		return SPORE_EMALFORMED;
	*used = HEAD + body;
	return SPORE_OK;
}

// ---- encoding

static size_t begin(struct spore__msgpack_writer *w, enum spore__hold_type type, uint32_t items)
{
	size_t at = w->len;
	spore__msgpack_raw(w, "\0\0\0\0", HEAD);
	spore__msgpack_array(w, 1 + items);
	spore__msgpack_str(w, messages[type].name);
	return at;
}

static void end(struct spore__msgpack_writer *w, size_t at)
{
	if (w->err != 0)
		return;
	size_t body = w->len - at - HEAD;
	for (unsigned i = 0; i < HEAD; i++)
		w->data[at + i] = (unsigned char)(body >> (8 * i));
}

void spore__hold_put(struct spore__msgpack_writer *w, enum spore__hold_type type)
{
	end(w, begin(w, type, 0));
}

static void put_hello(struct spore__msgpack_writer *w, const char *feature)
{
	size_t at = begin(w, SPORE__HOLD_HELLO, 3);
	spore__msgpack_int(w, SPORE__HOLD_MAJOR);
	spore__msgpack_array(w, feature != NULL);
	if (feature != NULL)
		spore__msgpack_str(w, feature);
	spore__msgpack_map(w, 0);
	end(w, at);
}

void spore__hold_put_hello(struct spore__msgpack_writer *w)
{
	put_hello(w, NULL);
}

void spore__hold_put_hello_node(struct spore__msgpack_writer *w)
{
	put_hello(w, feature_node);
}

void spore__hold_put_refuse(struct spore__msgpack_writer *w, enum spore_err code, const char *text)
{
	size_t at = begin(w, SPORE__HOLD_REFUSE, 2);
	spore__msgpack_int(w, (int64_t)code);
	spore__msgpack_str(w, text);
	end(w, at);
}

void spore__hold_put_number(struct spore__msgpack_writer *w, enum spore__hold_type type, int64_t number)
{
	size_t at = begin(w, type, 1);
	spore__msgpack_int(w, number);
	end(w, at);
}

void spore__hold_put_size(struct spore__msgpack_writer *w, enum spore__hold_type type, int64_t rows, int64_t columns)
{
	size_t at = begin(w, type, 2);
	spore__msgpack_int(w, rows);
	spore__msgpack_int(w, columns);
	end(w, at);
}

void spore__hold_put_bytes(struct spore__msgpack_writer *w, enum spore__hold_type type, const void *bytes, uint32_t len)
{
	size_t at = begin(w, type, 1);
	spore__msgpack_bin(w, bytes, len);
	end(w, at);
}

void spore__hold_put_map(struct spore__msgpack_writer *w, enum spore__hold_type type, const void *map, size_t len)
{
	size_t at = begin(w, type, 1);
	spore__msgpack_raw(w, map, len);
	end(w, at);
}
